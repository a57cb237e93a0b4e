/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_desk.c - unit tests of lib/run: many requests, answered together
 */
#include "tiny.h"

#include "sov/desk.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CTX 320
#define N   20 /* requests, the last of which are for vectors */
#define M   14 /* those for text */

static sov_model *model;
static sov_meta *meta;
static sov_tok *tok;
static struct sov_err err;

/* Words of a letter and a digit. */
static void
set_tokens(void)
{
    char text[TINY_VOCAB * 16];
    char types[TINY_VOCAB * 4];
    size_t n = 0, m = 0;

    for (int i = 0; i < TINY_VOCAB; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"\\u2581%c%d\"",
                              i > 0 ? "," : "[", 'a' + i % 10, i / 10);
        m += (size_t)snprintf(types + m, sizeof(types) - m, "%s%d",
                              i > 0 ? "," : "[", i < 3 ? 3 : 1);
    }
    n += (size_t)snprintf(text + n, sizeof(text) - n, "]");
    m += (size_t)snprintf(types + m, sizeof(types) - m, "]");
    ck_assert_int_eq(sov_meta_set_text(meta, "tokenizer.ggml.tokens", "str[]",
                                       text, n, &err),
                     0);
    ck_assert_int_eq(sov_meta_set_text(meta, "tokenizer.ggml.token_type",
                                       "i32[]", types, m, &err),
                     0);
}

static void
set_up(void)
{
    struct tiny t = { .type = SOV_TYPE_Q8_0 };

    model = tiny_open(&t);
    ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
    ck_assert_int_eq(
        sov_meta_set_str(meta, "tokenizer.ggml.model", "bert", &err), 0);
    set_tokens();
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "tokenizer.ggml.bos_token_id", 1, &err), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "tokenizer.ggml.seperator_token_id", 2, &err),
        0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "tokenizer.ggml.unknown_token_id", 0, &err), 0);
    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
}

static void
tear_down(void)
{
    sov_tok_free(tok);
    sov_meta_free(meta);
    sov_model_close(model);
}

static sov_desk *
open_desk(uint32_t n_seq, uint32_t n_batch, uint64_t max_memory)
{
    struct sov_session_opts opts = { .n_ctx = CTX,
                                     .n_seq = n_seq,
                                     .n_batch = n_batch,
                                     .max_memory = max_memory };
    sov_desk *d;

    ck_assert_msg(sov_desk_open(&d, model, tok, &opts, &err) == 0, "%s",
                  err.msg);
    ck_assert_uint_eq(sov_desk_ctx(d), CTX);
    return d;
}

/* Request i; even ones begin alike. */
static struct sov_ask
ask(size_t i, int32_t *ids)
{
    static const char *const stops[] = { "d3 c", "zzz" };
    struct sov_ask a = {
        .tag = i,
        .ids = ids,
        .n_ids = 1 + i * 53 % 200,
        .n_tokens = 1 + i * 29 % 90,
        .stops = stops,
        .n_stops = i % 3 == 0 ? 2 : 0,
        .end = i % 4 == 3 ? 50 : -1,
        .tenant = i % 5 == 4 ? "other" : NULL,
        .logprobs = i % 3 == 1,
        .n_top = i % 3 == 1 ? i % 5 : 0,
    };

    sov_sampler_defaults(&a.sampler);
    a.sampler.temp = i % 7 == 0 ? 0 : 1.5f;
    a.sampler.top_p = 1;
    a.sampler.repeat_penalty = i % 2 ? 1 : 1.1f;
    a.sampler.seed = i;
    for (size_t k = 0; k < a.n_ids; k++)
        ids[k] = (int32_t)((k * 7 + (i % 2 ? i : 0)) % TINY_VOCAB);
    return a;
}

/* Vectors of a few texts, long and short. */
static struct sov_ask
ask_vectors(size_t i, int32_t *ids, struct sov_text_ids *text)
{
    static const enum sov_pool pools[] = { SOV_POOL_MEAN, SOV_POOL_LAST,
                                           SOV_POOL_NONE };
    struct sov_ask a = {
        .tag = i,
        .tenant = i % 5 == 4 ? "other" : NULL,
        .texts = text,
        .n_texts = 1 + i % 3,
        .pool = pools[i / 2 % 3],
        .as_is = i % 4 == 1,
    };

    for (size_t k = 0; k < CTX; k++)
        ids[k] = (int32_t)(k * 7 % TINY_VOCAB);
    for (size_t k = 0; k < a.n_texts; k++)
        text[k] = (struct sov_text_ids){ ids + k, 1 + (i * 31 + k * 97) % 300 };
    return a;
}

static void
add(sov_desk *d, size_t i)
{
    struct sov_text_ids text[3];
    int32_t ids[CTX];
    struct sov_ask a = i < M ? ask(i, ids) : ask_vectors(i, ids, text);

    ck_assert_msg(sov_desk_add(d, &a, &err) == 0, "%s", err.msg);
}

/* Until all is answered. */
static void
finish(sov_desk *d)
{
    int rc;

    while ((rc = sov_desk_step(d, &err)) == 1)
        ;
    ck_assert_msg(rc == 0, "%s", err.msg);
}

static void
check_chances(const struct sov_reply *a, const struct sov_reply *b)
{
    ck_assert(a->logprobs == b->logprobs && a->n_top == b->n_top);
    ck_assert((a->made != NULL) == (b->made != NULL));
    for (size_t i = 0; i < a->n_made && a->made != NULL; i++) {
        ck_assert_int_eq(a->made[i].it.id, b->made[i].it.id);
        ck_assert(a->made[i].it.logprob == b->made[i].it.logprob);
        ck_assert(a->made[i].it.logprob <= 0 && a->made[i].said);
    }
    if (a->made != NULL && a->n_top > 0)
        ck_assert_int_eq(
            memcmp(a->top, b->top, a->n_made * a->n_top * sizeof(*a->top)), 0);
}

static void
check_vectors(const struct sov_reply *a, const struct sov_reply *b)
{
    size_t n = 0;

    ck_assert_uint_eq(a->n_texts, b->n_texts);
    ck_assert_uint_eq(a->width, b->width);
    for (size_t i = 0; i < a->n_texts; i++) {
        ck_assert_uint_eq(a->rows[i], b->rows[i]);
        n += a->rows[i];
    }
    ck_assert_int_eq(memcmp(a->x, b->x, n * a->width * sizeof(*a->x)), 0);
}

static void
check_same(const struct sov_reply *a, const struct sov_reply *b)
{
    ck_assert_int_eq(a->rc, 0);
    ck_assert_uint_eq(a->n_text, b->n_text);
    ck_assert(a->n_text == 0 || memcmp(a->text, b->text, a->n_text) == 0);
    ck_assert_int_eq(a->why, b->why);
    ck_assert_uint_eq(a->n_prompt, b->n_prompt);
    ck_assert_uint_eq(a->n_made, b->n_made);
    ck_assert(memcmp(a->ids, b->ids,
                     (a->n_prompt + a->n_made) * sizeof(*a->ids)) == 0);
    ck_assert(a->spent.joules < 0); /* nobody counts */
    ck_assert(a->spent.queue_s >= 0 && a->spent.first_s >= 0);
    ck_assert(a->spent.queue_s <= a->spent.total_s);
    ck_assert(a->spent.first_s <= a->spent.total_s);
    check_chances(a, b);
    ck_assert((a->x != NULL) == (b->x != NULL));
    if (a->x != NULL)
        check_vectors(a, b);
}

/* What each gets alone. */
static void
answer_alone(struct sov_reply *alone)
{
    for (size_t i = 0; i < N; i++) {
        sov_desk *d = open_desk(1, 0, 0);
        struct sov_reply more;

        add(d, i);
        finish(d);
        ck_assert(sov_desk_take(d, &alone[i]));
        ck_assert(!sov_desk_take(d, &more));
        ck_assert_uint_eq(alone[i].tag, i);
        ck_assert_uint_eq(alone[i].n_known, 0);
        sov_desk_close(d);
    }
}

static uint64_t
answer_together(const struct sov_reply *alone, uint32_t n_seq, uint32_t n_batch,
                uint64_t max_memory)
{
    sov_desk *d = open_desk(n_seq, n_batch, max_memory);
    struct sov_desk_counts c;
    struct sov_reply r;
    size_t n = 0;

    for (size_t k = 0; k < N; k++) {
        size_t i = k * 7 % N; /* vectors among texts */

        add(d, i);
        if (k % 3 == 2) /* others come while these are read */
            ck_assert_int_eq(sov_desk_step(d, &err), 1);
    }
    finish(d);
    for (; sov_desk_take(d, &r); n++) {
        check_same(&r, &alone[r.tag]);
        sov_reply_free(&r);
    }
    ck_assert_uint_eq(n, N);
    sov_desk_count(d, &c);
    ck_assert_uint_eq(c.active + c.waiting + c.used, 0);
    ck_assert(c.blocks > 0 && c.joules < 0);
    ck_assert_uint_eq(c.used, 0);
    ck_assert_uint_gt(c.blocks, 0);
    ck_assert(c.joules < 0);
    sov_desk_close(d);
    return c.again;
}

START_TEST(answers_are_those_that_each_gets_alone)
{
    struct sov_session_opts one = {
        .n_ctx = CTX, .n_seq = 8, .n_batch = 64, .n_kv = CTX, .reuse = true
    };
    struct sov_session_memory mem;
    struct sov_reply alone[N];

    answer_alone(alone);
    for (uint32_t n_seq = 1; n_seq <= 16; n_seq *= 2) {
        ck_assert_uint_eq(answer_together(alone, n_seq, 0, 0), 0);
        ck_assert_uint_eq(answer_together(alone, n_seq, 37, 0), 0);
    }
    /* blocks for one context, which all of them share */
    ck_assert_int_eq(sov_session_measure(model, &one, &mem, &err), 0);
    ck_assert_uint_gt(answer_together(alone, 8, 64, mem.total), 0);
    for (size_t i = 0; i < N; i++)
        sov_reply_free(&alone[i]);
}
END_TEST

/* The first token of an answer, against what the C library makes of logits. */
START_TEST(chances_are_those_of_the_logits)
{
    sov_desk *d = open_desk(4, 0, 0);
    struct sov_session_opts one = { .n_ctx = CTX };
    struct sov_reply r;
    sov_session *s;
    const float *logits;
    double sum = 0;
    int32_t ids[CTX];
    struct sov_ask a = ask(1, ids);

    a.logprobs = true;
    a.n_top = SOV_TOP_MAX;
    a.sampler.temp = 3; /* changes what is drawn, and no chance */
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    finish(d);
    ck_assert(sov_desk_take(d, &r));
    ck_assert_int_eq(sov_session_open(&s, model, &one, &err), 0);
    ck_assert_int_eq(sov_session_eval(s, ids, a.n_ids, SOV_LOGITS_LAST, &err),
                     0);
    logits = sov_session_logits(s, 0);
    for (int i = 0; i < TINY_VOCAB; i++)
        sum += exp((double)logits[i]);
    ck_assert(fabs((double)logits[r.made[0].it.id] - log(sum) -
                   (double)r.made[0].it.logprob) < 1e-5);
    for (int k = 0; k < SOV_TOP_MAX; k++) {
        size_t better = 0;

        for (int i = 0; i < TINY_VOCAB; i++)
            better += logits[i] > logits[r.top[k].id] ||
                      (logits[i] == logits[r.top[k].id] && i < r.top[k].id);
        ck_assert_uint_eq(better, k);
        ck_assert(fabs((double)logits[r.top[k].id] - log(sum) -
                       (double)r.top[k].logprob) < 1e-5);
    }
    sov_session_close(s);
    sov_reply_free(&r);
    sov_desk_close(d);
}
END_TEST

START_TEST(vectors_are_those_that_a_session_makes)
{
    sov_desk *d = open_desk(4, 0, 0);
    struct sov_session_opts one = { .n_ctx = CTX };
    struct sov_text_ids text[3];
    struct sov_reply r;
    sov_session *s;
    int32_t ids[CTX];
    float *x = calloc((size_t)3 * CTX, TINY_EMBD * sizeof(*x));

    ck_assert_int_eq(sov_session_open(&s, model, &one, &err), 0);
    for (size_t i = M; i < N; i++) {
        struct sov_ask a = ask_vectors(i, ids, text);

        a.as_is = true;
        ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
        ck_assert_int_eq(sov_desk_step(d, &err), 1);
        ck_assert(sov_desk_take(d, &r));
        ck_assert_int_eq(
            sov_session_embed_texts(s, text, a.n_texts, a.pool, x, &err), 0);
        for (size_t k = 0, n = 0; k < a.n_texts; k++) {
            ck_assert_int_eq(
                memcmp(r.x + n, x + n, r.rows[k] * TINY_EMBD * sizeof(*x)), 0);
            n += r.rows[k] * TINY_EMBD;
        }
        ck_assert_uint_eq(r.width, TINY_EMBD);
        sov_reply_free(&r);
    }
    free(x);
    sov_session_close(s);
    sov_desk_close(d);
}
END_TEST

/* ---- energy */

static void
put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

/* A counter that runs until it is killed. */
static pid_t
run_counter(const char *file)
{
    pid_t child = fork();

    for (long n = 1; child == 0; n++) {
        int fd = open(file, O_WRONLY);
        char text[32];
        int len = snprintf(text, sizeof(text), "%010ld\n", n);

        if (fd < 0 || pwrite(fd, text, (size_t)len, 0) != len)
            _exit(1);
        close(fd);
    }
    return child;
}

/* Requests that come and go have together what all passes took. */
static void
check_energy(const char *root)
{
    sov_desk *d = open_desk(4, 64, 0);
    struct sov_desk_counts c;
    struct sov_reply r;
    sov_power *power;
    double sum = 0;

    ck_assert_int_eq(sov_power_open(&power, root, &err), 0);
    sov_desk_power(d, power);
    do { /* until the counter has had its turn */
        for (size_t i = 0; i < N; i++)
            add(d, i);
        finish(d);
        while (sov_desk_take(d, &r)) {
            ck_assert_msg(r.spent.joules >= 0, "%s", sov_power_why(power));
            sum += r.spent.joules;
            sov_reply_free(&r);
        }
        sov_desk_count(d, &c);
    } while (c.joules == 0);
    ck_assert_msg(c.joules > 0, "%s", sov_power_why(power));
    ck_assert(fabs(sum / c.joules - 1) < 1e-9);
    sov_power_close(power);

    ck_assert_int_eq(sov_power_open(&power, "/nowhere", &err), 0);
    sov_desk_power(d, power);
    add(d, 1);
    finish(d);
    ck_assert(sov_desk_take(d, &r));
    ck_assert(r.spent.joules < 0);
    sov_reply_free(&r);
    sov_desk_count(d, &c);
    ck_assert(c.joules < 0);
    sov_desk_close(d);
    sov_power_close(power);
}

START_TEST(energy_is_shared_out_by_tokens)
{
    char root[] = "t_desk.XXXXXX";
    char path[200];
    pid_t counter;

    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(path, sizeof(path), "mkdir -p %s/sys/class/powercap/intel-rapl:0",
             root);
    ck_assert_int_eq(system(path), 0);
    snprintf(path, sizeof(path), "%s/sys/class/powercap/intel-rapl:0/name",
             root);
    put(path, "package-0\n");
    strcpy(strrchr(path, '/'), "/energy_uj");
    put(path, "0000000000\n");
    counter = run_counter(path);
    ck_assert_int_gt(counter, 0);
    check_energy(root);
    kill(counter, SIGKILL);
    ck_assert_int_eq(waitpid(counter, NULL, 0), counter);
    snprintf(path, sizeof(path), "rm -rf %s", root);
    ck_assert_int_eq(system(path), 0);
}
END_TEST

START_TEST(all_ways_to_end)
{
    bool seen[SOV_WHY_INTERRUPT] = { false };
    int32_t ids[CTX] = { 0 };
    sov_desk *d = open_desk(4, 0, 0);
    struct sov_ask a = ask(1, ids);
    struct sov_reply r;

    a.n_tokens = 0;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    ck_assert_int_eq(sov_desk_step(d, &err), 0);
    ck_assert(sov_desk_take(d, &r));
    ck_assert_uint_eq(r.n_made + r.n_text, 0);
    ck_assert_int_eq(r.why, SOV_WHY_LENGTH);
    sov_reply_free(&r);
    a.n_tokens = UINT64_MAX;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    a.n_ids = CTX;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    a.n_ids = 1;
    a.end = 50;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    a.end = -1;
    a.stops = (const char *const[]){ "a" };
    a.n_stops = 1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    finish(d);
    while (sov_desk_take(d, &r)) {
        ck_assert_int_eq(r.rc, 0);
        seen[r.why] = true;
        if (r.why == SOV_WHY_CONTEXT)
            ck_assert_uint_eq(r.n_prompt + r.n_made, CTX + 1);
        sov_reply_free(&r);
    }
    ck_assert(seen[SOV_WHY_CONTEXT] && seen[SOV_WHY_END] && seen[SOV_WHY_STOP]);
    sov_desk_close(d);
}
END_TEST

START_TEST(who_comes_first_is_served_first)
{
    sov_desk *d = open_desk(2, 0, 0);
    int32_t ids[CTX];
    struct sov_reply r;

    for (size_t i = 0; i < 6; i++) {
        struct sov_ask a = ask(1, ids);

        a.tag = i;
        a.n_tokens = 5;
        ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    }
    finish(d);
    for (size_t i = 0; i < 6; i++) {
        ck_assert(sov_desk_take(d, &r));
        ck_assert_uint_eq(r.tag, i);
        sov_reply_free(&r);
    }
    sov_desk_close(d);
}
END_TEST

/* How many tokens are read of prompts that begin with three blocks alike. */
static uint64_t
read_alike(const char *const *tenant, size_t n, uint32_t n_batch)
{
    sov_desk *d = open_desk(4, n_batch, 0);
    struct sov_desk_counts c;
    int32_t ids[CTX];

    for (size_t i = 0; i < n; i++) {
        struct sov_ask a = ask(0, ids);

        a.n_ids = 3 * SOV_BLOCK + 1;
        for (size_t k = 0; k < a.n_ids; k++)
            ids[k] = (int32_t)(k * 5 % TINY_VOCAB);
        ids[a.n_ids - 1] = (int32_t)i;
        a.tenant = tenant[i];
        ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    }
    finish(d);
    sov_desk_count(d, &c);
    ck_assert_uint_eq(c.n_read + c.n_known, n * (3 * SOV_BLOCK + 1));
    sov_desk_close(d);
    return c.n_read;
}

START_TEST(what_prompts_have_in_common_is_read_once)
{
    static const char *const nobody[6] = { NULL };
    static const char *const two[6] = { "a", "b", "a", "b", NULL, "" };

    for (uint32_t n = 16; n <= 256; n *= 4) {
        ck_assert_uint_eq(read_alike(nobody, 6, n), 3 * SOV_BLOCK + 6);
        ck_assert_uint_eq(read_alike(two, 6, n), 4 * 3 * SOV_BLOCK + 6);
    }
}
END_TEST

START_TEST(wrong_requests_are_refused)
{
    static const char *const empty[] = { "" };
    sov_desk *d = open_desk(2, 0, 0);
    struct sov_session_opts opts = { .n_ctx = CTX, .n_seq = 5000 };
    int32_t ids[CTX + 1] = { 0 };
    char tenant[300] = { 0 };
    struct sov_text_ids text = { ids, 0 };
    struct sov_ask a = ask(0, ids);
    struct sov_reply r;
    sov_desk *other;

    a.n_ids = 0;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    a.n_ids = CTX + 1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    a.n_ids = 2;
    ids[1] = TINY_VOCAB;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    ids[1] = -1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    ids[1] = 1;
    a.sampler.temp = -1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EARG);
    a.sampler.temp = 1;
    memset(tenant, 't', 257);
    a.tenant = tenant;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EARG);
    tenant[256] = '\0';
    a.stops = empty;
    a.n_stops = 1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EARG);
    ck_assert_int_eq(sov_desk_step(d, &err), 0);
    ck_assert(!sov_desk_take(d, &r));
    a.n_stops = 0;
    a.n_top = SOV_TOP_MAX + 1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EARG);
    a.n_top = 0;
    a.texts = &text;
    a.n_texts = 1;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    text = (struct sov_text_ids){ ids, CTX + 1 };
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EFORMAT);
    text.n = 1;
    a.pool = SOV_POOL_RANK;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EUNSUP);
    a.pool = (enum sov_pool)99;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), SOV_EARG);
    a.n_texts = 0;
    ck_assert_int_eq(sov_desk_add(d, &a, &err), 0);
    ck_assert_int_eq(sov_desk_step(d, &err), 1);
    sov_desk_close(d); /* with one on its way */
    ck_assert_int_eq(sov_desk_open(&other, model, tok, &opts, &err), SOV_EARG);
    ck_assert_ptr_null(other);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("desk");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, answers_are_those_that_each_gets_alone);
    tcase_add_test(tc, chances_are_those_of_the_logits);
    tcase_add_test(tc, vectors_are_those_that_a_session_makes);
    tcase_add_test(tc, energy_is_shared_out_by_tokens);
    tcase_add_test(tc, all_ways_to_end);
    tcase_add_test(tc, who_comes_first_is_served_first);
    tcase_add_test(tc, what_prompts_have_in_common_is_read_once);
    tcase_add_test(tc, wrong_requests_are_refused);
    return unit_main("desk", tc);
}
