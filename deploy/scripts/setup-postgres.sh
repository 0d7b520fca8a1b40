#!/bin/sh
# Creates Temporal's two databases, or brings their schemas up to this version. Safe to repeat.
set -eu

: "${POSTGRES_HOST:?}" "${POSTGRES_USER:?}" "${SQL_PASSWORD:?}"

sql() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_HOST" -p "${POSTGRES_PORT:-5432}" \
        -u "$POSTGRES_USER" --db "$database" "$@"
}

prepare() {
    database=$1
    versions=$2
    sql "$database" create
    if sql "$database" update-schema -d "$versions"; then
        return
    fi
    echo "$database has no schema yet"
    sql "$database" setup-schema -v 0.0
    sql "$database" update-schema -d "$versions"
}

prepare temporal /etc/temporal/schema/postgresql/v12/temporal/versioned
prepare temporal_visibility /etc/temporal/schema/postgresql/v12/visibility/versioned
