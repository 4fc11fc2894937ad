/*
 * Runs every unit suite of suites.h.  Check's environment works: CK_RUN_SUITE,
 * CK_RUN_CASE, CK_FORK=no, CK_VERBOSITY=verbose, CK_TAP_LOG_FILE_NAME.
 */
#include <stdlib.h>

#include "suites.h"

#define SUITE_ENTRY(file) file##_suite,

/* Under a sanitizer, an allocation that cannot be fails as it does without one. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *
__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int
main(void)
{
	static Suite *(*const suites[])(void) = { SUITES(SUITE_ENTRY) };
	SRunner *runner = srunner_create(NULL);
	size_t i;
	int failed;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		srunner_add_suite(runner, suites[i]());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
