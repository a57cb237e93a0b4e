/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk_token.c - tokens become text
 *
 * All tokens of a pass are sampled at once, on all threads: what comes of one
 * depends on its own logits, options and history alone.  What they say is taken
 * down one after the other.
 */
#include "run/desk.h"

#include "base/mem.h"
#include "sys/par.h"

#include <string.h>

static void
add_span(struct sov_buf *b, struct sov_span s)
{
    if (s.len > 0)
        sov_buf_add(b, s.p, s.len);
}

/* A token's text: what is said goes through the stream. */
static int
say(const struct sov_desk *d, struct sov_job *j, int32_t id, bool *said,
    bool *stopped, struct sov_err *err)
{
    struct sov_span p = sov_tok_piece_after(d->tok, j->ids, j->n_ids, id);
    enum sov_voice voice = SOV_VOICE_SAID;
    struct sov_span show;
    int rc;

    if (j->channels != NULL)
        p = sov_channels_put(j->channels, id, p, &voice);
    *said = voice == SOV_VOICE_SAID && (j->channels == NULL || p.len > 0);
    if (voice == SOV_VOICE_THOUGHT) {
        add_span(&j->thought, p);
        return 0;
    }
    rc = sov_stream_put(j->stream, p.p, p.len, &show, stopped, err);
    if (rc == 0)
        add_span(&j->text, show);
    return rc;
}

/* ---- the next tokens */

struct sampling {
    struct sov_desk *desk;
    struct sov_job **job;
};

/* A text whose ids have all been read goes on. */
static bool
goes_on(const struct sov_job *j)
{
    return j->planned > 0 && sov_job_left(j) == 0;
}

static void
sample_some(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sampling *s = arg;
    sov_sampler *sampler = s->desk->sampler[worker];
    size_t i;

    for (i = first; i < last; i++) {
        struct sov_job *j = s->job[i];
        const float *logits;

        if (!goes_on(j))
            continue;
        logits = sov_session_logits(j->session, 0);
        if (sov_sampler_set(sampler, &j->sampler, NULL) < 0)
            continue; /* was checked when it came */
        j->id = sov_sample(sampler, logits, j->ids, j->n_ids, j->n_ids);
        if (j->answer.logprobs && j->id >= 0)
            j->chance =
                sov_chances(sampler, logits, j->id, j->best, j->answer.n_top);
    }
}

static void
sample_all(struct sov_desk *d)
{
    struct sampling s = { d, d->active };

    if (d->n_active == 1 || d->n_samplers < sov_threads())
        sample_some(&s, 0, d->n_active, 0);
    else
        sov_par_for(d->n_active, 1, sample_some, &s);
}

/* Note how probable it was. */
static int
keep_chance(struct sov_job *j, bool said, struct sov_err *err)
{
    struct sov_reply *a = &j->answer;
    size_t n = a->n_made * a->n_top;
    int rc = sov_mem_grow((void **)&a->made, a->n_made, &j->made_cap,
                          sizeof(*a->made), err);
    size_t i;

    for (i = 0; i < a->n_top && rc == 0; i++) {
        rc = sov_mem_grow((void **)&a->top, n + i, &j->top_cap, sizeof(*a->top),
                          err);
        if (rc == 0)
            a->top[n + i] = j->best[i];
    }
    if (rc == 0)
        a->made[a->n_made] = (struct sov_made){ j->chance, said };
    return rc;
}

/* What was sampled is the next token: 1 if the text goes on. */
static int
next_token(struct sov_desk *d, struct sov_job *j, struct sov_err *err)
{
    bool stopped = false;
    bool said = true;
    int rc;

    if (j->id < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "no token is possible: the model's weights give no "
                        "numbers");
    sov_job_first(j);
    j->answer.why = SOV_WHY_END;
    if (sov_tok_is_end(d->tok, j->id) || j->id == j->end)
        return 0;
    rc = say(d, j, j->id, &said, &stopped, err);
    if (rc == 0 && j->answer.logprobs)
        rc = keep_chance(j, said, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&j->ids, j->n_ids, &j->cap, sizeof(*j->ids),
                          err);
    if (rc < 0)
        return rc;
    j->ids[j->n_ids++] = j->id;
    j->answer.n_made++;
    j->answer.why = stopped ? SOV_WHY_STOP : SOV_WHY_LENGTH;
    if (stopped || j->answer.n_made == j->n_tokens)
        return 0;
    j->answer.why = SOV_WHY_CONTEXT;
    return sov_session_pos(j->session) < d->n_ctx;
}

/* What was held back for a stop string that did not come. */
static int
end_text(struct sov_job *j, struct sov_err *err)
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
count_tokens(struct sov_desk *d, const struct sov_job *j)
{
    if (j->planned == 1 && j->answer.n_made > 0)
        d->counts.n_made++;
    else
        d->counts.n_read += j->planned;
}

int
sov_desk_take_tokens(struct sov_desk *d, struct sov_err *err)
{
    size_t n = d->n_active;
    size_t i;

    sample_all(d);
    d->n_active = 0;
    for (i = 0; i < n; i++) {
        struct sov_job *j = d->active[i];
        int rc = 1;

        count_tokens(d, j);
        if (goes_on(j))
            rc = next_token(d, j, err);
        if (rc == 0)
            rc = end_text(j, err);
        else if (rc > 0) {
            d->active[d->n_active++] = j;
            continue;
        }
        sov_job_finish(d, j, rc, err);
        if (rc == SOV_EMEM) {
            memmove(d->active + d->n_active, d->active + i + 1,
                    (n - i - 1) * sizeof(*d->active));
            d->n_active += n - i - 1;
            return rc;
        }
    }
    return 0;
}
