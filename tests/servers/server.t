# The throwaway server on a restored copy: ours alone, cut off, and exact in where it stops.
# matrix
. "$(dirname "$0")/../lib.sh"

BIN=$(pg_bin)
BULKHEAD_PG_BIN=$BIN
export BULKHEAD_PG_BIN
cp "$B/serverprobe" "$B/fileprobe" "$T/"	# where the server's user can run them
PATH=$T:$PATH
W=$T/work
copy()	# NAME: another copy of the stopped cluster
{
	rm -rf "${T:?}/$1" "$W"
	cp -a "$T/base" "$T/$1"
}

# ---- a cluster, its log in an archive ----

pg_init "$T/db"
mkdir "$T/archive"
[ "$(id -u)" -ne 0 ] || chown postgres "$T/archive"
pg_conf "$T/db" "max_connections = 130" "max_prepared_transactions = 5" \
    "archive_mode = on" "archive_command = 'cp %p $T/archive/%f'"
pg_start "$T/db"
q "$T/db" "create table t(a int)" "insert into t values (1)" \
    "alter system set work_mem = '5MB'" \
    "alter system set archive_command = 'touch $T/archived'"
pg_stop "$T/db"
cp -a "$T/db" "$T/base"
pg_conf "$T/db" "archive_command = 'cp %p $T/archive/%f'"
sed -i /archive_command/d "$T/db/postgresql.auto.conf"
pg_start "$T/db"
q "$T/db" "insert into t values (2)" "insert into t values (3)" "insert into t values (4)"
archived()
{
	[ "$(q "$T/db" "select last_archived_wal >= '$last' from pg_stat_archiver")" = t ]
}
last=$(q "$T/db" "select pg_walfile_name(pg_current_wal_insert_lsn())")
q "$T/db" "select pg_switch_wal()" >/dev/null
wait_until 20 archived
pg_stop "$T/db"

# ---- the programs ----

is "the programs of the version asked for" "$(serverprobe find "$PGVERSION")" "$BIN"
fails_with 78 "BULKHEAD_PG_BIN: .* has PostgreSQL $PGVERSION, and the data needs 13" serverprobe find 13
BULKHEAD_PG_BIN=$T fails_with 66 "BULKHEAD_PG_BIN: no postgres in $T" serverprobe find 13
BULKHEAD_PG_BIN='' fails_with 66 "no PostgreSQL 12 on this machine" serverprobe find 12
is "or in the PATH" "$BIN" \
    "$(BULKHEAD_PG_BIN='' PATH="$PATH:relative:$BIN" serverprobe find "$PGVERSION")"

# ---- nothing of ours, nothing outside ----

copy copy
exec 9<"$T/db.lab/log"
export SECRET=key
ok "it starts" serverprobe start "$T/copy" "$W" standby
exec 9<&-
pid=$(cat "$T/out")
status=$(cat "/proc/$pid/status")
ask()	# SQL
{
	serverprobe query "$T/copy" "$W" "$1"
}
is "it outlives its starter, readable" \
    "$(ask "select count(*), pg_is_in_recovery() from public.t")" "$(printf '1\tt')"
is "as the owner of the data" "$(stat -c %u "/proc/$pid")" "$(stat -c %u "$T/copy")"
if [ "$(id -u)" -eq 0 ]; then
	is "in no other group" "$(sed -n 's/^Groups:[[:space:]]*//p' <<<"$status")" ""
else
	skip "in no other group" "not root"
fi
like "it cannot gain rights" "$status" '^NoNewPrivs:[[:space:]]*1$'
unlike "without our environment" "$(tr '\0' '\n' <"/proc/$pid/environ")" SECRET
is "without our descriptors" \
    "$(find "/proc/$pid/fd" -lname '/*' -printf '%l\n' | grep -v '^/dev/' | sort -u)" \
    "$W/server.log"
ok "in another network" test "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)"
is "which is empty" "$(nsenter -t "$pid" -n ip -o link | wc -l)" 1
is "it listens on no address" "$(ask "show listen_addresses")" ""
is "it archives nothing" "$(ask "show archive_mode")" off
is "what ALTER SYSTEM set in the copy does not count" "$(ask "show work_mem")" 4MB
is "the minima of the primary do" "$(printf '130\t5')" \
    "$(ask "select current_setting('max_connections'), current_setting('max_prepared_transactions')")"
is "every setting that we wrote is known" \
    "$(ask "select count(*) from pg_file_settings where error is not null")" 0
is "and comes from our files" \
    "$(ask "select string_agg(distinct sourcefile, ' ') from pg_settings")" "$W/postgresql.conf"
like "the copy's own is set aside" "$(cat "$W/postgresql.auto.conf.original")" "work_mem = '5MB'"
is "with a socket for its user only" "$(stat -c '%a %u' "$W/run")" "700 $(stat -c %u "$T/copy")"
ok "and a configuration that is not the server's" test "$(stat -c %u "$W/postgresql.conf")" = "$(id -u)"
fails_with 75 "runs already \(pid $pid\)" serverprobe start "$T/copy" "$W" standby
is "the environment does not lead elsewhere" "$(PGHOSTADDR=127.0.0.1 PGSERVICE=none \
    PGOPTIONS='-c work_mem=9MB' PGCHANNELBINDING=require ask "show work_mem")" 4MB
is "a row without columns" "$(ask "checkpoint")" ""
is "no row" "$(ask "select 1 where false")" ""
fails_with 78 'relation "nix" does not exist' serverprobe query "$T/copy" "$W" "select * from nix"
fails_with 65 "the answer is longer than 1024 bytes" \
    serverprobe query "$T/copy" "$W" "select repeat('x', 1023)"

# ---- later calls ----

ask "alter system set work_mem = '7MB'" >/dev/null
is "a later call finds it" "$(serverprobe attach "$T/copy" "$W")" "$pid"
ok "and stops it" serverprobe stop "$T/copy" "$W"
ok "for good" gone "$pid"
is "then there is none" "$(serverprobe attach "$T/copy" "$W")" ""
ok "stopping nothing is fine" serverprobe stop "$T/copy" "$W"
fails_with 69 "No such file or directory" serverprobe query "$T/copy" "$W" "select 1"
spawn linger serverprobe linger "$T/copy" "$W" standby
wait_until 20 test -s "$T/linger.out"
kill -KILL "$PID"
{ wait "$PID"; } 2>/dev/null || true
is "it outlives a starter that was killed" "$(serverprobe attach "$T/copy" "$W")" "$(cat "$T/linger.out")"
is "and still answers" "$(ask "select count(*) from public.t")" 1
is "what was set on the copy does not last" "$(ask "show work_mem")" 4MB
like "the original is kept" "$(cat "$W/postgresql.auto.conf.original")" "work_mem = '5MB'"
kill -KILL "$(cat "$T/linger.out")"
wait_until 20 gone "$(cat "$T/linger.out")"
processes()
{
	find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$T/copy" 2>/dev/null | grep .
}
no_processes()
{
	! processes
}
ok "its processes go with it" wait_until 20 no_processes
is "a killed one is gone" "$(serverprobe attach "$T/copy" "$W")" ""
spawn again serverprobe linger "$T/copy" "$W" standby
wait_until 20 test -s "$T/again.out"
is "it starts after a crash" "$(serverprobe attach "$T/copy" "$W")" \
    "$(cat "$T/again.out")"
ok "stopped under its starter" serverprobe stop "$T/copy" "$W"
wait_until 20 gone "$PID"
like "who is told" "$(cat "$T/again.err")" "^serverprobe: server of $T/copy ended"
ok "tidied up" serverprobe tidy "$T/copy" "$W"
ok "no folder for a socket" test ! -e "$W/run"

# ---- what it replays ----

from=$(fileprobe control "$T/base" | sed -n 's/^checkpoint //p')
first=$(printf '0000000100000000%08X' $((0x${from#*/} / 16777216)))
# shellcheck disable=SC2046
fileprobe scan "$from" 16777216 0 65536 \
    $(find "$T/archive" -name '0*' | sort | sed -n "/$first/,\$p") >"$T/events"
mapfile -t ends < <(sed -n 's/^commit [^ ]* \([^ ]*\) .*/\1/p' "$T/events")
is "three commits lie in the log" "${#ends[@]}" 3
copy copy
ok "a copy starts, to replay" serverprobe start "$T/copy" "$W" standby timeline=1 \
    restore="cp $T/archive/%f \"%p\""
replayed()
{
	[ "$(ask "select pg_last_wal_replay_lsn() >= '${ends[2]}'")" = t ]
}
ok "to the end of the log" wait_until 20 replayed
is "with everything" "$(ask "select array_agg(a order by a) from public.t")" "{1,2,3,4}"
is "and waits for more" "$(ask "select pg_is_in_recovery()")" t
ok "promotion works" serverprobe query "$T/copy" "$W" "select pg_promote()"
is "it can be written" "$(ask "insert into public.t values (5) returning a")" 5
ok "the end" serverprobe stop "$T/copy" "$W"

# ---- what is refused, and what is put right ----

copy copy
fails_with 66 "$T/none" serverprobe attach "$T/none" "$W"
echo 13 >"$T/copy/PG_VERSION"
fails_with 78 "PostgreSQL 13; 14 to 18 are supported" serverprobe attach "$T/copy" "$W"
copy copy
fails_with 78 "restore_command: a line break in it" serverprobe start "$T/copy" "$W" restore=$'a\nb'
if [ "$(id -u)" -eq 0 ]; then
	chown root "$T/copy"
	fails_with 78 "belongs to root, as whom PostgreSQL does not run" serverprobe attach "$T/copy" "$W"
	chown postgres "$T/copy" "$W"
	fails_with 77 "$W: not a folder that only you \(uid 0\) can write" serverprobe attach "$T/copy" "$W"
	chown root "$W"
	chmod 777 "$W"
	fails_with 77 "$W: not a folder that only you \(uid 0\) can write" serverprobe attach "$T/copy" "$W"
else
	skip "root's data" "not root"
fi

copy copy
as_pg "$BIN/pg_ctl" -D "$T/copy" -w -l "$T/db.lab/other" -o "-p $(free_port) -k $T/copy" \
    start >/dev/null
fails_with 75 "another PostgreSQL \(pid [0-9]+\) runs on it" serverprobe attach "$T/copy" "$W"
fails_with 75 "another PostgreSQL \(pid [0-9]+\) runs on it" serverprobe start "$T/copy" "$W"
fails_with 75 "another PostgreSQL \(pid [0-9]+\) runs on it" serverprobe stop "$T/copy" "$W"
as_pg "$BIN/pg_ctl" -D "$T/copy" -w stop >/dev/null

# The file names some process of that user: to stop it would be to shoot at a stranger.
copy copy
spawn stranger as_pg sh -c 'echo $$; exec sleep 100'
wait_until 10 test -s "$T/stranger.out"
stranger=$(cat "$T/stranger.out")
lock()	# DATADIR
{
	printf '%s\n%s\n0\n5432\n%s\n\n0\n' "$stranger" "$1" "$W/run" |
	    as_pg tee "$T/copy/postmaster.pid" >/dev/null
}
lock "$T/copy"
ok "a lock that names a stranger" serverprobe stop "$T/copy" "$W"
ok "leaves him alone" kill -0 "$stranger"
lock "$T/elsewhere"
ok "a lock of another directory does not keep it from starting" \
    serverprobe start "$T/copy" "$W" standby
kill "$stranger"
ok "and stopping" serverprobe stop "$T/copy" "$W"

copy copy
find "$T/copy/pg_wal" -type f -delete
fails_with 69 "server of $T/copy ended: could not locate .*checkpoint record" \
    serverprobe linger "$T/copy" "$W"
ok "with all of it in its log" grep -q 'checkpoint record' "$W/server.log"

# ---- other circumstances ----

W=$T/$(printf 'a-long-name/%.0s' {1..8})work
copy copy
ok "a path too long for a socket" serverprobe start "$T/copy" "$W" standby
run=$(cat "$W/run-dir")
like "is led around by way of /tmp" "$run" '^/tmp/bulkhead-......$'
is "whose owner is the server's" "$(stat -c '%a %u' "$run")" "700 $(stat -c %u "$T/copy")"
is "where later calls find it" "$(ask "select count(*) from public.t")" 1
ok "stopped" serverprobe stop "$T/copy" "$W"
ok "tidied" serverprobe tidy "$T/copy" "$W"
ok "nothing is left in /tmp" test ! -e "$run"

if [ "$(id -u)" -eq 0 ]; then
	W=$T/work
	copy copy
	# As in many a container: root, but without the right to do this, or to look at others.
	weak=(setpriv "--bounding-set=-sys_admin,-sys_ptrace" --inh-caps=-all)
	ok "where there is no network namespace to be had" \
	    "${weak[@]}" serverprobe start "$T/copy" "$W" standby
	like "it warns, and goes on" "$(cat "$T/err")" \
	    "^serverprobe: warning: the server of $T/copy could not be cut off from the network"
	is "it is found there too" "$("${weak[@]}" serverprobe attach "$T/copy" "$W")" \
	    "$(cat "$T/out")"
	ok "and stopped" "${weak[@]}" serverprobe stop "$T/copy" "$W"
else
	skip "no network namespace" "not root"
fi

W=$T/pg/work
mkdir -p "$T/pg"
[ "$(id -u)" -ne 0 ] || chown postgres "$T/pg"
copy copy
PROBE=(as_pg env "BULKHEAD_PG_BIN=$BIN" "$T/serverprobe")
ok "without root" "${PROBE[@]}" start "$T/copy" "$W" standby
pid=$(cat "$T/out")
ok "also in another network" \
    test "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)"
is "also found" "$("${PROBE[@]}" attach "$T/copy" "$W")" "$pid"
is "also answering" "$("${PROBE[@]}" query "$T/copy" "$W" "select count(*) from public.t")" 1
ok "also stopped" "${PROBE[@]}" stop "$T/copy" "$W"

W=$T/work
pg_init "$T/boss" "$PGVERSION" -U boss --wal-segsize=1
pg_start "$T/boss"
psql -XAtqd "$(pg_url "$T/boss" "user=boss dbname=template1")" -c "drop database postgres"
pg_stop "$T/boss"
ok "a copy without the usual names" serverprobe start "$T/boss" "$W" standby
awake()	# 75: still starting up
{
	run serverprobe query "$T/boss" "$W" "select 1"
	[ "$STATUS" -ne 75 ]
}
wait_until 20 awake
fails_with 78 'role "postgres" does not exist' serverprobe query "$T/boss" "$W" "select 1"
like "has a hint" "$(cat "$T/err")" "name a superuser of the copy in BULKHEAD_PG_USER"
is "which helps" "$(printf 'boss\ttemplate1')" "$(BULKHEAD_PG_USER=boss \
    serverprobe query "$T/boss" "$W" "select current_user, current_database()")"
ok "its end" serverprobe stop "$T/boss" "$W"

done_testing
