/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_score.c - which of the nodes that can take a pod it gets.
 * Mirrors: kubernetes v1.36 pkg/scheduler/framework/plugins (noderesources least allocated and
 *   balanced allocation, podtopologyspread scoring, nodeaffinity, tainttoleration,
 *   interpodaffinity), weights of the default profile.
 * Simplified: no image locality; preferred terms of pods that are already there do not count; the
 *   built-in spreading counts the pods of the same controller instead of those that its Services
 *   and its owner's selector match. Effect: placement among nodes that all fit.
 * State: none.
 */
#include "models/control/scheduler.h"

#define DEFAULT_CPU_MILLI    100
#define DEFAULT_MEMORY_BYTES (INT64_C(200) * 1024 * 1024)
#define HOST_SKEW            3
#define ZONE_SKEW            5

enum { WEIGHT_RESOURCES = 1, WEIGHT_SPREAD = 2, WEIGHT_AFFINITY = 2, WEIGHT_TAINTS = 3 };

void pod_scored_requests(const PodSpec *spec, int64_t *ret_cpu, int64_t *ret_memory)
{
    int64_t cpu = 0, memory = 0;
    for (uint32_t i = 0; i < spec->container_count; i++) {
        const ContainerView *container = &spec->containers[i];
        if (container->is_init && !container->is_sidecar) continue;
        cpu += container->cpu_milli > 0 ? container->cpu_milli : DEFAULT_CPU_MILLI;
        memory += container->memory_bytes > 0 ? container->memory_bytes : DEFAULT_MEMORY_BYTES;
    }
    *ret_cpu = MAX(cpu, spec->cpu_milli);
    *ret_memory = MAX(memory, spec->memory_bytes);
}

static int64_t free_percent(int64_t used, int64_t capacity)
{
    if (capacity <= 0 || used > capacity) return 0;
    return (int64_t)((double)(capacity - used) * 100.0 / (double)capacity);
}

static double fraction(int64_t used, int64_t capacity)
{
    if (capacity <= 0 || used >= capacity) return 1.0;
    return (double)used / (double)capacity;
}

static int64_t score_resources(const Cycle *cycle, const NodeRecord *node)
{
    const NodeView *view = node_view(node->node);
    const PodSpec *spec = cycle->spec;
    int64_t cpu, memory;
    pod_scored_requests(spec, &cpu, &memory);
    int64_t least = (free_percent(node->scored_cpu + cpu, view->cpu_milli) +
                     free_percent(node->scored_memory + memory, view->memory_bytes)) /
                    2;
    if (spec->cpu_milli == 0 && spec->memory_bytes == 0) return least;
    double a = fraction(node->cpu_milli + spec->cpu_milli, view->cpu_milli);
    double b = fraction(node->memory_bytes + spec->memory_bytes, view->memory_bytes);
    double deviation = (a > b ? a - b : b - a) / 2;
    return least + (int64_t)((1.0 - deviation) * 100.0);
}

/* --- spreading --- */

/* How often the soft constraints of a pod are met in each domain. */
typedef struct {
    GHashTable *counts;
    double host_weight, zone_weight;
    Atom host, zone;
} Spread;

static uint64_t domain_key(const NodeRecord *node, Atom topology)
{
    Atom value = meta_label(object_meta(node->node), topology);
    return value == ATOM_NONE ? 0 : index_key(topology, value);
}

static unsigned count_domains(const GPtrArray *nodes, Atom topology)
{
    g_autoptr(GHashTable) seen = tally_new();
    for (unsigned i = 0; i < nodes->len; i++) {
        uint64_t key = domain_key((const NodeRecord *)g_ptr_array_index(nodes, i), topology);
        if (key != 0) tally_add(seen, key, 1);
    }
    return g_hash_table_size(seen);
}

/* Counts the pods of the same controller, the built-in constraints' stand-in for a selector. */
static bool spread_begin(const Cycle *cycle, const GPtrArray *nodes, Spread *spread)
{
    const Actor *actor = cycle->scheduler->actor;
    const OwnerRef *owner = object_meta(cycle->pod)->controller;
    if (owner == NULL || cycle->spread_count > 0) return false;
    *spread = (Spread){
        .counts = tally_new(),
        .host = actor_atom(actor, "kubernetes.io/hostname"),
        .zone = actor_atom(actor, "topology.kubernetes.io/zone"),
    };
    spread->host_weight = det_log((double)nodes->len + 2);
    spread->zone_weight = det_log((double)count_domains(nodes, spread->zone) + 2);
    ObjectList pods = actor_lookup(actor, INDEX_CONTROLLER, index_key(KIND_POD, owner->uid));
    for (unsigned i = 0; i < pods.count; i++) {
        const Object *pod = pods.items[i];
        Atom place = scheduler_place_of(cycle->scheduler, pod);
        const NodeRecord *node =
            place == ATOM_NONE ? NULL : scheduler_node(cycle->scheduler, place);
        if (node == NULL || node->node == NULL || object_is_terminating(pod)) continue;
        if (pod_is_terminal(pod_view(pod))) continue;
        tally_add(spread->counts, domain_key(node, spread->host), 1);
        tally_add(spread->counts, domain_key(node, spread->zone), 1);
    }
    return true;
}

/* Penalty of a node; the more of the kin are near, the larger. */
static int64_t spread_penalty(const Spread *spread, const NodeRecord *node)
{
    double penalty = 0;
    uint64_t host = domain_key(node, spread->host), zone = domain_key(node, spread->zone);
    if (host != 0) {
        penalty += (double)tally_get(spread->counts, host) * spread->host_weight + HOST_SKEW - 1;
    }
    if (zone != 0) {
        penalty += (double)tally_get(spread->counts, zone) * spread->zone_weight + ZONE_SKEW - 1;
    }
    return (int64_t)(penalty + 0.5);
}

/* --- preferences --- */

static int64_t prefer_node(const Cycle *cycle, const NodeRecord *node)
{
    const AtomTable *atoms = world_atoms(actor_world(cycle->scheduler->actor));
    int64_t sum = 0;
    for (unsigned i = 0; i < cycle->preferred_nodes.count; i++) {
        const NodeTerm *term = &cycle->preferred_nodes.terms[i];
        if (node_term_matches(term, atoms, node->node)) sum += term->weight;
    }
    return sum;
}

static int64_t soft_taints(const Cycle *cycle, const NodeRecord *node)
{
    const NodeView *view = node_view(node->node);
    int64_t count = 0;
    for (uint32_t i = 0; i < view->taint_count; i++) {
        const Taint *taint = &view->taints[i];
        if (taint->effect != EFFECT_PREFER_NO_SCHEDULE) continue;
        count += !tolerations_cover(cycle->spec, taint, NULL);
    }
    return count;
}

static int64_t prefer_pods(const Cycle *cycle, GHashTable *tally, const NodeRecord *node)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < cycle->preferred_pods.count; i++) {
        const PodTerm *term = &cycle->preferred_pods.terms[i];
        uint64_t domain = domain_key(node, term->topology);
        if (domain != 0) sum += tally_get(tally, mix64(domain) + i);
    }
    return sum;
}

static void count_preferred(const Cycle *cycle, unsigned index, GHashTable *tally)
{
    const PodTerm *term = &cycle->preferred_pods.terms[index];
    const Actor *actor = cycle->scheduler->actor;
    for (unsigned s = 0; s < term->space_count; s++) {
        ObjectList list = actor_lookup(actor, INDEX_SPACE, index_key(KIND_POD, term->spaces[s]));
        Atom key, value;
        if (term->selector != NULL && selector_pair(term->selector, &key, &value)) {
            list = actor_lookup(actor, INDEX_POD_LABEL, index_key3(term->spaces[s], key, value));
        }
        for (unsigned i = 0; i < list.count; i++) {
            Atom place = scheduler_place_of(cycle->scheduler, list.items[i]);
            const NodeRecord *node =
                place == ATOM_NONE ? NULL : scheduler_node(cycle->scheduler, place);
            if (node == NULL || node->node == NULL) continue;
            if (!pod_term_matches(term, list.items[i])) continue;
            uint64_t domain = domain_key(node, term->topology);
            if (domain != 0) tally_add(tally, mix64(domain) + index, term->weight);
        }
    }
}

/* Preferred affinity with its weights, then preferred anti-affinity with negative ones. */
static void compile_preferences(Cycle *cycle)
{
    static const char *const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    AtomTable *atoms = world_atoms(actor_world(cycle->scheduler->actor));
    const Value *affinity = cycle->spec->affinity;
    Atom space = cycle->pod->key.space;
    cycle->preferred_nodes =
        node_terms_compile(cycle->arena, atoms, value_find(affinity, "nodeAffinity", preferred));
    PodTerms near = pod_terms_compile(cycle->arena, atoms,
                                      value_find(affinity, "podAffinity", preferred), space);
    PodTerms far = pod_terms_compile(cycle->arena, atoms,
                                     value_find(affinity, "podAntiAffinity", preferred), space);
    PodTerm *terms = arena_new_array(cycle->arena, PodTerm, near.count + far.count + 1);
    for (unsigned i = 0; i < near.count; i++)
        terms[i] = near.terms[i];
    for (unsigned i = 0; i < far.count; i++) {
        terms[near.count + i] = far.terms[i];
        terms[near.count + i].weight = -far.terms[i].weight;
    }
    cycle->preferred_pods = (PodTerms){near.count + far.count, terms};
}

/* --- putting together --- */

/* Scales scores to 0..100, the least (or, reversed, the greatest) to 0, and adds them by weight. */
static void add_scaled(int64_t *totals, const int64_t *scores, unsigned count, int64_t weight,
                       bool is_reversed)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (unsigned i = 0; i < count; i++) {
        least = MIN(least, scores[i]);
        most = MAX(most, scores[i]);
    }
    if (least == most) return;
    for (unsigned i = 0; i < count; i++) {
        int64_t part = is_reversed ? most - scores[i] : scores[i] - least;
        totals[i] += weight * (100 * part / (most - least));
    }
}

static void add_preferences(Cycle *cycle, const GPtrArray *nodes, int64_t *totals, int64_t *scores)
{
    compile_preferences(cycle);
    if (cycle->preferred_nodes.count > 0) {
        for (unsigned i = 0; i < nodes->len; i++) {
            scores[i] = prefer_node(cycle, (const NodeRecord *)g_ptr_array_index(nodes, i));
        }
        add_scaled(totals, scores, nodes->len, WEIGHT_AFFINITY, false);
    }
    if (cycle->preferred_pods.count == 0) return;
    g_autoptr(GHashTable) tally = tally_new();
    for (unsigned i = 0; i < cycle->preferred_pods.count; i++)
        count_preferred(cycle, i, tally);
    for (unsigned i = 0; i < nodes->len; i++) {
        scores[i] = prefer_pods(cycle, tally, (const NodeRecord *)g_ptr_array_index(nodes, i));
    }
    add_scaled(totals, scores, nodes->len, WEIGHT_AFFINITY, false);
    pod_terms_clear(&cycle->preferred_pods);
}

static void add_spread(const Cycle *cycle, const GPtrArray *nodes, int64_t *totals, int64_t *scores)
{
    Spread spread;
    if (!spread_begin(cycle, nodes, &spread)) return;
    int64_t least = INT64_MAX, most = 0;
    for (unsigned i = 0; i < nodes->len; i++) {
        scores[i] = spread_penalty(&spread, (const NodeRecord *)g_ptr_array_index(nodes, i));
        least = MIN(least, scores[i]);
        most = MAX(most, scores[i]);
    }
    for (unsigned i = 0; i < nodes->len && most > 0; i++) {
        totals[i] += WEIGHT_SPREAD * (100 * (most + least - scores[i]) / most);
    }
    g_hash_table_unref(spread.counts);
}

/* One of the best, by lot: the same pod under the same seed draws the same lots. */
static unsigned choose_best(const Cycle *cycle, const int64_t *totals, unsigned count)
{
    int64_t most = INT64_MIN;
    unsigned equals = 0;
    for (unsigned i = 0; i < count; i++) {
        if (totals[i] > most) {
            most = totals[i];
            equals = 0;
        }
        equals += totals[i] == most;
    }
    const Dist second = {.shape = DIST_UNIFORM, .a = 0, .b = (double)NANOS_S};
    Nanos lot =
        world_draw(actor_world(cycle->scheduler->actor), &second, cycle->pod->ref, "schedule-tie");
    unsigned skip = (unsigned)((lot * (Nanos)equals) / NANOS_S);
    for (unsigned i = 0; i < count; i++) {
        if (totals[i] == most && skip-- == 0) return i;
    }
    return 0;
}

const NodeRecord *cycle_choose(Cycle *cycle, const GPtrArray *nodes)
{
    if (nodes->len == 1) return (const NodeRecord *)g_ptr_array_index(nodes, 0);
    int64_t *totals = arena_new_array(cycle->arena, int64_t, nodes->len);
    int64_t *scores = arena_new_array(cycle->arena, int64_t, nodes->len);
    for (unsigned i = 0; i < nodes->len; i++) {
        const NodeRecord *node = (const NodeRecord *)g_ptr_array_index(nodes, i);
        totals[i] = WEIGHT_RESOURCES * score_resources(cycle, node);
        scores[i] = soft_taints(cycle, node);
    }
    add_scaled(totals, scores, nodes->len, WEIGHT_TAINTS, true);
    add_spread(cycle, nodes, totals, scores);
    add_preferences(cycle, nodes, totals, scores);
    return (const NodeRecord *)g_ptr_array_index(nodes, choose_best(cycle, totals, nodes->len));
}
