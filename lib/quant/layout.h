/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - the blocks of every quant type, as structs of bytes
 *
 * All members are unsigned char, so a pointer into a file may be turned into
 * a pointer to one of these: no padding, no alignment, no byte order.  What
 * the bytes mean stands at the top of each type's own file.  16-bit fields are
 * read with sov_le16, half floats with sov_half_at.
 */
#ifndef SOV_QUANT_LAYOUT_H
#define SOV_QUANT_LAYOUT_H

#include "base/le.h"
#include "sov/tensor.h"
#include "tensor/half.h"

#include <stdint.h>

/* SOV_BLOCK_Q4_K weights and SOV_BYTES_Q4_K bytes make one block. */
enum sov_block_size {
#define TYPE(sym, id, name, block, bytes, kind) SOV_BLOCK_##sym = (block),
#include "sov/types.def"
#undef TYPE
};
enum sov_block_bytes {
#define TYPE(sym, id, name, block, bytes, kind) SOV_BYTES_##sym = (bytes),
#include "sov/types.def"
#undef TYPE
};

#define SOV_LAYOUT(name, SYM)                                    \
    _Static_assert(sizeof(struct sov_##name) == SOV_BYTES_##SYM, \
                   #name " blocks have the size that types.def says")

static inline float
sov_half_at(const uint8_t *p)
{
    return sov_f16_to_f32(sov_le16(p));
}

struct sov_q4_0 {
    uint8_t d[2];
    uint8_t qs[16];
};
SOV_LAYOUT(q4_0, Q4_0);

struct sov_q4_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qs[16];
};
SOV_LAYOUT(q4_1, Q4_1);

struct sov_q5_0 {
    uint8_t d[2];
    uint8_t qh[4];
    uint8_t qs[16];
};
SOV_LAYOUT(q5_0, Q5_0);

struct sov_q5_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t qh[4];
    uint8_t qs[16];
};
SOV_LAYOUT(q5_1, Q5_1);

struct sov_q8_0 {
    uint8_t d[2];
    uint8_t qs[32];
};
SOV_LAYOUT(q8_0, Q8_0);

struct sov_q2_k {
    uint8_t scales[16];
    uint8_t qs[64];
    uint8_t d[2];
    uint8_t dmin[2];
};
SOV_LAYOUT(q2_k, Q2_K);

struct sov_q3_k {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint8_t d[2];
};
SOV_LAYOUT(q3_k, Q3_K);

struct sov_q4_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
    uint8_t qs[128];
};
SOV_LAYOUT(q4_k, Q4_K);

struct sov_q5_k {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
};
SOV_LAYOUT(q5_k, Q5_K);

struct sov_q6_k {
    uint8_t ql[128];
    uint8_t qh[64];
    uint8_t scales[16];
    uint8_t d[2];
};
SOV_LAYOUT(q6_k, Q6_K);

struct sov_iq2_xxs {
    uint8_t d[2];
    uint8_t qs[64];
};
SOV_LAYOUT(iq2_xxs, IQ2_XXS);

struct sov_iq2_xs {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t scales[8];
};
SOV_LAYOUT(iq2_xs, IQ2_XS);

struct sov_iq3_xxs {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t signs[32];
};
SOV_LAYOUT(iq3_xxs, IQ3_XXS);

struct sov_iq1_s {
    uint8_t d[2];
    uint8_t qs[32];
    uint8_t qh[16];
};
SOV_LAYOUT(iq1_s, IQ1_S);

struct sov_iq4_nl {
    uint8_t d[2];
    uint8_t qs[16];
};
SOV_LAYOUT(iq4_nl, IQ4_NL);

struct sov_iq3_s {
    uint8_t d[2];
    uint8_t qs[64];
    uint8_t qh[8];
    uint8_t signs[32];
    uint8_t scales[4];
};
SOV_LAYOUT(iq3_s, IQ3_S);

struct sov_iq2_s {
    uint8_t d[2];
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8];
};
SOV_LAYOUT(iq2_s, IQ2_S);

struct sov_iq4_xs {
    uint8_t d[2];
    uint8_t scales_h[2];
    uint8_t scales_l[4];
    uint8_t qs[128];
};
SOV_LAYOUT(iq4_xs, IQ4_XS);

struct sov_iq1_m {
    uint8_t qs[32];
    uint8_t qh[16];
    uint8_t scales[8];
};
SOV_LAYOUT(iq1_m, IQ1_M);

struct sov_tq1_0 {
    uint8_t qs[48];
    uint8_t qh[4];
    uint8_t d[2];
};
SOV_LAYOUT(tq1_0, TQ1_0);

struct sov_tq2_0 {
    uint8_t qs[64];
    uint8_t d[2];
};
SOV_LAYOUT(tq2_0, TQ2_0);

struct sov_mxfp4 {
    uint8_t e[1];
    uint8_t qs[16];
};
SOV_LAYOUT(mxfp4, MXFP4);

struct sov_nvfp4 {
    uint8_t d[4];
    uint8_t qs[32];
};
SOV_LAYOUT(nvfp4, NVFP4);

struct sov_q1_0 {
    uint8_t d[2];
    uint8_t qs[16];
};
SOV_LAYOUT(q1_0, Q1_0);

struct sov_q2_0 {
    uint8_t d[2];
    uint8_t qs[16];
};
SOV_LAYOUT(q2_0, Q2_0);

#undef SOV_LAYOUT

#endif
