/*
 * logship's metrics.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "log/ship_private.h"

#define EVERY	    INT64_C(5000000)	/* µs */
#define STALLED	    INT64_C(5000000)	/* after that the server is asked for its position */
#define PROBE_EVERY INT64_C(15000000)

/*
 * While the repository fails nothing is read, so that the server's news do not arrive:
 * ask on a connection of our own.
 */
static void
probe_server(struct ship *s)
{
	struct err e = ERR_INIT;
	struct pg_system sys;
	struct pg *pg;
	int64_t now = clock_mono();

	if (s->view.failing == 0 || now - s->view.failing < STALLED ||
	    now - s->probed < PROBE_EVERY)
		return;
	s->probed = now;
	if ((pg = pg_connect(s->o->conninfo, "bulkhead probe", &e)) == NULL)
		return;	/* the stream's own connection will tell */
	if (pg_identify(pg, &sys, &e) == 0 && sys.flushed > s->server_end)
		s->server_end = sys.flushed;
	pg_free(pg);
}

/* Since when something waits to become safe; 0: nothing does. */
static int64_t
waiting_since(const struct ship *s)
{
	int64_t since = s->view.waiting;

	if (s->lost != 0 && (since == 0 || s->lost < since))
		since = s->lost;
	if (s->view.failing != 0 && (since == 0 || s->view.failing < since))
		since = s->view.failing;
	return since;
}

static double
less(uint64_t a, uint64_t b)
{
	return a > b ? (double)(a - b) : 0;
}

static void
fill(const struct ship *s, struct metrics *m, const char *label)
{
	uint64_t durable = s->view.durable;
	uint64_t restart = s->confirmed > s->sv.restart ? s->confirmed : s->sv.restart;
	uint64_t retained = s->server_end > restart ? s->server_end - restart : 0;
	double left = INFINITY, since = (double)waiting_since(s);

	if (s->keep_limit != SHIP_NO_LIMIT)
		left = less(s->keep_limit, retained);
	metrics_add(m, "log_up", "1 while connected and able to store", label,
	    s->lost == 0 && s->view.failing == 0);
	metrics_add(m, "log_position_bytes", "the log is safe up to this LSN", label,
	    (double)durable);
	metrics_add(m, "log_lag_bytes", "flushed by the server, and not safe yet", label,
	    less(s->server_end, durable));
	metrics_add(m, "log_lag_seconds", "how long the oldest of them has waited", label,
	    since > 0 ? ((double)clock_mono() - since) / 1e6 : 0);
	metrics_add(m, "log_durable_seconds", "when something was stored last", label,
	    (double)s->view.stored / 1e6);
	metrics_add(m, "log_retained_bytes", "WAL that the server keeps for the slot", label,
	    (double)retained);
	metrics_add(m, "log_slot_bytes_left", "how much more until it gives the slot up",
	    label, left);
	metrics_add(m, "log_received_bytes_total", "WAL shipped", label,
	    (double)s->res->bytes);
	metrics_add(m, "log_reconnects_total", "times that the server was lost and found",
	    label, s->res->reconnects);
	metrics_add(m, "log_gaps_total", "WAL lost for good", label, s->res->gaps);
	metrics_add(m, "log_forks_total", "histories that parted", label, s->res->forks);
}

void
ship_metrics(struct ship *s, int now)
{
	struct metrics m = METRICS_INIT;
	struct buf label = BUF_INIT;
	struct err e = ERR_INIT;

	if (s->o->metrics == NULL || (!now && clock_mono() - s->metrics_written < EVERY))
		return;
	probe_server(s);
	s->metrics_written = clock_mono();
	metrics_label(&label, "source", s->o->source->name);
	fill(s, &m, buf_cstr(&label));
	if (metrics_write(&m, s->o->metrics, &e) < 0 && !s->metrics_failed)
		report_warn(s->o->report, "metrics: %s", e.msg);
	s->metrics_failed = e.kind != ERR_NONE;
	metrics_free(&m);
	buf_free(&label);
}
