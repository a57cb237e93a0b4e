/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - the memory that sessions share, and passes over several of them
 *
 * Owns the net (what binds the model's weights), the pool of blocks for keys
 * and values, the memory of one pass, and the sessions themselves: all of it is
 * there from the beginning, and nothing is allocated later.
 */
#include "run/session.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_DEFAULT 256

static uint64_t
model_weights(const sov_model *model)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < sov_model_count(model); i++)
        sum += sov_model_at(model, i)->size;
    return sum;
}

static uint64_t
adapter_weights(const struct sov_session_opts *opts)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < opts->n_lora; i++)
        sum += sov_lora_bytes(opts->lora[i].lora);
    return sum;
}

/* Of the rows of a cache. */
static const enum sov_type row_types[] = {
    [SOV_KV_F32] = SOV_TYPE_F32,
    [SOV_KV_F16] = SOV_TYPE_F16,
    [SOV_KV_BF16] = SOV_TYPE_BF16,
    [SOV_KV_Q8] = SOV_TYPE_F32, /* not used */
};

/*
 * The caches of all layers, and how many heads of them a block holds.  An
 * encoder reads a text in one pass, and the next layer needs nothing that one
 * before it kept.
 */
static void
set_caches(struct sov_batch *b, bool windows)
{
    const struct sov_hparams *hp = &b->net->hp;
    size_t i;

    for (i = 0; i < hp->n_layer; i++) {
        struct sov_cache *kv = &b->pass.kv[i];
        struct sov_store *store;

        kv->paged = b->kv_form == SOV_KV_Q8;
        kv->type = row_types[b->kv_form];
        kv->local = windows && hp->local[i];
        kv->n_kv = hp->n_kv[i];
        kv->n_ctx = b->n_ctx;
        kv->k_len = hp->k_len;
        kv->v_len = hp->v_len;
        sov_cache_sizes(kv);
        store = kv->local ? &b->local : &b->store;
        store->bytes = kv->bytes;
        if (b->net->arch->encoder && kv->n_kv == b->pass.kv[0].n_kv && i > 0)
            continue;
        kv->head = store->heads;
        store->heads += kv->n_kv;
    }
}

/* Blocks for the window of a session that reads no more than a token. */
static uint64_t
window_blocks(const struct sov_batch *b)
{
    return sov_blocks_of(b->net->hp.window - UINT64_C(1)) + 2;
}

/* Those of one that reads as much as it can; it keeps them, if it is alone, so
 * that it can be cut back. */
static uint64_t
blocks_alone(const struct sov_batch *b)
{
    uint64_t before = b->net->hp.window - UINT64_C(1);

    return sov_blocks_of(before + b->pass.n_batch) + 1;
}

/*
 * For the windows of all sessions, of which one reads; as many again where what
 * was read is found again.  Fewer are enough where the other store has no more,
 * since whatever is held here is held there.
 */
static uint64_t
local_blocks(const struct sov_batch *b)
{
    uint64_t n = b->n_seq == 1 ? blocks_alone(b)
                               : b->n_seq * window_blocks(b) +
                                     sov_blocks_of(b->pass.n_batch);

    return b->reuse ? 2 * n : n;
}

/* Is it worth a store of its own that some layers see a window? */
static bool
has_windows(const struct sov_batch *b)
{
    const struct sov_hparams *hp = &b->net->hp;
    bool any = false;
    size_t i;

    for (i = 0; i < hp->n_layer; i++)
        any |= hp->local[i];
    return any && hp->window > 0 && !b->net->arch->encoder &&
           blocks_alone(b) < sov_blocks_of(b->n_ctx);
}

static void
place_tables(struct sov_batch *b, struct sov_arena *a)
{
    uint64_t blocks = sov_blocks_of(b->n_ctx);
    uint32_t *block = sov_arena_take(a, b->n_seq * blocks, sizeof(*block));
    uint32_t *local = NULL;
    uint64_t i, j;

    if (b->local.heads > 0)
        local = sov_arena_take(a, b->n_seq * blocks, sizeof(*local));
    for (i = 0; a->base != NULL && i < b->n_seq; i++) {
        b->session[i].block = block + i * blocks;
        if (local == NULL)
            continue;
        b->session[i].local = local + i * blocks;
        for (j = 0; j < blocks; j++)
            b->session[i].local[j] = sov_store_hole(&b->local);
    }
}

/* The same for what a pass, the pool and the sessions need. */
static int
place_work(struct sov_batch *b, struct sov_arena *a)
{
    int32_t *ids;
    uint32_t i;

    if (sov_pass_place(&b->pass, b->net, a) < 0)
        return SOV_EMEM;
    sov_store_place(&b->store, a);
    if (b->local.heads > 0)
        sov_store_place(&b->local, a);
    b->stretch = sov_arena_take(a, b->pass.n_batch, sizeof(*b->stretch));
    b->session = sov_arena_take(a, b->n_seq, sizeof(*b->session));
    place_tables(b, a);
    ids = sov_arena_take(a, (uint64_t)b->n_seq * b->n_ctx, sizeof(*ids));
    for (i = 0; a->base != NULL && i < b->n_seq; i++) {
        b->session[i].batch = b;
        b->session[i].ids = ids + (size_t)i * b->n_ctx;
    }
    return a->overflow ? SOV_EMEM : 0;
}

static int
too_large(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM,
                    "a context of that size does not fit in "
                    "memory");
}

/*
 * Eight bits unless it is the reference, where activations have no fewer, or
 * an encoder, which keeps them for one text only; heads too long for that stay
 * halves.
 */
static int
choose_kv(struct sov_batch *b, enum sov_kv_form kv, struct sov_err *err)
{
    const struct sov_hparams *hp = &b->net->hp;
    bool too_long = hp->k_len > SOV_PAGE_LEN || hp->v_len > SOV_PAGE_LEN;
    bool exact = b->pass.nn.precise || b->net->arch->encoder;

    if (kv < SOV_KV_AUTO || kv > SOV_KV_Q8)
        return sov_fail(err, SOV_EARG, "a cache of form %d", (int)kv);
    if (kv == SOV_KV_Q8 && too_long)
        return sov_fail(err, SOV_EUNSUP,
                        "heads of %" PRIu32 " keys and %" PRIu32
                        " values; eight bits are for up to %" PRIu64,
                        hp->k_len, hp->v_len, SOV_PAGE_LEN);
    if (kv == SOV_KV_AUTO && exact)
        kv = SOV_KV_F32;
    else if (kv == SOV_KV_AUTO)
        kv = too_long ? SOV_KV_F16 : SOV_KV_Q8;
    b->kv_form = kv;
    return 0;
}

/* The smaller of n, or what is taken where it is 0, and a product. */
static size_t
at_most(uint32_t n, uint32_t otherwise, uint64_t most)
{
    n = n != 0 ? n : otherwise;
    return n < most ? n : (size_t)most;
}

/* How many tokens are kept, read at once, and get logits. */
static int
choose_sizes(struct sov_batch *b, const struct sov_session_opts *opts,
             struct sov_err *err)
{
    const struct sov_net *net = b->net;
    uint32_t most = net->hp.n_ctx;
    uint64_t all;

    b->n_seq = opts->n_seq != 0 ? opts->n_seq : 1;
    b->n_ctx = most < SOV_CTX_DEFAULT ? most : SOV_CTX_DEFAULT;
    if (b->n_seq > SOV_SEQS_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu32 " sessions, the limit is %" PRIu64, b->n_seq,
                        SOV_SEQS_MAX);
    if (opts->n_ctx > SOV_CTX_MAX)
        return sov_fail(err, SOV_EARG, "a context of %" PRIu32 " tokens",
                        opts->n_ctx);
    if (opts->n_ctx != 0)
        b->n_ctx = opts->n_ctx;
    if (net->places.data != NULL && b->n_ctx > net->places.n_out)
        return sov_fail(err, SOV_EARG,
                        "a context of %" PRIu32 " tokens, but the model has "
                        "%zu positions",
                        b->n_ctx, net->places.n_out);
    all = (uint64_t)b->n_seq * b->n_ctx;
    b->pass.n_batch = at_most(opts->n_batch, BATCH_DEFAULT, all);
    if (net->arch->encoder)
        b->pass.n_batch = b->n_ctx;
    b->n_logits = at_most(opts->n_logits, b->n_seq, all);
    if (net->head.data == NULL)
        b->n_logits = 0;
    return 0;
}

/* Count the memory, with so many blocks. */
static int
count(struct sov_batch *b, uint64_t n_blocks, struct sov_session_memory *mem)
{
    struct sov_arena work = { 0 };
    struct sov_arena kv = { 0 };
    struct sov_arena logits = { 0 };

    if (n_blocks >= SOV_NO_BLOCK)
        return SOV_EMEM;
    b->store.n = (uint32_t)n_blocks;
    sov_store_memory(&b->store, &kv);
    if (b->local.heads > 0) {
        uint64_t n_local = local_blocks(b);

        b->local.n = n_local < n_blocks ? (uint32_t)n_local : b->store.n;
        sov_store_memory(&b->local, &kv);
    }
    if (place_work(b, &work) < 0)
        return SOV_EMEM;
    sov_arena_take(&logits, (uint64_t)b->n_logits * b->net->n_vocab,
                   sizeof(float));
    sov_arena_take(&work, (uint64_t)b->pass.nn.room * sizeof(float),
                   sov_threads());
    mem->kv = kv.used;
    mem->work = work.used;
    mem->logits = logits.used;
    if (kv.overflow || logits.overflow || work.overflow ||
        __builtin_add_overflow(kv.used, work.used, &mem->total) ||
        __builtin_add_overflow(mem->total, logits.used, &mem->total) ||
        __builtin_add_overflow(mem->total, mem->other, &mem->total) ||
        __builtin_add_overflow(mem->total, mem->adapters, &mem->total) ||
        __builtin_add_overflow(mem->total, mem->weights, &mem->total))
        return SOV_EMEM;
    return 0;
}

/* The most blocks, from least to most, that a limit leaves room for; least if
 * it does not even for those. */
static uint64_t
fitting(struct sov_batch *b, uint64_t least, uint64_t most, uint64_t limit)
{
    while (least < most) {
        uint64_t n = most - (most - least) / 2;
        struct sov_session_memory mem = { 0 };

        if (count(b, n, &mem) == 0 && mem.total <= limit)
            least = n;
        else
            most = n - 1;
    }
    return least;
}

/* Set the sizes of a batch from its options, and count its memory. */
static int
plan(struct sov_batch *b, const struct sov_session_opts *opts,
     struct sov_session_memory *mem, struct sov_err *err)
{
    const struct sov_hparams *hp = &b->net->hp;
    uint64_t each, n;
    int rc = choose_sizes(b, opts, err);

    b->reuse = opts->reuse && !b->net->arch->encoder; /* which sees ahead */
    b->pass.nn.k = sov_kern();
    b->pass.nn.precise = opts->precise;
    if (rc == 0)
        rc = choose_kv(b, opts->kv, err);
    if (rc < 0)
        return rc;

    b->pass.kv = sov_mem_array(hp->n_layer, sizeof(*b->pass.kv));
    if (b->pass.kv == NULL)
        return sov_mem_fail(err);
    b->store.kv = b->local.kv = b->pass.kv;
    b->store.n_layer = b->local.n_layer = hp->n_layer;
    b->local.local = true;
    set_caches(b, has_windows(b));
    each = sov_blocks_of(b->n_ctx);
    if (b->n_seq == 1)
        b->store.n_lent = b->local.n_lent = (uint32_t)each;
    if (b->n_seq == 1 && b->local.heads > 0)
        b->local_keep = (uint32_t)blocks_alone(b);
    n = b->n_seq * each;
    if (opts->n_kv != 0)
        n = opts->n_kv / SOV_BLOCK + (opts->n_kv % SOV_BLOCK != 0);
    mem->other = opts->other;
    if (opts->n_kv == 0 && opts->max_memory > 0) {
        uint64_t fixed;

        if (__builtin_add_overflow(mem->weights, mem->other, &fixed) ||
            __builtin_add_overflow(fixed, mem->adapters, &fixed))
            return too_large(err);
        n = fitting(b, each, n,
                    opts->max_memory > fixed ? opts->max_memory - fixed : 0);
    }
    return count(b, n, mem) < 0 ? too_large(err) : 0;
}

/* The first cache line in p, which has room for one more than is used. */
static unsigned char *
line_of(void *p)
{
    return (unsigned char *)p + (64 - (uintptr_t)p % 64) % 64;
}

/*
 * Take the memory that was counted.  The system gives zeros page by page, as
 * they are touched, so a short prompt takes little of it.
 */
static int
take(struct sov_batch *b, const struct sov_session_memory *mem,
     struct sov_err *err)
{
    struct sov_arena a = { 0 };
    size_t i;

    if (mem->total > SIZE_MAX / 2)
        return too_large(err);
    b->work = sov_mem_array((size_t)mem->work + 64, 1);
    b->kv = sov_mem_array((size_t)mem->kv + 64, 1);
    b->logits = sov_mem_array((size_t)mem->logits, 1);
    if (b->work == NULL || b->kv == NULL || b->logits == NULL)
        return sov_mem_fail(err);
    a.base = line_of(b->work);
    if (place_work(b, &a) < 0)
        return too_large(err);
    a = (struct sov_arena){ .base = line_of(b->kv) };
    sov_store_begin(&b->store, sov_store_memory(&b->store, &a));
    if (b->local.heads > 0)
        sov_store_begin(&b->local, sov_store_memory(&b->local, &a));
    for (i = 0; i < b->net->hp.n_layer; i++)
        b->pass.kv[i].place = b->pass.kv[i].local ? b->local.at : b->store.at;
    b->ready = true;
    return sov_nn_ready(&b->pass.nn, err);
}

/* Begin to bring the weights in; without memory for the list nobody does. */
static void
read_ahead(struct sov_batch *b)
{
    size_t n = sov_net_parts(b->net, NULL);
    struct sov_span *part = sov_mem_array(n, sizeof(*part));

    if (part == NULL)
        return;
    sov_net_parts(b->net, part);
    b->pass.ahead = sov_ahead_start(part, n);
    free(part);
}

void
sov_batch_close(sov_batch *b)
{
    uint32_t i;

    if (b == NULL)
        return;
    sov_ahead_stop(b->pass.ahead);
    for (i = 0; b->ready && i < b->n_seq; i++)
        sov_session_end(&b->session[i]);
    if (b->ready)
        sov_batch_forget(b);
    sov_nn_done(&b->pass.nn);
    sov_net_close(b->net);
    free(b->work);
    free(b->kv);
    free(b->logits);
    free(b->pass.kv);
    free(b);
}

/* A batch whose sizes are known and whose memory is not yet taken. */
static int
prepare(sov_batch **batch, const sov_model *model,
        const struct sov_session_opts *opts, struct sov_session_memory *mem,
        struct sov_err *err)
{
    struct sov_batch *b = sov_mem_array(1, sizeof(*b));
    int rc;

    if (b == NULL)
        return sov_mem_fail(err);
    b->model = model;
    b->lora = opts->lora;
    b->n_lora = opts->n_lora;
    mem->weights = model_weights(model);
    rc = sov_net_open(&b->net, model, opts->lora, opts->n_lora, err);
    if (rc == 0)
        mem->adapters = adapter_weights(opts) + b->net->low_bytes;
    if (rc == 0)
        rc = plan(b, opts, mem, err);
    if (rc < 0) {
        sov_batch_close(b);
        return rc;
    }
    *batch = b;
    return 0;
}

static const struct sov_session_opts defaults = { 0 };

int
sov_session_measure(const sov_model *model, const struct sov_session_opts *opts,
                    struct sov_session_memory *mem, struct sov_err *err)
{
    struct sov_session_memory m = { 0 };
    sov_batch *b = NULL;
    int rc = prepare(&b, model, opts != NULL ? opts : &defaults, &m, err);

    if (rc < 0)
        return rc;
    sov_batch_close(b);
    *mem = m;
    return 0;
}

int
sov_batch_open(sov_batch **batch, const sov_model *model,
               const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_session_memory mem = { 0 };
    sov_batch *b = NULL;
    int rc;

    *batch = NULL;
    opts = opts != NULL ? opts : &defaults;
    rc = prepare(&b, model, opts, &mem, err);
    if (rc < 0)
        return rc;
    if (opts->max_memory != 0 && mem.total > opts->max_memory)
        rc = sov_fail(err, SOV_EMEM,
                      "%" PRIu64 " bytes are needed (weights %" PRIu64
                      ", keys and values %" PRIu64 "), %" PRIu64 " are allowed",
                      mem.total, mem.weights, mem.kv, opts->max_memory);
    else
        rc = take(b, &mem, err);
    if (rc < 0) {
        sov_batch_close(b);
        return rc;
    }
    read_ahead(b);
    *batch = b;
    return 0;
}

void
sov_batch_forget(sov_batch *b)
{
    sov_store_forget(&b->store);
    if (b->local.heads > 0)
        sov_store_forget(&b->local);
}

uint32_t
sov_batch_blocks(const sov_batch *b)
{
    return b->store.n;
}

uint32_t
sov_batch_room(const sov_batch *b)
{
    return sov_store_room(&b->store);
}

/* ---- passes */

static size_t
rows_of(const struct sov_batch_part *part)
{
    if (part->what == SOV_LOGITS_ALL)
        return part->n;
    return part->what == SOV_LOGITS_LAST && part->n > 0 ? 1 : 0;
}

static int
check_parts(struct sov_batch *b, const struct sov_batch_part *part, size_t n,
            struct sov_err *err)
{
    size_t rows = 0;
    size_t i;
    int rc;

    b->check++;
    for (i = 0; i < n; i++) {
        struct sov_session *s = part[i].session;

        if (s->batch != b || !s->open || s->check == b->check)
            return sov_fail(err, SOV_EARG,
                            "part %zu is of a session that is no part of "
                            "this batch, or is one already",
                            i);
        s->check = b->check;
        rc = sov_session_check(s, part[i].ids, part[i].n, part[i].what, err);
        if (rc < 0)
            return rc;
        if (__builtin_add_overflow(rows, rows_of(&part[i]), &rows) ||
            rows > b->n_logits)
            return sov_fail(err, SOV_EARG, "logits of %zu tokens, %zu are kept",
                            rows, b->n_logits);
    }
    return 0;
}

/* A pass that is being put together. */
struct load {
    struct sov_batch *b;
    size_t n; /* stretches */
    size_t n_cols;
    size_t row; /* the first of logits */
    size_t n_rows;
};

static void
run_load(struct load *l)
{
    struct sov_batch *b = l->b;

    if (l->n > 0)
        sov_net_run(b->net, &b->pass, b->stretch, l->n,
                    b->logits + l->row * b->net->n_vocab);
    *l = (struct load){ .b = b, .row = l->row + l->n_rows };
}

/*
 * As much of a part as each pass has room for; an encoder wants all at once.
 * What has been run belongs to the session before the next of it is loaded.
 */
static void
load_part(struct load *l, const struct sov_batch_part *part)
{
    struct sov_batch *b = l->b;
    struct sov_session *s = part->session;
    size_t at, n = 0;

    s->done = 0;
    s->eval = b->eval;
    s->row = l->row + l->n_rows;
    s->n_rows = rows_of(part);
    if (b->net->arch->encoder && part->n > b->pass.n_batch - l->n_cols)
        run_load(l);
    for (at = 0; at < part->n; at += n) {
        struct sov_stretch *to = &b->stretch[l->n++];

        if (at > 0)
            sov_session_extend(s, part->ids + s->done, n);
        s->done = at;
        n = b->pass.n_batch - l->n_cols;
        n = part->n - at < n ? part->n - at : n;
        sov_blocks_slide(s, n);
        *to = (struct sov_stretch){
            .ids = part->ids + at,
            .n = n,
            .pos = s->pos,
            .block = s->block,
            .local = s->local,
        };
        if (part->what == SOV_LOGITS_ALL)
            to->n_out = n;
        else if (part->what == SOV_LOGITS_LAST && at + n == part->n)
            to->n_out = 1;
        l->n_cols += n;
        l->n_rows += to->n_out;
        if (l->n_cols == b->pass.n_batch)
            run_load(l);
    }
}

int
sov_batch_eval(sov_batch *b, const struct sov_batch_part *part, size_t n,
               struct sov_err *err)
{
    struct load load = { .b = b };
    size_t i;
    int rc = check_parts(b, part, n, err);

    if (rc == 0)
        rc = sov_nn_ready(&b->pass.nn, err); /* threads may have been added */
    if (rc == 0)
        rc = sov_blocks_take(b, part, n, err);
    if (rc < 0)
        return rc;
    b->eval++;
    for (i = 0; i < n; i++)
        load_part(&load, &part[i]);
    run_load(&load);
    if (load.row < b->n_rows + b->n_stale)
        b->n_stale += b->n_rows - load.row;
    else
        b->n_stale = 0;
    b->n_rows = load.row;
    for (i = 0; i < n; i++) {
        size_t done = part[i].session->done;

        sov_session_extend(part[i].session, part[i].ids + done,
                           part[i].n - done);
    }
    return 0;
}
