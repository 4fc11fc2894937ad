# snapshot: complete and consistent under load, from any server, and what may go wrong.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "log_checkpoints = on" "checkpoint_timeout = 30s" \
    "checkpoint_completion_target = 0.05"
pg_start "$T/db"
C=$(pg_url "$T/db")
new_repo "$T/repo"
enrol shop
export BULKHEAD_REPO=$REPO BULKHEAD_SOURCE=$T/shop.source

snapshots() { strongbox list -q -r "${1:-$REPO}" | grep -c '^20.*Z-' || true; }
slots() { q "$T/db" "select count(*) from pg_replication_slots"; }
running() { q "$T/db" "select 1 from pg_stat_progress_basebackup where phase ~ 'streaming'" | grep -q 1; }
# What sessions left in incoming/, besides their locks.
leftovers() { find "$REPO/incoming" -mindepth 2 ! -name '*.lock'; }

# ---- one ----

run snapshot --fast --label "before it" "$C"
is "a snapshot succeeds" "$STATUS" 0
like "and prints its id, only that" "$(cat "$T/out")" '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$'
is "on one line" "$(wc -l <"$T/out")" 1
like "it says what it stored" "$(cat "$T/err")" ' MiB in [0-9]+ files, stored '
first=$(cat "$T/out")
ok "the repository lists it" eval "strongbox list -q -r '$REPO' | grep -q '^$first  shop'"
is "the slot is gone" "$(slots)" 0
run snapshot -q --fast --json --metrics "$T/metrics" "$C"
like "with --json it ends with a result" "$(cat "$T/out")" \
    '^\{"v":1,"type":"result","status":0,"source":"shop","id":"2.*"broken":null\}$'
is "and prints nothing else" "$(cat "$T/out" "$T/err" | wc -l)" 1
like "metrics tell when" "$(cat "$T/metrics")" '^bulkhead_snapshot_stop_time_seconds\{source="shop"\} [0-9.e+]+$'

# How the server was asked for its last checkpoint.
asked() { grep 'checkpoint starting: ' "$T/db.lab/log" | tail -n 1; }
like "--fast asks for a checkpoint at once" "$(asked)" ': (immediate|fast) force wait'
q "$T/db" "create table dirty as select * from generate_series(1, 1000) g"
ok "without it" snapshot -q "$C"
like "for one that is spread" "$(asked)" ': force wait'

# ---- under load ----

pgbench -i -q -s 4 "$C" >/dev/null 2>&1
spawn load pgbench -n -c 4 -T 100 "$C"
load=$PID
busy() { [ "$(q "$T/db" "select count(*) > 200 from pgbench_history")" = t ]; }
wait_until 20 busy
snap --max-rate 40000 "$T/db"
kill "$load"
wait "$load" || true
is "under load it prints an id" "${ID:0:2}" 20
ok "restore accepts it" unpack "$ID" "$T/loaded"
ok "pg_verifybackup too, with its WAL" verified "$T/loaded"
adopt "$T/loaded"
is "its accounts are consistent" "$(q "$T/loaded" \
    "select (select sum(abalance) from pgbench_accounts) = (select coalesce(sum(delta), 0) from pgbench_history)
	and (select sum(bbalance) from pgbench_branches) = (select coalesce(sum(delta), 0) from pgbench_history)")" t
ok "and its pages and indexes sound" amcheck "$T/loaded"
pg_stop "$T/loaded"
rm -rf "$T/loaded"

# ---- who may, and which ----

fails_with 64 'which server' snapshot -q
fails_with 64 'level' snapshot -q --level 20 "$C"
fails_with 64 'max-rate' snapshot -q --max-rate 31 "$C"
fails_with 64 'a password' snapshot -q "$C password=x"
fails_with 64 'one server at a time' snapshot -q "$C" "$C"
fails_with 64 'output takes only -' snapshot -q -o file "$C"
unset BULKHEAD_SOURCE
fails_with 64 'which source' snapshot -q "$C"
export BULKHEAD_SOURCE=$T/shop.source
fails_with 66 'No such file|missing|no ' snapshot -q -s "$T/none" "$C"
fails_with 66 'none' snapshot -q -r "$T/none" "$C"
fails_with 69 'refused|No such file' snapshot -q "host=$T/nowhere port=1"
q "$T/db" "create role app login"
fails_with 77 'replication|WAL sender' snapshot -q "$C user=app"
is "no snapshot came of these" "$(snapshots)" 4

cp "$T/shop.source" "$T/open.source"
chmod 644 "$T/open.source"
fails_with 77 'open.source' snapshot -q -s "$T/open.source" "$C"
mkdir "$T/beside"
cp -p "$T/shop.source" "$T/keys/dba.key" "$T/beside"
fails_with 77 'dba.key' snapshot -q -s "$T/beside/shop.source" "$C"
(new_repo "$T/other"; enrol foreign)
fails_with 77 'other|pin|id' snapshot -q -s "$T/foreign.source" "$C"

pg_init "$T/db2"
pg_start "$T/db2"
fails_with 77 'is not source shop, which is system' snapshot -q --fast "$(pg_url "$T/db2")"
pg_stop "$T/db2"
rm -rf "$T/db2"

# ---- interrupted ----

# A snapshot that takes long: 1000 kB a second.
slow() { spawn "$1" snapshot -q --fast --max-rate 1000 "$C"; wait_until 30 running; }

slow held
held=$PID
fails_with 75 'held by|locked|running|busy' snapshot -q --fast "$C"
like "with the reason in a hint" "$(cat "$T/err")" 'another snapshot session of source shop is running'
kill -9 "$held"
wait "$held" || true
wait_until 20 eval '[ "$(slots)" = 0 ]'
is "killed, it leaves no slot" "$(slots)" 0
is "and no snapshot" "$(snapshots)" 4
ok "the next one succeeds" snap "$T/db"
is "and clears what was left" "$(leftovers)" ""

slow stopped
kill -TERM "$PID"
status=0
wait "$PID" || status=$?
is "SIGTERM ends it as cancelled" "$status" 71
like "with one line" "$(cat "$T/stopped.err")" '^snapshot: .*stopped'
is "and nothing left" "$(leftovers)" ""

slow cut
cut=$PID
pg_kill9 "$T/db"
status=0
wait "$cut" || status=$?
is "a killed server ends it as unreachable" "$status" 69
told_once "with one line" "$T/cut.err"
pg_start "$T/db"
is "no snapshot came of these either" "$(snapshots)" 5
ok "and the next one succeeds" snap "$T/db"

# Killed at each durable step: nothing is ever half there.
for call in fsync link write; do
	for ((n = 1, tries = 0;; tries++)); do
		fault "$call" "$n" KILL "$REPO" snapshot -q --fast "$C" >"$T/killed" 2>&1 || true
		[ -n "$(fault_hit)" ] || break
		unpack "$T/after" >/dev/null || break 2
		rm -rf "$T/after"
		[ "$call" = write ] && n=$((n * 2)) || n=$((n + 1))
	done
	ok "killed at any $call ($tries tries), the newest snapshot restores" [ "$tries" -gt 2 ]
done
ok "the next one succeeds" snap "$T/db"
is "and clears what was left" "$(leftovers)" ""

# Each durable step refused: one clear line, and nothing committed that is not there.
for call in fsync link; do
	for ((n = 1, wrong = 0;; n++)); do
		run fault "$call" "$n" EIO "$REPO" snapshot -q --fast "$C"
		[ -n "$(fault_hit)" ] || break
		[ "$STATUS" -eq 74 ] && grep -q "^snapshot: .*: $call: Input/output error$" "$T/err" || {
			wrong=$((wrong + 1))
			diag "$call $n: status $STATUS: $(cat "$T/err")"
		}
	done
	is "a failing $call ends it with status 74, each of $((n - 1))" "$wrong" 0
done
ok "the newest snapshot restores" unpack "$T/after"
rm -rf "$T/after"

# ---- a full disk ----

if [ "$(id -u)" -eq 0 ]; then
	small_disk "$T/small" 8m
	(
		new_repo "$T/small/repo"
		enrol tight
		q "$T/db" "create table noise as select g, md5(g::text) || md5((g * 7)::text) as m
		    from generate_series(1, 400000) g"
		fails_with 74 'No space left on device' \
		    snapshot -q --fast -r "$T/small/repo" -s "$T/tight.source" "$C"
		is "a full disk leaves no snapshot" "$(snapshots "$T/small/repo")" 0
		is "and no slot" "$(slots)" 0
		q "$T/db" "drop table noise"
		echo "$TESTS" >"$T/tests"
	)
	TESTS=$(cat "$T/tests")
else
	skip "a full disk leaves no snapshot" "needs root"
fi

# ---- a plain tar ----

mkdir "$T/ts"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/ts"
q "$T/db" "create tablespace fast location '$T/ts'" \
    "create table intable tablespace fast as select * from generate_series(1, 10000) g"
oid=$(q "$T/db" "select oid from pg_tablespace where spcname = 'fast'")
fails_with 64 'do not go with -o' snapshot --json -o - "$C"
status_is "-o - needs no repository" 0 env -u BULKHEAD_REPO -u BULKHEAD_SOURCE \
    snapshot --fast -o - "$C"
mv "$T/out" "$T/db.tar"
mkdir "$T/tar"
ok "tar unpacks it" tar xf "$T/db.tar" -C "$T/tar"
tar tf "$T/db.tar" >"$T/names"
unlike "names stay inside" "$(cat "$T/names")" '^/|(^|/)\.\.(/|$)'
ok "the tablespace is a folder" [ -d "$T/tar/pg_tblspc/$oid" ] && [ ! -L "$T/tar/pg_tblspc/$oid" ]
like "WAL comes last" "$(tail -n 1 "$T/names")" '^pg_wal/[0-9A-F]{24}$'
ok "pg_verifybackup accepts it" verified "$T/tar"
link_tablespaces "$T/tar"
adopt "$T/tar"
is "a server starts on it" "$(q "$T/tar" "select count(*) from intable")" 10000
pg_stop "$T/tar"
rm -rf "$T/tar" "$T/tar.$oid"
is "the slot is gone" "$(slots)" 0
status_is "a closed pipe is a failure" 74 bash -c "snapshot -q --fast -o - '$C' >/dev/full"

# ---- a standby ----

standby "$T/sb" "$T/db"
q "$T/db" "create table late as select * from generate_series(1, 1000) g"
behind() { [ "$(q "$T/sb" "select count(*) from late" 2>/dev/null)" = 1000 ]; }
wait_until 20 behind
q "$T/db" checkpoint
ok "a standby serves as well" snap "$T/sb"
unpack "$ID" "$T/fromsb" >/dev/null
ok "restored it verifies" verified "$T/fromsb"
ok "no standby.signal is in its way" [ ! -e "$T/fromsb/standby.signal" ]
adopt "$T/fromsb"
is "and holds what the standby had" "$(q "$T/fromsb" "select count(*) from late")" 1000
pg_stop "$T/fromsb"
rm -rf "$T/fromsb"

# The standby of a standby, whose primary is promoted while the backup runs: the WAL goes on on
# another timeline, and so does the snapshot.
standby "$T/cascade" "$T/sb" "recovery_target_timeline = latest"
cascading() { q "$T/cascade" "select 1 from pg_stat_progress_basebackup where phase ~ 'streaming'" | grep -q 1; }
spawn cascade snapshot -q --fast --max-rate 8000 "$(pg_url "$T/cascade")"
cascade=$PID
wait_until 30 cascading
pg_stop "$T/db"
q "$T/sb" "select pg_promote()" >/dev/null
q "$T/sb" "insert into late select 1500" checkpoint "insert into late select 1600"
followed() { [ "$(q "$T/cascade" "select count(*) from late")" = 1002 ]; }
wait_until 30 followed
q "$T/cascade" checkpoint	# so that its consistent point lies there, too
ok "it has followed while the backup ran" cascading
status=0
wait "$cascade" || status=$?
is "a snapshot across a timeline switch succeeds" "$status" 0
pg_stop "$T/cascade"
ID=$(cat "$T/cascade.out")
ok "and is one of timeline 2" eval "grep -E 'snapshot .*id=$ID .*timeline=2 .*history=1:0/' '$REPO/journal'"
unpack "$ID" "$T/followed" >/dev/null
ok "it verifies" verified "$T/followed"
adopt "$T/followed"
is "and holds what came on the new timeline" "$(q "$T/followed" "select count(*) from late")" 1002
pg_stop "$T/followed"
rm -rf "$T/cascade" "$T/followed"
q "$T/sb" "insert into late select 2000" checkpoint
ok "promoted, the standby is a snapshot of timeline 2" snap "$T/sb"
ok "with its history in the statement" \
    eval "grep -E 'snapshot .*id=$ID .*timeline=2 .*history=1:0/' '$REPO/journal'"
unpack "$ID" "$T/tl2" >/dev/null
ok "and its history file" [ -s "$T/tl2/pg_wal/00000002.history" ]
ok "it verifies" verified "$T/tl2"
adopt "$T/tl2"
is "and holds all" "$(q "$T/tl2" "select count(*) from late")" 1003
pg_stop "$T/tl2"
pg_stop "$T/sb"
rm -rf "$T/sb" "$T/tl2"
pg_start "$T/db"

# ---- broken pages ----

q "$T/db" "create table hurt as select g, repeat('h', 200) as h from generate_series(1, 2000) g" checkpoint
file=$(q "$T/db" "select pg_relation_filepath('hurt')")
pg_stop "$T/db"
printf 'rot' | dd of="$T/db/$file" bs=1 seek=20000 conv=notrunc 2>/dev/null
pg_start "$T/db"
run snapshot -q --fast "$C"
is "broken pages: status 1" "$STATUS" 1
like "committed all the same" "$(cat "$T/out")" '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$'
like "with the server's words" "$(head -n 1 "$T/err")" "^snapshot: .*broken pages: .*hurt|^snapshot: .*checksum"
like "and a hint" "$(tail -n 1 "$T/err")" '^snapshot: hint: '
bad=$(cat "$T/out")
ok "marked in the journal" eval "grep -E 'snapshot .*id=$bad .*broken=1' '$REPO/journal'"
ok "restore passes over it" unpack "$T/good"
like "and takes an older one" "$(cat "$T/good/bulkhead/stamp")" "^snapshot $ID$"
ok "by name it can be restored" unpack "$bad" "$T/bad"
ok "its other files are there" cmp "$T/db/PG_VERSION" "$T/bad/PG_VERSION"
rm -rf "$T/good" "$T/bad"
q "$T/db" "drop table hurt"

# ---- other segment sizes ----

for size in 1 64; do
	pg_init "$T/db$size" --wal-segsize="$size"
	pg_start "$T/db$size"
	enrol "shop$size"
	q "$T/db$size" "create table t as select * from generate_series(1, 50000) g"
	ID=$(snapshot -q --fast -s "$T/shop$size.source" "$(pg_url "$T/db$size")")
	pg_stop "$T/db$size"
	unpack -n "shop$size" "$T/seg$size" >/dev/null
	is "$size MB segments are whole" \
	    "$(find "$T/seg$size/pg_wal" -type f -name '0*' ! -size "$((size << 20))c")" ""
	ok "$size MB segments verify" verified "$T/seg$size"
	adopt "$T/seg$size"
	is "and recover" "$(q "$T/seg$size" "select count(*) from t")" 50000
	pg_stop "$T/seg$size"
	rm -rf "$T/seg$size" "$T/db$size"
done

# ---- a slot that moves on ----

# More bytes than a pack, which do not compress, so that the WAL before them is durable and let go.
q "$T/db" "create table bulk (b bytea)" "alter table bulk alter b set storage external" \
    "insert into bulk select (select string_agg(sha512((g * 1000 + i)::text::bytea), null)
	from generate_series(1, 125) i) from generate_series(1, 10000) g" checkpoint
restart() { q "$T/db" "select restart_lsn from pg_replication_slots"; }
spawn moving snapshot -q --fast --max-rate 15000 "$C"
moving=$PID
wait_until 30 running
from=$(restart)
for _ in 1 2 3; do
	q "$T/db" "create temp table x as select repeat('x', 1000) from generate_series(1, 20000)" \
	    "select pg_switch_wal()" >/dev/null
done
ok "the slot moves on while the backup runs" wait_until 60 eval '[ "$(restart)" != "$from" ] && running'
status=0
wait "$moving" || status=$?
is "and the snapshot succeeds" "$status" 0
unpack -n shop "$T/moved" >/dev/null
ok "restored, it verifies" verified "$T/moved"

done_testing
