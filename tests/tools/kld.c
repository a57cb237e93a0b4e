/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kld - what quantizing did to the answers of a model
 *
 *     kld [-c CONTEXT] [-n BYTES] TEXT BASE MODEL...
 *
 * For each MODEL a line with the mean Kullback-Leibler divergence of its
 * predictions from those of BASE, in nats, and its perplexity.  The first BYTES
 * of TEXT are read in windows of CONTEXT tokens that stand for themselves, the
 * first token of each replaced by BOS, and the second half of each is scored:
 * as llama-perplexity does it.
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
    sov_model *model;
    sov_session *session;
    double *log_p; /* of one row */
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
open_side(struct side *s, const char *path, uint32_t n_ctx)
{
    struct sov_session_opts opts = { .n_ctx = n_ctx, .n_logits = n_ctx };

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

/* Logarithms of the probabilities after token i of the window. */
static void
take_row(struct side *s, size_t i)
{
    const float *logits = sov_session_logits(s->session, i);
    size_t n = sov_session_vocab(s->session);
    double max = -INFINITY, sum = 0;

    for (size_t v = 0; v < n; v++)
        max = fmax(max, (double)logits[v]);
    for (size_t v = 0; v < n; v++)
        sum += exp((double)logits[v] - max);
    for (size_t v = 0; v < n; v++)
        s->log_p[v] = (double)logits[v] - max - log(sum);
}

static double
divergence(const struct side *a, const struct side *b)
{
    size_t n = sov_session_vocab(a->session);
    double sum = 0;

    for (size_t v = 0; v < n; v++)
        sum += exp(a->log_p[v]) * (a->log_p[v] - b->log_p[v]);
    return sum;
}

static void
compare(struct side *a, const char *path, int32_t *ids, size_t n,
        uint32_t n_ctx, int32_t bos)
{
    double kld = 0, nll = 0, rows = 0;
    struct side b;

    open_side(&b, path, n_ctx);
    if (sov_session_vocab(a->session) != sov_session_vocab(b.session)) {
        fprintf(stderr, "kld: %s: another vocabulary\n", path);
        exit(2);
    }
    for (size_t at = 0; at + n_ctx <= n; at += n_ctx) {
        int32_t first = ids[at];

        ids[at] = bos >= 0 ? bos : first;
        for (int i = 0; i < 2; i++) {
            sov_session *s = i == 0 ? a->session : b.session;

            sov_session_truncate(s, 0);
            check(sov_session_eval(s, ids + at, n_ctx, SOV_LOGITS_ALL, &err),
                  "eval");
        }
        ids[at] = first;
        for (size_t i = n_ctx / 2; i + 1 < n_ctx; i++) {
            take_row(a, i);
            take_row(&b, i);
            kld += divergence(a, &b);
            nll -= b.log_p[ids[at + i + 1]];
            rows++;
        }
    }
    printf("%s %.6f %.4f\n", path, kld / rows, exp(nll / rows));
    close_side(&b);
}

int
main(int argc, char **argv)
{
    size_t most = SIZE_MAX, len, n;
    uint32_t n_ctx = 256;
    struct side base;
    int32_t *ids;
    sov_tok *tok;
    char *text;
    FILE *f;
    int c;

    while ((c = getopt(argc, argv, "c:n:")) != -1) {
        if (c == 'c')
            n_ctx = (uint32_t)atoi(optarg);
        else if (c == 'n')
            most = (size_t)atol(optarg);
        else
            return 2;
    }
    argv += optind;
    f = argc - optind >= 3 && n_ctx > 1 ? fopen(argv[0], "rb") : NULL;
    text = malloc(1 << 24);
    if (f == NULL || text == NULL) {
        fprintf(stderr, "usage: kld [-c CONTEXT] [-n BYTES] TEXT BASE "
                        "MODEL...\n");
        return 2;
    }
    len = fread(text, 1, most < 1 << 24 ? most : 1 << 24, f);
    fclose(f);

    open_side(&base, argv[1], n_ctx);
    check(sov_tok_load(&tok, sov_model_meta(base.model), &err), argv[1]);
    check(sov_tok_encode(tok, text, len, SOV_TOK_PLAIN, &ids, &n, &err),
          argv[0]);
    for (argv += 2; *argv != NULL; argv++)
        compare(&base, *argv, ids, n, n_ctx,
                sov_tok_adds_bos(tok) ? sov_tok_bos(tok) : -1);
    free(ids);
    free(text);
    sov_tok_free(tok);
    close_side(&base);
    return 0;
}
