/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_cache_make.c - from a teacher and a text to a cache: what stands there is
 * what is drawn from what a session says of each sequence alone
 */
#include "tinytok.h"

#include "distill/cache_in.h"
#include "distill/cache_make.h"
#include "sov/base.h"

#define DRAWS 7
#define SEED  31

struct bytes {
    unsigned char p[1 << 18];
    size_t len;
};

struct text {
    sov_model *model;
    sov_tok *tok;
    sov_tokens *tokens;
    sov_course *course;
    struct sov_course_opts how;
};

static int
take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct bytes *b = arg;

    (void)err;
    ck_assert_uint_le(b->len + len, sizeof(b->p));
    memcpy(b->p + b->len, buf, len);
    b->len += len;
    return 0;
}

static void
open_text(struct text *t, size_t n_ctx, bool apart)
{
    struct tiny tiny = { .type = SOV_TYPE_Q8_0, .change = tiny_tokenizer };
    struct sov_err err = { 0 };

    tiny_wants_bos = true;
    t->model = tiny_open(&tiny);
    ck_assert_int_eq(sov_tok_load(&t->tok, sov_model_meta(t->model), &err), 0);
    ck_assert_int_eq(sov_tokens_new(&t->tokens, t->tok, &err), 0);
    for (size_t i = 0; i < 9; i++) {
        char doc[400];
        size_t len = 3 + 47 * i;

        for (size_t j = 0; j < len; j++)
            doc[j] = (char)('A' + (i * 7 + j * j) % 23);
        ck_assert_msg(
            sov_tokens_add(t->tokens,
                           (struct sov_span){ (const unsigned char *)doc, len },
                           true, true, &err) == 0,
            "%s", err.msg);
    }
    ck_assert_int_eq(sov_tokens_end(t->tokens, &err), 0);
    t->how = (struct sov_course_opts){
        .n_ctx = n_ctx, .apart = apart, .batch = 2, .seed = 5
    };
    ck_assert_msg(sov_course_new(&t->course, t->tokens, &t->how, &err) == 0,
                  "%s", err.msg);
}

static void
close_text(struct text *t)
{
    sov_course_free(t->course);
    sov_tokens_free(t->tokens);
    sov_tok_free(t->tok);
    sov_model_close(t->model);
}

static void
make(const struct text *t, double temp, struct sov_few_about *about,
     struct bytes *out)
{
    struct sov_teacher_opts opts = {
        .n_ctx = t->how.n_ctx,
        .n_vocab = TINY_VOCAB,
        .student = sov_model_meta(t->model),
    };
    struct sov_few_make_opts o = { .course = t->course };
    struct sov_err err = { 0 };

    out->len = 0;
    ck_assert_int_eq(sov_teacher_open(&o.teacher, t->model, &opts, &err), 0);
    ck_assert_int_eq(sov_sink_call(&o.sink, "memory", take, out, &err), 0);
    ck_assert_int_eq(sov_few_plan(about, o.teacher, sov_model_meta(t->model),
                                  t->tokens, &t->how, temp, &err),
                     0);
    about->seed = SEED;
    about->n_draws = DRAWS;
    ck_assert_msg(sov_few_make(&o, about, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_sink_commit(&o.sink, &err), 0);
    sov_teacher_close(o.teacher);
}

/* Sequence by sequence, out of a session. */
static void
check(const struct text *t, struct sov_few_cache *c, double temp)
{
    struct sov_session_opts opts = { .n_ctx = TINY_CTX, .n_logits = TINY_CTX };
    static int32_t ids[TINY_CTX], next[TINY_CTX];
    static struct sov_few few[TINY_CTX];
    static float x[TINY_VOCAB];
    sov_session *s;

    ck_assert_int_eq(sov_session_open(&s, t->model, &opts, NULL), 0);
    for (uint64_t i = 0; i < sov_course_all(t->course); i++) {
        struct sov_sequence q = sov_course_number(t->course, i);

        sov_course_read(t->course, &q, ids, next);
        sov_session_truncate(s, 0);
        ck_assert_int_eq(sov_session_eval(s, ids, q.n, SOV_LOGITS_ALL, NULL),
                         0);
        ck_assert_int_eq(sov_few_read(c, q.at, q.n, few, NULL, NULL), 0);
        for (size_t j = 0; j < q.n; j++) {
            int32_t id[DRAWS];
            uint32_t count[DRAWS], n;

            memcpy(x, sov_session_logits(s, j), sizeof(x));
            n = sov_few_draw(sov_kern(), x, TINY_VOCAB, DRAWS, temp, SEED,
                             q.at + j, id, count, NULL);
            ck_assert_uint_eq(n, few[j].n);
            ck_assert_mem_eq(id, few[j].id, n * sizeof(*id));
            ck_assert_mem_eq(count, few[j].count, n * sizeof(*count));
        }
    }
    sov_session_close(s);
}

static void
check_cache(size_t n_ctx, bool apart, double temp)
{
    static struct bytes one, other;
    struct sov_few_about about, want;
    struct sov_few_cache c = { .file = { .fd = -1 } };
    struct sov_err err = { 0 };
    struct text t;

    open_text(&t, n_ctx, apart);
    sov_set_threads(1);
    make(&t, temp, &about, &one);
    sov_set_threads(3);
    make(&t, temp, &about, &other);
    ck_assert_uint_eq(one.len, other.len);
    ck_assert_mem_eq(one.p, other.p, one.len);
    ck_assert_msg(sov_few_parse(&c, one.p, one.len, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_few_plan(&want, NULL, sov_model_meta(t.model),
                                  t.tokens, &t.how, temp, &err),
                     0);
    want.n_vocab = TINY_VOCAB + 3;
    ck_assert_msg(sov_few_match(&c, &want, &err) == 0, "%s", err.msg);
    want.apart = !want.apart;
    ck_assert_int_eq(sov_few_match(&c, &want, &err), SOV_EFORMAT);
    check(&t, &c, temp);
    sov_few_drop(&c);
    close_text(&t);
}

START_TEST(what_is_kept_is_what_was_drawn)
{
    check_cache(64, false, 1);
    check_cache(64, true, 1);
    check_cache(100, false, 2);
    check_cache(3, true, 0.5);
}
END_TEST

static bool
at_once(void *arg)
{
    (void)arg;
    return true;
}

START_TEST(who_stops_gets_nothing)
{
    static struct bytes out;
    struct sov_few_make_opts o = { .stop = at_once };
    struct sov_teacher_opts opts = { .n_ctx = 64, .n_vocab = TINY_VOCAB };
    struct sov_few_about about;
    struct sov_err err = { 0 };
    struct text t;

    open_text(&t, 64, false);
    o.course = t.course;
    opts.student = sov_model_meta(t.model);
    ck_assert_int_eq(sov_teacher_open(&o.teacher, t.model, &opts, &err), 0);
    ck_assert_int_eq(sov_sink_call(&o.sink, "memory", take, &out, &err), 0);
    ck_assert_int_eq(sov_few_plan(&about, o.teacher, opts.student, t.tokens,
                                  &t.how, 1, &err),
                     0);
    ck_assert_int_eq(sov_few_make(&o, &about, &err), SOV_EARG); /* no draws */
    about.n_draws = DRAWS;
    ck_assert_int_eq(sov_few_make(&o, &about, &err), SOV_ENO);
    ck_assert_uint_eq(out.len, 0);
    sov_sink_abort(o.sink);
    sov_teacher_close(o.teacher);
    close_text(&t);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("cache_make");

    tcase_add_test(tc, what_is_kept_is_what_was_drawn);
    tcase_add_test(tc, who_stops_gets_nothing);
    return unit_main("cache_make", tc);
}
