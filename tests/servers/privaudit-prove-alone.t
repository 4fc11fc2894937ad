# matrix
# privaudit prove: what the copy's code can reach of this host: nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"

BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN
mkdir -p "$T/work"

# ---- a server whose code writes to another one --------------------------------

pg_init "$T/other"
pg_start "$T/other"
q "$T/other" "create table hits (way text)"

# hits: how often each way has led there.
hits()
{
	q "$T/other" "select way, count(*) from hits group by way order by way" | tr '\n' ' '
}

new_repo "$T/repo"
enrol shop
pg_init "$T/db"
pg_start "$T/db"
other="port=$(cat "$T/other.lab/port") user=postgres dbname=postgres"
q "$T/db" "create role app login" "create extension dblink" "create extension postgres_fdw" \
    "create table orders (id int)" "alter table orders owner to app" \
    "create server other foreign data wrapper postgres_fdw options (host '127.0.0.1',
	port '$(cat "$T/other.lab/port")', dbname 'postgres')" \
    "create user mapping for postgres server other options (user 'postgres')" \
    "create foreign table hits (way text) server other options (schema_name 'public')" \
    "create function reach() returns event_trigger language plpgsql security definer
	set search_path = public, pg_temp as \$\$
	declare words text := 'alone'; why text := '';
	begin
		begin
			perform dblink_exec('host=127.0.0.1 $other', 'insert into hits values (''tcp'')');
			words := words || ', not so: tcp';
		exception when others then why := why || '; ' || sqlerrm; end;
		begin
			perform dblink_exec('host=$T/other.lab $other', 'insert into hits values (''socket'')');
			words := words || ', not so: socket';
		exception when others then why := why || '; ' || sqlerrm; end;
		begin
			copy (select 1) to program 'psql -X \"host=$T/other.lab $other\" -c \"insert into hits values (''program'')\"';
			words := words || ', not so: program';
		exception when others then why := why || '; ' || sqlerrm; end;
		begin
			insert into hits values ('foreign table');
			words := words || ', not so: foreign table';
		exception when others then why := why || '; ' || sqlerrm; end;
		if exists (select from pg_ls_dir('/proc') p where p ~ '^[0-9]+\$'
		    and p::int = $(pg_pid "$T/other") and p::int > 1000) then
			words := words || ', not so: it sees that process';
		end if;
		raise exception '%', replace(words || why, E'\n', ' ');
	end \$\$" \
    "create event trigger reach on sql_drop execute function reach()"
snap "$T/db"

run psql -XAtq -d "$(pg_url "$T/db" user=app)" -c "drop table orders"
like "on the server itself that code gets there" "$(cat "$T/err")" \
    'alone, not so: tcp, not so: socket, not so: program, not so: foreign table'
before=$(hits)
is "and writes" "$before" "program|1 socket|1 tcp|1 "

# ---- the same on a copy ---------------------------------------------------------

base=(privaudit prove -q --json -k "$T/keys/dba.key" -r "$REPO" -n shop --work "$T/work")
refused='the copy cannot be cut off from this host: '

# words: what that code said on the copy.
words()
{
	jq -r 'select(.check == "O1" and .account == "app" and .sink == "DROP") |
	    .proof.words' "$T/out"
}

if namespaces; then
	run "${base[@]}"
	like "prove tries it" "$(words)" '^alone; could not .*; could not .*; program .* failed; could not '
else
	fails_with 77 "$refused" "${base[@]}"
fi
is "and nothing got there" "$(hits)" "$before"

# As in many a container: root, but without the right to do this.
if [ "$(id -u)" -eq 0 ]; then
	weak=(setpriv "--bounding-set=-sys_admin,-sys_ptrace" --inh-caps=-all)
	run "${weak[@]}" "${base[@]}"
	is "where there are no namespaces it is refused" "$STATUS" 77
	like "in one line" "$(head -n 1 "$T/err")" "^privaudit: ${refused}this system lets us make no namespaces: "
	like "with a hint of what to do" "$(sed -n 2p "$T/err")" 'hint: .*as root, or .*--with-network'
	is "before there is a copy" "$(ls -A "$T/work")" ""
	is "and nothing got there either" "$(hits)" "$before"
	run "${weak[@]}" "${base[@]}" --with-network
	like "one may ask for it" "$(words)" 'not so: tcp'
	like "and is warned" "$(cat "$T/err")" 'could not be cut off from the network'
	unlike "it is what was asked for" "$(hits)" "$(sed 's/|/[|]/g' <<<"^$before\$")"
else
	skip "no namespaces" "not root"
fi

# ---- without root -----------------------------------------------------------------

if [ "$(id -u)" -eq 0 ] && namespaces &&
    as_pg unshare -U -n -m -p -i -f true 2>/dev/null; then
	before=$(hits)
	cp -r "$REPO" "$T/theirs"
	cp "$T/keys/dba.key" "$T/theirs.key"
	mkdir "$T/their-work" "$T/their-state"
	chown -R postgres: "$T/theirs" "$T/theirs.key" "$T/their-work" "$T/their-state"
	run as_pg privaudit prove -q --json -k "$T/theirs.key" -r "$T/theirs" -n shop \
	    --work "$T/their-work" --state "$T/their-state"
	like "without root, too" "$(words)" '^alone; could not .*; could not .*; program .* failed; could not '
	is "nothing gets there" "$(hits)" "$before"
	is "and nothing is left" "$(ls -A "$T/their-work")" ""
else
	skip "without root" "needs root, to be somebody else, and user namespaces"
fi
done_testing
