/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim_meta.c - the metadata of a model that was cut
 *
 * Keys that say how many there are of something say the new number.  A key with
 * a number for each layer has those of the layers that stay.  Lengths of heads
 * that used to follow from the width are written down, since it has changed, or
 * the number of heads.
 *
 * At the end the keys are read as a loader reads them, and every layer must be
 * what it was.  This finds what architectures derive from numbers that have
 * changed: windows that go by a layer's place, scales that go by the width or
 * the number of layers.
 */
#include "prune/trim.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
key_of(const struct sov_trim *c, const char *name, char key[128])
{
    snprintf(key, 128, "%s.%s", c->arch->name, name);
    return key;
}

static int
set_number(const struct sov_trim *c, sov_meta *meta, const char *name,
           uint64_t v, struct sov_err *err)
{
    char key[128];

    return sov_meta_set_u32(meta, key_of(c, name, key), (uint32_t)v, err);
}

/* ---- numbers for each layer ---- */

static const char *const each_layer[] = {
    "feed_forward_length",
    "expert_feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.sliding_window_pattern",
};

/* Elements of a numeric array, those of layers that stay. */
static int
take_layers(const struct sov_trim *c, sov_meta *meta, const char *key,
            struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);
    size_t each = (size_t)(kv->val.len / kv->n);
    struct sov_kv less = *kv;
    struct sov_buf b = { 0 };
    int rc;

    for (size_t i = 0; i < c->hp.n_layer; i++)
        if (sov_trim_has(&c->layer, i))
            sov_buf_add(&b, kv->val.p + i * each, each);
    less.key = key;
    less.n = c->layer.n;
    less.val = (struct sov_span){ b.p, b.len };
    rc = b.bad ? sov_mem_fail(err) : sov_meta_set(meta, &less, err);
    sov_buf_free(&b);
    return rc;
}

/* Is it known of which layers' numbers an array is made? */
static int
check_array(const struct sov_trim *c, const struct sov_kv *kv,
            struct sov_err *err)
{
    size_t len = strlen(c->arch->name);

    if (kv->type != SOV_V_ARR || kv->elem == SOV_V_STR ||
        kv->n != c->hp.n_layer || strncmp(kv->key, c->arch->name, len) != 0 ||
        kv->key[len] != '.' || !sov_trim_less(&c->layer))
        return 0;
    for (size_t i = 0; i < sizeof(each_layer) / sizeof(each_layer[0]); i++)
        if (strcmp(kv->key + len + 1, each_layer[i]) == 0)
            return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "%.80s has as many numbers as there are layers: it is not "
                    "known whether layers can leave it",
                    kv->key);
}

static int
cut_layers(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    char key[128];
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++)
        rc = check_array(c, sov_meta_at(meta, i), err);
    for (size_t i = 0;
         i < sizeof(each_layer) / sizeof(each_layer[0]) && rc == 0; i++) {
        const struct sov_kv *kv =
            sov_meta_find(meta, key_of(c, each_layer[i], key));

        if (kv != NULL && kv->type == SOV_V_ARR)
            rc = take_layers(c, meta, key, err);
    }
    return rc == 0 ? set_number(c, meta, "block_count", c->layer.n, err) : rc;
}

/* ---- widths ---- */

/* One number for all layers that stay, or an array where there was one. */
static int
set_each(const struct sov_trim *c, sov_meta *meta, const char *name,
         const uint64_t *v, struct sov_err *err)
{
    char key[128];
    const struct sov_kv *kv = sov_meta_find(meta, key_of(c, name, key));
    bool array = kv != NULL && kv->type == SOV_V_ARR;
    struct sov_kv all = {
        .key = key, .type = SOV_V_ARR, .elem = SOV_V_U32, .n = c->layer.n
    };
    struct sov_buf b = { 0 };
    uint64_t first = 0, n = 0;
    int rc = 0;

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++) {
        if (!sov_trim_has(&c->layer, i))
            continue;
        first = n++ == 0 ? v[i] : first;
        if (!array && v[i] != first)
            rc =
                sov_fail(err, SOV_EUNSUP,
                         "layer %zu would have another %s (%" PRIu64
                         ") than the first (%" PRIu64 "): a %s has one for all",
                         i, name, v[i], first, c->arch->name);
        sov_buf_u32(&b, (uint32_t)v[i]);
    }
    all.val = (struct sov_span){ b.p, b.len };
    if (rc == 0 && b.bad)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = array ? sov_meta_set(meta, &all, err)
                   : sov_meta_set_u32(meta, key, (uint32_t)first, err);
    sov_buf_free(&b);
    return rc;
}

/* What a list of each layer counts, each of them `each` things. */
static int
set_lists(const struct sov_trim *c, sov_meta *meta, const char *name,
          size_t list, bool queries, struct sov_err *err)
{
    uint64_t *v = sov_mem_array(c->hp.n_layer, sizeof(*v));
    bool less = false;
    int rc = v == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++) {
        const struct sov_trim_list *l =
            (const void *)((const char *)&c->of[i] + list);

        less |= sov_trim_less(l);
        v[i] = l->n * (queries ? c->hp.n_head[i] / c->hp.n_kv[i] : 1);
    }
    if (rc == 0 && less)
        rc = set_each(c, meta, name, v, err);
    free(v);
    return rc;
}

static bool
cuts_heads(const struct sov_trim *c)
{
    for (size_t i = 0; i < c->hp.n_layer; i++)
        if (sov_trim_less(&c->of[i].kv))
            return true;
    return false;
}

/* What else has followed from width and heads. */
static int
keep_lengths(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    char key[128];
    int rc = set_number(c, meta, "attention.key_length", c->hp.k_len, err);

    if (rc == 0)
        rc = set_number(c, meta, "attention.value_length", c->hp.v_len, err);
    if (rc == 0 && c->arch->rope != SOV_ROPE_NONE &&
        sov_meta_find(meta, key_of(c, "rope.dimension_count", key)) == NULL)
        rc = sov_meta_set_u32(meta, key, c->hp.n_rot, err);
    return rc;
}

static int
check_heads(const struct sov_trim *c, struct sov_err *err)
{
    if (c->arch->qk_norm == SOV_QK_WHOLE)
        return sov_fail(err, SOV_EUNSUP,
                        "a %s norms all heads together: none of them can leave",
                        c->arch->name);
    return 0;
}

static int
cut_heads(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    char key[128];
    size_t at = offsetof(struct sov_trim_layer, kv);
    int rc = cuts_heads(c) ? check_heads(c, err) : 1;

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = set_lists(c, meta, "attention.head_count", at, true, err);
    /* where it follows the number of heads it may go on doing so */
    if (rc == 0 &&
        sov_meta_find(meta, key_of(c, "attention.head_count_kv", key)) != NULL)
        rc = set_lists(c, meta, "attention.head_count_kv", at, false, err);
    return rc == 0 ? keep_lengths(c, meta, err) : rc;
}

static int
cut_stream(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    int rc;

    if (!sov_trim_less(&c->embd))
        return 0;
    if (c->arch->norm != SOV_NORM_RMS || c->arch->encoder)
        return sov_fail(err, SOV_EUNSUP,
                        "a %s takes the mean of all channels: none of them can "
                        "leave",
                        c->arch->name);
    rc = set_number(c, meta, "embedding_length", c->embd.n, err);
    return rc == 0 ? keep_lengths(c, meta, err) : rc;
}

static int
cut_experts(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    const struct sov_trim_list *l = NULL;

    for (size_t i = 0; i < c->hp.n_layer; i++) {
        if (!sov_trim_has(&c->layer, i))
            continue;
        if (l != NULL && c->of[i].expert.n != l->n)
            return sov_fail(err, SOV_EUNSUP,
                            "layer %zu would have another number of experts: "
                            "there is one for all",
                            i);
        l = &c->of[i].expert;
    }
    if (l == NULL || !sov_trim_less(l))
        return 0;
    if (c->hp.n_used > l->n &&
        set_number(c, meta, "expert_used_count", l->n, err) < 0)
        return SOV_EMEM;
    return set_number(c, meta, "expert_count", l->n, err);
}

static int
cut_widths(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    char key[128];
    size_t at = offsetof(struct sov_trim_layer, ffn);
    bool own = c->hp.n_expert > 0 &&
               sov_meta_find(
                   meta, key_of(c, "expert_feed_forward_length", key)) != NULL;

    return set_lists(c, meta,
                     own ? "expert_feed_forward_length" : "feed_forward_length",
                     at, false, err);
}

/* ---- read once more ---- */

static int
differs(const struct sov_trim *c, size_t layer, const char *what,
        struct sov_err *err)
{
    if (layer == SIZE_MAX)
        return sov_fail(err, SOV_EUNSUP,
                        "%s of a %s would be another one: it follows from what "
                        "is cut",
                        what, c->arch->name);
    return sov_fail(err, SOV_EUNSUP,
                    "layer %zu would get another %s: in a %s it goes by the "
                    "place of a layer",
                    layer, what, c->arch->name);
}

/* What does not change, whatever is cut. */
static int
same_numbers(const struct sov_trim *c, const struct sov_hparams *b,
             struct sov_err *err)
{
    const struct sov_hparams *a = &c->hp;
    bool heads = a->k_len == b->k_len && a->v_len == b->v_len;
    bool turns = a->n_rot == b->n_rot && a->rope_base == b->rope_base &&
                 a->rope_scale == b->rope_scale &&
                 a->local_base == b->local_base &&
                 a->rope_size == b->rope_size && a->n_ctx == b->n_ctx;

    if (!heads)
        return differs(c, SIZE_MAX, "the length of heads", err);
    if (!turns)
        return differs(c, SIZE_MAX, "the rotary positions", err);
    if (a->attn_scale != b->attn_scale)
        return differs(c, SIZE_MAX, "the scale of scores", err);
    if (a->embd_scale != b->embd_scale ||
        a->residual_scale != b->residual_scale ||
        a->logit_scale != b->logit_scale)
        return differs(c, SIZE_MAX, "the scale of embeddings", err);
    return 0;
}

static int
same_layers(const struct sov_trim *c, const struct sov_hparams *b,
            struct sov_err *err)
{
    size_t at = 0;

    for (size_t i = 0; i < c->hp.n_layer; i++) {
        const struct sov_trim_layer *l = &c->of[i];
        size_t group = c->hp.n_head[i] / c->hp.n_kv[i];

        if (!sov_trim_has(&c->layer, i))
            continue;
        if (c->hp.local[i] != b->local[at])
            return differs(c, i, "window", err);
        if (b->n_kv[at] != l->kv.n || b->n_head[at] != l->kv.n * group)
            return differs(c, i, "number of heads", err);
        if (b->n_ff[at] != l->ffn.n)
            return differs(c, i, "width", err);
        at++;
    }
    return 0;
}

/* Others take it for granted of these that all heads together are as wide as
 * the stream, whatever the keys say. */
static int
check_square(const struct sov_trim *c, const struct sov_hparams *b,
             struct sov_err *err)
{
    static const char *const square[] = {
        "qwen2", "olmo2", "phi3", "falcon", "gpt2", "starcoder2",
    };
    const struct sov_hparams *a = &c->hp;
    bool was = (uint64_t)a->n_head[0] * a->k_len == a->n_embd;

    if (!was || (uint64_t)b->n_head[0] * b->k_len == b->n_embd)
        return 0;
    for (size_t i = 0; i < sizeof(square) / sizeof(square[0]); i++)
        if (strcmp(c->arch->name, square[i]) == 0)
            return sov_fail(err, SOV_EUNSUP,
                            "all heads of a %s are as wide as its stream to "
                            "other programs: neither can leave alone",
                            c->arch->name);
    return 0;
}

static int
read_again(const struct sov_trim *c, const sov_meta *meta, struct sov_err *err)
{
    struct sov_hparams hp;
    int rc = sov_hparams_read(&hp, meta, c->arch, err);

    if (rc < 0)
        return rc;
    rc = same_numbers(c, &hp, err);
    if (rc == 0 && (hp.n_layer != c->layer.n || hp.n_embd != c->embd.n))
        rc = differs(c, SIZE_MAX, "the shape", err);
    if (rc == 0)
        rc = same_layers(c, &hp, err);
    if (rc == 0)
        rc = check_square(c, &hp, err);
    sov_hparams_done(&hp);
    return rc;
}

int
sov_trim_meta(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    int rc = cut_layers(c, meta, err);

    if (rc == 0)
        rc = cut_widths(c, meta, err);
    if (rc == 0)
        rc = cut_heads(c, meta, err);
    if (rc == 0)
        rc = cut_stream(c, meta, err);
    if (rc == 0)
        rc = cut_experts(c, meta, err);
    /* "7B", which it is no more */
    sov_meta_unset(meta, "general.size_label");
    sov_meta_unset(meta, "general.parameter_count");
    return rc == 0 ? read_again(c, meta, err) : rc;
}
