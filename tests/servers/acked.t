# No acknowledged commit is lost.  logship is the synchronous standby; clients commit and
# note what the server acknowledged; then server and logship are killed with -9 at a random
# moment, the repository's disk loses all that was not synced, and the data directory is
# removed.  What restore and pitr-replay bring back has every commit in the notes.  It
# becomes the server of the next round: a timeline a round.
#
# ROUNDS=200 for more than 20; SEED=n repeats the choices of another run, though not its
# moments.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

ROUNDS=${ROUNDS:-20}
SEED=${SEED:-$RANDOM}
RANDOM=$SEED
CLIENTS=4
SNAPSHOT_EVERY=20		# rounds: what is replayed grows with each
echo "# SEED=$SEED"

# In memory: real syncs would only take time, and slow_sync plays a slow disk.
[ "$(id -u)" -ne 0 ] || small_disk "$T/m" 8g
W=$T/m/w DB=$T/m/db LEDGER=$T/ledger
mkdir -p "$W"
export BULKHEAD_STATE=$W/state
: >"$LEDGER"

# between LOW HIGH: a random number.
between()
{
	echo $(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

nap()
{
	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# ---- the application

# client NAME: one transaction after the other, until the server is gone.  psql prints the
# row when the commit was acknowledged.  Some are large, so that they need several frames.
client()
{
	local i=0 pad
	while :; do
		i=$((i + 1))
		pad="''"
		[ $((i % 64)) -ne 0 ] || pad="(select string_agg(md5(random()::text), '') from generate_series(1, 9000))"
		echo "insert into t values ('$1', $i, $pad) returning who || ' ' || n;"
	done 2>/dev/null | psql -XAtqd "$(pg_url "$DB")" >"$T/$1.notes" 2>/dev/null
}

LOAD=()
load_begin()
{
	local c
	LOAD=()
	for ((c = 1; c <= CLIENTS; c++)); do
		client "$1.$c" &
		LOAD+=($!)
	done
}

# begun NAME: a commit of this load was acknowledged; only then others see it.  (psql's notes
# reach their file later, at its end at the latest.)
begun()
{
	[ "$(q "$DB" "select 1 from t where who like '$1.%' limit 1")" = 1 ]
}

# When the server is gone: what they noted goes into the ledger.
load_end()
{
	local p
	for p in "${LOAD[@]}"; do
		wait "$p" || true	# psql says that its server is gone
	done
	cat "$T"/"$1".*.notes >>"$LEDGER"
	rm "$T"/"$1".*.notes
}

# ---- logship

standby()
{
	[ "$(q "$DB" "select state, sync_state from pg_stat_replication where application_name = 'bulkhead'")" = 'streaming|sync' ]
}

# ship_begin DIR: logship under the layer that knows what DIR would lose.
ship_begin()
{
	FAULT_LIE=${LIE:-} spawn logship powered "$1" exec logship -q -r "$REPO" -s "$T/shop.source" "$(pg_url "$DB")"
	SHIP=$PID
	wait_until 30 standby || { lab_show "$T/logship.err"; return 1; }
}

ship_kill9()
{
	kill -KILL "$SHIP"
	wait "$SHIP" 2>/dev/null || true
}

# ---- a round

# The server and logship die within 100 ms of each other, one first or the other.
disaster()
{
	local gap
	gap=$(between 0 100)
	if [ "$(between 0 1)" -eq 0 ]; then
		pg_kill9 "$DB"
		nap "$gap"
		ship_kill9
	else
		ship_kill9
		nap "$gap"
		pg_kill9 "$DB"
	fi
	# The lock of the socket may name a zombie, whom init has not waited for yet.
	rm -rf "$DB" "$DB.lab"/.s.PGSQL.*
}

recover()
{
	restore -q -k "$T/keys/dba.key" -r "$REPO" "$DB" &&
	    pitr-replay -q -k "$T/keys/dba.key" --release "$DB"
}

# The noted commits that the server does not have.
lost()
{
	q "$DB" "select who || ' ' || n from t" | sort | comm -23 <(sort "$LEDGER") -
}

# What the disk loses: all that logship writes, or only the repository, which then is
# another machine's.
choose_disk()
{
	DISK=$W
	[ "$(between 0 2)" -ne 0 ] || DISK=$REPO
}

# one_round NAME: from a running server to the next one.
one_round()
{
	local ms
	[ -n "${LIE:-}" ] || choose_disk
	power_on "$DISK"
	FAULT_SLOW_MS=$(between 0 1)$(between 0 9)
	export FAULT_SLOW_MS
	ship_begin "$DISK"
	load_begin "$1"
	wait_until 30 begun "$1"
	nap "$(between 0 1300)"
	if [ "$(between 0 1)" -eq 0 ]; then
		# Only logship and its disk first: the server goes on when they are back.
		ship_kill9
		power_cut "$DISK" >"$T/cut"
		ship_begin "$DISK"
		nap "$(between 100 700)"
	fi
	disaster
	unset FAULT_SLOW_MS
	load_end "$1"
	power_cut "$DISK" >"$T/cut"
	recover
}

# ---- the beginning

new_repo "$W/repo"
enrol shop
pg_init "$DB" --wal-segsize=1
# What the server keeps is lost anyway; and it grows with every round.
pg_conf "$DB" 'autovacuum = off' 'fsync = off' 'max_wal_size = 64MB' 'min_wal_size = 32MB'
pg_start "$DB"
q "$DB" 'create table t (who text, n int, pad text, primary key (who, n))' 'create extension amcheck'
pg_conf "$DB" "synchronous_standby_names = 'bulkhead'" 'synchronous_commit = on'
q "$DB" 'select pg_reload_conf()' >/dev/null

snap()
{
	ok "a snapshot" snapshot -q --fast -r "$REPO" -s "$T/shop.source" "$(pg_url "$DB")"
}

power_on "$W"
ship_begin "$W"
snap
ship_kill9

for ((r = 1; r <= ROUNDS; r++)); do
	before=$(wc -l <"$LEDGER")
	ok "round $r: what is left can be recovered" one_round "$r"
	[ "$STATUS" -eq 0 ] || { lab_show "$T/logship.err"; exit 1; }
	pg_start "$DB"
	is "and none of $(($(wc -l <"$LEDGER") - before)) more acknowledged commits is lost" \
	    "$(lost | head -n 5)" ""
	if [ $((r % SNAPSHOT_EVERY)) -eq 0 ]; then
		ship_begin "$W"
		snap
		ship_kill9
	fi
done
ok "there were commits to lose" test "$(wc -l <"$LEDGER")" -ge $((ROUNDS * 50))

ship_begin "$W"
ok "the database is sound" amcheck "$DB"
kill "$SHIP"
status_is "logship ends in good order" 0 wait "$SHIP"
ok "the repository verifies" verify -q --read-data -r "$REPO"

# The check of the check: with a disk that only says that it syncs there is a loss, and it
# is noticed.
LIE=all DISK=$W
ok "a round with a lying disk" one_round lie
pg_start "$DB"
like "loses commits" "$(lost)" '^lie\.'
done_testing
