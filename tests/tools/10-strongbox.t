# strongbox: keys, founding, enrolling, looking inside; and that a repository survives
# what happens to its keeper.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../repo.sh"
. "$(dirname "$0")/../manual.sh"

K=$T/keys
mkdir "$K"

# ---- keygen

ok "a key is made" strongbox keygen restore "$K/dba.key"
like "its public half is printed" "$(cat "$T/out")" '^restore:dba:[0-9a-f]{64}$'
is "the secret half is the owner's alone" "$(stat -c %a "$K/dba.key")" 600
is "the public half is everybody's" "$(stat -c %a "$K/dba.pub")" 644
ok "any name will do" strongbox keygen verifier "$K/other" -N night-watch
ok "and has its public half beside it" grep -q '^name night-watch$' "$K/other.pub"
before=$(cat "$K/dba.key")
fails_with 74 'dba.key: .*File exists' strongbox keygen restore "$K/dba.key"
is "a key is never overwritten" "$(cat "$K/dba.key")" "$before"
fails_with 64 'not a class of keys: "master"' strongbox keygen master "$K/x.key"
fails_with 64 'keygen takes 2 operands, not 1' strongbox keygen restore
fails_with 66 'no/x.key.*: No such file' strongbox keygen restore "$K/no/x.key"

# ---- init

new_repo "$T/repo"
like "the repository's id is printed" "$REPO_ID" '^[0-9a-f]{64}$'
is "it is the hash of the founding statement" \
    "$(head -n 1 "$REPO/journal" | cut -d ' ' -f 7- | tr -d '\n' | b2sum -l 256)" "$REPO_ID  -"
is "nobody else may look inside" "$(stat -c %a "$REPO")" 700
approvers() { printf -- "-a $K/%s.key " "$@"; }
restore() { printf -- "-R $K/%s.pub " "$@"; }
init() { strongbox init -r "$T/new" "$@"; }
A=$(approvers a b c) R=$(restore dba spare)
fails_with 74 'the folder is not empty' strongbox init -r "$REPO" $A $R
fails_with 64 'which repository' strongbox init $A $R
fails_with 64 'one approver alone could have' strongbox init -r "$T/new" $(approvers a) $R
fails_with 64 'loses the only restore key' strongbox init -r "$T/new" $A $(restore dba)
fails_with 64 'a quorum of 4 of 3' strongbox init -r "$T/new" $A $R --quorum 4
fails_with 77 'a restore secret key; a restore public key is needed' \
    strongbox init -r "$T/new" $A -R "$K/dba.key" -R "$K/spare.pub"
fails_with 77 'a restore secret key; a approver secret key is needed' \
    strongbox init -r "$T/new" -a "$K/dba.key" $A $R
fails_with 64 'key dba is given twice' strongbox init -r "$T/new" $A $(restore dba dba)
fails_with 78 'knows repositories in a path only' strongbox init -r ssh://vault/srv $A $R
ok "nothing was made of all that" test ! -e "$T/new/journal"
ok "it can be founded alone" \
    strongbox init -r "$T/solo" $(approvers a) $(restore dba) --solo --single-key
like "which gives up a promise" "$(cat "$T/err")" '^strongbox: .*--solo gives up a promise'
like "or two" "$(cat "$T/err")" '^strongbox: .*--single-key gives up a promise'

# ---- enrol

enrol_as() { strongbox enrol -r "$REPO" -n "$1" -o "$T/$1.source" "${@:2}"; }
ok "two of three enrol a source" enrol_as shop $(approvers c a)
is "its file is the owner's alone" "$(stat -c %a "$T/shop.source")" 600
ok "it pins the repository" grep -qx "repository $REPO_ID" "$T/shop.source"
is "it seals to both restore keys" "$(grep -c '^restore restore:' "$T/shop.source")" 2
ok "its environment is production" grep -qx 'environment production' "$T/shop.source"
fails_with 77 'signed by 1 of the 2 approvers' \
    strongbox enrol -r "$REPO" -n x -o "$T/x" $(approvers a)
fails_with 65 'signed twice by one key' \
    strongbox enrol -r "$REPO" -n x -o "$T/x" $(approvers a a)
fails_with 74 'source shop is enrolled already' strongbox enrol -r "$REPO" -n shop -o "$T/x" $A
fails_with 74 'shop.source: exists already' \
    strongbox enrol -r "$REPO" -n x -o "$T/shop.source" $A
fails_with 64 'not a name for a source: "X"' strongbox enrol -r "$REPO" -n X -o "$T/x" $A
fails_with 64 'not an environment: "prod"' \
    strongbox enrol -r "$REPO" -n x -o "$T/x" $A --env prod
fails_with 64 'no source \(-n\) given' strongbox enrol -r "$REPO" -o "$T/x" $A
fails_with 66 'No such file' strongbox enrol -r "$REPO" -n x -o "$T/no/x" $A
fails_with 66 'no source x to replace' strongbox enrol -r "$REPO" -n x -o "$T/x" $A --replace
cp "$K/a.key" "$K/open.key"
chmod 644 "$K/open.key"
fails_with 77 'a secret key that others can use \(mode 0644\)' \
    strongbox enrol -r "$REPO" -n x -o "$T/x" -a "$K/open.key" -a "$K/b.key"
strongbox keygen approver "$K/stranger.key" >/dev/null
fails_with 77 'not known|no say' \
    strongbox enrol -r "$REPO" -n x -o "$T/x" -a "$K/a.key" -a "$K/stranger.key"
is "of all that nothing was made" "$(ls "$T"/x* 2>/dev/null; wc -l <"$REPO/journal")" 2

cp "$T/shop.source" "$T/old"
rm "$T/shop.source"
ok "a lost source file can be replaced" enrol_as shop $A --replace --env staging
unlike "by another key" "$(cat "$T/shop.source")" "^$(grep ^secret "$T/old")$"

# ---- looking inside

export BULKHEAD_REPO=$REPO
like "the sources are listed" "$(strongbox list)" \
    '^shop +staging +- +[0-9a-f]{16} +20[0-9T:-]+Z +20'
like "one can be shown" "$(strongbox show shop)" '^shop +staging'
fails_with 66 'no source or snapshot nix' strongbox show nix
fails_with 66 'no source nix' strongbox list -n nix
types()
{
	perl -MJSON::PP -ne 'my $o = decode_json($_); die unless $o->{v} == 1;
	    print "$o->{type} "'
}
said()
{
	perl -MJSON::PP -ne 'my $o = decode_json($_); my $f = $o->{fields};
	    print "@{$o->{signers}} $f->{source} $f->{environment}\n" if ($o->{seq} // 0) == 1'
}
is "the list as JSON" "$(strongbox list --json | types)" "source result "
is "the journal as JSON" "$(strongbox journal --json | types)" \
    "statement statement statement result "
is "with all that was said" "$(strongbox journal --json | said)" "c a shop production"
like "the journal for people" "$(strongbox journal)" \
    '^0 20[0-9T:-]+Z a\+b\+c found version=1 quorum=2 key=approver:a key='
is "or as it is" "$(strongbox journal --raw)" "$(cat "$REPO/journal")"
run strongbox show nix --json
like "a failure is JSON, too" "$STATUS $(tail -n 1 "$T/out")" \
    "^66 .*\"status\":66,\"error\":\"repository $REPO: no source or snapshot nix\",\"kind\":\"notfound\""
ok "help is no error" strongbox --help
like "and names the commands" "$(cat "$T/out")" 'strongbox enrol '
ok "each command has its own" strongbox enrol --help
like "with its options" "$(cat "$T/out")" '--replace'
like "the version" "$(strongbox --version)" "^strongbox $(cat "$ROOT/VERSION")$"
fails_with 64 'no command given' strongbox
fails_with 64 'unknown command "enroll"' strongbox enroll
fails_with 64 'unknown option' strongbox list --solo
fails_with 64 'raw and --json exclude' strongbox journal --raw --json
into_full_disk() { strongbox journal >/dev/full; }
status_is "what cannot be printed is a failure" 74 into_full_disk

# ---- the wrong repository, and the wrong past

fails_with 66 'none: there is none' strongbox list -r "$T/none"
fails_with 78 'in a path only' strongbox list -r s3://bucket
fails_with 77 "another repository: its id is $REPO_ID, not the pinned" \
    strongbox list --pin "$(printf %064d 7)"
fails_with 64 'option --pin: not a repository id' strongbox list --pin 7
ok "the right pin" strongbox list --pin "$REPO_ID"

cp "$REPO/journal" "$T/journal"
head -n 2 "$T/journal" >"$REPO/journal"
fails_with 65 'journal: shorter: it ends with line 1, and line 2 was seen here before' \
    strongbox list
like "with a hint" "$(cat "$T/err")" 'rolled back, or this is another copy'
fails_with 65 'shorter' strongbox enrol -n x -o "$T/x" $A
ok "another machine cannot know" strongbox list --state "$T/fresh"
strongbox enrol -q --state "$T/fresh" -n other -o "$T/other.source" $A
fails_with 65 'journal: forked: it ends with line 2, and line 2 was seen here before' \
    strongbox list
cp "$T/journal" "$REPO/journal"
ok "the right past" strongbox list

sed '2s/production/Production/' "$T/journal" >"$REPO/journal"
fails_with 65 'journal: line 1: damaged' strongbox list
cp "$T/journal" "$REPO/journal"

# ---- the examples of the manual pages

# by_book TEXT: what an example of bulkhead-repository(5) prints, in the folder at hand.
by_book()
{
	example bulkhead-repository.5 "$1" >"$T/example.sh"
	[ -s "$T/example.sh" ] && bash "$T/example.sh"
}
cd "$REPO"
is "a good chain, without any of our tools" "$(by_book 'Check the chain')" ""
sed -i '2s/production/Production/' journal
is "a damaged one" "$(by_book 'Check the chain')" "line 1 is damaged"
cp "$T/journal" journal
is "the repository's id" "$(by_book 'Compute the repository id')" "$REPO_ID  -"
mkdir -p "$T/book/packs/shop/ab"
cd "$T/book"
echo "5 h 2026-11-22T10:00:00.000000Z b 1 s snapshot actor=a count=1 last=0 source=shop id=A" \
    >journal
is "the snapshots" "$(by_book 'When was each snapshot')" \
    "2026-11-22T10:00:00.000000Z source=shop id=A"
echo pack >pack
cp pack "packs/shop/ab/$(b2sum -l 256 pack | cut -d ' ' -f 1)"
is "a good pack" "$(by_book 'Check all packs')" ""
cp pack packs/shop/ab/0123
is "a bad one" "$(by_book 'Check all packs')" "0123 is bad"

mkdir "$T/ceremony"
cd "$T/ceremony"
for text in 'Three approvers and two' 'The founding ceremony' 'Enrol a database server' \
    'What is there, and who'; do
	example strongbox.1 "$text" | sed "s|/srv/vault|$T/ceremony/vault|" >"$T/example.sh"
	ok "strongbox(1): $text" bash -e "$T/example.sh"
done
like "they end with a source" "$(cat "$T/out")" ' anna\+ben enrol source=shop '
cd "$T"

# ---- appends that were cut off

printf '3 0123' >>"$REPO/journal"
ok "a cut-off append is no damage" strongbox list
like "but told" "$(cat "$T/err")" '^strongbox: .*append that was cut off'
enrol_as next $A -q 2>/dev/null
is "the next commit removes it" "$(strongbox list --json 2>&1 | types)" "source source result "

# ---- the keeper dies, or its disk does

# sweep HOW WHAT CMD...: let every call of CMD below $T/vault fail once, or kill it there;
# behind each CHECK must hold.
sweep()
{
	local how=$1 name=$2 n bad= hits=0
	shift 2
	for ((n = 1; n < 300; n++)); do
		reset
		run fault all "$n" "$how" "$T/vault" "$@"
		[ -n "$(fault_hit)" ] || break
		hits=$((hits + 1))
		check "$STATUS" >"$T/check" 2>&1 ||
		    bad="$bad $n($(fault_hit): $(tail -n 1 "$T/check"))"
	done
	is "$name: at each of $hits calls" "$bad" ""
	ok "there were some" test "$hits" -ge 20
}

# Founding: the id was printed and the repository is whole, or it can be founded anew.
reset() { rm -rf "$T/vault" "$T/state-v"; mkdir "$T/vault"; }
found() { strongbox init --state "$T/state-v" -r "$T/vault/r" $A $R; }
check()
{
	[ "$1" -ne 0 ] || { strongbox list -r "$T/vault/r" --state "$T/state-v" && return; }
	if strongbox list -r "$T/vault/r" --state "$T/fresh-v"; then
		return
	fi
	[ "$1" -eq 137 ] || [ "$(wc -l <"$T/err")" -le 2 ] || { cat "$T/err"; return 1; }
	rm -rf "$T/vault/r"
	found
}
sweep EIO "a failing disk leaves a repository or none" found
sweep KILL "a killed founder leaves a repository or none" found

# Enrolling: a source that is listed has its file, and one that is not has none.
reset; found >/dev/null
cp -a "$T/vault" "$T/vault.0"
cp -a "$T/state-v" "$T/state-v.0"
reset()
{
	rm -rf "$T/vault" "$T/state-v" "$T"/late*
	cp -a "$T/vault.0" "$T/vault"
	cp -a "$T/state-v.0" "$T/state-v"
}
# at_vault COMMAND...: with the vault and what is remembered of it.
at_vault() { strongbox "$@" -q --state "$T/state-v" -r "$T/vault/r"; }
late() { at_vault enrol -n "${1:-late}" -o "$T/${1:-late}.source" $A; }
listed() { at_vault list | grep -q '^late '; }
check()
{
	[ "$1" -eq 0 ] || [ "$1" -eq 137 ] || [ "$(wc -l <"$T/err")" -le 2 ] || return 1
	if listed; then
		ls "$T"/late.source* && late late2
	else
		[ "$1" -ne 0 ] && [ ! -e "$T/late.source" ] && rm -f "$T"/late.source* &&
		    late && listed
	fi
}
sweep EIO "a failing disk leaves a source with its file or none" late
sweep KILL "a killed keeper leaves a source with its file or none" late

# Without memory: one line, and status 71.
if grep -q __asan_init "$(command -v strongbox)"; then
	skip "without memory it says so" "the sanitizer has a malloc of its own"
else
	reset
	hits=0 bad=
	for ((n = 1; n < 300; n++)); do
		run fault malloc "$n" ENOMEM "$T" late
		[ -n "$(fault_hit)" ] || break
		hits=$((hits + 1))
		[ "$STATUS $(wc -l <"$T/err")" = "71 1" ] || [ "$STATUS" -eq 0 ] || bad="$bad $n"
		reset
	done
	is "without memory it says so: at each of $hits calls" "$bad" ""
	ok "there were some" test "$hits" -ge 20
fi

# A power cut behind a successful command takes nothing back.
rm -rf "$T/vault" "$T/state-v" "$T"/late*
power_on "$T/vault"
powered "$T/vault" strongbox init --state "$T/state-v" -r "$T/vault/r" $A $R >/dev/null
power_cut "$T/vault" >/dev/null
ok "founding is durable" strongbox list --state "$T/state-v" -r "$T/vault/r"
powered "$T/vault" at_vault enrol -n late -o "$T/vault/late" $A
power_cut "$T/vault" >/dev/null
ok "enrolling is durable" listed
ok "and the source file, too" test -s "$T/vault/late"

if [ "$(id -u)" -eq 0 ]; then
	small_disk "$T/small" 128k
	at_small() { strongbox "$@" -q --state "$T/small-state" -r "$T/small/r"; }
	enrol_small() { at_small enrol -n "full-$1" -o "$T/full-$1" $A; }
	at_small init $A $R >/dev/null
	dd if=/dev/zero of="$T/small/fill" bs=1k 2>/dev/null || true
	n=0	# the journal's last page still has room for some
	while [ $n -lt 20 ] && enrol_small $n 2>/dev/null; do n=$((n + 1)); done
	is "it begins with room" "$([ $n -lt 10 ] && echo yes)" yes
	status_is "a full disk is told" 74 enrol_small $n
	is "in one line" "$(cat "$T/err")" \
	    "strongbox: repository $T/small/r: enrol: journal: write: No space left on device"
	ok "there is no source file" eval '! ls "$T"/full-$n*'
	is "and nothing else was lost" "$(at_small list | grep -c '^full-')" $n
	rm "$T/small/fill"
	ok "with space again it succeeds" enrol_small $n
	mount -o remount,ro "$T/small"
	ok "a read-only repository can be read" \
	    strongbox list --state "$T/other-state" -r "$T/small/r"
	fails_with 77 'Read-only file system' \
	    strongbox enrol --state "$T/small-state" -r "$T/small/r" -n ro -o "$T/ro" $A
	fails_with 77 'state folder: .*Read-only file system' \
	    strongbox list --state "$T/small/state"
else
	skip "a full disk" "needs root"
	skip "a read-only disk" "needs root"
fi
fails_with 77 'state folder: ' strongbox list --state "$T/journal/state"

done_testing
