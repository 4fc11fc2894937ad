/*
 * Metrics in Prometheus' text format (its "Exposition formats" page): gather, then
 * write the file atomically (no fsync: it is a report, not a record).
 *
 * Names without the "bulkhead_" prefix; one that ends in "_total" is a counter, every
 * other one a gauge.  Samples of one name that differ in labels follow each other.
 * labels: "source=\"shop\"" or NULL; metrics_label() writes them for any value.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"
#include "base/err.h"

struct metrics {
	struct buf out;
	char last[64];	/* the name that was added last */
};

#define METRICS_INIT { BUF_INIT, "" }

void metrics_add(struct metrics *m, const char *name, const char *help, const char *labels,
    double value);

/* Append key="value", escaped, after a comma when labels is not empty. */
void metrics_label(struct buf *labels, const char *key, const char *value);

/* Replace the file at path (mode 0644) by what was gathered; begin anew, also on failure. */
int metrics_write(struct metrics *m, const char *path, struct err *e);

void metrics_free(struct metrics *m);

#endif
