/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_old.c - the files that were before tokenizer.json
 *
 *   vocab.txt        WordPiece: a token a line, its id is the line's number
 *   vocab.json       BPE of bytes: { "text": id }
 *   merges.txt       its rules: "left right" a line, behind "#version: ..."
 *
 *   added_tokens.json         { "text": id }
 *   special_tokens_map.json   bos_token, eos_token, ...: texts, or objects with
 *                             content, lstrip and rstrip
 *   tokenizer_config.json     the same, and louder; added_tokens_decoder
 *                             { "id": { content, ... } }; tokenizer_class,
 *                             do_lower_case, strip_accents
 *
 * The rest was in the programs that read them: the table of classes below.
 * All of it is put together as the tokenizer.json that would do the same, so
 * that there is one way to read tokens and rules.
 */
#include "tok/hf.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum role { BOS, EOS, UNK, SEP, PAD, CLS, MASK, ROLES };

static const char *const roles[ROLES] = {
    "bos_token", "eos_token", "unk_token",  "sep_token",
    "pad_token", "cls_token", "mask_token",
};

struct class
{
    const char *names; /* of Python classes, without "Fast" */
    bool words;        /* vocab.txt */
    bool nfc;
    bool framed; /* texts begin with cls and end with sep */
    const struct sov_pattern *pattern;
    const char *token[ROLES]; /* where no file says */
};

#define END "<|endoftext|>"

static const struct class classes[] = {
    { .names = " BertTokenizer DistilBertTokenizer ElectraTokenizer "
               "MobileBertTokenizer ConvBertTokenizer LayoutLMTokenizer ",
      .words = true,
      .framed = true,
      .token = { [UNK] = "[UNK]",
                 [SEP] = "[SEP]",
                 [PAD] = "[PAD]",
                 [CLS] = "[CLS]",
                 [MASK] = "[MASK]" } },
    { .names = " GPT2Tokenizer CodeGenTokenizer WhisperTokenizer ",
      .pattern = &sov_pat_gpt2,
      .token = { [BOS] = END, [EOS] = END, [UNK] = END } },
    { .names = " RobertaTokenizer BartTokenizer LongformerTokenizer "
               "LEDTokenizer MvpTokenizer ",
      .framed = true,
      .pattern = &sov_pat_gpt2,
      .token = { [BOS] = "<s>",
                 [EOS] = "</s>",
                 [UNK] = "<unk>",
                 [SEP] = "</s>",
                 [PAD] = "<pad>",
                 [CLS] = "<s>",
                 [MASK] = "<mask>" } },
    { .names = " Qwen2Tokenizer ",
      .nfc = true,
      .pattern = &sov_pat_qwen2,
      .token = { [EOS] = END, [UNK] = END, [PAD] = END } },
};

#define N_CLASSES (sizeof(classes) / sizeof(*classes))

struct maker {
    const struct sov_hf_old *old;
    const struct class *class;
    json_t *vocab; /* owned */
    json_t *added; /* owned */
};

/* ---- what the files say */

static int
find_class(struct maker *m, struct sov_err *err)
{
    const char *name = sov_hf_text(m->old->config, "tokenizer_class");
    const bool words = m->old->words.p != NULL;
    size_t n = name != NULL ? strlen(name) : 0;

    if (n > 4 && strcmp(name + n - 4, "Fast") == 0)
        n -= 4;
    for (size_t i = 0; i < N_CLASSES; i++) {
        const char *at = classes[i].names;

        if (classes[i].words != words)
            continue;
        if (n == 0) { /* the first one of its kind */
            m->class = &classes[i];
            return 0;
        }
        for (; (at = strchr(at, ' ')) != NULL && at[1] != '\0'; at++)
            if (strncmp(at + 1, name, n) == 0 && at[n + 1] == ' ') {
                m->class = &classes[i];
                return 0;
            }
    }
    return sov_fail(err, SOV_EUNSUP,
                    "tokenizer_config.json: the class %.60s is not known, and "
                    "there is no tokenizer.json",
                    name);
}

/* A text, or an object with one as content. */
static const char *
content_of(const json_t *v)
{
    return json_is_object(v) ? sov_hf_text(v, "content") : json_string_value(v);
}

/* What stands for a role, in *obj where it is told at length. */
static const char *
token_of(const struct maker *m, enum role r, const json_t **obj)
{
    const json_t *from[] = { m->old->config, m->old->specials };

    for (size_t i = 0; i < 2; i++) {
        *obj = json_object_get(from[i], roles[r]);
        if (content_of(*obj) != NULL)
            return content_of(*obj);
    }
    *obj = NULL;
    return m->class->token[r];
}

/* ---- tokens */

static int
no_memory(int rc, struct sov_err *err)
{
    return rc < 0 ? sov_mem_fail(err) : 0;
}

/* The next line of *left without its end; false if there is none. */
static bool
next_line(struct sov_span *left, struct sov_span *line)
{
    const unsigned char *eol;

    if (left->len == 0)
        return false;
    eol = memchr(left->p, '\n', left->len);
    *line = *left;
    if (eol != NULL)
        line->len = (size_t)(eol - left->p);
    left->p += line->len + (eol != NULL);
    left->len -= line->len + (eol != NULL);
    if (line->len > 0 && line->p[line->len - 1] == '\r')
        line->len--;
    return true;
}

static int
check_line(const char *file, size_t i, struct sov_span line,
           struct sov_err *err)
{
    if (i >= SOV_JSON_VALUES)
        return sov_fail(err, SOV_EFORMAT, "%s: more than %llu lines", file,
                        (unsigned long long)SOV_JSON_VALUES);
    if (line.len > 0 && memchr(line.p, '\0', line.len) != NULL)
        return sov_fail(err, SOV_EFORMAT, "%s: line %zu has a NUL byte", file,
                        i + 1);
    return 0;
}

/* An empty line is nobody's name; of two of a name the later one counts. */
static int
read_words(struct maker *m, struct sov_err *err)
{
    struct sov_span left = m->old->words;
    struct sov_span line;
    int rc = 0;

    for (size_t i = 0; rc == 0 && next_line(&left, &line); i++) {
        rc = check_line("vocab.txt", i, line, err);
        if (rc == 0 && line.len > 0 &&
            json_object_setn_new(m->vocab, (const char *)line.p, line.len,
                                 json_integer((json_int_t)i)) < 0)
            rc = sov_fail(err, SOV_EFORMAT, "vocab.txt: line %zu is not UTF-8",
                          i + 1);
    }
    return rc;
}

static int
read_merges(const struct maker *m, json_t **out, struct sov_err *err)
{
    static const char version[] = "#version";
    struct sov_span left = m->old->merges;
    struct sov_span line;
    json_t *list = *out = json_array();
    int rc = no_memory(list == NULL ? -1 : 0, err);

    for (size_t i = 0; rc == 0 && next_line(&left, &line); i++) {
        rc = check_line("merges.txt", i, line, err);
        if (rc < 0 || line.len == 0 ||
            (i == 0 && line.len >= strlen(version) &&
             memcmp(line.p, version, strlen(version)) == 0))
            continue;
        if (json_array_append_new(
                list, json_stringn((const char *)line.p, line.len)) < 0)
            rc = sov_fail(err, SOV_EFORMAT, "merges.txt: line %zu is not UTF-8",
                          i + 1);
    }
    return rc;
}

/* One of added_tokens; its id is the vocabulary's, or *id. */
static int
add_token(struct maker *m, const char *text, const json_t *id, bool special,
          const json_t *obj, struct sov_err *err)
{
    json_t *entry;

    if (id == NULL)
        id = json_object_get(m->vocab, text);
    if (id == NULL)
        return 0;
    entry = json_pack("{s:s, s:O, s:b, s:b, s:b}", "content", text, "id",
                      (json_t *)id, "special", special, "lstrip",
                      json_is_true(json_object_get(obj, "lstrip")), "rstrip",
                      json_is_true(json_object_get(obj, "rstrip")));
    return no_memory(json_array_append_new(m->added, entry), err);
}

static int
add_decoder(struct maker *m, struct sov_err *err)
{
    json_t *list = json_object_get(m->old->config, "added_tokens_decoder");
    const char *key;
    json_t *v;

    json_object_foreach(list, key, v)
    {
        const char *text = sov_hf_text(v, "content");
        char *end;
        json_t *id = json_integer(strtoll(key, &end, 10));
        int rc = 0;

        if (text != NULL && *key != '\0' && *end == '\0')
            rc = add_token(m, text, id,
                           json_is_true(json_object_get(v, "special")), v, err);
        json_decref(id);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The later speaks louder. */
static int
add_all(struct maker *m, struct sov_err *err)
{
    json_t *more =
        json_object_get(m->old->specials, "additional_special_tokens");
    const char *text;
    const json_t *obj;
    json_t *v;
    size_t i;
    int rc = 0;

    json_object_foreach((json_t *)m->old->added, text, v)
    {
        rc = add_token(m, text, v, false, NULL, err);
        if (rc < 0)
            return rc;
    }
    json_array_foreach(more, i, v)
    {
        if (content_of(v) != NULL)
            rc = add_token(m, content_of(v),
                           json_object_get(m->old->added, content_of(v)), true,
                           v, err);
        if (rc < 0)
            return rc;
    }
    for (int r = 0; r < ROLES && rc == 0; r++) {
        text = token_of(m, (enum role)r, &obj);
        if (text != NULL)
            rc = add_token(m, text, json_object_get(m->old->added, text), true,
                           obj, err);
    }
    return rc < 0 ? rc : add_decoder(m, err);
}

/* ---- the file */

/* null where there is none */
static json_t *
frame(const struct maker *m)
{
    const json_t *obj;
    const char *cls = token_of(m, CLS, &obj);
    const char *sep = token_of(m, SEP, &obj);

    if (!m->class->framed || cls == NULL || sep == NULL)
        return json_null();
    return json_pack("{s:s, s:[s, i], s:[s, i]}", "type", "BertProcessing",
                     "sep", sep, 0, "cls", cls, 0);
}

static json_t *
file_of_words(const struct maker *m)
{
    const json_t *lower = json_object_get(m->old->config, "do_lower_case");
    const json_t *strip = json_object_get(m->old->config, "strip_accents");
    const json_t *chinese =
        json_object_get(m->old->config, "tokenize_chinese_chars");
    const json_t *obj;

    return json_pack(
        "{s:O, s:{s:s, s:b, s:O, s:b}, s:{s:s}, s:o, s:{s:s, s:s, s:s, s:O}}",
        "added_tokens", m->added, "normalizer", "type", "BertNormalizer",
        "lowercase", !json_is_false(lower), "strip_accents",
        json_is_boolean(strip) ? (json_t *)strip : json_null(),
        "handle_chinese_chars", !json_is_false(chinese), "pre_tokenizer",
        "type", "BertPreTokenizer", "post_processor", frame(m), "model", "type",
        "WordPiece", "unk_token", token_of(m, UNK, &obj),
        "continuing_subword_prefix", "##", "vocab", m->vocab);
}

static json_t *
file_of_bytes(const struct maker *m, json_t *merges)
{
    const json_t *space = json_object_get(m->old->config, "add_prefix_space");
    json_t *norm =
        m->class->nfc ? json_pack("{s:s}", "type", "NFC") : json_null();

    return json_pack(
        "{s:O, s:o, s:{s:s, s:[{s:s, s:{s:s}, s:s, s:b},"
        " {s:s, s:b, s:b}]}, s:o, s:{s:s, s:O, s:O}}",
        "added_tokens", m->added, "normalizer", norm, "pre_tokenizer", "type",
        "Sequence", "pretokenizers", "type", "Split", "pattern", "Regex",
        m->class->pattern->text, "behavior", "Isolated", "invert", 0, "type",
        "ByteLevel", "add_prefix_space", json_is_true(space), "use_regex", 0,
        "post_processor", frame(m), "model", "type", "BPE", "vocab", m->vocab,
        "merges", merges);
}

static int
make_bytes(const struct maker *m, json_t **out, struct sov_err *err)
{
    json_t *merges;
    int rc = read_merges(m, &merges, err);

    if (rc == 0) {
        *out = file_of_bytes(m, merges);
        rc = no_memory(*out == NULL ? -1 : 0, err);
    }
    json_decref(merges);
    return rc;
}

int
sov_hf_modern(const struct sov_hf_old *old, json_t **out, struct sov_err *err)
{
    struct maker m = { .old = old, .added = json_array() };
    const bool words = old->words.p != NULL;
    int rc = find_class(&m, err);

    *out = NULL;
    if (rc == 0 && words)
        m.vocab = json_object();
    else if (rc == 0)
        rc = sov_json_parse(old->vocab.p, old->vocab.len, &m.vocab, err);
    if (rc < 0 && m.class != NULL)
        sov_err_wrap(err, "vocab.json");
    if (rc == 0 && (m.vocab == NULL || m.added == NULL))
        rc = sov_mem_fail(err);
    if (rc == 0 && !json_is_object(m.vocab))
        rc = sov_fail(err, SOV_EFORMAT, "vocab.json: not a JSON object");
    if (rc == 0 && words)
        rc = read_words(&m, err);
    if (rc == 0)
        rc = add_all(&m, err);
    if (rc == 0 && words) {
        *out = file_of_words(&m);
        rc = no_memory(*out == NULL ? -1 : 0, err);
    } else if (rc == 0) {
        rc = make_bytes(&m, out, err);
    }
    json_decref(m.vocab);
    json_decref(m.added);
    return rc;
}
