# matrix
# privaudit on PostgreSQL servers made at random: the script of all fixes runs, takes nothing
# that an account had and its class may, shows nothing new, leaves nothing that SQL could
# mend, and its inverse brings back exactly what was.  ROUNDS=N for more, SEED=N for one.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../corpus.sh"
. "$(dirname "$0")/../corpus_pg.sh"

ROUNDS=${ROUNDS:-6} FIRST=${SEED:-1}
[ -z "${SEED:-}" ] || ROUNDS=1

pg_init "$T/db"
pg_conf "$T/db" "autovacuum = off" "fsync = off"
printf 'local all postgres peer map=lab\n' >"$T/db/pg_hba.conf"
printf "lab $(id -un) postgres\n" >"$T/db/pg_ident.conf"
pg_start "$T/db"
FAMILY_SERVER=$(pg_url "$T/db")
pg_bare

# server SEED: SQL that makes one.  What the server refuses is left out.
server()
{
	perl -e '
	srand(shift);
	my ($version) = @ARGV;
	my @group = map { "g$_" } 1 .. 4;
	my @login = map { "a$_" } 1 .. 5;
	my @owner = (@group, @login, "keeper");
	my @row = ("select", "insert", "update", "delete", "truncate", "references", "trigger");
	sub one { $_[int rand @_] }
	sub maybe { rand() < shift }
	sub option { maybe(0.25) ? " with grant option" : "" }
	sub grantee { one(@group, @login, "public") }
	sub acting { my $by = one(@group, @login); "set role $by;\n$_[0];\nreset role;\n" }
	sub grant {
		my ($what, $on) = @_;
		my $to = grantee();
		my $sql = "grant $what on $on to $to" . ($to eq "public" ? "" : option());
		print maybe(0.35) ? acting($sql) : "$sql;\n";
	}
	print "create role $_;\n" for @group;
	for (@login) {
		print "create role $_ login password \x27x\x27 valid until \x272099-01-01\x27",
		    maybe(0.1) ? " superuser" : "", maybe(0.1) ? " createrole" : "",
		    maybe(0.1) ? " createdb" : "", maybe(0.3) ? " noinherit" : "", ";\n";
		print "grant pg_read_all_data to $_;\n" if maybe(0.1);
		print "grant pg_write_all_data to $_;\n" if maybe(0.05);
	}
	for my $i (0 .. 3) {
		for my $member (@login, @group[0 .. $i - 1]) {
			next if $i == 0 && $member =~ /^g/ || !maybe(0.3);
			my $with = maybe(0.15) ? " with admin option" : "";
			$with = " with inherit " . one("true", "false") . ", set " . one("true", "false")
			    if $version >= 16 && maybe(0.3);
			print "grant $group[$i] to $member$with;\n";
		}
	}
	grant("connect", "database shop") for 1 .. 4;
	grant("create", "database shop") if maybe(0.3);
	for my $s ("s1", "s2") {
		print "create schema $s authorization ", one(@owner), ";\n";
		grant(one("usage", "usage", "create", "usage, create"), "schema $s") for 1 .. 4;
		for my $t ("t1", "t2", "t3") {
			print "create table $s.$t (id serial, price int);\n",
			    "alter table $s.$t owner to ", one(@owner), ";\n";
			grant(join(", ", map { one(@row) } 1 .. 1 + rand 3), "$s.$t") for 1 .. 4;
			grant(one("select", "insert", "update") . " (id)", "$s.$t") if maybe(0.3);
			grant(one("usage", "select", "update"), "sequence $s.${t}_id_seq") if maybe(0.5);
		}
		print "create function $s.f() returns int language sql as \x27select 1\x27;\n",
		    "alter function $s.f() owner to ", one(@owner), ";\n";
		print "revoke execute on function $s.f() from public;\n" if maybe(0.5);
		grant("execute", "function $s.f()");
		print "alter default privileges for role ", one(@owner), " in schema $s grant ",
		    one(@row), " on tables to ", grantee(), ";\n" if maybe(0.5);
	}
	' "$@"
}

# lines SEED: who is meant to be what.
lines()
{
	echo "[target] env=staging owner=keeper"
	echo "[role postgres] class=admin"
	perl -e 'srand(shift() + 1000);
	for (1 .. 5) {
		my @class = ("app", "readonly", "app", "migrator");
		print "[role a$_] class=$class[int rand 4]",
		    (rand() < 0.8 ? " db=shop" : ""), (rand() < 0.7 ? " schema=s1" : ""), "\n";
	}' "$1"
}

# What accounts can do of what their classes may, a line each: by what they inherit.
needed()
{
	sed -n 's/^\[role \(a[0-9]\)\] class=\([a-z]*\)/\1 \2 /p' "$T/policy" |
	while read -r who class rest; do
		local schema="'s1', 's2'" rights="'select'"
		[[ $rest != *schema=* ]] || schema="'s1'"
		[ "$class" = readonly ] || rights="'select', 'insert', 'update', 'delete'"
		echo "select '$who', oid::regclass, p from pg_class, unnest(array[$rights]) p
		    where relkind = 'r' and relnamespace::regnamespace::text in ($schema)
		    and has_schema_privilege('$who', relnamespace, 'usage')
		    and has_database_privilege('$who', 'shop', 'connect')
		    and has_table_privilege('$who', oid, p);
		select '$who', oid::regclass from pg_class
		    where relkind = 'S' and relnamespace::regnamespace::text in ($schema)
		    and has_schema_privilege('$who', relnamespace, 'usage')
		    and has_database_privilege('$who', 'shop', 'connect')
		    and case when relkind = 'S' then has_sequence_privilege('$who', oid, 'usage') end;
		select '$who', oid::regprocedure from pg_proc
		    where pronamespace::regnamespace::text in ($schema)
		    and has_schema_privilege('$who', pronamespace, 'usage')
		    and has_database_privilege('$who', 'shop', 'connect')
		    and has_function_privilege('$who', oid, 'execute');"
	done | in_db shop -f - | LC_ALL=C sort
}

can_mend() { jq -r 'select(.fix != null) | .text' "$T/$1.json" | LC_ALL=C sort; }

round()
{
	local seed=$1
	family_new
	server "$seed" "$PGVERSION" >"$T/bad.sql"
	psql -XAtq -d "$(pg_url "$T/db" dbname=shop)" -f "$T/bad.sql" >"$T/bad.out" 2>&1
	lines "$seed" >"$T/policy"
	needed >"$T/needed.before"
	family_state >"$T/state.bad"
	corpus_audit red
	privaudit --script -p "$T/policy" "$FAMILY_SERVER" >"$T/script.sql"
	privaudit --undo-script -p "$T/policy" "$FAMILY_SERVER" >"$T/undo.sql"
	like "seed $seed: there is much to mend" "$(can_mend red | wc -l)" '^[1-9]'
	ok "seed $seed: the script runs" family_fix "$T/script.sql"
	needed >"$T/needed.after"
	is "seed $seed: it takes nothing that is needed" \
	    "$(LC_ALL=C comm -23 "$T/needed.before" "$T/needed.after")" ""
	corpus_audit green
	# What a superuser can, hides what it could by other ways.
	jq -r 'select(.check == "R1") | "^[A-Z0-9]* \(.account) "' "$T/red.json" >"$T/hid"
	is "seed $seed: it shows nothing new" \
	    "$(corpus_new "$T/red.list" "$T/green.list" | grep -vf "$T/hid")" ""
	ok "seed $seed: it can be taken back" family_fix "$T/undo.sql"
	family_state >"$T/state.undone"
	corpus_same "seed $seed: and all is as it was" "$T/state.bad" "$T/state.undone"
	family_end ""
}

for seed in $(seq "$FIRST" $((FIRST + ROUNDS - 1))); do
	round "$seed"
done
done_testing
