# verify: what it says of a repository that is well, and of each way in which one is not.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

export BULKHEAD_SOURCE=$T/shop.source
D=$T/db
KEY=$T/keys/dba.key
pg_init "$D"
pg_start "$D"
q "$D" 'create table t(a int, b text)'
new_repo "$T/repo"
export BULKHEAD_REPO=$REPO

load()
{
	q "$D" "insert into t select i, repeat('x', 100) from generate_series(1, $1) i"
}

follow()
{
	spawn ship logship --heartbeat 1s --mark 1s "$@" "$(pg_url "$D")"
	SHIP=$PID
	wait_until 20 caught_up
}

caught_up()
{
	[ "$(q "$D" "select restart_lsn >= pg_current_wal_flush_lsn() from pg_replication_slots
	    where slot_name = 'bulkhead_shop' and active")" = t ]
}

leave()
{
	wait_until 20 caught_up
	kill -TERM "$SHIP"
	wait "$SHIP"
}

snap()
{
	snapshot -q --fast "$(pg_url "$D")"
}

# says STATUS REGEX ARG...: verify's status, and that a line of its output matches.
says()
{
	local want=$1 regex=$2
	shift 2
	run verify -q "$@"
	like "$want from verify ${*//"$T/"/}: $regex" "$STATUS: $(cat "$T/out")" "^($want: )?$regex"
	[ "$STATUS" -eq "$want" ] || is "verify ${*//"$T/"/}: status" "$STATUS" "$want"
}

# ---- misuse and refusals

BULKHEAD_REPO='' fails_with 64 'which repository' verify
fails_with 64 'no operand' verify shop
run verify --help
is "--help is no misuse" "$STATUS" 0
like "it tells of the option without a value" "$(cat "$T/out")" '^      --read-data\[=PERCENT\]'
is "--version, too" "$(verify --version)" "verify $(cat "$ROOT/VERSION")"
fails_with 64 'needs the restore key' verify --deep
fails_with 64 'for --deep' verify -k "$KEY"
fails_with 64 'whole number from 1 to 100' verify --read-data=0
fails_with 64 'goes with --read-data=PERCENT' verify --seed 3
fails_with 64 'max-snapshot-age' verify --max-snapshot-age 26
fails_with 66 'there is none' verify -r "$T/none"
fails_with 66 'no source called nobody|nobody' verify -q -n nobody
fails_with 77 'another repository' verify -q --pin "$(printf %064d 0)"
ok "the pinned one passes" verify -q --pin "$REPO_ID"
strongbox keygen restore "$T/keys/stranger.key" >/dev/null
fails_with 77 'not a restore key of' verify -q --deep -k "$T/keys/stranger.key"
run verify --json -n nobody
like "--json ends with a result after a failure, too" "$(tail -n 1 "$T/out")" \
    '"type":"result","status":66,"error":'

# ---- from nothing on

run verify
is "an empty repository is well" "$STATUS" 0
like "and says that it is empty" "$(cat "$T/out")" '^note: journal: no source is enrolled'
enrol shop
run verify
is "so is one with a source alone" "$STATUS" 0
like "but nothing can be recovered" "$(cat "$T/out")" '^    recoverable  nothing$'
says 1 'bad: shop: no good snapshot' --max-snapshot-age 1h
says 1 'bad: shop: there is no log' --max-log-lag 60s

follow
ID=$(snap)
load 20000
wait_until 20 caught_up
run verify --max-snapshot-age 26h --max-log-lag 60s
is "a snapshot and a running logship are well" "$STATUS" 0
like "the log is alive" "$(cat "$T/out")" '^    log          alive, lag '
like "the newest snapshot is named" "$(cat "$T/out")" "^    snapshots    1, the newest $ID, .* old$"
like "a window is told" "$(cat "$T/out")" '^    recoverable  from 2.*Z to 2.*Z$'
like "with its positions" "$(cat "$T/out")" '^                 timeline 1, [0-9A-F]+/[0-9A-F]+ to '
like "and the verdict" "$(tail -n 1 "$T/out")" '^good: .*: 1 source, 1 snapshot, 1 log file$'
is "-q says nothing" "$(verify -q 2>&1)" ""
ok "the manual's lines for cron: often" verify -q --max-snapshot-age 26h --max-log-lag 60s
ok "and at night" verify -q --read-data=10
run verify -r "$REPO" -k "$KEY" --deep -n shop
like "before the key goes back into the safe" "$(tail -n 1 "$T/out")" '^good: repository '
says 1 'bad: shop: the newest good snapshot, .* old; the limit is 1 ms' --max-snapshot-age 1ms
says 1 'bad: shop: the log is .* behind; the limit is 0' --max-log-lag 1us

# ---- while others write

(for _ in 1 2 3 4 5; do load 20000; done) &
LOAD=$!
(snap >/dev/null) &
SNAP=$!
said=
while ! gone "$LOAD" || ! gone "$SNAP"; do
	said+=$(verify -q --read-data 2>&1) || said+="status $?;"
done
wait "$LOAD" "$SNAP"
is "a repository that is written to is well at every moment" "$said" ""

leave
run verify --json
is "a stopped log is well" "$STATUS" 0
like "and is called so" "$(cat "$T/out")" '"type":"source","source":"shop".*"log":"stopped"'
like "--json ends with the result" "$(tail -n 1 "$T/out")" \
    '"type":"result","status":0,.*"snapshots":2,"log_files":1,"bad":0,"unread":0,'
listing() { (cd "$REPO" && find . -printf '%p %s %m %T@\n' | sort); }
before=$(listing)
ok "with the key everything opens" verify -q --deep -k "$KEY"
ok "also with the spare key" verify -q --deep -k "$T/keys/spare.key" --read-data -j 1
is "nothing was written" "$(listing)" "$before"

run verify --metrics "$T/metrics"
for m in 'snapshots{source="shop"} 2' 'snapshot_age_seconds{source="shop"} [0-9]' \
    'log_lag_seconds{source="shop"} [0-9]' 'log_alive{source="shop"} 0' \
    'recoverable_to_seconds{source="shop"} [0-9.]+' 'open_gaps{source="shop"} 0' \
    'findings{level="bad"} 0' 'time_seconds [0-9.]+'; do
	like "metric $m" "$(cat "$T/metrics")" "^bulkhead_verify_${m//[{]/\\{}"
done

run verify -v --read-data=1
like "a sample tells its seed" "$(cat "$T/err")" '^verify: reading 1 % of the packs, seed [0-9]+$'
run verify --read-data=1 --seed 7
like "or takes one" "$(cat "$T/err")" 'seed 7$'

# ---- damage; each time the intact repository comes back

cp -a "$REPO" "$T/intact"
intact()
{
	rm -rf "$REPO"
	cp -a "$T/intact" "$REPO"
}

# damage FILE OFFSET: one bit; a negative offset counts from the end.
damage()
{
	local at=$2 byte
	[ "$at" -ge 0 ] || at=$(($(stat -c %s "$1") + at))
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059
	printf "\\$(printf %o $((byte ^ 4)))" |
	    dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

pack=$(find "$REPO/packs" -type f | head -n 1)
name=$(basename "$pack")
log=$(find "$REPO/logs" -type f)
short="pack ${name:0:16}"

damage "$pack" 5000
ok "a flipped bit in a pack does not show without reading it" verify -q
says 1 "bad: snapshot .* of shop: $short: damaged or cut off at frame 0" --read-data
says 1 'bad: snapshot .* of shop: .*: pack .*: frame 0: ' --deep -k "$KEY"
run verify --json --read-data
like "as JSON" "$(head -n 1 "$T/out")" \
    '^\{"v":1,"type":"finding","level":"bad","source":"shop","object":"snapshot .*","text":"pack '
like "with the status in the result" "$(tail -n 1 "$T/out")" '"status":1,.*"bad":1,'
fails_with 1 'repository .*: 1 bad, 0 unread' verify -q --read-data
intact

truncate -s -1 "$pack"
says 1 "bad: snapshot .* of shop: $short: damaged or cut off at its end"
intact
rm "$pack"
says 1 "bad: snapshot .* of shop: $short: missing"
rm "$REPO/snapshots/shop/$ID.packs" "$REPO/snapshots/shop/$ID" "$log"
says 1 "bad: snapshot $ID of shop: manifest: missing"
like "all that is gone is told: the list" "$(cat "$T/out")" "^bad: snapshot $ID of shop: pack list: missing"
like "the log" "$(cat "$T/out")" '^bad: log .*/0.* of shop: missing'
intact
damage "$REPO/snapshots/shop/$ID" 1000
says 1 "bad: snapshot $ID of shop: manifest: "
says 1 "bad: snapshot $ID of shop: manifest: " --deep -k "$KEY"
intact
damage "$REPO/snapshots/shop/$ID.packs" 3
says 1 "bad: snapshot $ID of shop: pack list: damaged: its hash is not the one in the journal"
intact
damage "$log" 3000
ok "a flipped bit in a log does not show without reading it" verify -q
says 1 'bad: log .* of shop: .*signed' --read-data
says 1 'bad: log .* of shop: frame [0-9]+: ' --deep -k "$KEY"
intact
truncate -s -20 "$log"
says 1 'bad: log .* of shop: .*signed'
intact
cp "$pack" "$(dirname "$pack")/${name:0:2}${name:4}00"
run verify
is "a pack too many is well" "$STATUS" 0
like "and a note" "$(cat "$T/out")" '^note: packs of shop: 1 with [0-9]+ bytes belong to no snapshot'
intact

run fault open 1 EIO "$REPO/packs" verify -q
like "what cannot be read is unread" "$(cat "$T/out")" '^unread: snapshot .* of shop: pack .*: .*rror'
is "and gives no verdict" "$STATUS" 3
like "as it says" "$(cat "$T/err")" '^verify: repository .*: no verdict, since 1 could not be read'

printf '99 half a line' >>"$REPO/journal"
run verify
is "a journal with a cut-off line is well" "$STATUS" 0
like "and a note" "$(cat "$T/out")" '^note: journal: the last line is cut off \(14 bytes\)'
intact
damage "$REPO/journal" -100
fails_with 65 'journal: line [0-9]+: damaged' verify -q
run verify --json
like "also as JSON" "$(tail -n 1 "$T/out")" '"type":"result","status":65,"error":'
intact
head -n -1 "$T/intact/journal" >"$REPO/journal"
fails_with 65 'journal: shorter' verify -q
ok "a machine that never saw the longer one cannot know" verify -q --state "$T/fresh"
intact

# ---- a hole in the log, until a snapshot closes it

q "$D" "select pg_drop_replication_slot('bulkhead_shop')" >/dev/null
for _ in 1 2; do
	load 10
	q "$D" 'select pg_switch_wal()' checkpoint >/dev/null
done
run logship -q --once "$(pg_url "$D")"
says 1 'bad: log .* of shop: nothing is held from .* to .*; only a new snapshot closes it'
run verify --json
like "the gap is in the source's object" "$(cat "$T/out")" '"gaps":\[\{.*"closed":false'
snap >/dev/null
run verify
is "a new snapshot closes it" "$STATUS" 0
like "so that it is a note" "$(cat "$T/out")" '^note: log .* nothing is held from .*; a later snapshot closes it'
like "and there are two windows" "$(cat "$T/out")" '^    and          from '

# ---- a new timeline, and a server that was set back

follow
leave
pg_stop "$D"
cp -a "$D" "$T/before"
touch "$D/standby.signal"
[ "$(id -u)" -ne 0 ] || chown postgres: "$D/standby.signal"
pg_start "$D"
q "$D" 'select pg_promote()' >/dev/null
follow
load 10
leave
run verify --deep -k "$KEY"
is "a promoted server is well" "$STATUS" 0
like "it can be recovered on its new timeline" "$(cat "$T/out")" '^                 timeline 2, '

new_repo "$T/repo2"
export BULKHEAD_REPO=$REPO
rm "$T/shop.source"
enrol shop
pg_stop "$D"
rm -rf "$D"
cp -a "$T/before" "$D"
pg_start "$D"
follow
snap >/dev/null
load 10
leave
pg_stop "$D"
cp -a "$D" "$T/later"
pg_start "$D"
follow
load 1000
leave
pg_stop "$D" immediate
rm -rf "$D"
cp -a "$T/later" "$D"
pg_start "$D"
load 10
follow 2>/dev/null
leave
run verify --deep -k "$KEY"
is "a server that was set back is well" "$STATUS" 0
like "and a note" "$(cat "$T/out")" '^note: log .*-2 of shop: forked from .* at .*: the server was set back'

# ---- pages that the server found broken

file=$D/$(q "$D" "select pg_relation_filepath('t')")
q "$D" checkpoint
pg_stop "$D"
damage "$file" 12000
pg_start "$D"
status_is "a snapshot with a broken page" 1 snap
BAD=$(tail -n 1 "$T/out")
run verify
is "is well" "$STATUS" 0
like "and a note" "$(cat "$T/out")" "^note: snapshot $BAD of shop: the server found broken pages"
unlike "but not the newest good one" "$(cat "$T/out")" "the newest $BAD"
run verify --deep -k "$KEY"
is "with the key, too" "$STATUS" 0
like "which names the page" "$(cat "$T/out")" "^note: snapshot $BAD of shop: base/.*: block 1: "

done_testing
