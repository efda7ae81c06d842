/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - the way of a request to the API server and of its answer back.
 * Mirrors: kubernetes v1.36 client-go/rest/request.go, client-go/util/flowcontrol
 * Simplified: packets are lost, never refused or reordered; a lost connection is not noticed
 *          before the request's timeout; the server's own queues (priority and fairness) are part
 *          of the latency drawn.
 * State: of a call
 *     waiting --token--> under way --arrival--> answered --answer--> done
 *                  \ link cut                \ way back cut
 *                   +-----------> lost <------+  --timeout--> done (REASON_TIMEOUT)
 */
#include "models/machinery.h"

#define DEFAULT_TIMEOUT (60 * NANOS_S)

typedef struct Call Call;
struct Call {
    Call *previous, *next;
    Client *client;
    uint32_t incarnation;
    Request request;
    Reply reply;
    ClientDone done;
    void *self;
    Nanos sent_at, back;
};

struct Calls {
    World *world;
    Pool *pool;
    Call *first;
};

Calls *client_calls_new(World *world)
{
    Calls *calls = g_new0(Calls, 1);
    calls->world = world;
    calls->pool = pool_new(sizeof(Call));
    return calls;
}

static void call_free(Calls *calls, Call *call)
{
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        calls->first = call->next;
    if (call->next != NULL) call->next->previous = call->previous;
    request_clear(&call->request);
    reply_clear(&call->reply);
    pool_give(calls->pool, call);
}

void client_calls_free(Calls *calls)
{
    while (calls->first != NULL)
        call_free(calls, calls->first);
    pool_free(calls->pool);
    g_free(calls);
}

Client client_make(Process *process, const char *name, Nanos timeout)
{
    return (Client){.process = process,
                    .timeout = timeout > 0 ? timeout : DEFAULT_TIMEOUT,
                    .rng = sim_stream(process->sim, name, "api"),
                    .name = world_atom(process->world, name)};
}

static Calls *call_list(const Call *call)
{
    return world_calls(call->client->process->world);
}

/* The sender died: nobody waits for this call any more. */
static bool call_is_orphaned(const Call *call)
{
    return call->incarnation != call->client->process->incarnation;
}

static void call_answered(Sim *sim, void *self, uint64_t arg);
static void call_lost(Sim *sim, void *self, uint64_t arg);
static const EventType answer_event = {"answer", RANK_WIRE, call_answered};
static const EventType timeout_event = {"request-timeout", RANK_TIMER, call_lost};

static void call_finish(Call *call)
{
    Calls *calls = call_list(call);
    if (!call_is_orphaned(call)) call->done(call->self, &call->reply);
    call_free(calls, call);
}

static void call_answered(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Call *call = self;
    if (process_defer(call->client->process, &answer_event, call, arg)) return;
    call_finish(call);
}

static void call_lost(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Call *call = self;
    if (process_defer(call->client->process, &timeout_event, call, arg)) return;
    reply_clear(&call->reply);
    call->reply = (Reply){.reason = REASON_TIMEOUT,
                          .message = g_strdup("context deadline exceeded (Client.Timeout "
                                              "exceeded while awaiting headers)")};
    call_finish(call);
}

static void call_lose(Sim *sim, Call *call)
{
    Nanos due = call->sent_at + call->client->timeout;
    sim_at(sim, MAX(due, sim_now(sim)), &timeout_event, call, 0);
}

/* At the server: this happens whatever has become of the sender. */
static void call_arrived(Sim *sim, void *self, uint64_t arg)
{
    (void)arg;
    Call *call = self;
    Process *process = call->client->process;
    world_act_for(process->world, call->client->name);
    server_handle(world_server(process->world), sim_now(sim), &call->request, &call->reply);
    world_act_for(process->world, ATOM_NONE);
    if (process->is_cut_from)
        call_lose(sim, call);
    else
        sim_after(sim, call->back, &answer_event, call, 0);
}

static const EventType arrival_event = {"request", RANK_WIRE, call_arrived};

static void call_leave(Sim *sim, Call *call)
{
    const LatencyConfig *latency = &world_config(call->client->process->world)->latency;
    bool is_read = call->request.verb == REQUEST_GET;
    Nanos total = dist_draw(is_read ? &latency->api_read : &latency->api_write, &call->client->rng);
    call->sent_at = sim_now(sim);
    call->back = total - total / 2;
    if (call->client->process->is_cut_to)
        call_lose(sim, call);
    else
        sim_after(sim, total / 2, &arrival_event, call, 0);
}

static void call_departs(Sim *sim, void *self, uint64_t arg);
static const EventType departure_event = {"request-leaves", RANK_WIRE, call_departs};

static void call_departs(Sim *sim, void *self, uint64_t arg)
{
    Call *call = self;
    if (process_defer(call->client->process, &departure_event, call, arg)) return;
    if (call_is_orphaned(call))
        call_free(call_list(call), call);
    else
        call_leave(sim, call);
}

bool client_owns(const EventType *type)
{
    return type == &answer_event || type == &timeout_event || type == &departure_event;
}

void client_send(Client *client, Request *request, ClientDone done, void *self)
{
    Process *process = client->process;
    CHECK(process->is_up && !process->is_rehearsal);
    Calls *calls = world_calls(process->world);
    Call *call = pool_take(calls->pool);
    *call = (Call){.next = calls->first,
                   .client = client,
                   .incarnation = process->incarnation,
                   .request = *request,
                   .done = done,
                   .self = self};
    request->body = NULL;
    if (call->next != NULL) call->next->previous = call;
    calls->first = call;
    Nanos now = sim_now(process->sim);
    Nanos leaves = bucket_reserve(&client->bucket, now);
    if (leaves > now)
        sim_at(process->sim, leaves, &departure_event, call, 0);
    else
        call_leave(process->sim, call);
}
