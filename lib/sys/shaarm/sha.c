/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shaarm/sha.c - SHA-256 by the cryptography instructions of ARMv8
 *
 * As on x86 four leaves in step fill what one stream leaves idle, and a leaf
 * goes along with a stream.
 */
#include "sys/sha_kerns.h"

#include <arm_neon.h>
#include <stdbool.h>

#define ALWAYS      static inline __attribute__((always_inline))
#define LEAF_BLOCKS (SOV_LEAF_SIZE / 64)

struct lane {
    uint32x4_t s0; /* abcd */
    uint32x4_t s1; /* efgh */
    uint32x4_t m[4];
    uint32x4_t old0; /* the state before this block */
    uint32x4_t old1;
};

ALWAYS void
take_state(struct lane *l, const uint32_t h[8])
{
    l->s0 = vld1q_u32(h);
    l->s1 = vld1q_u32(h + 4);
}

ALWAYS void
give_state(const struct lane *l, uint32_t h[8])
{
    vst1q_u32(h, l->s0);
    vst1q_u32(h + 4, l->s1);
}

ALWAYS void
give_digest(const struct lane *l, unsigned char *out)
{
    vst1q_u8(out, vrev32q_u8(vreinterpretq_u8_u32(l->s0)));
    vst1q_u8(out + 16, vrev32q_u8(vreinterpretq_u8_u32(l->s1)));
}

ALWAYS void
begin(struct lane *l, const unsigned char *p)
{
    for (int i = 0; i < 4; i++)
        l->m[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p + 16 * i)));
    l->old0 = l->s0;
    l->old1 = l->s1;
}

ALWAYS void
end(struct lane *l)
{
    l->s0 = vaddq_u32(l->s0, l->old0);
    l->s1 = vaddq_u32(l->s1, l->old1);
}

/* Rounds 4r to 4r + 3, and the words of the message for 16 rounds later. */
ALWAYS void
step(struct lane *l, unsigned r)
{
    uint32x4_t x = vaddq_u32(l->m[r & 3], vld1q_u32(sov_sha_k + 4 * r));
    uint32x4_t abcd = l->s0;

    l->s0 = vsha256hq_u32(l->s0, l->s1, x);
    l->s1 = vsha256h2q_u32(l->s1, abcd, x);
    if (r < 12)
        l->m[r & 3] = vsha256su1q_u32(
            vsha256su0q_u32(l->m[r & 3], l->m[(r + 1) & 3]),
            l->m[(r + 2) & 3], l->m[(r + 3) & 3]);
}

/* Written out, since the message words are registers only then. */
#define STEPS(STEP)                                                           \
    STEP(0); STEP(1); STEP(2); STEP(3); STEP(4); STEP(5); STEP(6); STEP(7);   \
    STEP(8); STEP(9); STEP(10); STEP(11); STEP(12); STEP(13); STEP(14);       \
    STEP(15)

#define STEP_1(r) step(&a, r)
#define STEP_2(r) step(&a, r); step(&b, r)
#define STEP_4(r) step(&a, r); step(&b, r); step(&c, r); step(&d, r)

ALWAYS void
one_block(struct lane *l, const unsigned char *p)
{
    struct lane a = *l;

    begin(&a, p);
    STEPS(STEP_1);
    end(&a);
    *l = a;
}

static void
blocks(uint32_t h[8], const unsigned char *p, size_t n)
{
    struct lane l;

    take_state(&l, h);
    for (; n > 0; n--, p += 64)
        one_block(&l, p);
    give_state(&l, h);
}

static void
one_leaf(const unsigned char *p, unsigned char *out)
{
    struct lane l;

    take_state(&l, sov_sha_init);
    for (size_t i = 0; i < LEAF_BLOCKS; i++)
        one_block(&l, p + 64 * i);
    one_block(&l, sov_sha_leaf_pad);
    give_digest(&l, out);
}

static void
four_leaves(const unsigned char *p, unsigned char *out)
{
    struct lane a;
    struct lane b;
    struct lane c;
    struct lane d;

    take_state(&a, sov_sha_init);
    b = c = d = a;
    for (size_t i = 0; i <= LEAF_BLOCKS; i++, p += 64) {
        bool last = i == LEAF_BLOCKS;

        begin(&a, last ? sov_sha_leaf_pad : p);
        begin(&b, last ? sov_sha_leaf_pad : p + SOV_LEAF_SIZE);
        begin(&c, last ? sov_sha_leaf_pad : p + 2 * SOV_LEAF_SIZE);
        begin(&d, last ? sov_sha_leaf_pad : p + 3 * SOV_LEAF_SIZE);
        STEPS(STEP_4);
        end(&a);
        end(&b);
        end(&c);
        end(&d);
    }
    give_digest(&a, out);
    give_digest(&b, out + SOV_SHA256_LEN);
    give_digest(&c, out + 2 * SOV_SHA256_LEN);
    give_digest(&d, out + 3 * SOV_SHA256_LEN);
}

static void
leaves(const unsigned char *p, size_t n, unsigned char *out)
{
    for (; n >= 4; n -= 4) {
        four_leaves(p, out);
        p += 4 * SOV_LEAF_SIZE;
        out += 4 * SOV_SHA256_LEN;
    }
    for (; n > 0; n--) {
        one_leaf(p, out);
        p += SOV_LEAF_SIZE;
        out += SOV_SHA256_LEN;
    }
}

/* Lane a is the stream, lane b one leaf after the other. */
static void
both(uint32_t h[8], const unsigned char *p, size_t n, unsigned char *out)
{
    struct lane a;
    struct lane b;

    take_state(&a, h);
    for (; n > 0; n--, out += SOV_SHA256_LEN) {
        take_state(&b, sov_sha_init);
        for (size_t i = 0; i < LEAF_BLOCKS; i++, p += 64) {
            begin(&a, p);
            begin(&b, p);
            STEPS(STEP_2);
            end(&a);
            end(&b);
        }
        one_block(&b, sov_sha_leaf_pad);
        give_digest(&b, out);
    }
    give_state(&a, h);
}

const struct sov_sha_kern sov_sha_shaarm = {
    .name = "shaarm",
    .blocks = blocks,
    .leaves = leaves,
    .both = both,
};
