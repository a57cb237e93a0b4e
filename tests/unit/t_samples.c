/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_samples.c - unit tests of lib/distill: texts that a teacher makes
 */
#include "tinytok.h"

#include "base/json.h"
#include "distill/make.h"
#include "sov/base.h"
#include "sov/request.h"

#define N 20

static struct sov_err err;
static sov_model *teacher;
static sov_tok *tok;
static sov_tokens *prompts;

static void
set_up(void)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0 };
    sov_meta *meta;

    tiny_wants_bos = true;
    teacher = tiny_open(&t);
    ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
    tiny_tokenizer(meta);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "tokenizer.ggml.eos_token_id", 2, &err), 0);
    ck_assert_int_eq(
        sov_meta_set_bool(meta, "tokenizer.ggml.add_space_prefix", false, &err),
        0);
    ck_assert_int_eq(sov_tok_load(&tok, meta, &err), 0);
    sov_meta_free(meta);
    ck_assert_int_eq(sov_tokens_new(&prompts, tok, &err), 0);
    for (int i = 0; i < 3; i++) {
        static const char *const text[] = { "Once", "There(was\\a", "x" };
        struct sov_span s = { (const unsigned char *)text[i], strlen(text[i]) };

        ck_assert_int_eq(sov_tokens_add(prompts, s, true, true, &err), 0);
    }
    ck_assert_int_eq(sov_tokens_end(prompts, &err), 0);
}

static void
tear_down(void)
{
    sov_tokens_free(prompts);
    sov_tok_free(tok);
    sov_model_close(teacher);
}

struct lines {
    char *line[N];
    uint64_t next;
    int stop_after; /* 0: never */
};

static int
keep(void *arg, uint64_t i, const char *line, size_t len, struct sov_err *e)
{
    struct lines *l = arg;

    (void)e;
    ck_assert_uint_eq(i, l->next);
    ck_assert_uint_lt(i, N);
    ck_assert_int_eq(line[len - 1], '\n');
    l->line[l->next++] = sov_mem_dup(line, len);
    return 0;
}

static bool
stop(void *arg)
{
    struct lines *l = arg;

    return l->stop_after > 0 && l->next >= (uint64_t)l->stop_after;
}

static void
forget(struct lines *l)
{
    for (int i = 0; i < N; i++)
        free(l->line[i]);
}

static struct sov_make_opts
opts_for(struct lines *l)
{
    struct sov_make_opts o = {
        .teacher = teacher,
        .tok = tok,
        .digest = "sha256:00",
        .prompts = prompts,
        .n = N,
        .n_tokens = 30,
        .seed = 5,
        .session = { .n_ctx = 64, .n_seq = 1 },
        .put = keep,
        .put_arg = l,
        .stop = stop,
        .stop_arg = l,
    };

    sov_sampler_defaults(&o.sampler);
    o.sampler.temp = 1;
    return o;
}

static const char *
string_of(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    ck_assert_msg(s != NULL, "%s", name);
    return s;
}

START_TEST(samples_say_where_they_come_from)
{
    static const char *const want[] = { "Once", "There(was\\a", "x" };
    struct lines l = { 0 };
    struct sov_make_opts o = opts_for(&l);
    struct sov_make_counts counts;

    ck_assert_msg(sov_make(&o, &counts, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(counts.samples, N);
    ck_assert_uint_le(counts.tokens, 30 * N);
    for (int i = 0; i < N; i++) {
        json_t *j;

        ck_assert_int_eq(sov_json_parse(l.line[i], strlen(l.line[i]), &j, &err),
                         0);
        ck_assert_str_eq(string_of(j, "prompt"), want[i % 3]);
        ck_assert(strncmp(string_of(j, "text"), want[i % 3],
                          strlen(want[i % 3])) == 0);
        ck_assert_str_eq(string_of(j, "teacher"), "sha256:00");
        ck_assert_int_eq(json_integer_value(json_object_get(j, "index")), i);
        ck_assert_int_eq(json_integer_value(json_object_get(j, "seed")),
                         (int64_t)sov_request_seed(5, (uint64_t)i));
        json_decref(j);
        if (i >= 3) /* the same prompt, another seed */
            ck_assert_str_ne(strstr(l.line[i], "\"text\""),
                             strstr(l.line[i - 3], "\"text\""));
    }
    forget(&l);
}
END_TEST

/* Of (seed, i) alone: whatever goes on beside it, wherever a run begins. */
START_TEST(samples_are_pure)
{
    static const struct {
        uint32_t n_seq, n_batch;
        unsigned threads;
        int stop_after;
    } way[] = { { 7, 0, 2, 0 }, { 3, 16, 3, 4 }, { 16, 0, 1, 11 } };
    struct lines want = { 0 };
    struct sov_make_opts o = opts_for(&want);

    ck_assert_int_eq(sov_make(&o, NULL, &err), 0);
    for (size_t k = 0; k < sizeof(way) / sizeof(way[0]); k++) {
        struct lines l = { .stop_after = way[k].stop_after };

        sov_set_threads(way[k].threads);
        o = opts_for(&l);
        o.session.n_seq = way[k].n_seq;
        o.session.n_batch = way[k].n_batch;
        if (way[k].stop_after > 0) {
            ck_assert_int_eq(sov_make(&o, NULL, &err), SOV_ENO);
            ck_assert_uint_ge(l.next, (uint64_t)way[k].stop_after);
            ck_assert_uint_lt(l.next, N);
            l.stop_after = 0;
            o.first = l.next;
        }
        ck_assert_int_eq(sov_make(&o, NULL, &err), 0);
        for (int i = 0; i < N; i++)
            ck_assert_str_eq(l.line[i], want.line[i]);
        forget(&l);
    }
    sov_set_threads(0);
    forget(&want);
}
END_TEST

START_TEST(without_prompts_there_is_bos)
{
    struct lines l = { 0 };
    struct sov_make_opts o = opts_for(&l);

    o.prompts = NULL;
    o.n = 2;
    ck_assert_int_eq(sov_make(&o, NULL, &err), 0);
    ck_assert(strstr(l.line[0], "\"prompt\":\"\"") != NULL);
    forget(&l);
}
END_TEST

START_TEST(long_prompts_are_cut)
{
    struct lines l = { 0 };
    struct sov_make_opts o = opts_for(&l);

    o.prompt_tokens = 3; /* with bos */
    o.n = 2;
    ck_assert_int_eq(sov_make(&o, NULL, &err), 0);
    ck_assert(strstr(l.line[0], "\"prompt\":\"On\"") != NULL);
    ck_assert(strstr(l.line[1], "\"prompt\":\"Th\"") != NULL);
    forget(&l);
}
END_TEST

START_TEST(whole_lines_are_counted)
{
    size_t whole;

    ck_assert_uint_eq(sov_make_lines("", 0, &whole), 0);
    ck_assert_uint_eq(whole, 0);
    ck_assert_uint_eq(sov_make_lines("{}\n{}\n{\"te", 10, &whole), 2);
    ck_assert_uint_eq(whole, 6);
    ck_assert_uint_eq(sov_make_lines("{}", 2, &whole), 0);
    ck_assert_uint_eq(whole, 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("samples");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, samples_say_where_they_come_from);
    tcase_add_test(tc, samples_are_pure);
    tcase_add_test(tc, without_prompts_there_is_bos);
    tcase_add_test(tc, long_prompts_are_cut);
    tcase_add_test(tc, whole_lines_are_counted);
    return unit_main("samples", tc);
}
