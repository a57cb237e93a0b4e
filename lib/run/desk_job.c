/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk_job.c - requests on their way, and lists of them
 */
#include "run/desk.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
sov_jobs_push(struct sov_job_list *l, struct sov_job *j)
{
    j->next = NULL;
    if (l->last != NULL)
        l->last->next = j;
    else
        l->first = j;
    l->last = j;
    l->n++;
}

void
sov_jobs_push_first(struct sov_job_list *l, struct sov_job *j)
{
    j->next = l->first;
    l->first = j;
    if (l->last == NULL)
        l->last = j;
    l->n++;
}

struct sov_job *
sov_jobs_pop(struct sov_job_list *l)
{
    struct sov_job *j = l->first;

    if (j == NULL)
        return NULL;
    l->first = j->next;
    if (l->first == NULL)
        l->last = NULL;
    l->n--;
    return j;
}

/* What was asked and said is nobody's business any more. */
void
sov_job_free(struct sov_job *j)
{
    if (j == NULL)
        return;
    sov_session_close(j->session);
    sov_mem_forget(j->ids);
    sov_stream_free(j->stream);
    sov_channels_free(j->channels);
    sov_mem_forget(j->tenant);
    sov_buf_free(&j->text);
    sov_buf_free(&j->thought);
    free(j->len);
    sov_reply_free(&j->answer);
    free(j);
}

void
sov_jobs_free(struct sov_job_list *l)
{
    struct sov_job *j;

    while ((j = sov_jobs_pop(l)) != NULL)
        sov_job_free(j);
}

/* The numbers of texts, too, and which tokens they have. */
void
sov_reply_free(struct sov_reply *a)
{
    sov_mem_forget(a->ids);
    sov_mem_forget(a->text);
    sov_mem_forget(a->thought);
    sov_mem_forget(a->made);
    sov_mem_forget(a->top);
    sov_mem_forget(a->x);
    free(a->rows);
    *a = (struct sov_reply){ 0 };
}

/* The bytes of a buffer, which is empty then. */
static char *
take_bytes(struct sov_buf *b, size_t *n)
{
    char *p = (char *)b->p;

    *n = b->len;
    *b = (struct sov_buf){ 0 };
    return p;
}

void
sov_job_finish(struct sov_desk *d, struct sov_job *j, int rc,
               const struct sov_err *err)
{
    struct sov_reply *a = &j->answer;

    sov_session_close(j->session);
    j->session = NULL;
    a->rc = rc;
    if (rc < 0)
        a->err = *err;
    a->text = take_bytes(&j->text, &a->n_text);
    a->thought = take_bytes(&j->thought, &a->n_thought);
    a->ids = j->ids;
    j->ids = NULL;
    a->spent.total_s = seconds() - j->added;
    sov_jobs_push(&d->done, j);
}

void
sov_job_seat(struct sov_job *j)
{
    if (!j->seated)
        j->answer.spent.queue_s = seconds() - j->added;
    j->seated = true;
}

void
sov_job_first(struct sov_job *j)
{
    if (j->answer.n_made == 0)
        j->answer.spent.first_s = seconds() - j->added;
}

double
sov_desk_energy(const struct sov_desk *d)
{
    double joules;

    return d->power != NULL && sov_power_joules(d->power, &joules) ? joules
                                                                   : -1;
}

/* What is not known of a part is not known of the whole. */
static void
spend(double *account, double before, double after, double share)
{
    if (*account < 0 || before < 0 || after < 0)
        *account = -1;
    else
        *account += (after - before) * share;
}

void
sov_job_spend(struct sov_job *j, double before, double after, size_t n,
              size_t all)
{
    if (n > 0)
        spend(&j->answer.spent.joules, before, after, (double)n / (double)all);
}

void
sov_desk_spend(struct sov_desk *d, double before, double after)
{
    spend(&d->counts.joules, before, after, 1);
}

bool
sov_job_same_tenant(const struct sov_job *a, const struct sov_job *b)
{
    if (a->tenant == NULL || b->tenant == NULL)
        return a->tenant == b->tenant;
    return strcmp(a->tenant, b->tenant) == 0;
}

/* ---- new ones */

static int
check_ids(const struct sov_desk *d, const char *what, const int32_t *ids,
          size_t n, struct sov_err *err)
{
    size_t i;

    if (n == 0)
        return sov_fail(err, SOV_EFORMAT, "the %s is empty", what);
    if (n > d->n_ctx)
        return sov_fail(err, SOV_EFORMAT,
                        "the %s has %zu tokens and the context room for "
                        "%" PRIu32,
                        what, n, d->n_ctx);
    for (i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= d->n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %" PRId32 " is not below %" PRIu32
                            ", the size of the vocabulary",
                            ids[i], d->n_vocab);
    return 0;
}

static int
check_text(const struct sov_desk *d, const struct sov_ask *ask,
           struct sov_err *err)
{
    int rc;

    if (!d->generates)
        return sov_fail(err, SOV_EUNSUP,
                        "the model makes embeddings, not the next token");
    if (ask->n_top > SOV_TOP_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu32 " of the best tokens, the limit is %d",
                        ask->n_top, SOV_TOP_MAX);
    rc = check_ids(d, "prompt", ask->ids, ask->n_ids, err);
    return rc == 0 ? sov_sampler_set(d->sampler[0], &ask->sampler, err) : rc;
}

static int
check_texts(const struct sov_desk *d, const struct sov_ask *ask,
            struct sov_err *err)
{
    size_t i;
    int rc = 0;

    if (ask->pool < SOV_POOL_AUTO || ask->pool > SOV_POOL_RANK)
        return sov_fail(err, SOV_EARG, "an embedding by way %d",
                        (int)ask->pool);
    if (ask->pool == SOV_POOL_RANK && d->scores == 0)
        return sov_fail(err, SOV_EUNSUP, "the model gives texts no scores");
    for (i = 0; i < ask->n_texts && rc == 0; i++)
        rc = check_ids(d, "text", ask->texts[i].ids, ask->texts[i].n, err);
    return rc;
}

static int
check_ask(const struct sov_desk *d, const struct sov_ask *ask,
          struct sov_err *err)
{
    if (ask->tenant != NULL && strlen(ask->tenant) > SOV_TENANT_MAX)
        return sov_fail(err, SOV_EARG,
                        "a tenant's name of %zu bytes, the limit is %" PRIu64,
                        strlen(ask->tenant), SOV_TENANT_MAX);
    return ask->n_texts > 0 ? check_texts(d, ask, err)
                            : check_text(d, ask, err);
}

static int
fill_text(const struct sov_desk *d, struct sov_job *j,
          const struct sov_ask *ask, struct sov_err *err)
{
    int rc = sov_stream_new(&j->stream, ask->stops, ask->n_stops, err);

    if (rc == 0 && ask->channels)
        rc = sov_channels_new(&j->channels, d->tok, err);
    if (rc < 0)
        return rc;
    if (j->channels != NULL)
        sov_channels_begin(j->channels);
    j->cap = ask->n_ids + 64;
    j->ids = sov_mem_array(j->cap, sizeof(*j->ids));
    if (j->ids == NULL)
        return sov_mem_fail(err);
    memcpy(j->ids, ask->ids, ask->n_ids * sizeof(*j->ids));
    j->n_ids = ask->n_ids;
    j->n_tokens = ask->n_tokens;
    j->sampler = ask->sampler;
    j->end = ask->end;
    j->answer.logprobs = ask->logprobs;
    j->answer.n_top = ask->logprobs ? ask->n_top : 0;
    j->answer.why = SOV_WHY_LENGTH;
    return 0;
}

/* The ids of all texts one behind the other. */
static int
fill_texts(const struct sov_desk *d, struct sov_job *j,
           const struct sov_ask *ask, struct sov_err *err)
{
    size_t i;

    for (i = 0; i < ask->n_texts; i++)
        j->cap += ask->texts[i].n;
    j->ids = sov_mem_array(j->cap, sizeof(*j->ids));
    j->len = sov_mem_array(ask->n_texts, sizeof(*j->len));
    if (j->ids == NULL || j->len == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < ask->n_texts; i++) {
        j->len[i] = ask->texts[i].n;
        memcpy(j->ids + j->n_ids, ask->texts[i].ids,
               j->len[i] * sizeof(*j->ids));
        j->n_ids += j->len[i];
    }
    j->n_texts = ask->n_texts;
    j->as_is = ask->as_is;
    j->answer.pool = ask->pool == SOV_POOL_AUTO ? d->pool : ask->pool;
    return 0;
}

int
sov_job_new(struct sov_job **job, const struct sov_desk *d,
            const struct sov_ask *ask, struct sov_err *err)
{
    struct sov_job *j;
    int rc = check_ask(d, ask, err);

    if (rc < 0)
        return rc;
    j = sov_mem_array(1, sizeof(*j));
    if (j == NULL)
        return sov_mem_fail(err);
    if (ask->tenant != NULL)
        j->tenant = sov_mem_dup(ask->tenant, strlen(ask->tenant));
    if (ask->tenant != NULL && j->tenant == NULL)
        rc = sov_mem_fail(err);
    else
        rc = ask->n_texts > 0 ? fill_texts(d, j, ask, err)
                              : fill_text(d, j, ask, err);
    if (rc < 0) {
        sov_job_free(j);
        return rc;
    }
    j->added = seconds();
    j->answer.spent.joules = d->power != NULL ? 0 : -1;
    j->answer.tag = ask->tag;
    j->answer.n_prompt = j->n_ids;
    *job = j;
    return 0;
}
