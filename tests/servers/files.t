# pg_control, PG_VERSION and page checksums as the servers themselves see them.
# matrix
. "$(dirname "$0")/../lib.sh"

probe()	# NAME...: values of the last "fileprobe control", in one line
{
	local name values=()
	for name in "$@"; do
		values+=("$(sed -n "s/^$name //p" "$T/control")")
	done
	echo "${values[*]}"
}
row()	# SQL: the columns of one row, split by blanks
{
	q "$T/db" "$1" | tr '|' ' '
}

pg_init "$T/db" "$PGVERSION" --wal-segsize=4
mkdir "$T/space"
[ "$(id -u)" -ne 0 ] || chown postgres "$T/space"
pg_conf "$T/db" "max_connections = 73" "max_worker_processes = 9" "max_wal_senders = 11" \
    "max_prepared_transactions = 6" "max_locks_per_transaction = 71" "wal_level = logical"
pg_start "$T/db"
q "$T/db" "create tablespace space location '$T/space'" "create database other tablespace space" \
    "create table t as select i, repeat('x', 100) from generate_series(1, 50000) i" \
    "create index on t(i)" "create unlogged table u as select * from t" "vacuum t" \
    "create table s tablespace space as select * from t" checkpoint

# ---- pg_control ----

fileprobe=$B/fileprobe
"$fileprobe" control "$T/db" >"$T/control"
is "the major version" "$(probe major)" "$PGVERSION"
is "system and versions" "$(probe system_id control_version catalog_version)" \
    "$(row "select system_identifier, pg_control_version, catalog_version_no
	from pg_control_system()")"
is "the last checkpoint" "$(probe checkpoint redo timeline)" \
    "$(row "select checkpoint_lsn, redo_lsn, timeline_id from pg_control_checkpoint()")"
is "the sizes, and that there are checksums" \
    "$(probe block_size segment_size data_checksums)" \
    "$(row "select database_block_size, bytes_per_wal_segment, data_page_checksum_version
	from pg_control_init()")"
is "4 MB were asked for" "$(probe segment_size)" 4194304
is "the state: in production" "$(probe state)" 6
is "the settings that recovery needs" \
    "$(probe max_connections max_worker_processes max_wal_senders max_prepared_xacts \
	max_locks_per_xact wal_level)" "73 9 11 6 71 2"
is "no recovery yet" "$(probe min_recovery min_recovery_timeline)" "0/0 0"
pg_stop "$T/db"
"$fileprobe" control "$T/db" >"$T/control"
is "the state: shut down" "$(probe state)" 1
if pg_has_tools; then
	pg_tool "$PGVERSION" pg_controldata "$T/db" >"$T/controldata"
	field()
	{
		sed -n "s/^$1: *//p" "$T/controldata"
	}
	while read -r name label; do
		is "$name as pg_controldata reads it" "$(probe "$name")" "$(field "$label")"
	done <<-'EOF'
		system_id Database system identifier
		checkpoint Latest checkpoint location
		redo Latest checkpoint's REDO location
		timeline Latest checkpoint's TimeLineID
		max_connections max_connections setting
		max_worker_processes max_worker_processes setting
		max_wal_senders max_wal_senders setting
		max_prepared_xacts max_prepared_xacts setting
		max_locks_per_xact max_locks_per_xact setting
	EOF
fi

# A standby has a minimum to recover to.
cp -a "$T/db" "$T/standby"
mkdir "$T/standby.lab"
[ "$(id -u)" -ne 0 ] || chown postgres "$T/standby.lab"
cp "$T/db.lab/version" "$T/standby.lab/"
free_port >"$T/standby.lab/port"
as_pg touch "$T/standby/standby.signal"
pg_conf "$T/standby" "port = $(cat "$T/standby.lab/port")" \
    "unix_socket_directories = '$T/standby.lab'" "primary_conninfo = '$(pg_url "$T/db")'"
rm -rf "$T/standby/pg_tblspc/"*
mkdir "$T/space2"
cp -a "$T/space/." "$T/space2/"
for link in "$T"/db/pg_tblspc/*; do
	ln -s "$T/space2" "$T/standby/pg_tblspc/${link##*/}"
done
[ "$(id -u)" -ne 0 ] || chown -h postgres "$T/space2" "$T"/standby/pg_tblspc/*
pg_start "$T/db"
pg_start "$T/standby"
q "$T/db" "insert into t select i, 'more' from generate_series(1, 100) i" checkpoint
flushed=$(q "$T/db" "select pg_current_wal_flush_lsn()")
caught_up()
{
	[ "$(q "$T/standby" "select pg_last_wal_replay_lsn() >= '$flushed'")" = t ]
}
ok "a standby follows" wait_until 20 caught_up
q "$T/standby" checkpoint
"$fileprobe" control "$T/standby" >"$T/control"
is "its minimum to recover to" "$(probe min_recovery min_recovery_timeline)" \
    "$(q "$T/standby" "select min_recovery_end_lsn || ' ' || min_recovery_end_timeline
	from pg_control_recovery()")"
unlike "which is one" "$(probe min_recovery)" '^0/0$'
is "the state: in archive recovery" "$(probe state)" 5
pg_stop "$T/standby"
"$fileprobe" control "$T/standby" >"$T/control"
is "the state: shut down in recovery" "$(probe state)" 2

# ---- pages ----

q "$T/db" "create extension if not exists pageinspect" checkpoint
file=$(q "$T/db" "select pg_relation_filepath('t')")
is "a page's checksum is what the server computes" \
    "$(q "$T/db" "select count(*) from generate_series(0, 9) b, get_raw_page('t', b) p
        where page_checksum(p, b) <> (page_header(p)).checksum")" 0
files=$(q "$T/db" "select count(*) from pg_class where relkind in ('r', 'i', 't', 'm', 'S')")
pg_stop "$T/db"
"$fileprobe" pages "$T/db" >"$T/pages"
like "every page of a cluster passes" "$(cat "$T/pages")" '^files [0-9]+ good [0-9]+ bad 0$'
read -r _ n _ good _ <"$T/pages"
ok "they are looked for in all relations ($n files)" test "$n" -gt "$files"
ok "also in tablespaces" test "$good" -gt \
    "$(find "$T/db/base" "$T/db/global" -type f -printf '%s\n' |
	awk '{ s += $1 } END { print int(s / 8192) }')"
if pg_has_tools; then
	# Linked by an absolute path that holds there too.
	is "as many as pg_checksums sees" "$n $good" \
	    "$(pg_tool "$PGVERSION" pg_checksums --check -D "$T/db" |
		sed -n 's/^Files scanned: *//p; s/^Blocks scanned: *//p' | xargs)"
fi
perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1;
    seek F, $ARGV[1], 0; print F chr(ord($b) ^ 1)' "$T/db/$file" $((3 * 8192 + 5000))
is "one flipped bit is found" "$("$fileprobe" pages "$T/db" | sed '$d')" "bad $file block 3"
mv "$T/db/$file" "$T/db/$file.1"
like "so is a file in another's place" "$("$fileprobe" pages "$T/db")" "^bad $file.1 block 131072\$"

done_testing
