# matrix
# All that privaudit prints for a PostgreSQL server as one script: it runs, leaves nothing that
# SQL could mend, and the script that takes it back restores the catalogs exactly.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off"
pg_start "$T/db"
FAMILY_SERVER=$(pg_url "$T/db")
FAMILY_POLICY="[target] env=staging owner=keeper
[role postgres] class=admin"
pg_bare

# can_mend NAME: those findings of $T/NAME.json for which there is SQL.
can_mend() { jq -r 'select(.fix // .fix_of) | .text' "$T/$1.json" | LC_ALL=C sort; }

# The script with all fixes, and back.
script_holds()
{
	local name=$1
	family_state >"$T/state.bad"
	corpus_audit red
	privaudit --script -p "$T/policy" "$FAMILY_SERVER" >"$T/script.sql"
	privaudit --undo-script -p "$T/policy" "$FAMILY_SERVER" >"$T/undo.sql"
	like "$name: there is much to mend" "$(can_mend red | wc -l)" '^[1-9]'
	ok "$name: the script with all fixes runs" family_fix "$T/script.sql"
	corpus_audit green
	is "$name: and leaves nothing that SQL could mend" "$(can_mend green)" ""
	is "$name: and nothing new" "$(corpus_new "$T/red.list" "$T/green.list")" ""
	ok "$name: so does the one that takes them back" family_fix "$T/undo.sql"
	family_state >"$T/state.undone"
	corpus_same "$name: and all is as it was" "$T/state.bad" "$T/state.undone"
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

done_testing
