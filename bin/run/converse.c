/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converse.c - a conversation on a terminal
 *
 * All of the messages are rendered for each answer, and of the ids that come
 * out only those are read that follow what the session has read already: the
 * keys and values of the common beginning stay.
 *
 * Ctrl-C ends an answer, and what there is of it stays in the conversation.  A
 * message that leads to an error, or to no answer at all, is taken back.  Where
 * the context has no room left, the oldest messages are forgotten, as many as
 * give a quarter of it back.
 */
#include "run/converse.h"

#include "cli/emit.h"
#include "cli/generate.h"
#include "cli/line.h"
#include "cli/term.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    struct sov_converse *c;
    struct sov_emit out;
    struct sov_line line;
    int32_t *seen; /* ids that the session has read */
    size_t n_seen;
    bool recalled; /* it has been asked what a kept session knows */
};

static size_t
common(const int32_t *a, size_t n, const int32_t *b, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && a[i] == b[i])
        i++;
    return i;
}

static int
too_long(size_t n, uint32_t ctx, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "the message has %zu tokens and the context room for "
                    "%" PRIu32 "; say it in parts, or begin anew with --ctx "
                    "for more",
                    n, ctx);
}

/* Would a message have room if it were the only one?  If not, nothing is to
 * be forgotten for it. */
static int
check_length(const struct state *s, const char *text, struct sov_err *err)
{
    uint32_t ctx = sov_session_ctx(s->c->lm->session);
    int32_t *ids = NULL;
    size_t n = 0;
    int rc = sov_tok_encode(s->c->lm->tok, text, strlen(text), SOV_TOK_PLAIN,
                            &ids, &n, err);

    free(ids);
    if (rc == 0 && n >= ctx - ctx / 16)
        rc = too_long(n, ctx, err);
    return rc;
}

/* The messages as ids: all that there are, or what is left of them where they
 * leave no room to answer. */
static int
read_messages(struct state *s, struct sov_generate *g, struct sov_err *err)
{
    const struct sov_converse *c = s->c;
    uint32_t ctx = sov_session_ctx(c->lm->session);
    sov_dialog *d = c->talk->dialog;
    const char *role = sov_dialog_role(d, 0);
    size_t first = role != NULL && strcmp(role, "system") == 0;
    size_t room = ctx, gone = 0;
    struct sov_chat_text text;
    int rc;

    for (;;) {
        rc = sov_talk_render(c->talk, &text, err);
        if (rc == 0)
            rc = sov_talk_ids(c->talk, c->lm, &text, &g->ids, &g->n_ids, err);
        sov_chat_text_free(&text);
        if (rc < 0 || g->n_ids < room || sov_dialog_count(d) < first + 3)
            break;
        free(g->ids);
        g->ids = NULL;
        sov_dialog_forget(d, first, 2); /* what was said, and its answer */
        gone += 2;
        room = ctx - ctx / 4;
    }
    if (gone > 0)
        sov_note(0, "the context is full: the first %zu messages are forgotten",
                 gone);
    return rc;
}

/* Rewind the session to where it knows these ids; one at least is read, for
 * its logits. */
static int
rewind_to(struct state *s, struct sov_generate *g, struct sov_err *err)
{
    sov_session *session = s->c->lm->session;
    uint32_t ctx = sov_session_ctx(session);

    if (g->n_ids == 0)
        return sov_fail(err, SOV_EFORMAT, "the prompt is empty");
    if (g->n_ids >= ctx)
        return too_long(g->n_ids, ctx, err);
    if (s->recalled) {
        g->n_read = common(s->seen, s->n_seen, g->ids, g->n_ids - 1);
        sov_session_truncate(session, (uint32_t)g->n_read);
    } else {
        sov_keep_recall(s->c->keep, g->ids, g->n_ids);
        s->recalled = true;
    }
    g->n_read = sov_session_pos(session);
    s->n_seen = g->n_read;
    return 0;
}

/* What the session has read now is a beginning of the ids. */
static void
keep_seen(struct state *s, struct sov_generate *g)
{
    free(s->seen);
    s->seen = g->ids;
    s->n_seen = sov_session_pos(s->c->lm->session);
    g->ids = NULL;
}

static void
say_timings(const struct sov_generate *g, size_t n_prompt, size_t n_known)
{
    fprintf(stderr,
            "{\"prompt_tokens\":%zu,\"prompt_s\":%.6f,"
            "\"generated_tokens\":%zu,\"generate_s\":%.6f,"
            "\"known_tokens\":%zu}\n",
            n_prompt, g->prompt_s, g->n_ids - n_prompt, g->generate_s, n_known);
}

/* The log has its line, then the answer is shown, if it was held for it. */
static int
account_for(struct state *s, const struct sov_generate *g, size_t n_prompt,
            size_t n_known, struct sov_err *err)
{
    struct sov_account *a = s->c->account;
    struct sov_account_answer answer = {
        .outcome = sov_why_name(g->why),
        .bytes = { (unsigned char *)s->out.kept, s->out.n_kept },
        .n_prompt = n_prompt,
        .n_known = n_known,
        .n_made = g->n_ids - n_prompt,
        .spent = { 0, g->first_s, g->prompt_s + g->generate_s, g->joules },
        .proof = a->last_proof,
    };
    int rc = sov_account_prove(a, &g->sampler, g->ids, n_prompt, g->n_ids, err);

    if (rc == 0)
        rc = sov_account_answer(a, &answer, err);
    if (rc == 0)
        rc = sov_emit_release(&s->out, err);
    return rc;
}

/* The answer to what was said, on the terminal and in s->out.kept. */
static int
answer(struct state *s, enum sov_why *why, struct sov_err *err)
{
    struct sov_converse *c = s->c;
    struct sov_generate g = {
        .n_tokens = c->n_tokens,
        .stops = c->stops,
        .n_stops = c->n_stops,
        .end = c->talk->end,
        .channels = c->talk->channels,
        .sampler = c->sampler,
        .interrupt = &sov_term_interrupt,
        .saving = &c->keep->saving,
        .power = c->account->power,
    };
    size_t n_prompt, n_known;
    bool rewound;
    int rc = read_messages(s, &g, err);

    if (rc == 0)
        rc = rewind_to(s, &g, err);
    rewound = rc == 0;
    n_prompt = g.n_ids;
    n_known = g.n_read;
    s->out.hold = c->account->log != NULL;
    if (rc == 0)
        rc = sov_generate(&g, c->lm, &s->out, err);
    if (rc == 0)
        rc = account_for(s, &g, n_prompt, n_known, err);
    *why = g.why;
    if (rc == 0 && c->timings)
        say_timings(&g, n_prompt, n_known);
    if (rewound)
        keep_seen(s, &g);
    free(g.ids);
    return rc;
}

/* What there is of an answer belongs to the conversation; without any, what
 * was said is as if it had not been. */
static int
keep_answer(struct state *s, enum sov_why why, struct sov_err *err)
{
    sov_dialog *dialog = s->c->talk->dialog;

    if (s->out.n_kept == 0 && why != SOV_WHY_END) {
        sov_dialog_cut(dialog, sov_dialog_count(dialog) - 1);
        return 0;
    }
    return sov_dialog_add(dialog, "assistant",
                          s->out.n_kept > 0 ? s->out.kept : "", s->out.n_kept,
                          err);
}

/* One message and its answer.  While there is one, Ctrl-C ends it. */
static int
turn(struct state *s, const char *text, struct sov_err *err)
{
    sov_dialog *dialog = s->c->talk->dialog;
    enum sov_why why = SOV_WHY_END;
    const struct sov_account_ask ask = {
        .bytes = { (const unsigned char *)text, strlen(text) },
    };
    int rc = check_length(s, text, err);

    if (rc == 0)
        rc = sov_account_ask(s->c->account, &ask, err);
    if (rc == 0)
        rc = sov_dialog_add(dialog, "user", text, strlen(text), err);
    if (rc < 0)
        return rc;
    sov_term_interrupt = 0;
    sov_term_signals(true);
    sov_line_hold(&s->line);
    rc = answer(s, &why, err);
    sov_term_signals(false);
    if (rc == 0)
        rc = keep_answer(s, why, err);
    else
        sov_dialog_cut(dialog, sov_dialog_count(dialog) - 1);
    if (rc == 0)
        sov_keep_turn(s->c->keep, s->seen, s->n_seen, dialog);
    return rc;
}

/* Is this an error of one message, or the end of the conversation? */
static bool
goes_on(int rc)
{
    return rc == SOV_EFORMAT || rc == SOV_EARG;
}

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \n")] == '\0';
}

static int
talk(struct state *s, struct sov_err *err)
{
    for (;;) {
        char *text;
        int rc = sov_line_read(&s->line, "> ", &text, err);

        if (rc <= 0)
            return rc;
        rc = is_blank(text) ? 0 : turn(s, text, err);
        free(text);
        if (rc < 0 && !goes_on(rc))
            return rc;
        if (rc < 0)
            sov_tool_complain(SOV_EFORMAT, err);
        rc = sov_emit_part(&s->out, err);
        if (rc < 0)
            return rc;
        if (s->c->account->prove && s->c->account->last_proof[0] != '\0')
            fprintf(stderr, "%s\n", s->c->account->last_proof);
        s->c->account->last_proof[0] = '\0';
    }
}

int
sov_converse(struct sov_converse *c, struct sov_err *err)
{
    struct state s = { .c = c };
    int rc = sov_emit_open(&s.out, false, c->lm->inputs, c->lm->n_inputs, err);

    s.out.both = true;
    sov_note(0, "Ctrl-D ends the conversation, Ctrl-C an answer");
    if (c->talk->before.len > 0)
        sov_note(0, "%zu messages are remembered",
                 sov_dialog_count(c->talk->dialog));
    if (rc == 0)
        rc = sov_term_open(&s.line.plain, err);
    if (rc == 0) {
        sov_line_begin(&s.line);
        rc = talk(&s, err);
    }
    sov_term_close();
    if (rc == 0)
        rc = sov_emit_close(&s.out, err);
    if (rc == 0)
        rc = sov_keep_end(c->keep, c->lm, s.seen, s.n_seen, c->talk->dialog,
                          err);
    sov_emit_free(&s.out);
    sov_line_free(&s.line);
    free(s.seen);
    return rc;
}
