/* SPDX-License-Identifier: Apache-2.0 */
/*
 * converse.c - a conversation on a terminal
 *
 * All of the messages are rendered for each answer, and of the ids that come
 * out only those are read that follow what the session has read already: the
 * keys and values of the common beginning stay.
 *
 * Ctrl-C ends an answer, and what there is of it stays in the conversation.  A
 * message that leads to an error is taken back.
 */
#include "run/converse.h"

#include "cli/emit.h"
#include "cli/generate.h"
#include "cli/line.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    struct sov_converse *c;
    struct sov_emit out;
    struct sov_line line;
    int32_t *seen; /* ids that the session has read */
    size_t n_seen;
};

static volatile sig_atomic_t interrupt;

static void
on_interrupt(int sig)
{
    (void)sig;
    interrupt = 1;
}

static size_t
common(const int32_t *a, size_t n, const int32_t *b, size_t m)
{
    size_t i = 0;

    while (i < n && i < m && a[i] == b[i])
        i++;
    return i;
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
        return sov_fail(err, SOV_EFORMAT,
                        "the conversation has %zu tokens and the context room "
                        "for %" PRIu32 "; begin anew, with --ctx for more",
                        g->n_ids, ctx);
    g->n_read = common(s->seen, s->n_seen, g->ids, g->n_ids - 1);
    sov_session_truncate(session, (uint32_t)g->n_read);
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

/* The answer to what was said, on the terminal and in s->out.kept. */
static int
answer(struct state *s, struct sov_err *err)
{
    struct sov_converse *c = s->c;
    struct sov_generate g = {
        .n_tokens = c->n_tokens,
        .stops = c->stops,
        .n_stops = c->n_stops,
        .sampler = c->sampler,
        .interrupt = &interrupt,
    };
    struct sov_chat_text text;
    size_t n_prompt, n_known;
    bool rewound;
    int rc = sov_talk_render(c->talk, &text, err);

    if (rc == 0)
        rc = sov_talk_ids(c->talk, c->lm, &text, &g.ids, &g.n_ids, err);
    if (rc == 0)
        rc = rewind_to(s, &g, err);
    rewound = rc == 0;
    n_prompt = g.n_ids;
    n_known = g.n_read;
    if (rc == 0)
        rc = sov_generate(&g, c->lm, &s->out, err);
    if (rc == 0 && g.why == SOV_WHY_CONTEXT)
        sov_note(0, "the context is full");
    if (rc == 0 && c->timings)
        say_timings(&g, n_prompt, n_known);
    if (rewound)
        keep_seen(s, &g);
    free(g.ids);
    sov_chat_text_free(&text);
    return rc;
}

/* One message and its answer.  While there is one, Ctrl-C ends it. */
static int
turn(struct state *s, const char *text, struct sov_err *err)
{
    sov_dialog *dialog = s->c->talk->dialog;
    size_t n = sov_dialog_count(dialog);
    struct sigaction sa = { .sa_handler = on_interrupt }, old;
    int rc = sov_dialog_add(dialog, "user", text, strlen(text), err);

    if (rc < 0)
        return rc;
    interrupt = 0;
    sa.sa_flags = SA_RESTART;
    sigemptyset(&sa.sa_mask);
    sov_line_quiet(&s->line, true);
    sigaction(SIGINT, &sa, &old);
    rc = answer(s, err);
    sigaction(SIGINT, &old, NULL);
    sov_line_quiet(&s->line, false);
    if (rc == 0)
        rc = sov_dialog_add(dialog, "assistant",
                            s->out.n_kept > 0 ? s->out.kept : "", s->out.n_kept,
                            err);
    if (rc < 0)
        sov_dialog_cut(dialog, n);
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
    }
}

int
sov_converse(struct sov_converse *c, struct sov_err *err)
{
    struct state s = { .c = c };
    int rc = sov_emit_open(&s.out, false, c->lm->inputs, c->lm->n_inputs, err);

    s.out.both = true;
    sov_note(0, "Ctrl-D ends the conversation, Ctrl-C an answer");
    if (rc == 0)
        rc = talk(&s, err);
    if (rc == 0)
        rc = sov_emit_close(&s.out, err);
    sov_emit_free(&s.out);
    sov_line_free(&s.line);
    free(s.seen);
    return rc;
}
