/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_filter.c - which nodes can take a pod, and in upstream's words why the others cannot.
 * Mirrors: kubernetes v1.36 pkg/scheduler/framework/plugins (nodeunschedulable, tainttoleration,
 *   nodeaffinity, noderesources, volumerestrictions, interpodaffinity, podtopologyspread).
 * Simplified: host ports, extended resources, node volume limits and image locality are not looked
 *   at; minDomains and nodeTaintsPolicy of spread constraints are ignored. Effect: none for pods
 *   that use none of these.
 * State: none.
 */
#include "models/control/scheduler_volume.h"

#define REFUSE(text_, wakes_, is_unresolvable_) \
    ((Refusal){(text_), NULL, NULL, (wakes_), (is_unresolvable_)})
#define WAKE_PODS (WAKE_NODE | WAKE_POD_GONE | WAKE_POD_CAME)

GHashTable *tally_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

int64_t tally_get(GHashTable *tally, uint64_t key)
{
    const int64_t *count = tally_at(tally, key);
    return count == NULL ? 0 : *count;
}

void tally_add(GHashTable *tally, uint64_t key, int64_t by)
{
    int64_t *count = tally_at(tally, key);
    if (count == NULL) {
        count = g_new0(int64_t, 1);
        g_hash_table_insert(tally, g_memdup2(&key, sizeof key), count);
    }
    *count += by;
}

NodeRecord *scheduler_node(const Scheduler *scheduler, Atom name)
{
    return (NodeRecord *)g_hash_table_lookup(scheduler->node_by_name, GUINT_TO_POINTER(name));
}

/* --- pods that match a term --- */

static ObjectList candidates(const Cycle *cycle, const Selector *selector, Atom space)
{
    const Actor *actor = cycle->scheduler->actor;
    Atom key, value;
    if (selector != NULL && selector_pair(selector, &key, &value)) {
        return actor_lookup(actor, INDEX_POD_LABEL, index_key3(space, key, value));
    }
    return actor_lookup(actor, INDEX_SPACE, index_key(KIND_POD, space));
}

/* The key of a topology domain: what a node's label of this key says; 0 if it has none. */
static uint64_t domain_of(const Object *node, Atom topology)
{
    Atom value = meta_label(object_meta(node), topology);
    return value == ATOM_NONE ? 0 : index_key(topology, value);
}

/* The node of a pod that counts: assigned or assumed, and not ended. NULL if there is none. */
static const NodeRecord *record_of(const Cycle *cycle, const Object *pod)
{
    if (pod_is_terminal(pod_view(pod))) return NULL;
    Atom place = scheduler_place_of(cycle->scheduler, pod);
    if (place == ATOM_NONE) return NULL;
    const NodeRecord *node = scheduler_node(cycle->scheduler, place);
    return node == NULL || node->node == NULL ? NULL : node;
}

static bool matches_all(const PodTerms *terms, const Object *pod)
{
    for (unsigned i = 0; i < terms->count; i++) {
        if (!pod_term_matches(&terms->terms[i], pod)) return false;
    }
    return true;
}

/* Counts the pods that match a term by its topology; `all`: they must match these terms too. */
static void count_term(const Cycle *cycle, const PodTerm *term, const PodTerms *all,
                       GHashTable *tally)
{
    for (unsigned s = 0; s < term->space_count; s++) {
        ObjectList list = candidates(cycle, term->selector, term->spaces[s]);
        for (unsigned i = 0; i < list.count; i++) {
            const Object *pod = list.items[i];
            const NodeRecord *node = record_of(cycle, pod);
            if (node == NULL || !pod_term_matches(term, pod)) continue;
            if (all != NULL && !matches_all(all, pod)) continue;
            uint64_t domain = domain_of(node->node, term->topology);
            if (domain != 0) tally_add(tally, domain, 1);
        }
    }
}

/* --- guards: required anti-affinity of pods that are there --- */

static bool guard_key(const PodTerm *term, unsigned space, uint64_t *ret_key)
{
    Atom key, value;
    if (term->selector == NULL) return false;
    bool has_pair = selector_pair(term->selector, &key, &value);
    *ret_key = has_pair ? index_key3(term->spaces[space], key, value)
                        : index_key3(term->spaces[space], ATOM_NONE, ATOM_NONE);
    return true;
}

void guard_free(Guard *guard)
{
    pod_terms_clear(&guard->terms);
    arena_free(guard->arena);
    g_array_unref(guard->keys);
    g_free(guard);
}

void guard_add(Scheduler *scheduler, const Object *pod, Atom node)
{
    const Value *list = value_find(pod_view(pod)->spec->affinity, "podAntiAffinity",
                                   "requiredDuringSchedulingIgnoredDuringExecution");
    if (value_size(list) == 0) return;
    AtomTable *atoms = world_atoms(actor_world(scheduler->actor));
    Guard *guard = g_new0(Guard, 1);
    guard->key = pod->key;
    guard->node = node;
    guard->arena = arena_new();
    guard->terms = pod_terms_compile(guard->arena, atoms, list, pod->key.space);
    guard->keys = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_hash_table_insert(scheduler->guards, &guard->key, guard);
    for (unsigned t = 0; t < guard->terms.count; t++) {
        const PodTerm *term = &guard->terms.terms[t];
        uint64_t key;
        for (unsigned s = 0; s < term->space_count; s++) {
            if (!guard_key(term, s, &key)) continue;
            GPtrArray *bucket = (GPtrArray *)g_hash_table_lookup(scheduler->guard_index, &key);
            if (bucket == NULL) {
                bucket = g_ptr_array_new();
                g_hash_table_insert(scheduler->guard_index, g_memdup2(&key, sizeof key), bucket);
            }
            g_ptr_array_add(bucket, guard);
            g_array_append_val(guard->keys, key);
        }
    }
}

void guard_remove(Scheduler *scheduler, Key key)
{
    Guard *guard = (Guard *)g_hash_table_lookup(scheduler->guards, &key);
    if (guard == NULL) return;
    for (unsigned i = 0; i < guard->keys->len; i++) {
        uint64_t place = g_array_index(guard->keys, uint64_t, i);
        GPtrArray *bucket = (GPtrArray *)g_hash_table_lookup(scheduler->guard_index, &place);
        g_ptr_array_remove_fast(bucket, guard);
        if (bucket->len == 0) g_hash_table_remove(scheduler->guard_index, &place);
    }
    g_hash_table_remove(scheduler->guards, &key);
}

/* Marks the domains that guards found at one place of the index keep the pod out of. */
static void heed_guards(Cycle *cycle, uint64_t place)
{
    GPtrArray *bucket = (GPtrArray *)g_hash_table_lookup(cycle->scheduler->guard_index, &place);
    for (unsigned i = 0; bucket != NULL && i < bucket->len; i++) {
        const Guard *guard = (const Guard *)g_ptr_array_index(bucket, i);
        const NodeRecord *node = scheduler_node(cycle->scheduler, guard->node);
        if (node == NULL || node->node == NULL || key_equal(guard->key, cycle->pod->key)) continue;
        for (unsigned t = 0; t < guard->terms.count; t++) {
            const PodTerm *term = &guard->terms.terms[t];
            uint64_t domain = domain_of(node->node, term->topology);
            if (domain == 0 || !pod_term_matches(term, cycle->pod)) continue;
            tally_add(cycle->guarded, domain, 1);
        }
    }
}

/* --- what a cycle derives from its pod --- */

static void begin_affinity(Cycle *cycle, AtomTable *atoms)
{
    static const char *const required = "requiredDuringSchedulingIgnoredDuringExecution";
    const Value *affinity = cycle->spec->affinity;
    Atom space = cycle->pod->key.space;
    const Value *terms = value_find(affinity, "nodeAffinity", required, "nodeSelectorTerms");
    cycle->has_required = terms != NULL;
    cycle->required = node_terms_compile(cycle->arena, atoms, terms);
    cycle->affinity = pod_terms_compile(cycle->arena, atoms,
                                        value_find(affinity, "podAffinity", required), space);
    cycle->anti_affinity = pod_terms_compile(
        cycle->arena, atoms, value_find(affinity, "podAntiAffinity", required), space);
    for (unsigned i = 0; i < cycle->affinity.count; i++) {
        count_term(cycle, &cycle->affinity.terms[i], &cycle->affinity, cycle->affinity_counts);
    }
    cycle->is_first_of_affinity = cycle->affinity.count > 0 &&
                                  g_hash_table_size(cycle->affinity_counts) == 0 &&
                                  matches_all(&cycle->affinity, cycle->pod);
    for (unsigned i = 0; i < cycle->anti_affinity.count; i++) {
        count_term(cycle, &cycle->anti_affinity.terms[i], NULL, cycle->anti_counts);
    }
    if (g_hash_table_size(cycle->scheduler->guards) == 0) return;
    const Meta *meta = object_meta(cycle->pod);
    for (uint32_t i = 0; i < meta->label_count; i++) {
        heed_guards(cycle, index_key3(space, meta->labels[i].key, meta->labels[i].value));
    }
    heed_guards(cycle, index_key3(space, ATOM_NONE, ATOM_NONE));
}

static bool passes_node_affinity(const Cycle *cycle, const Object *node)
{
    const Meta *meta = object_meta(node);
    for (uint32_t i = 0; i < cycle->spec->node_selector_count; i++) {
        const Label *label = &cycle->spec->node_selector[i];
        if (meta_label(meta, label->key) != label->value) return false;
    }
    if (!cycle->has_required) return true;
    return node_terms_match(&cycle->required, world_atoms(actor_world(cycle->scheduler->actor)),
                            node);
}

/* The key of a domain under the i-th constraint. */
static uint64_t spread_key(unsigned constraint, uint64_t domain)
{
    return mix64(domain) + constraint;
}

static bool has_all_topologies(const Cycle *cycle, const Object *node)
{
    for (unsigned i = 0; i < cycle->spread_count; i++) {
        if (!cycle->spreads[i].is_required) continue;
        if (domain_of(node, cycle->spreads[i].topology) == 0) return false;
    }
    return true;
}

/* Counts the pods of one constraint by domain and finds the least of the eligible domains. */
static void count_spread(Cycle *cycle, unsigned index)
{
    SpreadConstraint *spread = &cycle->spreads[index];
    Scheduler *scheduler = cycle->scheduler;
    ObjectList list = candidates(cycle, spread->selector, cycle->pod->key.space);
    for (unsigned i = 0; i < list.count; i++) {
        const Object *pod = list.items[i];
        const NodeRecord *node = record_of(cycle, pod);
        if (node == NULL || object_is_terminating(pod) || spread->selector == NULL) continue;
        if (!selector_matches(spread->selector, object_meta(pod))) continue;
        if (!passes_node_affinity(cycle, node->node)) continue;
        uint64_t domain = domain_of(node->node, spread->topology);
        if (domain != 0) tally_add(cycle->spread_counts, spread_key(index, domain), 1);
    }
    spread->least = INT64_MAX;
    for (unsigned i = 0; i < scheduler->nodes->len && spread->least > 0; i++) {
        const NodeRecord *node = (const NodeRecord *)g_ptr_array_index(scheduler->nodes, i);
        if (!has_all_topologies(cycle, node->node)) continue;
        if (!passes_node_affinity(cycle, node->node)) continue;
        uint64_t domain = domain_of(node->node, spread->topology);
        int64_t count = tally_get(cycle->spread_counts, spread_key(index, domain));
        spread->least = MIN(spread->least, count);
    }
}

static void begin_spread(Cycle *cycle, AtomTable *atoms)
{
    const Value *list = cycle->spec->topology_spread;
    cycle->spreads = arena_new_array(cycle->arena, SpreadConstraint, value_size(list) + 1);
    value_each (i, list) {
        const Value *value = value_at(list, i);
        SpreadConstraint *spread = &cycle->spreads[cycle->spread_count++];
        spread->selector = selector_new(atoms, value_get(value, "labelSelector"), NULL);
        if (spread->selector != NULL) g_ptr_array_add(cycle->selectors, spread->selector);
        spread->topology = atom_of(atoms, value_text(value, "topologyKey"));
        spread->max_skew = value_as_int(value_get(value, "maxSkew"), 1);
        spread->is_required = strcmp(value_text(value, "whenUnsatisfiable"), "ScheduleAnyway") != 0;
        spread->counts_self =
            spread->selector != NULL && selector_matches(spread->selector, object_meta(cycle->pod));
    }
    for (unsigned i = 0; i < cycle->spread_count; i++)
        count_spread(cycle, i);
}

static void selector_destroy(gpointer selector)
{
    selector_free((Selector *)selector);
}

void cycle_begin(Cycle *cycle, Scheduler *scheduler, const Object *pod)
{
    AtomTable *atoms = world_atoms(actor_world(scheduler->actor));
    *cycle = (Cycle){
        .scheduler = scheduler,
        .pod = pod,
        .spec = pod_view(pod)->spec,
        .arena = scheduler->arena,
        .selectors = g_ptr_array_new_with_free_func(selector_destroy),
        .affinity_counts = tally_new(),
        .anti_counts = tally_new(),
        .guarded = tally_new(),
        .spread_counts = tally_new(),
    };
    arena_reset(scheduler->arena);
    begin_affinity(cycle, atoms);
    cycle_begin_volumes(cycle, atoms);
    begin_spread(cycle, atoms);
}

void cycle_end(Cycle *cycle)
{
    pod_terms_clear(&cycle->affinity);
    pod_terms_clear(&cycle->anti_affinity);
    g_hash_table_unref(cycle->affinity_counts);
    g_hash_table_unref(cycle->anti_counts);
    g_hash_table_unref(cycle->guarded);
    g_hash_table_unref(cycle->spread_counts);
    g_ptr_array_unref(cycle->selectors);
}

/* --- the filters, in the order in which upstream runs them; each gives NULL text to pass --- */

static Refusal filter_unschedulable(const Cycle *cycle, const NodeRecord *node)
{
    if (!node_view(node->node)->is_unschedulable) return (Refusal){0};
    AtomTable *atoms = world_atoms(actor_world(cycle->scheduler->actor));
    Taint taint = {atom_of(atoms, "node.kubernetes.io/unschedulable"), ATOM_NONE,
                   EFFECT_NO_SCHEDULE, 0};
    if (tolerations_cover(cycle->spec, &taint, NULL)) return (Refusal){0};
    return REFUSE("node(s) were unschedulable", WAKE_NODE, true);
}

static Refusal filter_taints(const Cycle *cycle, const NodeRecord *node)
{
    const NodeView *view = node_view(node->node);
    const World *world = actor_world(cycle->scheduler->actor);
    for (uint32_t i = 0; i < view->taint_count; i++) {
        const Taint *taint = &view->taints[i];
        if (taint->effect != EFFECT_NO_SCHEDULE && taint->effect != EFFECT_NO_EXECUTE) continue;
        if (tolerations_cover(cycle->spec, taint, NULL)) continue;
        if (world_is_at_least(world, 35)) {
            return REFUSE("node(s) had untolerated taint(s)", WAKE_NODE, true);
        }
        const AtomTable *atoms = world_atoms(world);
        return REFUSE(arena_printf(cycle->arena, "node(s) had untolerated taint {%s: %s}",
                                   atom_text(atoms, taint->key), atom_text(atoms, taint->value)),
                      WAKE_NODE, true);
    }
    return (Refusal){0};
}

static Refusal filter_affinity(const Cycle *cycle, const NodeRecord *node)
{
    if (passes_node_affinity(cycle, node->node)) return (Refusal){0};
    return REFUSE("node(s) didn't match Pod's node affinity/selector", WAKE_NODE, true);
}

static Refusal filter_resources(const Cycle *cycle, const NodeRecord *node)
{
    const NodeView *view = node_view(node->node);
    const PodSpec *spec = cycle->spec;
    const char *reasons[3] = {NULL, NULL, NULL};
    unsigned count = 0;
    if (node->pods + 1 > view->pods) reasons[count++] = "Too many pods";
    if (spec->cpu_milli > 0 && node->cpu_milli + spec->cpu_milli > view->cpu_milli) {
        reasons[count++] = "Insufficient cpu";
    }
    if (spec->memory_bytes > 0 && node->memory_bytes + spec->memory_bytes > view->memory_bytes) {
        reasons[count++] = "Insufficient memory";
    }
    if (count == 0) return (Refusal){0};
    /* Deleting others cannot help a pod that is larger than the whole node. */
    bool is_unresolvable =
        spec->cpu_milli > view->cpu_milli || spec->memory_bytes > view->memory_bytes;
    return (Refusal){reasons[0], reasons[1], reasons[2], WAKE_NODE | WAKE_POD_GONE,
                     is_unresolvable};
}

static Refusal filter_spread(const Cycle *cycle, const NodeRecord *node)
{
    for (unsigned i = 0; i < cycle->spread_count; i++) {
        const SpreadConstraint *spread = &cycle->spreads[i];
        if (!spread->is_required) continue;
        uint64_t domain = domain_of(node->node, spread->topology);
        if (domain == 0) {
            return REFUSE("node(s) didn't match pod topology spread constraints "
                          "(missing required label)",
                          WAKE_PODS, true);
        }
        int64_t count = tally_get(cycle->spread_counts, spread_key(i, domain));
        int64_t least = spread->least == INT64_MAX ? 0 : spread->least;
        if (count + spread->counts_self - least > spread->max_skew) {
            return REFUSE("node(s) didn't match pod topology spread constraints", WAKE_PODS, false);
        }
    }
    return (Refusal){0};
}

static bool passes_pod_affinity(const Cycle *cycle, const NodeRecord *node)
{
    bool is_near = true;
    for (unsigned i = 0; i < cycle->affinity.count; i++) {
        uint64_t domain = domain_of(node->node, cycle->affinity.terms[i].topology);
        if (domain == 0) return false;
        is_near &= tally_get(cycle->affinity_counts, domain) > 0;
    }
    return is_near || cycle->is_first_of_affinity;
}

static Refusal filter_pods(const Cycle *cycle, const NodeRecord *node)
{
    if (!passes_pod_affinity(cycle, node)) {
        return REFUSE("node(s) didn't match pod affinity rules", WAKE_PODS, true);
    }
    for (unsigned i = 0; i < cycle->anti_affinity.count; i++) {
        uint64_t domain = domain_of(node->node, cycle->anti_affinity.terms[i].topology);
        if (domain != 0 && tally_get(cycle->anti_counts, domain) > 0) {
            return REFUSE("node(s) didn't match pod anti-affinity rules", WAKE_PODS, false);
        }
    }
    if (g_hash_table_size(cycle->guarded) == 0) return (Refusal){0};
    const Meta *meta = object_meta(node->node);
    for (uint32_t i = 0; i < meta->label_count; i++) {
        uint64_t domain = index_key(meta->labels[i].key, meta->labels[i].value);
        if (tally_get(cycle->guarded, domain) > 0) {
            return REFUSE("node(s) didn't satisfy existing pods anti-affinity rules", WAKE_PODS,
                          false);
        }
    }
    return (Refusal){0};
}

static Refusal filter_single_use(const Cycle *cycle, const NodeRecord *node)
{
    (void)node;
    if (!cycle->is_claim_taken) return (Refusal){0};
    return REFUSE("node has pod using PersistentVolumeClaim with the same name and "
                  "ReadWriteOncePod access mode",
                  WAKE_POD_GONE | WAKE_CLAIM, false);
}

Refusal cycle_filter(const Cycle *cycle, const NodeRecord *node)
{
    static Refusal (*const filters[])(const Cycle *, const NodeRecord *) = {
        filter_unschedulable, filter_taints,  filter_affinity, filter_resources,
        filter_single_use,    filter_volumes, filter_spread,   filter_pods,
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(filters); i++) {
        Refusal refusal = filters[i](cycle, node);
        if (refusal.text != NULL) return refusal;
    }
    return (Refusal){0};
}
