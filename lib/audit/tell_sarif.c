/*
 * A verdict as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"; numbers of
 * sections below are its own).  The rules are the catalogue; a finding's place is its
 * account, and the policy's line that names it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tell_private.h"

#define SCHEMA	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/" \
	"sarif-schema-2.1.0.json"
#define BASE	"SRCROOT"	/* what a policy's relative path begins at */

/* The level, and the number by which code scanning sorts. */
static const struct {
	const char *level, *score;
} levels[SEVERITIES] = {
	[SEVERITY_LOW] = { "note", "2.0" },
	[SEVERITY_MEDIUM] = { "warning", "5.5" },
	[SEVERITY_HIGH] = { "error", "8.0" },
	[SEVERITY_CRITICAL] = { "error", "9.5" },
};

static void
add_text(struct json *j, const char *key, const char *text)
{
	json_open(j, key, '{');
	json_str(j, "text", text);
	json_close(j, '}');
}

/* A brace stands for an argument in a message, unless it is doubled (3.11.5). */
static void
add_message(struct json *j, const char *text)
{
	struct buf b = BUF_INIT;

	for (; *text != '\0'; text++) {
		if (*text == '{' || *text == '}')
			buf_u8(&b, (uint8_t)*text);
		buf_u8(&b, (uint8_t)*text);
	}
	add_text(j, "message", buf_cstr(&b));
	if (b.failed)
		j->out.failed = b.failed;
	buf_free(&b);
}

static void
add_rules(struct json *j)
{
	const struct check *c;

	json_open(j, "rules", '[');
	for (c = check_all; c->id != NULL; c++) {
		json_open(j, NULL, '{');
		json_str(j, "id", c->id);
		add_text(j, "shortDescription", c->name);
		add_text(j, "fullDescription", c->means);
		json_open(j, "defaultConfiguration", '{');
		json_str(j, "level", levels[c->severity].level);
		json_close(j, '}');
		json_open(j, "properties", '{');
		json_str(j, "security-severity", levels[c->severity].score);
		json_close(j, '}');
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void
add_driver(struct json *j)
{
	json_open(j, "tool", '{');
	json_open(j, "driver", '{');
	json_str(j, "name", "privaudit");
	json_str(j, "version", VERSION);
	add_rules(j);
	json_close(j, '}');
	json_close(j, '}');
}

/* A path with segments that a URI may not have (3.10.2). */
static int
is_crooked(const char *path)
{
	return strstr(path, "//") != NULL || strstr(path, "/./") != NULL ||
	    strstr(path, "..") != NULL;
}

/* A path as a URI (RFC 3986), or as a reference that begins at BASE. */
static void
add_uri(struct tale *x, const char *path)
{
	char *whole = NULL;
	const char *s;

	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (is_crooked(path) && (whole = realpath(path, NULL)) != NULL)
		path = whole;
	buf_reset(&x->line);
	buf_str(&x->line, path[0] == '/' ? "file://" : "");
	for (s = path; *s != '\0'; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~/", *s) != NULL)
			buf_u8(&x->line, (uint8_t)*s);
		else
			buf_fmt(&x->line, "%%%02X", (unsigned char)*s);
	}
	json_str(&x->j, "uri", buf_cstr(&x->line));
	if (path[0] != '/')
		json_str(&x->j, "uriBaseId", BASE);
	free(whole);
}

/* The base is where privaudit ran, which is not told: so outputs can be compared. */
static void
add_base(struct json *j)
{
	json_open(j, "originalUriBaseIds", '{');
	json_open(j, BASE, '{');
	add_text(j, "description", "the folder that privaudit ran in");
	json_close(j, '}');
	json_close(j, '}');
}

static void
add_place(struct tale *x, const struct finding *f)
{
	const struct policy_role *r = f->fault == NULL ?
	    policy_role(x->t->policy, x->t->g, f->account) : NULL;
	struct json *j = &x->j;

	json_open(j, "locations", '[');
	json_open(j, NULL, '{');
	if (x->t->policy->given) {
		json_open(j, "physicalLocation", '{');
		json_open(j, "artifactLocation", '{');
		add_uri(x, x->t->policy_file);
		json_close(j, '}');
		json_open(j, "region", '{');
		json_uint(j, "startLine", r != NULL ? r->line : 1);
		json_close(j, '}');
		json_close(j, '}');
	}
	json_open(j, "logicalLocations", '[');
	json_open(j, NULL, '{');
	json_str(j, "name", tale_subject(x, f));
	json_str(j, "fullyQualifiedName", tale_subject(x, f));
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
}

static void
add_finding(struct tale *x, const struct finding *f)
{
	static const char *const states[] = { NULL, "new", "updated", "updated", "unchanged" };
	const struct finding *first = tale_fix_of(x, f);
	enum tell_state s = tale_state(x, f);
	struct json *j = &x->j;

	json_open(j, NULL, '{');
	json_str(j, "ruleId", f->check->id);
	json_int(j, "ruleIndex", f->check - check_all);
	json_str(j, "level", levels[f->severity].level);
	add_message(j, tale_line(x, f));
	add_place(x, f);
	json_open(j, "partialFingerprints", '{');
	json_str(j, "privaudit/v1", f->fingerprint);
	json_close(j, '}');
	if (states[s] != NULL)
		json_str(j, "baselineState", states[s]);
	json_open(j, "properties", '{');
	json_str(j, "severity", severity_name(f->severity));
	json_str(j, "sink", sink_name(f->sink));
	json_uint(j, "objects", f->objects);
	if (first != NULL)
		json_str(j, "fixOf", first->fingerprint);
	else if (tale_has_sql(f))
		json_str(j, "fix", f->fix->sql);
	json_close(j, '}');
	json_close(j, '}');
}

static void
add_gone(struct json *j, const struct baseline_entry *was)
{
	json_open(j, NULL, '{');
	json_str(j, "ruleId", was->check);
	json_str(j, "level", levels[was->severity].level);
	add_message(j, was->path);
	json_open(j, "partialFingerprints", '{');
	json_str(j, "privaudit/v1", was->fingerprint);
	json_close(j, '}');
	json_str(j, "baselineState", "absent");
	json_close(j, '}');
}

/* How the run went: what is unknown is a notification of an error. */
static void
add_invocation(struct tale *x)
{
	const struct graph *g = x->t->g;
	struct json *j = &x->j;
	uint32_t i;

	json_open(j, "invocations", '[');
	json_open(j, NULL, '{');
	json_bool(j, "executionSuccessful", g->unknowns == 0);
	json_int(j, "exitCode", err_exit_status(tell_outcome(x->t)));
	json_open(j, "toolExecutionNotifications", '[');
	for (i = 0; i < g->unknowns; i++) {
		buf_reset(&x->line);
		buf_fmt(&x->line, "%s: ", g->unknown[i].what);
		buf_str(&x->line, g->unknown[i].why);
		json_open(j, NULL, '{');
		json_open(j, "associatedRule", '{');
		json_str(j, "id", g->unknown[i].check->id);
		json_int(j, "index", g->unknown[i].check - check_all);
		json_close(j, '}');
		json_str(j, "level", "error");
		add_message(j, buf_cstr(&x->line));
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
}

int
tell_sarif(struct tale *x, struct err *e)
{
	const struct telling *t = x->t;
	struct json *j = &x->j;
	uint32_t i;

	json_document(j);
	json_str(j, "$schema", SCHEMA);
	json_str(j, "version", "2.1.0");
	json_open(j, "runs", '[');
	json_open(j, NULL, '{');
	add_driver(j);
	add_invocation(x);
	add_base(j);
	json_str(j, "columnKind", "unicodeCodePoints");
	json_open(j, "properties", '{');
	json_str(j, "server", t->server);
	json_close(j, '}');
	json_open(j, "results", '[');
	for (i = 0; i < t->v->n; i++)
		add_finding(x, &t->v->finding[i]);
	for (i = 0; t->baseline != NULL && i < t->baseline->n; i++)
		if (!x->seen[i])
			add_gone(j, &t->baseline->entry[i]);
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
	return json_write(j, x->f, e);
}
