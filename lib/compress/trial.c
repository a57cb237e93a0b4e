/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.c - how a model answers with other weights in some places
 */
#include "compress/trial.h"

#include "base/mem.h"
#include "fmt/model.h"
#include "sov/measure.h"
#include "sov/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the model's own answers may take. */
#define KEEP_MAX (UINT64_C(256) << 20)

struct sov_trial {
    const sov_model *model;
    sov_model *lent;
    const sov_tok *tok;
    int32_t *ids; /* owned: of all windows */
    size_t n;
    uint32_t n_ctx;
    sov_answers *own; /* what the model says */
};

static int
open_session(sov_session **s, const struct sov_trial *t, const sov_model *model,
             struct sov_err *err)
{
    const struct sov_session_opts opts = {
        .n_ctx = t->n_ctx,
        .n_logits = SOV_PPL_ROWS,
        .kv = SOV_KV_F16,
    };

    return sov_session_open(s, model, &opts, err);
}

/* Windows at equal distances, as many as are wanted and can be kept, and half
 * of all at most: the others are between them. */
static int
choose_windows(struct sov_trial *t, const struct sov_trial_text *text,
               uint32_t n_vocab, struct sov_err *err)
{
    uint64_t all = text->n / text->n_ctx, want = text->tokens / text->n_ctx;
    uint64_t row = (uint64_t)n_vocab * sizeof(float);
    uint64_t most = KEEP_MAX / (row * (text->n_ctx - text->n_ctx / 2));

    if (all == 0)
        return sov_fail(err, SOV_EARG,
                        "the text has %zu tokens, one window %" PRIu32, text->n,
                        text->n_ctx);
    want = want < (all + 1) / 2 ? want : (all + 1) / 2;
    want = want < most ? want : most;
    want = want > 0 ? want : 1;
    t->n_ctx = text->n_ctx;
    t->n = (size_t)want * t->n_ctx;
    t->ids = sov_mem_array(t->n, sizeof(*t->ids));
    if (t->ids == NULL)
        return sov_mem_fail(err);
    for (uint64_t i = 0; i < want; i++) {
        uint64_t k = 2 * i + (text->between ? 0 : 1);

        memcpy(t->ids + i * t->n_ctx,
               text->ids + k * all / (2 * want) * t->n_ctx,
               t->n_ctx * sizeof(*t->ids));
    }
    return 0;
}

static int
keep_own(struct sov_trial *t, sov_session *s, struct sov_err *err)
{
    struct sov_diverge_opts o = {
        .base = s,
        .tok = t->tok,
        .ids = t->ids,
        .n = t->n,
        .n_ctx = t->n_ctx,
    };
    struct sov_divergence d;
    int rc = sov_answers_new(&t->own, t->n_ctx, sov_session_vocab(s), t->ids,
                            t->n, err);

    o.keep = t->own;
    return rc == 0 ? sov_diverge(&o, &d, err) : rc;
}

static int
prepare(struct sov_trial *t, sov_model *model,
        const struct sov_trial_text *text, struct sov_err *err)
{
    sov_session *s = NULL;
    int rc;

    t->model = model;
    t->tok = text->tok;
    t->n_ctx = text->n_ctx;
    rc = open_session(&s, t, model, err);
    if (rc == 0)
        rc = choose_windows(t, text, sov_session_vocab(s), err);
    if (rc == 0)
        rc = keep_own(t, s, err);
    sov_session_close(s);
    if (rc == 0)
        rc = sov_model_lend(&t->lent, model, err);
    return rc;
}

int
sov_trial_new(struct sov_trial **trial, sov_model *model,
              const struct sov_trial_text *text, struct sov_err *err)
{
    struct sov_trial *t = sov_mem_array(1, sizeof(*t));
    int rc;

    *trial = NULL;
    if (t == NULL)
        return sov_mem_fail(err);
    rc = prepare(t, model, text, err);
    if (rc < 0) {
        sov_trial_free(t);
        return rc;
    }
    *trial = t;
    return 0;
}

void
sov_trial_free(struct sov_trial *t)
{
    if (t == NULL)
        return;
    sov_model_close(t->lent);
    sov_answers_close(t->own);
    free(t->ids);
    free(t);
}

size_t
sov_trial_tokens(const struct sov_trial *t)
{
    return t->n;
}

void
sov_trial_put(struct sov_trial *t, size_t i, enum sov_type type,
              const void *blocks)
{
    sov_model_put(t->lent, t->model, i, type, blocks);
}

int
sov_trial_run(struct sov_trial *t, double *kld, struct sov_err *err)
{
    sov_session *s = NULL;
    struct sov_diverge_opts o = { .file = t->own, .tok = t->tok };
    struct sov_divergence d;
    int rc = open_session(&s, t, t->lent, err);

    o.session = s;
    if (rc == 0)
        rc = sov_diverge(&o, &d, err);
    sov_session_close(s);
    if (rc == 0)
        *kld = d.kld.value;
    return rc;
}
