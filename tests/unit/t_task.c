/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_task.c - unit tests of lib/measure: tasks out of files, and their scores
 * against plain sums over the logits of a tiny model
 */
#include "tinytok.h"

#include "measure/tally.h"
#include "sov/task.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *
path_of(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "tasks-%ld.txt", (long)getpid());
    return path;
}

static sov_tasks *
open_text(const char *text, enum sov_task_form form)
{
    FILE *f = fopen(path_of(), "w");
    struct sov_err err;
    sov_tasks *t;

    ck_assert(f != NULL);
    fputs(text, f);
    fclose(f);
    ck_assert_msg(sov_tasks_open(&t, path_of(), form, &err) == 0, "%s",
                  err.msg);
    unlink(path_of());
    return t;
}

static void
is_text(struct sov_span s, const char *want)
{
    ck_assert_msg(s.len == strlen(want) && memcmp(s.p, want, s.len) == 0,
                  "'%.*s', not '%s'", (int)s.len, (const char *)s.p, want);
}

/* ---- forms */

static const struct {
    enum sov_task_form form;
    const char *kind;
    const char *text;
    size_t n, answer, at; /* what choice `at` looks like: */
    const char *lead, *end;
    size_t letters;
} good[] = {
    { SOV_TASK_HELLASWAG, "hellaswag", "\nA roof. he\n3\na\nb\n\xc3\xa4 b\nd\n",
      4, 3, 2, "A roof. he", " \xc3\xa4 b", 3 },
    { SOV_TASK_LAMBADA, "lambada", "{\"text\": \"to the\\n dog\"}", 1, 0, 0,
      "to the\n", " dog", 3 },
    { SOV_TASK_CHOICE, "plain",
      "{\"context\":\"is \",\"choices\":[\"a\",\"bc\"],\"answer\":1}", 2, 1, 1,
      "is", " bc", 2 },
    { SOV_TASK_CHOICE, "plain",
      "{\"question\":\"\",\"choices\":[\"a\",\"bc\"],\"answer\":\"A\"}", 2, 0, 1,
      "", "bc", 2 },
    { SOV_TASK_CHOICE, "mmlu",
      "{\"question\":\"Q\",\"subject\":\"s\",\"choices\":[\"x\",\"y\"],"
      "\"answer\":1}", 2, 1, 1, "Q\nA. x\nB. y\nAnswer:", " B", 1 },
    { SOV_TASK_CHOICE, "arc",
      "{\"question\":\"Q\",\"choices\":{\"text\":[\"x\",\"y\"],"
      "\"label\":[\"1\",\"2\"]},\"answerKey\":\"2\"}", 2, 1, 0,
      "Question: Q\nAnswer:", " x", 1 },
    { SOV_TASK_CHOICE, "openbookqa",
      "{\"question_stem\":\"Q\",\"choices\":{\"text\":[\"x\",\"y\"],"
      "\"label\":[\"A\",\"B\"]},\"answerKey\":\"A\"}", 2, 0, 1, "Q", " y", 1 },
    { SOV_TASK_CHOICE, "piqa",
      "{\"goal\":\"g\",\"sol1\":\"x\",\"sol2\":\"y\",\"label\":1}", 2, 1, 1,
      "Question: g\nAnswer:", " y", 1 },
    { SOV_TASK_CHOICE, "boolq",
      "{\"passage\":\"p\",\"question\":\"q\",\"answer\":true}", 2, 1, 1,
      "p\nQuestion: q?\nAnswer:", " yes", 3 },
    { SOV_TASK_CHOICE, "winogrande",
      "{\"sentence\":\"The _ is big.\",\"option1\":\"cat\",\"option2\":\"dog\","
      "\"answer\":\"2\"}", 2, 1, 0, "The cat", " is big.", 7 },
    { SOV_TASK_CHOICE, "truthfulqa",
      "{\"question\":\"q\",\"mc1_targets\":{\"choices\":[\"x\",\"y\"],"
      "\"labels\":[0,1]}}", 2, 1, 1, "Q: q\nA:", " y", 1 },
};

START_TEST(forms_are_read)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sov_tasks *t = open_text(good[i].text, good[i].form);
        struct sov_task task;
        struct sov_err err;
        const struct sov_task_choice *c;

        ck_assert_msg(sov_tasks_next(t, &task, &err) == 1, "%zu: %s", i,
                      err.msg);
        ck_assert_str_eq(sov_tasks_kind(t), good[i].kind);
        ck_assert_uint_eq(task.n, good[i].n);
        ck_assert_uint_eq(task.answer, good[i].answer);
        c = &task.choice[good[i].at];
        is_text(c->lead, good[i].lead);
        is_text(c->text, good[i].end);
        ck_assert_uint_eq(c->letters, good[i].letters);
        ck_assert_int_eq(sov_tasks_next(t, &task, &err), 0);
        sov_tasks_close(t);
    }
}
END_TEST

static const struct {
    enum sov_task_form form;
    const char *text, *says;
} bad[] = {
    { SOV_TASK_HELLASWAG, "a\n0\nb\n", "line 1: a task of 6 lines" },
    { SOV_TASK_HELLASWAG, "a\n4\nb\nc\nd\ne\n", "from 0 to 3" },
    { SOV_TASK_LAMBADA, "{\"text\":\"a b\"}\n{\"text\":\"a\"}", "line 2" },
    { SOV_TASK_LAMBADA, "{\"words\":\"a b\"}", "\"text\" is missing" },
    { SOV_TASK_LAMBADA, "[1]", "no JSON object" },
    { SOV_TASK_CHOICE, "{\"text\":\"a b\"}", "no form of tasks" },
    { SOV_TASK_CHOICE,
      "{\"question\":\"q\",\"choices\":[\"a\",\"b\"],\"answer\":2}",
      "none of the 2 choices" },
    { SOV_TASK_CHOICE, "{\"question\":\"q\",\"choices\":[\"a\"],\"answer\":0}",
      "2 to 64" },
    { SOV_TASK_CHOICE, "{\"question\":1,\"choices\":[\"a\"],\"answer\":0}",
      "\"question\" is no text" },
    { SOV_TASK_CHOICE, "nonsense", "line 1" },
};

START_TEST(bad_tasks_are_refused)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sov_tasks *t = open_text(bad[i].text, bad[i].form);
        struct sov_task task;
        struct sov_err err;
        int rc;

        do
            rc = sov_tasks_next(t, &task, &err);
        while (rc > 0);
        ck_assert_int_eq(rc, SOV_EFORMAT);
        ck_assert_msg(strstr(err.msg, bad[i].says) != NULL, "%zu: %s", i,
                      err.msg);
        sov_tasks_close(t);
    }
}
END_TEST

START_TEST(a_line_has_a_limit)
{
    size_t n = (4u << 20) + 2;
    char *text = malloc(n + 1);
    struct sov_task task;
    struct sov_err err;
    sov_tasks *t;

    ck_assert(text != NULL);
    memset(text, 'a', n);
    text[n] = '\0';
    t = open_text(text, SOV_TASK_LAMBADA);
    ck_assert_int_eq(sov_tasks_next(t, &task, &err), SOV_EFORMAT);
    ck_assert(strstr(err.msg, "longer than 4194304 bytes") != NULL);
    sov_tasks_close(t);
    free(text);
}
END_TEST

/* The Mersenne Twister of seed 1 gives 1791095845, 4282876139, 3093770124. */
START_TEST(draws_are_those_of_the_peer)
{
    static const uint64_t want[] = { 5, 10, 7 };
    char text[400] = "";
    struct sov_task task;
    struct sov_err err;
    sov_tasks *t;

    for (int i = 0; i < 10; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "{\"text\": \"word %d\"}\n", i);
    t = open_text(text, SOV_TASK_LAMBADA);
    ck_assert_int_eq(sov_tasks_draw(t, 3, 1, &err), 0);
    ck_assert_uint_eq(sov_tasks_count(t), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(sov_tasks_next(t, &task, &err), 1);
        ck_assert_uint_eq(task.number, want[i]);
    }
    ck_assert_int_eq(sov_tasks_next(t, &task, &err), 0);
    sov_tasks_close(t);
}
END_TEST

/* ---- scores */

struct seen {
    struct sov_task_result r[8];
    double logprob[8][8];
    size_t n;
};

static void
note(void *arg, const struct sov_task_result *r)
{
    struct seen *s = arg;

    s->r[s->n] = *r;
    memcpy(s->logprob[s->n], r->logprob, r->n * sizeof(double));
    s->n++;
}

/* The logarithm of the probability of ids[from..n), one token at a time. */
static double
by_hand(sov_session *s, const int32_t *ids, size_t n, size_t from, bool *greedy)
{
    double sum = 0;

    sov_session_truncate(s, 0);
    *greedy = true;
    for (size_t i = 0; i + 1 < n; i++) {
        const float *l;
        double all = 0;
        size_t top = 0;

        ck_assert_int_eq(sov_session_eval(s, &ids[i], 1, SOV_LOGITS_LAST, NULL),
                         0);
        if (i + 1 < from)
            continue;
        l = sov_session_logits(s, 0);
        for (size_t v = 0; v < TINY_VOCAB; v++) {
            all += exp((double)l[v]);
            top = l[v] > l[top] ? v : top;
        }
        sum += (double)l[ids[i + 1]] - log(all);
        *greedy = *greedy && top == (size_t)ids[i + 1];
    }
    return sum;
}

/* What the tiny tokenizer makes of it: a character a token. */
static size_t
encode(const sov_tok *tok, const char *text, int32_t *ids)
{
    int32_t *found;
    size_t n;

    ck_assert_int_eq(sov_tok_encode(tok, text, strlen(text), SOV_TOK_BOS,
                                    &found, &n, NULL), 0);
    memcpy(ids, found, n * sizeof(*ids));
    free(found);
    return n;
}

static void
compare(const sov_model *model, const sov_tok *tok,
        const struct sov_session_opts *so)
{
    static const char text[] =
        "{\"context\":\"AB CD\",\"choices\":[\"X\",\"YZ Q\",\"W\"],"
        "\"answer\":1}\n"
        "{\"question\":\"\",\"choices\":[\"KL\",\"M\"],\"answer\":0}\n"
        "{\"sentence\":\"A _ B.\",\"option1\":\"CC\",\"option2\":\"D\","
        "\"answer\":\"1\"}\n";
    static const struct {
        size_t task, choice;
        const char *lead, *whole;
    } want[] = {
        { 0, 0, "AB CD", "AB CD X" },   { 0, 1, "AB CD", "AB CD YZ Q" },
        { 0, 2, "AB CD", "AB CD W" },   { 1, 0, "", "KL" },
        { 1, 1, "", "M" },              { 2, 0, "A CC", "A CC B." },
        { 2, 1, "A D", "A D B." },
    };
    struct seen seen = { .n = 0 };
    struct sov_score_opts o = { .model = model, .tok = tok, .session = so,
                                .tasks = open_text(text, SOV_TASK_CHOICE),
                                .each = note, .each_arg = &seen };
    struct sov_scores scores;
    struct sov_err err;
    sov_session *s;

    ck_assert_msg(sov_score(&o, &scores, &err) == 0, "%s", err.msg);
    sov_tasks_close(o.tasks);
    ck_assert_uint_eq(scores.tasks, 3);
    ck_assert_uint_eq(seen.n, 3);
    ck_assert_int_eq(sov_session_open(&s, model, so, &err), 0);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        int32_t ids[64], lead[64];
        size_t n = encode(tok, want[i].whole, ids);
        size_t from = want[i].lead[0] != '\0' ? encode(tok, want[i].lead, lead)
                                              : (size_t)tiny_wants_bos;
        double logprob;
        bool greedy;

        if (from == 0) { /* a token to begin with is put before it */
            memmove(ids + 1, ids, n++ * sizeof(*ids));
            ids[0] = TINY_BOS;
            from = 1;
        }
        logprob = by_hand(s, ids, n, from, &greedy);
        ck_assert_msg(fabs(logprob - seen.logprob[want[i].task][want[i].choice])
                          < 1e-5, "%zu: %.9g %.9g", i, logprob,
                      seen.logprob[want[i].task][want[i].choice]);
        if (want[i].choice == seen.r[want[i].task].answer)
            ck_assert_int_eq(greedy, seen.r[want[i].task].greedy);
    }
    sov_session_close(s);
}

START_TEST(scores_by_hand)
{
    for (int bos = 0; bos < 2; bos++) {
        struct tiny t = { .type = SOV_TYPE_Q8_0, .change = tiny_tokenizer };
        struct sov_session_opts so = { .n_ctx = 64 };
        sov_model *model;
        struct sov_err err;
        sov_tok *tok;

        tiny_wants_bos = bos;
        model = tiny_open(&t);
        ck_assert_msg(sov_tok_load(&tok, sov_model_meta(model), &err) == 0,
                      "%s", err.msg);
        compare(model, tok, &so);
        so.precise = true;
        compare(model, tok, &so);
        sov_tok_free(tok);
        sov_model_close(model);
    }
}
END_TEST

START_TEST(long_tasks_lose_their_beginning)
{
    struct tiny t = { .type = SOV_TYPE_F32, .change = tiny_tokenizer };
    struct sov_session_opts so = { .n_ctx = 16 };
    sov_model *model = tiny_open(&t);
    struct sov_score_opts o = { .model = model, .session = &so };
    struct sov_scores scores;
    struct sov_err err;
    sov_tok *tok;

    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), &err), 0);
    o.tok = tok;
    o.tasks = open_text("{\"text\": \"ABCDEFGHIJKLMNOPQRSTUVW XYZ\"}\n"
                        "{\"text\": \"ABC XYZ\"}\n", SOV_TASK_LAMBADA);
    ck_assert_msg(sov_score(&o, &scores, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(scores.cut, 1);
    ck_assert_uint_eq(scores.tasks, 2);
    sov_tasks_close(o.tasks);
    o.tasks = open_text("{\"text\": \"ABC DEFGHIJKLMNOPQRSTUVW\"}\n",
                        SOV_TASK_LAMBADA);
    ck_assert_int_eq(sov_score(&o, &scores, &err), SOV_EFORMAT);
    sov_tasks_close(o.tasks);
    o.tasks = open_text("\n", SOV_TASK_LAMBADA);
    ck_assert_int_eq(sov_score(&o, &scores, &err), SOV_EFORMAT);
    ck_assert(strstr(err.msg, "there is no task") != NULL);
    sov_tasks_close(o.tasks);
    sov_tok_free(tok);
    sov_model_close(model);
}
END_TEST

/* As llama-perplexity prints it of 110 right tasks of 400. */
START_TEST(wilsons_interval)
{
    struct sov_figure f;

    sov_share_figure(110, 400, &f);
    ck_assert(fabs(f.value - 0.275) < 1e-12);
    ck_assert(fabs(f.low - 0.233539) < 1e-6);
    ck_assert(fabs(f.high - 0.320742) < 1e-6);
    sov_share_figure(0, 10, &f);
    ck_assert(f.low == 0 && f.high > 0.2 && f.high < 0.3);
    sov_share_figure(10, 10, &f);
    ck_assert(f.high == 1 && f.low < 0.8 && f.low > 0.7);
    sov_share_figure(0, 0, &f);
    ck_assert(isnan(f.value));
}
END_TEST

START_TEST(tallies_of_any_length)
{
    for (int n = 1; n <= 3000; n = n * 3 + 1) {
        struct sov_tally *t = calloc(1, sizeof(*t));
        struct sov_figure f;
        struct sov_err err;
        double sum = 0;

        ck_assert(t != NULL);
        for (int i = 0; i < n; i++) {
            struct sov_tally_sum one = { 1, (double)(i % 7), 2 };

            sum += one.nll;
            sov_tally_count(t, &one);
        }
        ck_assert_int_eq(sov_tally_figure(t, sov_tally_bits, &f, &err), 0);
        ck_assert(fabs(f.value - sum / log(2) / 2 / n) < 1e-12);
        if (n < SOV_DRAWS_FEW)
            ck_assert(isnan(f.low));
        else
            ck_assert(f.low < f.value && f.value < f.high);
        free(t);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("task");

    tcase_add_test(tc, forms_are_read);
    tcase_add_test(tc, bad_tasks_are_refused);
    tcase_add_test(tc, a_line_has_a_limit);
    tcase_add_test(tc, draws_are_those_of_the_peer);
    tcase_add_test(tc, scores_by_hand);
    tcase_add_test(tc, long_tasks_lose_their_beginning);
    tcase_add_test(tc, wilsons_interval);
    tcase_add_test(tc, tallies_of_any_length);
    return unit_main("task", tc);
}
