/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rd.h - fields out of untrusted bytes
 *
 * Every parser in the house reads through this cursor and never through a
 * cast pointer, so bounds, alignment and byte order are settled here once.
 *
 * Failure is sticky.  After the first read past the end every further read
 * gives zero, and rd.bad stays set: a parser reads a whole record and then
 * asks once, instead of asking after each field.
 */
#ifndef SOV_BASE_RD_H
#define SOV_BASE_RD_H

#include "sov/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_rd {
    struct sov_span left;       /* what has not been read yet */
    const unsigned char *start; /* for sov_rd_offset() */
    bool big;                   /* numbers are big-endian */
    bool bad;
};

struct sov_rd sov_rd_over(const void *p, size_t len);

/* Bytes read so far. */
uint64_t sov_rd_offset(const struct sov_rd *rd);

/* Take the next len bytes, or an empty span if there are not so many. */
struct sov_span sov_rd_bytes(struct sov_rd *rd, uint64_t len);

/* A 64-bit length and then that many bytes, at most max of them. */
struct sov_span sov_rd_str(struct sov_rd *rd, uint64_t max);

uint8_t sov_rd_u8(struct sov_rd *rd);
uint16_t sov_rd_u16(struct sov_rd *rd);
uint32_t sov_rd_u32(struct sov_rd *rd);
uint64_t sov_rd_u64(struct sov_rd *rd);

#endif
