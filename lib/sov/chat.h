/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat.h - messages as the text that a model was trained on
 *
 * A model brings a template, in the language Jinja, that makes one text of the
 * messages of a conversation.  Both come from strangers: rendering is bounded
 * in steps, memory and text, and every byte that comes out is marked as the
 * template's own or as given, so that nothing that was said in a message
 * becomes a control token (sov_tok_encode_marked()).
 */
#ifndef SOV_CHAT_H
#define SOV_CHAT_H

#include "sov/err.h"
#include "sov/meta.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* ---- templates: read-only once they are there */

typedef struct sov_chat sov_chat;

/* text is copied.  Errors say line and column. */
SOV_API int sov_chat_new(sov_chat **chat, const char *text, size_t len,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_chat_free(sov_chat *chat);

/*
 * The template that a model brings: tokenizer.chat_template or, with a name
 * that is not NULL, tokenizer.chat_template.NAME if the model has that.  A
 * model without a template is SOV_EUNSUP.  Borrowed from meta.
 */
SOV_API int sov_chat_find(const sov_meta *meta, const char *name,
                          struct sov_span *text,
                          struct sov_err *err) SOV_MUST_CHECK;

/* ---- dialogs: messages, and what else a template may ask for */

typedef struct sov_dialog sov_dialog;

SOV_API int sov_dialog_new(sov_dialog **dialog,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_dialog_free(sov_dialog *dialog);

/*
 * Take the messages of a JSON text: an array of objects with "role", or an
 * object that has such an array under "messages"; its other members (tools,
 * documents ...) become variables of the template.  Pictures and sounds in a
 * message are SOV_EUNSUP.
 */
SOV_API int sov_dialog_parse(sov_dialog *dialog, const char *json, size_t len,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Variables out of a JSON object; null takes one away again. */
SOV_API int sov_dialog_set(sov_dialog *dialog, const char *json, size_t len,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API bool sov_dialog_has(const sov_dialog *dialog, const char *name);

/* One more message; text that is not UTF-8 gets U+FFFD where it is not, and
 * where it is NUL. */
SOV_API int sov_dialog_add(sov_dialog *dialog, const char *role,
                           const char *text, size_t len,
                           struct sov_err *err) SOV_MUST_CHECK;
/* The same, before all others. */
SOV_API int sov_dialog_begin(sov_dialog *dialog, const char *role,
                             const char *text, size_t len,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API size_t sov_dialog_count(const sov_dialog *dialog);
/* Take n messages away from the one at i on. */
SOV_API void sov_dialog_forget(sov_dialog *dialog, size_t i, size_t n);
/* The role of a message, or NULL. */
SOV_API const char *sov_dialog_role(const sov_dialog *dialog, size_t i);
/* What it says, if that is one text, or NULL. */
SOV_API const char *sov_dialog_text(const sov_dialog *dialog, size_t i);
/* Keep the first n messages. */
SOV_API void sov_dialog_cut(sov_dialog *dialog, size_t n);
/* All messages as sov_dialog_parse() reads them; free() it. */
SOV_API int sov_dialog_json(const sov_dialog *dialog, char **text, size_t *len,
                            struct sov_err *err) SOV_MUST_CHECK;

/* ---- rendering */

struct sov_chat_opts {
    bool answer;     /* end with the beginning of an answer */
    const char *bos; /* text of the model's tokens; NULL: <s> and </s> */
    const char *eos;
    struct tm now; /* for templates that say what day it is */
};

struct sov_chat_text {
    char *p;             /* owned, as mark is; NUL-terminated */
    unsigned char *mark; /* of each byte: 0 the template's own, 1 given */
    size_t len;
    /* The template takes no system message, so it stands at the beginning of
     * the first message of the user. */
    bool merged;
};

/*
 * What was given is said in the form that the template understands: content as
 * one text or as a list of texts, arguments of calls as text or as an object,
 * nothing as nothing, a developer as the system.  text is empty after a
 * failure.
 */
SOV_API int sov_chat_render(const sov_chat *chat, const sov_dialog *dialog,
                            const struct sov_chat_opts *opts,
                            struct sov_chat_text *text,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_chat_text_free(struct sov_chat_text *text);

/* ---- answers that speak on several channels, as gpt-oss does */

typedef struct sov_channels sov_channels;

enum sov_voice {
    SOV_VOICE_NONE,    /* nothing to show */
    SOV_VOICE_SAID,    /* the answer, or the call of a tool with its head */
    SOV_VOICE_THOUGHT, /* on the way to it */
};

/* *channels is NULL where the vocabulary has no channels.  tok is borrowed. */
SOV_API int sov_channels_new(sov_channels **channels, const sov_tok *tok,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_channels_free(sov_channels *channels);
/* Another answer begins. */
SOV_API void sov_channels_begin(sov_channels *channels);

/*
 * The next token of an answer, and its text (sov_tok_piece()).  What is to be
 * shown of it, borrowed up to the next call, and how it is meant.
 */
SOV_API struct sov_span sov_channels_put(sov_channels *channels, int32_t id,
                                         struct sov_span piece,
                                         enum sov_voice *voice);

#endif
