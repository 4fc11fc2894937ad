# matrix
# As whom a subscription's worker runs the triggers of a table: what check F6 goes by, and what
# `privaudit prove` stands in for, seen on a real one.
. "$(dirname "$0")/../lib.sh"

pg_init "$T/db"
pg_conf "$T/db" "wal_level = logical" "fsync = off" "autovacuum = off"
pg_start "$T/db"

in_db() { psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" "dbname=$1")" "${@:2}"; }

# as_whom NAME OPTIONS: a row comes by a subscription with these; who saw it?
as_whom()
{
	in_db postgres -c "create database pub_$1" -c "create database sub_$1"
	in_db "pub_$1" -c "create table t (id int)" -c "create publication p for table t" \
	    -c "select pg_create_logical_replication_slot('s_$1', 'pgoutput')" >"$T/slot"
	in_db "sub_$1" <<-END
	create schema sales authorization boss;
	set role boss;
	create table sales.seen (who text);
	create table sales.t (id int);
	create function sales.f() returns trigger language plpgsql as
	    'begin insert into sales.seen values (current_user); return new; end';
	create trigger t before insert on sales.t for each row execute function sales.f();
	alter table sales.t enable replica trigger t;
	reset role;
	END
	in_db "pub_$1" -c "create schema sales" -c "alter table t set schema sales"
	in_db "sub_$1" -c "create subscription s_$1 connection '$(pg_url "$T/db" \
	    "dbname=pub_$1")' publication p with (create_slot = false$2)"
	in_db "pub_$1" -c "insert into sales.t values (1)"
	seen() { [ -n "$(in_db "sub_$1" -c "select who from sales.seen")" ]; }
	wait_until 60 seen "$1"
	in_db "sub_$1" -c "select who from sales.seen limit 1"
}

in_db postgres -c "create role boss"
if [ "$PGVERSION" -lt 16 ]; then
	is "up to 15 it is the subscription's owner" "$(as_whom a "")" "postgres"
else
	is "from 16 it is the table's owner" "$(as_whom a "")" "boss"
	is "unless asked otherwise" "$(as_whom b ", run_as_owner = true")" "postgres"
fi
done_testing
