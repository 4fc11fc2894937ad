# my-matrix
# privaudit on MySQL and MariaDB: every server of tests/corpus/my turns red, its printed fix
# turns it green, the inverse brings back what was; and privaudit writes nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../my.sh"

S=$T/my
my_init "$S"
my_conf "$S" --default-password-lifetime=0
my_start "$S"
URI=$(my_uri "$S")
FAMILY=${MYVERSION%%-*}

# A server as it should be: one root, with a password, which the option file knows.
export HOME=$T/home MYSQL_HOME=$T/home
mkdir -p "$HOME"
printf '[client]\npassword=lab\n' >"$HOME/.my.cnf"
my_q "$S" "select concat('drop user ', quote(user), '@', quote(host), ';') from mysql.user
    where user in ('root', '') and host <> 'localhost'" | my_client "$S"
my_q "$S" "alter user root@localhost identified by 'lab'"
echo lab >"$S.lab/password"

# ---- a server set up well, and ways in ----

status_is "a server as it should be is clean" 0 privaudit --json "$URI"
is "all of it could be read" "$(jq -r 'select(.type == "unknown").what' "$T/out")" ''
fails_with 64 'holds a password' privaudit "${URI/root@/root:lab@}"
fails_with 64 'unknown parameter' privaudit "$URI&sslmode=on"
HOME=$T/none MYSQL_HOME=$T/none fails_with 77 'Access denied for user .root' \
    privaudit "$URI"
like "the hint names the option file" "$(sed -n 2p "$T/err")" '\[client\] of ~/\.my\.cnf'
fails_with 69 'connect:' privaudit "$FAMILY://root@localhost/?socket=$T/nowhere"
fails_with 69 'connect:' privaudit "$FAMILY://root@127.0.0.1:$(free_port)/"
status_is "over TCP it is the same server" 0 privaudit \
    "$FAMILY://root@127.0.0.1:$(cat "$S.lab/port")/"

# ---- the corpus ----

FAMILY_SERVER=$URI
FAMILY_POLICY="[target] env=staging
[role 'root'@'localhost'] class=admin
[role *] class=app"

family_version() { echo 0; }	# a case says `on mysql mariadb-11.8` instead
family_new() { :; }
family_sql() { my_client "$S" <"$1"; }
family_fix() { my_client "$S" <"$1"; }

# How far the log is: every statement that writes moves it.
family_touched()
{
	my_q "$S" "$([ "$FAMILY" = mysql ] && echo 'show binary log status' ||
	    echo 'show master status')"
}

# What accounts may and are, what code runs as, and the settings that a fix may set.
family_state()
{
	{
		# MySQL's memory keeps an expiry that its table has forgotten.
		[ "$FAMILY" = mariadb ] ||
		    echo 'flush local privileges; set print_identified_with_as_hex = 1;'
		my_client "$S" --raw <<-'SQL'
		select if(host = '', concat('show grants for ', quote(user), ';'),
		    concat('show create user ', quote(user), '@', quote(host), '; show grants for ',
		    quote(user), '@', quote(host), ';')) from mysql.user order by user, host;
		SQL
		echo "select routine_schema, routine_name, security_type from
		    information_schema.routines where routine_schema <> 'sys' order by 1, 2;
		    select * from mysql.db where user = '';
		    show global variables where variable_name in ('sync_binlog', 'binlog_format',
		    'innodb_flush_log_at_trx_commit', 'binlog_expire_logs_seconds');"
	} | my_client "$S"
}

# Statements that drop all that a case made.
drop_all()
{
	my_q "$S" "select concat('drop database \`', replace(schema_name, '\`', '\`\`'), '\`;')
	    from information_schema.schemata where schema_name not in
	    ('mysql', 'sys', 'information_schema', 'performance_schema')"
	if [ "$FAMILY" = mariadb ]; then
		my_client "$S" --raw <<-'SQL'
		select concat('drop ', if(json_value(priv, '$.is_role') = 1, 'role ', 'user '),
		    '`', replace(user, '`', '``'), '`', if(json_value(priv, '$.is_role') = 1,
		    '', concat('@`', host, '`')), ';') from mysql.global_priv
		where user not in ('root', 'mariadb.sys', 'PUBLIC') or host not in ('localhost', '');
		SQL
		echo "delete from mysql.global_priv where user = 'PUBLIC';"
	else
		my_client "$S" --raw <<-'SQL'
		select concat('drop user `', replace(user, '`', '``'), '`@`', host, '`;')
		from mysql.user where user not like 'mysql.%' and (user <> 'root' or
		host <> 'localhost');
		SQL
	fi
	echo "delete from mysql.db where user = ''; flush privileges;"
}

# The case's own end first: a mandatory role cannot be dropped, nor partial revokes left on.
family_end()
{
	[ ! -s "$1" ] || my_client "$S" <"$1"
	drop_all | my_client "$S"
}

is_for_us()
{
	local on
	on=$(corpus_head "$1" on)
	case " ${on:-$FAMILY} " in
	*" $FAMILY "* | *" $MYVERSION "*) return 0 ;;
	esac
	return 1
}

for case in "$ROOT"/tests/corpus/my/*.case; do
	! is_for_us "$case" || corpus_run "$case"
done

# ---- root without a password ----

root_user()
{
	my_client "$S" -u keeper <<<"show create user root@localhost"
}
if [ "$FAMILY" = mariadb ]; then
	socket='VIA unix_socket'
else
	socket='WITH auth_socket'
	my_q "$S" "install plugin auth_socket soname 'auth_socket.so'"
fi
my_q "$S" "create user keeper@localhost identified by 'lab'" \
    "grant all on *.* to keeper@localhost with grant option" "create role dba" \
    "grant drop on *.* to dba" "grant dba to root@localhost" \
    "alter user root@localhost identified by ''"
printf '%s\n' "[role 'root'@'localhost'] class=admin" "[role 'keeper'@'localhost'] class=admin" \
    '[role *] class=app' >"$T/policy"
FAMILY_SERVER=$(my_uri "$S" keeper)
root_user >"$T/root.bad"
corpus_audit red
corpus_pick red fix M1 anyone SUPER >"$T/fix.sql"
corpus_pick red undo M1 anyone SUPER >"$T/undo.sql"
like "root is given to the host's root" "$(cat "$T/fix.sql")" \
    "^ALTER USER .root.@.localhost. IDENTIFIED $socket;\$"
is "whatever it could do there" "$(jq -r 'select(.account == "anyone").fix' "$T/red.json" |
    sort -u | grep .)" "$(cat "$T/fix.sql")"
privaudit --script -p "$T/policy" "$FAMILY_SERVER" >"$T/script.sql" 2>/dev/null
is "all fixes as one script say it once" "$(grep -cF "$(cat "$T/fix.sql")" "$T/script.sql")" 1
my_client "$S" -u keeper <"$T/fix.sql"
corpus_audit green
is "that ends it" "$(grep -c 'M1 anyone' "$T/green.list" || true)" 0
my_client "$S" -u keeper <"$T/undo.sql"
is "the undo gives root its login back" "$(root_user)" "$(cat "$T/root.bad")"
my_client "$S" -u keeper <<<"alter user root@localhost identified by 'lab'; drop role dba"
my_q "$S" "drop user keeper@localhost"
FAMILY_SERVER=$URI

# ---- MariaDB's wide rights: bits of other versions ----

# access_of BITS VERSION: an account of a row as another version would write it.
access_of()
{
	my_q "$S" "create or replace user wide@localhost identified by 'x'" "update mysql.global_priv
	    set priv = json_set(priv, '$.access', $1, '$.version_id', $2) where user = 'wide'" \
	    'flush privileges'
	echo "$FAMILY_POLICY" >"$T/policy"
	corpus_audit wide
}
if [ "$FAMILY" = mariadb ]; then
	access_of '1 << 45' 999999
	like "a bit that nobody told us about is unknown" \
	    "$(jq -r 'select(.type == "unknown").what' "$T/wide.json")" '^bit 45 of the rights'
	access_of '1 << 15' 100504
	like "SUPER of an old row is all that it was" "$(cat "$T/wide.list")" "^M4 'wide'@'localhost' SUPER"
	[ "$MYVERSION" = mariadb-10.11 ] || {
		access_of '1 << 15' 110000
		unlike "and of a new row no more than itself" "$(cat "$T/wide.list")" "^M4 'wide'"
	}
	family_end ""
fi

# ---- the least rights are enough ----

privaudit --print-grants "$FAMILY" >"$T/grants"
my_q "$S" "create user privaudit@localhost identified by 'lab'; create database shop;
    create table shop.t (a int);
    create definer=root@localhost trigger shop.tr before insert on shop.t for each row set new.a = 1;
    create user app@localhost identified by 'x'; grant insert, drop on shop.* to app@localhost"
ok "what --print-grants prints runs" family_sql "$T/grants"
cat >"$T/policy" <<'END'
[role 'root'@'localhost'] class=admin
[role 'app'@'localhost'] class=app
[role 'privaudit'@'localhost'] class=backup
END
corpus_audit root
FAMILY_SERVER=$(my_uri "$S" privaudit)
corpus_audit privaudit
is "the auditor reads all" "$(jq -r 'select(.type == "unknown") | .what, .why' "$T/privaudit.json")" ''
is "and finds what root finds" "$(cat "$T/privaudit.list")" "$(cat "$T/root.list")"
like "triggers among it" "$(jq -r .text "$T/privaudit.json")" 'trigger .shop.\..tr. runs as'

# The same rights through a role: as long as it is active.
set_role()
{
	my_q "$S" "set default role $1 $([ "$FAMILY" = mysql ] && echo to || echo for) privaudit@localhost"
}
my_q "$S" "revoke all, grant option from privaudit@localhost" "create role auditing" \
    "grant auditing to privaudit@localhost"
grep '^GRANT' "$T/grants" | sed 's/`privaudit`@`localhost`/auditing/' >"$T/grants.role"
my_client "$S" <"$T/grants.role"
set_role auditing
corpus_audit privaudit
is "so it does through an active role" \
    "$(jq -r 'select(.type == "unknown") | .what, .why' "$T/privaudit.json")" ''
set_role none
corpus_audit privaudit
like "and not through one that is not active" \
    "$(jq -r 'select(.type == "unknown").what' "$T/privaudit.json" | sort | tr '\n' ' ')" \
    'the accounts triggers views who reads the binary log'
set_role auditing

table=$([ "$FAMILY" = mysql ] && echo user || echo global_priv)
status_is "it sees no hashes" 1 env MYSQL_PWD=lab mariadb --no-defaults -u privaudit \
    --socket="$S.lab/sock" -e "select * from mysql.$table"
like "since the server denies it" "$(cat "$T/err")" denied
family_end ""

# ---- words ----

my_q "$S" "show privileges" | cut -f 1 | tr a-z A-Z | grep -vx 'GRANT OPTION' |
    sed 's/.*/"&"/' | paste -sd, >"$T/words"
printf '%s\n' "[role 'root'@'localhost'] class=admin" '[role *] class=all' "[class all] may=$(cat "$T/words")" >"$T/policy"
status_is "a policy may name each privilege of the server" 0 privaudit -p "$T/policy" "$URI"

# ---- an auditor without rights passes nothing ----

my_q "$S" "create user weak@localhost identified by 'lab'"
status_is "without rights the answer is incomplete" 3 privaudit --json "$(my_uri "$S" weak)"
unlike "and no pass" "$(jq -r 'select(.type == "result").unknown' "$T/out")" '^0$'
like "it says what could not be read" "$(jq -r 'select(.type == "unknown").what' "$T/out")" '^the accounts$'

# ---- without grant tables ----

my_stop "$S"
my_conf "$S" --skip-grant-tables
my_start "$S"
status_is "a server that asks nobody for rights is none to pass" 1 privaudit --json "$URI"
is "it says so" "$(jq -r 'select(.subject == "skip_grant_tables") | .check, .severity, .sink' \
    "$T/out" | paste -sd' ')" 'M1 critical SUPER'
is "and reads all else" "$(jq -r 'select(.type == "unknown") | .what, .why' "$T/out")" ''
done_testing
