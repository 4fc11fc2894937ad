# The WAL scanner against the servers' own readers of WAL: the same records, to the byte.
# matrix
. "$(dirname "$0")/../lib.sh"

MIB=1048576

# One line a record, as fileprobe prints it, from LSN|END|XID|TYPE|DESCRIPTION.
cat >"$T/oracle.pl" <<'PERL'
use strict;
my %kind = ('COMMIT' => 'commit', 'COMMIT_PREPARED' => 'commit-prepared', 'ABORT' => 'abort',
    'ABORT_PREPARED' => 'abort-prepared', 'PREPARE' => 'prepare-prepared',
    'RESTORE_POINT' => 'point', 'CHECKPOINT_ONLINE' => 'checkpoint',
    'CHECKPOINT_SHUTDOWN' => 'checkpoint', 'PARAMETER_CHANGE' => 'parameters',
    'END_OF_RECOVERY' => 'recovered');
sub lsn { sprintf '%X/%X', map { hex } split m{/}, $_[0] }
while (<STDIN>) {
	chomp;
	my ($start, $end, $xid, $type, $desc) = split /\|/, $_, 5;
	my $kind = $kind{$type} or next;
	my ($time, $rels, $name) = ('-', 0, '');
	$time = "$1T$2." . substr(($3 // '') . '000000', 0, 6) . 'Z'
	    if $desc =~ /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?(?: UTC|\+00)/ &&
	    $type ne 'END_OF_RECOVERY';
	$xid = 0 if $kind !~ /^(?:commit|abort|prepare)/;
	$xid = $1 if $type =~ /^(?:COMMIT|ABORT)_PREPARED/ && $desc =~ /^(\d+): /;
	$rels = () = $1 =~ m{/\d+(?= |$)}g if $desc =~ /rels: ([^;]*)/;
	$name = $1 if $type eq 'PREPARE' && $desc =~ /^gid (.*?): \d{4}-/;
	$name = $desc if $type eq 'RESTORE_POINT';
	$name = join ' ', $desc =~ /=(\d+)/g if $type eq 'PARAMETER_CHANGE';
	$name = join ' ', (split ' ', $name)[0..4] if $type eq 'PARAMETER_CHANGE';
	$end = $end eq '-' ? '-' : lsn($end);
	print "$kind ", lsn($start), " $end xid=$xid time=$time rels=$rels name=$name\n";
}
PERL

# What the oracles do not tell: a restore point's time, the name in a commit prepared.
plain()
{
	sed -E '/^end /d; s/^(point .*time=)[^ ]*/\1-/; s/^((commit|abort)-prepared .*name=).*/\1/'
}
without_end()
{
	sed -E 's/^([^ ]+ [^ ]+) [^ ]+/\1 -/'
}

# The newest file of each segment, in order, from the segment that holds LSN on.
wal_files()
{
	local db=$1 name=$2
	find "$db/pg_wal" -maxdepth 1 -regex '.*/[0-9A-F]+' -printf '%f\n' |
	    awk -v from="${name:8}" 'length == 24 && substr($0, 9) >= from { print substr($0, 9), $0 }' |
	    sort | awk '$1 != seg && f { print f } { seg = $1; f = $2 } END { print f }' |
	    sed "s|^|$db/pg_wal/|"
}

# scan DB LSN [CHUNK]: from LSN to the end
scan()
{
	local db=$1 lsn=$2 size name
	size=$(cat "$db.lab/segsize")
	name=$(printf '00000001%08X%08X' "0x${lsn%/*}" $((0x${lsn#*/} / size)))
	# shellcheck disable=SC2046
	"$B/fileprobe" scan "$lsn" "$size" 0 "${3:-$MIB}" $(wal_files "$db" "$name")
}

with_walinspect()
{
	[ "$PGVERSION" -ge 15 ]
}

# oracle DB FROM TO: what pg_walinspect says
oracle()
{
	q "$1" "set timezone = 'UTC'" "select start_lsn, end_lsn, xid, record_type, description
	    from pg_get_wal_records_info('$2', '$3')
	    where resource_manager in ('XLOG', 'Transaction') order by start_lsn" |
	    perl "$T/oracle.pl"
}

# waldump DB FROM: what pg_waldump says, which knows no end of a record
waldump()
{
	local rmgr='^rmgr: (XLOG|Transaction) .*' rest='.*desc: ([A-Z_]+) ?(.*)$'
	(TZ=UTC pg_tool "$PGVERSION" pg_waldump -p "$1/pg_wal" -s "$2" 2>/dev/null || true) |
	    sed -nE "s/${rmgr}tx: +([0-9]+), lsn: ([^,]*), $rest/\3|-|\2|\4|\5/p" |
	    perl "$T/oracle.pl"
}

# Where the log begins that nothing has removed: initdb's own is recycled in part.
first_segment()
{
	cat "$1.lab/first"
}

same()
{
	local name=$1
	if cmp -s "$2" "$3"; then
		ok "$name ($(wc -l <"$2") records)" test -s "$2"
	else
		ok "$name" diff "$2" "$3"
	fi
}

# All kinds of transactions, with records over pages and segments.
workload()
{
	local db=$1 i big
	q "$db" "create table t(a int, b text)" "insert into t values (1, 'a')"
	q "$db" "begin" "insert into t values (2, 'b')" "rollback" \
	    "begin" "savepoint s" "insert into t values (3, 'c')" "rollback to s" \
	    "savepoint s2" "insert into t values (4, 'd')" "release s2" "commit"
	q "$db" "select pg_create_restore_point('before it')" \
	    "select pg_create_restore_point(repeat('x', 63))" >/dev/null
	q "$db" "do \$\$ begin for i in 1..300 loop begin
	    insert into t values (i, 'sub'); exception when others then null; end; end loop; end \$\$"
	q "$db" "begin" "insert into t values (5, 'e')" "prepare transaction 'two'" \
	    "begin" "insert into t values (6, 'f')" "prepare transaction '$(printf 'g%.0s' {1..199})'" \
	    "begin" "create table p(a int)" "savepoint s" "insert into p values (1)" \
	    "prepare transaction 'with: a \"name\"'"
	q "$db" "rollback prepared 'two'" "commit prepared 'with: a \"name\"'" \
	    "commit prepared '$(printf 'g%.0s' {1..199})'"
	# With relations and statistics to drop: all the lists that a record can have.
	q "$db" "create table v(a int primary key)" "begin" "savepoint s" "drop table v" \
	    "prepare transaction 'drop'" "begin" "create table w(a int)" \
	    "prepare transaction 'create'" "commit prepared 'drop'" "rollback prepared 'create'"
	q "$db" "create table u(a int primary key)" "insert into u select generate_series(1, 5000)"
	q "$db" "begin" "truncate t, u" "drop table p" "create index on t(a)" "commit"
	q "$db" "select pg_switch_wal()" >/dev/null
	q "$db" "select pg_switch_wal()" >/dev/null	# nothing to switch
	q "$db" "begin" "truncate t" "rollback"
	q "$db" "select pg_current_wal_insert_lsn()" >"$db.lab/big"
	# One record larger than a segment, and one that ends near the end of a page.
	for big in $((3 * MIB + 100)) 8000 8100 8120 8130 8136 8144 8150; do
		q "$db" "select pg_logical_emit_message(true, 'big', repeat('z', $big))" >/dev/null
	done
	q "$db" "do \$\$ begin for i in 1..400 loop
	    execute format('create table d%s(a int, b text)', i); end loop; end \$\$"
	q "$db" "do \$\$ begin for i in 1..400 loop
	    execute format('drop table d%s', i); end loop; end \$\$"
	q "$db" "checkpoint" "insert into t select i, 'x' from generate_series(1, 20000) i"
	[ "$(cat "$db.lab/segsize")" -le $((16 * MIB)) ] || return 0	# 64 MB each
	for i in 1 2 3 4 5 6 7 8; do
		q "$db" "insert into t values ($i, 'one of many')" "select pg_switch_wal()" >/dev/null
	done
}

cluster()
{
	local db=$1 size=$2 name
	pg_init "$db" --wal-segsize="$size"
	echo $((size * MIB)) >"$db.lab/segsize"
	pg_conf "$db" "max_prepared_transactions = 10" "track_commit_timestamp = on" \
	    "wal_keep_size = 8GB" "max_wal_size = 8GB" "autovacuum = off" "hot_standby = on" \
	    "max_locks_per_transaction = 100" "wal_level = $3"
	pg_start "$db"
	name=$(q "$db" "select pg_walfile_name(pg_current_wal_insert_lsn())")
	printf '0/%X\n' $((0x${name:16} * size * MIB)) >"$db.lab/first"
	q "$db" "select txid_current()" >"$db.lab/xid"
	! with_walinspect || q "$db" "create extension pg_walinspect"
}

# compare DB NAME: the whole log against every oracle that this version has
compare()
{
	local db=$1 name=$2 first end xid
	first=$(first_segment "$db")
	xid=$(cat "$db.lab/xid")
	q "$db" "insert into t values (0, 'the last one')"
	end=$(q "$db" "select pg_current_wal_flush_lsn()")
	scan "$db" "$first" >"$T/all"
	plain <"$T/all" >"$T/got"
	like "$name: read to the end" "$(tail -n 1 "$T/all")" "^end $end .* zeros at $end$"
	if with_walinspect; then
		oracle "$db" "$first" "$end" >"$T/want"
		same "$name: the records are pg_walinspect's" "$T/got" "$T/want"
	fi
	# All commits and their times, by the server's own notes; those of subtransactions
	# have their parent's time.  The first xids are initdb's, which kept no notes.
	sed -nE 's/^commit[^ ]* .* xid=([0-9]+) time=([^ ]+) .*/\1 \2/p' "$T/all" |
	    awk -v xid="$xid" '$1 >= xid' | sort -k 2 >"$T/commits"
	q "$db" "set timezone = 'UTC'" "select x || ' ' || to_char(pg_xact_commit_timestamp(x::text::xid),
	    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
	    from generate_series($xid, $(sort -n "$T/commits" | sed -n '$s/ .*//p')) x" | grep . >"$T/notes"
	is "$name: no commit without its note" "$(sort "$T/commits" | comm -23 - <(sort "$T/notes"))" ""
	cut -d' ' -f2 "$T/commits" >"$T/got"
	cut -d' ' -f2 "$T/notes" | sort -u >"$T/want"
	same "$name: no note without its commit" "$T/got" "$T/want"
}

# ---- each size of segment ----

for size in 1 16 64; do
	db=$T/db$size
	level=replica
	[ "$size" -ne 1 ] || level=logical
	cluster "$db" "$size" "$level"
	workload "$db"
	compare "$db" "$size MB"
	pg_stop "$db"
	if pg_has_tools; then
		waldump "$db" "$(first_segment "$db")" | plain >"$T/want"
		scan "$db" "$(first_segment "$db")" | plain | without_end >"$T/got"
		same "$size MB: the records are pg_waldump's" "$T/got" "$T/want"
	fi
	[ "$size" -ne 64 ] || rm -rf "$db"
done

# ---- what no oracle tells ----

db=$T/db1
first=$(first_segment "$db")
size=$(cat "$db.lab/segsize")
scan "$db" "$first" >"$T/all"
is "what did not commit, and what was prepared" \
    "$(cut -d' ' -f1 "$T/all" | grep -v '^commit$\|^checkpoint\|^end' | sort | uniq -c | xargs)" \
    "3 abort 2 abort-prepared 3 commit-prepared 1 parameters 2 point 5 prepare-prepared"
like "a restore point has its time" "$(grep '^point' "$T/all")" \
    "time=$(date -u +%Y-%m-).*name=before it$"
is "a commit of a prepared transaction has its name where the log is logical" \
    "$(sed -n 's/^commit-prepared .*name=//p' "$T/all" | head -n 1)" 'with: a "name"'
like "400 tables, with their toast tables and indexes" "$(grep '^commit' "$T/all")" ' rels=1200 '

# ---- any cut, any beginning ----

for chunk in 24 1000 8191 8200; do
	ok "fed in pieces of $chunk bytes" cmp -s "$T/all" <(scan "$db" "$first" "$chunk")
done
n=0
for lsn in $(awk 'NR % 40 == 0 && $1 != "end" { print $2 }' "$T/all"); do
	! scan "$db" "$lsn" | sed '$d' |
	    cmp -s - <(sed -n "\\| $lsn |,\$p" "$T/all" | sed '$d') || n=$((n + 1))
done
is "from any record on" "$n" "$(awk 'NR % 40 == 0 && $1 != "end"' "$T/all" | wc -l)"
# 3 MB of one record: segments in which none starts.
at=$(printf '0/%X' $(((0x$(cut -d/ -f2 "$db.lab/big") / size + 2) * size)))
like "from the middle of a record on" "$(scan "$db" "$at" | tail -n 1)" \
    "^end $(awk '/^end/ { print $2 }' "$T/all") "

# ---- where valid WAL ends ----

name1=$(printf '0000000100000000%08X' $((0x${first#*/} / size)))
second=$(printf '0/%X' $((0x${first#*/} + size)))
mkdir "$T/broken"
damage()	# copies of two segments, to be damaged
{
	cp "$(wal_files "$db" "$name1" | sed -n 1p)" "$T/broken/1"
	cp "$(wal_files "$db" "$name1" | sed -n 2p)" "$T/broken/2"
}
broken()
{
	"$B/fileprobe" scan "$first" "$size" "${1:-0}" 65536 "$T/broken/1" "$T/broken/2" | tail -n 1
}
flip()	# FILE OFFSET: add 1 to a byte
{
	perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1;
	    seek F, $ARGV[1], 0; print F chr((ord($b) + 1) % 256)' "$1" "$2"
}
damage
unlike "sound segments are read to their end" "$(broken)" ' (zeros|page|record) '
read -r _ at _ < <(awk -v s="$second" \
    '$1 == "commit" && length($2) == length(s) && $2 < s' "$T/all" | tail -n 1)
flip "$T/broken/1" $((0x${at#*/} - 0x${first#*/} + 30))
is "a flipped byte in a record ends it" "$(broken | sed 's/ records=[0-9]*//')" \
    "end $at record at $at: wrong CRC"
damage
flip "$T/broken/1" $((0x${at#*/} - 0x${first#*/} + 9))
like "a record that does not follow the one before" "$(broken)" "record at $at: previous record at "
damage
cp "$T/broken/1" "$T/broken/2"
like "a recycled segment" "$(broken)" " page at $second: page address $first\$"
damage
like "another server's segment" "$(broken 4711)" \
    "^end $first .* page at $first: system id [0-9]+, not 4711\$"
damage
flip "$T/broken/1" 8192
like "another version's page" "$(broken)" \
    ' page at [0-9A-F]+/[0-9A-F]+2000: magic [0-9A-F]+ is not WAL of the same server$'
damage
dd if=/dev/zero of="$T/broken/2" bs="$size" count=1 conv=notrunc status=none
like "nothing yet" "$(broken)" " zeros at $second\$"

# ---- a record that was begun, lost and overwritten ----

pg_start "$db"
q "$db" "select pg_switch_wal()" >/dev/null
q "$db" "insert into t values (7, 'kept')" checkpoint \
    "select pg_logical_emit_message(false, 'lost', repeat('y', $((size + 1000))))" >/dev/null
q "$db" "insert into t values (8, 'lost')"
last=$(q "$db" "select pg_walfile_name(pg_current_wal_flush_lsn())")
pg_kill9 "$db"
rm "$db/pg_wal/$last"
pg_start "$db"
q "$db" "insert into t values (9, 'after it')"
compare "$db" "overwritten"
is "the server did mark the page" "$(($(od -An -tu2 -j2 -N2 "$db/pg_wal/$last") & 8))" 8

# ---- the next timeline ----

pg_stop "$db"
as_pg touch "$db/standby.signal"
pg_conf "$db" "max_connections = 120" "recovery_target_timeline = latest"
pg_start "$db"
is "it was promoted" "$(q "$db" "select pg_promote()")" t
q "$db" "insert into t values (10, 'on timeline 2')"
end=$(q "$db" "select pg_current_wal_flush_lsn()")
scan "$db" "$first" >"$T/all"
like "timelines follow each other" "$(tail -n 1 "$T/all")" "^end $end .* zeros at $end$"
like "where the new one begins" "$(cat "$T/all")" '^recovered '
if with_walinspect; then
	from=$(q "$db" "select pg_walfile_name(pg_current_wal_lsn())")
	from=$(printf '0/%X' $((0x${from:16} * size)))
	scan "$db" "$from" | plain >"$T/got"
	oracle "$db" "$from" "$end" >"$T/want"
	same "as pg_walinspect reads it" "$T/got" "$T/want"
fi
pg_stop "$db"
pg_start "$db"
scan "$db" "$first" >"$T/all"
like "changed parameters" "$(cat "$T/all")" '^parameters .* name=120 8 10 10 100$'

done_testing
