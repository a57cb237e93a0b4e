/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_batch.c - unit tests of lib/run: many sessions of one batch, the blocks
 * that they share, give back and find again
 *
 * That logits are the same bits in any company is for tests/cli/company.sh.
 */
#include "tiny.h"

#include "run/session.h"
#include "sov/run.h"

#define CTX 320

static int32_t ids[CTX];
static struct sov_err err;

static sov_model *
open_model(void)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0 };

    for (int i = 0; i < CTX; i++)
        ids[i] = (i * 37 + i / 9) % TINY_VOCAB;
    return tiny_open(&t);
}

static sov_batch *
open_batch(const sov_model *model, uint32_t n_seq, uint64_t n_kv, bool reuse)
{
    struct sov_session_opts opts = {
        .n_ctx = CTX, .n_seq = n_seq, .n_kv = n_kv, .reuse = reuse
    };
    sov_batch *b;

    ck_assert_msg(sov_batch_open(&b, model, &opts, &err) == 0, "%s", err.msg);
    return b;
}

static sov_session *
begin(sov_batch *b, const char *tenant)
{
    sov_session *s;

    ck_assert_msg(sov_session_new(&s, b, tenant, &err) == 0, "%s", err.msg);
    return s;
}

static void
feed(sov_session *s, size_t from, size_t n)
{
    ck_assert_msg(sov_session_eval(s, ids + from, n, SOV_LOGITS_LAST, &err) ==
                      0,
                  "%s", err.msg);
}

START_TEST(a_fork_shares_until_it_changes)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 3, 10 * SOV_BLOCK, false);
    sov_session *s = begin(b, NULL);
    sov_session *f, *g;

    ck_assert_uint_eq(sov_batch_blocks(b), 10);
    feed(s, 0, 70);
    ck_assert_uint_eq(sov_batch_room(b), 8);
    ck_assert_int_eq(sov_session_fork(&f, s, &err), 0);
    ck_assert_int_eq(sov_session_fork(&g, s, &err), 0);
    ck_assert_uint_eq(sov_batch_room(b), 8);
    ck_assert_uint_eq(sov_session_pos(f), 70);
    ck_assert_uint_eq(sov_session_wants(f, 0), 0);
    ck_assert_uint_eq(sov_session_wants(f, 1), 1); /* a copy */
    ck_assert_uint_eq(sov_session_wants(f, 58), 1);
    ck_assert_uint_eq(sov_session_wants(f, 59), 2);
    feed(f, 0, 1);
    ck_assert_uint_eq(sov_batch_room(b), 7);
    ck_assert_uint_eq(f->block[0], s->block[0]);
    ck_assert_uint_ne(f->block[1], s->block[1]);
    ck_assert_uint_eq(g->block[1], s->block[1]);
    /* both that are left write in one eval: one copy is enough */
    struct sov_batch_part part[] = {
        { s, ids, 1, SOV_LOGITS_NONE },
        { g, ids, 1, SOV_LOGITS_NONE },
    };
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), 0);
    ck_assert_uint_eq(sov_batch_room(b), 6);
    ck_assert_uint_ne(g->block[1], s->block[1]);
    /* what nobody shares any more is not copied */
    ck_assert_uint_eq(sov_session_wants(s, 1), 0);
    sov_session_truncate(s, 64);
    ck_assert_uint_eq(sov_batch_room(b), 7);
    sov_session_close(s);
    sov_session_close(f);
    ck_assert_uint_eq(sov_batch_room(b), 8);
    sov_session_close(g);
    ck_assert_uint_eq(sov_batch_room(b), 10);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

START_TEST(without_room_nothing_changes)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 3, 4 * SOV_BLOCK, false);
    sov_session *s = begin(b, NULL);
    sov_session *t = begin(b, NULL);
    struct sov_batch_part part[] = {
        { s, ids + 100, 100, SOV_LOGITS_LAST },
        { t, ids, 64, SOV_LOGITS_LAST },
    };
    uint32_t second;

    feed(s, 0, 100);
    feed(t, 0, 30);
    second = s->block[1];
    part[1].n = 100;
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), SOV_EMEM);
    ck_assert_uint_eq(sov_batch_room(b), 1);
    ck_assert_uint_eq(sov_session_pos(s), 100);
    ck_assert_uint_eq(sov_session_pos(t), 30);
    ck_assert_uint_eq(s->block[1], second);
    ck_assert_ptr_nonnull(sov_session_logits(t, 0)); /* of its last eval */
    sov_session_close(t);
    part[0].n = 150;
    ck_assert_int_eq(sov_batch_eval(b, part, 1, &err), 0);
    ck_assert_uint_eq(sov_batch_room(b), 0);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

START_TEST(wrong_parts_are_refused)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 2, 0, false);
    sov_batch *other = open_batch(model, 1, 0, false);
    sov_session *s = begin(b, NULL);
    sov_session *t = begin(b, "");
    sov_session *u = begin(other, NULL);
    sov_session *v;
    struct sov_batch_part part[] = {
        { s, ids, 3, SOV_LOGITS_LAST },
        { s, ids, 3, SOV_LOGITS_LAST },
    };
    char name[300];

    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), SOV_EARG);
    part[1].session = u;
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), SOV_EARG);
    part[1].session = t;
    part[0].what = SOV_LOGITS_ALL; /* four rows, two are kept */
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), SOV_EARG);
    part[0].what = SOV_LOGITS_LAST;
    part[1].n = CTX + 1;
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), SOV_EARG);
    part[1].n = 3;
    ck_assert_uint_eq(sov_session_pos(s) + sov_session_pos(t), 0);
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), 0);
    ck_assert_mem_eq(sov_session_logits(s, 0), sov_session_logits(t, 0),
                     TINY_VOCAB * sizeof(float));
    ck_assert_ptr_null(sov_session_logits(s, 1));
    part[0].n = 0; /* has no row, and is no trouble */
    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), 0);
    ck_assert_ptr_null(sov_session_logits(s, 0));
    ck_assert_ptr_nonnull(sov_session_logits(t, 0));
    ck_assert_int_eq(sov_batch_eval(b, part, 0, &err), 0);
    ck_assert_ptr_null(sov_session_logits(t, 0));
    ck_assert_int_eq(sov_session_new(&v, b, NULL, &err), SOV_EMEM);
    ck_assert_ptr_null(v);
    ck_assert_int_eq(sov_session_fork(&v, s, &err), SOV_EMEM);
    sov_session_close(t);
    memset(name, 'x', sizeof(name));
    name[257] = '\0';
    ck_assert_int_eq(sov_session_new(&v, b, name, &err), SOV_EARG);
    name[256] = '\0';
    ck_assert_int_eq(sov_session_new(&v, b, name, &err), 0);
    sov_batch_close(b);
    sov_batch_close(other);
    sov_model_close(model);
}
END_TEST

START_TEST(what_was_read_is_found_again)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 3, 12 * SOV_BLOCK, true);
    sov_session *s = begin(b, "a");
    sov_session *t = begin(b, "a");
    float want[TINY_VOCAB];

    feed(s, 0, 200);
    memcpy(want, sov_session_logits(s, 0), sizeof(want));
    /* whole blocks, and never all: the last token gives the logits */
    ck_assert_uint_eq(sov_session_recall(t, ids, 64), 0);
    ck_assert_uint_eq(sov_session_recall(t, ids, 193), 192);
    ck_assert_uint_eq(sov_session_recall(t, ids, 193), 0); /* has read */
    ck_assert_uint_eq(t->block[2], s->block[2]);
    ck_assert_uint_eq(sov_batch_room(b), 8);
    feed(t, 192, 8);
    ck_assert_mem_eq(sov_session_logits(t, 0), want, sizeof(want));
    sov_session_close(s);
    sov_session_close(t);
    ck_assert_uint_eq(sov_batch_room(b), 12);
    s = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(s, ids, 200), 192);
    feed(s, 192, 8);
    ck_assert_mem_eq(sov_session_logits(s, 0), want, sizeof(want));
    /* cut back into a block that is in the index: it is no longer */
    sov_session_truncate(s, 100);
    feed(s, 0, 1);
    sov_session_close(s);
    s = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(s, ids, 200), 64);
    sov_session_close(s);
    sov_batch_forget(b);
    s = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(s, ids, 200), 0);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

/* One reads block by block, and the other follows it. */
START_TEST(who_begins_alike_follows)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 2, 12 * SOV_BLOCK, true);
    sov_session *s = begin(b, NULL);
    sov_session *t = begin(b, NULL);
    float want[TINY_VOCAB];
    size_t at;

    for (at = 0; at < 192; at += 64) {
        feed(s, at, 64);
        ck_assert_uint_eq(sov_session_recall(t, ids + at, 200 - at), 64);
        ck_assert_uint_eq(sov_session_pos(t), at + 64);
        ck_assert_uint_eq(t->block[at / 64], s->block[at / 64]);
    }
    feed(s, 192, 8);
    memcpy(want, sov_session_logits(s, 0), sizeof(want));
    feed(t, 192, 8);
    ck_assert_mem_eq(sov_session_logits(t, 0), want, sizeof(want));
    /* in the middle of a block there is nothing to take over */
    feed(s, 200, 100);
    ck_assert_uint_eq(sov_session_recall(t, ids + 200, 100), 0);
    /* and after another beginning neither */
    sov_session_truncate(t, 0);
    feed(t, 1, 64);
    ck_assert_uint_eq(sov_session_recall(t, ids + 64, 100), 0);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

/* Two that read the same at the same time end up with the same blocks. */
START_TEST(the_same_is_kept_once)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 2, 12 * SOV_BLOCK, true);
    sov_session *s = begin(b, NULL);
    sov_session *t = begin(b, NULL);
    struct sov_batch_part part[] = {
        { s, ids, 150, SOV_LOGITS_LAST },
        { t, ids, 150, SOV_LOGITS_LAST },
    };

    ck_assert_int_eq(sov_batch_eval(b, part, 2, &err), 0);
    ck_assert_mem_eq(s->block, t->block, 2 * sizeof(*s->block));
    ck_assert_uint_ne(s->block[2], t->block[2]);
    ck_assert_uint_eq(sov_batch_room(b), 8);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

START_TEST(tenants_share_nothing)
{
    static const char *const tenants[] = { "a", "b", NULL, "" };
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 8, 64 * SOV_BLOCK, true);
    sov_session *s[8];
    bool taken[64] = { false };

    for (int i = 0; i < 4; i++) {
        s[i] = begin(b, tenants[i]);
        ck_assert_uint_eq(sov_session_recall(s[i], ids, 200), 0);
        feed(s[i], 0, 200);
        for (int j = 0; j < 4; j++) {
            ck_assert(!taken[s[i]->block[j]]);
            taken[s[i]->block[j]] = true;
        }
    }
    /* each finds its own again, and no other's */
    for (int i = 0; i < 4; i++) {
        s[4 + i] = begin(b, tenants[i]);
        ck_assert_uint_eq(sov_session_recall(s[4 + i], ids, 200), 192);
        ck_assert_mem_eq(s[4 + i]->block, s[i]->block,
                         3 * sizeof(*s[i]->block));
    }
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

START_TEST(the_oldest_is_given_up_first)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, 2, 6 * SOV_BLOCK, true);
    static const char *const names[] = { "a", "b", "c" };
    sov_session *s;

    for (int i = 0; i < 3; i++) {
        s = begin(b, names[i]);
        feed(s, 0, 128);
        sov_session_close(s);
    }
    ck_assert_uint_eq(sov_batch_room(b), 6);
    s = begin(b, "a"); /* is used again: b is the oldest now */
    ck_assert_uint_eq(sov_session_recall(s, ids, 129), 128);
    sov_session_close(s);
    s = begin(b, "d"); /* needs one: the end of what b read */
    feed(s, 0, 20);
    sov_session_close(s);
    s = begin(b, "b");
    ck_assert_uint_eq(sov_session_recall(s, ids, 129), 64);
    sov_session_close(s);
    s = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(s, ids, 129), 128);
    sov_session_close(s);
    s = begin(b, "c");
    ck_assert_uint_eq(sov_session_recall(s, ids, 129), 128);
    sov_batch_close(b);
    sov_model_close(model);
}
END_TEST

static bool
is_zero(const void *p, size_t n)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < n; i++)
        if (c[i] != 0)
            return false;
    return true;
}

/* All keys and values of all layers. */
static bool
layers_are_zero(const sov_batch *b)
{
    const struct sov_store *p = &b->store;

    return is_zero(p->at[0].p, p->heads * p->n * p->bytes);
}

/* Both in one eval; the second is closed then. */
static void
feed_both(sov_session *s, sov_session *t)
{
    struct sov_batch_part part[] = {
        { s, ids, 5, SOV_LOGITS_LAST },
        { t, ids, 5, SOV_LOGITS_LAST },
    };

    ck_assert_int_eq(sov_batch_eval(s->batch, part, 2, &err), 0);
    ck_assert(!is_zero(s->batch->logits + TINY_VOCAB, sizeof(float)));
    feed(t, 5, 1);
    sov_session_close(t);
}

START_TEST(what_is_given_back_is_zero)
{
    static const enum sov_kv_form forms[] = { SOV_KV_Q8, SOV_KV_F16,
                                              SOV_KV_BF16, SOV_KV_F32 };
    sov_model *model = open_model();

    for (int i = 0; i < 8; i++) {
        struct sov_session_opts opts = {
            .n_ctx = CTX, .n_seq = 3, .kv = forms[i / 2], .reuse = i % 2 == 1
        };
        sov_session *s, *t;
        sov_batch *b;

        ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), 0);
        s = begin(b, "secret");
        ck_assert(layers_are_zero(b));
        feed(s, 0, 150);
        ck_assert_int_eq(sov_session_fork(&t, s, &err), 0);
        feed(t, 0, 100);
        sov_session_close(s);
        ck_assert(!layers_are_zero(b));
        feed_both(t, begin(b, "secret"));
        feed(t, 0, 1); /* one row, two before */
        sov_session_truncate(t, 30);
        sov_session_close(t);
        ck_assert_int_eq(layers_are_zero(b), !opts.reuse);
        sov_batch_forget(b);
        ck_assert(layers_are_zero(b));
        ck_assert(is_zero(b->session[0].ids, 3 * CTX * sizeof(*ids)));
        ck_assert(is_zero(b->store.block[0].name, SOV_SHA256_LEN));
        ck_assert(is_zero(b->logits, 3 * TINY_VOCAB * sizeof(float)));
        sov_batch_close(b);
    }
    sov_model_close(model);
}
END_TEST

START_TEST(memory_is_counted_and_limited)
{
    sov_model *model = open_model();
    struct sov_session_opts opts = { .n_ctx = CTX,
                                     .n_seq = 16,
                                     .kv = SOV_KV_Q8 };
    struct sov_session_memory all, one, some;
    uint64_t block = UINT64_C(2) * 2 * SOV_BLOCK * 2 * (64 + sizeof(float));
    sov_batch *b;

    ck_assert_int_eq(sov_session_measure(model, &opts, &all, &err), 0);
    ck_assert_uint_eq(all.kv, 16 * CTX / SOV_BLOCK * block);
    ck_assert_uint_eq(all.total, all.weights + all.kv + all.work + all.logits);
    /* a limit makes the pool smaller, but not smaller than one context */
    opts.max_memory = all.total - 1;
    ck_assert_int_eq(sov_session_measure(model, &opts, &some, &err), 0);
    ck_assert_uint_le(some.total, opts.max_memory);
    ck_assert_uint_eq(some.kv, all.kv - block);
    opts.max_memory = 1;
    ck_assert_int_eq(sov_session_measure(model, &opts, &one, &err), 0);
    ck_assert_uint_eq(one.kv, CTX / SOV_BLOCK * block);
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), SOV_EMEM);
    ck_assert_ptr_null(b);
    opts.max_memory = one.total - 1;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), SOV_EMEM);
    opts.max_memory = one.total;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), 0);
    ck_assert_uint_eq(sov_batch_blocks(b), CTX / SOV_BLOCK);
    sov_batch_close(b);
    /* a pool of one's own size is that or nothing */
    opts.n_kv = 100 * SOV_BLOCK + 1;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), SOV_EMEM);
    opts.max_memory = 0;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), 0);
    ck_assert_uint_eq(sov_batch_blocks(b), 101);
    sov_batch_close(b);
    opts.n_seq = 4097;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), SOV_EARG);
    opts.n_seq = 4096;
    opts.n_kv = SOV_BLOCK;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), 0);
    sov_batch_close(b);
    opts.n_kv = UINT64_MAX;
    ck_assert_int_eq(sov_batch_open(&b, model, &opts, &err), SOV_EMEM);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("batch");

    tcase_add_test(tc, a_fork_shares_until_it_changes);
    tcase_add_test(tc, without_room_nothing_changes);
    tcase_add_test(tc, wrong_parts_are_refused);
    tcase_add_test(tc, what_was_read_is_found_again);
    tcase_add_test(tc, who_begins_alike_follows);
    tcase_add_test(tc, the_same_is_kept_once);
    tcase_add_test(tc, tenants_share_nothing);
    tcase_add_test(tc, the_oldest_is_given_up_first);
    tcase_add_test(tc, what_is_given_back_is_zero);
    tcase_add_test(tc, memory_is_counted_and_limited);
    return unit_main("batch", tc);
}
