/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in.c - a window that slides over the head of a file
 */
#include "fmt/in.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 65536u /* bytes of the first read */

void
sov_in_start(struct sov_in *in, struct sov_file *file)
{
    memset(in, 0, sizeof(*in));
    in->file = file;
    in->rd = sov_rd_over(NULL, 0);
}

void
sov_in_free(struct sov_in *in)
{
    free(in->buf);
    in->buf = NULL;
    in->cap = 0;
    in->rd = sov_rd_over(NULL, 0);
}

uint64_t
sov_in_offset(const struct sov_in *in)
{
    return in->next - in->rd.left.len;
}

uint64_t
sov_in_left(const struct sov_in *in)
{
    uint64_t at = sov_in_offset(in);

    if (!in->file->regular)
        return UINT64_MAX;
    return in->file->size > at ? in->file->size - at : 0;
}

int
sov_in_settle(struct sov_in *in, struct sov_err *err)
{
    uint64_t used = sov_in_offset(in) - in->tapped;
    int rc;

    if (in->tap == NULL || used == 0)
        return 0;
    rc = in->tap(in->tap_arg, in->rd.left.p - used, (size_t)used, err);
    in->tapped += used;
    return rc;
}

/* Put the cursor over the first len bytes of buf. */
static void
set_window(struct sov_in *in, size_t len)
{
    bool big = in->rd.big;

    in->rd = sov_rd_over(in->buf, len);
    in->rd.big = big;
}

/* Read up to len bytes behind the window, which has len bytes of room. */
static int64_t
read_more(struct sov_in *in, unsigned char *to, size_t len, struct sov_err *err)
{
    uint64_t left;
    int rc;

    if (!in->file->regular)
        return sov_file_next(in->file, to, len, err);
    left = in->file->size > in->next ? in->file->size - in->next : 0;
    if (len > left)
        len = (size_t)left;
    rc = len > 0 ? sov_file_pread(in->file, to, len, in->next, err) : 0;
    return rc < 0 ? rc : (int64_t)len;
}

static int
cut_short(const struct sov_in *in, uint64_t want, struct sov_err *err)
{
    return sov_fail(
        err, SOV_EFORMAT, "cut short: %llu bytes wanted, %llu are left",
        (unsigned long long)want, (unsigned long long)in->rd.left.len);
}

int
sov_in_fill(struct sov_in *in, uint64_t n, struct sov_err *err)
{
    size_t have = in->rd.left.len;
    bool far = n / 2 > have; /* else more will be wanted soon */
    unsigned char *bigger;
    uint64_t left = sov_in_left(in);
    int64_t got = 1;
    size_t cap;
    int rc;

    if (n > left)
        return sov_fail(err, SOV_EFORMAT,
                        "cut short: %llu bytes wanted, %llu are left",
                        (unsigned long long)n, (unsigned long long)left);
    rc = sov_in_settle(in, err);
    if (rc < 0)
        return rc;
    if (have > 0 && in->rd.left.p != in->buf)
        memmove(in->buf, in->rd.left.p, have);
    set_window(in, have);
    while (have < n && got > 0) {
        /* Double, so that all the moving together stays linear. */
        cap = have < FIRST / 2 ? FIRST : have * 2;
        if (far && cap > n && cap - n > FIRST)
            cap = (size_t)n + FIRST;
        if (cap > in->cap) {
            bigger = realloc(in->buf, cap);
            if (bigger == NULL)
                return sov_mem_fail(err);
            in->buf = bigger;
            in->cap = cap;
            set_window(in, have);
        }
        got = read_more(in, in->buf + have, cap - have, err);
        if (got < 0)
            return (int)got;
        have += (size_t)got;
        in->next += (uint64_t)got;
        set_window(in, have);
    }
    return have < n ? cut_short(in, n, err) : 0;
}

/* Give the memory of the window away, of which the first used bytes count. */
static unsigned char *
give_window(struct sov_in *in, size_t used)
{
    size_t rest = in->rd.left.len;
    size_t cap = rest > FIRST ? rest : FIRST;
    unsigned char *fresh = malloc(cap);
    unsigned char *given = in->buf, *fitted;

    if (fresh == NULL)
        return NULL;
    memcpy(fresh, given + used, rest);
    in->buf = fresh;
    in->cap = cap;
    set_window(in, rest);
    fitted = realloc(given, used + 1);
    if (fitted == NULL)
        free(given);
    else
        fitted[used] = '\0';
    return fitted;
}

int
sov_in_own(struct sov_in *in, size_t len, unsigned char **block,
           unsigned char **p, struct sov_err *err)
{
    struct sov_span s = sov_rd_bytes(&in->rd, len);
    size_t at = 0;
    int rc;

    if (len >= FIRST && len >= in->cap / 2) {
        rc = sov_in_settle(in, err);
        if (rc < 0)
            return rc;
        at = (size_t)(s.p - in->buf);
        *block = give_window(in, at + len);
    } else {
        *block = (unsigned char *)sov_mem_dup(s.p, s.len);
    }
    if (*block == NULL)
        return sov_mem_fail(err);
    *p = *block + at;
    return 0;
}

/* Bytes that were read with the window empty. */
static int
passed(struct sov_in *in, const void *p, size_t len, struct sov_err *err)
{
    in->next += len;
    in->tapped += len;
    return in->tap != NULL ? in->tap(in->tap_arg, p, len, err) : 0;
}

int
sov_in_take(struct sov_in *in, void *buf, uint64_t len, struct sov_err *err)
{
    unsigned char *to = buf;
    struct sov_span have;
    uint64_t chunk;
    int64_t got;
    int rc;

    have = sov_rd_bytes(&in->rd, len < in->rd.left.len ? len : in->rd.left.len);
    if (to != NULL && have.len > 0)
        memcpy(to, have.p, have.len);
    len -= have.len;
    rc = sov_in_settle(in, err);
    if (rc < 0)
        return rc;
    while (len > 0) {
        /* The window is empty now, and its memory free to skip into. */
        chunk = to == NULL && len > in->cap ? in->cap : len;
        if (chunk == 0)
            return sov_fail(err, SOV_EARG, "nothing was read yet");
        if (to != NULL)
            to += have.len;
        got = read_more(in, to != NULL ? to : in->buf, (size_t)chunk, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return cut_short(in, len, err);
        rc = passed(in, to != NULL ? to : in->buf, (size_t)got, err);
        if (rc < 0)
            return rc;
        have.len = (size_t)got;
        len -= (uint64_t)got;
    }
    return 0;
}

int
sov_in_rest(struct sov_in *in, uint64_t max, uint64_t *n, struct sov_err *err)
{
    uint64_t step = in->rd.left.len < max ? in->rd.left.len : max;
    int64_t got = 1;
    int rc;

    *n = step;
    sov_rd_bytes(&in->rd, step);
    rc = sov_in_settle(in, err);
    if (rc < 0 || *n == max)
        return rc;
    if (in->cap < FIRST)
        return sov_fail(err, SOV_EARG, "nothing was read yet");
    while (*n < max && got > 0) {
        step = max - *n < in->cap ? max - *n : in->cap;
        got = read_more(in, in->buf, (size_t)step, err);
        if (got <= 0)
            return (int)got;
        rc = passed(in, in->buf, (size_t)got, err);
        if (rc < 0)
            return rc;
        *n += (uint64_t)got;
    }
    return 0;
}
