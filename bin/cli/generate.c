/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - a text that goes on, token by token
 */
#include "cli/generate.h"
#include "cli/progress.h"

#include "cli/tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define PIECE 256 /* tokens of a prompt that are read at once */

static int
put_piece(sov_stream *stream, struct sov_span p, struct sov_emit *out,
          bool *stopped, struct sov_err *err)
{
    struct sov_span show;
    int rc = sov_stream_put(stream, p.p, p.len, &show, stopped, err);

    return rc == 0 ? sov_emit_text(out, show, err) : rc;
}

/* What was held back for a stop string that did not come. */
static int
put_rest(sov_stream *stream, struct sov_emit *out, struct sov_err *err)
{
    struct sov_span show;
    int rc = sov_stream_end(stream, &show, err);

    return rc == 0 ? sov_emit_text(out, show, err) : rc;
}

int
sov_generate_echo(const struct sov_lm *lm, const int32_t *ids, size_t n,
                  struct sov_emit *out, struct sov_err *err)
{
    sov_stream *stream = NULL;
    bool stopped;
    int rc = sov_stream_new(&stream, NULL, 0, err);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = put_piece(stream, sov_tok_piece_after(lm->tok, ids, i, ids[i]),
                       out, &stopped, err);
    if (rc == 0)
        rc = put_rest(stream, out, err);
    sov_stream_free(stream);
    return rc;
}

static int
add_id(struct sov_generate *g, int32_t id, size_t *cap, struct sov_err *err)
{
    if (g->n_ids >= *cap) {
        size_t more = g->n_ids + g->n_ids / 2 + 256;
        int32_t *bigger = realloc(g->ids, more * sizeof(*bigger));

        if (bigger == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        g->ids = bigger;
        *cap = more;
    }
    g->ids[g->n_ids++] = id;
    return 0;
}

/* What is said goes to the stream, what is thought beside it. */
static int
say(struct sov_generate *g, const struct sov_lm *lm, sov_stream *stream,
    int32_t id, struct sov_emit *out, bool *stopped, struct sov_err *err)
{
    struct sov_span p = sov_tok_piece_after(lm->tok, g->ids, g->n_ids, id);
    enum sov_voice voice = SOV_VOICE_SAID;

    if (g->channels != NULL)
        p = sov_channels_put(g->channels, id, p, &voice);
    if (voice == SOV_VOICE_THOUGHT)
        return sov_emit_aside(out, p, err);
    return put_piece(stream, p, out, stopped, err);
}

/* Joules until now; below 0: not known.  To be asked more often than a counter
 * can go round; once it is not known, it stays so. */
static double
energy(const struct sov_generate *g)
{
    double joules;

    return g->power != NULL && sov_power_joules(g->power, &joules) ? joules
                                                                   : -1;
}

/* Take the next token and say it; false in go_on where the text ends. */
static int
next_token(struct sov_generate *g, const struct sov_lm *lm,
           sov_sampler *sampler, sov_stream *stream, struct sov_emit *out,
           size_t *cap, bool *go_on, struct sov_err *err)
{
    const float *logits = sov_session_logits(lm->session, 0);
    int32_t id = sov_sample(sampler, logits, g->ids, g->n_ids, g->n_ids);
    bool stopped = false;
    int rc;

    *go_on = false;
    if (id < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: no token is possible: the model's weights give "
                        "no numbers",
                        sov_lm_name(lm));
    if (sov_tok_is_end(lm->tok, id) || id == g->end) {
        g->why = SOV_WHY_END;
        return 0;
    }
    rc = say(g, lm, stream, id, out, &stopped, err);
    if (rc == 0)
        rc = add_id(g, id, cap, err);
    if (stopped)
        g->why = SOV_WHY_STOP;
    *go_on = !stopped;
    return rc;
}

static bool
interrupted(const struct sov_generate *g)
{
    return g->interrupt != NULL && *g->interrupt != 0;
}

static bool
saves(const struct sov_generate *g)
{
    return g->saving != NULL && g->saving->saved != NULL;
}

/* Blocks that are full now are saved. */
static void
save(const struct sov_generate *g)
{
    struct sov_saving *s = g->saving;

    if (saves(g) && s->rc == 0)
        s->rc = sov_saved_update(s->saved, &s->err);
}

/* One token after the other, until something ends the text. */
static int
loop(struct sov_generate *g, const struct sov_lm *lm, sov_sampler *sampler,
     sov_stream *stream, struct sov_emit *out, struct sov_err *err)
{
    size_t cap = g->n_ids;
    bool go_on = true;
    int rc = 0;

    g->why = SOV_WHY_LENGTH;
    for (uint64_t i = 0; i < g->n_tokens; i++) {
        if (interrupted(g)) {
            g->why = SOV_WHY_INTERRUPT;
            break;
        }
        rc = next_token(g, lm, sampler, stream, out, &cap, &go_on, err);
        if (rc < 0)
            return rc;
        if (!go_on || i + 1 == g->n_tokens)
            break;
        if (sov_session_pos(lm->session) == sov_session_ctx(lm->session)) {
            g->why = SOV_WHY_CONTEXT;
            sov_note(1, "the context of %" PRIu32 " tokens is full",
                     sov_session_ctx(lm->session));
            break;
        }
        rc = sov_session_eval(lm->session, &g->ids[g->n_ids - 1], 1,
                              SOV_LOGITS_LAST, err);
        if (rc < 0)
            return rc;
        save(g);
        energy(g);
    }
    return put_rest(stream, out, err);
}

/* What the session has not read yet; in pieces, where somebody may ask for an
 * end of it, or counts, or saves. */
static int
read_prompt(struct sov_generate *g, const struct sov_lm *lm,
            struct sov_err *err)
{
    int rc = 0;

    while (g->n_read < g->n_ids && rc == 0 && !interrupted(g)) {
        size_t n = g->n_ids - g->n_read;
        bool whole = g->interrupt == NULL && g->power == NULL && !saves(g);
        bool last = whole || n <= PIECE;

        n = last ? n : PIECE;
        rc = sov_session_eval(lm->session, g->ids + g->n_read, n,
                              last ? SOV_LOGITS_LAST : SOV_LOGITS_NONE, err);
        g->n_read += rc == 0 ? n : 0;
        if (rc == 0)
            save(g);
        energy(g);
    }
    return rc;
}

int
sov_generate(struct sov_generate *g, const struct sov_lm *lm,
             struct sov_emit *out, struct sov_err *err)
{
    sov_sampler *sampler = NULL;
    sov_stream *stream = NULL;
    double start = sov_seconds();
    double before = energy(g);
    double after;
    int rc;

    if (g->channels != NULL)
        sov_channels_begin(g->channels);
    if (g->sampler.temp > 0)
        sov_note(1, "seed %" PRIu64, g->sampler.seed);
    rc = sov_sampler_new(&sampler, &g->sampler, sov_session_vocab(lm->session),
                         err);
    if (rc == 0)
        rc = sov_stream_new(&stream, g->stops, g->n_stops, err);
    if (rc == 0)
        rc = read_prompt(g, lm, err);
    g->prompt_s = g->first_s = sov_seconds() - start;
    start = sov_seconds();
    if (rc == 0)
        rc = loop(g, lm, sampler, stream, out, err);
    g->generate_s = sov_seconds() - start;
    after = energy(g);
    g->joules = before >= 0 && after >= 0 ? after - before : -1;
    sov_sampler_free(sampler);
    sov_stream_free(stream);
    return rc;
}
