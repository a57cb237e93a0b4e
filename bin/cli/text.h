/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - text that may come from anywhere, made fit for a terminal
 */
#ifndef SOV_CLI_TEXT_H
#define SOV_CLI_TEXT_H

#include <stddef.h>

/*
 * Copy text, control characters and broken UTF-8 as \xHH, cut where buf is
 * full (never inside a character).  Gives buf.
 */
char *sov_text_escape(char *buf, size_t size, const char *text);

/*
 * The same for JSON, where control characters may stay: only what is no
 * UTF-8 becomes \xHH.  A NUL stands behind text[len].  buf has 4 * len + 1
 * bytes; gives how many are used.
 */
size_t sov_text_repair(char *buf, const char *text, size_t len);

/*
 * The next character of text, as sov_text_escape() shows it, into out[8]; the
 * bytes of text that it is, 0 at the end.
 */
size_t sov_text_next(const char *text, char *out);

/* A number in as few digits as give it back, 15 at least; 32 bytes do. */
void sov_text_real(char *buf, size_t size, double x);

/* Columns of a terminal that UTF-8 text takes: two for wide characters of
 * East Asia and emoji, none for combining ones. */
size_t sov_text_width(const char *text);

/*
 * As much of text[len] as fits into columns, made safe like above, but with
 * \n, \t and \r as C has them; NUL bytes may be in it, and none stands behind
 * it.  Gives the bytes of text that are shown.  buf needs 4 * columns + 8.
 */
size_t sov_text_excerpt(char *buf, size_t size, const char *text, size_t len,
                        size_t columns);

#endif
