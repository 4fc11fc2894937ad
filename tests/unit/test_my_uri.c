/*
 * A server's URI taken apart: what is in it, and what is refused.
 */
#include <check.h>
#include <string.h>

#include "my/uri.h"
#include "suites.h"

static struct my_uri
parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct my_uri u;

	ck_assert_msg(my_uri_parse(&u, text, &e) == 0, "%s: %s", text, e.msg);
	return u;
}

START_TEST(all_parts_are_read)
{
	struct my_uri u = parsed("mysql://audit@db1:3307/shop?ssl-mode=VERIFY_IDENTITY&"
	    "ssl-ca=/etc/ca.pem&connect-timeout=3&read-timeout=60");

	ck_assert_str_eq(u.user, "audit");
	ck_assert_str_eq(u.host, "db1");
	ck_assert_uint_eq(u.port, 3307);
	ck_assert_str_eq(u.database, "shop");
	ck_assert_int_eq(u.ssl, MY_SSL_VERIFY);
	ck_assert_str_eq(u.ssl_ca, "/etc/ca.pem");
	ck_assert_uint_eq(u.connect_timeout, 3);
	ck_assert_uint_eq(u.read_timeout, 60);
	my_uri_free(&u);
}
END_TEST

START_TEST(what_is_left_out_is_not_given)
{
	struct my_uri u = parsed("mariadb://");

	ck_assert_ptr_null(u.user);
	ck_assert_ptr_null(u.host);
	ck_assert_ptr_null(u.database);
	ck_assert_ptr_null(u.socket);
	ck_assert_uint_eq(u.port, 0);
	ck_assert_int_eq(u.ssl, MY_SSL_DEFAULT);
	ck_assert_uint_gt(u.connect_timeout, 0);
	my_uri_free(&u);
}
END_TEST

START_TEST(names_may_hold_any_character)
{
	struct my_uri u = parsed("mysql://o%27brien%40x@[::1]:3306/a%2fb");

	ck_assert_str_eq(u.user, "o'brien@x");
	ck_assert_str_eq(u.host, "::1");
	ck_assert_uint_eq(u.port, 3306);
	ck_assert_str_eq(u.database, "a/b");
	my_uri_free(&u);
	u = parsed("mysql://root@localhost/?socket=/run/my%20sql/s");
	ck_assert_str_eq(u.socket, "/run/my sql/s");
	my_uri_free(&u);
}
END_TEST

static const struct { const char *uri, *says; } refused[] = {
	{ "postgresql://db1/", "not a mysql://" },
	{ "mysql://a:secret@db1/", "holds a password" },
	{ "mysql://a@db1/?password=secret", "holds a password" },
	{ "mysql://a%2@db1/", "two digits" },
	{ "mysql://a%00b@db1/", "two digits" },
	{ "mysql://db1:0/", "no port" },
	{ "mysql://db1:99999/", "no port" },
	{ "mysql://db1:/", "no port" },
	{ "mysql://[::1/", "does not end" },
	{ "mysql://db1/?socket=/s", "on localhost" },
	{ "mysql://db1/?sslmode=on", "unknown parameter sslmode" },
	{ "mysql://db1/?ssl-mode=on", "ssl-mode is" },
	{ "mysql://db1/?ssl-ca", "has no value" },
	{ "mysql://db1/?ssl-ca=", "has no value" },
	{ "mysql://db1/?read-timeout=-1", "takes seconds" },
};

START_TEST(what_is_wrong_is_refused_with_the_reason)
{
	struct err e = ERR_INIT;
	struct my_uri u;

	ck_assert_int_eq(my_uri_parse(&u, refused[_i].uri, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_msg(strstr(e.msg, refused[_i].says) != NULL, "%s", e.msg);
	ck_assert_msg(strstr(e.msg, "secret") == NULL, "it repeats the password");
	my_uri_free(&u);
}
END_TEST

Suite *
my_uri_suite(void)
{
	Suite *s = suite_create("my_uri");
	TCase *t = tcase_create("parse");

	tcase_add_test(t, all_parts_are_read);
	tcase_add_test(t, what_is_left_out_is_not_given);
	tcase_add_test(t, names_may_hold_any_character);
	tcase_add_loop_test(t, what_is_wrong_is_refused_with_the_reason, 0,
	    (int)(sizeof(refused) / sizeof(refused[0])));
	suite_add_tcase(s, t);
	return s;
}
