/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teacher.c - what a model says of the tokens of a unit
 *
 * Owns a batch with a few sessions.  Each reads one sequence at a time, so
 * that short sequences, of which a slab has several, go through the model
 * together.  A sequence that a slab ends within stays in its session, and the
 * next slab goes on there; whoever asks in another order has it read again.
 */
#include "distill/teacher.h"

#include "base/limits.h"
#include "base/mem.h"
#include "distill/vocab.h"
#include "run/saved.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 16 /* at most */
#define NONE     SIZE_MAX

/* Tokens [from, from + n) of a sequence, whose logits are wanted. */
struct part {
    size_t slot; /* session */
    size_t from, n;
    size_t row; /* of what was asked for */
};

struct sov_teacher {
    const sov_model *model;
    struct sov_teacher_opts opts;
    sov_batch *batch;
    size_t n_sessions;
    sov_session *session[SESSIONS];
    size_t holds[SESSIONS]; /* sequence of the unit, or NONE */
    size_t n_common;        /* tokens that both have */

    /* the unit */
    size_t n_seq;
    const size_t *first;
    const int32_t *ids;

    /* the slab */
    struct part part[SESSIONS];
    size_t n_parts;
    sov_real *z;
    size_t stride;
    bool strange[SOV_SLAB];
};

static size_t
sessions_of(const struct sov_teacher_opts *opts)
{
    size_t n = SOV_SLAB / opts->n_ctx + 1;

    return n < 2 ? 2 : n > SESSIONS ? SESSIONS : n;
}

static struct sov_session_opts
session_opts(const struct sov_teacher_opts *opts)
{
    return (struct sov_session_opts){
        .n_ctx = (uint32_t)opts->n_ctx,
        .n_batch = SOV_SLAB,
        .n_logits = SOV_SLAB,
        .n_seq = (uint32_t)sessions_of(opts),
        .precise = opts->precise,
        .kv = opts->kv,
        .lora = opts->lora,
        .n_lora = opts->n_lora,
    };
}

static int
check_opts(const struct sov_teacher_opts *opts, struct sov_err *err)
{
    if (opts->n_ctx > 0 && opts->n_ctx <= SOV_CTX_MAX)
        return 0;
    return sov_fail(err, SOV_EARG, "a teacher for sequences of %zu tokens",
                    opts->n_ctx);
}

static int
open_sessions(sov_teacher *t, struct sov_err *err)
{
    struct sov_session_opts o = session_opts(&t->opts);
    int rc = sov_batch_open(&t->batch, t->model, &o, err);

    for (size_t i = 0; i < t->n_sessions && rc == 0; i++) {
        rc = sov_session_new(&t->session[i], t->batch, NULL, err);
        t->holds[i] = NONE;
    }
    if (rc == 0 && sov_session_vocab(t->session[0]) < t->n_common)
        t->n_common = sov_session_vocab(t->session[0]);
    return rc;
}

int
sov_teacher_open(sov_teacher **teacher, const sov_model *model,
                 const struct sov_teacher_opts *opts, struct sov_err *err)
{
    size_t n_common = 0;
    sov_teacher *t;
    int rc = check_opts(opts, err);

    *teacher = NULL;
    if (rc == 0)
        rc = sov_vocab_same(sov_model_meta(model), opts->student, &n_common,
                            err);
    if (rc < 0)
        return rc;
    t = sov_mem_array(1, sizeof(*t));
    if (t == NULL)
        return sov_mem_fail(err);
    t->model = model;
    t->opts = *opts;
    t->n_sessions = sessions_of(opts);
    t->n_common = n_common < opts->n_vocab ? n_common : opts->n_vocab;
    rc = open_sessions(t, err);
    if (rc < 0) {
        sov_teacher_close(t);
        return rc;
    }
    *teacher = t;
    return 0;
}

void
sov_teacher_close(sov_teacher *t)
{
    if (t == NULL)
        return;
    sov_batch_close(t->batch);
    free(t);
}

int
sov_teacher_measure(const sov_model *model, const struct sov_teacher_opts *opts,
                    uint64_t *bytes, struct sov_err *err)
{
    struct sov_session_memory mem;
    struct sov_session_opts o;
    int rc = check_opts(opts, err);

    if (rc < 0)
        return rc;
    o = session_opts(opts);
    rc = sov_session_measure(model, &o, &mem, err);
    if (rc == 0)
        *bytes = mem.kv + mem.work + mem.logits;
    return rc;
}

size_t
sov_teacher_common(const sov_teacher *t)
{
    return t->n_common;
}

size_t
sov_teacher_vocab(const sov_teacher *t)
{
    return t->opts.n_vocab;
}

int
sov_teacher_unit(sov_teacher *t, size_t n_seq, const size_t *first,
                 const int32_t *ids, struct sov_err *err)
{
    for (size_t s = 0; s < n_seq; s++)
        if (first[s + 1] - first[s] > t->opts.n_ctx)
            return sov_fail(err, SOV_EARG,
                            "a sequence of %zu tokens, the teacher was opened "
                            "for %zu",
                            first[s + 1] - first[s], t->opts.n_ctx);
    t->n_seq = n_seq;
    t->first = first;
    t->ids = ids;
    for (size_t i = 0; i < t->n_sessions; i++)
        t->holds[i] = NONE;
    return 0;
}

/* ---- a slab */

/* The sequence that has token i. */
static size_t
sequence_of(const sov_teacher *t, size_t i)
{
    size_t low = 0, high = t->n_seq;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (t->first[mid] <= i)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* A session that has read sequence s up to position pos. */
static int
stand_at(sov_teacher *t, size_t slot, size_t s, size_t pos, struct sov_err *err)
{
    sov_session *session = t->session[slot];
    size_t at;

    sov_session_truncate(session, t->holds[slot] == s ? (uint32_t)pos : 0);
    t->holds[slot] = s;
    at = sov_session_pos(session);
    return at == pos ? 0
                     : sov_session_eval(session, t->ids + t->first[s] + at,
                                        pos - at, SOV_LOGITS_NONE, err);
}

/* The session for sequence s: the one that holds it, or one that holds none
 * that the rest of this slab goes on with. */
static size_t
slot_for(const sov_teacher *t, size_t s)
{
    bool taken[SESSIONS] = { false };
    size_t free_one = 0;

    for (size_t i = 0; i < t->n_parts; i++)
        taken[t->part[i].slot] = true;
    for (size_t i = t->n_sessions; i > 0; i--) {
        if (t->holds[i - 1] == s)
            return i - 1;
        if (!taken[i - 1])
            free_one = i - 1;
    }
    return free_one;
}

/* Parts of as many sequences as there are sessions, from token `at` up to
 * `end`; gives where they end. */
static int
gather(sov_teacher *t, size_t *at, size_t end, size_t row, struct sov_err *err)
{
    int rc = 0;

    t->n_parts = 0;
    while (*at < end && t->n_parts < t->n_sessions && rc == 0) {
        size_t s = sequence_of(t, *at);
        size_t stop = t->first[s + 1] < end ? t->first[s + 1] : end;
        size_t slot = slot_for(t, s);

        rc = stand_at(t, slot, s, *at - t->first[s], err);
        t->part[t->n_parts++] = (struct part){ slot, *at, stop - *at, row };
        row += stop - *at;
        *at = stop;
    }
    return rc;
}

/* Rows of logits to where they are wanted. */
static void
copy_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    sov_teacher *t = arg;
    size_t n = t->n_common;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        size_t p = 0;
        const float *from;
        sov_real *to;
        bool bad = false;

        while (p + 1 < t->n_parts && t->part[p + 1].row - t->part[0].row <= i)
            p++;
        from = sov_session_logits(t->session[t->part[p].slot],
                                  i + t->part[0].row - t->part[p].row);
        to = t->z + (t->part[0].row + i) * t->stride;
        for (size_t j = 0; j < n; j++) {
            to[j] = from[j];
            bad |= !(from[j] < INFINITY);
        }
        for (size_t j = n; j < t->opts.n_vocab; j++)
            to[j] = -INFINITY;
        t->strange[i] = bad;
    }
}

static int
say(sov_teacher *t, struct sov_err *err)
{
    struct sov_batch_part ask[SESSIONS];
    size_t n = 0;
    int rc;

    for (size_t i = 0; i < t->n_parts; i++) {
        const struct part *p = &t->part[i];

        ask[i] = (struct sov_batch_part){
            .session = t->session[p->slot],
            .ids = t->ids + p->from,
            .n = p->n,
            .what = SOV_LOGITS_ALL,
        };
        n += p->n;
    }
    rc = sov_batch_eval(t->batch, ask, t->n_parts, err);
    if (rc < 0)
        return rc;
    sov_par_for(n, 1, copy_rows, t);
    for (size_t i = 0; i < n; i++)
        if (t->strange[i])
            return sov_fail(err, SOV_EFORMAT,
                            "the teacher gives logits that are not numbers");
    return 0;
}

int
sov_teacher_logits(void *teacher, size_t first, size_t n, sov_real *z,
                   size_t stride, struct sov_err *err)
{
    sov_teacher *t = teacher;
    size_t at = first, end = first + n;
    int rc = 0;

    if (n > SOV_SLAB || t->n_seq == 0 || end > t->first[t->n_seq])
        return sov_fail(err, SOV_EARG,
                        "%zu tokens from %zu on are not in "
                        "the unit",
                        n, first);
    t->z = z;
    t->stride = stride;
    while (at < end && rc == 0) {
        rc = gather(t, &at, end, at - first, err);
        if (rc == 0)
            rc = say(t, err);
    }
    return rc;
}

int
sov_teacher_for(sov_teacher *t, struct sov_unit *unit, struct sov_err *err)
{
    unit->teach = sov_teacher_logits;
    unit->arg = t;
    return sov_teacher_unit(t, unit->n_seq, unit->first, unit->ids, err);
}

int
sov_teacher_identity(const sov_teacher *t, unsigned char out[SOV_SHA256_LEN],
                     struct sov_err *err)
{
    unsigned char both[2 * SOV_SHA256_LEN];
    int rc = sov_identity_model(t->model, both, err);

    if (rc == 0 && t->opts.n_lora > 0)
        rc = sov_identity_adapters(t->opts.lora, t->opts.n_lora,
                                   both + SOV_SHA256_LEN, err);
    if (rc < 0)
        return rc;
    if (t->opts.n_lora > 0)
        sov_sha256(both, sizeof(both), out);
    else
        memcpy(out, both, SOV_SHA256_LEN);
    return 0;
}
