/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_write.c - a session into a file
 *
 * A record is made once, from front to back, through a buffer and a sum; what
 * it is of lies in blocks of the session, which may themselves be in the map of
 * the file.  A file that grows gets whole records, and loses the beginning of
 * one that failed.
 */
#include "run/saved.h"

#include "base/le.h"
#include "base/mem.h"
#include "sys/grow.h"

#include <string.h>

#define BUFFER ((size_t)256 << 10) /* a multiple of pages */

/* What is being written. */
struct out {
    sov_sink *sink; /* or NULL: */
    struct sov_saved *saved;
    uint64_t at; /* in the file, of the buffer */
    struct sov_sum *sum;
    unsigned char *buf;
    size_t n;
    unsigned char check[SOV_XXH3_LEN]; /* the end of what is before */
};

static int
out_begin(struct out *o, sov_sink *sink, struct sov_saved *s,
          struct sov_err *err)
{
    *o = (struct out){ .sink = sink, .saved = s };
    o->sum = sov_sum_new();
    o->buf = sov_mem_aligned(BUFFER / 64, 64);
    if (s != NULL) {
        o->at = s->size;
        memcpy(o->check, s->check, sizeof(o->check));
    }
    return o->sum != NULL && o->buf != NULL ? 0 : sov_mem_fail(err);
}

static void
out_end(struct out *o)
{
    sov_sum_free(o->sum);
    if (o->buf != NULL)
        sov_mem_wipe(o->buf, BUFFER);
    sov_mem_free_aligned(o->buf);
}

static int
flush(struct out *o, struct sov_err *err)
{
    int rc = o->sink != NULL ? sov_sink_write(o->sink, o->buf, o->n, err)
                             : sov_grow_put(&o->saved->file, o->buf, o->n, err);

    if (rc < 0)
        return rc;
    o->at += o->n;
    o->n = 0;
    return 0;
}

static int
put(struct out *o, const void *p, size_t len, struct sov_err *err)
{
    const unsigned char *from = p;

    while (len > 0) {
        size_t n = len < BUFFER - o->n ? len : BUFFER - o->n;
        int rc = 0;

        memcpy(o->buf + o->n, from, n);
        sov_sum_add(o->sum, from, n);
        o->n += n;
        from += n;
        len -= n;
        if (o->n == BUFFER)
            rc = flush(o, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Zeros, so that `left` bytes end a page. */
static int
pad(struct out *o, size_t left, struct sov_err *err)
{
    static const unsigned char zeros[SOV_SAVED_PAGE];
    uint64_t at = o->at + o->n + left;

    return put(
        o, zeros,
        (size_t)((SOV_SAVED_PAGE - at % SOV_SAVED_PAGE) % SOV_SAVED_PAGE), err);
}

/* The sum of all since the beginning ends it. */
static int
close_record(struct out *o, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    int rc = pad(o, sizeof(sum), err);

    if (rc < 0)
        return rc;
    sov_sum_take(o->sum, sum);
    rc = put(o, sum, sizeof(sum), err);
    if (rc == 0)
        rc = flush(o, err);
    sov_sum_take(o->sum, o->check); /* begins anew */
    memcpy(o->check, sum, sizeof(sum));
    return rc;
}

static int
put_header(struct out *o, const struct sov_saved_form *f, struct sov_err *err)
{
    unsigned char h[112] = SOV_SAVED_MAGIC;
    int rc;

    sov_put32(h + 8, SOV_SAVED_VERSION);
    sov_put32(h + 12, SOV_SAVED_PAGE);
    memcpy(h + 16, f->model, SOV_SHA256_LEN);
    memcpy(h + 48, f->adapters, SOV_SHA256_LEN);
    sov_put32(h + 80, f->kv);
    sov_put32(h + 84, f->flags);
    sov_put32(h + 88, f->n_vocab);
    sov_put32(h + 92, SOV_BLOCK);
    sov_put32(h + 96, f->heads);
    sov_put32(h + 100, f->local_heads);
    sov_put32(h + 104, f->window);
    sov_put32(h + 108, f->bytes);
    rc = put(o, h, sizeof(h), err);
    return rc == 0 ? close_record(o, err) : rc;
}

static int
put_head(struct out *o, const struct sov_saved_record *r, struct sov_err *err)
{
    unsigned char h[SOV_SAVED_HEAD] = SOV_SAVED_RECORD;

    sov_put64(h + 8, r->bytes);
    sov_put32(h + 16, r->kind);
    sov_put32(h + 20, r->pos);
    sov_put32(h + 24, r->n_read);
    sov_put32(h + 28, r->n_ids);
    sov_put32(h + 32, r->n_gone);
    sov_put64(h + 40, r->len);
    memcpy(h + 48, o->check, SOV_XXH3_LEN);
    return put(o, h, sizeof(h), err);
}

static int
put_ids(struct out *o, const int32_t *ids, size_t n, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        unsigned char b[4];

        sov_put32(b, (uint32_t)ids[i]);
        rc = put(o, b, sizeof(b), err);
    }
    return rc == 0 ? pad(o, 0, err) : rc;
}

static int
put_blocks(struct out *o, const struct sov_store *p, const uint32_t *block,
           size_t n, struct sov_err *err)
{
    int rc = 0;

    for (size_t h = 0; h < p->heads && rc == 0; h++)
        for (size_t i = 0; i < n && rc == 0; i++) {
            const struct sov_place *at = &p->at[block[i]];

            rc = put(o, at->p + h * at->step, p->bytes, err);
        }
    return rc == 0 ? pad(o, 0, err) : rc;
}

/* A record of tokens from pos on: `to` of them read, of ids[n]. */
static int
put_tokens(struct out *o, const struct sov_session *s,
           const struct sov_saved_form *f, uint32_t pos, uint32_t to,
           const int32_t *ids, size_t n, struct sov_err *err)
{
    const struct sov_batch *b = s->batch;
    struct sov_saved_record r = {
        .kind = SOV_SAVED_TOKENS,
        .pos = pos,
        .n_read = to - pos,
        .n_ids = (uint32_t)n - pos,
    };
    uint32_t first = pos / SOV_BLOCK;
    uint32_t blocks = (uint32_t)sov_blocks_of(r.n_read);
    int rc;

    if (s->local_first > first)
        r.n_gone = s->local_first - first;
    if (r.n_gone > blocks || b->local.heads == 0)
        r.n_gone = blocks;
    r.bytes = sov_saved_lay(f, &r);
    rc = put_head(o, &r, err);
    if (rc == 0)
        rc = put_ids(o, ids + pos, r.n_ids, err);
    if (rc == 0)
        rc = put_blocks(o, &b->store, s->block + first, blocks, err);
    if (rc == 0 && r.n_gone < blocks)
        rc = put_blocks(o, &b->local, s->local + first + r.n_gone,
                        blocks - r.n_gone, err);
    return rc == 0 ? close_record(o, err) : rc;
}

static int
put_messages(struct out *o, const struct sov_saved_form *f, const char *text,
             size_t len, struct sov_err *err)
{
    struct sov_saved_record r = { .kind = SOV_SAVED_MESSAGES, .len = len };
    int rc;

    r.bytes = sov_saved_lay(f, &r);
    rc = put_head(o, &r, err);
    if (rc == 0)
        rc = put(o, text, len, err);
    return rc == 0 ? close_record(o, err) : rc;
}

/* ---- a file that grows */

/* What is in the file is what was written; or nothing of it is. */
static int
settle(struct sov_saved *s, struct out *o, int rc)
{
    struct sov_err ignored;

    if (rc == 0) {
        s->size = o->at;
        memcpy(s->check, o->check, sizeof(s->check));
        s->moved = true;
        return 0;
    }
    s->broken = true;
    if (sov_grow_cut(&s->file, s->size, &ignored) < 0)
        return rc; /* whoever opens it next does that */
    return rc;
}

/* Tokens that the file and the session have read alike. */
static size_t
in_common(const struct sov_saved *s)
{
    size_t n = s->n_read < s->session->pos ? s->n_read : s->session->pos;
    size_t i = 0;

    while (i < n && s->ids[i] == s->session->ids[i])
        i++;
    return i;
}

/* The file's tokens are these now. */
static int
remember(struct sov_saved *s, size_t n_read, const int32_t *ids, size_t n,
         struct sov_err *err)
{
    void *p = s->ids;
    int rc = 0;

    while (rc == 0 && s->cap_ids < n) {
        rc = sov_mem_grow(&p, s->cap_ids, &s->cap_ids, sizeof(*s->ids), err);
        s->ids = p;
    }
    if (rc < 0)
        return rc;
    memcpy(s->ids, ids, n * sizeof(*ids));
    s->n_read = n_read;
    s->n_ids = n;
    return 0;
}

static int
append_tokens(struct sov_saved *s, size_t common, size_t to, const int32_t *ids,
              size_t n, struct sov_err *err)
{
    uint32_t pos = (uint32_t)(common - common % SOV_BLOCK);
    struct out o;
    int rc = out_begin(&o, NULL, s, err);

    if (rc == 0 && s->size == 0)
        rc = put_header(&o, &s->form, err);
    if (rc == 0)
        rc = put_tokens(&o, s->session, &s->form, pos, (uint32_t)to, ids, n,
                        err);
    rc = settle(s, &o, rc);
    out_end(&o);
    return rc == 0 ? remember(s, to, ids, n, err) : rc;
}

static int
append_messages(struct sov_saved *s, const struct sov_saved_state *state,
                struct sov_err *err)
{
    struct out o;
    int rc = out_begin(&o, NULL, s, err);

    if (rc == 0)
        rc = put_messages(&o, &s->form, state->messages, state->len, err);
    rc = settle(s, &o, rc);
    out_end(&o);
    return rc;
}

int
sov_saved_update(sov_saved *s, struct sov_err *err)
{
    size_t full = s->session->pos / SOV_BLOCK * SOV_BLOCK;
    size_t common;

    if (!s->append || s->broken || full == 0)
        return 0;
    common = in_common(s);
    if (full <= common)
        return 0;
    return append_tokens(s, common, full, s->session->ids, full, err);
}

/* Is the file what it is to be, but for messages? */
static bool
is_current(const struct sov_saved *s, size_t common,
           const struct sov_saved_state *state)
{
    return s->size > 0 && common == s->session->pos && common == s->n_read &&
           state->n == s->n_ids &&
           memcmp(state->ids, s->ids, s->n_ids * sizeof(*s->ids)) == 0;
}

int
sov_saved_finish(sov_saved *s, const struct sov_saved_state *state,
                 struct sov_err *err)
{
    size_t common;
    int rc = 0;

    if (!s->append || s->broken)
        return 0;
    common = in_common(s);
    if (!is_current(s, common, state))
        rc = append_tokens(s, common, s->session->pos, state->ids, state->n,
                           err);
    if (rc == 0 && state->messages != NULL)
        rc = append_messages(s, state, err);
    if (rc == 0)
        rc = sov_grow_sync(&s->file, err);
    return rc;
}

/* ---- all of it */

int
sov_saved_write(const sov_session *session, const struct sov_saved_state *state,
                sov_sink *sink, struct sov_err *err)
{
    struct sov_saved_form form = { 0 };
    struct out o;
    int rc = out_begin(&o, sink, NULL, err);

    if (rc == 0)
        rc = sov_saved_form_of(session->batch, &form, err);
    if (rc == 0)
        rc = put_header(&o, &form, err);
    if (rc == 0)
        rc = put_tokens(&o, session, &form, 0, session->pos, state->ids,
                        state->n, err);
    if (rc == 0 && state->messages != NULL)
        rc = put_messages(&o, &form, state->messages, state->len, err);
    out_end(&o);
    return rc;
}
