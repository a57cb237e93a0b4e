/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - a growing byte buffer */
#include "base/buf.h"
#include "base/le.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void
sov_buf_free(struct sov_buf *b)
{
    sov_mem_forget(b->p);
    *b = (struct sov_buf){ 0 };
}

/* Room for len more bytes, or bad. */
static bool
room(struct sov_buf *b, size_t len)
{
    size_t want;
    size_t cap = b->cap;
    unsigned char *fresh;

    if (b->bad || __builtin_add_overflow(b->len, len, &want)) {
        b->bad = true;
        return false;
    }
    if (want <= cap)
        return true;
    cap = cap < 256 ? 256 : cap + cap / 2;
    if (cap < want)
        cap = want;
    fresh = sov_mem_move(b->p, b->len, cap);
    if (fresh == NULL) {
        b->bad = true;
        return false;
    }
    b->p = fresh;
    b->cap = cap;
    return true;
}

void
sov_buf_add(struct sov_buf *b, const void *p, size_t len)
{
    if (len == 0 || !room(b, len))
        return;
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

void
sov_buf_zero(struct sov_buf *b, size_t len)
{
    if (len == 0 || !room(b, len))
        return;
    memset(b->p + b->len, 0, len);
    b->len += len;
}

void
sov_buf_u8(struct sov_buf *b, uint8_t v)
{
    sov_buf_add(b, &v, 1);
}

void
sov_buf_u16(struct sov_buf *b, uint16_t v)
{
    unsigned char raw[2];

    sov_put16(raw, v);
    sov_buf_add(b, raw, sizeof(raw));
}

void
sov_buf_u32(struct sov_buf *b, uint32_t v)
{
    unsigned char raw[4];

    sov_put32(raw, v);
    sov_buf_add(b, raw, sizeof(raw));
}

void
sov_buf_u64(struct sov_buf *b, uint64_t v)
{
    unsigned char raw[8];

    sov_put64(raw, v);
    sov_buf_add(b, raw, sizeof(raw));
}

void
sov_buf_f32(struct sov_buf *b, float v)
{
    unsigned char raw[4];

    sov_putf32(raw, v);
    sov_buf_add(b, raw, sizeof(raw));
}

void
sov_buf_str(struct sov_buf *b, const void *p, size_t len)
{
    sov_buf_u64(b, len);
    sov_buf_add(b, p, len);
}

int
sov_buf_give(struct sov_buf *b, int rc, char **text, size_t *len,
             struct sov_err *err)
{
    sov_buf_u8(b, 0);
    if (rc == 0 && b->bad)
        rc = sov_mem_fail(err);
    if (rc < 0) {
        sov_buf_free(b);
        return rc;
    }
    *text = (char *)b->p;
    *len = b->len - 1;
    return 0;
}
