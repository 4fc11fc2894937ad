/*
 * The unit suites, one line each, sorted: X(FILE) for test_FILE.c, which includes
 * this header and defines Suite *FILE_suite(void).
 */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

#define SUITES(X)		\
	X(acl)			\
	X(audit_check)		\
	X(baseline)		\
	X(buf)			\
	X(catalog)		\
	X(choose)		\
	X(clock)		\
	X(control)		\
	X(coverage)		\
	X(err)			\
	X(extract)		\
	X(fetch)		\
	X(finding)		\
	X(fix)			\
	X(found)		\
	X(frame)		\
	X(graph)		\
	X(hash)			\
	X(hex)			\
	X(host)			\
	X(image)		\
	X(image_check)		\
	X(io)			\
	X(journal)		\
	X(json)			\
	X(judge)		\
	X(key)			\
	X(keyfile)		\
	X(listing)		\
	X(lock)			\
	X(log_appender)		\
	X(log_check)		\
	X(log_index)		\
	X(log_path)		\
	X(log_promise)		\
	X(log_reader)		\
	X(log_resume)		\
	X(log_tail)		\
	X(log_writer)		\
	X(lsn)			\
	X(manifest)		\
	X(metrics)		\
	X(my_calls)		\
	X(my_uri)		\
	X(opt)			\
	X(page)			\
	X(pg_who)		\
	X(policy)		\
	X(policy_may)		\
	X(pool)			\
	X(prove)		\
	X(repo)			\
	X(report)		\
	X(sealed)		\
	X(sealed_corruption)	\
	X(source)		\
	X(spool)		\
	X(stamp)		\
	X(state)		\
	X(statement)		\
	X(suggest)		\
	X(target)		\
	X(tarstream)		\
	X(tempdir)		\
	X(tell)			\
	X(text)			\
	X(walfile)		\
	X(walk)			\
	X(walscan)		\
	/* end */

#define SUITE_DECLARE(file) Suite *file##_suite(void);
SUITES(SUITE_DECLARE)

#endif
