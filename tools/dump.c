/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.c - reading what kubectl printed.
 *
 * Only the shape that everything else rests on is demanded: an object is a map with a kind and a
 * name, its spec and status are maps. What is wrong with one object leaves the others alone.
 */
#include "tools/dump.h"

#include "models/api/object.h"
#include "sim/yaml.h"

#define REPLICAS_MAX 1000000

/* Where an object was read, for messages. */
typedef struct {
    const char *file;
    unsigned line;
    char path[32]; /* "items[3]: " or "" */
} Place;

Dump *dump_new(void)
{
    Dump *dump = g_new0(Dump, 1);
    dump->items = g_array_new(FALSE, FALSE, sizeof(DumpItem));
    dump->index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    dump->faults = g_ptr_array_new_with_free_func(g_free);
    return dump;
}

void dump_free(Dump *dump)
{
    if (dump == NULL) return;
    for (unsigned i = 0; i < dump->items->len; i++)
        value_unref(g_array_index(dump->items, DumpItem, i).value);
    g_array_unref(dump->items);
    g_hash_table_unref(dump->index);
    g_ptr_array_unref(dump->faults);
    g_free(dump);
}

static G_GNUC_PRINTF(3, 4) bool fault(Dump *dump, const Place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(dump->faults,
                    g_strdup_printf("%s:%u: %s%s", place->file, place->line, place->path, text));
    return false;
}

/* --- times --- */

/* Fields that say when something has happened; a deletionTimestamp lies ahead by its grace. */
static bool is_past_time(const char *key)
{
    static const char *const keys[] = {"creationTimestamp",
                                       "lastTransitionTime",
                                       "startTime",
                                       "startedAt",
                                       "finishedAt",
                                       "lastProbeTime",
                                       "lastHeartbeatTime",
                                       "lastTimestamp",
                                       "firstTimestamp",
                                       "eventTime",
                                       "lastUpdateTime",
                                       "lastObservedTime",
                                       "time",
                                       "timeAdded",
                                       "renewTime",
                                       NULL};
    return g_strv_contains(keys, key);
}

static void note_time(Dump *dump, Nanos at)
{
    if (at == NANOS_NEVER) return;
    dump->newest = dump->has_time ? MAX(dump->newest, at) : at;
    dump->has_time = true;
}

static void scan_times(Dump *dump, const Value *value)
{
    value_each (i, value) {
        const Value *child = value_at(value, i);
        if (value_is_map(value) && value_is_string(child)) {
            if (is_past_time(value_key_at(value, i))) note_time(dump, time_of(child, NANOS_NEVER));
        } else {
            scan_times(dump, child);
        }
    }
}

static void scan_object_times(Dump *dump, const Value *object)
{
    const Value *meta = value_get(object, "metadata");
    Nanos deleted = time_of(value_get(meta, "deletionTimestamp"), NANOS_NEVER);
    int64_t grace_s = value_as_int(value_get(meta, "deletionGracePeriodSeconds"), 0);
    if (deleted != NANOS_NEVER && grace_s >= 0 && grace_s < INT32_MAX)
        note_time(dump, deleted - grace_s * NANOS_S);
    scan_times(dump, meta);
    scan_times(dump, value_get(object, "status"));
    if (strcmp(value_text(object, "kind"), "Event") == 0) scan_times(dump, object);
}

/* --- objects --- */

static char *index_of(const char *kind, const char *space, const char *name)
{
    return g_strdup_printf("%s/%s/%s", kind, space ? space : "", name);
}

static int64_t version_of(const Value *object)
{
    int64_t version = 0;
    return text_to_int(value_text(object, "metadata", "resourceVersion"), &version) ? version : 0;
}

static void keep(Dump *dump, Value *object, bool is_namespaced)
{
    const char *space = value_text(object, "metadata", "namespace");
    DumpItem item = {.value = object,
                     .kind = value_text(object, "kind"),
                     .space = *space || !is_namespaced ? space : "default",
                     .name = value_text(object, "metadata", "name")};
    char *key = index_of(item.kind, item.space, item.name);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(dump->index, key));
    if (number == 0) {
        g_array_append_val(dump->items, item);
        g_hash_table_insert(dump->index, key, GUINT_TO_POINTER(dump->items->len));
        return;
    }
    g_free(key);
    DumpItem *old = &g_array_index(dump->items, DumpItem, number - 1);
    bool is_newer = version_of(object) >= version_of(old->value);
    value_unref(is_newer ? old->value : object);
    if (is_newer) *old = item;
}

static bool check_map(Dump *dump, const Place *place, const Value *object, const char *key)
{
    const Value *child = value_get(object, key);
    if (child == NULL || value_is_map(child)) return true;
    if (value_type(child) == VALUE_NULL) return true;
    return fault(dump, place, "%s: is %s, but must be a map", key,
                 value_type_name(value_type(child)));
}

static bool check_object(Dump *dump, const Place *place, const Value *object)
{
    if (!value_is_map(object))
        return fault(dump, place, "is %s, but must be an object as kubectl prints it",
                     value_type_name(value_type(object)));
    if (*value_text(object, "kind") == '\0')
        return fault(dump, place, "kind: is missing; print with `kubectl get ... -o yaml`");
    static const char *const maps[] = {"metadata", "spec", "status"};
    for (unsigned i = 0; i < G_N_ELEMENTS(maps); i++)
        if (!check_map(dump, place, object, maps[i])) return false;
    if (*value_text(object, "metadata", "name") == '\0')
        return fault(dump, place, "metadata.name: is missing; %s needs one",
                     value_text(object, "kind"));
    bool is_set = strcmp(value_text(object, "kind"), "StatefulSet") == 0;
    if (is_set && !value_is_map(value_find(object, "spec", "selector")))
        return fault(dump, place, "spec.selector: is missing; StatefulSet %s cannot be judged",
                     value_text(object, "metadata", "name"));
    const Value *replicas = value_find(object, "spec", "replicas");
    if (is_set && replicas && value_type(replicas) != VALUE_INT)
        return fault(dump, place, "spec.replicas: is %s, but must be an integer",
                     value_type_name(value_type(replicas)));
    if (is_set && value_as_int(replicas, 0) > REPLICAS_MAX)
        return fault(dump, place, "spec.replicas: is more than %d, which is not rehearsed",
                     REPLICAS_MAX);
    return true;
}

static void add_object(Dump *dump, Place *place, const Value *object)
{
    if (value_line(object)) place->line = value_line(object);
    if (!check_object(dump, place, object)) return;
    const char *kind_name = value_text(object, "kind");
    Kind kind = kind_of(value_text(object, "apiVersion"), kind_name);
    if (kind == KIND_NONE && kind_by_name(kind_name) != KIND_NONE &&
        *value_text(object, "apiVersion") == '\0')
        fault(dump, place, "apiVersion: is missing; the %s is not looked at", kind_name);
    scan_object_times(dump, object);
    static const char *const of_cluster[] = {"Node",      "PersistentVolume", "StorageClass",
                                             "Namespace", "VolumeAttachment", NULL};
    keep(dump, value_ref(object), !g_strv_contains(of_cluster, kind_name));
}

/* Items of a typed list ("PodList") need not say what they are. */
static Value *item_with_kind(const Value *list, const Value *item)
{
    const char *kind = value_text(list, "kind");
    size_t length = strlen(kind);
    Value *copy = value_ref(item);
    if (!value_is_map(item) || *value_text(item, "kind") || length <= 4) return copy;
    value_put(&copy, value_string_n(kind, length - 4), "kind");
    value_put(&copy, value_string(value_text(list, "apiVersion")), "apiVersion");
    return copy;
}

static void add_document(Dump *dump, const YamlDocument *document)
{
    const Value *value = document->value;
    Place place = {.file = document->file, .line = document->line};
    const Value *items = value_get(value, "items");
    if (!g_str_has_suffix(value_text(value, "kind"), "List")) {
        add_object(dump, &place, value);
        return;
    }
    if (items && !value_is_list(items)) {
        fault(dump, &place, "items: is %s, but must be a list", value_type_name(value_type(items)));
        return;
    }
    value_each (i, items) {
        g_autoptr(Value) item = item_with_kind(value, value_at(items, i));
        snprintf(place.path, sizeof place.path, "items[%u]: ", i);
        place.line = value_line(value_at(items, i));
        add_object(dump, &place, item);
    }
}

/* Takes a stream, or the error why there is none. */
static void add_stream(Dump *dump, YamlStream *stream, GError *error, const char *file)
{
    if (stream == NULL)
        g_ptr_array_add(dump->faults, g_strdup(error->message));
    else if (yaml_count(stream) == 0)
        g_ptr_array_add(dump->faults, g_strdup_printf("%s: is empty; did kubectl fail?", file));
    for (unsigned i = 0; stream != NULL && i < yaml_count(stream); i++)
        add_document(dump, yaml_at(stream, i));
    yaml_stream_free(stream);
    g_clear_error(&error);
}

void dump_read(Dump *dump, const char *file)
{
    GError *error = NULL;
    YamlStream *stream = yaml_load(file, &error);
    add_stream(dump, stream, error, file);
}

void dump_parse(Dump *dump, const char *text, size_t length, const char *file)
{
    GError *error = NULL;
    YamlStream *stream = yaml_parse(text, length, file, &error);
    add_stream(dump, stream, error, file);
}

/* --- looking up --- */

unsigned dump_count(const Dump *dump, const char *kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < dump->items->len; i++)
        count += strcmp(g_array_index(dump->items, DumpItem, i).kind, kind) == 0;
    return count;
}

const Value *dump_find(const Dump *dump, const char *kind, const char *space, const char *name)
{
    g_autofree char *key = index_of(kind, space, name);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(dump->index, key));
    return number ? g_array_index(dump->items, DumpItem, number - 1).value : NULL;
}

Nanos dump_event_time(const Value *event)
{
    const Value *const times[] = {value_find(event, "series", "lastObservedTime"),
                                  value_get(event, "lastTimestamp"), value_get(event, "eventTime"),
                                  value_get(event, "firstTimestamp"),
                                  value_find(event, "metadata", "creationTimestamp")};
    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++) {
        Nanos at = time_of(times[i], NANOS_NEVER);
        if (at != NANOS_NEVER) return at;
    }
    return NANOS_NEVER;
}

static bool is_about(const Value *event, const Value *object)
{
    const Value *about = value_get(event, "involvedObject");
    if (!about) about = value_get(event, "regarding");
    const char *uid = value_text(about, "uid");
    const char *space = value_text(object, "metadata", "namespace");
    return strcmp(value_text(about, "kind"), value_text(object, "kind")) == 0 &&
           strcmp(value_text(about, "name"), value_text(object, "metadata", "name")) == 0 &&
           strcmp(value_text(about, "namespace"), space) == 0 &&
           (*uid == '\0' || strcmp(uid, value_text(object, "metadata", "uid")) == 0);
}

const Value *dump_event(const Dump *dump, const Value *about, const char *reason, Nanos *ret_at)
{
    const Value *newest = NULL;
    Nanos newest_at = 0;
    for (unsigned i = 0; i < dump->items->len; i++) {
        const DumpItem *item = &g_array_index(dump->items, DumpItem, i);
        if (strcmp(item->kind, "Event") != 0 || !is_about(item->value, about)) continue;
        if (reason && strcmp(value_text(item->value, "reason"), reason) != 0) continue;
        Nanos at = dump_event_time(item->value);
        if (at == NANOS_NEVER || (newest && at < newest_at)) continue;
        newest = item->value;
        newest_at = at;
    }
    if (newest && ret_at) *ret_at = newest_at;
    return newest;
}
