/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kld - what quantizing did to the answers of a model
 *
 *     kld [-c CONTEXT] [-n BYTES] [-p] TEXT BASE MODEL...
 *
 * For each MODEL a line with its name, the mean Kullback-Leibler divergence of
 * its predictions from those of BASE, in nats, and its perplexity.  The first
 * BYTES of TEXT are read in windows of CONTEXT tokens that stand for
 * themselves, the first token of each replaced by BOS, and the second half of
 * each is scored: as llama-perplexity --kl-divergence does it, so that figures
 * can be compared.  With -p activations are not rounded, which leaves what the
 * weights alone did.
 */
#include "sov/model.h"
#include "sov/run.h"
#include "sov/token.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sov_err err;

struct side {
    const char *path;
    sov_model *model;
    sov_session *session;
    double *log_p; /* of one row */
    double kld, nll;
};

static void
check(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "kld: %s: %s\n", what, err.msg);
    exit(2);
}

static void
open_side(struct side *s, const char *path, uint32_t n_ctx, bool precise)
{
    struct sov_session_opts opts = {
        .n_ctx = n_ctx,
        .n_logits = n_ctx - n_ctx / 2,
        .precise = precise,
        .kv = precise ? SOV_KV_AUTO : SOV_KV_F16, /* as the peer keeps them */
    };

    *s = (struct side){ .path = path };
    check(sov_model_open(&s->model, path, SOV_ACCESS_MAP, &err), path);
    check(sov_session_open(&s->session, s->model, &opts, &err), path);
    s->log_p = malloc(sov_session_vocab(s->session) * sizeof(double));
    if (s->log_p == NULL)
        exit(2);
}

static void
close_side(struct side *s)
{
    sov_session_close(s->session);
    sov_model_close(s->model);
    free(s->log_p);
}

/* Logarithms of the probabilities of row i of the logits. */
static void
take_row(struct side *s, size_t i)
{
    const float *logits = sov_session_logits(s->session, i);
    size_t n = sov_session_vocab(s->session);
    double max = -INFINITY, sum = 0;

    for (size_t v = 0; v < n; v++)
        max = (double)logits[v] > max ? (double)logits[v] : max;
    for (size_t v = 0; v < n; v++)
        sum += exp((double)logits[v] - max);
    sum = log(sum);
    for (size_t v = 0; v < n; v++)
        s->log_p[v] = (double)logits[v] - max - sum;
}

static double
divergence(const struct side *a, const double *p, const struct side *b)
{
    size_t n = sov_session_vocab(a->session);
    double sum = 0;

    for (size_t v = 0; v < n; v++)
        sum += p[v] * (a->log_p[v] - b->log_p[v]);
    return sum;
}

/* Read a window; row i of logits is then of its token n_ctx / 2 + i. */
static void
read_window(struct side *s, const int32_t *ids, uint32_t n_ctx)
{
    uint32_t half = n_ctx / 2;

    sov_session_truncate(s->session, 0);
    check(sov_session_eval(s->session, ids, half, SOV_LOGITS_NONE, &err),
          s->path);
    check(sov_session_eval(s->session, ids + half, n_ctx - half, SOV_LOGITS_ALL,
                           &err),
          s->path);
}

/* One window, read by all; the number of predictions scored. */
static size_t
window(struct side *side, size_t n_sides, const int32_t *ids, uint32_t n_ctx,
       double *p)
{
    size_t n = sov_session_vocab(side->session), half = n_ctx / 2;

    for (size_t k = 0; k < n_sides; k++)
        read_window(&side[k], ids, n_ctx);
    for (size_t i = 0; half + i + 1 < n_ctx; i++) {
        take_row(&side[0], i);
        for (size_t v = 0; v < n; v++)
            p[v] = exp(side[0].log_p[v]);
        for (size_t k = 1; k < n_sides; k++) {
            take_row(&side[k], i);
            side[k].kld += divergence(&side[0], p, &side[k]);
            side[k].nll -= side[k].log_p[ids[half + i + 1]];
        }
    }
    return n_ctx - 1 - half;
}

static void
compare(struct side *side, size_t n_sides, int32_t *ids, size_t n,
        uint32_t n_ctx, int32_t bos)
{
    double *p = malloc(sov_session_vocab(side->session) * sizeof(*p));
    size_t rows = 0;

    if (p == NULL)
        exit(2);
    for (size_t k = 1; k < n_sides; k++) {
        if (sov_session_vocab(side[k].session) !=
            sov_session_vocab(side->session)) {
            fprintf(stderr, "kld: %s: another vocabulary\n", side[k].path);
            exit(2);
        }
    }
    for (size_t at = 0; at + n_ctx <= n; at += n_ctx) {
        int32_t first = ids[at];

        ids[at] = bos >= 0 ? bos : first;
        rows += window(side, n_sides, ids + at, n_ctx, p);
        ids[at] = first;
    }
    for (size_t k = 1; k < n_sides; k++)
        printf("%s %.6f %.4f\n", side[k].path, side[k].kld / (double)rows,
               exp(side[k].nll / (double)rows));
    free(p);
}

int
main(int argc, char **argv)
{
    size_t most = SIZE_MAX, n_sides, len, n;
    uint32_t n_ctx = 256;
    bool precise = false;
    struct side *side;
    int32_t *ids;
    sov_tok *tok;
    char *text;
    FILE *f;
    int c;

    while ((c = getopt(argc, argv, "c:n:p")) != -1) {
        if (c == 'c')
            n_ctx = (uint32_t)atoi(optarg);
        else if (c == 'n')
            most = (size_t)atol(optarg);
        else if (c == 'p')
            precise = true;
        else
            return 2;
    }
    argv += optind;
    argc -= optind;
    f = argc >= 3 && n_ctx > 1 ? fopen(argv[0], "rb") : NULL;
    text = malloc(1 << 24);
    side = calloc((size_t)argc + 1, sizeof(*side));
    if (f == NULL || text == NULL || side == NULL) {
        fprintf(stderr, "usage: kld [-c CONTEXT] [-n BYTES] [-p] TEXT BASE "
                        "MODEL...\n");
        return 2;
    }
    len = fread(text, 1, most < 1 << 24 ? most : 1 << 24, f);
    fclose(f);

    n_sides = (size_t)argc - 1;
    for (size_t k = 0; k < n_sides; k++)
        open_side(&side[k], argv[k + 1], n_ctx, precise);
    check(sov_tok_load(&tok, sov_model_meta(side->model), &err), argv[1]);
    check(sov_tok_encode(tok, text, len, SOV_TOK_PLAIN, &ids, &n, &err),
          argv[0]);
    compare(side, n_sides, ids, n, n_ctx,
            sov_tok_adds_bos(tok) ? sov_tok_bos(tok) : -1);
    free(ids);
    free(text);
    sov_tok_free(tok);
    for (size_t k = 0; k < n_sides; k++)
        close_side(&side[k]);
    free(side);
    return 0;
}
