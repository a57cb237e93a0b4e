/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_hf.c - unit tests of reading tokenizer.json
 *
 * The file is put together of parts; each test changes one and looks what
 * becomes of it.
 */
#include "unit.h"

#include "sov/token.h"
#include "tok/hf.h"
#include "tok/tok.h"

#include <stdio.h>
#include <string.h>

#define LEVEL    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"
#define LEVEL_NO "{\"type\":\"ByteLevel\",\"use_regex\":false}"
#define SPLIT(re) \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" re "\"}," \
    "\"behavior\":\"Isolated\",\"invert\":false}"
#define SEQ(parts) "{\"type\":\"Sequence\",\"pretokenizers\":[" parts "]}"
#define ENGLISH    "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL       "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

struct parts {
    const char *normalizer;
    const char *pre;
    const char *post;
    const char *added;
    const char *model;
};

/* The twelve tokens of small have ids 0 to 11, one is added behind. */
static const struct parts small = {
    "null",
    LEVEL,
    "null",
    "{\"id\":12,\"content\":\"<|end|>\",\"special\":true},"
    "{\"id\":13,\"content\":\"<tool>\",\"special\":false,\"rstrip\":true}",
    "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"\u0120\":3,"
    "\"ab\":4,\"abc\":5,\"\u0120a\":6,\"<\":7,\"|\":8,\"1\":9,\"\u010a\":10,"
    "\"e\":11},\"merges\":[\"a b\",[\"ab\",\"c\"],\"\u0120 a\"]}",
};

static int
read_parts(const struct parts *p, struct sov_hf *hf, struct sov_err *err)
{
    static char text[16384];
    int n = snprintf(text, sizeof(text),
                     "{\"version\":\"1.0\",\"added_tokens\":[%s],"
                     "\"normalizer\":%s,\"pre_tokenizer\":%s,"
                     "\"post_processor\":%s,\"decoder\":null,\"model\":%s}",
                     p->added, p->normalizer, p->pre, p->post, p->model);

    return sov_hf_read(hf, text, (size_t)n, err);
}

static sov_meta *
keys(const struct parts *p)
{
    struct sov_err err = { 0 };
    struct sov_hf hf;
    sov_meta *meta;

    ck_assert_msg(read_parts(p, &hf, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    ck_assert_msg(sov_spm_keys(&hf.vocab, meta, &err) == 0 &&
                      sov_hf_keys(&hf, meta, &err) == 0,
                  "%s", err.msg);
    sov_hf_free(&hf);
    return meta;
}

static sov_tok *
load(const struct parts *p)
{
    struct sov_err err = { 0 };
    sov_meta *meta = keys(p);
    sov_tok *tok;

    ck_assert_msg(sov_tok_load(&tok, meta, &err) == 0, "%s", err.msg);
    sov_meta_free(meta);
    return tok;
}

static void
check(const sov_tok *tok, const char *text, unsigned flags, size_t n_want,
      const int32_t *want)
{
    struct sov_err err = { 0 };
    int32_t *ids;
    size_t n;

    ck_assert_msg(sov_tok_encode(tok, text, strlen(text), flags, &ids, &n,
                                 &err) == 0,
                  "%s", err.msg);
    ck_assert_msg(n == n_want, "\"%s\": %zu ids", text, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(ids[i] == want[i], "\"%s\": id %zu is %d", text, i,
                      ids[i]);
    free(ids);
}

#define CHECK(tok, text, flags, ...)                                           \
    check(tok, text, flags,                                                    \
          sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t),          \
          (const int32_t[]){ __VA_ARGS__ })

START_TEST(rules_and_tokens_are_taken)
{
    sov_tok *tok = load(&small);

    CHECK(tok, "abc ab", 0, 5, 3, 4);
    CHECK(tok, " abc", 0, 3, 5);
    CHECK(tok, " a", 0, 6);
    CHECK(tok, "a<|end|>", SOV_TOK_SPECIAL, 0, 12);
    CHECK(tok, "a<tool> \n b", 0, 0, 13, 1);
    ck_assert_int_eq(sov_tok_eot(tok), 12);
    ck_assert_int_eq(sov_tok_find(tok, "abc", 3), 5);
    ck_assert_int_eq(sov_tok_find(tok, "abcd", 4), -1);
    sov_tok_free(tok);
}
END_TEST

static const char *
pre_of(const char *pre, const char *more)
{
    static char name[64];
    struct parts p = small;
    struct sov_span s = { 0 };
    char model[1024];
    sov_meta *meta;

    snprintf(model, sizeof(model), "%.*s%s}", (int)strlen(small.model) - 1,
             small.model, more);
    p.model = model;
    p.pre = pre;
    meta = keys(&p);
    ck_assert_int_eq(sov_meta_str(meta, "tokenizer.ggml.pre", &s, NULL), 0);
    snprintf(name, sizeof(name), "%.*s", (int)s.len, (const char *)s.p);
    sov_meta_free(meta);
    return name;
}

START_TEST(the_expressions_tell_the_pretokenizer)
{
    ck_assert_str_eq(pre_of(LEVEL, ""), "gpt-2");
    ck_assert_str_eq(pre_of(SEQ("{\"type\":\"Digits\","
                                "\"individual_digits\":true}," LEVEL), ""),
                     "starcoder");
    ck_assert_str_eq(
        pre_of(SEQ(SPLIT(ENGLISH "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
                                 "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+"
                                 "[\\\\r\\\\n]*|" TAIL) "," LEVEL_NO), ""),
        "smaug-bpe");
    ck_assert_str_eq(
        pre_of(SEQ(SPLIT(ENGLISH "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
                                 "\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+"
                                 "[\\\\r\\\\n]*|" TAIL) "," LEVEL_NO),
               ",\"ignore_merges\":true"),
        "llama-bpe");
    ck_assert_str_eq(
        pre_of(SEQ(SPLIT("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]"
                         "|'[dD])|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
                         "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
                         TAIL) "," LEVEL_NO), ""),
        "qwen2");
    ck_assert_str_eq(
        pre_of(SEQ("{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"},"
                   LEVEL "," SPLIT("[0-9][0-9][0-9]")), ""),
        "falcon");
    ck_assert_str_eq(
        pre_of(SEQ(SPLIT("[\\r\\n]") "," SPLIT("\\\\s?\\\\p{L}+") ","
                   SPLIT("\\\\s?\\\\p{P}+") ","
                   SPLIT("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+") ","
                   "{\"type\":\"Digits\",\"individual_digits\":true},"
                   LEVEL_NO), ""),
        "deepseek-coder");
}
END_TEST

START_TEST(what_the_row_does_not_say_has_a_key)
{
    struct parts p = small;
    sov_meta *meta;
    bool v = false;
    sov_tok *tok;

    p.normalizer = "{\"type\":\"NFC\"}";
    p.model = "{\"type\":\"BPE\",\"ignore_merges\":true,\"vocab\":{\"e\":0,"
              "\"\u00c3\u00a9\":1,\"ee\":2,\"\u00c3\":3,\"\u00a9\":4,"
              "\"x\":5},\"merges\":[\"\u00c3 \u00a9\"]}";
    p.added = "";
    meta = keys(&p);
    ck_assert_int_eq(sov_meta_bool(meta, "sov.tokenizer.nfc", &v, NULL), 0);
    ck_assert(v);
    v = false;
    ck_assert_int_eq(
        sov_meta_bool(meta, "sov.tokenizer.ignore_merges", &v, NULL), 0);
    ck_assert(v);
    sov_meta_free(meta);
    tok = load(&p);
    CHECK(tok, "ee", 0, 2);
    CHECK(tok, "\u00e9", 0, 1);
    CHECK(tok, "e\u0301", 0, 1);
    CHECK(tok, "x\xff" "e\u0301", 0, 5, 1); /* 0xff has no token */
    sov_tok_free(tok);
    p.normalizer = "null";
    tok = load(&p);
    CHECK(tok, "e\u0301", 0, 0);
    sov_tok_free(tok);
}
END_TEST

START_TEST(frames_are_written_as_flags)
{
    struct parts p = small;
    sov_meta *meta;
    bool v = false;

    p.post = "{\"type\":\"Sequence\",\"processors\":[" LEVEL ","
             "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
             "{\"id\":\"<|end|>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\","
             "\"type_id\":0}}]}]}";
    meta = keys(&p);
    ck_assert_int_eq(
        sov_meta_bool(meta, "tokenizer.ggml.add_bos_token", &v, NULL), 0);
    ck_assert(v);
    ck_assert_int_eq(
        sov_meta_bool(meta, "tokenizer.ggml.add_eos_token", &v, NULL), 0);
    ck_assert(!v);
    sov_meta_free(meta);
}
END_TEST

START_TEST(characters_with_bytes_are_sentencepiece)
{
    struct parts p = {
        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
        "\"prepend\":\"\u2581\"},{\"type\":\"Replace\",\"pattern\":{"
        "\"String\":\" \"},\"content\":\"\u2581\"}]}",
        "null",
        "null",
        "{\"id\":0,\"content\":\"<unk>\",\"special\":true}",
        "{\"type\":\"BPE\",\"byte_fallback\":true,\"unk_token\":\"<unk>\","
        "\"vocab\":{\"<unk>\":0,\"<s>\":1,\"</s>\":2,\"\u2581\":3,"
        "\"a\":4,\"b\":5,\"c\":6,\"ab\":7,\"bc\":8,\"\u2581ab\":9,"
        "\"<0xC3>\":10,\"<0xA9>\":11},"
        "\"merges\":[\"b c\",\"a b\",[\"\u2581\",\"ab\"]]}",
    };
    sov_tok *tok = load(&p);

    CHECK(tok, "abc", 0, 3, 4, 8);
    CHECK(tok, "ab", 0, 9);
    CHECK(tok, "\u00e9", 0, 3, 10, 11);
    ck_assert(sov_tok_space_prefix(tok));
    sov_tok_free(tok);
}
END_TEST

START_TEST(word_pieces_lose_their_signs)
{
    struct parts p = {
        "{\"type\":\"BertNormalizer\",\"lowercase\":true,"
        "\"strip_accents\":null}",
        "{\"type\":\"BertPreTokenizer\"}",
        "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
        "\"id\":\"[CLS]\"}},{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{"
        "\"id\":\"[SEP]\"}}]}",
        "{\"id\":1,\"content\":\"[CLS]\",\"special\":true},"
        "{\"id\":2,\"content\":\"[SEP]\",\"special\":true}",
        "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{"
        "\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"un\":3,\"##able\":4,"
        "\"[\":5,\"\u1100\":6,\"##\u1161\":7}}",
    };
    sov_tok *tok = load(&p);

    CHECK(tok, "Unable", SOV_TOK_BOS | SOV_TOK_EOS, 1, 3, 4, 2);
    CHECK(tok, "[ able", 0, 5, 0);
    CHECK(tok, "\uac00", 0, 6, 7);
    sov_tok_free(tok);
    p.normalizer = "{\"type\":\"BertNormalizer\",\"lowercase\":false,"
                   "\"strip_accents\":true}";
    tok = load(&p);
    CHECK(tok, "Unable", 0, 0);
    sov_tok_free(tok);
}
END_TEST

static void
refused(const struct parts *p, int want, const char *word)
{
    struct sov_err err = { 0 };
    struct sov_hf hf;
    int rc = read_parts(p, &hf, &err);

    ck_assert_msg(rc == want, "%d: %s", rc, err.msg);
    ck_assert_msg(strstr(err.msg, word) != NULL, "\"%s\" not in: %s", word,
                  err.msg);
}

START_TEST(what_cannot_be_done_is_named)
{
    struct parts p = small;

    p.model = "{\"type\":\"Unigram\",\"vocab\":[]}";
    refused(&p, SOV_EUNSUP, "Unigram");
    p.model = "null";
    refused(&p, SOV_EUNSUP, "unknown");
    p = small;
    p.pre = "{\"type\":\"Whitespace\"}";
    p.post = "null";
    refused(&p, SOV_EUNSUP, "bytes");
    p = small;
    p.pre = SEQ(SPLIT("[a-q]+") "," LEVEL_NO);
    refused(&p, SOV_EUNSUP, "[a-q]+");
    p.pre = SEQ("{\"type\":\"Bertish\"}," LEVEL_NO);
    refused(&p, SOV_EUNSUP, "Bertish");
    p.pre = SEQ(LEVEL "," LEVEL "," LEVEL "," LEVEL "," LEVEL "," LEVEL
                      "," LEVEL "," LEVEL "," LEVEL);
    refused(&p, SOV_EUNSUP, "stages");
}
END_TEST

START_TEST(bad_files_are_refused)
{
    struct parts p = small;

    p.added = "{\"id\":-1,\"content\":\"x\"}";
    refused(&p, SOV_EFORMAT, "added_tokens");
    p.added = "{\"id\":14}";
    refused(&p, SOV_EFORMAT, "added_tokens");
    p.added = "{\"id\":1000000,\"content\":\"x\"}";
    refused(&p, SOV_EFORMAT, "1000000");
    p.added = "{\"id\":99999999,\"content\":\"x\"}";
    refused(&p, SOV_EFORMAT, "added_tokens");
    p.added = "7";
    refused(&p, SOV_EFORMAT, "added_tokens");
    p = small;
    p.model = "{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}";
    refused(&p, SOV_EFORMAT, "vocab");
    p.model = "{\"type\":\"BPE\",\"vocab\":{\"a\":\"b\"},\"merges\":[]}";
    refused(&p, SOV_EFORMAT, "no valid id");
    p.model = "{\"type\":\"BPE\",\"vocab\":{\"a\":0}}";
    refused(&p, SOV_EFORMAT, "merges");
    p.model = "{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}";
    refused(&p, SOV_EFORMAT, "entry 0");
    p.model = "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}";
    p.added = "";
    refused(&p, SOV_EFORMAT, "no tokens");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("hf");

    tcase_add_test(tc, rules_and_tokens_are_taken);
    tcase_add_test(tc, the_expressions_tell_the_pretokenizer);
    tcase_add_test(tc, what_the_row_does_not_say_has_a_key);
    tcase_add_test(tc, frames_are_written_as_flags);
    tcase_add_test(tc, characters_with_bytes_are_sentencepiece);
    tcase_add_test(tc, word_pieces_lose_their_signs);
    tcase_add_test(tc, what_cannot_be_done_is_named);
    tcase_add_test(tc, bad_files_are_refused);
    return unit_main("hf", tc);
}
