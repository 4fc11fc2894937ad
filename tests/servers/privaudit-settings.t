# privaudit on settings that lose data, and on whether the log leaves the host.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../log.sh"

echo "[role postgres] class=admin" >"$T/policy"

# audit DIR [OPTION...]: its findings in $T/json.
audit()
{
	local dir=$1 status=0
	privaudit --json -p "$T/policy" "$(pg_url "$dir")" >"$T/json" 2>"$T/err" || status=$?
	[ "$status" -le 3 ]
}

# field NAME CHECK SUBJECT: of that fault; nothing when there is none.
field()
{
	jq -r --arg f "$1" --arg c "$2" --arg s "$3" 'select(.check == $c and
	    (.account // .subject) == $s) | .[$f] // ""' "$T/json"
}

found()
{
	is "$1" "$(field severity "$2" "$3")" "$4"
}

# set_to DIR NAME VALUE: changed, and in force for new sessions.
set_to()
{
	q "$1" "alter system set $2 = '$3'" "select pg_reload_conf()" >"$T/set"
	wait_until 20 in_force "$1" "$2" "$3"
}

in_force()
{
	[ "$(q "$1" "show $2")" = "$3" ]
}

# ---- settings -------------------------------------------------------------------

pg_init "$T/db"
mkdir "$T/arch"
chmod 777 "$T/arch"
pg_conf "$T/db" "full_page_writes = off" "fsync = off" "archive_mode = on" \
    "archive_command = 'true'" "autovacuum = off"
pg_start "$T/db"
q "$T/db" "create role mig login" "create table t (a int)" "alter table t owner to mig" \
    "create role quiet login" "create table s (a int)" "alter table s owner to quiet"

audit "$T/db"
found "without fsync all may be lost" S1 fsync critical
found "without full pages a torn one stays" S1 full_page_writes high
found "DDL that nobody logs is told" S1 log_statement medium
like "with one who has it" "$(field text S1 log_statement)" 'nobody logs what mig or another'
found "an archiver that does nothing" B4 archive_command critical
is "on the loopback address TLS is not missed" "$(field severity S1 ssl)" ""

q "$T/db" "alter role quiet set log_statement = 'ddl'"
audit "$T/db"
like "whose DDL is logged is not meant" "$(field text S1 log_statement)" 'nobody logs what mig creates'

# The printed fix mends it, and its undo brings it back.
cp "$T/db/postgresql.auto.conf" "$T/before"
field fix S1 full_page_writes >"$T/fix.sql"
field undo S1 full_page_writes >"$T/undo.sql"
ok "the fix runs" psql -Xq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db")" -f "$T/fix.sql"
wait_until 20 in_force "$T/db" full_page_writes on
audit "$T/db"
found "and ends it" S1 full_page_writes ""
ok "the undo runs" psql -Xq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db")" -f "$T/undo.sql"
wait_until 20 in_force "$T/db" full_page_writes off
is "and brings back the file" "$(cat "$T/db/postgresql.auto.conf")" "$(cat "$T/before")"
set_to "$T/db" full_page_writes on
set_to "$T/db" full_page_writes off
audit "$T/db"
like "a value of ALTER SYSTEM comes back as it was" "$(field undo S1 full_page_writes)" \
    "^ALTER SYSTEM SET full_page_writes = 'off'; SELECT pg_reload_conf\(\);?$"

# ---- the archiver ---------------------------------------------------------------

for c in : 'exit 0' '/bin/true %p' 'echo %p' "cp %p $T/arch/%f || true" 'cp %p /dev/null' \
    'copy-it' ' true ; '; do
	set_to "$T/db" archive_command "$c"
	audit "$T/db"
	found "archives nothing: $c" B4 archive_command critical
done

set_to "$T/db" archive_command "test ! -e $T/arch/%f && cp %p $T/arch/%f"
archived() { [ "$(q "$T/db" "select archived_count > 0 from pg_stat_archiver")" = t ]; }
q "$T/db" "select pg_stat_reset_shared('archiver')" >"$T/set"
audit "$T/db"
found "a command that archives" B4 archive_command ""
like "none has left yet" "$(field text B4 archiver)" 'no segment has ever left'
q "$T/db" "insert into t values (1)" "select pg_switch_wal()" >"$T/set"
wait_until 30 archived
audit "$T/db"
found "a segment has left" B4 archiver ""
found "on a quiet server the last ones wait" B4 archive_timeout medium
set_to "$T/db" archive_timeout 1min
audit "$T/db"
is "an archiver that works is clean" "$(jq -r 'select(.check == "B4") | .text' "$T/json")" ""

failed() { [ "$(q "$T/db" "select failed_count > 0 from pg_stat_archiver")" = t ]; }
set_to "$T/db" archive_command "cp %p $T/nowhere/%f"
q "$T/db" "insert into t values (1)" "select pg_switch_wal()" >"$T/set"
wait_until 60 failed
audit "$T/db"
found "an archiver that fails" B4 archiver critical
like "is told with what waits" "$(field text B4 archiver)" 'it fails: 0000000100000000000000'

# ---- slots ------------------------------------------------------------------------

q "$T/db" "select pg_create_physical_replication_slot('late', true)" >"$T/set"
audit "$T/db"
found "a slot that nobody reads" B4 "replication slot late" high
set_to "$T/db" max_slot_wal_keep_size 1MB
set_to "$T/db" archive_command "cp %p $T/arch/%f"
lost()
{
	q "$T/db" "insert into t values (1)" "select pg_switch_wal()" "checkpoint" >"$T/set"
	[ "$(q "$T/db" "select wal_status from pg_replication_slots")" = lost ]
}
wait_until 60 lost
audit "$T/db"
like "a slot that was given up has a hole" "$(field text B4 "replication slot late")" \
    'has removed WAL that its reader still needed'
q "$T/db" "select pg_drop_replication_slot('late')" >"$T/set"

# ---- logship is a way for the log to leave ------------------------------------------

pg_stop "$T/db"
rm "$T/db/postgresql.auto.conf"
as_pg touch "$T/db/postgresql.auto.conf"
pg_conf "$T/db" "archive_mode = off" "archive_command = ''" "listen_addresses = '*'"
pg_start "$T/db"
audit "$T/db"
found "nothing takes the log away" B4 archive_mode critical
found "TLS is missed on all addresses" S1 ssl high
new_repo "$T/repo"
enrol shop
ship shop "$T/db"
wait_shipped "$T/db"
audit "$T/db"
is "with logship it leaves" "$(jq -r 'select(.check == "B4") | .text' "$T/json")" ""
kill "$PID"
wait "$PID" || true
left() { [ "$(q "$T/db" "select active from pg_replication_slots")" = f ]; }
wait_until 20 left
audit "$T/db"
found "when logship has gone it leaves no more" B4 archive_mode critical
found "and its slot keeps WAL" B4 "replication slot bulkhead_shop" high

# ---- where SQL may not set anything -----------------------------------------------------

if [ "$PGVERSION" -ge 17 ]; then
	pg_conf "$T/db" "allow_alter_system = off"
	q "$T/db" "select pg_reload_conf()" >"$T/set"
	wait_until 20 in_force "$T/db" allow_alter_system off
	audit "$T/db"
	is "without ALTER SYSTEM no SQL mends a setting" "$(field fix S1 full_page_writes)" ""
	like "which is said" "$(field advice S1 full_page_writes)" 'set full_page_writes = on where'
fi

# ---- who may not look -----------------------------------------------------------------

q "$T/db" "create role auditor login"
privaudit --json -p "$T/policy" "$(pg_url "$T/db" user=auditor)" >"$T/json" 2>"$T/err" || true
like "pg_hba.conf cannot be read: unknown, not clean" \
    "$(jq -r 'select(.check == "H1") | .what // empty' "$T/json")" '^pg_hba_file_rules$'
privaudit --print-grants postgresql >"$T/grants.sql"
ok "the least grants run" psql -Xq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db")" -f "$T/grants.sql"
privaudit --json -p "$T/policy" "$(pg_url "$T/db" user=privaudit)" >"$T/json" 2>"$T/err" || true
is "and then all can be read" \
    "$(jq -r 'select(.what and .why) | "\(.check) \(.what) \(.why)"' "$T/json")" ""
done_testing
