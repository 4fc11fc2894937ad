# Bad input, tool by tool: one clear line, the exit status that the manual promises, and
# nothing lost.  Damage is taken back, and at the end all is as good as before.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

DB=$T/db COPY=$T/copy KEY=$T/keys/dba.key
new_repo "$T/other"
enrol shop
mkdir "$T/foreign"
mv "$T/shop.source" "$T/foreign"
new_repo "$T/repo"
enrol shop
strongbox keygen restore "$T/keys/stranger.key" >/dev/null
pg_init "$DB" --wal-segsize=1
pg_conf "$DB" 'autovacuum = off' 'fsync = off'
pg_start "$DB"
C=$(pg_url "$DB")
q "$DB" 'create table t as select generate_series(1, 1000) as n' 'create role app login'
SHIP=(logship --once -q -r "$REPO" -s "$T/shop.source")
SNAP=(snapshot -q --fast -r "$REPO" -s "$T/shop.source")

ok "the log begins" "${SHIP[@]}" "$C"
ok "a snapshot" "${SNAP[@]}" "$C"
ID=$(cat "$T/out")
q "$DB" 'insert into t select 7 from generate_series(1, 30000)'
ok "and more of the log" "${SHIP[@]}" "$C"
ok "a copy" restore -q -k "$KEY" -r "$REPO" "$ID" "$COPY"
BACK=(restore -q -k "$KEY" -r "$REPO" "$ID" -o -)
PLAN=(pitr-replay -q -k "$KEY" --plan "$COPY")
ok "which can be replayed" "${PLAN[@]}"

# ---- keys, sources, rights, places

fails_with 77 'another repository' logship --once -q -r "$REPO" -s "$T/foreign/shop.source" "$C"
fails_with 66 'none.source: .*No such file' logship --once -q -r "$REPO" -s "$T/none.source" "$C"
fails_with 66 'there is none' logship --once -q -r "$T/none" -s "$T/shop.source" "$C"
fails_with 77 'replication|WAL sender|walsender' "${SHIP[@]}" "$C user=app"
fails_with 69 'connect: ' "${SHIP[@]}" "host=$T/nowhere port=1"
fails_with 77 'stranger' restore -q -k "$T/keys/stranger.key" -r "$REPO" "$T/x"
fails_with 77 'stranger' pitr-replay -q -k "$T/keys/stranger.key" --plan "$COPY"
ok "a wrong key made no target" test ! -e "$T/x"
fails_with 77 'not empty' restore -q -k "$KEY" -r "$REPO" "$COPY"
fails_with 66 'shop2' restore -q -k "$KEY" -r "$REPO" -n shop2 "$T/x"
: >"$T/file"
for tool in SHIP SNAP; do
	declare -n cmd=$tool
	fails_with 77 'state folder: .*Not a directory' "${cmd[@]}" --state "$T/file/state" "$C"
done

# ---- a server that is too old

cat >"$T/old.pl" <<'END'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 5) or die;
while (my $c = $s->accept) {
	while (sysread $c, my $in, 8192) {
		if ($in =~ /\x04\xd2\x16\x2f$/) { syswrite $c, 'N'; next }	# TLS? no
		syswrite $c, "R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0013.9\0Z\0\0\0\x05I";
	}
}
END
PORT=$(free_port)
spawn old perl "$T/old.pl" "$PORT"
wait_until 10 eval "(: <>/dev/tcp/127.0.0.1/$PORT)"
for tool in SHIP SNAP; do
	declare -n cmd=$tool
	fails_with 78 'PostgreSQL 13 is not supported' "${cmd[@]}" "host=127.0.0.1 port=$PORT"
done

# ---- a second writer, a cut connection

spawn slow "${SNAP[@]}" --max-rate 500 "$C"
SLOW=$PID
sending() { [ "$(q "$DB" "select count(*) from pg_stat_progress_basebackup where backup_streamed > 0")" = 1 ]; }
ok "a snapshot is running" wait_until 30 sending
fails_with 75 'snapshot.lock: locked by process|another snapshot' "${SNAP[@]}" "$C"
q "$DB" "select pg_terminate_backend(pid) from pg_stat_progress_basebackup" >/dev/null
status_is "a cut connection ends it" 69 wait "$SLOW"
like "in one line" "$(cat "$T/slow.err")" '^snapshot: source shop: .*terminat'
told_once "and nothing more" "$T/slow.err"
ok "the next one succeeds" "${SNAP[@]}" "$C"

following() { [ "$(q "$DB" "select count(*) from pg_stat_replication where application_name = 'bulkhead' and state = 'streaming'")" = 1 ]; }
spawn ship logship -q -r "$REPO" -s "$T/shop.source" "$C"
FOLLOW=$PID
ok "logship follows" wait_until 30 following
fails_with 75 'log.lock: locked by process|another log' "${SHIP[@]}" "$C"
OLD=$(q "$DB" "select pid from pg_stat_replication")
q "$DB" "select pg_terminate_backend($OLD)" >/dev/null
again() { following && [ "$(q "$DB" "select pid from pg_stat_replication")" != "$OLD" ]; }
ok "it comes back after its connection was cut" wait_until 30 again
pg_kill9 "$DB"
pg_start "$DB"
ok "and after the server was killed" wait_until 60 following
kill "$FOLLOW"
status_is "and ends in good order" 0 wait "$FOLLOW"

# ---- damage: {what, file, how} and who finds it

first() { find "$REPO/$1" -type f -name "$2" | sort | head -n 1; }
flip() { perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F chr(ord($b) ^ 1)' "$1" "$2"; }
# damaged WHAT FILE HOW STATUS REGEX CMD...: CMD passes, and fails with the damage.
damaged()
{
	local what=$1 file=$2 how=$3 size
	shift 3
	run "${@:3}"
	is "$what intact: passes" "$STATUS" 0
	size=$(stat -c %s "$file")
	cp -p "$file" "$T/intact"
	chmod u+w "$file"
	case $how in
	flip) flip "$file" $((size / 2)) ;;
	cut) truncate -s $((size / 2)) "$file" ;;
	esac
	echo "# $what, $how"
	fails_with "$@"
	rm -f "$file"
	cp -p "$T/intact" "$file"
}
MANIFEST=$REPO/snapshots/shop/$ID
PACK=$(head -n 1 "$MANIFEST.packs")
PACK=$REPO/packs/shop/${PACK:0:2}/$PACK
LOG=$(find "$REPO/logs/shop" -type f -size +100k | sort | head -n 1)
for how in flip cut; do
	damaged "a pack" "$PACK" $how 65 'pack' "${BACK[@]}"
	damaged "the manifest" "$MANIFEST" $how 65 'manifest' "${BACK[@]}"
	damaged "the pack list" "$MANIFEST.packs" $how 65 'pack list' "${BACK[@]}"
	damaged "a log" "$LOG" $how 65 'log|hole' "${PLAN[@]}"
done
for tool in BACK PLAN SHIP SNAP; do
	declare -n cmd=$tool
	server=()
	case $tool in SHIP | SNAP) server=("$C") ;; esac
	damaged "the journal, for $tool" "$REPO/journal" flip 65 'journal' "${cmd[@]}" "${server[@]}"
done

# A journal that got shorter, by whole lines, as a restored copy of it would.
cp -p "$REPO/journal" "$T/intact"
sed -i '$d' "$REPO/journal"
for tool in BACK PLAN SHIP SNAP; do
	declare -n cmd=$tool
	server=()
	case $tool in SHIP | SNAP) server=("$C") ;; esac
	fails_with 65 'journal: shorter' "${cmd[@]}" "${server[@]}"
done
cp -p "$T/intact" "$REPO/journal"

# ---- targets outside of the window

fails_with 77 'before' "${PLAN[@]}" --before 2001-01-01T00:00:00Z
status_is "a time after the end is not reached" 1 "${PLAN[@]}" --to 2100-01-01T00:00:00Z
status_is "nor is an LSN behind it" 1 "${PLAN[@]}" --to F/0

ok "after all that the log goes on" "${SHIP[@]}" "$C"
ok "and the repository verifies" verify -q --read-data -r "$REPO"
done_testing
