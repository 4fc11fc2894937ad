# privaudit against the corpus of bad PostgreSQL servers: each turns red, its fix green.  The
# cases about code and the network, F to H, are in privaudit-pg-code.t, so that both halves
# run side by side.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"

shopt -s extglob
pg_faultless
corpus_run "$ROOT"/tests/corpus/pg/!([f-h]*).case

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
