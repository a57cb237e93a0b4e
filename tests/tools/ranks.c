/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.c - a small problem, trained by as many processes as mpirun starts
 *
 *   ranks train OPTIMISER    parts of the state on each rank
 *   ranks whole OPTIMISER    all of the state on each rank
 *   ranks local              each rank a worker of its own, meeting twice
 *   ranks workers N          N such workers, one after the other, in one rank
 *   ranks calls              every call, with more numbers than fit a piece
 *   ranks fail RANK          that one has an error
 *   ranks die RANK           that one is killed
 *
 * Rank 0 prints a digest of the weights that come out, once all ranks were
 * found to have the same.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "distill/comm.h"
#include "distill/local.h"
#include "sov/base.h"
#include "train/optim.h"
#include "train/sum.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNITS 12 /* of a step */
#define STEPS 6

static const struct sov_weight tensors[] = {
    { "token_embd.weight", 48, 1100, 0, true, true },
    { "blk.0.attn_norm.weight", 48, 1, 52800, false, false },
    { "blk.0.attn_q.weight", 48, 48, 52848, true, false },
    { "blk.0.ffn_up.weight", 48, 130, 55152, true, false },
    { "blk.0.ffn_down.weight", 130, 48, 61392, true, false },
    { "output_norm.weight", 48, 1, 67632, false, false },
};

#define N_TENSORS (sizeof(tensors) / sizeof(tensors[0]))
#define COUNT     ((size_t)67680)

static float w[COUNT], grad[COUNT], state[2][COUNT];
static int64_t sum[COUNT];

static void
stop(const struct sov_comm *c, const struct sov_err *err)
{
    fprintf(stderr, "ranks: rank %d: %s\n", c->rank, err->msg);
    exit(EXIT_FAILURE);
}

static float
noise(uint64_t stream, uint64_t i)
{
    return (float)(sov_rng_unit(3, stream, i) - 0.5);
}

static void
begin(void)
{
    size_t i;

    for (i = 0; i < COUNT; i++)
        w[i] = 0.04f * noise(0, i);
    memset(state, 0, sizeof(state));
}

/* The gradient of a unit: of a bowl whose middle is somewhere else each
 * time. */
static void
unit(uint64_t number)
{
    size_t i;

    for (i = 0; i < COUNT; i++)
        grad[i] = w[i] * 0.3f + 0.05f * noise(number, i);
}

static void
digest(const struct sov_comm *c)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    uint64_t first;
    const unsigned char *p = (const unsigned char *)w;
    struct sov_err err;
    size_t i;
    int rc;

    for (i = 0; i < sizeof(w); i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    first = hash;
    rc = sov_comm_give(c, 0, &first, sizeof(first), &err);
    if (rc == 0 && first != hash)
        rc = sov_fail(&err, SOV_ENO, "other weights than those of rank 0");
    rc = sov_comm_agree(c, rc, &err);
    if (rc < 0)
        stop(c, &err);
    if (c->rank == 0)
        printf("%016llx\n", (unsigned long long)hash);
}

/* Gradients of this rank's share of the units to sum. */
static int
add_units(const struct sov_comm *c, int step, struct sov_err *err)
{
    int u;
    int rc = 0;

    memset(sum, 0, sizeof(sum));
    for (u = c->rank; u < UNITS && rc == 0; u += c->n) {
        unit((uint64_t)(UNITS * step + u));
        rc = sov_fix_add(sov_kern(), sum, grad, COUNT, err);
    }
    return sov_comm_agree(c, rc, err);
}

/* A step of the part from at[rank], or of everything where that is all. */
static int
one_step(const struct sov_comm *c, const struct sov_optim *o, int number,
         const uint64_t *at, struct sov_err *err)
{
    size_t from = at[c->rank];
    size_t n = at[c->rank + 1] - from;
    float *part[2] = { state[0] + from, state[1] + from };
    double squares[64] = { 0 };
    size_t blocks = sov_optim_blocks(tensors, N_TENSORS);
    struct sov_optim_step s = { .k = sov_kern(),
                                .param = tensors,
                                .n_param = N_TENSORS,
                                .w = w,
                                .grad = grad,
                                .state = part,
                                .rate = 1,
                                .from = from,
                                .to = from + n };
    int rc = 0;

    sov_fix_get(s.k, sum + from, 1.0 / UNITS, grad + from, n);
    s.step = (uint64_t)number + 1;
    if (n > 0)
        sov_optim_squares(&s, squares);
    if (n < COUNT)
        rc = sov_comm_merge(c, squares, blocks, err);
    s.norm = sov_optim_norm_of(squares, blocks);
    if (rc == 0 && n > 0)
        rc = sov_optim_run(o, &s, err);
    return sov_comm_agree(c, rc, err);
}

static int
train(const struct sov_comm *c, const char *name, bool whole,
      struct sov_err *err)
{
    uint64_t *at = sov_mem_array((size_t)c->n + 2, sizeof(*at));
    struct sov_optim o;
    int step;
    int rc;

    rc = at == NULL ? sov_mem_fail(err) : sov_optim_find(&o, name, err);
    if (rc < 0)
        return rc;
    o.clip = 0.5;
    sov_optim_cut(&o, tensors, N_TENSORS, NULL, (size_t)c->n, at);
    if (whole) {
        at[c->rank] = 0;
        at[c->rank + 1] = COUNT;
    }
    begin();
    for (step = 0; step < STEPS && rc == 0; step++) {
        rc = add_units(c, step, err);
        if (rc == 0 && whole)
            rc = sov_comm_sum(c, sum, COUNT, err);
        else if (rc == 0)
            rc = sov_comm_sum_part(c, sum, at, err);
        if (rc == 0)
            rc = one_step(c, &o, step, at, err);
        if (rc == 0 && !whole)
            rc = sov_comm_gather(c, w, at, err);
    }
    free(at);
    return rc;
}

/* A few steps of AdamW on units of the worker's own. */
static int
work(int worker, int first, struct sov_err *err)
{
    float *both[2] = { state[0], state[1] };
    struct sov_optim_step s = { .k = sov_kern(),
                                .param = tensors,
                                .n_param = N_TENSORS,
                                .w = w,
                                .grad = grad,
                                .state = both,
                                .rate = 1 };
    struct sov_optim o;
    int rc = sov_optim_find(&o, "adamw", err);
    int t;

    for (t = first; t < first + 3 && rc == 0; t++) {
        unit((uint64_t)(1000 * (worker + 1) + t));
        s.step = (uint64_t)t + 1;
        rc = sov_optim_run(&o, &s, err);
    }
    return rc;
}

static const struct sov_local outer = { 0.7, 0.9 };
static float base[COUNT], momentum[COUNT];

static int
local(const struct sov_comm *c, struct sov_err *err)
{
    int round;
    int rc = 0;

    begin();
    memcpy(base, w, sizeof(base));
    for (round = 0; round < 2 && rc == 0; round++) {
        rc = sov_comm_agree(c, work(c->rank, 3 * round, err), err);
        if (rc == 0)
            rc = sov_local_meet(c, &outer, base, momentum, w, COUNT, err);
    }
    return rc;
}

static int
workers(int n, struct sov_err *err)
{
    static float kept[16][2][COUNT];
    int round, i;
    int rc = 0;

    if (n < 1 || n > 16)
        return sov_fail(err, SOV_EARG, "1 to 16 workers");
    begin();
    memcpy(base, w, sizeof(base));
    for (round = 0; round < 2 && rc == 0; round++) {
        memset(sum, 0, sizeof(sum));
        for (i = n - 1; i >= 0 && rc == 0; i--) {
            memcpy(w, base, sizeof(w));
            memcpy(state, kept[i], sizeof(state));
            rc = work(i, 3 * round, err);
            memcpy(kept[i], state, sizeof(state));
            if (rc == 0)
                rc = sov_local_add(sum, base, w, COUNT, err);
        }
        sov_local_step(&outer, sum, (size_t)n, base, momentum, w, COUNT);
    }
    return rc;
}

/* More than PIECE of comm_mpi.c, in parts of which one is empty. */
#define MANY (((size_t)1 << 22) * 2 + 12345)

static int64_t
number(int rank, size_t i)
{
    return ((int64_t)(i * 7919) % 1000003 - 500000) * (rank + 1) << 20;
}

static int
calls(const struct sov_comm *c, struct sov_err *err)
{
    int64_t *x = sov_mem_array(MANY, sizeof(*x));
    float *f = sov_mem_array(MANY, sizeof(*f));
    uint64_t *at = sov_mem_array((size_t)c->n + 1, sizeof(*at));
    int64_t ranks = (int64_t)c->n * (c->n + 1) / 2;
    uint64_t mine, end;
    double d[3];
    size_t i;
    int r, rc;

    if (x == NULL || f == NULL || at == NULL)
        return sov_mem_fail(err);
    for (r = 1; r < c->n; r++) /* the first has none, the last most */
        at[r] = (uint64_t)(r - 1) * 100003;
    at[c->n] = MANY;
    mine = at[c->rank];
    end = at[c->rank + 1];
    for (i = 0; i < MANY; i++) {
        x[i] = number(c->rank, i);
        f[i] = i >= mine && i < end ? (float)i : -1;
    }
    rc = sov_comm_sum(c, x, MANY, err);
    for (i = 0; i < MANY && rc == 0; i++) {
        if (x[i] != number(0, i) * ranks)
            rc = sov_fail(err, SOV_ENO, "sum %zu", i);
        x[i] = number(c->rank, i);
    }
    rc = sov_comm_agree(c, rc, err);
    if (rc == 0)
        rc = sov_comm_sum_part(c, x, at, err);
    for (i = 0; i < MANY && rc == 0; i++)
        if (x[i] !=
            (i >= mine && i < end ? number(0, i) * ranks : number(c->rank, i)))
            rc = sov_fail(err, SOV_ENO, "part of a sum %zu", i);
    rc = sov_comm_agree(c, rc, err);
    if (rc == 0)
        rc = sov_comm_gather(c, f, at, err);
    for (i = 0; i < MANY && rc == 0; i++)
        if (f[i] != (float)i)
            rc = sov_fail(err, SOV_ENO, "gathered %zu", i);
    rc = sov_comm_agree(c, rc, err);
    for (i = 0; i < 3; i++)
        d[i] = (int)i % c->n == c->rank ? -0.1 * (double)(i + 1) : 0;
    if (rc == 0)
        rc = sov_comm_merge(c, d, 3, err);
    for (i = 0; i < 3 && rc == 0; i++)
        if (d[i] != -0.1 * (double)(i + 1))
            rc = sov_fail(err, SOV_ENO, "merged %zu", i);
    rc = sov_comm_agree(c, rc, err);
    for (i = 0; i < MANY; i++)
        x[i] = number(c->rank, i);
    if (rc == 0)
        rc = sov_comm_give(c, c->n - 1, x, MANY * sizeof(*x), err);
    for (i = 0; i < MANY && rc == 0; i++)
        if (x[i] != number(c->n - 1, i))
            rc = sov_fail(err, SOV_ENO, "given %zu", i);
    rc = sov_comm_agree(c, rc, err);
    free(x);
    free(f);
    free(at);
    return rc;
}

static int
fail_at(const struct sov_comm *c, int rank, struct sov_err *err)
{
    int rc = 0;

    begin();
    if (c->rank >= rank)
        rc = sov_fail(err, c->rank == rank ? SOV_EFORMAT : SOV_EIO,
                      "no such luck for %d", c->rank);
    rc = sov_comm_agree(c, rc, err);
    printf("%d %d %s\n", c->rank, rc, rc < 0 ? err->msg : "");
    fflush(stdout);
    return rc == SOV_EFORMAT ? 0 : rc;
}

static int
die_at(const struct sov_comm *c, int rank, struct sov_err *err)
{
    int rc = 0;

    begin();
    if (c->rank == rank)
        raise(SIGKILL);
    while (rc == 0)
        rc = sov_comm_sum(c, sum, COUNT, err);
    return rc;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "train";
    const char *arg = argc > 2 ? argv[2] : "adamw";
    bool silent = false;
    struct sov_comm c;
    struct sov_err err;
    int rc;

    rc = sov_comm_open(&c, &err);
    if (rc < 0) {
        fprintf(stderr, "ranks: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    sov_set_threads(2);
    if (strcmp(what, "local") == 0) {
        rc = local(&c, &err);
    } else if (strcmp(what, "workers") == 0) {
        rc = workers(atoi(arg), &err);
    } else if (strcmp(what, "calls") == 0) {
        rc = calls(&c, &err);
        silent = true;
    } else if (strcmp(what, "fail") == 0) {
        rc = fail_at(&c, atoi(arg), &err);
        silent = true;
    } else if (strcmp(what, "die") == 0) {
        rc = die_at(&c, atoi(arg), &err);
    } else {
        rc = train(&c, arg, strcmp(what, "whole") == 0, &err);
    }
    if (rc < 0)
        stop(&c, &err);
    if (!silent)
        digest(&c);
    sov_comm_close(&c);
    return EXIT_SUCCESS;
}
