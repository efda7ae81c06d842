/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_schema.c - the JSON Schema of a Scenario document, from the tables that read it.
 */
#include "models/app/app.h"
#include "models/scenario_internal.h"

static Value *object_schema(void)
{
    Value *schema = value_map();
    value_map_set(schema, "type", value_string("object"));
    return schema;
}

/* What may stand where a table gives a type: the value itself, or a ${parameter}. */
static void set_property(Value **schema, const char *name, Value *property)
{
    value_put(schema, property, "properties", name);
}

static Value *list_of(Value *items)
{
    Value *schema = value_map();
    value_map_set(schema, "type", value_string("array"));
    value_map_set(schema, "items", items);
    return schema;
}

/* A step: the common keys and exactly one verb or inject. */
static Value *step_schema(void)
{
    Value *schema = param_schema(step_params), *one_of = value_list(), *faults = value_list();
    for (const Verb *const *verb = scenario_verbs; *verb; verb++) {
        set_property(&schema, (*verb)->name, param_schema((*verb)->params));
        Value *needs = value_map(), *names = value_list();
        value_list_add(names, value_string((*verb)->name));
        value_map_set(needs, "required", names);
        value_list_add(one_of, needs);
    }
    for (const Fault *const *fault = scenario_faults; *fault; fault++) {
        Value *inject = param_schema((*fault)->params), *action = value_map();
        value_map_set(action, "const", value_string((*fault)->name));
        set_property(&inject, "action", action);
        Value *duration = value_map();
        value_map_set(duration, "type", value_string("string"));
        set_property(&inject, "duration", duration);
        value_list_add(faults, inject);
    }
    Value *any = value_map(), *needs = value_map(), *names = value_list();
    value_map_set(any, "oneOf", faults);
    set_property(&schema, "inject", any);
    value_list_add(names, value_string("inject"));
    value_map_set(needs, "required", names);
    value_list_add(one_of, needs);
    value_put(&schema, one_of, "oneOf");
    return schema;
}

static Value *application_schema(void)
{
    Value *any = value_map(), *models = value_list();
    for (const App *const *app = scenario_apps; *app; app++) {
        Value *schema = param_schema((*app)->params), *model = value_map();
        value_map_set(model, "const", value_string((*app)->name));
        set_property(&schema, "model", model);
        set_property(&schema, "selector", object_schema());
        value_list_add(models, schema);
    }
    value_map_set(any, "anyOf", models);
    return any;
}

static Value *cluster_schema(void)
{
    Value *schema = param_schema(cluster_params), *nodes = value_map(), *either = value_list();
    Value *number = value_map();
    value_map_set(number, "type", value_string("integer"));
    value_list_add(either, number);
    value_list_add(either, list_of(param_schema(node_params)));
    value_map_set(nodes, "anyOf", either);
    set_property(&schema, "nodes", nodes);
    set_property(&schema, "latency", param_schema(latency_params));
    set_property(&schema, "controlPlane", param_schema(control_plane_params));
    set_property(&schema, "dns", param_schema(dns_params));
    return schema;
}

/* A ${parameter} of vary may stand for a value that is no text. */
static Value *or_parameter(const Value *schema)
{
    Value *either = value_map(), *list = value_list(), *text = value_map();
    value_map_set(text, "type", value_string("string"));
    value_map_set(text, "pattern", value_string("^\\$\\{[^}]+\\}$"));
    value_list_add(list, value_ref(schema));
    value_list_add(list, text);
    value_map_set(either, "anyOf", list);
    return either;
}

/* A copy of a schema in which every property that is no text may also be a parameter. */
static Value *with_parameters(const Value *schema)
{
    if (!value_is_map(schema) && !value_is_list(schema)) return value_ref(schema);
    bool is_map = value_is_map(schema);
    Value *result = is_map ? value_map() : value_list();
    value_each (i, schema) {
        g_autoptr(Value) child = with_parameters(value_at(schema, i));
        if (!is_map) {
            value_list_add(result, value_ref(child));
            continue;
        }
        const char *key = value_key_at(schema, i);
        if (strcmp(key, "properties") != 0) {
            value_map_set(result, key, value_ref(child));
            continue;
        }
        Value *properties = value_map();
        value_each (k, child) {
            const Value *property = value_at(child, k);
            const Value *type = value_get(property, "type");
            bool is_text =
                strcmp(value_as_text(type, ""), "string") == 0 || value_get(property, "const");
            value_map_set(properties, value_key_at(child, k),
                          is_text ? value_ref(property) : or_parameter(property));
        }
        value_map_set(result, key, properties);
    }
    return result;
}

Value *scenario_schema(void)
{
    Value *spec = param_schema(scenario_params), *schema = object_schema();
    Value *metadata = object_schema(), *version = value_map(), *kind = value_map();
    set_property(&spec, "cluster", cluster_schema());
    set_property(&spec, "steps", list_of(step_schema()));
    set_property(&spec, "applications", list_of(application_schema()));
    set_property(&spec, "vary", object_schema());
    set_property(&spec, "expect", object_schema());
    value_map_set(version, "const", value_string("kennel/v1"));
    value_map_set(kind, "const", value_string("Scenario"));
    Value *name = value_map(), *required = value_list();
    value_map_set(name, "type", value_string("string"));
    set_property(&metadata, "name", name);
    set_property(&schema, "apiVersion", version);
    set_property(&schema, "kind", kind);
    set_property(&schema, "metadata", metadata);
    set_property(&schema, "spec", with_parameters(spec));
    value_unref(spec);
    value_list_add(required, value_string("apiVersion"));
    value_list_add(required, value_string("kind"));
    value_list_add(required, value_string("metadata"));
    value_list_add(required, value_string("spec"));
    value_put(&schema, required, "required");
    value_put(&schema, value_string("https://json-schema.org/draft/2020-12/schema"), "$schema");
    value_put(&schema, value_string("kennel Scenario"), "title");
    return schema;
}
