#!/bin/bash
# Every example of the tools' manual pages, run as printed: only the machine's names
# (db1, /srv, the moment, the transaction) are put in the place of the reader's.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"
. "$(dirname "$0")/../manual.sh"

# ---- the reader's machines ----------------------------------------------------

new_repo "$T/vault"
enrol shop
export BULKHEAD_REPO=$REPO BULKHEAD_SOURCE=$T/shop.source BULKHEAD_PG_BIN PGSERVICEFILE
BULKHEAD_PG_BIN=$(pg_bin)
pg_init "$T/db"
# Spread checkpoints, which the examples wait for, that do not take minutes.
pg_conf "$T/db" "checkpoint_completion_target = 0"
pg_start "$T/db"
mkdir -p "$T/mnt/fast" "$T/var" "$T/bin.reader" "$T/work"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/mnt/fast"
q "$T/db" "create role backup login replication" "create table t (id int)" \
    "create tablespace fast location '$T/mnt/fast'" "create table f tablespace fast as select 1"

PORT=$(cat "$T/db.lab/port")
PGSERVICEFILE=$T/pg_service.conf
printf '[shop]\nhost=%s\nport=%s\nuser=backup\n' "$T/db.lab" "$PORT" >"$PGSERVICEFILE"
echo "echo paged >>$T/paged" >"$T/bin.reader/page-the-dba"
echo "shift; cd $T/var && exec sh -c \"\$*\"" >"$T/bin.reader/ssh"
sed -i '1i #!/bin/sh' "$T/bin.reader"/*
chmod 755 "$T/bin.reader"/*
PATH=$T/bin.reader:$PATH
cd "$T/work"
cp "$T/keys/dba.key" .

# ---- how they are run ---------------------------------------------------------

# Each example finds its own /srv; PUT are more substitutions.
RUN=0
localize()
{
	sed -e "s,/srv/vault,$REPO,g" -e "s,/srv/,$T/srv.$RUN/,g" -e "s,/mnt/,$T/mnt/,g" \
	    -e "s,/var/lib/bulkhead/,$T/var/,g" \
	    -e "s,\"host=db1 user=backup\",\"$(pg_url "$T/db" user=backup)\",g" \
	    ${PUT[@]+"${PUT[@]}"}
}

# What differs from run to run: ids, times, positions, spans, sizes and numbers.
blur()
{
	sed -E -e "s,$T/srv\.[0-9]+|$T,/srv,g" -e 's/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}/ID/g' \
	    -e 's/[0-9-]{10}T[0-9:.]+Z/TIME/g' -e 's,[0-9A-F]+/[0-9A-F]+,LSN,g' \
	    -e 's/-?[0-9.]+ (d|h|min|s|ms)\b( [0-9]+ (h|min|s)\b)?/SPAN/g' \
	    -e 's/[0-9.]+ (bytes|[KMG]iB)\b/SIZE/g' -e 's/[0-9]+/N/g' \
	    -e 's/(source|snapshot|file)s\b/\1/g'
}

# prepare PAGE TEXT [sed expression...]: its commands, in $T/example, with a fresh /srv.
prepare()
{
	RUN=$((RUN + 1))
	mkdir "$T/srv.$RUN"
	PUT=("${@:3}")
	example "$1" "$2" | localize >"$T/example"
	[ -s "$T/example" ]	# there is such an example
	echo "$1 $2" >>"$T/ran"
}

# book PAGE TEXT [sed expression...]: it succeeds, and prints what the page says.
book()
{
	prepare "$@"
	ok "$1: $2" bash -o pipefail -e "$T/example"
	[ -z "$(answer "$1" "$2")" ] ||
	    is "... and prints that" "$(blur <"$T/out")" "$(answer "$1" "$2" | blur)"
}

# ---- logship(1) ---------------------------------------------------------------

metric()
{
	grep -q "^bulkhead_log_$1{source=\"shop\"} $2\$" "$T/var/shop.prom"
}

book logship.1 'Ship what there is'
like "... the positions, and the bytes" "$(cat "$T/out")" '^0/[0-9A-F]+ 0/[0-9A-F]+ [0-9]+$'
prepare logship.1 'Follow a server' -e 's/^/exec /'
spawn shop bash "$T/example"
LOGSHIP=$PID
ok "logship.1: Follow a server: it does" wait_until 20 metric up 1
prepare logship.1 'Make it a synchronous'
ok "logship.1: Make it a synchronous standby" psql -Xqd "$(pg_url "$T/db")" \
    -v ON_ERROR_STOP=1 -f "$T/example"
is_sync()
{
	[ "$(q "$T/db" "select sync_state from pg_stat_replication
	    where application_name = 'bulkhead'")" = sync ]
}
ok "... which it becomes" wait_until 20 is_sync
q "$T/db" "alter system reset synchronous_standby_names" "select pg_reload_conf()" >/dev/null

# ---- snapshot(1) --------------------------------------------------------------

q "$T/db" "insert into t values (1)"
standby "$T/db2" "$T/db" "hot_standby = on"
q "$T/db" checkpoint
book snapshot.1 'Gently, from a standby' \
    -e "s,host=db2,host=$T/db2.lab port=$(cat "$T/db2.lab/port"),"
like "... its id" "$(cat "$T/out")" '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$'
pg_stop "$T/db2"
book snapshot.1 'A snapshot at once'
book snapshot.1 'A copy elsewhere'
like "... is an archive there" "$(tar tf "$T/var/shop.tar")" '^global/pg_control$'

# ---- verify(1) ----------------------------------------------------------------

book verify.1 'Every ten minutes'
book verify.1 'A tenth of the packs'
book verify.1 'Before the key goes'
book verify.1 'What is wrong'
is "... nothing" "$(cat "$T/out")" ""
is "nobody was paged" "$(ls "$T/paged" 2>/dev/null)" ""

pack=$(find "$REPO/packs/shop" -type f | head -n 1)
cp "$pack" "$T/pack"
truncate -s -1 "$pack"
book verify.1 'Every ten minutes'
is "a damaged pack: paged" "$(cat "$T/paged")" paged
book verify.1 'A tenth of the packs'
is "... each night" "$(wc -l <"$T/paged")" 2
prepare verify.1 'What is wrong'
status_is "verify.1: What is wrong, then" 1 bash -o pipefail "$T/example"
like "... that pack" "$(cat "$T/out")" '^pack .*damaged or cut off at its end'
cp "$T/pack" "$pack"
book verify.1 'Before the key goes'

# ---- restore(1), pitr-replay(1) -------------------------------------------------

# rows SOCKET-FOLDER [PORT]
rows()
{
	psql -XAtq -h "$1" -p "${2:-5432}" -U postgres -d postgres \
	    -c "select string_agg(id::text, ' ' order by id) from t"
}

q "$T/db" "insert into t values (2)"
WHEN=$(q "$T/db" "select to_char(clock_timestamp() at time zone 'UTC',
    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
q "$T/db" "insert into t values (3)"
XID=$(q "$T/db" "begin; insert into t values (4); select pg_current_xact_id(); commit")
LSN=$(q "$T/db" "select pg_current_wal_insert_lsn()")
SEGMENT=$(q "$T/db" "select pg_walfile_name('$LSN')")
q "$T/db" "select pg_switch_wal()" "drop table t" >/dev/null
LAST=$(q "$T/db" "select pg_current_wal_flush_lsn()")
is_shipped()
{
	[ "$(q "$T/db" "select restart_lsn >= '$LAST' from pg_replication_slots
	    where slot_name = 'bulkhead_shop'")" = t ]
}
wait_until 20 is_shipped
kill "$LOGSHIP"
wait "$LOGSHIP"
prepare logship.1 'Stop using it'
ok "logship.1: Stop using it" env PGHOST="$T/db.lab" PGPORT="$PORT" PGUSER=postgres \
    PGDATABASE=postgres bash "$T/example"
is "... no slot is left" "$(q "$T/db" "select count(*) from pg_replication_slots")" 0

NOW=(-e "s/2026-11-22T14:03:00Z/$WHEN/" -e "s/xid:7412/xid:$XID/" -e "s,0/5A3F1C8,$LSN,")
book restore.1 'The newest snapshot'
book restore.1 'One file, to look at'
like "... that file" "$(cat "$T/out")" '^START WAL LOCATION'
book restore.1 'A tablespace on its own'
like "... where it was told to be" "$(ls "$T/srv.$RUN/fast")" '^PG_[0-9]+_'
book restore.1 'To the moment before' "${NOW[@]}"
is "... with the rows up to there" "$(rows "$T/srv.$RUN/rescue/bulkhead/run")" "1 2"
pitr-replay --stop "$T/srv.$RUN/rescue"

# pitr-replay's examples go on with one copy.
restore -q -k dba.key "$T/rescue" >/dev/null
NOW+=(-e "s,$T/srv\.[0-9]*/,$T/,")
book pitr-replay.1 'What would happen' "${NOW[@]}"
like "... it says what" "$(cat "$T/out")" '^replay .* [0-9]+ transactions'
book pitr-replay.1 'To the moment before' "${NOW[@]}"
is "... with the rows up to there" "$(rows "$T/rescue/bulkhead/run")" "1 2 3"
book pitr-replay.1 'A little further' "${NOW[@]}"
pg_conf "$T/rescue" "port = $PORT" "unix_socket_directories = '$T/rescue'" \
    "listen_addresses = ''"
as_pg "$(pg_bin)/pg_ctl" -D "$T/rescue" -w -t 60 -l "$T/rescue/log" start >/dev/null
is "... a database again" "$(rows "$T/rescue" "$PORT")" "1 2 3 4"
restore -q -k dba.key "$T/again" >/dev/null
book pitr-replay.1 'Look into the log' "${NOW[@]}" \
    -e "s,/rescue,/again,; s/000000010000000000000003/$SEGMENT/"
like "... with the moment in it" "$(cat "$T/out")" "tx: +$XID, .*COMMIT"

for page in logship snapshot verify restore pitr-replay; do
	is "$page(1) has no other examples" "$(sort -u "$T/ran" | grep -c "^$page.1 ")" \
	    "$(examples "$page.1")"
done
done_testing
