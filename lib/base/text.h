/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - UTF-8, and showing what a stranger wrote
 */
#ifndef SOV_BASE_TEXT_H
#define SOV_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length of the well-formed character at p (1 to 4), its code point in *cp;
 * 0 if there is none (overlong, surrogate, beyond U+10FFFF, cut short).
 */
size_t sov_utf8_step(const void *p, size_t len, uint32_t *cp);

/*
 * Length of the sequence that the byte announces, 1 for anything that cannot
 * begin a character.
 */
size_t sov_utf8_len(unsigned char lead);

/* How many bytes at the end are a character that is not complete yet. */
size_t sov_utf8_tail(const void *p, size_t len);

/* Write code point cp into out[4]; its length. */
size_t sov_utf8_put(uint32_t cp, unsigned char *out);

/*
 * Might a terminal act upon this character?  C0, DEL, C1, line and paragraph
 * separators, bidirectional controls.
 */
bool sov_text_acts(uint32_t cp);

/*
 * Copy at most len bytes of p into out[size] with everything a terminal might
 * act upon replaced by '?'; always NUL-terminated, cut at a character with
 * "..." when too long.  Gives out.
 */
char *sov_text_safe(const void *p, size_t len, char *out, size_t size);

/* The same of what vprintf() makes, of its first 399 bytes. */
void sov_text_print(char *out, size_t size, const char *fmt, va_list ap);

#endif
