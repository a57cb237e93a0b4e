/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl_ask.c - what a line asks for is put to the desk
 */
#include "run/jsonl_job.h"

#include <stdlib.h>
#include <string.h>

int
sov_jsonl_note(struct sov_jsonl_job *j, struct sov_jsonl_slot *s,
               const char *tenant, const char *reviewer, struct sov_err *err)
{
    const struct sov_account_ask ask = {
        .line = s->line,
        .bytes = j->raw,
        .tenant = tenant,
        .reviewer = reviewer,
    };

    if (s->noted)
        return 0;
    s->noted = true;
    return sov_account_ask(j->m->account, &ask, err);
}

/* The request is read; nobody reviews what is not written down. */
static int
note(struct sov_jsonl_job *j, struct sov_jsonl_slot *s, const char *tenant,
     const char *reviewer, struct sov_err *err)
{
    int rc = sov_jsonl_note(j, s, tenant, reviewer, err);

    if (rc == 0 && reviewer != NULL && j->m->account->log == NULL)
        rc = sov_fail(err, SOV_EFORMAT, "\"reviewer\" goes with --audit-log");
    return rc;
}

static void
forget_ids(int32_t *ids, size_t n)
{
    if (ids != NULL)
        explicit_bzero(ids, n * sizeof(*ids));
    free(ids);
}

/* ---- text */

/* The messages of a request, with what the command line says of them. */
static int
read_messages(struct sov_talk *t, const struct sov_request_text *what,
              struct sov_err *err)
{
    int rc = sov_dialog_new(&t->dialog, err);
    const char *role;

    if (rc == 0)
        rc = sov_dialog_parse(t->dialog, (const char *)what->messages.p,
                              what->messages.len, err);
    if (rc < 0)
        return rc;
    role = sov_dialog_role(t->dialog, 0);
    if (t->system != NULL && (role == NULL || strcmp(role, "system") != 0))
        rc = sov_dialog_begin(t->dialog, "system", t->system, strlen(t->system),
                              err);
    if (rc == 0 && t->vars != NULL)
        rc = sov_dialog_set(t->dialog, t->vars, strlen(t->vars), err);
    return rc;
}

static int
encode_messages(struct sov_jsonl_job *j, struct sov_talk *t,
                const struct sov_request_text *what, int32_t **ids, size_t *n,
                struct sov_err *err)
{
    struct sov_chat_text text = { 0 };
    int rc;

    if (t->chat == NULL)
        return sov_fail(err, SOV_EUNSUP, "%s", j->no_talk.msg);
    rc = read_messages(t, what, err);
    if (rc == 0)
        rc = sov_talk_render(t, &text, err);
    if (rc == 0)
        rc = sov_talk_ids(t, j->lm, &text, ids, n, err);
    sov_chat_text_free(&text);
    sov_dialog_free(t->dialog);
    t->dialog = NULL;
    return rc;
}

static int
encode_prompt(struct sov_jsonl_job *j, struct sov_span prompt, int32_t **ids,
              size_t *n, struct sov_err *err)
{
    unsigned flags = SOV_TOK_BOS | (j->m->special ? SOV_TOK_SPECIAL : 0);

    return sov_tok_encode(j->lm->tok, (const char *)prompt.p, prompt.len, flags,
                          ids, n, err);
}

static int
put_text(struct sov_jsonl_job *j, const struct sov_jsonl_slot *s,
         const struct sov_request_text *what, struct sov_err *err)
{
    bool messages = what->messages.p != NULL;
    struct sov_talk *t = &j->talk[what->tools];
    struct sov_ask a = {
        .tag = (uint64_t)(s - j->slot),
        .tenant = what->tenant,
        .ids = what->ids,
        .n_ids = what->n_ids,
        .n_tokens = what->n_tokens,
        .sampler = what->sampler,
        .stops = what->stops,
        .n_stops = what->n_stops,
        .end = messages ? t->end : -1,
        .channels = messages && t->channels != NULL,
        .logprobs = what->logprobs,
        .n_top = what->n_top,
    };
    int32_t *ids = NULL;
    int rc = 0;

    if (messages)
        rc = encode_messages(j, t, what, &ids, &a.n_ids, err);
    else if (what->ids == NULL)
        rc = encode_prompt(j, what->prompt, &ids, &a.n_ids, err);
    if (ids != NULL)
        a.ids = ids;
    if (messages && !what->n_tokens_given && !j->m->n_tokens_given)
        a.n_tokens = UINT64_MAX;
    if (rc == 0)
        rc = sov_desk_add(j->desk, &a, err);
    forget_ids(ids, a.n_ids);
    return rc;
}

static int
ask_text(struct sov_jsonl_job *j, struct sov_jsonl_slot *s, struct sov_err *err)
{
    struct sov_request_text what = {
        .n_tokens = j->m->n_tokens,
        .sampler = j->m->sampler,
        .stops = j->m->stops,
        .n_stops = j->m->n_stops,
    };
    int rc;

    what.sampler.seed = sov_request_seed(j->m->sampler.seed, s->line);
    rc = sov_request_text(s->request, &what, err);
    s->seed = what.sampler.seed;
    s->sampler = what.sampler;
    if (rc == 0)
        rc = note(j, s, what.tenant, what.reviewer, err);
    return rc == 0 ? put_text(j, s, &what, err) : rc;
}

/* ---- vectors */

/* Fresh ids of a text, or of a pair. */
static int
encode_text(struct sov_jsonl_job *j, enum sov_pool pool,
            const struct sov_request_embed *what, struct sov_text_ids *to,
            struct sov_err *err)
{
    const struct sov_embed_opts opts = {
        .special = j->m->special,
        .cut = j->m->cut,
        .most = sov_desk_ctx(j->desk),
    };
    int32_t *ids = NULL;
    bool was_cut;
    int rc;

    if (what->query.p != NULL && pool != SOV_POOL_RANK)
        return sov_fail(err, SOV_EUNSUP,
                        "a query and a document are for a model that gives "
                        "scores");
    rc = sov_embed_encode(j->lm->tok, sov_model_meta(j->lm->model), what, &opts,
                          &ids, &to->n, &was_cut, err);
    to->ids = ids;
    return rc;
}

static int
put_texts(struct sov_jsonl_job *j, const struct sov_jsonl_slot *s,
          const struct sov_request_vectors *what, struct sov_text_ids *texts,
          struct sov_err *err)
{
    enum sov_pool pool = (enum sov_pool)j->m->pool;
    const struct sov_ask a = {
        .tag = (uint64_t)(s - j->slot),
        .tenant = what->tenant,
        .texts = texts,
        .n_texts = what->n,
        .pool = pool != SOV_POOL_AUTO ? pool : sov_desk_pool(j->desk),
        .as_is = j->m->as_is,
    };
    int rc = 0;

    for (size_t i = 0; i < what->n && rc == 0; i++) {
        rc = encode_text(j, a.pool, &what->texts[i], &texts[i], err);
        if (rc < 0 && what->n > 1)
            sov_err_wrap(err, "text %zu", i);
    }
    return rc == 0 ? sov_desk_add(j->desk, &a, err) : rc;
}

static int
ask_vectors(struct sov_jsonl_job *j, struct sov_jsonl_slot *s,
            struct sov_err *err)
{
    struct sov_request_vectors what;
    struct sov_text_ids *texts;
    int rc = sov_request_vectors(s->request, &what, err);

    if (rc == 0)
        rc = note(j, s, what.tenant, what.reviewer, err);
    if (rc < 0)
        return rc;
    texts = calloc(what.n, sizeof(*texts));
    if (texts == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = put_texts(j, s, &what, texts, err);
    for (size_t i = 0; i < what.n; i++)
        forget_ids((int32_t *)texts[i].ids, texts[i].n);
    free(texts);
    return rc;
}

int
sov_jsonl_ask(struct sov_jsonl_job *j, struct sov_jsonl_slot *s,
              struct sov_err *err)
{
    int rc = sov_request_kind(s->request) == SOV_REQUEST_VECTORS
                 ? ask_vectors(j, s, err)
                 : ask_text(j, s, err);

    sov_request_settle(s->request);
    return rc;
}
