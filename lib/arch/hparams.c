/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hparams.c - the numbers of an architecture out of a model's metadata
 */
#include "arch/arch.h"
#include "base/fmath.h"
#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No factor or base is larger; a float can hold it. */
#define REAL_MAX 1e30

/* Where keys are read from, and the first that was wrong. */
struct reader {
    const sov_meta *meta;
    const struct sov_arch *arch;
    struct sov_err *err;
    char key[128];
    int rc; /* sticky */
};

static const char *
key_of(struct reader *rd, const char *name)
{
    snprintf(rd->key, sizeof(rd->key), "%s.%s", rd->arch->name, name);
    return rd->key;
}

static void
missing(struct reader *rd)
{
    rd->rc = sov_fail(rd->err, SOV_EFORMAT, "%s is missing", rd->key);
}

static void
check_range(struct reader *rd, uint64_t v, uint64_t min, uint64_t max)
{
    if (v < min || v > max)
        rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                          "%s is %" PRIu64 ", not %" PRIu64 " to %" PRIu64,
                          rd->key, v, min, max);
}

/* What the key says, preset if it is missing; then, with must, it is wrong. */
static uint32_t
read_number(struct reader *rd, const char *name, uint64_t preset, bool must,
            uint64_t min, uint64_t max)
{
    uint64_t v = preset;
    int rc;

    if (rd->rc < 0)
        return 0;
    rc = sov_meta_u64(rd->meta, key_of(rd, name), &v, rd->err);
    if (rc < 0)
        rd->rc = rc;
    else if (rc == 1 && must)
        missing(rd);
    else
        check_range(rd, v, min, max);
    return rd->rc < 0 ? 0 : (uint32_t)v;
}

/* A number in [1, max]; preset: what it is if the key is missing, 0: must. */
static uint32_t
number(struct reader *rd, const char *name, uint64_t preset, uint64_t max)
{
    return read_number(rd, name, preset, preset == 0, 1, max);
}

/* A number in [0, max], preset if the key is missing. */
static uint32_t
number_or_none(struct reader *rd, const char *name, uint64_t preset,
               uint64_t max)
{
    return read_number(rd, name, preset, false, 0, max);
}

/* A number from min to REAL_MAX; NaN as preset: must. */
static double
real(struct reader *rd, const char *name, double preset, double min)
{
    double v = preset;
    int rc;

    if (rd->rc < 0)
        return 0;
    rc = sov_meta_f64(rd->meta, key_of(rd, name), &v, rd->err);
    if (rc < 0)
        rd->rc = rc;
    else if (rc == 1 && isnan(preset))
        missing(rd);
    else if (!(v >= min && v <= REAL_MAX))
        rd->rc = sov_fail(rd->err, SOV_EFORMAT, "%s is out of range", rd->key);
    return rd->rc < 0 ? 0 : v;
}

static void
array_for_layers(struct reader *rd, const struct sov_kv *kv, uint64_t max,
                 uint32_t *out, uint32_t n)
{
    uint32_t i;

    if (kv->n != n) {
        rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                          "%s has %" PRIu64 " numbers for %" PRIu32 " layers",
                          rd->key, kv->n, n);
        return;
    }
    if (kv->elem == SOV_V_STR || kv->elem == SOV_V_F32 ||
        kv->elem == SOV_V_F64 || kv->elem == SOV_V_BOOL) {
        rd->rc = sov_fail(rd->err, SOV_EFORMAT, "%s is not of whole numbers",
                          rd->key);
        return;
    }
    for (i = 0; i < n && rd->rc == 0; i++) {
        int64_t v = sov_kv_int(kv, i);

        check_range(rd, v < 0 ? 0 : (uint64_t)v, 1, max);
        out[i] = (uint32_t)v;
    }
}

/*
 * One number for all layers, or an array with one for each; preset: what they
 * are if the key is missing, NULL: must.  Fresh.
 */
static uint32_t *
each_layer(struct reader *rd, const char *name, const uint32_t *preset,
           uint64_t max, uint32_t n)
{
    const struct sov_kv *kv;
    uint32_t *out;
    uint32_t one = 0;
    uint32_t i;

    if (rd->rc < 0)
        return NULL;
    out = sov_mem_array(n, sizeof(*out));
    if (out == NULL) {
        rd->rc = sov_mem_fail(rd->err);
        return NULL;
    }
    kv = sov_meta_find(rd->meta, key_of(rd, name));
    if (kv == NULL && preset != NULL) {
        memcpy(out, preset, n * sizeof(*out));
    } else if (kv != NULL && kv->type == SOV_V_ARR) {
        array_for_layers(rd, kv, max, out, n);
    } else {
        one = number(rd, name, 0, max);
        for (i = 0; i < n; i++)
            out[i] = one;
    }
    return out;
}

/* All heads together are no wider than any width; so no product of sizes
 * overflows, wherever size_t is small. */
static void
check_widths(struct reader *rd, const struct sov_hparams *hp)
{
    uint32_t len = hp->k_len > hp->v_len ? hp->k_len : hp->v_len;
    uint32_t i;

    for (i = 0; i < hp->n_layer && rd->rc == 0; i++)
        if (hp->n_head[i] > SOV_WIDTH_MAX / len)
            rd->rc =
                sov_fail(rd->err, SOV_EFORMAT,
                         "layer %" PRIu32 " has %" PRIu32 " heads of %" PRIu32,
                         i, hp->n_head[i], len);
}

static void
check_heads(struct reader *rd, const struct sov_hparams *hp)
{
    uint32_t i;

    for (i = 0; i < hp->n_layer && rd->rc == 0; i++)
        if (hp->n_head[i] % hp->n_kv[i] != 0)
            rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                              "layer %" PRIu32 " has %" PRIu32
                              " heads for %" PRIu32 " key heads",
                              i, hp->n_head[i], hp->n_kv[i]);
}

/* The length of a head: its key, or the width shared by the first layer's
 * heads. */
static uint32_t
head_length(struct reader *rd, const struct sov_hparams *hp, const char *name)
{
    uint32_t even;

    if (rd->rc < 0)
        return 0;
    even = hp->n_embd / hp->n_head[0];
    if (sov_meta_find(rd->meta, key_of(rd, name)) == NULL &&
        even * hp->n_head[0] != hp->n_embd)
        rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                          "%" PRIu32 " heads do not divide the width %" PRIu32,
                          hp->n_head[0], hp->n_embd);
    return number(rd, name, even, SOV_WIDTH_MAX);
}

static void
read_heads(struct reader *rd, struct sov_hparams *hp)
{
    double scale;

    hp->n_head = each_layer(rd, "attention.head_count", NULL, SOV_HEADS_MAX,
                            hp->n_layer);
    hp->n_kv = each_layer(rd, "attention.head_count_kv", hp->n_head,
                          SOV_HEADS_MAX, hp->n_layer);
    if (rd->rc == 0)
        check_heads(rd, hp);
    hp->k_len = head_length(rd, hp, "attention.key_length");
    hp->v_len = head_length(rd, hp, "attention.value_length");
    if (rd->rc == 0)
        check_widths(rd, hp);
    scale = real(rd, "attention.scale", 0, 0);
    if (rd->rc < 0)
        return;
    if (scale > 0)
        hp->attn_scale = (float)scale;
    else if (hp->n_layer == rd->arch->layers_by_width)
        hp->attn_scale = 1.0f / sqrtf((float)(hp->n_embd / hp->n_head[0]));
    else
        hp->attn_scale = 1.0f / sqrtf((float)hp->k_len);
}

static bool
spells(struct sov_span s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

/* What stretches the context: rope.scaling.type. */
static struct sov_span
scaling_type(struct reader *rd)
{
    static const char *const known[] = { "none", "linear", "yarn", "longrope" };
    struct sov_span type = { (const unsigned char *)"linear", 6 };
    int rc =
        sov_meta_str(rd->meta, key_of(rd, "rope.scaling.type"), &type, rd->err);

    if (rc < 0) {
        rd->rc = rc;
        return type;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (spells(type, known[i]))
            return type;
    rd->rc =
        sov_fail(rd->err, SOV_EUNSUP, "%s %.*s is not supported", rd->key,
                 (int)(type.len < 32 ? type.len : 32), (const char *)type.p);
    return type;
}

/* YaRN makes queries and keys a little larger. */
static void
read_scaling(struct reader *rd, struct sov_hparams *hp)
{
    struct sov_span type;
    double factor, log_times;

    if (rd->rc < 0)
        return;
    type = scaling_type(rd);
    factor = real(rd, "rope.scale_linear", 0, 0);
    factor = real(rd, "rope.scaling.factor", factor, 0);
    if (spells(type, "none") || factor == 0)
        factor = 1;
    hp->rope_scale = 1 / factor;
    hp->rope_yarn = spells(type, "yarn");
    hp->yarn_fast = real(rd, "rope.scaling.yarn_beta_fast", 32, 1e-9);
    hp->yarn_slow = real(rd, "rope.scaling.yarn_beta_slow", 1, 1e-9);
    hp->rope_size = real(rd, "rope.scaling.attn_factor", 1, 1e-9);
    log_times = real(rd, "rope.scaling.yarn_log_multiplier", 0, 0);
    if (hp->rope_yarn && factor > 1)
        hp->rope_size *= (1 + 0.1 * sov_log(factor)) /
                         (1 + 0.1 * log_times * sov_log(factor));
}

static void
read_rope(struct reader *rd, struct sov_hparams *hp)
{
    double local = rd->arch->local_base;

    hp->n_rot = number(rd, "rope.dimension_count", hp->k_len, SOV_WIDTH_MAX);
    if (rd->rc == 0 && (hp->n_rot > hp->k_len || hp->n_rot % 2 != 0))
        rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                          "%s is %" PRIu32 " for heads of %" PRIu32, rd->key,
                          hp->n_rot, hp->k_len);
    hp->rope_base = real(rd, "rope.freq_base", 10000, 1e-9);
    hp->local_base =
        real(rd, "rope.freq_base_swa", local > 0 ? local : hp->rope_base, 1e-9);
    hp->n_ctx_orig = number(rd, "rope.scaling.original_context_length",
                            hp->n_ctx, UINT32_MAX);
    if (rd->arch->temperature)
        hp->temp_scale = (float)real(rd, "attention.temperature_scale", 0, 0);
    read_scaling(rd, hp);
}

/* Of every n layers the last sees all keys; or each layer says it. */
static void
read_pattern(struct reader *rd, struct sov_hparams *hp)
{
    const struct sov_kv *kv =
        sov_meta_find(rd->meta, key_of(rd, "attention.sliding_window_pattern"));
    bool each = kv != NULL && kv->type == SOV_V_ARR;
    uint32_t n = 0;
    uint32_t i;

    if (each && (kv->n != hp->n_layer || kv->elem == SOV_V_STR))
        rd->rc = sov_fail(rd->err, SOV_EFORMAT,
                          "%s has %" PRIu64 " marks for %" PRIu32 " layers",
                          rd->key, kv->n, hp->n_layer);
    else if (!each)
        n = number_or_none(rd, "attention.sliding_window_pattern",
                           rd->arch->window_pattern, SOV_LAYERS_MAX);
    for (i = 0; i < hp->n_layer && rd->rc == 0; i++)
        hp->local[i] = each                     ? sov_kv_int(kv, i) != 0
                       : rd->arch->window_first ? n == 0 || i % n != 0
                                                : n == 0 || i % n + 1 < n;
}

static void
read_windows(struct reader *rd, struct sov_hparams *hp)
{
    if (rd->rc < 0)
        return;
    hp->local = sov_mem_array(hp->n_layer, sizeof(*hp->local));
    if (hp->local == NULL) {
        rd->rc = sov_mem_fail(rd->err);
        return;
    }
    if (!rd->arch->windows)
        return;
    hp->window = number_or_none(rd, "attention.sliding_window",
                                rd->arch->window, UINT32_MAX);
    if (rd->rc == 0 && hp->window > 0)
        read_pattern(rd, hp);
}

/* What stands between the two products of a feed-forward. */
static void
read_fn(struct reader *rd, struct sov_hparams *hp)
{
    struct sov_span name = { (const unsigned char *)"", 0 };
    int rc = 1;

    hp->fn = rd->arch->fn;
    if (rd->rc == 0 && rd->arch->says_fn)
        rc = sov_meta_str(rd->meta, key_of(rd, "hidden_activation"), &name,
                          rd->err);
    if (rc < 0)
        rd->rc = rc;
    if (rc != 0)
        return;
    if (spells(name, "silu") || spells(name, "swiglu"))
        hp->fn = SOV_FN_SILU;
    else if (spells(name, "gelu") || spells(name, "geglu"))
        hp->fn = SOV_FN_GELU;
    else
        rd->rc = sov_fail(rd->err, SOV_EUNSUP, "%s %.*s is not supported",
                          rd->key, (int)(name.len < 32 ? name.len : 32),
                          (const char *)name.p);
}

/* Of experts the widths are their own, if there is a key for it. */
static void
read_ffn(struct reader *rd, struct sov_hparams *hp)
{
    const char *width = "feed_forward_length";

    hp->n_expert = number_or_none(rd, "expert_count", 0, SOV_EXPERTS_MAX);
    if (rd->rc == 0 && hp->n_expert > 0 && !rd->arch->experts) {
        rd->rc = sov_fail(rd->err, SOV_EUNSUP,
                          "a %s with experts is not supported", rd->arch->name);
        return;
    }
    if (hp->n_expert > 0) {
        hp->n_used = number(rd, "expert_used_count", 0, hp->n_expert);
        hp->expert_scale = (float)real(rd, "expert_weights_scale", 0, 0);
        if (sov_meta_find(rd->meta, key_of(rd, "expert_feed_forward_length")) !=
            NULL)
            width = "expert_feed_forward_length";
    }
    hp->n_ff = each_layer(rd, width, NULL, SOV_WIDTH_MAX, hp->n_layer);
}

static void
read_scales(struct reader *rd, struct sov_hparams *hp)
{
    hp->embd_scale = hp->residual_scale = hp->logit_scale = 1;
    if (rd->arch->embd_root)
        hp->embd_scale = sqrtf((float)hp->n_embd);
    if (rd->arch->caps) {
        hp->attn_cap = (float)real(rd, "attn_logit_softcapping",
                                   (double)rd->arch->attn_cap, 0);
        hp->logit_cap = (float)real(rd, "final_logit_softcapping",
                                    (double)rd->arch->logit_cap, 0);
    }
    if (!rd->arch->scales)
        return;
    hp->embd_scale = (float)real(rd, "embedding_scale", 1, 1e-30);
    hp->residual_scale = (float)real(rd, "residual_scale", 1, 1e-30);
    hp->logit_scale = 1.0f / (float)real(rd, "logit_scale", 1, 1e-30);
}

/* How many scores there are: one for each label, or one. */
static void
read_labels(struct reader *rd, struct sov_hparams *hp)
{
    const struct sov_kv *kv;

    hp->n_label = 1;
    if (rd->rc < 0)
        return;
    kv = sov_meta_find(rd->meta, key_of(rd, "classifier.output_labels"));
    if (kv == NULL || kv->type != SOV_V_ARR || kv->n == 0)
        return;
    check_range(rd, kv->n, 1, SOV_LABELS_MAX);
    hp->n_label = (uint32_t)kv->n;
}

/* What the architecture decides must not be said otherwise. */
static void
read_embedding(struct reader *rd, struct sov_hparams *hp)
{
    bool causal = !rd->arch->encoder;
    uint64_t pool;
    int rc;

    if (rd->rc < 0)
        return;
    rc = sov_meta_bool(rd->meta, key_of(rd, "attention.causal"), &causal,
                       rd->err);
    if (rc < 0)
        rd->rc = rc;
    else if (causal == rd->arch->encoder)
        rd->rc = sov_fail(rd->err, SOV_EUNSUP, "%s %s is not supported",
                          rd->key, causal ? "true" : "false");
    hp->pool = -1;
    if (rd->rc < 0)
        return;
    rc = sov_meta_u64(rd->meta, key_of(rd, "pooling_type"), &pool, rd->err);
    if (rc < 0)
        rd->rc = rc;
    else if (rc == 0)
        check_range(rd, pool, 0, 4);
    if (rc == 0 && rd->rc == 0)
        hp->pool = (int)pool;
}

int
sov_hparams_read(struct sov_hparams *hp, const sov_meta *meta,
                 const struct sov_arch *arch, struct sov_err *err)
{
    struct reader rd = { .meta = meta, .arch = arch, .err = err };

    memset(hp, 0, sizeof(*hp));
    hp->n_layer = number(&rd, "block_count", 0, SOV_LAYERS_MAX);
    hp->n_embd = number(&rd, "embedding_length", 0, SOV_WIDTH_MAX);
    hp->n_ctx = number(&rd, "context_length", 0, UINT32_MAX);
    if (hp->n_ctx > SOV_CTX_MAX)
        hp->n_ctx = SOV_CTX_MAX;
    hp->norm_eps = (float)real(&rd,
                               arch->norm == SOV_NORM_RMS
                                   ? "attention.layer_norm_rms_epsilon"
                                   : "attention.layer_norm_epsilon",
                               NAN, 1e-30);
    read_ffn(&rd, hp);
    read_heads(&rd, hp);
    read_rope(&rd, hp);
    read_windows(&rd, hp);
    read_scales(&rd, hp);
    read_embedding(&rd, hp);
    read_labels(&rd, hp);
    read_fn(&rd, hp);
    if (rd.rc < 0)
        sov_hparams_done(hp);
    return rd.rc;
}

void
sov_hparams_done(struct sov_hparams *hp)
{
    free(hp->local);
    free(hp->n_head);
    free(hp->n_kv);
    free(hp->n_ff);
    hp->local = NULL;
    hp->n_head = hp->n_kv = hp->n_ff = NULL;
}
