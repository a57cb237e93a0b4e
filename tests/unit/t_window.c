/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_window.c - unit tests of lib/run: sessions that keep of a layer with a
 * window what the window shows
 *
 * What they answer is compared, bit for bit, with a session that reads so much
 * at once that keeping windows is of no use to it.
 */
#include "tiny.h"

#include "run/session.h"
#include "sov/run.h"

#define CTX    1200
#define WINDOW 100
#define SEES   3 /* blocks that a window reaches into, at most */

static int32_t ids[CTX];
static struct sov_err err;

/* Of two layers the first sees a window. */
static void
see_windows(sov_meta *m)
{
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window", WINDOW, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "llama.attention.sliding_window_pattern", 2, NULL),
        0);
    ck_assert_int_eq(sov_meta_set_u32(m, "llama.context_length", CTX, NULL), 0);
}

static sov_model *
open_model(void)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0, .change = see_windows };

    for (int i = 0; i < CTX; i++)
        ids[i] = (i * 37 + i / 9) % TINY_VOCAB;
    return tiny_open(&t);
}

static sov_batch *
open_batch(const sov_model *model, enum sov_kv_form kv, uint32_t n_seq,
           uint64_t n_kv, bool reuse)
{
    struct sov_session_opts opts = { .n_ctx = CTX,
                                     .n_batch = 64,
                                     .n_seq = n_seq,
                                     .n_kv = n_kv,
                                     .kv = kv,
                                     .reuse = reuse };
    sov_batch *b;

    ck_assert_msg(sov_batch_open(&b, model, &opts, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(b->local.heads, 2);
    ck_assert_uint_eq(b->store.heads, 2);
    return b;
}

/* One that keeps everything. */
static sov_session *
open_whole(const sov_model *model, enum sov_kv_form kv)
{
    struct sov_session_opts opts = {
        .n_ctx = CTX, .n_batch = CTX, .n_logits = CTX, .kv = kv
    };
    sov_session *s;

    ck_assert_msg(sov_session_open(&s, model, &opts, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(s->batch->local.heads, 0);
    ck_assert_uint_eq(s->batch->store.heads, 4);
    return s;
}

static sov_session *
begin(sov_batch *b, const char *tenant)
{
    sov_session *s;

    ck_assert_msg(sov_session_new(&s, b, tenant, &err) == 0, "%s", err.msg);
    return s;
}

static void
feed(sov_session *s, size_t n)
{
    ck_assert_msg(sov_session_eval(s, ids + sov_session_pos(s), n,
                                   SOV_LOGITS_LAST, &err) == 0,
                  "%s", err.msg);
}

static uint32_t
held(const struct sov_store *p)
{
    return p->n - sov_store_room(p);
}

/* As the session says that they are where it is now. */
static void
same(const sov_session *s, const sov_session *whole)
{
    const float *want = sov_session_logits(whole, sov_session_pos(s) - 1);

    ck_assert_mem_eq(sov_session_logits(s, 0), want,
                     TINY_VOCAB * sizeof(*want));
}

static const enum sov_kv_form forms[] = { SOV_KV_Q8, SOV_KV_F16, SOV_KV_BF16,
                                          SOV_KV_F32 };

START_TEST(what_leaves_a_window_is_given_back)
{
    sov_model *model = open_model();

    for (size_t i = 0; i < 4; i++) {
        sov_batch *b = open_batch(model, forms[i], 4, 0, false);
        sov_session *whole = open_whole(model, forms[i]);
        sov_session *s[3];

        ck_assert_int_eq(
            sov_session_eval(whole, ids, CTX, SOV_LOGITS_ALL, &err), 0);
        for (size_t k = 0; k < 3; k++)
            s[k] = begin(b, NULL);
        for (size_t n = 0; n < 30; n++) {
            struct sov_batch_part part[3];

            for (size_t k = 0; k < 3; k++)
                part[k] = (struct sov_batch_part){
                    .session = s[k],
                    .ids = ids + sov_session_pos(s[k]),
                    .n = 1 + (n * (k + 1) * 7) % 50,
                    .what = SOV_LOGITS_LAST,
                };
            ck_assert_int_eq(sov_batch_eval(b, part, 3, &err), 0);
            for (size_t k = 0; k < 3; k++)
                same(s[k], whole);
            ck_assert_uint_le(held(&b->local), 3 * SEES);
        }
        feed(s[0], 300);
        same(s[0], whole);
        ck_assert_uint_le(held(&b->local), 3 * SEES);
        for (size_t k = 0; k < 3; k++)
            sov_session_close(s[k]);
        ck_assert_uint_eq(held(&b->local) + held(&b->store), 0);
        sov_batch_close(b);
        sov_session_close(whole);
    }
    sov_model_close(model);
}
END_TEST

/* Back by a little; by more it is everything; and forks have windows too. */
START_TEST(cut_and_forked)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, SOV_KV_Q8, 2, 0, false);
    sov_session *whole = open_whole(model, SOV_KV_Q8);
    sov_session *s = begin(b, NULL);
    sov_session *f;

    ck_assert_int_eq(sov_session_eval(whole, ids, CTX, SOV_LOGITS_ALL, &err),
                     0);
    feed(s, 500);
    ck_assert_int_eq(sov_session_fork(&f, s, &err), 0);
    feed(f, 77);
    same(f, whole);
    feed(s, 1);
    same(s, whole);
    sov_session_truncate(f, 570);
    ck_assert_uint_eq(sov_session_pos(f), 570);
    feed(f, 1);
    same(f, whole);
    sov_session_truncate(f, 460);
    ck_assert_uint_eq(sov_session_pos(f), 0);
    feed(f, 90);
    same(f, whole);
    sov_session_truncate(f, 10); /* nothing has left the window yet */
    ck_assert_uint_eq(sov_session_pos(f), 10);
    feed(f, 300);
    same(f, whole);
    sov_session_close(s);
    sov_session_close(f);
    ck_assert_uint_eq(held(&b->local), 0);
    sov_batch_close(b);
    /* who is alone keeps as much again as is read at once */
    b = open_batch(model, SOV_KV_Q8, 1, 0, false);
    s = begin(b, NULL);
    feed(s, 700);
    sov_session_truncate(s, 640);
    ck_assert_uint_eq(sov_session_pos(s), 640);
    feed(s, 64);
    same(s, whole);
    sov_session_truncate(s, 320);
    ck_assert_uint_eq(sov_session_pos(s), 0);
    feed(s, 700);
    same(s, whole);
    sov_batch_close(b);
    sov_session_close(whole);
    sov_model_close(model);
}
END_TEST

START_TEST(found_again_as_far_as_windows_are)
{
    sov_model *model = open_model();
    sov_batch *b = open_batch(model, SOV_KV_Q8, 2, 60 * SOV_BLOCK, true);
    sov_session *whole = open_whole(model, SOV_KV_Q8);
    sov_session *s = begin(b, "a");
    sov_session *t;

    ck_assert_int_eq(sov_session_eval(whole, ids, CTX, SOV_LOGITS_ALL, &err),
                     0);
    feed(s, 300);
    t = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(t, ids, 290), 256);
    feed(t, 34);
    same(t, whole);
    ck_assert_uint_eq(t->local[3], s->local[3]);
    ck_assert_uint_eq(t->local[0], sov_store_hole(&b->local));
    sov_session_close(s);
    sov_session_close(t);
    /* others need the memory of windows, and less of the rest */
    s = begin(b, "b");
    for (size_t i = 0; i < 10; i++)
        feed(s, 64);
    sov_session_close(s);
    s = begin(b, "a");
    ck_assert_uint_ne(sov_store_room(&b->store), 0);
    feed(s, sov_session_recall(s, ids, 290) == 0 ? 290 : 34);
    same(s, whole);
    sov_session_close(s);
    sov_batch_forget(b);
    s = begin(b, "a");
    ck_assert_uint_eq(sov_session_recall(s, ids, 290), 0);
    sov_batch_close(b);
    sov_session_close(whole);
    sov_model_close(model);
}
END_TEST

START_TEST(windows_take_less_memory)
{
    sov_model *model = open_model();
    struct sov_session_opts opts = {
        .n_ctx = CTX, .n_seq = 8, .n_batch = 64, .kv = SOV_KV_Q8
    };
    uint64_t head = UINT64_C(2) * SOV_BLOCK * (64 + sizeof(float));
    uint64_t all = 8 * ((CTX + 63) / 64);
    uint64_t near = 8 * 4 + 1;
    struct sov_session_memory mem;

    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    /* two heads of keys in a layer; and one block that is nobody's */
    ck_assert_uint_eq(mem.kv, 2 * head * (all + near + 1));
    opts.n_batch = CTX;
    ck_assert_int_eq(sov_session_measure(model, &opts, &mem, &err), 0);
    ck_assert_uint_eq(mem.kv, 2 * head * 2 * all);
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("window");

    tcase_add_test(tc, what_leaves_a_window_is_given_back);
    tcase_add_test(tc, cut_and_forked);
    tcase_add_test(tc, found_again_as_far_as_windows_are);
    tcase_add_test(tc, windows_take_less_memory);
    return unit_main("window", tc);
}
