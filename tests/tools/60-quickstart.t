#!/bin/bash
# The first set-up as README and bulkhead(7) print it, run as printed: only the
# machine's names (db1, /srv, the moment) are put in the place of the reader's.
. "$(dirname "$0")/../lib.sh"

PATH=$B/bin:$PATH
export BULKHEAD_STATE=$T/state

from_readme()
{
	sed -n '/^A first real set-up/,/^What it protects from/p' "$ROOT/README" |
	    sed -n 's/^    //p'
}

from_manual()
{
	sed -n '/^\.Sh QUICK START/,/^\.Sh FROM CRON/p' "$ROOT/man/bulkhead.7" |
	    grep -E '^\$ |^    ' | sed -e 's/^\$ //' -e 's/\\e$/\\/'
}

localize()
{
	sed -e "s,/srv/,$T/$1/," -e "s,\"host=db1 user=backup\",\"$(pg_url "$T/db" user=backup)\"," \
	    -e "s,psql -h db1,psql -qX '$(pg_url "$T/db")'," -e 's,^logship .* &$,& LOG=$!,' \
	    -e 's,"2026-11-22T14:03:00Z","$WHEN",' -e 's,"\$T","$WHEN",'
}

moment()
{
	q "$T/db" "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
}

# play NAME CMD...: the commands that CMD prints, up to restore and from it on; between
# them the disaster.
play()
{
	local name=$1
	shift
	mkdir "$T/$name" "$T/$name/work"
	"$@" | localize "$name" >"$T/$name/all"
	like "$name: prints commands" "$(cat "$T/$name/all")" '^pitr-replay .*rescue$'
	sed '/^restore /,$d' "$T/$name/all" >"$T/$name/before"
	sed -n '/^restore /,$p' "$T/$name/all" >"$T/$name/after"
	cd "$T/$name/work"
	unset BULKHEAD_REPO BULKHEAD_SOURCE
	{ echo 'set -e'; cat "$T/$name/before"; echo 'echo $LOG >log.pid'
	  echo 'env | grep "^BULKHEAD_" >env'; } >"$T/$name/go"
	ok "$name: set up, shipped, snapshot taken, verified" bash "$T/$name/go"
	q "$T/db" "CREATE TABLE kept_$name AS SELECT 1 AS a"
	WHEN=$(moment)
	q "$T/db" "DROP TABLE kept_$name"
	ok "$name: the log is shipped up to there" wait_until 20 shipped "$WHEN"
	kill "$(cat log.pid)"
	ok "$name: logship ends" wait_until 20 gone "$(cat log.pid)"
	mkdir "$T/$name/rescue"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$T/$name/rescue"
	{ echo 'set -e'; sed 's/^/export /' env; echo "WHEN=$WHEN"; cat "$T/$name/after"; } >"$T/$name/go"
	ok "$name: restored and replayed" bash "$T/$name/go"
	is "$name: the table is back" "$(psql -XAtq "host=$T/$name/rescue/bulkhead/run port=5432 user=postgres dbname=postgres" -c "SELECT a FROM kept_$name")" 1
	ok "$name: the copy is stopped" pitr-replay --stop "$T/$name/rescue"
}

# The repository's log goes on past that moment.
shipped()
{
	local to
	to=$(sed -n 's/^BULKHEAD_REPO=//p' env)
	verify -q --json -r "$to" | grep -o '"to":"[^"]*"' | sed 's/"to":"\(.*\)"/\1/' |
	    awk -v w="$1" '$0 > w { found = 1 } END { exit !found }'
}

pg_init "$T/db"
pg_start "$T/db"
play readme from_readme
q "$T/db" 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots' >/dev/null
play manual from_manual
done_testing
