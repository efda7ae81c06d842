/* SPDX-License-Identifier: Apache-2.0 */
/* objects.h - values and objects from YAML text, for tests. */
#ifndef KENNEL_TEST_OBJECTS_H
#define KENNEL_TEST_OBJECTS_H

#include "models/api/object.h"
#include "sim/json.h"
#include "sim/yaml.h"

/* The value of one YAML document. */
static inline Value *value_from(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "test", &error);
    CHECK_THAT(stream != NULL, "%s: %s", text, error ? error->message : "");
    CHECK(yaml_count(stream) == 1);
    return value_ref(yaml_at(stream, 0)->value);
}

/* An object of the kind its apiVersion and kind say. */
static inline const Object *object_from(AtomTable *atoms, const char *text, int64_t version)
{
    Value *value = value_from(text);
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    return object_new(atoms, kind, value, version, NULL);
}

static inline Key key_from(AtomTable *atoms, Kind kind, const char *space, const char *name)
{
    return (Key){kind, atom_of(atoms, space), atom_of(atoms, name)};
}

#endif
