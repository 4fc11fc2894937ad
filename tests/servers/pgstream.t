# WAL streams of a real server: byte for byte, across timelines, and what may go wrong.
# matrix
. "$(dirname "$0")/../lib.sh"

P=$B/pgprobe

pg_init "$T/db"
pg_conf "$T/db" "wal_keep_size = 256MB" "wal_sender_timeout = 2s" "autovacuum = off" \
    "bgwriter_lru_maxpages = 0" "checkpoint_timeout = 1h"
pg_start "$T/db"
C=$(pg_url "$T/db")
flushed() { q "$1" 'select pg_current_wal_flush_lsn()'; }
fill() { q "$T/db" "set client_min_messages = warning" \
    "create table if not exists t (g int, f text)" "insert into t select g, repeat('x', 500) from generate_series(1, $1) g"; }
streams() { q "$T/db" "select $1 from pg_stat_replication where application_name = 'pgprobe'"; }
ended() { wait_until 5 gone "$1"; }
says() { wait_until 10 grep -qE "$2" "$T/$1.out"; }

# same_wal DIR LSN: its segments are the server's, the last one up to LSN.
same_wal()
{
	local f last n
	last=$(ls "$1" | tail -n 1)
	for f in "$1"/*; do
		n=16777216
		[ "${f##*/}" != "$last" ] || n=$((0x${2#*/} & 0xffffff))
		cmp -n "$n" "$f" "$T/db/pg_wal/${f##*/}" || return 1
	done
}

# ---- bytes ----

fill 60000
upto=$(flushed "$T/db")
mkdir "$T/wal"
ok "WAL comes up to a position" "$P" stream "$C" - 1 0/1000000 "dir=$T/wal" "until=$upto"
like "and the connection takes commands again" "$(cat "$T/out")" "^server .* timeline 1 "
ok "it is more than one segment" [ "$(ls "$T/wal" | wc -l)" -gt 1 ]
ok "the segments are the server's own" same_wal "$T/wal" "$upto"

# TLS holds back what the socket no longer shows.
if [ -n "$(q "$T/db" 'show ssl_library')" ]; then
	as_pg openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=db -keyout "$T/db/server.key" \
	    -out "$T/db/server.crt" 2>"$T/openssl"
	chmod 600 "$T/db/server.key"
	pg_conf "$T/db" "ssl = on"
	q "$T/db" "select pg_reload_conf()" >"$T/reload"
	tls="$C host=127.0.0.1 sslmode=require"
	wait_until 10 "$P" identify "$tls"
	mkdir "$T/tls"
	ok "WAL comes over TLS" "$P" stream "$tls" - 1 0/1000000 "dir=$T/tls" "until=$upto"
	ok "the same bytes" same_wal "$T/tls" "$upto"
	ok "and so does a backup" "$P" backup "$tls" fast
else
	skip "WAL comes over TLS" "a server without TLS"
fi

began=${EPOCHREALTIME/./}
ok "nothing is to come" "$P" stream "$C" - 1 "$(flushed "$T/db")" wait=200
took=$((${EPOCHREALTIME/./} - began))
like "and nothing came" "$(cat "$T/out")" '^none 0 bytes$'
ok "after the time that was given" [ "$took" -ge 200000 ]
ok "and not much more" [ "$took" -lt 5000000 ]

# ---- slots, confirmation, keepalives ----

ok "a slot is made" "$P" slot "$C" create s
before=$(q "$T/db" "select restart_lsn from pg_replication_slots")
fill 1000
upto=$(flushed "$T/db")
ok "it is streamed with" "$P" stream "$C" s 1 "$(printf '0/%X' $((0x${before#*/} & 0xff000000)))" "until=$upto"
is "what is confirmed moves it" "$(q "$T/db" "select restart_lsn >= '$upto' and restart_lsn > '$before' from pg_replication_slots")" t

mkfifo "$T/fifo"
spawn held "$P" stream "$C" s 1 "$upto" "wake=$T/fifo"
stream=$PID
says held '^streaming'
wait_until 10 eval '[ "$(streams state)" = streaming ]'
fails_with 75 'START_REPLICATION: replication slot "s" is active' "$P" stream "$C" s 1 "$upto"
first=$(streams 'pid, reply_time')
other() { [ "$(streams 'pid, reply_time')" != "$first" ]; }
ok "it answers keepalives" wait_until 10 other
first=$(streams 'pid, reply_time')
ok "and again" wait_until 10 other
is "on the same connection, past its timeout" "$(streams pid)" "${first%%|*}"
is "it reports what is durable as written and flushed, and nothing as applied" \
    "$(streams "write_lsn >= '$upto' and write_lsn = flush_lsn, replay_lsn")" 't|'
echo >"$T/fifo"
ok "the other descriptor wakes it" ended "$stream"
like "at once" "$(cat "$T/held.out")" '^none [0-9]* bytes$'
spawn signalled "$P" stream "$C" s 1 "$upto"
says signalled '^streaming'
kill "$PID"
ok "a signal ends its wait" ended "$PID"
like "and it stops in good order" "$(cat "$T/signalled.out")" '^stopped '

# ---- what cannot be streamed ----

fails_with 78 'START_REPLICATION: replication slot "nosuch" does not exist' "$P" stream "$C" nosuch 1 "$upto"
fails_with 74 'START_REPLICATION: requested starting point 9/1000000 is ahead of the WAL flush position' \
    "$P" stream "$C" - 1 9/1000000
fails_with 74 'START_REPLICATION: requested timeline 7 is not in this server.s history' \
    "$P" stream "$C" - 7 "$upto"

# ---- the ends of a server ----

spawn shut "$P" stream "$C" - 1 "$upto"
says shut '^streaming'
pg_stop "$T/db"
ok "a shutdown ends the stream" ended "$PID"
status_is "in good order" 0 wait "$PID"
like "which it tells" "$(cat "$T/shut.out")" '^closed 0/'
pg_start "$T/db"
spawn killed "$P" stream "$C" - 1 "$upto"
says killed '^streaming'
pg_kill9 "$T/db"
ok "a kill -9 ends it too" ended "$PID"
status_is "with another status" 69 wait "$PID"
told_once "and one line" "$T/killed.err"
pg_start "$T/db"

# ---- timelines, from a standby that is promoted ----

mkdir "$T/sb" "$T/sb.lab"
run "$P" backup "$C" fast "dir=$T/sb"
start=$(sed -n 's/^start \(.*\) 1$/\1/p' "$T/out")
echo "$PGVERSION" >"$T/sb.lab/version"
free_port >"$T/sb.lab/port"
chmod 700 "$T/sb"
touch "$T/sb/standby.signal"
[ "$(id -u)" -ne 0 ] || chown -R postgres: "$T/sb" "$T/sb.lab"
pg_conf "$T/sb" "port = $(cat "$T/sb.lab/port")" "unix_socket_directories = '$T/sb.lab'" \
    "primary_conninfo = '$C application_name=standby'" "hot_standby = on"
pg_start "$T/sb"
S=$(pg_url "$T/sb")
fill 3000
upto=$(flushed "$T/db")
wait_until 20 eval '[ "$(q "$T/sb" "select pg_last_wal_replay_lsn() >= '"'$upto'"'")" = t ]'
ok "a standby can be backed up" "$P" backup "$S" fast
like "on its timeline" "$(cat "$T/out")" '^stop .* 1$'
mkdir "$T/wal2"
from=$(printf '0/%X' $((0x${start#*/} & 0xff000000)))
spawn followed "$P" stream "$S" - 1 "$from" "dir=$T/wal2" follow
stream=$PID
says followed '^streaming'
pg_stop "$T/db"
q "$T/sb" "select pg_promote()" >"$T/promoted"
wait_until 20 eval '[ "$(q "$T/sb" "select pg_is_in_recovery()")" = f ]'
ok "the end of a timeline shows, and where the next begins" says followed '^timeline 2 0/[0-9A-F]*$'
switch=$(sed -n 's/^timeline 2 //p' "$T/followed.out")
q "$T/sb" "create table after (a int)" "insert into after select generate_series(1, 50000)" "select pg_switch_wal()" >"$T/after"
first=$(printf '0000000200000000%08X' $((0x${switch#*/} >> 24)))
ok "the stream goes on along it" wait_until 20 cmp "$T/wal2/$first" "$T/sb/pg_wal/$first"
kill "$stream"
ok "and stops" ended "$stream"
run "$P" history "$S" 2
is "its history is the server's file" "$(cat "$T/out")" "$(cat "$T/sb/pg_wal/00000002.history")"
like "and tells the same switch" "$(cat "$T/out")" "^1	$switch	"
ok "a stream may begin where its timeline ended" "$P" stream "$S" - 1 "$switch"
is "and ends at once" "$(cat "$T/out")" "streaming
timeline 2 $switch"
fails_with 74 'START_REPLICATION: requested starting point .* on timeline 1 is not in this server.s history' \
    "$P" stream "$S" - 1 "$(flushed "$T/sb")"

# ---- WAL that is gone ----

pg_start "$T/db"
pg_conf "$T/db" "wal_keep_size = 0" "max_slot_wal_keep_size = 1MB" "max_wal_size = 32MB" "min_wal_size = 32MB"
q "$T/db" "select pg_reload_conf()" >"$T/reload"
recycle()
{
	fill 30000
	q "$T/db" "select pg_switch_wal()" checkpoint
	[ "$(q "$T/db" "select wal_status from pg_replication_slots")" = lost ]
}
wait_until 60 recycle
fails_with 66 'START_REPLICATION: requested WAL segment 000000010000000000000001 has already been removed' \
    "$P" stream "$C" - 1 0/1000000
like "the connection survives it" "$(cat "$T/out")" '^server '
fails_with 66 'START_REPLICATION: (requested WAL segment .* has already been removed|can no longer (access|get changes from) replication slot "s")' \
    "$P" stream "$C" s 1 "$from"
done_testing
