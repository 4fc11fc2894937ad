#!/bin/bash
# privaudit: what no catalog tells (repository, canary, another environment, applications'
# files), and scripts that psql runs as they are, whatever databases and tables are called.
. "$(dirname "$0")/../lib.sh"

echo secret >"$T/pw"
echo '*:*:*:*:secret' >"$T/pgpass"
chmod 600 "$T/pgpass"
export PGPASSFILE=$T/pgpass
pg_init "$T/db" -A scram-sha-256 --pwfile="$T/pw"
pg_start "$T/db"
URL=$(pg_url "$T/db")

# ---- names that must be quoted, everywhere ---------------------------------------------

q "$T/db" "CREATE ROLE app LOGIN PASSWORD 'secret'" "CREATE ROLE \"gr\"\"ün
d\"" "CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'secret'"
q "$T/db" "GRANT \"gr\"\"ün
d\" TO app"
names=('a"b' 'host=x' "o'x\\y =" 'new
line' '%o;')
for name in "${names[@]}"; do
	printf 'CREATE DATABASE "%s" TEMPLATE template0;\n' "${name//\"/\"\"}"
done | psql -XAtq -v ON_ERROR_STOP=1 -d "$URL"
cat >"$T/make.sql" <<'SQL'
CREATE TABLE "t;
%n ""x""" (i int);
GRANT SELECT, TRUNCATE ON "t;
%n ""x""" TO "gr""ün
d";
SQL
conninfo()
{
	local name=${1//\\/\\\\}

	printf "%s dbname='%s'" "$URL" "${name//\'/\\\'}"
}
for name in "${names[@]}"; do
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(conninfo "$name")" -f "$T/make.sql"
done
acls()
{
	local name

	for name in "${names[@]}"; do
		psql -XAtq -d "$(conninfo "$name")" -c "SELECT relacl FROM pg_class WHERE relname LIKE 't;%'"
	done
	psql -XAtq -d "$URL" -c "SELECT roleid::regrole, member::regrole FROM pg_auth_members
	    WHERE member::regrole::text = 'app'"
}
cat >"$T/policy.ini" <<EOS
[target]  env=production files="$T/env"
[role *]  class=app
[role postgres] class=admin
[role boss] class=admin
EOS
touch "$T/env"
audit()
{
	privaudit -p "$T/policy.ini" "$@" "$URL"
}
findings()
{
	audit --json 2>/dev/null | jq -r "select(.check == \"$1\") | .account // .subject"
}

acls >"$T/before"
is "the group's TRUNCATE is found" "$(findings A1)" app
status_is "the script" 0 audit --script
cp "$T/out" "$T/fix.sql"
status_is "the script that takes it back" 0 audit --undo-script
cp "$T/out" "$T/undo.sql"
is "it goes to every database" "$(grep -c '^\\connect' "$T/fix.sql")" "${#names[@]}"
status_is "psql runs the script" 0 psql -Xq -v ON_ERROR_STOP=1 -d "$URL" -f "$T/fix.sql"
is "nothing is left" "$(findings A1)" ""
acls >"$T/after"
ok "it changed something" test "$(cat "$T/before")" != "$(cat "$T/after")"
status_is "and the inverse" 0 psql -Xq -v ON_ERROR_STOP=1 -d "$URL" -f "$T/undo.sql"
acls >"$T/back"
ok "which brings all back" diff "$T/before" "$T/back"

# ---- the repository ------------------------------------------------------------------------

mkdir -p "$T/repo/incoming"
is "on the data's file system" "$(audit -r "$T/repo" --json 2>/dev/null |
    jq -r 'select(.check == "B5") | .severity + " " + .subject')" "critical repository $T/repo"
is "one that is not there is unknown" "$(audit -r "$T/none" --json 2>/dev/null |
    jq -r 'select(.check == "B5") | .type')" unknown
audit -r "$T/repo" --canary --json >"$T/out" 2>/dev/null || true
is "the canary could be removed" "$(jq -r 'select(.check == "B6") | .severity' "$T/out")" critical
is "and was" "$(ls "$T/repo/incoming")" ""
status_is "a canary needs a repository" 64 audit --canary

# ---- accounts elsewhere --------------------------------------------------------------------

sed 's/production/staging/' "$T/policy.ini" >"$T/staging.ini"
privaudit -p "$T/staging.ini" --json "$URL" >"$T/staging.json" 2>/dev/null || true
is "an account of another environment" "$(audit --also "$T/staging.json" --json 2>/dev/null |
    jq -r 'select(.check == "B8") | .subject' | sort | tr '\n' ' ')" "app boss "
audit --json >"$T/same.json" 2>/dev/null || true
status_is "the same environment" 78 audit --also "$T/same.json"
status_is "no output at all" 65 audit --also "$T/policy.ini"
printf 'DATABASE_URL=postgresql://app@db/shop\nPGUSER=boss\nPGPASSWORD=hunter2\n' >"$T/env"
audit --json >"$T/out" 2>/dev/null || true
is "a superuser in an application's file" \
    "$(jq -r 'select(.check == "B9") | .subject' "$T/out")" "boss in $T/env"
unlike "whose password is not told" "$(cat "$T/out")" hunter2

done_testing
