/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.c - what a model makes of whole texts
 *
 * Short texts are read several in one pass.  Their keys stand behind each
 * other in the caches, within one span of them and with pages each from the
 * beginning of one, so that all sums are those of a text that is read alone.
 */
#include "run/session.h"

#include <math.h>
#include <string.h>

enum sov_pool
sov_session_pool(const sov_session *s)
{
    static const enum sov_pool pools[] = { SOV_POOL_NONE, SOV_POOL_MEAN,
                                           SOV_POOL_CLS, SOV_POOL_LAST,
                                           SOV_POOL_RANK };
    int pool = s->batch->net->hp.pool;

    if (pool >= 0 && pool < (int)(sizeof(pools) / sizeof(pools[0])))
        return pools[pool];
    return s->batch->net->arch->encoder ? SOV_POOL_MEAN : SOV_POOL_LAST;
}

uint32_t
sov_session_width(const sov_session *s)
{
    return s->batch->net->hp.n_embd;
}

uint32_t
sov_session_scores(const sov_session *s)
{
    const struct sov_net *net = s->batch->net;

    return net->rank.data != NULL || net->rank_out.data != NULL
               ? net->hp.n_label
               : 0;
}

/* ---- one vector for a text */

/* Is one token the whole text, and is it the last? */
static bool
of_last(const sov_session *s, enum sov_pool pool)
{
    return pool == SOV_POOL_LAST ||
           (pool == SOV_POOL_RANK && s->batch->net->arch->rank_last);
}

/* Which of part tokens, of n the ones from at on, are wanted: the last so
 * many. */
static size_t
wanted(const sov_session *s, enum sov_pool pool, size_t at, size_t part,
       size_t n)
{
    if (of_last(s, pool))
        return at + part == n ? 1 : 0;
    return (pool == SOV_POOL_CLS || pool == SOV_POOL_RANK) && at > 0 ? 0 : part;
}

/* y = W x; x and y may be in the memory of the pass. */
static void
product(const sov_session *s, const struct sov_mat *w, const float *x, float *y)
{
    const struct sov_pass *pass = &s->batch->pass;
    struct sov_input in = {
        .x = x,
        .stride = w->n_in,
        .n = w->n_in,
        .n_cols = 1,
        .forms = sov_mat_forms(&pass->nn, w, 1),
        .a32 = pass->a32,
        .a256 = pass->a256,
        .half = pass->half,
        .bf16 = pass->bf16,
    };
    const struct sov_mul mul = { w, y, w->n_out };

    sov_input_column(&pass->nn, &in, 0);
    sov_mat_mul(&pass->nn, &mul, 1, &in);
}

/*
 * Scores of what stands for a text: tanh of one layer, then another, of which
 * a model may have one alone.
 */
static void
rank(const sov_session *s, const float *state, float *out)
{
    const struct sov_net *net = s->batch->net;
    const struct sov_kern *k = s->batch->pass.nn.k;
    size_t n = net->hp.n_label;
    const float *x = state;

    if (net->rank.data != NULL) {
        product(s, &net->rank, state, s->batch->pass.part);
        sov_fn_cap(k, 1, s->batch->pass.part, net->rank.n_out);
        x = s->batch->pass.part;
    }
    if (net->rank_out.data != NULL)
        product(s, &net->rank_out, x, out);
    else
        memcpy(out, x, n * sizeof(*out));
    if (net->arch->rank_last) { /* they are shares of one */
        k->exp(out, n, k->max(out, n));
        sov_times(1.0f / k->sum(out, n), out, n);
    }
}

/* n embeddings go through what comes behind them. */
static void
widen(const sov_session *s, float *x, size_t n)
{
    const struct sov_mat *w = s->batch->net->dense;
    size_t i;

    for (i = 0; i < n && w[0].data != NULL; i++) {
        product(s, &w[0], x + i * w[0].n_in, s->batch->pass.dense);
        product(s, &w[1], s->batch->pass.dense, x + i * w[0].n_in);
    }
}

/*
 * The states of some tokens, from number at on, of a text of n go to what is
 * made of all of them.
 */
static void
pool_states(const sov_session *s, enum sov_pool pool, const float *state,
            size_t at, size_t n_states, size_t n, float *out)
{
    size_t width = s->batch->net->hp.n_embd;
    size_t i;

    if (pool == SOV_POOL_NONE)
        memcpy(out + at * width, state, n_states * width * sizeof(*out));
    else if (pool == SOV_POOL_RANK && n_states > 0)
        rank(s, state, out);
    else if (pool != SOV_POOL_MEAN && n_states > 0)
        memcpy(out, state, width * sizeof(*out));
    if (pool == SOV_POOL_MEAN && at == 0)
        memset(out, 0, width * sizeof(*out));
    for (i = 0; i < n_states && pool == SOV_POOL_MEAN; i++)
        sov_add(state + i * width, out, width);
    if (pool == SOV_POOL_MEAN && at + n_states == n)
        sov_times(1.0f / (float)n, out, width);
    if (pool == SOV_POOL_NONE)
        widen(s, out + at * width, n_states);
    else if (pool != SOV_POOL_RANK && n_states > 0 &&
             (pool != SOV_POOL_MEAN || at + n_states == n))
        widen(s, out, 1);
}

static int
check_pool(const sov_session *s, enum sov_pool *pool, struct sov_err *err)
{
    if (*pool < SOV_POOL_AUTO || *pool > SOV_POOL_RANK)
        return sov_fail(err, SOV_EARG, "an embedding by way %d", (int)*pool);
    if (*pool == SOV_POOL_AUTO)
        *pool = sov_session_pool(s);
    if (*pool == SOV_POOL_RANK && sov_session_scores(s) == 0)
        return sov_fail(err, SOV_EUNSUP,
                        "the model gives texts no scores: it has neither "
                        "cls.weight nor cls.output.weight");
    return 0;
}

static int
check_text(sov_session *s, const int32_t *ids, size_t n, struct sov_err *err)
{
    sov_session_rewind(s);
    s->n_rows = 0;
    if (n == 0)
        return sov_fail(err, SOV_EARG, "an embedding of no tokens");
    return sov_session_check(s, ids, n, SOV_LOGITS_NONE, err);
}

/* A text alone, in as many passes as it takes. */
static int
embed_one(sov_session *s, const struct sov_text_ids *text, enum sov_pool pool,
          float *out, struct sov_err *err)
{
    size_t n = text->n;
    size_t at, part;
    int rc;

    sov_session_rewind(s);
    for (at = 0; at < n; at += part) {
        size_t want;

        part = s->batch->pass.n_batch;
        part = n - at < part ? n - at : part;
        want = wanted(s, pool, at, part, n);
        rc = sov_session_read(s, text->ids + at, part, NULL, want, err);
        if (rc < 0)
            return rc;
        pool_states(s, pool, s->batch->pass.norm, at, want, n, out);
    }
    return 0;
}

/* ---- several texts in one pass */

/* Numbers that a text becomes. */
static size_t
out_size(const sov_session *s, enum sov_pool pool, size_t n)
{
    size_t width = s->batch->net->hp.n_embd;

    if (pool == SOV_POOL_RANK)
        return s->batch->net->hp.n_label;
    return pool == SOV_POOL_NONE ? n * width : width;
}

/* The first texts, as many as one pass may hold: 1 or more. */
static size_t
fitting(const sov_session *s, const struct sov_text_ids *text, size_t n_texts)
{
    size_t n_ctx = s->batch->n_ctx;
    size_t keys = n_ctx < SOV_SPAN_KEYS ? n_ctx : SOV_SPAN_KEYS;
    size_t most = s->batch->pass.n_batch;
    size_t align = s->batch->kv_form == SOV_KV_Q8 ? SOV_PAGE_KEYS : 1;
    size_t columns = 0, slot = 0;
    size_t i;

    if (s->batch->local.heads > 0 && most < keys)
        keys = most; /* so much there is of windows at once */
    for (i = 0; i < n_texts; i++) {
        size_t n = text[i].n;

        slot = (slot + align - 1) / align * align;
        if (n > most - columns || slot > keys || n > keys - slot)
            break;
        columns += n;
        slot += n;
    }
    return i > 0 ? i : 1;
}

static int
embed_several(sov_session *s, const struct sov_text_ids *text, size_t n_texts,
              enum sov_pool pool, float *out, struct sov_err *err)
{
    size_t align = s->batch->kv_form == SOV_KV_Q8 ? SOV_PAGE_KEYS : 1;
    size_t width = s->batch->net->hp.n_embd;
    const float *state = s->batch->pass.norm;
    bool one = pool != SOV_POOL_NONE && pool != SOV_POOL_MEAN;
    struct sov_batch_part part = { .session = s };
    size_t i;
    int rc;

    sov_session_rewind(s);
    for (i = 0; i < n_texts; i++)
        part.n = (part.n + align - 1) / align * align + text[i].n;
    rc = sov_blocks_take(s->batch, &part, 1, err);
    if (rc < 0)
        return rc;
    sov_blocks_slide(s, part.n);
    s->n_read = part.n > s->n_read ? (uint32_t)part.n : s->n_read;
    sov_net_run_texts(s->batch->net, &s->batch->pass, text, n_texts, align,
                      s->block, s->local);
    for (i = 0; i < n_texts; i++) {
        size_t n = text[i].n;
        size_t skip = of_last(s, pool) ? n - 1 : 0;

        pool_states(s, pool, state + skip * width, 0, one ? 1 : n, n, out);
        state += n * width;
        out += out_size(s, pool, n);
    }
    return 0;
}

int
sov_session_embed_texts(sov_session *s, const struct sov_text_ids *text,
                        size_t n_texts, enum sov_pool pool, float *out,
                        struct sov_err *err)
{
    size_t i, n;
    int rc = check_pool(s, &pool, err);

    for (i = 0; i < n_texts && rc == 0; i++)
        rc = check_text(s, text[i].ids, text[i].n, err);
    if (rc == 0)
        rc = sov_nn_ready(&s->batch->pass.nn, err);
    if (rc < 0)
        return rc;
    for (; n_texts > 0; text += n, n_texts -= n) {
        n = fitting(s, text, n_texts);
        if (n == 1)
            rc = embed_one(s, text, pool, out, err);
        else
            rc = embed_several(s, text, n, pool, out, err);
        if (rc < 0)
            return rc;
        for (i = 0; i < n; i++)
            out += out_size(s, pool, text[i].n);
    }
    return 0;
}

int
sov_session_embed(sov_session *s, const int32_t *ids, size_t n,
                  enum sov_pool pool, float *out, struct sov_err *err)
{
    const struct sov_text_ids text = { ids, n };

    return sov_session_embed_texts(s, &text, 1, pool, out, err);
}

void
sov_embedding_normalize(float *x, size_t n)
{
    float square = sov_kern()->sumsq(x, n);

    if (square > 0)
        sov_times(1.0f / sqrtf(square), x, n);
}

bool
sov_embedding_halves(const float *x, size_t n, void *out)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (fabsf(x[i]) >= 65520)
            return false;
    sov_kern()->encode[SOV_TYPE_F16](x, NULL, out, n, 1);
    return true;
}
