/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - one timeline of tokens over a model
 *
 * Owns the net (what binds the model's weights), the keys and values of what
 * was read, and the memory of one pass.  Always holds: positions below pos
 * have their keys and values; whatever lies beyond is overwritten before it is
 * read.
 */
#include "run/session.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

#define BATCH_DEFAULT 256

static uint64_t
model_weights(const sov_model *model)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < sov_model_count(model); i++)
        sum += sov_model_at(model, i)->size;
    return sum;
}

/* Of the rows of a cache. */
static const enum sov_type row_types[] = {
    [SOV_KV_F32] = SOV_TYPE_F32,
    [SOV_KV_F16] = SOV_TYPE_F16,
    [SOV_KV_BF16] = SOV_TYPE_BF16,
    [SOV_KV_Q8] = SOV_TYPE_F32, /* not used */
};

/*
 * Caches of all layers, cut from an arena; in one pass only counted.  A layer
 * that sees a window needs the keys of one before its first token, and those
 * of the tokens that are read at once.
 */
static void
place_kv(struct sov_session *s, struct sov_arena *a)
{
    const struct sov_hparams *hp = &s->net->hp;
    uint64_t seen = (uint64_t)hp->window + s->pass.n_batch;
    uint64_t k_bytes, v_bytes;
    size_t i;

    for (i = 0; i < hp->n_layer; i++) {
        struct sov_cache *kv = &s->pass.kv[i];

        kv->paged = s->kv_form == SOV_KV_Q8;
        kv->type = row_types[s->kv_form];
        kv->n_kv = hp->n_kv[i];
        kv->n_ctx = s->n_ctx;
        kv->k_len = hp->k_len;
        kv->v_len = hp->v_len;
        kv->n_slots = sov_cache_slots(kv, hp->local[i] ? seen : s->n_ctx);
        sov_cache_bytes(kv, &k_bytes, &v_bytes);
        kv->k = sov_arena_take(a, k_bytes, 1);
        kv->v = sov_arena_take(a, v_bytes, 1);
    }
}

static int
too_large(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "a context of that size does not fit in "
                                   "memory");
}

/*
 * Eight bits unless it is the reference, where activations have no fewer, or
 * an encoder, which keeps them for one text only; heads too long for that stay
 * halves.
 */
static int
choose_kv(struct sov_session *s, enum sov_kv_form kv, struct sov_err *err)
{
    const struct sov_hparams *hp = &s->net->hp;
    bool too_long = hp->k_len > SOV_PAGE_LEN || hp->v_len > SOV_PAGE_LEN;
    bool exact = s->pass.nn.precise || s->net->arch->encoder;

    if (kv < SOV_KV_AUTO || kv > SOV_KV_Q8)
        return sov_fail(err, SOV_EARG, "a cache of form %d", (int)kv);
    if (kv == SOV_KV_Q8 && too_long)
        return sov_fail(err, SOV_EUNSUP,
                        "heads of %" PRIu32 " keys and %" PRIu32
                        " values; eight bits are for up to %" PRIu64,
                        hp->k_len, hp->v_len, SOV_PAGE_LEN);
    if (kv == SOV_KV_AUTO && exact)
        kv = SOV_KV_F32;
    else if (kv == SOV_KV_AUTO)
        kv = too_long ? SOV_KV_F16 : SOV_KV_Q8;
    s->kv_form = kv;
    return 0;
}

/* How many tokens are kept, read at once, and get logits. */
static int
choose_sizes(struct sov_session *s, const struct sov_session_opts *opts,
             struct sov_err *err)
{
    const struct sov_net *net = s->net;
    uint32_t most = net->hp.n_ctx;

    s->n_ctx = most < SOV_CTX_DEFAULT ? most : SOV_CTX_DEFAULT;
    if (opts->n_ctx > SOV_CTX_MAX)
        return sov_fail(err, SOV_EARG, "a context of %" PRIu32 " tokens",
                        opts->n_ctx);
    if (opts->n_ctx != 0)
        s->n_ctx = opts->n_ctx;
    if (net->places.data != NULL && s->n_ctx > net->places.n_out)
        return sov_fail(err, SOV_EARG,
                        "a context of %" PRIu32 " tokens, but the model has "
                        "%zu positions", s->n_ctx, net->places.n_out);
    s->pass.n_batch = opts->n_batch != 0 ? opts->n_batch : BATCH_DEFAULT;
    if (s->pass.n_batch > s->n_ctx || net->arch->encoder)
        s->pass.n_batch = s->n_ctx;
    s->n_logits = opts->n_logits != 0 ? opts->n_logits : 1;
    if (s->n_logits > s->n_ctx)
        s->n_logits = s->n_ctx;
    if (net->head.data == NULL)
        s->n_logits = 0;
    return 0;
}

/* Set the sizes of a session from its options, and count its memory. */
static int
plan(struct sov_session *s, const struct sov_session_opts *opts,
     struct sov_session_memory *mem, struct sov_err *err)
{
    const struct sov_hparams *hp = &s->net->hp;
    struct sov_arena work = { 0 };
    struct sov_arena kv = { 0 };
    struct sov_arena logits = { 0 };
    int rc = choose_sizes(s, opts, err);

    s->pass.nn.k = sov_kern();
    s->pass.nn.precise = opts->precise;
    if (rc == 0)
        rc = choose_kv(s, opts->kv, err);
    if (rc < 0)
        return rc;

    s->pass.kv = sov_mem_array(hp->n_layer, sizeof(*s->pass.kv));
    if (s->pass.kv == NULL)
        return sov_mem_fail(err);
    place_kv(s, &kv);
    if (sov_pass_place(&s->pass, s->net, &work) < 0)
        return too_large(err);
    sov_arena_take(&logits, (uint64_t)s->n_logits * s->net->n_vocab,
                   sizeof(float));
    sov_arena_take(&work, (uint64_t)s->pass.nn.room * sizeof(float),
                   sov_threads());
    if (kv.overflow || logits.overflow || work.overflow)
        return too_large(err);
    mem->kv = kv.used;
    mem->work = work.used;
    mem->logits = logits.used;
    mem->other = opts->other;
    if (__builtin_add_overflow(kv.used, work.used, &mem->total) ||
        __builtin_add_overflow(mem->total, logits.used, &mem->total) ||
        __builtin_add_overflow(mem->total, mem->other, &mem->total) ||
        __builtin_add_overflow(mem->total, mem->weights, &mem->total))
        return too_large(err);
    return 0;
}

/* The first cache line in p, which has room for one more than is used. */
static unsigned char *
line_of(void *p)
{
    return (unsigned char *)p + (64 - (uintptr_t)p % 64) % 64;
}

/*
 * Take the memory that was counted.  The system gives zeros page by page, as
 * they are touched, so a short prompt takes little of it.
 */
static int
take(struct sov_session *s, const struct sov_session_memory *mem,
     struct sov_err *err)
{
    struct sov_arena a = { 0 };

    if (mem->total > SIZE_MAX / 2)
        return too_large(err);
    s->work = sov_mem_array((size_t)mem->work + 64, 1);
    s->kv = sov_mem_array((size_t)mem->kv + 64, 1);
    s->logits = sov_mem_array((size_t)mem->logits, 1);
    if (s->work == NULL || s->kv == NULL || s->logits == NULL)
        return sov_mem_fail(err);
    a.base = line_of(s->work);
    if (sov_pass_place(&s->pass, s->net, &a) < 0)
        return too_large(err);
    a = (struct sov_arena){ .base = line_of(s->kv) };
    place_kv(s, &a);
    return sov_nn_ready(&s->pass.nn, err);
}

/* Begin to bring the weights in; without memory for the list nobody does. */
static void
read_ahead(struct sov_session *s)
{
    size_t n = sov_net_parts(s->net, NULL);
    struct sov_span *part = sov_mem_array(n, sizeof(*part));

    if (part == NULL)
        return;
    sov_net_parts(s->net, part);
    s->pass.ahead = sov_ahead_start(part, n);
    free(part);
}

void
sov_session_close(sov_session *s)
{
    if (s == NULL)
        return;
    sov_ahead_stop(s->pass.ahead);
    sov_nn_done(&s->pass.nn);
    sov_net_close(s->net);
    free(s->work);
    free(s->kv);
    free(s->logits);
    free(s->pass.kv);
    free(s);
}

/* A session whose sizes are known and whose memory is not yet taken. */
static int
prepare(sov_session **session, const sov_model *model,
        const struct sov_session_opts *opts, struct sov_session_memory *mem,
        struct sov_err *err)
{
    struct sov_session *s = sov_mem_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sov_mem_fail(err);
    mem->weights = model_weights(model);
    rc = sov_net_open(&s->net, model, err);
    if (rc == 0)
        rc = plan(s, opts, mem, err);
    if (rc < 0) {
        sov_session_close(s);
        return rc;
    }
    *session = s;
    return 0;
}

static const struct sov_session_opts defaults = { 0 };

int
sov_session_measure(const sov_model *model,
                    const struct sov_session_opts *opts,
                    struct sov_session_memory *mem, struct sov_err *err)
{
    struct sov_session_memory m = { 0 };
    sov_session *s = NULL;
    int rc = prepare(&s, model, opts != NULL ? opts : &defaults, &m, err);

    if (rc < 0)
        return rc;
    sov_session_close(s);
    *mem = m;
    return 0;
}

int
sov_session_open(sov_session **session, const sov_model *model,
                 const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_session_memory mem = { 0 };
    sov_session *s = NULL;
    int rc;

    *session = NULL;
    opts = opts != NULL ? opts : &defaults;
    rc = prepare(&s, model, opts, &mem, err);
    if (rc < 0)
        return rc;
    if (opts->max_memory != 0 && mem.total > opts->max_memory)
        rc = sov_fail(err, SOV_EMEM,
                      "%" PRIu64 " bytes are needed (weights %" PRIu64
                      ", keys and values %" PRIu64 "), %" PRIu64
                      " are allowed",
                      mem.total, mem.weights, mem.kv, opts->max_memory);
    else
        rc = take(s, &mem, err);
    if (rc < 0) {
        sov_session_close(s);
        return rc;
    }
    read_ahead(s);
    *session = s;
    return 0;
}

int
sov_session_check(const struct sov_session *s, const int32_t *ids, size_t n,
                  enum sov_logits what, struct sov_err *err)
{
    size_t i;

    if (s->net->head.data == NULL && what != SOV_LOGITS_NONE)
        return sov_fail(err, SOV_EUNSUP,
                        "a %s makes embeddings, not the next token",
                        s->net->arch->name);
    if (n > s->n_ctx - s->pos)
        return sov_fail(err, SOV_EARG,
                        "%zu tokens after %" PRIu32
                        " do not fit in a context of %" PRIu32,
                        n, s->pos, s->n_ctx);
    if (what == SOV_LOGITS_ALL && n > s->n_logits)
        return sov_fail(err, SOV_EARG,
                        "logits of %zu tokens, the session keeps %zu", n,
                        s->n_logits);
    for (i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= s->net->n_vocab)
            return sov_fail(err, SOV_EARG,
                            "token %" PRId32 " is not among the %zu of the "
                            "model", ids[i], s->net->n_vocab);
    return 0;
}

int
sov_session_eval(sov_session *s, const int32_t *ids, size_t n,
                 enum sov_logits what, struct sov_err *err)
{
    size_t at, part, rows;
    int rc = sov_session_check(s, ids, n, what, err);

    if (rc == 0)
        rc = sov_nn_ready(&s->pass.nn, err); /* threads may have been added */
    if (rc < 0)
        return rc;
    s->n_rows = 0;
    for (at = 0; at < n; at += part) {
        part = n - at < s->pass.n_batch ? n - at : s->pass.n_batch;
        rows = 0;
        if (what == SOV_LOGITS_ALL)
            rows = part;
        else if (what == SOV_LOGITS_LAST && at + part == n)
            rows = 1;
        sov_net_run(s->net, &s->pass, ids + at, part, s->pos,
                    s->logits + s->n_rows * s->net->n_vocab, rows);
        s->pos += (uint32_t)part;
        s->n_rows += rows;
    }
    return 0;
}

/* ---- what there is */

const float *
sov_session_logits(const sov_session *s, size_t row)
{
    return row < s->n_rows ? s->logits + row * s->net->n_vocab : NULL;
}

uint32_t
sov_session_vocab(const sov_session *s)
{
    return (uint32_t)s->net->n_vocab;
}

uint32_t
sov_session_ctx(const sov_session *s)
{
    return s->n_ctx;
}

uint32_t
sov_session_rows(const sov_session *s)
{
    return (uint32_t)s->n_logits;
}

uint32_t
sov_session_pos(const sov_session *s)
{
    return s->pos;
}

/* Are the keys still there that a token at pos would see? */
static bool
has_window(const struct sov_session *s, uint32_t pos)
{
    const struct sov_hparams *hp = &s->net->hp;
    uint32_t first = pos + 1 > hp->window ? pos + 1 - hp->window : 0;
    size_t i;

    for (i = 0; i < hp->n_layer; i++)
        if (hp->local[i] && s->pos - first > s->pass.kv[i].n_slots)
            return false;
    return true;
}

void
sov_session_truncate(sov_session *s, uint32_t n)
{
    if (n < s->pos)
        s->pos = has_window(s, n) ? n : 0;
}
