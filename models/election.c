/* SPDX-License-Identifier: Apache-2.0 */
/*
 * election.c - leader election by a Lease object.
 * Mirrors: kubernetes v1.36 client-go/tools/leaderelection/leaderelection.go
 * Simplified: no release on orderly shutdown, no coordinated election, no health check after a
 *          restart; the candidate's clock runs at the true rate.
 * State:
 *     OFF --start--> CANDIDATE --won--> LEADER --renew deadline passed--> process exits
 *                      ^  |                ^ |
 *                      +--+ poll           +-+ renew
 */
#include "models/election.h"
#include "models/machinery.h"

typedef enum { ELECTION_OFF, ELECTION_CANDIDATE, ELECTION_LEADER } ElectionState;

struct Election {
    Process *process;
    Key key;
    Atom ref;
    ElectionState state;
    Client client;
    Rng rng;
    Atom identity; /* of this incarnation: a restarted process is another candidate */
    Timer timer, deadline;
    const Object *observed; /* the last record read or written */
    Nanos observed_at, tried_at;
};

static World *election_world(const Election *election)
{
    return election->process->world;
}

static const ControlPlaneConfig *election_config(const Election *election)
{
    return &world_config(election_world(election))->control_plane;
}

Election *election_new(Process *process, const char *lease)
{
    World *world = process->world;
    Election *election = g_new0(Election, 1);
    election->process = process;
    const char *slash = strchr(lease, '/');
    g_autofree char *space =
        slash != NULL ? g_strndup(lease, (size_t)(slash - lease)) : g_strdup("kube-system");
    election->key = (Key){KIND_LEASE, world_atom(world, space),
                          world_atom(world, slash != NULL ? slash + 1 : lease)};
    election->ref = key_ref(world_atoms(world), election->key);
    const char *name = atom_text(world_atoms(world), process->name);
    g_autofree char *client = g_strconcat("leader-election@", name, NULL);
    Nanos timeout = MAX(world_config(world)->control_plane.renew_deadline / 2, NANOS_S);
    election->client = client_make(process, client, timeout);
    election->rng = sim_stream(process->sim, name, "election");
    return election;
}

void election_free(Election *election)
{
    if (election == NULL) return;
    object_unref(election->observed);
    g_free(election);
}

static void election_observe(Election *election, const Object *lease)
{
    if (election->observed != NULL && lease->version == election->observed->version) return;
    object_unref(election->observed);
    election->observed = object_ref(lease);
    election->observed_at = sim_now(election->process->sim);
}

static void election_forget(Election *election)
{
    object_unref(election->observed);
    election->observed = NULL;
}

static bool election_is_mine(const Election *election)
{
    return election->observed != NULL &&
           lease_view(election->observed)->holder == election->identity;
}

/* --- timing --- */

static void election_try(Sim *sim, void *self, uint64_t arg);
static const EventType try_event = {"lease", RANK_TIMER, election_try};

static void election_wait(Election *election, Nanos delay)
{
    election->timer = sim_after(election->process->sim, delay, &try_event, election, 0);
}

/* An attempt to become or stay leader failed. */
static void election_failed(Election *election)
{
    const ControlPlaneConfig *config = election_config(election);
    if (election->state == ELECTION_LEADER) {
        Nanos elapsed = sim_now(election->process->sim) - election->tried_at;
        election_wait(election, MAX(config->retry_period - elapsed, 0));
        return;
    }
    Nanos jitter = (Nanos)(rng_unit(&election->rng) * 1.2 * (double)config->retry_period);
    election_wait(election, config->retry_period + jitter);
}

/* Renewing has failed for too long. */
static void election_lost(Sim *sim, void *self, uint64_t arg);
static const EventType lost_event = {"lease-lost", RANK_TIMER, election_lost};

static void election_lost(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Election *election = self;
    if (process_defer(election->process, &lost_event, election, arg)) return;
    if (election->state == ELECTION_LEADER && (uint32_t)arg == election->process->incarnation)
        process_exit(election->process, "leader election lost");
}

static void election_won(Election *election)
{
    Process *process = election->process;
    sim_cancel(process->sim, election->deadline);
    election_wait(election, election_config(election)->retry_period);
    if (election->state == ELECTION_LEADER) return;
    election->state = ELECTION_LEADER;
    world_fact(process->world, ROW_LEADER, (Fact){.actor = process->name, .object = election->ref});
    process_lead(process);
}

/* --- requests --- */

static void put_time(Value **lease, const char *field, Nanos at)
{
    char text[TIME_TEXT_MAX];
    value_put(lease, value_string(time_format_micro(at, text)), "spec", field);
}

/* The record that says that this process leads now; `old` is what it replaces, or NULL. */
static Value *election_record(const Election *election, const Object *old)
{
    const AtomTable *atoms = world_atoms(election_world(election));
    Nanos now = sim_now(election->process->sim);
    Value *lease = old != NULL ? value_ref(old->value) : value_map();
    bool is_mine = old != NULL && lease_view(old)->holder == election->identity;
    if (old == NULL) {
        value_map_set(lease, "apiVersion", value_string("coordination.k8s.io/v1"));
        value_map_set(lease, "kind", value_string("Lease"));
        value_put(&lease, value_string(atom_text(atoms, election->key.name)), "metadata", "name");
        value_put(&lease, value_string(atom_text(atoms, election->key.space)), "metadata",
                  "namespace");
    }
    if (!is_mine) {
        int64_t transitions = old != NULL ? lease_view(old)->transitions + 1 : 0;
        int64_t seconds = election_config(election)->lease_duration / NANOS_S;
        value_put(&lease, value_string(atom_text(atoms, election->identity)), "spec",
                  "holderIdentity");
        value_put(&lease, value_int(seconds), "spec", "leaseDurationSeconds");
        value_put(&lease, value_int(transitions), "spec", "leaseTransitions");
        put_time(&lease, "acquireTime", now);
    }
    put_time(&lease, "renewTime", now);
    return lease;
}

static Request election_write(const Election *election, const Object *old)
{
    return (Request){.verb = old != NULL ? REQUEST_UPDATE : REQUEST_CREATE,
                     .key = election->key,
                     .body = election_record(election, old),
                     .version = old != NULL ? old->version : 0,
                     .grace_s = -1};
}

static void election_written(void *self, const Reply *reply)
{
    Election *election = self;
    if (reply->reason != REASON_OK) {
        /* The record is not what was believed: read it before the next attempt. */
        election_forget(election);
        election_failed(election);
        return;
    }
    election_observe(election, reply->object);
    election_won(election);
}

static void election_send(Election *election, const Object *old)
{
    Request request = election_write(election, old);
    client_send(&election->client, &request, election_written, election);
}

static void election_read(void *self, const Reply *reply)
{
    Election *election = self;
    if (reply->reason == REASON_NOT_FOUND) {
        election_send(election, NULL);
        return;
    }
    if (reply->reason != REASON_OK) {
        election_failed(election);
        return;
    }
    election_observe(election, reply->object);
    const LeaseView *lease = lease_view(election->observed);
    Nanos age = sim_now(election->process->sim) - election->observed_at;
    bool is_held = lease->holder != ATOM_NONE && !election_is_mine(election) &&
                   age < lease->duration_s * NANOS_S;
    if (is_held)
        election_failed(election);
    else
        election_send(election, election->observed);
}

static void election_try(Sim *sim, void *self, uint64_t arg)
{
    Election *election = self;
    Process *process = election->process;
    if (process_defer(process, &try_event, election, arg)) return;
    if (election->state == ELECTION_OFF) return;
    election->tried_at = sim_now(sim);
    if (election->state == ELECTION_LEADER) {
        if (!sim_is_pending(sim, election->deadline))
            election->deadline = sim_after(sim, election_config(election)->renew_deadline,
                                           &lost_event, election, process->incarnation);
        if (election_is_mine(election)) {
            election_send(election, election->observed);
            return;
        }
    }
    Request request = {.verb = REQUEST_GET, .key = election->key, .grace_s = -1};
    client_send(&election->client, &request, election_read, election);
}

void election_start(Election *election)
{
    World *world = election_world(election);
    election->state = ELECTION_CANDIDATE;
    election->identity = atom_format(world_atoms(world), "%s_%u",
                                     atom_text(world_atoms(world), election->process->name),
                                     election->process->incarnation + 1);
    election_wait(election, 0);
}

void election_stop(Election *election)
{
    election->state = ELECTION_OFF;
    sim_cancel(election->process->sim, election->deadline);
    election_forget(election);
    sim_cancel(election->process->sim, election->timer);
}

void election_claim(Election *election)
{
    World *world = election_world(election);
    if (store_get(world_store(world), election->key) != NULL) return;
    CHECK(election->state == ELECTION_CANDIDATE);
    sim_cancel(election->process->sim, election->timer);
    Request request = election_write(election, NULL);
    Reply reply = {0};
    server_handle(world_server(world), world_now(world), &request, &reply);
    CHECK_THAT(reply.reason == REASON_OK, "%s", reply.message);
    election_observe(election, reply.object);
    request_clear(&request);
    reply_clear(&reply);
    election_won(election);
}
