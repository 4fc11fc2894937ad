# privaudit against the corpus of bad PostgreSQL servers: each turns red, its fix green.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"

# ---- a server with nothing to find -----------------------------------------------

pg_init "$T/db"
mkdir -m 777 "$T/wal"
pg_conf "$T/db" "autovacuum = off" "fsync = off" "archive_mode = on" \
    "archive_command = 'cp %p $T/wal/%f'"
printf 'local all %s peer map=lab\n' postgres privaudit nosy >"$T/db/pg_hba.conf"
printf "lab $(id -un) %s\n" postgres privaudit nosy >"$T/db/pg_ident.conf"
pg_start "$T/db"
FAMILY_SERVER=$(pg_url "$T/db")
FAMILY_POLICY="[target] env=staging owner=keeper
[role postgres] class=admin"

# in_db DATABASE ARG...: psql there, which stops at the first error.
in_db()
{
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" "dbname=$1")" "${@:2}"
}

all_databases()
{
	in_db postgres -c "select datname from pg_database where datallowconn order by 1"
}

for d in template1 postgres; do
	in_db "$d" -c "revoke connect, temporary on database $d from public" \
	    -c "revoke create on schema public from public"
done
in_db postgres -c "create role keeper"

family_version() { echo "$PGVERSION"; }

family_new()
{
	in_db postgres -c "create database shop" -c "revoke connect, temporary on database shop from public"
}

family_sql() { in_db shop -f "$1"; }
family_fix() { psql -Xq -v ON_ERROR_STOP=1 -d "$FAMILY_SERVER" -f "$1"; }

# The databases first, so that roles own nothing; what is left is of the whole server.
family_end()
{
	local d
	[ ! -s "$1" ] || in_db postgres -f "$1"
	for d in $(in_db postgres -c "select datname from pg_database where datname not in
	    ('postgres', 'template0', 'template1')"); do
		in_db postgres -c "drop database \"$d\""
	done
	in_db postgres <<-'END'
	select format('drop owned by %I', rolname) from pg_roles
	where oid >= 16384 and rolname <> 'keeper' \gexec
	select format('drop role %I', rolname) from pg_roles
	where oid >= 16384 and rolname <> 'keeper' \gexec
	END
}

# An ACL in one form: its default worked in, sorted, names for oids.
acl()
{
	echo "(select string_agg(format('%s=%s%s/%s', grantee::regrole, privilege_type,
	    case when is_grantable then '*' end, grantor::regrole), ',' order by
	    grantee::regrole::text, privilege_type, grantor::regrole::text)
	    from aclexplode(coalesce($1, acldefault('$2', $3))))"
}

# catalog TABLE OWNER ACL LETTER: each row whole, but for the ACL's form.
catalog()
{
	local acl=null
	[ -z "$3" ] || acl=$(acl "$3" "$4" "$2")
	echo "select '$1', to_jsonb(c) - '${3:-none}', $acl from $1 c where oid >= 16384 or
	    '$1' in ('pg_database', 'pg_namespace') order by to_jsonb(c)::text;"
}

state_of()
{
	local system=system_user
	{
		catalog pg_namespace nspowner nspacl n
		catalog pg_proc proowner proacl f
		catalog pg_type typowner typacl T
		catalog pg_language lanowner lanacl l
		catalog pg_foreign_data_wrapper fdwowner fdwacl F
		catalog pg_foreign_server srvowner srvacl S
		catalog pg_largeobject_metadata lomowner lomacl L
		for system in pg_operator pg_opclass pg_opfamily pg_collation pg_conversion \
		    pg_ts_config pg_ts_dict pg_statistic_ext pg_event_trigger pg_publication \
		    pg_subscription pg_extension pg_user_mapping pg_trigger pg_policy; do
			catalog "$system" '' '' ''
		done
		echo "select 'pg_class', to_jsonb(c) - 'relacl' - 'relpages' - 'reltuples'
		    - 'relfilenode' - 'relfrozenxid' - 'relminmxid',
		    $(acl "relacl" r relowner) from pg_class c where (relkind <> 'S' and
		    relkind not in ('i', 't') and oid >= 16384) or relacl is not null and relkind <> 'S'
		    order by to_jsonb(c)::text;
		    select 'sequence', relname, relowner::regrole, $(acl relacl s relowner)
		    from pg_class where relkind = 'S' order by 2;
		    select 'column', attrelid::regclass, attname, (select string_agg(a::text, ','
		    order by a::text) from unnest(attacl) a) from pg_attribute
		    where coalesce(array_length(attacl, 1), 0) > 0 order by 2, 3;
		    select 'default', defaclrole::regrole, defaclnamespace::regnamespace,
		    defaclobjtype, (select string_agg(a::text, ',' order by a::text)
		    from unnest(defaclacl) a) from pg_default_acl order by 2, 3, 4;"
	} | in_db "$1" -f -
}

state_of_server()
{
	local members="roleid::regrole, member::regrole, grantor::regrole, admin_option"
	[ "$PGVERSION" -lt 16 ] || members+=", inherit_option, set_option"
	{
		echo "select 'role', r.* from pg_roles r where oid >= 16384 order by rolname;
		    select 'member', $members from pg_auth_members order by 2, 3, 4;
		    select 'setting', * from pg_db_role_setting order by 2, 3;"
		catalog pg_database datdba datacl d
		catalog pg_tablespace spcowner spcacl t
		[ "$PGVERSION" -lt 15 ] ||
		    echo "select 'parameter', parname, (select string_agg(a::text, ',' order by
		    a::text) from unnest(paracl) a) from pg_parameter_acl order by 2;"
	} | in_db postgres -f - | sed 's/"datfrozenxid": "[0-9]*"//'
	sed -n 's/^/auto.conf: /p' "$T/db/postgresql.auto.conf"
}

family_state()
{
	local d
	state_of_server
	for d in $(all_databases); do
		echo "database $d"
		state_of "$d"
	done
}

# No transaction of privaudit's had an id, so none wrote; and none left a file behind.
family_touched()
{
	in_db postgres -c "select pg_snapshot_xmax(pg_current_snapshot()),
	    (select sum(temp_files) from pg_stat_database)"
}

corpus_run "$ROOT"/tests/corpus/pg/*.case

# ---- all fixes as one script -------------------------------------------------------------

# can_mend: those findings of $T/x.json for which there is SQL.
can_mend() { jq -r 'select(.fix != null) | .text' "$T/$1.json" | LC_ALL=C sort; }

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
family_state >"$T/state.bad"
corpus_audit red
privaudit --script -p "$T/policy" "$FAMILY_SERVER" >"$T/script.sql"
privaudit --undo-script -p "$T/policy" "$FAMILY_SERVER" >"$T/undo.sql"
like "there is much to mend" "$(can_mend red | wc -l)" '^[1-9][0-9]+$'
ok "the script with all fixes runs" family_fix "$T/script.sql"
corpus_audit green
is "and leaves nothing that SQL could mend" "$(can_mend green)" ""
is "and nothing new" "$(corpus_new "$T/red.list" "$T/green.list")" ""
ok "so does the one that takes them back" family_fix "$T/undo.sql"
family_state >"$T/state.undone"
corpus_same "and all is as it was" "$T/state.bad" "$T/state.undone"
family_end ""

# ---- a server that is set up well ------------------------------------------------------

family_new
in_db shop <<'END'
create role deploy;
create role migrate login password 'x' in role deploy;
create role shop_app login password 'x';
create role reports login password 'x';
create role ship login replication password 'x';
create role alice login superuser password 'x' valid until '2099-01-01';
grant connect on database shop to migrate, shop_app, reports;
create schema sales authorization deploy;
grant usage on schema sales to shop_app, reports;
set role deploy;
create table sales.orders (id bigint generated always as identity, price int);
grant select, insert, update, delete on sales.orders to shop_app;
grant select on sales.orders to reports;
alter default privileges in schema sales grant select, insert, update, delete on tables to shop_app;
alter default privileges in schema sales grant select on tables to reports;
END
cat >"$T/policy" <<END
$FAMILY_POLICY
[role alice] class=admin
[role migrate] class=migrator db=shop schema=sales
[role shop_app] class=app db=shop schema=sales
[role reports] class=readonly db=shop schema=sales
[role ship] class=ship
[role privaudit] class=monitor
END
archived() { [ "$(in_db postgres -c "select archived_count > 0 from pg_stat_archiver")" = t ]; }
in_db postgres -c "select pg_switch_wal()" >"$T/switched"
wait_until 60 archived
pg_conf "$T/db" "fsync = on" "log_statement = ddl" "archive_timeout = 60"
in_db postgres -c "select pg_reload_conf()" >"$T/reloaded"
reloaded() { [ "$(in_db postgres -c "show archive_timeout")" = 1min ]; }
wait_until 60 reloaded
ok "a server that is set up well is clean" privaudit --fail-on low -p "$T/policy" "$FAMILY_SERVER"

# ---- who may not see all ------------------------------------------------------------------

privaudit --print-grants postgresql >"$T/grants.sql"
ok "the rights that it needs can be granted" in_db postgres -f "$T/grants.sql"
in_db postgres -c "alter role privaudit password 'x'" \
    -c "grant connect on database postgres, template1, shop to privaudit"
sees_all=0	# but for the maps, which 14 shows to superusers alone
[ "$PGVERSION" -ge 15 ] || sees_all=3
status_is "with these it sees all, and all is well" "$sees_all" privaudit --fail-on low \
    -p "$T/policy" "$(pg_url "$T/db" "user=privaudit")"
in_db postgres -c "create role nosy login password 'x'" -c "grant connect on database postgres to nosy"
echo "[role nosy] class=monitor" >>"$T/policy"
fails_with 3 "no verdict" privaudit --fail-on critical -p "$T/policy" "$(pg_url "$T/db" "user=nosy")"
like "a database that it cannot enter is unknown" "$(cat "$T/out")" 'database "shop": no right to connect'
like "and so are the passwords" "$(cat "$T/out")" 'pg_authid: no right'
like "what would let it in is said" "$(cat "$T/out")" 'GRANT CONNECT ON DATABASE "shop" TO "nosy"'
fails_with 64 "holds a password" privaudit "$FAMILY_SERVER password=secret"
done_testing
