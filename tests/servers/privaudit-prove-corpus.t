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

# Nothing to try: states of the server, and what is our own on a copy (pg_hba.conf, settings).
MOOT=' B4 B5 B6 B7 B8 B9 H1 P1 S1 U1 '

# What no statement of ours can try: it needs another server, somebody else's session, or
# what only the function's author knows.
UNTRIED=' f1-c f2-cast f5-dblink f5-untrusted f6-loopback f6-loopback-no-password f6-subscription-owner-15
f6-subscription-owner-16 r4-pg-signal-backend r4-subscription '

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off"
pg_start "$T/db"
pg_bare
# Rights in no database need one to be tried in.
in_db postgres -c "create database a_open"
echo "[target] env=staging owner=keeper
[role postgres] class=admin" >"$T/policy"

# ---- one server of them all ---------------------------------------------------

n=0
for case in "$ROOT"/tests/corpus/pg/*.case; do
	n=$((n + 1))
	corpus_applies "$case" || continue
	check=$(corpus_head "$case" check)
	case $MOOT in
	*" $check "*) continue ;;
	esac
	together_case "$n" "$case" || continue
	# Code that runs for each row needs one.
	in_db "case_$n" -c "insert into sales.orders default values" >/dev/null 2>&1 || true
	who=$(corpus_who "$case" | own_names "$n" "$case")
	printf '%s\t%s\t%s\t%s\n' "$(basename "$case" .case)" "$check" \
	    "$(corpus_head "$case" sink)" "${who//$'\n'/\\n}" >>"$T/wanted"
done

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
	case $UNTRIED in
	*[[:space:]]"$name"[[:space:]]*) want='^finding (not tried|confirmed): ' ;;
	*) want='^(finding confirmed|fault not tried): ' ;;
	esac
	like "$name: $check of $who to $sink" "${came:-not found}" "$want"
done <"$T/wanted"

# A refusal would mean that the judge is wrong somewhere else.
is "nothing is refuted" "$(grep -F ' refuted: ' "$T/found")" ""
done_testing
