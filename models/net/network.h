/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.h - addresses and names.
 *
 * Pod addresses come from a range per machine and are not reused while others are free; Service
 * addresses from one range. Names are what clients get to hear: dns.c is the server (an actor that
 * answers from its cache of EndpointSlices), and the Network keeps the clients' caches: each name
 * of a governing Service is looked up by a steady client that asks again whenever its answer has
 * expired, and a dns-answer fact is written when what it gets changes.
 */
#ifndef KENNEL_MODELS_NET_NETWORK_H
#define KENNEL_MODELS_NET_NETWORK_H

#include "models/actor.h"

Network *network_new(World *world);
void network_free(Network *network);

/* A fresh pod address of a machine; never handed out twice in a run as long as the range lasts. */
Atom network_pod_ip(Network *network, const Machine *machine);

/* A fresh ClusterIP. */
Atom network_cluster_ip(Network *network);

/* The DNS server's answer to a name changed: `addresses` sorted, comma separated; ATOM_NONE:
 * NXDOMAIN. Called by the DNS server actor only. */
void network_dns_publish(Network *network, Atom fqdn, Atom addresses);

/* The DNS server went away (clients get TIMEOUT when their answers expire) or came back. */
void network_dns_down(Network *network);
void network_dns_up(Network *network);

/* What the steady client holds for a name now; ATOM_NONE if it never asked. */
Atom network_client_answer(const Network *network, Atom fqdn);

#endif
