/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.c - pieces of projection: atoms of fields, conditions, lists behind a view.
 * Mirrors: nothing upstream; Go has structs where this has trees.
 * Simplified: a field of the wrong type reads as absent; validation has refused it before.
 * State: none.
 */
#include "models/kind/part.h"

Atom part_atom(AtomTable *atoms, const Value *map, const char *key)
{
    return atom_of(atoms, value_as_text(value_get(map, key), NULL));
}

int64_t part_int(const Value *map, const char *key, int64_t fallback)
{
    return value_as_int(value_get(map, key), fallback);
}

bool part_bool(const Value *map, const char *key)
{
    return value_as_bool(value_get(map, key), false);
}

const Value *part_condition(const Value *conditions, const char *type)
{
    value_each (i, conditions) {
        const Value *condition = value_at(conditions, i);
        if (strcmp(value_as_text(value_get(condition, "type"), ""), type) == 0) return condition;
    }
    return NULL;
}

Condition part_condition_status(const Value *condition)
{
    if (condition == NULL) return CONDITION_ABSENT;
    const char *status = value_as_text(value_get(condition, "status"), "");
    if (strcmp(status, "True") == 0) return CONDITION_TRUE;
    return strcmp(status, "False") == 0 ? CONDITION_FALSE : CONDITION_UNKNOWN;
}

uint32_t part_list_size(const Value *list)
{
    return value_is_list(list) ? value_size(list) : 0;
}

uint32_t part_map_size(const Value *map)
{
    return value_is_map(map) ? value_size(map) : 0;
}

void *part_block(size_t struct_size, size_t tail_size, char **tail)
{
    char *block = g_malloc0(struct_size + tail_size);
    *tail = block + struct_size;
    return block;
}

void *part_take(char **tail, size_t size)
{
    void *taken = *tail;
    *tail += size;
    return taken;
}

void part_labels(AtomTable *atoms, const Value *map, Label *labels)
{
    for (unsigned i = 0; i < part_map_size(map); i++)
        labels[i] = (Label){atom_of(atoms, value_key_at(map, i)),
                            atom_of(atoms, value_as_text(value_at(map, i), NULL))};
}

void part_atoms(AtomTable *atoms, const Value *list, const char *key, Atom *names)
{
    for (unsigned i = 0; i < part_list_size(list); i++) {
        const Value *item = value_at(list, i);
        names[i] = atom_of(atoms, value_as_text(key != NULL ? value_get(item, key) : item, NULL));
    }
}

static const char *const effect_texts[] = {
    [EFFECT_NONE] = "",
    [EFFECT_NO_SCHEDULE] = "NoSchedule",
    [EFFECT_PREFER_NO_SCHEDULE] = "PreferNoSchedule",
    [EFFECT_NO_EXECUTE] = "NoExecute",
};

TaintEffect part_effect(const Value *text)
{
    for (TaintEffect effect = EFFECT_NO_SCHEDULE; effect <= EFFECT_NO_EXECUTE; effect++)
        if (strcmp(value_as_text(text, ""), effect_texts[effect]) == 0) return effect;
    return EFFECT_NONE;
}

const char *part_effect_text(TaintEffect effect)
{
    return effect_texts[effect];
}

static const char *const mode_texts[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany",
                                         "ReadWriteOncePod"};

unsigned part_modes(const Value *list)
{
    unsigned modes = 0;
    for (unsigned i = 0; i < part_list_size(list); i++)
        for (unsigned mode = 0; mode < G_N_ELEMENTS(mode_texts); mode++)
            if (strcmp(value_as_text(value_at(list, i), ""), mode_texts[mode]) == 0)
                modes |= 1U << mode;
    return modes;
}

void part_modes_text(unsigned modes, GString *out)
{
    for (unsigned mode = 0; mode < G_N_ELEMENTS(mode_texts); mode++)
        if (modes & 1U << mode)
            g_string_append_printf(out, "%s%s", out->len > 0 ? "," : "", mode_texts[mode]);
}

void part_record(World *world, const Object *object, PartFact fact)
{
    world_fact(world, fact.row,
               (Fact){.object = object->ref,
                      .uid = object->uid,
                      .node = fact.node,
                      .detail = fact.detail,
                      .number = fact.number});
}

Atom part_detail(World *world, GString *text)
{
    Atom atom = world_atom(world, text->str);
    g_string_free(text, TRUE);
    return atom;
}

void part_start_status(Value **now, Value *status)
{
    value_put(now, status, "status");
}
