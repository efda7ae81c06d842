/* SPDX-License-Identifier: Apache-2.0 */
/* story.c - life-cycle events from changes of objects, and how far two orders of them agree. */
#include "models/kind/views.h"
#include "tests/conformance/l2/l2.h"

#include <stdlib.h>

#define AT_ONCE (30 * NANOS_MS)
#define BRIEF   (90 * NANOS_MS) /* less than any delay of the kubelet */

/* What was last told of an object. */
typedef struct {
    char *phase, *owners, *status, *labels;
    bool is_ready, is_marked;
    int64_t revision;
} Facts;

static void facts_free(void *data)
{
    Facts *facts = data;
    g_free(facts->phase);
    g_free(facts->owners);
    g_free(facts->status);
    g_free(facts->labels);
    g_free(facts);
}

static void token_clear(void *data)
{
    g_free(((Token *)data)->text);
}

Story *story_new(void)
{
    Story *story = g_new0(Story, 1);
    story->tokens = g_array_new(FALSE, FALSE, sizeof(Token));
    story->statuses = g_array_new(FALSE, FALSE, sizeof(Token));
    g_array_set_clear_func(story->tokens, token_clear);
    g_array_set_clear_func(story->statuses, token_clear);
    story->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, facts_free);
    return story;
}

void story_free(Story *story)
{
    g_array_unref(story->tokens);
    g_array_unref(story->statuses);
    g_hash_table_unref(story->last);
    g_free(story);
}

/* --- reducing --- */

static Value *owners_text(const Value *value)
{
    const Value *refs = value_find(value, "metadata", "ownerReferences");
    Value *list = value_list();
    value_each (i, refs)
        value_list_add(list, value_printf("%s/%s", value_text(value_at(refs, i), "kind"),
                                          value_text(value_at(refs, i), "name")));
    return list;
}

Value *story_reduce(const Object *object)
{
    Kind kind = object->key.kind;
    const Value *from = object->value;
    if (kind != KIND_POD && kind != KIND_PERSISTENT_VOLUME_CLAIM && kind != KIND_STATEFUL_SET &&
        kind != KIND_CONTROLLER_REVISION)
        return NULL;
    Value *value = value_map();
    value_map_set(value, "owners", owners_text(from));
    if (object_is_terminating(object))
        value_map_set(value, "deletionTimestamp", value_string("set"));
    if (value_get(from, "status"))
        value_map_set(value, "status", value_ref(value_get(from, "status")));
    value_map_set(value, "phase", value_string(value_text(from, "status", "phase")));
    if (kind == KIND_CONTROLLER_REVISION)
        value_map_set(value, "revision", value_int(revision_view(object)->revision));
    if (kind != KIND_POD) return value;
    const Value *labels = value_find(from, "metadata", "labels");
    value_map_set(value, "labels", labels ? value_ref(labels) : value_map());
    value_map_set(value, "ready", value_bool(pod_view(object)->ready == CONDITION_TRUE));
    return value;
}

/* --- telling --- */

static G_GNUC_PRINTF(4, 5) void tell(GArray *tokens, Nanos at, int64_t version, const char *format,
                                     ...)
{
    va_list arguments;
    va_start(arguments, format);
    Token token = {at, version, g_strdup_vprintf(format, arguments)};
    va_end(arguments);
    g_array_append_val(tokens, token);
}

/* "StatefulSet/web, Pod/web-1" without uids. */
static char *join_owners(const Value *owners)
{
    GString *text = g_string_new(NULL);
    value_each (i, owners) {
        g_auto(GStrv) words = g_strsplit(value_as_text(value_at(owners, i), ""), " ", 2);
        g_string_append_printf(text, "%s%s", i ? "," : "", words[0]);
    }
    return g_string_free(text, FALSE);
}

static char *status_text(const Value *reduced)
{
    static const char *const counts[] = {"replicas", "readyReplicas", "availableReplicas",
                                         "currentReplicas", "updatedReplicas"};
    const Value *status = value_get(reduced, "status");
    GString *text = g_string_new("status");
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++)
        g_string_append_printf(text, " %" PRId64, value_as_int(value_get(status, counts[i]), 0));
    g_string_append_printf(text, " %s %s", value_text(status, "currentRevision"),
                           value_text(status, "updateRevision"));
    return g_string_free(text, FALSE);
}

static const char *revision_of(const Value *reduced)
{
    return value_text(reduced, "labels", "controller-revision-hash");
}

static void replace(char **slot, char *text)
{
    g_free(*slot);
    *slot = text;
}

static Facts *facts_of(Story *story, const char *kind, const char *name, bool is_new)
{
    char *key = g_strdup_printf("%s/%s", kind, name);
    Facts *facts = is_new ? NULL : g_hash_table_lookup(story->last, key);
    if (facts) {
        g_free(key);
        return facts;
    }
    facts = g_new0(Facts, 1);
    g_hash_table_replace(story->last, key, facts);
    return facts;
}

static void tell_pod(Story *story, const Telling *now, Facts *facts)
{
    const char *phase = value_text(now->object, "phase");
    const char *revision = revision_of(now->object);
    bool is_ready = value_as_bool(value_get(now->object, "ready"), false);
    if (facts->phase && strcmp(facts->phase, phase) != 0)
        tell(story->tokens, now->at, now->version, "%s %s", now->name, phase);
    if (is_ready != facts->is_ready)
        tell(story->tokens, now->at, now->version, "%s %s", now->name,
             is_ready ? "Ready" : "NotReady");
    if (facts->labels && strcmp(facts->labels, revision) != 0)
        tell(story->tokens, now->at, now->version, "relabel %s %s", now->name, revision);
    replace(&facts->phase, g_strdup(phase));
    replace(&facts->labels, g_strdup(revision));
    facts->is_ready = is_ready;
}

static const char *short_kind(const char *kind)
{
    return strcmp(kind, "Pod") == 0                  ? ""
           : strcmp(kind, "ControllerRevision") == 0 ? "revision "
                                                     : "claim ";
}

static void tell_owners(Story *story, const Telling *now, Facts *facts)
{
    char *owners = join_owners(value_get(now->object, "owners"));
    if (facts->owners && strcmp(facts->owners, owners) != 0)
        tell(story->tokens, now->at, now->version, "owners %s [%s]", now->name, owners);
    replace(&facts->owners, owners);
}

static void tell_set(Story *story, const Telling *telling, Facts *facts)
{
    char *status = status_text(telling->object);
    if (strcmp(telling->type, "DELETED") == 0)
        tell(story->tokens, telling->at, telling->version, "gone set %s", telling->name);
    else if (!facts->status || strcmp(facts->status, status) != 0)
        tell(story->statuses, telling->at, telling->version, "%s", status);
    replace(&facts->status, status);
}

static void tell_revision(Story *story, const Telling *telling, Facts *facts, bool is_added)
{
    int64_t number = value_as_int(value_get(telling->object, "revision"), 0);
    if (!is_added && number != facts->revision)
        tell(story->tokens, telling->at, telling->version, "revision %s number %" PRId64,
             telling->name, number);
    facts->revision = number;
}

void story_tell(Story *story, const Telling *telling)
{
    static const char *const kinds[] = {"StatefulSet", "Pod", "PersistentVolumeClaim",
                                        "ControllerRevision", NULL};
    const char *kind = telling->kind, *name = telling->name;
    if (!g_strv_contains(kinds, kind)) return;
    bool is_added = strcmp(telling->type, "ADDED") == 0, is_pod = strcmp(kind, "Pod") == 0;
    Facts *facts = facts_of(story, kind, name, is_added);
    if (strcmp(kind, "StatefulSet") == 0) {
        tell_set(story, telling, facts);
        return;
    }
    Nanos at = telling->at;
    int64_t version = telling->version;
    if (is_added)
        tell(story->tokens, at, version, "create %s%s%s%s", short_kind(kind), name,
             is_pod ? " " : "", is_pod ? revision_of(telling->object) : "");
    bool is_revision = strcmp(kind, "ControllerRevision") == 0;
    if (is_revision) tell_revision(story, telling, facts, is_added);
    bool is_marked = value_get(telling->object, "deletionTimestamp") != NULL;
    if (is_marked && !facts->is_marked && !is_revision)
        tell(story->tokens, at, version, "mark %s%s", short_kind(kind), name);
    facts->is_marked = is_marked;
    tell_owners(story, telling, facts);
    if (is_pod) tell_pod(story, telling, facts);
    if (strcmp(telling->type, "DELETED") == 0)
        tell(story->tokens, at, version, "gone %s%s", short_kind(kind), name);
}

/* --- comparing --- */

static int by_version(const void *a, const void *b)
{
    const Token *left = a, *right = b;
    return left->version < right->version ? -1 : left->version > right->version;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts in order of version; with `is_loose`, what happens at once is sorted by text. */
static GPtrArray *texts_of(const GArray *tokens, bool is_loose)
{
    GPtrArray *texts = g_ptr_array_new();
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(Token));
    if (tokens->len) g_array_append_vals(sorted, tokens->data, tokens->len);
    g_array_sort(sorted, by_version);
    unsigned begin = 0;
    for (unsigned i = 0; i < sorted->len; i++) {
        const Token *token = &g_array_index(sorted, Token, i);
        Nanos before = i ? g_array_index(sorted, Token, i - 1).at : token->at;
        if (is_loose && token->at - before > AT_ONCE) {
            qsort(texts->pdata + begin, texts->len - begin, sizeof(gpointer), by_text);
            begin = texts->len;
        }
        g_ptr_array_add(texts, token->text);
    }
    if (is_loose && texts->len)
        qsort(texts->pdata + begin, texts->len - begin, sizeof(gpointer), by_text);
    return texts;
}

static bool same(const GPtrArray *a, unsigned i, const GPtrArray *b, unsigned j)
{
    return strcmp(a->pdata[i], b->pdata[j]) == 0;
}

/* Length of the longest common subsequence; what is not in it goes to `differences`. */
static unsigned align(const GPtrArray *a, const GPtrArray *b, GPtrArray *differences)
{
    gsize width = b->len + 1;
    g_autofree unsigned *best = g_new0(unsigned, (gsize)(a->len + 1) * width);
    for (unsigned i = a->len; i-- > 0;)
        for (unsigned j = b->len; j-- > 0;)
            best[i * width + j] = same(a, i, b, j)
                                      ? best[(i + 1) * width + j + 1] + 1
                                      : MAX(best[(i + 1) * width + j], best[i * width + j + 1]);
    unsigned i = 0, j = 0;
    while (differences && (i < a->len || j < b->len)) {
        if (i < a->len && j < b->len && same(a, i, b, j)) {
            i++, j++;
        } else if (j == b->len ||
                   (i < a->len && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
            g_ptr_array_add(differences,
                            g_strdup_printf("recorded only: %s", (char *)a->pdata[i++]));
        } else {
            g_ptr_array_add(differences,
                            g_strdup_printf("simulated only: %s", (char *)b->pdata[j++]));
        }
    }
    return best[0];
}

static unsigned align_tokens(const GArray *a, const GArray *b, bool is_loose,
                             GPtrArray *differences)
{
    g_autoptr(GPtrArray) left = texts_of(a, is_loose), right = texts_of(b, is_loose);
    return align(left, right, differences);
}

/* The statuses that were more than brief, each once. */
static GArray *lasting(const GArray *statuses)
{
    GArray *kept = g_array_new(FALSE, FALSE, sizeof(Token));
    for (unsigned i = 0; i < statuses->len; i++) {
        const Token *token = &g_array_index(statuses, Token, i);
        const Token *next = i + 1 < statuses->len ? token + 1 : NULL;
        const Token *last = kept->len ? &g_array_index(kept, Token, kept->len - 1) : NULL;
        bool is_brief = next && next->at - token->at <= BRIEF;
        if (!is_brief && !(last && strcmp(last->text, token->text) == 0))
            g_array_append_val(kept, *token);
    }
    return kept;
}

void story_compare(const Story *recorded, const Story *simulated, Agreement *agreement)
{
    *agreement = (Agreement){.recorded = recorded->tokens->len,
                             .simulated = simulated->tokens->len,
                             .statuses = recorded->statuses->len,
                             .differences = g_ptr_array_new_with_free_func(g_free)};
    agreement->strict = align_tokens(recorded->tokens, simulated->tokens, false, NULL);
    agreement->common =
        align_tokens(recorded->tokens, simulated->tokens, true, agreement->differences);
    agreement->common_statuses = align_tokens(recorded->statuses, simulated->statuses, false, NULL);
    g_autoptr(GArray) left = lasting(recorded->statuses), right = lasting(simulated->statuses);
    agreement->lasting = left->len;
    agreement->common_lasting = align_tokens(left, right, false, agreement->differences);
}
