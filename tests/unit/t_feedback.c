/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_feedback.c - rounding with error feedback: the parts of blocks, the
 * kernels, the factor, and what all of it is worth
 */
#include "unit.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "calib/moments.h"
#include "compress/feedback_in.h"
#include "quant/codec.h"

#include <math.h>
#include <string.h>

static const char *const isas[] = { "avx2",       "avxvnni",    "avx512",
                                    "avx512vbmi", "avx512bf16", "neon" };

static uint64_t counter;

static double
uniform(void)
{
    uint32_t out[4];

    sov_rng_block(11, 3, counter++, out);
    return ((double)out[0] + 0.5) / 4294967296.0;
}

static float
normal(void)
{
    double r = sqrt(-2.0 * sov_log(uniform()));

    return (float)(r * sov_cos(6.283185307179586 * uniform()));
}

/* ---- blocks ---- */

static void
parts_fit(const struct sov_codec *c)
{
    const struct sov_type_info *info = sov_type_info((int)c->type);
    const struct sov_parts *p = c->parts;
    static unsigned char blocks[8192], back[8192];
    static float x[2048], y[2048];
    struct sov_apart a;

    ck_assert_int_eq(p->block, (int)info->block);
    for (size_t i = 0; i < 2048; i++)
        x[i] = normal();
    c->encode(x, NULL, blocks, 2048, 5);
    c->decode(blocks, y, 2048);
    memset(back, 0xa5, sizeof(back));
    for (size_t b = 0; b < 2048 / info->block; b++) {
        p->take(blocks + b * info->bytes, &a);
        for (int k = 0; k < p->block; k++) {
            int s = k / p->sub;
            float v = (a.d * a.sc[s]) * (float)a.level[k] - a.dmin * a.mn[s];

            ck_assert_msg(v == y[b * info->block + (size_t)k],
                          "%s: weight %d is %g, not %g", info->name, k,
                          (double)y[b * info->block + (size_t)k], (double)v);
            ck_assert(a.level[k] >= p->lo && a.level[k] <= p->hi);
        }
        p->put(&a, back + b * info->bytes);
    }
    /* a zero below 0 comes back as one above it */
    c->decode(back, x, 2048);
    for (size_t i = 0; i < 2048; i++)
        ck_assert_msg(x[i] == y[i], "%s: put together", info->name);
    ck_assert_msg(p->kind == LEVELS_FP4 ||
                      memcmp(blocks, back, 2048 / info->block * info->bytes) ==
                          0,
                  "%s: taken apart and put together", info->name);
}

START_TEST(blocks_come_apart)
{
    const struct sov_codec *c;
    int n = 0;

    for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++)
        if (c->parts != NULL) {
            parts_fit(c);
            n++;
        }
    ck_assert_int_ge(n, 18);
}
END_TEST

/* ---- kernels ---- */

static void
less_agrees(const struct sov_kern *k, size_t rows, size_t n_k, size_t n)
{
    static double p[9 * 40], v[40 * 80], y[9 * 80], z[9 * 80];

    for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
        p[i] = (double)normal();
    for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
        v[i] = (double)normal();
    for (size_t i = 0; i < sizeof(y) / sizeof(*y); i++)
        y[i] = z[i] = (double)normal();
    sov_kern_for("generic")->less_f64(p, 40, rows, v, 80, n_k, y, 80, n);
    k->less_f64(p, 40, rows, v, 80, n_k, z, 80, n);
    ck_assert_msg(memcmp(y, z, sizeof(y)) == 0, "%s: %zu %zu %zu", k->isa, rows,
                  n_k, n);
}

static void
fill_normal(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = normal();
}

struct lanes {
    float t[256 * 16], w[256 * 16], level[256 * 16], y[256 * 16];
    float step[256 * 16], loss[16], best[16];
};

static float m[256 * 256], weight[8 * 256], scale[5 * 16], min[5 * 16];

static void
run_round(const struct sov_kern *k, const struct sov_parts *p, int n,
          struct lanes *x)
{
    struct sov_fb_round a = {
        .parts = p,
        .tries = { 5, scale, min },
        .n = n,
        .w = x->w,
        .t = x->t,
        .weight = weight,
        .g = m,
        .stride = 256,
        .level = x->level,
        .y = x->y,
        .loss = x->loss,
        .best = x->best,
    };

    k->fb_round(&a);
    k->fb_spread(m, 256, (size_t)n, x->y, x->t, 251);
}

static void
run_descend(const struct sov_kern *k, const struct sov_parts *p, int n,
            struct lanes *x)
{
    struct sov_fb_descend a = {
        .parts = p,
        .tries = { 5, scale, min },
        .n = n,
        .passes = 2,
        .r = x->t,
        .h = m,
        .stride = 256,
        .inverse = weight,
        .level = x->level,
        .y = x->y,
        .step = x->step,
        .best = x->best,
    };

    k->fb_descend(&a);
}

static void
lanes_agree(const struct sov_kern *k, const struct sov_parts *p, int n)
{
    static struct lanes x, y;

    memset(&x, 0, sizeof(x));
    fill_normal(m, 256 * 256);
    fill_normal(scale, 5 * 16);
    fill_normal(min, 5 * 16);
    fill_normal(x.w, 256 * 16);
    fill_normal(x.t, 256 * 16);
    scale[3] = 0.0f;
    for (int i = 0; i < 256 * 256; i++)
        m[i] *= 0.1f;
    for (int i = 0; i < 256; i++) {
        m[257 * i] = 1.0f + m[257 * i] * m[257 * i];
        weight[i] = 1.0f / m[257 * i];
    }
    for (int i = 256; i < 8 * 256; i++)
        weight[i] = weight[i % 256] * 0.1f;
    y = x;
    run_round(sov_kern_for("generic"), p, n, &x);
    run_round(k, p, n, &y);
    ck_assert_msg(memcmp(&x, &y, sizeof(x)) == 0, "%s: round %d", k->isa, n);
    run_descend(sov_kern_for("generic"), p, n, &x);
    run_descend(k, p, n, &y);
    ck_assert_msg(memcmp(&x, &y, sizeof(x)) == 0, "%s: descend %d", k->isa, n);
}

START_TEST(kernels_agree)
{
    const struct sov_codec *c;

    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++) {
        const struct sov_kern *k = sov_kern_for(isas[i]);

        if (k == NULL)
            continue;
        for (size_t n = 0; n < 76; n++)
            less_agrees(k, n % 10, n * 7 % 41, n);
        for (size_t j = 0; (c = sov_codec_at(j)) != NULL; j++)
            if (c->parts != NULL)
                lanes_agree(k, c->parts, c->parts->sub);
    }
}
END_TEST

/* ---- inputs ---- */

/*
 * Tokens whose second moments have eigenvalues 1, 1/2, 1/3 ... in random
 * directions, and channels of uneven size.  with = 0: independent channels.
 */
static void
make_tokens(float *x, size_t n, size_t k, bool with)
{
    const struct sov_kern *kern = sov_kern();
    float root = 1.0f / sqrtf((float)k);
    uint64_t keep = counter;

    counter = 1u << 20; /* the same directions each time */
    float *sign = sov_mem_array(3 * k, sizeof(float));
    for (size_t i = 0; i < 2 * k; i++)
        sign[i] = uniform() < 0.5 ? -1.0f : 1.0f;
    for (size_t i = 0; i < k; i++)
        sign[2 * k + i] = (float)sov_exp(0.5 * (double)normal());
    counter = keep;
    for (size_t t = 0; t < n; t++, x += k) {
        for (size_t i = 0; i < k; i++)
            x[i] = normal() * (with ? 1.0f / sqrtf((float)(i + 1)) : 1.0f);
        for (int turn = 0; turn < 2 && with; turn++) {
            for (size_t i = 0; i < k; i++)
                x[i] *= sign[(size_t)turn * k + i];
            kern->turn(x, k, root);
        }
        for (size_t i = 0; i < k; i++)
            x[i] *= sign[2 * k + i];
    }
    free(sign);
}

static void
add_moments(struct sov_moment_sums *s, size_t k, const float *x)
{
    float *turned = sov_mem_array(512 * k, sizeof(float));

    for (size_t t = 0; t < 512; t++)
        for (size_t i = 0; i < k; i++)
            turned[i * 512 + t] = x[t * k + i];
    for (size_t t = 0; t < 512; t += 64)
        sov_kern()->mixes(turned + t, 512, k, x + t * k, k, 64, s->h, k, k);
    s->n += 512;
    free(turned);
}

static void
make_moments(struct sov_moments *mo, size_t k, size_t n_fit, size_t n_held,
             bool with)
{
    float *x = sov_mem_array(512 * k, sizeof(float));

    *mo = (struct sov_moments){ .k = k };
    mo->fit.h = sov_mem_array(k * k, sizeof(float));
    mo->held.h = sov_mem_array(k * k, sizeof(float));
    counter = 0;
    for (size_t i = 0; i < n_fit + n_held; i += 512) {
        make_tokens(x, 512, k, with);
        add_moments(i < n_fit ? &mo->fit : &mo->held, k, x);
    }
    free(x);
}

static void
free_moments(struct sov_moments *mo)
{
    free(mo->fit.h);
    free(mo->held.h);
}

START_TEST(the_factor_is_one)
{
    enum { K = 331 };
    struct sov_moments mo;
    struct sov_fb_factor f;
    struct sov_err err;
    double worst = 0;

    make_moments(&mo, 512, 1024, 0, true);
    for (size_t j = 0; j < K; j++) /* its first rows and columns */
        memmove(mo.fit.h + j * K, mo.fit.h + j * 512, K * sizeof(float));
    struct sov_fb_second s = {
        .n = K, .h = mo.fit.h, .scale = 1.0 / 1024, .damp = 1e-3
    };

    ck_assert_int_eq(sov_fb_factor_new(&f, &s, &err), 0);
    for (size_t j = 0; j < K; j++)
        for (size_t k = j; k < K; k++) {
            double sum = 0;

            for (size_t i = k; i < K; i++) {
                double a = i == j ? 1 : (double)f.g[sov_fb_factor_at(K, j, i)];
                double b = i == k ? 1 : (double)f.g[sov_fb_factor_at(K, k, i)];

                sum += a * b * (double)f.weight[i];
            }
            worst = fmax(worst, fabs(sum - sov_fb_second_at(&s, j, k)));
        }
    ck_assert_msg(worst < 1e-6, "off by %g", worst);
    sov_fb_factor_free(&f);
    free_moments(&mo);
}
END_TEST

/* ---- what it is worth ---- */

#define ROWS ((size_t)70)

/* Gaussian rows in that type; what is lost on held, of the plain encoder's. */
static double
ratio(const struct sov_moments *mo, enum sov_type type, double draw)
{
    struct sov_feedback_opts o = { .draw = draw };
    struct sov_feedback_loss loss = { 0 };
    struct sov_feedback *f;
    struct sov_err err;
    float *rows = sov_mem_array(ROWS * mo->k, sizeof(float));
    unsigned char *out = sov_mem_array(ROWS * mo->k, 8);

    counter = 77;
    fill_normal(rows, ROWS * mo->k);
    ck_assert_int_eq(sov_feedback_new(&f, mo, &o, &err), 0);
    ck_assert_int_eq(
        sov_feedback_encode(f, type, rows, 0, ROWS, out, &loss, &err), 0);
    ck_assert_uint_eq(loss.rows, ROWS);
    ck_assert(loss.now <= loss.plain);
    sov_feedback_free(f);
    free(rows);
    free(out);
    return loss.now / loss.plain;
}

START_TEST(feedback_pays)
{
    struct sov_moments mo;
    const struct sov_codec *c;

    make_moments(&mo, 512, 4096, 2048, true);
    for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++)
        if (c->parts != NULL) {
            double r = ratio(&mo, c->type, 0);

            ck_assert_msg(r < 0.55, "%s: %g", sov_type_info((int)c->type)->name,
                          r);
        }
    free_moments(&mo);
}
END_TEST

/* Inputs that do not go together: there is nothing to be had. */
START_TEST(nothing_for_nothing)
{
    struct sov_moments mo;
    double r;

    make_moments(&mo, 256, 4096, 2048, false);
    r = ratio(&mo, SOV_TYPE_Q4_K, -1);
    ck_assert_msg(r <= 1.0 && r > 0.85, "%g", r);
    free_moments(&mo);
}
END_TEST

/* Inputs that go with those beside them, in the same groups of weights. */
START_TEST(neighbours_help_each_other)
{
    static const enum sov_type types[] = { SOV_TYPE_Q4_K, SOV_TYPE_IQ3_S,
                                           SOV_TYPE_IQ2_XS, SOV_TYPE_IQ1_S };
    enum { K = 256 };
    float *x = sov_mem_array(512 * K, sizeof(float));
    struct sov_moments mo;

    make_moments(&mo, K, 0, 0, true);
    for (int i = 0; i < 6; i++) {
        for (size_t j = 0; j < 512 * K; j++)
            x[j] = normal() + (j % K == 0 ? 0.0f : 0.85f * x[j - 1]);
        add_moments(i < 4 ? &mo.fit : &mo.held, K, x);
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        double r = ratio(&mo, types[i], 0);

        ck_assert_msg(r < 0.55, "%s: %g", sov_type_info((int)types[i])->name,
                      r);
    }
    free_moments(&mo);
    free(x);
}
END_TEST

/* An expert that saw next to nothing learns from all of them. */
START_TEST(few_tokens_lean_on_many)
{
    struct sov_moments wide, mo;
    double alone, leaning;

    make_moments(&wide, 256, 4096, 0, true);
    make_moments(&mo, 256, 512, 2048, true);
    alone = ratio(&mo, SOV_TYPE_Q4_K, 0.9);
    mo.wide = &wide;
    leaning = ratio(&mo, SOV_TYPE_Q4_K, 0.9);
    ck_assert_msg(leaning < 0.7 * alone, "%g %g", leaning, alone);
    ck_assert(ratio(&mo, SOV_TYPE_Q4_K, -1) <= 1.0);
    free_moments(&mo);
    free_moments(&wide);
}
END_TEST

/* h[i][j] += the sum over tokens of a[i] b[j] */
static void
add_pairs(float *h, size_t k, const float *a, const float *b)
{
    for (size_t t = 0; t < 512; t++)
        for (size_t i = 0; i < k; i++)
            sov_kern()->axpy(a[t * k + i], b + t * k, h + i * k, k);
}

/* Inputs that are not what they were: some channels fainter, all noisy. */
static void
change_inputs(struct sov_moments *mo, size_t k)
{
    float *x = sov_mem_array(512 * k, sizeof(float));
    float *z = sov_mem_array(512 * 512, sizeof(float));

    for (int i = 0; i < 8; i++) {
        struct sov_moment_sums *to = i < 6 ? &mo->fit : &mo->held;

        make_tokens(z, 512, 512, true);
        for (size_t t = 0; t < 512; t++) /* the first k of each */
            memmove(z + t * k, z + t * 512, k * sizeof(float));
        for (size_t j = 0; j < 512 * k; j++) {
            x[j] = z[j] * (j % 3 == 0 ? 0.9f : 1.0f) + 0.02f * normal();
            z[j] -= x[j];
        }
        add_pairs(to->h, k, x, x);
        add_pairs(to->c, k, x, z);
        to->n += 512;
    }
    free(x);
    free(z);
}

START_TEST(changed_inputs_are_made_good)
{
    enum { K = 320, N = 40 };
    static const double mixes[] = { 0, 1, -1 };
    float *rows = sov_mem_array(N * K, sizeof(float));
    unsigned char *out = sov_mem_array(N * K, 2);
    struct sov_moments mo = { .k = K };
    double cost[3], plain = 0;
    struct sov_err err;

    mo.fit.h = sov_mem_array(K * K, sizeof(float));
    mo.fit.c = sov_mem_array(K * K, sizeof(float));
    mo.held.h = sov_mem_array(K * K, sizeof(float));
    mo.held.c = sov_mem_array(K * K, sizeof(float));
    counter = 0;
    change_inputs(&mo, K);
    fill_normal(rows, N * K);
    for (int i = 0; i < 3; i++) {
        struct sov_feedback_opts o = { .draw = 0,
                                       .mix = mixes[i],
                                       .type = SOV_TYPE_Q4_0,
                                       .rows = rows,
                                       .n_rows = N };
        struct sov_feedback_loss loss = { 0 };
        struct sov_feedback *f;

        ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), 0);
        ck_assert_int_eq(
            sov_feedback_encode(f, o.type, rows, 0, N, out, &loss, &err), 0);
        ck_assert(mixes[i] < 0 || sov_feedback_mix(f) == mixes[i]);
        cost[i] = loss.now;
        plain = loss.plain;
        sov_feedback_free(f);
    }
    /* what could not be changed is in all of them, and is below 0 here */
    ck_assert_msg(cost[1] < cost[0] && cost[0] < plain, "%g %g %g", cost[1],
                  cost[0], plain);
    ck_assert(cost[2] <= cost[1]);
    free(mo.fit.c);
    free(mo.held.c);
    free_moments(&mo);
    free(rows);
    free(out);
}
END_TEST

/* d' h d of all rows, d = a - b. */
static double
distance(const float *a, const float *b, const float *h, size_t n, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            sum += ((double)a[i * k + j] - (double)b[i * k + j]) *
                       (double)sov_kern()->dot_f32(h + j * k, a + i * k, k) -
                   ((double)a[i * k + j] - (double)b[i * k + j]) *
                       (double)sov_kern()->dot_f32(h + j * k, b + i * k, k);
    return sum;
}

/* What is lacking is v'x: rows become w + v, whatever their number. */
START_TEST(what_others_lost_is_made_good)
{
    enum { K = 256, N = 100, HALF = 36 };
    struct sov_feedback_opts o = { .draw = 0, .mix = 1 };
    size_t bytes = K / 256 * sov_type_info(SOV_TYPE_Q4_K)->bytes;
    float *rows = sov_mem_array(N * K, sizeof(float));
    float *want = sov_mem_array(N * K, sizeof(float));
    float *is = sov_mem_array(N * K, sizeof(float));
    unsigned char *a = sov_mem_array(N, bytes), *b = sov_mem_array(N, bytes);
    struct sov_feedback *f;
    struct sov_moments mo;
    struct sov_err err;
    double made, direct;

    make_moments(&mo, K, 4096, 0, true);
    fill_normal(rows, N * K);
    for (size_t i = 0; i < N * K; i++)
        want[i] = rows[i] + 0.3f * normal();
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), 0);
    ck_assert_int_eq(
        sov_feedback_encode(f, SOV_TYPE_Q4_K, want, 0, N, a, NULL, &err), 0);
    sov_feedback_free(f);
    sov_kern()->decode[SOV_TYPE_Q4_K](a, is, N * K);
    direct = distance(want, is, mo.fit.h, N, K);

    mo.out = N;
    mo.fit.c = sov_mem_array(K * K, sizeof(float));
    mo.fit.r = sov_mem_array(N * K, sizeof(float));
    for (size_t i = 0; i < N * K; i++)
        want[i] -= rows[i];
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < K; j++)
            mo.fit.r[i * K + j] =
                sov_kern()->dot_f32(mo.fit.h + j * K, want + i * K, K);
    for (size_t i = 0; i < N * K; i++)
        want[i] += rows[i];
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), 0);
    ck_assert_int_eq(
        sov_feedback_encode(f, SOV_TYPE_Q4_K, rows, 0, N, a, NULL, &err), 0);
    sov_kern()->decode[SOV_TYPE_Q4_K](a, is, N * K);
    made = distance(want, is, mo.fit.h, N, K);
    ck_assert_msg(made < 1.2 * direct, "%g %g", made, direct);
    ck_assert_msg(made < 0.1 * distance(want, rows, mo.fit.h, N, K), "%g",
                  made);

    ck_assert_int_eq(sov_feedback_encode(f, SOV_TYPE_Q4_K, rows + HALF * K,
                                         HALF, N - HALF, b, NULL, &err),
                     0);
    ck_assert_mem_eq(a + HALF * bytes, b, (N - HALF) * bytes);
    sov_feedback_free(f);
    free(mo.fit.c);
    free(mo.fit.r);
    free_moments(&mo);
    free(rows);
    free(want);
    free(is);
    free(a);
    free(b);
}
END_TEST

START_TEST(rows_do_not_know_of_each_other)
{
    enum { K = 768, N = 90 };
    static const enum sov_type types[] = { SOV_TYPE_Q4_K, SOV_TYPE_Q3_K,
                                           SOV_TYPE_Q5_1, SOV_TYPE_IQ4_XS };
    struct sov_feedback_opts o = { .draw = -1 };
    float *rows = sov_mem_array(N * K, sizeof(float));
    struct sov_feedback *f;
    struct sov_moments mo;
    struct sov_err err;

    make_moments(&mo, 1024, 512, 512, true);
    mo.k = K; /* some other numbers, still of inputs: add a large diagonal */
    for (size_t i = 0; i < K; i++)
        mo.fit.h[i * K + i] += 4e5f;
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < i; j++)
            mo.fit.h[i * K + j] = mo.fit.h[j * K + i];
    fill_normal(rows, N * K);
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), 0);
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        const struct sov_type_info *info = sov_type_info((int)types[t]);
        size_t bytes = K / info->block * info->bytes;
        unsigned char *a = sov_mem_array(N, bytes),
                      *b = sov_mem_array(N, bytes);

        ck_assert_int_eq(
            sov_feedback_encode(f, types[t], rows, 0, N, a, NULL, &err), 0);
        for (size_t i = 0; i < N; i += 37)
            ck_assert_int_eq(sov_feedback_encode(f, types[t], rows + i * K, i,
                                                 N - i < 37 ? N - i : 37,
                                                 b + i * bytes, NULL, &err),
                             0);
        ck_assert_msg(memcmp(a, b, N * bytes) == 0, "%s", info->name);
        free(a);
        free(b);
    }
    sov_feedback_free(f);
    free_moments(&mo);
    free(rows);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    struct sov_feedback_opts o = { .draw = 0 };
    struct sov_feedback *f;
    struct sov_moments mo;
    struct sov_err err;
    float rows[96] = { 0 };
    unsigned char out[96];

    make_moments(&mo, 128, 512, 0, true);
    mo.k = 96;
    mo.fit.h[5 * 97] = NAN;
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), SOV_EFORMAT);
    mo.fit.h[5 * 97] = 1.0f;
    mo.fit.h[3] = NAN;
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), SOV_EFORMAT);
    memset(mo.fit.h, 0, 96 * 96 * sizeof(float)); /* nothing ever came */
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), 0);
    ck_assert_int_eq(
        sov_feedback_encode(f, SOV_TYPE_Q4_K, rows, 0, 1, out, NULL, &err),
        SOV_EARG);
    ck_assert_int_eq(
        sov_feedback_encode(f, SOV_TYPE_F16, rows, 0, 1, out, NULL, &err),
        SOV_EARG);
    ck_assert_int_eq(
        sov_feedback_encode(f, SOV_TYPE_Q4_0, rows, 0, 1, out, NULL, &err), 0);
    sov_feedback_free(f);
    mo.fit.n = 0;
    ck_assert_int_eq(sov_feedback_new(&f, &mo, &o, &err), SOV_EARG);
    free_moments(&mo);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("feedback");

    tcase_add_test(tc, blocks_come_apart);
    tcase_add_test(tc, kernels_agree);
    tcase_add_test(tc, the_factor_is_one);
    tcase_add_test(tc, feedback_pays);
    tcase_add_test(tc, nothing_for_nothing);
    tcase_add_test(tc, neighbours_help_each_other);
    tcase_add_test(tc, few_tokens_lean_on_many);
    tcase_add_test(tc, changed_inputs_are_made_good);
    tcase_add_test(tc, what_others_lost_is_made_good);
    tcase_add_test(tc, rows_do_not_know_of_each_other);
    tcase_add_test(tc, what_cannot_be_is_refused);
    return unit_main("feedback", tc);
}
