/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_ids.c - unit tests of tokens with a meaning, and of parts of a text that
 * are a stranger's
 */
#include "unit.h"

#include "sov/token.h"
#include "tok/tok.h"

#include <stdio.h>
#include <string.h>

#define KEY "tokenizer.ggml."

static const struct {
    const char *key, *type, *value;
} small[] = {
    { KEY "model", "str", "gpt2" },
    { KEY "pre", "str", "gpt-2" },
    { KEY "tokens", "str[]",
      "[\"a\",\"b\",\"ab\",\"\u0120\",\"<u>\",\"<|x|>\",\"<|end|>\",\"<u>v\","
      "\"<\",\"u\",\">\",\"|\",\"e\",\"n\",\"d\",\"x\"]" },
    { KEY "token_type", "i32[]", "[1,1,1,1,4,3,4,4,1,1,1,1,1,1,1,1]" },
    { KEY "merges", "str[]", "[\"a b\"]" },
};

static void
set(sov_meta *meta, const char *key, const char *type, const char *value)
{
    struct sov_err err = { 0 };
    int rc = sov_meta_set_text(meta, key, type, value, strlen(value), &err);

    ck_assert_msg(rc == 0, "%s: %s", key, err.msg);
}

static sov_meta *
keys(void)
{
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++)
        set(meta, small[i].key, small[i].type, small[i].value);
    return meta;
}

static sov_tok *
load(sov_meta *meta)
{
    struct sov_err err = { 0 };
    sov_tok *tok = NULL;

    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
    return tok;
}

START_TEST(keys_that_are_wrong_are_named)
{
    static const char *const bad[][4] = {
        { KEY "bos_token_id", "str", "1", "bos_token_id is not an integer" },
        { KEY "bos_token_id", "f32", "1", "bos_token_id is not an integer" },
        { KEY "eos_token_id", "bool", "true", "eos_token_id is not" },
        { KEY "eos_token_id", "u32", "16", "eos_token_id is 16" },
        { KEY "eot_token_id", "i32", "-2", "eot_token_id is -2" },
        { KEY "eom_token_id", "u64", "99999999999", "eom_token_id is" },
        { KEY "seperator_token_id", "i32[]", "[1]", "seperator_token_id" },
        { KEY "unknown_token_id", "u16", "16", "unknown_token_id" },
        { KEY "add_bos_token", "u32", "1", "add_bos_token" },
        { KEY "add_eos_token", "str", "true", "add_eos_token" },
        { KEY "add_sep_token", "i8", "1", "add_sep_token" },
        { KEY "add_space_prefix", "f64", "1", "add_space_prefix" },
        { "sov.tokenizer.lstrip", "u32", "1", "lstrip has the wrong type" },
        { "sov.tokenizer.lstrip", "i32[]", "[1]", "lstrip has the wrong" },
        { "sov.tokenizer.rstrip", "u32[]", "[0,16]", "rstrip names 16" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct sov_err err = { 0 };
        sov_meta *meta = keys();
        sov_tok *tok;

        set(meta, bad[i][0], bad[i][1], bad[i][2]);
        ck_assert_msg(sov_tok_load(&tok, meta, &err) == SOV_EFORMAT, "%s: %s",
                      bad[i][0], err.msg);
        ck_assert_msg(strstr(err.msg, bad[i][3]) != NULL, "\"%s\" not in: %s",
                      bad[i][3], err.msg);
        sov_meta_free(meta);
    }
}
END_TEST

START_TEST(minus_one_is_nothing)
{
    sov_meta *meta = keys();
    sov_tok *tok;

    set(meta, KEY "bos_token_id", "i32", "-1");
    set(meta, KEY "eos_token_id", "u32", "4294967295");
    set(meta, KEY "eot_token_id", "u32", "1");
    set(meta, KEY "eom_token_id", "u32", "0");
    tok = load(meta);
    ck_assert_int_eq(sov_tok_bos(tok), -1);
    ck_assert_int_eq(sov_tok_eos(tok), -1);
    ck_assert_int_eq(sov_tok_eot(tok), 1);
    ck_assert(sov_tok_is_end(tok, 0));
    ck_assert(sov_tok_is_end(tok, 1));
    ck_assert(sov_tok_is_end(tok, 6));
    ck_assert(!sov_tok_is_end(tok, 5));
    ck_assert(sov_tok_is_control(tok, 5));
    ck_assert(!sov_tok_is_control(tok, 4));
    ck_assert(!sov_tok_is_control(tok, 16));
    ck_assert(!sov_tok_adds_bos(tok));
    ck_assert(!sov_tok_adds_eos(tok));
    sov_tok_free(tok);
}
END_TEST

/* Which of <|end|> and the rest end a text. */
static void
check_ends(const char *tokens, const char *types, int32_t eot, unsigned ends,
           unsigned controls)
{
    sov_meta *meta = keys();
    sov_tok *tok;

    set(meta, KEY "tokens", "str[]", tokens);
    set(meta, KEY "token_type", "i32[]", types);
    tok = load(meta);
    ck_assert_msg(sov_tok_eot(tok) == eot, "%s: %d", tokens, sov_tok_eot(tok));
    for (int32_t i = 0; i < (int32_t)sov_tok_count(tok); i++) {
        ck_assert_msg(sov_tok_is_end(tok, i) == (ends >> i & 1), "%s: %d",
                      tokens, i);
        ck_assert_msg(sov_tok_is_control(tok, i) == (controls >> i & 1),
                      "%s: %d", tokens, i);
    }
    sov_tok_free(tok);
}

START_TEST(names_tell_what_ends_a_text)
{
    check_ends("[\"a\",\"<|end|>\",\"<eos>\"]", "[1,4,1]", 1, 6, 6);
    check_ends("[\"<|call|>\",\"<|end|>\",\"<|return|>\"]", "[4,4,4]", -1, 5,
               7);
    check_ends("[\"<|calls|>\",\"<|end|>\",\"<|flush|>\"]", "[4,4,4]", -1, 5,
               7);
    check_ends("[\"<|call|>\",\"<|end|>\",\"b\"]", "[4,4,1]", 1, 3, 3);
    check_ends("[\"<turn|>\",\"<|tool_response>\",\"[e~[\"]", "[4,4,4]", 0, 7,
               7);
    check_ends("[\"<|fim_prefix|>\",\"<fim_middle>\",\"<|file_sep|>\"]",
               "[4,1,4]", -1, 4, 7);
    check_ends("[\"<|im_end|>\",\"<|im_end|>\",\"[PA\"]", "[1,1,1]", 0, 1, 1);
}
END_TEST

static void
check_ids(const sov_tok *tok, const char *text, const char *mark,
          unsigned flags, const char *want)
{
    size_t len = strlen(text);
    unsigned char bytes[64] = { 0 };
    struct sov_err err = { 0 };
    char got[256] = "";
    int32_t *ids;
    size_t n;

    for (size_t i = 0; mark != NULL && i < len; i++)
        bytes[i] = mark[i] == '#';
    ck_assert_msg(sov_tok_encode_marked(tok, text, len,
                                        mark != NULL ? bytes : NULL, flags,
                                        &ids, &n, &err) == 0,
                  "%s", err.msg);
    for (size_t i = 0; i < n; i++)
        sprintf(got + strlen(got), i > 0 ? " %d" : "%d", ids[i]);
    ck_assert_msg(strcmp(got, want) == 0, "\"%s\" is %s, not %s", text, got,
                  want);
    free(ids);
}

/* User's tokens anywhere, control tokens where no byte is marked. */
START_TEST(two_kinds_of_tokens_are_cut_out_of_one_text)
{
    static const char *const texts[][3] = {
        { "a<u>b", ".....", "0 4 1" },
        { "a<u>b", "#####", "0 4 1" },
        { "<u><|x|>", "........", "4 5" },
        { "<|x|><u>", "........", "5 4" },
        { "<|x|><u>", "#.......", "8 11 15 11 10 4" },
        { "<|x|><u>", "....#...", "8 11 15 11 10 4" },
        { "<|x|><|x|>", "#....#....", "8 11 15 11 10 8 11 15 11 10" },
        { "<|x|><|x|>", "#.........", "8 11 15 11 10 5" },
        { "<|x|>a<|x|>", "......#####", "5 0 8 11 15 11 10" },
        { "<u>v<u><|x|>", "............", "7 4 5" },
        { "<|end|><u><|end|>", "#######..........", "8 11 12 13 14 11 10 4 6" },
        { "", "", "" },
    };
    sov_tok *tok = load(keys());

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        check_ids(tok, texts[i][0], texts[i][1], 0, texts[i][2]);
    check_ids(tok, "<u>v<u><|x|>", "............", 0, "7 4 5");
    check_ids(tok, "a<|x|>", NULL, 0, "0 8 11 15 11 10");
    check_ids(tok, "a<|x|><u>v", NULL, SOV_TOK_SPECIAL, "0 5 7");
    sov_tok_free(tok);
}
END_TEST

START_TEST(white_space_beside_tokens_goes_with_them)
{
    sov_meta *meta = keys();
    sov_tok *tok;

    set(meta, "sov.tokenizer.lstrip", "u32[]", "[4]");
    set(meta, "sov.tokenizer.rstrip", "u32[]", "[5]");
    tok = load(meta);
    check_ids(tok, "a  <u> b", NULL, 0, "0 4 3 1");
    check_ids(tok, "a <|x|>\t\n b", NULL, SOV_TOK_SPECIAL, "0 3 5 1");
    check_ids(tok, " <u>", NULL, 0, "4");
    sov_tok_free(tok);
    meta = keys();
    set(meta, "general.name", "str", "My Phi-3 Mini");
    tok = load(meta);
    check_ids(tok, "a <u> b", NULL, 0, "0 3 4 1");
    sov_tok_free(tok);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("ids");

    tcase_add_test(tc, keys_that_are_wrong_are_named);
    tcase_add_test(tc, minus_one_is_nothing);
    tcase_add_test(tc, names_tell_what_ends_a_text);
    tcase_add_test(tc, two_kinds_of_tokens_are_cut_out_of_one_text);
    tcase_add_test(tc, white_space_beside_tokens_goes_with_them);
    return unit_main("ids", tc);
}
