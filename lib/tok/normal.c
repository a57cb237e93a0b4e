/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normal.c - forms of characters that count as the same
 */
#include "tok/normal.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "tok/uclass.h"

#include <stdbool.h>
#include <stdlib.h>
#include <utf8proc.h>

#define PART 65536 /* bytes */

size_t
sov_normal_parts(uint32_t cp, uint32_t *out)
{
    utf8proc_int32_t part[SOV_NFD_MAX];
    int last = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)cp, part, SOV_NFD_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);

    if (n < 1 || n > SOV_NFD_MAX) {
        out[0] = cp;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)part[i];
    return (size_t)n;
}

bool
sov_normal_is_digit(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_ND;
}

uint32_t
sov_normal_lower(uint32_t cp)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

/*
 * Below U+0300 every character is in form C and none joins to one before it:
 * the bytes from 0xcc on are the first of all others.
 */
static bool
may_change(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 0xcc)
            return true;
    return false;
}

/* A part that is well-formed. */
static int
add_part(struct sov_buf *b, const unsigned char *p, size_t n,
         struct sov_err *err)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t len;

    if (!may_change(p, n)) {
        sov_buf_add(b, p, n);
        return b->bad ? sov_mem_fail(err) : 0;
    }
    len = utf8proc_map(p, (utf8proc_ssize_t)n, &made,
                       UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (len < 0)
        return len == UTF8PROC_ERROR_NOMEM
                   ? sov_mem_fail(err)
                   : sov_fail(err, SOV_EFORMAT,
                              "a text cannot be normalized: %s",
                              utf8proc_errmsg(len));
    sov_buf_add(b, made, (size_t)len);
    sov_mem_forget(made);
    return b->bad ? sov_mem_fail(err) : 0;
}

/*
 * The end of the part at at that is well-formed, or is not.  Parts are cut
 * before ASCII characters, which join to nothing before them, so that they
 * need not much memory; and among more marks than any writing has, since
 * putting marks in order takes the square of their number.
 */
static size_t
part_end(const unsigned char *p, size_t at, size_t len, bool *good)
{
    const size_t from = at;
    size_t marks = 0;

    *good = true;
    while (at < len && marks < SOV_MARKS_MAX) {
        uint32_t cp;
        size_t n = sov_utf8_step(p + at, len - at, &cp);

        if (n == 0 || (cp < 0x80 && at - from > PART))
            break;
        marks = sov_uclass_of(cp) & SOV_UC_M ? marks + 1 : 0;
        at += n;
    }
    if (at > from)
        return at;
    *good = false;
    return at + 1;
}

int
sov_normal_c(const unsigned char *text, size_t len, unsigned char **out,
             size_t *n, struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc = 0;

    *out = NULL;
    if (!may_change(text, len))
        return 0;
    for (size_t at = 0; at < len && rc == 0;) {
        bool good;
        size_t end = part_end(text, at, len, &good);

        if (good)
            rc = add_part(&b, text + at, end - at, err);
        else
            sov_buf_add(&b, text + at, end - at);
        at = end;
    }
    if (rc == 0 && b.bad)
        rc = sov_mem_fail(err);
    if (rc < 0) {
        sov_buf_free(&b);
        return rc;
    }
    *out = b.p;
    *n = b.len;
    return 0;
}
