/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revision.h - ControllerRevisions: what a set's template looked like, and what that is called.
 *
 * Internal to the StatefulSet controller. A revision's data is a patch that replaces the template;
 * its name is a hash of the data's canonical JSON, byte for byte as upstream computes it, so that
 * names agree with a real cluster. Everything here is a pure function.
 */
#ifndef KENNEL_MODELS_CONTROL_REVISION_H
#define KENNEL_MODELS_CONTROL_REVISION_H

#include "models/kind/views.h"

#define REVISION_HASH_MAX 16

/* {"spec":{"template":{..., "$patch":"replace"}}}; shares the template's subtrees. */
Value *revision_data(const Value *template);

/* The template that a revision restores (data without "$patch"); NULL if it holds none. */
Value *revision_template(const Value *data);

/* Whether data holds exactly this template. */
bool revision_holds(const Value *data, const Value *template);

/* The hash of data followed by the collision count, in the 27-letter alphabet; returns buffer. A
 * negative count stands for none. */
const char *revision_hash(const Value *data, int64_t collisions, char buffer[REVISION_HASH_MAX]);

/* Canonical JSON of data; free with g_free(). */
char *revision_json(const Value *data);

/* The same for that JSON. */
const char *revision_hash_text(const char *json, int64_t collisions,
                               char buffer[REVISION_HASH_MAX]);

/* The digits of a number in the alphabet that spells no words; returns buffer. */
const char *revision_encode(uint32_t sum, char buffer[REVISION_HASH_MAX]);

/* "<set, cut to 223 bytes>-<hash>"; free with g_free(). */
char *revision_name(const char *set, const char *hash);

/* Whether a stored revision counts as the template's under the new hash: the data are equal, and
 * the hash labels do not contradict (upstream compares them only if both are decimal numbers). */
bool revision_matches(const Object *revision, const Value *template, AtomTable *atoms,
                      int64_t collisions);

/* Whether two stored revisions are equal in the same sense. */
bool revision_same(const Object *a, const Object *b, AtomTable *atoms);

/* Whether restoring a revision into a set, with the API server's defaults filled in, gives the
 * set's template: the semantic comparison of 1.34. */
bool revision_means(const Object *revision, const Object *set);

/* A new revision object of a set; `hash` names it and `label` is its hash label. */
Value *revision_body(const Object *set, const char *set_name, const Value *data, const char *label,
                     const char *name, int64_t number);

/* Total order: revision number, creation time, name. */
int revision_compare(AtomTable *atoms, const Object *a, const Object *b);

/* An owner reference with controller and blockOwnerDeletion set. */
Value *revision_owner_ref(const Object *owner, const char *owner_name);

#endif
