/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat.c - messages as the text that a model was trained on
 *
 * What a template finds, besides what the dialog has:
 *
 *   messages, bos_token, eos_token, add_generation_prompt
 *   enable_thinking   true: models that think do
 *   date_string       "20 Nov 2026", for templates that cannot ask
 *
 * The words that say who speaks are the template's own wherever they stand
 * under "role": many templates make a control token of them.
 */
#include "run/dialog.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.chat_template"

static const char *const roles[] = {
    "system",    "user",          "assistant", "developer",   "tool",
    "function",  "ipython",       "model",     "observation", "root",
    "documents", "tool_response", NULL,
};

/* ---- templates */

int
sov_chat_new(sov_chat **chat, const char *text, size_t len, struct sov_err *err)
{
    sov_chat *new = sov_mem_array(1, sizeof(*new));
    int rc;

    *chat = NULL;
    if (new == NULL)
        return sov_mem_fail(err);
    rc = sov_jinja_parse(&new->jinja, text, len, err);
    if (rc < 0) {
        free(new);
        return rc;
    }
    *chat = new;
    return 0;
}

void
sov_chat_free(sov_chat *chat)
{
    if (chat == NULL)
        return;
    sov_jinja_free(chat->jinja);
    free(chat);
}

int
sov_chat_find(const sov_meta *meta, const char *name, struct sov_span *text,
              struct sov_err *err)
{
    char key[160];
    int n, rc = 1;

    if (name != NULL) {
        n = snprintf(key, sizeof(key), KEY ".%s", name);
        if (n > 0 && (size_t)n < sizeof(key))
            rc = sov_meta_str(meta, key, text, err);
    }
    if (rc == 1)
        rc = sov_meta_str(meta, KEY, text, err);
    if (rc == 1)
        return sov_fail(err, SOV_EUNSUP,
                        "the model has no chat template (" KEY " is missing)");
    return rc;
}

/* ---- rendering */

#define PRESETS 6

struct render {
    struct sov_jinja_var *var;
    json_t *own[PRESETS]; /* to be freed */
    size_t n_own;
    struct sov_jinja_opts opts;
};

static void
preset(struct render *r, const sov_dialog *d, const char *name, json_t *v)
{
    r->own[r->n_own++] = v;
    if (v != NULL && json_object_get(d->gone, name) == NULL)
        r->var[r->opts.n_var++] =
            (struct sov_jinja_var){ name, v, r->n_own > 1 };
}

static int
begin_render(struct render *r, const sov_dialog *d, json_t *messages,
             const struct sov_chat_opts *opts, struct sov_err *err)
{
    size_t n = json_object_size(d->vars) + PRESETS;
    char date[32];
    const char *name;
    json_t *v;

    *r = (struct render){
        .opts = { .key = "role", .words = roles, .now = opts->now }
    };
    r->var = sov_mem_array(n, sizeof(*r->var));
    if (r->var == NULL)
        return sov_mem_fail(err);
    r->opts.var = r->var;
    if (strftime(date, sizeof(date), "%d %b %Y", &opts->now) == 0)
        date[0] = '\0';
    preset(r, d, "messages", json_incref(messages));
    preset(r, d, "bos_token",
           json_string(opts->bos != NULL ? opts->bos : "<s>"));
    preset(r, d, "eos_token",
           json_string(opts->eos != NULL ? opts->eos : "</s>"));
    preset(r, d, "add_generation_prompt", json_boolean(opts->answer));
    preset(r, d, "enable_thinking", json_true());
    preset(r, d, "date_string", json_string(date));
    for (size_t i = 0; i < PRESETS; i++)
        if (r->own[i] == NULL)
            return sov_mem_fail(err);
    json_object_foreach(d->vars, name, v) r->var[r->opts.n_var++] =
        (struct sov_jinja_var){ name, v, false };
    return 0;
}

int
sov_chat_try(const sov_chat *chat, const sov_dialog *d, json_t *messages,
             const struct sov_chat_opts *opts, uint64_t *steps,
             struct sov_jinja_text *text, struct sov_err *err)
{
    struct render r;
    int rc = begin_render(&r, d, messages, opts, err);

    *text = (struct sov_jinja_text){ 0 };
    r.opts.steps = *steps;
    if (rc == 0)
        rc = sov_jinja_render(chat->jinja, &r.opts, text, err);
    *steps = text->steps;
    for (size_t i = 0; i < PRESETS; i++)
        json_decref(r.own[i]);
    free(r.var);
    return rc;
}

void
sov_chat_text_free(struct sov_chat_text *text)
{
    sov_mem_forget(text->p);
    free(text->mark);
    *text = (struct sov_chat_text){ 0 };
}
