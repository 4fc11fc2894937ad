# The fault sweep: call n of the file calls fails, for n = 1, 2, ... of a small run, and so
# does allocation n.  Each time the tool says in one clear line what could not be done and
# why, leaves nothing open and nothing behind, and its next run succeeds; and what was
# committed before still restores.  FULL=1 takes every n where the rest takes samples.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

# What can fail: repository, state folder, keys; and the directory that is restored into.
[ "$(id -u)" -ne 0 ] || small_disk "$T/m" 1g	# in memory: real syncs would only take time
W=$T/m/w
mkdir -p "$W"
export BULKHEAD_STATE=$W/state FAULT_LEAKS=1

# ---- the sweep

# The last run's end, after its call $1 failed: nothing when that was told as it must be.
judge()
{
	local lines
	lines=$(wc -l <"$T/err")
	if [ "$STATUS" -eq 0 ]; then
		{ [ "$lines" -eq 0 ] && forgives "$1"; } || { [ "$lines" -eq 1 ] &&
		    grep -qE "^$TOOL: warning: ($REASON); going on without\$" "$T/err"; } ||
		    echo "exit status 0"
		return 0
	fi
	[ "$STATUS" -eq "$WANT" ] || echo "exit status $STATUS"
	[ "$lines" -eq 1 ] || { [ "$lines" -eq 2 ] && sed 1d "$T/err" | grep -q "^$TOOL: hint: "; } ||
	    echo "$lines lines"
	head -n 1 "$T/err" | grep -qE "^$TOOL: ($REASON)( \(.*\))?\$" || echo "no clear line"
}

# A call that may fail in silence: closing what was only read or is synced already, removing
# what is garbage, the pid that a lock holds for people to read (SPARE); memory for what there
# was no use for; opening a session's folder to remove it, which then stays.
forgives()
{
	case $1 in
	malloc) [ -s "$T/out" ] ;;
	open) ls -d "$REPO"/incoming/*/*-* >/dev/null 2>&1 ;;
	*) grep -qxE "$SPARE" <<<"$1" ;;
	esac
}
SPARE='close|unlink|ftruncate|pwrite'

# Temporary files that a failed run left; only removing one may fail.
left_over()
{
	[ "$hit" = unlink ] || find "$W" -name '*.tmp'
}

# sweep NAME CALL HOW DIR CMD: for n = 1, 2, ... runs CMD with call n failing below DIR, judges
# it, and then calls CMD_next, which prints what is wrong, and makes good.  SAMPLE=k takes one
# in k beyond the first and before the last 30.
sweep()
{
	local name=$1 call=$2 how=$3 dir=$4 cmd=$5 n=1 last hit='' wrong bad='' times=0
	run fault "$call" 0 EIO "$dir" "$cmd"
	last=$(fault_seen)
	"${cmd}_next" >"$T/next"
	while :; do
		run fault "$call" "$n" "$(errno_of "$how" "$n")" "$dir" "$cmd"
		hit=$(fault_hit)
		[ -n "$hit" ] || break
		times=$((times + 1))
		wrong=$(judge "$hit")
		[ -z "$wrong" ] || bad+="$n $hit: ${wrong//$'\n'/, }: $(tr '\n' '|' <"$T/err")"$'\n'
		wrong=$("${cmd}_next")
		[ -z "$wrong" ] || bad+="$n $hit: then: $wrong"$'\n'
		if [ "$n" -ge 30 ] && [ "$n" -lt $((last - 30)) ]; then
			n=$((n + ${SAMPLE:-1}))
		else
			n=$((n + 1))
		fi
	done
	lab_result "$([ -z "$bad" ] && [ "$times" -gt 0 ]; echo $?)" "$name: $how, $times of $last"
	[ -z "$bad" ] || diag "$bad"
	is "  and at last it succeeds" "$STATUS" 0
	"${cmd}_next"
}

# "EIO,ENOSPC": in turns.
errno_of()
{
	local how=(${1/,/ })
	echo "${how[$(($2 % ${#how[@]}))]}"
}

# In a line with the object, the step and the reason.
io_sweep()
{
	REASON='.+: [^:]+: (Input/output error|No space left on device)' WANT=74
	if [ -n "${FULL:-}" ]; then
		SAMPLE=1
		sweep "$1" all EIO "$2" "$3"
		sweep "$1" all ENOSPC "$2" "$3"
	else
		sweep "$1" all EIO,ENOSPC "$2" "$3"
	fi
}

memory_sweep()
{
	REASON='(.+: )?(out of memory|Cannot allocate memory)' WANT=71
	[ -z "${FULL:-}" ] || SAMPLE=1
	sweep "$1" malloc ENOMEM / "$2"
}

# ---- strongbox

new_repo "$T/first"		# makes the keys
cp -a "$T/keys" "$W/keys"
TOOL=strongbox

init()
{
	strongbox init -r "$W/new" -a "$W/keys/a.key" -a "$W/keys/b.key" -a "$W/keys/c.key" \
	    -R "$W/keys/dba.pub" -R "$W/keys/spare.pub"
}
# "... is made, but ..." when it is; otherwise one can simply try again.
init_next()
{
	if [ "$STATUS" -ne 0 ] && ! grep -q "is made, but" "$T/err"; then
		run init
		[ "$STATUS" -eq 0 ] || cat "$T/err"
	fi
	strongbox list -r "$W/new" >/dev/null || echo "no repository"
	left_over
	rm -rf "$W/new" "$BULKHEAD_STATE"
}
io_sweep "strongbox init" "$W" init
memory_sweep "strongbox init" init

new_repo "$W/repo"
cp -a "$REPO" "$BULKHEAD_STATE" "$T"
enrol()
{
	strongbox enrol -q -r "$REPO" -n shop -a "$W/keys/a.key" -a "$W/keys/b.key" -o "$W/shop.source"
}
# Either nothing happened, and it can be done again; or it is enrolled, and the file is there
# (under another name, which the hint tells) and works.
enrol_next()
{
	local file=$W/shop.source
	if [ "$STATUS" -ne 0 ] && ! strongbox list -r "$REPO" | grep -q "^shop "; then
		run enrol
		[ "$STATUS" -eq 0 ] || cat "$T/err"
	elif [ "$STATUS" -ne 0 ]; then
		grep -qE "is enrolled|committed" "$T/err" || echo "it does not say that it is enrolled"
		[ -e "$file" ] || file=$(sed -n 's/.*hint:.* its source file is //p' "$T/err")
	fi
	grep -q "^name shop\$" "$file" || echo "no source file"
	left_over
	rm -rf "$W"/shop.source* "$REPO" "$BULKHEAD_STATE"
	cp -a "$T/repo" "$T/state" "$W"
}
io_sweep "strongbox enrol" "$W" enrol
memory_sweep "strongbox enrol" enrol

list()
{
	strongbox list -r "$REPO"
}
list_next()
{
	[ "$STATUS" -ne 0 ] || grep -q "^SOURCE" "$T/out" || echo "nothing listed"
}
memory_sweep "strongbox list" list

# ---- snapshot: each of its calls, and then the next one

# A cluster with one database, so that a restore has few files.
pg_init "$T/db" --wal-segsize=1
pg_conf "$T/db" 'autovacuum = off' 'fsync = off'
pg_start "$T/db"
q "$T/db" "update pg_database set datistemplate = false" 'drop database template0' \
    'drop database template1' 'create table t as select 1 as a' checkpoint
enrol
mkdir "$W/host"
mv "$W/shop.source" "$W/host"
OLD=$(snapshot -q -r "$REPO" -s "$W/host/shop.source" --fast "$(pg_url "$T/db")")
rm -rf "$T/repo" "$T/state"
cp -a "$REPO" "$BULKHEAD_STATE" "$T"

TOOL=snapshot
snap()
{
	snapshot -q -r "$REPO" -s "$W/host/shop.source" --fast "$(pg_url "$T/db")"
}
# restored ID: its every byte is sound.
restored()
{
	restore -q -k "$W/keys/dba.key" -r "$REPO" "$1" -o - | tar -t
}
# What may lie in a repository between two runs.
layout()
{
	(cd "$REPO" && find . -type f | grep -vE '^\./(FORMAT|journal|lock|packs/shop/(..)/\2[0-9a-f]{62}|snapshots/shop/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(\.packs)?|logs/shop/[0-9]+-[0-9A-F]{8}/[0-9A-F]{16}\.[0-9]+|incoming/shop/(snapshot|log)\.lock)$' || true)
}
snap_next()
{
	local ids id new
	ids=$(strongbox list --json -r "$REPO" | sed -n 's/.*"type":"snapshot".*"id":"\([^"]*\)".*/\1/p')
	if [ "$STATUS" -ne 0 ] && [ "$ids" != "$OLD" ]; then
		grep -q committed "$T/err" || echo "it does not say that it is committed"
	fi
	for id in $ids; do
		restored "$id" >"$T/next" 2>&1 || { echo "$id:"; cat "$T/next"; }
	done
	left_over
	new=$(snap 2>"$T/next") || cat "$T/next"
	restored "$new" >"$T/next" 2>&1 || { echo "the next one:"; cat "$T/next"; }
	layout
	rm -rf "$REPO" "$BULKHEAD_STATE"
	cp -a "$T/repo" "$T/state" "$W"
}
io_sweep snapshot "$W" snap
SAMPLE=17 memory_sweep snapshot snap
is "the server keeps no slot of theirs" "$(q "$T/db" 'select count(*) from pg_replication_slots')" 0

# ---- restore: of the repository's calls, and of those on what it writes

TOOL=restore
back()
{
	restore -q -k "$W/keys/dba.key" -r "$REPO" "$T/m/back"
}
# What is not complete says so, and no server starts on it; what is there is sound.
back_next()
{
	if [ "$STATUS" -eq 0 ]; then
		grep -q '^complete 1$' "$T/m/back/bulkhead/stamp" || echo "not complete"
	elif grep -q '^complete 1$' "$T/m/back/bulkhead/stamp" 2>/dev/null; then
		[ "$hit" != rename ] || echo "complete after a failure"
	fi
	rm -rf "$T/m/back"
}
SPARE=close SAMPLE=13 io_sweep restore "$T/m" back
SAMPLE=29 memory_sweep restore back

# ---- logship: what it could not store it did not confirm, so the next run has it

TOOL=logship
ship()
{
	logship --once -q -r "$REPO" -s "$W/host/shop.source" "$(pg_url "$T/db")"
}
ship_next()
{
	left_over
	run logship --once -q -r "$REPO" -s "$W/host/shop.source" "$(pg_url "$T/db")"
	[ "$STATUS" -eq 0 ] || cat "$T/err"
	verify -q --read-data -r "$REPO" 2>&1 || echo "verify: $?"
	layout
	q "$T/db" 'insert into t values (2)'
}
# The log begins, and behind that a snapshot: the one from above is too old for it.
ok "the log begins" ship
ok "a snapshot" snap
io_sweep logship "$W" ship
SAMPLE=7 memory_sweep logship ship
ok "the whole log is sound" verify -q --deep -k "$W/keys/dba.key" -r "$REPO"
done_testing
