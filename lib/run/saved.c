/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved.c - a session out of a file: what stands in it, and whose it is
 *
 * Always holds: map[0, size) are the header and whole records; block[] and
 * ids[] are what they say, block[] with as many blocks as n_read makes.  All
 * of a record is in the map before any of it is used.
 */
#include "run/saved.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "sys/grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- records */

/* *at + n * each, then up to a page; false if it overflows. */
static bool
lay_part(uint64_t *at, uint64_t n, uint64_t each)
{
    uint64_t part;

    if (__builtin_mul_overflow(n, each, &part) ||
        __builtin_add_overflow(*at, part, at) ||
        __builtin_add_overflow(*at, SOV_SAVED_PAGE - 1, at))
        return false;
    *at -= *at % SOV_SAVED_PAGE;
    return true;
}

uint64_t
sov_saved_lay(const struct sov_saved_form *form, struct sov_saved_record *r)
{
    uint64_t at = SOV_SAVED_HEAD;
    bool tokens = r->kind == SOV_SAVED_TOKENS;
    uint64_t far, near;

    r->blocks = (uint32_t)sov_blocks_of(r->n_read);
    far = (uint64_t)form->heads * form->bytes;
    near = (uint64_t)form->local_heads * form->bytes;
    if (!tokens) /* nothing but the text, and the sum behind it */
        return __builtin_add_overflow(at, SOV_XXH3_LEN, &at) ||
                       !lay_part(&at, r->len, 1)
                   ? 0
                   : at;
    if (!lay_part(&at, r->n_ids, sizeof(int32_t)))
        return 0;
    r->far = at;
    if (!lay_part(&at, r->blocks, far))
        return 0;
    r->near = at;
    if (!lay_part(&at, r->blocks - r->n_gone, near) ||
        !lay_part(&at, SOV_XXH3_LEN, 1))
        return 0;
    return at;
}

static int
bad(const struct sov_saved *s, struct sov_err *err, const char *what,
    uint64_t value, uint64_t limit)
{
    return sov_fail(err, SOV_EFORMAT,
                    "record at byte %" PRIu64 ": %s is %" PRIu64
                    ", the limit is %" PRIu64,
                    s->size, what, value, limit);
}

static int
check_tokens(const struct sov_saved *s, struct sov_saved_record *r,
             struct sov_err *err)
{
    if (r->pos % SOV_BLOCK != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "record at byte %" PRIu64 ": pos is %" PRIu32
                        ", no multiple of %d",
                        s->size, r->pos, SOV_BLOCK);
    if (r->pos > s->n_read)
        return bad(s, err, "pos", r->pos, s->n_read);
    if (r->n_ids > SOV_CTX_MAX - r->pos)
        return bad(s, err, "n_ids", r->n_ids, SOV_CTX_MAX - r->pos);
    if (r->n_read > r->n_ids)
        return bad(s, err, "n_read", r->n_read, r->n_ids);
    if (r->n_gone > sov_blocks_of(r->n_read))
        return bad(s, err, "n_gone", r->n_gone, sov_blocks_of(r->n_read));
    if (sov_saved_lay(&s->form, r) != r->bytes)
        return sov_fail(err, SOV_EFORMAT,
                        "record at byte %" PRIu64 ": %" PRIu64
                        " bytes are not what its fields make",
                        s->size, r->bytes);
    return 0;
}

static int
grow(struct sov_saved *s, size_t n_blocks, size_t n_ids, struct sov_err *err)
{
    void *p = s->block;
    int rc = 0;

    while (rc == 0 && s->cap_blocks < n_blocks) {
        rc = sov_mem_grow(&p, s->cap_blocks, &s->cap_blocks, sizeof(*s->block),
                          err);
        s->block = p;
    }
    p = s->ids;
    while (rc == 0 && s->cap_ids < n_ids) {
        rc = sov_mem_grow(&p, s->cap_ids, &s->cap_ids, sizeof(*s->ids), err);
        s->ids = p;
    }
    return rc;
}

static int
take_ids(struct sov_saved *s, struct sov_rd *rd,
         const struct sov_saved_record *r, struct sov_err *err)
{
    for (uint32_t i = 0; i < r->n_ids; i++) {
        uint32_t id = sov_rd_u32(rd);

        if (id >= s->form.n_vocab)
            return bad(s, err, "a token", id, s->form.n_vocab - UINT64_C(1));
        s->ids[r->pos + i] = (int32_t)id;
    }
    return 0;
}

static void
take_blocks(struct sov_saved *s, const unsigned char *p,
            const struct sov_saved_record *r)
{
    size_t bytes = s->form.bytes;
    size_t first = r->pos / SOV_BLOCK;

    for (size_t i = 0; i < r->blocks; i++) {
        struct sov_saved_block *b = &s->block[first + i];

        *b = (struct sov_saved_block){
            .far = p + r->far + i * bytes,
            .far_step = r->blocks * bytes,
        };
        if (i < r->n_gone || s->form.local_heads == 0)
            continue;
        b->near = p + r->near + (i - r->n_gone) * bytes;
        b->near_step = (r->blocks - r->n_gone) * bytes;
    }
    s->n_blocks = first + r->blocks;
}

static int
take_tokens(struct sov_saved *s, struct sov_rd *rd, struct sov_saved_record *r,
            struct sov_err *err)
{
    int rc = check_tokens(s, r, err);

    if (rc == 0)
        rc = grow(s, r->pos / SOV_BLOCK + r->blocks, r->pos + r->n_ids, err);
    if (rc == 0)
        rc = take_ids(s, rd, r, err);
    if (rc < 0)
        return rc;
    take_blocks(s, rd->start, r);
    s->n_read = r->pos + r->n_read;
    s->n_ids = r->pos + r->n_ids;
    return 0;
}

static int
take_messages(struct sov_saved *s, struct sov_rd *rd,
              struct sov_saved_record *r, struct sov_err *err)
{
    if (r->len > SOV_CHAT_MAX)
        return bad(s, err, "the text's length", r->len, SOV_CHAT_MAX);
    if (sov_saved_lay(&s->form, r) != r->bytes)
        return sov_fail(err, SOV_EFORMAT,
                        "record at byte %" PRIu64 ": %" PRIu64
                        " bytes are not what its fields make",
                        s->size, r->bytes);
    s->messages = sov_rd_bytes(rd, r->len);
    return 0;
}

/* The fields of a record; false if it is not whole. */
static bool
read_head(struct sov_rd *rd, struct sov_saved_record *r)
{
    const unsigned char *p = rd->left.p;
    size_t left = rd->left.len;
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_span magic = sov_rd_bytes(rd, 8);

    r->bytes = sov_rd_u64(rd);
    r->kind = sov_rd_u32(rd);
    r->pos = sov_rd_u32(rd);
    r->n_read = sov_rd_u32(rd);
    r->n_ids = sov_rd_u32(rd);
    r->n_gone = sov_rd_u32(rd);
    sov_rd_u32(rd);
    r->len = sov_rd_u64(rd);
    if (rd->bad || memcmp(magic.p, SOV_SAVED_RECORD, 8) != 0 ||
        r->bytes < SOV_SAVED_PAGE || r->bytes % SOV_SAVED_PAGE != 0 ||
        r->bytes > left)
        return false;
    sov_xxh3(p, (size_t)r->bytes - SOV_XXH3_LEN, sum);
    return memcmp(sum, p + r->bytes - SOV_XXH3_LEN, SOV_XXH3_LEN) == 0;
}

/* The record at size; 1: there is none that is whole. */
static int
read_record(struct sov_saved *s, const unsigned char *map, uint64_t size,
            struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(map + s->size, (size_t)(size - s->size));
    struct sov_saved_record r = { 0 };
    struct sov_span before;
    int rc;

    if (!read_head(&rd, &r))
        return 1;
    before = sov_rd_bytes(&rd, SOV_XXH3_LEN);
    if (memcmp(before.p, s->check, SOV_XXH3_LEN) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "record at byte %" PRIu64
                        " does not belong behind the one before it",
                        s->size);
    if (r.kind == SOV_SAVED_TOKENS)
        rc = take_tokens(s, &rd, &r, err);
    else if (r.kind == SOV_SAVED_MESSAGES)
        rc = take_messages(s, &rd, &r, err);
    else
        rc = sov_fail(err, SOV_EFORMAT,
                      "record at byte %" PRIu64 " is of kind %" PRIu32, s->size,
                      r.kind);
    if (rc < 0)
        return rc;
    s->size += r.bytes;
    memcpy(s->check, map + s->size - SOV_XXH3_LEN, SOV_XXH3_LEN);
    return 0;
}

/* ---- the header */

static int
check_form(const struct sov_saved_form *f, uint32_t block, struct sov_err *err)
{
    if (block != SOV_BLOCK)
        return sov_fail(err, SOV_EUNSUP,
                        "blocks of %" PRIu32 " tokens; %d are understood",
                        block, SOV_BLOCK);
    if (f->n_vocab == 0 || f->n_vocab > SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a vocabulary of %" PRIu32 " tokens, the limit is "
                        "%" PRIu64,
                        f->n_vocab, SOV_VOCAB_MAX);
    if (f->heads > SOV_LAYERS_MAX * SOV_HEADS_MAX ||
        f->local_heads > SOV_LAYERS_MAX * SOV_HEADS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%" PRIu32 " and %" PRIu32 " heads, the limit is "
                        "%" PRIu64,
                        f->heads, f->local_heads,
                        SOV_LAYERS_MAX * SOV_HEADS_MAX);
    return 0;
}

static int
read_header(struct sov_saved *s, const unsigned char *map, uint64_t size,
            struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(map, (size_t)size);
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_saved_form *f = &s->form;
    uint32_t version, len, block;
    size_t known = size < 8 ? (size_t)size : 8;

    if (memcmp(map, SOV_SAVED_MAGIC, known) != 0)
        return sov_fail(err, SOV_EFORMAT, "this is no saved session");
    if (size < SOV_SAVED_PAGE)
        return 0; /* it was begun, and nothing was saved */
    sov_rd_bytes(&rd, 8);
    version = sov_rd_u32(&rd);
    len = sov_rd_u32(&rd);
    if (version != SOV_SAVED_VERSION || len != SOV_SAVED_PAGE)
        return sov_fail(err, SOV_EUNSUP,
                        "a saved session of version %" PRIu32
                        ", this program knows version %d; begin another file",
                        version, SOV_SAVED_VERSION);
    sov_xxh3(map, SOV_SAVED_PAGE - SOV_XXH3_LEN, sum);
    if (memcmp(sum, map + SOV_SAVED_PAGE - SOV_XXH3_LEN, sizeof(sum)) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "the header of the saved session is damaged");
    memcpy(f->model, sov_rd_bytes(&rd, SOV_SHA256_LEN).p, SOV_SHA256_LEN);
    memcpy(f->adapters, sov_rd_bytes(&rd, SOV_SHA256_LEN).p, SOV_SHA256_LEN);
    f->kv = sov_rd_u32(&rd);
    f->flags = sov_rd_u32(&rd);
    f->n_vocab = sov_rd_u32(&rd);
    block = sov_rd_u32(&rd);
    f->heads = sov_rd_u32(&rd);
    f->local_heads = sov_rd_u32(&rd);
    f->window = sov_rd_u32(&rd);
    f->bytes = sov_rd_u32(&rd);
    s->size = SOV_SAVED_PAGE;
    memcpy(s->check, sum, sizeof(sum));
    return check_form(f, block, err);
}

int
sov_saved_parse(struct sov_saved *s, const void *map, uint64_t size,
                struct sov_err *err)
{
    int rc = 0;

    if (size > SIZE_MAX)
        return sov_fail(err, SOV_EMEM, "%" PRIu64 " bytes", size);
    if (size > 0)
        rc = read_header(s, map, size, err);
    while (rc == 0 && s->size > 0 && s->size < size)
        rc = read_record(s, map, size, err);
    return rc < 0 ? rc : 0;
}

/* ---- the file */

int
sov_saved_open(sov_saved **saved, const char *path, bool append,
               struct sov_err *err)
{
    static const struct sov_grow_how how = {
        .mode = 0600,
        .held = "another process is using it",
    };
    struct sov_saved *s = sov_mem_array(1, sizeof(*s));
    int rc;

    *saved = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->append = append;
    s->file.fd = -1;
    if (append)
        rc = sov_grow_open(&s->file, path, &how, err);
    else
        rc = sov_file_open(&s->file, path, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *saved = s;
    return 0;
}

int
sov_saved_load(sov_saved *s, struct sov_err *err)
{
    int rc = 0;

    if (!s->file.regular)
        rc = sov_file_spool(&s->file, NULL, 0, err);
    if (rc == 0)
        rc = sov_file_map(&s->file, &s->map, err);
    if (rc < 0)
        return rc;
    s->map_size = s->file.size;
    return sov_saved_parse(s, s->map, s->map_size, err);
}

void
sov_saved_close(sov_saved *s)
{
    if (s == NULL)
        return;
    if (s->map != NULL)
        sov_file_unmap(s->map, s->map_size);
    sov_file_close(&s->file);
    if (s->ids != NULL)
        sov_mem_wipe(s->ids, s->n_ids * sizeof(*s->ids));
    free(s->ids);
    free(s->block);
    free(s);
}

size_t
sov_saved_ids(const sov_saved *s, const int32_t **ids)
{
    *ids = s->ids;
    return s->n_ids;
}

struct sov_span
sov_saved_messages(const sov_saved *s)
{
    return s->messages;
}

uint64_t
sov_saved_lost(const sov_saved *s)
{
    return s->map_size > s->size ? s->map_size - s->size : 0;
}

uint64_t
sov_saved_bytes(const sov_saved *s)
{
    uint64_t heads = 0;

    for (size_t i = 0; i < s->n_blocks; i++)
        heads += s->form.heads +
                 (s->block[i].near != NULL ? s->form.local_heads : 0);
    return heads * s->form.bytes;
}

/* ---- whose it is */

int
sov_saved_form_of(const struct sov_batch *b, struct sov_saved_form *f,
                  struct sov_err *err)
{
    int rc = sov_identity_model(b->model, f->model, err);

    if (rc == 0)
        rc = sov_identity_adapters(b->lora, b->n_lora, f->adapters, err);
    f->kv = b->kv_form;
    f->flags = b->pass.nn.precise ? SOV_SAVED_PRECISE : 0;
    if (b->pass.freq[0] == b->net->freq[SOV_TURNS_LONG] &&
        b->pass.freq[0] != NULL)
        f->flags |= SOV_SAVED_LONG;
    f->n_vocab = (uint32_t)b->net->n_vocab;
    f->heads = (uint32_t)b->store.heads;
    f->local_heads = (uint32_t)b->local.heads;
    f->window = b->local.heads > 0 ? b->net->hp.window : 0;
    f->bytes = (uint32_t)b->store.bytes;
    return rc;
}

static const char *
kv_name(uint32_t kv)
{
    static const char *const names[] = {
        [SOV_KV_F32] = "f32",
        [SOV_KV_F16] = "f16",
        [SOV_KV_BF16] = "bf16",
        [SOV_KV_Q8] = "q8",
    };

    return kv < sizeof(names) / sizeof(names[0]) && names[kv] != NULL
               ? names[kv]
               : "another form";
}

/* What differs, in the words of who is to change it. */
static int
compare(const struct sov_saved_form *a, const struct sov_saved_form *b,
        struct sov_err *err)
{
    if (memcmp(a->model, b->model, sizeof(a->model)) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "this is a session of another model; begin another "
                        "file for this one");
    if (memcmp(a->adapters, b->adapters, sizeof(a->adapters)) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "this is a session with other adapters; begin another "
                        "file for these");
    if (a->flags != b->flags)
        return sov_fail(err, SOV_EFORMAT,
                        (a->flags ^ b->flags) & SOV_SAVED_PRECISE
                            ? "this session was%s computed in f32 throughout; "
                              "do the same, or begin another file"
                            : "this session%s has a context of another "
                              "length, which changes positions; begin another "
                              "file, or see --ctx",
                        (a->flags ^ b->flags) & SOV_SAVED_PRECISE &&
                                !(a->flags & SOV_SAVED_PRECISE)
                            ? " not"
                            : "");
    if (a->kv != b->kv)
        return sov_fail(err, SOV_EFORMAT,
                        "keys and values of this session are %s, and now they "
                        "are to be %s; take %s again, or begin another file",
                        kv_name(a->kv), kv_name(b->kv), kv_name(a->kv));
    if (memcmp(a, b, sizeof(*a)) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "this session keeps other layers or windows than this "
                        "run; take the same --ctx, or begin another file");
    return 0;
}

int
sov_saved_fit(sov_saved *s, sov_session *session, struct sov_err *err)
{
    struct sov_saved_form form = { 0 };
    int rc;

    if (session->batch->n_seq != 1 || session->batch->net->arch->encoder)
        return sov_fail(err, SOV_EARG, "such a session cannot be saved");
    rc = sov_saved_form_of(session->batch, &form, err);
    if (rc == 0 && s->size > 0)
        rc = compare(&s->form, &form, err);
    if (rc < 0)
        return rc;
    s->form = form;
    s->session = session;
    if (s->append && s->map_size > s->size)
        rc = sov_grow_cut(&s->file, s->size, err);
    return rc;
}

/* ---- what is known */

/* Up to n, where all is there that the next token sees. */
static size_t
with_windows(const struct sov_saved *s, size_t n)
{
    while (n > 0 && s->form.local_heads > 0) {
        size_t first =
            n >= s->form.window ? (n + 1 - s->form.window) / SOV_BLOCK : 0;
        size_t i = sov_blocks_of(n);

        while (i > first && s->block[i - 1].near != NULL)
            i--;
        if (i == first)
            return n;
        n = (i - 1) * SOV_BLOCK;
    }
    return n;
}

/* Lend a block to a store, which has a number for it. */
static uint32_t
lend(struct sov_store *p, size_t i, const unsigned char *at, size_t step)
{
    uint32_t b = sov_store_lent(p) + (uint32_t)i;

    /* nobody writes to it: see sov_store_owned() */
    p->at[b] = (struct sov_place){ (unsigned char *)(uintptr_t)at, step };
    return b;
}

static void
take_over(const struct sov_saved *s, size_t n)
{
    sov_session *to = s->session;
    struct sov_batch *b = to->batch;
    size_t n_blocks = sov_blocks_of(n);
    size_t i;

    for (i = 0; i < n_blocks; i++)
        to->block[i] =
            lend(&b->store, i, s->block[i].far, s->block[i].far_step);
    to->n_blocks = (uint32_t)n_blocks;
    to->local_first = to->local_end = (uint32_t)n_blocks;
    for (; b->local.heads > 0 && i > 0 && s->block[i - 1].near != NULL; i--)
        to->local[--to->local_first] = lend(
            &b->local, i - 1, s->block[i - 1].near, s->block[i - 1].near_step);
    memcpy(to->ids, s->ids, n * sizeof(*to->ids));
    to->pos = (uint32_t)n;
    to->n_read = to->pos > to->n_read ? to->pos : to->n_read;
}

size_t
sov_saved_recall(sov_saved *s, const int32_t *ids, size_t n)
{
    size_t most = s->n_read;
    size_t i = 0;

    sov_session_truncate(s->session, 0);
    if (s->moved || n == 0)
        return 0;
    most = most < n - 1 ? most : n - 1;
    most = most < s->session->batch->n_ctx ? most : s->session->batch->n_ctx;
    while (i < most && s->ids[i] == ids[i])
        i++;
    i = with_windows(s, i);
    take_over(s, i);
    return i;
}
