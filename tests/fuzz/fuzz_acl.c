/*
 * Fuzzes the reading of access control lists: whatever the text, what is accepted has the
 * shape that the callers count on.
 */
#include <string.h>

#include "audit/acl.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
check_item(const struct acl_item *it, size_t len)
{
	MUST(strlen(it->grantee) <= len && strlen(it->grantor) <= len);
	MUST(it->grantor[0] != '\0');
	MUST((it->options & ~it->rights) == 0 && it->rights < UINT32_C(1) << ACL_RIGHTS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct acl acl;
	char **part;
	size_t i;
	int n;

	buf_add(&b, data, len);
	n = acl_array(buf_cstr(&b), &part, &e);
	MUST((n < 0) == (e.kind != ERR_NONE));
	for (i = 0; n > 0 && i < (size_t)n; i++)
		MUST(strlen(part[i]) <= len);
	free(part);
	err_clear(&e);
	if (acl_parse(buf_cstr(&b), &acl, &e) == 0) {
		MUST(n >= 0 && acl.n == (size_t)n);
		for (i = 0; i < acl.n; i++)
			check_item(&acl.item[i], len);
		acl_free(&acl);
	} else {
		MUST(e.kind == ERR_CORRUPT);
	}
	buf_free(&b);
	return 0;
}
