/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_tok.c - unit tests of lib/tok
 *
 * The ids expected of tale's vocabulary were found with stock llama.cpp on an
 * independent conversion of the same model.
 */
#include "spm_keys.h"

#include "base/buf.h"
#include "base/limits.h"
#include "sov/io.h"
#include "sov/token.h"
#include "tok/spm_model.h"
#include "tok/tok.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char *bytes;
static size_t n_bytes;
static sov_tok *tale;

/* models/tale/tokenizer.model as keys, as an import would write them. */
static sov_meta *
tale_keys(void)
{
    struct sov_err err = { 0 };
    struct sov_spm spm;
    sov_meta *meta;
    char path[4096];
    const char *top = getenv("top_srcdir");

    snprintf(path, sizeof(path), "%s/models/tale/tokenizer.model",
             top != NULL ? top : ".");
    ck_assert_msg(sov_read_whole(path, 1 << 20, &bytes, &n_bytes, &err) == 0,
                  "%s", err.msg);
    ck_assert_int_eq(sov_meta_new(&meta, &err), 0);
    ck_assert_msg(sov_spm_read(&spm, bytes, n_bytes, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(spm.n, 4096);
    ck_assert_int_eq(sov_spm_keys(&spm, meta, &err), 0);
    sov_spm_free(&spm);
    return meta;
}

static void
load_tale(void)
{
    struct sov_err err = { 0 };
    sov_meta *meta = tale_keys();

    ck_assert_msg(sov_tok_load(&tale, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
}

static void
drop_tale(void)
{
    sov_tok_free(tale);
    free(bytes);
}

static size_t
encode(const sov_tok *tok, const char *text, size_t len, unsigned flags,
       int32_t **ids)
{
    struct sov_err err = { 0 };
    size_t n = 0;

    ck_assert_msg(sov_tok_encode(tok, text, len, flags, ids, &n, &err) == 0,
                  "%s", err.msg);
    return n;
}

static const struct {
    const char *text;
    int n;
    int32_t ids[40];
} vectors[] = {
    { "Once upon a time", 5, { 1228, 329, 614, 262, 589 } },
    { "once  upon   a time ", 8,
      { 847, 4023, 614, 4023, 4023, 262, 589, 4023 } },
    { "", 0, { 0 } },
    { "a", 1, { 262 } },
    { " ", 2, { 4023, 4023 } },
    { "   ", 4, { 4023, 4023, 4023, 4023 } },
    { "\n", 2, { 4023, 3 } },
    { "\n\n The king\n", 6, { 4023, 3, 3, 375, 1724, 3 } },
    { "The fox said: \"No!\"", 8,
      { 375, 279, 3408, 390, 4078, 311, 1298, 601 } },
    { "\u00dcn\u00efc\u00f6d\u00e9 \u00df", 14,
      { 4023, 199, 160, 4028, 199, 179, 4038, 199, 186, 4033, 4088, 4023, 199,
        163 } },
    { "\u65e5\u672c\u8a9e", 10,
      { 4023, 234, 155, 169, 234, 160, 176, 236, 174, 162 } },
    { "\U0001f98a\U0001f3f0", 9,
      { 4023, 244, 163, 170, 142, 244, 163, 147, 180 } },
    { "e\u0301\u0301", 5, { 310, 208, 133, 208, 133 } },
    { "tabs\tand\rreturns", 9,
      { 260, 602, 4031, 13, 402, 17, 864, 538, 4031 } },
    { "x=1;y=[2,3]", 12,
      { 4023, 4058, 65, 4085, 4053, 4041, 65, 4090, 4087, 4042, 4094, 4091 } },
    { "</s> <s> <unk>", 13,
      { 4023, 64, 51, 4031, 66, 4023, 64, 4031, 66, 4023, 64, 2746, 66 } },
    { "<0x41>", 7, { 4023, 64, 4086, 4058, 4095, 4085, 66 } },
    { "\u2581marked\u2581", 4, { 4023, 878, 635, 4023 } },
    { "don't-stop", 6, { 768, 4050, 4025, 4051, 321, 576 } },
    { "1234567890", 11,
      { 4023, 4085, 4087, 4094, 4095, 4093, 58, 59, 4092, 61, 4086 } },
};

START_TEST(tale_texts_have_the_ids_of_others)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        int32_t *ids;
        size_t n = encode(tale, vectors[i].text, strlen(vectors[i].text),
                          SOV_TOK_PLAIN, &ids);

        ck_assert_msg(n == (size_t)vectors[i].n, "\"%s\" has %zu ids",
                      vectors[i].text, n);
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(ids[k] == vectors[i].ids[k],
                          "\"%s\": id %zu is %d, not %d", vectors[i].text, k,
                          ids[k], vectors[i].ids[k]);
        free(ids);
    }
}
END_TEST

START_TEST(tale_has_its_special_tokens)
{
    ck_assert_uint_eq(sov_tok_count(tale), 4096);
    ck_assert_int_eq(sov_tok_bos(tale), 1);
    ck_assert_int_eq(sov_tok_eos(tale), 2);
    ck_assert(sov_tok_adds_bos(tale));
    ck_assert(!sov_tok_adds_eos(tale));
    ck_assert(sov_tok_space_prefix(tale));
    ck_assert(sov_tok_is_end(tale, 2));
    ck_assert(!sov_tok_is_end(tale, 1));
    ck_assert(!sov_tok_is_end(tale, -1));
    ck_assert(!sov_tok_is_end(tale, 4096));
    ck_assert(sov_tok_is_control(tale, 1));
    ck_assert(!sov_tok_is_control(tale, 3));
    ck_assert_uint_eq(sov_tok_piece(tale, 1).len, 0);
    ck_assert_uint_eq(sov_tok_piece(tale, -5).len, 0);
    ck_assert_uint_eq(sov_tok_piece(tale, 1 << 30).len, 0);
    ck_assert_uint_eq(sov_tok_name(tale, 1).len, 3);
    ck_assert_uint_eq(sov_tok_piece(tale, 4 + 0xff).len, 1);
    ck_assert_uint_eq(sov_tok_piece(tale, 4 + 0xff).p[0], 0xff);
}
END_TEST

START_TEST(typed_control_tokens_stay_text_unless_asked)
{
    const char *text = "Hi<s></s>!";
    int32_t *ids;
    size_t n = encode(tale, text, strlen(text), SOV_TOK_BOS, &ids);

    ck_assert_int_eq(ids[0], 1);
    for (size_t i = 1; i < n; i++)
        ck_assert(!sov_tok_is_control(tale, ids[i]));
    free(ids);
    n = encode(tale, text, strlen(text), SOV_TOK_SPECIAL, &ids);
    ck_assert_uint_ge(n, 5);
    ck_assert_int_eq(ids[n - 4], 1);
    ck_assert_int_eq(ids[n - 3], 2);
    ck_assert_int_eq(ids[n - 2], 4023); /* a space before "!" again */
    free(ids);
}
END_TEST

/* The bytes of all pieces, without the space in front. */
static void
check_round_trip(const char *text, size_t len)
{
    int32_t *ids;
    size_t n = encode(tale, text, len, SOV_TOK_PLAIN, &ids);
    struct sov_buf b = { 0 };

    for (size_t i = 0; i < n; i++) {
        struct sov_span p = sov_tok_piece(tale, ids[i]);

        sov_buf_add(&b, p.p, p.len);
    }
    ck_assert_uint_eq(b.len, len == 0 ? 0 : len + 1);
    if (len > 0)
        ck_assert_int_eq(memcmp(b.p + 1, text, len), 0);
    sov_buf_free(&b);
    free(ids);
}

START_TEST(every_byte_comes_back)
{
    static const char *const odd[] = {
        "\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "a\xe2\x96", "\xf0\xe2\x96\x80", "\xef\xbf\xbd", " \xe2 x ",
        "\xf0\x9f\xa6", "\x80\x80\x80 \xff",
    };
    char all[512];

    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        check_round_trip(odd[i], strlen(odd[i]));
    for (int i = 0; i < 256; i++) {
        all[2 * i] = (char)i;
        all[2 * i + 1] = (char)(255 - i);
    }
    check_round_trip(all, sizeof(all));
    check_round_trip("\0\0a\0", 4);
}
END_TEST

/* A million of something must not take more than about n log n. */
START_TEST(monotonous_texts_are_no_attack)
{
    static const char *const unit[] = { "A", " ", "\xcc\x81", "\xe2\x96\x81",
                                        "\xf0\x9f\x91\xa8\xe2\x80\x8d", "ab",
                                        "\xff" };
    const size_t len = 1000000;
    char *text = malloc(len + 16);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof(unit) / sizeof(*unit); i++) {
        size_t k = strlen(unit[i]);
        int32_t *ids;
        size_t n = 0;

        while (n < len) {
            memcpy(text + n, unit[i], k);
            n += k;
        }
        if (unit[i][0] != '\xe2') /* what a space is written as */
            check_round_trip(text, n);
        encode(tale, text, n, SOV_TOK_SPECIAL, &ids);
        free(ids);
    }
    free(text);
}
END_TEST

/* ---- vocabularies made here */

#define MARK "\xe2\x96\x81"

static const struct spm_entry small[] = {
    { "<unk>", 0, SOV_TOK_UNKNOWN }, { "<s>", 0, SOV_TOK_CONTROL },
    { "</s>", 0, SOV_TOK_CONTROL },  { "a", -1, SOV_TOK_NORMAL },
    { "b", -2, SOV_TOK_NORMAL },     { "ab", -3, SOV_TOK_NORMAL },
    { "ba", -3, SOV_TOK_NORMAL },    { "<x>", 0, SOV_TOK_USER },
    { "<x>y", 0, SOV_TOK_USER },     { "<unused>", 0, SOV_TOK_UNUSED },
    { "<0x7A>", 0, SOV_TOK_BYTE },   { "aa", -2, SOV_TOK_NORMAL },
    { "<|im_end|>", 0, SOV_TOK_USER },
};

#define N_SMALL (sizeof(small) / sizeof(*small))

static sov_tok *
load(sov_meta *meta)
{
    struct sov_err err = { 0 };
    sov_tok *tok = NULL;

    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
    return tok;
}

static void
check_ids(const sov_tok *tok, const char *text, unsigned flags, int n,
          const int32_t *want)
{
    int32_t *ids;
    size_t got = encode(tok, text, strlen(text), flags, &ids);

    ck_assert_msg(got == (size_t)n, "\"%s\" has %zu ids, not %d", text, got,
                  n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(ids[i] == want[i], "\"%s\": id %d is %d", text, i,
                      ids[i]);
    free(ids);
}

#define IDS(...)                                                             \
    (int)(sizeof((int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)),             \
        (int32_t[]){ __VA_ARGS__ }

/* What ends a text in the vocabularies of published families, and what does
 * not; and which of it ends a turn. */
static const struct {
    const char *names[4];
    int eot; /* which of them; -1: none */
    bool ends[4];
} families[] = {
    { { "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|start_header_id|>" },
      0,
      { true, true, true, false } },
    { { "<|im_end|>", "<|endoftext|>", "<|im_start|>" },
      0,
      { true, true, false } },
    { { "<end_of_turn>", "<eos>", "<start_of_turn>" },
      0,
      { true, true, false } },
    { { "<|end|>", "<|endoftext|>", "<|user|>" }, 0, { true, true, false } },
    { { "<|return|>", "<|call|>", "<|channel|>", "<|end|>" },
      -1,
      { true, true, false, false } },
    { { "[INST]", "[/INST]" }, -1, { false, false } },
    { { "<|end_of_text|>", "<|end_of_role|>" }, 0, { true, false } },
    { { "<\xef\xbd\x9c"
        "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
        "<\xef\xbd\x9c"
        "User\xef\xbd\x9c>" },
      0,
      { true, false } },
};

START_TEST(turns_end_by_name)
{
    struct spm_entry e[7] = { { "<unk>", 0, SOV_TOK_UNKNOWN },
                          { "<s>", 0, SOV_TOK_CONTROL },
                          { "</s>", 0, SOV_TOK_CONTROL } };
    struct sov_err err = { 0 };
    sov_meta *meta;
    sov_tok *tok;
    size_t n = 3;

    for (size_t i = 0; i < 4 && families[_i].names[i] != NULL; i++)
        e[n++] = (struct spm_entry){ families[_i].names[i], 0, SOV_TOK_CONTROL };
    meta = spm_keys(e, n);
    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    ck_assert(sov_tok_is_end(tok, 2));
    for (size_t i = 3; i < n; i++)
        ck_assert_msg(sov_tok_is_end(tok, (int32_t)i) ==
                          families[_i].ends[i - 3],
                      "%s", e[i].name);
    ck_assert_int_eq(sov_tok_eot(tok),
                     families[_i].eot < 0 ? -1 : families[_i].eot + 3);
    sov_tok_free(tok);
    sov_meta_free(meta);
}
END_TEST

START_TEST(best_score_first_then_leftmost)
{
    sov_meta *meta = spm_keys(small, N_SMALL);
    struct sov_err err = { 0 };
    sov_tok *tok;

    ck_assert_int_eq(sov_meta_set_bool(
        meta, "tokenizer.ggml.add_space_prefix", false, &err), 0);
    tok = load(meta);
    check_ids(tok, "aba", SOV_TOK_PLAIN, IDS(5, 3)); /* ab before ba */
    check_ids(tok, "baa", SOV_TOK_PLAIN, IDS(4, 11)); /* aa before ba */
    check_ids(tok, "aaa", SOV_TOK_PLAIN, IDS(11, 3));
    check_ids(tok, "z", SOV_TOK_PLAIN, IDS(10));
    check_ids(tok, "q", SOV_TOK_PLAIN, IDS(0)); /* no such byte: unknown */
    check_ids(tok, "<x>a<x>y", SOV_TOK_PLAIN, IDS(7, 3, 8));
    check_ids(tok, "ab", SOV_TOK_BOS | SOV_TOK_EOS, IDS(1, 5));
    /* what ends a turn is not typed, though it is called user-defined */
    ck_assert(sov_tok_is_end(tok, 12));
    check_ids(tok, "<|im_end|>", SOV_TOK_SPECIAL, IDS(12));
    check_ids(tok, "<unk></s>", SOV_TOK_SPECIAL, IDS(0, 2));
    sov_tok_free(tok);
}
END_TEST

START_TEST(words_that_span_spaces_are_found)
{
    static const struct spm_entry e[] = {
        { "<unk>", 0, SOV_TOK_UNKNOWN }, { "<s>", 0, SOV_TOK_CONTROL },
        { "</s>", 0, SOV_TOK_CONTROL },  { "a", -1, SOV_TOK_NORMAL },
        { MARK, -1, SOV_TOK_NORMAL },    { "a" MARK, -2, SOV_TOK_NORMAL },
        { "a" MARK "a", -3, SOV_TOK_NORMAL },
    };
    sov_tok *tok = load(spm_keys(e, sizeof(e) / sizeof(*e)));

    ck_assert(!tok->word_bound);
    check_ids(tok, "a a", SOV_TOK_PLAIN, IDS(4, 6));
    sov_tok_free(tok);
}
END_TEST

static void
check_refused(sov_meta *meta, int rc, const char *word)
{
    struct sov_err err = { 0 };
    sov_tok *tok = (sov_tok *)meta; /* something that is not NULL */
    int got = sov_tok_load(&tok, meta, &err);

    ck_assert_msg(got == rc, "%d, \"%s\"", got, err.msg);
    ck_assert_msg(strstr(err.msg, word) != NULL, "\"%s\" lacks %s", err.msg,
                  word);
    ck_assert_ptr_null(tok);
    sov_meta_free(meta);
}

START_TEST(bad_keys_are_refused_and_named)
{
    struct sov_err err = { 0 };
    struct spm_entry e[N_SMALL];
    unsigned char raw[64] = { 0 };
    struct sov_kv kv = { .type = SOV_V_ARR };
    sov_meta *meta;
    int rc = sov_meta_new(&meta, &err);

    ck_assert_int_eq(rc, 0);
    check_refused(meta, SOV_EFORMAT, "tokenizer.ggml.model");

    meta = spm_keys(small, N_SMALL);
    rc = sov_meta_set_str(meta, "tokenizer.ggml.model", "rwkv", &err);
    ck_assert_int_eq(rc, 0);
    check_refused(meta, SOV_EUNSUP, "rwkv");

    meta = spm_keys(small, N_SMALL);
    sov_meta_unset(meta, "tokenizer.ggml.tokens");
    check_refused(meta, SOV_EFORMAT, "tokenizer.ggml.tokens");

    meta = spm_keys(small, N_SMALL);
    sov_meta_unset(meta, "tokenizer.ggml.scores");
    check_refused(meta, SOV_EFORMAT, "tokenizer.ggml.scores");

    /* other lengths and element types */
    for (int i = 0; i < 4; i++) {
        kv.key = i % 2 == 0 ? "tokenizer.ggml.scores"
                            : "tokenizer.ggml.token_type";
        kv.elem = i < 2 ? SOV_V_U8 : i % 2 == 0 ? SOV_V_F32 : SOV_V_I32;
        kv.n = i < 2 ? N_SMALL : N_SMALL - 1;
        kv.val = (struct sov_span){ raw, i < 2 ? kv.n : 4 * kv.n };
        meta = spm_keys(small, N_SMALL);
        rc = sov_meta_set(meta, &kv, &err);
        ck_assert_int_eq(rc, 0);
        check_refused(meta, SOV_EFORMAT, kv.key);
    }

    /* ids */
    meta = spm_keys(small, N_SMALL);
    rc = sov_meta_set_u32(meta, "tokenizer.ggml.bos_token_id", N_SMALL, &err);
    ck_assert_int_eq(rc, 0);
    check_refused(meta, SOV_EFORMAT, "bos_token_id");
    meta = spm_keys(small, N_SMALL);
    rc = sov_meta_set_str(meta, "tokenizer.ggml.eos_token_id", "2", &err);
    ck_assert_int_eq(rc, 0);
    check_refused(meta, SOV_EFORMAT, "eos_token_id");

    /* entries */
    memcpy(e, small, sizeof(e));
    e[3].score = NAN;
    check_refused(spm_keys(e, N_SMALL), SOV_EFORMAT, "scores");
    memcpy(e, small, sizeof(e));
    e[3].type = 7;
    check_refused(spm_keys(e, N_SMALL), SOV_EFORMAT, "token_type");
    memcpy(e, small, sizeof(e));
    for (int i = 0; i < 4; i++) {
        static const char *const bad[] = { "<0xZZ>", "<0x-1>", "<0x1>", "" };

        e[10].name = bad[i];
        check_refused(spm_keys(e, N_SMALL), SOV_EFORMAT, "byte");
    }
}
END_TEST

START_TEST(no_id_is_no_id)
{
    sov_meta *meta = spm_keys(small, N_SMALL);
    struct sov_err err = { 0 };
    sov_tok *tok;
    int rc = sov_meta_set_u32(meta, "tokenizer.ggml.bos_token_id", UINT32_MAX,
                              &err);

    ck_assert_int_eq(rc, 0);
    tok = load(meta);
    ck_assert_int_eq(sov_tok_bos(tok), -1);
    ck_assert(!sov_tok_adds_bos(tok));
    sov_tok_free(tok);
}
END_TEST

START_TEST(duplicate_and_empty_tokens_do_no_harm)
{
    struct spm_entry e[N_SMALL];
    sov_tok *tok;

    memcpy(e, small, sizeof(e));
    e[6].name = "ab";
    e[9].name = "";
    e[9].type = SOV_TOK_USER;
    tok = load(spm_keys(e, N_SMALL));
    check_ids(tok, "<x>ab", SOV_TOK_PLAIN, IDS(7, 0, 0, 0, 5));
    sov_tok_free(tok);
}
END_TEST

/* Their search looks ahead by their length at every byte of a text. */
START_TEST(special_tokens_are_short)
{
    static char name[SOV_SPECIAL_MAX + 2];
    struct sov_err err = { 0 };
    struct spm_entry e[N_SMALL];
    sov_meta *meta;
    sov_tok *tok;

    memcpy(e, small, sizeof(e));
    memset(name, 'a', SOV_SPECIAL_MAX);
    e[9].name = name;
    e[9].type = SOV_TOK_USER;
    tok = load(spm_keys(e, N_SMALL));
    sov_tok_free(tok);
    name[SOV_SPECIAL_MAX] = 'a';
    meta = spm_keys(e, N_SMALL);
    ck_assert_int_eq(sov_tok_load(&tok, meta, &err), SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, "limit is 256") != NULL, "%s", err.msg);
    sov_meta_free(meta);
}
END_TEST

START_TEST(a_cut_model_file_is_refused)
{
    struct sov_err err = { 0 };
    size_t ok = 0;

    for (size_t len = 0; len < n_bytes; len += len < 200 ? 1 : 97) {
        struct sov_spm spm;
        char *copy = malloc(len + 1); /* so that a sanitizer sees the end */

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, bytes, len);
        if (sov_spm_read(&spm, copy, len, &err) == 0) {
            ok++;
            sov_spm_free(&spm);
        }
        free(copy);
    }
    ck_assert_uint_eq(ok, 0); /* the kind stands at the end of it */
}
END_TEST

/* Control tokens are where all of their bytes are unmarked. */
START_TEST(marks_keep_control_tokens_out)
{
    static const struct {
        const char *text;
        const char *mark; /* '#': a stranger's */
        int n_bos, n_eos;
    } marked[] = {
        { "<s>a</s>", "........", 1, 1 },
        { "<s>a</s>", "####....", 0, 1 },
        { "<s>a</s>", "#.......", 0, 1 },
        { "<s>a</s>", ".......#", 1, 0 },
        { "<s><s></s>", "..........", 2, 1 },
        { "<s><s></s>", "###.......", 1, 1 },
        { "<s><s></s>", "...###....", 1, 1 },
        { "<s><s></s>", "..##......", 0, 1 },
        { "x<s>y", ".####", 0, 0 },
        { "", "", 0, 0 },
    };

    for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++) {
        size_t len = strlen(marked[i].text);
        unsigned char mark[16];
        int32_t *ids;
        struct sov_err err;
        size_t n;
        int bos = 0, eos = 0;

        for (size_t k = 0; k < len; k++)
            mark[k] = marked[i].mark[k] == '#';
        ck_assert_int_eq(sov_tok_encode_marked(tale, marked[i].text, len, mark,
                                               0, &ids, &n, &err),
                         0);
        for (size_t k = 0; k < n; k++) {
            bos += ids[k] == sov_tok_bos(tale);
            eos += ids[k] == sov_tok_eos(tale);
        }
        ck_assert_msg(bos == marked[i].n_bos && eos == marked[i].n_eos,
                      "%s %s: %d, %d", marked[i].text, marked[i].mark, bos,
                      eos);
        free(ids);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("tok");

    tcase_add_checked_fixture(tc, load_tale, drop_tale);
    tcase_add_loop_test(tc, turns_end_by_name, 0,
                        sizeof(families) / sizeof(families[0]));
    tcase_add_test(tc, tale_texts_have_the_ids_of_others);
    tcase_add_test(tc, tale_has_its_special_tokens);
    tcase_add_test(tc, marks_keep_control_tokens_out);
    tcase_add_test(tc, typed_control_tokens_stay_text_unless_asked);
    tcase_add_test(tc, every_byte_comes_back);
    tcase_add_test(tc, monotonous_texts_are_no_attack);
    tcase_add_test(tc, best_score_first_then_leftmost);
    tcase_add_test(tc, words_that_span_spaces_are_found);
    tcase_add_test(tc, bad_keys_are_refused_and_named);
    tcase_add_test(tc, no_id_is_no_id);
    tcase_add_test(tc, duplicate_and_empty_tokens_do_no_harm);
    tcase_add_test(tc, special_tokens_are_short);
    tcase_add_test(tc, a_cut_model_file_is_refused);
    return unit_main("tok", tc);
}
