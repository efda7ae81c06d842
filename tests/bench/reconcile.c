/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-reconcile: what a decision of the StatefulSet controller costs.
 *
 * cases: recorded single cases a second of CPU, from JSON text to JSON text: parsing, filling the
 *        cache, deciding, writing the result (the recording in tests/conformance, plain in memory).
 * decisions: syncs a second of the same cases' sets of up to 7 replicas, objects in the cache. A
 *        sync takes so little that reading the clock counts; what a read costs is taken off.
 * healthy: one sync of a healthy set of 100, 1,000 and 10,000 replicas with a claim each; its cost
 *        grows linearly in instructions (2,720, 2,790 and 3,060 a replica by callgrind); beyond
 *        some 5,000 replicas the objects leave the processor's cache and each costs more time.
 * The last column is a checksum of what was decided. What misses a bound is marked: 6,000 cases and
 * 100,000 decisions a second, 5,000 healthy replicas within 5 ms, the cost of a replica among 10,000
 * at most three times that among 1,000. Times of a shared machine never fail the program.
 */
#include "models/rehearsal.h"
#include "sim/json.h"
#include "tests/bench/bench.h"
#include "tools/cases.h"
#include "tools/lines.h"

#define CASES "tests/conformance/single.jsonl.gz"

enum { ROUNDS = 7, CASES_A_ROUND = 2000, SYNCS = 100, SETS = 300 };

typedef struct {
    GPtrArray *texts; /* of GString */
    size_t bytes;
} Recording;

static Recording recording_load(const char *file)
{
    Recording recording = {.texts = g_ptr_array_new()};
    g_autoptr(GError) error = NULL;
    g_autoptr(Lines) lines = lines_open(file, &error);
    size_t length;
    const char *line;
    while (lines != NULL && (line = lines_next(lines, &length, &error)) != NULL) {
        g_ptr_array_add(recording.texts, g_string_new_len(line, (gssize)length));
        recording.bytes += length;
    }
    CHECK_THAT(error == NULL, "%s", error->message);
    return recording;
}

static void recording_free(Recording *recording)
{
    for (unsigned i = 0; i < recording->texts->len; i++)
        g_string_free(recording->texts->pdata[i], TRUE);
    g_ptr_array_unref(recording->texts);
}

static const GString *text_at(const Recording *recording, unsigned index)
{
    return recording->texts->pdata[index % recording->texts->len];
}

static void report(const char *what, double ns, uint64_t checksum, bool is_within)
{
    printf("%-28s %12.0f ns %12.0f /s  %016" PRIx64 "%s\n", what, ns, 1e9 / ns, checksum,
           is_within ? "" : "  over its bound");
    fflush(stdout);
}

/* --- from text to text --- */

static uint64_t run_text(CaseRunner *runner, const GString *text, GString *out)
{
    g_autoptr(Value) recorded = json_parse(text->str, text->len, CASES, 1, NULL);
    g_autoptr(Value) result = case_run(runner, recorded, NULL);
    CHECK(result != NULL);
    g_string_truncate(out, 0);
    json_write_canonical(result, out);
    return hash_bytes(out->str, out->len);
}

static void bench_cases(const Recording *recording)
{
    const CaseOptions options = {.minor = 36};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    g_autoptr(GString) out = g_string_new(NULL);
    double times[ROUNDS];
    uint64_t checksum = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t begin = bench_cpu_ns();
        checksum = 0;
        for (unsigned i = 0; i < CASES_A_ROUND; i++)
            checksum = mix64(checksum + run_text(runner, text_at(recording, i), out));
        times[round] = (double)(bench_cpu_ns() - begin) / CASES_A_ROUND;
    }
    double ns = bench_median(times, ROUNDS);
    printf("%zu bytes a case\n", recording->bytes / recording->texts->len);
    report("case, text to text", ns, checksum, ns <= 1e9 / 6000);
}

/* --- decisions --- */

static bool is_small(const Value *recorded)
{
    const Value *replicas = value_find(recorded, "set", "spec", "replicas");
    return value_as_int(replicas, 1) <= 7 && value_get(recorded, "steps") == NULL;
}

/* What lies between two reads of the clock with nothing between them. */
static double clock_ns(void)
{
    enum { READS = 10000 };
    double times[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t spent = 0;
        for (unsigned i = 0; i < READS; i++) {
            int64_t begin = bench_cpu_ns();
            spent += bench_cpu_ns() - begin;
        }
        times[round] = (double)spent / READS;
    }
    return bench_median(times, ROUNDS);
}

/* Each sync begins with the case's objects as they are recorded; putting them back is not timed. */
static void bench_decisions(const Recording *recording)
{
    const CaseOptions options = {.minor = 36};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    uint64_t checksum = 0;
    unsigned count = 0;
    int64_t spent = 0;
    for (unsigned i = 0; count < SYNCS * SETS; i++) {
        const GString *text = text_at(recording, i);
        g_autoptr(Value) recorded = json_parse(text->str, text->len, CASES, 1, NULL);
        if (!is_small(recorded)) continue;
        Key set;
        Rehearsal *rehearsal = case_stage(runner, recorded, &set, NULL);
        CHECK(rehearsal != NULL);
        for (unsigned repeat = 0; repeat < SYNCS; repeat++, count++) {
            rehearsal_restore(rehearsal);
            int64_t begin = bench_cpu_ns();
            const RehearsalRecord *record = rehearsal_sync(rehearsal, set);
            spent += bench_cpu_ns() - begin;
            checksum = mix64(checksum + record->act_count);
        }
    }
    double ns = (double)spent / count - clock_ns();
    report("decision, up to 7 replicas", ns, checksum, ns <= 1e4);
}

/* --- healthy sets --- */

static const char set_text[] =
    "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"set-web-u1\","
    "\"resourceVersion\":\"1\",\"generation\":1},\"spec\":{\"replicas\":%u,\"serviceName\":\"web\","
    "\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"podManagementPolicy\":\"Parallel\","
    "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"partition\":0}},"
    "\"revisionHistoryLimit\":10,\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"}}],"
    "\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"Retain\",\"whenScaled\":"
    "\"Retain\"},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{"
    "\"containers\":"
    "[{\"name\":\"main\",\"image\":\"nginx\"}]}}}}";

static void put_text(Rehearsal *rehearsal, Kind kind, const char *text)
{
    Value *value = json_parse(text, strlen(text), "bench", 1, NULL);
    CHECK(value != NULL);
    rehearsal_put(rehearsal, IN_BOTH, kind, value);
}

/* Plays until nothing is written any more: every pod created is made Running and Ready. */
static void grow(Rehearsal *rehearsal, unsigned replicas)
{
    char text[2048];
    g_snprintf(text, sizeof text, set_text, replicas);
    put_text(rehearsal, KIND_STATEFUL_SET, text);
    Key key = rehearsal_key(rehearsal, KIND_STATEFUL_SET, "default", "web");
    rehearsal_sync(rehearsal, key);
    ObjectList pods = table_kind(rehearsal_api(rehearsal), KIND_POD);
    CHECK(pods.count == replicas);
    for (unsigned i = 0; i < pods.count; i++) {
        const Object *pod = pods.items[i];
        Value *value = value_ref(pod->value), *conditions = value_list(), *ready = value_map();
        value_map_set(ready, "type", value_string("Ready"));
        value_map_set(ready, "status", value_string("True"));
        value_map_set(ready, "lastTransitionTime", value_string("2026-01-01T00:00:00Z"));
        value_list_add(conditions, ready);
        value_put(&value, conditions, "status", "conditions");
        value_put(&value, value_string("Running"), "status", "phase");
        value_put(&value, value_string("2"), "metadata", "resourceVersion");
        rehearsal_put(rehearsal, IN_API, KIND_POD, value);
    }
    Value *set = value_ref(table_get(rehearsal_api(rehearsal), key)->value);
    value_put(&set, value_string("OrderedReady"), "spec", "podManagementPolicy");
    value_put(&set, value_string("9"), "metadata", "resourceVersion");
    rehearsal_put(rehearsal, IN_API, KIND_STATEFUL_SET, set);
    rehearsal_refresh(rehearsal);
    rehearsal_sync(rehearsal, key); /* the status */
    rehearsal_refresh(rehearsal);
}

static double healthy_ns(unsigned replicas, uint64_t *checksum)
{
    g_autoptr(Rehearsal) rehearsal = rehearsal_new(36, NULL);
    double times[ROUNDS];
    rehearsal_at(rehearsal, NANOS_HOUR);
    grow(rehearsal, replicas);
    Key key = rehearsal_key(rehearsal, KIND_STATEFUL_SET, "default", "web");
    for (unsigned round = 0; round < ROUNDS; round++) {
        int64_t begin = bench_cpu_ns();
        const RehearsalRecord *record = rehearsal_sync(rehearsal, key);
        times[round] = (double)(bench_cpu_ns() - begin);
        CHECK(record->act_count == 0 && !record->has_failed);
        *checksum = mix64(*checksum +
                          (uint64_t)value_as_int(value_get(record->status, "readyReplicas"), 0));
    }
    return bench_median(times, ROUNDS);
}

static void bench_healthy(void)
{
    static const unsigned sizes[] = {100, 1000, 5000, 10000};
    double first = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        uint64_t checksum = 0;
        double ns = healthy_ns(sizes[i], &checksum);
        if (i == 1) first = ns / sizes[1];
        bool is_within = (i < 2 || ns / sizes[i] <= 3 * first) && (sizes[i] != 5000 || ns < 5e6);
        g_autofree char *name = g_strdup_printf("healthy sync, %u", sizes[i]);
        report(name, ns, checksum, is_within);
        printf("%-28s %12.1f ns a replica\n", "", ns / sizes[i]);
    }
}

/* The argument: another recording. */
int main(int argc, char **argv)
{
    Recording recording = recording_load(argc > 1 ? argv[1] : CASES);
    bench_cases(&recording);
    bench_decisions(&recording);
    bench_healthy();
    recording_free(&recording);
    return 0;
}
