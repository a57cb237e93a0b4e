/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_leak.c - unit tests of lib/run: nothing of one tenant reaches another
 *
 * Requests of several tenants, with the same texts, come and go at random in a
 * batch that is too small for all that is to be kept.  After every step all of
 * its blocks are looked at:
 *
 *   1. a block that is free is zeros, in every byte of every layer
 *   2. as many timelines hold a block as it counts
 *   3. those that hold a block are of one tenant
 *   4. the name of a block that a timeline holds is that of the timeline's
 *      tenant and tokens, computed here from the tenant's name
 *   5. logits and tokens that nobody can ask for any more are zeros
 *
 * That the look would notice is tried as well: each of the rules is broken, in
 * the memory of a batch, by what a mistake in lib/run would do.
 */
#include "tiny.h"

#include "run/session.h"
#include "sov/hash.h"
#include "sov/run.h"

#define CTX   700
#define N_SEQ 5
#define PIECE 90

static const char *const tenants[] = { "a", "b", NULL, "" };

struct line {
    sov_session *s;
    const char *tenant;
};

static int32_t ids[2][CTX];
static struct sov_err err;
static struct line lines[N_SEQ];
static uint64_t state;
static bool windows;

static uint32_t
below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % n;
}

static void
set_context(sov_meta *m)
{
    ck_assert_int_eq(sov_meta_set_u32(m, "llama.context_length", CTX, NULL), 0);
    if (!windows)
        return;
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window", 80, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window_pattern", 2, NULL),
        0);
}

static sov_model *
open_model(bool with_windows)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0, .change = set_context };

    windows = with_windows;
    for (int i = 0; i < CTX; i++) {
        ids[0][i] = (i * 37 + i / 9) % TINY_VOCAB;
        ids[1][i] = i < 200 ? ids[0][i] : (i * 11 + i / 7) % TINY_VOCAB;
    }
    return tiny_open(&t);
}

static sov_batch *
open_batch(const sov_model *model, enum sov_kv_form kv)
{
    struct sov_session_opts opts = { .n_ctx = CTX,
                                     .n_batch = 64,
                                     .n_seq = N_SEQ,
                                     .kv = kv,
                                     .n_kv = 24 * SOV_BLOCK,
                                     .reuse = true };
    sov_batch *b;

    ck_assert_msg(sov_batch_open(&b, model, &opts, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(b->local.heads > 0, windows);
    return b;
}

/* ---- the look */

static bool
is_zero(const void *p, size_t n)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++)
        if (c[i] != 0)
            return false;
    return true;
}

static bool
same_tenant(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *
look_at_free(const struct sov_store *p, uint32_t b)
{
    if (p->block[b].refs > 0 || p->block[b].named)
        return NULL;
    for (size_t h = 0; h < p->heads; h++)
        if (!is_zero(p->at[b].p + h * p->at[b].step, p->bytes))
            return "a free block is not zero";
    return NULL;
}

static bool
holds(const struct sov_store *p, const sov_session *s, uint32_t b)
{
    const uint32_t *table = p->local ? s->local : s->block;
    uint32_t i = p->local ? s->local_first : 0;
    uint32_t end = p->local ? s->local_end : s->n_blocks;

    for (; i < end; i++)
        if (table[i] == b)
            return true;
    return false;
}

static const char *
look_at_block(const struct sov_store *p, uint32_t b)
{
    const struct line *holder = NULL;
    uint32_t refs = 0;

    for (size_t i = 0; i < N_SEQ; i++) {
        if (lines[i].s == NULL || !holds(p, lines[i].s, b))
            continue;
        if (holder != NULL && !same_tenant(holder->tenant, lines[i].tenant))
            return "a block of two tenants";
        holder = &lines[i];
        refs++;
    }
    if (refs != p->block[b].refs)
        return "a block is counted wrong";
    return look_at_free(p, b);
}

/* The names of a timeline's blocks, from its tenant and its tokens. */
static const char *
look_at_names(const sov_batch *b, const struct line *l)
{
    size_t len = l->tenant != NULL ? strlen(l->tenant) : 0;
    unsigned char text[8] = { l->tenant != NULL };
    struct {
        unsigned char before[SOV_SHA256_LEN];
        int32_t ids[SOV_BLOCK];
    } all;
    unsigned char name[SOV_SHA256_LEN];

    memcpy(text + 1, l->tenant != NULL ? l->tenant : "", len);
    sov_sha256(text, 1 + len, name);
    for (uint32_t i = 0; i < l->s->pos / SOV_BLOCK; i++) {
        const struct sov_block *far = &b->store.block[l->s->block[i]];

        memcpy(all.before, name, sizeof(name));
        memcpy(all.ids, l->s->ids + i * SOV_BLOCK, sizeof(all.ids));
        sov_sha256(&all, sizeof(all), name);
        if (far->named && memcmp(far->name, name, sizeof(name)) != 0)
            return "a block with another one's name";
        if (windows && i >= l->s->local_first && i < l->s->local_end) {
            const struct sov_block *near = &b->local.block[l->s->local[i]];

            if (near->named && memcmp(near->name, name, sizeof(name)) != 0)
                return "a window with another one's name";
        }
    }
    return NULL;
}

static const char *
look_at_rest(const sov_batch *b)
{
    const struct sov_store *p = &b->local;

    for (uint32_t i = 0; i < b->n_seq; i++)
        if (!b->session[i].open &&
            !is_zero(b->session[i].ids, CTX * sizeof(int32_t)))
            return "tokens of nobody";
    if (!is_zero(b->logits + (b->n_rows + b->n_stale) * TINY_VOCAB,
                 (b->n_logits - b->n_rows - b->n_stale) * TINY_VOCAB *
                     sizeof(float)))
        return "logits of nobody";
    for (size_t h = 0; h < p->heads; h++)
        if (!is_zero(p->at[p->n].p + h * p->at[p->n].step, p->bytes))
            return "what stands for nothing is something";
    return NULL;
}

/* What is wrong, or NULL. */
static const char *
look(const sov_batch *b)
{
    const char *wrong = look_at_rest(b);

    for (uint32_t i = 0; i < b->store.n && wrong == NULL; i++)
        wrong = look_at_block(&b->store, i);
    for (uint32_t i = 0; i < b->local.n && wrong == NULL; i++)
        wrong = look_at_block(&b->local, i);
    for (size_t i = 0; i < N_SEQ && wrong == NULL; i++)
        if (lines[i].s != NULL)
            wrong = look_at_names(b, &lines[i]);
    return wrong;
}

/* ---- requests */

static void
begin(sov_batch *b, struct line *l, const char *tenant)
{
    ck_assert_int_eq(sov_session_new(&l->s, b, tenant, &err), 0);
    l->tenant = tenant;
}

static void
end(struct line *l)
{
    sov_session_close(l->s);
    l->s = NULL;
}

/* Read on in one of the two texts, which begin alike. */
static void
read_on(struct line *l)
{
    const int32_t *text = ids[below(2)];
    uint32_t at = sov_session_pos(l->s);
    size_t n = 1 + below(PIECE);

    if (CTX - at > n)
        at += (uint32_t)sov_session_recall(l->s, text + at, CTX - at - n);
    n = CTX - at < n ? CTX - at : n;
    if (sov_session_eval(l->s, text + at, n, SOV_LOGITS_LAST, &err) == SOV_EMEM)
        end(l);
}

static void
step(sov_batch *b)
{
    struct line *l = &lines[below(N_SEQ)];
    struct line *other = &lines[below(N_SEQ)];

    if (l->s == NULL) {
        begin(b, l, tenants[below(4)]);
        return;
    }
    switch (below(12)) {
    case 0:
        end(l);
        break;
    case 1:
        sov_session_truncate(l->s, below(sov_session_pos(l->s) + 1));
        break;
    case 2:
        if (other->s == NULL) {
            ck_assert_int_eq(sov_session_fork(&other->s, l->s, &err), 0);
            other->tenant = l->tenant;
        }
        break;
    default:
        read_on(l);
        break;
    }
}

START_TEST(nothing_reaches_another_tenant)
{
    static const enum sov_kv_form forms[] = { SOV_KV_Q8, SOV_KV_F16,
                                              SOV_KV_BF16, SOV_KV_F32 };
    sov_model *model = open_model(_i >= 4);
    sov_batch *b = open_batch(model, forms[_i % 4]);
    size_t n_kept = 0;

    state = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
    for (int i = 0; i < 200; i++) {
        const char *wrong;

        step(b);
        n_kept += b->store.n_kept;
        wrong = look(b);
        ck_assert_msg(wrong == NULL, "step %d: %s", i, wrong);
    }
    ck_assert_uint_gt(n_kept, 0);
    for (size_t i = 0; i < N_SEQ; i++)
        if (lines[i].s != NULL)
            end(&lines[i]);
    ck_assert_ptr_null(look(b));
    sov_batch_forget(b);
    ck_assert(is_zero(b->store.at[0].p,
                      b->store.heads * b->store.n * b->store.bytes));
    if (windows)
        ck_assert(is_zero(b->local.at[0].p,
                          b->local.heads * b->local.n * b->local.bytes));
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

/* ---- would it be noticed? */

static const char *
after_a_byte_is_left(sov_batch *b)
{
    struct sov_store *p = windows ? &b->local : &b->store;
    uint32_t free = p->n - 1;
    unsigned char *last =
        p->at[free].p + (p->heads - 1) * p->at[free].step + p->bytes - 1;
    const char *wrong;

    ck_assert_uint_eq(p->block[free].refs, 0);
    *last = 1;
    wrong = look(b);
    *last = 0;
    return wrong;
}

/* A block that is given back without being wiped. */
static const char *
after_no_wipe(sov_batch *b)
{
    struct line *l = &lines[2];
    size_t n = b->store.n_layer;

    begin(b, l, "c");
    read_on(l);
    b->store.n_layer = b->local.n_layer = 1;
    end(l);
    b->store.n_layer = b->local.n_layer = n;
    return look(b);
}

/* Names that do not have the tenant in them. */
static const char *
after_one_root(sov_batch *b)
{
    begin(b, &lines[2], "b");
    memcpy(lines[2].s->root, lines[0].s->root, SOV_SHA256_LEN);
    ck_assert_uint_gt(sov_session_recall(lines[2].s, ids[0], 150), 0);
    return look(b);
}

/* The same where the one who read it is gone. */
static const char *
after_one_root_later(sov_batch *b)
{
    unsigned char root[SOV_SHA256_LEN];

    memcpy(root, lines[0].s->root, sizeof(root));
    end(&lines[0]);
    begin(b, &lines[2], "b");
    memcpy(lines[2].s->root, root, sizeof(root));
    ck_assert_uint_gt(sov_session_recall(lines[2].s, ids[0], 150), 0);
    return look(b);
}

/* A table that has the wrong block in it. */
static const char *
after_a_wrong_number(sov_batch *b)
{
    uint32_t own = lines[1].s->block[2];
    const char *wrong;

    lines[1].s->block[2] = lines[0].s->block[2];
    wrong = look(b);
    lines[1].s->block[2] = own;
    return wrong;
}

static const char *
after_tokens_are_left(sov_batch *b)
{
    b->session[4].ids[3] = 1;
    return look(b);
}

static const char *
after_logits_are_left(sov_batch *b)
{
    b->logits[b->n_logits * TINY_VOCAB - 1] = 1;
    return look(b);
}

START_TEST(a_mistake_is_noticed)
{
    static const struct {
        const char *(*make)(sov_batch *b);
        const char *want;
    } mistakes[] = {
        { after_a_byte_is_left, "a free block is not zero" },
        { after_no_wipe, "a free block is not zero" },
        { after_one_root, "a block of two tenants" },
        { after_one_root_later, "a block with another one's name" },
        { after_a_wrong_number, "a block of two tenants" },
        { after_tokens_are_left, "tokens of nobody" },
        { after_logits_are_left, "logits of nobody" },
    };
    size_t i = (size_t)_i % 7;
    sov_model *model = open_model(_i >= 7);
    sov_batch *b = open_batch(model, SOV_KV_Q8);
    const char *wrong;

    state = 1;
    for (int k = 0; k < 2; k++) {
        begin(b, &lines[k], tenants[k]);
        ck_assert_int_eq(
            sov_session_eval(lines[k].s, ids[0], 150, SOV_LOGITS_LAST, &err),
            0);
    }
    ck_assert_ptr_null(look(b));
    wrong = mistakes[i].make(b);
    ck_assert_ptr_nonnull(wrong);
    ck_assert_str_eq(wrong, mistakes[i].want);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("leak");

    tcase_add_loop_test(tc, nothing_reaches_another_tenant, 0, 8);
    tcase_add_loop_test(tc, a_mistake_is_noticed, 0, 14);
    return unit_main("leak", tc);
}
