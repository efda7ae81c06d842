/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.c - addresses, and what clients get to hear of names.
 * Mirrors: host-local IPAM of containernetworking/plugins v1 (next free address, round robin),
 *   kubernetes v1.36 pkg/registry/core/service/ipallocator, kubernetes/dns specification 1.1.0.
 * Simplified: one client a name, which asks again the moment its answer has expired and keeps
 *   asking; caches between it and the server are the TTL's business. A lookup takes no time, a lost
 *   one is a TIMEOUT at once, repeated every 5 s.
 * State: of a name, as its client sees it
 *     unheard --published, after a phase--> held --expired and the answer differs--> held
 *
 * Asking again and getting the same answer changes nothing, so only the query that will get another
 * answer is an event: it falls on the first expiry after the change, asked_at + k * lifetime.
 */
#include "models/net/network.h"

#include "models/node/machine.h"

#define RETRY_PERIOD     (5 * NANOS_S)
#define BLOCK_FIRST      2u /* .1 is the bridge */
#define BLOCK_LAST       254u
#define BLOCKS           (12u * 256u) /* 10.244.0.0 to 10.255.255.255 */
#define CLUSTER_IP_FIRST 10u
#define CLUSTER_IP_COUNT (1u << 20) /* 10.96.0.0/12 */

typedef struct {
    Atom fqdn, object;
    Atom served; /* by the DNS server; ATOM_NONE: NXDOMAIN */
    Atom held;   /* by the client; ATOM_NONE: it never asked */
    Nanos asked_at;
    Timer query;
} NameRecord;

/* The addresses of one machine. */
typedef struct {
    GArray *blocks; /* of unsigned */
    unsigned handed_out;
} PodRange;

struct Network {
    World *world;
    GHashTable *ranges; /* machine name to PodRange */
    unsigned blocks_used, cluster_ips;
    GHashTable *name_of; /* fqdn to NameRecord */
    GPtrArray *names;    /* in order of first publication */
    bool is_down;
    Atom nxdomain, timeout, client;
};

static void range_destroy(gpointer data)
{
    PodRange *range = (PodRange *)data;
    g_array_unref(range->blocks);
    g_free(range);
}

Network *network_new(World *world)
{
    Network *network = g_new0(Network, 1);
    network->world = world;
    network->ranges = g_hash_table_new_full(NULL, NULL, NULL, range_destroy);
    network->name_of = g_hash_table_new(NULL, NULL);
    network->names = g_ptr_array_new_with_free_func(g_free);
    network->is_down = true;
    network->nxdomain = world_atom(world, "NXDOMAIN");
    network->timeout = world_atom(world, "TIMEOUT");
    network->client = world_atom(world, "client");
    return network;
}

void network_free(Network *network)
{
    if (network == NULL) return;
    g_hash_table_unref(network->ranges);
    g_hash_table_unref(network->name_of);
    g_ptr_array_unref(network->names);
    g_free(network);
}

/* --- addresses --- */

Atom network_pod_ip(Network *network, const Machine *machine)
{
    gpointer name = GUINT_TO_POINTER(machine_name(machine));
    PodRange *range = (PodRange *)g_hash_table_lookup(network->ranges, name);
    if (range == NULL) {
        range = g_new0(PodRange, 1);
        range->blocks = g_array_new(FALSE, FALSE, sizeof(unsigned));
        g_hash_table_insert(network->ranges, name, range);
    }
    const unsigned size = BLOCK_LAST - BLOCK_FIRST + 1;
    unsigned index = range->handed_out / size;
    if (index == range->blocks->len && network->blocks_used < BLOCKS) {
        g_array_append_val(range->blocks, network->blocks_used);
        network->blocks_used++;
    }
    CHECK_THAT(range->blocks->len > 0, "more than %u machines run pods", BLOCKS);
    /* Once no block is left, the machine's own addresses come round again. */
    unsigned block = g_array_index(range->blocks, unsigned, index % range->blocks->len);
    unsigned host = BLOCK_FIRST + range->handed_out % size;
    range->handed_out++;
    return atom_format(world_atoms(network->world), "10.%u.%u.%u", 244 + block / 256, block % 256,
                       host);
}

Atom network_cluster_ip(Network *network)
{
    unsigned number = CLUSTER_IP_FIRST + network->cluster_ips++ % (CLUSTER_IP_COUNT - 20);
    return atom_format(world_atoms(network->world), "10.%u.%u.%u", 96 + (number >> 16),
                       number >> 8 & 255, number & 255);
}

/* --- names --- */

static Atom answer_now(const Network *network, const NameRecord *name)
{
    if (network->is_down) return network->timeout;
    return name->served != ATOM_NONE ? name->served : network->nxdomain;
}

/* How long the client keeps what it holds. */
static Nanos lifetime(const Network *network, const NameRecord *name)
{
    const DnsConfig *config = &world_config(network->world)->dns;
    if (name->held == network->timeout) return RETRY_PERIOD;
    Nanos ttl = name->held == network->nxdomain ? config->negative_ttl : config->ttl;
    /* Without caching a client asks each time: as often as makes no difference. */
    ttl = MAX(ttl, NANOS_MS);
    return config->client_max > 0 ? MIN(ttl, config->client_max) : ttl;
}

static void on_query(Sim *sim, void *self, uint64_t index)
{
    Network *network = (Network *)self;
    NameRecord *name = (NameRecord *)g_ptr_array_index(network->names, index);
    Atom answer = answer_now(network, name);
    if (answer == name->held) return; /* it changed back before anybody asked */
    name->held = answer;
    name->asked_at = sim_now(sim);
    world_fact(network->world, ROW_DNS_ANSWER,
               (Fact){.actor = network->client, .object = name->object, .detail = answer});
}

static const EventType query_event = {"dns-query", RANK_SAMPLE, on_query};

/* The first instant after now at which the client's entry expires. */
static Nanos next_expiry(const Network *network, const NameRecord *name, Nanos now)
{
    Nanos life = lifetime(network, name);
    return name->asked_at + ((now - name->asked_at) / life + 1) * life;
}

static Nanos first_query(const Network *network, const NameRecord *name, Nanos now)
{
    Rng rng = sim_stream(world_sim(network->world),
                         atom_text(world_atoms(network->world), name->fqdn), "dns-phase");
    Nanos ttl = world_config(network->world)->dns.ttl;
    return now + (Nanos)(rng_unit(&rng) * (double)ttl);
}

/* Schedules the query that will hear something new, if there is any news. */
static void expect_news(Network *network, unsigned index)
{
    NameRecord *name = (NameRecord *)g_ptr_array_index(network->names, index);
    Sim *sim = world_sim(network->world);
    if (answer_now(network, name) == name->held || sim_is_pending(sim, name->query)) return;
    Nanos now = world_now(network->world);
    bool has_asked = name->held != ATOM_NONE;
    Nanos at = has_asked ? next_expiry(network, name, now) : first_query(network, name, now);
    name->query = sim_at(sim, at, &query_event, network, index);
}

void network_dns_publish(Network *network, Atom fqdn, Atom addresses)
{
    gpointer key = GUINT_TO_POINTER(fqdn);
    /* The value is the index in names, plus one. */
    unsigned place = GPOINTER_TO_UINT(g_hash_table_lookup(network->name_of, key));
    if (place == 0) {
        if (addresses == ATOM_NONE) return;
        AtomTable *atoms = world_atoms(network->world);
        NameRecord *name = g_new0(NameRecord, 1);
        name->fqdn = fqdn;
        name->object = atom_format(atoms, "Name//%s", atom_text(atoms, fqdn));
        name->query = TIMER_NONE;
        g_ptr_array_add(network->names, name);
        place = network->names->len;
        g_hash_table_insert(network->name_of, key, GUINT_TO_POINTER(place));
    }
    NameRecord *name = (NameRecord *)g_ptr_array_index(network->names, place - 1);
    name->served = addresses;
    expect_news(network, place - 1);
}

/* A server that comes back knows nothing but what it publishes then. */
void network_dns_down(Network *network)
{
    network->is_down = true;
    for (unsigned i = 0; i < network->names->len; i++) {
        NameRecord *name = (NameRecord *)g_ptr_array_index(network->names, i);
        name->served = ATOM_NONE;
        expect_news(network, i);
    }
}

void network_dns_up(Network *network)
{
    network->is_down = false;
    for (unsigned i = 0; i < network->names->len; i++)
        expect_news(network, i);
}

Atom network_client_answer(const Network *network, Atom fqdn)
{
    unsigned place =
        GPOINTER_TO_UINT(g_hash_table_lookup(network->name_of, GUINT_TO_POINTER(fqdn)));
    if (place == 0) return ATOM_NONE;
    return ((const NameRecord *)g_ptr_array_index(network->names, place - 1))->held;
}
