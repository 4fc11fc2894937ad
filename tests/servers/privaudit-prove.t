# matrix
# privaudit prove: what a throwaway copy confirms and refutes; what it leaves behind: nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"

BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN
namespaces && MORE=() || MORE=(--with-network)
KEY=$T/keys/dba.key
mkdir -p "$T/work"

# qd DATABASE SQL...: as q, in another database.
qd()
{
	local db=$1 s args=()
	shift
	for s in "$@"; do
		args+=(-c "$s")
	done
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" "dbname=$db")" "${args[@]}"
}

# prove [OPTION...]: its words on stdout in $OUT, its status in $STATUS.
prove()
{
	run privaudit prove -q -k "$KEY" -r "$REPO" -n shop --work "$T/work" \
	    ${MORE[@]+"${MORE[@]}"} "$@"
	OUT=$(cat "$T/out")
}

# of ACCOUNT CHECK SINK: what came of that finding, from --json: outcome, statement and words.
of()
{
	grep -F "\"check\":\"$2\"" <<<"$OUT" | grep -F "\"account\":\"$1\"" |
	    grep -F "\"sink\":\"$3\"" | sed 's/.*"proof"://; s/,"fails".*//'
}

# Nothing of ours works or lies there.
work_is_clean()
{
	[ -z "$(ls -A "$T/work")" ] && [ -z "$(work_pids)" ]
}

work_pids()
{
	find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$T/work/*" 2>/dev/null
}

# ---- a bad server -----------------------------------------------------------

new_repo "$T/repo"
enrol shop
pg_init "$T/db"
pg_conf "$T/db" "log_connections = on" "log_statement = all"
pg_start "$T/db"
q "$T/db" "create database shop" "create database stock" \
    "create role deploy" "create role shop_app login in role deploy" \
    "create role heir login in role deploy" "create role reset login in role deploy" \
    "create role keeper login" "create role keeper2 login in role keeper" \
    "alter database stock owner to keeper" \
    "create role runner login in role pg_execute_server_program" \
    "create role shipper login replication" \
    "create role \"dr\"\"op %o\" login superuser" "create role idle login" \
    "create role shut login" "create role stopped login" "create role emptier login"
qd shop "create schema sales authorization deploy" \
    "set role deploy; create table sales.orders (id int); insert into sales.orders values (1); reset role" \
    "create table sales.kept (id int)" "alter table sales.kept owner to shut" \
    "grant usage on schema sales to emptier" "grant truncate on sales.orders to emptier" \
    "create role half" "grant truncate on sales.orders to half" \
    "create role joint login in role half" "create role split login noinherit in role half" \
    "grant usage on schema sales to joint, split" \
    "create function sales.crash(int) returns text language internal strict as 'textin'" \
    "revoke execute on function sales.crash from public" \
    "grant execute on function sales.crash to emptier" \
    "create schema \"Ä \"\"%o\"\"
x\" authorization stopped" \
    "create table \"Ä \"\"%o\"\"
x\".\"t'\" (id int)" \
    "create function public.guard() returns event_trigger language plpgsql as
	\$\$ begin if session_user = 'stopped' then raise 'not on this server'; end if; end \$\$" \
    "create event trigger guard on sql_drop execute function public.guard()"
qd stock "revoke connect on database shop from public" \
    "grant connect on database shop to shop_app, heir, emptier, stopped, joint, split"
q "$T/db" "alter role heir noinherit"
# Not loaded before the copy does.
cat >"$T/db/pg_hba.conf" <<'END'
# a comment, whose place ours takes
local all all peer
host shop heir 192.0.2.0/24 trust
host stock stopped 198.51.100.0/24 trust
host all all 10.0.0.0/33 trust
host all all 127.0.0.1/32 scram-sha-256
END
snap "$T/db"

cat >"$T/policy" <<'END'
[role shipper]
class = app
[role *]
class = app
END

# Whoever comes to the server, and whatever is asked there, shows in its log.
visits()
{
	grep -cE 'LOG:  (connection|statement|execute)' "$T/db.lab/log"
}
before=$(visits)
# As if somebody worked with that server all day long.
PGHOST=$T/db.lab PGPORT=$(cat "$T/db.lab/port") PGUSER=postgres PGDATABASE=shop
PGHOSTADDR=127.0.0.1 PGOPTIONS='-c application_name=lost'
export PGHOST PGPORT PGUSER PGDATABASE PGHOSTADDR PGOPTIONS

# ---- what it finds ----------------------------------------------------------

prove --json -p "$T/policy"
is "something is confirmed: 1" "$STATUS" 1
like "a path over a membership" "$(of shop_app O1 DROP)" \
    '"outcome":"confirmed","statement":"DROP (TABLE|SCHEMA) '
like "one that must be taken on" "$(of heir O1 DROP)" '"outcome":"confirmed"'
like "a superuser's, with a strange name" "$(of 'dr\"op %o' R1 SUPER)" '"outcome":"confirmed"'
like "DROP DATABASE, really" "$(of keeper O1 DROP)" \
    '"outcome":"confirmed","statement":"DROP DATABASE \\?"?stock'
like "and again, by another account" "$(of keeper2 O1 DROP)" \
    '"outcome":"confirmed","statement":"DROP DATABASE \\?"?stock'
like "a program is run" "$(of runner R4 OS)" '"outcome":"confirmed","statement":"COPY .*PROGRAM'
like "a slot is dropped" "$(of shipper B1 LOGKILL)" '"outcome":"confirmed","statement":"SELECT .*drop_'
like "a granted TRUNCATE" "$(of emptier A1 DROP)" '"outcome":"confirmed","statement":"TRUNCATE'
like "code that brings the copy down is survived" "$(of emptier F5 OS)" \
    '"outcome":"not tried",.*"words":".*(server closed|terminating connection)'
like "by rights of its own and of a role that it inherits" "$(of joint A1 DROP)" \
    '"outcome":"confirmed","statement":"TRUNCATE'
like "but not when it must be that role for them" "$(of split A1 DROP)" \
    '"outcome":"refuted","statement":"TRUNCATE .*permission denied for (schema|table)'
like "code of the database that stops it refutes" "$(of stopped O1 DROP)" \
    '"outcome":"refuted","statement":"DROP .*"words":"not on this server"'
unlike "the copy's own settings are no findings" "$OUT" '"check":"(B4|S1)"|"type":"fault".*"check":"H1"'
unlike "nor is the way in that prove has for itself" "$OUT" '127[.]98|local all all trust'
if namespaces; then
	like "anyone comes in from a network that is trusted" "$(of anyone H1 WRITE)" \
	    '"outcome":"confirmed","statement":"INSERT INTO sales.orders '
	like "by that line" "$OUT" 'let in as heir without a password, by line 3 of pg_hba.conf'
	like "but not into every database" "$(of anyone H1 DROP)" \
	    '"outcome":"refuted","statement":".*connect host=.198.51.100.1. .*no pg_hba.conf entry for host'
	like "a line that the copy cannot load is told" "$(cat "$T/err")" 'pg_hba.conf line 5 is left out'
else
	for name in "anyone comes in" "by that line" "but not everywhere" "a bad line is told"; do
		skip "$name" "no namespaces"
	done
fi
like "the result counts" "$(tail -n 1 <<<"$OUT")" '"status":1,.*"confirmed":[1-9].*"refuted":[23]'
is "stdout is JSON Lines, one object a line" "$(grep -vc '^{"v":1,"type":".*}$' <<<"$OUT")" 0
ok "nothing is left" work_is_clean

prove --snapshot "$ID" -p "$T/policy" --fail-on critical
is "a named snapshot" "$STATUS" 1
like "for people: confirmed" "$OUT" 'confirmed by trying: DROP DATABASE '
like "for people: refuted" "$OUT" 'refuted: DROP .*: not on this server'
like "for people: a count" "$OUT" ' confirmed, [23] refuted, [0-9]+ not tried$'

is "the server itself was never visited" "$(visits)" "$before"
unset PGHOST PGPORT PGUSER PGDATABASE PGHOSTADDR PGOPTIONS

# ---- what it refuses ---------------------------------------------------------

base=(privaudit prove -q -k "$KEY" -r "$REPO" -n shop --work "$T/work"
    ${MORE[@]+"${MORE[@]}"})
fails_with 64 'prove takes no server \(service=shop\)' "${base[@]}" service=shop
fails_with 64 'prove takes no server \(postgresql://db1/shop\)' "${base[@]}" postgresql://db1/shop
fails_with 64 'restore key' privaudit prove -r "$REPO" -n shop
fails_with 64 'fail-on' "${base[@]}" --fail-on never
fails_with 66 'none' "${base[@]}" --snapshot none
fails_with 66 'nowhere' "${base[@]}" --work "$T/nowhere"
fails_with 66 'no-policy' "${base[@]}" -p "$T/no-policy"
fails_with 77 'key' privaudit prove -q -k "$T/keys/a.key" -r "$REPO" -n shop --work "$T/work"
ok "nothing is left of those either" work_is_clean
if [ "$(id -u)" -eq 0 ]; then
	small_disk "$T/small" 16m
	fails_with 74 'MiB are free, and the copy needs' "${base[@]}" --work "$T/small"
	is "nothing there, too" "$(ls -A "$T/small")" ""
else
	skip "a full disk" "needs root"
	skip "nothing there, too" "needs root"
fi

# ---- however it ends ----------------------------------------------------------

copy_runs()
{
	[ -n "$(work_pids)" ]
}

restoring()
{
	[ -n "$(ls -A "$T/work")" ]
}

# ends_by SIGNAL MOMENT NAME
ends_by()
{
	spawn prove "${base[@]}"
	wait_until 60 "$2"
	kill "-$1" "$PID"
	wait "$PID" || true
	ok "$3" wait_until 60 work_is_clean
}
ends_by KILL copy_runs "kill -9 while its server runs"
ends_by TERM copy_runs "TERM while its server runs"
ends_by TERM restoring "TERM while it restores"
ends_by KILL restoring "kill -9 while it restores"
done_testing
