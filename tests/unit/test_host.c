/*
 * Tests of audit/host: where a repository lies, by the files that a kernel would show; the
 * canary; accounts of another environment; names in applications' files.
 */
#include "audit/host.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/host_private.h"
#include "audit_fixture.h"
#include "base/io.h"
#include "scratch.h"
#include "suites.h"

static struct err e;

static void
setup(void)
{
	scratch_setup();
	audit_begin();
}

static void
teardown(void)
{
	audit_end();
	scratch_teardown();
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(scratch_path(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void
dir(const char *name)
{
	ck_assert_int_eq(io_mkdirs(scratch_path(name), 0755, &e), 0);
}

static void
link_to(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, scratch_path(name)), 0);
}

/* ---- places ------------------------------------------------------------------------ */

/* A host with the disks sda (two partitions), sdb and sdc, as sysfs shows them. */
static void
make_host(const char *mountinfo)
{
	dir("proc/self");
	put("proc/self/mountinfo", mountinfo);
	dir("sys/dev/block");
	dir("sys/class/block");
	dir("sys/devices/sda/sda1");
	put("sys/devices/sda/sda1/partition", "1\n");
	dir("sys/devices/sda/sda2");
	put("sys/devices/sda/sda2/partition", "2\n");
	dir("sys/devices/sdb");
	dir("sys/devices/sdc");
	dir("sys/devices/dm-0/slaves");
	dir("sys/devices/md0/slaves");
	dir("sys/devices/loop0/loop");
	link_to("../../sda/sda2", "sys/devices/dm-0/slaves/sda2");
	link_to("../../dm-0", "sys/devices/md0/slaves/dm-0");
	link_to("../../sdb", "sys/devices/md0/slaves/sdb");
	put("sys/devices/loop0/loop/backing_file", "/data/images/v.img\n");
	link_to("../../devices/sda/sda1", "sys/dev/block/8:1");
	link_to("../../devices/sdb", "sys/dev/block/8:16");
	link_to("../../devices/sdc", "sys/dev/block/8:32");
	link_to("../../devices/md0", "sys/dev/block/9:0");
	link_to("../../devices/loop0", "sys/dev/block/7:0");
	link_to("../../devices/sda/sda2", "sys/class/block/sda2");
}

#define MOUNTS \
	"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n" \
	"21 20 9:0 / /data rw,noatime shared:1 - xfs /dev/md0 rw\n" \
	"22 20 8:16 / /b rw - ext4 /dev/sdb rw\n" \
	"23 20 8:32 / /c rw - ext4 /dev/sdc rw\n" \
	"24 20 0:50 / /btrfs rw - btrfs /dev/sda2 rw\n" \
	"25 20 7:0 / /loop rw - ext4 /dev/loop0 rw\n" \
	"26 20 0:60 / /far rw - nfs4 filer:/export rw,clientaddr=127.0.0.1,addr=192.0.2.9\n" \
	"27 20 0:61 / /near rw - nfs4 filer:/x rw,addr=127.0.0.1\n" \
	"28 20 0:62 / /far2 rw - nfs filer:/other rw,addr=192.0.2.9\n" \
	"29 20 0:63 / /with\\040blank rw - tmpfs tmpfs rw\n" \
	"30 20 0:64 / /tank/a rw - zfs tank/a rw\n" \
	"31 20 0:65 / /tank/b rw - zfs tank/b rw\n" \
	"32 20 8:32 / /c/over rw - ext4 /dev/sdc rw\n" \
	"33 32 8:16 / /c/over rw - ext4 /dev/sdb rw\n"

static struct host_place
at(const char *path)
{
	struct host_place p;

	ck_assert_msg(host_place(scratch_path(""), path, &p, &e) == 0, "%s", e.msg);
	return p;
}

/* What they share, as the severity's name; "none". */
static const char *
shared(const char *repo, const char *data)
{
	struct host_place r = at(repo), d = at(data);
	enum severity s;

	return host_shared(ag, repo, &r, data, &d, &s) == NULL ? "none" : severity_name(s);
}

START_TEST(a_directory_lies_in_the_innermost_mount)
{
	make_host(MOUNTS);
	ck_assert_str_eq(at("/").device, "8:1");
	ck_assert_str_eq(at("/data").device, "9:0");
	ck_assert_str_eq(at("/data/x").device, "9:0");
	ck_assert_str_eq(at("/database").device, "8:1");
	ck_assert_str_eq(at("/with blank/x").device, "0:63");
	/* Mounted over: the last one counts. */
	ck_assert_str_eq(at("/c/over/x").device, "8:16");
}
END_TEST

START_TEST(disks_are_found_below_partitions_maps_stripes_and_loops)
{
	struct host_place p;

	make_host(MOUNTS);
	p = at("/");
	ck_assert_uint_eq(p.disks, 1);
	ck_assert_str_eq(p.disk[0], "sda");
	p = at("/data");
	ck_assert_uint_eq(p.disks, 2);
	p = at("/loop");
	ck_assert_uint_eq(p.disks, 2);
	p = at("/btrfs");
	ck_assert_uint_eq(p.disks, 1);
	ck_assert_str_eq(p.disk[0], "sda");
	ck_assert_str_eq(at("/tank/a").disk[0], "zfs tank");
}
END_TEST

START_TEST(what_is_shared_makes_the_severity)
{
	make_host(MOUNTS);
	ck_assert_str_eq(shared("/data/repo", "/data/pg"), "critical");
	ck_assert_str_eq(shared("/b/repo", "/data/pg"), "critical");
	ck_assert_str_eq(shared("/btrfs/repo", "/var/lib/pg"), "critical");
	ck_assert_str_eq(shared("/loop/repo", "/b/pg"), "critical");
	ck_assert_str_eq(shared("/tank/a", "/tank/b"), "critical");
	ck_assert_str_eq(shared("/c/repo", "/data/pg"), "high");
	ck_assert_str_eq(shared("/with blank/repo", "/data/pg"), "high");
	ck_assert_str_eq(shared("/far/repo", "/data/pg"), "none");
	ck_assert_str_eq(shared("/near/repo", "/data/pg"), "critical");
	ck_assert_str_eq(shared("/far/repo", "/far2/pg"), "critical");
}
END_TEST

START_TEST(what_cannot_be_known_is_no_pass)
{
	ck_assert_int_eq(host_domain(ag, "/", &e), 0);
	ck_assert_uint_eq(ag->unknowns, 1);
	graph_directory(ag, scratch_path("none"));
	ck_assert_int_eq(host_domain(ag, "/", &e), 0);
	ck_assert_uint_eq(ag->unknowns, 2);
	ck_assert_int_eq(host_domain(ag, "cmd:ssh elsewhere", &e), 0);
	ck_assert_int_eq(host_domain(ag, scratch_path("no repository"), &e), 0);
	ck_assert_uint_eq(ag->unknowns, 4);
	ck_assert_uint_eq(ag->faults, 0);
}
END_TEST

START_TEST(a_repository_beside_the_data_is_one_fault)
{
	dir("repo");
	dir("pg");
	dir("space");
	graph_directory(ag, scratch_path("pg"));
	graph_directory(ag, scratch_path("space"));
	ck_assert_int_eq(host_domain(ag, scratch_path("repo"), &e), 0);
	ck_assert_uint_eq(ag->faults, 1);
	ck_assert_str_eq(ag->fault[0].check->id, "B5");
	ck_assert_int_eq(ag->fault[0].severity, SEVERITY_CRITICAL);
	ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, scratch_path("repo")));
}
END_TEST

START_TEST(a_url_is_compared_by_its_host)
{
	graph_directory(ag, "/");
	ck_assert_int_eq(host_domain(ag, "ssh://backup@repo.example/srv/v", &e), 0);
	ck_assert_uint_eq(ag->faults, 0);
	ck_assert_int_eq(host_domain(ag, "ssh://backup@127.0.0.1:22/srv/v", &e), 0);
	ck_assert_uint_eq(ag->faults, 1);
	ck_assert_int_eq(host_domain(ag, "ssh://[::1]/srv/v", &e), 0);
	ck_assert_int_eq(host_domain(ag, "ssh://localhost/srv/v", &e), 0);
	ck_assert_uint_eq(ag->faults, 3);
	ck_assert_uint_eq(ag->unknowns, 0);
}
END_TEST

START_TEST(this_host_knows_itself)
{
	char name[256];

	ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
	ck_assert(host_is_itself(name) && host_is_itself("LOCALHOST"));
	ck_assert(host_is_itself("127.3.2.1") && host_is_itself("::1"));
	ck_assert(!host_is_itself("192.0.2.1") && !host_is_itself("repo.example"));
	ck_assert(!host_is_itself(""));
}
END_TEST

/* ---- the canary -------------------------------------------------------------------- */

START_TEST(a_canary_that_can_be_removed_is_a_fault_and_leaves_nothing)
{
	dir("repo/incoming");
	put("repo/incoming/other", "stays");
	ck_assert_int_eq(host_canary(ag, scratch_path("repo"), &e), 0);
	ck_assert_uint_eq(ag->faults, 1);
	ck_assert_str_eq(ag->fault[0].check->id, "B6");
	ck_assert_int_eq(ag->fault[0].severity, SEVERITY_CRITICAL);
	ck_assert_int_eq(ag->fault[0].sink, SINK_BACKUPKILL);
	ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, "overwrite and remove"));
	ck_assert_str_eq(scratch_text("repo/incoming/other"), "stays");
	ck_assert_int_eq(unlink(scratch_path("repo/incoming/other")), 0);
	ck_assert_int_eq(rmdir(scratch_path("repo/incoming")), 0);
}
END_TEST

START_TEST(a_canary_that_cannot_be_laid_is_unknown)
{
	ck_assert_int_eq(host_canary(ag, scratch_path("repo"), &e), 0);
	ck_assert_int_eq(host_canary(ag, "ssh://repo.example/v", &e), 0);
	ck_assert_uint_eq(ag->faults, 0);
	ck_assert_uint_eq(ag->unknowns, 2);
	ck_assert_str_eq(ag->unknown[0].check->id, "B6");
}
END_TEST

START_TEST(a_refused_canary_is_no_fault)
{
	host_canary_tell(ag, "/repo", 0, 0);
	ck_assert_uint_eq(ag->faults, 0);
	host_canary_tell(ag, "/repo", 1, 0);
	host_canary_tell(ag, "/repo", 0, 1);
	ck_assert_uint_eq(ag->faults, 2);
	ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, "also overwrite"));
	ck_assert_ptr_nonnull(strstr(ag->fault[1].basis->why, "also remove"));
}
END_TEST

/* Where the file system knows append-only folders, and we may make one. */
START_TEST(an_append_only_folder_refuses_the_removal)
{
	int fd, flags = 0;

	dir("repo/incoming");
	fd = open(scratch_path("repo/incoming"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_APPEND_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0) {
			ck_assert_int_eq(host_canary(ag, scratch_path("repo"), &e), 0);
			flags &= ~FS_APPEND_FL;
			ck_assert_int_eq(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
			ck_assert_uint_eq(ag->faults, 1);
			ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, "also overwrite"));
			ck_assert_ptr_null(strstr(ag->fault[0].basis->why, "remove"));
		}
	}
	close(fd);
}
END_TEST

/* ---- another environment ------------------------------------------------------------- */

static struct policy production = { .given = 1, .env = "production" };

START_TEST(an_account_of_two_environments_is_a_fault)
{
	uint32_t root = ag_login("postgres");

	ag->node[root].bootstrap = 1;
	ag_login("shop_app");
	ag_login("reports");
	ag_role("group");
	put("staging.json",
	    "{\"v\":1,\"type\":\"account\",\"account\":\"shop_app\",\"class\":\"app\"}\n"
	    "{\"v\":1,\"type\":\"account\",\"account\":\"postgres\",\"class\":\"admin\"}\n"
	    "{\"v\":1,\"type\":\"account\",\"account\":\"group\",\"class\":\"app\"}\n"
	    "{\"v\":1,\"type\":\"finding\",\"account\":\"reports\"}\n"
	    "{\"v\":1,\"type\":\"result\",\"status\":0,\"server\":\"db2\",\"environment\":\"staging\"}\n");
	ck_assert_msg(host_also(ag, &production, scratch_path("staging.json"), &e) == 0, "%s", e.msg);
	ck_assert_uint_eq(ag->faults, 1);
	ck_assert_str_eq(ag->fault[0].check->id, "B8");
	ck_assert_str_eq(ag->fault[0].subject, "shop_app");
	ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, "staging (db2)"));
}
END_TEST

START_TEST(another_output_must_be_whole_and_of_another_environment)
{
	static const struct {
		const char *text;
		enum err_kind kind;
		const char *says;
	} bad[] = {
		{ "", ERR_CORRUPT, "result is missing" },
		{ "{\"v\":1,\"type\":\"account\",\"account\":\"a\"}\n", ERR_CORRUPT, "missing" },
		{ "nonsense\n", ERR_CORRUPT, ":1: no output" },
		{ "{\"v\":1,\"type\":\"account\"}\n", ERR_CORRUPT, "without a name" },
		{ "{\"type\":\"result\"}\n{\"type\":\"account\"}\n", ERR_CORRUPT, ":2: something" },
		{ "{\"type\":\"result\",\"environment\":\"production\"}\n", ERR_CONFIG, "production" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("a.json", bad[i].text);
		ck_assert_int_eq(host_also(ag, &production, scratch_path("a.json"), &e), -1);
		ck_assert_int_eq(e.kind, bad[i].kind);
		ck_assert_msg(strstr(e.msg, bad[i].says) != NULL, "%s", e.msg);
	}
	ck_assert_int_eq(host_also(ag, &production, scratch_path("none.json"), &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOTFOUND);
}
END_TEST

/* ---- application files -------------------------------------------------------------- */

static char users[512];

static void
collect(void *ctx, const char *user, unsigned line)
{
	size_t n = strlen(users);

	(void)ctx;
	snprintf(users + n, sizeof(users) - n, "%u:%s ", line, user);
}

START_TEST(users_are_found_in_what_applications_read)
{
	static const struct {
		const char *text, *users;
	} files[] = {
		{ "PGUSER=deploy\nPGPASSWORD=root\n", "1:deploy " },
		{ "# x\n\nDB_USERNAME = \"night shift\"\n", "3:night shift " },
		{ "user: 'ann' # comment\n", "1:ann " },
		{ "{\"user\": \"ann\", \"password\": \"x\"}\n", "1:ann " },
		{ "'username' => 'ann',\n", "1:ann " },
		{ "host=db user=ann dbname=x\n", "1:ann " },
		{ "DATABASE_URL=postgresql://ann@db/shop\n", "1:ann " },
		{ "url=mysql://a%6en%40x:secret@db/shop\n", "1:ann@x " },
		{ "db:5432:shop:ann:secret\n", "1:ann " },
		{ "*:*:*:a\\:n\\\\n:se:cret", "1:a:n\\n " },
		{ "password=user\nhttp://x/@y\n", "" },
		{ "", "" },
	};
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(text, sizeof(text), "%s", files[i].text);
		users[0] = '\0';
		host_users(text, collect, NULL);
		ck_assert_msg(strcmp(users, files[i].users) == 0, "%s: %s", files[i].text, users);
	}
}
END_TEST

START_TEST(an_elevated_account_in_an_applications_file_is_a_fault)
{
	uint32_t root = ag_login("postgres"), app = ag_login("shop_app");
	uint32_t my = ag_login("'admin'@'%'");
	char policy[512];

	ag_attribute(root, "SUPERUSER", SINK_SUPER);
	ag_attribute(my, "CREATEDB", SINK_DROP);
	ag_power(app, "SELECT", SINK_READ_ALL, ag_table("s", "t"));
	ag_power(app, "TRUNCATE", SINK_DROP, ag_table("s", "t"));
	put("env", "PGUSER=shop_app\nURL=postgres://postgres:x@db/s\nPGUSER=postgres\n");
	put("my.cnf", "[client]\nuser=admin\npassword=shop_app\n");
	snprintf(policy, sizeof(policy), "[target] files=\"%s\",\"%s\",\"%s\"\n"
	    "[role postgres] class=admin\n[role shop_app] class=app\n[role *] class=admin\n",
	    scratch_path("env"), scratch_path("my.cnf"), scratch_path("none"));
	audit_judge(policy);
	ck_assert_int_eq(host_files(ag, ap, &e), 0);
	ck_assert_uint_eq(ag->faults, 2);
	ck_assert_str_eq(ag->fault[0].check->id, "B9");
	ck_assert_ptr_nonnull(strstr(ag->fault[0].basis->why, "env:2 names postgres"));
	ck_assert_ptr_nonnull(strstr(ag->fault[1].basis->why, "my.cnf:2 names 'admin'@'%'"));
	ck_assert_uint_eq(ag->unknowns, 1);
	ck_assert_str_eq(ag->unknown[0].what, scratch_path("none"));
}
END_TEST

Suite *
host_suite(void)
{
	Suite *s = suite_create("host");
	TCase *t = tcase_create("host");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_directory_lies_in_the_innermost_mount);
	tcase_add_test(t, disks_are_found_below_partitions_maps_stripes_and_loops);
	tcase_add_test(t, what_is_shared_makes_the_severity);
	tcase_add_test(t, what_cannot_be_known_is_no_pass);
	tcase_add_test(t, a_repository_beside_the_data_is_one_fault);
	tcase_add_test(t, a_url_is_compared_by_its_host);
	tcase_add_test(t, this_host_knows_itself);
	tcase_add_test(t, a_canary_that_can_be_removed_is_a_fault_and_leaves_nothing);
	tcase_add_test(t, a_canary_that_cannot_be_laid_is_unknown);
	tcase_add_test(t, a_refused_canary_is_no_fault);
	tcase_add_test(t, an_append_only_folder_refuses_the_removal);
	tcase_add_test(t, an_account_of_two_environments_is_a_fault);
	tcase_add_test(t, another_output_must_be_whole_and_of_another_environment);
	tcase_add_test(t, users_are_found_in_what_applications_read);
	tcase_add_test(t, an_elevated_account_in_an_applications_file_is_a_fault);
	suite_add_tcase(s, t);
	return s;
}
