/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_few.c - samples of a teacher: drawn without bias, coded without loss, and
 * whatever was done to a file of them is noticed
 */
#include "unit.h"

#include "base/le.h"
#include "base/mem.h"
#include "base/rng.h"
#include "distill/cache_in.h"
#include "sov/io.h"
#include "train/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define V       200
#define DRAWS   50
#define REPEATS 10000
#define TOKENS  1000 /* of the file: blocks, and a part of one */
#define TOP_K   12

static const char *const isas[] = { "generic", "avx2",       "avxvnni",
                                    "avx512",  "avx512vbmi", "avx512bf16",
                                    "neon" };

static uint64_t counter;

static double
random_unit(void)
{
    return sov_rng_unit(17, 4, counter++);
}

static void
random_logits(float *x, size_t n, double wide)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(wide * pow(random_unit(), 3));
}

static void
softmax(const float *x, size_t n, double *p)
{
    double sum = 0, top = -INFINITY;

    for (size_t i = 0; i < n; i++)
        top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < n; i++)
        sum += p[i] = exp((double)x[i] - top);
    for (size_t i = 0; i < n; i++)
        p[i] /= sum;
}

/* ---- drawing */

struct sample {
    int32_t id[SOV_FEW_MAX];
    uint32_t count[SOV_FEW_MAX];
    uint32_t n;
    float top;
};

static void
draw(struct sample *s, const struct sov_kern *k, const float *x, size_t n,
     uint32_t n_draws, uint64_t seed, uint64_t place)
{
    float *own = sov_mem_array(n, sizeof(*own));

    memcpy(own, x, n * sizeof(*own));
    s->n = sov_few_draw(k, own, n, n_draws, 1, seed, place, s->id, s->count,
                        &s->top);
    free(own);
}

START_TEST(draws_follow_the_distribution)
{
    float x[3000];
    double p[3000];
    struct sample one, other;

    for (uint64_t i = 0; i < 200; i++) {
        size_t n = i % 3 == 0 ? 3000 : i % 3 == 1 ? 256 : 60;
        uint32_t sum = 0;

        random_logits(x, n, i % 2 == 0 ? 12 : 3);
        softmax(x, n, p);
        draw(&one, sov_kern(), x, n, DRAWS, 5, i);
        ck_assert_uint_ge(one.n, 1);
        for (uint32_t j = 0; j < one.n; j++) {
            double off = one.count[j] - DRAWS * p[one.id[j]];

            ck_assert(j == 0 || one.id[j] > one.id[j - 1]);
            ck_assert(one.count[j] > 0 && fabs(off) < 1.001);
            sum += one.count[j];
        }
        ck_assert_uint_eq(sum, DRAWS);
        for (size_t k = 0; k < sizeof(isas) / sizeof(*isas); k++) {
            if (sov_kern_for(isas[k]) == NULL)
                continue;
            draw(&other, sov_kern_for(isas[k]), x, n, DRAWS, 5, i);
            ck_assert_uint_eq(one.n, other.n);
            ck_assert_mem_eq(one.id, other.id, one.n * sizeof(*one.id));
            ck_assert_mem_eq(one.count, other.count,
                             one.n * sizeof(*one.count));
            ck_assert(one.top == other.top);
        }
    }
}
END_TEST

START_TEST(what_cannot_be_drawn_from)
{
    float x[300];
    struct sample s;

    random_logits(x, 300, 5);
    x[7] = -INFINITY;
    draw(&s, sov_kern(), x, 300, DRAWS, 1, 1);
    ck_assert_uint_gt(s.n, 0);
    x[7] = NAN;
    draw(&s, sov_kern(), x, 300, DRAWS, 1, 1);
    ck_assert_uint_eq(s.n, 0);
    x[7] = INFINITY;
    draw(&s, sov_kern(), x, 300, DRAWS, 1, 1);
    ck_assert_uint_eq(s.n, 0);
    for (size_t i = 0; i < 300; i++)
        x[i] = i == 299 ? 3e38f : -3e38f;
    draw(&s, sov_kern(), x, 300, DRAWS, 1, 1);
    ck_assert(s.n == 1 && s.id[0] == 299 && s.count[0] == DRAWS);
}
END_TEST

/* ---- no bias */

/* The gradient of a student by a sample, and its loss. */
static double
gradient(const float *student, const struct sov_few *few, float *z)
{
    struct sov_loss loss;
    double value, ce;
    int32_t next = 0;
    struct sov_slab slab = { .n = 1,
                             .n_vocab = V,
                             .stride = V,
                             .next = &next,
                             .few = few,
                             .z = z,
                             .loss = &value,
                             .ce = &ce };

    ck_assert_int_eq(sov_loss_parse(&loss, "few", NULL), 0);
    memcpy(z, student, V * sizeof(*z));
    sov_loss_run(&loss, &slab);
    return value;
}

struct mean {
    double sum, square;
    double at; /* what it should be */
    size_t n;
};

static void
add(struct mean *m, double x)
{
    m->sum += x;
    m->square += x * x;
    m->n++;
}

/* Distance from where it should be, in standard errors of so many samples. */
static double
sigmas(const struct mean *m, double spread)
{
    double off = m->sum / (double)m->n - m->at;

    return fabs(off) / (spread / sqrt((double)m->n) + 1e-12);
}

static double
spread_of(const struct mean *m)
{
    double mean = m->sum / (double)m->n;

    return sqrt(fmax(0, m->square / (double)m->n - mean * mean));
}

enum { LOSS, ALONG, TAIL, MEANS };

/* What a gradient is judged by: its loss, what it does along the full one, and
 * what it does to the tokens that are not among the likeliest. */
static void
judge(struct mean *m, double loss, const float *z, const double *full,
      const bool *tail)
{
    double along = 0, rest = 0;

    for (size_t i = 0; i < V; i++) {
        along += (double)z[i] * full[i];
        rest += tail[i] ? (double)z[i] : 0;
    }
    add(&m[LOSS], loss);
    add(&m[ALONG], along);
    add(&m[TAIL], rest);
}

static void
find_tail(const double *p, bool *tail)
{
    for (size_t i = 0; i < V; i++) {
        size_t above = 0;

        for (size_t j = 0; j < V; j++)
            above += p[j] > p[i];
        tail[i] = above >= TOP_K;
    }
}

/* The likeliest tokens alone, as others keep them: what is left is dropped. */
static void
keep_top(const double *p, const bool *tail, struct sample *s)
{
    s->n = 0;
    for (size_t i = 0; i < V; i++)
        if (!tail[i]) {
            s->id[s->n] = (int32_t)i;
            s->count[s->n++] = (uint32_t)(p[i] * 1e6);
        }
}

START_TEST(samples_are_not_biased_and_the_likeliest_are)
{
    struct mean drawn[MEANS] = { 0 }, top[MEANS] = { 0 };
    double p[V], q[V], full[V], at[MEANS] = { 0 };
    float teacher[V], student[V], z[V];
    struct sample s;
    bool tail[V];

    random_logits(teacher, V, 8);
    random_logits(student, V, 8);
    softmax(teacher, V, p);
    softmax(student, V, q);
    find_tail(p, tail);
    for (size_t i = 0; i < V; i++) {
        full[i] = q[i] - p[i];
        at[LOSS] -= p[i] * log(q[i]);
        at[ALONG] += full[i] * full[i];
        at[TAIL] += tail[i] ? full[i] : 0;
    }
    for (uint64_t i = 0; i < REPEATS; i++) {
        struct sov_few few = { 0, s.id, s.count };

        draw(&s, sov_kern(), teacher, V, DRAWS, 77, i);
        few.n = s.n;
        judge(drawn, gradient(student, &few, z), z, full, tail);
    }
    for (size_t i = 0; i < REPEATS; i++) {
        struct sov_few few = { 0, s.id, s.count };

        if (i == 0)
            keep_top(p, tail, &s);
        few.n = s.n;
        judge(top, gradient(student, &few, z), z, full, tail);
    }
    for (int i = 0; i < MEANS; i++) {
        double spread = spread_of(&drawn[i]);

        drawn[i].at = top[i].at = at[i];
        ck_assert_msg(sigmas(&drawn[i], spread) < 3, "%d: %g sigma", i,
                      sigmas(&drawn[i], spread));
        ck_assert_msg(sigmas(&top[i], spread) > 3, "%d: %g sigma", i,
                      sigmas(&top[i], spread));
    }
}
END_TEST

/* ---- coding */

struct lists {
    struct sov_few_list given, back;
};

static void
new_list(struct sov_few_list *l, size_t n)
{
    *l = (struct sov_few_list){ 0 };
    l->size = sov_mem_array(n, 1);
    l->top = sov_mem_array(n, 1);
    l->id = sov_mem_array(n * SOV_FEW_MAX, sizeof(*l->id));
    l->count = sov_mem_array(n * SOV_FEW_MAX, sizeof(*l->count));
}

static void
free_list(struct sov_few_list *l)
{
    free(l->size);
    free(l->top);
    free(l->id);
    free(l->count);
}

/* Any sample at all: k of v tokens, and counts that add up. */
static void
any_sample(struct sample *s, uint32_t v, uint32_t n_draws)
{
    uint32_t k = 1 + (uint32_t)(random_unit() * n_draws), left = n_draws;
    uint32_t seen = 0;

    k = k > n_draws ? n_draws : k;
    s->n = 0;
    for (uint32_t i = 0; i < v && s->n < k; i++)
        if (random_unit() * (v - i) < k - s->n)
            s->id[s->n++] = (int32_t)i;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t most = left - (s->n - i - 1);

        s->count[i] =
            i + 1 == s->n
                ? left
                : 1 + (uint32_t)(random_unit() * random_unit() * most);
        left -= s->count[i];
        seen += s->count[i];
    }
    ck_assert_uint_eq(seen, n_draws);
    s->top = (float)random_unit();
}

static void
add_sample(const struct sov_few_model *m, struct sov_few_list *l,
           const struct sample *s)
{
    memcpy(l->id + l->n_ids, s->id, s->n * sizeof(*s->id));
    memcpy(l->count + l->n_ids, s->count, s->n * sizeof(*s->count));
    l->n_ids += s->n;
    l->top[l->n] = m != NULL ? sov_few_top(m, s->count, s->n, s->top) : 0;
    l->size[l->n++] = (uint8_t)s->n;
}

static void
check_list(const struct sov_few_list *l, uint32_t v, uint32_t n_draws)
{
    size_t at = 0;

    for (size_t i = 0; i < l->n; i++) {
        uint32_t sum = 0;

        ck_assert(l->size[i] > 0 && l->size[i] <= n_draws);
        for (uint32_t j = 0; j < l->size[i]; j++) {
            ck_assert(l->id[at + j] >= 0 && (uint32_t)l->id[at + j] < v);
            ck_assert(j == 0 || l->id[at + j] > l->id[at + j - 1]);
            ck_assert(l->count[at + j] > 0);
            sum += l->count[at + j];
        }
        ck_assert_uint_eq(sum, n_draws);
        at += l->size[i];
    }
    ck_assert_uint_eq(at, l->n_ids);
}

static void
check_code(uint32_t v, uint32_t n_draws, size_t n)
{
    struct sov_few_model m = { .n_draws = n_draws };
    uint8_t *shares = sov_mem_array(v, 1);
    struct sov_buf b = { 0 };
    struct lists l;
    struct sample s;

    new_list(&l.given, n);
    new_list(&l.back, n);
    for (size_t i = 0; i < n; i++) {
        any_sample(&s, v, n_draws);
        add_sample(&m, &l.given, &s);
    }
    ck_assert_int_eq(sov_few_learn(&m, &l.given, v, n_draws, shares, NULL), 0);
    ck_assert(sov_few_model_sane(&m));
    sov_few_encode(&m, &l.given, 0, n, 0, &b);
    ck_assert(!b.bad);
    ck_assert(
        sov_few_decode(&m, (struct sov_span){ b.p, b.len }, n, true, &l.back));
    ck_assert_uint_eq(l.given.n_ids, l.back.n_ids);
    ck_assert_mem_eq(l.given.size, l.back.size, n);
    ck_assert_mem_eq(l.given.top, l.back.top, n);
    ck_assert_mem_eq(l.given.id, l.back.id, l.given.n_ids * sizeof(int32_t));
    ck_assert_mem_eq(l.given.count, l.back.count,
                     l.given.n_ids * sizeof(uint32_t));
    for (size_t cut = 0; cut < b.len; cut += 1 + cut / 8) {
        l.back.n = l.back.n_ids = 0;
        ck_assert(!sov_few_decode(&m, (struct sov_span){ b.p, cut }, n, true,
                                  &l.back));
    }
    for (size_t i = 1; i < b.len; i += 1 + b.len / 97) {
        b.p[i] ^= (unsigned char)(1u << i % 8);
        l.back.n = l.back.n_ids = 0;
        if (sov_few_decode(&m, (struct sov_span){ b.p, b.len }, n, true,
                           &l.back))
            check_list(&l.back, v, n_draws);
    }
    sov_buf_free(&b);
    free_list(&l.given);
    free_list(&l.back);
    free(shares);
}

START_TEST(coding_loses_nothing)
{
    static const uint32_t sizes[] = { 120, 121, 1000, 4096, 151936 };

    check_code(2, 1, 5);
    check_code(2, 2, 5);
    check_code(50, 50, 40);
    for (size_t i = 0; i < 5; i++) {
        check_code(sizes[i], 1, 20);
        check_code(sizes[i], 50, 300);
        check_code(sizes[i], SOV_FEW_MAX, 100);
    }
}
END_TEST

/* ---- files */

static struct sov_few_about
about_it(void)
{
    struct sov_few_about a = {
        .n_tokens = TOKENS,
        .seed = 9,
        .n_ctx = 64,
        .n_vocab = V,
        .n_draws = DRAWS,
        .temp = 1,
    };

    memset(a.teacher, 1, sizeof(a.teacher));
    memset(a.tokenizer, 2, sizeof(a.tokenizer));
    memset(a.text, 3, sizeof(a.text));
    return a;
}

static struct sample wrote[TOKENS];

static const char *
file_name(void)
{
    static char name[64];

    snprintf(name, sizeof(name), "few-%ld.few", (long)getpid());
    return name;
}

static void
write_file(const struct sov_few_about *a, const char *path)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    struct sov_err err = { 0 };
    sov_few_writer *w;
    sov_sink *sink;
    float x[V];

    counter = 1000;
    ck_assert_int_eq(sov_sink_open(&sink, path, &opts, &err), 0);
    ck_assert_msg(sov_few_writer_new(&w, sink, a, &err) == 0, "%s", err.msg);
    for (uint64_t i = 0; i < a->n_tokens; i++) {
        struct sov_few few = { 0, wrote[i].id, wrote[i].count };

        random_logits(x, V, 3 + 10 * random_unit());
        draw(&wrote[i], sov_kern(), x, V, DRAWS, a->seed, i);
        few.n = wrote[i].n;
        ck_assert_msg(sov_few_writer_add(w, &few, wrote[i].top, &err) == 0,
                      "%s", err.msg);
    }
    ck_assert_msg(sov_few_writer_end(w, &err) == 0, "%s", err.msg);
    sov_few_writer_free(w);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
}

static void
check_read(sov_few_cache *c, uint64_t at, size_t n)
{
    static struct sov_few few[TOKENS];
    static float top[TOKENS];
    struct sov_err err = { 0 };

    ck_assert_msg(sov_few_read(c, at, n, few, top, &err) == 0, "%s", err.msg);
    for (size_t i = 0; i < n; i++) {
        const struct sample *s = &wrote[at + i];

        ck_assert_uint_eq(few[i].n, s->n);
        ck_assert_mem_eq(few[i].id, s->id, s->n * sizeof(*s->id));
        ck_assert_mem_eq(few[i].count, s->count, s->n * sizeof(*s->count));
        ck_assert_msg(fabsf(top[i] - s->top) <= 0.5f / 255 + 1e-6f, "%g %g",
                      (double)top[i], (double)s->top);
    }
}

START_TEST(files_are_read_at_any_place)
{
    struct sov_few_about a = about_it();
    sov_few_cache *c;
    struct sov_err err = { 0 };

    write_file(&a, file_name());
    ck_assert_msg(sov_few_open(&c, file_name(), &err) == 0, "%s", err.msg);
    unlink(file_name());
    ck_assert_int_eq(sov_few_match(c, &a, &err), 0);
    ck_assert_uint_eq(sov_few_about(c)->seed, 9);
    ck_assert_uint_lt(sov_few_size(c), TOKENS * 36);
    check_read(c, 0, TOKENS);
    check_read(c, 0, 1);
    check_read(c, TOKENS - 1, 1);
    check_read(c, 255, 2);
    check_read(c, 256, 256);
    check_read(c, 300, 0);
    check_read(c, TOKENS, 0);
    for (int i = 0; i < 50; i++) {
        uint64_t at = (uint64_t)(random_unit() * TOKENS);

        check_read(c, at, (size_t)(random_unit() * (double)(TOKENS - at)));
    }
    ck_assert_int_eq(sov_few_read(c, TOKENS, 1, NULL, NULL, &err), SOV_EARG);
    ck_assert_int_eq(sov_few_read(c, UINT64_MAX, 2, NULL, NULL, &err),
                     SOV_EARG);
    sov_few_close(c);
}
END_TEST

/* The file's bytes. */
static unsigned char *
slurp(size_t *len)
{
    char *text;
    struct sov_few_about a = about_it();

    write_file(&a, file_name());
    ck_assert_int_eq(sov_read_whole(file_name(), 1 << 20, &text, len, NULL), 0);
    unlink(file_name());
    return (unsigned char *)text;
}

/* Is all of it taken for good? */
static bool
is_good(const unsigned char *p, size_t len)
{
    static struct sov_few few[TOKENS];
    struct sov_few_cache c = { .file = { .fd = -1 } };
    bool good = sov_few_parse(&c, p, len, NULL) == 0 &&
                c.about.n_tokens == TOKENS &&
                sov_few_read(&c, 0, TOKENS, few, NULL, NULL) == 0;

    sov_few_drop(&c);
    return good;
}

START_TEST(damage_is_noticed)
{
    size_t len;
    unsigned char *p = slurp(&len);

    ck_assert(is_good(p, len));
    for (size_t i = 0; i < len; i++)
        if (i % 7 == 0 || i < 600 || i > len - 200)
            ck_assert_msg(!is_good(p, i), "cut to %zu", i);
    for (size_t i = 0; i < len; i++) {
        if (i >= 600 && i <= len - 200 && i % 5 != 0)
            continue;
        p[i] ^= (unsigned char)(1u << i % 8);
        ck_assert_msg(!is_good(p, len), "byte %zu", i);
        p[i] ^= (unsigned char)(1u << i % 8);
    }
    ck_assert(is_good(p, len));
    free(p);
}
END_TEST

/* Two blocks in each other's place, each as it was. */
START_TEST(order_is_noticed)
{
    struct sov_few_cache c = { .file = { .fd = -1 } };
    unsigned char *other, *p;
    size_t len, begin, one, two;

    p = slurp(&len);
    other = sov_mem_array(len, 1);
    ck_assert_int_eq(sov_few_parse(&c, p, len, NULL), 0);
    begin = (size_t)c.begin;
    one = (size_t)sov_le64(p + c.index) - begin;
    two = (size_t)sov_le64(p + c.index + 8) - begin - one;
    memcpy(other, p, len);
    memcpy(other + begin, p + begin + one, two);
    memcpy(other + begin + two, p + begin, one);
    sov_put64(other + c.index, begin + two);
    sov_few_sum(c.hash, c.sum, NULL, other + c.index, len - c.index - 16,
                other + len - 16);
    sov_few_drop(&c);
    ck_assert(!is_good(other, len));
    free(other);
    free(p);
}
END_TEST

static void
refused(const sov_few_cache *c, const struct sov_few_about *want,
        const char *word)
{
    struct sov_err err = { 0 };

    ck_assert_int_eq(sov_few_match(c, want, &err), SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, word) != NULL, "%s", err.msg);
}

START_TEST(another_teacher_or_text_is_refused)
{
    struct sov_few_about a = about_it(), want = a;
    struct sov_err err = { 0 };
    sov_few_cache *c;

    write_file(&a, file_name());
    ck_assert_int_eq(sov_few_open(&c, file_name(), &err), 0);
    unlink(file_name());
    ck_assert_int_eq(sov_few_match(c, &want, &err), 0);
    want.teacher[3] = 9;
    refused(c, &want,
            "another teacher: 0101010101010101..., and this is "
            "0101010901010101");
    memset(want.teacher, 0, sizeof(want.teacher));
    want.seed = want.n_draws = 0;
    want.n_vocab++;
    ck_assert_int_eq(sov_few_match(c, &want, &err), 0);
    want.tokenizer[31] = 9;
    refused(c, &want, "another tokenizer: 02");
    want = a;
    want.text[0] = 9;
    refused(c, &want, "another text: 03");
    want = a;
    want.n_tokens++;
    refused(c, &want, "1000, and not of 1001");
    want = a;
    want.n_ctx = 32;
    refused(c, &want, "64, and not of 32");
    want = a;
    want.apart = true;
    refused(c, &want, "document");
    want = a;
    want.temp = 2;
    refused(c, &want, "temperature");
    want = a;
    want.n_vocab--;
    refused(c, &want, "student has 199");
    want = a;
    want.seed = 8;
    refused(c, &want, "seed");
    sov_few_close(c);
    ck_assert_int_eq(sov_few_open(&c, "/nonexistent.few", &err), SOV_EIO);
    ck_assert_ptr_null(c);
}
END_TEST

static int
take_nothing(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    (void)arg;
    (void)buf;
    (void)len;
    (void)err;
    return 0;
}

START_TEST(what_is_no_sample_is_not_written)
{
    static const struct {
        int32_t id[2];
        uint32_t count[2];
        uint32_t n;
    } bad[] = {
        { { 0, 0 }, { 0, 0 }, 0 },    { { 3, 3 }, { 25, 25 }, 2 },
        { { 4, 3 }, { 25, 25 }, 2 },  { { 3, V }, { 25, 25 }, 2 },
        { { -1, 3 }, { 25, 25 }, 2 }, { { 3, 4 }, { 50, 0 }, 2 },
        { { 3, 4 }, { 25, 26 }, 2 },  { { 3, 4 }, { 25, 24 }, 2 },
    };
    struct sov_few_about a = about_it();
    sov_few_writer *w;
    sov_sink *sink;

    ck_assert_int_eq(sov_sink_call(&sink, "nowhere", take_nothing, NULL, NULL),
                     0);
    ck_assert_int_eq(sov_few_writer_new(&w, sink, &a, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct sov_few few = { bad[i].n, bad[i].id, bad[i].count };

        ck_assert_int_eq(sov_few_writer_add(w, &few, 0.5f, NULL), SOV_EARG);
    }
    ck_assert_int_eq(sov_few_writer_end(w, NULL), SOV_EARG);
    sov_few_writer_free(w);
    a.n_draws = SOV_FEW_MAX + 1;
    ck_assert_int_eq(sov_few_writer_new(&w, sink, &a, NULL), SOV_EARG);
    ck_assert_ptr_null(w);
    a.n_draws = V + 1;
    ck_assert_int_eq(sov_few_writer_new(&w, sink, &a, NULL), SOV_EARG);
    sov_sink_abort(sink);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("few");

    tcase_add_test(tc, draws_follow_the_distribution);
    tcase_add_test(tc, what_cannot_be_drawn_from);
    tcase_add_test(tc, samples_are_not_biased_and_the_likeliest_are);
    tcase_add_test(tc, coding_loses_nothing);
    tcase_add_test(tc, files_are_read_at_any_place);
    tcase_add_test(tc, damage_is_noticed);
    tcase_add_test(tc, order_is_noticed);
    tcase_add_test(tc, another_teacher_or_text_is_refused);
    tcase_add_test(tc, what_is_no_sample_is_not_written);
    return unit_main("few", tc);
}
