# The corruption table: every byte of every stored file flipped, every length cut to, every
# file removed, every two exchanged: all of it shows without a key.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"

new_repo "$T/repo"
enrol shop
ok "a small repository" "$B/flipall" make "$REPO" "$T/shop.source"
FILES=$(cd "$REPO" && find FORMAT journal packs snapshots logs -type f | sort)
is "has every kind of file" "$(cut -d/ -f1 <<<"$FILES" | uniq -c | tr -s ' \n' ' ')" \
    " 1 FORMAT 1 journal 3 logs 2 packs 4 snapshots "
ok "it is well" verify -r "$REPO" --read-data
cp -a "$REPO" "$T/intact"

# silent NAME flipall ...: it found nothing that goes undetected.
silent()
{
	local name=$1
	shift
	run "$@"
	is "$name" "$STATUS: $(head -n 5 "$T/out" "$T/err" | grep -v '^==>\|^$' | tr '\n' ';')" "0: "
}

for f in $FILES; do
	size=$(stat -c %s "$REPO/$f")
	silent "each of $size bytes flipped shows: ${f:0:60}" "$B/flipall" flips "$REPO" "$f"
	silent "each length short of them shows" "$B/flipall" cuts "$REPO" "$f"
	silent "and that it is gone" "$B/flipall" gone "$REPO" "$f"
done
# shellcheck disable=SC2086
silent "each two files exchanged show" "$B/flipall" swaps "$REPO" $FILES
ok "all is as it was" diff -r "$T/intact" "$REPO"

# A sample by the tool itself, and what it says.
flip()
{
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059
	printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

RANDOM=4711
for f in $FILES; do
	size=$(stat -c %s "$REPO/$f")
	wrong=
	for _ in 1 2 3; do
		at=$(((RANDOM * 32768 + RANDOM) % size))
		flip "$REPO/$f" "$at"
		run verify -q -r "$REPO" --read-data
		case $f:$STATUS in
		FORMAT:65 | FORMAT:78 | journal:65 | */*:1) ;;
		*) wrong+="byte $at: status $STATUS; " ;;
		esac
		cp "$T/intact/$f" "$REPO/$f"
	done
	is "verify sees it in ${f:0:60}" "$wrong" ""
done

# What fails while it is read is never taken for well, or for damage.

# sweep NAME CALL DIR ERRNO: the statuses of verify with each CALL failing in turn.
sweep()
{
	local n=0 statuses=
	while :; do
		n=$((n + 1))
		run fault "$2" "$n" "$4" "$3" verify -q --read-data
		[ "$(fault_seen)" -ge "$n" ] || break
		statuses+="$STATUS "
		[ "$STATUS" -eq 0 ] || [ -s "$T/err" ] || statuses+="in silence "
	done
	is "$1" "$(tr ' ' '\n' <<<"$statuses" | sed '/^$/d' | sort -u | tr '\n' ' ')" "$5"
	[ "$n" -gt 10 ] || is "$1: calls" "$n" "more than 10"
}

export BULKHEAD_REPO=$REPO
sweep "each open fails: unread, or an error" open "$REPO" EIO "3 74 "
sweep "each read fails: unread, or an error" pread "$REPO" EIO "3 74 "
if grep -q __asan_init "$(command -v verify)"; then
	skip "no memory is an error" "the sanitizer has a malloc of its own"
else
	sweep "no memory is an error" malloc "$REPO" ENOMEM "71 "
fi

done_testing
