/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.c - the components of catalog.def as lists: all of them, and those of each role. Explicit
 * lists, not linker sections, so that the order is the file's.
 */
#include "models/actor.h"

const Component *const component_list[] = {
#define COMPONENT(symbol, role) &symbol##_component,
#include "models/catalog.def"
    NULL};

/* The preprocessor picks a role's rows: IN_<role> yields the row, or nothing. */
#define IN_CONTROLLER_MANAGER(symbol) &symbol##_component,
#define IN_SCHEDULER(symbol)
#define IN_KUBELET(symbol)
#define IN_STORAGE(symbol)
#define IN_DNS(symbol)
static const Component *const controller_manager_components[] = {
#define COMPONENT(symbol, role) IN_##role(symbol)
#include "models/catalog.def"
    NULL};
#undef IN_CONTROLLER_MANAGER
#define IN_CONTROLLER_MANAGER(symbol)

#undef IN_SCHEDULER
#define IN_SCHEDULER(symbol) &symbol##_component,
static const Component *const scheduler_components[] = {
#define COMPONENT(symbol, role) IN_##role(symbol)
#include "models/catalog.def"
    NULL};
#undef IN_SCHEDULER
#define IN_SCHEDULER(symbol)

#undef IN_KUBELET
#define IN_KUBELET(symbol) &symbol##_component,
static const Component *const kubelet_components[] = {
#define COMPONENT(symbol, role) IN_##role(symbol)
#include "models/catalog.def"
    NULL};
#undef IN_KUBELET
#define IN_KUBELET(symbol)

#undef IN_STORAGE
#define IN_STORAGE(symbol) &symbol##_component,
static const Component *const storage_components[] = {
#define COMPONENT(symbol, role) IN_##role(symbol)
#include "models/catalog.def"
    NULL};
#undef IN_STORAGE
#define IN_STORAGE(symbol)

#undef IN_DNS
#define IN_DNS(symbol) &symbol##_component,
static const Component *const dns_components[] = {
#define COMPONENT(symbol, role) IN_##role(symbol)
#include "models/catalog.def"
    NULL};

static const Component *const *const components_by_role[ROLE_COUNT] = {
    [ROLE_CONTROLLER_MANAGER] = controller_manager_components,
    [ROLE_SCHEDULER] = scheduler_components,
    [ROLE_KUBELET] = kubelet_components,
    [ROLE_STORAGE] = storage_components,
    [ROLE_DNS] = dns_components,
};

const Component *const *role_components(Role role)
{
    CHECK(role < ROLE_COUNT);
    return components_by_role[role];
}
