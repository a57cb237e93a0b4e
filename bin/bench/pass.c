/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.c - one thing that is timed: tokens at once, or one after the other
 *
 * For each sequence there is a base that has read as many tokens as the
 * deepest cell of the grid wants.  A task runs on forks of the bases, cut to
 * its own depth, so that depth is read once for all samples.  Sequences differ
 * from their first token on: blocks that two of them shared would be read once
 * for both.
 */
#include "bench/bench.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <inttypes.h>
#include <stdlib.h>

#define PIECE 512 /* tokens that are read at once where nobody times it */

struct bench_bed {
    const struct bench_model *model;
    sov_batch *batch;
    struct sov_session_opts opts;
    sov_session **base; /* [n_seq], or NULL where no cell has a depth */
    sov_session **seq;  /* [n_seq]: what a task runs on */
    struct sov_batch_part *part; /* [n_seq] */
    int32_t *ids;                /* [n_seq, n_ids] */
    uint32_t n_ids;
    uint32_t n_seq;
    uint32_t n_vocab;
    bool no_fork; /* layers that see a window forget what was before */
};

/* Any tokens will do, but of experts different ones should be asked. */
static void
make_ids(struct bench_bed *b)
{
    for (uint32_t s = 0; s < b->n_seq; s++)
        for (uint32_t i = 0; i < b->n_ids; i++) {
            uint64_t x = (uint64_t)s * 0x9e3779b97f4a7c15u + i + 1;

            x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
            x = (x ^ x >> 29) * 0x94d049bb133111ebu;
            b->ids[(size_t)s * b->n_ids + i] =
                (int32_t)((x ^ x >> 32) % b->n_vocab);
        }
}

static const int32_t *
ids_of(const struct bench_bed *b, uint32_t seq)
{
    return b->ids + (size_t)seq * b->n_ids;
}

static int
read_to(const struct bench_bed *b, sov_session *s, uint32_t seq, uint32_t depth,
        struct sov_err *err)
{
    int rc = 0;

    while (rc == 0 && sov_session_pos(s) < depth) {
        uint32_t pos = sov_session_pos(s);
        uint32_t n = depth - pos < PIECE ? depth - pos : PIECE;

        rc = sov_session_eval(s, ids_of(b, seq) + pos, n, SOV_LOGITS_NONE, err);
    }
    return rc;
}

static int
make_bases(struct bench_bed *b, uint32_t depth, struct sov_err *err)
{
    int rc = 0;

    if (depth == 0)
        return 0;
    b->base = calloc(b->n_seq, sizeof(*b->base));
    if (b->base == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (uint32_t i = 0; i < b->n_seq && rc == 0; i++) {
        rc = sov_session_new(&b->base[i], b->batch, NULL, err);
        if (rc == 0)
            rc = read_to(b, b->base[i], i, depth, err);
    }
    return rc;
}

static uint64_t
round_up(uint64_t n)
{
    return (n + SOV_BLOCK - 1) / SOV_BLOCK * SOV_BLOCK;
}

static int
open_batch(struct bench_bed *b, enum sov_kv_form kv, struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    uint32_t depth = bench_most(&o->depth);
    uint32_t more = bench_most(&o->prompt) > bench_most(&o->gen)
                        ? bench_most(&o->prompt)
                        : bench_most(&o->gen);
    int rc;

    b->n_seq = bench_most(&o->batch);
    b->n_ids = depth + more + 1;
    b->opts = (struct sov_session_opts){
        .n_ctx = b->n_ids,
        .n_seq = 2 * b->n_seq,
        .n_logits = b->n_seq,
        .n_kv = b->n_seq * (round_up(depth) + round_up(b->n_ids) + SOV_BLOCK),
        .precise = o->precise,
        .kv = kv,
        .max_memory = sov_common.max_memory,
        .other = sov_memory_used(),
    };
    rc = sov_batch_open(&b->batch, b->model->lm.model, &b->opts, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_lm_name(&b->model->lm));
    return 0;
}

int
bench_bed_open(struct bench_bed **bed, const struct bench_model *m,
               enum sov_kv_form kv, struct sov_err *err)
{
    struct bench_bed *b = calloc(1, sizeof(*b));
    sov_session *any = NULL;
    int rc;

    *bed = NULL;
    if (b == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    b->model = m;
    rc = open_batch(b, kv, err);
    if (rc == 0)
        rc = sov_session_new(&any, b->batch, NULL, err);
    if (rc == 0) {
        b->n_vocab = sov_session_vocab(any);
        sov_session_close(any);
        b->seq = calloc(b->n_seq, sizeof(*b->seq));
        b->part = calloc(b->n_seq, sizeof(*b->part));
        b->ids = calloc((size_t)b->n_seq * b->n_ids, sizeof(*b->ids));
        if (b->seq == NULL || b->part == NULL || b->ids == NULL)
            rc = sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (rc == 0) {
        make_ids(b);
        rc = make_bases(b, bench_most(&bench_options.depth), err);
    }
    if (rc == 0)
        *bed = b;
    else
        bench_bed_close(b);
    return rc;
}

void
bench_bed_close(struct bench_bed *b)
{
    if (b == NULL)
        return;
    sov_batch_close(b->batch);
    free(b->base);
    free(b->seq);
    free(b->part);
    free(b->ids);
    free(b);
}

double
bench_bed_kv_bytes(const struct bench_bed *b, uint32_t n)
{
    struct sov_session_opts opts = {
        .n_ctx = n,
        .precise = b->opts.precise,
        .kv = b->opts.kv,
    };
    struct sov_session_memory mem;

    if (n == 0 ||
        sov_session_measure(b->model->lm.model, &opts, &mem, NULL) < 0)
        return 0;
    return (double)mem.kv;
}

/* ---- a task */

/* A session of so many tokens, from the base if that can still go there. */
static int
open_seq(struct bench_bed *b, uint32_t i, uint32_t depth, struct sov_err *err)
{
    int rc;

    if (depth > 0 && !b->no_fork) {
        rc = sov_session_fork(&b->seq[i], b->base[i], err);
        if (rc < 0)
            return rc;
        sov_session_truncate(b->seq[i], depth);
        if (sov_session_pos(b->seq[i]) == depth)
            return 0;
        b->no_fork = true;
        sov_session_close(b->seq[i]);
        b->seq[i] = NULL;
    }
    rc = sov_session_new(&b->seq[i], b->batch, NULL, err);
    return rc == 0 ? read_to(b, b->seq[i], i, depth, err) : rc;
}

static void
close_seqs(struct bench_bed *b)
{
    for (uint32_t i = 0; i < b->n_seq; i++) {
        sov_session_close(b->seq[i]);
        b->seq[i] = NULL;
    }
}

/* n more tokens of each sequence, in one call. */
static int
eval(struct bench_bed *b, uint32_t batch, uint32_t n, struct sov_err *err)
{
    for (uint32_t i = 0; i < batch; i++)
        b->part[i] = (struct sov_batch_part){
            .session = b->seq[i],
            .ids = ids_of(b, i) + sov_session_pos(b->seq[i]),
            .n = n,
            .what = SOV_LOGITS_LAST,
        };
    return sov_batch_eval(b->batch, b->part, batch, err);
}

int
bench_bed_run(struct bench_bed *b, const struct bench_task *task,
              double *seconds, struct sov_err *err)
{
    double from;
    int rc = 0;

    for (uint32_t i = 0; i < task->batch && rc == 0; i++)
        rc = open_seq(b, i, task->depth, err);
    from = sov_seconds();
    if (rc == 0 && task->prompt > 0)
        rc = eval(b, task->batch, task->prompt, err);
    for (uint32_t i = 0; i < task->gen && rc == 0; i++)
        rc = eval(b, task->batch, 1, err);
    *seconds = sov_seconds() - from;
    close_seqs(b);
    return rc;
}
