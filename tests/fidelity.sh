#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fidelity.sh: writes results/studies/fidelity/README.md, the certificate of how far the StatefulSet
# controller decides what the real one decides. Exits 1 if anything diverges.
. "$(dirname "$0")/lib.sh"
build=$(dirname "$KENNEL")
shared=${KENNEL_SHARED:-../shared}/conformance
slice=tests/conformance
if [ -e "$shared/l1.jsonl.gz" ]; then
    data="the whole recording"
    cases=("$shared"/l1.jsonl.gz "$shared"/l1-extra.jsonl.gz "$shared"/l1-hash-vectors.jsonl.gz)
    timelines=("$shared"/l2/*.jsonl)
else
    data="the slice of the recording that is kept in tests/conformance"
    cases=($slice/single.jsonl.gz $slice/trajectories.jsonl.gz $slice/hash-vectors.jsonl.gz)
    timelines=($slice/l2/recordings/*.jsonl.gz)
fi
out=results/studies/fidelity
mkdir -p $out

"$build/fidelity" "${cases[@]}" >"$TMP/decisions" || not_ok "fidelity of decisions" "see $out"
"$build/l2" "${timelines[@]}" >"$TMP/timelines" || not_ok "fidelity of timelines" "see $out"
versions=$(sed -n 's/^GATE(\(StatefulSet[A-Za-z]*\|MaxUnavailable[A-Za-z]*\|PodIndexLabel\|StaleControllerConsistencyStatefulSet\), .*/\1/p' \
    models/gates.def | paste -sd, | sed 's/,/, /g')

{
    cat <<END
# Fidelity: what the StatefulSet controller decides, against the real one

Rebuild with \`make fidelity\`. This run used $data. What is compared, how it was recorded and what the fields mean stands in
\`tests/conformance/README.md\` and \`tests/conformance/l2/README.md\`.

A *single decision* is one sync of the real controller of Kubernetes 1.36.2 on a given cache and API: it agrees if all writes in their order,
with their contents and results, all events with type, reason and message, the status, whether there was an error, the pods that were claimed
and the requeue are equal. A *trajectory step* is the same in the middle of a history in which pods start, fail and go, and people edit the
set. *Revision names* are ControllerRevision names, byte for byte.

## Decisions

END
    cat "$TMP/decisions"
    cat <<END

## Timelines of a whole control plane

Recordings of a real API server and controller manager with a scripted kubelet, replayed in the closed loop: this program's controllers,
the same kubelet delays. *Events* are creations, marks for deletion, phases, readiness, ends, owners of claims and revisions; what
happens within 30 ms counts as at once (a parallel set's pods come in any order there). *Lasting* statuses of the set stood for more than
90 ms: which of several changes within milliseconds a sync sees is chance, in a real cluster too, so of the brief ones some differ.

| recording | events in order | in the very same order | simulated | lasting statuses | all statuses |
|---|---|---|---|---|---|
END
    sed -n 's/^\([a-z0-9-]*\): \([0-9]* of [0-9]*\) events in order (\([0-9]*\) in the very same), \([0-9]*\) simulated; \([0-9]* of [0-9]*\) lasting statuses (\([0-9]*\) of all \([0-9]*\))/| \1 | \2 | \3 | \4 | \5 | \6 of \7 |/p' \
        "$TMP/timelines"
    echo
    if grep -q '^  ' "$TMP/timelines"; then
        printf 'Differences:\n\n```\n%s\n```\n' "$(grep -v '^[a-z].*: [0-9]* of' "$TMP/timelines")"
    else
        echo "Differences: none beyond these."
    fi
    cat <<END

## What is covered, and what is not

- Recorded with 1.36.2, MaxUnavailableStatefulSet on and off, StatefulSetSemanticRevisionComparison on and off. The rules of 1.27 to
  1.35 differ by the gate table ($versions) and by the releases named in the code; they follow upstream's source and change log and are
  tested by unit tests, but no recording of those releases was compared.
- Up to 1.27 a pod that has ended is deleted and made again in the same sync, and a claim's owners are known by uid alone (no rule for other
  controllers, none but the wait before a creation for stale owners); from 1.28 on neither is so. None of it shows in 1.36.
- Known not to be modelled: pods are repaired after a conflict without jitter.
- The order of writes inside a batch of a parallel set is not defined upstream; recordings and simulation use the order of ordinals.
- The read-your-writes guard (1.36) is off where single decisions are compared, because their caches are caught up, and on in the timelines.
END
} >$out/README.md
echo "wrote $out/README.md"
sed -n '/^| single/p;/^| trajectory/p;/^| revision names/p' $out/README.md
