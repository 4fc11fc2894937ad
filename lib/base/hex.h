/* Hexadecimal text of bytes: lower case out, strict lower case in. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* out must hold 2 * n + 1; it is NUL-terminated.  Returns out. */
char *hex_encode(char *out, const uint8_t *p, size_t n);

/* Exactly 2 * n digits and nothing else: 0, else -1. */
int hex_decode(uint8_t *out, size_t n, const char *s);

#endif
