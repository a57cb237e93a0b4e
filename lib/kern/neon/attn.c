/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - attention over keys and values in eight bits, NEON
 *
 * The lanes are keys; what is loaded of a page serves up to four rows.
 */
#include "config.h"

#include "kern/neon/exp.h"
#include "kern/overlay.h"

#include <math.h>
#include <string.h>

#define KEYS  SOV_PAGE_KEYS
#define VECS  (KEYS / 4)
#define GROUP 4 /* rows */
#define WIDE  4 /* registers of keys or numbers that go together */

INLINE float
pow2_one(float x)
{
    return vgetq_lane_f32(pow2_all(vdupq_n_f32(x)), 0);
}

/* a, or b where it is larger: a NaN never is */
INLINE float32x4_t
larger(float32x4_t a, float32x4_t b)
{
    return vbslq_f32(vcgtq_f32(b, a), b, a);
}

/* A group of rows in one page. */
struct group {
    const struct sov_attn_span *a;
    const unsigned char *p;
    size_t row;            /* the first */
    uint32_t first[GROUP]; /* keys of the page that a row sees */
    uint32_t end[GROUP];
    int32_t sum[GROUP][KEYS];
    uint8_t u[GROUP][KEYS];
    int32_t over[GROUP]; /* 128 times the sum of u */
    float c[GROUP], f[GROUP];
};

/* Integer scores of 16 keys from `key` on. */
INLINE void
score_16(struct group *w, size_t key, int rows)
{
    const uint8x16_t flip = vdupq_n_u8(0x80);
    size_t k_pad = w->a->page->k_pad;
    const int8_t *q = w->a->q + w->row * k_pad;
    int32x4_t acc[GROUP][WIDE];
    size_t d;
    int r, j;

    UNROLL
    for (r = 0; r < rows; r++)
        for (j = 0; j < WIDE; j++)
            acc[r][j] = vdupq_n_s32(0);
    for (d = 0; d < k_pad; d += 4) {
        const unsigned char *at = w->p + KEYS * d + 4 * key;
        int8x16_t k[WIDE];

        UNROLL
        for (j = 0; j < WIDE; j++)
            k[j] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at + 16 * j), flip));
        UNROLL
        for (r = 0; r < rows; r++) {
            int32_t four;
            int8x16_t b;

            memcpy(&four, q + (size_t)r * k_pad + d, sizeof(four));
            b = vreinterpretq_s8_s32(vdupq_n_s32(four));
            for (j = 0; j < WIDE; j++)
                acc[r][j] = vdotq_s32(acc[r][j], k[j], b);
        }
    }
    UNROLL
    for (r = 0; r < rows; r++)
        for (j = 0; j < WIDE; j++)
            vst1q_s32(w->sum[r] + key + 4 * j, acc[r][j]);
}

/* Lanes from 4 j on that a row sees. */
INLINE uint32x4_t
seen_lanes(const struct group *w, int r, int j)
{
    static const uint32_t lane[4] = { 0, 1, 2, 3 };
    uint32x4_t key = vaddq_u32(vld1q_u32(lane), vdupq_n_u32(4 * (uint32_t)j));

    return vandq_u32(vcgeq_u32(key, vdupq_n_u32(w->first[r])),
                     vcltq_u32(key, vdupq_n_u32(w->end[r])));
}

/* w to bytes.  Of a number and a NaN the smaller is the number. */
static void
to_bytes(struct group *w, int r, const float32x4_t x[VECS], float most)
{
    float32x4_t n = vdupq_n_f32(most > 0 ? 255.0f / most : 0);
    uint32_t sum = 0;
    int i, j;

    w->c[r] = most * (1.0f / 255.0f);
    for (j = 0; j < VECS; j += 4) {
        uint16x4_t u[4];
        uint8x16_t bytes;

        for (i = 0; i < 4; i++)
            u[i] = vmovn_u32(vcvtnq_u32_f32(
                vminnmq_f32(vmulq_f32(x[j + i], n), vdupq_n_f32(255.0f))));
        bytes = vcombine_u8(vmovn_u16(vcombine_u16(u[0], u[1])),
                            vmovn_u16(vcombine_u16(u[2], u[3])));
        vst1q_u8(w->u[r] + 4 * j, bytes);
        sum += vaddlvq_u8(bytes);
    }
    w->over[r] = (int32_t)(128 * sum);
}

/* The sum of e as kern.h has it. */
INLINE float
tree_64(const float32x4_t e[VECS])
{
    float32x4_t t[4];
    float32x2_t two;
    int i;

    for (i = 0; i < 4; i++)
        t[i] = vaddq_f32(vaddq_f32(e[i], e[i + 4]),
                         vaddq_f32(e[i + 8], e[i + 12]));
    t[0] = vaddq_f32(vaddq_f32(t[0], t[2]), vaddq_f32(t[1], t[3]));
    two = vadd_f32(vget_low_f32(t[0]), vget_high_f32(t[0]));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/* A soft limit of scores. */
INLINE float32x4_t
limited(const struct sov_attn_span *a, float32x4_t x)
{
    const float32x4_t most = vdupq_n_f32(SOV_CAP_MAX);
    float32x4_t y = vmulq_n_f32(x, a->cap_step);

    y = vbslq_f32(vcltq_f32(y, most), y, most);
    y = vaddq_f32(pow2_all(y), vdupq_n_f32(1.0f));
    y = vdivq_f32(vdupq_n_f32(2.0f * a->cap), y);
    return vsubq_f32(vdupq_n_f32(a->cap), y);
}

static void
weights(struct group *w, int r)
{
    const struct sov_attn_span *a = w->a;
    const float *k_scale = (const void *)(w->p + a->page->k_scale);
    const float *v_scale = (const void *)(w->p + a->page->v_scale);
    size_t row = w->row + (size_t)r;
    float32x4_t q_scale = vdupq_n_f32(a->q_scale[row]);
    float32x4_t top = vdupq_n_f32(a->m[row]);
    float32x4_t most = vdupq_n_f32(0);
    float32x4_t x[VECS];
    float was = a->m[row];
    int j;

    for (j = 0; j < VECS; j++) {
        x[j] = vmulq_f32(vcvtq_f32_s32(vld1q_s32(w->sum[r] + 4 * j)),
                         vld1q_f32(k_scale + 4 * j));
        x[j] = vmulq_f32(x[j], q_scale);
        if (a->cap > 0)
            x[j] = limited(a, x[j]);
        x[j] = vbslq_f32(seen_lanes(w, r, j), x[j], vdupq_n_f32(-INFINITY));
        top = larger(top, x[j]);
    }
    a->m[row] = vmaxvq_f32(top);
    top = vdupq_n_f32(a->m[row]);
    w->f[r] = a->m[row] > was ? pow2_one(was - a->m[row]) : 1.0f;
    for (j = 0; j < VECS; j++)
        x[j] = pow2_all(vsubq_f32(x[j], top));
    a->s[row] = a->s[row] * w->f[r] + tree_64(x);
    for (j = 0; j < VECS; j++) {
        uint32x4_t some = vcgtq_f32(x[j], vdupq_n_f32(0));
        float32x4_t v = vmulq_f32(x[j], vld1q_f32(v_scale + 4 * j));

        x[j] = vreinterpretq_f32_u32(vandq_u32(some, vreinterpretq_u32_f32(v)));
        most = larger(most, x[j]);
    }
    to_bytes(w, r, x, vmaxvq_f32(most));
}

/*
 * Sixteen numbers of each row of the group from d on.  There is no product of
 * unsigned and signed bytes, so values go with 128 more, and that comes off.
 */
INLINE void
mix(const struct group *w, size_t d, int rows)
{
    const uint8x16_t flip = vdupq_n_u8(0x80);
    size_t v_pad = w->a->page->v_pad;
    const unsigned char *v = w->p + w->a->page->v + 4 * d;
    uint32x4_t acc[GROUP][WIDE];
    size_t g;
    int r, j;

    UNROLL
    for (r = 0; r < rows; r++)
        for (j = 0; j < WIDE; j++)
            acc[r][j] = vdupq_n_u32(0);
    for (g = 0; g < KEYS; g += 4) {
        uint8x16_t vj[WIDE];

        UNROLL
        for (j = 0; j < WIDE; j++)
            vj[j] = veorq_u8(vld1q_u8(v + g * v_pad + 16 * j), flip);
        UNROLL
        for (r = 0; r < rows; r++) {
            uint32_t four;
            uint8x16_t u;

            memcpy(&four, w->u[r] + g, sizeof(four));
            u = vreinterpretq_u8_u32(vdupq_n_u32(four));
            for (j = 0; j < WIDE; j++)
                acc[r][j] = vdotq_u32(acc[r][j], vj[j], u);
        }
    }
    UNROLL
    for (r = 0; r < rows; r++) {
        float *o = w->a->o + (w->row + (size_t)r) * v_pad + d;

        for (j = 0; w->first[r] < w->end[r] && j < WIDE; j++) {
            int32x4_t sum = vsubq_s32(vreinterpretq_s32_u32(acc[r][j]),
                                      vdupq_n_s32(w->over[r]));
            float32x4_t was =
                vmulq_f32(vld1q_f32(o + 4 * j), vdupq_n_f32(w->f[r]));

            vst1q_f32(o + 4 * j,
                      vfmaq_f32(was, vcvtq_f32_s32(sum), vdupq_n_f32(w->c[r])));
        }
    }
}

#define MIX 16
#include "kern/attn_groups.h"

static void
attn_add(float *m, float *s, float *o, float m1, float s1, const float *o1,
         size_t n)
{
    bool more = m1 > *m;
    float f = more ? pow2_one(*m - m1) : 1.0f;
    float g = more ? 1.0f : pow2_one(m1 - *m);
    size_t i;

    *m = more ? m1 : *m;
    *s = fmaf(s1, g, *s * f);
    for (i = 0; i < n; i += 4)
        vst1q_f32(o + i, vfmaq_n_f32(vmulq_n_f32(vld1q_f32(o + i), f),
                                     vld1q_f32(o1 + i), g));
}

void
sov_kern_neon_attn(struct sov_kern *k)
{
    k->attn_span = attn_span;
    k->attn_add = attn_add;
}
