# The crash sweep: snapshot and logship are killed with -9 at call n of all that they do in
# the repository and the state folder, for n = 1, 2, ..., and at random moments; half of the
# times the disk loses what was not synced as well.  Each time the next run succeeds, and then
# the repository verifies; and all that was committed is in the restored database.
# FULL=1 kills at every call, and both ways.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

SEED=${SEED:-$RANDOM}
RANDOM=$SEED
echo "# SEED=$SEED"

# In memory: real syncs would only take time.
[ "$(id -u)" -ne 0 ] || small_disk "$T/m" 2g
W=$T/m/w DB=$T/m/db
mkdir -p "$W"
export BULKHEAD_STATE=$W/state

new_repo "$W/repo"
enrol shop
pg_init "$DB" --wal-segsize=1
pg_conf "$DB" 'autovacuum = off' 'fsync = off'
pg_start "$DB"
q "$DB" 'update pg_database set datistemplate = false' 'drop database template0' \
    'drop database template1' 'create table t (n int)' 'create extension amcheck' checkpoint

snap() { snapshot -q --fast -r "$REPO" -s "$T/shop.source" "$(pg_url "$DB")"; }
ship() { logship --once -q -r "$REPO" -s "$T/shop.source" "$(pg_url "$DB")"; }

ROWS=0
row()
{
	ROWS=$((ROWS + 1))
	q "$DB" "insert into t values ($ROWS)"
}

# What is wrong after CMD was killed: nothing should be.
aftermath()
{
	local why
	why=$("$1" 2>&1 >/dev/null) || echo "the next run: $why"
	why=$(verify -q --read-data -r "$REPO" 2>&1) || echo "verify: $why"
	find "$REPO" "$W/state" -name '*.tmp'
}

# killed CMD HOW: CMD, with its disk losing what was not synced when HOW is "cut".
killed()
{
	if [ "$2" = cut ]; then
		run powered "$W" "${@:3}" "$1"
		power_cut "$W" >"$T/cut"
	else
		run "${@:3}" "$1"
	fi
}

# sweep CMD STEP: killed at every STEP-th call.
sweep()
{
	local cmd=$1 step=$2 n wrong bad='' times=0 how hit=
	for ((n = 1; ; n += step)); do
		for how in $([ -n "${FULL:-}" ] && echo kill cut ||
		    { [ $((n / step % 2)) -eq 0 ] && echo kill || echo cut; }); do
			row
			power_on "$W"
			killed "$cmd" "$how" fault all "$n" KILL "$W"
			hit=$(fault_hit)
			[ -n "$hit" ] || break 2
			times=$((times + 1))
			[ "$STATUS" -eq 137 ] || bad+="$n $hit: exit status $STATUS"$'\n'
			wrong=$(aftermath "$cmd")
			[ -z "$wrong" ] || bad+="$n $hit, $how: $wrong"$'\n'
		done
	done
	lab_result "$([ -z "$bad" ] && [ "$times" -ge 30 ]; echo $?)" "$cmd killed at $times of $n calls"
	[ -z "$bad" ] || diag "$bad"
	is "  and at last it succeeds" "$STATUS" 0
}

# at_times CMD TIMES: killed after a random time of up to 150 ms, the disk losing what was
# not synced.
at_times()
{
	local cmd=$1 i wrong bad=''
	for ((i = 0; i < $2; i++)); do
		row
		power_on "$W"
		powered "$W" "$cmd" >/dev/null 2>&1 &
		sleep "0.$(printf %03d $((RANDOM % 150)))"	# the moment, not a wait
		pkill_below "$!"
		wait "$!" 2>/dev/null || true
		power_cut "$W" >"$T/cut"
		wrong=$(aftermath "$cmd")
		[ -z "$wrong" ] || bad+="$wrong"$'\n'
	done
	is "$cmd killed at $2 random moments" "$bad" ""
}

# The tool is a child of the background shell, and of it alone.
pkill_below()
{
	local p
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		kill -KILL "$p" 2>/dev/null || true	# it may have ended
		wait_until 20 gone "$p"
	done
}

ok "the log begins" ship
ok "a snapshot" snap
STEP=3
[ -z "${FULL:-}" ] || STEP=1
sweep snap "$STEP"
sweep ship "$STEP"
at_times snap 5
at_times ship 5

# What a tool said is done survives a power cut; with a disk that lies it would not, and that
# is noticed.
held()
{
	strongbox list --json -r "$REPO" | grep "\"id\":\"$1\"" >/dev/null
}
power_on "$W"
run powered "$W" snap
DONE=$(cat "$T/out")
power_cut "$W" >"$T/cut"
ok "a snapshot that was told is there after a power cut" held "$DONE"
FAULT_LIE=all run powered "$W" snap
LOST=$(cat "$T/out")
power_cut "$W" >"$T/cut"
status_is "one on a lying disk is not" 1 held "$LOST"
ok "and the repository still verifies" verify -q --read-data -r "$REPO"

row
ok "the last of the log" ship
pg_kill9 "$DB"
rm -rf "$DB"
FIRST=$(strongbox list --json -r "$REPO" | sed -n 's/.*"type":"snapshot".*"id":"\([^"]*\)".*/\1/p' | head -n 1)
ok "the oldest snapshot restores" restore -q -k "$T/keys/dba.key" -r "$REPO" "$FIRST" "$DB"
ok "the log replays onto it" pitr-replay -q -k "$T/keys/dba.key" --release "$DB"
pg_start "$DB"
is "every row is there, once" "$(q "$DB" 'select count(*), count(distinct n), max(n) from t')" \
    "$ROWS|$ROWS|$ROWS"
ok "the database is sound" amcheck "$DB"
done_testing
