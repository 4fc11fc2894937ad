# Connecting to a server: what is refused says why and what to do; small commands; slots.
# matrix
. "$(dirname "$0")/../lib.sh"

P=$B/pgprobe
hint() { sed -n 2p "$T/err"; }

pg_init "$T/db"
pg_conf "$T/db" "max_wal_senders = 2" "max_replication_slots = 1" "password_encryption = 'scram-sha-256'"
cat >"$T/hba" <<'END'
local all,replication postgres,weak trust
local replication keyed scram-sha-256
local all keyed trust
host all,replication keyed 127.0.0.1/32 scram-sha-256
END
cat "$T/hba" >"$T/db/pg_hba.conf"
pg_start "$T/db"
C=$(pg_url "$T/db")
port=$(cat "$T/db.lab/port")
q "$T/db" "create role weak login" "create role keyed login replication password 'secret'"

# ---- what the server is ----

ok "it connects" "$P" identify "$C"
like "and tells the server's place, version and segment size" "$(head -n 1 "$T/out")" \
    "^server $T/db.lab:$port version ${PGVERSION}0[0-9]* .* timeline 1 segment 16777216$"
is "and its system id" "$(sed -n '1s/.* system \([0-9]*\) .*/\1/p' "$T/out")" \
    "$(q "$T/db" 'select system_identifier from pg_control_system()')"
is "and how far its WAL reaches" "$(tail -n 1 "$T/out")" "$(q "$T/db" 'select pg_current_wal_flush_lsn()')"
run "$P" show "$C" wal_level
is "a setting can be asked for" "$(cat "$T/out")" replica
fails_with 66 'SHOW: unrecognized configuration parameter "nope"' "$P" show "$C" nope
fails_with 64 'no setting' "$P" show "$C" "wal_level; SELECT 1"
run "$P" history "$C" 1
is "timeline 1 has no history" "$STATUS $(cat "$T/out")" "0 "
fails_with 66 'TIMELINE_HISTORY: .*00000009.history' "$P" history "$C" 9

# ---- who may not ----

fails_with 64 'holds a password' "$P" identify "$C password=secret"
fails_with 64 'holds a password' "$P" identify "postgresql://keyed:secret@127.0.0.1:$port/"
unlike "the password is not repeated" "$(cat "$T/err")" secret
fails_with 64 'missing "="' "$P" identify db1
fails_with 77 'connect: role "nobody" does not exist|no pg_hba.conf entry' "$P" identify "$C user=nobody"
fails_with 77 'connect: (must be superuser or replication role|permission denied) .*to start (walsender|WAL sender)' \
    "$P" identify "$C user=weak"
is "the hint says what to grant" "$(hint)" 'on the server: ALTER ROLE "weak" REPLICATION'
fails_with 77 'connect: no pg_hba.conf entry for replication' "$P" identify "$C host=127.0.0.1 user=weak"
like "the hint shows the line" "$(hint)" 'pg_hba.conf.*host replication weak'
fails_with 77 'connect: fe_sendauth: no password supplied' "$P" identify "$C host=127.0.0.1 user=keyed"
like "the hint names the database of .pgpass" "$(hint)" '\.pgpass.*"replication"'
PGPASSWORD=wrong fails_with 77 'connect: password authentication failed for user "keyed"' \
    "$P" identify "$C host=127.0.0.1 user=keyed"
like "the hint is the same for a wrong one" "$(hint)" '\.pgpass'
echo "127.0.0.1:$port:replication:keyed:secret" >"$T/pgpass"
chmod 600 "$T/pgpass"
PGPASSFILE=$T/pgpass ok "a password from .pgpass opens" "$P" identify "$C host=127.0.0.1 user=keyed"
like "the server is called by its address" "$(cat "$T/out")" "^server 127.0.0.1:$port "

# ---- who does not answer ----

dead=$(free_port)
fails_with 69 "server 127.0.0.1:$dead: connect: Connection refused" "$P" identify "host=127.0.0.1 port=$dead"
like "the hint names what to check" "$(hint)" 'listen_addresses'
fails_with 69 'server nohost.invalid:5432: connect: could not translate host name' \
    "$P" identify "host=nohost.invalid"
fails_with 69 "connect: .*No such file" "$P" identify "host=$T"
ok "the second of two hosts is tried" "$P" identify "host=127.0.0.1,$T/db.lab port=$dead,$port user=postgres"
fails_with 69 'connect: ' "$P" identify "host=127.0.0.1,$T port=$dead"

# A server that says what it is told to, once the client has spoken (or nothing at all).
fake()
{
	local port
	port=$(free_port)
	cat >"$T/fake.pl" <<'END'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 5) or die;
while (my $c = $s->accept) {
	while (sysread $c, my $in, 8192) {
		if ($in =~ /\x04\xd2\x16\x2f$/) { syswrite $c, 'N'; next }	# TLS? no
		syswrite $c, eval "\"$ARGV[1]\"" if $ARGV[1];
	}
}
END
	spawn fake perl "$T/fake.pl" "$port" "$1"
	FAKE=$port
	wait_until 10 eval "(: <>/dev/tcp/127.0.0.1/$port)"
}

fake ''
began=${EPOCHREALTIME/./}
fails_with 69 "server 127.0.0.1:$FAKE: connect: no answer within 2 s" \
    "$P" identify "host=127.0.0.1 port=$FAKE connect_timeout=2"
ok "after that time and not much more" [ $((${EPOCHREALTIME/./} - began)) -lt 4000000 ]
fake 'R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0013.9\0Z\0\0\0\x05I'
fails_with 78 'PostgreSQL 13 is not supported, only 14 to 18' "$P" identify "host=127.0.0.1 port=$FAKE"
fake 'R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0019.0\0Z\0\0\0\x05I'
fails_with 78 'PostgreSQL 19 is not supported' "$P" identify "host=127.0.0.1 port=$FAKE"
# A server that speaks another language: code and function are what counts.
fake 'E\0\0\0\x4bSFATAL\0C28000\0Mkein Eintrag f\xc3\xbcr\x1b[31m Replikation\0RClientAuthentication\0\0'
fails_with 77 'connect: kein Eintrag f.+r \[31m Replikation$' "$P" identify "host=127.0.0.1 port=$FAKE user=weak"
like "a hint needs no English" "$(hint)" 'host replication weak'
fake 'E\0\0\0\x2bSFATAL\0C57P03\0Mer startet gerade noch\0\0'
fails_with 75 'connect: er startet gerade noch' "$P" identify "host=127.0.0.1 port=$FAKE"

# ---- slots ----

run "$P" slot "$C" read s1
if [ "$PGVERSION" -ge 15 ]; then
	is "there is no slot yet" "$(cat "$T/out")" "0 exists 0 timeline 0 restart 0/0"
else
	is "14 cannot tell" "$(cat "$T/out")" "1 exists 1 timeline 0 restart 0/0"
fi
ok "a slot is made" "$P" slot "$C" create s1
is "and holds WAL from now on" "$(q "$T/db" "select slot_type, restart_lsn is not null from pg_replication_slots")" 'physical|t'
if [ "$PGVERSION" -ge 15 ]; then
	run "$P" slot "$C" read s1
	is "its position can be read" "$(cat "$T/out")" \
	    "1 exists 1 timeline 1 restart $(q "$T/db" 'select restart_lsn from pg_replication_slots')"
fi
fails_with 74 'replication slot "s1" already exists' "$P" slot "$C" create s1
fails_with 75 'all replication slots are in use' "$P" slot "$C" create s2
like "the server's hint is passed on" "$(hint)" max_replication_slots
for name in '' S1 's-1' 's"1' "$(printf '%064d' 1)"; do
	fails_with 64 'no slot.s name' "$P" slot "$C" create "$name"
done
ok "a slot is dropped" "$P" slot "$C" drop s1
fails_with 66 'replication slot "s1" does not exist' "$P" slot "$C" drop s1
ok "any good name will do" "$P" slot "$C" create "$(printf '%063d' 1)"
is "digits first, and long" "$(q "$T/db" 'select length(slot_name) from pg_replication_slots')" 63

# ---- a server without room ----

lsn=$(q "$T/db" 'select pg_current_wal_flush_lsn()')
for i in 1 2; do
	spawn "s$i" "$P" stream "$C" - 1 "$lsn"
done
wait_until 10 eval '[ "$(q "$T/db" "select count(*) from pg_stat_replication")" = 2 ]'
fails_with 75 'connect: number of requested standby connections exceeds "?max_wal_senders' "$P" identify "$C"
like "the hint says how to get room" "$(hint)" 'raise max_wal_senders'

pg_stop "$T/db"
pg_conf "$T/db" "wal_level = minimal" "max_wal_senders = 0" "max_replication_slots = 0" "archive_mode = off"
as_pg rm -rf "$T/db/pg_replslot/$(printf '%063d' 1)"	# it would keep the server from starting
pg_start "$T/db"
fails_with 78 'connect: .*max_wal_senders' "$P" identify "$C"
like "the hint names the settings" "$(hint)" 'wal_level = replica, max_wal_senders = 10'
done_testing
