# logship: slow and full disks, servers and processes that die, power cuts.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../log.sh"

D=$T/db
pg_init "$D"
pg_conf "$D" "wal_recycle = off" "wal_keep_size = 1GB"
pg_start "$D"
q "$D" 'create table t(a text)'
V=$T/vault
mkdir "$V"
BULKHEAD_STATE=$V/state
new_repo "$V/repo"
enrol shop

# count NAME REGEX: lines of logship's words.
count()
{
	grep -cE "$2" "$T/$1.err" || true
}

# What does not compress: fill DIR N, N times about 100 kB.
fill()
{
	q "$1" "insert into t select gen_random_uuid()::text || gen_random_uuid() from
	    generate_series(1, $2 * 1000)"
}

whole()
{
	local from to
	is "$1: nothing is damaged" "$(held '^file' | grep -cv ' whole$' || true)" 0
	is "$1: one span" "$(held ^span | wc -l)" 1
	from=$(held ^span | awk '{ print $2 }')
	to=$(held ^span | awk '{ print $3 }')
	same_log "$1: what is held is the server's WAL" "$D" 1 "$from" "$to"
}

# ---- a synchronous standby

sync_on()
{
	q "$D" "alter system set synchronous_standby_names = 'bulkhead'" \
	    'select pg_reload_conf()' >/dev/null
	wait_until 20 is_sync
}
is_sync()
{
	[ "$(q "$D" 'select sync_state from pg_stat_replication')" = sync ]
}
sync_off()
{
	q "$D" 'alter system reset synchronous_standby_names' 'select pg_reload_conf()' >/dev/null
}
commit()
{
	timeout 60 psql -Xqd "$(pg_url "$D")" -c "insert into t values ('$1')"
}
is_waiting()
{
	[ "$(q "$D" "select count(*) from pg_stat_activity where wait_event = 'SyncRep'")" = 1 ]
}

ship shop "$D"
wait_until 20 is_active "$D"
sync_on
ok "a commit is acknowledged" commit one
kill -STOP "$PID"
commit two &
COMMIT=$!
ok "not without logship" wait_until 20 is_waiting
kill -CONT "$PID"
STATUS=0; wait "$COMMIT" || STATUS=$?
is "but with it" "$STATUS" 0
kill -KILL "$PID"
wait "$PID" 2>/dev/null || true
commit three &
COMMIT=$!
ok "without it commits wait" wait_until 20 is_waiting
ship shop "$D"
STATUS=0; wait "$COMMIT" || STATUS=$?
is "until it is there again" "$STATUS" 0

q "$D" "alter system set synchronous_commit = remote_apply" 'select pg_reload_conf()' >/dev/null
kill -TERM "$PID"
wait "$PID"
ship shop "$D"
wait_until 20 is_active "$D"
is "remote_apply is warned of" "$(count shop 'warning: .*remote_apply')" 1
q "$D" 'alter system reset synchronous_commit' 'select pg_reload_conf()' >/dev/null

# ---- a disk that takes longer than the server's patience

kill -TERM "$PID"
wait "$PID"
q "$D" "alter system set wal_sender_timeout = '500ms'" 'select pg_reload_conf()' >/dev/null
slow_sync 800 "$V" ship slow "$D"
wait_until 20 is_sync
ok "with an fsync of 0.8 s a commit takes its time" commit four
ok "and the next one" commit five
is "but the connection is kept" "$(count slow 'trying again')" 0
is "the server saw no timeout" "$(grep -c 'replication timeout' "$D.lab/log" || true)" 0
sync_off
kill -TERM "$PID"
wait "$PID"
q "$D" "alter system reset wal_sender_timeout" 'select pg_reload_conf()' >/dev/null

# ---- a server that goes and comes

ship shop "$D" --metrics "$T/m.prom"
wait_until 20 is_active "$D"
fill "$D" 2
pg_stop "$D"
TO=$(number "$(held ^span | awk '{ print $3 }')")
SEGMENT=$D/pg_wal/$(printf '00000001%08X%08X' $((TO >> 32)) $(((TO & 0xffffffff) >> 24)))
is "a server that is shut down waits until all is stored" \
    "$(tail -c +$(((TO & 0xffffff) + 1)) "$SEGMENT" | tr -d '\0' | wc -c)" 0
wait_until 20 grep -q 'trying again' "$T/shop.err"
pg_start "$D"
ok "it is found again" wait_until 30 is_active "$D"
fill "$D" 1
wait_shipped "$D"	# so that it streamed again: else the next death is of the same absence
fill "$D" 1
pg_kill9 "$D"
pg_start "$D"
ok "after kill -9 as well" wait_until 30 is_active "$D"
fill "$D" 1
wait_shipped "$D"
is "each time it was told once" "$(count shop 'trying again')" 2
reconnected()
{
	grep -q '^bulkhead_log_reconnects_total.* 2$' "$T/m.prom"
}
ok "and counted" wait_until 20 reconnected
kill -TERM "$PID"
wait "$PID"
whole "after the server's death"

# ---- a disk that is full

if [ "$(id -u)" -eq 0 ]; then
	small_disk "$T/small" 40m
	BULKHEAD_STATE=$T/state
	new_repo "$T/small/repo"
	rm "$T/shop.source"
	enrol shop
	ship shop "$D" --metrics "$T/m.prom" --mark 1s
	wait_until 20 is_active "$D"
	wait_shipped "$D"
	dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null || true
	fill "$D" 30
	ok "a full disk is told" wait_until 20 grep -q 'No space left.*nothing is confirmed' "$T/shop.err"
	ok "the database goes on" fill "$D" 120
	lags()
	{
		grep -q '^bulkhead_log_up.* 0$' "$T/m.prom" &&
		    awk '/^bulkhead_log_lag_bytes/ { exit !($2 > 10000000) }' "$T/m.prom"
	}
	ok "the metrics tell, with the server's position" wait_until 40 lags
	kill -TERM "$PID"
	STATUS=0; wait "$PID" || STATUS=$?
	is "to end it then is a failure" "$STATUS" 74
	ship shop "$D"
	wait_until 20 grep -q 'nothing is confirmed\|trying again' "$T/shop.err"
	rm "$T/small/filler"
	ok "with space again it goes on by itself" wait_shipped "$D"
	is "it told of the trouble once" "$(count shop 'No space')" 1
	kill -TERM "$PID"
	STATUS=0; wait "$PID" || STATUS=$?
	is "and ends well" "$STATUS" 0
	whole "after the full disk"
	dd if=/dev/zero of="$T/small/filler" bs=64k 2>/dev/null || true
	fill "$D" 30
	fails_with 74 'No space left' logship -q -r "$REPO" --once "$(pg_url "$D")"
	BULKHEAD_STATE=$V/state
else
	skip "a full disk" "needs root"
fi

# ---- any call that fails, kill -9 at any call

new_repo "$V/swept"
rm "$T/shop.source"
enrol shop
run once "$D"
sweep()
{
	local how=$1 step=$2 n hit bad=0 rounds=0
	for ((n = 1; ; n += step)); do
		q "$D" "insert into t values ('$n')"
		run fault all "$n" "$how" "$V" logship -q -r "$REPO" --once "$(pg_url "$D")"
		hit=$(fault_hit)
		[ -n "$hit" ] || break
		rounds=$((rounds + 1))
		if [ "$how" = KILL ]; then
			[ "$STATUS" -eq 137 ] || bad=$((bad + 1))
		elif [ "$STATUS" -ne 0 ]; then
			[ "$STATUS" -lt 128 ] && [ "$STATUS" -ne 70 ] && [ "$(wc -l <"$T/err")" -le 2 ] &&
			    grep -q '^logship: .*' "$T/err" || { bad=$((bad + 1)); diag "$n $hit: $STATUS"; lab_show "$T/err"; }
		fi
		[ $((n % 4)) -eq 1 ] || continue
		run once "$D"
		[ "$STATUS" -eq 0 ] || { bad=$((bad + 1)); diag "after $n $hit:"; lab_show "$T/err"; }
	done
	is "$how at any of $rounds calls is one clear line, and the next run succeeds" "$bad" 0
	ok "$how was tried often" test "$rounds" -ge 10
}
sweep EIO 1
sweep ENOSPC 7
sweep KILL 3
whole "after the sweeps"

# ---- power cuts: what was confirmed is there

power_on "$V"
lost=0
for i in 1 2 3 4; do
	powered "$V" ship shop "$D"
	wait_until 30 is_active "$D"
	sync_on
	: >"$T/acknowledged"
	for ((j = 0; j < 20 * i; j++)); do
		echo "insert into t values (md5('$i.$j'));"
		echo "select flush_lsn from pg_stat_replication;"
	done | psql -XAtqd "$(pg_url "$D")" >>"$T/acknowledged" 2>/dev/null &
	LOAD=$!
	enough()
	{
		[ "$(wc -l <"$T/acknowledged")" -ge $((10 * i)) ]
	}
	wait_until 30 enough
	kill -KILL "$PID"
	wait "$PID" 2>/dev/null || true
	pg_kill9 "$D"
	wait "$LOAD" || true
	power_cut "$V" >/dev/null
	LAST=$(grep -E '^[0-9A-F]+/[0-9A-F]+$' "$T/acknowledged" | tail -n 1)
	HELD=$(held ^span | tail -n 1 | awk '{ print $3 }')
	[ "$(number "$HELD")" -ge "$(number "$LAST")" ] || lost=$((lost + 1))
	pg_start "$D"
	sync_off
done
is "four power cuts lost nothing that was confirmed" "$lost" 0
ok "and it goes on" once "$D"
whole "after the power cuts"
done_testing
