# Recovery to any moment: several writers, and for random targets of each kind the copy holds
# exactly the transactions that pg_waldump shows up to there.  TARGETS (10) of each kind;
# SEED repeats a run.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

pg_has_tools || skip_all "no pg_waldump of $PGVERSION"
KEY=$T/keys/dba.key
BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN
SEED=${SEED:-$$}
RANDOM=$((SEED % 32768))
diag "SEED=$SEED"

copy_run() { cat "$1/bulkhead/run-dir" 2>/dev/null || echo "$1/bulkhead/run"; }

# The transactions whose rows a copy holds, sorted.
copy_xids()
{
	psql -XAtq -h "$(copy_run "$1")" -p 5432 -U postgres -d postgres \
	    -c "select distinct x from t order by x"
}

# Four writers at once: most commit, some roll back; each notes what it was told.
writers()
{
	local db=$1 n=$2 w pids='' p
	for w in 1 2 3 4; do
		psql -XAtq -d "$(pg_url "$db")" >"$T/$(basename "$db").$w" 2>&1 <<-SQL &
		call work($n);
		SQL
		pids="$pids $!"
	done
	for w in $(seq 12); do
		q "$db" "select pg_create_restore_point('p$w')" "select pg_sleep(0.02)" >/dev/null
	done
	for p in $pids; do wait "$p"; done
	# A restore point is not flushed by itself; a commit behind the last one flushes it.
	q "$db" "comment on table t is 'written'"
	# whoever reads a note finds what the server answered: "INFO:  xid lsn"
	cat "$T/$(basename "$db")".[1-4] | sed -n 's/.*INFO:  //p' >>"$T/$(basename "$db").notes"
}

new_db()
{
	local db=$1
	shift
	pg_init "$db" "$@"
	pg_conf "$db" "wal_keep_size = 1GB" "autovacuum = off"
}

fill_db()
{
	q "$1" "create extension amcheck" "create table t (id serial primary key, x bigint, f text)" \
	    "create procedure work(n int) language plpgsql as \$\$
	    declare x bigint; begin
	    for i in 1..n loop
		insert into t (x, f) values (pg_current_xact_id()::text::bigint,
		    repeat(md5(random()::text), (random() * 40)::int));
		if random() < 0.3 then
			begin
				insert into t (x, f) values (pg_current_xact_id()::text::bigint, 'sub');
				if random() < 0.5 then raise exception 'no'; end if;
			exception when others then null;
			end;
		end if;
		x := pg_current_xact_id()::text::bigint;
		if random() < 0.1 then
			rollback;
		else
			commit;
			raise info '% %', x, pg_current_wal_insert_lsn();
		end if;
	    end loop; end \$\$"
}

# events WAL-DIR FIRST-LSN [TIMELINE]: "COMMIT lsn xid time" and "POINT lsn name", in order.
events()
{
	TZ=UTC pg_tool "$PGVERSION" pg_waldump -p "$1" -s "$2" -t "${3:-1}" 2>/dev/null |
	    sed -n -e 's/^rmgr: Transaction.* tx: *\([0-9]*\), lsn: \([0-9A-F/]*\),.* desc: COMMIT \([0-9-]*\) \([0-9:.]*\) .*/COMMIT \2 \1 \3T\4Z/p' \
	    -e 's/^rmgr: XLOG.* lsn: \([0-9A-F/]*\),.* desc: RESTORE_POINT \(.*\)$/POINT \1 \2/p' || true
}

num() { echo $((16#${1%/*} << 32 | 16#${1#*/})); }
lsn_of() { printf '%X/%X\n' $(($1 >> 32)) $(($1 & 0xffffffff)); }

# targets EVENTS N: "position option target", ascending; position: what lies below it is in.
targets()
{
	local file=$1 n=$2 total i k line lsn xid time low high how more
	local hows=(before to)
	mapfile -t commits < <(grep '^COMMIT' "$file")
	mapfile -t points < <(grep '^POINT .* p' "$file")
	total=${#commits[@]}
	low=$(num "$(cut -d' ' -f2 <<<"${commits[0]}")")
	high=$(num "$(cut -d' ' -f2 <<<"${commits[$((total - 1))]}")")
	for i in $(seq "$n"); do
		how=${hows[RANDOM % 2]}
		read -r _ lsn xid time <<<"${commits[$((RANDOM % total))]}"
		more=0
		[ "$how" = before ] || more=1
		echo "$(($(num "$lsn") + more)) --$how xid:$xid"
		read -r _ lsn xid time <<<"${commits[$((RANDOM % total))]}"
		# in the order of the log: the first commit that the time leaves out
		line=$(printf '%s\n' "${commits[@]}" | awk -v t="$time" -v how=$how \
		    '!done && (how == "to" ? $4 > t : $4 >= t) { print $2; done = 1 }')
		[ -z "$line" ] || echo "$(num "$line") --$how $time"
		k=$((low + (RANDOM * 32768 + RANDOM) % (high - low)))
		if [ $((i % 2)) -eq 0 ]; then	# just at a commit
			k=$(num "$(cut -d' ' -f2 <<<"${commits[$((RANDOM % total))]}")")
		fi
		echo "$((k + more)) --$how $(lsn_of $k)"
		read -r _ lsn xid <<<"${points[$((RANDOM % ${#points[@]}))]}"
		echo "$(num "$lsn") --$how name:$xid"
	done | sort -n
}

# expected EVENTS NOTES POSITION: the noted transactions that committed below it, sorted.
expected()
{
	local l x
	grep '^COMMIT' "$1" | while read -r _ l x _; do
		[ "$(num "$l")" -ge "$3" ] || echo "$x"
	done | sort | comm -12 - <(cut -d' ' -f1 "$2" | sort) | sort -n
}

# recover NAME COPY EVENTS NOTES N ARG...: all targets, forward on one copy; then the end.
recover()
{
	local name=$1 copy=$2 events=$3 notes=$4 n=$5 pos how what bad='' count=0
	shift 5
	while read -r pos how what; do
		if ! pitr-replay -q -k "$KEY" "$@" "$how" "$what" "$copy" >"$T/out" 2>"$T/err" </dev/null; then
			bad="$bad; $how $what: $(cat "$T/err")"
		elif ! cmp -s <(copy_xids "$copy") <(expected "$events" "$notes" "$pos"); then
			bad="$bad; $how $what: other rows"
		fi
		count=$((count + 1))
	done < <(targets "$events" "$n")
	[ "$count" -ge $((3 * n)) ] || bad="$bad; only $count targets"
	is "$name: $count targets hold exactly their transactions" "$bad" ""
	ok "$name: the end of the log is reached" pitr-replay -q -k "$KEY" "$@" "$copy"
	is "$name: it holds every transaction that was noted" \
	    "$(copy_xids "$copy" | md5sum)" "$(cut -d' ' -f1 "$notes" | sort -n | md5sum)"
	mkdir -p "$copy.lab"
	echo 5432 >"$copy.lab/port"
	ln -sf "$(copy_run "$copy")/.s.PGSQL.5432" "$copy.lab/.s.PGSQL.5432"
	ok "$name: it is sound" amcheck "$copy"
	pitr-replay --stop "$copy"
}

new_copy()
{
	mkdir "$1"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$1"
	restore -q -k "$KEY" "${@:2}" "$1" >/dev/null
}

# configure_outside DIR ETC: no configuration but ALTER SYSTEM's in DIR, as Debian has it.
configure_outside()
{
	mkdir "$2"
	mv "$1/postgresql.conf" "$1/pg_hba.conf" "$1/pg_ident.conf" "$2/"
	printf '%s\n' "data_directory = '$1'" "hba_file = '$2/pg_hba.conf'" \
	    "ident_file = '$2/pg_ident.conf'" >>"$2/postgresql.conf"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$2"
}

# variant NAME N TRANSACTIONS [initdb argument]...
variant()
{
	local name=$1 n=$2 tx=$3 db=$T/$1 start options=()
	shift 3
	new_db "$db" "$@"
	if [ "$name" = outside ]; then
		configure_outside "$db" "$T/etc"
		options=(-o "-c config_file=$T/etc/postgresql.conf")
	fi
	pg_start "$db" ${options[@]+"${options[@]}"}
	fill_db "$db"
	enrol "$name"
	logship -q -s "$T/$name.source" -r "$REPO" --once "$(pg_url "$db")" >/dev/null
	snapshot -q -s "$T/$name.source" -r "$REPO" --fast "$(pg_url "$db")" >/dev/null
	start=$(q "$db" "select pg_current_wal_insert_lsn()")
	writers "$db" "$tx"
	logship -q -s "$T/$name.source" -r "$REPO" --once "$(pg_url "$db")" >/dev/null
	events "$db/pg_wal" "$start" >"$T/$name.events"
	is "$name: what the writers were told is in the log" \
	    "$(cut -d' ' -f1 "$T/$name.notes" | sort | comm -23 - <(awk '/^COMMIT/ { print $3 }' "$T/$name.events" | sort))" ""
	new_copy "$T/$name.copy" -r "$REPO" -n "$name"
	[ "$name" != outside ] || is "$name: no configuration came with the snapshot" \
	    "$(cd "$T/$name.copy" && ls -d postgresql.conf pg_hba.conf pg_ident.conf 2>/dev/null)" ""
	recover "$name" "$T/$name.copy" "$T/$name.events" "$T/$name.notes" "$n"
	pg_stop "$db"
	rm -rf "$T/$name.copy"
}

new_repo "$T/repo"
variant plain "${TARGETS:-10}" 300
variant small 2 400 --wal-segsize=1
variant large 2 100 --wal-segsize=64
variant outside 1 50

# ---- two timelines over the same hour ------------------------------------------------

A=$T/a B2=$T/b
new_db "$A"
pg_start "$A"
fill_db "$A"
enrol twin
export BULKHEAD_REPO=$REPO BULKHEAD_SOURCE=$T/twin.source
logship -q --once "$(pg_url "$A")" >/dev/null
snapshot -q --fast "$(pg_url "$A")" >/dev/null
start=$(q "$A" "select pg_current_wal_insert_lsn()")
mkdir -p "$B2.lab"
free_port >"$B2.lab/port"
cp "$A.lab/version" "$B2.lab/"
[ "$(id -u)" -ne 0 ] || chown postgres: "$B2.lab"
mkdir "$B2"
[ "$(id -u)" -ne 0 ] || chown postgres: "$B2"
chmod 700 "$B2"
as_pg pg_basebackup -D "$B2" -R -c fast -d "$(pg_url "$A")"
pg_conf "$B2" "port = $(cat "$B2.lab/port")" "unix_socket_directories = '$B2.lab'"
pg_start "$B2"
writers "$A" 40
behind() { [ "$(q "$B2" "select pg_last_wal_replay_lsn() >= '$1'::pg_lsn")" = t ]; }
ok "the standby follows" wait_until 20 behind "$(q "$A" "select pg_current_wal_flush_lsn()")"
cp "$T/a.notes" "$T/b.notes"
q "$B2" "select pg_promote()" >/dev/null
writers "$A" 40
writers "$B2" 40
logship -q --once "$(pg_url "$A")" >/dev/null
run logship -q --once "$(pg_url "$B2")"	# it says that two histories are kept
one=$(find "$REPO/logs/twin" -mindepth 1 -maxdepth 1 -name '*-00000001*' -printf '%f\n')
two=$(find "$REPO/logs/twin" -mindepth 1 -maxdepth 1 -name '*-00000002*' -printf '%f\n')
new_copy "$T/one" -n twin
cp -a "$T/one" "$T/two"
ok "the old timeline is followed to its end" pitr-replay -q -k "$KEY" --stream "$one" "$T/one"
is "with what its writers were told" "$(copy_xids "$T/one" | md5sum)" \
    "$(cut -d' ' -f1 "$T/a.notes" | sort -n | md5sum)"
fails_with 77 'is not its continuation' pitr-replay -q -k "$KEY" --stream "$two" "$T/one"
ok "and the new one" pitr-replay -q -k "$KEY" --stream "$two" "$T/two"
is "with what its writers were told" "$(copy_xids "$T/two" | md5sum)" \
    "$(cut -d' ' -f1 "$T/b.notes" | sort -n | md5sum)"
pitr-replay --stop "$T/one"
pitr-replay --stop "$T/two"

done_testing
