/*
 * The fault layer for memory, preloaded: fails call n of malloc, calloc and realloc
 * (FAULT_CALL=malloc counts all three), of those that the program itself makes.
 * Calls of libraries pass: what libpq does without memory is not ours to test.
 * A library of its own, because it would take the place of a sanitizer's malloc.
 */
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "count.h"

/* glibc's own names for what stands behind malloc. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static uintptr_t program, program_end;

static int
find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
	uintptr_t end;
	int i;

	(void)size;
	(void)unused;
	program = info->dlpi_addr;
	for (i = 0; i < info->dlpi_phnum; i++) {
		end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > program_end)
			program_end = end;
	}
	return 1;	/* the first object is the program */
}

__attribute__((constructor)) static void
init(void)
{
	fault_count_init();
	(void)dl_iterate_phdr(find_program, NULL);	/* returns what find_program did */
}

static int
fails(void *caller)
{
	return (uintptr_t)caller >= program && (uintptr_t)caller < program_end &&
	    fault_now("malloc");
}

void *
malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
