/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_batch.c - tokens of many timelines, a pass at a time
 *
 *   bench_batch [-t THREADS] [-s TIMELINES] [-p SHARED] [-q OWN] [-n TOKENS]
 *       [-k f32|f16|bf16|q8] MODEL
 *
 * SHARED tokens are read once, by the first timeline, of which the others are
 * forks; each reads OWN tokens, and then they all make TOKENS more, the best
 * ones, one each in a pass.  Prints a JSON line.
 */
#include "bench_model.h"

#define SEQS_MAX 256
#define OWN_MAX  1024

struct sizes {
    size_t seqs, shared, own, tokens;
};

static sov_session *session[SEQS_MAX];
static struct sov_batch_part part[SEQS_MAX];
static int32_t ids[SEQS_MAX][OWN_MAX];

static int32_t
best(const float *logits, size_t n)
{
    size_t at = 0;

    for (size_t i = 1; i < n; i++)
        at = logits[i] > logits[at] ? i : at;
    return (int32_t)at;
}

/* What all begin with, and a fork for each. */
static int
prefix(sov_batch *b, const struct sizes *n, struct sov_err *err)
{
    int rc = sov_session_new(&session[0], b, NULL, err);
    size_t at, step;

    for (at = 0; at < n->shared && rc == 0; at += step) {
        step = n->shared - at < OWN_MAX ? n->shared - at : OWN_MAX;
        for (size_t i = 0; i < step; i++)
            ids[0][i] =
                (int32_t)((at + i) * 7919 % sov_session_vocab(session[0]));
        rc = sov_session_eval(session[0], ids[0], step, SOV_LOGITS_NONE, err);
    }
    for (size_t i = 1; i < n->seqs && rc == 0; i++)
        rc = sov_session_fork(&session[i], session[0], err);
    return rc;
}

static int
measure(sov_batch *b, const struct sizes *n, struct sov_err *err)
{
    double from = seconds();
    double shared, own, tokens;
    size_t n_vocab;
    int rc = prefix(b, n, err);

    if (rc < 0)
        return rc;
    n_vocab = sov_session_vocab(session[0]);
    shared = seconds() - from;
    for (size_t i = 0; i < n->seqs; i++) {
        for (size_t j = 0; j < n->own; j++)
            ids[i][j] = (int32_t)((i * 131 + j * 7) % n_vocab);
        part[i] = (struct sov_batch_part){ session[i], ids[i], n->own,
                                           SOV_LOGITS_LAST };
    }
    from = seconds();
    rc = sov_batch_eval(b, part, n->seqs, err);
    own = seconds() - from;
    from = seconds();
    for (size_t t = 0; t < n->tokens && rc == 0; t++) {
        for (size_t i = 0; i < n->seqs; i++) {
            ids[i][0] = best(sov_session_logits(session[i], 0), n_vocab);
            part[i].n = 1;
        }
        rc = sov_batch_eval(b, part, n->seqs, err);
    }
    tokens = seconds() - from;
    if (rc == 0)
        printf("{\"timelines\":%zu,\"shared_tokens\":%zu,\"shared_s\":%.4f,"
               "\"own_tokens\":%zu,\"own_s\":%.4f,\"generated_tokens\":%zu,"
               "\"generate_s\":%.4f,\"tokens_per_s\":%.2f}\n",
               n->seqs, n->shared, shared, n->own * n->seqs, own,
               n->tokens * n->seqs, tokens,
               (double)(n->tokens * n->seqs) / tokens);
    return rc;
}

static int
run(const char *path, const struct sizes *n, enum sov_kv_form kv,
    struct sov_err *err)
{
    struct sov_session_opts opts = {
        .n_ctx = (uint32_t)(n->shared + n->own + n->tokens),
        .n_seq = (uint32_t)n->seqs,
        .kv = kv,
    };
    sov_batch *batch = NULL;
    sov_model *model = NULL;
    int rc = sov_model_open(&model, path, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = sov_batch_open(&batch, model, &opts, err);
    if (rc == 0)
        rc = measure(batch, n, err);
    sov_batch_close(batch);
    sov_model_close(model);
    return rc;
}

int
main(int argc, char **argv)
{
    struct sizes n = { .seqs = 16, .shared = 256, .own = 16, .tokens = 32 };
    struct sov_err err = { 0 };
    enum sov_kv_form kv = SOV_KV_AUTO;
    int c;

    while ((c = getopt(argc, argv, "t:s:p:q:n:k:")) != -1) {
        size_t v = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

        if (c == 't')
            sov_set_threads((unsigned)v);
        else if (c == 's')
            n.seqs = v > 0 && v <= SEQS_MAX ? v : 1;
        else if (c == 'p')
            n.shared = v;
        else if (c == 'q')
            n.own = v > 0 && v <= OWN_MAX ? v : 1;
        else if (c == 'n')
            n.tokens = v;
        else if (c == 'k')
            kv = kv_of(optarg);
        else
            return 64;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: bench_batch [-t THREADS] [-s TIMELINES] "
                        "[-p SHARED] [-q OWN] [-n TOKENS] [-k FORM] MODEL\n");
        return 64;
    }
    return run(argv[optind], &n, kv, &err) < 0 ? die("bench_batch", &err) : 0;
}
