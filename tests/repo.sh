# Repositories for the tools' tests: source it behind lib.sh.  bash; not run by itself.
#
#	. "$(dirname "$0")/../lib.sh"
#	. "$(dirname "$0")/../repo.sh"
#	new_repo "$T/repo"; enrol shop
#	snapshot -r "$REPO" -s "$T/shop.source" "$(pg_url "$T/db")"
#
# Keys are $T/keys/{a,b,c}.key (approvers, two of three) and $T/keys/{dba,spare}.key
# (restore); all tools remember in $T/state.

export BULKHEAD_STATE="$T/state"

# new_repo DIR: makes the keys unless they are there, and the repository; its path in $REPO,
# its id in $REPO_ID.
new_repo()
{
	local k
	mkdir -p "$T/keys"
	for k in approver/a approver/b approver/c restore/dba restore/spare; do
		[ -e "$T/keys/${k#*/}.key" ] ||
		    strongbox keygen "${k%/*}" "$T/keys/${k#*/}.key" >/dev/null
	done
	REPO=$1
	REPO_ID=$(cd "$T/keys" && strongbox init -r "$1" -a a.key -a b.key -a c.key \
	    -R dba.pub -R spare.pub)
	export REPO REPO_ID
}

# enrol NAME [OPTION...]: the source file is $T/NAME.source.
enrol()
{
	local name=$1
	shift
	strongbox enrol -q -r "$REPO" -n "$name" -a "$T/keys/a.key" -a "$T/keys/b.key" \
	    -o "$T/$name.source" "$@"
}
