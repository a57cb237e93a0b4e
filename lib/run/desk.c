/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.c - many requests for text, answered together
 *
 * A job is a request on its way.  It is in one of three places: a list of those
 * that wait, the table of those that are active, a list of answers.  Invariants:
 *
 * 1. ids are the prompt and what was made of it; the session has read a
 *    beginning of them, and everything else that is known of the answer is in
 *    the job.  So a session can be closed at any time, and another one can read
 *    the ids again and go on: its logits are the same bits.
 * 2. Jobs are active in the order in which they came, and those that wait came
 *    later than all of them.
 * 3. The pool has blocks for one whole context at least.  So the first job can
 *    always go on, if all the others give way.
 */
#include "sov/desk.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sov/chat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PASS_DEFAULT 256 /* tokens of a pass */

struct job {
    struct job *next;     /* of its list */
    sov_session *session; /* NULL: not active */
    int32_t *ids;         /* [cap] */
    size_t n_ids;
    size_t cap;
    size_t planned; /* tokens of the pass that is put together */
    uint64_t n_tokens;
    struct sov_sampler_opts sampler;
    sov_stream *stream;
    sov_channels *channels; /* or NULL */
    int32_t end;
    char *tenant;
    struct sov_buf text;
    struct sov_buf thought;
    struct sov_reply answer;
};

struct list {
    struct job *first;
    struct job *last;
    size_t n;
};

struct sov_desk {
    sov_batch *batch;
    const sov_tok *tok;
    sov_sampler *sampler; /* its options are those of the job at hand */
    uint32_t n_seq;
    uint32_t n_batch;
    uint32_t n_ctx;
    uint32_t n_vocab;
    struct list waiting;
    struct list done;
    struct job **active; /* [n_seq] */
    size_t n_active;
    struct sov_batch_part *part; /* [n_seq] */
    struct job **reader;         /* [n_seq] of prompts, in a pass */
    struct sov_desk_counts counts;
};

/* ---- jobs */

static void
push(struct list *l, struct job *j)
{
    j->next = NULL;
    if (l->last != NULL)
        l->last->next = j;
    else
        l->first = j;
    l->last = j;
    l->n++;
}

static void
push_first(struct list *l, struct job *j)
{
    j->next = l->first;
    l->first = j;
    if (l->last == NULL)
        l->last = j;
    l->n++;
}

static struct job *
pop(struct list *l)
{
    struct job *j = l->first;

    if (j == NULL)
        return NULL;
    l->first = j->next;
    if (l->first == NULL)
        l->last = NULL;
    l->n--;
    return j;
}

static void
wipe_buf(struct sov_buf *b)
{
    sov_mem_wipe(b->p, b->len);
    sov_buf_free(b);
}

/* What was asked and said is nobody's business any more. */
static void
free_job(struct job *j)
{
    if (j == NULL)
        return;
    sov_session_close(j->session);
    if (j->ids != NULL)
        sov_mem_wipe(j->ids, j->cap * sizeof(*j->ids));
    free(j->ids);
    sov_stream_free(j->stream);
    sov_channels_free(j->channels);
    free(j->tenant);
    wipe_buf(&j->text);
    wipe_buf(&j->thought);
    sov_reply_free(&j->answer);
    free(j);
}

void
sov_reply_free(struct sov_reply *a)
{
    if (a->text != NULL)
        sov_mem_wipe(a->text, a->n_text);
    if (a->thought != NULL)
        sov_mem_wipe(a->thought, a->n_thought);
    free(a->text);
    free(a->thought);
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

/* A job that is in no list has its answer, or a reason why there is none. */
static void
finish(struct sov_desk *d, struct job *j, int rc, const struct sov_err *err)
{
    struct sov_reply *a = &j->answer;

    sov_session_close(j->session);
    j->session = NULL;
    a->rc = rc;
    if (rc < 0)
        a->err = *err;
    a->text = take_bytes(&j->text, &a->n_text);
    a->thought = take_bytes(&j->thought, &a->n_thought);
    push(&d->done, j);
}

/* ---- adding */

static int
check_ask(const struct sov_desk *d, const struct sov_ask *ask,
          struct sov_err *err)
{
    size_t i;

    if (ask->n_ids == 0)
        return sov_fail(err, SOV_EFORMAT, "the prompt is empty");
    if (ask->n_ids > d->n_ctx)
        return sov_fail(err, SOV_EFORMAT,
                        "the prompt has %zu tokens and the context room for "
                        "%" PRIu32,
                        ask->n_ids, d->n_ctx);
    for (i = 0; i < ask->n_ids; i++)
        if (ask->ids[i] < 0 || (uint32_t)ask->ids[i] >= d->n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %" PRId32 " is not below %" PRIu32
                            ", the size of the vocabulary",
                            ask->ids[i], d->n_vocab);
    if (ask->tenant != NULL && strlen(ask->tenant) > SOV_TENANT_MAX)
        return sov_fail(err, SOV_EARG,
                        "a tenant's name of %zu bytes, the limit is %" PRIu64,
                        strlen(ask->tenant), SOV_TENANT_MAX);
    return sov_sampler_set(d->sampler, &ask->sampler, err);
}

static int
fill_job(const struct sov_desk *d, struct job *j, const struct sov_ask *ask,
         struct sov_err *err)
{
    int rc = sov_stream_new(&j->stream, ask->stops, ask->n_stops, err);

    if (rc == 0 && ask->channels)
        rc = sov_channels_new(&j->channels, d->tok, err);
    if (rc < 0)
        return rc;
    if (j->channels != NULL)
        sov_channels_begin(j->channels);
    if (ask->tenant != NULL) {
        j->tenant = sov_mem_dup(ask->tenant, strlen(ask->tenant));
        if (j->tenant == NULL)
            return sov_mem_fail(err);
    }
    j->cap = ask->n_ids + 64;
    j->ids = sov_mem_array(j->cap, sizeof(*j->ids));
    if (j->ids == NULL)
        return sov_mem_fail(err);
    memcpy(j->ids, ask->ids, ask->n_ids * sizeof(*j->ids));
    j->n_ids = ask->n_ids;
    j->n_tokens = ask->n_tokens;
    j->sampler = ask->sampler;
    j->end = ask->end;
    j->answer.tag = ask->tag;
    j->answer.n_prompt = ask->n_ids;
    j->answer.why = SOV_WHY_LENGTH;
    return 0;
}

int
sov_desk_add(sov_desk *d, const struct sov_ask *ask, struct sov_err *err)
{
    struct job *j;
    int rc = check_ask(d, ask, err);

    if (rc < 0)
        return rc;
    j = sov_mem_array(1, sizeof(*j));
    if (j == NULL)
        return sov_mem_fail(err);
    rc = fill_job(d, j, ask, err);
    if (rc < 0) {
        free_job(j);
        return rc;
    }
    if (j->n_tokens == 0)
        finish(d, j, 0, NULL);
    else
        push(&d->waiting, j);
    return 0;
}

/* ---- who is active */

static size_t
left(const struct job *j)
{
    return j->n_ids - sov_session_pos(j->session);
}

/* Take over what others have read of the same beginning. */
static size_t
recall(struct sov_desk *d, struct job *j)
{
    size_t n = sov_session_recall(
        j->session, j->ids + sov_session_pos(j->session), left(j));

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
        n += sov_session_wants(d->active[i]->session, left(d->active[i]) + 1);
    return n;
}

/* A place for a job, if there are blocks for its ids: 1, or 0. */
static int
admit(struct sov_desk *d, struct job *j, struct sov_err *err)
{
    uint32_t others = wanted(d);
    size_t known;
    int rc = sov_session_new(&j->session, d->batch, j->tenant, err);

    if (rc < 0)
        return rc;
    known = recall(d, j);
    if (d->n_active == 0 ||
        others + sov_session_wants(j->session, left(j) + 1) <=
            sov_batch_room(d->batch)) {
        d->active[d->n_active++] = j;
        return 1;
    }
    d->counts.n_known -= known;
    if (j->n_ids == j->answer.n_prompt)
        j->answer.n_known -= known;
    sov_session_close(j->session);
    j->session = NULL;
    return 0;
}

static int
admit_all(struct sov_desk *d, struct sov_err *err)
{
    while (d->waiting.first != NULL && d->n_active < d->n_seq) {
        int rc = admit(d, d->waiting.first, err);

        if (rc <= 0)
            return rc;
        pop(&d->waiting);
    }
    return 0;
}

/* The one that came last gives its blocks to the others. */
static void
give_way(struct sov_desk *d)
{
    struct job *j = d->active[--d->n_active];

    sov_session_close(j->session);
    j->session = NULL;
    if (j->answer.n_made == 0)
        j->answer.n_known = 0; /* all of it is read again */
    push_first(&d->waiting, j);
    d->counts.again++;
}

/* ---- what a pass reads */

static bool
same_tenant(const struct job *a, const struct job *b)
{
    if (a->tenant == NULL || b->tenant == NULL)
        return a->tenant == b->tenant;
    return strcmp(a->tenant, b->tenant) == 0;
}

/*
 * Is the next block of j one that another job is about to read?  Then j takes
 * it over when it is there.
 */
static bool
follows(const struct job *j, struct job *const *reader, size_t n)
{
    uint32_t pos = sov_session_pos(j->session);
    size_t end = (size_t)pos + SOV_BLOCK;
    size_t i;

    if (pos % SOV_BLOCK != 0 || end >= j->n_ids)
        return false;
    for (i = 0; i < n; i++)
        if (end <= reader[i]->n_ids && same_tenant(j, reader[i]) &&
            sov_session_pos(reader[i]->session) < end &&
            memcmp(j->ids, reader[i]->ids, end * sizeof(*j->ids)) == 0)
            return true;
    return false;
}

static void
add_part(struct sov_desk *d, size_t *n_parts, struct job *j, size_t n)
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
        if (left(d->active[i]) == 1)
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
        struct job *j = d->active[i];
        size_t some;

        if (j->planned > 0)
            continue;
        recall(d, j);
        if (follows(j, d->reader, n_readers))
            continue;
        some = left(j) < room ? left(j) : room;
        add_part(d, &n, j, some);
        d->reader[n_readers++] = j;
        room -= some;
    }
    return n;
}

static int
run_pass(struct sov_desk *d, struct sov_err *err)
{
    for (;;) {
        size_t n = plan_prompts(d, plan_texts(d));
        int rc = sov_batch_eval(d->batch, d->part, n, err);

        if (rc != SOV_EMEM || d->n_active < 2)
            return rc;
        give_way(d);
    }
}

/* ---- what comes of it */

static void
add_span(struct sov_buf *b, struct sov_span s)
{
    if (s.len > 0)
        sov_buf_add(b, s.p, s.len);
}

/* A token's text: what is said goes through the stream. */
static int
say(const struct sov_desk *d, struct job *j, int32_t id, bool *stopped,
    struct sov_err *err)
{
    struct sov_span p = sov_tok_piece_after(d->tok, j->ids, j->n_ids, id);
    enum sov_voice voice = SOV_VOICE_SAID;
    struct sov_span show;
    int rc;

    if (j->channels != NULL)
        p = sov_channels_put(j->channels, id, p, &voice);
    if (voice == SOV_VOICE_THOUGHT) {
        add_span(&j->thought, p);
        return 0;
    }
    rc = sov_stream_put(j->stream, p.p, p.len, &show, stopped, err);
    if (rc == 0)
        add_span(&j->text, show);
    return rc;
}

/* The next token: 1 if the text goes on. */
static int
next_token(struct sov_desk *d, struct job *j, struct sov_err *err)
{
    const float *logits = sov_session_logits(j->session, 0);
    bool stopped = false;
    int32_t id;
    int rc = sov_sampler_set(d->sampler, &j->sampler, err);

    if (rc < 0)
        return rc;
    id = sov_sample(d->sampler, logits, j->ids, j->n_ids, j->n_ids);
    if (id < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "no token is possible: the model's weights give no "
                        "numbers");
    j->answer.why = SOV_WHY_END;
    if (sov_tok_is_end(d->tok, id) || id == j->end)
        return 0;
    rc = say(d, j, id, &stopped, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&j->ids, j->n_ids, &j->cap, sizeof(*j->ids),
                          err);
    if (rc < 0)
        return rc;
    j->ids[j->n_ids++] = id;
    j->answer.n_made++;
    j->answer.why = stopped ? SOV_WHY_STOP : SOV_WHY_LENGTH;
    if (stopped || j->answer.n_made == j->n_tokens)
        return 0;
    j->answer.why = SOV_WHY_CONTEXT;
    return sov_session_pos(j->session) < d->n_ctx;
}

/* What was held back for a stop string that did not come. */
static int
end_text(struct job *j, struct sov_err *err)
{
    struct sov_span show;
    int rc = sov_stream_end(j->stream, &show, err);

    if (rc == 0)
        add_span(&j->text, show);
    if (rc == 0 && (j->text.bad || j->thought.bad))
        rc = sov_mem_fail(err);
    return rc;
}

static void
count_tokens(struct sov_desk *d, const struct job *j)
{
    if (j->planned == 1 && j->answer.n_made > 0)
        d->counts.n_made++;
    else
        d->counts.n_read += j->planned;
}

/* A token for each text whose ids have all been read; those that end make
 * room at once. */
static int
take_tokens(struct sov_desk *d, struct sov_err *err)
{
    size_t n = d->n_active;
    size_t i;

    d->n_active = 0;
    for (i = 0; i < n; i++) {
        struct job *j = d->active[i];
        int rc = 1;

        count_tokens(d, j);
        if (j->planned > 0 && left(j) == 0)
            rc = next_token(d, j, err);
        if (rc == 0)
            rc = end_text(j, err);
        else if (rc > 0) {
            d->active[d->n_active++] = j;
            continue;
        }
        finish(d, j, rc, err);
        if (rc == SOV_EMEM) {
            memmove(d->active + d->n_active, d->active + i + 1,
                    (n - i - 1) * sizeof(*d->active));
            d->n_active += n - i - 1;
            return rc;
        }
    }
    return 0;
}

int
sov_desk_step(sov_desk *d, struct sov_err *err)
{
    int rc = admit_all(d, err);

    if (rc < 0)
        return rc;
    if (d->n_active == 0)
        return 0;
    rc = run_pass(d, err);
    if (rc < 0)
        return rc;
    d->counts.passes++;
    rc = take_tokens(d, err);
    return rc < 0 ? rc : 1;
}

bool
sov_desk_take(sov_desk *d, struct sov_reply *answer)
{
    struct job *j = pop(&d->done);

    if (j == NULL)
        return false;
    *answer = j->answer;
    j->answer = (struct sov_reply){ 0 };
    free_job(j);
    return true;
}

/* ---- all of it */

static void
free_list(struct list *l)
{
    struct job *j;

    while ((j = pop(l)) != NULL)
        free_job(j);
}

void
sov_desk_close(sov_desk *d)
{
    size_t i;

    if (d == NULL)
        return;
    for (i = 0; i < d->n_active; i++)
        free_job(d->active[i]);
    free_list(&d->waiting);
    free_list(&d->done);
    sov_batch_close(d->batch);
    sov_sampler_free(d->sampler);
    free(d->active);
    free(d->reader);
    free(d->part);
    free(d);
}

/* What a session of the batch says of all of them. */
static int
ask_batch(struct sov_desk *d, struct sov_err *err)
{
    sov_session *s;
    int rc = sov_session_new(&s, d->batch, NULL, err);

    if (rc < 0)
        return rc;
    d->n_ctx = sov_session_ctx(s);
    d->n_vocab = sov_session_vocab(s);
    rc = sov_session_rows(s) >= d->n_seq
             ? 0
             : sov_fail(err, SOV_EUNSUP,
                        "the model makes embeddings, not the next token");
    sov_session_close(s);
    return rc;
}

static int
open_parts(struct sov_desk *d, const sov_model *model,
           const struct sov_session_opts *opts, struct sov_err *err)
{
    const struct sov_sampler_opts greedy = { .top_p = 1, .repeat_penalty = 1 };
    struct sov_session_opts so = *opts;
    int rc;

    so.n_seq = d->n_seq;
    so.n_batch = d->n_batch;
    so.n_logits = d->n_seq;
    so.n_kv = 0;
    so.reuse = true;
    rc = sov_batch_open(&d->batch, model, &so, err);
    if (rc == 0)
        rc = ask_batch(d, err);
    if (rc == 0)
        rc = sov_sampler_new(&d->sampler, &greedy, d->n_vocab, err);
    return rc;
}

int
sov_desk_open(sov_desk **desk, const sov_model *model, const sov_tok *tok,
              const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_desk *d = sov_mem_array(1, sizeof(*d));
    int rc;

    *desk = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->tok = tok;
    d->n_seq = opts->n_seq != 0 ? opts->n_seq : 1;
    d->n_batch = opts->n_batch != 0 ? opts->n_batch : PASS_DEFAULT;
    rc = open_parts(d, model, opts, err);
    if (rc == 0) {
        d->active = sov_mem_array(d->n_seq, sizeof(*d->active));
        d->reader = sov_mem_array(d->n_seq, sizeof(*d->reader));
        d->part = sov_mem_array(d->n_seq, sizeof(*d->part));
        if (d->active == NULL || d->reader == NULL || d->part == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc < 0) {
        sov_desk_close(d);
        return rc;
    }
    *desk = d;
    return 0;
}

void
sov_desk_count(const sov_desk *d, struct sov_desk_counts *counts)
{
    *counts = d->counts;
    counts->waiting = d->waiting.n;
    counts->active = d->n_active;
}

uint32_t
sov_desk_ctx(const sov_desk *d)
{
    return d->n_ctx;
}
