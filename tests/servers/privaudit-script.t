# matrix
# All that privaudit prints for a PostgreSQL server as one script: it runs, leaves nothing that
# SQL could mend, and the script that takes it back restores the catalogs exactly.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off"
printf 'local all postgres peer map=lab\n' >"$T/db/pg_hba.conf"	# none to be mended
printf "lab $(id -un) postgres\n" >"$T/db/pg_ident.conf"
pg_start "$T/db"
FAMILY_SERVER=$(pg_url "$T/db")
FAMILY_POLICY="[target] env=staging owner=keeper
[role postgres] class=admin"
pg_bare

# can_mend NAME: those findings of $T/NAME.json for which there is SQL.
can_mend() { jq -r 'select(.fix != null) | .text' "$T/$1.json" | LC_ALL=C sort; }

# twice FILE: statements that stand there more than once; those between two \connect alike.
twice()
{
	awk '/^\\connect/ { at = $0 } seen[at, $0]++ && !/^\\connect/' "$1"
}

# The script with all fixes, and back.
script_holds()
{
	local name=$1
	family_state >"$T/state.bad"
	corpus_audit red
	privaudit --script -p "$T/policy" "$FAMILY_SERVER" >"$T/script.sql"
	privaudit --undo-script -p "$T/policy" "$FAMILY_SERVER" >"$T/undo.sql"
	like "$name: there is much to mend" "$(can_mend red | wc -l)" '^[1-9]'
	is "$name: no statement is there twice" "$(twice "$T/script.sql")" ""
	# Where the new owner had a grant, all that there is to PUBLIC is granted once more.
	is "$name: nor on the way back" "$(twice "$T/undo.sql" | sed '/ TO PUBLIC;$/d')" ""
	ok "$name: the script with all fixes runs" family_fix "$T/script.sql"
	corpus_audit green
	is "$name: and leaves nothing that SQL could mend" "$(can_mend green)" ""
	is "$name: and nothing new" "$(corpus_new "$T/red.list" "$T/green.list")" ""
	ok "$name: so does the one that takes them back" family_fix "$T/undo.sql"
	family_state >"$T/state.undone"
	corpus_same "$name: and all is as it was" "$T/state.bad" "$T/state.undone"
}

# Each finding's own fix, and back.
fixes_hold()
{
	local name=$1 n=0 fix
	family_state >"$T/state.bad"
	corpus_audit red
	while read -r fix; do
		n=$((n + 1))
		jq -r .fix <<<"$fix" >"$T/fix.sql"
		jq -r .undo <<<"$fix" >"$T/undo.sql"
		ok "$name: fix $n runs" family_fix "$T/fix.sql"
		corpus_audit green
		is "$name: fix $n ends its finding" "$(jq -r --arg f "$(jq -r .fingerprint <<<"$fix")" \
		    'select(.fingerprint == $f) | .text' "$T/green.json")" ""
		is "$name: fix $n: and nothing is new" "$(corpus_new "$T/red.list" "$T/green.list")" ""
		ok "$name: fix $n can be taken back" family_fix "$T/undo.sql"
		family_state >"$T/state.undone"
		corpus_same "$name: fix $n: and all is as it was" "$T/state.bad" "$T/state.undone"
	done < <(jq -c 'select(.fix != null and .remaining == 0)' "$T/red.json")
}

# ---- owners, grants, memberships, defaults -------------------------------------------------

family_new
in_db shop <<'END'
create role deploy;
create role "app %o" login password 'x' in role deploy;
create role reports login password 'x';
create role helper login createdb bypassrls password 'x' valid until '2099-01-01';
grant connect on database shop to "app %o", reports, helper;
create schema sales authorization deploy;
grant usage on schema sales to "app %o", reports, helper;
create table sales.orders (id serial, price int);
create table sales."a ""b"" %n" (id int);
alter table sales.orders owner to "app %o";
grant select, truncate on sales.orders to reports with grant option;
set role reports;
grant select on sales.orders to helper;
reset role;
grant truncate on sales.orders to helper;
grant update (id) on sales."a ""b"" %n" to reports;
grant insert on sales."a ""b"" %n" to public;
grant create on schema sales to public;
alter default privileges for role deploy grant delete on tables to helper;
alter database shop owner to helper;
END
{ echo "$FAMILY_POLICY"; cat <<'END'; } >"$T/policy"
[role "app %o"] class=app db=shop schema=sales
[role reports] class=readonly db=shop schema=sales
[role helper] class=app db=shop schema=sales
END
script_holds "one of each"
family_end ""

# ---- grants passed on ------------------------------------------------------------------

family_new
in_db shop <<'END'
create role boss;
create role one login password 'x';
create role two login password 'x';
create role three login password 'x';
create role four login password 'x';
create role night login password 'x';
grant connect on database shop to one, two, three, four, night;
create schema sales authorization boss;
grant usage on schema sales to one, two, three, four, night;
create table sales.orders (id int, price int);
alter table sales.orders owner to boss;
create table sales.more (id int, price int);
create sequence sales.numbers;

-- to each a right, and the right to pass it on; the last one needs it.
set role boss;
grant truncate, trigger on sales.orders to one with grant option;
set role one;
grant truncate, trigger on sales.orders to two with grant option;
set role two;
grant truncate on sales.orders to three with grant option;
set role three;
grant truncate on sales.orders to four, night;
reset role;

-- from two at once, the owner and another.
grant delete on sales.more to one, two with grant option;
set role one;
grant delete on sales.more to three with grant option;
set role two;
grant delete on sales.more to three, night;
set role three;
grant delete on sales.more to four, night;
reset role;
grant delete on sales.more to three;

-- columns, of a right to them and of one to the table.
grant update (price) on sales.more to one with grant option;
set role one;
grant update (price) on sales.more to two with grant option;
set role two;
grant update (price) on sales.more to three, night;
reset role;
grant insert on sales.more to one with grant option;
set role one;
grant insert (id) on sales.more to two, night;
reset role;

-- what is no table.
grant create on schema sales to one with grant option;
set role one;
grant create on schema sales to two with grant option;
set role two;
grant create on schema sales to three, night;
reset role;
grant create on database shop to one with grant option;
set role one;
grant create on database shop to two with grant option;
set role two;
grant create on database shop to three, night;
reset role;
grant usage, update on sequence sales.numbers to one with grant option;
set role one;
grant usage, update on sequence sales.numbers to two with grant option;
set role two;
grant usage, update on sequence sales.numbers to three, night;
reset role;
alter default privileges for role boss grant delete, truncate on tables to one with grant option;
alter default privileges for role boss in schema sales grant insert on tables to one, two
	with grant option;
END
{ echo "$FAMILY_POLICY"; cat <<'END'; } >"$T/policy"
[role one] class=readonly db=shop schema=sales
[role two] class=readonly db=shop schema=sales
[role three] class=readonly db=shop schema=sales
[role four] class=readonly db=shop schema=sales
[role night] class=migrator db=shop schema=sales
END
script_holds "passed on"
fixes_hold "passed on"
family_end ""

# ---- memberships passed on -----------------------------------------------------------------

family_new
in_db shop <<'END'
create role writer;
create role one login password 'x';
create role two login password 'x';
create role three login password 'x';
create role night login password 'x';
grant connect on database shop to one, two, three, night;
create schema sales authorization writer;
create table sales.orders (id int);
alter table sales.orders owner to writer;
grant writer to one with admin option;
set role one;
grant writer to two with admin option;
set role two;
grant writer to three, night;
END
{ echo "$FAMILY_POLICY"; cat <<'END'; } >"$T/policy"
[role one] class=readonly db=shop
[role two] class=readonly db=shop
[role three] class=readonly db=shop
[role night] class=migrator db=shop schema=sales
END
script_holds "memberships"
fixes_hold "memberships"
[ "$PGVERSION" -lt 16 ] || in_db shop -c "grant writer to two" \
    -c "grant writer to three with inherit false" -c "revoke set option for writer from night granted by two"
script_holds "memberships, and others"
family_end ""

# ---- settings passed on --------------------------------------------------------------------

if [ "$PGVERSION" -ge 15 ]; then
	family_new
	in_db shop <<-'END'
	create role one login password 'x';
	create role two login password 'x';
	create role three login password 'x';
	create role boss login password 'x' valid until '2099-01-01';
	grant connect on database shop to one, two, three;
	grant set, alter system on parameter log_statement to one with grant option;
	set role one;
	grant set, alter system on parameter log_statement to two with grant option;
	grant set on parameter log_statement to boss;
	set role two;
	grant set, alter system on parameter log_statement to three;
	grant set on parameter log_statement to boss;
	END
	{ echo "$FAMILY_POLICY"; cat <<-'END'; } >"$T/policy"
	[role one] class=app db=shop
	[role two] class=app db=shop
	[role three] class=app db=shop
	[role boss] class=admin
	END
	script_holds "settings"
	fixes_hold "settings"
	family_end ""
fi

# ---- all bad servers of the corpus at once -------------------------------------------------

# Not with the others: no SQL mends a pg_hba.conf; and who may CREATEROLE has all of them.
APART=' f4-lets-in '

globals()
{
	pg_tool "$PGVERSION" pg_dumpall -g -d "$FAMILY_SERVER" | grep -v '^.\(un\)\?restrict ' |
	    LC_ALL=C sort
}

echo "$FAMILY_POLICY" >"$T/policy"
n=0
for case in "$ROOT"/tests/corpus/pg/*.case; do
	n=$((n + 1))
	corpus_applies "$case" || continue
	case "$(corpus_head "$case" check) $APART" in
	H1* | *" $(basename "$case" .case) "*) ;;
	*) together_case "$n" "$case" ;;
	esac
done
! pg_has_tools || globals >"$T/globals.bad"
script_holds "all together"
if pg_has_tools; then
	globals >"$T/globals.undone"
	corpus_same "all together: pg_dumpall says so, too" "$T/globals.bad" "$T/globals.undone"
fi
done_testing
