/*
 * verify: what its parts share.
 */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

#include "base/json.h"
#include "base/opt.h"
#include "base/report.h"
#include "log/coverage.h"
#include "repo/repo.h"

struct verify_source {
	const struct catalog_source *source;
	struct coverage cov;
	int has_log;		/* its log could be indexed */
};

struct verify {
	struct opt_common common;
	int percent, deep, has_seed;
	uint64_t seed;
	int64_t max_age, max_lag;	/* µs; 0: no limit */
	struct report *report;
	struct repo *repo;
	struct key_secret *key;
	struct findings f;
	struct json json;
	int64_t now, began;		/* clock_now; clock_mono */
	struct verify_source *sources;
	size_t nsources;
	int printing_failed;
};

/* All that is asked for, into v->sources; each is printed when it is done. */
int verify_sources(struct verify *v, struct err *e);

/* A finding: of struct findings. */
void verify_tell(void *ctx, enum finding_level level, const char *source,
    const char *object, const char *text);
void verify_print_source(struct verify *v, const struct verify_source *sr);
void verify_conclude(struct verify *v, const struct err *verdict);
int verify_write_metrics(const struct verify *v, struct err *e);

#endif
