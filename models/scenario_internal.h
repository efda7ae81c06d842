/* SPDX-License-Identifier: Apache-2.0 */
/* scenario_internal.h - what the files that read a scenario share; nobody else includes it. */
#ifndef KENNEL_MODELS_SCENARIO_INTERNAL_H
#define KENNEL_MODELS_SCENARIO_INTERNAL_H

#include "models/manifest.h"
#include "models/scenario.h"

/* The document's spec as scenario_params reads it. */
typedef struct {
    const char *description;
    int64_t seed, event_budget;
    Nanos duration, convergence_budget;
    const Value *vary, *cluster, *manifests, *applications, *steps, *expect;
} ScenarioFields;

/* spec.cluster as cluster_params reads it. */
typedef struct {
    const char *version, *profile, *dns_domain;
    const Value *gates, *nodes, *zones, *storage_classes, *latency, *control_plane, *dns;
} ClusterFields;

/* An element of spec.steps, without the verb's key. */
typedef struct {
    const char *name;
    Nanos at;
} StepFields;

/* An element of spec.applications, without the app's own parameters. */
typedef struct {
    const char *model;
    const Value *selector;
} ApplicationFields;

/* All that one variant is read from. */
typedef struct {
    Scenario *scenario;
    ManifestSet *manifests;
    const char *file, *data_dir;
    ScenarioFields fields;
    uint64_t digest;    /* of the texts read so far */
    const Value *extra; /* manifests inside the scenario's own file: list of values */
} Reading;

/* Folds the text of a file into the digest; false with error set if it cannot be read. */
bool reading_digest_file(Reading *reading, const char *path, GError **error);

/* "manifests/x.yaml" as seen from the scenario's folder; free with g_free(). */
char *reading_path(const Reading *reading, const char *relative);

/* scenario_cluster.c: fills scenario->cluster, and adds the StorageClasses it asks for. */
bool scenario_read_cluster(Reading *reading, GError **error);

/* scenario_steps.c: steps, applications, expectations. */
bool scenario_read_steps(Reading *reading, GError **error);
bool scenario_read_applications(Reading *reading, GError **error);
bool scenario_read_expectations(Reading *reading, GError **error);
void scenario_clear_app_rule(const AppRule *rule);

/* scenario_check.c: what needs the whole: claims that no class can serve, governing Services. */
bool scenario_check_claims(Reading *reading, GError **error);
void scenario_warn_services(Reading *reading);

/* scenario_vary.c: a copy of tree with ${name} and ${name.key} replaced from parameters. */
Value *scenario_substitute(const Value *tree, const Value *parameters, const char *file,
                           GError **error);

/* The variants that a vary map makes: a list of maps of parameters (one empty map without vary).
 * `choose` (map of name to value, may be NULL) fixes parameters. */
Value *scenario_variants(const Value *vary, const Value *choose, const char *file, GError **error);

/* "system=rg policy=Parallel"; free with g_free(). */
char *scenario_variant_text(const Value *parameters);

#endif
