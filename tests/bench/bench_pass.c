/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_pass.c - what passes over a model cost, without its loading
 *
 *   bench_pass [-t THREADS] [-d DEPTH] [-p PROMPT] [-n TOKENS] [-c COLUMNS]
 *       [-b BATCH] [-k f32|f16|bf16|q8] MODEL
 *
 * Reads DEPTH tokens, then PROMPT tokens, then TOKENS more one by one, or
 * COLUMNS at a time with logits of each, and prints a JSON line like that of
 * sov-run --timings about the last two.  The tokens are arbitrary.  With a DEPTH of 0, a prompt
 * that is forgotten again warms up.
 */
#include "bench_model.h"

struct sizes {
    size_t depth, prompt, tokens, columns;
};

/* n tokens, each time as many as step. */
static int
eval(sov_session *s, size_t n, size_t step, enum sov_logits what, double *took,
     struct sov_err *err)
{
    static int32_t ids[65536];
    uint32_t n_vocab = sov_session_vocab(s);
    double from = seconds();
    size_t at, part;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += part) {
        part = n - at < step ? n - at : step;
        if (part > sizeof(ids) / sizeof(ids[0]))
            part = sizeof(ids) / sizeof(ids[0]);
        for (size_t i = 0; i < part; i++)
            ids[i] = (int32_t)((at + i) * 7919 % n_vocab);
        rc = sov_session_eval(s, ids, part, what, err);
    }
    *took = seconds() - from;
    return rc;
}

static int
measure(sov_session *s, const struct sizes *n, struct sov_err *err)
{
    double warm, prompt, generate;
    int rc = eval(s, n->depth > 0 ? n->depth : n->prompt, SIZE_MAX,
                  SOV_LOGITS_LAST, &warm, err);

    sov_session_truncate(s, (uint32_t)n->depth);
    if (rc == 0)
        rc = eval(s, n->prompt, SIZE_MAX, SOV_LOGITS_LAST, &prompt, err);
    sov_session_truncate(s, (uint32_t)n->depth);
    if (rc == 0)
        rc = eval(s, n->tokens, n->columns, SOV_LOGITS_ALL, &generate, err);
    if (rc == 0)
        printf("{\"prompt_tokens\":%zu,\"prompt_s\":%.6f,"
               "\"generated_tokens\":%zu,\"generate_s\":%.6f}\n",
               n->prompt, prompt, n->tokens, generate);
    return rc;
}

static int
run(const char *path, const struct sizes *n, size_t batch, enum sov_kv_form kv,
    struct sov_err *err)
{
    size_t most = n->prompt > n->tokens ? n->prompt : n->tokens;
    struct sov_session_opts opts = {
        .n_ctx = (uint32_t)(n->depth + most + 1),
        .n_batch = (uint32_t)batch,
        .n_logits = (uint32_t)n->columns,
        .kv = kv,
    };
    sov_session *session = NULL;
    sov_model *model = NULL;
    int rc = sov_model_open(&model, path, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = sov_session_open(&session, model, &opts, err);
    if (rc == 0)
        rc = measure(session, n, err);
    sov_session_close(session);
    sov_model_close(model);
    return rc;
}

int
main(int argc, char **argv)
{
    struct sizes n = { .prompt = 512, .tokens = 64, .columns = 1 };
    struct sov_err err = { 0 };
    enum sov_kv_form kv = SOV_KV_AUTO;
    size_t batch = 0;
    int c;

    while ((c = getopt(argc, argv, "t:d:p:n:c:b:k:")) != -1) {
        size_t v = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

        if (c == 't')
            sov_set_threads((unsigned)v);
        else if (c == 'd')
            n.depth = v;
        else if (c == 'p')
            n.prompt = v;
        else if (c == 'n')
            n.tokens = v;
        else if (c == 'c')
            n.columns = v > 0 ? v : 1;
        else if (c == 'b')
            batch = v;
        else if (c == 'k')
            kv = kv_of(optarg);
        else
            return 64;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: bench_pass [-t THREADS] [-d DEPTH] [-p PROMPT] "
                        "[-n TOKENS] [-c COLUMNS] [-b BATCH] [-k FORM] "
                        "MODEL\n");
        return 64;
    }
    return run(argv[optind], &n, batch, kv, &err) < 0 ? die("bench_pass", &err)
                                                      : 0;
}
