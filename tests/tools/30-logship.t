# logship: following a server, ending and beginning again, and what it refuses.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../log.sh"

D=$T/db
pg_init "$D"
pg_start "$D"
q "$D" 'create table t(a int)' "create role nobody login"
new_repo "$T/repo"
enrol shop

# ---- refusals

fails_with 64 'which server' logship -r "$REPO"
fails_with 64 'which repository' logship "$(pg_url "$D")"
BULKHEAD_SOURCE='' fails_with 64 'which source' logship -r "$REPO" "$(pg_url "$D")"
fails_with 64 'no slot.s name' logship -r "$REPO" --slot A-B "$(pg_url "$D")"
fails_with 64 'one server at a time' logship -r "$REPO" a b
fails_with 64 'not a span' logship -r "$REPO" --mark 5 "$(pg_url "$D")"
fails_with 64 'span of 0' logship -r "$REPO" --heartbeat 0s "$(pg_url "$D")"
fails_with 64 'password' logship -q -r "$REPO" --once "$(pg_url "$D") password=x"
fails_with 66 'no such source|not found|No such file' logship -q -r "$REPO" -s "$T/none" --once x=y
fails_with 66 'there is none' logship -q -r "$T/none" --once "$(pg_url "$D")"
fails_with 69 'connect' logship -q -r "$REPO" --once "host=$T port=1 user=postgres"
fails_with 77 'replication|permission' \
    logship -q -r "$REPO" --once "$(pg_url "$D") user=nobody"
like "with a hint what to grant" "$(tail -n 1 "$T/err")" 'ALTER ROLE "nobody" REPLICATION'
mkdir "$T/beside"
cp "$T/shop.source" "$T/keys/dba.key" "$T/beside"
fails_with 77 'restore' logship -q -r "$REPO" -s "$T/beside/shop.source" --once "$(pg_url "$D")"
is "nothing of that has touched the server" "$(q "$D" 'select count(*) from pg_replication_slots')" 0
is "nor the repository" "$(held .)" ""

# ---- once

load "$D" 20
run once "$D"
is "--once ends well" "$STATUS" 0
read -r FROM TO BYTES <"$T/out"
is "it tells how much it shipped" "$BYTES" "$(($(number "$TO") - $(number "$FROM")))"
is "from the start of a segment" "${FROM#*/}" "$(printf '%X' $((16#${FROM#*/} & ~0xFFFFFF)))"
is "up to the server's end" "$(q "$D" "select '$TO'::pg_lsn <= pg_current_wal_flush_lsn()")" t
is "which is confirmed" "$(confirmed "$D")" "$TO"
same_log "what is held is the server's WAL" "$D" 1 "$FROM" "$TO"
like "the file is closed" "$(held ^file)" ' closed .* whole$'

load "$D" 1
run once "$D" --json
like "--json ends with the result" "$(cat "$T/out")" \
    '^\{"v":1,"type":"result","status":0,"stream":"[0-9]+-00000001","from":"'"$TO"'"'
FILES=$(held ^file | wc -l)
is "it went on in another file" "$FILES" 2
like "which follows the one before" "$(held ^file | tail -n 1)" " $TO .* after .* closed "
fails_with 69 'connect' logship -q --json -r "$REPO" --once "host=$T port=1 user=postgres"
like "--json ends with a result after a failure, too" "$(cat "$T/out")" '"status":69,"error":'

# ---- following

ship shop "$D"
SHIP=$PID
wait_until 20 is_active "$D"
fails_with 75 'locked by process' logship -q -r "$REPO" --once "$(pg_url "$D")"
like "a second one is told who is there" "$(cat "$T/err")" "process $SHIP\$"
load "$D" 200 &
LOAD=$!
load "$D" 200
wait "$LOAD"
wait_shipped "$D"
TO=$(confirmed "$D")
is "all is confirmed" "$(q "$D" "select pg_current_wal_flush_lsn() <= '$TO'")" t
same_log "while it runs, what was confirmed is held" "$D" 1 "$FROM" "$TO"
is "it is called bulkhead, so that it can be a synchronous standby" \
    "$(q "$D" 'select application_name from pg_stat_replication')" bulkhead
kill -TERM "$SHIP"
STATUS=0; wait "$SHIP" || STATUS=$?
is "SIGTERM ends it in good order" "$STATUS" 0
like "and it says so" "$(tail -n 1 "$T/shop.err")" '^logship: ended in good order at '
is "no file is open" "$(held '^file' | grep -cv ' closed ' || true)" 0
is "nothing is damaged" "$(held '^file' | grep -cv ' whole$' || true)" 0

# ---- a server that takes the connection, and says nothing

silent=$(free_port)
spawn silent perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
    LocalPort => $ARGV[0], Listen => 5) or die; sleep 600' "$silent"
wait_until 10 eval "(: <>/dev/tcp/127.0.0.1/$silent)"
# connecting PID: it waits there for an answer.
connecting()
{
	grep -qi ":$(printf %04X "$silent") 01 " "/proc/$1/net/tcp" &&
	    [ -n "$(find "/proc/$1/fd" -lname 'socket:*')" ]
}
for cmd in logship:0 snapshot:71; do
	spawn quiet "${cmd%:*}" -r "$REPO" \
	    "host=127.0.0.1 port=$silent user=postgres connect_timeout=60"
	ok "${cmd%:*} connects, without an answer" wait_until 20 connecting "$PID"
	kill -TERM "$PID"
	ok "SIGTERM ends it at once" wait_until 10 gone "$PID"
	STATUS=0; wait "$PID" || STATUS=$?
	is "with its status" "$STATUS" "${cmd#*:}"
done
like "and a word" "$(cat "$T/quiet.err")" 'connect: stopped by a signal'

# ---- kill -9, and again

for i in 1 2 3; do
	ship shop "$D"
	wait_until 20 is_active "$D"
	load "$D" $((i * 30)) &
	LOAD=$!
	load "$D" $((i * 10))
	kill -KILL "$PID"
	wait "$PID" 2>/dev/null || true
	wait "$LOAD"
done
ok "after kill -9 it goes on" once "$D"
TO=$(confirmed "$D")
same_log "without a hole" "$D" 1 "$FROM" "$TO"
is "one span" "$(held ^span | wc -l)" 1
is "one stream" "$(held ^stream | wc -l)" 1
is "nothing is damaged" "$(held '^file' | grep -cv ' whole$' || true)" 0

# ---- signs of life, marks, metrics

journal()
{
	strongbox journal -r "$REPO" --raw | grep -c " $1 " || true
}
frames()
{
	held ^file | tail -n 1 | sed 's/.* frames \([0-9]*\) .*/\1/'
}
more_frames()
{
	[ "$(frames)" -gt $((FRAMES + 2)) ]
}
more_marks()
{
	[ "$(journal log-mark)" -gt $((MARKS + 2)) ]
}
MARKS=$(journal log-mark)
ship shop "$D" --heartbeat 200ms --mark 300ms --metrics "$T/m.prom"
wait_until 20 is_active "$D"
wait_until 20 grep -q . "$T/m.prom"
load "$D" 1
wait_shipped "$D"
FRAMES=$(frames)
ok "idle, it gives signs of life" wait_until 20 more_frames
ok "and tells the journal" wait_until 20 more_marks
BEFORE=$(held ^span | awk '{ print $4 }')
later()
{
	[ "$(held ^span | awk '{ print $4 }')" -gt "$BEFORE" ]
}
ok "the time up to which the log is complete goes on" wait_until 20 later
metric()
{
	sed -n "s/^bulkhead_$1{source=\"shop\"} //p" "$T/m.prom"
}
up_to_date()
{
	[ "$(metric log_up)" = 1 ] && [ "$(metric log_position_bytes)" = "$(number "$(confirmed "$D")")" ]
}
ok "the metrics say where it is" wait_until 20 up_to_date
is "nothing waits" "$(metric log_lag_bytes):$(metric log_lag_seconds)" 0:0
is "the server keeps the slot without limit" "$(metric log_slot_bytes_left)" +Inf
kill -TERM "$PID"
wait "$PID"
is "afterwards they say that it is down" "$(metric log_up)" 0

# ---- rolling

FILES=$(held ^file | wc -l)
ship shop "$D" --roll-size 1
wait_until 20 is_active "$D"
for i in 1 2 3; do
	q "$D" 'insert into t values (1)' 'select pg_switch_wal()' >/dev/null
done
load "$D" 1
wait_shipped "$D"
kill -TERM "$PID"
wait "$PID"
is "a file that is full ends at the segment's end" "$(($(held ^file | wc -l) - FILES))" 4
is "all in one span" "$(held ^span | wc -l)" 1
like "the next one begins there" "$(held ^file | tail -n 1)" '^file [0-9A-F]{10}000000\.1 '

# ---- a lost or damaged memory

TO=$(confirmed "$D")
rm -r "$T/state"
load "$D" 5
ok "without its state it still goes on" once "$D"
like "where it ended, as the journal holds a digest, too" "$(held ^file | tail -n 1)" " $TO "
echo junk >"$T/state/$REPO_ID/shop.log"
fails_with 65 'state' logship -q -r "$REPO" --once "$(pg_url "$D")"
rm "$T/state/$REPO_ID/shop.log"
touch "$T/no-folder"
fails_with 77 'Not a directory' \
    logship -q -r "$REPO" --once --state "$T/no-folder/x" "$(pg_url "$D")"

# ---- another server

new_repo "$T/repo2"
fails_with 77 'repository' logship -q -r "$REPO" --once "$(pg_url "$D")"
rm "$T/shop.source"
enrol shop
ok "another repository takes its log from the start" once "$D"
pg_init "$T/other"
pg_start "$T/other"
fails_with 77 'system identifier' logship -q -r "$REPO" --once "$(pg_url "$T/other")"
like "with a hint" "$(tail -n 1 "$T/err")" 'enrol it'
done_testing
