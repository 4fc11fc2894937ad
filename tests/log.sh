# Logs for the tools' tests: source it behind lib.sh and repo.sh.  bash; not run by itself.
#
#	ship shop "$T/db"		# starts logship, in $PID; its words are in $T/shop.err
#	wait_shipped "$T/db"
#	same_log "what was shipped is the server's WAL" "$T/db" 1 "$FROM" "$TO"
#
# The source is $T/shop.source, and its repository $REPO.

export BULKHEAD_SOURCE="$T/shop.source"

# ship NAME DIR [OPTION...]: logship in the background, its pid in $PID.
ship()
{
	local name=$1 dir=$2
	shift 2
	spawn "$name" logship -r "$REPO" "$@" "$(pg_url "$dir")"
}

# once DIR [OPTION...]: what there is by now.
once()
{
	local dir=$1
	shift
	logship -q -r "$REPO" --once "$@" "$(pg_url "$dir")"
}

# The slot's position: what logship has confirmed.
confirmed()
{
	q "$1" "select restart_lsn from pg_replication_slots where slot_name = 'bulkhead_shop'"
}

flushed()
{
	q "$1" "select case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
	    else pg_current_wal_flush_lsn() end"
}

# wait_shipped DIR: until all that is flushed now has been confirmed.
wait_shipped()
{
	local to
	to=$(flushed "$1")
	wait_until 30 is_shipped "$1" "$to"
}

is_shipped()
{
	[ "$(q "$1" "select restart_lsn >= '$2' from pg_replication_slots
	    where slot_name = 'bulkhead_shop'")" = t ]
}

# is_active DIR: somebody streams by the slot.
is_active()
{
	[ "$(q "$1" "select active from pg_replication_slots
	    where slot_name = 'bulkhead_shop'")" = t ]
}

# What is held: lines of logprobe that match.
held()
{
	"$B/logprobe" "$REPO" shop | grep -E "$1" || true
}

# The stream of a timeline: its name.
stream()
{
	held '^stream' | awk -v t="$1" '$4 == t { n = $2 } END { print n }'
}

# number 0/3000060: as a decimal.
number()
{
	echo $(((16#${1%/*} << 32) + 16#${1#*/}))
}

# The server's own bytes of a timeline: wal DIR TIMELINE FROM TO.
wal()
{
	local from to size name part
	from=$(number "$3")
	to=$(number "$4")
	size=$(q "$1" "select setting from pg_settings where name = 'wal_segment_size'")
	while [ "$from" -lt "$to" ]; do
		name=$(printf '%08X%08X%08X' "$2" $((from >> 32)) $(((from & 0xffffffff) / size)))
		part=$((size - from % size))
		[ "$part" -le $((to - from)) ] || part=$((to - from))
		tail -c +$((from % size + 1)) "$1/pg_wal/$name" | head -c "$part"
		from=$((from + part))
	done
}

# same_log NAME DIR TIMELINE FROM TO [STREAM]: what is held is what the server has.
same_log()
{
	local name=$1 st=${6:-}
	[ -n "$st" ] || st=$(stream "$3")
	"$B/logprobe" "$REPO" shop "$T/keys/dba.key" "$st" "$4" "$5" >"$T/held" || true
	wal "$2" "$3" "$4" "$5" >"$T/wal" 2>/dev/null || true
	ok "$name" test -s "$T/held" -a "$(wc -c <"$T/wal")" -gt 0
	ok "... to the byte" cmp "$T/held" "$T/wal"
}

# load DIR N: N small transactions of one client.
load()
{
	local i
	for ((i = 0; i < $2; i++)); do
		echo "insert into t select generate_series(1, 50);"
	done | psql -Xqd "$(pg_url "$1")"
}
