/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of objects against a plain list, by random operations. */
#include "models/api/table.h"
#include "sim/rng.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

enum { NAMES = 40, STEPS = 4000 };

typedef struct {
    AtomTable *atoms;
    ObjectTable *table;
    const Object *plain[2][NAMES]; /* by kind and name; the model */
    Rng rng;
} Fixture;

static const Kind kinds[2] = {KIND_LEASE, KIND_CONTROLLER_REVISION};

static const char *pick(Rng *rng, const char *const *texts, unsigned count)
{
    return texts[rng_below(rng, count)];
}

/* A new version with random owners and labels. */
static const Object *random_object(Fixture *fixture, unsigned kind, unsigned name)
{
    static const char *const uids[] = {"u1", "u2", "u3"};
    const KindInfo *info = kind_info(kinds[kind]);
    Value *value = value_map();
    value_map_set(value, "apiVersion", value_string(info->api_version));
    value_map_set(value, "kind", value_string(info->name));
    value_put(&value, value_printf("n%u", name), "metadata", "name");
    value_put(&value, value_string(name % 2 ? "odd" : "even"), "metadata", "namespace");
    Value *owners = value_list();
    for (uint64_t left = rng_below(&fixture->rng, 3); left > 0; left--) {
        Value *owner = value_map();
        value_map_set(owner, "uid", value_string(pick(&fixture->rng, uids, 3)));
        value_map_set(owner, "name", value_string("o"));
        value_map_set(owner, "controller", value_bool(rng_below(&fixture->rng, 2) == 1));
        value_list_add(owners, owner);
    }
    value_put(&value, owners, "metadata", "ownerReferences");
    return object_new(fixture->atoms, kinds[kind], value, 1, fixture->plain[kind][name]);
}

static bool owns(const Object *object, Atom uid)
{
    const Meta *meta = object_meta(object);
    for (uint32_t i = 0; i < meta->owner_count; i++)
        if (meta->owners[i].uid == uid) return true;
    return false;
}

static bool is_filed(const Object *object, IndexId index, uint64_t key)
{
    const Meta *meta = object_meta(object);
    Key own = object->key;
    if (index == INDEX_SPACE) return index_key(own.kind, own.space) == key;
    if (index == INDEX_ORPHAN) return !meta->controller && index_key(own.kind, own.space) == key;
    if (index == INDEX_CONTROLLER)
        return meta->controller && index_key(own.kind, meta->controller->uid) == key;
    return owns(object, (Atom)(key >> 32));
}

/* The bucket holds exactly the objects that a walk over the plain list finds. */
static void check_lookup(const Fixture *fixture, IndexId index, uint64_t key)
{
    ObjectList list = table_lookup(fixture->table, index, key);
    unsigned expected = 0;
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned name = 0; name < NAMES; name++) {
            const Object *object = fixture->plain[kind][name];
            if (!object || !is_filed(object, index, key)) continue;
            expected++;
            unsigned found = 0;
            for (unsigned i = 0; i < list.count; i++)
                found += list.items[i] == object;
            CHECK_THAT(found == 1, "index %d: found %u times", index, found);
        }
    EQUAL_INT(list.count, expected);
}

static void check_all(const Fixture *fixture)
{
    static const char *const uids[] = {"u1", "u2", "u3"}, *const spaces[] = {"odd", "even"};
    for (unsigned u = 0; u < 3; u++) {
        Atom uid = atom_of(fixture->atoms, uids[u]);
        check_lookup(fixture, INDEX_OWNER, index_key(uid, 0));
        for (unsigned k = 0; k < 2; k++)
            check_lookup(fixture, INDEX_CONTROLLER, index_key(kinds[k], uid));
    }
    for (unsigned s = 0; s < 2; s++)
        for (unsigned k = 0; k < 2; k++) {
            Atom space = atom_of(fixture->atoms, spaces[s]);
            check_lookup(fixture, INDEX_SPACE, index_key(kinds[k], space));
            check_lookup(fixture, INDEX_ORPHAN, index_key(kinds[k], space));
        }
    table_audit(fixture->table);
}

static void step(Fixture *fixture)
{
    unsigned kind = (unsigned)rng_below(&fixture->rng, 2);
    unsigned name = (unsigned)rng_below(&fixture->rng, NAMES);
    const Object **plain = &fixture->plain[kind][name];
    g_autofree char *text = g_strdup_printf("n%u", name);
    Key key = key_from(fixture->atoms, kinds[kind], name % 2 ? "odd" : "even", text);
    CU_ASSERT_PTR_EQUAL(table_get(fixture->table, key), *plain);
    if (rng_below(&fixture->rng, 3) == 0) {
        EQUAL_INT(table_remove(fixture->table, key), *plain != NULL);
        object_unref(*plain);
        *plain = NULL;
    } else {
        const Object *object = random_object(fixture, kind, name);
        table_put(fixture->table, object);
        object_unref(*plain);
        *plain = object;
    }
}

TEST(a_table_is_a_list_with_indexes)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        g_autoptr(ObjectTable) table = table_new();
        Fixture fixture = {atoms, table, {{NULL}}, rng_stream(seed, "test", "table")};
        for (unsigned i = 0; i < STEPS; i++) {
            step(&fixture);
            if (i % 50 == 0) check_all(&fixture);
        }
        check_all(&fixture);
        if (seed % 2) table_clear(table);
        for (unsigned kind = 0; kind < 2; kind++)
            for (unsigned name = 0; name < NAMES; name++)
                object_unref(fixture.plain[kind][name]);
        if (seed % 2) table_audit(table);
        EQUAL_INT(table_kind(table, KIND_LEASE).count > 0, seed % 2 == 0);
    }
}

TEST(large_buckets_shrink_again)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(ObjectTable) table = table_new();
    for (unsigned i = 0; i < 3000; i++) {
        g_autofree char *text = g_strdup_printf(
            "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: n%u}}", i);
        autoobject object = object_from(atoms, text, i);
        table_put(table, object);
    }
    uint64_t space = index_key(KIND_LEASE, atom_of(atoms, "default"));
    EQUAL_INT(table_lookup(table, INDEX_SPACE, space).count, 3000);
    EQUAL_INT(table_kind(table, KIND_LEASE).count, 3000);
    for (unsigned i = 0; i < 2999; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        CU_ASSERT(table_remove(table, key_from(atoms, KIND_LEASE, "default", name)));
    }
    table_audit(table);
    EQUAL_INT(table_lookup(table, INDEX_SPACE, space).count, 1);
    EQUAL_INT(table_lookup(table, INDEX_SPACE, space + 1).count, 0);
    CU_ASSERT_FALSE(table_remove(table, key_from(atoms, KIND_LEASE, "default", "n0")));
}

TEST(one_owner_named_twice_is_one_entry)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(ObjectTable) table = table_new();
    autoobject object = object_from(atoms,
                                    "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: "
                                    "{name: n, ownerReferences: [{uid: u}, {uid: u}, {uid: v}]}}",
                                    1);
    table_put(table, object);
    table_put(table, object);
    EQUAL_INT(table_lookup(table, INDEX_OWNER, index_key(atom_of(atoms, "u"), 0)).count, 1);
    EQUAL_INT(table_lookup(table, INDEX_OWNER, index_key(atom_of(atoms, "v"), 0)).count, 1);
    table_audit(table);
}
