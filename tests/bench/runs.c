/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-runs: small scenarios run per second, world built and freed each time, without and with a
 * timeline. The reference turns over as many events of a bare 4-ary heap of 16-byte keys: what is
 * above a ratio of 1 is the price of the world. The unit is a run.
 */
#include "models/world.h"
#include "tests/bench/bench.h"

#include <glib/gstdio.h>

typedef struct {
    ScenarioSet *set;
    const char *database; /* NULL: nothing is recorded */
    uint64_t events;      /* of a run */
    uint64_t digest;
} Case;

enum { RUNS = 5, PENDING = 64 };

static const char scenario_text[] =
    "apiVersion: kennel/v1\nkind: Scenario\nmetadata: {name: failover}\nspec:\n"
    "  duration: 30m\n  cluster: {nodes: 3}\n  steps:\n"
    "  - at: 5m\n    inject: {action: node-stop, selector: {pod: web-1}, duration: 15m}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}\n"
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec:\n"
    "  serviceName: web\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n"
    "  template:\n    metadata: {labels: {app: web}}\n"
    "    spec: {containers: [{name: c, image: 'web:1'}]}\n"
    "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec:\n"
    "      accessModes: [ReadWriteOnce]\n      resources: {requests: {storage: 1Gi}}\n";

static Timeline *begin_timeline(const Case *one, World *world)
{
    RunInfo info = {"failover", "", "0", "0", "", 1, WORLD_EPOCH_S, NULL};
    Timeline *timeline = timeline_create(one->database, world_rows, ROW_COUNT, world_views(), NULL);
    CHECK(timeline && timeline_begin_run(timeline, &info, world_atoms(world), NULL));
    world_record_to(world, timeline);
    return timeline;
}

static uint64_t run_once(const Case *one, uint64_t *ret_events)
{
    g_autoptr(World) world = world_new(one->set->variants->pdata[0], 1, NULL);
    CHECK(world);
    Timeline *timeline = one->database ? begin_timeline(one, world) : NULL;
    CHECK(world_run(world, NULL, NULL) == WORLD_COMPLETE);
    const Sim *sim = world_sim(world);
    *ret_events = sim_events(sim);
    uint64_t digest = sim_digest(sim);
    if (timeline) {
        bool ok = timeline_end_run(timeline, "complete", sim_now(sim), *ret_events, digest, NULL);
        CHECK(ok && timeline_close(timeline, NULL));
    }
    return digest;
}

static uint64_t ours(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const Case *one = parameters;
    uint64_t events, digest = 0;
    for (unsigned i = 0; i < RUNS; i++)
        digest = run_once(one, &events);
    return digest;
}

/* The digest is the world's own, so that the pair agrees. */
static uint64_t bare(const void *parameters, int64_t *begin_ns)
{
    const Case *one = parameters;
    BenchHeap heap;
    bench_heap_init(&heap, PENDING + 1);
    Rng rng = rng_stream(1, "bench", "bare");
    for (unsigned i = 0; i < PENDING; i++)
        bench_heap_push(&heap, bench_key((Nanos)rng_below(&rng, NANOS_S), i));
    *begin_ns = bench_cpu_ns();
    uint64_t sum = 0;
    for (uint64_t i = 0; i < one->events * RUNS; i++) {
        Nanos at = bench_key_at(bench_heap_min(&heap));
        sum += (uint64_t)at;
        bench_heap_sink(&heap, bench_key(at + (Nanos)rng_below(&rng, NANOS_S), i));
    }
    bench_heap_free(&heap);
    return one->digest + (sum == 0);
}

int main(int argc, char **argv)
{
    g_autofree char *folder = g_dir_make_tmp("kennel-bench-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "scenario.yaml", NULL);
    g_autofree char *database = g_build_filename(folder, "timeline.sqlite", NULL);
    CHECK(g_file_set_contents(path, scenario_text, -1, NULL));
    g_autoptr(ScenarioSet) set = scenario_load(path, NULL, NULL, NULL);
    CHECK(set);
    Case plain = {set, NULL, 0, 0};
    plain.digest = run_once(&plain, &plain.events);
    Case recorded = plain;
    recorded.database = database;
    unsigned rounds = bench_rounds(argc, argv, 9);
    bench_head();
    Bench a = {"runs, not recorded", ours, bare, &plain, RUNS, rounds};
    Bench b = {"runs, recorded", ours, bare, &recorded, RUNS, rounds};
    bool ok = bench_run(&a) && bench_run(&b);
    printf("events a run: %" PRIu64 "\n", plain.events);
    g_remove(database);
    g_remove(path);
    g_rmdir(folder);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
