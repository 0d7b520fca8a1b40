#!/bin/sh
# Waits for the server, then creates the namespace and its search attributes. Safe to repeat.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${RETENTION:?}"

tries_left=60
until temporal operator cluster health; do
    tries_left=$((tries_left - 1))
    if [ "$tries_left" -eq 0 ]; then
        echo "The Temporal server at $TEMPORAL_ADDRESS did not become healthy" >&2
        exit 1
    fi
    sleep 2
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A new namespace reaches the server's cache within a few seconds.
tries_left=30
until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name OstinatoPhase --type Keyword \
    --name OstinatoOutcome --type Keyword \
    --name OstinatoTaskType --type Keyword \
    --name OstinatoRepo --type Keyword \
    --name OstinatoNeedsHuman --type Bool \
    --name OstinatoStepsTotal --type Int \
    --name OstinatoStepsFailed --type Int; do
    tries_left=$((tries_left - 1))
    if [ "$tries_left" -eq 0 ]; then
        echo "The search attributes could not be created" >&2
        exit 1
    fi
    sleep 2
done
