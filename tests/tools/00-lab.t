# The laboratory proves itself: its assertions can fail, its servers start and die.
# matrix
. "$(dirname "$0")/../lib.sh"

# One small script under test: its TAP on stdout, its exit status.
script()
{
	printf '. "%s/tests/lib.sh"\n%s\n' "$ROOT" "$1" >"$T/inner.t"
	bash "$T/inner.t"
}
inner()
{
	local name=$1 body=$2 want=$3
	run script "$body"
	like "$name" "$(cat "$T/out")" "$want"
}

inner "ok fails with a command that fails" 'ok x false; done_testing' '^not ok 1 - x$'
inner "is fails for different text" 'is x a b; done_testing' '^not ok 1'
inner "like fails without a match" 'like x abc d; done_testing' '^not ok 1'
inner "unlike fails with a match" 'unlike x abc b; done_testing' '^not ok 1'
inner "status_is fails for another status" 'status_is x 3 false; done_testing' '^not ok 1'
inner "the plan counts the assertions" 'ok x true; ok y true; done_testing' '^1\.\.2$'
inner "a skipped assertion says so" 'skip x "no root"; done_testing' '^ok 1 - x # SKIP no root$'

tool='tool() { printf "$1" >&2; return $2; }; '
inner "fails_with takes one line" "$tool"'fails_with 66 "no .*y" tool "tool: no key\n" 66' '^ok 1'
inner "fails_with takes one hint" "$tool"'fails_with 66 no tool "tool: no\nhint\n" 66' '^ok 1'
inner "fails_with refuses three lines" "$tool"'fails_with 1 no tool "tool: no\na\nb\n" 1' '^not ok'
inner "fails_with refuses silence" "$tool"'fails_with 1 "" tool "" 1' '^not ok'
inner "fails_with wants the tool's name" "$tool"'fails_with 1 no tool "no\n" 1' '^not ok'
inner "fails_with wants the status" "$tool"'fails_with 65 no tool "tool: no\n" 1' '^not ok'
inner "fails_with wants the text" "$tool"'fails_with 1 yes tool "tool: no\n" 1' '^not ok'
told='told() { printf "$1" >"$T/t.err"; told_once x "$T/t.err"; }; '
inner "told_once takes a line and a hint" "$told"'told "tool: no\ntool: hint: do\n"; done_testing' '^ok 1'
inner "told_once refuses two lines" "$told"'told "tool: no\ntool: nor that\n"; done_testing' '^not ok'
inner "told_once refuses silence" "$told"'told ""; done_testing' '^not ok'

run script 'ok x true; false; done_testing'
is "a failing command ends the script" "$STATUS" 1
unlike "without a plan" "$(cat "$T/out")" '^1\.\.'
run script 'echo "$T"; spawn s sleep 100; echo $PID; (cd "$T" && exec sleep 100) & echo $!'
{ read -r dir; read -r one; read -r two; } <"$T/out"
ok "no process is left behind" eval "gone $one && gone $two"
ok "and no folder" test ! -e "$dir"

status_is "wait_until gives up at its deadline" 1 wait_until 1 false
later() { [ -e "$T/later" ] || ! touch "$T/later"; }
ok "wait_until repeats until success" wait_until 5 later

pg_init "$T/db"
pg_start "$T/db"
like "the server is of the version asked for" "$(q "$T/db" 'show server_version')" "^$PGVERSION\."
is "statements run one by one" "$(q "$T/db" 'create table t(a int)' \
    'insert into t values (1), (2)' 'select count(*), sum(a) from t')" '2|3'
is "it checks its pages" "$(q "$T/db" 'show data_checksums')" on
ok "it answers over TCP as well" psql -Xqd "$(pg_url "$T/db" host=127.0.0.1)" -c 'select 1'
ok "and to replication" psql -Xqd "$(pg_url "$T/db" replication=true)" -c IDENTIFY_SYSTEM

ok "a sound database passes" amcheck "$T/db"
file=$T/db/$(q "$T/db" "select pg_relation_filepath('t')")
q "$T/db" checkpoint
if pg_has_tools; then
	ok "the server's own tools run" pg_tool "$PGVERSION" pg_waldump -n 1 \
	    "$(ls -d "$T/db/pg_wal/"0*)"
else
	skip "the server's own tools run" "no tools of PostgreSQL $PGVERSION"
fi

pg_kill9 "$T/db"
ok "kill -9 leaves no process of the server" lab_quiet
ok "and its pid file, as a power cut would" test -e "$T/db/postmaster.pid"
pg_start "$T/db"
is "what was committed is there again" "$(q "$T/db" 'select sum(a) from t')" 3
pg_stop "$T/db"
ok "a stopped server leaves no process" lab_quiet

# Beyond the page header nothing but the checksum tells; so damage a line pointer.
printf '\377\377' | dd of="$file" bs=1 seek=24 conv=notrunc status=none
pg_conf "$T/db" 'ignore_checksum_failure = on'
pg_start "$T/db"
status_is "a broken table does not pass" 1 amcheck "$T/db"
like "and is named" "$(cat "$T/out")" '^t\|0\|'
rm -rf "$T/db"
ok "a server without its folder is killed all the same" pg_kill9 "$T/db"

if [ "$(id -u)" -eq 0 ]; then
	small_disk "$T/full" 64k
	status_is "a small disk fills up" 1 dd if=/dev/zero of="$T/full/x" bs=4k count=100
else
	skip "a small disk fills up" "needs root"
fi
done_testing
