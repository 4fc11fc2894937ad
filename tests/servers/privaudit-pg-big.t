# matrix
# privaudit on a big PostgreSQL server: 5,000 roles and 100,000 tables, at most 20 s and
# 200 MiB.  Every role may read some tables of its own schema and belongs to one of a hundred
# groups, which own and write these; one group in ten is nested.  So there are thousands of
# findings, too.  Making the server takes long, so one version does it.
. "$(dirname "$0")/../lib.sh"

ROLES=5000 TABLES=100000
[ "$PGVERSION" -eq 18 ] || [ -n "${BIG:-}" ] || skip_all "on PostgreSQL 18 only, or with BIG=1"

# ---- the server ----

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off" "full_page_writes = off" \
    "max_locks_per_transaction = 512" "synchronous_commit = off" "shared_buffers = 512MB"
pg_start "$T/db"
C=$(pg_url "$T/db")
psql -Xq -v ON_ERROR_STOP=1 -d "$C" -v roles="$ROLES" <<'END'
set client_min_messages = warning;
create role keeper;
select format('create role g%s', i), format('create schema s%s authorization g%s', i, i)
from generate_series(1, 100) i \gexec
select format('create role "Röle ""%s""" login password %L in role g%s', i, 'x', 1 + i % 100)
from generate_series(1, :roles) i \gexec
select format('grant g%s to g%s', i + 1, i) from generate_series(10, 90, 10) i \gexec
END

# make_tables FIRST STEP: that many transactions, each within the locks there are.
make_tables()
{
	local first
	for first in $(seq "$1" "$2" "$TABLES"); do
		echo "do \$\$ begin for i in $first..$((first + 1999)) loop
		    execute format('create table s%s.t%s (id int)', 1 + i % 100, i);
		    execute format('alter table s%s.t%s owner to g%s', 1 + i % 100, i, 1 + i % 100);
		    execute format('grant select, insert on s%s.t%s to \"Röle \"\"%s\"\"\"', 1 + i % 100,
		        i, 1 + i % $ROLES);
		    end loop; end \$\$;"
	done | psql -Xq -v ON_ERROR_STOP=1 -d "$C"
}
make_tables 1 4000 &
make_tables 2001 4000
wait $!
is "there are as many tables" "$(psql -XAtq -d "$C" -c "select count(*) from pg_class
    where relname ~ '^t[0-9]+$'")" "$TABLES"
cat >"$T/policy" <<'END'
[target] env=production owner=keeper
[role postgres] class=admin
[role *] class=app db=postgres
END

# ---- the limits ----

judges_within 1 text "$C"
judges_within 1 json "$C" --json
judges_within 0 script "$C" --script
is "each account's way to its group's tables is a finding" "$(jq -r 'select(.check == "O1" and
    .sink == "DROP" and .account == "Röle \"77\"").objects > 1000' "$T/json")" true
is "and every table gets another owner" "$(grep -c '^ALTER TABLE s[0-9]*.t[0-9]* OWNER TO' \
    "$T/script")" "$TABLES"
done_testing
