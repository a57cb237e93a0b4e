/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.c - a model that is measured, and what a token of it costs at least
 *
 * Logits are made of few tokens of a prompt, so that the output matrix is
 * counted apart, and so is what comes behind the last layer's keys and values.
 */
#include "bench/bench.h"

#include "cli/tool.h"
#include "sov/machine.h"
#include "sov/quant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TYPES 512 /* no id of a type is larger */

uint32_t
bench_model_ctx(const struct bench_model *m)
{
    uint64_t n;

    if (sov_meta_arch_u64(sov_model_meta(m->lm.model), "context_length", &n,
                          NULL) != 0 ||
        n == 0)
        return 0;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* The rate that the kernels for a type could have. */
static enum sov_roof_kind
roof_of(enum sov_type type)
{
    const struct sov_type_info *info = sov_type_info((int)type);

    if (bench_options.precise || type == SOV_TYPE_F32)
        return SOV_ROOF_F32;
    return info != NULL && info->kind == SOV_KIND_BLOCK ? SOV_ROOF_INT8
                                                        : SOV_ROOF_BF16;
}

/* Is it behind the keys and values of the last of so many layers? */
static bool
is_late(const char *name, uint64_t layers)
{
    static const char *const early[] = { "attn_q.", "attn_k.", "attn_v.",
                                         "attn_qkv." };
    char last[32];
    size_t n = (size_t)snprintf(last, sizeof(last), "blk.%" PRIu64 ".",
                                layers - 1);

    if (layers == 0 || strncmp(name, last, n) != 0)
        return false;
    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
        if (strncmp(name + n, early[i], strlen(early[i])) == 0)
            return false;
    return true;
}

static void
add_cost(struct bench_cost *c, const sov_model *model, uint64_t layers,
         const struct sov_tensor *t)
{
    double n = (double)sov_tensor_count(t), met = sov_model_met(model, t);
    double bytes = (double)t->size;
    enum sov_roof_kind roof = roof_of(t->type);

    c->params += n;
    if (met == 0)
        return;
    if (strcmp(t->name, "token_embd.weight") == 0 ||
        strcmp(t->name, "output.weight") == 0) {
        c->head[roof] += n;
        c->head_bytes += bytes;
        return;
    }
    c->all_bytes += bytes;
    c->body[roof] += met;
    if (is_late(t->name, layers))
        c->late[roof] += met;
    c->body_bytes += met / n * bytes;
}

static void
count_cost(struct bench_cost *c, const sov_model *model)
{
    uint64_t layers;

    memset(c, 0, sizeof(*c));
    if (sov_meta_arch_u64(sov_model_meta(model), "block_count", &layers,
                          NULL) != 0)
        layers = 0;
    for (size_t i = 0; i < sov_model_count(model); i++)
        add_cost(c, model, layers, sov_model_at(model, i));
}

/* ---- facts */

/* The type that most bytes have. */
static const char *
main_type(const sov_model *model)
{
    uint64_t sum[TYPES] = { 0 };
    size_t best = 0;

    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        if ((size_t)t->type < TYPES)
            sum[t->type] += t->size;
    }
    for (size_t i = 1; i < TYPES; i++)
        if (sum[i] > sum[best])
            best = i;
    return sum[best] > 0 ? sov_type_info((int)best)->name : "";
}

static const char *
type_of(const sov_model *model)
{
    uint64_t mix;

    if (sov_meta_u64(sov_model_meta(model), "general.file_type", &mix, NULL) ==
            0 &&
        sov_quant_file_type(mix) != NULL)
        return sov_quant_file_type(mix);
    return main_type(model);
}

/* Of several files, the digest of their digests. */
static void
write_digest(char hex[65], const sov_model *model)
{
    unsigned char sum[SOV_SHA256_LEN];
    const struct sov_digest *d;
    size_t n = 0;
    unsigned char *all;

    while (sov_model_file_name(model, n) != NULL)
        n++;
    all = calloc(n + 1, SOV_SHA256_LEN);
    for (size_t i = 0; i < n && all != NULL; i++) {
        d = sov_model_digest(model, i);
        if (d == NULL || (d->has & SOV_HASH_SHA256) == 0) {
            n = 0;
            break;
        }
        memcpy(all + i * SOV_SHA256_LEN, d->sha256, SOV_SHA256_LEN);
    }
    hex[0] = '\0';
    if (all == NULL || n == 0) {
        free(all);
        return;
    }
    memcpy(sum, all, sizeof(sum));
    if (n > 1)
        sov_sha256(all, n * SOV_SHA256_LEN, sum);
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    free(all);
}

/* "model/" is called "model". */
static char *
name_of(const char *path)
{
    size_t len = strlen(path);
    const char *from;

    while (len > 1 && path[len - 1] == '/')
        len--;
    from = path + len;
    while (from > path && from[-1] != '/')
        from--;
    return strndup(from, len - (size_t)(from - path));
}

static int
fill_facts(struct bench_model *m, const char *path, struct sov_err *err)
{
    const sov_model *model = m->lm.model;
    struct sov_bench_model *f = &m->facts;
    struct sov_span arch = { NULL, 0 };

    if (sov_meta_str(sov_model_meta(model), "general.architecture", &arch,
                     NULL) < 0)
        arch.len = 0;
    f->name = name_of(path);
    f->arch = strndup(arch.len > 0 ? (const char *)arch.p : "", arch.len);
    f->type = strdup(type_of(model));
    if (f->name == NULL || f->arch == NULL || f->type == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    write_digest(f->digest, model);
    f->bytes = sov_model_bytes(model);
    if (f->bytes == 0)
        for (size_t i = 0; i < sov_model_count(model); i++)
            f->bytes += sov_model_at(model, i)->size;
    f->params = (uint64_t)m->cost.params;
    return 0;
}

static int
open_as(struct bench_model *m, const char *path, enum sov_access access,
        unsigned hash, struct sov_err *err)
{
    int rc;

    memset(m, 0, sizeof(*m));
    if (path[0] == '\0')
        return sov_fail(err, SOV_EARG, "the name of the model is empty");
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO) == 1)
        return sov_fail(err, SOV_EARG,
                        "standard input is a terminal, not a model");
    rc = sov_lm_choose(&m->lm, path, err);
    m->lm.hash = hash;
    if (rc == 0)
        rc = sov_lm_open(&m->lm, access, NULL, 0, err);
    if (rc == 0)
        count_cost(&m->cost, m->lm.model);
    return rc;
}

int
bench_model_open(struct bench_model *m, const char *path, struct sov_err *err)
{
    int rc = open_as(m, path, SOV_ACCESS_MAP, SOV_HASH_SHA256, err);

    return rc == 0 ? fill_facts(m, path, err) : rc;
}

int
bench_model_peek(struct bench_model *m, const char *path, struct sov_err *err)
{
    return open_as(m, path, SOV_ACCESS_STREAM, 0, err);
}

void
bench_model_close(struct bench_model *m)
{
    sov_lm_close(&m->lm);
    free(m->facts.name);
    free(m->facts.arch);
    free(m->facts.type);
    memset(m, 0, sizeof(*m));
}
