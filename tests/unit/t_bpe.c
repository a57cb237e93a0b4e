/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_bpe.c - unit tests of byte-level byte-pair encoding, WordPiece, unigram
 *
 * Against small vocabularies made here and a plain second way to merge; and,
 * where ../shared is beside the source tree, against the vocabularies of
 * published models and the ids that stock llama.cpp has for them.
 */
#include "golden.h"

#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/token.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY "tokenizer.ggml."

/* ---- making vocabularies */

struct list {
    struct sov_buf b;
    uint64_t n;
};

static void
add(struct list *l, const char *text)
{
    sov_buf_str(&l->b, text, strlen(text));
    l->n++;
}

static void
put(sov_meta *meta, const char *key, struct list *l)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = SOV_V_STR,
                         .n = l->n,
                         .val = { l->b.p, l->b.len } };

    ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
    sov_buf_free(&l->b);
}

/* The character that shows a byte, as GPT-2 spells it. */
static void
add_byte(struct list *l, unsigned byte)
{
    unsigned shift = 0;
    unsigned char utf8[5] = { 0 };

    for (unsigned b = 0; b <= byte; b++)
        if (!((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae))
            shift++;
    if ((byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) ||
        byte >= 0xae)
        sov_utf8_put(byte, utf8);
    else
        sov_utf8_put(0xff + shift, utf8);
    add(l, (const char *)utf8);
}

/* 256 bytes, and tokens and rules, each ending with NULL. */
static sov_meta *
keys(const char *pre, const char *const *tokens, const char *const *rules)
{
    struct list names = { 0 };
    struct list merges = { 0 };
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, KEY "model", "gpt2", NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, KEY "pre", pre, NULL), 0);
    for (unsigned b = 0; b < 256; b++)
        add_byte(&names, b);
    for (; *tokens != NULL; tokens++)
        add(&names, *tokens);
    for (; *rules != NULL; rules++)
        add(&merges, *rules);
    put(meta, KEY "tokens", &names);
    put(meta, KEY "merges", &merges);
    return meta;
}

static sov_tok *
load(sov_meta *meta)
{
    struct sov_err err = { 0 };
    sov_tok *tok;

    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
    return tok;
}

static size_t
encode(const sov_tok *tok, const void *text, size_t len, unsigned flags,
       int32_t **ids)
{
    struct sov_err err = { 0 };
    size_t n = 0;

    ck_assert_msg(sov_tok_encode(tok, text, len, flags, ids, &n, &err) == 0,
                  "%s", err.msg);
    return n;
}

/* The pieces of a text with bars between them. */
static void
check(const sov_tok *tok, const char *text, unsigned flags, const char *want)
{
    struct sov_buf b = { 0 };
    int32_t *ids;
    size_t n = encode(tok, text, strlen(text), flags, &ids);

    for (size_t i = 0; i < n; i++) {
        struct sov_span name = sov_tok_is_control(tok, ids[i])
                                   ? sov_tok_name(tok, ids[i])
                                   : sov_tok_piece(tok, ids[i]);

        if (i > 0)
            sov_buf_add(&b, "|", 1);
        sov_buf_add(&b, name.p, name.len);
    }
    sov_buf_add(&b, "", 1);
    ck_assert_msg(strcmp((char *)b.p, want) == 0, "\"%s\" is %s, not %s", text,
                  (char *)b.p, want);
    sov_buf_free(&b);
    free(ids);
}

/* ---- merging */

START_TEST(lowest_rank_first_then_leftmost)
{
    static const char *const tokens[] = { "ab", "bc", "abc", "aa", "aaa",
                                          "\xc4\xa0" "a", NULL };
    static const char *const bc[] = { "b c", "a b", "a bc", "a a", "aa a",
                                      "\xc4\xa0 a", NULL };
    static const char *const ab[] = { "a b", "b c", "a a", NULL };
    sov_tok *tok = load(keys("gpt-2", tokens, bc));

    check(tok, "abc", 0, "abc");
    check(tok, "ab", 0, "ab");
    check(tok, "bab", 0, "b|ab");
    check(tok, "aaaa", 0, "aa|aa");
    check(tok, "aaa a", 0, "aaa| a");
    check(tok, "x  a", 0, "x| | a");
    sov_tok_free(tok);
    tok = load(keys("gpt-2", tokens, ab));
    check(tok, "abc", 0, "ab|c");
    check(tok, "aaa", 0, "aa|a");
    sov_tok_free(tok);
}
END_TEST

START_TEST(rules_may_pass_through_what_is_no_token)
{
    static const char *const tokens[] = { "xyz", "xyxy", NULL };
    static const char *const rules[] = { "x y", "xy z", "xy xy", "q r",
                                         "qr \xff", "nogap", "", " ", "x ",
                                         " y", "x y", NULL };
    sov_tok *tok = load(keys("gpt-2", tokens, rules));

    check(tok, "xyz", 0, "xyz");
    check(tok, "xy", 0, "x|y");
    check(tok, "xyxy", 0, "xyxy");
    check(tok, "qrs", 0, "q|r|s");
    ck_assert_uint_eq(sov_tok_count(tok), 258);
    sov_tok_free(tok);
}
END_TEST

START_TEST(a_rule_that_goes_round_ends)
{
    static const char *const tokens[] = { "ab", "ba", "abab", "ab", NULL };
    static const char *const rules[] = { "a b",   "ab ab", "b a",  "abab abab",
                                         "a b",   "ab a",  "aba b", "b ab",
                                         "ba ba", NULL };
    sov_tok *tok = load(keys("gpt-2", tokens, rules));

    check(tok, "ababab", 0, "abab|ab");
    check(tok, "abababab", 0, "a|b|a|b|a|b|a|b"); /* no token */
    sov_tok_free(tok);
}
END_TEST

START_TEST(whole_pieces_are_taken_where_the_model_says_so)
{
    static const char *const tokens[] = { "ab", "abc", NULL };
    static const char *const rules[] = { "a b", NULL };
    sov_tok *tok = load(keys("llama-bpe", tokens, rules));

    check(tok, "abc", 0, "abc");
    check(tok, "abcd", 0, "ab|c|d");
    sov_tok_free(tok);
    tok = load(keys("smaug-bpe", tokens, rules));
    check(tok, "abc", 0, "ab|c");
    sov_tok_free(tok);
}
END_TEST

/* A second way: look for the best rule in a list of strings, each time. */
struct plain {
    char part[402][400];
    int n;
};

static int
rank_of(const char *const *rules, const char *a, const char *b)
{
    char both[801];

    snprintf(both, sizeof(both), "%s %s", a, b);
    for (int i = 0; rules[i] != NULL; i++)
        if (strcmp(rules[i], both) == 0)
            return i;
    return -1;
}

static void
merge_plainly(struct plain *p, const char *const *rules, const char *text)
{
    p->n = 0;
    for (; *text != '\0'; text++)
        snprintf(p->part[p->n++], 400, "%c", *text);
    for (;;) {
        int best = -1;
        int at = 0;
        size_t len;

        for (int i = 0; i + 1 < p->n; i++) {
            int r = rank_of(rules, p->part[i], p->part[i + 1]);

            if (r >= 0 && (best < 0 || r < best)) {
                best = r;
                at = i;
            }
        }
        if (best < 0)
            return;
        len = strlen(p->part[at]);
        memcpy(p->part[at] + len, p->part[at + 1], 400 - len);
        p->part[at][399] = '\0';
        memmove(p->part[at + 1], p->part[at + 2],
                (size_t)(p->n - at - 2) * sizeof(p->part[0]));
        p->n--;
    }
}

START_TEST(short_and_long_pieces_are_merged_alike)
{
    static const char *const tokens[] = { "ab",  "ba",   "aa",    "abc", "cab",
                                          "aab", "abab", "aaaa",  "cc",  "ccab",
                                          "bb",  "bba",  "aabab", "aba", "aaa", NULL };
    static const char *const rules[] = { "b a",  "a b",   "c c",   "aa aa",
                                         "a a",  "ab c",  "c ab",  "a ab",
                                         "ab ab", "cc ab", "b b",  "b ba",
                                         "aab ab", "ab a", "aba b", "a aa",
                                         "aa a", "aaa a", "a aaa", "a ab",
                                         "b aa", NULL };
    static struct plain want;
    sov_tok *tok = load(keys("gpt-2", tokens, rules));
    uint64_t count = 0;

    for (int turn = 0; turn < 300; turn++) {
        uint32_t r[4];
        char text[301];
        size_t len, n, at = 0;
        int32_t *ids;

        sov_rng_block(3, 4, count++, r);
        len = 1 + r[0] % (turn % 3 == 0 ? 300 : 60);
        for (size_t i = 0; i < len; i++) {
            sov_rng_block(3, 5, count++, r);
            text[i] = "aabbc"[r[0] % 5];
        }
        text[len] = '\0';
        merge_plainly(&want, rules, text);
        n = encode(tok, text, len, 0, &ids);
        ck_assert_msg(n == (size_t)want.n, "%s: %zu ids, not %d", text, n,
                      want.n);
        for (size_t i = 0; i < n; i++) {
            struct sov_span p = sov_tok_piece(tok, ids[i]);

            ck_assert_uint_eq(p.len, strlen(want.part[i]));
            ck_assert(memcmp(p.p, want.part[i], p.len) == 0);
            at += p.len;
        }
        ck_assert_uint_eq(at, len);
        free(ids);
    }
    sov_tok_free(tok);
}
END_TEST

/* ---- texts */

START_TEST(every_byte_comes_back)
{
    static const char *const none[] = { NULL };
    static const char *const pres[] = { "gpt-2", "llama-bpe", "deepseek-coder",
                                        "deepseek-llm", "gpt-4o", "viking" };

    for (size_t k = 0; k < sizeof(pres) / sizeof(*pres); k++) {
        sov_tok *tok = load(keys(pres[k], none, none));

        for (uint64_t turn = 0; turn < 50; turn++) {
            unsigned char text[512];
            int32_t *ids;
            size_t n;

            for (size_t i = 0; i < sizeof(text); i++) {
                uint32_t r[4];

                sov_rng_block(9, turn, i, r);
                text[i] = (unsigned char)(turn % 2 ? r[0] : r[0] % 96 + 32);
            }
            n = encode(tok, text, sizeof(text), 0, &ids);
            ck_assert_uint_eq(n, sizeof(text));
            for (size_t i = 0; i < n; i++) {
                ck_assert_uint_eq(sov_tok_piece(tok, ids[i]).len, 1);
                ck_assert_uint_eq(sov_tok_piece(tok, ids[i]).p[0], text[i]);
            }
            free(ids);
        }
        sov_tok_free(tok);
    }
}
END_TEST

START_TEST(typed_control_tokens_stay_text_unless_asked)
{
    static const char *const tokens[] = { "<|endoftext|>", "<|", "|>", "ab",
                                          NULL };
    static const char *const rules[] = { "< |", "| >", "a b", NULL };
    sov_meta *meta = keys("gpt-2", tokens, rules);
    sov_tok *tok;

    ck_assert_int_eq(sov_meta_set_u32(meta, KEY "eos_token_id", 256, NULL), 0);
    ck_assert_int_eq(sov_meta_set_u32(meta, KEY "bos_token_id", 256, NULL), 0);
    tok = load(meta);
    check(tok, "ab<|endoftext|>ab", 0, "ab|<||e|n|d|o|f|t|e|x|t||>|ab");
    check(tok, "ab<|endoftext|>ab", SOV_TOK_SPECIAL, "ab|<|endoftext|>|ab");
    check(tok, "", SOV_TOK_BOS | SOV_TOK_EOS, "");
    ck_assert(sov_tok_is_end(tok, 256));
    sov_tok_free(tok);
}
END_TEST

/* Seconds for a megabyte of one thing in a vocabulary that merges it. */
static double
seconds_for(const sov_tok *tok, const char *unit)
{
    const size_t len = 1000000;
    const size_t n_unit = strlen(unit);
    char *text = malloc(len);
    struct timespec a, b;
    int32_t *ids;

    for (size_t i = 0; i < len; i++)
        text[i] = unit[i % n_unit];
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    encode(tok, text, len, SOV_TOK_SPECIAL, &ids);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    free(ids);
    free(text);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

START_TEST(monotonous_texts_are_no_attack)
{
    static const char *const tokens[] = { "AA", "AAAA", "AAAAAAAA",
                                          "\xc4\xa0\xc4\xa0", "11",
                                          "\xc3\x8c\xc4\xa3", "AAA", NULL };
    static const char *const rules[] = { "A A", "AA AA", "AAAA AAAA",
                                         "\xc4\xa0 \xc4\xa0", "1 1",
                                         "\xc3\x8c \xc4\xa3", "AA A", NULL };
    static const char *const pres[] = { "gpt-2", "llama-bpe", "qwen2",
                                        "deepseek-coder", "falcon",
                                        "starcoder", "gpt-4o" };
    static const char *const units[] = { "A", " ", "1", "\xcc\x81", "\n",
                                         "\xcc\x81" "A", "A1 ", "\xff" };

    for (size_t k = 0; k < sizeof(pres) / sizeof(*pres); k++) {
        sov_tok *tok = load(keys(pres[k], tokens, rules));

        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
            ck_assert_msg(seconds_for(tok, units[i]) < 20, "%s \"%s\"",
                          pres[k], units[i]);
        sov_tok_free(tok);
    }
}
END_TEST

/* ---- bad keys */

static void
refused(sov_meta *meta, const char *word)
{
    struct sov_err err = { 0 };
    sov_tok *tok;

    ck_assert_int_lt(sov_tok_load(&tok, meta, &err), 0);
    ck_assert_ptr_null(tok);
    ck_assert_msg(strstr(err.msg, word) != NULL, "\"%s\" not in: %s", word,
                  err.msg);
    sov_meta_free(meta);
}

START_TEST(bad_keys_are_refused_and_named)
{
    static const char *const none[] = { NULL };
    struct list l = { 0 };
    sov_meta *meta;
    char *big;

    refused(keys("no-such", none, none), "no-such");
    meta = keys("gpt-2", none, none);
    sov_meta_unset(meta, KEY "merges");
    refused(meta, "merges");
    ck_assert_int_eq(
        sov_meta_set_u32(meta = keys("gpt-2", none, none), KEY "merges", 1,
                         NULL), 0);
    refused(meta, "merges");
    big = malloc(70001);
    memset(big, 'a', 70000);
    big[35000] = ' ';
    big[70000] = '\0';
    add(&l, big);
    meta = keys("gpt-2", none, none);
    put(meta, KEY "merges", &l);
    refused(meta, "limit");
    free(big);
}
END_TEST

/* ---- WordPiece */

static sov_meta *
pieces_keys(void)
{
    static const char *const names[] = {
        "[PAD]", "[UNK]", "[CLS]", "[SEP]",
        "\xe2\x96\x81" "un", "aff", "able", "\xe2\x96\x81" "the",
        "\xe2\x96\x81" ",", "\xe2\x96\x81" "cafe", "\xe2\x96\x81\xe4\xb8\x80",
        "\xe2\x96\x81" "i", "\xe2\x96\x81\xe1\x84\x80", "\xe1\x85\xa1",
        "\xe2\x96\x81" "C", NULL,
    };
    static const int32_t types[] = { 3, 2, 3, 3, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1 };
    struct list l = { 0 };
    struct sov_kv kv = { .key = KEY "token_type",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_I32,
                         .n = 15,
                         .val = { (const unsigned char *)types,
                                  sizeof(types) } };
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    for (size_t i = 0; names[i] != NULL; i++)
        add(&l, names[i]);
    put(meta, KEY "tokens", &l);
    ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, KEY "model", "bert", NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, KEY "bos_token_id", 2, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, KEY "seperator_token_id", 3, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, KEY "unknown_token_id", 1, NULL), 0);
    return meta;
}

START_TEST(words_are_cut_into_the_longest_tokens)
{
    sov_tok *tok = load(pieces_keys());
    int32_t *ids;

    check(tok, "unaffable", 0, " un|aff|able");
    check(tok, "  UNaffable,the\tthe", 0, " un|aff|able| ,| the| the");
    check(tok, "caf\xc3\xa9 Cafe\xcc\x81", 0, " cafe| cafe");
    check(tok, "\xe4\xb8\x80\xe4\xb8\x80the", 0,
          " \xe4\xb8\x80| \xe4\xb8\x80| the");
    check(tok, "\xc4\xb0", 0, " i");
    check(tok, "the[SEP]the", SOV_TOK_SPECIAL, " the|[SEP]| the");
    check(tok, "the", SOV_TOK_BOS | SOV_TOK_EOS, "[CLS]| the|[SEP]");
    check(tok, "th\xff" "e\x01\xef\xbf\xbd", 0, " the");
    ck_assert_uint_eq(encode(tok, "unaffxyz the", 12, 0, &ids), 2);
    ck_assert_int_eq(ids[0], 1);
    ck_assert_int_eq(ids[1], 7);
    free(ids);
    ck_assert(!sov_tok_space_prefix(tok));
    sov_tok_free(tok);
}
END_TEST

START_TEST(normalizing_follows_the_keys)
{
    sov_meta *meta = pieces_keys();
    sov_tok *tok;
    int32_t *ids;

    ck_assert_int_eq(sov_meta_set_bool(meta, "sov.tokenizer.full_nfd", true,
                                       NULL), 0);
    tok = load(meta);
    check(tok, "\xea\xb0\x80", 0, " \xe1\x84\x80|\xe1\x85\xa1");
    sov_tok_free(tok);
    tok = load(pieces_keys());
    check(tok, "\xea\xb0\x80", 0, " \xe1\x84\x80");
    sov_tok_free(tok);
    meta = pieces_keys();
    ck_assert_int_eq(sov_meta_set_bool(meta, KEY "normalizer.lowercase", false,
                                       NULL), 0);
    tok = load(meta);
    check(tok, "C", 0, " C");
    ck_assert_uint_eq(encode(tok, "The caf\xc3\xa9", 9, 0, &ids), 2);
    ck_assert_int_eq(ids[0], 1);
    ck_assert_int_eq(ids[1], 1);
    free(ids);
    sov_tok_free(tok);
}
END_TEST

/* ---- unigram */

/* Of "ab" the whole is best, of "abc" a and bc. */
static sov_meta *
unigram_keys(bool map)
{
    static const char *const names[] = {
        "<pad>", "</s>", "<unk>", "\xe2\x96\x81", "a", "b", "c", "ab", "bc",
        "\xe2\x96\x81" "a", NULL,
    };
    static const int32_t types[] = { 3, 3, 2, 1, 1, 1, 1, 1, 1, 1 };
    static const float scores[] = { 0, 0, 0, -2, -3, -3, -3, -4, -1, -2.5f };
    /* from the root (base 1) the byte 2 leads to 3, whose base 4 leads to the
     * place of its text, 7 */
    static const uint32_t units[] = {
        1 << 10, 1u << 31, 1u << 31, 4 << 10 | 1 << 8 | 2,
        1u << 31, 1u << 31, 1u << 31, 1u << 31 | 2,
    };
    struct sov_kv kv = { .key = KEY "token_type", .type = SOV_V_ARR,
                         .elem = SOV_V_I32, .n = 10,
                         .val = { (const void *)types, sizeof(types) } };
    struct sov_buf b = { 0 };
    struct list l = { 0 };
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    for (size_t i = 0; names[i] != NULL; i++)
        add(&l, names[i]);
    put(meta, KEY "tokens", &l);
    ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
    kv = (struct sov_kv){ .key = KEY "scores", .type = SOV_V_ARR,
                          .elem = SOV_V_F32, .n = 10,
                          .val = { (const void *)scores, sizeof(scores) } };
    ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, KEY "model", "t5", NULL), 0);
    ck_assert_int_eq(sov_meta_set_bool(meta, KEY "add_space_prefix", true,
                                       NULL), 0);
    if (map) {
        sov_buf_u32(&b, sizeof(units));
        for (size_t i = 0; i < 8; i++)
            sov_buf_u32(&b, units[i]);
        sov_buf_add(&b, "x\0ab", 5);
        kv = (struct sov_kv){ .key = KEY "precompiled_charsmap",
                              .type = SOV_V_ARR, .elem = SOV_V_U8, .n = b.len,
                              .val = { b.p, b.len } };
        ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
        sov_buf_free(&b);
    }
    return meta;
}

START_TEST(the_best_sum_of_scores_wins)
{
    sov_tok *tok = load(unigram_keys(false));
    sov_meta *meta;
    int32_t *ids;

    check(tok, "abc", 0, " a|bc");
    check(tok, "cab", 0, " |c|ab");
    check(tok, "c  c", 0, " |c| | |c");
    check(tok, "a", SOV_TOK_EOS, " a|</s>");
    ck_assert_uint_eq(encode(tok, "axyz\xff""b", 6, 0, &ids), 3);
    ck_assert_int_eq(ids[1], 2); /* one for all in a row */
    free(ids);
    ck_assert_uint_eq(encode(tok, "", 0, 0, &ids), 0);
    free(ids);
    sov_tok_free(tok);
    tok = load(unigram_keys(true));
    check(tok, "c\x02", 0, " |c|ab");
    sov_tok_free(tok);
    meta = unigram_keys(true);
    ck_assert_int_eq(sov_meta_set_bool(meta, KEY "remove_extra_whitespaces",
                                       true, NULL), 0);
    tok = load(meta);
    check(tok, "  c   c ", 0, " |c| |c");
    sov_tok_free(tok);
    meta = unigram_keys(false);
    sov_meta_unset(meta, KEY "scores");
    refused(meta, "scores");
    meta = unigram_keys(false);
    ck_assert_int_eq(sov_meta_set_text(meta, KEY "precompiled_charsmap",
                                       "u8[]", "[64,0,0,0,1]", 12, NULL), 0);
    refused(meta, "charsmap");
    meta = unigram_keys(false);
    ck_assert_int_eq(sov_meta_set_text(meta, KEY "precompiled_charsmap",
                                       "u32[]", "[64]", 4, NULL), 0);
    refused(meta, "charsmap");
}
END_TEST

/* ---- published vocabularies */

static char *
read_all(const char *path, size_t *len)
{
    struct sov_err err = { 0 };
    char *text;

    ck_assert_msg(sov_read_whole(path, 1 << 24, &text, len, &err) == 0, "%s",
                  err.msg);
    return text;
}

/* One text and the line of ids that belongs to it. */
static void
check_ids(const char *name, const sov_tok *tok, const char *text, size_t len,
          char **line)
{
    int32_t *ids;
    size_t n = encode(tok, text, len, 0, &ids);
    size_t i = 0;
    char *end = strchr(*line, '\n');

    ck_assert_msg(end != NULL, "%s: too few lines of ids", name);
    *end = '\0';
    for (char *p = *line; *p != '\0'; i++) {
        long want = strtol(p, &p, 10);

        p += strspn(p, " ");
        ck_assert_msg(i < n && ids[i] == want, "%s: \"%.*s\": id %zu is %d, "
                      "not %ld", name, (int)len, text, i, i < n ? ids[i] : -1,
                      want);
    }
    ck_assert_uint_eq(i, n);
    *line = end + 1;
    free(ids);
}

static void
check_golden(const char *name)
{
    static const char gap[] = "\n__ggml_vocab_test__\n";
    size_t n_in, n_out, lines = 0;
    char *in = read_all(golden_path("golden/vocab/ggml-vocab-%s.gguf.inp", name),
                        &n_in);
    char *out = read_all(golden_path("golden/vocab/ggml-vocab-%s.gguf.out", name),
                         &n_out);
    sov_tok *tok = golden_tok(name);
    char *text = in;
    char *line = out;

    for (char *end; text < in + n_in; text = end + strlen(gap), lines++) {
        end = strstr(text, gap);
        if (end == NULL)
            break;
        check_ids(name, tok, text, (size_t)(end - text), &line);
    }
    ck_assert_msg(*line == '\0', "%s: too many lines of ids", name);
    printf("%s: %zu lines\n", name, lines);
    sov_tok_free(tok);
    free(in);
    free(out);
}

START_TEST(golden_vocabularies_have_the_ids_of_others)
{
    if (!golden_there("golden_vocabularies"))
        return;
    for (size_t i = 0; i < N_GOLDEN; i++)
        check_golden(golden_names[i]);
}
END_TEST

/* The pieces of a text, one after the other, are the text. */
static void
check_round_trip(const char *name, const sov_tok *tok, const char *file)
{
    size_t len, n;
    char *text = read_all(golden_path("data/%s", file), &len);
    int32_t *ids;
    size_t at = 0;

    n = encode(tok, text, len, 0, &ids);
    for (size_t i = 0; i < n; i++) {
        struct sov_span p = sov_tok_piece(tok, ids[i]);

        if (i == 0 && sov_tok_space_prefix(tok) && p.len > 0) {
            p.p++;
            p.len--;
        }
        ck_assert_msg(p.len <= len - at && memcmp(text + at, p.p, p.len) == 0,
                      "%s: %s is another text from byte %zu on", name, file,
                      at);
        at += p.len;
    }
    ck_assert_uint_eq(at, len);
    free(ids);
    free(text);
}

START_TEST(golden_vocabularies_give_texts_back)
{
    static const char *const names[] = {
        "deepseek-coder", "falcon", "gpt-2", "llama-bpe", "llama-spm",
        "mpt",            "phi-3",  "qwen2", "starcoder",
    };

    if (!golden_there("golden_vocabularies"))
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        sov_tok *tok = golden_tok(names[i]);

        check_round_trip(names[i], tok, "multilingual.txt");
        check_round_trip(names[i], tok, "wiki.test.raw");
        sov_tok_free(tok);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("bpe");

    tcase_add_test(tc, lowest_rank_first_then_leftmost);
    tcase_add_test(tc, rules_may_pass_through_what_is_no_token);
    tcase_add_test(tc, a_rule_that_goes_round_ends);
    tcase_add_test(tc, whole_pieces_are_taken_where_the_model_says_so);
    tcase_add_test(tc, short_and_long_pieces_are_merged_alike);
    tcase_add_test(tc, every_byte_comes_back);
    tcase_add_test(tc, typed_control_tokens_stay_text_unless_asked);
    tcase_add_test(tc, monotonous_texts_are_no_attack);
    tcase_add_test(tc, bad_keys_are_refused_and_named);
    tcase_add_test(tc, words_are_cut_into_the_longest_tokens);
    tcase_add_test(tc, normalizing_follows_the_keys);
    tcase_add_test(tc, the_best_sum_of_scores_wins);
    tcase_add_test(tc, golden_vocabularies_have_the_ids_of_others);
    tcase_add_test(tc, golden_vocabularies_give_texts_back);
    return unit_main("bpe", tc);
}
