/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk_vector.c - texts become vectors, among texts that go on
 *
 * A job's texts are read when it is its turn, all of them, in passes of their
 * own.  The jobs behind it that want the same of texts of the same tenant go
 * with it, as far as one context has room for all: short texts are much faster
 * together, and get the same bits.
 */
#include "run/desk.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 64 /* texts, if they are of several jobs */

/* What is read at once. */
struct load {
    size_t n_jobs;
    size_t n_texts;
    size_t n_ids;
    struct sov_text_ids *text; /* owned, [n_texts] */
    float *x;                  /* owned: what they become */
};

static size_t
width_of(const struct sov_desk *d, const struct sov_job *j)
{
    return j->answer.pool == SOV_POOL_RANK ? d->scores : d->width;
}

/* The first job that waits, and how many go with it. */
static void
gather(const struct sov_desk *d, struct load *l)
{
    const struct sov_job *first = d->waiting.first;
    const struct sov_job *j;

    for (j = first; j != NULL; j = j->next) {
        if (l->n_jobs > 0 &&
            (j->len == NULL || j->answer.pool != first->answer.pool ||
             !sov_job_same_tenant(j, first) ||
             l->n_texts + j->n_texts > TOGETHER ||
             l->n_ids + j->n_ids > d->n_ctx))
            break;
        l->n_jobs++;
        l->n_texts += j->n_texts;
        l->n_ids += j->n_ids;
    }
}

static size_t
rows_of(const struct sov_job *j)
{
    return j->answer.pool == SOV_POOL_NONE ? j->n_ids : j->n_texts;
}

/* List the texts, and make room for what comes of them. */
static int
fill(const struct sov_desk *d, struct load *l, struct sov_err *err)
{
    struct sov_job *j = d->waiting.first;
    size_t rows = 0, n = 0;
    size_t i, k;

    l->text = sov_mem_array(l->n_texts, sizeof(*l->text));
    if (l->text == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < l->n_jobs; i++, j = j->next) {
        const int32_t *ids = j->ids;

        for (k = 0; k < j->n_texts; k++) {
            l->text[n++] = (struct sov_text_ids){ ids, j->len[k] };
            ids += j->len[k];
        }
        rows += rows_of(j);
    }
    l->x = sov_mem_array(rows, width_of(d, d->waiting.first) * sizeof(*l->x));
    return l->x != NULL ? 0 : sov_mem_fail(err);
}

/* A model that is damaged must not be taken for one that means zero. */
static int
check_numbers(const float *x, size_t n, struct sov_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return sov_fail(err, SOV_EFORMAT,
                            "what the model makes of it is no number (NaN or "
                            "infinite)");
    return 0;
}

/* The job's share, which is next in x. */
static int
give(const struct sov_desk *d, struct sov_job *j, float *x, struct sov_err *err)
{
    struct sov_reply *a = &j->answer;
    size_t width = width_of(d, j);
    size_t n = rows_of(j) * width;
    size_t i;
    int rc = check_numbers(x, n, err);

    if (rc < 0)
        return rc;
    a->x = sov_mem_array(n, sizeof(*a->x));
    a->rows = sov_mem_array(j->n_texts, sizeof(*a->rows));
    if (a->x == NULL || a->rows == NULL)
        return sov_mem_fail(err);
    memcpy(a->x, x, n * sizeof(*x));
    a->width = width;
    a->n_texts = j->n_texts;
    for (i = 0; i < j->n_texts; i++)
        a->rows[i] = a->pool == SOV_POOL_NONE ? j->len[i] : 1;
    for (i = 0; i < n && !j->as_is && a->pool != SOV_POOL_RANK; i += width)
        sov_embedding_normalize(a->x + i, width);
    return 0;
}

/* Blocks that it takes: of what is read at once there is one context at
 * most, and texts may begin anew at every block. */
static size_t
keys_of(const struct sov_desk *d, const struct load *l)
{
    size_t n = l->n_ids + l->n_texts * SOV_BLOCK;

    return n < d->n_ctx ? n : d->n_ctx;
}

static void
seat_all(struct sov_desk *d, const struct load *l)
{
    struct sov_job *j = d->waiting.first;
    size_t i;

    for (i = 0; i < l->n_jobs; i++, j = j->next)
        sov_job_seat(j);
}

static int
compute(struct sov_desk *d, struct load *l, uint32_t others,
        struct sov_err *err)
{
    const struct sov_job *first = d->waiting.first;
    sov_session *s;
    int rc = sov_session_new(&s, d->batch, first->tenant, err);

    if (rc < 0)
        return rc;
    if (d->n_active > 0 && others + sov_session_wants(s, keys_of(d, l)) >
                               sov_batch_room(d->batch)) {
        sov_session_close(s);
        return 0;
    }
    rc = fill(d, l, err);
    seat_all(d, l);
    if (rc == 0)
        rc = sov_session_embed_texts(s, l->text, l->n_texts, first->answer.pool,
                                     l->x, err);
    sov_session_close(s);
    return rc < 0 ? rc : 1;
}

int
sov_desk_vectors(struct sov_desk *d, uint32_t wanted, struct sov_err *err)
{
    struct load l = { 0 };
    double before = sov_desk_energy(d);
    double after;
    size_t i, rows = 0;
    float *x;
    int rc;

    gather(d, &l);
    rc = compute(d, &l, wanted, err);
    after = sov_desk_energy(d);
    x = l.x;
    for (i = 0; i < l.n_jobs && rc > 0; i++) {
        struct sov_job *j = sov_jobs_pop(&d->waiting);
        int of_job = give(d, j, x, err);

        rows += rows_of(j) * width_of(d, j);
        x = l.x + rows;
        d->counts.n_read += j->n_ids;
        sov_job_spend(j, before, after, j->n_ids, l.n_ids);
        sov_job_finish(d, j, of_job, err);
        if (of_job == SOV_EMEM)
            rc = of_job;
    }
    if (rc > 0) {
        d->counts.passes++;
        sov_desk_spend(d, before, after);
    }
    if (l.x != NULL)
        sov_mem_wipe(l.x, rows * sizeof(*l.x));
    free(l.x);
    free(l.text);
    return rc;
}
