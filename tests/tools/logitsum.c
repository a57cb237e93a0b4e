/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logitsum.c - are logits the same, however they are computed?
 *
 *   logitsum [-n TOKENS] [-q] [-p] [-k f32|f16|bf16|q8]
 *       [-l ADAPTER:SCALE]... MODEL
 *
 * Reads TOKENS arbitrary tokens with 1, 2 and 3 threads, in passes of up to 1,
 * 2, 7, 64 and 512 columns, in parts of 1, 64 and 512 tokens, and prints the
 * SHA-256 of all their logits if they are the same bits each time; those after
 * each part's last token also where no others are wanted.  -q: once is enough.  -p: --precise.  The instruction set is that of SOV_ISA.
 *
 * Exit status: 0 the same, 1 not.
 */
#include "uselora.h"

#include "sov/base.h"
#include "sov/hash.h"
#include "sov/model.h"
#include "sov/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTS_MAX 512

static size_t n_tokens = 70;
static struct sov_session_opts opts = { .n_logits = PARTS_MAX };
static float *want; /* [n_tokens, n_vocab] of the first way */
static size_t n_want;

struct way {
    unsigned threads;
    size_t columns, part;
    bool last; /* of a part's tokens only */
};

static int
differ(const struct way *w, size_t token, const float *row, size_t n_vocab)
{
    size_t i = 0;

    while (memcmp(&row[i], &want[token * n_vocab + i], sizeof(*row)) == 0)
        i++;
    printf("%u threads, passes of %zu, parts of %zu%s: logit %zu after token "
           "%zu is %a and not %a\n",
           w->threads, w->columns, w->part, w->last ? ", the last" : "", i,
           token, (double)row[i], (double)want[token * n_vocab + i]);
    return 1;
}

/* Logits of a way's tokens: kept, or compared; 1 if they are others. */
static int
try(sov_session *s, const struct way *w, bool keep, struct sov_err *err)
{
    size_t n_vocab = sov_session_vocab(s);
    int32_t ids[PARTS_MAX];

    for (size_t at = 0, n; at < n_tokens; at += n) {
        n = n_tokens - at < w->part ? n_tokens - at : w->part;
        for (size_t i = 0; i < n; i++)
            ids[i] = (int32_t)((at + i) * 7919 % n_vocab);
        if (sov_session_eval(s, ids, n,
                             w->last ? SOV_LOGITS_LAST : SOV_LOGITS_ALL,
                             err) < 0)
            return -1;
        for (size_t i = w->last ? n - 1 : 0; i < n; i++) {
            const float *row = sov_session_logits(s, w->last ? 0 : i);
            float *kept = want + (at + i) * n_vocab;

            if (keep)
                memcpy(kept, row, n_vocab * sizeof(*row));
            else if (memcmp(kept, row, n_vocab * sizeof(*row)) != 0)
                return differ(w, at + i, row, n_vocab);
        }
    }
    return 0;
}

static int
one_way(const sov_model *model, const struct way *w, struct sov_err *err)
{
    sov_session *s = NULL;
    bool keep = want == NULL;
    int rc;

    sov_set_threads(w->threads);
    opts.n_batch = (uint32_t)w->columns;
    opts.n_ctx = (uint32_t)n_tokens;
    rc = sov_session_open(&s, model, &opts, err);
    if (rc < 0)
        return rc;
    if (keep) {
        n_want = n_tokens * sov_session_vocab(s);
        want = calloc(n_want, sizeof(*want));
    }
    rc = want == NULL ? -1 : try(s, w, keep, err);
    sov_session_close(s);
    return rc;
}

static int
all_ways(const sov_model *model, bool quick, struct sov_err *err)
{
    static const size_t columns[] = { 64, 1, 2, 7, 512 };
    static const size_t parts[] = { 64, 1, 512 };
    int rc = 0;

    for (unsigned t = 3; t >= 1 && rc == 0; t--)
        for (size_t p = 0; p < 3 && rc == 0; p++)
            for (size_t c = 0; c < 5 && rc == 0; c++) {
                struct way w = { t, columns[c], parts[p], false };

                if (w.columns > w.part) /* no more come together */
                    continue;
                rc = one_way(model, &w, err);
                if (quick)
                    return rc;
                w.last = true;
                if (rc == 0 && w.columns >= 64)
                    rc = one_way(model, &w, err);
            }
    return rc;
}

static int
put_digest(struct sov_err *err)
{
    struct sov_digest d = { 0 };
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);

    if (rc == 0)
        rc = sov_hasher_update(h, want, n_want * sizeof(*want), err);
    if (rc == 0)
        rc = sov_hasher_final(h, &d, err);
    for (size_t i = 0; i < SOV_SHA256_LEN && rc == 0; i++)
        printf("%02x", d.sha256[i]);
    printf("\n");
    sov_hasher_free(h);
    return rc;
}

static enum sov_kv_form
kv_of(const char *name)
{
    static const char *const names[] = { "auto", "f32", "f16", "bf16", "q8" };

    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum sov_kv_form)i;
    exit(64);
}

int
main(int argc, char **argv)
{
    struct sov_err err = { 0 };
    sov_model *model = NULL;
    bool quick = false;
    int rc, c;

    while ((c = getopt(argc, argv, "n:qpk:l:")) != -1) {
        if (c == 'n')
            n_tokens = strtoul(optarg, NULL, 10);
        else if (c == 'q')
            quick = true;
        else if (c == 'p')
            opts.precise = true;
        else if (c == 'k')
            opts.kv = kv_of(optarg);
        else if (c != 'l' || use_lora(&opts, optarg, &err) < 0)
            return 64;
    }
    if (optind + 1 != argc || n_tokens == 0)
        return 64;
    rc = sov_model_open(&model, argv[optind], SOV_ACCESS_MAP, &err);
    if (rc == 0)
        rc = all_ways(model, quick, &err);
    if (rc == 0)
        rc = put_digest(&err);
    if (rc < 0)
        fprintf(stderr, "logitsum: %s\n", err.msg);
    sov_model_close(model);
    free(want);
    return rc < 0 ? 70 : rc;
}
