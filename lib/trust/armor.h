/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armor.h - bytes as text: strict lines, strict base64
 *
 * There is one way to write any bytes here, so that no two files mean the
 * same and a file with one bit changed or one byte missing is seen to be
 * another.
 */
#ifndef SOV_TRUST_ARMOR_H
#define SOV_TRUST_ARMOR_H

#include "sov/base.h"

#include <stdbool.h>
#include <stddef.h>

/* Characters that len bytes become (RFC 4648, section 4), without the NUL. */
#define SOV_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* out has room for SOV_BASE64_LEN(len) + 1 characters. */
void sov_base64_encode(const void *p, size_t len, char *out);

/*
 * Canonical base64 with its padding and nothing else, at most max bytes of it
 * into out.  False for anything else; out may hold a part then.
 */
bool sov_base64_decode(const void *text, size_t len, void *out, size_t max,
                       size_t *out_len);

/* The same for text that must be exactly out_len bytes. */
bool sov_base64_exact(struct sov_span text, void *out, size_t out_len);

#define SOV_UNTRUSTED "untrusted comment: "

/*
 * Cut the first line off left, without its newline; false if left does not
 * hold a whole line.
 */
bool sov_line_take(struct sov_span *left, struct sov_span *line);

/* Cut prefix off the front of s; false (and s as it was) if it is not there. */
bool sov_span_skip(struct sov_span *s, const char *prefix);

/* Well-formed UTF-8 without anything that acts on a terminal; tabs pass. */
bool sov_span_printable(struct sov_span s);

/*
 * Two lines, as minisign and signify have them: "untrusted comment: ..." and
 * a word of base64.  Cut off left; NULL, or what is wrong.
 */
const char *sov_two_lines(struct sov_span *left, struct sov_span *comment,
                          struct sov_span *word);

#endif
