/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.h - SHA-256 by the SHA instructions of x86
 *
 * Two rounds wait for the two before them, so one stream alone leaves the
 * machine idle for half of the time.  Four leaves in step fill it; and one
 * leaf beside a stream, both going over the same bytes, costs no more than the
 * stream alone.
 *
 * The state of a lane is s0 = ABEF, s1 = CDGH, highest word first, as
 * sha256rnds2 wants it.
 *
 * Everything here is static: whoever includes it makes a kernel with the
 * instructions that its folder is compiled for.
 */
#ifndef SOV_SYS_SHANI_LANES_H
#define SOV_SYS_SHANI_LANES_H

#include "sys/sha.h"

#include <immintrin.h>
#include <stdbool.h>

#define ALWAYS      static inline __attribute__((always_inline))
#define LEAF_BLOCKS (SOV_LEAF_SIZE / 64)
#define AHEAD       (4 * SOV_LEAF_SIZE) /* the leaves after these */

struct lane {
    __m128i s0;
    __m128i s1;
    __m128i m[4];
    __m128i old0; /* the state before this block */
    __m128i old1;
};

ALWAYS __m128i
load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

ALWAYS void
store(void *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

ALWAYS __m128i
swap_bytes(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b,
                                              0x0405060700010203));
}

ALWAYS void
take_state(struct lane *l, const uint32_t h[8])
{
    __m128i badc = _mm_shuffle_epi32(load(h), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(load(h + 4), 0x1b);

    l->s0 = _mm_alignr_epi8(badc, hgfe, 8);
    l->s1 = _mm_blend_epi16(hgfe, badc, 0xf0);
}

ALWAYS void
give_state(const struct lane *l, uint32_t h[8])
{
    __m128i abef = _mm_shuffle_epi32(l->s0, 0x1b);
    __m128i ghcd = _mm_shuffle_epi32(l->s1, 0xb1);

    store(h, _mm_blend_epi16(abef, ghcd, 0xf0));
    store(h + 4, _mm_alignr_epi8(ghcd, abef, 8));
}

ALWAYS void
give_digest(const struct lane *l, unsigned char *out)
{
    uint32_t h[8];

    give_state(l, h);
    store(out, swap_bytes(load(h)));
    store(out + 16, swap_bytes(load(h + 4)));
}

ALWAYS void
begin(struct lane *l, const unsigned char *p)
{
    l->m[0] = swap_bytes(load(p));
    l->m[1] = swap_bytes(load(p + 16));
    l->m[2] = swap_bytes(load(p + 32));
    l->m[3] = swap_bytes(load(p + 48));
    l->old0 = l->s0;
    l->old1 = l->s1;
}

ALWAYS void
end(struct lane *l)
{
    l->s0 = _mm_add_epi32(l->s0, l->old0);
    l->s1 = _mm_add_epi32(l->s1, l->old1);
}

/* Rounds 4r to 4r + 3, and the words of the message for 16 rounds later. */
ALWAYS void
step(struct lane *l, unsigned r)
{
    __m128i x = _mm_add_epi32(l->m[r & 3], load(sov_sha_k + 4 * r));

    l->s1 = _mm_sha256rnds2_epu32(l->s1, l->s0, x);
    l->s0 = _mm_sha256rnds2_epu32(l->s0, l->s1, _mm_shuffle_epi32(x, 0x0e));
    if (r < 12) {
        __m128i t = _mm_sha256msg1_epu32(l->m[r & 3], l->m[(r + 1) & 3]);

        t = _mm_add_epi32(t, _mm_alignr_epi8(l->m[(r + 3) & 3],
                                             l->m[(r + 2) & 3], 4));
        l->m[r & 3] = _mm_sha256msg2_epu32(t, l->m[(r + 3) & 3]);
    }
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
four_leaves(const unsigned char *const p[4], unsigned char *const out[4])
{
    struct lane a;
    struct lane b;
    struct lane c;
    struct lane d;

    take_state(&a, sov_sha_init);
    b = c = d = a;
    for (size_t i = 0; i <= LEAF_BLOCKS; i++) {
        bool last = i == LEAF_BLOCKS;
        size_t at = 64 * i;

        _mm_prefetch(p[0] + at + AHEAD, _MM_HINT_T0);
        _mm_prefetch(p[1] + at + AHEAD, _MM_HINT_T0);
        _mm_prefetch(p[2] + at + AHEAD, _MM_HINT_T0);
        _mm_prefetch(p[3] + at + AHEAD, _MM_HINT_T0);
        begin(&a, last ? sov_sha_leaf_pad : p[0] + at);
        begin(&b, last ? sov_sha_leaf_pad : p[1] + at);
        begin(&c, last ? sov_sha_leaf_pad : p[2] + at);
        begin(&d, last ? sov_sha_leaf_pad : p[3] + at);
        STEPS(STEP_4);
        end(&a);
        end(&b);
        end(&c);
        end(&d);
    }
    give_digest(&a, out[0]);
    give_digest(&b, out[1]);
    give_digest(&c, out[2]);
    give_digest(&d, out[3]);
}

/* Two or three at the end go with the first of them again. */
static void
leaves(const unsigned char *p, size_t n, unsigned char *out)
{
    unsigned char spare[SOV_SHA256_LEN];

    while (n > 1) {
        size_t take = n < 4 ? n : 4;
        const unsigned char *in[4];
        unsigned char *to[4];

        for (size_t i = 0; i < 4; i++) {
            in[i] = p + (i < take ? i : 0) * SOV_LEAF_SIZE;
            to[i] = i < take ? out + i * SOV_SHA256_LEN : spare;
        }
        four_leaves(in, to);
        p += take * SOV_LEAF_SIZE;
        out += take * SOV_SHA256_LEN;
        n -= take;
    }
    if (n == 1)
        one_leaf(p, out);
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

#endif
