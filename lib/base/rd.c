/* SPDX-License-Identifier: Apache-2.0 */
/* rd.c - fields out of untrusted bytes */
#include "base/rd.h"
#include "base/le.h"

struct sov_rd
sov_rd_over(const void *p, size_t len)
{
    return (struct sov_rd){
        .left = { .p = p, .len = len },
        .start = p,
    };
}

uint64_t
sov_rd_offset(const struct sov_rd *rd)
{
    return rd->left.p == NULL ? 0 : (uint64_t)(rd->left.p - rd->start);
}

struct sov_span
sov_rd_bytes(struct sov_rd *rd, uint64_t len)
{
    struct sov_span s = { rd->left.p, 0 };

    if (rd->bad || len > rd->left.len) {
        rd->bad = true;
        return s;
    }
    s.len = (size_t)len;
    if (len > 0)
        rd->left.p += len;
    rd->left.len -= (size_t)len;
    return s;
}

struct sov_span
sov_rd_str(struct sov_rd *rd, uint64_t max)
{
    uint64_t len = sov_rd_u64(rd);

    if (len > max)
        rd->bad = true;
    return sov_rd_bytes(rd, len);
}

uint8_t
sov_rd_u8(struct sov_rd *rd)
{
    struct sov_span s = sov_rd_bytes(rd, 1);

    return s.len == 1 ? s.p[0] : 0;
}

uint16_t
sov_rd_u16(struct sov_rd *rd)
{
    struct sov_span s = sov_rd_bytes(rd, 2);
    uint16_t v = s.len == 2 ? sov_le16(s.p) : 0;

    return rd->big ? __builtin_bswap16(v) : v;
}

uint32_t
sov_rd_u32(struct sov_rd *rd)
{
    struct sov_span s = sov_rd_bytes(rd, 4);
    uint32_t v = s.len == 4 ? sov_le32(s.p) : 0;

    return rd->big ? __builtin_bswap32(v) : v;
}

uint64_t
sov_rd_u64(struct sov_rd *rd)
{
    struct sov_span s = sov_rd_bytes(rd, 8);
    uint64_t v = s.len == 8 ? sov_le64(s.p) : 0;

    return rd->big ? __builtin_bswap64(v) : v;
}
