/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.c - what reading manifests and writing a status cost.
 *
 * parse: a stream of StatefulSets of about 1 MB, by the byte; the reference is libyaml's events
 * alone, which no reader on libyaml can beat. Both count the nodes. put: a new version of an object
 * by two path copies while the old version is held; the reference copies the whole object.
 */
#include "sim/yaml.h"
#include "tests/bench/bench.h"

#include <yaml.h>

#define STREAM_BYTES (1 << 20)
#define PUTS         50000

static const char manifest[] = "---\n"
                               "apiVersion: apps/v1\n"
                               "kind: StatefulSet\n"
                               "metadata:\n"
                               "  name: web-%d\n"
                               "  labels: {app: nginx, \"tier\": \"%d\"}\n"
                               "spec:\n"
                               "  serviceName: \"nginx\"\n"
                               "  replicas: %d\n"
                               "  podManagementPolicy: OrderedReady\n"
                               "  selector:\n"
                               "    matchLabels:\n"
                               "      app: nginx # has to match the template\n"
                               "  template:\n"
                               "    metadata:\n"
                               "      labels:\n"
                               "        app: nginx\n"
                               "    spec:\n"
                               "      terminationGracePeriodSeconds: 10\n"
                               "      containers:\n"
                               "      - name: nginx\n"
                               "        image: registry.k8s.io/nginx-slim:0.24\n"
                               "        args: [\"--port=80\", --verbose, '-x']\n"
                               "        ports:\n"
                               "        - containerPort: 80\n"
                               "          name: web\n"
                               "        volumeMounts:\n"
                               "        - name: www\n"
                               "          mountPath: /usr/share/nginx/html\n"
                               "  volumeClaimTemplates:\n"
                               "  - metadata:\n"
                               "      name: www\n"
                               "    spec:\n"
                               "      accessModes: [\"ReadWriteOnce\"]\n"
                               "      storageClassName: standard\n"
                               "      resources:\n"
                               "        requests:\n"
                               "          storage: 1Gi\n";

static GString *stream_new(void)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; text->len < STREAM_BYTES; i++)
        g_string_append_printf(text, manifest, i, i % 7, i % 5 + 1);
    return text;
}

/* --- parse --- */

static uint64_t nodes_count(const Value *value)
{
    uint64_t count = value_is_map(value) ? 1 + value_size(value) : 1;
    value_each (i, value)
        count += nodes_count(value_at(value, i));
    return count;
}

static uint64_t parse_ours(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const GString *text = parameters;
    uint64_t count = 0;
    g_autoptr(YamlStream) stream = yaml_parse(text->str, text->len, "bench", NULL);
    CHECK(stream != NULL);
    for (unsigned i = 0; i < yaml_count(stream); i++)
        count += nodes_count(yaml_at(stream, i)->value);
    return count;
}

static uint64_t parse_reference(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const GString *text = parameters;
    yaml_parser_t parser;
    uint64_t count = 0;
    int good = yaml_parser_initialize(&parser);
    CHECK(good);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->str, text->len);
    for (bool end = false; !end;) {
        yaml_event_t event;
        good = yaml_parser_parse(&parser, &event);
        CHECK(good);
        count += event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
                 event.type == YAML_MAPPING_START_EVENT;
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return count;
}

/* --- put --- */

static Value *copied(const Value *value)
{
    Value *copy = value_is_map(value) ? value_map() : value_list();
    value_each (i, value) {
        const Value *child = value_at(value, i);
        bool leaf = !value_is_map(child) && !value_is_list(child);
        Value *new = leaf ? value_ref(child) : copied(child);
        if (value_is_map(value))
            value_map_set(copy, value_key_at(value, i), new);
        else
            value_list_add(copy, new);
    }
    return copy;
}

static uint64_t put(const Value *object, bool whole)
{
    Value *held = value_ref(object);
    for (int i = 0; i < PUTS; i++) {
        Value *next = whole ? copied(held) : value_ref(held);
        value_put(&next, value_int(i), "status", "readyReplicas");
        value_put(&next, value_int(i), "metadata", "resourceVersion");
        value_unref(held);
        held = next;
    }
    uint64_t hash = value_hash(held);
    value_unref(held);
    return hash;
}

static uint64_t put_ours(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    return put(parameters, false);
}

static uint64_t put_reference(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    return put(parameters, true);
}

/* bench-yaml [ROUNDS] */
int main(int argc, char **argv)
{
    int64_t rounds = 9;
    if (argc > 1 && !text_to_int(argv[1], &rounds)) return EXIT_FAILURE;
    rounds = CLAMP(rounds, 1, BENCH_ROUNDS_MAX);
    g_autoptr(GString) text = stream_new();
    g_autoptr(YamlStream) stream = yaml_parse(text->str, text->len, "bench", NULL);
    CHECK(stream != NULL);
    bench_head();
    bool ok = bench_run(&(Bench){"parse, by the byte", parse_ours, parse_reference, text,
                                 (double)text->len, (unsigned)rounds});
    ok &= bench_run(&(Bench){"status write", put_ours, put_reference, yaml_at(stream, 0)->value,
                             PUTS, (unsigned)rounds});
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
