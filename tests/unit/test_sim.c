/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel: the order of events against a plain list, handles, limits, causes, digests. */
#include "sim/sim.h"
#include "tests/unit/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_MAX  300
#define HANDLES_MAX 64

/* --- the kernel against a list --- */

typedef struct {
    Nanos at;
    Rank rank;
    uint64_t seq, cause;
    uint64_t id;
    Timer timer;
} Expected;

typedef struct {
    Sim *sim;
    Rng rng;
    Expected pending[EVENTS_MAX];
    unsigned count;
    Timer dead[HANDLES_MAX]; /* handles of events that ran or were cancelled */
    uint64_t next_id, last_seq;
    uint64_t ran;
    uint64_t checksum;
    unsigned follow_ups; /* per cent */
} Model;

static void model_run(Sim *sim, void *self, uint64_t id);

static const EventType model_events[RANK_COUNT] = {
    {"fault", RANK_FAULT, model_run},   {"wire", RANK_WIRE, model_run},
    {"timer", RANK_TIMER, model_run},   {"work", RANK_WORK, model_run},
    {"sample", RANK_SAMPLE, model_run},
};

static bool is_before(const Expected *a, const Expected *b)
{
    if (a->at != b->at) return a->at < b->at;
    if (a->rank != b->rank) return a->rank < b->rank;
    return a->seq < b->seq;
}

static unsigned model_first(const Model *model)
{
    unsigned best = 0;
    for (unsigned i = 1; i < model->count; i++)
        if (is_before(&model->pending[i], &model->pending[best])) best = i;
    return best;
}

static Nanos model_next(const Model *model)
{
    return model->count ? model->pending[model_first(model)].at : NANOS_NEVER;
}

static void model_remove(Model *model, unsigned index)
{
    model->dead[rng_below(&model->rng, HANDLES_MAX)] = model->pending[index].timer;
    model->pending[index] = model->pending[--model->count];
}

static Nanos random_delay(Rng *rng)
{
    switch (rng_below(rng, 5)) {
    case 0: return 0;
    case 1: return (Nanos)rng_below(rng, 3);
    case 2: return (Nanos)rng_below(rng, 200);
    case 3: return (Nanos)rng_below(rng, (uint64_t)NANOS_S);
    default: return (Nanos)rng_below(rng, UINT64_C(1) << rng_below(rng, 42));
    }
}

static void model_schedule(Model *model)
{
    if (model->count == EVENTS_MAX) return;
    Expected event = {
        .rank = (Rank)rng_below(&model->rng, RANK_COUNT),
        .seq = ++model->last_seq,
        .cause = sim_seq(model->sim),
        .id = model->next_id++,
    };
    Nanos delay = random_delay(&model->rng);
    event.at = sim_now(model->sim) + delay;
    const EventType *type = &model_events[event.rank];
    event.timer = rng_below(&model->rng, 2) ? sim_after(model->sim, delay, type, model, event.id)
                                            : sim_at(model->sim, event.at, type, model, event.id);
    CU_ASSERT(sim_is_pending(model->sim, event.timer));
    model->pending[model->count++] = event;
}

static void model_cancel(Model *model)
{
    if (rng_below(&model->rng, 3) == 0 || model->count == 0) {
        Timer dead = model->dead[rng_below(&model->rng, HANDLES_MAX)];
        CU_ASSERT(!sim_is_pending(model->sim, dead));
        EQUAL_INT(sim_due(model->sim, dead), NANOS_NEVER);
        CU_ASSERT(!sim_cancel(model->sim, dead));
        return;
    }
    unsigned index = (unsigned)rng_below(&model->rng, model->count);
    Timer timer = model->pending[index].timer;
    EQUAL_INT(sim_due(model->sim, timer), model->pending[index].at);
    CU_ASSERT(sim_cancel(model->sim, timer));
    CU_ASSERT(!sim_cancel(model->sim, timer));
    model_remove(model, index);
}

/* The event that runs must be the first of the list. */
static void model_run(Sim *sim, void *self, uint64_t id)
{
    Model *model = self;
    unsigned first = model_first(model);
    CHECK(model->count > 0);
    Expected expected = model->pending[first];
    CU_ASSERT(expected.id == id && expected.at == sim_now(sim));
    CU_ASSERT(expected.seq == sim_seq(sim) && expected.cause == sim_cause(sim));
    CU_ASSERT(sim_current(sim) == &model_events[expected.rank]);
    CU_ASSERT(!sim_is_pending(sim, expected.timer) && !sim_cancel(sim, expected.timer));
    model_remove(model, first);
    model->ran++;
    model->checksum = mix64(model->checksum ^ id);
    while (rng_below(&model->rng, 100) < model->follow_ups) {
        if (rng_below(&model->rng, 4) == 0)
            model_cancel(model);
        else
            model_schedule(model);
    }
    if (rng_below(&model->rng, 50) == 0) EQUAL_INT(sim_next(sim), model_next(model));
}

static void model_run_until(Model *model)
{
    Nanos until = sim_now(model->sim) + random_delay(&model->rng);
    uint64_t budget = rng_below(&model->rng, 3) ? 0 : 1 + rng_below(&model->rng, 5);
    uint64_t before = sim_events(model->sim);
    SimEnd end = sim_run(model->sim, until, budget);
    uint64_t ran = sim_events(model->sim) - before;
    Nanos next = model_next(model);
    CU_ASSERT(!budget || ran <= budget);
    CU_ASSERT((end == SIM_EMPTY) == (model->count == 0));
    CU_ASSERT((end == SIM_TIME) == (model->count > 0 && next > until));
    CU_ASSERT((end == SIM_BUDGET) == (budget > 0 && ran == budget && next <= until));
    CU_ASSERT(end != SIM_TIME || sim_now(model->sim) == until);
    CU_ASSERT(sim_now(model->sim) <= until);
}

static void model_step(Model *model)
{
    uint64_t choice = rng_below(&model->rng, 100);
    if (choice < 50) {
        model_schedule(model);
    } else if (choice < 65) {
        model_cancel(model);
    } else if (choice < 80) {
        bool any = model->count > 0;
        CU_ASSERT(sim_step(model->sim) == any);
    } else if (choice < 90) {
        model_run_until(model);
    } else {
        EQUAL_INT(sim_next(model->sim), model_next(model));
    }
    EQUAL_INT(sim_pending(model->sim), model->count);
    EQUAL_INT(sim_events(model->sim), model->ran);
    EQUAL_INT(sim_seq(model->sim), 0);
}

/* Returns the digest, and the order of events in *ret_checksum. */
static uint64_t run_model(uint64_t seed, unsigned steps, uint64_t *ret_checksum)
{
    g_autoptr(Sim) sim = sim_new(seed);
    g_autofree Model *model = g_new0(Model, 1);
    unsigned failures = CU_get_number_of_failures();
    model->sim = sim;
    model->rng = rng_stream(seed, "test_sim", "choices");
    for (unsigned step = 0; step < steps; step++) {
        model->follow_ups = step / 2000 % 2 ? 40 : 55;
        model_step(model);
    }
    CU_ASSERT(sim_run(sim, NANOS_NEVER, 50000) != SIM_TIME);
    if (CU_get_number_of_failures() > failures)
        fprintf(stderr, "test_sim: seed %" PRIu64 "\n", seed);
    *ret_checksum = model->checksum;
    return sim_digest(sim);
}

TEST(sim_against_a_list)
{
    uint64_t checksum, again, digest = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t last = digest;
        digest = run_model(seed, 40000, &checksum);
        CU_ASSERT(digest != last);
        if (seed <= 2) CU_ASSERT(digest == run_model(seed, 40000, &again) && checksum == again);
    }
}

/* --- single rules --- */

static void write_down(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    g_string_append_printf(self, "%c", (char)arg);
}

static const EventType fault = {"fault", RANK_FAULT, write_down};
static const EventType wire = {"wire", RANK_WIRE, write_down};
static const EventType timer = {"timer", RANK_TIMER, write_down};
static const EventType work = {"work", RANK_WORK, write_down};
static const EventType sample = {"sample", RANK_SAMPLE, write_down};

TEST(sim_ranks_within_an_instant)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    const EventType *types[] = {&sample, &work, &timer, &wire, &fault};
    for (unsigned i = 0; i < 10; i++)
        sim_at(sim, 5, types[i % 5], text, 'a' + i);
    EQUAL_INT(sim_run(sim, NANOS_NEVER, 0), SIM_EMPTY);
    EQUAL_TEXT(text->str, "ejdichbgaf");
}

static void schedule_lower(Sim *sim, void *self, uint64_t arg)
{
    write_down(sim, self, arg);
    sim_after(sim, 0, &sample, self, 's');
    sim_after(sim, 0, &work, self, 'w');
    sim_after(sim, 0, &fault, self, 'f');
}

TEST(sim_lower_rank_scheduled_at_now_goes_first)
{
    static const EventType lower = {"lower", RANK_TIMER, schedule_lower};
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    sim_at(sim, 5, &timer, text, '3');
    sim_at(sim, 5, &work, text, '4');
    sim_at(sim, 5, &lower, text, '1');
    sim_at(sim, 5, &timer, text, '2');
    sim_run(sim, NANOS_NEVER, 0);
    EQUAL_TEXT(text->str, "31f24ws");
}

/* Looking ahead, and stopping in the middle, must leave room for anything from now on. */
TEST(sim_may_schedule_before_what_was_peeked)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    sim_at(sim, 1000000, &timer, text, 'd');
    EQUAL_INT(sim_next(sim), 1000000);
    EQUAL_INT(sim_run(sim, 10, 0), SIM_TIME);
    EQUAL_INT(sim_now(sim), 10);
    sim_at(sim, 999999, &timer, text, 'c');
    EQUAL_INT(sim_next(sim), 999999);
    sim_at(sim, 10, &timer, text, 'a');
    sim_at(sim, 11, &timer, text, 'b');
    EQUAL_INT(sim_run(sim, NANOS_NEVER, 1), SIM_BUDGET);
    EQUAL_INT(sim_now(sim), 10);
    sim_at(sim, 10, &fault, text, 'A');
    Timer far = sim_at(sim, NANOS_NEVER - 1, &timer, text, 'z');
    EQUAL_INT(sim_run(sim, NANOS_HOUR, 0), SIM_TIME);
    EQUAL_TEXT(text->str, "aAbcd");
    CU_ASSERT(sim_cancel(sim, far));
    CU_ASSERT(!sim_step(sim));
    EQUAL_INT(sim_now(sim), NANOS_HOUR);
    sim_after(sim, 0, &timer, text, 'e');
    CU_ASSERT(sim_step(sim));
    EQUAL_TEXT(text->str, "aAbcde");
}

TEST(sim_budget_and_empty)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    EQUAL_INT(sim_run(sim, 100, 0), SIM_EMPTY);
    EQUAL_INT(sim_now(sim), 0);
    EQUAL_INT(sim_next(sim), NANOS_NEVER);
    for (unsigned i = 0; i < 4; i++)
        sim_at(sim, 10 * ((Nanos)i + 1), &timer, text, 'a' + i);
    EQUAL_INT(sim_run(sim, 100, 2), SIM_BUDGET);
    EQUAL_INT(sim_run(sim, 30, 1), SIM_TIME);
    EQUAL_INT(sim_run(sim, 100, 1), SIM_EMPTY);
    EQUAL_INT(sim_now(sim), 40);
    EQUAL_TEXT(text->str, "abcd");
}

static void stop_by_signal(Sim *sim, void *self, uint64_t arg)
{
    (void)arg;
    sim_after(sim, 0, &timer, self, 'x');
    raise(SIGUSR1);
}

static Sim *signalled_sim;

static void on_signal(int number)
{
    (void)number;
    sim_stop(signalled_sim); /* NOLINT(bugprone-signal-handler): sim.h promises it */
}

TEST(sim_stop_from_a_signal_handler)
{
    static const EventType stopper = {"stop", RANK_TIMER, stop_by_signal};
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    signalled_sim = sim;
    void (*before)(int) = signal(SIGUSR1, on_signal);
    sim_at(sim, 5, &stopper, text, 0);
    EQUAL_INT(sim_run(sim, 100, 0), SIM_STOPPED);
    EQUAL_INT(sim_pending(sim), 1);
    EQUAL_INT(sim_run(sim, 100, 0), SIM_EMPTY);
    EQUAL_TEXT(text->str, "x");
    /* Between runs: the next one must not miss it. */
    sim_at(sim, 50, &timer, text, 'y');
    raise(SIGUSR1);
    EQUAL_INT(sim_run(sim, 100, 0), SIM_STOPPED);
    EQUAL_INT(sim_run(sim, 100, 0), SIM_EMPTY);
    EQUAL_TEXT(text->str, "xy");
    signal(SIGUSR1, before);
}

static void chain(Sim *sim, void *self, uint64_t left)
{
    uint64_t *causes = self;
    causes[sim_seq(sim)] = sim_cause(sim);
    for (uint64_t i = 0; i < left; i++)
        sim_after(sim, 10, sim_current(sim), self, left - 1);
}

TEST(sim_cause_chain)
{
    static const EventType link = {"link", RANK_WORK, chain};
    g_autoptr(Sim) sim = sim_new(1);
    uint64_t causes[8] = {0};
    sim_at(sim, 1, &link, causes, 2);
    sim_run(sim, NANOS_NEVER, 0);
    static const uint64_t expected[8] = {0, 0, 1, 1, 2, 3, 0, 0};
    CU_ASSERT(memcmp(causes, expected, sizeof causes) == 0);
    EQUAL_INT(sim_seq(sim), 0);
    EQUAL_INT(sim_cause(sim), 0);
    CU_ASSERT_PTR_NULL(sim_current(sim));
}

TEST(sim_handles)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    CU_ASSERT(!sim_is_pending(sim, TIMER_NONE) && !sim_cancel(sim, TIMER_NONE));
    EQUAL_INT(sim_due(sim, TIMER_NONE), NANOS_NEVER);
    Timer first = sim_at(sim, 5, &timer, text, 'a');
    CU_ASSERT(!sim_is_pending(sim, TIMER_NONE));
    CU_ASSERT(sim_cancel(sim, first));
    Timer second = sim_at(sim, 5, &timer, text, 'b');
    EQUAL_INT(first.slot, second.slot);
    CU_ASSERT(!sim_cancel(sim, first) && sim_is_pending(sim, second));
    sim_run(sim, 10, 0);
    EQUAL_TEXT(text->str, "b");
    CU_ASSERT(!sim_cancel(sim, second));
    CU_ASSERT(!sim_is_pending(sim, (Timer){UINT32_MAX, 1}));
}

/* A timer that is pushed back again and again must not pile up dead entries. */
TEST(sim_many_cancels)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    Timer keep = sim_at(sim, 2000000, &timer, text, 'k');
    for (unsigned i = 0; i < 300000; i++) {
        Timer lease = sim_at(sim, 1000000 + i, &timer, text, 'x');
        CU_ASSERT_FATAL(sim_cancel(sim, lease));
    }
    EQUAL_INT(sim_pending(sim), 1);
    EQUAL_INT(sim_next(sim), 2000000);
    CU_ASSERT(sim_is_pending(sim, keep));
    EQUAL_INT(sim_run(sim, NANOS_NEVER, 0), SIM_EMPTY);
    EQUAL_TEXT(text->str, "k");
}

static uint64_t digest_of(const EventType *first, const EventType *second, Nanos at, uint64_t word)
{
    g_autoptr(Sim) sim = sim_new(1);
    g_autoptr(GString) text = g_string_new(NULL);
    sim_at(sim, at, first, text, 'a');
    sim_at(sim, 5, second, text, 'b');
    sim_run(sim, NANOS_NEVER, 0);
    if (word) sim_fold(sim, word);
    return sim_digest(sim);
}

TEST(sim_digest_tells_runs_apart)
{
    uint64_t digests[] = {
        digest_of(&timer, &timer, 5, 0), digest_of(&timer, &timer, 6, 0),
        digest_of(&timer, &work, 5, 0),  digest_of(&work, &timer, 5, 0),
        digest_of(&timer, &timer, 5, 1), digest_of(&timer, &timer, 5, 2),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(digests); i++)
        for (size_t j = 0; j < i; j++)
            CU_ASSERT(digests[i] != digests[j]);
    CU_ASSERT(digests[0] == digest_of(&timer, &timer, 5, 0));
}

/* Equal on every machine, with every compiler and option. */
TEST(sim_digest_is_fixed)
{
    CU_ASSERT(digest_of(&timer, &timer, 5, 7) == UINT64_C(0x5fb7f2c7ce93cb0d));
}

TEST(sim_stream_and_seed)
{
    g_autoptr(Sim) sim = sim_new(42);
    EQUAL_INT(sim_seed(sim), 42);
    Rng a = sim_stream(sim, "owner", "purpose"), b = rng_stream(42, "owner", "purpose");
    CU_ASSERT(rng_u64(&a) == rng_u64(&b));
}

/* --- programmer errors --- */

static void nest(Sim *sim, void *self, uint64_t arg)
{
    (void)self;
    if (arg)
        sim_run(sim, 10, 0);
    else
        sim_at(sim, sim_now(sim) - 1, sim_current(sim), NULL, 0);
}

static void expect_abort(uint64_t arg, const char *expected)
{
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        static const EventType nested = {"nested", RANK_WORK, nest};
        dup2(pipes[1], STDERR_FILENO);
        Sim *sim = sim_new(77);
        sim_at(sim, 1500, &nested, NULL, arg);
        sim_run(sim, NANOS_NEVER, 0);
        _exit(0);
    }
    close(pipes[1]);
    char text[2048] = "";
    size_t length = 0;
    for (ssize_t got; (got = read(pipes[0], text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    close(pipes[0]);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CU_ASSERT(strstr(text, expected) != NULL);
    CU_ASSERT(strstr(text, "at 1.5us (1500 ns), seed 77, 1 events run, in event 1 'nested' caused "
                           "by event 0") != NULL);
}

TEST(sim_programmer_errors_tell_where)
{
    expect_abort(0, "event 'nested' at 1499 ns, now is 1500 ns");
    expect_abort(1, "an event may not run the simulation it is part of");
}
