/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.c - does a model say the same when its stream is turned?
 *
 *     turns MODEL OUT
 *
 * OUT is MODEL with all directions of its stream, by the method rotate, in an
 * order and with signs of its own.  Logits under --precise must agree to 1e-4
 * of the largest one.  Prints one line.
 *
 * Exit status: 0 they agree, 1 they do not, 2 the model cannot be turned (the
 * reason is printed), 70 trouble.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "prune/method.h"
#include "prune/shape.h"
#include "prune/trim.h"
#include "sov/io.h"
#include "sov/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_IDS  24
#define N_TEXT 1024
#define CLOSE  1e-4

static struct sov_err err;

static void
must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "turns: %s\n", err.msg);
    exit(70);
}

static int
write_some(void *arg, const void *p, size_t len, struct sov_err *e)
{
    return sov_writer_data(arg, p, len, e);
}

static void
write_model(const struct sov_trim *c, sov_plan *plan, const char *path)
{
    const struct sov_sink_opts opts = { .force = true };
    const struct sov_layout layout = { 0 };
    sov_writer *w;
    sov_sink *sink;

    must(sov_plan_lay(plan, &layout, &err));
    must(sov_sink_open(&sink, path, &opts, &err));
    must(sov_writer_begin(&w, plan, &sink, &err));
    for (size_t i = 0; i < sov_plan_count(plan); i++)
        must(sov_trim_tensor(c, plan, i, write_some, w, &err));
    must(sov_writer_end(&w, &err));
    must(sov_sink_commit(&sink, &err));
}

static float *
answer(const char *path, const int32_t *ids, size_t n_vocab)
{
    const struct sov_session_opts opts = { .n_logits = N_IDS, .precise = true };
    float *all = sov_mem_array(N_IDS * n_vocab, sizeof(*all));
    sov_session *s;
    sov_model *m;

    must(sov_model_open(&m, path, SOV_ACCESS_MAP, &err));
    must(sov_session_open(&s, m, &opts, &err));
    must(sov_session_eval(s, ids, N_IDS, SOV_LOGITS_ALL, &err));
    for (size_t i = 0; i < N_IDS; i++)
        memcpy(all + i * n_vocab, sov_session_logits(s, i),
               n_vocab * sizeof(*all));
    sov_session_close(s);
    sov_model_close(m);
    return all;
}

/* 2: it is refused. */
static int
turn(struct sov_trim *c, const char *path)
{
    static int32_t text[N_TEXT];
    struct sov_calib_opts calib = { .ids = text, .n_ids = N_TEXT, .bos = -1 };
    const struct sov_shape_ask ask = { .ratio = 0, .calib = &calib };
    sov_plan *plan;

    for (size_t i = 0; i < N_TEXT; i++)
        text[i] = (int32_t)(sov_rng_unit(1, 1, i) * (double)c->vocab.n);
    calib.n_ctx = 64;
    if (sov_prune_method_rotate.cut(c, &ask, &err) < 0) {
        printf("refused: %s\n", err.msg);
        return 2;
    }
    must(sov_trim_plan(c, &plan, &err));
    write_model(c, plan, path);
    sov_plan_free(plan);
    return 0;
}

int
main(int argc, char **argv)
{
    double most = 0, apart = 0;
    int32_t ids[N_IDS];
    struct sov_trim *c;
    sov_model *m;
    float *a, *b;
    size_t n;

    if (argc != 3)
        return 64;
    must(sov_model_open(&m, argv[1], SOV_ACCESS_MAP, &err));
    must(sov_trim_new(&c, m, &err));
    n = c->vocab.n;
    if (turn(c, argv[2]) != 0)
        return 2;
    for (size_t i = 0; i < N_IDS; i++)
        ids[i] = (int32_t)(sov_rng_unit(1, 2, i) * (double)n);
    a = answer(argv[1], ids, n);
    b = answer(argv[2], ids, n);
    for (size_t i = 0; i < N_IDS * n; i++) {
        double x = (double)a[i], y = (double)b[i];

        most = fabs(x) > most ? fabs(x) : most;
        apart = fabs(x - y) > apart || isnan(x - y) ? fabs(x - y) : apart;
    }
    printf("%.3g of %.3g\n", apart, most);
    return !(apart <= CLOSE * most && most > 0);
}
