/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_rope.c - what stretches rotary positions, as rope_scaling
 *
 * The way back of import_rope.c.  GGUF has the factors of Llama 3.1, and not
 * the rule that they come from: the longest wave is stretched by its factor,
 * what is long and short was the same in all models so far, and the old context
 * is a power of two.  Whether it was so here, the import tells that judges each
 * export.
 */
#include "arch/import_family.h"

#include "base/fmath.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "tensor/half.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of a tensor that was left; NULL: there is none. */
static const unsigned char *
factors_of(const struct sov_export *x, const char *name, size_t *n)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->was[i] != NULL && strcmp(x->was[i], name) == 0) {
            *n = (size_t)(x->size[i] / 4);
            return x->plain[i];
        }
    return NULL;
}

static json_t *
list_of(const unsigned char *f, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              sov_export_float((double)sov_lef32(f + 4 * i)));
    return list;
}

/* What `plain` times the key's factor was called, so that the same float comes
 * of it again. */
static json_t *
growth_of(double key, double plain)
{
    char text[40];
    double v = key * plain;

    for (int digits = 1; digits < 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if ((float)(strtod(text, NULL) / plain) == (float)key)
            return json_real(strtod(text, NULL));
    }
    snprintf(text, sizeof(text), "%.9g", v);
    return json_real(strtod(text, NULL));
}

static int
set(json_t *rope, const char *name, json_t *v, struct sov_err *err)
{
    return json_object_set_new(rope, name, v) < 0 ? sov_mem_fail(err) : 0;
}

/* A key behind the architecture's name as a member, if it is there. */
static int
copy_real(const struct sov_export *x, const struct sov_shape *s, json_t *rope,
          const char *name, const char *key, struct sov_err *err)
{
    double v = 0;
    int rc = sov_export_real(x, s->arch, key, false, &v, err);

    return rc < 0 || !(v > 0) ? rc : set(rope, name, sov_export_float(v), err);
}

static int
put_yarn(const struct sov_export *x, const struct sov_shape *s, json_t *rope,
         double factor, struct sov_err *err)
{
    double plain = factor > 1 ? 1 + 0.1 * sov_log(factor) : 1, own = 0;
    int rc =
        copy_real(x, s, rope, "beta_fast", "rope.scaling.yarn_beta_fast", err);

    if (rc == 0)
        rc = copy_real(x, s, rope, "beta_slow", "rope.scaling.yarn_beta_slow",
                       err);
    if (rc == 0)
        rc = sov_export_real(x, s->arch, "rope.scaling.attn_factor", false,
                             &own, err);
    return rc < 0 || !(own > 0)
               ? rc
               : set(rope, "attention_factor", growth_of(own, plain), err);
}

/* By a factor: plainly, or as YaRN does. */
static int
put_scaled(const struct sov_export *x, const struct sov_shape *s, json_t *rope,
           struct sov_span type, struct sov_err *err)
{
    uint64_t old_ctx = 0;
    double factor = 1;
    int rc =
        sov_export_real(x, s->arch, "rope.scaling.factor", false, &factor, err);

    if (rc == 0)
        rc =
            sov_export_count(x, s->arch, "rope.scaling.original_context_length",
                             false, &old_ctx, err);
    if (rc == 0)
        rc = set(rope, "rope_type",
                 json_stringn((const char *)type.p, type.len), err);
    if (rc == 0)
        rc = set(rope, "factor", sov_export_float(factor), err);
    if (rc == 0 && old_ctx > 0)
        rc = set(rope, "original_max_position_embeddings",
                 json_integer((json_int_t)old_ctx), err);
    if (rc == 0 && type.len == 4 && memcmp(type.p, "yarn", 4) == 0)
        rc = put_yarn(x, s, rope, factor, err);
    return rc;
}

/* Are these the factors that the rule gives? */
static bool
is_llama3(const struct sov_llama3 *l, const unsigned char *f, size_t n)
{
    float *want = sov_mem_array(n, sizeof(*want));
    bool same = want != NULL;

    if (want != NULL)
        sov_rope_llama3(l, want, n);
    for (size_t i = 0; i < n && same; i++)
        same = sov_f32_bits(sov_lef32(f + 4 * i)) == sov_f32_bits(want[i]);
    free(want);
    return same;
}

static int
put_llama3(const struct sov_shape *s, json_t *rope, const unsigned char *f,
           size_t n, struct sov_err *err)
{
    struct sov_llama3 l = { s->rope_base, (double)sov_lef32(f + 4 * (n - 1)), 1,
                            4, 8192 };
    int rc = set(rope, "rope_type", json_string("llama3"), err);

    if (!is_llama3(&l, f, n)) {
        l.old_ctx = 16;
        while (l.old_ctx < SOV_CTX_MAX && !is_llama3(&l, f, n))
            l.old_ctx *= 2;
    }
    if (rc == 0)
        rc = set(rope, "factor", sov_export_float(l.factor), err);
    if (rc == 0)
        rc = set(rope, "low_freq_factor", json_real(1), err);
    if (rc == 0)
        rc = set(rope, "high_freq_factor", json_real(4), err);
    if (rc == 0)
        rc = set(rope, "original_max_position_embeddings",
                 json_integer((json_int_t)l.old_ctx), err);
    return rc;
}

static int
put_long(const struct sov_export *x, const struct sov_shape *s, json_t *rope,
         struct sov_err *err)
{
    static const char *const tensors[] = { "rope_factors_long.weight",
                                           "rope_factors_short.weight" };
    static const char *const names[] = { "long_factor", "short_factor" };
    uint64_t old_ctx = s->ctx;
    double own = 0;
    int rc = set(rope, "type", json_string("longrope"), err);

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        size_t n = 0;
        const unsigned char *f = factors_of(x, tensors[i], &n);

        rc = set(rope, names[i], list_of(f, f != NULL ? n : 0), err);
    }
    if (rc == 0)
        rc =
            sov_export_count(x, s->arch, "rope.scaling.original_context_length",
                             false, &old_ctx, err);
    if (rc == 0)
        rc = sov_export_real(x, s->arch, "rope.scaling.attn_factor", true, &own,
                             err);
    if (rc == 0 && old_ctx > 0 &&
        (float)own != (float)sov_rope_growth(s->ctx, old_ctx))
        rc = set(rope, "attention_factor", sov_export_float(own), err);
    return rc;
}

int
sov_export_rope(struct sov_export *x, const struct sov_shape *s,
                struct sov_err *err)
{
    struct sov_span type = { 0 };
    const unsigned char *freqs;
    json_t *rope = json_object();
    char key[96];
    size_t n = 0;
    int rc;

    snprintf(key, sizeof(key), "%s.rope.scaling.type", s->arch);
    rc = sov_meta_str(x->meta, key, &type, err);
    freqs = factors_of(x, "rope_freqs.weight", &n);
    if (rc < 0)
        ;
    else if (factors_of(x, "rope_factors_long.weight", &n) != NULL)
        rc = put_long(x, s, rope, err);
    else if (freqs != NULL && n > 0)
        rc = put_llama3(s, rope, freqs, n, err);
    else if (type.len > 0)
        rc = put_scaled(x, s, rope, type, err);
    else
        rc = 0;
    if (rc == 0)
        rc = sov_export_set(
            x, "rope_scaling",
            json_object_size(rope) > 0 ? json_incref(rope) : json_null(), err);
    json_decref(rope);
    return rc;
}
