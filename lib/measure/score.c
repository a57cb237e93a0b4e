/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score.c - tasks become texts, texts likelihoods, and these become figures
 *
 * Tasks wait until as many are there as fit into the model's memory, then all
 * of them are read together.  One that does not fit is read choice by choice.
 */
#include "measure/likely.h"
#include "measure/tally.h"
#include "measure/tasks.h"

#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAITING 256 /* tasks at most */

/* A task that waits, or was read. */
struct item {
    uint64_t number, line;
    size_t answer;
    size_t n;
    struct sov_likely_text *text; /* [n] owned, as their ids are */
    double *norm;                 /* [n] what a logarithm is divided by */
    bool cut;
};

struct score {
    const struct sov_score_opts *o;
    bool by_tokens; /* what is scored begins where texts differ */
    struct sov_likely *likely;
    struct sov_buf whole; /* of a choice, to be encoded */
    struct item item[WAITING];
    struct sov_likely_unit unit[WAITING];
    size_t n;
    struct sov_likely_need need;
    uint64_t right, right_norm, greedy;
    struct sov_tally answers;
    struct sov_scores *scores;
};

static void
free_item(struct item *t)
{
    for (size_t i = 0; t->text != NULL && i < t->n; i++)
        free((void *)t->text[i].ids);
    free(t->text);
    free(t->norm);
    *t = (struct item){ 0 };
}

/* ---- tokens ---- */

/* A first token, which foretells the next: BOS, or what ends a text. */
static int
put_first(const sov_tok *tok, int32_t **ids, size_t *n, struct sov_err *err)
{
    int32_t id = sov_tok_bos(tok) >= 0 ? sov_tok_bos(tok) : sov_tok_eos(tok);
    int32_t *more;

    if (id < 0)
        return sov_fail(err, SOV_EUNSUP,
                        "nothing stands before what is scored, and the model "
                        "has no token to begin with");
    more = sov_mem_array(*n + 1, sizeof(*more));
    if (more == NULL)
        return sov_mem_fail(err);
    more[0] = id;
    memcpy(more + 1, *ids, *n * sizeof(*more));
    free(*ids);
    *ids = more;
    ++*n;
    return 0;
}

static int
encode(const struct score *s, struct sov_span text, int32_t **ids, size_t *n,
       struct sov_err *err)
{
    return sov_tok_encode(s->o->tok, (const char *)text.p, text.len,
                          SOV_TOK_BOS, ids, n, err);
}

/* The tokens of lead and text, and how many of them are the lead's. */
static int
encode_choice(struct score *s, const struct sov_task_choice *c,
              size_t *n_lead, struct sov_likely_text *t, struct sov_err *err)
{
    int32_t *ids = NULL;
    int rc = 0;

    if (*n_lead == SIZE_MAX) {
        rc = encode(s, c->lead, &ids, n_lead, err);
        free(ids);
        ids = NULL;
    }
    s->whole.len = 0;
    sov_buf_add(&s->whole, c->lead.p, c->lead.len);
    sov_buf_add(&s->whole, c->text.p, c->text.len);
    if (rc == 0 && s->whole.bad)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = encode(s, (struct sov_span){ s->whole.p, s->whole.len }, &ids,
                    &t->n, err);
    if (rc == 0 && t->n == 0)
        rc = sov_fail(err, SOV_EFORMAT, "an empty choice");
    t->from = *n_lead < t->n ? *n_lead : t->n - 1;
    if (rc == 0 && t->from == 0) {
        rc = put_first(s->o->tok, &ids, &t->n, err);
        t->from = 1;
    }
    t->ids = ids;
    for (size_t i = 0; i < t->n && rc == 0; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= sov_likely_vocab(s->likely))
            rc = sov_fail(err, SOV_EFORMAT,
                          "token id %" PRId32 " is not below %" PRIu32
                          ", the size of the vocabulary",
                          ids[i], sov_likely_vocab(s->likely));
    return rc;
}

static int
encode_task(struct score *s, const struct sov_task *task, struct item *t,
            struct sov_err *err)
{
    size_t n_lead = SIZE_MAX;
    int rc = 0;

    *t = (struct item){ .number = task->number,
                        .line = task->line,
                        .answer = task->answer,
                        .n = task->n };
    t->text = sov_mem_array(t->n, sizeof(*t->text));
    t->norm = sov_mem_array(t->n, sizeof(*t->norm));
    if (t->text == NULL || t->norm == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        const struct sov_task_choice *c = &task->choice[i];

        if (i > 0 && (c->lead.p != c[-1].lead.p ||
                      c->lead.len != c[-1].lead.len))
            n_lead = SIZE_MAX;
        rc = encode_choice(s, c, &n_lead, &t->text[i], err);
        t->norm[i] = c->letters > 0 ? (double)c->letters : 1;
    }
    return rc;
}

/* ---- where to begin ---- */

/* Tokens that all texts begin with; one of each is left at least. */
static size_t
common_of(const struct item *t)
{
    size_t most = SIZE_MAX, at;

    for (size_t i = 0; i < t->n; i++)
        most = t->text[i].n - 1 < most ? t->text[i].n - 1 : most;
    for (at = 0; at < most; at++)
        for (size_t i = 1; i < t->n; i++)
            if (t->text[i].ids[at] != t->text[0].ids[at])
                return at;
    return at;
}

/* Let n tokens go behind the first one, if that is BOS, or from it on. */
static void
drop(const struct score *s, struct sov_likely_text *x, size_t n)
{
    int32_t *ids = (int32_t *)x->ids;
    size_t keep = sov_tok_adds_bos(s->o->tok) &&
                  ids[0] == sov_tok_bos(s->o->tok);

    memmove(ids + keep, ids + keep + n, (x->n - keep - n) * sizeof(*ids));
    x->n -= n;
    x->from -= n;
}

/* What does not fit into the context loses its beginning, all alike. */
static int
fit(const struct score *s, struct item *t, struct sov_err *err)
{
    size_t room = (size_t)sov_likely_ctx(s->likely) + 1;
    size_t over = 0;

    for (size_t i = 0; i < t->n; i++)
        if (t->text[i].n > room && t->text[i].n - room > over)
            over = t->text[i].n - room;
    for (size_t i = 0; i < t->n; i++)
        if (t->text[i].from < over + 2 && over > 0)
            return sov_fail(err, SOV_EFORMAT,
                            "%zu tokens do not fit into a context of %zu, and "
                            "the end that is scored is too long to leave out "
                            "the beginning",
                            room + over, room - 1);
    for (size_t i = 0; i < t->n && over > 0; i++)
        drop(s, &t->text[i], over);
    t->cut = over > 0;
    return 0;
}

/* A unit of all choices, or none where they have nothing in common. */
static int
make_unit(const struct score *s, struct item *t, struct sov_likely_unit *u,
          struct sov_err *err)
{
    size_t common = common_of(t);
    int rc;

    for (size_t i = 0; i < t->n && s->by_tokens; i++)
        if (common > 0) {
            t->text[i].from = common;
            t->norm[i] = (double)(t->text[i].n - common);
        }
    rc = fit(s, t, err);
    if (rc < 0)
        return rc;
    common = common_of(t);
    for (size_t i = 0; i < t->n; i++)
        common = t->text[i].from < common ? t->text[i].from : common;
    *u = (struct sov_likely_unit){ t->text, t->n, common };
    return 0;
}

/* ---- figures ---- */

static size_t
best_of(const double *x, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static void
count(struct score *s, const struct item *t)
{
    double sum[SOV_TASK_CHOICES], norm[SOV_TASK_CHOICES];
    const struct sov_likely_text *answer = &t->text[t->answer];
    struct sov_task_result r = { .number = t->number,
                                 .line = t->line,
                                 .n = t->n,
                                 .answer = t->answer,
                                 .logprob = sum,
                                 .greedy = answer->greedy };
    struct sov_tally_sum one = { .n = 1, .nll = -answer->logprob };

    for (size_t i = 0; i < t->n; i++) {
        sum[i] = t->text[i].logprob;
        norm[i] = sum[i] / t->norm[i];
    }
    r.best = best_of(sum, t->n);
    r.best_norm = best_of(norm, t->n);
    s->right += r.best == t->answer;
    s->right_norm += r.best_norm == t->answer;
    s->greedy += answer->greedy;
    s->scores->cut += t->cut;
    s->scores->tasks++;
    sov_tally_count(&s->answers, &one);
    if (s->o->each != NULL)
        s->o->each(s->o->each_arg, &r);
}

static int
conclude(struct score *s, struct sov_err *err)
{
    struct sov_scores *c = s->scores;
    struct sov_tally *t = &s->answers;
    double n = (double)c->tasks, mean = t->all.nll / n;
    double spread = n > 1 ? (t->nll2 / n - mean * mean) / (n - 1) : 0;
    int rc;

    c->tokens = sov_likely_tokens(s->likely);
    sov_share_figure(s->right, c->tasks, &c->right);
    sov_share_figure(s->right_norm, c->tasks, &c->right_norm);
    sov_share_figure(s->greedy, c->tasks, &c->greedy);
    rc = sov_tally_figure(t, sov_tally_ppl, &c->ppl, err);
    c->ppl.error = spread > 0 ? c->ppl.value * sqrt(spread) : 0;
    return rc;
}

/* ---- reading ---- */

/* All that wait. */
static int
flush(struct score *s, struct sov_err *err)
{
    int rc = 0;

    if (s->n > 0)
        rc = sov_likely_read(s->likely, s->unit, s->n, err);
    for (size_t i = 0; i < s->n; i++) {
        if (rc == 0)
            count(s, &s->item[i]);
        free_item(&s->item[i]);
    }
    s->n = 0;
    s->need = (struct sov_likely_need){ 0 };
    return rc;
}

/* One that cannot be read as a whole: a choice after the other. */
static int
read_apart(struct score *s, struct item *t, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < t->n && rc == 0; i++) {
        struct sov_likely_unit u = { &t->text[i], 1, t->text[i].from };

        rc = sov_likely_read(s->likely, &u, 1, err);
    }
    if (rc == 0)
        count(s, t);
    return rc;
}

/* The item is owned here. */
static int
take(struct score *s, struct item *t, struct sov_err *err)
{
    struct sov_likely_unit u;
    struct sov_likely_need need, all;
    int rc = make_unit(s, t, &u, err);

    if (rc < 0) {
        free_item(t);
        return rc;
    }
    need = sov_likely_need(&u);
    all = (struct sov_likely_need){ s->need.units + need.units,
                                    s->need.sessions + need.sessions,
                                    s->need.blocks + need.blocks };
    if (s->n == WAITING || !sov_likely_fits(s->likely, &all)) {
        rc = flush(s, err);
        all = need;
    }
    if (rc == 0 && (u.common == 0 || !sov_likely_fits(s->likely, &need)))
        rc = read_apart(s, t, err);
    else if (rc == 0) {
        s->item[s->n] = *t;
        s->unit[s->n++] = u;
        s->need = all;
        return 0;
    }
    free_item(t);
    return rc;
}

static int
score_all(struct score *s, struct sov_err *err)
{
    const struct sov_score_opts *o = s->o;
    uint64_t taken = 0, total = sov_tasks_count(o->tasks);
    struct sov_task task;
    struct item item;
    int rc = 1;

    if (o->limit > 0 && (total == 0 || total > o->limit))
        total = o->limit;
    while (rc > 0 && (o->limit == 0 || taken < o->limit)) {
        rc = sov_tasks_next(o->tasks, &task, err);
        if (rc <= 0)
            break;
        taken++;
        rc = encode_task(s, &task, &item, err);
        if (rc == 0)
            rc = take(s, &item, err);
        else
            free_item(&item);
        if (rc < 0)
            return sov_err_wrap(err, "task %" PRIu64, task.number);
        if (o->progress != NULL)
            o->progress(o->progress_arg, s->scores->tasks, total, NULL);
        rc = 1;
    }
    if (rc >= 0)
        rc = flush(s, err);
    if (rc == 0 && s->scores->tasks == 0)
        rc = sov_fail(err, SOV_EFORMAT, "there is no task");
    return rc;
}

int
sov_score(const struct sov_score_opts *opts, struct sov_scores *scores,
          struct sov_err *err)
{
    struct sov_scores found = { 0 };
    struct score *s = sov_mem_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sov_mem_fail(err);
    s->o = opts;
    s->scores = &found;
    s->by_tokens = sov_tasks_by_tokens(opts->tasks);
    rc = sov_likely_open(&s->likely, opts->model, opts->session, err);
    if (rc == 0)
        rc = score_all(s, err);
    if (rc == 0)
        rc = conclude(s, err);
    for (size_t i = 0; i < s->n; i++)
        free_item(&s->item[i]);
    sov_likely_close(s->likely);
    sov_buf_free(&s->whole);
    free(s);
    if (rc == 0)
        *scores = found;
    return rc;
}
