/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_run.c - unit tests of lib/run: the same logits however they are asked
 * for, sampling, and text as it is made
 */
#include "tiny.h"

#include "sov/run.h"

#include <math.h>
#include <sys/wait.h>

#define N_IDS 70

static void
make_ids(int32_t ids[N_IDS])
{
    for (int i = 0; i < N_IDS; i++)
        ids[i] = (i * 37 + 11) % TINY_VOCAB;
}

/* ---- one digest, whatever the way */

struct way {
    const char *isa;
    unsigned threads;
    uint32_t batch; /* tokens of one pass */
    size_t step;    /* tokens of one call; 0: all at once */
    bool precise;
};

/* FNV-1a over the logits after each token, in order. */
static uint64_t
digest(const char *path, const struct way *way)
{
    struct sov_session_opts opts = { .precise = way->precise,
                                     .n_batch = way->batch,
                                     .n_logits = N_IDS };
    uint64_t h = UINT64_C(14695981039346656037);
    int32_t ids[N_IDS];
    sov_session *session;
    sov_model *model;
    struct sov_err err;
    size_t step = way->step != 0 ? way->step : N_IDS;
    size_t at, n;

    sov_set_threads(way->threads);
    make_ids(ids);
    if (sov_model_open(&model, path, SOV_ACCESS_MAP, &err) < 0 ||
        sov_session_open(&session, model, &opts, &err) < 0)
        return 0;
    for (at = 0; at < N_IDS; at += n) {
        n = N_IDS - at < step ? N_IDS - at : step;
        if (sov_session_eval(session, ids + at, n, SOV_LOGITS_ALL, &err) < 0)
            return 0;
        for (size_t i = 0; i < n * TINY_VOCAB; i++) {
            uint32_t u;

            memcpy(&u, sov_session_logits(session, 0) + i, 4);
            if ((u & 0x7f800000) == 0x7f800000)
                return 0; /* not a number: these models have none */
            h = (h ^ u) * UINT64_C(1099511628211);
        }
    }
    sov_session_close(session);
    sov_model_close(model);
    return h;
}

/* The same in a process of its own, since the instruction set is chosen once
 * in a process. */
static uint64_t
digest_apart(const char *path, const struct way *way)
{
    uint64_t h = 0;
    int ends[2];
    int status;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("SOV_ISA", way->isa, 1);
        h = digest(path, way);
        if (write(ends[1], &h, sizeof(h)) != (ssize_t)sizeof(h))
            _exit(1);
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &h, sizeof(h)), (ssize_t)sizeof(h));
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    return h;
}

static const struct way ways[] = {
    { "generic", 2, 256, 0, false }, { "avx2", 1, 256, 0, false },
    { "avx2", 3, 7, 0, false },      { "avx512", 1, 256, 0, false },
    { "avx512", 2, 1, 0, false },    { "avx512", 3, 64, 0, false },
    { "avx512", 2, 256, 1, false },  { "neon", 2, 5, 33, false },
    { "avx512vbmi", 2, 3, 0, false },
    { "avx512bf16", 2, 64, 0, false },
};

static const enum sov_type way_types[] = {
    SOV_TYPE_F32,  SOV_TYPE_F16,  SOV_TYPE_BF16, SOV_TYPE_Q8_0,
    SOV_TYPE_Q4_0, SOV_TYPE_Q4_K, SOV_TYPE_Q5_K, SOV_TYPE_Q6_K,
    SOV_TYPE_Q5_1, SOV_TYPE_IQ4_NL,
};

START_TEST(same_logits_every_way)
{
    struct tiny t = { .type = way_types[_i], .biases = _i % 2 == 0,
                      .fused = _i % 3 == 0, .rope_freqs = _i % 3 == 1 };
    const char *path = tiny_path();
    uint64_t want[2];
    size_t w;
    int precise;

    tiny_make(&t, path);
    for (precise = 0; precise < 2; precise++)
        for (w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
            struct way way = ways[w];
            uint64_t got;

            if (precise && w % 2 == 1)
                continue;
            way.precise = precise;
            got = digest_apart(path, &way);
            if (w == 0)
                want[precise] = got;
            ck_assert_msg(got != 0 && got == want[precise],
                          "%s, %u threads, batch %u, step %zu, precise %d",
                          way.isa, way.threads, way.batch, way.step, precise);
        }
    ck_assert(want[0] != want[1]);
    unlink(path);
}
END_TEST

/* ---- sessions */

static sov_session *
open_session(const sov_model *model, const struct sov_session_opts *opts)
{
    struct sov_err err;
    sov_session *session;

    ck_assert_msg(sov_session_open(&session, model, opts, &err) == 0, "%s",
                  err.msg);
    return session;
}

START_TEST(truncation_goes_back)
{
    struct tiny t = { .type = SOV_TYPE_Q4_K };
    sov_model *model = tiny_open(&t);
    sov_session *s = open_session(model, NULL);
    float first[TINY_VOCAB];
    int32_t ids[N_IDS];
    struct sov_err err;

    make_ids(ids);
    ck_assert_int_eq(sov_session_eval(s, ids, 20, SOV_LOGITS_LAST, &err), 0);
    memcpy(first, sov_session_logits(s, 0), sizeof(first));
    ck_assert_ptr_null(sov_session_logits(s, 1));
    ck_assert_int_eq(sov_session_eval(s, ids + 40, 30, SOV_LOGITS_NONE, &err),
                     0);
    ck_assert_ptr_null(sov_session_logits(s, 0));
    ck_assert_uint_eq(sov_session_pos(s), 50);
    sov_session_truncate(s, 60);
    ck_assert_uint_eq(sov_session_pos(s), 50);
    sov_session_truncate(s, 12);
    ck_assert_uint_eq(sov_session_pos(s), 12);
    ck_assert_int_eq(sov_session_eval(s, ids + 12, 8, SOV_LOGITS_LAST, &err),
                     0);
    ck_assert_mem_eq(first, sov_session_logits(s, 0), sizeof(first));
    sov_session_close(s);
    sov_model_close(model);
}
END_TEST

#define SEES_CTX 512

static void
see_eight(sov_meta *meta)
{
    struct sov_err err;

    ck_assert_int_eq(sov_meta_set_u32(meta, "llama.attention.sliding_window",
                                      8, &err),
                     0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "llama.context_length", SEES_CTX, &err), 0);
}

/* Layers that see 8 tokens keep 128 of 512, and know what they still have; a
 * block more stands for what they have not. */
START_TEST(windows_keep_little)
{
    struct tiny t = { .type = SOV_TYPE_F16, .change = see_eight };
    struct sov_session_opts opts = { .n_batch = 16, .kv = SOV_KV_F32 };
    sov_model *model = tiny_open(&t);
    struct sov_session_memory small, whole;
    float first[TINY_VOCAB];
    int32_t ids[SEES_CTX];
    struct sov_err err;
    sov_session *s;

    for (int i = 0; i < SEES_CTX; i++)
        ids[i] = i * 7 % TINY_VOCAB;
    ck_assert_int_eq(sov_session_measure(model, &opts, &small, &err), 0);
    opts.n_batch = SEES_CTX;
    ck_assert_int_eq(sov_session_measure(model, &opts, &whole, &err), 0);
    ck_assert_uint_eq(8 * small.kv, 3 * whole.kv);
    s = open_session(model, &opts);
    ck_assert_int_eq(sov_session_eval(s, ids, 500, SOV_LOGITS_LAST, &err), 0);
    memcpy(first, sov_session_logits(s, 0), sizeof(first));
    sov_session_close(s);

    opts.n_batch = 16;
    s = open_session(model, &opts);
    ck_assert_int_eq(sov_session_eval(s, ids, 500, SOV_LOGITS_LAST, &err), 0);
    ck_assert_mem_eq(first, sov_session_logits(s, 0), sizeof(first));
    sov_session_truncate(s, 398); /* needs what is from 391 on */
    ck_assert_uint_eq(sov_session_pos(s), 398);
    ck_assert_int_eq(
        sov_session_eval(s, ids + 398, 102, SOV_LOGITS_LAST, &err), 0);
    ck_assert_mem_eq(first, sov_session_logits(s, 0), sizeof(first));
    sov_session_truncate(s, 391); /* from 384 on */
    ck_assert_uint_eq(sov_session_pos(s), 391);
    ck_assert_int_eq(
        sov_session_eval(s, ids + 391, 109, SOV_LOGITS_LAST, &err), 0);
    ck_assert_mem_eq(first, sov_session_logits(s, 0), sizeof(first));
    sov_session_truncate(s, 390);
    ck_assert_uint_eq(sov_session_pos(s), 0);
    sov_session_close(s);
    sov_model_close(model);
}
END_TEST

START_TEST(wrong_tokens_are_refused)
{
    struct tiny t = { .type = SOV_TYPE_F16 };
    sov_model *model = tiny_open(&t);
    sov_session *s = open_session(model, NULL);
    int32_t ids[TINY_CTX + 1] = { 1, 2, 3 };
    struct sov_err err;

    ids[1] = TINY_VOCAB;
    ck_assert_int_eq(sov_session_eval(s, ids, 3, SOV_LOGITS_LAST, &err),
                     SOV_EARG);
    ids[1] = -1;
    ck_assert_int_eq(sov_session_eval(s, ids, 3, SOV_LOGITS_LAST, &err),
                     SOV_EARG);
    ids[1] = TINY_VOCAB - 1;
    ck_assert_uint_eq(sov_session_pos(s), 0);
    ck_assert_int_eq(sov_session_eval(s, ids, 3, SOV_LOGITS_ALL, &err),
                     SOV_EARG);
    ck_assert_int_eq(
        sov_session_eval(s, ids, TINY_CTX + 1, SOV_LOGITS_LAST, &err),
        SOV_EARG);
    ck_assert_int_eq(sov_session_eval(s, ids, TINY_CTX, SOV_LOGITS_LAST, &err),
                     0);
    ck_assert_int_eq(sov_session_eval(s, ids, 1, SOV_LOGITS_LAST, &err),
                     SOV_EARG);
    ck_assert_int_eq(sov_session_eval(s, ids, 0, SOV_LOGITS_LAST, &err), 0);
    sov_session_close(s);
    sov_model_close(model);
}
END_TEST

START_TEST(memory_is_counted_and_limited)
{
    struct tiny t = { .type = SOV_TYPE_F32 };
    sov_model *model = tiny_open(&t);
    struct sov_session_opts opts = { .n_ctx = 64, .precise = true };
    struct sov_session_memory mem;
    sov_session *s;
    struct sov_err err;

    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    /* two layers, keys and values, two heads of 64 */
    ck_assert_uint_eq(mem.kv, 2 * 2 * 64 * 2 * 64 * sizeof(float));
    opts.kv = SOV_KV_BF16;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    ck_assert_uint_eq(mem.kv, 2 * 2 * 64 * 2 * 64 * 2);
    /* a page of each head in each layer: keys, values, and their scales */
    opts.kv = SOV_KV_Q8;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    ck_assert_uint_eq(mem.kv, 2 * 2 * 64 * 2 * (64 + sizeof(float)));
    opts.kv = (enum sov_kv_form)77;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), SOV_EARG);
    opts.kv = SOV_KV_AUTO;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    ck_assert_uint_ge(mem.logits, TINY_VOCAB * sizeof(float));
    ck_assert_uint_eq(mem.total,
                      mem.weights + mem.kv + mem.work + mem.logits);
    opts.other = 1000;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    ck_assert_uint_eq(mem.other, 1000);
    ck_assert_uint_eq(mem.total,
                      mem.weights + mem.kv + mem.work + mem.logits + 1000);
    opts.max_memory = mem.total - 1;
    ck_assert_int_eq(sov_session_open(&s, model, &opts, &err), SOV_EMEM);
    ck_assert_ptr_null(s);
    opts.max_memory = mem.total;
    s = open_session(model, &opts);
    ck_assert_uint_eq(sov_session_ctx(s), 64);
    sov_session_close(s);
    opts = (struct sov_session_opts){ .n_ctx = UINT32_MAX };
    ck_assert_int_eq(sov_session_open(&s, model, &opts, &err), SOV_EARG);
    sov_model_close(model);
}
END_TEST

/* Weights that are not numbers, or far too large, do no harm. */
START_TEST(odd_weights_do_no_harm)
{
    static const float weights[] = { NAN, INFINITY, 1e38f, -INFINITY };
    int32_t ids[N_IDS];
    struct sov_err err;

    make_ids(ids);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 1; k < 7; k += 2) {
            struct tiny t = { .type = way_types[k],
                              .norm_weight = weights[i] };
            sov_model *model = tiny_open(&t);
            sov_session *s = open_session(model, NULL);

            ck_assert_int_eq(
                sov_session_eval(s, ids, 9, SOV_LOGITS_LAST, &err), 0);
            ck_assert_ptr_nonnull(sov_session_logits(s, 0));
            sov_session_close(s);
            sov_model_close(model);
        }
}
END_TEST

/* ---- sampling */

#define VOCAB 50

static void
make_logits(float logits[VOCAB])
{
    for (int i = 0; i < VOCAB; i++)
        logits[i] = 4.0f * sinf((float)i * 1.7f);
}

static sov_sampler *
new_sampler(float temp, uint32_t k, float p, float min_p, float penalty)
{
    struct sov_sampler_opts opts = { .temp = temp, .top_k = k, .top_p = p,
                                     .min_p = min_p, .repeat_last = 4,
                                     .repeat_penalty = penalty, .seed = 5 };
    sov_sampler *s;
    struct sov_err err;

    ck_assert_int_eq(sov_sampler_new(&s, &opts, VOCAB, &err), 0);
    return s;
}

/* How often each token comes in n draws. */
static void
count_draws(sov_sampler *s, const float *logits, int n, int count[VOCAB])
{
    memset(count, 0, VOCAB * sizeof(*count));
    for (int i = 0; i < n; i++) {
        int32_t id = sov_sample(s, logits, NULL, 0, (uint64_t)i);

        ck_assert_int_ge(id, 0);
        ck_assert_int_lt(id, VOCAB);
        ck_assert_int_eq(id, sov_sample(s, logits, NULL, 0, (uint64_t)i));
        count[id]++;
    }
}

/* p of each token by the plain rule, over those that are allowed */
static void
expect(const float *logits, double temp, const bool *allowed, double *p)
{
    double sum = 0;

    for (int i = 0; i < VOCAB; i++) {
        p[i] = allowed[i] ? exp((double)logits[i] / temp) : 0;
        sum += p[i];
    }
    for (int i = 0; i < VOCAB; i++)
        p[i] /= sum;
}

static void
assert_follows(sov_sampler *s, const float *logits, double temp,
               const bool *allowed)
{
    enum { N = 20000 };
    int count[VOCAB];
    double p[VOCAB];

    expect(logits, temp, allowed, p);
    count_draws(s, logits, N, count);
    for (int i = 0; i < VOCAB; i++) {
        ck_assert(allowed[i] || count[i] == 0);
        /* five standard deviations */
        ck_assert_msg(fabs(count[i] - N * p[i]) <= 5 * sqrt(N * p[i]) + 1,
                      "token %d: %d times for %g", i, count[i], N * p[i]);
    }
    sov_sampler_free(s);
}

/* How many tokens have a larger logit. */
static int
rank_of(const float *logits, int id)
{
    int n = 0;

    for (int i = 0; i < VOCAB; i++)
        n += logits[i] > logits[id];
    return n;
}

START_TEST(draws_follow_the_distribution)
{
    float logits[VOCAB];
    bool all[VOCAB], some[VOCAB];
    double p[VOCAB];

    make_logits(logits);
    memset(all, 1, sizeof(all));
    expect(logits, 1, all, p);
    assert_follows(new_sampler(1, 0, 1, 0, 1), logits, 1, all);
    assert_follows(new_sampler(2.5f, 0, 1, 0, 1), logits, 2.5, all);
    for (int i = 0; i < VOCAB; i++)
        some[i] = rank_of(logits, i) < 7;
    assert_follows(new_sampler(1.5f, 7, 1, 0, 1), logits, 1.5, some);
    for (int i = 0; i < VOCAB; i++) {
        double before = 0; /* all that is likelier */

        for (int j = 0; j < VOCAB; j++)
            before += logits[j] > logits[i] ? p[j] : 0;
        some[i] = before < 0.6;
    }
    assert_follows(new_sampler(1, 0, 0.6f, 0, 1), logits, 1, some);
    for (int i = 0; i < VOCAB; i++) {
        double top = 0;

        for (int j = 0; j < VOCAB; j++)
            top = p[j] > top ? p[j] : top;
        some[i] = p[i] >= 0.3 * top;
    }
    assert_follows(new_sampler(3, 0, 1, 0.3f, 1), logits, 3, some);
    /* all three: the narrowest of them decides */
    assert_follows(new_sampler(3, 40, 1, 0.3f, 1), logits, 3, some);
}
END_TEST

START_TEST(greedy_takes_the_best)
{
    float logits[VOCAB] = { 0 };
    sov_sampler *s = new_sampler(0, 0, 1, 0, 1);
    sov_sampler *p = new_sampler(0, 0, 1, 0, 2);
    int32_t history[] = { 7, 1, 2, 3, -1, 9 };

    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 0), 0); /* all equal */
    logits[9] = 3;
    logits[7] = 2;
    logits[12] = 2;
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), 9);
    /* 9 was said lately; 7 lies too far back to count */
    ck_assert_int_eq(sov_sample(p, logits, history, 6, 1), 7);
    logits[20] = NAN;
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), 9);
    logits[21] = INFINITY;
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), 21);
    for (int i = 0; i < VOCAB; i++)
        logits[i] = i % 2 ? NAN : -INFINITY;
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), -1);
    sov_sampler_free(s);
    sov_sampler_free(p);
    s = new_sampler(1, 0, 1, 0, 1);
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), -1);
    logits[3] = 1; /* nothing but this one, however a sum is rounded */
    for (uint64_t at = 0; at < 1000; at++)
        ck_assert_int_eq(sov_sample(s, logits, NULL, 0, at), 3);
    logits[3] = NAN;
    sov_sampler_free(s);
    s = new_sampler(1, 3, 0.5f, 0.1f, 1);
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), -1);
    logits[21] = INFINITY;
    ck_assert_int_eq(sov_sample(s, logits, NULL, 0, 1), 21);
    sov_sampler_free(s);
}
END_TEST

START_TEST(seeds_differ)
{
    struct sov_sampler_opts opts;
    float logits[VOCAB] = { 0 };
    sov_sampler *s[2];
    struct sov_err err;
    int same = 0;

    sov_sampler_defaults(&opts);
    for (int i = 0; i < 2; i++) {
        opts.seed = (uint64_t)i;
        ck_assert_int_eq(sov_sampler_new(&s[i], &opts, VOCAB, &err), 0);
    }
    for (uint64_t at = 0; at < 1000; at++)
        same += sov_sample(s[0], logits, NULL, 0, at) ==
                sov_sample(s[1], logits, NULL, 0, at);
    ck_assert_int_lt(same, 60); /* 20 by chance */
    sov_sampler_free(s[0]);
    sov_sampler_free(s[1]);
}
END_TEST

START_TEST(sampler_options_are_checked)
{
    static const struct sov_sampler_opts bad[] = {
        { .temp = -1, .top_p = 1, .repeat_penalty = 1 },
        { .temp = NAN, .top_p = 1, .repeat_penalty = 1 },
        { .temp = 1, .top_p = 0, .repeat_penalty = 1 },
        { .temp = 1, .top_p = 1.5f, .repeat_penalty = 1 },
        { .temp = 1, .top_p = 1, .min_p = -1, .repeat_penalty = 1 },
        { .temp = 1, .top_p = 1, .min_p = 2, .repeat_penalty = 1 },
        { .temp = 1, .top_p = 1, .repeat_penalty = 0 },
        { .temp = 1, .top_p = 1, .repeat_penalty = INFINITY },
    };
    sov_sampler *s;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(sov_sampler_new(&s, &bad[i], VOCAB, NULL), SOV_EARG);
}
END_TEST

/* ---- streams */

struct piece {
    const char *in;   /* NULL: the end */
    const char *show;
    bool stopped;
};

static void
assert_stream(const char *const *stops, size_t n_stops,
              const struct piece *piece, size_t n)
{
    sov_stream *s;
    struct sov_err err;
    struct sov_span show;
    bool stopped = false;

    ck_assert_int_eq(sov_stream_new(&s, stops, n_stops, &err), 0);
    for (size_t i = 0; i < n; i++) {
        if (piece[i].in != NULL)
            ck_assert_int_eq(sov_stream_put(s, piece[i].in,
                                            strlen(piece[i].in), &show,
                                            &stopped, &err), 0);
        else
            ck_assert_int_eq(sov_stream_end(s, &show, &err), 0);
        ck_assert_msg(show.len == strlen(piece[i].show) &&
                          (show.len == 0 ||
                           memcmp(show.p, piece[i].show, show.len) == 0),
                      "piece %zu: %zu bytes for '%s'", i, show.len,
                      piece[i].show);
        ck_assert_int_eq(stopped, piece[i].stopped);
    }
    sov_stream_free(s);
}

#define STREAM(stops, n_stops, ...) \
    do { \
        const struct piece piece_[] = { __VA_ARGS__ }; \
        assert_stream(stops, n_stops, piece_, \
                      sizeof(piece_) / sizeof(piece_[0])); \
    } while (0)

START_TEST(characters_come_whole)
{
    STREAM(NULL, 0, { "a", "a", false }, { "\xe2", "", false },
           { "\x82", "", false }, { "\xac" "b", "\xe2\x82\xac" "b", false },
           { "\xf0\x9f", "", false }, { "\x98\x80", "\xf0\x9f\x98\x80", false },
           { NULL, "", false });
    STREAM(NULL, 0, { "\xff", "\xef\xbf\xbd", false },
           { "\xe2\x28", "\xef\xbf\xbd(", false }, { "x\xc3", "x", false },
           { NULL, "\xef\xbf\xbd", false }, { NULL, "", false });
}
END_TEST

START_TEST(stop_strings_stop)
{
    static const char *const one[] = { "END" };
    static const char *const two[] = { "\n\n", "abac", "\xe2\x82\xac!" };
    static const char *const overlap[] = { "aab" };

    STREAM(one, 1, { "the E", "the ", false }, { "N", "", false },
           { "T", "ENT", false }, { "EN", "", false }, { "D more", "", true },
           { "text", "", true }, { NULL, "", true });
    STREAM(one, 1, { "x END y", "x ", true }, { NULL, "", true });
    STREAM(one, 1, { "x EN", "x ", false }, { NULL, "EN", false });
    STREAM(two, 3, { "ab", "", false }, { "ab", "ab", false },
           { "a", "", false }, { "c", "", true });
    STREAM(two, 3, { "p\n", "p", false }, { "q\n", "\nq", false },
           { "\n", "", true });
    STREAM(two, 3, { "\xe2\x82\xac", "", false },
           { "?", "\xe2\x82\xac?", false }, { "\xe2\x82", "", false },
           { "\xac", "", false }, { "!", "", true });
    STREAM(overlap, 1, { "a", "", false }, { "a", "", false },
           { "a", "a", false }, { "a", "a", false }, { "b", "", true });
}
END_TEST

START_TEST(an_empty_stop_is_refused)
{
    static const char *const empty[] = { "ok", "" };
    sov_stream *s;

    ck_assert_int_eq(sov_stream_new(&s, empty, 2, NULL), SOV_EARG);
    ck_assert_ptr_null(s);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("run");
    int n = (int)(sizeof(way_types) / sizeof(way_types[0]));

    tcase_add_loop_test(tc, same_logits_every_way, 0, n);
    tcase_add_test(tc, truncation_goes_back);
    tcase_add_test(tc, windows_keep_little);
    tcase_add_test(tc, wrong_tokens_are_refused);
    tcase_add_test(tc, memory_is_counted_and_limited);
    tcase_add_test(tc, odd_weights_do_no_harm);
    tcase_add_test(tc, draws_follow_the_distribution);
    tcase_add_test(tc, greedy_takes_the_best);
    tcase_add_test(tc, seeds_differ);
    tcase_add_test(tc, sampler_options_are_checked);
    tcase_add_test(tc, characters_come_whole);
    tcase_add_test(tc, stop_strings_stop);
    tcase_add_test(tc, an_empty_stop_is_refused);
    return unit_main("run", tc);
}
