/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calib.c - a model reads a text, and somebody looks at what enters its matrices
 *
 * What always holds between two layers: hidden[s] has, of all windows, what the
 * next layer of stream s begins with.  Within a layer it stays, and each sweep
 * begins there anew: that costs some multiplications twice and needs no room
 * for what is in between.
 */
#include "calib/calib_in.h"
#include "calib/stats.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the text ---- */

static uint32_t
window_of(const struct sov_calib_opts *opts, uint32_t most)
{
    uint32_t n = opts->n_ctx != 0 ? opts->n_ctx : SOV_CALIB_CTX;

    return opts->n_ctx == 0 && most > 0 && most < n ? most : n;
}

static int
cut_text(const struct sov_net *net, const struct sov_calib_opts *opts,
         uint32_t *n_ctx, size_t *n_windows, struct sov_err *err)
{
    uint64_t most = opts->max_tokens != 0 ? opts->max_tokens : SOV_CALIB_TOKENS;
    uint64_t n = opts->n_ids < most ? opts->n_ids : most;

    *n_ctx = window_of(opts, net->hp.n_ctx);
    if (net->arch->encoder)
        return sov_fail(err, SOV_EUNSUP,
                        "a %s reads a text as a whole: what goes through it "
                        "is not collected",
                        net->arch->name);
    if (*n_ctx < 2 || *n_ctx > SOV_CTX_MAX)
        return sov_fail(err, SOV_EARG, "windows of %" PRIu32 " tokens", *n_ctx);
    if (net->places.data != NULL && *n_ctx > net->places.n_out)
        return sov_fail(err, SOV_EARG,
                        "windows of %" PRIu32 " tokens, but the model has %zu "
                        "positions",
                        *n_ctx, net->places.n_out);
    if (opts->n_ids < *n_ctx)
        return sov_fail(err, SOV_EARG,
                        "the text has %zu tokens, one window %" PRIu32,
                        opts->n_ids, *n_ctx);
    *n_windows = n < *n_ctx ? 1 : (size_t)(n / *n_ctx);
    return 0;
}

int
sov_calib_windows(const sov_model *model, const struct sov_calib_opts *opts,
                  uint32_t *n_ctx, size_t *n_windows, struct sov_err *err)
{
    struct sov_net *net;
    int rc = sov_net_open(&net, model, NULL, 0, err);

    if (rc < 0)
        return rc;
    rc = cut_text(net, opts, n_ctx, n_windows, err);
    sov_net_close(net);
    return rc;
}

static int
take_ids(struct sov_calib *c, const struct sov_calib_opts *opts,
         struct sov_err *err)
{
    size_t n = c->n_windows * c->n_ctx;
    size_t i;

    c->ids = sov_mem_array(n, sizeof(*c->ids));
    if (c->ids == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < n; i++) {
        bool first = i % c->n_ctx == 0 && opts->bos >= 0;

        c->ids[i] = first ? opts->bos : opts->ids[i];
        if (c->ids[i] < 0 || (size_t)c->ids[i] >= c->net->n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %" PRId32 " is not below %zu, the size "
                            "of the vocabulary",
                            c->ids[i], c->net->n_vocab);
    }
    return 0;
}

/* ---- matrices and their tensors ---- */

/* Those that an input enters; of the head it is one. */
static size_t
mats_at(const struct sov_net *net, size_t layer, enum sov_enters e,
        const struct sov_mat **mat)
{
    const struct sov_layer *l = &net->layer[layer];

    switch (e) {
    case SOV_ENTERS_QKV:
        *mat = l->qkv;
        return l->n_qkv;
    case SOV_ENTERS_OUT:
        *mat = &l->attn_out;
        return 1;
    case SOV_ENTERS_UP:
        *mat = l->up;
        return l->n_up;
    case SOV_ENTERS_DOWN:
        *mat = &l->down;
        return 1;
    case SOV_ENTERS_NONE:
    case SOV_N_ENTERS:
        break;
    }
    *mat = &net->head;
    return 1;
}

static size_t
tensor_of(const struct sov_calib *c, const struct sov_mat *mat)
{
    size_t n = sov_model_count(c->model);
    size_t i;

    for (i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(c->model, i);

        if (t->data == mat->data && t->size > 0)
            break;
    }
    return i;
}

static struct sov_calib_site
site_at(const struct sov_calib *c, size_t layer, enum sov_enters e)
{
    struct sov_calib_site site = {
        .layer = (uint32_t)layer,
        .enters = e,
        .n_experts = 1,
    };
    const struct sov_mat *mat;
    size_t n = mats_at(c->net, layer, e, &mat);
    size_t i;

    for (i = 0; i < n; i++)
        site.tensor[site.n_tensors++] = tensor_of(c, &mat[i]);
    if (e == SOV_ENTERS_UP || e == SOV_ENTERS_DOWN)
        site.n_experts =
            c->net->layer[layer].router.data != NULL ? c->net->hp.n_expert : 1;
    return site;
}

static bool
is_wanted(const struct sov_calib *c, const struct sov_calib_site *site)
{
    size_t i;

    for (i = 0; i < site->n_tensors && c->fit != NULL; i++)
        if (c->fit->wanted(c->fit->arg, site->tensor[i]))
            return true;
    return false;
}

/* Rows whose sums go into the stream as they are, where the other stream has
 * lost something by now. */
static size_t
rows_added(const struct sov_calib *c, size_t layer, enum sov_enters e)
{
    const struct sov_layer *l = &c->net->layer[layer];
    bool attn = e == SOV_ENTERS_OUT;
    const struct sov_norm *post = attn ? &l->attn_post : &l->ffn_post;
    const struct sov_norm *end = attn ? &l->attn_end : &l->ffn_end;

    if (c->n_streams == 1 || (!attn && e != SOV_ENTERS_DOWN) ||
        post->w != NULL || end->w != NULL)
        return 0;
    return attn ? l->attn_out.n_out : l->down.n_out;
}

/* The head is asked for where it is a matrix of its own. */
struct sov_calib_look
sov_calib_asked(const struct sov_calib *c, size_t layer, enum sov_enters e,
                struct sov_calib_site *site)
{
    struct sov_calib_look look = { 0 };
    const struct sov_mat *mat;

    mats_at(c->net, layer, e, &mat);
    *site = site_at(c, layer, e);
    look.k = mat->n_in;
    look.n_experts = site->n_experts;
    look.wanted = is_wanted(c, site);
    if (look.n_experts == 1)
        look.out = site->out = rows_added(c, layer, e);
    if (e == SOV_ENTERS_NONE &&
        (mat->data == NULL || mat->data == c->net->embd.data))
        look.wanted = false;
    return look;
}

/* mat takes the place of what is `was` in the model as it is. */
static void
put_mat(struct sov_mat *mat, const struct sov_mat *was,
        const struct sov_tensor *t, enum sov_type type, const void *blocks)
{
    const struct sov_type_info *info = sov_type_info((int)type);

    if (was->data != t->data || was->data == NULL)
        return;
    mat->data = blocks;
    mat->type = type;
    mat->row_bytes = (size_t)(t->dim[0] / info->block * info->bytes);
}

void
sov_calib_put(struct sov_calib *c, size_t tensor, enum sov_type type,
              const void *blocks)
{
    const struct sov_tensor *t = sov_model_at(c->model, tensor);
    size_t i, j;

    put_mat(&c->other.embd, &c->net->embd, t, type, blocks);
    put_mat(&c->other.head, &c->net->head, t, type, blocks);
    for (i = 0; i < c->net->hp.n_layer; i++) {
        const struct sov_layer *was = &c->net->layer[i];
        struct sov_layer *l = &c->layer[i];

        for (j = 0; j < l->n_qkv; j++)
            put_mat(&l->qkv[j], &was->qkv[j], t, type, blocks);
        for (j = 0; j < l->n_up; j++)
            put_mat(&l->up[j], &was->up[j], t, type, blocks);
        put_mat(&l->attn_out, &was->attn_out, t, type, blocks);
        put_mat(&l->down, &was->down, t, type, blocks);
    }
}

void
sov_calib_let_go(const struct sov_calib *c, size_t layer)
{
    unsigned e;
    size_t i;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
        struct sov_calib_site site = site_at(c, layer, (enum sov_enters)e);

        for (i = 0; i < site.n_tensors; i++)
            if (site.tensor[i] < sov_model_count(c->model))
                sov_model_unneeded(c->model, site.tensor[i]);
    }
}

void
sov_calib_let_go_embeddings(const struct sov_calib *c)
{
    size_t i = tensor_of(c, &c->net->embd);

    if (i < sov_model_count(c->model))
        sov_model_unneeded(c->model, i);
}

/* Of a token in the middle of its window. */
static uint64_t
attention_work(const struct sov_calib *c, size_t layer)
{
    const struct sov_hparams *hp = &c->net->hp;

    return (uint64_t)hp->n_head[layer] * (hp->k_len + hp->v_len) * c->n_ctx / 2;
}

uint64_t
sov_calib_work(const struct sov_calib *c, size_t layer, enum sov_enters up_to)
{
    uint64_t used = c->net->hp.n_expert > 0 ? c->net->hp.n_used : 1;
    uint64_t work = c->net->hp.n_embd; /* the norm, at least */
    unsigned e;
    size_t i;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS && e != up_to; e++) {
        const struct sov_mat *mat;
        size_t n = mats_at(c->net, layer, (enum sov_enters)e, &mat);

        for (i = 0; i < n; i++)
            work += (uint64_t)mat[i].n_in * mat[i].n_out *
                    (e >= SOV_ENTERS_UP ? used : 1);
        work += e == SOV_ENTERS_QKV ? attention_work(c, layer) : 0;
    }
    return work;
}

/* ---- memory ---- */

/* The cache of one layer, which all use in turn. */
static void
place_kv(struct sov_calib *c, struct sov_arena *a)
{
    const struct sov_hparams *hp = &c->net->hp;
    size_t n_blocks = sov_blocks_of(c->n_ctx);
    size_t heads = 0, bytes = 0;
    unsigned char *memory;
    size_t i;

    c->place = sov_arena_take(a, n_blocks, sizeof(*c->place));
    for (i = 0; i < hp->n_layer; i++) {
        struct sov_cache *kv = &c->pass.kv[i];

        *kv = (struct sov_cache){
            .type = SOV_TYPE_F32,
            .n_kv = hp->n_kv[i],
            .n_ctx = c->n_ctx,
            .k_len = hp->k_len,
            .v_len = hp->v_len,
            .place = c->place,
        };
        sov_cache_sizes(kv);
        bytes = kv->bytes;
        heads = kv->n_kv > heads ? kv->n_kv : heads;
    }
    memory = sov_arena_take(a, (uint64_t)n_blocks * bytes, heads);
    if (memory != NULL)
        sov_cache_lay(c->place, memory, n_blocks, bytes);
}

static int
place(struct sov_calib *c, struct sov_arena *a)
{
    size_t in_max = c->net->in_max;

    place_kv(c, a);
    if (sov_pass_place(&c->pass, &c->other, a) < 0)
        return SOV_EMEM;
    c->block = sov_arena_take(a, sov_blocks_of(c->n_ctx), sizeof(*c->block));
    if (c->n_streams > 1)
        c->seen =
            sov_arena_take(a, (uint64_t)c->n_ctx * in_max, sizeof(*c->seen));
    if (c->n_streams > 1)
        c->stood = sov_arena_take(a, (uint64_t)c->n_ctx * c->net->hp.n_embd,
                                  sizeof(*c->stood));
    if (c->fit != NULL)
        c->room = sov_arena_take(a, sov_moments_room(in_max, c->n_streams > 1),
                                 sizeof(*c->room));
    return a->overflow ? SOV_EMEM : 0;
}

/* Bytes of the moments that are asked for at a place, of one expert and, where
 * there are some, of all together. */
static uint64_t
moments_at(const struct sov_calib *c, size_t layer, enum sov_enters e)
{
    bool held = c->n_windows >= SOV_CALIB_HELD;
    struct sov_calib_site site;
    struct sov_calib_look look = sov_calib_asked(c, layer, e, &site);
    bool pairs = c->n_streams > 1 && look.n_experts == 1;

    if (!look.wanted)
        return 0;
    return sov_moments_bytes(look.k, look.out, pairs, held) *
           (look.n_experts > 1 ? 2 : 1);
}

static uint64_t
largest_moments(const struct sov_calib *c)
{
    uint64_t most = moments_at(c, 0, SOV_ENTERS_NONE);
    size_t i;
    unsigned e;

    for (i = 0; i < c->net->hp.n_layer; i++)
        for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
            uint64_t bytes = moments_at(c, i, (enum sov_enters)e);

            most = bytes > most ? bytes : most;
        }
    return most;
}

/* Bytes of one layer's matrices, as they are. */
static uint64_t
layer_bytes(const struct sov_net *net)
{
    uint64_t most = 0;
    size_t i, j;
    unsigned e;

    for (i = 0; i < net->hp.n_layer; i++) {
        uint64_t sum = 0;

        for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
            const struct sov_mat *mat;
            size_t n = mats_at(net, i, (enum sov_enters)e, &mat);
            uint64_t each = e >= SOV_ENTERS_UP && net->hp.n_expert > 0
                                ? net->hp.n_expert
                                : 1;

            for (j = 0; j < n; j++)
                sum += (uint64_t)mat[j].row_bytes * mat[j].n_out * each;
        }
        most = sum > most ? sum : most;
    }
    return most;
}

/* Count all that is needed; what is between layers goes to a file where it
 * would not fit. */
static int
take_memory(struct sov_calib *c, struct sov_err *err)
{
    uint64_t each = (uint64_t)c->n_ctx * c->net->hp.n_embd;
    uint64_t hidden = c->n_streams * c->n_windows * each * sizeof(float);
    struct sov_arena a = { 0 };
    bool in_file;
    size_t s, i;
    int rc = 0;

    c->pass.n_batch = c->n_ctx;
    c->pass.nn.k = sov_kern();
    if (place(c, &a) < 0 || a.used > SIZE_MAX / 2)
        return sov_mem_fail(err);
    c->work_bytes = a.used;
    c->memory = a.used + layer_bytes(c->net) + largest_moments(c) +
                (c->fit != NULL ? c->fit->memory : 0) +
                (uint64_t)c->pass.nn.room * sizeof(float) * sov_threads();
    if (c->memory > c->limit)
        return sov_fail(err, SOV_EMEM,
                        "calibration needs %" PRIu64 " MB of memory, the limit "
                        "is %" PRIu64 " MB",
                        (c->memory >> 20) + 1, c->limit >> 20);
    in_file = hidden > c->limit - c->memory;
    c->memory += in_file ? 0 : hidden;
    c->scratch = in_file ? hidden : 0;
    c->work = sov_mem_aligned((size_t)a.used, 1);
    if (c->work == NULL)
        return sov_mem_fail(err);
    a = (struct sov_arena){ .base = c->work };
    if (place(c, &a) < 0)
        return sov_mem_fail(err);
    for (i = 0; i < sov_blocks_of(c->n_ctx); i++)
        c->block[i] = (uint32_t)i;
    for (s = 0; s < c->n_streams && rc == 0; s++)
        rc = sov_hidden_new(&c->hidden[s], c->n_windows, (size_t)each, in_file,
                            err);
    return rc == 0 ? sov_nn_ready(&c->pass.nn, err) : rc;
}

/* ---- all of it ---- */

static int
make_other(struct sov_calib *c, struct sov_err *err)
{
    size_t n = c->net->hp.n_layer;

    c->layer = sov_mem_array(n, sizeof(*c->layer));
    c->pass.kv = sov_mem_array(n, sizeof(*c->pass.kv));
    if (c->layer == NULL || c->pass.kv == NULL)
        return sov_mem_fail(err);
    memcpy(c->layer, c->net->layer, n * sizeof(*c->layer));
    c->other = *c->net;
    c->other.layer = c->layer;
    if (c->fit != NULL)
        c->other.types |= c->fit->types;
    return 0;
}

static int
make(struct sov_calib *c, const struct sov_calib_opts *opts,
     struct sov_err *err)
{
    int rc = sov_net_open(&c->net, c->model, NULL, 0, err);

    if (rc == 0)
        rc = cut_text(c->net, opts, &c->n_ctx, &c->n_windows, err);
    if (rc == 0)
        rc = take_ids(c, opts, err);
    if (rc == 0)
        rc = make_other(c, err);
    if (rc < 0)
        return rc;
    rc = take_memory(c, err);
    for (size_t i = 0; i < c->n_streams && rc == 0; i++)
        c->all += sov_calib_products(c, i);
    return rc == 0
               ? sov_stats_make(&c->stats, opts->name != NULL ? opts->name : "",
                                c->n_windows, c->n_ctx, err)
               : rc;
}

int
sov_calib_new(struct sov_calib **calib, sov_model *model,
              const struct sov_calib_opts *opts,
              const struct sov_calib_fit *fit, struct sov_err *err)
{
    struct sov_calib *c = sov_mem_array(1, sizeof(*c));
    size_t s;
    int rc;

    *calib = NULL;
    if (c == NULL)
        return sov_mem_fail(err);
    for (s = 0; s < SOV_CALIB_STREAMS; s++)
        c->hidden[s].fd = -1;
    c->model = model;
    c->fit = fit;
    c->n_streams = fit != NULL && fit->pairs ? 2 : 1;
    c->limit = opts->max_memory != 0 ? opts->max_memory : SOV_CALIB_MEMORY;
    c->progress = opts->progress;
    c->progress_arg = opts->progress_arg;
    rc = make(c, opts, err);
    if (rc < 0) {
        sov_calib_free(c);
        return rc;
    }
    *calib = c;
    return 0;
}

static void
free_tallies(struct sov_calib *c)
{
    unsigned e;

    for (e = 0; e < SOV_N_ENTERS; e++)
        sov_intake_free(&c->look[e].tally);
    sov_intake_free(&c->router);
}

void
sov_calib_free(struct sov_calib *c)
{
    size_t s;

    if (c == NULL)
        return;
    free_tallies(c);
    for (s = 0; s < SOV_CALIB_STREAMS; s++)
        sov_hidden_free(&c->hidden[s]);
    sov_nn_done(&c->pass.nn);
    sov_mem_free_aligned(c->work);
    free(c->pass.kv);
    free(c->layer);
    free(c->ids);
    sov_stats_close(c->stats);
    sov_net_close(c->net);
    free(c);
}

uint64_t
sov_calib_memory(const struct sov_calib *c)
{
    return c->memory;
}

uint64_t
sov_calib_scratch(const struct sov_calib *c)
{
    return c->scratch;
}

sov_stats *
sov_calib_stats(struct sov_calib *c)
{
    sov_stats *stats = c->stats;

    c->stats = NULL;
    return stats;
}
