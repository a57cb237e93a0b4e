/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - weights bound to an architecture, and one pass over them
 */
#include "arch/arch.h"
#include "arch/low.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_arch *const archs[] = {
#define ARCH(sym) &sov_arch_##sym,
#include "arch/archs.def"
#undef ARCH
};

int
sov_arch_find(const struct sov_arch **arch, const sov_meta *meta,
              struct sov_err *err)
{
    static const char adapter[] = "adapter";
    struct sov_span name = { NULL, 0 };
    int rc = sov_meta_str(meta, "general.type", &name, NULL);
    size_t i;

    if (rc == 0 && name.len == sizeof(adapter) - 1 &&
        memcmp(name.p, adapter, name.len) == 0)
        return sov_fail(err, SOV_EFORMAT,
                        "an adapter, which changes a model and is none");
    rc = sov_meta_str(meta, "general.architecture", &name, err);
    if (rc < 0)
        return rc;
    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT,
                        "general.architecture is missing: "
                        "nothing says what the model is");
    for (i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
        if (strlen(archs[i]->name) == name.len &&
            memcmp(archs[i]->name, name.p, name.len) == 0) {
            *arch = archs[i];
            return 0;
        }
    return sov_fail(err, SOV_EUNSUP, "architecture %.*s is not supported",
                    (int)(name.len < 64 ? name.len : 64),
                    (const char *)name.p);
}

/* No tensor may belong to a layer that block_count does not count. */
static int
check_layers(const struct sov_net *net, const sov_model *model,
             struct sov_err *err)
{
    size_t n = sov_model_count(model);
    size_t i;

    for (i = 0; i < n; i++) {
        const char *name = sov_model_at(model, i)->name;
        char *end;
        unsigned long long layer;

        if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
            continue;
        layer = strtoull(name + 4, &end, 10);
        if (*end == '.' && layer >= net->hp.n_layer)
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %s: %s.block_count is %" PRIu32, name,
                            net->arch->name, net->hp.n_layer);
    }
    return 0;
}

static void
load_begin(struct sov_net *net, struct sov_bind *b)
{
    const struct sov_arch *arch = net->arch;
    size_t n_embd = net->hp.n_embd;

    net->embd = sov_bind_mat(b, -1, "token_embd", n_embd, 0);
    net->n_vocab = net->embd.n_out;
    if (b->rc == 0 && (net->n_vocab < 1 || net->n_vocab > SOV_VOCAB_MAX))
        b->rc = sov_fail(b->err, SOV_EFORMAT, "a vocabulary of %zu tokens",
                         net->n_vocab);
    if (arch->places)
        net->places = sov_bind_mat(b, -1, "position_embd", n_embd, 0);
    sov_low_none(b, &net->places, "position_embd.weight");
    if (b->rc == 0 && arch->places && net->hp.n_ctx > net->places.n_out)
        net->hp.n_ctx = (uint32_t)net->places.n_out;
    if (arch->kinds)
        net->kind = sov_bind_row(b, "token_types", n_embd);
    if (arch->embd_norm)
        net->embd_norm = sov_bind_norm(b, -1, "token_embd_norm", n_embd,
                                       arch->norm == SOV_NORM_LAYER);
}

/* What gives texts scores; of one layer alone the first numbers are. */
static void
load_rank(struct sov_net *net, struct sov_bind *b)
{
    size_t n_embd = net->hp.n_embd;

    if (sov_bind_has(b, -1, "cls.weight"))
        net->rank = sov_bind_mat(b, -1, "cls", n_embd, n_embd);
    if (sov_bind_has(b, -1, "cls.output.weight"))
        net->rank_out = sov_bind_mat(b, -1, "cls.output", n_embd,
                                     net->hp.n_label);
    else if (b->rc == 0 && net->rank.data != NULL && net->hp.n_label > n_embd)
        b->rc = sov_fail(b->err, SOV_EFORMAT,
                         "%" PRIu32 " labels for %zu scores", net->hp.n_label,
                         n_embd);
    sov_low_none(b, &net->rank, "cls.weight");
    sov_low_none(b, &net->rank_out, "cls.output.weight");
}

/* The way of an embedding through a wider layer and back. */
static void
load_wider(struct sov_net *net, struct sov_bind *b)
{
    size_t n_embd = net->hp.n_embd;

    if (!net->arch->dense || !sov_bind_has(b, -1, "dense_2.weight"))
        return;
    net->dense[0] = sov_bind_mat(b, -1, "dense_2", n_embd, 0);
    net->dense[1] = sov_bind_mat(b, -1, "dense_3", net->dense[0].n_out, n_embd);
    if (b->rc == 0 && net->dense[0].n_out > SOV_WIDTH_MAX)
        b->rc = sov_fail(b->err, SOV_EFORMAT, "dense_2.weight has %zu rows",
                         net->dense[0].n_out);
    sov_low_none(b, &net->dense[0], "dense_2.weight");
    sov_low_none(b, &net->dense[1], "dense_3.weight");
}

static void
load_end(struct sov_net *net, struct sov_bind *b)
{
    size_t n_embd = net->hp.n_embd;

    if (net->arch->ranks)
        load_rank(net, b);
    load_wider(net, b);
    if (net->arch->encoder && !net->arch->end_norm)
        return;
    net->out_norm = sov_bind_norm(b, -1, "output_norm", n_embd,
                                  net->arch->norm == SOV_NORM_LAYER);
    if (net->arch->encoder)
        return;
    if (sov_bind_has(b, -1, "output.weight")) {
        net->head = sov_bind_mat(b, -1, "output", n_embd, net->n_vocab);
    } else {
        net->head = net->embd;
        sov_low_bind_tied(b, &net->embd, &net->head);
    }
}

/* One set of turns: the factors are those of the tensor, if it is there. */
static int
load_turns(struct sov_net *net, struct sov_bind *b, enum sov_turns which,
           const char *factors, bool plain)
{
    const struct sov_hparams *hp = &net->hp;
    double base = which == SOV_TURNS_LOCAL ? hp->local_base : hp->rope_base;
    struct sov_rope_yarn yarn = { 1 / hp->rope_scale, hp->n_ctx_orig,
                                  hp->yarn_fast, hp->yarn_slow };
    const float *factor = NULL;
    double *freq;
    int rc;

    if (factors != NULL)
        factor = sov_bind_vec(b, -1, factors, hp->n_rot / 2, false);
    if (b->rc < 0)
        return b->rc;
    freq = net->freq[which] = sov_mem_array(hp->n_rot / 2, sizeof(*freq));
    if (freq == NULL)
        return sov_mem_fail(b->err);
    net->turn_size[which] = plain ? 1 : hp->rope_size;
    rc = sov_rope_freqs(freq, hp->n_rot, base, plain ? 1 : hp->rope_scale,
                        factor, b->err);
    if (rc == 0 && hp->rope_yarn && !plain)
        rc = sov_rope_yarn(freq, hp->n_rot, base, &yarn, b->err);
    return rc;
}

static int
load_rope(struct sov_net *net, struct sov_bind *b)
{
    static const char freqs[] = "rope_freqs.weight";
    static const char brief[] = "rope_factors_short.weight";
    static const char lengthy[] = "rope_factors_long.weight";
    bool local = false;
    int rc;

    if (net->arch->rope == SOV_ROPE_NONE)
        return 0;
    for (uint32_t i = 0; i < net->hp.n_layer; i++)
        local |= net->hp.local[i];
    rc = load_turns(net, b, SOV_TURNS_ALL,
                    sov_bind_has(b, -1, freqs) ? freqs : brief, false);
    if (rc == 0 && local)
        rc = load_turns(net, b, SOV_TURNS_LOCAL, NULL, net->arch->local_plain);
    if (rc == 0 && sov_bind_has(b, -1, lengthy))
        rc = load_turns(net, b, SOV_TURNS_LONG, lengthy, false);
    return rc;
}

/* The tensors first, which prove the sizes that follow from the metadata. */
static int
load(struct sov_net *net, struct sov_bind *b)
{
    int rc;

    load_begin(net, b);
    load_end(net, b);
    rc = b->rc;
    if (rc == 0)
        rc = sov_dense_load(net, b);
    if (rc == 0)
        rc = load_rope(net, b);
    if (rc == 0)
        sov_low_check(b);
    return rc == 0 ? b->rc : rc;
}

/* Adapters that fit; taken is the caller's to free. */
static int
check_adapters(struct sov_bind *b)
{
    size_t n = 0;
    int rc = sov_lora_check_uses(b->lora, b->n_lora, b->model, b->err);

    for (size_t i = 0; i < b->n_lora && rc == 0; i++)
        n += b->lora[i].lora->n;
    if (rc < 0 || n == 0)
        return rc;
    b->taken = sov_mem_array(n, sizeof(*b->taken));
    return b->taken == NULL ? sov_mem_fail(b->err) : 0;
}

int
sov_net_open(struct sov_net **out, const sov_model *model,
             const struct sov_lora_use *lora, size_t n_lora,
             struct sov_err *err)
{
    struct sov_bind b = { .model = model, .err = err, .lora = lora,
                          .n_lora = n_lora };
    struct sov_net *net = sov_mem_array(1, sizeof(*net));
    int rc;

    *out = NULL;
    if (net == NULL)
        return sov_mem_fail(err);
    rc = sov_arch_find(&net->arch, sov_model_meta(model), err);
    if (rc == 0)
        rc = sov_hparams_read(&net->hp, sov_model_meta(model),
                              net->arch, err);
    if (rc == 0)
        rc = check_layers(net, model, err);
    if (rc == 0)
        rc = check_adapters(&b);
    if (rc == 0)
        rc = load(net, &b);
    free(b.taken);
    net->own = b.own;
    net->low_bytes = b.low_bytes;
    net->types = b.types;
    net->low_types = b.low_types;
    net->low_rank = b.low_rank;
    net->n_lows = b.low_rank > 0 ? n_lora * SOV_MULS_MAX : 0;
    if (rc < 0) {
        sov_net_close(net);
        return rc;
    }
    *out = net;
    return 0;
}

void
sov_net_close(struct sov_net *net)
{
    if (net == NULL)
        return;
    sov_hparams_done(&net->hp);
    sov_bind_free(net->own);
    free(net->layer);
    for (size_t i = 0; i < SOV_N_TURNS; i++)
        free(net->freq[i]);
    free(net);
}

static struct sov_span
bytes_of(const struct sov_mat *m, size_t n)
{
    return (struct sov_span){ m->data, n * m->n_out * m->row_bytes };
}

size_t
sov_net_parts(const struct sov_net *net, struct sov_span *part)
{
    size_t n = net->hp.n_layer;
    size_t each = net->hp.n_expert > 0 ? net->hp.n_expert : 1;
    size_t i, j;

    for (i = 0; part != NULL && i < n; i++, part += SOV_NET_PARTS) {
        const struct sov_layer *l = &net->layer[i];

        for (j = 0; j < 3; j++)
            part[j] = bytes_of(&l->qkv[j], 1);
        part[3] = bytes_of(&l->attn_out, 1);
        part[4] = bytes_of(&l->up[0], each);
        part[5] = bytes_of(&l->up[1], each);
        part[6] = bytes_of(&l->down, each);
    }
    if (part != NULL)
        *part = bytes_of(&net->head, 1);
    return n * SOV_NET_PARTS + 1;
}
