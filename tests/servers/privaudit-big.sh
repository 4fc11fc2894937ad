#!/bin/bash
# privaudit on a big server: 5,000 roles, 100,000 tables.  At most 20 s and 200 MiB.  Not part
# of `make check`, since making the server takes minutes:
#
#	B=build PGVERSION=15 tests/servers/privaudit-big.sh [ROLES [TABLES]]
#
# Every role may read some tables of its own schema and belongs to one of a hundred groups,
# which own and write these; one group in ten is nested.  So there are thousands of
# findings, too.
. "$(dirname "$0")/../lib.sh"
ROLES=${1:-5000} TABLES=${2:-100000}

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off" "full_page_writes = off" \
    "max_locks_per_transaction = 512" "synchronous_commit = off"
pg_start "$T/db"
C=$(pg_url "$T/db")
psql -Xq -v ON_ERROR_STOP=1 -d "$C" -v roles="$ROLES" -v tables="$TABLES" <<'END'
set client_min_messages = warning;
create role keeper;
select format('create role g%s', i), format('create schema s%s authorization g%s', i, i)
from generate_series(1, 100) i \gexec
select format('create role "Röle ""%s""" login password %L in role g%s', i, 'x', 1 + i % 100)
from generate_series(1, :roles) i \gexec
select format('grant g%s to g%s', i + 1, i) from generate_series(10, 90, 10) i \gexec
select format('create table s%s.t%s (id int)', 1 + i % 100, i),
    format('alter table s%s.t%s owner to g%s', 1 + i % 100, i, 1 + i % 100),
    format('grant select, insert on s%s.t%s to "Röle ""%s"""', 1 + i % 100, i, 1 + i % :roles)
from generate_series(1, :tables) i \gexec
END
echo "[target] env=production owner=keeper
[role postgres] class=admin
[role *] class=app db=postgres" >"$T/policy"

# measure NAME ARG...: seconds and MiB of one run.
measure()
{
	local name=$1
	shift
	/usr/bin/time -f "%e %M" -o "$T/time" privaudit "$@" >"$T/$name.out" 2>"$T/$name.err" || true
	awk -v name="$name" '/^[0-9.]+ [0-9]+$/ {
		printf "%s: %.1f s, %d MiB\n", name, $1, $2 / 1024 }' "$T/time"
	tail -n 1 "$T/$name.out" | cut -c1-200
}

measure text -p "$T/policy" "$C"
measure json --json -p "$T/policy" "$C"
measure script --script -p "$T/policy" "$C"
