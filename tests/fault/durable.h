/*
 * What a power cut would leave of a folder, by the letter of POSIX and no more: the
 * bytes that a file had when it was last synced, and the names that a folder had
 * when *it* was last synced.  Kept in the folder FAULT_LOG:
 *
 *	file.ID		the durable bytes of that file; a file never synced has none
 *	dir.ID		the durable names: "type mode uid gid ID name" a line
 *
 * The ID is inode and birth time, so a reused inode is another file, and a removed
 * or replaced file comes back as long as its folder was not synced.  `discard` turns
 * FAULT_DIR into that state.  syncfs() makes everything durable; so the starting
 * point of a test is `sync -f DIR` under this layer.
 *
 * A record is written before the real fsync: a program killed between the two may
 * find more than it was told of, as after a real power cut, but never less.  Records
 * need no fsync themselves: only processes are killed.  Copied is what changed, as
 * the intercepted calls told; bytes changed *in place* by other ways (mmap, stdio),
 * or by another process meanwhile, count as lost: a false alarm at worst.
 */
#ifndef FAULT_DURABLE_H
#define FAULT_DURABLE_H

#include <sys/types.h>

/* Both are borrowed for good; root is canonical.  -1 with errno: no log, or inside root. */
int durable_init(const char *root, const char *log);

/*
 * fd, below root, has changed from offset low on.  To be told after the change: told
 * before it, a sync in between would take the mark and miss the change.
 */
void durable_changed(int fd, off_t low);

/* fd, below root, is being synced: its bytes, or a folder's names, are durable. */
void durable_record(int fd);

/* The same for everything below root. */
void durable_record_all(void);

#endif
