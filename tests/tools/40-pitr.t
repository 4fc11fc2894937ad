# matrix
# pitr-replay: exact points, forward, release; what it refuses; kills; hostile conditions.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

KEY=$T/keys/dba.key
BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN

# replay ARG... TARGET, and its words on stdout in $OUT.
replay()
{
	run pitr-replay -q -k "$KEY" "$@"
	OUT=$(cat "$T/out")
}

# reaches NAME ARG... TARGET
reaches()
{
	local name=$1
	shift
	ok "$name" pitr-replay -q -k "$KEY" "$@"
	OUT=$(cat "$T/out")
}

# The socket's folder of a paused copy; a query there.
copy_run()
{
	cat "$1/bulkhead/run-dir" 2>/dev/null || echo "$1/bulkhead/run"
}

cq()
{
	local dir=$1
	shift
	psql -XAtq -v ON_ERROR_STOP=1 -h "$(copy_run "$dir")" -p 5432 -U postgres -d postgres -c "$1"
}

ids()
{
	cq "$1" "select coalesce(string_agg(id::text, ' ' order by id), '') from t"
}

new_copy()
{
	mkdir "$1"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$1"
	restore -q -k "$KEY" -n shop "${@:2}" "$1" >/dev/null
}

# All files below a folder but the lock, to see whether anything changed.
fingerprint()
{
	(cd "$1" && find . ! -type d ! -path ./bulkhead/lock -printf '%p %y %m %s %T@\n' | sort | md5sum)
}

# add ID: a row in a transaction of its own; its xid, commit LSN and the time behind it.
add()
{
	local row
	row=$(q "$T/db" "begin; insert into t values ($1); select pg_current_xact_id(); commit" \
	    "select pg_current_wal_insert_lsn(), to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	XID[$1]=$(head -n 1 <<<"$row")
	LSN[$1]=$(tail -n 1 <<<"$row" | cut -d'|' -f1)
	TIME[$1]=$(tail -n 1 <<<"$row" | cut -d'|' -f2)
}
declare -A XID LSN TIME

# ---- a database, a snapshot in the middle of its log -------------------------

new_repo "$T/repo"
enrol shop
export BULKHEAD_REPO=$REPO BULKHEAD_SOURCE=$T/shop.source
pg_init "$T/db"
pg_conf "$T/db" "max_prepared_transactions = 5"
pg_start "$T/db"
q "$T/db" "create table t (id int primary key)" "create extension amcheck"
logship -q --once "$(pg_url "$T/db")" >/dev/null
add 1
first=$(snapshot -q --fast "$(pg_url "$T/db")")
add 2
q "$T/db" "select pg_switch_wal()" >/dev/null
second=$(snapshot -q --fast "$(pg_url "$T/db")")
for i in 3 4 5; do add $i; done
q "$T/db" "select pg_create_restore_point('before lunch')" >/dev/null
add 6
q "$T/db" "begin; insert into t values (7); prepare transaction 'seven'"
add 8
q "$T/db" "commit prepared 'seven'"
seven=$(q "$T/db" "select xmin from t where id = 7")
add 9
q "$T/db" "alter system set archive_command = 'touch $T/evil'" "drop table t"
logship -q --once "$(pg_url "$T/db")" >/dev/null

# ---- misuse ------------------------------------------------------------------

ok "--help is printed" pitr-replay --help
like "it names the options" "$(cat "$T/out")" '--before'
ok "--version is printed" pitr-replay --version
fails_with 64 'which restored copy' pitr-replay -k "$KEY"
fails_with 64 'restore key is needed' pitr-replay "$T/c"
fails_with 64 'only one of --before and --to' pitr-replay -k "$KEY" --before 0/1 --to 0/2 "$T/c"
fails_with 64 'only one of --plan' pitr-replay -k "$KEY" --plan --release "$T/c"
fails_with 64 '--from goes with -o' pitr-replay -k "$KEY" --from 0/1 "$T/c"
fails_with 64 'one directory at a time' pitr-replay -k "$KEY" "$T/c" "$T/d"
fails_with 66 'not a restored copy' pitr-replay -q -k "$KEY" "$T"
fails_with 66 '.' pitr-replay -q -k "$KEY" "$T/none"
new_copy "$T/c"
fails_with 64 'zone' pitr-replay -q -k "$KEY" --before '2026-11-22 10:00' "$T/c"
fails_with 64 'not a transaction id' pitr-replay -q -k "$KEY" --before xid:x "$T/c"
fails_with 77 '.' pitr-replay -q -k "$T/keys/a.key" "$T/c"

# ---- the plan ----------------------------------------------------------------

before=$(fingerprint "$T/c")
reaches "a plan is made" --plan --before "xid:${XID[6]}" "$T/c"
like "it names the snapshot" "$OUT" "^snapshot +$second of shop"
like "it names the stream" "$OUT" '^stream +[0-9]+-00000001,'
like "it counts the transactions" "$OUT" '^replay .* 3 transactions,'
like "it names the one before" "$OUT" "^before it +transaction ${XID[5]}, committed 20"
like "it names the one after" "$OUT" "^after it +transaction ${XID[6]}, committed 20"
run pitr-replay -q -k "$KEY" --plan --json --before "xid:${XID[6]}" "$T/c"
like "as JSON, too" "$(cat "$T/out")" "^\\{\"v\":1,\"type\":\"result\",\"status\":0,\"did\":\"plan\",.*\"reached\":true,\"transactions\":3,\"before\":\\{\"xid\":${XID[5]},"
is "a plan touches nothing" "$(fingerprint "$T/c")" "$before"

# ---- one after the other -----------------------------------------------------

fails_with 77 "before 0/[0-9A-F]+, up to where the copy|before the end of snapshot $second" \
    pitr-replay -q -k "$KEY" --before "${LSN[1]}" "$T/c"
like "the hint names a snapshot that would do" "$(cat "$T/err")" "hint: no older snapshot"
fails_with 77 "before the end of snapshot $second" \
    pitr-replay -q -k "$KEY" --before "${TIME[1]}" "$T/c"
fails_with 77 "before 0/[0-9A-F]+, up to where the copy|before the end of snapshot $second" \
    pitr-replay -q -k "$KEY" --before "${LSN[2]}" "$T/c"
like "the hint names a snapshot that would do" "$(cat "$T/err")" "hint: restore snapshot $first"
is "a refusal touches nothing" "$(fingerprint "$T/c")" "$before"

reaches "to a transaction" --to "xid:${XID[3]}" "$T/c"
like "it says reached" "$OUT" "^reached +xid:${XID[3]}, at 0/"
like "and what came next" "$OUT" "^after it +transaction ${XID[4]},"
is "it has that transaction, and no later one" "$(ids "$T/c")" "1 2 3"
is "the copy is paused" "$(cq "$T/c" "select pg_is_in_recovery(), pg_get_wal_replay_pause_state()")" "t|paused"
is "it does not listen" "$(cq "$T/c" "show listen_addresses")" ""
is "it does not archive" "$(cq "$T/c" "show archive_mode")" off
pid=$(head -n 1 "$T/c/postmaster.pid")
unlike "the server knows nothing of the key" \
    "$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null; tr '\0' ' ' <"/proc/$pid/cmdline"; cat "$T/c/bulkhead/postgresql.conf")" \
    'keys|KEY'
if [ "$(id -u)" -eq 0 ]; then
	is "it has no network" "$(nsenter -t "$pid" -n cat /proc/net/dev | grep -vc -e '|' -e 'lo:')" 0
else
	skip "it has no network" "needs root to look"
fi

reaches "the same again" --to "xid:${XID[3]}" "$T/c"
is "changes nothing" "$(ids "$T/c")" "1 2 3"
reaches "to a time" --to "${TIME[4]}" "$T/c"
is "it has what was committed by then" "$(ids "$T/c")" "1 2 3 4"
fails_with 77 'up to where the copy has come' pitr-replay -q -k "$KEY" --before "xid:${XID[4]}" "$T/c"
is "a copy that was refused can still be read" "$(ids "$T/c")" "1 2 3 4"
reaches "before an LSN" --before "${LSN[5]}" "$T/c"
is "it has what begins before it" "$(ids "$T/c")" "1 2 3 4 5"
reaches "before a restore point" --before "name:before lunch" "$T/c"
reaches "to a restore point" --to "name:before lunch" "$T/c"
is "it has what was before lunch" "$(ids "$T/c")" "1 2 3 4 5"
reaches "before a prepared transaction's commit" --before "xid:$seven" "$T/c"
is "it is not there" "$(ids "$T/c")" "1 2 3 4 5 6 8"
reaches "to a prepared transaction's commit" --to "xid:$seven" "$T/c"
is "it is there" "$(ids "$T/c")" "1 2 3 4 5 6 7 8"
is "the indexes are sound" "$(cq "$T/c" "select bt_index_check('t_pkey', true)")" ""

# ---- not there ---------------------------------------------------------------

fails_with 1 'target xid:99999 not reached: the log ends at 0/' \
    pitr-replay -q -k "$KEY" --to xid:99999 "$T/c"
fails_with 1 'not reached' pitr-replay -q -k "$KEY" --to 'name:Before Lunch' "$T/c"
is "what is not in the log moves nothing" "$(ids "$T/c")" "1 2 3 4 5 6 7 8"

# ---- locks, stop, signals ----------------------------------------------------

exec 8>>"$T/c/bulkhead/lock"
flock 8
fails_with 75 'lock' pitr-replay -q -k "$KEY" "$T/c"
fails_with 75 'lock' pitr-replay -q --stop "$T/c"
ok "a plan needs no lock" pitr-replay -q -k "$KEY" --plan "$T/c"
exec 8>&-
pid=$(head -n 1 "$T/c/postmaster.pid")
ok "the paused server is stopped" pitr-replay --stop "$T/c"
ok "it is gone" gone "$pid"
ok "and once more" pitr-replay --stop "$T/c"
reaches "a stopped copy goes on" --to "xid:${XID[9]}" "$T/c"
is "from where it was" "$(ids "$T/c")" "1 2 3 4 5 6 7 8 9"

# ---- release -----------------------------------------------------------------

# The copy's own settings count again.
own_settings()
{
	printf '%s\n' "port = $(cat "$T/db.lab/port")" "unix_socket_directories = '$1.lab'" \
	    "archive_mode = off" >>"$1/postgresql.conf"
	mkdir -p "$1.lab"
	cp "$T/db.lab/port" "$T/db.lab/version" "$1.lab/"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$1.lab"
}

pid=$(head -n 1 "$T/c/postmaster.pid")
reaches "a copy is released as it stands" --release "$T/c"
like "it says so" "$OUT" '^released '
ok "its server is stopped" gone "$pid"
is "nothing of ours holds it back" \
    "$(ls "$T/c" | grep -c -e '\.signal$' -e 'auto.conf$')" 0
fails_with 77 'was released' pitr-replay -q -k "$KEY" "$T/c"
pg_stop "$T/db"
own_settings "$T/c"
pg_start "$T/c"
is "it is a database with just those rows" \
    "$(q "$T/c" "select string_agg(id::text, ' ' order by id) from t")" "1 2 3 4 5 6 7 8 9"
is "on a timeline of its own" "$(q "$T/c" "select timeline_id from pg_control_checkpoint()")" 2
ok "that can be written" q "$T/c" "insert into t values (100)"
ok "and is sound" amcheck "$T/c"
if [ "$PGVERSION" -eq 15 ]; then
	ok "and can be backed up, what we left included" \
	    as_pg pg_basebackup -X none -c fast -Ft -D - -d "$(pg_url "$T/c")"
else
	skip "and can be backed up, what we left included" "no pg_basebackup of $PGVERSION"
fi
is "no command of the old configuration ran" "$(ls "$T/evil" 2>/dev/null)" ""
pg_stop "$T/c"
pg_start "$T/db"

# ---- the end of the log, and beyond --------------------------------------------

new_copy "$T/e" "$first"
future=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)
fails_with 1 "target $future not reached: the log ends at 0/" \
    pitr-replay -q -k "$KEY" --to "$future" "$T/e"
is "the copy was replayed to the end, and can be read" \
    "$(cq "$T/e" "select pg_get_wal_replay_pause_state(), to_regclass('t') is null")" "paused|t"
run pitr-replay -q -k "$KEY" --json --to "$future" "$T/e"
is "exit status 1 with --json" "$STATUS" 1
like "and one result object that says so" "$(cat "$T/out")" '^\{"v":1,"type":"result","status":1,.*"reached":false'
is "only one" "$(wc -l <"$T/out")" 1
reaches "the end needs no target" "$T/e"
like "it has a name" "$OUT" '^reached +the end of the log'
fails_with 1 'not reached' pitr-replay -q -k "$KEY" --to "$future" --release "$T/e"
ok "a target that is not reached releases nothing" test -e "$T/e/standby.signal"
pitr-replay --stop "$T/e"
# Later the log has grown.
q "$T/db" "create table t (id int primary key)"
add 20
logship -q --once "$(pg_url "$T/db")" >/dev/null
reaches "a log that has grown goes on" --to "${TIME[20]}" "$T/e"
is "with what came after the disaster" "$(ids "$T/e")" 20
pitr-replay --stop "$T/e"

# ---- WAL as files --------------------------------------------------------------

new_copy "$T/w" "$second"
before=$(fingerprint "$T/w")
reaches "the WAL is written out" --to "xid:${XID[5]}" -o "$T/wal" "$T/w"
is "the copy was not touched" "$(fingerprint "$T/w")" "$before"
if pg_has_tools; then
	last=$(ls "$T/wal" | tail -n 1)
	first_wal=$(ls "$T/wal" | head -n 1)
	pg_tool "$PGVERSION" pg_waldump -p "$T/wal" "$first_wal" "$last" >"$T/dump" 2>/dev/null || true
	is "pg_waldump reads it, up to just that commit" \
	    "$(grep -c 'COMMIT' "$T/dump") $(grep COMMIT "$T/dump" | tail -n 1 | sed 's/.*tx: *\([0-9]*\).*/\1/')" \
	    "3 ${XID[5]}"
else
	skip "pg_waldump reads it, up to just that commit" "no client tools of $PGVERSION"
fi
fails_with 77 'not empty' pitr-replay -q -k "$KEY" -o "$T/wal" "$T/w"
reaches "from a position" --from "${LSN[5]}" -o "$T/wal2" "$T/w"
is "only what is asked for" "$(ls "$T/wal2" | wc -l)" 1
fails_with 64 'not an LSN' pitr-replay -q -k "$KEY" --from x -o "$T/wal3" "$T/w"

# ---- damage and loss -------------------------------------------------------------

# The second of the log's three files, near its end: the last rows before the disaster.
f=$(find "$REPO/logs/shop" -type f -printf '%f %p\n' | sort | sed -n '2s/.* //p')
size=$(stat -c %s "$f")
chmod u+w "$f"
cp -p "$f" "$T/kept"
before=$(fingerprint "$T/w")
printf 'X' | dd of="$f" bs=1 seek=$((size - 200)) conv=notrunc status=none
fails_with 65 'log .*(authentic|damage|frame)' pitr-replay -q -k "$KEY" "$T/w"
is "damage is found before anything is changed" "$(fingerprint "$T/w")" "$before"
cp -p "$T/kept" "$f"
ok "and gone it is read again" pitr-replay -q -k "$KEY" --plan "$T/w"

fails_with 66 '.' pitr-replay -q -r "$T/norepo" -k "$KEY" "$T/w"
mv "$T/repo" "$T/repo.moved"
unset BULKHEAD_REPO
fails_with 66 'repository .*there is none' pitr-replay -q -k "$KEY" "$T/w"
ok "-r names its new place" pitr-replay -q -r "$T/repo.moved" -k "$KEY" --plan "$T/w"
mv "$T/repo.moved" "$T/repo"
export BULKHEAD_REPO=$REPO
ok "the spare key does as well" pitr-replay -q -k "$T/keys/spare.key" --plan "$T/w"

# What the server needs is gone only when it asks for it.
enrol lone
lone=$(BULKHEAD_SOURCE=$T/lone.source snapshot -q --fast "$(pg_url "$T/db")")
new_copy "$T/l" -n lone "$lone"
rm "$T/l/pg_wal"/0*
fails_with 65 'no WAL is held from' pitr-replay -q -k "$KEY" "$T/l"
ok "the server does not stay behind" test ! -e "$T/l/postmaster.pid"
rm -rf "$T/l"
new_copy "$T/l" -n lone "$lone"
reaches "without a log the snapshot itself is the end" "$T/l"
is "it can be read" "$(ids "$T/l")" 20
fails_with 1 'not reached' pitr-replay -q -k "$KEY" --to "$future" "$T/l"
pitr-replay --stop "$T/l"

# A restore that was cut off.
cp -a "$T/w" "$T/half"
sed -i 's/^complete 1/complete 0/' "$T/half/bulkhead/stamp"
fails_with 77 'restore did not finish' pitr-replay -q -k "$KEY" "$T/half"

# The server's user must be able to run the helper.
if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 "$T/closed"
	cp "$(command -v pitr-replay)" "$T/closed/"
	fails_with 78 'cannot run it' "$T/closed/pitr-replay" -q -k "$KEY" "$T/w"
else
	skip "pitr-replay fails with 78: cannot run it" "needs root"
fi

# ---- killed, or failing, at any moment ---------------------------------------------

ids9="1 2 3 4 5 6 7 8 9"

# sweep NAME HOW AGAIN ARG...: call N of the tool fails that way (KILL, or an errno), for
# some N (FULL=1: all); then the same again must succeed, or AGAIN be its error.
sweep()
{
	local name=$1 how=$2 again=$3 n=1 times=0 wrong=''
	shift 3
	while :; do
		cp -a "$T/fresh" "$T/k"
		run fault all "$n" "$how" "$T/k" pitr-replay -q -k "$KEY" --to "xid:${XID[9]}" "$@" "$T/k"
		[ "$(fault_seen)" -ge "$n" ] || break
		times=$((times + 1))
		[ "$how" = KILL ] || [ "$STATUS" -eq 0 ] || grep -q '^pitr-replay: ' "$T/err" ||
		    wrong="$wrong $n(says nothing)"
		run pitr-replay -q -k "$KEY" --to "xid:${XID[9]}" "$@" "$T/k"
		if [ "$STATUS" -ne 0 ]; then
			{ [ -n "$again" ] && grep -q "$again" "$T/err"; } || wrong="$wrong $n($(cat "$T/err"))"
		elif [ "$#" -eq 0 ]; then
			[ "$(ids "$T/k")" = "$ids9" ] || wrong="$wrong $n(rows)"
			pitr-replay --stop "$T/k"
		fi
		rm -rf "$T/k"
		[ -n "${FULL:-}" ] || n=$((2 * n))
		n=$((n + 1))
	done
	[ ! -e "$T/k/postmaster.pid" ] || pitr-replay --stop "$T/k"
	rm -rf "$T/k"
	[ "$times" -gt 3 ] || wrong="$wrong: only $times times"
	is "$name" "$wrong" ""
}

new_copy "$T/fresh" "$first"
if [ "$PGVERSION" -eq 15 ]; then
	sweep "killed in the middle, the next call succeeds" KILL ''
	sweep "killed in a release, the next call finishes it" KILL 'was released' --release
	sweep "after a failure, the next call succeeds" EIO 'was released' --release
fi

# A signal stops the server, too.
new_copy "$T/s" "$first"
spawn signalled pitr-replay -q -k "$KEY" --to "xid:${XID[9]}" "$T/s"
wait_until 20 test -e "$T/s/postmaster.pid" || true
kill "$PID" 2>/dev/null || true
status=0
wait "$PID" || status=$?
if [ "$status" -eq 0 ]; then
	skip "SIGTERM stops it and the server" "it was done already"
else
	is "SIGTERM stops it and the server" \
	    "$status $(ls "$T/s/postmaster.pid" 2>/dev/null)" "71 "
fi
reaches "and the next call goes on" --to "xid:${XID[9]}" "$T/s"
is "to the same rows" "$(ids "$T/s")" "$ids9"
pitr-replay --stop "$T/s"

# ---- what is on its way to be dropped ---------------------------------------------------

# The disaster holds its table for a while before it commits; other work goes on meanwhile.
q "$T/db" "create database sales" "create table u (id int)"
psql -XAtq -d "$(pg_url "$T/db" dbname=sales)" -c "create table orders as select 1 as id"
drop=$(snapshot -q --fast "$(pg_url "$T/db")")
add 30
row=$(q "$T/db" "begin; drop table t; select pg_current_xact_id(); commit")
lsn=$(q "$T/db" "select pg_current_wal_insert_lsn()")
q "$T/db" "drop database sales" "create table t (id int primary key)"
add 31
mkfifo "$T/in1"
psql -XAtq -d "$(pg_url "$T/db")" <"$T/in1" >"$T/in1.out" 2>&1 &
exec 7>"$T/in1"
echo "begin; drop table t; select 'dropped ' || pg_current_xact_id();" >&7
wait_until 20 grep -q dropped "$T/in1.out"
q "$T/db" "insert into u values (1)"
echo "commit; select 'done';" >&7
wait_until 20 grep -q 'done' "$T/in1.out"
exec 7>&-
logship -q --once "$(pg_url "$T/db")" >/dev/null
new_copy "$T/d" "$drop"
reaches "before a table was dropped" --before "xid:$row" "$T/d"
is "the table can be read" "$(PGOPTIONS='-c lock_timeout=2s' ids "$T/d" 2>&1)" "20 30"
unlike "and nothing is locked" "$OUT" '^locked'
dropdb=$(pitr-replay -q -k "$KEY" --plan --before "$lsn" "$T/d" | sed -n 's/^after it *transaction \([0-9]*\),.*/\1/p')
reaches "before a database was dropped" --before "xid:$dropdb" "$T/d"
is "its tables can be read" \
    "$(psql -XAtq -h "$(copy_run "$T/d")" -p 5432 -U postgres -d sales -c "select id from orders" 2>&1)" 1
reaches "a table whose drop began before the last commit" \
    --before "xid:$(sed -n 's/dropped //p' "$T/in1.out")" "$T/d"
like "is said to be locked" "$OUT" '^locked +[1-9]'
reaches "until the release" --release "$T/d"
pg_stop "$T/db"
own_settings "$T/d"
pg_start "$T/d"
is "which frees it" "$(q "$T/d" "select id from t")" 31
pg_stop "$T/d"
pg_start "$T/db"
q "$T/db" "create table t (id int primary key)"

# ---- a copy that takes no queries where it is ------------------------------------------

# Transactions with very many subtransactions keep a standby from taking queries.
mkfifo "$T/in"
psql -XAtq -d "$(pg_url "$T/db")" <"$T/in" >"$T/many.out" 2>&1 &
exec 7>"$T/in"
{
	echo "begin;"
	for i in $(seq 100); do
		echo "savepoint s$i; insert into t values ($((5000 + i)));"
	done
	echo "select 'ready';"
} >&7
wait_until 20 grep -q ready "$T/many.out"
many=$(snapshot -q --fast "$(pg_url "$T/db")")
add 21
q "$T/db" "select pg_create_restore_point('many')" >/dev/null
echo "commit; select 'done';" >&7
wait_until 20 grep -q 'done' "$T/many.out"
exec 7>&-
logship -q --once "$(pg_url "$T/db")" >/dev/null
new_copy "$T/m" "$many"
reaches "a copy that cannot be read is replayed all the same" --to name:many "$T/m"
like "it says why" "$OUT" '^stopped .*subtransactions'
ok "its server is stopped" test ! -e "$T/m/postmaster.pid"
reaches "and can be released" --release "$T/m"
pg_stop "$T/db"
own_settings "$T/m"
pg_start "$T/m"
is "with just the rows of that moment" \
    "$(q "$T/m" "select string_agg(id::text, ' ' order by id) from t")" 21
pg_stop "$T/m"

done_testing
