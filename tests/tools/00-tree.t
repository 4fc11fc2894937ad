# The source tree itself: layers, and manual pages that mandoc has no complaint about.
. "$(dirname "$0")/../lib.sh"
cd "$ROOT"

ok "each folder of lib/ includes only lower ranks" scripts/check-layers

mkdir -p "$T/lib/base" "$T/lib/repo" "$T/lib/log"
echo '#include "log/seal.h"' >"$T/lib/repo/a.c"
echo '#include "base/err.h"' >"$T/lib/log/b.c"
status_is "an include of a higher rank is found" 1 scripts/check-layers "$T"
is "and named" "$(cat "$T/out")" 'lib/repo/a.c:1: lib/repo may not include log/seal.h'

lint()
{
	mandoc -Tlint -Wwarning "$1"
}
printf '.Dd 1 January 2026\n.Dt X 1\n.Os\n.Sh NAME\n.Nm x\n' >"$T/bad.1"
status_is "mandoc finds a page without a description" 2 lint "$T/bad.1"
for page in man/*.[1-9]; do
	[ ! -e "$page" ] || ok "$page is clean" lint "$page"
done
done_testing
