/*
 * Tests of audit/policy_may: whose line it is, what a class may and where, exceptions.
 */
#include <string.h>

#include "audit/policy_private.h"
#include "suites.h"

#define TODAY "2026-11-22"

static struct err e;
static struct graph *g;
static struct policy *p;

static void
begin(void)
{
	g = graph_new();
	p = NULL;
}

static void
end(void)
{
	policy_free(p);
	graph_free(g);
}

static void
policy(const char *text)
{
	p = policy_parse("policy.ini", text, strlen(text), TODAY, &e);
	ck_assert_msg(p != NULL, "%s", e.msg);
}

static uint32_t
account(const char *name, int login)
{
	uint32_t id = graph_node(g, NODE_ACCOUNT, name, name);

	g->node[id].login = login != 0;
	return id;
}

static void
power(uint32_t from, const char *priv)
{
	static const struct graph_basis b = { .why = "may", .row = "row" };
	struct graph_power w = { .from = from, .priv = priv, .act = "act",
		.gate = { GRAPH_NO_GATE, GRAPH_NO_GATE }, .check = check_find("A1") };

	w.set = graph_set(g, "", "", "", "");
	w.basis = graph_basis(g, &b);
	graph_power(g, &w);
}

static const char *
class_of(uint32_t node)
{
	const struct policy_role *r = policy_role(p, g, node);

	return r == NULL ? "none" : r->class->name;
}

START_TEST(a_line_is_found_by_name_and_a_star_is_for_the_other_logins)
{
	uint32_t app = account("app", 1), other = account("other", 1), group = account("group", 0);
	uint32_t named = account("named_group", 0);
	uint32_t public = graph_node(g, NODE_PUBLIC, "app", "PUBLIC");

	policy("[role *] class=readonly\n[role app] class=app\n[role named_group] class=migrator\n");
	ck_assert_int_eq(graph_finish(g, &e), 0);
	ck_assert_str_eq(class_of(app), "app");
	ck_assert_str_eq(class_of(other), "readonly");
	ck_assert_str_eq(class_of(group), "none");
	ck_assert_str_eq(class_of(named), "migrator");
	ck_assert_str_eq(class_of(public), "none");
}
END_TEST

START_TEST(without_a_file_accounts_are_what_they_look_like)
{
	uint32_t root = account("postgres", 1), ship = account("logship", 1);
	uint32_t both = account("both", 1), app = account("app", 1), group = account("group", 0);
	uint32_t replica = account("'replica'@'%'", 1);

	g->node[root].bootstrap = 1;
	power(ship, "REPLICATION");
	power(replica, "REPLICATION SLAVE");
	power(both, "REPLICATION");
	power(both, "SELECT");
	ck_assert_int_eq(graph_finish(g, &e), 0);
	p = policy_read(NULL, TODAY, &e);
	ck_assert_str_eq(class_of(root), "admin");
	ck_assert_str_eq(class_of(ship), "ship");
	ck_assert_str_eq(class_of(replica), "ship");
	ck_assert_str_eq(class_of(both), "app");
	ck_assert_str_eq(class_of(app), "app");
	ck_assert_str_eq(class_of(group), "none");
}
END_TEST

/* One power of that word on something there: may the first line of the policy do it? */
static int
may(const char *priv, const char *db, const char *schema)
{
	struct graph_set set = { .kind = "table", .db = db, .schema = schema };
	struct graph_power w = { .priv = priv, .set = &set };

	return policy_may(&p->role[0], &w);
}

START_TEST(a_class_may_its_words)
{
	policy("[class x] may=SELECT,pg_monitor,\"CREATE USER\"\n[role x] class=x\n");
	ck_assert(may("SELECT", "", ""));
	ck_assert(may("pg_monitor", "", ""));
	ck_assert(may("CREATE USER", "", ""));
	ck_assert(!may("CREATE", "", ""));
	ck_assert(!may("SELECTS", "", ""));
	ck_assert(!may("pg_read_all_data", "", ""));
	ck_assert(!policy_may(NULL, &(struct graph_power){ .priv = "SELECT" }));
}
END_TEST

START_TEST(all_is_all)
{
	policy("[role x] class=admin\n");
	ck_assert(may("SUPERUSER", "", "") && may("no word at all", "shop", "sales"));
}
END_TEST

START_TEST(a_backup_may_read_triggers_but_not_hang_them)
{
	policy("[role x] class=backup\n");
	ck_assert(may("TRIGGER", "", "sales"));		/* MySQL, MariaDB */
	ck_assert(!may("TRIGGER", "shop", "sales"));	/* PostgreSQL */
	policy_free(p);
	policy("[role x] class=backup\n[class backup] may=TRIGGER\n");
	ck_assert(may("TRIGGER", "shop", "sales"));
	policy_free(p);
	policy("[role x] class=migrator\n");
	ck_assert(may("TRIGGER", "shop", "sales"));
}
END_TEST

START_TEST(a_line_with_databases_and_schemas_holds_there_only)
{
	policy("[class x] may=SELECT,OWNER,CREATE,TEMPORARY,CONNECT,REPLICATION\n"
	       "[role x] class=x db=shop schema=sales,cart\n");
	ck_assert(may("SELECT", "shop", "sales"));
	ck_assert(may("SELECT", "shop", "cart"));
	ck_assert(!may("SELECT", "shop", "hr"));
	ck_assert(!may("SELECT", "bank", "sales"));
	/* The database as such. */
	ck_assert(may("CONNECT", "shop", ""));
	ck_assert(may("TEMPORARY", "shop", ""));
	ck_assert(!may("CONNECT", "bank", ""));
	ck_assert(!may("CREATE", "shop", ""));
	ck_assert(!may("OWNER", "shop", ""));
	/* The whole server: rights on all its objects are beyond, attributes have no place. */
	ck_assert(!may("SELECT", "", ""));
	ck_assert(may("REPLICATION", "", ""));
	/* MySQL has schemas only. */
	ck_assert(may("SELECT", "", "sales"));
	ck_assert(!may("SELECT", "", "hr"));
}
END_TEST

START_TEST(a_database_in_the_line_is_a_schema_where_there_are_only_those)
{
	policy("[role x] class=app db=shop\n");
	ck_assert(may("SELECT", "", "shop"));
	ck_assert(!may("SELECT", "", "bank"));
	ck_assert(may("SELECT", "shop", "sales"));
}
END_TEST

static struct policy_except *
except(const char *id, const char *priv, const char *object)
{
	struct graph_power w = { .priv = priv };
	struct graph_node n = { .name = "etl" };

	return policy_except(p, &n, check_find(id), priv == NULL ? NULL : &w, object);
}

#define WHY " reason=\"nightly\" owner=ops"

START_TEST(an_exception_covers_what_it_names)
{
	policy("[except] id=A1 role=etl object=sales.tmp priv=TRUNCATE" WHY " until=2027-03-01\n"
	       "[except] id=O1 role=etl" WHY " until=2027-03-01\n"
	       "[except] id=S1 role=server object=fsync" WHY " until=2027-03-01\n"
	       "[except] id=P1 role=old_app" WHY " until=2027-03-01\n");
	ck_assert_ptr_eq(except("A1", "TRUNCATE", "sales.tmp"), &p->except[0]);
	ck_assert_ptr_eq(except("A1", "TRUNCATE", "\"sales\".\"tmp\""), &p->except[0]);
	ck_assert_ptr_eq(except("A1", "TRUNCATE", "`sales`.`tmp`"), &p->except[0]);
	ck_assert_ptr_null(except("A1", "TRUNCATE", "\"sales.tmp\""));
	ck_assert_ptr_null(except("A1", "TRUNCATE", "sales.tmp2"));
	ck_assert_ptr_null(except("A1", "TRUNCATE", "sales.tm"));
	ck_assert_ptr_null(except("A1", "TRUNCATE", NULL));
	ck_assert_ptr_null(except("A1", "DELETE", "sales.tmp"));
	ck_assert_ptr_null(except("A4", "TRUNCATE", "sales.tmp"));
	ck_assert_ptr_eq(except("O1", "OWNER", "anything"), &p->except[1]);
	ck_assert_ptr_eq(policy_except(p, &g->node[GRAPH_SERVER], check_find("S1"), NULL, "fsync"),
	    &p->except[2]);
	ck_assert_ptr_null(policy_except(p, &g->node[GRAPH_SERVER], check_find("S1"), NULL, "ssl"));
	ck_assert_ptr_eq(policy_except(p, &g->node[GRAPH_SERVER], check_find("P1"), NULL,
	    "old_app"), &p->except[3]);
}
END_TEST

START_TEST(an_exception_in_force_comes_before_an_expired_one)
{
	policy("[except] id=A1 role=etl" WHY " until=2026-11-21\n"
	       "[except] id=A1 role=etl priv=TRUNCATE" WHY " until=2026-11-22\n");
	ck_assert_ptr_eq(except("A1", "TRUNCATE", "t"), &p->except[1]);
	ck_assert_ptr_eq(except("A1", "DELETE", "t"), &p->except[0]);
	ck_assert_int_eq(p->except[0].expired, 1);
}
END_TEST

START_TEST(a_quoted_name_may_hold_quotes_and_dots)
{
	policy("[except] id=A1 role=etl object=\"\\\"a\\\"\\\"b.c\\\".t\"" WHY " until=2027-01-01\n");
	ck_assert_str_eq(p->except[0].object, "\"a\"\"b.c\".t");
	ck_assert_ptr_nonnull(except("A1", "SELECT", "\"a\"\"b.c\".\"t\""));
	ck_assert_ptr_null(except("A1", "SELECT", "\"a\"\"b\".\"c\".\"t\""));
}
END_TEST

Suite *
policy_may_suite(void)
{
	Suite *s = suite_create("policy_may");
	TCase *t = tcase_create("policy_may");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_line_is_found_by_name_and_a_star_is_for_the_other_logins);
	tcase_add_test(t, without_a_file_accounts_are_what_they_look_like);
	tcase_add_test(t, a_class_may_its_words);
	tcase_add_test(t, all_is_all);
	tcase_add_test(t, a_backup_may_read_triggers_but_not_hang_them);
	tcase_add_test(t, a_line_with_databases_and_schemas_holds_there_only);
	tcase_add_test(t, a_database_in_the_line_is_a_schema_where_there_are_only_those);
	tcase_add_test(t, an_exception_covers_what_it_names);
	tcase_add_test(t, an_exception_in_force_comes_before_an_expired_one);
	tcase_add_test(t, a_quoted_name_may_hold_quotes_and_dots);
	suite_add_tcase(s, t);
	return s;
}
