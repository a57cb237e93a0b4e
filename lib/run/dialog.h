/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialog.h - messages as they are kept, and rendered as they are
 */
#ifndef SOV_RUN_DIALOG_H
#define SOV_RUN_DIALOG_H

#include "base/json.h"
#include "jinja/jinja.h"
#include "sov/chat.h"

#include <stdint.h>

struct sov_chat {
    struct sov_jinja *jinja;
};

struct sov_dialog {
    json_t *messages;
    json_t *vars;
    json_t *gone; /* variables that must not be there */
};

/* What the template makes of these messages, with all else that d has; steps
 * have been made before, and are more then. */
int sov_chat_try(const sov_chat *chat, const sov_dialog *d, json_t *messages,
                 const struct sov_chat_opts *opts, uint64_t *steps,
                 struct sov_jinja_text *text,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif
