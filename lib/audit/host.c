/*
 * The failure domain of the repository (B5), and the canary (B6).
 */
#include "audit/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/host_private.h"
#include "base/hex.h"
#include "base/io.h"

/* ---- this host ----------------------------------------------------------------------- */

/* Is that address, in text, the one of a network interface? */
static int
is_interface(const struct ifaddrs *i, const char *name)
{
	char text[NI_MAXHOST], *zone;
	socklen_t len = sizeof(struct sockaddr_in);

	if (i->ifa_addr == NULL)
		return 0;
	if (i->ifa_addr->sa_family == AF_INET6)
		len = sizeof(struct sockaddr_in6);
	else if (i->ifa_addr->sa_family != AF_INET)
		return 0;
	if (getnameinfo(i->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
		return 0;
	/* A link-local one has its interface behind it. */
	if ((zone = strchr(text, '%')) != NULL)
		*zone = '\0';
	return strcasecmp(text, name) == 0;
}

static int
is_own_address(const char *name)
{
	struct ifaddrs *all, *i;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;
	int own = 0;

	if (inet_pton(AF_INET, name, &four) == 1) {
		own = ntohl(four.s_addr) >> 24 == 127;
	} else if (inet_pton(AF_INET6, name, &six) == 1) {
		own = IN6_IS_ADDR_LOOPBACK(&six);
		name = inet_ntop(AF_INET6, &six, text, sizeof(text));
	} else {
		return 0;
	}
	if (own || getifaddrs(&all) != 0)
		return own;
	for (i = all; i != NULL && !own; i = i->ifa_next)
		own = is_interface(i, name);
	freeifaddrs(all);
	return own;
}

int
host_is_itself(const char *name)
{
	char own[HOST_NAME_MAX + 1], *dot;

	if (strcasecmp(name, "localhost") == 0 || is_own_address(name))
		return 1;
	if (gethostname(own, sizeof(own)) != 0)
		return 0;
	own[sizeof(own) - 1] = '\0';
	if (strcasecmp(name, own) == 0)
		return 1;
	/* One of the two may be without its domain. */
	if ((dot = strchr(own, '.')) != NULL && strchr(name, '.') == NULL)
		*dot = '\0';
	return strncasecmp(name, own, strlen(own)) == 0
	    && (name[strlen(own)] == '\0' || (dot == NULL && name[strlen(own)] == '.'));
}

/* ---- the failure domain --------------------------------------------------------------- */

static void
domain_fault(struct graph *g, const char *repo, enum severity severity, const char *why)
{
	struct graph_basis b = { .why = why, .row = "/proc/self/mountinfo",
		.advice = "give the repository a host of its own, in another account or "
		    "building, and reach it over ssh" };

	graph_fault(g, "B5", severity, SINK_BACKUPKILL,
	    graph_printf(g, "repository %s", repo), &b);
}

/* A disk that both lie on, or NULL. */
static const char *
common_disk(const struct host_place *a, const struct host_place *b)
{
	unsigned i, k;

	for (i = 0; i < a->disks; i++)
		for (k = 0; k < b->disks; k++)
			if (strcmp(a->disk[i], b->disk[k]) == 0)
				return a->disk[i];
	return NULL;
}

const char *
host_shared(struct graph *g, const char *repo, const struct host_place *r, const char *data,
    const struct host_place *d, enum severity *severity)
{
	const char *disk = common_disk(r, d);

	*severity = SEVERITY_CRITICAL;
	if (strcmp(r->device, d->device) == 0)
		return graph_printf(g, "the repository %s lies on the same file system (%s) "
		    "as the data in %s", repo, r->source, data);
	if (r->server[0] != '\0' && r->itself)
		return graph_printf(g, "the repository %s lies on a file server (%s) that is "
		    "this host itself", repo, r->source);
	if (r->server[0] != '\0' && strcmp(r->server, d->server) == 0)
		return graph_printf(g, "the repository %s lies on the same file server (%s) "
		    "as the data in %s", repo, r->server, data);
	if (disk != NULL)
		return graph_printf(g, "the repository %s lies on the same disk (%s) as the "
		    "data in %s", repo, disk, data);
	if (r->server[0] != '\0')
		return NULL;
	*severity = SEVERITY_HIGH;
	return graph_printf(g, "the repository %s lies on the same host as the data in %s: "
	    "who is root here removes both", repo, data);
}

static void
unknown_domain(struct graph *g, const char *what, const char *why)
{
	graph_unknown(g, "B5", what, why, NULL);
}

/* The place of that directory; -1: why it is not known has been noted. */
static int
place(struct graph *g, const char *what, const char *path, struct host_place *out)
{
	struct err e = ERR_INIT;
	char *real = realpath(path, NULL);
	int r;

	if (real == NULL)
		err_sys(&e, ERR_NOTFOUND, "%s", path);
	r = real == NULL ? -1 : host_place("", real, out, &e);
	free(real);
	if (r == -1)
		unknown_domain(g, graph_printf(g, "%s %s", what, path), e.msg);
	return r;
}

/* The host of "ssh://user@host:port/path"; 0, or -1: it is no such URL. */
static int
url_host(const char *url, char out[HOST_NAME])
{
	const char *p = url + strlen("ssh://"), *at;
	size_t n;

	if (strncmp(url, "ssh://", 6) != 0)
		return -1;
	n = strcspn(p, "/");
	if ((at = memchr(p, '@', n)) != NULL) {
		n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	if (*p == '[') {
		p++;
		n = strcspn(p, "]");
	} else {
		n = strcspn(p, ":/") < n ? strcspn(p, ":/") : n;
	}
	if (n == 0 || n >= HOST_NAME)
		return -1;
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

static int
is_url(const char *repo)
{
	return strstr(repo, "://") != NULL || strncmp(repo, "cmd:", 4) == 0;
}

/* One fault, of the directory that shares most. */
static void
compare_all(struct graph *g, const char *repo, const struct host_place *r)
{
	const char *why, *worst = NULL;
	enum severity severity, most = SEVERITY_LOW;
	struct host_place d;
	uint32_t i;

	for (i = 0; i < g->directories; i++) {
		if (place(g, "data directory", g->directory[i], &d) == -1)
			continue;
		why = host_shared(g, repo, r, g->directory[i], &d, &severity);
		if (why != NULL && (worst == NULL || severity > most)) {
			worst = why;
			most = severity;
		}
	}
	if (worst != NULL)
		domain_fault(g, repo, most, worst);
}

int
host_domain(struct graph *g, const char *repo, struct err *e)
{
	struct host_place r;
	char name[HOST_NAME];

	if (url_host(repo, name) == 0) {
		if (g->directories == 0)
			unknown_domain(g, graph_printf(g, "repository %s", repo),
			    "the server runs elsewhere: is it that host?");
		else if (host_is_itself(name))
			domain_fault(g, repo, SEVERITY_CRITICAL, graph_printf(g,
			    "the repository %s is on the server's own host", repo));
	} else if (is_url(repo)) {
		unknown_domain(g, graph_printf(g, "repository %s", repo),
		    "it is no path and no host");
	} else if (g->directories == 0) {
		unknown_domain(g, "the server's data directory",
		    "it is not on this host, or its path may not be read");
	} else if (place(g, "repository", repo, &r) == 0) {
		compare_all(g, repo, &r);
	}
	return graph_check(g, e);
}

/* ---- the canary --------------------------------------------------------------------- */

/* Write an object with that name; -1: *e says why not. */
static int
lay(const char *path, const void *bytes, size_t n, struct err *e)
{
	int fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL, 0444, e), r;

	if (fd == -1)
		return -1;
	r = io_write_all(fd, bytes, n, path, e);
	if (r == 0)
		r = io_fsync(fd, path, e);
	if (io_close(fd, path, r == 0 ? e : &(struct err)ERR_INIT) == -1)
		r = -1;
	if (r == -1)
		(void)unlink(path);	/* half an object says nothing; refused, it is left */
	return r;
}

/* Its owner may first take the write protection off. */
static int
overwrite(const char *path)
{
	struct err ignored;
	char byte = 0;
	int fd, done;

	(void)chmod(path, 0600);	/* refused or not: the write tells */
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) == -1)
		return 0;
	done = io_pwrite_all(fd, &byte, 1, 0, path, &ignored) == 0;
	return close(fd) == 0 && done;
}

void
host_canary_tell(struct graph *g, const char *repo, int overwritten, int removed)
{
	struct graph_basis b = { .row = graph_printf(g, "%s/incoming", repo),
		.advice = "let this host only add: ssh with a forced \"strongbox serve\" for "
		    "its source, or storage that refuses to replace and remove" };

	if (!overwritten && !removed)
		return;
	b.why = graph_printf(g,
	    "what this host writes to the repository %s it can also %s%s%s",
	    repo, overwritten ? "overwrite" : "", overwritten && removed ? " and " : "",
	    removed ? "remove" : "");
	graph_fault(g, "B6", SEVERITY_CRITICAL, SINK_BACKUPKILL,
	    graph_printf(g, "repository %s", repo), &b);
}

int
host_canary(struct graph *g, const char *repo, struct err *e)
{
	unsigned char bytes[4096], tag[16];
	char hex[2 * sizeof(tag) + 1];
	struct err why = ERR_INIT;
	const char *path;
	int overwritten;

	randombytes_buf(bytes, sizeof(bytes));
	randombytes_buf(tag, sizeof(tag));
	path = graph_printf(g, "%s/incoming/privaudit-canary-%s", repo,
	    hex_encode(hex, tag, sizeof(tag)));
	if (is_url(repo)) {
		graph_unknown(g, "B6", graph_printf(g, "repository %s", repo),
		    "only a path can be tried", NULL);
	} else if (lay(path, bytes, sizeof(bytes), &why) == -1) {
		graph_unknown(g, "B6", graph_printf(g, "repository %s", repo), why.msg, NULL);
	} else {
		overwritten = overwrite(path);
		host_canary_tell(g, repo, overwritten, unlink(path) == 0);
	}
	return graph_check(g, e);
}
