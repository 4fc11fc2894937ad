/*
 * Time: the clocks, and points and spans of time as text.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define SECOND	 INT64_C(1000000)
#define MINUTE	 (60 * SECOND)
#define HOUR	 (60 * MINUTE)
#define DAY	 (24 * HOUR)

/* 0000-01-01 and 9999-12-31 23:59:59, in seconds since 1970. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND  INT64_C(253402300799)

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(id, &ts); /* fails only for an unknown clock */
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_uptime(void)
{
	return read_clock(CLOCK_BOOTTIME) / SECOND;
}

static char boot_id[CLOCK_BOOT];

static void
read_boot_id(void)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f == NULL || fgets(boot_id, sizeof(boot_id), f) == NULL ||
	    strlen(boot_id) != sizeof(boot_id) - 1)
		strcpy(boot_id, "unknown");
	if (f != NULL)
		(void)fclose(f); /* only read */
}

const char *
clock_boot_id(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, read_boot_id); /* cannot fail */
	return boot_id;
}

char *
clock_format(char out[CLOCK_TEXT], int64_t us)
{
	int64_t sec = us / SECOND, frac = us % SECOND;
	char text[96]; /* room for years that cannot be, so that the compiler is content */
	struct tm tm;
	time_t t;

	if (frac < 0) {
		frac += SECOND;
		sec--;
	}
	if (sec < FIRST_SECOND || sec > LAST_SECOND) {
		frac = sec < 0 ? 0 : SECOND - 1;
		sec = sec < 0 ? FIRST_SECOND : LAST_SECOND;
	}
	t = sec;
	gmtime_r(&t, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)frac);
	return memcpy(out, text, CLOCK_TEXT);
}

/* A reader of the text of a point in time: each step moves p on, or fails with -1. */
struct scan {
	const char *p;
};

static int
take_char(struct scan *s, char c)
{
	if (*s->p != c)
		return -1;
	s->p++;
	return 0;
}

/* Exactly n digits. */
static int
take_digits(struct scan *s, int n, int *out)
{
	int v = 0;

	for (; n > 0; n--) {
		if (*s->p < '0' || *s->p > '9')
			return -1;
		v = 10 * v + (*s->p++ - '0');
	}
	*out = v;
	return 0;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static int
take_date(struct scan *s, struct tm *tm)
{
	int year, month, day;

	if (take_digits(s, 4, &year) != 0 || take_char(s, '-') != 0 ||
	    take_digits(s, 2, &month) != 0 || take_char(s, '-') != 0 ||
	    take_digits(s, 2, &day) != 0)
		return -1;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return -1;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

/* ".5" and so on behind the seconds, up to the microsecond. */
static int
take_fraction(struct scan *s, int64_t *frac)
{
	int64_t unit = SECOND / 10;

	*frac = 0;
	if (take_char(s, '.') != 0)
		return 0;
	if (*s->p < '0' || *s->p > '9')
		return -1;
	for (; *s->p >= '0' && *s->p <= '9'; s->p++, unit /= 10) {
		if (unit == 0)
			return -1;
		*frac += (*s->p - '0') * unit;
	}
	return 0;
}

static int
take_time(struct scan *s, struct tm *tm, int64_t *frac)
{
	*frac = 0;
	if (take_digits(s, 2, &tm->tm_hour) != 0 || take_char(s, ':') != 0 ||
	    take_digits(s, 2, &tm->tm_min) != 0 || tm->tm_hour > 23 || tm->tm_min > 59)
		return -1;
	if (take_char(s, ':') != 0)
		return 0;
	if (take_digits(s, 2, &tm->tm_sec) != 0 || tm->tm_sec > 59)
		return -1;
	return take_fraction(s, frac);
}

/* "Z", "UTC", "+01", "+0100" or "+01:00": the seconds east of Greenwich. */
static int
take_zone(struct scan *s, int *east)
{
	int sign, hours, minutes = 0;

	*east = 0;
	if (take_char(s, 'Z') == 0)
		return 0;
	if (strncmp(s->p, "UTC", 3) == 0) {
		s->p += 3;
		return 0;
	}
	sign = *s->p == '-' ? -1 : 1;
	if ((take_char(s, '+') != 0 && take_char(s, '-') != 0) ||
	    take_digits(s, 2, &hours) != 0)
		return -1;
	if ((take_char(s, ':') == 0 || *s->p != '\0') && take_digits(s, 2, &minutes) != 0)
		return -1;
	if (hours > 15 || minutes > 59)
		return -1;
	*east = sign * (60 * hours + minutes) * 60;
	return 0;
}

/* Name the zone that this machine had at that time, for the one to whom it was obvious. */
static int
no_zone(const char *text, const struct tm *tm, struct err *e)
{
	struct tm local = *tm;
	long east;

	local.tm_isdst = -1;
	(void)mktime(&local); /* fills in tm_gmtoff, also for an hour that summer time skips */
	east = local.tm_gmtoff / 60;
	err_set(e, ERR_USAGE, "time \"%s\" has no zone", text);
	return err_hint(e,
	    "add the zone: \"%s%c%02ld:%02ld\" as on this machine, or \"%sZ\" for UTC", text,
	    east < 0 ? '-' : '+', labs(east) / 60, labs(east) % 60, text);
}

int
clock_parse(const char *text, int64_t *us, struct err *e)
{
	struct scan s = { text };
	struct tm tm;
	int64_t frac;
	int east;

	memset(&tm, 0, sizeof(tm));
	if (take_date(&s, &tm) != 0 || (take_char(&s, 'T') != 0 && take_char(&s, ' ') != 0) ||
	    take_time(&s, &tm, &frac) != 0)
		goto bad;
	if (*s.p == '\0')
		return no_zone(text, &tm, e);
	(void)take_char(&s, ' '); /* may be there */
	if (take_zone(&s, &east) != 0 || *s.p != '\0')
		goto bad;
	*us = ((int64_t)timegm(&tm) - east) * SECOND + frac;
	return 0;
bad:
	err_set(e, ERR_USAGE, "\"%s\" is not a time", text);
	return err_hint(e, "write it as 2026-11-22T10:00:00Z or 2026-11-22 10:00:00.5+01:00");
}

int
clock_parse_span(const char *text, int64_t *us, struct err *e)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", SECOND }, { "m", MINUTE },
		{ "min", MINUTE }, { "h", HOUR }, { "d", DAY }, { "w", 7 * DAY },
	};
	const char *p = text;
	int64_t n = 0;
	size_t i;

	for (; *p >= '0' && *p <= '9' && n < INT64_MAX / 10 - 1; p++)
		n = 10 * n + (*p - '0');
	for (i = 0; p > text && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(p, units[i].name) == 0 && n <= INT64_MAX / units[i].us) {
			*us = n * units[i].us;
			return 0;
		}
	err_set(e, ERR_USAGE, "\"%s\" is not a span of time", text);
	return err_hint(e, "write it as 90s, 15m, 26h or 7d");
}

char *
clock_format_span(char out[32], int64_t us)
{
	const char *sign = us < 0 ? "-" : "";
	uint64_t n = us < 0 ? -(uint64_t)us : (uint64_t)us, s = n / SECOND;

	if (n < 100000)
		snprintf(out, 32, "%s%" PRIu64 " ms", sign, n / 1000);
	else if (s < 10)
		snprintf(out, 32, "%s%" PRIu64 ".%" PRIu64 " s", sign, s, n / 100000 % 10);
	else if (s < 60)
		snprintf(out, 32, "%s%" PRIu64 " s", sign, s);
	else if (s < 3600)
		snprintf(out, 32, "%s%" PRIu64 " min %" PRIu64 " s", sign, s / 60, s % 60);
	else if (s < 2 * 86400u)
		snprintf(out, 32, "%s%" PRIu64 " h %" PRIu64 " min", sign, s / 3600,
		    s / 60 % 60);
	else
		snprintf(out, 32, "%s%" PRIu64 " d %" PRIu64 " h", sign, s / 86400,
		    s / 3600 % 24);
	return out;
}
