# my-matrix
# privaudit on a big MySQL or MariaDB server: 5,000 accounts and 100,000 tables, at most
# 20 s and 200 MiB.  Every account belongs to one of a hundred roles, which may change the
# tables of a schema, and has rights of its own on twenty single tables, each in another
# schema: no two of them have a set or a statement in common.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../my.sh"

ACCOUNTS=5000 TABLES=100000 MADE=100000
S=$T/my
FAMILY=${MYVERSION%%-*}
my_init "$S"
my_conf "$S" --skip-log-bin --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 \
    --innodb-doublewrite=0 --innodb-buffer-pool-size=128M
[ "$FAMILY" = mariadb ] || MADE=10000
my_start "$S"

# ---- the tables ----

# A table in memory is a file that says what it has: one says it for all of its schema.
link_tables()
{
	seq 100 | sed 's/.*/create table s&.t (a int) engine = memory;/' | my_client "$S"
	perl -e 'my ($dir, $n) = @ARGV;
	    for my $i (1 .. $n) {
		my $s = sprintf "%s/s%d", $dir, 1 + $i % 100;
		link "$s/t.frm", "$s/t$i.frm" or die "t$i: $!\n";
	    }' "$S" "$TABLES"
}

# MySQL keeps them in its dictionary alone, so that each must be made, which takes long: a
# tenth of them.  privaudit asks for rights and code there, not for tables.
create_tables()
{
	seq "$1" 2 "$MADE" | awk '{ printf "create table s%d.t%d (a int) engine = memory;\n",
	    1 + $1 % 100, $1 }' | my_client "$S"
}

seq 100 | sed 's/.*/create database s&;/' | my_client "$S"
if [ "$FAMILY" = mariadb ]; then
	link_tables
else
	create_tables 1 &
	create_tables 2
	wait $!
fi
is "there are as many tables" "$(my_q "$S" "select count(*) >= $MADE from
    information_schema.tables where table_schema like 's%' and table_schema <> 'sys'")" 1

# ---- who may what ----

# The numbers from 1 to N as a table.
numbers()
{
	[ "$FAMILY" = mariadb ] && echo "(select seq as n from seq_1_to_$1) x" ||
	    echo "(with recursive c (n) as (select 1 union all select n + 1 from c where n < $1)
	    select n from c) x"
}
{
	seq 100 | sed 's/.*/create role g&; grant select, insert, update, delete, drop on s&.* to g&;/'
	seq 10 10 90 | awk '{ printf "grant g%d to g%d;\n", $1 + 1, $1 }'
	seq "$ACCOUNTS" | awk '{ printf "create user `Röle \"%d`@`%%` identified by \"x\";\n" \
	    "grant g%d to `Röle \"%d`@`%%`;\n", $1, 1 + $1 % 100, $1 }'
	echo "use s1;
	    set @@cte_max_recursion_depth = $TABLES;"
	echo "insert into mysql.tables_priv (Host, Db, User, Table_name, Grantor, Table_priv,
	    Column_priv) select '%', concat('s', 1 + n % 100),
	    concat('Röle \"', 1 + (n - 1) div 20), concat('t', n), 'root@localhost',
	    'Select,Insert,Drop', '' from $(numbers "$TABLES");
	    flush privileges;"
} | sed "$([ "$FAMILY" = mysql ] || echo /cte_max_recursion_depth/d)" | my_client "$S"
cat >"$T/policy" <<'END'
[target] env=production
[role 'root'@'localhost'] class=admin
[role *] class=app schema=s1
END

# ---- the limits ----

judges_within 1 text "$(my_uri "$S")"
judges_within 1 json "$(my_uri "$S")" --json
judges_within 0 script "$(my_uri "$S")" --script
is "what each account may drop by itself is a finding" "$(jq -r 'select(.check == "M8" and
    .account == "'\''Röle \"77'\''@'\''%'\''").objects' "$T/json")" 20
is "and taken away table by table" "$(grep -c 'REVOKE DROP ON `s[0-9]*`.`t[0-9]*` FROM' \
    "$T/script")" "$TABLES"
done_testing
