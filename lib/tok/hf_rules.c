/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_rules.c - the rules of merging of a tokenizer.json
 *
 *   model.merges    [ "a b" or [ "a", "b" ], ... ], the first is most urgent
 *
 * What SentencePiece has as scores follows from them: the sooner a rule
 * applies, the higher is what it makes.
 */
#include "tok/hf.h"

#include "base/mem.h"

#include <string.h>

static int
bad_rule(size_t i, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "merges: entry %zu is not a pair", i);
}

static int
add_rule(struct sov_hf *hf, size_t i, const json_t *v, struct sov_err *err)
{
    const char *a = json_string_value(json_array_get(v, 0));
    const char *b = json_string_value(json_array_get(v, 1));

    hf->n_merges++;
    if (json_is_string(v)) {
        sov_buf_str(&hf->merges, json_string_value(v), json_string_length(v));
        return 0;
    }
    if (a == NULL || b == NULL || json_array_size(v) != 2)
        return bad_rule(i, err);
    sov_buf_u64(&hf->merges, strlen(a) + 1 + strlen(b));
    sov_buf_add(&hf->merges, a, strlen(a));
    sov_buf_add(&hf->merges, " ", 1);
    sov_buf_add(&hf->merges, b, strlen(b));
    return 0;
}

/* The token that a rule makes, by the arena of one text in buf; or -1. */
static int64_t
made_by(const json_t *vocab, const json_t *v, struct sov_buf *buf)
{
    const char *a = json_string_value(json_array_get(v, 0));
    const char *b = json_string_value(json_array_get(v, 1));
    size_t n_a;
    json_t *id;

    if (json_is_string(v)) {
        a = json_string_value(v);
        b = strchr(a, ' ');
        if (b == NULL)
            return -1;
        n_a = (size_t)(b - a);
        b++;
    } else if (a == NULL || b == NULL) {
        return -1;
    } else {
        n_a = strlen(a);
    }
    buf->len = 0;
    sov_buf_add(buf, a, n_a);
    sov_buf_add(buf, b, strlen(b) + 1);
    if (buf->bad)
        return -1;
    id = json_object_get(vocab, (const char *)buf->p);
    return id == NULL ? -1 : json_integer_value(id);
}

/* Scores out of the order of rules; what no rule makes comes last. */
static int
set_scores(struct sov_hf *hf, const json_t *vocab, const json_t *merges,
           struct sov_err *err)
{
    struct sov_buf buf = { 0 };
    const float least = -(float)json_array_size(merges) - 1;
    size_t i;
    json_t *v;

    for (i = 0; i < hf->vocab.n; i++)
        hf->vocab.token[i].score = least;
    json_array_foreach((json_t *)merges, i, v)
    {
        int64_t id = made_by(vocab, v, &buf);

        if (id >= 0 && hf->vocab.token[id].score == least)
            hf->vocab.token[id].score = -(float)i;
    }
    i = buf.bad;
    sov_buf_free(&buf);
    return i ? sov_mem_fail(err) : 0;
}

int
sov_hf_rules(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    const json_t *merges = json_object_get(model, "merges");
    size_t i;
    json_t *v;
    int rc = 0;

    if (!json_is_array(merges))
        return sov_fail(err, SOV_EFORMAT, "there are no merges");
    if (hf->kind == SOV_HF_SPM)
        return set_scores(hf, json_object_get(model, "vocab"), merges, err);
    json_array_foreach((json_t *)merges, i, v)
    {
        rc = add_rule(hf, i, v, err);
        if (rc < 0)
            return rc;
    }
    return hf->merges.bad ? sov_mem_fail(err) : 0;
}
