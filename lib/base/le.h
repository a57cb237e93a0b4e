/* SPDX-License-Identifier: Apache-2.0 */
/*
 * le.h - little-endian numbers in bytes, by shifts
 *
 * Compilers make one load or store of each.  Casting file bytes to a wider
 * pointer is banned in this house: alignment, aliasing and byte order.
 */
#ifndef SOV_BASE_LE_H
#define SOV_BASE_LE_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
sov_le16(const void *p)
{
    const unsigned char *b = p;

    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t
sov_le32(const void *p)
{
    const unsigned char *b = p;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t
sov_le64(const void *p)
{
    const unsigned char *b = p;

    return sov_le32(b) | (uint64_t)sov_le32(b + 4) << 32;
}

static inline float
sov_lef32(const void *p)
{
    uint32_t u = sov_le32(p);
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline void
sov_put16(void *p, uint16_t v)
{
    unsigned char *b = p;

    b[0] = (unsigned char)v;
    b[1] = (unsigned char)(v >> 8);
}

static inline void
sov_put32(void *p, uint32_t v)
{
    unsigned char *b = p;

    sov_put16(b, (uint16_t)v);
    sov_put16(b + 2, (uint16_t)(v >> 16));
}

static inline void
sov_put64(void *p, uint64_t v)
{
    unsigned char *b = p;

    sov_put32(b, (uint32_t)v);
    sov_put32(b + 4, (uint32_t)(v >> 32));
}

static inline void
sov_putf32(void *p, float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    sov_put32(p, u);
}

#endif
