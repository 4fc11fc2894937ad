/*
 * Fuzzes the reading of JSON lines: it ends, stays within the line, and lends only texts
 * of it.
 */
#include <string.h>

#include "audit/jsonline.h"
#include "fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct jsonline_member m;
	struct jsonline l;
	char *text = malloc(len + 1);
	int r;

	MUST(text != NULL);
	memcpy(text, data, len);
	jsonline_begin(&l, text, len);
	while ((r = jsonline_next(&l, &m)) > 0) {
		MUST(m.key >= text && m.key + strlen(m.key) < text + len);
		if (m.kind == JSONLINE_STRING)
			MUST(m.text >= text && m.text + strlen(m.text) < text + len);
	}
	free(text);
	return 0;
}
