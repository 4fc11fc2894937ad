# logship: servers that are promoted, set back, or have lost what was not shipped.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../log.sh"

# twin DIR OF: a copy of the (stopped) cluster OF, with a port and a socket of its own.
twin()
{
	local port
	port=$(free_port)
	mkdir "$1.lab"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$1.lab"
	cp -a "$2" "$1"
	cp "$2.lab/version" "$1.lab/version"
	echo "$port" >"$1.lab/port"
	pg_conf "$1" "port = $port" "unix_socket_directories = '$1.lab'"
}

# follows DIR PRIMARY: make DIR a standby.
follows()
{
	pg_conf "$1" "primary_conninfo = '$(pg_url "$2") application_name=standby'" \
	    "hot_standby = on"
	as_pg touch "$1/standby.signal"
}

has()
{
	[ "$(q "$1" "select pg_last_wal_receive_lsn() >= '$2'")" = t ]
}

# promote DIR: returns when it takes writes.
promote()
{
	q "$1" 'select pg_promote()' >/dev/null
	wait_until 30 writes "$1"
}

writes()
{
	[ "$(q "$1" 'select pg_is_in_recovery()')" = f ]
}

warned()
{
	like "$1" "$(grep -v hint: "$T/err")" "$2"
}

P=$T/primary S=$T/standby
pg_init "$P"
pg_start "$P"
q "$P" 'create table t(a int)' checkpoint
pg_stop "$P"
twin "$S" "$P"
follows "$S" "$P"
pg_start "$P"
pg_start "$S"
new_repo "$T/repo"
enrol shop

# ---- a standby as the source, which is promoted while its log is shipped

load "$P" 10
wait_until 30 has "$S" "$(flushed "$P")"
ship shop "$S"
wait_until 20 is_active "$S"
load "$P" 50
pg_stop "$P"		# a clean shutdown: the standby gets all of it
wait_shipped "$S"
promote "$S"
q "$S" "insert into t values (42)" >/dev/null
load "$S" 50
next_stream()
{
	[ -n "$(stream 2)" ] && wait_shipped "$S"
}
ok "the new timeline becomes a stream" wait_until 30 next_stream
kill -TERM "$PID"
wait "$PID"
SWITCH=$(awk '{ print $2 }' "$S/pg_wal/00000002.history" | tail -n 1)
FIRST=$(held '^span' | head -n 1 | awk '{ print $2 }')
is "the old one is shipped to its very end" \
    "$(held '^span' | head -n 1 | awk '{ print $3 }')" "$SWITCH"
TO=$(confirmed "$S")
same_log "what is held of the new timeline is the server's WAL" "$S" 2 \
    "$(held "^span" | tail -n 1 | awk '{ print $2 }')" "$TO"
unlike "nothing was lost, and nobody warned" "$(cat "$T/shop.err")" 'only in stream|gap'
is "no connection was lost for that" "$(grep -c 'trying again' "$T/shop.err" || true)" 0

# ---- promoted while logship was not there

A=$P
rm -rf "$A" "$A.lab"
pg_stop "$S"
twin "$A" "$S"
follows "$A" "$S"
pg_start "$S"
pg_start "$A"
load "$S" 20
ok "the rest of the log is shipped" once "$S"
load "$S" 20		# this is not shipped yet
wait_until 30 has "$A" "$(flushed "$S")"
pg_stop "$S"
promote "$A"
load "$A" 20
ok "from the promoted server it goes on" once "$A"
is "there are three streams now" "$(held ^stream | wc -l)" 3
SWITCH=$(awk '{ print $2 }' "$A/pg_wal/00000003.history" | tail -n 1)
is "the rest of the old timeline came first" \
    "$(held '.' | sed -n '/^stream.*timeline 2/,/^stream.*timeline 3/p' | awk '/^span/ { print $3 }')" \
    "$SWITCH"

# ---- two primaries

pg_start "$S"		# the old one comes back, on timeline 2, and somebody uses it
load "$S" 30
run logship -q -r "$REPO" --once "$(pg_url "$S")"
is "a server that went back is shipped all the same" "$STATUS" 0
warned "but not without a warning" 'which does not include stream .*-00000003'
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "and so is the other one" "$STATUS" 0
pg_stop "$S"
is "both are kept" "$(held '^(stream|file)' | grep -c ' whole$\|^stream')" \
    "$(held '^(stream|file)' | wc -l)"

# ---- set back: the log of the server is shorter

pg_stop "$A"
cp -a "$A" "$T/older"
pg_start "$A"
load "$A" 200
ok "what comes now is shipped" once "$A"
LOST=$(confirmed "$A")
pg_stop "$A" immediate
rm -rf "$A"
cp -a "$T/older" "$A"
pg_start "$A"
load "$A" 5
N=$(held ^stream | wc -l)
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "a server that was set back is shipped" "$STATUS" 0
warned "with an alarm" "the server's log ends at .* before that of stream .*-00000003, .*set back"
is "as another stream" "$(held ^stream | tail -n 1 | awk '{ print $2 }' | sed 's/.*-0/0/')" \
    00000003-2
is "one more" "$(held ^stream | wc -l)" $((N + 1))
like "joined to the old one" "$(held ^stream | tail -n 1)" 'parent [0-9]+-00000003$'
is "the old one is kept to its end" \
    "$(held . | sed -n '/^stream.*timeline 3 parent -/,/^stream/p' | awk '/^span/ { print $3 }')" "$LOST"
TO=$(confirmed "$A")
same_log "the new one is the server's WAL" "$A" 3 "$(held ^span | tail -n 1 | awk '{ print $2 }')" "$TO"
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "from then on it is just followed" "$(cat "$T/err")" ""

# ---- set back: it has grown beyond what was shipped, and differs

pg_stop "$A" immediate
rm -rf "$A"
cp -a "$T/older" "$A"
pg_start "$A"
load "$A" 300
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "a server with other bytes is shipped" "$STATUS" 0
warned "with an alarm" "WAL differs from what was shipped as stream .*-00000003-2 .*set back"
like "as another stream" "$(held ^stream | tail -n 1)" '00000003-3 timeline 3 parent .*-00000003-2$'
TO=$(confirmed "$A")
same_log "the new one is the server's WAL" "$A" 3 "$(held ^span | tail -n 1 | awk '{ print $2 }')" "$TO"

# ---- the same, and this machine has lost its memory

pg_stop "$A" immediate
rm -rf "$A"
cp -a "$T/older" "$A"
pg_start "$A"
load "$A" 400
rm -r "$T/state"
run logship -q -r "$REPO" --once "$(pg_url "$A")"
warned "the digest in the journal tells it as well" 'WAL differs'
like "as another stream" "$(held ^stream | tail -n 1)" '00000003-4 '

# ---- WAL that is gone

q "$A" "select pg_drop_replication_slot('bulkhead_shop')" >/dev/null
FROM=$(held ^span | tail -n 1 | awk '{ print $3 }')
for i in 1 2 3; do
	load "$A" 5
	q "$A" 'select pg_switch_wal()' checkpoint >/dev/null
done
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "it goes on behind a gap" "$STATUS" 0
warned "with a warning" "no longer has the log from $FROM to [0-9A-F/]+: that is a gap"
is "the gap is in the journal" "$(strongbox journal -r "$REPO" --raw | grep -c " log-gap .*from=$FROM ")" 1
is "and there is a hole" "$(held . | sed -n '/00000003-4/,$p' | grep -c ^span)" 2
like "in the same stream" "$(held ^stream | tail -n 1)" '00000003-4 '

# ---- a slot that was given up

pg_conf "$A" "max_slot_wal_keep_size = 1MB" "wal_keep_size = 0" "max_wal_size = 64MB" \
    "min_wal_size = 32MB"
q "$A" 'select pg_reload_conf()' >/dev/null
given_up()
{
	q "$A" 'insert into t select generate_series(1, 1000)' 'select pg_switch_wal()' checkpoint \
	    >/dev/null
	[ "$(q "$A" "select wal_status from pg_replication_slots")" = lost ]
}
wait_until 60 given_up
run logship -q -r "$REPO" --once "$(pg_url "$A")"
is "it goes on all the same" "$STATUS" 0
warned "and tells of the gap" 'that is a gap'
is "the slot works" "$(q "$A" "select wal_status from pg_replication_slots")" reserved
is "nothing of all that is damaged" "$(held ^file | grep -cv ' whole$' || true)" 0
done_testing
