/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_train.c - how fast whole steps of training are
 *
 *   bench_train [-t THREADS] [-n STEPS] [-r] [SHAPE[:TYPE]...]
 *
 * SHAPE is tale (5.8 million parameters, context 256, 32 sequences) or llmc
 * (7.2 million, 8 sequences), TYPE f32 or bf16; all of them if none is named.
 * A step is its units, their exact sums, and AdamW.  A line for each:
 *
 *   tale f32   3900 tokens/s  144 GFLOP/s  62 % of 234 (units 97 %)
 *
 * the best of STEPS steps after one that is not counted; the peak is that of
 * fma, or of the bf16 dot instruction, measured here.  -r: layers are computed
 * twice, to save memory (which counts as time, not as work).
 */
#include "base/mem.h"
#include "sov/base.h"
#include "sov/machine.h"
#include "train/optim.h"
#include "train/sum.h"
#include "train/trainee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct setting {
    const char *name;
    struct sov_shape shape;
    size_t n_seq; /* of a step */
} settings[] = {
    { "tale",
      { .arch = "llama",
        .n_layer = 6,
        .n_embd = 256,
        .n_head = 8,
        .n_head_kv = 4,
        .n_ff = 768,
        .n_vocab = 4096,
        .n_ctx = 256,
        .tied = true },
      32 },
    { "llmc",
      { .arch = "llama",
        .n_layer = 6,
        .n_embd = 288,
        .n_head = 6,
        .n_ff = 768,
        .n_vocab = 4096,
        .n_ctx = 256,
        .tied = true },
      8 },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static size_t n_steps = 4;
static bool twice;

struct bench {
    const struct setting *setting;
    sov_trainee *t;
    struct sov_loss loss;
    struct sov_optim optim;
    size_t unit;   /* tokens */
    size_t *first; /* of its sequences */
    int32_t *ids;  /* of a step, and one more */
    float *grad;
    int64_t *sum;
    float *state[4];
    double in_units; /* seconds */
};

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
optimise(struct bench *b, uint64_t step, struct sov_err *err)
{
    struct sov_optim_step s = {
        .k = sov_kern(),
        .w = sov_trainee_weights(b->t),
        .grad = b->grad,
        .state = b->state,
        .step = step,
        .rate = 1,
    };
    size_t tokens = b->setting->n_seq * b->setting->shape.n_ctx;

    s.n_param = sov_trainee_tensors(b->t, &s.param);
    sov_fix_get(s.k, b->sum, 1 / (double)tokens, b->grad,
                (size_t)sov_trainee_count(b->t));
    return sov_optim_run(&b->optim, &s, err);
}

static int
one_step(struct bench *b, uint64_t step, struct sov_err *err)
{
    size_t n_ctx = b->setting->shape.n_ctx, at = 0;
    size_t count = (size_t)sov_trainee_count(b->t);
    double from = seconds();
    int rc = 0;

    memset(b->sum, 0, count * sizeof(*b->sum));
    b->in_units = 0;
    while (at < b->setting->n_seq * n_ctx && rc == 0) {
        struct sov_unit unit = { .n_seq = b->unit / n_ctx,
                                 .first = b->first,
                                 .ids = b->ids + at,
                                 .next = b->ids + at + 1 };
        struct sov_tally tally;

        from = seconds();
        rc = sov_trainee_unit(b->t, &unit, &b->loss, b->grad, &tally, err);
        b->in_units += seconds() - from;
        if (rc == 0)
            rc = sov_fix_add(sov_kern(), b->sum, b->grad, count, err);
        at += b->unit;
    }
    return rc == 0 ? optimise(b, step, err) : rc;
}

static int
begin(struct bench *b, enum sov_mul_kind mul, struct sov_err *err)
{
    const struct sov_trainee_opts opts = { .mul = mul, .recompute = twice };
    const struct sov_shape *s = &b->setting->shape;
    size_t tokens = b->setting->n_seq * s->n_ctx, count;
    int rc = sov_trainee_new(&b->t, s, &opts, err);

    if (rc == 0)
        rc = sov_loss_parse(&b->loss, "ce", err);
    if (rc == 0)
        rc = sov_optim_find(&b->optim, "adamw", err);
    if (rc < 0)
        return rc;
    count = (size_t)sov_trainee_count(b->t);
    b->unit = sov_shape_unit(s);
    b->first = sov_mem_array(b->unit / s->n_ctx + 1, sizeof(*b->first));
    b->ids = sov_mem_array(tokens + 1, sizeof(*b->ids));
    b->grad = sov_mem_aligned(count, sizeof(*b->grad));
    b->sum = sov_mem_aligned(count, sizeof(*b->sum));
    for (size_t i = 0; i < sov_optim_arrays(&b->optim); i++)
        b->state[i] = sov_mem_aligned(count, sizeof(float));
    for (size_t i = 0; i <= b->unit / s->n_ctx; i++)
        b->first[i] = i * s->n_ctx;
    for (size_t i = 0; i <= tokens; i++)
        b->ids[i] = (int32_t)(i * 7919 % s->n_vocab);
    sov_trainee_init(b->t, 1);
    return 0;
}

static void
end(struct bench *b)
{
    sov_trainee_free(b->t);
    free(b->first);
    free(b->ids);
    sov_mem_free_aligned(b->grad);
    sov_mem_free_aligned(b->sum);
    for (size_t i = 0; i < 4; i++)
        sov_mem_free_aligned(b->state[i]);
}

static int
measure(const struct setting *setting, enum sov_mul_kind mul, double peak,
        struct sov_err *err)
{
    size_t tokens = setting->n_seq * setting->shape.n_ctx;
    struct bench b = { .setting = setting };
    double best = 0, units = 0, flops;
    int rc = begin(&b, mul, err);

    for (uint64_t i = 0; i <= n_steps && rc == 0; i++) {
        double from = seconds(), took;

        rc = one_step(&b, i + 1, err);
        took = seconds() - from;
        if (i > 0 && (best == 0 || took < best)) {
            best = took;
            units = b.in_units / took;
        }
    }
    if (rc == 0) {
        flops = sov_trainee_flops(sov_trainee_shape(b.t), sov_trainee_opts(b.t),
                                  sov_trainee_count(b.t)) *
                (double)tokens / best;
        printf("%-4s %-4s %6.0f tokens/s %5.0f GFLOP/s %3.0f %% of %.0f "
               "(units %.0f %%)\n",
               setting->name, mul == SOV_MUL_BF16 ? "bf16" : "f32",
               (double)tokens / best, flops / 1e9, 100 * flops / peak,
               peak / 1e9, 100 * units);
    }
    end(&b);
    return rc;
}

/* "tale", "tale:bf16", "" */
static bool
is_asked(int argc, char **argv, const char *name, const char *type)
{
    size_t n = strlen(name);

    for (int i = optind; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0 &&
            (argv[i][n] == '\0' ||
             (argv[i][n] == ':' && strcmp(argv[i] + n + 1, type) == 0)))
            return true;
    return optind == argc;
}

static int
measure_all(int argc, char **argv, struct sov_err *err)
{
    static const struct {
        const char *name;
        enum sov_mul_kind mul;
        enum sov_roof_kind roof;
    } types[] = {
        { "f32", SOV_MUL_F32, SOV_ROOF_F32 },
        { "bf16", SOV_MUL_BF16, SOV_ROOF_BF16 },
    };
    sov_roof *roof;
    int rc = sov_roof_open(&roof, err);

    for (size_t i = 0; i < N_SETTINGS && rc == 0; i++)
        for (size_t k = 0; k < 2 && rc == 0; k++)
            if (is_asked(argc, argv, settings[i].name, types[k].name))
                rc = measure(&settings[i], types[k].mul,
                             sov_roof_measure(roof, types[k].roof), err);
    if (rc == 0)
        sov_roof_close(roof);
    return rc;
}

int
main(int argc, char **argv)
{
    struct sov_err err = { 0 };
    int c;

    while ((c = getopt(argc, argv, "t:n:r")) != -1) {
        if (c == 't')
            sov_set_threads((unsigned)strtoul(optarg, NULL, 10));
        else if (c == 'n')
            n_steps = strtoul(optarg, NULL, 10);
        else if (c == 'r')
            twice = true;
        else
            return 64;
    }
    if (measure_all(argc, argv, &err) < 0) {
        fprintf(stderr, "bench_train: %s\n", err.msg);
        return 1;
    }
    return 0;
}
