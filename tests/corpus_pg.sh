# PostgreSQL's side of the corpus; sourced behind tests/corpus.sh.  The server is $T/db.

# in_db DATABASE ARG...: psql there, which stops at the first error.
in_db()
{
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" "dbname=$1")" "${@:2}"
}

all_databases()
{
	in_db postgres -c "select datname from pg_database where datallowconn order by 1"
}

# pg_bare: in a new server nobody may anything, and a role stands by to own what must go.
pg_bare()
{
	local d
	for d in template1 postgres; do
		in_db "$d" -c "revoke connect, temporary on database $d from public" \
		    -c "revoke create on schema public from public"
	done
	in_db postgres -c "create role keeper"
}

# pg_faultless: the server of the corpus, in which there is nothing to find.
pg_faultless()
{
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
	pg_bare
}

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
		    from pg_class where relkind = 'S' order by 2, 3, 4;
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

# ---- all of them together ------------------------------------------------------------

# Each case has a database of its own here, and its roles get its number in their names.
own_names()
{
	local n=$1 role case=$2
	local script="s/\\b(database|db=|of|dbname|host)( ?[\"']?)shop\\b/\\1\\2case_$n/g"
	for role in $(corpus_part "$case" bad |
	    grep -oiP '\b(create (role|user)|role) +[a-z_0-9]+\b(?!&)' | sed 's/.* //' | sort -u); do
		case $role in
		pg_* | postgres | public | all | none | with | mapping | current_user) ;;
		*) script+="; s/(^|[^.[:alnum:]_])$role\\b/\\1${role}_$n/g" ;;
		esac
	done
	# A name that several cases have, with a newline in it.
	script+="; s/re(\"+)po/re\\1po_$n/g"
	sed -E "$script; s/\\bclass=([a-z]+)_$n\\b/class=\\1/"
}

# together_case NUMBER CASE: the bad server of that case becomes a part of ours.
together_case()
{
	local n=$1 case=$2
	in_db postgres -c "create database case_$n" \
	    -c "revoke connect, temporary on database case_$n from public"
	corpus_part "$case" bad | own_names "$n" "$case" >"$T/bad.sql"
	if ! in_db "case_$n" -f "$T/bad.sql" >"$T/bad.out" 2>&1; then
		lab_result 1 "$(basename "$case" .case): the bad server can be made"
		diag "$(tail -n 5 "$T/bad.out")"
		return 1
	fi
	# Who is named by no line may nothing: so it is with those that "*" stood for.
	corpus_head "$case" policy | grep -vF '[role *]' | own_names "$n" "$case" \
	    >>"$T/policy" || true
}
