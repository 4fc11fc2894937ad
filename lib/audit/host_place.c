/*
 * On which file system, disks or file server a directory lies: mountinfo and sysfs, see
 * proc_pid_mountinfo(5).
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/host_private.h"
#include "base/io.h"

#define MOUNTS_MAX (16 << 20)
#define DEPTH_MAX 16

/* ---- mountinfo ----------------------------------------------------------------------- */

/* Octal escapes of mountinfo (\040), in place. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7'
		    && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

struct mount {
	char *device, *point, *type, *source, *options;
};

/* One line: id parent M:m root point options [optional...] - type source super-options. */
static int
parse_mount(char *line, struct mount *m)
{
	char *save = NULL, *word[6], *tail = strstr(line, " - ");
	int i;

	if (tail == NULL)
		return -1;
	*tail = '\0';
	for (i = 0; i < 6; i++)
		if ((word[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) == NULL)
			return -1;
	m->device = word[2];
	m->point = word[4];
	m->type = strtok_r(tail + 3, " ", &save);
	m->source = strtok_r(NULL, " ", &save);
	m->options = strtok_r(NULL, " ", &save);
	if (m->type == NULL || m->source == NULL)
		return -1;
	unescape(m->point);
	unescape(m->source);
	return 0;
}

static int
is_below(const char *path, const char *point)
{
	size_t n = strlen(point);

	if (strcmp(point, "/") == 0)
		return 1;
	return strncmp(path, point, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The mount that path is in: the longest mount point, of these the last one. */
static int
find_mount(char *text, const char *path, struct mount *found)
{
	char *line, *save = NULL;
	struct mount m;
	size_t best = 0;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		if (parse_mount(line, &m) == 0 && is_below(path, m.point)
		    && strlen(m.point) >= best) {
			best = strlen(m.point);
			*found = m;
		}
	return best > 0 ? 0 : -1;
}

/* ---- file servers ---------------------------------------------------------------------- */

static int
is_network(const char *type)
{
	static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph",
		"glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "lustre", "afs" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			return 1;
	return 0;
}

/* The host in "host:/export", "user@host:/x", "[::1]:/export", "//host/share". */
static void
server_of(const char *source, char out[HOST_NAME])
{
	const char *end, *at;

	if (strncmp(source, "//", 2) == 0)
		source += 2;
	if (source[0] == '[') {
		source++;
		end = strchr(source, ']');
	} else {
		end = strpbrk(source, ":/");
		at = strchr(source, '@');
		if (at != NULL && end != NULL && at < end)
			source = at + 1;
	}
	snprintf(out, HOST_NAME, "%.*s",
	    end == NULL ? (int)strlen(source) : (int)(end - source), source);
}

/* The address that the kernel talks to is surer than a name. */
static int
serves_itself(const struct mount *m, const char *server)
{
	const char *addr = m->options == NULL ? NULL : strstr(m->options, "addr=");
	char text[HOST_NAME];

	/* clientaddr= is our own. */
	while (addr != NULL && addr != m->options && addr[-1] != ',')
		addr = strstr(addr + 1, "addr=");
	if (addr == NULL)
		return host_is_itself(server);
	addr += strlen("addr=");
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(addr, ","), addr);
	return host_is_itself(text) || host_is_itself(server);
}

/* ---- disks ------------------------------------------------------------------------------ */

static void
add_disk(struct host_place *p, const char *name)
{
	unsigned i;

	for (i = 0; i < p->disks; i++)
		if (strcmp(p->disk[i], name) == 0)
			return;
	if (p->disks < HOST_DISKS)
		snprintf(p->disk[p->disks++], sizeof(p->disk[0]), "%s", name);
}

static int walk_disk(const char *root, const char *dir, struct host_place *p, int depth);

static int find_disks(const char *root, const char *path, struct host_place *p, int depth,
    struct err *e);

/* The devices below a mapped or striped one; how many there are. */
static int
walk_slaves(const char *root, const char *dir, struct host_place *p, int depth)
{
	char path[PATH_MAX + NAME_MAX + 16], real[PATH_MAX];
	struct dirent *d;
	DIR *list;
	int n = 0;

	snprintf(path, sizeof(path), "%s/slaves", dir);
	if ((list = opendir(path)) == NULL)
		return 0;
	while ((d = readdir(list)) != NULL) {
		snprintf(path, sizeof(path), "%s/slaves/%s", dir, d->d_name);
		if (d->d_name[0] != '.' && realpath(path, real) != NULL)
			n += walk_disk(root, real, p, depth + 1);
	}
	closedir(list);
	return n;
}

/* A loop device lies where its file does. */
static int
walk_loop(const char *root, const char *dir, struct host_place *p, int depth)
{
	char path[PATH_MAX + 32];
	struct buf text = BUF_INIT;
	struct err ignored;
	int found = 0;

	snprintf(path, sizeof(path), "%s/loop/backing_file", dir);
	if (io_read_file(path, PATH_MAX, &text, &ignored) == 0 && buf_cstr(&text)[0] == '/') {
		text.data[strcspn(buf_cstr(&text), "\n")] = '\0';
		found = find_disks(root, (const char *)text.data, p, depth + 1, &ignored) == 0;
	}
	buf_free(&text);
	return found;
}

/* Down from a folder of sysfs to the disks; how many of them, or 0. */
static int
walk_disk(const char *root, const char *dir, struct host_place *p, int depth)
{
	char path[PATH_MAX + 16], real[PATH_MAX], *slash;
	FILE *f;

	if (depth > DEPTH_MAX || strlen(dir) >= sizeof(real))
		return 0;
	memcpy(real, dir, strlen(dir) + 1);
	snprintf(path, sizeof(path), "%s/partition", dir);
	if ((f = fopen(path, "re")) != NULL) {
		(void)fclose(f);	/* only whether it is there matters */
		if ((slash = strrchr(real, '/')) != NULL)
			*slash = '\0';
	}
	if (walk_slaves(root, real, p, depth) > 0 || walk_loop(root, real, p, depth))
		return 1;
	slash = strrchr(real, '/');
	add_disk(p, slash == NULL ? real : slash + 1);
	return 1;
}

/* By number; a file system with none of its own (btrfs) by the name that was mounted. */
static void
disks_of(const char *root, const struct mount *m, struct host_place *p, int depth)
{
	char path[2 * PATH_MAX], real[PATH_MAX];
	const char *name;

	if (strcmp(m->type, "zfs") == 0) {
		snprintf(path, sizeof(path), "zfs %.*s", (int)strcspn(m->source, "/"),
		    m->source);
		add_disk(p, path);
		return;
	}
	snprintf(path, sizeof(path), "%s/sys/dev/block/%s", root, m->device);
	if (realpath(path, real) != NULL) {
		walk_disk(root, real, p, depth);
		return;
	}
	if (strncmp(m->source, "/dev/", 5) != 0)
		return;
	snprintf(path, sizeof(path), "%s%s", root, m->source);
	name = realpath(path, real) != NULL ? strrchr(real, '/') : strrchr(m->source, '/');
	snprintf(path, sizeof(path), "%s/sys/class/block%s", root, name);
	if (realpath(path, real) != NULL)
		walk_disk(root, real, p, depth);
}

/* Add the disks below that path; at depth 0 tell of its file system, too. */
static int
find_disks(const char *root, const char *path, struct host_place *p, int depth, struct err *e)
{
	char name[PATH_MAX];
	struct buf text = BUF_INIT;
	struct mount m = { NULL, NULL, NULL, NULL, NULL };
	int r;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_CORRUPT, "%s: loops upon loops", path);
	snprintf(name, sizeof(name), "%s/proc/self/mountinfo", root);
	r = io_read_file(name, MOUNTS_MAX, &text, e);
	if (r == 0) {
		(void)buf_cstr(&text);	/* its NUL; text.failed tells */
		if (text.failed)
			r = buf_check(&text, e);
		else if (find_mount((char *)text.data, path, &m) == -1)
			r = err_set(e, ERR_NOTFOUND, "%s: no file system has it", path);
	}
	if (r == 0) {
		if (depth == 0) {
			snprintf(p->device, sizeof(p->device), "%s", m.device);
			snprintf(p->source, sizeof(p->source), "%s", m.source);
			if (is_network(m.type)) {
				server_of(m.source, p->server);
				p->itself = serves_itself(&m, p->server);
			}
		}
		if (!is_network(m.type))
			disks_of(root, &m, p, depth);
	}
	buf_free(&text);
	return r;
}

int
host_place(const char *root, const char *path, struct host_place *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	return find_disks(root, path, out, 0, e);
}
