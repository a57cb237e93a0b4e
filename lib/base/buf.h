/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing byte buffer, little-endian
 *
 * Failure is sticky: after an allocation failed nothing more is added and bad
 * stays set, so a writer asks once at the end.  Start with { 0 }.
 */
#ifndef SOV_BASE_BUF_H
#define SOV_BASE_BUF_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_buf {
    unsigned char *p; /* owned; sov_buf_free() */
    size_t len;
    size_t cap;
    bool bad;
};

void sov_buf_free(struct sov_buf *b);
void sov_buf_add(struct sov_buf *b, const void *p, size_t len);
void sov_buf_zero(struct sov_buf *b, size_t len);
void sov_buf_u8(struct sov_buf *b, uint8_t v);
void sov_buf_u16(struct sov_buf *b, uint16_t v);
void sov_buf_u32(struct sov_buf *b, uint32_t v);
void sov_buf_u64(struct sov_buf *b, uint64_t v);
void sov_buf_f32(struct sov_buf *b, float v);
/*
 * What was written, as a text: a NUL is put behind it, and *text is to be
 * freed.  With rc below 0, or without memory, the buffer is freed, and that is
 * the answer.
 */
int sov_buf_give(struct sov_buf *b, int rc, char **text, size_t *len,
                 struct sov_err *err) SOV_MUST_CHECK;
/* u64 length and the bytes, as GGUF has strings */
void sov_buf_str(struct sov_buf *b, const void *p, size_t len);

#endif
