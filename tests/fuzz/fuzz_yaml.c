/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_yaml.c - libFuzzer target: whatever the bytes are, the reader does not crash; and what it
 * accepts is written and read back equal, with an equal hash and equal canonical JSON.
 */
#include "sim/json.h"
#include "sim/yaml.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer wants this name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_survives(const Value *value)
{
    g_autoptr(GString) out = g_string_new(NULL);
    yaml_write(value, out);
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) again = yaml_parse(out->str, out->len, "again", &error);
    CHECK_THAT(again != NULL, "%s\n%s", error != NULL ? error->message : "", out->str);
    CHECK(yaml_count(again) == 1);
    const Value *copy = yaml_at(again, 0)->value;
    CHECK_THAT(value_equal(value, copy), "%s", out->str);
    CHECK(value_hash(value) == value_hash(copy));
}

/* Canonical JSON is YAML too, but for U+0085, a line break in YAML 1.1 and a character in JSON. */
static void check_json(const Value *value)
{
    g_autofree char *json = json_text(value);
    if (strstr(json, "\xc2\x85") != NULL) return;
    g_autoptr(YamlStream) again = yaml_parse(json, strlen(json), "json", NULL);
    if (again == NULL) return; /* libyaml wants keys within 1024 characters in one-line maps */
    CHECK(yaml_count(again) == 1);
    g_autofree char *same = json_text(yaml_at(again, 0)->value);
    CHECK_THAT(strcmp(json, same) == 0, "%s\n%s", json, same);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) stream = yaml_parse((const char *)data, size, "fuzz", &error);
    CHECK((stream == NULL) == (error != NULL));
    for (unsigned i = 0; stream != NULL && i < yaml_count(stream); i++) {
        check_survives(yaml_at(stream, i)->value);
        check_json(yaml_at(stream, i)->value);
    }
    return 0;
}
