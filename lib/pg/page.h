/*
 * Checksums of PostgreSQL: of data pages (src/include/storage/checksum_impl.h) and
 * CRC-32C as WAL and pg_control use it.
 */
#ifndef PG_PAGE_H
#define PG_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define PG_PAGE_SIZE 8192

/* The checksum that page (8192 bytes) should carry as block blkno of its relation. */
uint16_t pg_page_checksum(const uint8_t *page, uint32_t blkno);

/*
 * Judge a page of a backup: 1 good, or not to be judged (all zero, new, or its LSN
 * at or after backup_start, since WAL repairs it); 0 its checksum is wrong.
 */
int pg_page_ok(const uint8_t *page, uint32_t blkno, uint64_t backup_start);

/*
 * Is path (relative to the data directory) a relation's file whose pages carry
 * checksums?  *first_block: segment number x 131072.
 */
int pg_page_path(const char *path, uint32_t *first_block);

/* CRC-32C; start with 0, feed the result back in to go on. */
uint32_t pg_crc32c(uint32_t crc, const void *p, size_t n);

/* The same without the processor's instruction for it. */
uint32_t pg_crc32c_portable(uint32_t crc, const void *p, size_t n);

#endif
