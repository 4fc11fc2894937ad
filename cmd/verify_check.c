/*
 * verify: the checks of each source.
 */
#include <stdlib.h>
#include <string.h>

#include "image/check.h"
#include "log/check.h"
#include "verify.h"

#define PATIENCE 5000000	/* µs for a frame that is being written */

static int
check_deep(struct verify *v, const struct image_check *o, const struct log_index *ix,
    struct err *e)
{
	const struct catalog *c = repo_catalog(v->repo);
	struct log_compare cmp;
	size_t i;
	int r = 0;

	for (i = 0; i < c->nsnapshots && r == 0; i++) {
		if (strcmp(c->snapshots[i].source, o->source) != 0)
			continue;
		if (ix == NULL) {
			r = image_check_deep(o, &c->snapshots[i], v->key, NULL, NULL, e);
			continue;
		}
		r = log_compare_begin(&cmp, v->repo, ix, &c->snapshots[i], v->key, &v->f, e);
		if (r != 0)
			break;
		r = image_check_deep(o, &c->snapshots[i], v->key, log_compare_wal, &cmp, e);
		log_compare_end(&cmp);
	}
	if (r == 0 && ix != NULL)
		r = log_check_deep(v->repo, ix, v->key, &v->f, v->report, e);
	return r;
}

static int
check_log(struct verify *v, struct verify_source *sr, const struct log_index *ix,
    struct err *e)
{
	const char *name = sr->source->name;

	if (ix == NULL || log_check(v->repo, ix, PATIENCE, &v->f, e) != 0 ||
	    coverage_of(ix, repo_catalog(v->repo), name, v->now, &sr->cov, e) != 0)
		return -1;
	sr->has_log = 1;
	coverage_tell(&sr->cov, ix, name, &v->f);
	return 0;
}

static int
check_source(struct verify *v, struct verify_source *sr, struct err *e)
{
	const struct image_check o = { .repo = v->repo, .source = sr->source->name,
		.jobs = v->common.jobs, .percent = v->percent, .seed = v->seed,
		.findings = &v->f, .report = v->report };
	struct err what = ERR_INIT;
	struct log_index *ix;
	int r;

	if (image_check_stored(&o, e) != 0)
		return -1;
	ix = log_index_build(v->repo, o.source, v->percent > 0, &what);
	r = check_log(v, sr, ix, &what);
	if (r != 0)
		r = finding_of(&v->f, o.source, "log", &what, e);
	if (r == 0 && v->deep)
		r = check_deep(v, &o, ix, e);
	log_index_free(ix);
	if (r != 0)
		return -1;
	if (sr->has_log)
		coverage_limits(&sr->cov, o.source, v->max_age, v->max_lag, &v->f);
	verify_print_source(v, sr);
	return 0;
}

int
verify_sources(struct verify *v, struct err *e)
{
	const struct catalog *c = repo_catalog(v->repo);
	size_t i;

	if (v->common.name != NULL && catalog_pick(c, v->common.name, e) == NULL)
		return -1;
	if ((v->sources = calloc(c->nsources + 1, sizeof(*v->sources))) == NULL)
		return err_set(e, ERR_SYSTEM, "out of memory");
	for (i = 0; i < c->nsources; i++) {
		if (v->common.name != NULL && strcmp(c->sources[i].name, v->common.name) != 0)
			continue;
		v->sources[v->nsources].source = &c->sources[i];
		if (check_source(v, &v->sources[v->nsources++], e) != 0)
			return -1;
	}
	if (c->nsources == 0)
		finding(&v->f, FINDING_NOTE, NULL, "journal", "no source is enrolled");
	return 0;
}
