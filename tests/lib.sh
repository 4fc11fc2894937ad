# The laboratory: what every tests/*/*.t sources first.  bash; not run by itself.
#
#	. "$(dirname "$0")/../lib.sh"
#	pg_init "$T/db"; pg_start "$T/db"
#	is "the row is there" "$(q "$T/db" 'select 1')" 1
#	fails_with 66 'no such repository' snapshot -r "$T/none" "$(pg_url "$T/db")"
#	done_testing
#
# It gives a folder $T of its own, TAP, waiting with a deadline, and PostgreSQL.
# A command that fails outside of an assertion ends the script, and so counts as
# a failure.  The exit trap ends every process that still works below $T, and
# removes $T; KEEP=1 leaves $T for a look.
#
# From outside: B (the build tree; make sets it), PGVERSION (15), BULKHEAD_CACHE.

set -eEuo pipefail
ulimit -c 0

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
B=$(cd "${B:-$ROOT/build}" && pwd)
PGVERSION=${PGVERSION:-15}
CACHE=${BULKHEAD_CACHE:-/var/cache/bulkhead}
T=$(mktemp -d "${TMPDIR:-/tmp}/bh-XXXXXX")
chmod 755 "$T"		# the server's user must get in
export ROOT B PGVERSION T
unset BULKHEAD_REPO BULKHEAD_SOURCE BULKHEAD_STATE

# ---- ends -----------------------------------------------------------------

AT_EXIT=()

# at_exit CMD...: run when the script ends, last given first, before $T goes.
at_exit()
{
	AT_EXIT=("$(printf '%q ' "$@")" ${AT_EXIT[@]+"${AT_EXIT[@]}"})
}

# The processes whose working directory is $T or below: $T is new and ours
# alone, so they were started here; servers that a tool started among them.
lab_pids()
{
	find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' \
	    \( -lname "$T" -o -lname "$T/*" -o -lname "$T (deleted)" \) 2>/dev/null |
	    cut -d/ -f3 | grep -vx "$$" || true
}

lab_signal()
{
	local p
	for p in $(lab_pids); do
		kill "-$1" "$p" 2>/dev/null || true	# it may have ended by itself
	done
}

lab_quiet()
{
	[ -z "$(lab_pids)" ]
}

lab_end()
{
	local status=$? c
	[ "$BASHPID" -eq "$$" ] || exit "$status"	# a background job, killed before its exec
	trap - EXIT ERR
	trap '' HUP INT TERM	# once is enough; timeout sends it twice
	set +e
	cd /
	for c in $(jobs -pr); do
		kill -TERM "$c"
		kill -CONT "$c"
	done 2>/dev/null
	# QUIT is the server's immediate shutdown: it gives its shared memory back.
	lab_signal CONT
	lab_signal QUIT
	wait_until 5 lab_quiet || lab_signal KILL
	for c in $(jobs -pr); do
		wait_until 5 gone "$c" || kill -KILL "$c"
	done
	for c in ${AT_EXIT[@]+"${AT_EXIT[@]}"}; do
		eval "$c"
	done
	if [ -n "${KEEP:-}" ]; then
		echo "# kept: $T" >&2
	else
		rm -rf "$T"
	fi
	exit "$status"
}
trap lab_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap '[ "$BASHPID" -ne "$$" ] || diag "line $LINENO: failed ($?): $BASH_COMMAND"' ERR

# ---- TAP ------------------------------------------------------------------

TESTS=0

diag()
{
	sed 's/^/# /' <<<"$*" >&2
}

# lab_result 0|1 NAME: one TAP line; always returns 0, so that the script goes on.
lab_result()
{
	TESTS=$((TESTS + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $TESTS - $2"
	else
		echo "not ok $TESTS - $2"
		diag "$(basename "$0"): failed: $2"
	fi
}

lab_show()
{
	local f
	for f in "$@"; do
		[ ! -s "$f" ] || diag "$(basename "$f"): $(tail -n 20 "$f")"
	done
}

# run CMD...: its exit status in $STATUS, its output in $T/out and $T/err.
run()
{
	STATUS=0
	"$@" >"$T/out" 2>"$T/err" </dev/null || STATUS=$?
}

# ok NAME CMD...: the command succeeds.
ok()
{
	local name=$1
	shift
	status_is "$name" 0 "$@"
}

# status_is NAME STATUS CMD...: the command ends with that exit status.
status_is()
{
	local name=$1 want=$2
	shift 2
	run "$@"
	if [ "$STATUS" -eq "$want" ]; then
		lab_result 0 "$name"
	else
		lab_result 1 "$name"
		diag "exit status $STATUS, not $want: $*"
		lab_show "$T/out" "$T/err"
	fi
}

# is NAME GOT WANT: equal text.
is()
{
	if [ "$2" = "$3" ]; then
		lab_result 0 "$1"
	else
		lab_result 1 "$1"
		diag " got: $2"
		diag "want: $3"
	fi
}

# like NAME GOT REGEX; unlike: the (extended) expression matches a line, or none does.
like()
{
	if grep -qE -e "$3" <<<"$2"; then
		lab_result 0 "$1"
	else
		lab_result 1 "$1"
		diag "   got: $2"
		diag "unlike: $3"
	fi
}

unlike()
{
	if grep -qE -e "$3" <<<"$2"; then
		lab_result 1 "$1"
		diag " got: $2"
		diag "like: $3"
	else
		lab_result 0 "$1"
	fi
}

# fails_with STATUS REGEX CMD...: the exit status, and on stderr exactly one line
# "tool: ..." that matches, with at most one line of hint behind it.
fails_with()
{
	local want=$1 regex=$2 first lines name why=
	shift 2
	name=$(basename "$1")
	run "$@"
	first=$(head -n 1 "$T/err")
	lines=$(wc -l <"$T/err")
	[ "$STATUS" -eq "$want" ] || why="exit status $STATUS, not $want"
	[ "$lines" -ge 1 ] && [ "$lines" -le 2 ] || why="$why; $lines lines on stderr, not 1 or 2"
	[ "${first#"$name: "}" != "$first" ] || why="$why; the line does not begin with '$name: '"
	grep -qE -e "$regex" <<<"$first" || why="$why; no match: $regex"
	if [ -z "$why" ]; then
		lab_result 0 "$name fails with $want: $regex"
	else
		lab_result 1 "$name fails with $want: $regex"
		diag "${why#; }: $*"
		lab_show "$T/out" "$T/err"
	fi
}

# told_once NAME FILE: its stderr was one message, with a hint at most.
told_once()
{
	local lines
	lines=$(grep -vc '^[a-z-]*: hint: ' "$2" || true)
	if [ "$lines" -eq 1 ] && [ "$(wc -l <"$2")" -le 2 ]; then
		lab_result 0 "$1"
	else
		lab_result 1 "$1"
		lab_show "$2"
	fi
}

# judges_within STATUS NAME SERVER [OPTION...]: privaudit by $T/policy ends so, with 20 s and
# 200 MiB at most; what it prints is in $T/NAME.
judges_within()
{
	local want=$1 name=$2 server=$3 seconds kib status=0
	shift 3
	/usr/bin/time -q -f '%e %M' -o "$T/time" privaudit "$@" -p "$T/policy" "$server" \
	    >"$T/$name" 2>"$T/err" || status=$?
	read -r seconds kib <"$T/time"
	echo "# $name: $seconds s, $((kib / 1024)) MiB"
	is "$name: it judged" "$status" "$want"
	ok "$name: in 20 s" test "${seconds%.*}" -lt 20
	ok "$name: with 200 MiB" test "$kib" -lt $((200 * 1024))
}

# skip NAME WHY: one assertion that cannot be made on this machine.
skip()
{
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2"
}

# skip_all WHY: before the first assertion.
skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

# The last line of every script; without it the script counts as died.
done_testing()
{
	[ "$TESTS" -gt 0 ]
	echo "1..$TESTS"
}

# ---- waiting and processes ------------------------------------------------

# wait_until SECONDS CMD...: repeat the command until it succeeds; 1 at the deadline.
wait_until()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# gone PID: it has ended (a zombie, whom nobody has waited for yet, has ended too).
gone()
{
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	stat=${stat##*) }
	[ "${stat%% *}" = Z ]
}

# spawn NAME CMD...: in the background, output in $T/NAME.out and NAME.err, and its
# process in $PID; `wait "$PID"` gives the exit status.
spawn()
{
	local name=$1
	shift
	"$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	PID=$!
}

# A port of 127.0.0.1 that nothing listens on, below the kernel's own choices.
free_port()
{
	local p
	while :; do
		p=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		(: <>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
	done
	echo "$p"
}

# namespaces: can a process be cut off from this machine here?  Many a container forbids it.
namespaces()
{
	local user=(-U)
	[ "$(id -u)" -ne 0 ] || user=()
	unshare ${user[@]+"${user[@]}"} -n -m -p -i -f true 2>/dev/null
}

# small_disk DIR SIZE [OPTIONS]: a tmpfs of that size ("512k") at DIR.  Needs root.
small_disk()
{
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2,mode=755${3:+,$3}" bulkhead-test "$1"
	at_exit umount -l "$1"
}

# ---- faults: tests/fault says what they are --------------------------------

# fault CALL N HOW DIR CMD...: run CMD, a function too, and let its Nth CALL (or of
# "all") below DIR fail with the errno HOW, or be killed there with -9 (HOW: KILL).
# N 0 only counts.  With FAULT_LEAKS=1 what is left open at the end is told.  Then `fault_seen` tells how many there were, and `fault_hit` which
# call failed: a sweep is done when there was none.  For malloc DIR does not matter.
fault()
{
	local lib=$B/faultfs.so
	[ "$1" != malloc ] || lib=$B/faultmem.so
	rm -f "$T/fault.count"
	local -x LD_PRELOAD="$lib${LD_PRELOAD:+ $LD_PRELOAD}" FAULT_COUNT_FILE=$T/fault.count
	local -x FAULT_CALL=$1 FAULT_N=$2 FAULT_ERRNO=$3 FAULT_DIR=$4
	shift 4
	"$@"
}

fault_seen()
{
	echo $(($(od -An -tu8 -N8 "$T/fault.count")))
}

fault_hit()
{
	tail -c +9 "$T/fault.count" | tr -d '\0'
}

# The power cut, of everything below DIR (only one DIR at a time):
#
#	power_on DIR		what is there now is durable
#	powered DIR CMD...	run CMD, recording what it syncs
#	power_cut DIR		when nothing runs there: drop all that was not synced, and
#				power_on again; says how much was there and is left
#
# FAULT_LIE=fsync, fdatasync or all before `powered`: these only say that they sync.
power_on()
{
	mkdir -p "$1" "$1.power"
	find "$1.power" -mindepth 1 -delete
	powered "$1" sync -f "$1"
}

powered()
{
	local -x LD_PRELOAD=$B/faultfs.so FAULT_DIR=$1 FAULT_LOG=$1.power
	shift
	"$@"
}

power_cut()
{
	"$B/discard" "$1" "$1.power"
	power_on "$1"
}

# slow_sync MS DIR CMD...: run CMD; every fsync below DIR takes MS milliseconds more.
slow_sync()
{
	local -x LD_PRELOAD=$B/faultfs.so FAULT_SLOW_MS=$1 FAULT_DIR=$2
	shift 2
	"$@"
}

# ---- PostgreSQL -----------------------------------------------------------
#
# A cluster is its data directory DIR below $T; what must outlive the disaster
# (socket, port, version, server log) lies beside it in DIR.lab.

# as_pg CMD...: as the server's user, who must not be root.
as_pg()
{
	if [ "$(id -u)" -eq 0 ]; then
		(cd "$T" && exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@")
	else
		(cd "$T" && exec "$@")
	fi
}

# pg_bin [VERSION]: the folder with that version's server programs.
pg_bin()
{
	local v=${1:-$PGVERSION} d
	for d in "/usr/lib/postgresql/$v/bin" "$CACHE/pg-$v/bin"; do
		[ ! -x "$d/postgres" ] || { echo "$d"; return 0; }
	done
	echo "PostgreSQL $v is not here: scripts/setup --matrix" >&2
	return 1
}

# pg_init DIR [VERSION] [initdb arguments]: a new cluster, with page checksums.
pg_init()
{
	local dir=$1 lab=$1.lab version=$PGVERSION bin port
	shift
	case ${1:-} in [0-9]*) version=$1; shift ;; esac
	case $dir in "$T"/*) ;; *) echo "pg_init: $dir is not below $T" >&2; return 1 ;; esac
	bin=$(pg_bin "$version")
	port=$(free_port)
	mkdir -p "$dir" "$lab"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$dir" "$lab"
	chmod 700 "$dir"
	echo "$version" >"$lab/version"
	echo "$port" >"$lab/port"
	as_pg "$bin/initdb" -D "$dir" -U postgres -A trust -k -N -E UTF8 --no-locale "$@" \
	    >"$lab/initdb" 2>&1 || { cat "$lab/initdb" >&2; return 1; }
	# mmap: shared memory that goes with the folder, also after kill -9.
	pg_conf "$dir" "port = $port" "listen_addresses = '127.0.0.1'" \
	    "unix_socket_directories = '$lab'" "wal_level = replica" "fsync = on" \
	    "max_wal_senders = 10" "max_replication_slots = 10" \
	    "dynamic_shared_memory_type = mmap" "shared_buffers = 32MB" \
	    "log_line_prefix = '%m [%p] %b '"
}

# pg_conf DIR LINE...: more configuration; the last one counts.
pg_conf()
{
	local dir=$1
	shift
	printf '%s\n' "$@" >>"$dir/postgresql.conf"
}

lab_ctl()
{
	local dir=$1 lab=$1.lab
	shift
	as_pg "$(pg_bin "$(cat "$lab/version")")/pg_ctl" -D "$dir" -w -t 60 "$@" \
	    >"$lab/ctl" 2>&1 </dev/null || {
		cat "$lab/ctl" >&2
		tail -n 20 "$lab/log" >&2
		return 1
	}
}

# pg_start DIR [pg_ctl options]: returns when it takes connections; its log is DIR.lab/log.
pg_start()
{
	local old
	# After a power cut the old pid is free; here init may not have waited for it yet,
	# and the server would take the zombie for a running one.
	if old=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) && gone "$old"; then
		rm -f "$1/postmaster.pid" "$1.lab"/.s.PGSQL.*
	fi
	lab_ctl "$@" -l "$1.lab/log" start
	head -n 1 "$1/postmaster.pid" >"$1.lab/pid"
	sed -n '7s/.* //p' "$1/postmaster.pid" >"$1.lab/shm"
}

# pg_stop DIR [smart|fast|immediate]
pg_stop()
{
	lab_ctl "$1" -m "${2:-fast}" stop
}

# pg_pid DIR: the postmaster of the last pg_start, also when DIR is gone.
pg_pid()
{
	cat "$1.lab/pid"
}

# pg_kill9 DIR: the postmaster and all its children, as a power cut ends them.
pg_kill9()
{
	local top pids p
	top=$(pg_pid "$1")
	kill -STOP "$top"	# so that it starts no further children
	pids="$top $(cat "/proc/$top/task/$top/children")"
	for p in $pids; do
		kill -KILL "$p" 2>/dev/null || true	# a child may have ended just now
	done
	for p in $pids; do
		wait_until 20 gone "$p"
	done
	# Nobody else would free it, when the server never starts again.
	ipcrm -m "$(cat "$1.lab/shm")" 2>/dev/null || true
}

# pg_url DIR [MORE]: a connection string; MORE ("host=127.0.0.1") overrides.
pg_url()
{
	echo "host=$1.lab port=$(cat "$1.lab/port") user=postgres dbname=postgres${2:+ $2}"
}

# q DIR SQL...: each statement by itself; rows as plain text, columns split by |.
q()
{
	local dir=$1 s args=()
	shift
	for s in "$@"; do
		args+=(-c "$s")
	done
	psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$dir")" "${args[@]}"
}

# pg_tool VERSION TOOL ARG...: PostgreSQL's own client tool of that version
# (pg_verifybackup, pg_amcheck, pg_waldump ...), which sees $T and the network.
# 17 and 18 run in their own Debian; there is none for 14 and 16: see pg_has_tools.
pg_tool()
{
	local version=$1 tool=$2 root
	shift 2
	if [ -x "/usr/lib/postgresql/$version/bin/$tool" ]; then
		"/usr/lib/postgresql/$version/bin/$tool" "$@"
		return
	fi
	root=$(pg_suite "$version")
	[ -x "$root/usr/lib/postgresql/$version/bin/$tool" ] || {
		echo "PostgreSQL $version: no $tool here: scripts/setup --matrix" >&2
		return 1
	}
	unshare -m sh -ec 'root=$1 T=$2 tool=$3; shift 3
	    mount -t proc proc "$root/proc"
	    mkdir -p "$root${T%/*}"
	    mount -t tmpfs none "$root${T%/*}"
	    mkdir "$root$T"
	    mount --rbind "$T" "$root$T"
	    exec chroot "$root" "$tool" "$@"' \
	    sh "$root" "$T" "/usr/lib/postgresql/$version/bin/$tool" "$@"
}

pg_suite()
{
	case $1 in
	17) echo "$CACHE/trixie" ;;
	18) echo "$CACHE/sid" ;;
	esac
}

# pg_has_tools [VERSION]: can pg_tool run that version's tools here?
pg_has_tools()
{
	local version=${1:-$PGVERSION}
	[ -x "/usr/lib/postgresql/$version/bin/pg_waldump" ] || {
		[ "$(id -u)" -eq 0 ] &&
		    [ -x "$(pg_suite "$version")/usr/lib/postgresql/$version/bin/pg_waldump" ]
	}
}

# amcheck DIR [DATABASE...]: every table and B-tree index, by the extension and so
# for all versions.  Succeeds in silence, or prints what is broken and fails.  On a
# server in recovery the extension must be there already.
amcheck()
{
	local dir=$1 db bad=
	shift
	[ $# -gt 0 ] || set -- postgres
	for db in "$@"; do
		bad+=$(psql -XAtq -v ON_ERROR_STOP=1 -d "$(pg_url "$dir" "dbname=$db")" <<-'SQL'
		set client_min_messages = error;
		select 'create extension amcheck'
		where not exists (select from pg_extension where extname = 'amcheck') \gexec
		select c.oid::regclass, v.*
		from pg_class c, verify_heapam(c.oid, skip => 'none') v
		where c.relkind in ('r', 'm', 't') and c.relpersistence = 'p';
		do $$
		declare i regclass;
		begin
			for i in select c.oid from pg_class c join pg_am a on a.oid = c.relam
			    join pg_index x on x.indexrelid = c.oid
			    where a.amname = 'btree' and c.relkind = 'i'
			    and c.relpersistence = 'p' and x.indisvalid
			loop
				if pg_is_in_recovery() then
					perform bt_index_check(i, true);
				else
					perform bt_index_parent_check(i, true, true);
				end if;
			end loop;
		end $$;
		SQL
		) || return
	done
	[ -z "$bad" ] || { echo "$bad"; return 1; }
}

# ---- paths ----------------------------------------------------------------

# PostgreSQL starts our tools too (restore_command), so its user must reach them.
LAB_BIN=$B/bin
if [ -d "$B/bin" ] && ! as_pg test -x "$B/bin"; then
	cp -a "$B/bin" "$T/bin"
	LAB_BIN=$T/bin
fi
export PATH="$LAB_BIN:/usr/lib/postgresql/15/bin:$PATH"
