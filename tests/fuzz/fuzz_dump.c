/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dump.c - libFuzzer target: whatever kubectl is made to print, `kennel reconcile` reads what
 * can be read, lets the controller sync it and explains it, as text and as JSON, without a crash.
 * Good seeds are tests/reconcile/: `build/fuzz/fuzz_dump build/fuzz/corpus/fuzz_dump tests/reconcile`.
 */
#include "tools/reconcile_dump.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer wants this name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Value) gates = value_map();
    ReconcileOptions options = {.minor = 36, .gates = gates};
    g_autoptr(Dump) dump = dump_new();
    g_autoptr(GString) out = g_string_new(NULL);
    dump_parse(dump, (const char *)data, size, "dump");
    reconcile_dump(dump, &options, out);
    options.is_json = true;
    reconcile_dump(dump, &options, out);
    return 0;
}
