# The corpus of bad servers; sourced behind tests/lib.sh.
#
# A case is a file of plain text.  Its head tells what privaudit must find, a word a line:
#
#	# What it is about.
#	versions 15-18		only these server versions (also "16", "-15", "16-")
#	check O1		what must be found: the check,
#	account shop_app	who (for a fault: its subject),
#	sink DROP		and where it leads
#	severity critical	may be left out
#	path member of deploy	a regular expression that the finding's text matches; may be left out
#	fix none		when no SQL can mend it: an advice must stand there
#	policy [role shop_app] class=app db=shop
#
# Behind it, each with a line "--- NAME" in front, SQL for the server's own client:
#
#	--- bad		makes the bad server.  It must turn red.  The printed fix, run on it,
#			must make that finding disappear and no other appear, and the printed undo
#			must bring back exactly what was there.
#	--- good	a server that is set up well for the same purpose (may be left out): it must
#			show nothing that the empty server does not show.
#	--- mended	a query that must give nothing once the fix has run (may be left out)
#	--- end		what else must go for the next case (seldom needed)
#
# A script for one server family defines, and then calls corpus_run DIR/*.case:
#
#	family_new		an empty server state for a case
#	family_end FILE		take everything back; FILE: the case's own end, or ""
#	family_sql FILE		run that SQL as an administrator, in the case's database
#	family_fix FILE		run a printed fix or undo, as a person would
#	family_state		all that fixes can change, as text, in one form for one meaning
#	family_touched		what would show a write (counters, positions), as text
#	family_version		a number for `versions`
#	FAMILY_SERVER		for privaudit
#	FAMILY_POLICY		the policy's first lines, with target and administrator

# corpus_head CASE WORD: what follows the word, a line each.
corpus_head()
{
	sed -n "/^---/q; s/^$2 //p" "$1"
}

# corpus_part CASE NAME: the SQL of that part.
corpus_part()
{
	awk -v part="--- $2" '/^--- /{on = $0 == part; next} on' "$1"
}

corpus_has()
{
	grep -qx -e "--- $2" "$1"
}

# Is the case for this version?
corpus_applies()
{
	local want low high
	want=$(corpus_head "$1" versions)
	case $want in
	'') return 0 ;;
	*-*) low=${want%-*} high=${want#*-} ;;
	*) low=$want high=$want ;;
	esac
	awk -v v="$(family_version)" -v l="${low:-0}" -v h="${high:-99999}" \
	    'BEGIN { exit !(v + 0 >= l + 0 && v + 0 <= h + 0) }'
}

# corpus_audit NAME: privaudit's findings in $T/NAME.json and, a line each, NAME.list.
corpus_audit()
{
	local status=0
	privaudit --json -p "$T/policy" "$FAMILY_SERVER" >"$T/$1.json" 2>"$T/$1.err" || status=$?
	case $status in
	0 | 1 | 3) ;;
	*) lab_result 1 "privaudit ends with $status: $(cat "$T/$1.err")" ;;
	esac
	corpus_list "$1" >"$T/$1.list"
}

# corpus_pick NAME FIELD CHECK WHO SINK: that field of that finding; fails: there is none.
# Several findings may have one fix, which stands at the first of them.
corpus_pick()
{
	jq -ern --arg f "$2" --arg c "$3" --arg w "$4" --arg s "$5" '[inputs] as $all |
	    first($all[] |
	        select(.check == $c and .sink == $s and (.account // .subject) == $w)) |
	    .fix_of as $of |
	    if $of != null and ($f == "fix" or $f == "undo")
	    then $all[] | select(.fingerprint == $of) else . end |
	    .[$f] // ""' "$T/$1.json"
}

# corpus_list NAME: the findings, a line each, sorted.
corpus_list()
{
	jq -r 'select(.check) | "\(.check) \(.account // .subject // .what) \(.sink // "UNKNOWN")" |
	    gsub("\n"; "\\n")' "$T/$1.json" | LC_ALL=C sort -u
}

# What stands in the second file and not in the first.
corpus_new()
{
	LC_ALL=C comm -13 "$1" "$2"
}

# corpus_same NAME A B: equal files; shows the first differences.
corpus_same()
{
	if cmp -s "$2" "$3"; then
		lab_result 0 "$1"
	else
		lab_result 1 "$1"
		diag "$(diff "$2" "$3" | head -n 20)"
	fi
}

# The names of the roles and such in a case may hold \n, for newlines.
corpus_who()
{
	local who
	who=$(corpus_head "$1" account)
	printf '%b' "$who"
}

corpus_red()
{
	local case=$1 name=$2
	local want=$3 who=$4 sink=$5 text severity path
	if ! text=$(corpus_pick red text "$want" "$who" "$sink"); then
		lab_result 1 "$name: $want of ${who//$'\n'/\\n} to $sink is found"
		diag "$(cat "$T/red.list" "$T/red.err")"
		return 1
	fi
	lab_result 0 "$name: $want of ${who//$'\n'/\\n} to $sink is found"
	severity=$(corpus_head "$case" severity)
	[ -z "$severity" ] ||
	    is "$name: it is $severity" "$(corpus_pick red severity "$want" "$who" "$sink")" "$severity"
	path=$(corpus_head "$case" path)
	[ -z "$path" ] || like "$name: the path shows how" "${text//$'\n'/ }" "$path"
}

# The printed fix mends it and breaks nothing, and its undo brings everything back.
corpus_mend()
{
	local case=$1 name=$2 want=$3 who=$4 sink=$5
	corpus_pick red fix "$want" "$who" "$sink" >"$T/fix.sql"
	corpus_pick red undo "$want" "$who" "$sink" >"$T/undo.sql"
	if [ "$(corpus_head "$case" fix)" = none ]; then
		is "$name: no SQL is printed" "$(cat "$T/fix.sql")" ""
		like "$name: but an advice" "$(corpus_pick red advice "$want" "$who" "$sink")" .
		return
	fi
	family_state >"$T/state.bad"
	if ! family_fix "$T/fix.sql" >"$T/fix.out" 2>&1 || ! [ -s "$T/fix.sql" ]; then
		lab_result 1 "$name: the fix runs"
		diag "$(cat "$T/fix.sql" "$T/fix.out"; corpus_pick red advice "$want" "$who" "$sink")"
		return
	fi
	corpus_audit green
	if corpus_pick green text "$want" "$who" "$sink" >"$T/left"; then
		lab_result 1 "$name: the fix ends it"
		diag "$(cat "$T/fix.sql" "$T/left")"
	else
		lab_result 0 "$name: the fix ends it"
	fi
	is "$name: and no other appears" "$(corpus_new "$T/red.list" "$T/green.list")" ""
	if corpus_has "$case" mended; then
		corpus_part "$case" mended >"$T/mended.sql"
		is "$name: it is mended" "$(family_sql "$T/mended.sql")" ""
	fi
	if family_fix "$T/undo.sql" >"$T/fix.out" 2>&1; then
		family_state >"$T/state.undone"
		corpus_same "$name: the undo brings back what was there" "$T/state.bad" "$T/state.undone"
	else
		lab_result 1 "$name: the undo runs"
		diag "$(cat "$T/undo.sql" "$T/fix.out")"
	fi
}

corpus_bad()
{
	local case=$1 name=$2 before want who sink
	want=$(corpus_head "$case" check)
	who=$(corpus_who "$case")
	sink=$(corpus_head "$case" sink)
	corpus_part "$case" bad >"$T/bad.sql"
	if ! family_sql "$T/bad.sql" >"$T/bad.out" 2>&1; then
		lab_result 1 "$name: the bad server can be made"
		diag "$(tail -n 5 "$T/bad.out")"
		return
	fi
	before=$(family_touched)
	corpus_audit red
	is "$name: privaudit wrote nothing" "$(family_touched)" "$before"
	if corpus_red "$case" "$name" "$want" "$who" "$sink"; then
		corpus_mend "$case" "$name" "$want" "$who" "$sink"
	fi
}

corpus_good()
{
	local case=$1 name=$2
	corpus_part "$case" good >"$T/good.sql"
	if ! family_sql "$T/good.sql" >"$T/good.out" 2>&1; then
		lab_result 1 "$name: the good server can be made"
		diag "$(tail -n 5 "$T/good.out")"
		return
	fi
	corpus_audit good
	is "$name: its good twin is clean" "$(corpus_new "$T/base.list" "$T/good.list")" ""
}

corpus_case()
{
	local case=$1 name
	name=$(basename "$case" .case)
	corpus_applies "$case" || return 0
	{ echo "$FAMILY_POLICY"; corpus_head "$case" policy; } >"$T/policy"
	corpus_part "$case" end >"$T/end.sql"
	family_new
	! corpus_has "$case" good || corpus_audit base
	corpus_bad "$case" "$name"
	family_end "$T/end.sql"
	corpus_has "$case" good || return 0
	family_new
	corpus_good "$case" "$name"
	family_end "$T/end.sql"
}

# corpus_run CASE...: CORPUS (a pattern) picks some by name.
corpus_run()
{
	local case
	for case in "$@"; do
		case $(basename "$case" .case) in
		${CORPUS:-*}) corpus_case "$case" ;;
		esac
	done
}
