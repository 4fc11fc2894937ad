# Restored copies for the tools' tests: source it behind lib.sh and repo.sh.  bash; not run
# by itself.

# snap [OPTION...] DIR: a snapshot of the cluster DIR; its id in $ID.
snap()
{
	local dir=${*: -1}
	ID=$(snapshot -q --fast -r "$REPO" -s "$T/shop.source" "${@:1:$#-1}" "$(pg_url "$dir")")
}

# unpack ARG...: restore without notes, with the dba's key.
unpack()
{
	restore -q -r "$REPO" -k "$T/keys/dba.key" "$@"
}

# verified DIR: pg_verifybackup, where there is one of that version, accepts the copy and its WAL.
verified()
{
	pg_has_tools || return 0
	pg_tool "$PGVERSION" pg_verifybackup -q -i bulkhead "$1"
}

# link_tablespaces DIR: what an unpacked tar has as folders becomes links, as a server wants it.
link_tablespaces()
{
	local d
	for d in "$1"/pg_tblspc/*; do
		[ -d "$d" ] || continue
		mv "$d" "$1.$(basename "$d")"
		ln -s "$1.$(basename "$d")" "$d"
		[ "$(id -u)" -ne 0 ] || chown -R postgres: "$1.$(basename "$d")"
	done
}

# adopt DIR: make a server of the restored copy DIR that recovers by its own WAL and ends there
# (as no person should), with its own port, and start it.
adopt()
{
	rm -f "$1/recovery.signal" "$1/postgresql.auto.conf"
	mkdir -p "$1.lab"
	echo "$PGVERSION" >"$1.lab/version"
	free_port >"$1.lab/port"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$1" "$1.lab"
	chmod 700 "$1"
	pg_conf "$1" "port = $(cat "$1.lab/port")" "unix_socket_directories = '$1.lab'" \
	    "archive_mode = off" "primary_conninfo = ''"
	pg_start "$1"
	wait_until 60 recovered "$1"
}

recovered()
{
	[ "$(q "$1" 'select pg_is_in_recovery()')" = f ]
}

# standby DIR OF [CONF...]: a streaming standby of the cluster OF, made from our own tar.
standby()
{
	local dir=$1 of=$2
	shift 2
	mkdir -p "$dir" "$dir.lab"
	snapshot -q --fast -o - "$(pg_url "$of")" | tar xf - -C "$dir"
	link_tablespaces "$dir"
	echo "$PGVERSION" >"$dir.lab/version"
	free_port >"$dir.lab/port"
	pg_conf "$dir" "port = $(cat "$dir.lab/port")" "unix_socket_directories = '$dir.lab'" \
	    "primary_conninfo = '$(pg_url "$of")'" "$@"
	touch "$dir/standby.signal"
	[ "$(id -u)" -ne 0 ] || chown -R postgres: "$dir" "$dir.lab"
	chmod 700 "$dir"
	pg_start "$dir"
}
