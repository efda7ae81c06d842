/* SPDX-License-Identifier: Apache-2.0 */
/* process_select.c - from a name in a scenario to processes of the world. */
#include "models/fault/process_select.h"

#include "sim/param.h"

static const char *const stems[] = {
    "kube-controller-manager", "kube-scheduler", "csi-controller", "coredns", "kubelet", NULL};

/* "kube-scheduler-2" has the stem "kube-scheduler". */
static bool has_stem(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    return strncmp(name, stem, length) == 0 && (name[length] == '\0' || name[length] == '-');
}

bool process_select_check(const Scenario *scenario, const char *name, const Step *step,
                          GError **error)
{
    (void)scenario;
    for (const char *const *stem = stems; *stem; stem++)
        if (has_stem(name, *stem)) return true;
    const char *near = text_nearest(name, stems);
    param_error(error, (ParamPlace){step->file, "inject.process"}, step->source,
                "no process is called '%s'%s%s%s (known: kube-controller-manager, kube-scheduler, "
                "csi-controller, coredns, kubelet-NODE)",
                name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

GPtrArray *process_select(World *world, const char *name, bool is_all)
{
    GPtrArray *found = g_ptr_array_new();
    Process *exact = world_process(world, name);
    if (exact) {
        g_ptr_array_add(found, exact);
        return found;
    }
    for (unsigned i = 0; i < world_process_count(world); i++) {
        Process *process = world_process_at(world, i);
        if (has_stem(atom_text(world_atoms(world), process_name(process)), name) &&
            (is_all || process_is_leading(process)))
            g_ptr_array_add(found, process);
    }
    return found;
}
