/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.c - from a file to checked variants.
 *
 * The file is read once; each variant is then read from the substituted document on its own, with
 * its own manifests, so that a fault names the line it stands on whichever variant met it first.
 */
#include "models/api/validate.h"
#include "models/scenario_internal.h"

static const char *const document_keys[] = {"apiVersion", "kind", "metadata", "spec", NULL};

static void warning_add(GPtrArray *warnings, const char *text)
{
    for (unsigned i = 0; i < warnings->len; i++)
        if (strcmp(warnings->pdata[i], text) == 0) return;
    g_ptr_array_add(warnings, g_strdup(text));
}

char *reading_path(const Reading *reading, const char *relative)
{
    if (g_path_is_absolute(relative)) return g_strdup(relative);
    g_autofree char *folder = g_path_get_dirname(reading->file);
    return strcmp(folder, ".") == 0 ? g_strdup(relative) : g_build_filename(folder, relative, NULL);
}

bool reading_digest_file(Reading *reading, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) cause = NULL;
    if (!g_file_get_contents(path, &text, &length, &cause)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: cannot be read (%s); paths are relative to the scenario's folder", path,
                    cause->message);
        return false;
    }
    reading->digest = mix64(reading->digest ^ hash_bytes(text, length));
    return true;
}

/* --- the document --- */

static bool check_document(const Value *document, const char *file, GError **error)
{
    value_each (i, document) {
        const char *key = value_key_at(document, i);
        if (g_strv_contains(document_keys, key)) continue;
        const char *near = text_nearest(key, document_keys);
        param_error(error, (ParamPlace){file, ""}, value_at(document, i),
                    "unknown key '%s'%s%s%s; a Scenario has apiVersion, kind, metadata and spec",
                    key, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    if (!value_is_map(value_get(document, "spec"))) {
        param_error(error, (ParamPlace){file, "spec"}, document,
                    "is missing or no map; it holds cluster, manifests and steps");
        return false;
    }
    if (!*value_text(document, "metadata", "name")) {
        param_error(error, (ParamPlace){file, "metadata.name"}, document,
                    "is missing; it names the scenario in results");
        return false;
    }
    const char *fault = name_is_dns_subdomain(value_text(document, "metadata", "name"));
    if (fault) {
        param_error(error, (ParamPlace){file, "metadata.name"},
                    value_find(document, "metadata", "name"), "'%s': %s",
                    value_text(document, "metadata", "name"), fault);
        return false;
    }
    return true;
}

static bool is_scenario(const Value *document)
{
    return g_str_has_prefix(value_text(document, "apiVersion"), "kennel/") &&
           strcmp(value_text(document, "kind"), "Scenario") == 0;
}

/* The one Scenario document; the others go to `extra`. NULL with error set. */
static const Value *find_document(const YamlStream *stream, const char *file, Value *extra,
                                  GError **error)
{
    const Value *found = NULL;
    for (unsigned i = 0; i < yaml_count(stream); i++) {
        const YamlDocument *document = yaml_at(stream, i);
        if (!is_scenario(document->value)) {
            value_list_add(extra, value_ref(document->value));
            continue;
        }
        if (found) {
            param_error(error, (ParamPlace){file, "kind"}, document->value,
                        "there is a second Scenario (the first is at line %u); one file holds one",
                        value_line(found));
            return NULL;
        }
        found = document->value;
    }
    if (found) {
        const char *version = value_text(found, "apiVersion");
        if (strcmp(version, "kennel/v1") == 0)
            return check_document(found, file, error) ? found : NULL;
        param_error(error, (ParamPlace){file, "apiVersion"}, found,
                    "'%s' is not known, this program reads kennel/v1", version);
        return NULL;
    }
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                "%s: holds no document with apiVersion kennel/v1 and kind Scenario; to check plain "
                "manifests use `kennel lint`",
                file);
    return NULL;
}

/* --- --set --- */

/* Whether a key holds a text whatever it looks like: a release is no number. */
static bool is_text_key(const char *key)
{
    static const Param *const tables[] = {scenario_params, cluster_params};
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const Param *row = tables[i]; row->name; row++)
            if (strcmp(row->name, key) == 0) return row->type == PARAM_STRING;
    return false;
}

/* The value of a --set: a text where one is wanted or quotes say so, else what YAML makes of it. */
static Value *set_value(const char *path, const char *text)
{
    const char *dot = strrchr(path, '.');
    size_t length = strlen(text);
    bool is_quoted = length >= 2 && (*text == '"' || *text == '\'') && text[length - 1] == *text;
    if (is_quoted) return value_string_n(text + 1, length - 2);
    if (is_text_key(dot ? dot + 1 : path)) return value_string(text);
    return yaml_resolve_plain(text, length);
}

/* Splits "path=value" into the document (paths of spec) or `choose` (parameters of vary). */
static bool apply_set(Value **document, Value **choose, const char *text, GError **error)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "--set %s: must be PATH=VALUE, as in --set cluster.nodes=5", text);
        return false;
    }
    g_autofree char *path = g_strndup(text, (gsize)(equals - text));
    Value *value = set_value(path, equals + 1);
    if (!value) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "--set %s: the value is no finite number", text);
        return false;
    }
    const char *inner = g_str_has_prefix(path, "spec.") ? path + 5 : path;
    if (value_find(*document, "spec", "vary", inner)) {
        value_put(choose, value, inner);
        return true;
    }
    g_autofree char *full = g_strconcat("spec.", inner, NULL);
    g_auto(GStrv) keys = g_strsplit(full, ".", -1);
    value_put_path(document, value, (const char *const *)keys);
    return true;
}

/* --- one variant --- */

static bool load_manifest_entry(Reading *reading, const Value *entry, GError **error)
{
    const char *file = value_as_text(entry, NULL);
    const Value *patch = NULL;
    if (value_is_map(entry)) {
        file = value_as_text(value_get(entry, "file"), NULL);
        patch = value_get(entry, "patch");
        if (value_type(patch) == VALUE_NULL) patch = NULL;
    }
    if (!file || (value_is_map(entry) && value_size(entry) > 1u + !!value_get(entry, "patch"))) {
        param_error(error, (ParamPlace){reading->file, "spec.manifests"}, entry,
                    "must be the name of a file, or a map of file and patch");
        return false;
    }
    g_autofree char *path = reading_path(reading, file);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        param_error(error, (ParamPlace){reading->file, "spec.manifests"}, entry,
                    "there is no file %s; paths are relative to the scenario's folder", path);
        return false;
    }
    return reading_digest_file(reading, path, error) &&
           manifest_load(reading->manifests, path, patch, error);
}

static bool load_manifests(Reading *reading, GError **error)
{
    value_each (i, reading->extra) {
        if (!manifest_add(reading->manifests, value_at(reading->extra, i), reading->file, error))
            return false;
    }
    value_each (k, reading->fields.manifests) {
        if (!load_manifest_entry(reading, value_at(reading->fields.manifests, k), error))
            return false;
    }
    return true;
}

static void copy_manifests(Reading *reading)
{
    Scenario *scenario = reading->scenario;
    const GArray *objects = reading->manifests->objects;
    Manifest *copy = arena_new_array(scenario->arena, Manifest, objects->len + 1);
    if (objects->len) memcpy(copy, objects->data, sizeof *copy * objects->len);
    scenario->manifests = copy;
    scenario->manifest_count = objects->len;
}

/* Everything below spec, in the order in which one part needs another. */
static bool read_parts(Reading *reading, GError **error)
{
    if (!load_manifests(reading, error) || !scenario_read_cluster(reading, error)) return false;
    copy_manifests(reading);
    if (!scenario_check_claims(reading, error) || !scenario_read_applications(reading, error) ||
        !scenario_read_steps(reading, error) || !scenario_read_expectations(reading, error))
        return false;
    scenario_warn_services(reading);
    return true;
}

static bool read_variant(Reading *reading, const Value *document, GError **error)
{
    Scenario *scenario = reading->scenario;
    ParamPlace place = {reading->file, "spec"};
    if (!param_read(scenario_params, value_get(document, "spec"), &reading->fields, place, error))
        return false;
    scenario->name = value_text(document, "metadata", "name");
    scenario->description = reading->fields.description;
    scenario->file = arena_strdup(scenario->arena, reading->file);
    scenario->seed = (uint64_t)reading->fields.seed;
    scenario->duration = reading->fields.duration;
    scenario->convergence_budget = reading->fields.convergence_budget;
    scenario->event_budget = (uint64_t)reading->fields.event_budget;
    if (!read_parts(reading, error)) return false;
    g_snprintf(scenario->digest, sizeof scenario->digest, "%016" PRIx64,
               mix64(reading->digest ^ value_hash(document)));
    return true;
}

static void manifest_set_keep(gpointer set)
{
    manifest_set_free(set);
}

/* Values and manifest sets share the list of what a scenario keeps alive. */
typedef struct {
    void *what;
    void (*release)(void *what);
} Kept;

static void kept_free(gpointer data)
{
    Kept *kept = data;
    kept->release(kept->what);
    g_free(kept);
}

static void release_value(void *value)
{
    value_unref(value);
}

static void keep(Scenario *scenario, void *what, void (*release)(void *))
{
    Kept *kept = g_new(Kept, 1);
    *kept = (Kept){what, release};
    g_ptr_array_add(scenario->keep, kept);
}

/* Distributions may own tables; all of a scenario's are in these structs. */
static void clear_rules(Scenario *scenario)
{
    param_clear(latency_params, &scenario->cluster.latency);
    for (unsigned i = 0; i < scenario->app_rule_count; i++)
        scenario_clear_app_rule(&scenario->app_rules[i]);
}

static void scenario_free(gpointer data)
{
    Scenario *scenario = data;
    clear_rules(scenario);
    g_ptr_array_unref(scenario->keep);
    arena_free(scenario->arena);
    g_free(scenario);
}

static Scenario *scenario_alloc(void)
{
    Scenario *scenario = g_new0(Scenario, 1);
    scenario->arena = arena_new();
    scenario->keep = g_ptr_array_new_with_free_func(kept_free);
    return scenario;
}

static Scenario *load_variant(const Reading *common, const Value *document, Value *parameters,
                              GPtrArray *warnings, GError **error)
{
    Reading reading = *common;
    Scenario *scenario = reading.scenario = scenario_alloc();
    reading.manifests = manifest_set_new();
    keep(scenario, reading.manifests, manifest_set_keep);
    keep(scenario, parameters, release_value);
    scenario->parameters = parameters;
    g_autofree char *variant = scenario_variant_text(parameters);
    scenario->variant = arena_strdup(scenario->arena, variant);
    Value *full = scenario_substitute(document, parameters, reading.file, error);
    if (full) keep(scenario, full, release_value);
    bool ok = full && read_variant(&reading, full, error);
    for (unsigned i = 0; ok && i < reading.manifests->warnings->len; i++)
        warning_add(warnings, reading.manifests->warnings->pdata[i]);
    if (ok) return scenario;
    scenario_free(scenario);
    return NULL;
}

/* The document without its vary map, which is not substituted itself. */
static Value *without_vary(const Value *document)
{
    Value *copy = value_ref(document);
    value_drop(&copy, "spec", "vary");
    return copy;
}

static bool load_variants(const Reading *common, const Value *document, const Value *choose,
                          ScenarioSet *set, GError **error)
{
    g_autoptr(Value) variants =
        scenario_variants(value_find(document, "spec", "vary"), choose, common->file, error);
    g_autoptr(Value) rest = without_vary(document);
    value_each (i, variants) {
        Value *parameters = value_ref(value_at(variants, i));
        Scenario *scenario = load_variant(common, rest, parameters, set->warnings, error);
        if (!scenario) return false;
        g_ptr_array_add(set->variants, scenario);
    }
    return variants != NULL;
}

static bool load_file(const Reading *common, const YamlStream *stream, const char *const *sets,
                      ScenarioSet *set, GError **error)
{
    Reading reading = *common;
    g_autoptr(Value) extra = value_list();
    const Value *found = find_document(stream, reading.file, extra, error);
    if (!found) return false;
    reading.extra = extra;
    Value *document = value_ref(found), *choose = value_map();
    bool ok = true;
    for (unsigned i = 0; ok && sets && sets[i]; i++)
        ok = apply_set(&document, &choose, sets[i], error);
    ok = ok && load_variants(&reading, document, choose, set, error);
    for (unsigned i = 0; ok && i < set->variants->len; i++) {
        Scenario *scenario = set->variants->pdata[i];
        value_each (k, extra) {
            keep(scenario, value_ref(value_at(extra, k)), release_value);
        }
    }
    value_unref(document);
    value_unref(choose);
    return ok;
}

ScenarioSet *scenario_load(const char *file, const char *data_dir, const char *const *sets,
                           GError **error)
{
    Reading reading = {.file = g_intern_string(file), .data_dir = data_dir};
    g_autoptr(YamlStream) stream = yaml_load(file, error);
    if (!stream || !reading_digest_file(&reading, file, error)) return NULL;
    g_autoptr(ScenarioSet) set = g_new0(ScenarioSet, 1);
    set->variants = g_ptr_array_new_with_free_func(scenario_free);
    set->warnings = g_ptr_array_new_with_free_func(g_free);
    if (!load_file(&reading, stream, sets, set, error)) return NULL;
    return g_steal_pointer(&set);
}

void scenario_set_free(ScenarioSet *set)
{
    if (!set) return;
    g_ptr_array_unref(set->variants);
    g_ptr_array_unref(set->warnings);
    g_free(set);
}
