/* SPDX-License-Identifier: Apache-2.0 */
/*
 * greeter.c - a controller that greets every pod; the least that a controller can be.
 *
 * Mirrors: nothing; tests/extend.sh adds it to a copy of the tree.
 * Simplified: everything.
 */
#include "models/actor.h"

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (!old && now) actor_enqueue(actor, now->key);
}

static void greeter_sync(Actor *actor, Key key)
{
    actor_because(actor, key, "hello, %s", actor_text(actor, key.name));
}

static const WatchRule greeter_watches[] = {
    {KIND_POD, on_pod, SCOPE_ALL, 0},
    {KIND_NONE, NULL, SCOPE_ALL, 0},
};

const Component greeter_component = {
    .name = "greeter-controller",
    .help = "greets every pod",
    .watches = greeter_watches,
    .sync = greeter_sync,
};
