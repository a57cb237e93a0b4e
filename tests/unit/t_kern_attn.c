/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_attn.c - attention over pages: every instruction set against
 * kern/generic, bit for bit, and that against plain sums
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"

#include <math.h>
#include <string.h>

#define LEN_MAX  576
#define ROWS_MAX SOV_SPAN_ROWS

static const char *const isas[] = { "avx2", "avx512", "neon" };

static uint64_t counter;

static uint32_t
random32(void)
{
    uint32_t out[4];

    sov_rng_block(11, 1, counter++, out);
    return out[0];
}

static float
random_float(void)
{
    return (float)(int32_t)random32() / 2147483648.0f;
}

static bool
same(float a, float b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void
assert_same(const float *a, const float *b, size_t n, const char *what,
            const char *isa)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(same(a[i], b[i]), "%s %s [%zu of %zu]: %.9g %.9g", isa,
                      what, i, n, (double)a[i], (double)b[i]);
}

/* ---- turning, and bytes */

START_TEST(turns)
{
    float a[512], b[512], was[512];

    for (size_t n = 1; n <= 512; n *= 2) {
        float root = 1.0f / sqrtf((float)n);

        for (size_t i = 0; i < n; i++)
            was[i] = a[i] = b[i] = random_float();
        sov_kern_for("generic")->turn(a, n, root);
        for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
            const struct sov_kern *k = sov_kern_for(isas[i]);

            if (k == NULL)
                continue;
            memcpy(b, was, sizeof(b));
            k->turn(b, n, root);
            assert_same(a, b, n, "turn", isas[i]);
        }
        sov_kern_for("generic")->turn(a, n, root);
        for (size_t i = 0; i < n; i++)
            ck_assert(fabsf(a[i] - was[i]) < 1e-5f);
    }
}
END_TEST

START_TEST(bytes)
{
    static const float odd[] = { NAN, INFINITY, 1e-44f, 3e38f, -0.0f };
    float x[100];
    int8_t a[101], b[101];

    for (size_t n = 0; n <= 100; n++)
        for (int kind = 0; kind < 7; kind++) {
            float d;

            for (size_t i = 0; i < n; i++)
                x[i] = kind == 6 ? 0 : random_float();
            if (n > 0 && kind > 0 && kind < 6)
                x[random32() % n] = odd[kind - 1];
            a[n] = b[n] = 77;
            d = sov_kern_for("generic")->to_s8(x, a, n);
            for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
                const struct sov_kern *k = sov_kern_for(isas[i]);

                if (k == NULL)
                    continue;
                ck_assert(same(k->to_s8(x, b, n), d));
                ck_assert_mem_eq(a, b, n + 1);
            }
        }
}
END_TEST

/* ---- spans */

struct span {
    struct sov_page page;
    struct sov_attn_span a;
    unsigned char *pages;
    const unsigned char *page_at[SOV_SPAN_PAGES];
    int8_t q[ROWS_MAX * LEN_MAX];
    int8_t room[ROWS_MAX * LEN_MAX];
    float q_scale[ROWS_MAX];
    uint32_t first[ROWS_MAX], end[ROWS_MAX];
    float m[2][ROWS_MAX], s[2][ROWS_MAX], o[2][ROWS_MAX * LEN_MAX];
};

static void
lay(struct sov_page *p, size_t k_len, size_t v_len)
{
    *p = (struct sov_page){ .k_len = k_len, .v_len = v_len };
    p->k_pad = (k_len + 3) / 4 * 4;
    p->v_pad = (v_len + 15) / 16 * 16;
    p->k_scale = 64 * p->k_pad;
    p->v = p->k_scale + 256;
    p->v_scale = p->v + 64 * p->v_pad;
    p->bytes = p->v_scale + 256;
}

/* Scales are amax / 127: never less than 0, but maybe no number. */
static void
put_scale(unsigned char *p, bool wild)
{
    static const float odd[] = { NAN, INFINITY, 0, 1e-42f, 1e37f };
    float d = 0.002f + fabsf(random_float()) * 0.02f;

    if (wild && random32() % 8 == 0)
        d = odd[random32() % 5];
    memcpy(p, &d, sizeof(d));
}

static void
fill_pages(struct span *t, size_t n_pages, bool wild)
{
    t->pages = sov_mem_aligned(n_pages, t->page.bytes);
    for (size_t i = 0; i < n_pages; i++) {
        unsigned char *p = t->pages + i * t->page.bytes;

        for (size_t j = 0; j < t->page.k_scale; j++)
            p[j] = (unsigned char)(random32() % 255 + 1);
        for (size_t j = t->page.v; j < t->page.v_scale; j++)
            p[j] = (unsigned char)(int)(random32() % 255 - 127);
        for (size_t j = 0; j < 64; j++) {
            put_scale(p + t->page.k_scale + 4 * j, wild);
            put_scale(p + t->page.v_scale + 4 * j, wild);
        }
    }
}

/* kind 0: all rows see all keys, 1: as in a prompt, 2: windows, 3: anything */
static void
fill_rows(struct span *t, size_t n_pages, int kind, bool wild)
{
    uint32_t keys = (uint32_t)n_pages * SOV_PAGE_KEYS;

    for (size_t r = 0; r < t->a.n_rows; r++) {
        for (size_t d = 0; d < t->page.k_pad; d++)
            t->q[r * t->page.k_pad + d] = (int8_t)(random32() % 255 - 127);
        t->q_scale[r] = fabsf(random_float()) * 0.01f;
        if (wild && random32() % 8 == 0)
            t->q_scale[r] = random32() % 2 == 0 ? NAN : 1e30f;
        t->first[r] = 0;
        t->end[r] = keys;
        if (kind == 1 || kind == 2)
            t->end[r] = keys > t->a.n_rows - r ? keys + 1 + (uint32_t)r -
                                                     (uint32_t)t->a.n_rows
                                               : 1;
        if (kind == 2)
            t->first[r] = t->end[r] > 70 ? t->end[r] - 70 : 0;
        if (kind == 3) {
            t->first[r] = random32() % (keys + 1);
            t->end[r] = random32() % (keys + 1);
        }
    }
}

static void
run_span(struct span *t, const struct sov_kern *k, int to)
{
    t->a.m = t->m[to];
    t->a.s = t->s[to];
    t->a.o = t->o[to];
    k->attn_span(&t->a);
}

/* The same in two calls: the pages before number `cut`, and the others. */
static void
run_halves(struct span *t, const struct sov_kern *k, int to, size_t cut)
{
    uint32_t first[ROWS_MAX], end[ROWS_MAX];
    struct sov_attn_span a = t->a;
    uint32_t keys = (uint32_t)cut * SOV_PAGE_KEYS;

    a.m = t->m[to];
    a.s = t->s[to];
    a.o = t->o[to];
    a.n_pages = cut;
    k->attn_span(&a);
    for (size_t r = 0; r < a.n_rows; r++) {
        first[r] = t->first[r] > keys ? t->first[r] - keys : 0;
        end[r] = t->end[r] > keys ? t->end[r] - keys : 0;
    }
    a.first = first;
    a.end = end;
    a.pages += cut;
    a.n_pages = t->a.n_pages - cut;
    a.more = true;
    k->attn_span(&a);
}

/* Against double sums over the same bytes; weights of 8 bits in the way. */
static void
check_sums(const struct span *t)
{
    double e[SOV_SPAN_KEYS], x[SOV_SPAN_KEYS];

    for (size_t r = 0; r < t->a.n_rows; r++) {
        double top = -INFINITY;
        double sum = 0;

        for (size_t i = t->first[r]; i < t->end[r]; i++) {
            const unsigned char *p = t->page_at[i / 64];
            float d;

            x[i] = 0;
            for (size_t j = 0; j < t->page.k_pad; j++)
                x[i] += t->q[r * t->page.k_pad + j] *
                        (p[j / 4 * 256 + i % 64 * 4 + j % 4] - 128);
            memcpy(&d, p + t->page.k_scale + i % 64 * 4, sizeof(d));
            x[i] *= (double)d * (double)t->q_scale[r];
            if (t->a.cap > 0)
                x[i] = (double)t->a.cap *
                       tanh(x[i] * (double)t->a.cap_step * log(2) / 2);
            top = fmax(top, x[i]);
        }
        for (size_t i = t->first[r]; i < t->end[r]; i++)
            sum += e[i] = exp2(x[i] - top);
        ck_assert(fabs((double)t->s[0][r] *
                           exp2((double)t->m[0][r] - top) / sum - 1) < 1e-4);
        for (size_t j = 0; j < t->page.v_len; j++) {
            double want = 0;

            for (size_t i = t->first[r]; i < t->end[r]; i++) {
                const unsigned char *p = t->page_at[i / 64];
                float d;

                memcpy(&d, p + t->page.v_scale + i % 64 * 4, sizeof(d));
                want += e[i] * (double)d *
                        (int8_t)p[t->page.v + i % 64 / 4 * 4 * t->page.v_pad +
                                  4 * j + i % 4];
            }
            ck_assert(fabs(want - (double)t->o[0][r * t->page.v_pad + j]) <
                      0.01 * sum + 0.3);
        }
    }
}

static void
spans_agree(size_t k_len, size_t v_len, size_t n_rows, size_t n_pages,
            int kind, bool wild, bool cap)
{
    struct span *t = sov_mem_array(1, sizeof(*t));

    lay(&t->page, k_len, v_len);
    fill_pages(t, n_pages, wild);
    /* wherever they are: the last one first */
    for (size_t i = 0; i < n_pages; i++)
        t->page_at[i] = t->pages + (n_pages - 1 - i) * t->page.bytes;
    t->a = (struct sov_attn_span){ .page = &t->page, .pages = t->page_at,
                                   .n_pages = n_pages, .n_rows = n_rows,
                                   .q = t->q, .q_scale = t->q_scale,
                                   .first = t->first, .end = t->end,
                                   .room = t->room,
                                   .cap = cap ? 7 : 0, .cap_step = 0.4122f };
    fill_rows(t, n_pages, kind, wild);
    run_span(t, sov_kern_for("generic"), 0);
    if (!wild && kind < 3)
        check_sums(t);
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        memset(t->o[1], 0x55, sizeof(t->o[1]));
        run_span(t, k, 1);
        assert_same(t->m[0], t->m[1], n_rows, "m", isas[i]);
        assert_same(t->s[0], t->s[1], n_rows, "s", isas[i]);
        assert_same(t->o[0], t->o[1], n_rows * t->page.v_pad, "o", isas[i]);
        memset(t->o[1], 0x55, sizeof(t->o[1]));
        run_halves(t, k, 1, random32() % (n_pages + 1));
        assert_same(t->m[0], t->m[1], n_rows, "m of halves", isas[i]);
        assert_same(t->s[0], t->s[1], n_rows, "s of halves", isas[i]);
        assert_same(t->o[0], t->o[1], n_rows * t->page.v_pad, "o of halves",
                    isas[i]);
    }
    sov_mem_free_aligned(t->pages);
    free(t);
}

START_TEST(spans)
{
    static const size_t lens[][2] = {
        { 64, 64 }, { 128, 128 }, { 32, 48 }, { 80, 80 }, { 100, 96 },
        { 20, 24 }, { 192, 128 }, { 256, 256 }, { 576, 512 }, { 1, 1 },
    };
    bool wild = _i % 2 == 1;

    for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++)
        for (int kind = 0; kind < 4; kind++)
            spans_agree(lens[l][0], lens[l][1], random32() % ROWS_MAX + 1,
                        random32() % 5 + 1, kind, wild, _i >= 4);
    for (size_t n = 1; n <= ROWS_MAX; n++)
        spans_agree(64, 64, n, 1 + n % 3, (int)n % 4, wild, _i >= 4);
    spans_agree(64, 64, 4, SOV_SPAN_PAGES, 0, wild, _i >= 4);
}
END_TEST

START_TEST(sums_of_spans)
{
    static const float tops[] = { 0, 1.5f, -200, 200, -INFINITY, INFINITY,
                                  NAN };
    float o[3][64];

    for (size_t i = 0; i < 49; i++) {
        float m[2], s[2];

        for (size_t j = 0; j < 64; j++) {
            o[0][j] = random_float();
            o[2][j] = random_float();
        }
        for (size_t l = 0; l < sizeof(isas) / sizeof(isas[0]); l++) {
            const struct sov_kern *k = sov_kern_for(isas[l]);
            float was[64];

            if (k == NULL)
                continue;
            memcpy(was, o[0], sizeof(was));
            memcpy(o[1], o[0], sizeof(o[1]));
            m[0] = m[1] = tops[i % 7];
            s[0] = s[1] = 3;
            sov_kern_for("generic")->attn_add(&m[0], &s[0], o[0], tops[i / 7],
                                              2, o[2], 64);
            k->attn_add(&m[1], &s[1], o[1], tops[i / 7], 2, o[2], 64);
            assert_same(&m[0], &m[1], 1, "m of a sum", isas[l]);
            assert_same(&s[0], &s[1], 1, "s of a sum", isas[l]);
            assert_same(o[0], o[1], 64, "o of a sum", isas[l]);
            memcpy(o[0], was, sizeof(was));
        }
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("attention kernels");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, turns);
    tcase_add_test(tc, bytes);
    tcase_add_loop_test(tc, spans, 0, 8);
    tcase_add_test(tc, sums_of_spans);
    return unit_main("kern attn", tc);
}
