/*
 * fetchprobe -k KEY -n N TARGET: serves the WAL of a restored copy, and gets N segments of it
 * one after another, each by `pitr-replay --fetch` as the server would run it.
 */
#include <sys/wait.h>

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/replay.h"

/*
 * The server is another process: fork() would slow down ours, which serves, by copying what
 * it writes to.  It removes what it had been given before it asks again.
 */
static int
run_helper(char *helper, char *socket, char *name, char *file)
{
	char fetch[] = "--fetch", *argv[] = { helper, fetch, socket, name, file, NULL };
	int status;
	pid_t pid;

	(void)unlink(file);	/* the first time it is not there */
	if (posix_spawn(&pid, helper, NULL, NULL, argv, environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) < 0 || status != 0 ? -1 : 0;
}

static int
get_all(const struct replay *rp, char *helper, const char *dir, int n)
{
	uint32_t size = rp->snapshot->segment_size;
	uint64_t at = wal_segment_start(rp->snapshot->start, size);
	struct walfile_source w = { .snapshot = rp->snapshot, .path = &rp->cut };
	char name[WAL_NAME], socket[PATH_MAX + 32], file[PATH_MAX + 32];
	int i;

	(void)snprintf(socket, sizeof(socket), "%s/socket", dir);
	(void)snprintf(file, sizeof(file), "%s/got", dir);
	for (i = 0; i < n; i++, at += size) {
		wal_segment_name(name, walfile_timeline(&w, at), at, size);
		if (run_helper(helper, socket, name, file) < 0) {
			fprintf(stderr, "fetchprobe: %s: not got\n", name);
			return -1;
		}
	}
	(void)unlink(file);
	return 0;
}

static int
probe(const char *key, const char *target, int n, struct err *e)
{
	char self[PATH_MAX] = "", helper[PATH_MAX + 32], dir[PATH_MAX];
	char socket[PATH_MAX + 32];
	struct replay rp;
	struct replay_options o = { .target = target, .key = key, .look = 1 };
	struct fetch_options fo = { .socket = socket, .spool = dir, .uid = getuid(),
		.gid = getgid(), .ahead = 4 };
	struct fetch *f;
	int64_t began;
	int rc = -1;

	(void)snprintf(dir, sizeof(dir), "%s/bulkhead/fetchprobe-XXXXXX", target);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || mkdtemp(dir) == NULL)
		return err_sys(e, ERR_SYSTEM, "fetchprobe");
	(void)snprintf(helper, sizeof(helper), "%s/bin/pitr-replay", dirname(self));
	(void)snprintf(socket, sizeof(socket), "%s/socket", dir);
	if ((o.state = state_open(NULL, e)) == NULL || replay_open(&rp, &o, e) < 0)
		return -1;
	walfile_cut(&rp.cut, &rp.path, rp.snapshot, rp.path.end);
	fo.repo = rp.repo;
	fo.snapshot = rp.snapshot;
	fo.path = &rp.cut;
	fo.key = rp.key;
	fo.wal_dir = rp.wal;
	if ((f = fetch_new(&fo, e)) != NULL) {
		began = clock_mono();
		rc = get_all(&rp, helper, dir, n);
		printf("%d segments in %.3f s\n", n, (double)(clock_mono() - began) / 1e6);
		fetch_free(f);
	}
	replay_close(&rp);
	state_free(o.state);
	(void)rmdir(dir);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *key = NULL;
	struct err e = ERR_INIT;
	int c, n = 40;

	while ((c = getopt(argc, argv, "k:n:")) != -1) {
		if (c == 'k')
			key = optarg;
		else if (c == 'n')
			n = atoi(optarg);
		else
			return 64;
	}
	if (key == NULL || optind + 1 != argc)
		return 64;
	if (probe(key, argv[optind], n, &e) == 0)
		return 0;
	fprintf(stderr, "fetchprobe: %s\n", e.msg);
	return 1;
}
