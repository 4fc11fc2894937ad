# matrix
# privaudit prove on all bad PostgreSQL servers of the corpus, put together into one: what
# the corpus says must be found is confirmed by trying.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../snapshots.sh"

BULKHEAD_PG_BIN=$(pg_bin)	# those of the matrix are not where one would look
export BULKHEAD_PG_BIN
namespaces && MORE=() || MORE=(--with-network)

# States of the server, which nobody could try: faults, not paths.
STATES=' B4 B5 B6 B7 B8 B9 P1 S1 U1 '

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off"
pg_start "$T/db"
pg_bare
# Rights in no database need one to be tried in.
in_db postgres -c "create database a_open"
echo "[target] env=staging owner=keeper
[role postgres] class=admin" >"$T/policy"

# What follows is never loaded: the copy's server reads it.
printf '%s\n' "# of them all" "local all all peer" "host all postgres 127.0.0.1/32 trust" \
    "host all all 127.0.0.1/32 scram-sha-256" >"$T/hba"

# ---- one server of them all ---------------------------------------------------

n=0
for case in "$ROOT"/tests/corpus/pg/*.case; do
	n=$((n + 1))
	corpus_applies "$case" || continue
	check=$(corpus_head "$case" check)
	case "$STATES $check $(corpus_head "$case" account)" in
	*" $check "*" $check "* | *" H1 pg_"*) continue ;;
	esac
	# Of pg_hba.conf it thinks that it has it for itself.
	cat "$T/hba" >"$T/db/pg_hba.conf"
	together_case "$n" "$case" || continue
	grep -vxF -f "$T/hba" "$T/db/pg_hba.conf" >>"$T/hba.more" || true
	# Code that runs for each row needs one.
	in_db "case_$n" -c "insert into sales.orders default values" >/dev/null 2>&1 || true
	who=$(corpus_who "$case" | own_names "$n" "$case")
	printf '%s\t%s\t%s\t%s\n' "$(basename "$case" .case)" "$check" \
	    "$(corpus_head "$case" sink)" "${who//$'\n'/\\n}" >>"$T/wanted"
done

cat "$T/hba.more" "$T/hba" >"$T/db/pg_hba.conf"
new_repo "$T/repo"
enrol corpus
snapshot -q --fast -r "$REPO" -s "$T/corpus.source" "$(pg_url "$T/db")" >/dev/null
pg_stop "$T/db"

# ---- the proofs ---------------------------------------------------------------

run privaudit prove -q --json -k "$T/keys/dba.key" -r "$REPO" -n corpus -p "$T/policy" \
    ${MORE[@]+"${MORE[@]}"}
is "something is confirmed: 1" "$STATUS" 1
lab_show "$T/err"
jq -r 'select(.proof) | [.check, .sink, .account // .subject,
    "\(.type) \(.proof.outcome): \(.proof.statement // "" | .[:300]): \(.proof.words // "")"] |
    map(gsub("\n"; "\\n")) | join("\t")' "$T/out" >"$T/found"
while IFS=$'\t' read -r name check sink who; do
	came=$(W=$who awk -F '\t' -v c="$check" -v s="$sink" \
	    '$1 == c && $2 == s && $3 == ENVIRON["W"] { print $4; exit }' "$T/found")
	want='^(finding confirmed|fault not tried): '
	like "$name: $check of $who to $sink" "${came:-not found}" "$want"
done <"$T/wanted"

# A refusal would mean that the judge is wrong somewhere else.
is "nothing is refuted" "$(grep -F ' refuted: ' "$T/found")" ""
done_testing
