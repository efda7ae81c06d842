/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_query.c - the questions about pods that many models ask (views.h).
 * Mirrors: kubernetes v1.36 pkg/api/v1/pod/util.go,
 *   pkg/controller/statefulset/stateful_set_utils.go,
 *   staging/src/k8s.io/api/core/v1/toleration.go,
 *   staging/src/k8s.io/apimachinery/pkg/util/intstr.
 * Simplified: nothing known.
 * State: none.
 */
#include "models/kind/views.h"

bool pod_is_running_and_ready(const PodView *pod)
{
    return pod->phase == PHASE_RUNNING && pod->ready == CONDITION_TRUE;
}

bool pod_is_terminal(const PodView *pod)
{
    return pod->phase == PHASE_SUCCEEDED || pod->phase == PHASE_FAILED;
}

bool pod_is_available(const PodView *pod, int64_t min_ready_s, Nanos now)
{
    if (pod->ready != CONDITION_TRUE) return false;
    if (min_ready_s == 0) return true;
    /* A condition without a time is never old enough. */
    if (pod->ready_at == NANOS_NEVER) return false;
    return now - pod->ready_at >= min_ready_s * NANOS_S;
}

static const char *const phase_texts[] = {
    [PHASE_NONE] = "",           [PHASE_PENDING] = "Pending",
    [PHASE_RUNNING] = "Running", [PHASE_SUCCEEDED] = "Succeeded",
    [PHASE_FAILED] = "Failed",   [PHASE_UNKNOWN] = "Unknown",
};

const char *pod_phase_text(PodPhase phase)
{
    return phase_texts[phase];
}

static const char *const condition_texts[] = {
    [CONDITION_ABSENT] = "",
    [CONDITION_FALSE] = "False",
    [CONDITION_TRUE] = "True",
    [CONDITION_UNKNOWN] = "Unknown",
};

const char *condition_text(Condition condition)
{
    return condition_texts[condition];
}

/* The expression upstream is "(.*)-([0-9]+)$": the parent is all before the last dash. */
bool pod_ordinal(const char *name, char parent[256], int64_t *ret_ordinal)
{
    const char *dash = strrchr(name, '-');
    parent[0] = 0;
    *ret_ordinal = -1;
    if (dash == NULL || dash - name > 255) return false;
    size_t digits = strspn(dash + 1, "0123456789");
    int64_t ordinal;
    if (digits == 0 || dash[1 + digits] != 0) return false;
    if (!text_to_int(dash + 1, &ordinal) || ordinal > INT32_MAX) return false;
    memcpy(parent, name, (size_t)(dash - name));
    parent[dash - name] = 0;
    *ret_ordinal = ordinal;
    return true;
}

static bool toleration_covers(const Toleration *toleration, const Taint *taint)
{
    if (toleration->effect != EFFECT_NONE && toleration->effect != taint->effect) return false;
    if (toleration->key != ATOM_NONE && toleration->key != taint->key) return false;
    return toleration->is_exists || toleration->value == taint->value;
}

bool tolerations_cover(const PodSpec *spec, const Taint *taint, int64_t *ret_seconds)
{
    bool is_covered = false;
    int64_t least = -1;
    for (uint32_t i = 0; i < spec->toleration_count; i++) {
        const Toleration *toleration = &spec->tolerations[i];
        if (!toleration_covers(toleration, taint)) continue;
        is_covered = true;
        if (!toleration->has_seconds) continue;
        int64_t seconds = MAX(toleration->seconds, 0);
        if (least < 0 || seconds < least) least = seconds;
    }
    if (ret_seconds != NULL) *ret_seconds = least;
    return is_covered;
}

/* Percentages of totals beyond any cluster saturate instead of overflowing. */
static int64_t percent_of(int64_t percent, int64_t total, bool rounds_up)
{
    int64_t product;
    if (__builtin_mul_overflow(percent, total, &product)) return INT64_MAX;
    int64_t whole = product / 100;
    bool has_rest = product % 100 != 0;
    if (rounds_up && has_rest && product > 0) return whole + 1;
    return !rounds_up && has_rest && product < 0 ? whole - 1 : whole;
}

int64_t int_or_percent(const Value *value, int64_t total, bool rounds_up, int64_t fallback)
{
    const char *text = value_as_text(value, NULL);
    if (text == NULL) return value_as_int(value, fallback);
    size_t length = strlen(text);
    if (length < 2 || length > 20 || text[length - 1] != '%') return fallback;
    char digits[20];
    memcpy(digits, text, length - 1);
    digits[length - 1] = 0;
    int64_t percent;
    return text_to_int(digits, &percent) ? percent_of(percent, total, rounds_up) : fallback;
}
