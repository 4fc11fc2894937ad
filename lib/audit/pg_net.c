/*
 * H1: who is let in: pg_hba.conf, line by line, the first that fits counting; pg_ident.conf.
 *
 * A trust line lets anyone who reaches the server be each role that it names.  What else is
 * wrong with a line is a fault, all of a line's in one sentence.  No SQL changes these files,
 * so the advice names file and line.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pg_private.h"
#include "base/buf.h"

/* The lines in their order, each with the logins that its users mean. */
#define LINES(number, file)							\
    "WITH RECURSIVE line AS (SELECT " number " AS n, " file " AS file, h.*"	\
    " FROM pg_hba_file_rules h), "						\
    "member(grp, role) AS (SELECT r.oid, r.oid FROM pg_roles r WHERE EXISTS"	\
    " (SELECT FROM line l WHERE '+' || r.rolname = ANY (l.user_name))"		\
    " UNION SELECT m.grp, x.member FROM member m"				\
    " JOIN pg_auth_members x ON x.roleid = m.role) "				\
    "SELECT l.line_number, coalesce(l.file, 'pg_hba.conf'), l.type,"		\
    " l.database @> '{all}',"							\
    " l.database @> '{replication}', array_to_string(l.database, ','),"		\
    " l.user_name @> '{all}', array_to_string(l.user_name, ','), l.address,"	\
    " l.netmask, l.auth_method, l.error,"					\
    " coalesce(array_to_string(l.options, ' ') ~ '(^| )map=', false),"		\
    " array_to_string(array(SELECT r.oid FROM pg_roles r"			\
    "  WHERE r.rolcanlogin AND EXISTS ("					\
    "  SELECT FROM unnest(l.user_name) u WHERE u IN ('all', r.rolname)"		\
    "  OR starts_with(u, '+') AND EXISTS (SELECT FROM member m"			\
    "   JOIN pg_roles g ON g.oid = m.grp"					\
    "   WHERE '+' || g.rolname = u AND m.role = r.oid)"				\
    "  OR starts_with(u, '/') AND " regex ")), ' ')"				\
    " FROM line l ORDER BY l.n"
#define OWN_FILE(name) "(SELECT setting FROM pg_settings WHERE name = '" name "')"

#define regex "false"
static const char lines_15[] = LINES("row_number() OVER ()", OWN_FILE("hba_file"));
#undef regex
#define regex "r.rolname ~ substr(u, 2)"
static const char lines_16[] = LINES("row_number() OVER ()", "h.file_name");
#undef regex

/* 14 has no view of it; who may read files sees it as it stands. */
#define WORD "(\"[^\"]*\"|[^ \\t#\"]+)"
static const char maps_14[] =
    "SELECT t.n, f.name, trim(both '\"' FROM m[1]), trim(both '\"' FROM m[2]),"
    " trim(both '\"' FROM m[3]), NULL FROM (SELECT current_setting('ident_file') AS name) f,"
    " regexp_split_to_table(pg_read_file(f.name), E'\n') WITH ORDINALITY t(line, n),"
    " regexp_match(t.line, '^[ \\t]*" WORD "[ \\t]+" WORD "[ \\t]+" WORD "') m"
    " WHERE m IS NOT NULL";
static const char maps_15[] =
    "SELECT line_number, coalesce(" OWN_FILE("ident_file") ", 'pg_ident.conf'), map_name,"
    " sys_name, pg_username, error FROM pg_ident_file_mappings";
static const char maps_16[] =
    "SELECT line_number, file_name, map_name, sys_name, pg_username, error"
    " FROM pg_ident_file_mappings";

struct address {
	int family;		/* 0: a name, or one of the server's words */
	int bits;		/* of the network */
	uint8_t net[16];
};

struct line {
	uint32_t number;
	const char *file, *type, *dbs, *users, *address, *method, *error;
	int all_dbs, replication, all_users;
	struct address at;
	uint8_t *lets;		/* by place in a->role: it decides about that login */
};

struct lines {
	struct line *line;
	size_t n;
	int maps;		/* some line names a map of pg_ident.conf */
};

/* ---- addresses ----------------------------------------------------------- */

static void
parse_address(struct address *out, const char *address, const char *netmask)
{
	uint8_t mask[16] = { 0 };
	size_t i;

	*out = (struct address){ 0 };
	if (address == NULL || netmask == NULL)
		return;
	out->family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(out->family, address, out->net) != 1
	    || inet_pton(out->family, netmask, mask) != 1) {
		out->family = 0;
		return;
	}
	for (i = 0; i < sizeof(mask); i++)
		for (; mask[i] != 0; mask[i] = (uint8_t)(mask[i] << 1))
			out->bits++;
}

static int
everywhere(const struct line *l)
{
	if (l->address == NULL)
		return 0;
	return strcmp(l->address, "all") == 0 || (l->at.family != 0 && l->at.bits == 0);
}

/* More than a company's own network. */
static int
wide(const struct line *l)
{
	return everywhere(l) || (l->at.family == AF_INET && l->at.bits < 8)
	    || (l->at.family == AF_INET6 && l->at.bits < 32);
}

static int
remote(const struct line *l)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (strcmp(l->type, "local") == 0 || l->address == NULL)
		return 0;
	if (l->at.family == AF_INET)
		return l->at.net[0] != 127 || l->at.bits < 8;
	if (l->at.family == AF_INET6)
		return memcmp(l->at.net, one, 16) != 0 || l->at.bits != 128;
	return strcmp(l->address, "samehost") != 0 && strcmp(l->address, "localhost") != 0;
}

static int
address_covers(const struct line *a, const struct line *b)
{
	int whole = a->at.bits / 8, rest = a->at.bits % 8;

	if (a->address == NULL || b->address == NULL)
		return a->address == b->address;
	if (strcmp(a->address, "all") == 0 || (a->at.family == 0 && b->at.family == 0
	    && strcmp(a->address, b->address) == 0))
		return 1;
	if (a->at.family == 0 || a->at.family != b->at.family || a->at.bits > b->at.bits
	    || memcmp(a->at.net, b->at.net, (size_t)whole) != 0)
		return 0;
	return rest == 0 || ((a->at.net[whole] ^ b->at.net[whole]) >> (8 - rest)) == 0;
}

/* Whoever b would let in, a has decided about before, when a means that login too. */
static int
covers(const struct line *a, const struct line *b)
{
	if (a->error != NULL || b->error != NULL)
		return 0;
	if (strcmp(a->type, b->type) != 0
	    && (strcmp(a->type, "host") != 0 || strcmp(b->type, "local") == 0))
		return 0;
	if (strcmp(a->dbs, b->dbs) != 0 && (!a->all_dbs || b->replication))
		return 0;
	return address_covers(a, b);
}

/* ---- reading -------------------------------------------------------------- */

static int
mark_logins(struct audit_pg *a, struct line *l, const char *oids, struct err *e)
{
	const struct audit_pg_role *r;
	char *end;

	if ((l->lets = calloc((size_t)a->roles + 1, 1)) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (; oids != NULL && *oids != '\0'; oids = end) {
		unsigned long oid = strtoul(oids, &end, 10);

		if (end == oids)
			break;
		if ((r = audit_pg_role(a, (uint32_t)oid)) != NULL)
			l->lets[r - a->role] = 1;
	}
	return 0;
}

static int
one_line(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	struct lines *all = ctx;
	struct line *l = reallocarray(all->line, all->n + 1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	all->line = l;
	l += all->n++;
	*l = (struct line){ .number = pg_query_u32(q, 0),
		.file = graph_string(a->g, pg_query_text(q, 1)),
		.type = graph_string(a->g, pg_query_text(q, 2)),
		.all_dbs = pg_query_true(q, 3), .replication = pg_query_true(q, 4),
		.dbs = graph_string(a->g, pg_query_text(q, 5)),
		.all_users = pg_query_true(q, 6),
		.users = graph_string(a->g, pg_query_text(q, 7)),
		.address = graph_string(a->g, pg_query_text(q, 8)),
		.method = graph_string(a->g, pg_query_text(q, 10)),
		.error = graph_string(a->g, pg_query_text(q, 11)) };
	all->maps |= pg_query_true(q, 12);
	parse_address(&l->at, l->address, pg_query_text(q, 9));
	return mark_logins(a, l, pg_query_text(q, 13), e);
}

/* ---- what a line means ------------------------------------------------------ */

static const char *
text_of(struct audit_pg *a, const struct line *l)
{
	int net = l->at.family != 0;

	return graph_printf(a->g, "%s %s %s%s%s%s%s %s", l->type, l->dbs, l->users,
	    l->address != NULL ? " " : "", l->address != NULL ? l->address : "",
	    net ? "/" : "", net ? graph_printf(a->g, "%d", l->at.bits) : "", l->method);
}

/*
 * Take from each line the logins about which one before it has decided.  From the last to the
 * first, so that those before are still whole.
 */
static void
first_counts(const struct audit_pg *a, const struct lines *all)
{
	size_t n = all->n, k;
	uint32_t i;

	while (n-- > 0)
		for (k = 0; k < n; k++)
			if (covers(&all->line[k], &all->line[n]))
				for (i = 0; i < a->roles; i++)
					all->line[n].lets[i] &= !all->line[k].lets[i];
}

/* An address that this line is for; NULL: a name, or one that no loopback takes. */
static const char *
some_address(struct audit_pg *a, const struct line *l)
{
	uint8_t at[4];

	if (strcmp(l->address, "all") == 0 || (l->at.family == AF_INET && l->at.bits == 0))
		return "192.0.2.1";	/* for documentation, RFC 5737: nobody's */
	if (strcmp(l->address, "samehost") == 0 || strcmp(l->address, "samenet") == 0)
		return "127.0.0.1";
	if (strcmp(l->address, "localhost") == 0 || strcmp(l->address, "::1") == 0)
		return l->address;
	if (l->at.family != AF_INET)
		return NULL;
	memcpy(at, l->at.net, sizeof(at));
	at[3] = (uint8_t)(at[3] | (l->at.bits < 31));	/* not the network's own */
	return graph_printf(a->g, "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
}

/* For audit/prove.h: come in by this line, without a password. */
static const char *
knock(struct audit_pg *a, const struct line *l, const struct audit_pg_role *r)
{
	const char *at = NULL, *p;
	struct buf words = BUF_INIT, b = BUF_INIT;

	if (strcmp(l->type, "hostssl") == 0 || strcmp(l->type, "hostgssenc") == 0)
		return NULL;
	if (l->address != NULL && (at = some_address(a, l)) == NULL)
		return NULL;
	if (at != NULL)
		audit_pg_word(&words, "host", at);
	audit_pg_word(&words, "user", r->name);
	buf_str(&b, "\\connect ");
	for (p = buf_cstr(&words); *p != '\0'; p++)
		buf_fmt(&b, *p == '%' ? "%c%%" : "%c", *p);
	b.failed |= words.failed;
	buf_free(&words);
	return audit_pg_take(a, &b);
}

static void
trusts(struct audit_pg *a, const struct line *l)
{
	uint32_t anyone = graph_node(a->g, NODE_ANYONE, "anyone", ""), i;
	const char *text = text_of(a, l);

	for (i = 0; i < a->roles; i++) {
		const struct audit_pg_role *r = &a->role[i];
		int only_replication = l->replication && strchr(l->dbs, ',') == NULL;

		if (!l->lets[i] || (only_replication && !r->replication && !r->super))
			continue;
		graph_step(a->g, &(struct graph_step){
		    .from = anyone, .to = r->node, .needs = STEP_USE, .gives = STEP_BECOME,
		    .breach = 1, .check = check_find("H1"),
		    .basis = graph_basis(a->g, &(struct graph_basis){
			.why = graph_printf(a->g, "let in as %s without a password, by line "
			    "%u of pg_hba.conf", r->name, l->number),
			.row = graph_printf(a->g, "pg_hba_file_rules(line %u): %s",
			    l->number, text),
			.proof = only_replication ? NULL : knock(a, l, r),
			.advice = graph_printf(a->g, "%s line %u: write scram-sha-256 (or "
			    "peer, on a local line) instead of trust, and reload", l->file,
			    l->number) }) });
	}
}

struct blame {
	struct buf why, advice;
	enum severity severity;
	enum sink sink;
};

static void
blame(struct blame *b, enum severity severity, enum sink sink, const char *why,
    const char *advice)
{
	if (b->why.len == 0 || severity > b->severity) {
		b->severity = severity;
		b->sink = sink;
	}
	if (b->why.len > 0)
		buf_str(&b->why, "; ");
	buf_str(&b->why, why);
	if (b->advice.len > 0)
		buf_str(&b->advice, ", ");
	buf_str(&b->advice, advice);
}

static void
blame_method(struct blame *b, const struct line *l)
{
	int far = remote(l), tls = strcmp(l->type, "hostssl") == 0;

	if (strcmp(l->method, "password") == 0)
		blame(b, !far ? SEVERITY_LOW : tls ? SEVERITY_MEDIUM : SEVERITY_HIGH,
		    SINK_SECRETS, far && !tls ? "passwords travel in the clear"
		    : "the server is handed the password itself", "use scram-sha-256");
	if (strcmp(l->method, "md5") == 0)
		blame(b, SEVERITY_MEDIUM, SINK_SECRETS,
		    "an md5 hash logs in as well as the password does", "use scram-sha-256");
	if (strcmp(l->method, "ident") == 0 && far)
		blame(b, SEVERITY_HIGH, SINK_READ_ALL,
		    "it believes what the client's host says of its user",
		    "use scram-sha-256");
	if (far && (strcmp(l->type, "host") == 0 || strcmp(l->type, "hostnossl") == 0))
		blame(b, SEVERITY_MEDIUM, SINK_READ_ALL, "connections need no TLS",
		    "write hostssl");
}

static void
blame_reach(struct audit_pg *a, const struct line *l, struct blame *b)
{
	uint32_t i;

	if (!remote(l))
		return;
	if (l->all_dbs && l->all_users)
		blame(b, SEVERITY_MEDIUM, SINK_READ_ALL,
		    "every account may enter every database",
		    "name databases and roles");
	if (wide(l))
		blame(b, SEVERITY_MEDIUM, SINK_READ_ALL,
		    everywhere(l) ? "from every address" : "from a very wide network",
		    "name the networks");
	if (l->replication && (wide(l) || l->all_users))
		blame(b, SEVERITY_HIGH, SINK_LOGKILL,
		    wide(l) ? "replication from nearly anywhere" : "replication as any role",
		    "name the role and the host that ship the log");
	for (i = 0; i < a->roles; i++)
		if (a->role[i].super && l->lets[i])
			break;
	if (i < a->roles)
		blame(b, SEVERITY_HIGH, SINK_SUPER, graph_printf(a->g,
		    "a superuser (%s) may come from another host", a->role[i].name),
		    "put a reject line for superusers before it");
}

static int
judge_line(struct audit_pg *a, const struct line *l, struct err *e)
{
	struct blame b = { BUF_INIT, BUF_INIT, SEVERITY_LOW, SINK_READ_ALL };
	int rc = 0;

	/* Without TLS a hostssl line is well-formed, and fits nobody. */
	if (l->error != NULL && strstr(l->error, "cannot match") != NULL)
		return 0;
	if (l->error != NULL) {
		blame(&b, SEVERITY_MEDIUM, SINK_READ_ALL, l->error,
		    "mend it: with it no reload and no restart will work");
	} else if (strcmp(l->method, "trust") == 0) {
		trusts(a, l);
		return 0;
	} else if (strcmp(l->method, "reject") != 0) {
		blame_method(&b, l);
		blame_reach(a, l, &b);
	}
	if (b.why.len > 0 && (rc = buf_check(&b.why, e)) == 0
	    && (rc = buf_check(&b.advice, e)) == 0) {
		const char *text = l->error != NULL ? graph_printf(a->g, "line %u", l->number)
		    : text_of(a, l);

		graph_fault(a->g, "H1", b.severity, b.sink,
		    graph_printf(a->g, "pg_hba.conf: %s", text), &(struct graph_basis){
			.why = graph_printf(a->g, "line %u of %s: %s", l->number, l->file,
			    buf_cstr(&b.why)),
			.row = graph_printf(a->g, "pg_hba_file_rules(line %u)", l->number),
			.advice = graph_printf(a->g, "%s line %u: %s; then reload", l->file,
			    l->number, buf_cstr(&b.advice)) });
	}
	buf_free(&b.why);
	buf_free(&b.advice);
	return rc;
}

/* ---- pg_ident.conf ------------------------------------------------------------ */

/* A pattern that every name fits. */
static int
fits_all(const char *sys)
{
	static const char *const all[] = { "/.*", "/^.*$", "/^.*", "/(.*)", "/^(.*)$", "/.+",
		"/^.+$", "/^(.+)$", "/(.+)", "/" };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(sys, all[i]) == 0)
			return 1;
	return 0;
}

static int
one_map(struct audit_pg *a, const struct pg_query *q, void *ctx, struct err *e)
{
	uint32_t number = pg_query_u32(q, 0);
	const char *file = pg_query_text(q, 1), *map = pg_query_text(q, 2);
	const char *sys = pg_query_text(q, 3), *user = pg_query_text(q, 4);
	const char *error = pg_query_text(q, 5), *why;

	(void)ctx;	/* the graph is all that it fills */
	(void)e;
	if (error != NULL)
		why = error;
	else if (sys != NULL && user != NULL && fits_all(sys) && strstr(user, "\\1") == NULL)
		why = graph_printf(a->g, "every user of the other system may be %s", user);
	else if (user != NULL && a->major >= 16 && strcmp(user, "all") == 0)
		why = graph_printf(a->g, "%s may be every role", sys);
	else
		return 0;
	graph_fault(a->g, "H1", error != NULL ? SEVERITY_MEDIUM : SEVERITY_HIGH, SINK_READ_ALL,
	    graph_printf(a->g, "pg_ident.conf: %s %s %s", map != NULL ? map : "",
	    sys != NULL ? sys : "", user != NULL ? user : ""), &(struct graph_basis){
		.why = graph_printf(a->g, "line %u of %s: %s", number, file, why),
		.row = graph_printf(a->g, "pg_ident_file_mappings(line %u)", number),
		.advice = graph_printf(a->g, "%s line %u: name the users one by one", file,
		    number) });
	return 0;
}

static int
read_maps(struct audit_pg *a, int used, struct err *e)
{
	if (a->major >= 15)
		return audit_pg_ask(a, "H1", "pg_ident_file_mappings", graph_printf(a->g,
		    "GRANT SELECT ON pg_ident_file_mappings TO %s;\n"
		    "GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO %s", a->auditor,
		    a->auditor), a->major == 15 ? maps_15 : maps_16, one_map, NULL, e) < 0
		    ? -1 : 0;
	if (used)
		return audit_pg_ask(a, "H1", "pg_ident.conf", NULL, maps_14, one_map,
		    NULL, e) < 0
		    ? -1 : 0;
	return 0;
}

int
audit_pg_net(struct audit_pg *a, struct err *e)
{
	struct lines all = { 0 };
	size_t i;
	int rc;

	rc = audit_pg_ask(a, "H1", "pg_hba_file_rules", graph_printf(a->g,
	    "GRANT SELECT ON pg_hba_file_rules TO %s;\n"
	    "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO %s", a->auditor, a->auditor),
	    a->major < 16 ? lines_15 : lines_16, one_line, &all, e);
	if (rc > 0)
		first_counts(a, &all);
	for (i = 0; rc > 0 && i < all.n; i++)
		if (judge_line(a, &all.line[i], e) != 0)
			rc = -1;
	if (rc >= 0)
		rc = read_maps(a, all.maps, e);
	for (i = 0; i < all.n; i++)
		free(all.line[i].lets);
	free(all.line);
	return rc < 0 ? -1 : 0;
}
