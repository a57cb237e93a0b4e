/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lora.c - adapters as llama.cpp writes them, read and checked
 *
 *     general.type               "adapter"
 *     general.architecture       that of the model
 *     adapter.type               "lora"
 *     adapter.lora.alpha         f32
 *     adapter.alora.invocation_tokens   not for us: such an adapter counts
 *                                only behind these tokens
 *
 * All that can be seen without the model is checked here once; what remains to
 * be asked of a model is whether its tensors are those that are meant.
 */
#include "arch/lora.h"

#include "base/limits.h"
#include "base/mem.h"
#include "kern/kern.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX_A ".lora_a"
#define SUFFIX_B ".lora_b"
#define NORM     "_norm.weight"
#define BY_ROW   "token_embd.weight"

/* Bytes of a name before the suffix; 0: it does not end so. */
static size_t
stem(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);

    return n > k && strcmp(name + n - k, suffix) == 0 ? n - k : 0;
}

/* ---- one pair */

static int
check_type(const struct sov_tensor *t, struct sov_err *err)
{
    if ((unsigned)t->type >= SOV_TYPE_GGUF_MAX ||
        sov_kern()->decode[t->type] == NULL)
        return sov_fail(err, SOV_EUNSUP, "tensor %s: type %s cannot be run",
                        t->name, sov_type_info((int)t->type)->name);
    if (t->size == 0)
        return sov_fail(err, SOV_EFORMAT, "tensor %s is empty", t->name);
    if (t->data == NULL)
        return sov_fail(err, SOV_EARG,
                        "tensor %s is not in memory: the "
                        "adapter was opened as a stream",
                        t->name);
    return 0;
}

/* Two matrices, or two stacks of as many, that share their rank. */
static int
check_shapes(struct sov_lora_pair *p, struct sov_err *err)
{
    const uint64_t *a = p->a->dim;
    const uint64_t *b = p->b->dim;

    p->rank = b[0];
    p->n_in = p->by_row ? b[1] : a[0];
    p->n_out = p->by_row ? a[1] : b[1];
    p->n_mat = a[2];
    if (p->a->ndim > 3 || p->b->ndim > 3 || a[2] != b[2] ||
        (p->by_row && a[2] != 1))
        return sov_fail(err, SOV_EFORMAT,
                        "the matrices of %s are %" PRIu64 " and %" PRIu64,
                        p->name, p->a->ndim > 3 ? a[2] * a[3] : a[2],
                        p->b->ndim > 3 ? b[2] * b[3] : b[2]);
    if (p->rank != (p->by_row ? a[0] : a[1]))
        return sov_fail(err, SOV_EFORMAT,
                        "%s" SUFFIX_A " is %" PRIu64 " x %" PRIu64
                        " and " SUFFIX_B " %" PRIu64 " x %" PRIu64
                        ": they share no rank",
                        p->name, a[0], a[1], b[0], b[1]);
    if (p->rank > SOV_LORA_RANK_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: a rank of %" PRIu64 ", the limit is %" PRIu64,
                        p->name, p->rank, SOV_LORA_RANK_MAX);
    return 0;
}

/* The tensor that has the same name with the other suffix. */
static const struct sov_tensor *
partner(const sov_model *file, const char *stem_of, const char *suffix)
{
    size_t n = strlen(stem_of);
    char *name = sov_mem_array(n + strlen(suffix) + 1, 1);
    int64_t at = -1;

    if (name != NULL) {
        memcpy(name, stem_of, n);
        memcpy(name + n, suffix, strlen(suffix) + 1);
        at = sov_model_find(file, name);
    }
    free(name);
    return at < 0 ? NULL : sov_model_at(file, (size_t)at);
}

static int
add_pair(struct sov_lora *l, const struct sov_tensor *a, size_t len,
         struct sov_err *err)
{
    struct sov_lora_pair *p = &l->pair[l->n];
    int rc;

    p->name = sov_mem_dup(a->name, len);
    if (p->name == NULL)
        return sov_mem_fail(err);
    l->n++;
    p->a = a;
    p->b = partner(l->file, p->name, SUFFIX_B);
    p->by_row = strcmp(p->name, BY_ROW) == 0;
    if (p->b == NULL)
        return sov_fail(err, SOV_EFORMAT, "tensor %s has no " SUFFIX_B,
                        a->name);
    rc = check_type(a, err);
    if (rc == 0)
        rc = check_type(p->b, err);
    if (rc == 0)
        rc = check_shapes(p, err);
    if (rc == 0)
        rc = sov_map_add(&l->names, p->name, len, l->n - 1, err);
    l->bytes += a->size + p->b->size;
    return rc;
}

static int
read_tensors(struct sov_lora *l, struct sov_err *err)
{
    size_t n = sov_model_count(l->file);
    int rc = 0;

    l->pair = sov_mem_array(n, sizeof(*l->pair));
    if (l->pair == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(l->file, i);
        size_t a = stem(t->name, SUFFIX_A);
        size_t b = stem(t->name, SUFFIX_B);
        char *name;

        if (a > 0) {
            rc = add_pair(l, t, a, err);
        } else if (b > 0) {
            name = sov_mem_dup(t->name, b);
            if (name == NULL)
                rc = sov_mem_fail(err);
            else if (partner(l->file, name, SUFFIX_A) == NULL)
                rc = sov_fail(err, SOV_EFORMAT, "tensor %s has no " SUFFIX_A,
                              t->name);
            free(name);
        } else if (stem(t->name, NORM) == 0) {
            rc = sov_fail(err, SOV_EFORMAT,
                          "tensor %s is neither " SUFFIX_A " nor " SUFFIX_B,
                          t->name);
        }
    }
    if (rc == 0 && l->n == 0)
        rc = sov_fail(err, SOV_EFORMAT, "the adapter changes no tensor");
    return rc;
}

/* ---- metadata */

/* A key that must have this value. */
static int
must_be(const sov_meta *meta, const char *key, const char *want,
        enum sov_rc other, struct sov_err *err)
{
    struct sov_span is = { NULL, 0 };
    int rc = sov_meta_str(meta, key, &is, err);

    if (rc < 0)
        return rc;
    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT, "not an adapter: %s is missing", key);
    if (is.len != strlen(want) || memcmp(is.p, want, is.len) != 0)
        return sov_fail(err, other, "%s is '%.*s', not '%s'", key,
                        (int)(is.len < 64 ? is.len : 64), (const char *)is.p,
                        want);
    return 0;
}

static int
read_meta(struct sov_lora *l, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(l->file);
    static const char later[] = "adapter.alora.invocation_tokens";
    struct sov_span arch = { NULL, 0 };
    double alpha = 0;
    int rc = must_be(meta, "general.type", "adapter", SOV_EFORMAT, err);

    if (rc == 0)
        rc = must_be(meta, "adapter.type", "lora", SOV_EUNSUP, err);
    if (rc == 0)
        rc = sov_meta_str(meta, "general.architecture", &arch, err);
    if (rc == 1)
        rc = sov_fail(err, SOV_EFORMAT, "general.architecture is missing");
    if (rc == 0)
        rc = sov_meta_f64(meta, "adapter.lora.alpha", &alpha, err);
    if (rc < 0)
        return rc;
    if (!isfinite((float)alpha))
        return sov_fail(err, SOV_EFORMAT, "adapter.lora.alpha is %g", alpha);
    if (sov_meta_find(meta, later) != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "%s: an adapter that counts only behind certain "
                        "tokens cannot be used",
                        later);
    l->alpha = (float)alpha;
    l->arch = sov_mem_dup(arch.p, arch.len);
    return l->arch == NULL ? sov_mem_fail(err) : 0;
}

int
sov_lora_new(sov_lora **lora, const sov_model *file, struct sov_err *err)
{
    struct sov_lora *l = sov_mem_array(1, sizeof(*l));
    int rc = l == NULL ? sov_mem_fail(err) : 0;

    *lora = NULL;
    if (rc == 0) {
        l->file = file;
        rc = read_meta(l, err);
    }
    if (rc == 0)
        rc = read_tensors(l, err);
    if (rc < 0) {
        sov_lora_free(l);
        return rc;
    }
    *lora = l;
    return 0;
}

void
sov_lora_free(sov_lora *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        free(l->pair[i].name);
    sov_map_free(&l->names);
    free(l->pair);
    free(l->arch);
    free(l);
}

/* ---- and a model */

/* SOV_EFORMAT unless the pair is for this tensor. */
static int
check_tensor(const struct sov_lora_pair *p, const struct sov_tensor *t,
             struct sov_err *err)
{
    if (t->ndim < 2)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %s of the model is a vector, and adapters "
                        "change matrices",
                        t->name);
    if (t->ndim > 3 || t->dim[0] != p->n_in || t->dim[1] != p->n_out ||
        t->dim[2] != p->n_mat)
        return sov_fail(err, SOV_EFORMAT,
                        "%s of the model is %" PRIu64 " x %" PRIu64
                        " x %" PRIu64 ", the adapter is for %" PRIu64
                        " x %" PRIu64 " x %" PRIu64,
                        t->name, t->dim[0], t->dim[1],
                        sov_tensor_rows(t) / (t->dim[1] > 0 ? t->dim[1] : 1),
                        p->n_in, p->n_out, p->n_mat);
    return 0;
}

int
sov_lora_check(const sov_lora *l, const sov_model *model, struct sov_err *err)
{
    struct sov_span arch = { NULL, 0 };
    int rc =
        sov_meta_str(sov_model_meta(model), "general.architecture", &arch, err);

    if (rc < 0)
        return rc;
    if (arch.len != strlen(l->arch) || memcmp(arch.p, l->arch, arch.len) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "the adapter is for the architecture '%.64s', the "
                        "model is '%.*s'",
                        l->arch, (int)(arch.len < 64 ? arch.len : 64),
                        arch.p != NULL ? (const char *)arch.p : "");
    for (size_t i = 0; i < l->n; i++) {
        const struct sov_lora_pair *p = &l->pair[i];
        int64_t at = sov_model_find(model, p->name);

        if (at < 0)
            return sov_fail(err, SOV_EFORMAT,
                            "the model has no tensor %s, which the adapter "
                            "would change",
                            p->name);
        rc = check_tensor(p, sov_model_at(model, (size_t)at), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int
sov_lora_check_uses(const struct sov_lora_use *use, size_t n,
                    const sov_model *model, struct sov_err *err)
{
    int rc = 0;

    if (n > SOV_LORAS_MAX)
        return sov_fail(err, SOV_EARG, "%zu adapters, the limit is %d", n,
                        SOV_LORAS_MAX);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!isfinite(use[i].scale))
            return sov_fail(err, SOV_EARG, "a scale of %g",
                            (double)use[i].scale);
        rc = sov_lora_check(use[i].lora, model, err);
        for (size_t k = 0; k < use[i].lora->n && rc == 0; k++)
            if (!isfinite(sov_lora_scale(&use[i], &use[i].lora->pair[k])))
                rc = sov_fail(err, SOV_EARG,
                              "a scale of %g times an alpha "
                              "of %g",
                              (double)use[i].scale, (double)use[i].lora->alpha);
        if (rc < 0 && n > 1)
            sov_err_wrap(err, "adapter %zu", i + 1);
    }
    return rc;
}

/* ---- what there is */

int64_t
sov_lora_find(const sov_lora *l, const char *name)
{
    uint64_t i;

    return sov_map_get(&l->names, name, strlen(name), &i) ? (int64_t)i : -1;
}

float
sov_lora_scale(const struct sov_lora_use *use, const struct sov_lora_pair *pair)
{
    if (use->lora->alpha == 0)
        return use->scale;
    return use->scale * use->lora->alpha / (float)pair->rank;
}

size_t
sov_lora_count(const sov_lora *l)
{
    return l->n;
}

const char *
sov_lora_name(const sov_lora *l, size_t i)
{
    return i < l->n ? l->pair[i].name : NULL;
}

const char *
sov_lora_unused(const sov_lora *l, size_t i)
{
    size_t n = sov_model_count(l->file);

    for (size_t k = 0; k < n; k++) {
        const char *name = sov_model_at(l->file, k)->name;

        if (stem(name, NORM) > 0 && i-- == 0)
            return name;
    }
    return NULL;
}

uint64_t
sov_lora_bytes(const sov_lora *l)
{
    return l->bytes;
}
