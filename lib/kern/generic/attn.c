/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - attention over keys and values in eight bits, the specification
 *
 * kern.h says what is fixed.
 */
#include "config.h"

#include "kern/generic/exp.h"
#include "kern/generic/lanes.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#define KEYS SOV_PAGE_KEYS

static float
pow2(float x)
{
    float t, n, r, p;

    if (!(x >= SOV_POW2_MIN))
        return 0;
    t = x + SOV_EXP_MAGIC;
    n = t - SOV_EXP_MAGIC;
    r = x - n;
    p = sov_fma(SOV_POW2_C4, r, SOV_POW2_C3);
    p = sov_fma(p, r, SOV_POW2_C2);
    p = sov_fma(p, r, SOV_POW2_C1);
    p = sov_fma(p, r, 1.0f);
    return sov_f32_from_bits(sov_f32_bits(p) + (sov_f32_bits(t) << 23));
}

static void
turn(float *x, size_t n, float root)
{
    size_t h, i, j;

    for (h = 1; h < n; h *= 2)
        for (i = 0; i < n; i += 2 * h)
            for (j = i; j < i + h; j++) {
                float a = x[j];
                float b = x[j + h];

                x[j] = a + b;
                x[j + h] = a - b;
            }
    for (i = 0; i < n; i++)
        x[i] *= root;
}

/* One row in one page: the keys from first up to before end. */
struct look {
    const struct sov_page *page;
    const unsigned char *p;
    size_t first;
    size_t end;
};

static float
number(const unsigned char *p)
{
    float x;

    memcpy(&x, p, sizeof(x));
    return x;
}

static float
limited(const struct sov_attn_span *a, float x)
{
    float y = x * a->cap_step;

    y = y < SOV_CAP_MAX ? y : SOV_CAP_MAX;
    return a->cap - 2.0f * a->cap / (pow2(y) + 1.0f);
}

/* x of the keys that are seen; gives the largest of them and m. */
static float
scores(const struct look *l, const struct sov_attn_span *a, size_t row,
       float x[KEYS])
{
    const int8_t *q = a->q + row * l->page->k_pad;
    float m = a->m[row];
    size_t i, d;

    for (i = l->first; i < l->end; i++) {
        int32_t sum = 0;

        for (d = 0; d < l->page->k_pad; d++)
            sum += q[d] * (l->p[d / 4 * 4 * KEYS + 4 * i + d % 4] - 128);
        x[i] = (float)sum * number(l->p + l->page->k_scale + 4 * i) *
               a->q_scale[row];
        if (a->cap > 0)
            x[i] = limited(a, x[i]);
        m = x[i] > m ? x[i] : m;
    }
    return m;
}

/* Scores become e, and w; gives the sum of e. */
static float
weights(const struct look *l, float top, float x[KEYS], float w[KEYS])
{
    float t[LANES];
    size_t i;

    for (i = 0; i < KEYS; i++) {
        bool seen = i >= l->first && i < l->end;
        float v = number(l->p + l->page->v_scale + 4 * i);

        x[i] = seen ? pow2(x[i] - top) : 0;
        w[i] = x[i] > 0 ? x[i] * v : 0;
    }
    for (i = 0; i < LANES; i++)
        t[i] = (x[i] + x[i + 16]) + (x[i + 32] + x[i + 48]);
    return sov_lanes_sum(t);
}

/* w in units of its largest / 255, which is given. */
static float
to_bytes(const float w[KEYS], uint8_t u[KEYS])
{
    float most = 0;
    float n;
    size_t i;

    for (i = 0; i < KEYS; i++)
        most = w[i] > most ? w[i] : most;
    n = most > 0 ? 255.0f / most : 0;
    for (i = 0; i < KEYS; i++) {
        float v = w[i] * n;

        v = v < 255.0f ? v : 255.0f;
        u[i] = (uint8_t)(v + SOV_EXP_MAGIC - SOV_EXP_MAGIC);
    }
    return most * (1.0f / 255.0f);
}

static void
look_at(const struct look *l, const struct sov_attn_span *a, size_t row)
{
    const int8_t *v = (const int8_t *)l->p + l->page->v;
    float *o = a->o + row * l->page->v_pad;
    float top, f, c, sum;
    float x[KEYS], w[KEYS];
    uint8_t u[KEYS];
    size_t d, i;

    top = scores(l, a, row, x);
    f = top > a->m[row] ? pow2(a->m[row] - top) : 1.0f;
    sum = weights(l, top, x, w);
    a->m[row] = top;
    a->s[row] = a->s[row] * f + sum;
    c = to_bytes(w, u);
    for (d = 0; d < l->page->v_pad; d++) {
        int32_t dot = 0;

        for (i = 0; i < KEYS; i++)
            dot += u[i] * v[i / 4 * 4 * l->page->v_pad + 4 * d + i % 4];
        o[d] = sov_fma((float)dot, c, o[d] * f);
    }
}

static void
attn_span(const struct sov_attn_span *a)
{
    struct look l = { .page = a->page };
    size_t row, i;

    for (row = 0; row < a->n_rows; row++) {
        if (!a->more) {
            a->m[row] = -INFINITY;
            a->s[row] = 0;
            memset(a->o + row * l.page->v_pad, 0,
                   l.page->v_pad * sizeof(float));
        }
        for (i = 0; i < a->n_pages; i++) {
            size_t from = i * KEYS;

            if (a->end[row] <= from || a->first[row] >= from + KEYS ||
                a->end[row] <= a->first[row])
                continue;
            l.p = a->pages[i];
            l.first = a->first[row] > from ? a->first[row] - from : 0;
            l.end = a->end[row] - from < KEYS ? a->end[row] - from : KEYS;
            look_at(&l, a, row);
        }
    }
}

static void
attn_add(float *m, float *s, float *o, float m1, float s1, const float *o1,
         size_t n)
{
    bool more = m1 > *m;
    float f = more ? pow2(*m - m1) : 1.0f;
    float g = more ? 1.0f : pow2(m1 - *m);
    size_t i;

    *m = more ? m1 : *m;
    *s = sov_fma(s1, g, *s * f);
    for (i = 0; i < n; i++)
        o[i] = sov_fma(o1[i], g, o[i] * f);
}

void
sov_kern_generic_attn(struct sov_kern *k)
{
    k->turn = turn;
    k->attn_span = attn_span;
    k->attn_add = attn_add;
}
