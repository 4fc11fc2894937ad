/*
 * Fuzzes the reading of policies: what is accepted is whole, and no class may more than
 * the words there are.
 */
#include "audit/policy_private.h"
#include "fuzz.h"

static const char good[] =
    "[target] env=production owner=o files=a,\"b c\"\n[class app] may=SELECT,UPDATE\n"
    "[class etl] may=+DDL,TRUNCATE # x\n[role \"a\\x01\\n\"] class=etl db=a,b schema=c\n"
    "[role *] class=readonly\n[except] id=A1 role=r object=o priv=TRUNCATE reason=\"x\" "
    "owner=o\n"
    " ticket=t until=2027-03-01\n";

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void
check(const struct policy *p)
{
	uint32_t i, k;

	for (i = 0; i < p->classes; i++)
		for (k = 0; k < p->class[i].n; k++)
			MUST(policy_word(p->class[i].may[k]) != NULL);
	for (i = 0; i < p->roles; i++)
		MUST(p->role[i].class != NULL && p->role[i].name[0] != '\0');
	for (i = 0; i < p->excepts; i++)
		MUST(p->except[i].reason[0] != '\0' && p->except[i].owner[0] != '\0' &&
		    p->except[i].until[4] == '-');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct policy *p;
	struct err e;

	if (len > 0 && data[0] % 2 == 0) {
		buf_add(&text, good, sizeof(good) - 1);
		fuzz_edit(&text, data + 1, len - 1);
	} else if (len > 0)
		buf_add(&text, data + 1, len - 1);
	p = policy_parse("policy", buf_cstr(&text), text.len, "2026-11-22", &e);
	MUST(p != NULL || e.kind == ERR_CONFIG);
	if (p != NULL)
		check(p);
	policy_free(p);
	buf_free(&text);
	return 0;
}
