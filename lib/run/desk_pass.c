/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk_pass.c - who is active, and what a pass reads
 */
#include "run/desk.h"

#include <string.h>

size_t
sov_job_left(const struct sov_job *j)
{
    return j->n_ids - sov_session_pos(j->session);
}

/* Take over what others have read of the same beginning. */
static size_t
recall(struct sov_desk *d, struct sov_job *j)
{
    size_t n = sov_session_recall(
        j->session, j->ids + sov_session_pos(j->session), sov_job_left(j));

    d->counts.n_known += n;
    if (j->n_ids == j->answer.n_prompt)
        j->answer.n_known += n;
    return n;
}

/* Blocks that the active ones take to read what there is, and a little. */
static uint32_t
wanted(const struct sov_desk *d)
{
    uint32_t n = 0;
    size_t i;

    for (i = 0; i < d->n_active; i++)
        n += sov_session_wants(d->active[i]->session,
                               sov_job_left(d->active[i]) + 1);
    return n;
}

/* A place for a job, if there are blocks for its ids: 1, or 0. */
static int
admit(struct sov_desk *d, struct sov_job *j, struct sov_err *err)
{
    uint32_t others = wanted(d);
    size_t known;
    int rc = sov_session_new(&j->session, d->batch, j->tenant, err);

    if (rc < 0)
        return rc;
    known = recall(d, j);
    if (d->n_active == 0 ||
        others + sov_session_wants(j->session, sov_job_left(j) + 1) <=
            sov_batch_room(d->batch)) {
        d->active[d->n_active++] = j;
        sov_job_seat(j);
        return 1;
    }
    d->counts.n_known -= known;
    if (j->n_ids == j->answer.n_prompt)
        j->answer.n_known -= known;
    sov_session_close(j->session);
    j->session = NULL;
    return 0;
}

int
sov_desk_admit(struct sov_desk *d, struct sov_err *err)
{
    while (d->waiting.first != NULL && d->n_active < d->n_seq) {
        bool vectors = d->waiting.first->len != NULL;
        int rc = vectors ? sov_desk_vectors(d, wanted(d), err)
                         : admit(d, d->waiting.first, err);

        if (rc <= 0)
            return rc;
        if (!vectors)
            sov_jobs_pop(&d->waiting);
    }
    return 0;
}

/* The one that came last gives its blocks to the others. */
static void
give_way(struct sov_desk *d)
{
    struct sov_job *j = d->active[--d->n_active];

    sov_session_close(j->session);
    j->session = NULL;
    if (j->answer.n_made == 0)
        j->answer.n_known = 0; /* all of it is read again */
    sov_jobs_push_first(&d->waiting, j);
    d->counts.again++;
}

/* ---- what a pass reads */

/*
 * Is the next block of j one that another job is about to read?  Then j takes
 * it over when it is there.
 */
static bool
follows(const struct sov_job *j, struct sov_job *const *reader, size_t n)
{
    uint32_t pos = sov_session_pos(j->session);
    size_t end = (size_t)pos + SOV_BLOCK;
    size_t i;

    if (pos % SOV_BLOCK != 0 || end >= j->n_ids)
        return false;
    for (i = 0; i < n; i++)
        if (end <= reader[i]->n_ids && sov_job_same_tenant(j, reader[i]) &&
            sov_session_pos(reader[i]->session) < end &&
            memcmp(j->ids, reader[i]->ids, end * sizeof(*j->ids)) == 0)
            return true;
    return false;
}

static void
add_part(struct sov_desk *d, size_t *n_parts, struct sov_job *j, size_t n)
{
    uint32_t pos = sov_session_pos(j->session);

    j->planned = n;
    d->part[(*n_parts)++] = (struct sov_batch_part){
        .session = j->session,
        .ids = j->ids + pos,
        .n = n,
        .what = pos + n == j->n_ids ? SOV_LOGITS_LAST : SOV_LOGITS_NONE,
    };
}

/* Texts that go on. */
static size_t
plan_texts(struct sov_desk *d)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < d->n_active; i++) {
        d->active[i]->planned = 0;
        if (sov_job_left(d->active[i]) == 1)
            add_part(d, &n, d->active[i], 1);
    }
    return n;
}

/* With what is left of a pass, and a part of it in any case, prompts. */
static size_t
plan_prompts(struct sov_desk *d, size_t n)
{
    size_t least = d->n_batch / 4 + 1;
    size_t room = d->n_batch > n ? d->n_batch - n : 0;
    size_t n_readers = 0;
    size_t i;

    room = room > least ? room : least;
    for (i = 0; i < d->n_active && room > 0; i++) {
        struct sov_job *j = d->active[i];
        size_t some;

        if (j->planned > 0)
            continue;
        recall(d, j);
        if (follows(j, d->reader, n_readers))
            continue;
        some = sov_job_left(j) < room ? sov_job_left(j) : room;
        add_part(d, &n, j, some);
        d->reader[n_readers++] = j;
        room -= some;
    }
    return n;
}

static int
eval(struct sov_desk *d, struct sov_err *err)
{
    for (;;) {
        size_t n = plan_prompts(d, plan_texts(d));
        int rc = sov_batch_eval(d->batch, d->part, n, err);

        if (rc != SOV_EMEM || d->n_active < 2)
            return rc;
        give_way(d);
    }
}

int
sov_desk_pass(struct sov_desk *d, struct sov_err *err)
{
    double before = sov_desk_energy(d);
    int rc = eval(d, err);
    double after = sov_desk_energy(d);
    size_t all = 0;
    size_t i;

    for (i = 0; i < d->n_active; i++)
        all += d->active[i]->planned;
    for (i = 0; i < d->n_active; i++)
        sov_job_spend(d->active[i], before, after, d->active[i]->planned, all);
    sov_desk_spend(d, before, after);
    return rc;
}
