/*
 * Tests of audit/prove, over a way to no server: it notes what it is told, and answers as
 * the test says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/prove.h"
#include "base/buf.h"
#include "suites.h"

static struct err e = ERR_INIT;

/* ---- the way --------------------------------------------------------------- */

struct prove_session {
	char who[64];
	int block;
};

/* What the server says to a statement that begins so, in or out of a transaction. */
struct reply {
	const char *sql, *words;
	enum prove_what what;
	int outside;	/* only there */
};

static struct buf said;
static struct reply replies[8];
static int lost;		/* the server is gone */

static struct prove_session *
open_session(void *ctx, const struct graph_node *account, const char *db, const char *not_in,
    struct prove_answer *a, struct err *err)
{
	struct prove_session *s;

	ck_assert_ptr_null(ctx);
	buf_fmt(&said, "%s@%s%s%s\n", account->name, db, not_in != NULL ? " not in " : "",
	    not_in != NULL ? not_in : "");
	if (lost) {
		(void)err_set(err, ERR_UNREACHABLE, "it is gone");
		return NULL;
	}
	if (strcmp(db, "closed") == 0) {
		*a = (struct prove_answer){ PROVE_DENIED, "permission denied for database" };
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	snprintf(s->who, sizeof(s->who), "%s", account->name);
	return s;
}

static int
begin(struct prove_session *s, struct err *err)
{
	(void)err;
	s->block = 1;
	return 0;
}

static int
run(struct prove_session *s, const char *sql, struct prove_answer *a, struct err *err)
{
	const struct reply *r;

	(void)err;
	buf_fmt(&said, "  %s%s\n", sql, s->block ? "" : " (no block)");
	a->what = PROVE_DONE;
	for (r = replies; r->sql != NULL; r++)
		if (strncmp(sql, r->sql, strlen(r->sql)) == 0 && r->outside == !s->block) {
			a->what = r->what;
			snprintf(a->words, sizeof(a->words), "%s", r->words);
		}
	if (a->what == PROVE_DONE && strncmp(sql, "SET ROLE ", 9) == 0)
		snprintf(s->who, sizeof(s->who), "%s", sql + 9);
	return 0;
}

static const char *
who(struct prove_session *s)
{
	return s->who;
}

static void
end(struct prove_session *s)
{
	free(s);
}

static int
mend(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static const struct prove_way way = { open_session, begin, run, who, end, mend, NULL };

/* ---- findings -------------------------------------------------------------- */

static struct graph *g;
static uint32_t app, deploy, owner, hub, anyone;
static struct graph_set sales = { .kind = "table", .db = "shop", .schema = "sales" };
static const char *tables[] = { "sales.a", "sales.b", "sales.c", "sales.d" };

static void
setup(void)
{
	g = graph_new();
	app = graph_node(g, NODE_ACCOUNT, "app", "\"app\"");
	deploy = graph_node(g, NODE_ACCOUNT, "deploy", "\"deploy\"");
	owner = graph_node(g, NODE_ACCOUNT, "owner", "\"owner\"");
	hub = graph_node(g, NODE_HUB, "every role", "");
	anyone = graph_node(g, NODE_ANYONE, "anyone", "");
	sales.object = tables;
	sales.n = 1;
	memset(replies, 0, sizeof(replies));
	lost = 0;
	buf_free(&said);
}

static void
teardown(void)
{
	graph_free(g);
	buf_free(&said);
}

static const struct graph_basis member = { .why = "member of deploy", .proof = "SET ROLE deploy" };
static const struct graph_basis inherits = { .why = "inherits from deploy" };
static const struct graph_basis hijack = { .why = "may plant code", .db = "code",
	.proof = "CREATE FUNCTION f();\nSELECT f()" };
static const struct graph_basis secret = { .why = "knows how" };
static const struct graph_basis drops = { .why = "owns schema sales", .proof = "DROP TABLE %o" };
static const struct graph_basis alters = { .why = "may alter",
	.proof = "ALTER SYSTEM SET x = '100%%'" };
static const struct graph_basis drops_or_else = { .why = "owns schema sales",
	.proof = "DROP TABLE %o\nELSE\nDROP OWNED;\nSELECT 1" };
static const struct graph_basis ends = { .why = "owns shop", .proof = "DROP DATABASE %o;\n" };

static struct graph_step
step(uint32_t from, uint32_t to, enum step_how gives, const struct graph_basis *b)
{
	return (struct graph_step){ .from = from, .to = to, .gives = gives, .basis = b,
		.check = check_find("R3") };
}

static struct graph_power
power(uint32_t from, const struct graph_basis *b, const struct graph_set *set)
{
	return (struct graph_power){ .from = from, .basis = b, .set = set,
		.sink = SINK_DROP, .check = check_find("O1") };
}

/* Prove one finding; what came of it, as a text, and what was said to the server. */
static const char *
prove(const struct graph_step *steps, uint32_t n, const struct graph_power *p, uint32_t account)
{
	static char out[512];
	const struct graph_step *path[4] = { &steps[0], &steps[1], &steps[2], &steps[3] };
	struct finding f = { .check = check_find("O1"), .severity = SEVERITY_HIGH,
		.account = account, .step = path, .steps = n, .power = p,
		.object = p->set != NULL ? p->set->object[0] : NULL };
	struct verdict v = { .finding = &f, .n = 1 };
	struct proofs proofs = { NULL, 0 };
	const struct proof *r;

	if (prove_all(g, &v, &way, &proofs, &e) < 0)
		snprintf(out, sizeof(out), "error: %.100s", e.msg);
	else {
		r = &proofs.proof[0];
		snprintf(out, sizeof(out), "%s [%s] %s", proof_word(r->outcome),
		    r->statement != NULL ? r->statement : "", r->words != NULL ? r->words : "");
	}
	proofs_free(&proofs);
	return out;
}

/* ---- walking --------------------------------------------------------------- */

START_TEST(a_path_is_walked_and_its_end_tried)
{
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &member) };
	struct graph_power p = power(deploy, &drops, &sales);

	ck_assert_str_eq(prove(s, 1, &p, app), "confirmed [DROP TABLE sales.a] ");
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  SET ROLE deploy\n  DROP TABLE sales.a\n");
}
END_TEST

START_TEST(what_is_inherited_needs_no_proof)
{
	struct graph_step s[4] = { step(app, deploy, STEP_USE, &inherits) };
	struct graph_power p = power(deploy, &drops, &sales);

	ck_assert_str_eq(prove(s, 1, &p, app), "confirmed [DROP TABLE sales.a] ");
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  DROP TABLE sales.a\n");
}
END_TEST

/* A proof in another database, that does not leave the session as the owner. */
START_TEST(a_shown_step_goes_on_in_a_session_of_its_own)
{
	struct graph_step s[4] = { step(app, owner, STEP_BECOME, &hijack) };
	struct graph_power p = power(owner, &drops, &sales);

	ck_assert_str_eq(prove(s, 1, &p, app), "confirmed [DROP TABLE sales.a] ");
	ck_assert_str_eq(buf_cstr(&said), "app@code\n  CREATE FUNCTION f()\n  SELECT f()\n"
	    "owner@code\nowner@shop\n  DROP TABLE sales.a\n");
}
END_TEST

START_TEST(a_hub_is_nobody)
{
	struct graph_step s[4] = { step(app, hub, STEP_BECOME, &secret),
		step(hub, deploy, STEP_BECOME, &member) };
	struct graph_power p = power(deploy, &drops, &sales);

	ck_assert_str_eq(prove(s, 2, &p, app), "confirmed [DROP TABLE sales.a] ");
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  SET ROLE deploy\n  DROP TABLE sales.a\n");
}
END_TEST

START_TEST(a_refused_step_refutes)
{
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &member) };
	struct graph_power p = power(deploy, &drops, &sales);

	replies[0] = (struct reply){ "SET ROLE", "permission denied to set role", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(s, 1, &p, app),
	    "refuted [SET ROLE deploy] permission denied to set role");
}
END_TEST

START_TEST(a_closed_database_refutes)
{
	struct graph_set closed = { .kind = "table", .db = "closed", .schema = "s",
		.object = tables, .n = 1 };
	struct graph_power p = power(app, &drops, &closed);

	ck_assert_str_eq(prove(NULL, 0, &p, app), "refuted [] permission denied for database");
}
END_TEST

START_TEST(but_not_when_the_path_may_open_it)
{
	static const struct graph_basis grants = { .why = "grants itself deploy",
		.proof = "GRANT deploy TO CURRENT_USER;\nSET ROLE deploy" };
	struct graph_set closed = { .kind = "table", .db = "closed", .schema = "s",
		.object = tables, .n = 1 };
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &grants) };
	struct graph_power p = power(deploy, &drops, &closed);

	ck_assert_str_eq(prove(s, 1, &p, app), "not tried [] permission denied for database");
}
END_TEST

START_TEST(another_error_proves_nothing)
{
	struct graph_power p = power(app, &drops, &sales);

	replies[0] = (struct reply){ "DROP", "lock timeout", PROVE_FAILED, 0 };
	ck_assert_str_eq(prove(NULL, 0, &p, app), "not tried [DROP TABLE sales.a] lock timeout");
}
END_TEST

START_TEST(anyone_comes_in_by_a_line_wherever_it_goes_on)
{
	static const struct graph_basis door = { .why = "let in", .proof = "\\connect user='app'" };
	static const struct graph_basis elsewhere = { .why = "owns stock", .db = "stock",
		.proof = "DROP TABLE x" };
	struct graph_step s[4] = { step(anyone, app, STEP_BECOME, &door),
		step(app, hub, STEP_BECOME, &hijack) };
	struct graph_power p = power(hub, &elsewhere, NULL);

	s[0].breach = 1;
	ck_assert_str_eq(prove(s, 2, &p, anyone), "confirmed [DROP TABLE x] ");
	ck_assert_str_eq(buf_cstr(&said), "anyone@code\n  \\connect user='app'\napp@code\n"
	    "  CREATE FUNCTION f()\n  SELECT f()\n"
	    "anyone@stock\n  \\connect user='app'\napp@stock\n  DROP TABLE x\n");
	replies[0] = (struct reply){ "\\connect", "no pg_hba.conf entry", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(s, 2, &p, anyone),
	    "refuted [\\connect user='app'] no pg_hba.conf entry");
}
END_TEST

START_TEST(who_is_refused_as_the_role_tries_it_as_a_member)
{
	static const struct graph_basis schema = { .why = "owns schema sales",
		.proof = "DROP TABLE %o" };
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &member),
		step(deploy, owner, STEP_BECOME, &member) };
	struct graph_power p = power(owner, &schema, &sales);

	replies[0] = (struct reply){ "DROP", "permission denied", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(s, 2, &p, app), "refuted [DROP TABLE sales.a] permission denied");
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  SET ROLE deploy\n  SET ROLE deploy\n"
	    "owner@shop\n  DROP TABLE sales.a\n"
	    "app@shop\n  SET ROLE deploy\n  DROP TABLE sales.a\n"
	    "app@shop\n  DROP TABLE sales.a\n");
}
END_TEST

START_TEST(what_cannot_be_tried_is_said)
{
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &secret) };
	struct graph_power p = power(deploy, &drops, &sales), q = power(app, &secret, &sales);

	ck_assert_str_eq(prove(s, 1, &p, app), "not tried [] nothing is known that would try "
	    "\"knows how\"");
	ck_assert_str_eq(prove(NULL, 0, &q, app), "not tried [] nothing is known that would try "
	    "\"knows how\"");
	ck_assert_str_eq(prove(NULL, 0, &p, hub), "not tried [] it is no account's");
}
END_TEST

START_TEST(a_lost_server_is_an_error)
{
	struct graph_power p = power(app, &drops, &sales);

	lost = 1;
	ck_assert_str_eq(prove(NULL, 0, &p, app), "error: it is gone");
}
END_TEST

/* ---- objects --------------------------------------------------------------- */

START_TEST(another_object_may_do)
{
	struct graph_power p = power(app, &drops, &sales);

	sales.n = 4;
	replies[0] = (struct reply){ "DROP TABLE sales.a", "locked", PROVE_FAILED, 0 };
	replies[1] = (struct reply){ "DROP TABLE sales.b", "no", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(NULL, 0, &p, app), "confirmed [DROP TABLE sales.c] ");
	replies[2] = (struct reply){ "DROP TABLE sales.c", "no", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(NULL, 0, &p, app), "not tried [DROP TABLE sales.a] locked");
	replies[0].what = PROVE_DENIED;
	ck_assert_str_eq(prove(NULL, 0, &p, app), "refuted [DROP TABLE sales.a] locked");
}
END_TEST

START_TEST(another_way_may_do)
{
	struct graph_power p = power(app, &drops_or_else, &sales);

	ck_assert_str_eq(prove(NULL, 0, &p, app), "confirmed [DROP TABLE sales.a] ");
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  DROP TABLE sales.a\n");
	replies[0] = (struct reply){ "DROP TABLE", "no schema", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(NULL, 0, &p, app), "confirmed [SELECT 1] ");
	replies[1] = (struct reply){ "DROP OWNED", "no", PROVE_DENIED, 0 };
	ck_assert_str_eq(prove(NULL, 0, &p, app), "refuted [DROP TABLE sales.a] no schema");
}
END_TEST

/* ---- outside of a transaction ---------------------------------------------- */

START_TEST(what_needs_no_transaction_comes_later_as_who_it_was)
{
	struct graph_step s[4] = { step(app, deploy, STEP_BECOME, &member) };
	struct graph_power p = power(deploy, &alters, NULL);

	replies[0] = (struct reply){ "ALTER SYSTEM", "not in a block", PROVE_NO_BLOCK, 0 };
	ck_assert_str_eq(prove(s, 1, &p, app), "confirmed [ALTER SYSTEM SET x = '100%'] ");
	ck_assert_str_eq(buf_cstr(&said), "app@\n  SET ROLE deploy\n  ALTER SYSTEM SET x = '100%'\n"
	    "deploy@\n  ALTER SYSTEM SET x = '100%' (no block)\n");
	replies[1] = (struct reply){ "ALTER SYSTEM", "denied", PROVE_DENIED, 1 };
	ck_assert_str_eq(prove(s, 1, &p, app), "refuted [ALTER SYSTEM SET x = '100%'] denied");
}
END_TEST

START_TEST(drops_come_last_and_from_elsewhere)
{
	static const char *shop[] = { "\"shop\"" };
	struct graph_set database = { .kind = "database", .db = "shop", .schema = "",
		.object = shop, .n = 1 };
	struct graph_power p = power(app, &ends, &database), q = power(app, &alters, NULL);
	struct finding f[2] = { { .account = app, .power = &p, .object = shop[0] },
		{ .account = app, .power = &q } };
	struct verdict v = { .finding = f, .n = 2 };
	struct proofs proofs;

	replies[0] = (struct reply){ "DROP", "not in a block", PROVE_NO_BLOCK, 0 };
	replies[1] = (struct reply){ "ALTER", "not in a block", PROVE_NO_BLOCK, 0 };
	ck_assert_int_eq(prove_all(g, &v, &way, &proofs, &e), 0);
	ck_assert_str_eq(buf_cstr(&said), "app@shop\n  DROP DATABASE \"shop\"\n"
	    "app@\n  ALTER SYSTEM SET x = '100%'\n"
	    "app@\n  ALTER SYSTEM SET x = '100%' (no block)\n"
	    "app@ not in \"shop\"\n  DROP DATABASE \"shop\" (no block)\n");
	ck_assert_int_eq(proofs.proof[0].outcome, PROOF_CONFIRMED);
	proofs_free(&proofs);
}
END_TEST

/* ---- what it comes to ------------------------------------------------------ */

START_TEST(the_outcome_counts_what_could_be_tried)
{
	struct finding f[2] = { { .severity = SEVERITY_HIGH }, { .severity = SEVERITY_CRITICAL } };
	struct proof p[2] = { { .outcome = PROOF_CONFIRMED }, { .outcome = PROOF_REFUTED } };
	struct verdict v = { .finding = f, .n = 2 };
	struct proofs proofs = { p, 2 };

	ck_assert_int_eq(proofs_outcome(g, &v, &proofs, SEVERITY_HIGH), ERR_NEGATIVE);
	ck_assert_int_eq(proofs_outcome(g, &v, &proofs, SEVERITY_CRITICAL), ERR_NONE);
	p[1].outcome = PROOF_UNTRIED;
	ck_assert_int_eq(proofs_outcome(g, &v, &proofs, SEVERITY_CRITICAL), ERR_INCOMPLETE);
	p[1].moot = 1;
	ck_assert_int_eq(proofs_outcome(g, &v, &proofs, SEVERITY_CRITICAL), ERR_NONE);
	graph_unknown(g, "A1", "database x", "no", NULL);
	ck_assert_int_eq(proofs_outcome(g, &v, &proofs, SEVERITY_CRITICAL), ERR_INCOMPLETE);
}
END_TEST

START_TEST(our_own_settings_are_no_findings)
{
	static const struct graph_basis b = { .why = "off", .row = "line 1: local all all trust" };
	static const struct graph_basis theirs = { .why = "let in", .row = "line 2: local all app trust" };
	struct graph_step trust = step(anyone, app, STEP_BECOME, &b);

	trust.check = check_find("H1");
	graph_step(g, &trust);
	trust.basis = &theirs;
	graph_step(g, &trust);
	trust = step(app, deploy, STEP_BECOME, &member);
	graph_step(g, &trust);
	graph_fault(g, "B4", SEVERITY_HIGH, SINK_LOGKILL, "archive_mode", &b);
	graph_fault(g, "P1", SEVERITY_HIGH, SINK_SECRETS, "md5", &b);
	graph_unknown(g, "H1", "pg_hba_file_rules", "no", NULL);
	prove_forget_settings(g, "local all all trust");
	ck_assert_uint_eq(g->steps, 2);
	ck_assert_str_eq(g->step[0].basis->why, "let in");
	ck_assert_str_eq(g->step[1].check->id, "R3");
	ck_assert_uint_eq(g->faults, 1);
	ck_assert_str_eq(g->fault[0].check->id, "P1");
	ck_assert_uint_eq(g->unknowns, 0);
}
END_TEST

Suite *
prove_suite(void)
{
	Suite *s = suite_create("prove");
	TCase *t = tcase_create("prove");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_path_is_walked_and_its_end_tried);
	tcase_add_test(t, what_is_inherited_needs_no_proof);
	tcase_add_test(t, a_shown_step_goes_on_in_a_session_of_its_own);
	tcase_add_test(t, a_hub_is_nobody);
	tcase_add_test(t, a_refused_step_refutes);
	tcase_add_test(t, a_closed_database_refutes);
	tcase_add_test(t, but_not_when_the_path_may_open_it);
	tcase_add_test(t, another_error_proves_nothing);
	tcase_add_test(t, anyone_comes_in_by_a_line_wherever_it_goes_on);
	tcase_add_test(t, who_is_refused_as_the_role_tries_it_as_a_member);
	tcase_add_test(t, what_cannot_be_tried_is_said);
	tcase_add_test(t, a_lost_server_is_an_error);
	tcase_add_test(t, another_object_may_do);
	tcase_add_test(t, another_way_may_do);
	tcase_add_test(t, what_needs_no_transaction_comes_later_as_who_it_was);
	tcase_add_test(t, drops_come_last_and_from_elsewhere);
	tcase_add_test(t, the_outcome_counts_what_could_be_tried);
	tcase_add_test(t, our_own_settings_are_no_findings);
	suite_add_tcase(s, t);
	return s;
}
