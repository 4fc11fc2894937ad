# Base backups of a real server: complete, byte for byte, startable; and what may go wrong.
# matrix
. "$(dirname "$0")/../lib.sh"

P=$B/pgprobe

pg_init "$T/db"
pg_conf "$T/db" "wal_keep_size = 512MB" "autovacuum = off"
pg_start "$T/db"
C=$(pg_url "$T/db")
mkdir "$T/ts1" "$T/ts2"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/ts1" "$T/ts2"
q "$T/db" "create tablespace one location '$T/ts1'" "create tablespace two location '$T/ts2'" \
    "create table t as select g, repeat('x', 500) as f from generate_series(1, 60000) g" \
    "create table u tablespace one as select * from t limit 5000" \
    "create table empty (a int) tablespace two"
one=$(q "$T/db" "select oid from pg_tablespace where spcname = 'one'")
two=$(q "$T/db" "select oid from pg_tablespace where spcname = 'two'")

# Files of every length that matters to tar and to messages, and with names that JSON minds.
for n in 0 1 511 512 513 8192 32767 32768 32769 65536 1000000; do
	head -c "$n" /dev/urandom >"$T/db/extra-$n"
done
echo a >"$T/db/$(printf 'with space \303\244 \377')"
echo b >"$T/db/$(printf '%099d' 0)"
[ "$(id -u)" -ne 0 ] || chown -R postgres: "$T/db"

# ---- a whole backup ----

q "$T/db" checkpoint
mkdir "$T/bk"
ok "a backup succeeds" "$P" backup "$C" fast "dir=$T/bk" "label=it's
START WAL LOCATION: 9/9" list
cp "$T/out" "$T/list"
is "its label stays one line" "$(grep -c '^START WAL LOCATION' "$T/bk/backup_label")" 1
like "with its quote" "$(cat "$T/bk/backup_label")" "^LABEL: it's START WAL LOCATION: 9/9$"
like "it tells both tablespaces" "$(cat "$T/list")" "^tablespace $one $T/ts1$"
like "and links to them" "$(cat "$T/list")" "^L pg_tblspc/$two $T/ts2$"
is "the manifest comes last" "$(grep -a '^[FDL] ' "$T/list" | tail -n 1 | sed 's/.* //')" backup_manifest
is "pg_control before it" "$(grep -a '^F ' "$T/list" | tail -n 2 | head -n 1 | sed 's/.* //')" global/pg_control
start=$(sed -n 's/^start \(.*\) 1$/\1/p' "$T/list")
stop=$(sed -n 's/^stop \(.*\) 1$/\1/p' "$T/list")
like "the label names the start that was told" "$(cat "$T/bk/backup_label")" "^START WAL LOCATION: $start "
is "no page is broken" "$(grep -a ^broken "$T/list")" "broken 0 "
# What must not change while nobody writes.
ok "base is the server's own" diff -r -x pg_internal.init -x 'pgsql_tmp*' "$T/db/base" "$T/bk/base"
ok "and so are the tablespaces" eval "diff -r '$T/ts1' '$T/bk/pg_tblspc/$one' && diff -r '$T/ts2' '$T/bk/pg_tblspc/$two'"
for f in "$T"/db/extra-* "$T"/db/with* "$T"/db/0*; do
	cmp -s "$f" "$T/bk/${f##*/}" || diag "${f##*/} differs"
done 2>"$T/cmp"
is "files of all lengths and names are the same" "$(cat "$T/cmp")" ""
ok "rights are kept" [ "$(stat -c %a "$T/bk/PG_VERSION" "$T/bk/base" | tr '\n' ' ')" = "600 700 " ]
like "the estimate is about what came" "$(awk '/^estimate/ { print ($4 / $2 > 0.9 && $4 / $2 < 1.1) }' "$T/list")" 1

# Every file with its size: the server's own list against what we wrote.
cat >"$T/sizes.pl" <<'END'
use JSON::PP;
local $/;
my $m = decode_json(<STDIN>);
for (@{$m->{Files}}) {
	my $p = defined $_->{'Encoded-Path'} ? pack('H*', $_->{'Encoded-Path'}) : $_->{Path};
	utf8::encode($p) if utf8::is_utf8($p);
	print "$_->{Size} $p\n";
}
END
perl "$T/sizes.pl" <"$T/bk/backup_manifest" | LC_ALL=C sort >"$T/told"
(cd "$T/bk" && find . -type f ! -name backup_manifest -printf '%s %P\n') | LC_ALL=C sort >"$T/written"
ok "the manifest's files are exactly those written" cmp "$T/told" "$T/written"
if [ "$PGVERSION" -eq 15 ]; then
	ok "pg_verifybackup agrees" pg_verifybackup -n "$T/bk"
fi

# ---- with its WAL it starts ----

# adopt DIR: a restored copy as a cluster of the laboratory, beside the first one.
adopt()
{
	local d
	for d in "$1"/pg_tblspc/*; do	# the server wants links there
		mv "$d" "$1.$(basename "$d")"
		ln -s "$1.$(basename "$d")" "$d"
	done
	mkdir "$1.lab"
	echo "$PGVERSION" >"$1.lab/version"
	free_port >"$1.lab/port"
	chmod 700 "$1"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$1" "$1".*
	pg_conf "$1" "port = $(cat "$1.lab/port")" "unix_socket_directories = '$1.lab'"
}

segment=${start%/*}/$(printf '%X' $((0x${start#*/} & 0xff000000)))
ok "its WAL can be streamed" "$P" stream "$C" - 1 "$segment" "dir=$T/bk/pg_wal" "until=$stop"
q "$T/db" "delete from t" "drop table u"
adopt "$T/bk"
pg_start "$T/bk"
is "the copy starts with all that was there" \
    "$(q "$T/bk" "select count(*), sum(g) from t" "select count(*) from u" "select count(*) from empty")" \
    "60000|1800030000
5000
0"
q "$T/bk" "create extension amcheck" "select bt_index_check(indexrelid) from pg_index, pg_class
    where pg_class.oid = indexrelid and relam = 403 and relpersistence = 'p'" >"$T/amcheck"
ok "and its indexes are sound" [ "$(wc -l <"$T/amcheck")" -gt 50 ]
pg_stop "$T/bk"

# ---- rate, stop, failures ----

fails_with 64 'a rate of 31 kB/s' "$P" backup "$C" rate=31
fails_with 64 'a rate of 1048577 kB/s' "$P" backup "$C" rate=1048577
ok "a rate can be set" "$P" backup "$C" fast rate=20480
is "and is kept" "$(awk '/^estimate/ { s = $4 / 20480 / 1024 } /^files/ { print ($6 / 1000 > 0.8 * s) }' "$T/out")" 1
fails_with 74 'base: the sink fails' "$P" backup "$C" fast fail=base

# phase WORD: a backup of ours is there.
phase() { q "$T/db" "select phase from pg_stat_progress_basebackup" | grep -q "$1"; }
ended() { wait_until 2 gone "$1"; }

q "$T/db" "create table dirty as select g, repeat('y', 300) as f from generate_series(1, 60000) g"
spawn waiting "$P" backup "$C"
wait_until 20 phase 'checkpoint'
kill "$PID"
ok "a stop is heard while the checkpoint takes its time" ended "$PID"
status_is "and has its own status" 71 wait "$PID"
is "and its line" "$(cat "$T/waiting.err")" "pgprobe: server $T/db.lab:$(cat "$T/db.lab/port"): stopped"

# (The server itself goes on waiting for its checkpoint.)
slow()
{
	wait_until 20 eval '! phase streaming'
	spawn slow "$P" backup "$C" fast rate=500
	wait_until 20 phase streaming
}
slow
kill "$PID"
ok "a stop is heard while files come" ended "$PID"
status_is "with the same status" 71 wait "$PID"
slow
q "$T/db" "select pg_terminate_backend(pid) from pg_stat_progress_basebackup" >"$T/terminated"
status_is "a backup that the server ends fails" 69 wait "$PID"
like "in the server's words" "$(cat "$T/slow.err")" 'BASE_BACKUP: terminating connection due to administrator command$'
slow
pg_kill9 "$T/db"
status_is "a server that dies ends the backup" 69 wait "$PID"
like "with one clear line" "$(cat "$T/slow.err")" '^pgprobe: server .*: (receive: server closed the connection|BASE_BACKUP: terminating connection)'
told_once "and only one" "$T/slow.err"
pg_start "$T/db"

# ---- broken pages ----

q "$T/db" "create table broken as select g, repeat('z', 500) as f from generate_series(1, 20000) g" checkpoint
path=$(q "$T/db" "select pg_relation_filepath('broken')")
pg_stop "$T/db"
for block in 7 300; do
	printf 'mould' | dd of="$T/db/$path" bs=1 seek=$((block * 8192 + 4000)) conv=notrunc status=none
done
pg_start "$T/db"
mkdir "$T/mouldy"
ok "broken pages do not end a backup" "$P" backup "$C" fast "dir=$T/mouldy"
cp "$T/out" "$T/list"
like "but are told" "$(grep ^broken "$T/list")" '^broken 1 checksum verification failure during base backup: '
like "with file and block" "$(grep ^broken "$T/list")" "$path\", block 7:.*block 300:"
ok "the rest is there" cmp "$T/db/$path" "$T/mouldy/$path"
ok "with its manifest" test -s "$T/mouldy/backup_manifest"
like "and a stop position" "$(cat "$T/list")" '^stop [0-9A-F]+/[0-9A-F]+ 1$'

# ---- a tablespace whose link does not fit into a tar header ----

long=$T/$(printf '%0100d' 0)
mkdir "$long"
[ "$(id -u)" -ne 0 ] || chown postgres: "$long"
q "$T/db" "create tablespace long location '$long'"
fails_with 78 "its location has ${#long} bytes, the server can back up at most 99" "$P" backup "$C" fast
done_testing
