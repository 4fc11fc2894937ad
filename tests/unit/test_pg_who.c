/*
 * Tests of audit/pg_who, who holds a right, and of search paths as catalogs write them.
 */
#include <stdio.h>
#include <string.h>

#include "audit/pg_code.h"
#include "suites.h"

/* By oid: everyone, a superuser, a group, its two members, a member of one of them. */
static struct audit_pg_role role[] = {
	{ .oid = 0, .name = "PUBLIC" }, { .oid = 10, .name = "root", .super = 1 },
	{ .oid = 20, .name = "group" }, { .oid = 30, .name = "ann" }, { .oid = 40, .name = "bob" },
	{ .oid = 50, .name = "cat" },
};
static uint32_t up_at[] = { 0, 0, 0, 0, 1, 2, 3 }, up[] = { 2, 2, 4 };
static uint32_t down_at[] = { 0, 0, 0, 2, 2, 3, 3 }, down[] = { 3, 4, 5 };
static uint32_t todo[7];
static struct audit_pg audit = { .role = role, .roles = 6, .db_owner = 50 };
static const struct who w = { .a = &audit, .up_at = up_at, .up = up, .down_at = down_at,
	.down = down, .todo = todo, .edges = 3 };
static struct err e;

static int
name_it(void *ctx, const struct audit_pg_role *r, struct err *unused)
{
	char *out = ctx;

	(void)unused;	/* it cannot fail */
	(void)snprintf(out + strlen(out), 64 - strlen(out), "%s ", r->name);
	return 0;
}

static const char *
widest(const struct who_set *s)
{
	static char names[64];

	names[0] = '\0';
	ck_assert_int_eq(who_widest(&w, s, name_it, names, &e), 0);
	return names;
}

START_TEST(a_group_stands_for_its_members)
{
	struct who_set s = { 0 };

	ck_assert_int_eq(who_grant(&w, &s, "20 50", &e), 0);
	ck_assert_str_eq(widest(&s), "group ");
	ck_assert(who_has(&w, &s, &role[5]));
	ck_assert(!who_has(&w, &s, &role[1]));
	who_set_free(&s);
}
END_TEST

START_TEST(everyone_is_told_alone_and_superusers_never)
{
	struct who_set s = { 0 };

	ck_assert_int_eq(who_grant(&w, &s, "10 30", &e), 0);
	ck_assert_str_eq(widest(&s), "ann ");
	ck_assert_int_eq(who_add(&w, &s, 0, &e), 0);
	ck_assert_str_eq(widest(&s), "PUBLIC ");
	who_set_free(&s);
}
END_TEST

START_TEST(both_rights_are_held_by_who_holds_each)
{
	struct who_set s = { 0 }, t = { 0 }, all = { 0 };

	ck_assert_int_eq(who_grant(&w, &s, "20", &e), 0);
	ck_assert_int_eq(who_grant(&w, &t, "40", &e), 0);
	ck_assert_int_eq(who_add(&w, &all, 0, &e), 0);
	ck_assert_int_eq(who_and(&w, &all, &s, &e), 0);
	ck_assert_str_eq(widest(&all), "group ");
	ck_assert_int_eq(who_and(&w, &all, &t, &e), 0);
	ck_assert_str_eq(widest(&all), "bob ");
	who_set_free(&t);
	ck_assert_int_eq(who_and(&w, &all, &t, &e), 0);
	ck_assert(who_empty(&w, &all));
	ck_assert_int_eq(who_or(&w, &all, &s, &e), 0);
	ck_assert_str_eq(widest(&all), "group ");
	who_set_free(&s);
	who_set_free(&all);
}
END_TEST

START_TEST(the_database_s_owner_is_pg_database_owner)
{
	struct who_set s = { 0 };

	ck_assert_int_eq(who_add(&w, &s, PG_DATABASE_OWNER, &e), 0);
	ck_assert_str_eq(widest(&s), "cat ");
	who_set_free(&s);
}
END_TEST

START_TEST(a_search_path_is_read_name_by_name)
{
	static const struct {
		const char *path, *names;
	} all[] = {
		{ "", "" }, { "\"\"", "[]" }, { "public", "[public]" },
		{ "\"$user\", public", "[$user][public]" }, { "A,b ,  C", "[a][b][c]" },
		{ "\"A, b\", \"x\"\"y\"", "[A, b][x\"y]" }, { "\"open", "[open]" },
		{ "\"grün %s\", pg_temp", "[grün %s][pg_temp]" },
	};
	char name[PG_NAME_CAP], got[512];
	const char *path;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		got[0] = '\0';
		for (path = all[i].path; search_path_next(&path, name);)
			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "[%s]", name);
		ck_assert_str_eq(got, all[i].names);
	}
}
END_TEST

Suite *
pg_who_suite(void)
{
	Suite *s = suite_create("pg_who");
	TCase *t = tcase_create("pg_who");

	tcase_add_test(t, a_group_stands_for_its_members);
	tcase_add_test(t, everyone_is_told_alone_and_superusers_never);
	tcase_add_test(t, both_rights_are_held_by_who_holds_each);
	tcase_add_test(t, the_database_s_owner_is_pg_database_owner);
	tcase_add_test(t, a_search_path_is_read_name_by_name);
	suite_add_tcase(s, t);
	return s;
}
