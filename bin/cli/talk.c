/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.c - messages on their way to a model: read, rendered, made into ids
 */
#include "cli/talk.h"

#include "cli/tool.h"
#include "sov/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEMPLATE_MAX ((size_t)2 << 20) /* the library has the limit */

/* ---- options */

/* YYYY-MM-DD to a date with its day of the week; false if it is none. */
static bool
read_date(const char *text, struct tm *out)
{
    static const char form[] = "dddd-dd-dd";
    struct tm tm = { .tm_hour = 12 };
    time_t t;

    if (strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i] != '\0'; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != '-')
            return false;
    tm.tm_year = atoi(text) - 1900;
    tm.tm_mon = atoi(text + 5) - 1;
    tm.tm_mday = atoi(text + 8);
    *out = tm;
    t = timegm(&tm);
    if (tm.tm_mon != out->tm_mon || tm.tm_mday != out->tm_mday)
        return false; /* 30 February */
    return gmtime_r(&t, out) != NULL;
}

int
sov_talk_check(struct sov_talk *t, struct sov_err *err)
{
    time_t now = time(NULL);

    if (t->date == NULL) {
        if (localtime_r(&now, &t->opts.now) == NULL)
            return sov_fail_sys(err, SOV_WHERE_ANY, "the time");
        return 0;
    }
    if (!read_date(t->date, &t->opts.now))
        return sov_fail(err, SOV_EARG, "--date: '%.32s' is no YYYY-MM-DD",
                        t->date);
    return 0;
}

/* ---- messages */

static bool
looks_like_json(const char *text)
{
    char first;

    text += strspn(text, " \t\r\n");
    first = *text;
    if (first != '[' && first != '{')
        return false;
    text += 1 + strspn(text + 1, " \t\r\n");
    return first == '[' ? *text == '{' || *text == ']' : *text == '"';
}

static int
add_system(struct sov_talk *t, struct sov_err *err)
{
    const char *role = sov_dialog_role(t->dialog, 0);
    const char *text = sov_dialog_text(t->dialog, 0);

    if (t->system == NULL)
        return 0;
    if (role != NULL && strcmp(role, "system") == 0 && t->before.len > 0 &&
        text != NULL && strcmp(text, t->system) == 0)
        return 0; /* the conversation began so */
    if (role != NULL && strcmp(role, "system") == 0)
        return sov_fail(err, SOV_EARG,
                        "--system, and the messages have a system message of "
                        "their own%s",
                        t->before.len > 0 ? ", in the session" : "");
    return sov_dialog_begin(t->dialog, "system", t->system, strlen(t->system),
                            err);
}

static int
read_before(const struct sov_talk *t, struct sov_err *err)
{
    int rc;

    if (t->before.len == 0)
        return 0;
    rc = sov_dialog_parse(t->dialog, (const char *)t->before.p, t->before.len,
                          err);
    return rc < 0 ? sov_err_wrap(err, "messages of the session") : 0;
}

int
sov_talk_read(struct sov_talk *t, const char *text, size_t len, bool plain,
              struct sov_err *err)
{
    int rc = sov_dialog_new(&t->dialog, err);

    if (rc < 0)
        return rc;
    if (text != NULL && !plain && looks_like_json(text)) {
        rc = sov_dialog_parse(t->dialog, text, len, err);
        if (rc < 0)
            sov_err_wrap(err, "messages");
    } else {
        rc = read_before(t, err);
        if (rc == 0 && text != NULL)
            rc = sov_dialog_add(t->dialog, "user", text, len, err);
    }
    if (rc == 0)
        rc = add_system(t, err);
    if (rc == 0 && t->vars != NULL) {
        rc = sov_dialog_set(t->dialog, t->vars, strlen(t->vars), err);
        if (rc < 0)
            sov_err_wrap(err, "--chat-vars");
    }
    return rc;
}

/* ---- the template */

/* The name of a token, which is what a template calls it by. */
static int
name_token(const struct sov_lm *lm, int32_t id, char **out, struct sov_err *err)
{
    struct sov_span name = sov_tok_name(lm->tok, id);

    *out = strndup(name.len > 0 ? (const char *)name.p : "", name.len);
    return *out != NULL ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
}

static int
from_file(struct sov_talk *t, struct sov_err *err)
{
    char *text = NULL;
    size_t len;
    int rc = sov_read_whole(t->template, TEMPLATE_MAX, &text, &len, err);

    if (rc == 0)
        rc = sov_chat_new(&t->chat, text, len, err);
    free(text);
    return rc < 0 ? sov_err_wrap(err, "%s", t->template) : 0;
}

/* A model may have another template for when there are tools. */
static int
from_model(struct sov_talk *t, const struct sov_lm *lm, struct sov_err *err)
{
    const char *name = sov_dialog_has(t->dialog, "tools") ? "tool_use" : NULL;
    struct sov_span text;
    int rc = sov_chat_find(sov_model_meta(lm->model), name, &text, err);

    if (rc == SOV_EUNSUP)
        return sov_fail(err, rc,
                        "%s: the model has no chat template; give one with "
                        "--chat-template",
                        sov_lm_name(lm));
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_lm_name(lm));
    rc = sov_chat_new(&t->chat, (const char *)text.p, text.len, err);
    return rc < 0 ? sov_err_wrap(err, "%s: chat template", sov_lm_name(lm)) : 0;
}

/* An answer, as a template shows it at the end of a conversation. */
static int
render_answer(const struct sov_talk *t, const char *answer,
              struct sov_chat_text *text)
{
    struct sov_chat_opts opts = t->opts;
    sov_dialog *d = NULL;
    struct sov_err err;
    int rc = sov_dialog_new(&d, &err);

    *text = (struct sov_chat_text){ 0 };
    opts.answer = false;
    if (rc == 0)
        rc = sov_dialog_add(d, "user", "?", 1, &err);
    if (rc == 0)
        rc = sov_dialog_add(d, "assistant", answer, strlen(answer), &err);
    if (rc == 0)
        rc = sov_chat_render(t->chat, d, &opts, text, &err);
    sov_dialog_free(d);
    return rc;
}

/*
 * The control token that the template puts behind an answer: a model that was
 * trained with it ends its answers so, whatever the vocabulary calls it.
 */
static int32_t
find_end(const struct sov_talk *t, const struct sov_lm *lm)
{
    static const char answer[] = "sov-answer";
    struct sov_chat_text text;
    int32_t *ids = NULL;
    int32_t end = -1;
    const char *p;
    size_t n = 0, at;

    if (render_answer(t, answer, &text) == 0 &&
        (p = memmem(text.p, text.len, answer, strlen(answer))) != NULL) {
        at = (size_t)(p - text.p) + strlen(answer);
        if (sov_tok_encode_marked(lm->tok, text.p + at, text.len - at,
                                  text.mark + at, SOV_TOK_SPECIAL, &ids, &n,
                                  NULL) == 0 &&
            n > 0 && sov_tok_is_control(lm->tok, ids[0]))
            end = ids[0];
    }
    free(ids);
    sov_chat_text_free(&text);
    return end;
}

int
sov_talk_open(struct sov_talk *t, const struct sov_lm *lm, struct sov_err *err)
{
    int rc = t->template != NULL ? from_file(t, err) : from_model(t, lm, err);

    t->end = -1;
    t->opts.answer = !t->no_answer;
    if (rc < 0 || lm == NULL)
        return rc;
    rc = name_token(lm, sov_tok_bos(lm->tok), &t->bos, err);
    if (rc == 0)
        rc = name_token(lm, sov_tok_eos(lm->tok), &t->eos, err);
    t->opts.bos = t->bos;
    t->opts.eos = t->eos;
    if (rc == 0)
        rc = sov_channels_new(&t->channels, lm->tok, err);
    if (rc == 0)
        t->end = find_end(t, lm);
    return rc;
}

int
sov_talk_render(const struct sov_talk *t, struct sov_chat_text *text,
                struct sov_err *err)
{
    int rc = sov_chat_render(t->chat, t->dialog, &t->opts, text, err);

    if (rc < 0)
        return sov_err_wrap(
            err, "%s", t->template != NULL ? t->template : "chat template");
    if (text->merged)
        sov_note(1, "the template takes no system message; it stands at the "
                    "beginning of the first one of the user");
    return 0;
}

/* Most templates begin with the token that the tokenizer would put there. */
static bool
has_bos(const struct sov_talk *t, const struct sov_chat_text *text)
{
    size_t n = t->bos != NULL ? strlen(t->bos) : 0;

    return n > 0 && text->len >= n && memcmp(text->p, t->bos, n) == 0 &&
           !text->mark[0];
}

int
sov_talk_ids(const struct sov_talk *t, const struct sov_lm *lm,
             const struct sov_chat_text *text, int32_t **ids, size_t *n,
             struct sov_err *err)
{
    unsigned flags = has_bos(t, text) ? SOV_TOK_PLAIN : SOV_TOK_BOS;

    return sov_tok_encode_marked(lm->tok, text->p, text->len,
                                 t->parse_special ? NULL : text->mark,
                                 flags | SOV_TOK_SPECIAL, ids, n, err);
}

void
sov_talk_close(struct sov_talk *t)
{
    sov_channels_free(t->channels);
    sov_chat_free(t->chat);
    sov_dialog_free(t->dialog);
    free(t->bos);
    free(t->eos);
}
