# restore: what was taken comes back, checked; nothing else is touched; nothing starts by accident.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "shared_preload_libraries = ''"
pg_start "$T/db"
new_repo "$T/repo"
enrol shop
export BULKHEAD_REPO=$REPO BULKHEAD_SOURCE=$T/shop.source
mkdir "$T/ts1" "$T/ts2"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/ts1" "$T/ts2"
q "$T/db" "create table t as select g, repeat('t', 100) as f from generate_series(1, 20000) g" \
    "create tablespace one location '$T/ts1'" "create tablespace two location '$T/ts2'" \
    "create table u tablespace one as select * from t limit 500" \
    "create table v tablespace two as select * from t limit 700" \
    "alter system set work_mem = '7MB'" checkpoint
one=$(q "$T/db" "select oid from pg_tablespace where spcname = 'one'")
two=$(q "$T/db" "select oid from pg_tablespace where spcname = 'two'")

now() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }
lsn() { q "$T/db" "select pg_current_wal_lsn()"; }
of() { sed -n 's/^snapshot //p' "$1/bulkhead/stamp"; }

t0=$(now); l0=$(lsn)
snap "$T/db"; id1=$ID
t1=$(now); l1=$(lsn)
q "$T/db" "insert into t select 0, 'later'"
snap "$T/db"; id2=$ID
t2=$(now)

# ---- what comes back ----

run restore -k "$T/keys/dba.key" "$T/r"
is "the newest snapshot is restored" "$STATUS" 0
is "it prints where, only that" "$(cat "$T/out")" "$T/r"
like "and how to go on" "$(cat "$T/err")" "pitr-replay -k $T/keys/dba.key $T/r$"
is "it is the newest" "$(of "$T/r")" "$id2"
ok "pg_verifybackup accepts it, with its WAL" verified "$T/r"
is "folder and files are the owner's alone" \
    "$(find "$T/r" -path "$T/r/bulkhead" -prune -o ! -type l -perm /077 -print | head -n 3)" ""
if [ "$(id -u)" -eq 0 ]; then
	is "all but bulkhead/ belong to postgres" \
	    "$(find "$T/r" -path "$T/r/bulkhead" -prune -o ! -user postgres -print | head -n 3)" ""
	is "that is root's, and others only get through" "$(stat -c '%U %a' "$T/r/bulkhead")" "root 711"
	is "what lies in it is root's alone" \
	    "$(find "$T/r/bulkhead" -maxdepth 1 -type f \( ! -user root -o -perm /022 \) | head -n 3)" ""
else
	skip "all but bulkhead/ belong to postgres" "needs root"
	skip "that is root's, and others only get through" "needs root"
	skip "what lies in it is root's alone" "needs root"
fi
is "times are the server's" "$(stat -c %Y "$T/r/PG_VERSION")" "$(stat -c %Y "$T/db/PG_VERSION")"
like "the stamp says that it is complete" "$(cat "$T/r/bulkhead/stamp")" '^complete 1$'
like "and which repository" "$(cat "$T/r/bulkhead/stamp")" "^repository $REPO_ID$"
like "settings are recorded" "$(cat "$T/r/bulkhead/settings")" "^max_connections = 100$"
like "ALTER SYSTEM's are set aside" "$(cat "$T/r/bulkhead/postgresql.auto.conf.original")" "^work_mem = '7MB'$"
is "for a safe configuration" "$(head -n 1 "$T/r/postgresql.auto.conf")" "# bulkhead: safe configuration"
is "tablespaces lie inside" "$(readlink "$T/r/pg_tblspc/$one" "$T/r/pg_tblspc/$two")" \
    "$T/r/bulkhead/tablespaces/$one
$T/r/bulkhead/tablespaces/$two"

# ---- a server started by hand refuses ----

status_is "a server started by hand refuses" 1 \
    as_pg "$(pg_bin)/postgres" -D "$T/r" -p "$(free_port)" -c unix_socket_directories=
like "for want of a restore_command" "$(cat "$T/err")" 'must specify "?restore_command'
rm -f "$T/r/postmaster.opts"
ok "and has changed nothing else" verified "$T/r"

q "$T/db" "drop table u"
mv "$T/ts1" "$T/gone1"	# were the copy to look at the live tablespaces, it would fail
adopt "$T/r"
is "the data is what it was" "$(q "$T/r" "select count(*), sum(g) from t" "select count(*) from u" \
    "select count(*) from v" "show work_mem")" "20001|200010000
500
700
4MB"
ok "and sound" amcheck "$T/r"
pg_stop "$T/r"
mv "$T/gone1" "$T/ts1"

# ---- which one ----

choose() { rm -rf "$T/c"; unpack "$@" "$T/c" >/dev/null && of "$T/c"; }
is "by id" "$(choose "$id1")" "$id1"
is "by the beginning of an id" "$(choose "${id1%?????}")" "$id1"
is "before a time" "$(choose --before "$t1")" "$id1"
is "before a later time" "$(choose --before "$t2")" "$id2"
is "before a position" "$(choose --before "$l1")" "$id1"
fails_with 66 "no snapshot of shop that ended before" restore -q -k "$T/keys/dba.key" --before "$t0" "$T/no"
fails_with 66 "no snapshot of shop that ended before $l0" restore -q -k "$T/keys/dba.key" --before "$l0" "$T/no"
fails_with 66 "no snapshot 2999" restore -q -k "$T/keys/dba.key" 2999 "$T/no"
fails_with 66 "or more than one" restore -q -k "$T/keys/dba.key" 2 "$T/no"
fails_with 66 "no source else" restore -q -k "$T/keys/dba.key" -n else "$T/no"
fails_with 64 "zone" restore -q -k "$T/keys/dba.key" --before "2026-11-22 10:00:00" "$T/no"
fails_with 64 "only one of ID and --before" restore -q -k "$T/keys/dba.key" --before "$t1" "$id1" "$T/no"
fails_with 64 "where to" restore -q -k "$T/keys/dba.key"
fails_with 64 "key is needed" restore -q "$T/no"
ok "none of these made the target" [ ! -e "$T/no" ]
run restore -q --json -k "$T/keys/dba.key" "$id1" "$T/j"
like "with --json it ends with a result" "$(cat "$T/out")" \
    "^\{\"v\":1,\"type\":\"result\",\"status\":0,\"source\":\"shop\",\"id\":\"$id1\",\"target\":\"$T/j\""
run restore -q --json -k "$T/keys/dba.key" 2999 "$T/no"
like "also after a failure" "$(cat "$T/out")" '^\{"v":1,"type":"result","status":66,"error":"[^"]*no snapshot 2999'

# ---- refusals ----

mkdir "$T/full"
echo precious >"$T/full/file"
fails_with 77 "$T/full: not empty" restore -q -k "$T/keys/dba.key" "$T/full"
fails_with 77 "$T/full/file: exists, and is not a folder" restore -q -k "$T/keys/dba.key" "$T/full/file"
is "nothing was touched" "$(ls -A "$T/full"; cat "$T/full/file")" "file
precious"
strongbox keygen restore "$T/stranger.key" >/dev/null
fails_with 77 "not sealed to|no key|this key" restore -q -k "$T/stranger.key" "$T/no"
fails_with 77 "restore|approver" restore -q -k "$T/keys/a.key" "$T/no"
fails_with 77 "another repository|is not|pin" restore -q -k "$T/keys/dba.key" --pin "$(printf '%064d' 0)" "$T/no"
fails_with 64 "pin" restore -q -k "$T/keys/dba.key" --pin 123 "$T/no"
ok "none of these made the target" [ ! -e "$T/no" ]
ok "the spare key opens it too" restore -q -k "$T/keys/spare.key" "$T/spare"
rm -rf "$T/spare" "$T/c" "$T/j"

# ---- tablespaces ----

mkdir "$T/m=1"
ok "a mapped tablespace" unpack --tablespace-mapping "$T/ts1=$T/m\\=1" --tablespace-mapping="$T/ts2=$T/m2" "$T/m"
is "goes where it was told" "$(readlink "$T/m/pg_tblspc/$one" "$T/m/pg_tblspc/$two")" "$T/m=1
$T/m2"
ok "nothing of it lies inside" [ ! -e "$T/m/bulkhead/tablespaces" ]
ok "and it verifies" verified "$T/m"
adopt "$T/m"
is "and is read" "$(q "$T/m" "select count(*) from v")" 700
pg_stop "$T/m"
fails_with 64 "no tablespace at $T/none" \
    restore -q -k "$T/keys/dba.key" --tablespace-mapping "$T/none=$T/m3" "$T/no"
fails_with 64 "not an absolute path" \
    restore -q -k "$T/keys/dba.key" --tablespace-mapping "$T/ts1=m3" "$T/no"
fails_with 77 "$T/m2: not empty" \
    restore -q -k "$T/keys/dba.key" --tablespace-mapping "$T/ts1=$T/m2" "$T/no"
fails_with 64 "needs OLD=NEW" restore -q -k "$T/keys/dba.key" --tablespace-mapping "$T/ts1" "$T/no"
ok "none of these made the target" [ ! -e "$T/no" ]
rm -rf "$T/m" "$T/m=1" "$T/m2"

# ---- whose ----

if [ "$(id -u)" -eq 0 ]; then
	mkdir "$T/his"
	chown nobody "$T/his"
	unpack "$T/his" >/dev/null
	is "an owner of the target keeps it" "$(stat -c %U "$T/his" "$T/his/base" "$T/his/PG_VERSION" | sort -u)" nobody
	unpack --owner daemon:mail "$T/hers" >/dev/null
	is "--owner says another" "$(stat -c %U:%G "$T/hers" "$T/hers/base" "$T/hers/PG_VERSION" | sort -u)" daemon:mail
	fails_with 64 "no user nosuchuser" restore -q -k "$T/keys/dba.key" --owner nosuchuser "$T/no"
	rm -rf "$T/his" "$T/hers"
	small_disk "$T/disk" 40m
	fails_with 74 "No space left on device" restore -q -k "$T/keys/dba.key" "$T/disk/r"
	like "a full disk leaves it incomplete" "$(cat "$T/disk/r/bulkhead/stamp")" '^complete 0$'
	ok "without pg_control" [ ! -e "$T/disk/r/global/pg_control" ]
else
	skip "owners and a full disk" "needs root"
fi

# ---- a tar ----

restore -q -k "$T/keys/dba.key" -o - >"$T/r.tar"
mkdir "$T/tar"
ok "-o - is a tar" tar xf "$T/r.tar" -C "$T/tar"
ok "that pg_verifybackup accepts" verified "$T/tar"
unlike "names stay inside" "$(tar tf "$T/r.tar")" '^/|(^|/)\.\.(/|$)'
ok "tablespaces are folders" [ ! -L "$T/tar/pg_tblspc/$one" ]
ok "all is as it was" [ ! -e "$T/tar/bulkhead" ] && [ ! -e "$T/tar/recovery.signal" ]
rm -rf "$T/tar" "$T/r"

# ---- damage ----

# flip FILE [OFFSET]: another bit there, or in the middle.
flip()
{
	local at=${2:-$(($(stat -c %s "$1") / 2))} byte
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	chmod u+w "$1"
	printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
}
pack=$(head -n 1 "$REPO/snapshots/shop/$id2.packs")
file=$REPO/packs/shop/${pack:0:2}/$pack
manifest=$REPO/snapshots/shop/$id2
cp -p "$file" "$T/pack"
cp -p "$manifest" "$T/manifest"
mend() { cp -pf "$T/pack" "$file"; cp -pf "$T/manifest" "$manifest"; rm -rf "$T/d"; }

damaged()
{
	fails_with 65 "$1" restore -q -k "$T/keys/dba.key" "$id2" "$T/d"
	ok "$2: no server can start on it" [ ! -e "$T/d/global/pg_control" ]
	[ ! -e "$T/d" ] || like "$2: it says that it is incomplete" "$(cat "$T/d/bulkhead/stamp")" '^complete 0$'
	mend
}
flip "$file"
damaged "^restore: [a-z0-9_./]+: pack $pack: frame [0-9]+: damaged" "a flipped bit in a pack"
flip "$file" 30
damaged "pack $pack: " "a flipped bit in a pack's header"
truncate -s -1000 "$file"
damaged "pack $pack: damaged or cut off at frame" "a truncated pack"
rm -f "$file"
damaged "pack $pack: missing" "a missing pack"
flip "$manifest"
damaged "snapshot $id2: manifest: not the one that the journal signs" "a flipped bit in the manifest"
truncate -s -10 "$manifest"
damaged "snapshot $id2: manifest: not the one that the journal signs" "a truncated manifest"
flip "$manifest.packs"
fails_with 65 "pack list" restore -q -k "$T/keys/dba.key" "$id2" "$T/d"
flip "$manifest.packs"
rm -f "$manifest"
fails_with 66 "manifest: missing" restore -q -k "$T/keys/dba.key" "$id2" "$T/d"
mend
ok "an older snapshot was not in danger" unpack "$id1" "$T/older"
ok "and mended, this one restores" unpack "$id2" "$T/d"

done_testing
