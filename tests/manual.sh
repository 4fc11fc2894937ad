# Examples of the manual pages, taken from the pages themselves, so that page and test
# cannot drift: source it behind lib.sh.  bash; not run by itself.
#
#	example restore.1 "The newest snapshot"		# what a reader would type
#	answer restore.1 "The newest snapshot"		# what the page says it prints

# The lines of the display below the line that begins with TEXT, as a reader sees them.
display()
{
	sed -n "/^$2/,/^\.Ed/p" "$ROOT/man/$1" | sed '1,/^\.Bd/d; /^\.Ed/d; s/\\e/\\/g'
}

# example PAGE TEXT: its commands.  Where one stands behind "$ ", the other lines are answers.
example()
{
	display "$@" >"$T/display"
	if grep -q '^\$ ' "$T/display"; then
		sed -n 's/^\$ //p' "$T/display"
	else
		cat "$T/display"
	fi
}

answer()
{
	display "$@" >"$T/display"
	! grep -q '^\$ ' "$T/display" || sed '/^\$ /d' "$T/display"
}

# examples PAGE: how many its section EXAMPLES has.
examples()
{
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SE/p' "$ROOT/man/$1" | grep -cE '^\.(Bd|Dl)'
}
