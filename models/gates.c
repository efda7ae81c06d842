/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gates.c - the table of feature gates.
 * Mirrors: kubernetes v1.36 pkg/features/kube_features.go (defaults of 1.27 to 1.36)
 * Simplified: only gates that change what is simulated; a minor release is its last patch.
 */
#include "models/gates.h"

#define NEVER     INT32_MAX
#define ALWAYS_ON INT32_MAX

typedef struct {
    const char *name;
    int on_from, off_from;
} Gate;

static const Gate gates[] = {
#define GATE(name, on_from, off_from) {#name, (on_from), (off_from)},
#include "models/gates.def"
};

unsigned gate_count(void)
{
    return G_N_ELEMENTS(gates);
}

const char *gate_name(unsigned index)
{
    CHECK(index < gate_count());
    return gates[index].name;
}

unsigned gate_index(const char *name)
{
    unsigned index = 0;
    while (index < gate_count() && strcmp(gates[index].name, name) != 0)
        index++;
    return index;
}

bool gate_is_known(const char *name)
{
    return gate_index(name) < gate_count();
}

bool gate_default(const char *name, int minor)
{
    unsigned index = gate_index(name);
    CHECK_THAT(index < gate_count(), "unknown feature gate '%s'", name);
    return minor >= gates[index].on_from && minor < gates[index].off_from;
}
