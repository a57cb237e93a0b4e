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

    p.model = "{\"type\":\"WordLevel\",\"vocab\":{}}";
    refused(&p, SOV_EUNSUP, "WordLevel");
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

START_TEST(parts_of_a_normalizer_count_for_word_pieces)
{
    struct parts p = {
        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},"
        "{\"type\":\"Lowercase\"}]}",
        "{\"type\":\"BertPreTokenizer\"}", "null",
        "{\"id\":1,\"content\":\"[CLS]\",\"special\":true},"
        "{\"id\":2,\"content\":\"[SEP]\",\"special\":true}",
        "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{"
        "\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"caf\":3,\"##\u00e9\":4,"
        "\"##e\":5}}",
    };
    sov_tok *tok = load(&p);

    CHECK(tok, "Caf\u00e9", 0, 3, 4);
    sov_tok_free(tok);
    p.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":"
                   "\"StripAccents\"}]}";
    tok = load(&p);
    CHECK(tok, "caf\u00e9", 0, 3, 5);
    CHECK(tok, "Caf\u00e9", 0, 0);
    sov_tok_free(tok);
}
END_TEST

/* ---- unigram */

/* Of "ab" the whole is best, of "abc" a and bc; the byte 2 becomes ab. */
static const struct parts unigram = {
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\","
    "\"precompiled_charsmap\":\"IAAAAAAEAAAAAACAAAAAgAIRAAAAAACAAAAAgAAAAIACAA"
    "CAeABhYgA=\"}]}",
    "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
    "\"prepend_scheme\":\"always\"}",
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":"
    "\"A\"}},{\"SpecialToken\":{\"id\":\"</s>\"}}]}",
    "{\"id\":0,\"content\":\"<pad>\",\"special\":true},"
    "{\"id\":1,\"content\":\"</s>\",\"special\":true},"
    "{\"id\":2,\"content\":\"<unk>\",\"special\":true},"
    "{\"id\":10,\"content\":\"<x>\",\"special\":false}",
    "{\"type\":\"Unigram\",\"unk_id\":2,\"vocab\":[[\"<pad>\",0],"
    "[\"</s>\",0.0],[\"<unk>\",0.0],[\"\u2581\",-2.0],[\"a\",-3.0],"
    "[\"b\",-3.0],[\"c\",-3],[\"ab\",-4.0],[\"bc\",-1.0],"
    "[\"\u2581a\",-2.5]]}",
};

START_TEST(a_unigram_has_scores_and_a_map)
{
    struct parts p = unigram;
    sov_tok *tok = load(&p);
    sov_meta *meta;
    uint64_t eos = 0;

    CHECK(tok, "abc", SOV_TOK_EOS, 9, 8, 1);
    CHECK(tok, "c\x02", 0, 3, 6, 7);
    CHECK(tok, "c  c", 0, 3, 6, 3, 3, 6);
    CHECK(tok, "c?!c", 0, 3, 6, 2, 6);
    CHECK(tok, "c<x></s>", 0, 3, 6, 10, 3, 2);
    CHECK(tok, "</s>", SOV_TOK_SPECIAL, 1);
    sov_tok_free(tok);
    meta = keys(&p);
    ck_assert_int_eq(
        sov_meta_u64(meta, "tokenizer.ggml.unknown_token_id", &eos, NULL), 0);
    ck_assert_uint_eq(eos, 2);
    ck_assert(sov_meta_find(meta, "tokenizer.ggml.scores") != NULL);
    sov_meta_free(meta);
    p.pre = SEQ("{\"type\":\"WhitespaceSplit\"},"
                "{\"type\":\"Metaspace\",\"add_prefix_space\":true}");
    tok = load(&p);
    CHECK(tok, " c  c ", 0, 3, 6, 3, 6);
    sov_tok_free(tok);
    p = unigram;
    p.normalizer = "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},"
                   "\"content\":\" \"}";
    p.pre = "{\"type\":\"Metaspace\",\"prepend_scheme\":\"never\"}";
    tok = load(&p);
    CHECK(tok, "c   c", 0, 3, 6, 3, 6);
    ck_assert(!sov_tok_space_prefix(tok));
    sov_tok_free(tok);
}
END_TEST

START_TEST(a_unigram_may_fall_back_to_bytes)
{
    struct parts p = unigram;
    sov_tok *tok;

    p.added = "{\"id\":0,\"content\":\"<unk>\",\"special\":true}";
    p.post = "null";
    p.model = "{\"unk_id\":0,\"byte_fallback\":true,\"vocab\":[[\"<unk>\",0],"
              "[\"\u2581\",-1],[\"a\",-1],[\"<0xC3>\",0],[\"<0xA9>\",0]]}";
    tok = load(&p);
    CHECK(tok, "a\u00e9\u00e9a", 0, 1, 2, 3, 4, 3, 4, 2);
    CHECK(tok, "a\u00e8\u00e8\u00e9", 0, 1, 2, 0, 3, 4);
    ck_assert_uint_eq(sov_tok_piece(tok, 4).len, 1);
    sov_tok_free(tok);
}
END_TEST

START_TEST(bad_unigrams_are_refused)
{
    static const char *const bad[][2] = {
        { "{\"type\":\"Unigram\",\"vocab\":[]}", "unk_id" },
        { "{\"type\":\"Unigram\",\"unk_id\":99,\"vocab\":[[\"a\",1]]}",
          "unk_id" },
        { "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\"]]}",
          "entry 0" },
        { "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"a\",1e99]]}",
          "entry 0" },
        { "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[7]}", "entry 0" },
        { "{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":{}}", "array" },
    };
    static const char *const maps[] = { "AAA", "A", "AA=A", "AAA=A", "A===",
                                        "AA\u00e9=", "AA-_" };
    struct parts p = unigram;
    char text[200];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        p.model = bad[i][0];
        refused(&p, SOV_EFORMAT, bad[i][1]);
    }
    p = unigram;
    p.normalizer = text;
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
        snprintf(text, sizeof(text),
                 "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%s\"}",
                 maps[i]);
        refused(&p, SOV_EFORMAT, "base64");
    }
}
END_TEST

/* ---- what was before tokenizer.json */

struct files {
    const char *words; /* vocab.txt */
    const char *vocab;
    const char *merges;
    const char *config;
    const char *specials;
    const char *added;
};

static json_t *
json_of(const char *text)
{
    return text == NULL ? NULL : json_loads(text, 0, NULL);
}

static struct sov_span
span_of(const char *text)
{
    return (struct sov_span){ (const unsigned char *)text,
                              text != NULL ? strlen(text) : 0 };
}

static int
read_files(const struct files *f, struct sov_hf *hf, struct sov_err *err)
{
    json_t *config = json_of(f->config);
    json_t *specials = json_of(f->specials);
    json_t *added = json_of(f->added);
    struct sov_hf_old old = { span_of(f->words), span_of(f->vocab),
                              span_of(f->merges), config,
                              specials, added };
    json_t *json = NULL;
    int rc = sov_hf_modern(&old, &json, err);

    if (rc == 0)
        rc = sov_hf_take(hf, json, err);
    json_decref(config);
    json_decref(specials);
    json_decref(added);
    return rc;
}

static sov_tok *
load_files(const struct files *f)
{
    struct sov_err err = { 0 };
    struct sov_hf hf;
    sov_meta *meta;
    sov_tok *tok;

    ck_assert_msg(read_files(f, &hf, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    ck_assert_msg(sov_spm_keys(&hf.vocab, meta, &err) == 0 &&
                      sov_hf_keys(&hf, meta, &err) == 0 &&
                      sov_tok_load(&tok, meta, &err) == 0,
                  "%s", err.msg);
    sov_hf_free(&hf);
    sov_meta_free(meta);
    return tok;
}

static void
files_refused(const struct files *f, int want, const char *word)
{
    struct sov_err err = { 0 };
    struct sov_hf hf;
    int rc = read_files(f, &hf, &err);

    ck_assert_msg(rc == want, "%d: %s", rc, err.msg);
    ck_assert_msg(strstr(err.msg, word) != NULL, "\"%s\" not in: %s", word,
                  err.msg);
}

START_TEST(words_are_lines)
{
    struct files f = { .words = "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n\nun\n##able\n"
                                "Un\nun\ncaf\n##\u00e9\n##e" };
    sov_tok *tok = load_files(&f);

    ck_assert_uint_eq(sov_tok_count(tok), 12);
    CHECK(tok, "Unable", SOV_TOK_BOS | SOV_TOK_EOS, 2, 8, 6, 3);
    CHECK(tok, "caf\u00e9 [SEP]", 0, 9, 11, 1, 1, 1);
    CHECK(tok, "un[SEP]", SOV_TOK_SPECIAL, 8, 3);
    ck_assert(sov_tok_is_control(tok, 0));
    sov_tok_free(tok);
    f.config = "{\"tokenizer_class\":\"BertTokenizerFast\","
               "\"do_lower_case\":false,\"strip_accents\":false,"
               "\"cls_token\":\"[PAD]\"}";
    tok = load_files(&f);
    CHECK(tok, "Un caf\u00e9", SOV_TOK_BOS, 0, 7, 9, 10);
    sov_tok_free(tok);
}
END_TEST

START_TEST(rules_are_lines)
{
    struct files f = {
        .vocab = "{\"a\":0,\"b\":1,\"ab\":2,\"\u0120\":3,\"#\":4,\"##\":5,"
                 "\"<|endoftext|>\":6,\"<s>\":7,\"</s>\":8,\"<mask>\":9,"
                 "\"#version\":10,\"e\":11,\"\u00c3\u00a9\":12,\"\u00c3\":13,"
                 "\"\u00a9\":14}",
        .merges = "#version: 0.2\na b\r\n# #\n\n\u00c3 \u00a9\n",
    };
    sov_tok *tok = load_files(&f);

    CHECK(tok, "ab ##a", 0, 2, 3, 5, 0);
    CHECK(tok, "a<|endoftext|>", SOV_TOK_SPECIAL, 0, 6);
    ck_assert(sov_tok_is_control(tok, 6));
    sov_tok_free(tok);
    f.config = "{\"tokenizer_class\":\"RobertaTokenizer\","
               "\"added_tokens_decoder\":{\"15\":{\"content\":\"<t>\"},"
               "\"x\":{\"content\":\"<u>\"}}}";
    f.specials = "{\"mask_token\":{\"content\":\"<mask>\",\"lstrip\":true},"
                 "\"additional_special_tokens\":[\"<s2>\",7]}";
    f.added = "{\"<s2>\":16,\"<v>\":17}";
    tok = load_files(&f);
    ck_assert_uint_eq(sov_tok_count(tok), 18);
    CHECK(tok, "ab  <mask>", SOV_TOK_SPECIAL, 2, 9);
    CHECK(tok, "a<t><v>b", 0, 0, 15, 17, 1);
    ck_assert(sov_tok_is_control(tok, 16));
    ck_assert(sov_tok_adds_bos(tok) == (sov_tok_bos(tok) >= 0));
    sov_tok_free(tok);
    f = (struct files){ .vocab = f.vocab, .merges = f.merges,
                        .config = "{\"tokenizer_class\":\"Qwen2Tokenizer\"}" };
    tok = load_files(&f);
    CHECK(tok, "e\u0301", 0, 12); /* form C */
    sov_tok_free(tok);
}
END_TEST

START_TEST(bad_lines_are_refused)
{
    struct files f = { .words = "a\nb\xff\n" };

    files_refused(&f, SOV_EFORMAT, "line 2");
    f.words = "";
    files_refused(&f, SOV_EFORMAT, "no tokens");
    f.words = "a\n";
    f.config = "{\"tokenizer_class\":\"CLIPTokenizer\"}";
    files_refused(&f, SOV_EUNSUP, "CLIPTokenizer");
    f.config = "{\"tokenizer_class\":\"GPT2Tokenizer\"}";
    files_refused(&f, SOV_EUNSUP, "GPT2Tokenizer");
    f = (struct files){ .vocab = "[1]", .merges = "a b\n" };
    files_refused(&f, SOV_EFORMAT, "object");
    f.vocab = "{\"a\":0";
    files_refused(&f, SOV_EFORMAT, "JSON");
    f.vocab = "{\"a\":\"b\"}";
    files_refused(&f, SOV_EFORMAT, "no valid id");
    f.vocab = "{\"a\":0}";
    f.merges = "a \xff\n";
    files_refused(&f, SOV_EFORMAT, "line 1");
    f.merges = "";
    f.added = "{\"<x>\":\"y\"}";
    files_refused(&f, SOV_EFORMAT, "added_tokens");
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
    tcase_add_test(tc, parts_of_a_normalizer_count_for_word_pieces);
    tcase_add_test(tc, a_unigram_has_scores_and_a_map);
    tcase_add_test(tc, a_unigram_may_fall_back_to_bytes);
    tcase_add_test(tc, bad_unigrams_are_refused);
    tcase_add_test(tc, words_are_lines);
    tcase_add_test(tc, rules_are_lines);
    tcase_add_test(tc, bad_lines_are_refused);
    return unit_main("hf", tc);
}
