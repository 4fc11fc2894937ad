/*
 * Which call is to fail: shared by faultfs.c and faultmem.c.
 *
 *	FAULT_CALL=fsync	the call that is counted; "all" counts each of them
 *	FAULT_N=3		the one that fails, from 1; 0: only count
 *	FAULT_ERRNO=ENOSPC	how: an errno's name or number, or KILL: the process
 *				is killed with -9 in the place of that call
 *	FAULT_COUNT_FILE=path	8 bytes, native order: the calls seen, by all
 *				processes of a run together; so a sweep knows its end.
 *				Behind them the name of the one that failed
 */
#ifndef FAULT_COUNT_H
#define FAULT_COUNT_H

/* Reads the environment. */
void fault_count_init(void);

/* Counts the call; true, with errno set, when it is the one that fails. */
int fault_now(const char *call);

/*
 * Prints what and errno and ends the program: the layer never lies in silence when
 * it cannot do its work.
 */
_Noreturn void fault_die(const char *what);

#endif
