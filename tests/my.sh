# MariaDB and MySQL for the tests; sourced behind tests/lib.sh.
#
#	my_init "$T/my"; my_start "$T/my"
#	is "the row is there" "$(my_q "$T/my" 'select 1')" 1
#	privaudit "$(my_uri "$T/my")"
#
# A server is its data directory DIR below $T; socket, port, flavour and log lie beside it
# in DIR.lab.  MYVERSION says which flavour: mariadb-10.11 (the default, Debian's own),
# mariadb-11.8, mysql-9.7 (from BULKHEAD_CACHE: scripts/setup --matrix).  The server runs
# as the same user as PostgreSQL's, with a root that has no password; the exit trap of
# lib.sh ends it, since its working directory is DIR.

MYVERSION=${MYVERSION:-mariadb-10.11}
export MYVERSION

# my_daemon FLAVOUR: the words that start its server program, into $MY_DAEMON.  Those of
# another Debian run with its loader and its libraries, so without root or chroot.
my_daemon()
{
	local root=$CACHE/$1 lib share
	MY_SHARE=/usr/share/mysql MY_DAEMON=(/usr/sbin/mariadbd --no-defaults)
	if [ "$1" != mariadb-10.11 ]; then
		lib=$(echo "$root"/usr/lib/*-linux-gnu)
		MY_SHARE=$root/usr/share/${1%%-*}
		MY_DAEMON=("$root"/usr/lib*/ld-linux*.so.? --library-path "$lib"
		    "$root/usr/sbin/mysqld" --no-defaults --basedir="$root/usr"
		    --lc-messages-dir="$MY_SHARE")
		case $1 in
		mariadb-*) MY_DAEMON[3]=$root/usr/sbin/mariadbd ;;
		mysql-*) MY_DAEMON+=(--plugin-dir="$root/usr/lib/mysql/plugin") ;;
		esac
		[ -x "${MY_DAEMON[3]}" ] || {
			echo "$1 is not here: scripts/setup --matrix" >&2
			return 1
		}
	fi
}

# The SQL that makes an empty data directory a server: what mariadb-install-db would give,
# without the tables of help texts.
my_bootstrap()
{
	local name=mysql
	[ -e "$MY_SHARE/mysql_system_tables.sql" ] || name=mariadb
	printf '%s;\n' 'create database mysql' 'use mysql' 'set @auth_root_socket = null'
	cat "$MY_SHARE/${name}_system_tables.sql" "$MY_SHARE/${name}_performance_tables.sql" \
	    "$MY_SHARE/${name}_system_tables_data.sql" \
	    "$MY_SHARE/maria_add_gis_sp_bootstrap.sql" "$MY_SHARE/${name}_sys_schema.sql"
}

# my_init DIR [FLAVOUR]: a new server.
my_init()
{
	local dir=$1 lab=$1.lab flavour=${2:-$MYVERSION}
	case $dir in "$T"/*) ;; *) echo "my_init: $dir is not below $T" >&2; return 1 ;; esac
	my_daemon "$flavour"
	mkdir -p "$dir" "$lab"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$dir" "$lab"
	chmod 700 "$dir"
	echo "$flavour" >"$lab/flavour"
	free_port >"$lab/port"
	: >"$lab/options"
	case $flavour in
	mysql-*)
		as_pg "${MY_DAEMON[@]}" --datadir="$dir" --initialize-insecure \
		    --secure-file-priv=NULL --innodb-redo-log-capacity=8M >"$lab/init" 2>&1 </dev/null
		;;
	*)
		my_bootstrap | as_pg "${MY_DAEMON[@]}" --datadir="$dir" --bootstrap \
		    --innodb-log-file-size=8M >"$lab/init" 2>&1
		;;
	esac || { tail -n 20 "$lab/init" >&2; return 1; }
	my_conf "$dir" --log-bin=binlog --server-id=1 --binlog-format=ROW --sync-binlog=1 \
	    --secure-file-priv="$lab"
}

# my_conf DIR OPTION...: further options of the server; the last one counts.
my_conf()
{
	local dir=$1
	shift
	printf '%s\n' "$@" >>"$dir.lab/options"
}

my_up()
{
	gone "$2" || my_q "$1" 'select 1' >/dev/null 2>&1
}

# my_start DIR: returns when it takes connections; its log is DIR.lab/log.
my_start()
{
	local dir=$1 lab=$1.lab flavour options=() more=() pid
	flavour=$(cat "$lab/flavour")
	mapfile -t options <"$lab/options"
	my_daemon "$flavour"
	case $flavour in
	mysql-*) more=(--mysqlx=OFF --innodb-redo-log-capacity=8M) ;;
	mariadb-*) more=(--innodb-log-file-size=8M) ;;
	esac
	as_pg "${MY_DAEMON[@]}" --datadir="$dir" --socket="$lab/sock" --pid-file="$lab/pid" \
	    --bind-address=127.0.0.1 --port="$(cat "$lab/port")" --performance-schema=OFF \
	    --innodb-buffer-pool-size=32M "${more[@]}" "${options[@]}" >>"$lab/log" 2>&1 </dev/null &
	pid=$!
	wait_until 60 my_up "$dir" "$pid"
	! gone "$pid" || { tail -n 20 "$lab/log" >&2; return 1; }
	echo "$pid" >"$lab/spawned"
}

# my_stop DIR: an orderly shutdown.
my_stop()
{
	local pid
	pid=$(cat "$1.lab/pid")
	kill -TERM "$pid"
	wait_until 60 gone "$pid"
}

# my_uri DIR [USER]
my_uri()
{
	local scheme
	scheme=$(cat "$1.lab/flavour")
	echo "${scheme%%-*}://${2:-root}@localhost/?socket=$1.lab/sock"
}

# my_client DIR [OPTION...]: Debian's client as root, SQL on stdin; columns split by tabs.
# DIR.lab/password holds root's password, when it got one.
my_client()
{
	local dir=$1
	shift
	MYSQL_PWD=$(cat "$dir.lab/password" 2>/dev/null || true) mariadb --no-defaults --default-character-set=utf8mb4 -N -B -u root \
	    --socket="$dir.lab/sock" "$@"
}

# my_q DIR SQL...: each a statement, or several.
my_q()
{
	local dir=$1
	shift
	printf '%s;\n' "$@" | my_client "$dir"
}
