/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.h - label selectors, compiled.
 *
 * A LabelSelector (matchLabels, matchExpressions with In, NotIn, Exists, DoesNotExist) or a plain
 * map (a Service's selector) becomes a list of requirements on atoms. As in Kubernetes, an empty
 * LabelSelector matches everything and an absent one nothing; an empty Service selector selects
 * nothing (the caller's business).
 */
#ifndef KENNEL_MODELS_API_SELECTOR_H
#define KENNEL_MODELS_API_SELECTOR_H

#include "models/api/object.h"

typedef struct Selector Selector;

/* Compiles a LabelSelector; NULL value gives a selector that matches nothing. NULL with error set
 * on an unknown operator or values where none belong. Free with selector_free(). */
Selector *selector_new(AtomTable *atoms, const Value *label_selector, GError **error);

/* Compiles a plain map of labels. */
Selector *selector_new_map(AtomTable *atoms, const Value *labels);

void selector_free(Selector *selector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Selector, selector_free)

/* Whether labels satisfy every requirement. */
bool selector_matches(const Selector *selector, const Meta *meta);

/* One (key, value) pair that every match must carry, to start an index look-up; false if the
 * selector has none (then all objects of the namespace must be looked at). */
bool selector_pair(const Selector *selector, Atom *ret_key, Atom *ret_value);

#endif
