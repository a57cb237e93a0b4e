/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_own.c - requests as sov-run has them: one flat object
 *
 *     {"id": 1, "prompt": "...", "max_tokens": 9, "logprobs": 2}
 *     {"id":1,"line":1,"text":"...","stop":"length",...}
 *
 *     {"id": 2, "input": "..."}
 *     {"id":2,"line":2,"embedding":[...],"prompt_tokens":5}
 */
#include "run/request.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_any(const json_t *line)
{
    (void)line;
    return true;
}

static bool
looks_like_any(const char *line, size_t len)
{
    (void)line;
    (void)len;
    return true;
}

/* What is asked for vectors. */
static const char *const inputs[] = { "input", "embed", "query", "document" };

#define N_INPUTS (sizeof(inputs) / sizeof(inputs[0]))

static int
open_line(struct sov_request *r, struct sov_err *err)
{
    size_t i;

    for (i = 0; i < N_INPUTS; i++)
        if (json_object_get(r->json, inputs[i]) != NULL)
            r->kind = SOV_REQUEST_VECTORS;
    return sov_request_take_id(r, "id", err);
}

/* ---- text */

static const struct sov_member members[] = {
    { "id", sov_take_nothing, 0, 0, 0 },
    { "prompt", sov_take_prompt, 0, 0, 0 },
    { "messages", sov_take_array, 0, 0, 0 },
    { "tools", sov_take_array, 0, 0, 0 },
    { "max_tokens", sov_take_whole, SOV_FIELD_TOKENS, 0, (double)INT64_MAX },
    { "temperature", sov_take_real, SOV_FIELD_TEMP, 0, 1000 },
    { "top_k", sov_take_whole, SOV_FIELD_TOP_K, 0, UINT32_MAX },
    { "top_p", sov_take_above, SOV_FIELD_TOP_P, 0, 1 },
    { "min_p", sov_take_real, SOV_FIELD_MIN_P, 0, 1 },
    { "repeat_penalty", sov_take_above, SOV_FIELD_PENALTY, 0, 1000 },
    { "seed", sov_take_whole, SOV_FIELD_SEED, 0, (double)INT64_MAX },
    { "logprobs", sov_take_whole, SOV_FIELD_TOP, 0, SOV_TOP_MAX },
    { "stop", sov_take_stops, 0, 0, 0 },
    { "tenant", sov_take_tenant, 0, 0, 0 },
    { "reviewer", sov_take_reviewer, 0, 0, 0 },
    { 0 },
};

static int
take_request(struct sov_request *r, struct sov_request_text *t,
             struct sov_err *err)
{
    static const struct sov_member *const tables[] = { members, NULL };
    int rc = sov_request_members(r, r->json, tables, false, t, err);

    return rc == 0 ? sov_request_messages(r, r->json, t, err) : rc;
}

/* ---- vectors */

/* A query and a document, both of them. */
static int
take_pair(struct sov_request *r, struct sov_request_vectors *v,
          struct sov_err *err)
{
    json_t *query = json_object_get(r->json, "query");
    json_t *document = json_object_get(r->json, "document");
    int rc;

    if (query == NULL || document == NULL)
        return sov_fail(err, SOV_EFORMAT, "a \"%s\" without a \"%s\"",
                        query != NULL ? "query" : "document",
                        query != NULL ? "document" : "query");
    free(r->texts);
    r->texts = sov_mem_array(1, sizeof(*r->texts));
    if (r->texts == NULL)
        return sov_mem_fail(err);
    rc = sov_request_string("query", query, &r->texts->query, err);
    if (rc == 0)
        rc = sov_request_string("document", document, &r->texts->document, err);
    v->texts = r->texts;
    v->n = 1;
    return rc;
}

static int
take_inputs(struct sov_request *r, struct sov_request_vectors *v,
            struct sov_err *err)
{
    static const struct sov_member others[] = {
        { "id", sov_take_nothing, 0, 0, 0 },
        { "input", sov_take_nothing, 0, 0, 0 },
        { "embed", sov_take_nothing, 0, 0, 0 },
        { "query", sov_take_nothing, 0, 0, 0 },
        { "document", sov_take_nothing, 0, 0, 0 },
        { "tenant", sov_take_tenant, 0, 0, 0 },
        { "reviewer", sov_take_reviewer, 0, 0, 0 },
        { 0 },
    };
    static const struct sov_member *const tables[] = { others, NULL };
    struct sov_request_text t = { 0 };
    json_t *input = json_object_get(r->json, "input");
    json_t *embed = json_object_get(r->json, "embed");
    bool pair = json_object_get(r->json, "query") != NULL ||
                json_object_get(r->json, "document") != NULL;
    int rc = sov_request_members(r, r->json, tables, false, &t, err);

    if (rc < 0)
        return rc;
    v->tenant = t.tenant;
    v->reviewer = t.reviewer;
    if ((input != NULL) + (embed != NULL) + pair > 1)
        return sov_fail(err, SOV_EFORMAT,
                        "there is more than one thing to embed");
    if (pair)
        return take_pair(r, v, err);
    return input != NULL ? sov_take_texts(r, "input", input, v, err)
                         : sov_take_texts(r, "embed", embed, v, err);
}

/* ---- answers */

/* Above 2^53, where readers of JSON begin to round, as a string. */
static json_t *
large(uint64_t n)
{
    char text[24];

    if (n <= UINT64_C(1) << 53)
        return json_integer((json_int_t)n);
    snprintf(text, sizeof(text), "%" PRIu64, n);
    return json_string(text);
}

/* {"id":5,"token":" the","logprob":-0.25} */
static json_t *
chance(const struct sov_response *a, const struct sov_chance *c)
{
    struct sov_span piece = sov_answer_piece(a, c->id);

    return json_pack("{s:i, s:o, s:o}", "id", (int)c->id, "token",
                     sov_answer_text(piece.p, piece.len), "logprob",
                     sov_answer_real((double)c->logprob));
}

static json_t *
chances(const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    json_t *all = json_array();
    size_t i, k;
    int bad = all == NULL;

    for (i = 0; i < reply->n_made && !bad; i++) {
        const struct sov_chance *top = reply->top + i * reply->n_top;
        json_t *one = chance(a, &reply->made[i].it);
        json_t *best = reply->n_top > 0 ? json_array() : NULL;

        for (k = 0; k < reply->n_top && !bad && top[k].id >= 0; k++)
            bad |= json_array_append_new(best, chance(a, &top[k]));
        if (reply->n_top > 0)
            bad |= json_object_set_new(one, "top", best);
        bad |= json_array_append_new(all, one);
    }
    if (!bad)
        return all;
    json_decref(all);
    return NULL;
}

static int
put_text(json_t *o, const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    int bad = json_object_set_new(o, "text",
                                  sov_answer_text(reply->text, reply->n_text));

    if (reply->n_thought > 0)
        bad |= json_object_set_new(
            o, "thought", sov_answer_text(reply->thought, reply->n_thought));
    if (reply->logprobs)
        bad |= json_object_set_new(o, "logprobs", chances(a));
    bad |=
        json_object_set_new(o, "stop", json_string(sov_why_name(reply->why)));
    bad |= json_object_set_new(o, "prompt_tokens",
                               json_integer((json_int_t)reply->n_prompt));
    bad |= json_object_set_new(o, "generated_tokens",
                               json_integer((json_int_t)reply->n_made));
    return bad | json_object_set_new(o, "seed", large(a->seed));
}

/* The first is the one that counts, where a model gives several. */
static int
put_scores(json_t *o, const struct sov_request *r, const struct sov_response *a)
{
    int bad = json_object_set_new(o, "score",
                                  sov_answer_real((double)a->reply->x[0]));

    if (a->reply->width > 1)
        bad |= json_object_set_new(o, "scores", sov_answer_vector(r, a, 0));
    return bad;
}

static int
put_vectors(json_t *o, const struct sov_request *r,
            const struct sov_response *a)
{
    const struct sov_reply *reply = a->reply;
    json_t *list;
    size_t i;
    int bad = 0;

    if (r->list) {
        list = json_array();
        for (i = 0; i < reply->n_texts; i++)
            bad |= json_array_append_new(list, sov_answer_vector(r, a, i));
        bad |= json_object_set_new(o, "embeddings", list);
    } else if (reply->pool == SOV_POOL_RANK) {
        bad = put_scores(o, r, a);
    } else {
        bad = json_object_set_new(o, "embedding", sov_answer_vector(r, a, 0));
    }
    return bad | json_object_set_new(o, "prompt_tokens",
                                     json_integer((json_int_t)reply->n_prompt));
}

static int
put_error(json_t *o, const struct sov_reply *reply)
{
    return json_object_set_new(
        o, "error",
        json_pack("{s:s, s:o}", "code",
                  reply->rc == SOV_EUNSUP ? "unsupported" : "invalid_request",
                  "message",
                  sov_answer_text(reply->err.msg, strlen(reply->err.msg))));
}

static json_t *
make_answer(const struct sov_request *r, const struct sov_response *a)
{
    json_t *o = json_object();
    int bad = 0;

    if (r->name != NULL)
        bad |= json_object_set(o, "id", r->name);
    bad |= json_object_set_new(o, "line", large(a->line));
    if (a->reply->rc < 0)
        bad |= put_error(o, a->reply);
    else if (a->reply->x != NULL)
        bad |= put_vectors(o, r, a);
    else
        bad |= put_text(o, a);
    if (!bad)
        return o;
    json_decref(o);
    return NULL;
}

static bool
read_answer(const json_t *answer, struct sov_answered *to, const json_t **id)
{
    static const char *const kinds[] = { "text", "error", "embedding",
                                         "embeddings", "score" };
    size_t i, n = 0;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        n += json_object_get(answer, kinds[i]) != NULL;
    to->failed = json_object_get(answer, "error") != NULL;
    *id = json_object_get(answer, "id");
    return n == 1 &&
           sov_answer_line(json_object_get(answer, "line"), &to->line);
}

const struct sov_dialect sov_dialect_own = {
    .name = "own",
    .is = is_any,
    .looks = looks_like_any,
    .open = open_line,
    .text = take_request,
    .vectors = take_inputs,
    .answer = make_answer,
    .read = read_answer,
};
