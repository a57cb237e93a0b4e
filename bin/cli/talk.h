/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.h - messages on their way to a model: read, rendered, made into ids
 */
#ifndef SOV_CLI_TALK_H
#define SOV_CLI_TALK_H

#include "cli/lm.h"
#include "sov/chat.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_talk {
    /* what the command line says */
    const char *system;   /* what a system message says, or NULL */
    const char *template; /* file of a template, or NULL: the model's */
    const char *vars;     /* JSON object of variables, or NULL */
    const char *date;     /* YYYY-MM-DD, or NULL: today */
    bool no_answer;       /* do not end with the beginning of an answer */
    bool parse_special;   /* control tokens may stand in messages too */
    struct sov_span before; /* messages of a session, as JSON; borrowed */

    /* owned; what sov_talk_open() makes */
    sov_chat *chat;
    sov_dialog *dialog;
    char *bos;
    char *eos;
    struct sov_chat_opts opts;
    sov_channels *channels; /* or NULL */
    int32_t end;            /* that the template puts behind an answer, or -1 */
};

/* Are the options of any use?  Before anything is opened. */
int sov_talk_check(struct sov_talk *t, struct sov_err *err) SOV_MUST_CHECK;

/*
 * The messages: JSON if text begins as JSON messages do ([{ or {" or []) and
 * plain is not set; else those before and one of the user, if text is not NULL.
 */
int sov_talk_read(struct sov_talk *t, const char *text, size_t len, bool plain,
                  struct sov_err *err) SOV_MUST_CHECK;

/* The template: of the option, else of lm's model, which is open then with
 * its tokenizer.  lm may be NULL. */
int sov_talk_open(struct sov_talk *t, const struct sov_lm *lm,
                  struct sov_err *err) SOV_MUST_CHECK;

int sov_talk_render(const struct sov_talk *t, struct sov_chat_text *text,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Fresh ids of what was rendered. */
int sov_talk_ids(const struct sov_talk *t, const struct sov_lm *lm,
                 const struct sov_chat_text *text, int32_t **ids, size_t *n,
                 struct sov_err *err) SOV_MUST_CHECK;

void sov_talk_close(struct sov_talk *t);

#endif
