/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.c - CoreDNS: answers computed from its cache of Services and EndpointSlices.
 * Mirrors: coredns 1.12 plugin/kubernetes, kubernetes/dns specification 1.1.0.
 * Simplified: no AAAA, TXT and PTR records; names of endpoints without a hostname (dashed
 *   addresses) are not published, as nobody looks them up; the server's own cache plugin is part of
 *   the TTL. A restarted server answers as soon as its lists have arrived.
 * State: down --process starts, lists arrive--> up --process ends--> down
 *
 * Each change of a Service or a slice is answered by after a delay of its own, one after the other;
 * only names whose answer changed are published. An answer is the text of its records, sorted.
 */
#include "models/net/network.h"

#define POLL_PERIOD (100 * NANOS_MS)

enum { TAG_POLL, TAG_PUBLISH };

typedef struct {
    Atom fqdn, answer;
} NameAnswer;

/* What a Service's names answer, as last queued for publication; sorted by name. */
typedef struct {
    GArray *names; /* of NameAnswer */
} Zone;

typedef struct {
    Nanos due;
    NameAnswer name;
} Publication;

typedef struct {
    bool is_up, is_timed;
    GHashTable *zones; /* Key of the Service to Zone */
    GQueue *changes;   /* of Publication, by due */
    Nanos last_due;
} Dns;

/* --- what a Service answers --- */

/* The records of one name while they are collected. */
typedef struct {
    Atom fqdn;
    Atom record;
} Record;

typedef struct {
    const Actor *actor;
    AtomTable *atoms;
    GArray *records; /* of Record */
    Atom fqdn;       /* of the Service */
} Collector;

static void collect(Collector *collector, Atom fqdn, Atom record)
{
    Record entry = {fqdn, record};
    if (record != ATOM_NONE) g_array_append_val(collector->records, entry);
}

static Atom srv_name(const Collector *collector, Atom port, Atom protocol)
{
    const char *text = protocol != ATOM_NONE ? atom_text(collector->atoms, protocol) : "TCP";
    g_autofree char *lower = g_ascii_strdown(text, -1);
    return atom_format(collector->atoms, "_%s._%s.%s", atom_text(collector->atoms, port), lower,
                       atom_text(collector->atoms, collector->fqdn));
}

static void collect_cluster_ip(Collector *collector, const ServiceView *service)
{
    collect(collector, collector->fqdn, service->cluster_ip);
    for (uint32_t i = 0; i < service->port_count; i++) {
        const ServicePort *port = &service->ports[i];
        if (port->name == ATOM_NONE) continue;
        collect(collector, srv_name(collector, port->name, port->protocol),
                atom_format(collector->atoms, "0 100 %" PRId64 " %s", port->port,
                            atom_text(collector->atoms, collector->fqdn)));
    }
}

/* The name of an endpoint of a headless Service: by hostname, else by its address in dashes. */
static Atom endpoint_name(const Collector *collector, const Endpoint *endpoint)
{
    const char *service = atom_text(collector->atoms, collector->fqdn);
    if (endpoint->hostname != ATOM_NONE) {
        return atom_format(collector->atoms, "%s.%s",
                           atom_text(collector->atoms, endpoint->hostname), service);
    }
    g_autofree char *dashed = g_strdup(atom_text(collector->atoms, endpoint->address));
    return atom_format(collector->atoms, "%s.%s", g_strdelimit(dashed, ".", '-'), service);
}

static void collect_endpoint(Collector *collector, const EndpointSliceView *slice,
                             const Endpoint *endpoint, unsigned weight)
{
    Atom name = endpoint_name(collector, endpoint);
    collect(collector, collector->fqdn, endpoint->address);
    if (endpoint->hostname != ATOM_NONE) collect(collector, name, endpoint->address);
    for (uint32_t i = 0; i < slice->port_count; i++) {
        const PortView *port = &slice->ports[i];
        if (port->name == ATOM_NONE) continue;
        collect(collector, srv_name(collector, port->name, port->protocol),
                atom_format(collector->atoms, "0 %u %" PRId64 " %s", weight, port->port,
                            atom_text(collector->atoms, name)));
    }
}

static void collect_headless(Collector *collector, Key key)
{
    ObjectList slices =
        actor_lookup(collector->actor, INDEX_SLICE_SERVICE, index_key(key.space, key.name));
    unsigned ready = 0;
    for (unsigned i = 0; i < slices.count; i++) {
        const EndpointSliceView *slice = slice_view(slices.items[i]);
        for (uint32_t j = 0; j < slice->endpoint_count; j++)
            ready += slice->endpoints[j].is_ready;
    }
    for (unsigned i = 0; i < slices.count; i++) {
        const EndpointSliceView *slice = slice_view(slices.items[i]);
        for (uint32_t j = 0; j < slice->endpoint_count; j++) {
            /* CoreDNS shares a weight of 100 out among the targets. */
            if (!slice->endpoints[j].is_ready) continue;
            collect_endpoint(collector, slice, &slice->endpoints[j], 100 / ready);
        }
    }
}

static int compare_records(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Record *x = (const Record *)a, *y = (const Record *)b;
    int order = atom_compare((const AtomTable *)atoms, x->fqdn, y->fqdn);
    return order != 0 ? order : atom_compare((const AtomTable *)atoms, x->record, y->record);
}

/* Joins sorted records of equal names, each record once. */
static GArray *join_records(AtomTable *atoms, const GArray *records)
{
    GArray *names = g_array_new(FALSE, FALSE, sizeof(NameAnswer));
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < records->len; i++) {
        const Record *record = &g_array_index(records, Record, i);
        const Record *next = i + 1 < records->len ? &g_array_index(records, Record, i + 1) : NULL;
        bool is_last = next == NULL || next->fqdn != record->fqdn;
        if (!is_last && next->record == record->record) continue;
        if (text->len > 0) g_string_append_c(text, ',');
        g_string_append(text, atom_text(atoms, record->record));
        if (!is_last) continue;
        NameAnswer name = {record->fqdn, atom_of(atoms, text->str)};
        g_array_append_val(names, name);
        g_string_truncate(text, 0);
    }
    return names;
}

/* All names of a Service with their answers, sorted by name; none if there is no such Service. */
static GArray *answers_of(const Actor *actor, Key key)
{
    AtomTable *atoms = world_atoms(actor_world(actor));
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(Record));
    Collector collector = {actor, atoms, records, ATOM_NONE};
    const Object *object = actor_get(actor, key);
    collector.fqdn = atom_format(atoms, "%s.%s.svc.%s", atom_text(atoms, key.name),
                                 atom_text(atoms, key.space), actor_config(actor)->dns_domain);
    if (object != NULL) {
        const ServiceView *service = service_view(object);
        if (service->is_external_name) {
            collect(&collector, collector.fqdn, service->external_name);
        } else if (service->is_headless) {
            collect_headless(&collector, key);
        } else {
            collect_cluster_ip(&collector, service);
        }
    }
    g_array_sort_with_data(records, compare_records, atoms);
    return join_records(atoms, records);
}

/* --- publishing --- */

static void publish(Actor *actor, NameAnswer name)
{
    network_dns_publish(world_network(actor_world(actor)), name.fqdn, name.answer);
}

static void publish_due(Actor *actor, Dns *dns)
{
    Nanos now = actor_now(actor);
    Publication *change = (Publication *)g_queue_peek_head(dns->changes);
    while (change != NULL && change->due <= now) {
        publish(actor, change->name);
        g_free(g_queue_pop_head(dns->changes));
        change = (Publication *)g_queue_peek_head(dns->changes);
    }
    dns->is_timed = change != NULL;
    if (change != NULL) actor_timer(actor, change->due - now, TAG_PUBLISH);
}

static void queue_change(Actor *actor, Dns *dns, NameAnswer name, Nanos due)
{
    if (!dns->is_up) {
        publish(actor, name); /* nobody hears it before the server is up */
        return;
    }
    Publication *change = g_new(Publication, 1);
    *change = (Publication){due, name};
    g_queue_push_tail(dns->changes, change);
    if (dns->is_timed) return;
    dns->is_timed = true;
    actor_timer(actor, due - actor_now(actor), TAG_PUBLISH);
}

/* Queues what differs between two sorted lists of names. */
static void queue_differences(Actor *actor, Dns *dns, const GArray *before, const GArray *after,
                              Nanos due)
{
    const AtomTable *atoms = world_atoms(actor_world(actor));
    unsigned i = 0, j = 0;
    while (i < before->len && j < after->len) {
        NameAnswer old = g_array_index(before, NameAnswer, i);
        NameAnswer now = g_array_index(after, NameAnswer, j);
        int order = atom_compare(atoms, old.fqdn, now.fqdn);
        if (order < 0) {
            queue_change(actor, dns, (NameAnswer){old.fqdn, ATOM_NONE}, due);
        } else if (order > 0 || old.answer != now.answer) {
            queue_change(actor, dns, now, due);
        }
        i += order <= 0;
        j += order >= 0;
    }
    for (; i < before->len; i++) {
        Atom gone = g_array_index(before, NameAnswer, i).fqdn;
        queue_change(actor, dns, (NameAnswer){gone, ATOM_NONE}, due);
    }
    for (; j < after->len; j++) {
        queue_change(actor, dns, g_array_index(after, NameAnswer, j), due);
    }
}

static Zone *zone_of(Dns *dns, Key key)
{
    Zone *zone = (Zone *)g_hash_table_lookup(dns->zones, &key);
    if (zone != NULL) return zone;
    zone = g_new0(Zone, 1);
    zone->names = g_array_new(FALSE, FALSE, sizeof(NameAnswer));
    g_hash_table_insert(dns->zones, g_memdup2(&key, sizeof key), zone);
    return zone;
}

/* The records are those of this moment, whatever is known when they come to be published. */
static void refresh(Actor *actor, Key key)
{
    Dns *dns = (Dns *)actor_state(actor);
    Zone *zone = zone_of(dns, key);
    GArray *after = answers_of(actor, key);
    if (dns->is_up) {
        Nanos due = actor_now(actor) +
                    actor_draw(actor, &actor_config(actor)->latency.dns_update, "update");
        dns->last_due = MAX(dns->last_due, due);
    }
    queue_differences(actor, dns, zone->names, after, dns->last_due);
    g_array_unref(zone->names);
    zone->names = after;
}

static int compare_services(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Object *x = *(const Object *const *)a, *y = *(const Object *const *)b;
    return key_compare((const AtomTable *)atoms, x->key, y->key);
}

static void come_up(Actor *actor, Dns *dns)
{
    ObjectList list = actor_list(actor, KIND_SERVICE);
    g_autoptr(GPtrArray) services = g_ptr_array_new();
    for (unsigned i = 0; i < list.count; i++) {
        g_ptr_array_add(services, (gpointer)(uintptr_t)list.items[i]);
    }
    g_ptr_array_sort_with_data(services, compare_services, world_atoms(actor_world(actor)));
    for (unsigned i = 0; i < services->len; i++) {
        refresh(actor, ((const Object *)g_ptr_array_index(services, i))->key);
    }
    dns->is_up = true;
    network_dns_up(world_network(actor_world(actor)));
}

static void dns_timer(Actor *actor, uint64_t tag)
{
    Dns *dns = (Dns *)actor_state(actor);
    if (tag == TAG_PUBLISH) {
        publish_due(actor, dns);
    } else if (actor_is_synced(actor)) {
        come_up(actor, dns);
    } else {
        actor_timer(actor, POLL_PERIOD, TAG_POLL);
    }
}

/* --- what the watches tell --- */

static void on_service(Actor *actor, const Object *old, const Object *now)
{
    const Dns *dns = (const Dns *)actor_state(actor);
    if (dns->is_up) refresh(actor, now != NULL ? now->key : old->key);
}

static void on_slice(Actor *actor, const Object *old, const Object *now)
{
    const Object *slice = now != NULL ? now : old;
    const Dns *dns = (const Dns *)actor_state(actor);
    Atom service = slice_view(slice)->service;
    if (!dns->is_up || service == ATOM_NONE) return;
    refresh(actor, (Key){KIND_SERVICE, slice->key.space, service});
}

/* --- life --- */

static guint hash_key(gconstpointer key)
{
    return (guint)key_hash(*(const Key *)key);
}

static gboolean keys_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(*(const Key *)a, *(const Key *)b);
}

static void zone_destroy(gpointer data)
{
    Zone *zone = (Zone *)data;
    g_array_unref(zone->names);
    g_free(zone);
}

static void dns_start(Actor *actor)
{
    Dns *dns = (Dns *)actor_state(actor);
    dns->zones = g_hash_table_new_full(hash_key, keys_equal, g_free, zone_destroy);
    dns->changes = g_queue_new();
    actor_timer(actor, 0, TAG_POLL);
}

static void dns_stop(Actor *actor)
{
    Dns *dns = (Dns *)actor_state(actor);
    g_hash_table_unref(dns->zones);
    g_queue_free_full(dns->changes, g_free);
    network_dns_down(world_network(actor_world(actor)));
}

static const WatchRule watches[] = {
    {KIND_SERVICE, on_service, SCOPE_ALL, INDEX_NONE},
    {KIND_ENDPOINT_SLICE, on_slice, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component dns_component = {
    .name = "coredns",
    .help = "answers names of Services and of the pods behind headless ones",
    .state_size = sizeof(Dns),
    .watches = watches,
    .start = dns_start,
    .stop = dns_stop,
    .timer = dns_timer,
};
