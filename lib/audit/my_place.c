/*
 * Where the data of a MySQL or MariaDB server lies, when it runs on this host (for B5).
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "audit/my_private.h"

int
audit_my_place(struct audit_my *a, struct err *e)
{
	char own[HOST_NAME_MAX + 1], path[PATH_MAX];

	if (gethostname(own, sizeof(own)) != 0)
		return 0;
	own[sizeof(own) - 1] = '\0';
	/* Every host may call itself that. */
	if (strcmp(own, a->hostname) != 0 || strcmp(own, "localhost") == 0)
		return 0;
	if (my_value(a->my, "SELECT @@datadir", path, sizeof(path), e) != 0)
		return -1;
	graph_directory(a->g, path);
	return 0;
}
