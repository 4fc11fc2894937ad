/*
 * A fresh folder for each test, and what the test prints.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "scratch.h"

static char folder[256];
static int captured_fd = -1, saved_fd = -1;

void
scratch_setup(void)
{
	const char *tmp = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";

	snprintf(folder, sizeof(folder), "%s/bulkhead-unit-XXXXXX", tmp);
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
scratch_teardown(void)
{
	ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *
scratch_path(const char *name)
{
	static char paths[8][512];
	static size_t n;
	char *path = paths[n++ % 8];

	snprintf(path, sizeof(paths[0]), "%s%s%s", folder, *name != '\0' ? "/" : "", name);
	return path;
}

const char *
scratch_text(const char *name)
{
	static char text[65536];
	FILE *f = fopen(scratch_path(name), "re");
	size_t n;

	if (f == NULL)
		return "(none)";
	n = fread(text, 1, sizeof(text) - 1, f);
	ck_assert(!ferror(f) && fclose(f) == 0);
	text[n] = '\0';
	return text;
}

int
scratch_count(void)
{
	DIR *dir = opendir(folder);
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	ck_assert_int_eq(closedir(dir), 0);
	return n - 2; /* "." and ".." */
}

void
scratch_capture(int fd)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC;
	int file = open(scratch_path("captured"), flags, 0600);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(fflush(NULL), 0);
	captured_fd = fd;
	saved_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(saved_fd, 0);
	ck_assert_int_eq(dup2(file, fd), fd);
	ck_assert_int_eq(close(file), 0);
}

const char *
scratch_captured(void)
{
	(void)fflush(NULL); /* a test may have closed or broken stdout on purpose */
	ck_assert_int_eq(dup2(saved_fd, captured_fd), captured_fd);
	ck_assert_int_eq(close(saved_fd), 0);
	return scratch_text("captured");
}
