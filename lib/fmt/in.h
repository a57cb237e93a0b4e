/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in.h - a window that slides over the head of a file
 *
 * A parser asks for the next n bytes with sov_in_need() and then takes them
 * out of in.rd, which never fails for bytes that were granted.  The window
 * grows only as bytes really arrive: a length in a file is a wish, not a
 * reason to allocate.
 *
 *      what was read        the window             not read yet
 *   ...................|#### in.rd.left ####|.........................
 *   0                  sov_in_offset()      next
 */
#ifndef SOV_FMT_IN_H
#define SOV_FMT_IN_H

#include "base/rd.h"
#include "sys/file.h"

#include <stddef.h>
#include <stdint.h>

struct sov_in {
    struct sov_rd rd;      /* over the window */
    struct sov_file *file; /* borrowed */
    unsigned char *buf;    /* owned */
    size_t cap;
    uint64_t next;         /* place in the file of the first byte after buf */
    sov_tap_fn tap;        /* sees all bytes once they were used, or NULL */
    void *tap_arg;
    uint64_t tapped;       /* place in the file up to which it has seen them */
};

void sov_in_start(struct sov_in *in, struct sov_file *file);
void sov_in_free(struct sov_in *in);

/* Place in the file of the next byte that in.rd will give. */
uint64_t sov_in_offset(const struct sov_in *in);

/* Bytes from there to the end of the file; UINT64_MAX when not known. */
uint64_t sov_in_left(const struct sov_in *in);

int sov_in_fill(struct sov_in *in, uint64_t n, struct sov_err *err)
    SOV_MUST_CHECK;

/*
 * Make sure of at least n bytes in the window.  Where the file ends before:
 * SOV_EFORMAT, and the window holds what there was.
 */
static inline int
sov_in_need(struct sov_in *in, uint64_t n, struct sov_err *err)
{
    return in->rd.left.len >= n ? 0 : sov_in_fill(in, n, err);
}

/* Show the tap what was taken out of in.rd. */
int sov_in_settle(struct sov_in *in, struct sov_err *err) SOV_MUST_CHECK;

/* Take what is left, at most max bytes; *n says how many. */
int sov_in_rest(struct sov_in *in, uint64_t max, uint64_t *n,
                struct sov_err *err) SOV_MUST_CHECK;

/*
 * Take the next len bytes, which the window holds, into memory of the caller's
 * own: *p, within *block that is to be freed; a NUL stands behind them.  The
 * memory of the window itself is given away where they are most of it.
 */
int sov_in_own(struct sov_in *in, size_t len, unsigned char **block,
               unsigned char **p, struct sov_err *err) SOV_MUST_CHECK;

/* The next len bytes past the window and beyond; a NULL buf skips them. */
int sov_in_take(struct sov_in *in, void *buf, uint64_t len,
                struct sov_err *err) SOV_MUST_CHECK;

#endif
