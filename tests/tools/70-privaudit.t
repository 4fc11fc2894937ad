#!/bin/bash
# privaudit on a PostgreSQL server: what it finds, every format, policies, baselines, why,
# suggest, and the examples of both manual pages, run as printed.
# matrix
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../manual.sh"
. "$(dirname "$0")/../repo.sh"

BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN

# ---- a server that is not set up well -------------------------------------------

# Passwords, since with trust everybody is everybody.
echo secret >"$T/pw"
echo '*:*:*:*:secret' >"$T/pgpass"
chmod 600 "$T/pgpass"
export PGPASSFILE=$T/pgpass
pg_init "$T/db" -A scram-sha-256 --pwfile="$T/pw"
mkdir "$T/archive"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/archive"
pg_conf "$T/db" "archive_mode = on" "archive_command = 'cp %p $T/archive/%f'" \
    "log_statement = ddl"
pg_start "$T/db"

db()
{
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" dbname=shop)" "$@"
}

URL=$(pg_url "$T/db" dbname=shop)
AUDIT=$(pg_url "$T/db" "dbname=shop user=privaudit")
for d in template1 postgres; do	# up to 14 everyone may create in public
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$T/db" "dbname=$d")" \
	    -c "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
done
q "$T/db" "CREATE DATABASE shop" "CREATE ROLE shop_owner"
db <<'SQL'
CREATE ROLE deploy;
CREATE ROLE shop_app LOGIN PASSWORD 'secret' IN ROLE deploy;
CREATE ROLE reports LOGIN PASSWORD 'secret';
CREATE ROLE backup LOGIN REPLICATION PASSWORD 'secret';
CREATE SCHEMA sales AUTHORIZATION deploy;
CREATE TABLE sales.orders (id int);
CREATE TABLE sales.items (id int);
ALTER TABLE sales.orders OWNER TO shop_owner;
ALTER TABLE sales.items OWNER TO shop_owner;
GRANT USAGE ON SCHEMA sales TO shop_app, reports;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sales TO shop_app;
GRANT SELECT ON sales.orders TO reports;
SQL
q "$T/db" "SELECT pg_switch_wal()" >/dev/null
is_archived()
{
	[ "$(q "$T/db" "SELECT archived_count > 0 FROM pg_stat_archiver")" = t ]
}
wait_until 20 is_archived
cat >"$T/policy.ini" <<'EOS'
[target]         env=production  owner=shop_owner
[role postgres]  class=admin
[role shop_app]  class=app       db=shop  schema=sales
[role reports]   class=readonly  db=shop  schema=sales
[role backup]    class=ship
[class audit]    may=CONNECT,USAGE,SELECT,PG_READ_ALL_SETTINGS
[role privaudit] class=audit  db=shop  schema=privaudit
EOS
P=$T/policy.ini

audit()
{
	privaudit -p "$P" "$@" "$URL"
}

# What stands in the JSON Lines of the last run: found FILTER
found()
{
	jq -r "$1" "$T/out"
}

# A membership that is granted again has a new oid from 16 on.
state()
{
	db -c "SELECT md5(string_agg(x, '' ORDER BY x)) FROM (SELECT c::text x FROM pg_class c
	    UNION ALL SELECT n::text FROM pg_namespace n UNION ALL
	    SELECT (to_jsonb(m) - 'oid')::text FROM pg_auth_members m
	    UNION ALL SELECT r::text FROM pg_authid r) y"
}
before=$(state)

# ---- for people --------------------------------------------------------------------

status_is "a role that owns the schema: findings" 1 audit
PATHLINE='shop_app -> member of deploy -> owns schema sales -> DROP SCHEMA'
like "the path in a line" "$(cat "$T/out")" "^  critical O1  DROP +$PATHLINE"
like "below the account and its class" "$(cat "$T/out")" '^shop_app \(app\)$'
like "a summary at the end" "$(tail -n 1 "$T/out")" \
    '^[0-9]+ accounts, [0-9]+ findings: [0-9]+ critical.*; [0-9]+ unknown, 0 excepted$'
is "on stderr one line" "$(cat "$T/err")" \
    "privaudit: $(head -n 1 "$T/out" | sed 's/, by the policy.*//'): there are findings of severity high or above"
status_is "without a policy, too" 1 privaudit "$URL"
like "which is said" "$(head -n 1 "$T/out")" 'by the defaults: there is no policy'
status_is "with fixes" 1 audit --fixes
like "the SQL" "$(cat "$T/out")" '^ +REVOKE .*deploy.* FROM .*shop_app'
like "and its inverse" "$(cat "$T/out")" '^ +GRANT .*deploy.* TO .*shop_app'

# ---- for programs --------------------------------------------------------------------

audit --json >"$T/base.json" 2>/dev/null || true
status_is "JSON Lines" 1 audit --json
ok "each parses" jq -e . "$T/out"
audit --json >"$T/out" 2>/dev/null || true
is "a finding has all" "$(found 'select(.check == "O1" and .account == "shop_app")
    | [.severity, .class, .sink, .path[1], .path[2], .database, .schema, (.fix != null), .fails]
    | map(tostring) | join("|")')" \
    'critical|app|DROP|member of deploy|owns schema sales|shop|sales|true|true'
is "the result comes last" "$(tail -n 1 "$T/out" | jq -r '[.type, .status, .environment] | map(tostring) | join("|")')" \
    'result|1|production'
status_is "TAP" 1 audit --tap
is "its plan fits" "$(grep -cE '^(not )?ok ' "$T/out")" "$(sed -n 's/^1\.\.//p' "$T/out")"
like "a finding is not ok" "$(cat "$T/out")" '^not ok [0-9]+ - O1 shop_app: critical DROP: shop_app -> '
like "what is right is ok" "$(cat "$T/out")" '^ok [0-9]+ - O1 reports$'
sarif_faults()
{
	jq -r -f "$ROOT/tests/sarif.jq" "$1" 2>&1
}

# sarif_is_sound NAME ARG...: so is what privaudit --sarif prints.
sarif_is_sound()
{
	local name=$1
	shift
	run privaudit --sarif "$@"
	is "SARIF of $name is as it must be" "$(sarif_faults "$T/out")" ""
}

status_is "SARIF" 1 audit --sarif
is "it is as it must be" "$(sarif_faults "$T/out")" ""
is "its rules, results and places" "$(jq -r '.version, (.runs[0].tool.driver.rules[] | select(.id == "O1") | .shortDescription.text), (.runs[0].results[] | select(.ruleId == "O1") | .locations[0].physicalLocation.region.startLine)' "$T/out" | tr '\n' '|')" \
    '2.1.0|ownership|3|'
jq -r '.runs[0].tool.driver.rules[] | .id + " " + .shortDescription.text' "$T/out" >"$T/rules"
is "the manual has the same checks" "$(sed -n '/^\.Sh CHECKS/,/^\.Sh EXIT/p' "$ROOT/man/privaudit.1" |
    sed -n -e '/^\.It /{N; s/^\.It \(.*\)\n\(.*\) (.*)\.$/\1 \2/; p; }' | sort)" "$(sort "$T/rules")"

# ---- why --------------------------------------------------------------------------------

status_is "why: there is a way" 1 privaudit why -p "$P" shop_app drop "$URL"
like "with its rows" "$(cat "$T/out")" '^    member of deploy: pg_auth_members: '
ok "why: there is none" privaudit why reports WRITE "$URL"
is "which is said, too" "$(cat "$T/out")" "no way from reports to WRITE"
fails_with 66 'there is no account nobody$' privaudit why nobody DROP "$URL"
fails_with 64 'there is no sink "all"; there are SUPER, OS' privaudit why shop_app all "$URL"

# ---- baseline ------------------------------------------------------------------------------

ok "what is known passes" audit --baseline "$T/base.json"
like "and is counted" "$(tail -n 1 "$T/out")" '^good: .*since the baseline 0 new, 0 changed, 0 gone$'
db -c "GRANT TRUNCATE ON sales.items TO reports"
status_is "what is new does not" 1 audit --baseline "$T/base.json"
like "and is marked" "$(cat "$T/out")" '; new$'
db -c "REVOKE deploy FROM shop_app"
sarif_is_sound "what is new and what is gone" -p "$P" --baseline "$T/base.json" "$URL"
is "... which it says" "$(found '.runs[0].results[].baselineState' | sort -u | tr '\n' ' ')" \
    'absent new unchanged '
db -c "REVOKE TRUNCATE ON sales.items FROM reports"
ok "what is gone" audit --baseline "$T/base.json"
like "is told" "$(sed -n '/^gone since the baseline/,$p' "$T/out")" "^  critical O1  DROP +$PATHLINE"
db -c "GRANT deploy TO shop_app"
fails_with 65 'policy.ini:1: not a line of privaudit --json' privaudit --baseline "$P" "$URL"
fails_with 66 'none' privaudit --baseline "$T/none" "$URL"

# ---- what it may, and what it changes -----------------------------------------------------

is "the database is as it was" "$(state)" "$before"

privaudit --print-grants >"$T/grants.sql"
ok "the rights that it needs can be granted" db -f "$T/grants.sql"
db -c "ALTER ROLE privaudit PASSWORD 'secret'"
status_is "with these it finds the same" 1 privaudit -p "$P" --json "$AUDIT"
is "... this" "$(found 'select(.check == "O1") | .text')" "$(jq -r 'select(.check == "O1") | .text' "$T/base.json")"
db -c "REVOKE deploy FROM shop_app" -c "CREATE ROLE nosy LOGIN PASSWORD 'secret'"
P2=$T/nosy.ini
{ cat "$P"; echo '[role nosy] class=monitor'; } >"$P2"
fails_with 3 'no verdict, since [0-9]+ could not be read' privaudit -p "$P2" --fail-on critical \
    "$(pg_url "$T/db" "dbname=shop user=nosy")"
like "and says what it is, and what it needs" "$(sed -n '/^unknown, so not passed/,$p' "$T/out")" \
    'pg_authid: .*'
sarif_is_sound "what is unknown" -p "$P2" "$(pg_url "$T/db" "dbname=shop user=nosy")"
is "... is no success" "$(found '.runs[0].invocations[0].executionSuccessful')" false
db -c "GRANT deploy TO shop_app" -c "DROP ROLE nosy"
fails_with 69 'refused|No such file' privaudit "host=$T/none user=postgres"
fails_with 77 'password' privaudit "$(pg_url "$T/db" "user=nobody")"
fails_with 64 'password' privaudit "$URL password=secret"

# ---- a policy from what is there -----------------------------------------------------------

ok "suggest" privaudit --suggest "$URL"
cp "$T/out" "$T/first.ini"
like "a line for each login" "$(cat "$T/first.ini")" '^\[role reports\]  class=readonly  db=shop  schema=sales$'
like "what is too much is a comment" "$(grep -B1 '^\[role shop_app\]' "$T/first.ini")" \
    '^# can do more than app may: OWNER'
like "and a class that people would choose" "$(cat "$T/first.ini")" '^\[role backup\]  class=ship$'
status_is "with it, it finds that" 1 privaudit -p "$T/first.ini" --json "$URL"
is "... of shop_app alone" "$(found 'select(.type == "finding" and .fails) | .account' | sort -u)" shop_app

# ---- mistakes in a policy -------------------------------------------------------------------

echo '[role shop_app] clas=app' >"$T/wrong.ini"
fails_with 78 'wrong.ini:1: \[role\] has no clas=; it has: class db schema' \
    privaudit -p "$T/wrong.ini" "$URL"
echo '[role shop_app] class=app' >"$T/partly.ini"
status_is "a login without a line" 1 privaudit -p "$T/partly.ini" "$URL"
like "is a finding" "$(cat "$T/out")" '^  high     U1 +reports -> no line of the policy names it'
{ cat "$P"; echo '[role shop_ap] class=app'; } >"$T/typo.ini"
run privaudit -p "$T/typo.ini" "$URL"
like "a line without an account is noted" "$(cat "$T/out")" \
    '^note: .*typo.ini:8: there is no account shop_ap on this server$'
cat >"$T/except.ini" <<EOS
$(cat "$P")
[except] id=O1 role=shop_app reason="until the migration" owner=ops until=2999-12-31
EOS
run privaudit -p "$T/except.ini" --json "$URL"
is "what is excepted is no finding" "$(found 'select(.account == "shop_app" and .check == "O1") | .text')" ""
sed -i s/2999-12-31/2020-12-31/ "$T/except.ini"
run privaudit -p "$T/except.ini" --json "$URL"
is "until its last day" "$(found 'select(.account == "shop_app" and .check == "O1") | .expired.until')" 2020-12-31

# ---- what surrounds the server ------------------------------------------------------------------

mkdir -p "$T/vault/incoming"
run audit --json -r "$T/vault"
is "a repository on the server's own disk" "$(found 'select(.check == "B5") | .type + " " + .severity')" \
    'fault critical'
BULKHEAD_REPO=$T/vault run audit --json
is "only with -r" "$(found 'select(.check == "B5") | .type')" ""
run audit --json -r "$T/vault" --canary
like "a repository that this user can delete from" "$(found 'select(.check == "B6") | .type')" '^fault$'
fails_with 64 'canary in which repository' privaudit --canary "$URL"
run audit --json
cp "$T/out" "$T/production.json"
sed s/production/staging/ "$P" >"$T/staging.ini"
run privaudit -p "$T/staging.ini" --json --also "$T/production.json" "$URL"
is "logins in two environments" "$(found 'select(.check == "B8") | .subject' | sort | tr '\n' ' ')" \
    'backup privaudit reports shop_app '
fails_with 65 'option --also: .*no output of privaudit' privaudit --also "$P" "$URL"
printf 'DB_USER=postgres\n' >"$T/.env"
sed "1a files=$T/.env" "$P" >"$T/files.ini"
run privaudit -p "$T/files.ini" --json "$URL"
like "an application with an administrator's name" "$(found 'select(.check == "B9") | .text')" postgres

# ---- misuse -----------------------------------------------------------------------------------

fails_with 64 'which server' privaudit
fails_with 64 'one server at a time' privaudit a b
fails_with 64 'exclude each other' privaudit --json --tap "$URL"
fails_with 64 'option --fail-on: low, medium, high or critical, not "huge"' privaudit --fail-on huge "$URL"
fails_with 64 'one of postgresql, mysql and mariadb' privaudit --print-grants oracle
fails_with 64 'why takes an account, a sink and a server' privaudit why shop_app
fails_with 66 'policy: .*none' privaudit -p "$T/none" "$URL"
for family in postgresql mysql mariadb; do
	ok "grants for $family" privaudit --print-grants $family
	like "... are SQL" "$(cat "$T/out")" '^GRANT '
done
ok "help" privaudit --help
like "... names why" "$(cat "$T/out")" 'privaudit why'

# ---- odd names ----------------------------------------------------------------------------------

db <<'SQL'
CREATE ROLE "o""d'd
 rôle" LOGIN PASSWORD 'secret';
CREATE SCHEMA "Sché ""ma
" AUTHORIZATION "o""d'd
 rôle";
SQL
run audit
like "in one line for people" "$(cat "$T/out")" '^  high     U1 +o"d.d  rôle -> no line'
run audit --json
is "exact for programs" "$(found 'select(.check == "U1" and .type == "finding") | .account')" "o\"d'd
 rôle"
mkdir "$T/odd {0} füßen"
cp "$P" "$T/odd {0} füßen/100%.ini"
sarif_is_sound "odd names" -p "$T/odd {0} füßen/100%.ini" --fixes "$URL"
is "... exact, too" "$(found '.runs[0].results[] | select(.ruleId == "U1") | .locations[0] |
    .logicalLocations[0].name')" "o\"d'd
 rôle"
sarif_is_sound "no policy" "$URL"
ok "in a policy" privaudit --suggest "$URL"
cp "$T/out" "$T/odd.ini"
like "... escaped" "$(cat "$T/odd.ini")" '^\[role "o\\"d.d\\n rôle"\]'
run privaudit -p "$T/odd.ini" --json "$URL"
sed -i '1i [target] owner=shop_owner' "$T/odd.ini"
is "... which reads it" "$(found 'select(.check == "U1") | .account')" ""
ok "in the script" sh -c "privaudit -p '$T/odd.ini' --script '$URL' >'$T/odd.sql'"
ok "... which runs" db -f "$T/odd.sql"
run privaudit -p "$T/odd.ini" --json "$URL"
is "... and nothing is left" "$(found 'select(.type == "finding" and .fails) | .text')" ""

# ---- the examples of the manual pages ---------------------------------------------------------------

mkdir "$T/bin.reader" "$T/work"
printf '#!/bin/sh\necho paged >>%s\n' "$T/paged" >"$T/bin.reader/page-the-dba"
chmod 755 "$T/bin.reader/page-the-dba"
PATH=$T/bin.reader:$PATH
export PGSERVICEFILE=$T/pg_service.conf
printf '[shop]\nhost=%s\nport=%s\nuser=postgres\ndbname=shop\n' "$T/db.lab" \
    "$(cat "$T/db.lab/port")" >"$PGSERVICEFILE"
cd "$T/work"

db -c "GRANT deploy TO shop_app" -c 'SET client_min_messages = error' -c 'DROP SCHEMA privaudit, "Sché ""ma
" CASCADE' -c 'DROP OWNED BY privaudit, "o""d'"'"'d
 rôle"' -c 'DROP ROLE privaudit, "o""d'"'"'d
 rôle"'

# book PAGE STATUS TEXT: the commands below TEXT end with that status.
book()
{
	example "$1" "$3" >"$T/example"
	[ -s "$T/example" ]
	echo "$1 $3" >>"$T/ran"
	status_is "$1: $3" "$2" bash "$T/example"
}

book privaudit.1 1 'How can that account'
like "... it can be cut" "$(cat "$T/out")" '^ +REVOKE "deploy" FROM "shop_app"'
answer privaudit.1 'How can that account' >"$T/answer"
[ "$PGVERSION" -lt 16 ] ||	# a membership is granted by somebody, and has options
	for f in answer out; do
		sed -i '/^ *cut:/,$d' "$T/$f"
	done
is "... as it says there" "$(cat "$T/out")" "$(cat "$T/answer")"
book privaudit.1 0 'A role of its own'
is "... it is there" "$(db -c "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'privaudit'")" t
book privaudit.1 1 'The first look'
like "... says so" "$(cat "$T/out")" "$PATHLINE"
book privaudit.1 0 'Whom to talk to'
like "... to shop_app" "$(cat "$T/out")" "^$PATHLINE"
book privaudit.1 1 'A policy from what'
book privaudit.1 0 'Every night'
is "... nothing is new" "$(cat "$T/paged" 2>/dev/null)" ""
db -c "ALTER ROLE reports SUPERUSER"
privaudit -q -p policy.ini --baseline known.json service=shop >"$T/out" 2>&1 || page-the-dba
is "... and when something is, somebody is told" "$(cat "$T/paged")" paged
db -c "ALTER ROLE reports NOSUPERUSER"
book privaudit.1 1 'In the pipeline'
ok "... with a document" jq -e '.runs[0].results | length > 0' privaudit.sarif
sed -i '1i [target] owner=shop_owner' policy.ini
book privaudit.1 0 'The cuts of all findings'
ok "... then all is well" privaudit -p policy.ini "service=shop"
ok "... and there is a way back" psql -Xq -v ON_ERROR_STOP=1 -f back.sql service=shop
status_is "... on which it is as it was" 1 privaudit -p policy.ini service=shop
new_repo "$T/repo"
enrol shop
snapshot -q --fast -r "$REPO" -s "$T/shop.source" "$(pg_url "$T/db")" >/dev/null
cp "$T/keys/dba.key" .
BULKHEAD_REPO=$REPO book privaudit.1 1 'Is it really so'
like "... it is" "$(cat "$T/out")" 'confirmed by trying: DROP '

# A policy as a page shows it: it can be read, whatever accounts there are.
shown()
{
	example bulkhead-policy.5 "$1" >"$T/shown.ini"
	[ -s "$T/shown.ini" ]
	echo "bulkhead-policy.5 $1" >>"$T/ran"
	run privaudit -p "$T/shown.ini" "$URL"
	like "bulkhead-policy.5: $1" "$(tail -n 1 "$T/out")" '^(good: )?[0-9]+ accounts, [0-9]+ finding'
}

shown 'behind the header or on lines'
shown 'A small shop'
shown 'An account on MySQL'
book bulkhead-policy.5 0 'A first policy'
for page in privaudit.1 bulkhead-policy.5; do
	is "$page has no other examples" "$(grep -v 'behind the header' "$T/ran" | grep -c "^$page")" \
	    "$(examples $page)"
done
words()
{
	sed -E 's/(, *|,$)/\n/g; s/"//g' | tr -s ' \n' '\n' | grep . | tr '\n' ' '
}
for class in app migrator readonly backup ship admin monitor; do
	is "bulkhead-policy.5 tells what $class may" \
	    "$(sed -n "/^\.It $class\$/,/^\.\(It\|El\)/p" "$ROOT/man/bulkhead-policy.5" | grep -v '^\.' | words)" \
	    "$(sed -n "/^# .class $class. may=/,/^# .class\|^$/p" policy.ini |
	        sed -e '1!{/class/d}' -e 's/^# *//; s/^.*may=//' | words)"
done
done_testing
