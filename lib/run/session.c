/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - one timeline of tokens over a model
 *
 * Always holds: positions below pos have their keys and values, in the blocks
 * of its table; whatever lies beyond is overwritten before it is read.
 */
#include "run/session.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

/* A session of the batch that is not open. */
static int
find_closed(sov_session **session, struct sov_batch *b, struct sov_err *err)
{
    uint32_t i;

    *session = NULL;
    for (i = 0; i < b->n_seq; i++)
        if (!b->session[i].open) {
            *session = &b->session[i];
            return 0;
        }
    return sov_fail(err, SOV_EMEM, "all of %" PRIu32 " sessions are open",
                    b->n_seq);
}

/* What names of blocks begin with: what makes keys and values differ, and who
 * may see them.  The model and the form are the same in all of a batch. */
static int
set_root(sov_session *s, const char *tenant, struct sov_err *err)
{
    size_t len = tenant != NULL ? strlen(tenant) : 0;
    unsigned char text[1 + SOV_TENANT_MAX];

    if (len > SOV_TENANT_MAX)
        return sov_fail(err, SOV_EARG,
                        "a tenant's name of %zu bytes, the limit is %" PRIu64,
                        len, SOV_TENANT_MAX);
    text[0] = tenant != NULL; /* an empty name is one, too */
    memcpy(text + 1, tenant != NULL ? tenant : "", len);
    sov_sha256(text, 1 + len, s->root);
    return 0;
}

int
sov_session_new(sov_session **session, sov_batch *batch, const char *tenant,
                struct sov_err *err)
{
    sov_session *s;
    int rc = find_closed(&s, batch, err);

    *session = NULL;
    if (rc == 0)
        rc = set_root(s, tenant, err);
    if (rc < 0)
        return rc;
    s->open = true;
    *session = s;
    return 0;
}

int
sov_session_fork(sov_session **fork, const sov_session *of,
                 struct sov_err *err)
{
    sov_session *s;
    uint32_t i;
    int rc = find_closed(&s, of->batch, err);

    *fork = NULL;
    if (rc < 0)
        return rc;
    s->open = true;
    s->pos = s->n_read = of->pos;
    s->n_blocks = of->n_blocks;
    s->local_first = of->local_first;
    s->local_end = of->local_end;
    memcpy(s->root, of->root, sizeof(s->root));
    memcpy(s->ids, of->ids, of->pos * sizeof(*s->ids));
    for (i = 0; i < s->n_blocks; i++) {
        s->block[i] = of->block[i];
        sov_store_hold(&s->batch->store, s->block[i]);
    }
    for (i = s->local_first; i < s->local_end; i++) {
        s->local[i] = of->local[i];
        sov_store_hold(&s->batch->local, s->local[i]);
    }
    *fork = s;
    return 0;
}

int
sov_session_open(sov_session **session, const sov_model *model,
                 const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_session_opts one = { 0 };
    sov_batch *batch;
    int rc;

    *session = NULL;
    if (opts != NULL)
        one = *opts;
    one.n_seq = 1;
    one.n_kv = 0;
    one.reuse = false;
    rc = sov_batch_open(&batch, model, &one, err);
    if (rc < 0)
        return rc;
    rc = sov_session_new(session, batch, NULL, err);
    if (rc < 0)
        sov_batch_close(batch);
    else
        (*session)->alone = true;
    return rc;
}

/* Logits of the session, and those that nobody can ask for any more. */
static void
wipe_logits(const sov_session *s)
{
    struct sov_batch *b = s->batch;
    size_t n = b->net->n_vocab;

    if (s->eval == b->eval)
        sov_mem_wipe(b->logits + s->row * n, s->n_rows * n * sizeof(float));
    sov_mem_wipe(b->logits + b->n_rows * n, b->n_stale * n * sizeof(float));
    b->n_stale = 0;
}

void
sov_session_end(sov_session *s)
{
    wipe_logits(s);
    sov_blocks_drop(s, 0);
    sov_mem_wipe(s->ids, s->n_read * sizeof(*s->ids));
    sov_mem_wipe(s->root, sizeof(s->root));
    s->pos = s->n_read = 0;
    s->n_rows = 0;
    s->eval = s->check = 0;
    s->open = false;
}

void
sov_session_close(sov_session *s)
{
    if (s == NULL)
        return;
    if (s->alone)
        sov_batch_close(s->batch);
    else
        sov_session_end(s);
}

int
sov_session_check(const struct sov_session *s, const int32_t *ids, size_t n,
                  enum sov_logits what, struct sov_err *err)
{
    const struct sov_batch *b = s->batch;
    size_t i;

    if (b->net->head.data == NULL && what != SOV_LOGITS_NONE)
        return sov_fail(err, SOV_EUNSUP,
                        "a %s makes embeddings, not the next token",
                        b->net->arch->name);
    if (n > b->n_ctx - s->pos)
        return sov_fail(err, SOV_EARG,
                        "%zu tokens after %" PRIu32
                        " do not fit in a context of %" PRIu32,
                        n, s->pos, b->n_ctx);
    if (what == SOV_LOGITS_ALL && n > b->n_logits)
        return sov_fail(err, SOV_EARG,
                        "logits of %zu tokens, the session keeps %zu", n,
                        b->n_logits);
    for (i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= b->net->n_vocab)
            return sov_fail(err, SOV_EARG,
                            "token %" PRId32 " is not among the %zu of the "
                            "model", ids[i], b->net->n_vocab);
    return 0;
}

void
sov_session_extend(struct sov_session *s, const int32_t *ids, size_t n)
{
    uint32_t from = s->pos;

    memcpy(s->ids + from, ids, n * sizeof(*ids));
    s->pos += (uint32_t)n;
    s->n_read = s->pos > s->n_read ? s->pos : s->n_read;
    sov_blocks_name(s, from);
    sov_blocks_slide(s, 0);
}

int
sov_session_eval(sov_session *s, const int32_t *ids, size_t n,
                 enum sov_logits what, struct sov_err *err)
{
    struct sov_batch_part part = { .session = s, .ids = ids, .n = n, .what = what };

    return sov_batch_eval(s->batch, &part, 1, err);
}

int
sov_session_read(struct sov_session *s, const int32_t *ids, size_t n,
                 float *logits, size_t n_out, struct sov_err *err)
{
    struct sov_batch_part part = { .session = s, .ids = ids, .n = n };
    struct sov_batch *b = s->batch;
    struct sov_stretch stretch;
    int rc = sov_nn_ready(&b->pass.nn, err);

    if (rc == 0)
        rc = sov_blocks_take(b, &part, 1, err);
    if (rc < 0)
        return rc;
    sov_blocks_slide(s, n);
    stretch = (struct sov_stretch){ .ids = ids, .n = n, .pos = s->pos,
                                    .block = s->block, .local = s->local,
                                    .n_out = n_out };
    sov_net_run(b->net, &b->pass, &stretch, 1, logits);
    sov_session_extend(s, ids, n);
    return 0;
}

/* ---- what there is */

const float *
sov_session_logits(const sov_session *s, size_t row)
{
    const struct sov_batch *b = s->batch;

    if (s->eval != b->eval || row >= s->n_rows)
        return NULL;
    return b->logits + (s->row + row) * b->net->n_vocab;
}

uint32_t
sov_session_vocab(const sov_session *s)
{
    return (uint32_t)s->batch->net->n_vocab;
}

uint32_t
sov_session_ctx(const sov_session *s)
{
    return s->batch->n_ctx;
}

uint32_t
sov_session_rows(const sov_session *s)
{
    return (uint32_t)s->batch->n_logits;
}

uint32_t
sov_session_pos(const sov_session *s)
{
    return s->pos;
}

void
sov_session_truncate(sov_session *s, uint32_t n)
{
    if (n >= s->pos)
        return;
    s->pos = sov_blocks_seen(s, n) ? n : 0;
    sov_blocks_drop(s, (uint32_t)sov_blocks_of(s->pos));
}

void
sov_session_rewind(struct sov_session *s)
{
    if (s->batch->n_seq > 1 || s->batch->reuse || s->batch->local.heads > 0)
        sov_session_truncate(s, 0);
    s->pos = 0;
}
