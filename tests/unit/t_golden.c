/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_golden.c - published vocabularies: out to a folder and back, and what text
 * must not become
 */
#include "golden.h"

#include "arch/export.h"
#include "arch/import.h"
#include "base/buf.h"
#include "base/rng.h"
#include "base/text.h"
#include "tok/tok.h"

#include <string.h>

/* ---- GGUF, Hugging Face, GGUF */

/* The keys of the tokenizer alone. */
static sov_meta *
tokenizer_keys(const sov_model *m)
{
    const sov_meta *all = sov_model_meta(m);
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    for (size_t i = 0; i < sov_meta_count(all); i++)
        if (strncmp(sov_meta_at(all, i)->key, "tokenizer.", 10) == 0)
            ck_assert_int_eq(sov_meta_set(meta, sov_meta_at(all, i), NULL), 0);
    return meta;
}

static bool
same(const struct sov_kv *a, const struct sov_kv *b)
{
    return strcmp(a->key, b->key) == 0 && a->type == b->type &&
           a->elem == b->elem && a->n == b->n && a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

/* What the files of x are imported as, in im; the shadow is the caller's. */
static sov_model *
import(const char *name, const sov_model *m, struct sov_export *x,
       struct sov_import *im)
{
    struct sov_err err = { 0 };
    sov_model *shadow;
    int rc = sov_model_shadow(&shadow, m, x->config, x->side, x->n_sides,
                              SOV_TYPE_NONE, &err);

    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    *im = (struct sov_import){ .model = shadow, .config = x->config };
    ck_assert_int_eq(sov_meta_new(&im->meta, NULL), 0);
    rc = sov_import_vocab(im, sov_meta_find(x->meta, "tokenizer.ggml.tokens")->n,
                          &err);
    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    return shadow;
}

static void
check_back(const char *name, const sov_meta *want, const sov_meta *got)
{
    for (size_t i = 0; i < sov_meta_count(want); i++) {
        const struct sov_kv *kv = sov_meta_at(want, i);
        const struct sov_kv *back = sov_meta_at(got, i);

        ck_assert_msg(back != NULL && same(kv, back), "%s: %s is %s", name,
                      kv->key, back == NULL ? "missing" : "another");
    }
    ck_assert_msg(sov_meta_count(got) == sov_meta_count(want),
                  "%s: there is %s, too", name,
                  sov_meta_at(got, sov_meta_count(want))->key);
}

static void
out_and_back(const char *name, const sov_model *m, const sov_meta *meta)
{
    struct sov_export x = { .meta = meta, .config = json_object() };
    struct sov_err err = { 0 };
    struct sov_import im;
    sov_model *shadow;
    int rc = sov_export_vocab(&x, &err);

    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    shadow = import(name, m, &x, &im);
    rc = sov_carried_write(x.config, meta, im.meta, &err);
    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    sov_import_free(&im);
    sov_model_close(shadow);
    shadow = import(name, m, &x, &im);
    rc = sov_carried_read(&im, &err);
    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    check_back(name, meta, im.meta);
    sov_import_free(&im);
    sov_model_close(shadow);
    for (size_t i = 0; i < x.n_sides; i++)
        free(x.bytes[i]);
    json_decref(x.config);
}

START_TEST(vocabularies_go_out_and_come_back)
{
    if (!golden_there("vocabularies_go_out_and_come_back"))
        return;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        sov_model *m = golden_model(golden_names[i]);
        sov_meta *meta = tokenizer_keys(m);

        out_and_back(golden_names[i], m, meta);
        sov_meta_free(meta);
        sov_model_close(m);
    }
}
END_TEST

/* The tokens of a vocabulary of SentencePiece as one of unigram. */
START_TEST(a_unigram_goes_out_and_comes_back)
{
    static const char *const flags[] = { "add_space_prefix",
                                         "remove_extra_whitespaces",
                                         "add_bos_token", "add_eos_token" };

    if (!golden_there("a_unigram_goes_out_and_comes_back"))
        return;
    for (unsigned bits = 0; bits < 16; bits += 3) {
        sov_model *m = golden_model("llama-spm");
        sov_meta *meta = tokenizer_keys(m);
        char key[80];

        ck_assert_int_eq(
            sov_meta_set_str(meta, "tokenizer.ggml.model", "t5", NULL), 0);
        for (unsigned i = 0; i < 4; i++) {
            snprintf(key, sizeof(key), "tokenizer.ggml.%s", flags[i]);
            ck_assert_int_eq(
                sov_meta_set_bool(meta, key, bits >> i & 1, NULL), 0);
        }
        ck_assert_int_eq(
            sov_meta_set_text(meta, "tokenizer.ggml.precompiled_charsmap",
                              bits & 1 ? "u8[]" : "i8[]", "[4,0,0,0,1,2,3,0]",
                              17, NULL), 0);
        out_and_back("llama-spm as unigram", m, meta);
        sov_meta_free(meta);
        sov_model_close(m);
    }
}
END_TEST

/* ---- text and control tokens */

static size_t
encode(const sov_tok *tok, const struct sov_buf *text,
       const unsigned char *mark, unsigned flags, int32_t **ids)
{
    struct sov_err err = { 0 };
    size_t n = 0;
    int rc = sov_tok_encode_marked(tok, (const char *)text->p, text->len, mark,
                                   flags, ids, &n, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return n;
}

static size_t
count_control(const sov_tok *tok, const int32_t *ids, size_t n)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += sov_tok_is_control(tok, ids[i]);
    return found;
}

/* The names of all control tokens, by themselves and within words. */
static size_t
type_all(const sov_tok *tok, struct sov_buf *b)
{
    static const char *const between[] = { "", " ", "a", "\n", "<", ">" };
    size_t n = 0;

    for (size_t i = 0; i < sov_tok_count(tok); i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);

        if (!sov_tok_is_control(tok, (int32_t)i))
            continue;
        sov_buf_add(b, name.p, name.len);
        sov_buf_add(b, between[n % 6], strlen(between[n % 6]));
        n++;
    }
    return n;
}

/*
 * What the unknown token of WordPiece is called is a control token's name; it
 * stands for words that nobody knows, and is no control token there.
 */
START_TEST(no_text_becomes_a_control_token)
{
    if (!golden_there("no_text_becomes_a_control_token"))
        return;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        sov_tok *tok = golden_tok(golden_names[i]);
        struct sov_buf text = { 0 };
        size_t names = type_all(tok, &text);
        unsigned char *mark = malloc(text.len);
        int32_t *ids;
        size_t n, found;

        ck_assert(names > 0 && mark != NULL && !text.bad);
        n = encode(tok, &text, NULL, SOV_TOK_PLAIN, &ids);
        found = count_control(tok, ids, n);
        for (size_t k = 0; k < n; k++) /* unknown words of BERT */
            found -= i == 0 && ids[k] == 100;
        ck_assert_msg(found == 0, "%s: %zu typed control tokens",
                      golden_names[i], found);
        free(ids);
        memset(mark, 1, text.len);
        n = encode(tok, &text, mark, SOV_TOK_SPECIAL, &ids);
        found = count_control(tok, ids, n);
        for (size_t k = 0; k < n; k++)
            found -= i == 0 && ids[k] == 100;
        ck_assert_msg(found == 0, "%s: %zu marked control tokens",
                      golden_names[i], found);
        free(ids);
        n = encode(tok, &text, NULL, SOV_TOK_SPECIAL, &ids);
        found = count_control(tok, ids, n);
        ck_assert_msg(found >= names, "%s: %zu of %zu control tokens",
                      golden_names[i], found, names);
        free(ids);
        memset(mark, 0, text.len);
        ck_assert_uint_eq(
            encode(tok, &text, mark, SOV_TOK_PLAIN, &ids), n);
        free(ids);
        free(mark);
        sov_buf_free(&text);
        sov_tok_free(tok);
    }
}
END_TEST

/* ---- text that nobody wrote */

static void
add_random(struct sov_buf *b, size_t len)
{
    for (uint64_t i = 0; b->len < len; i++) {
        unsigned char utf8[4];
        uint32_t r[4];
        uint32_t cp;

        sov_rng_block(20261120, 1, i, r);
        cp = r[0] % 5 < 2 ? 0x20 + r[1] % 0x5f
             : r[0] % 5 < 4 ? 1 + r[1] % 0x3100
                            : 1 + r[1] % 0x10ffff;
        if ((cp < 0xd800 || cp >= 0xe000) && cp != 0x2581) /* a space */
            sov_buf_add(b, utf8, sov_utf8_put(cp, utf8));
    }
}

START_TEST(a_megabyte_of_anything_comes_back)
{
    struct sov_buf text = { 0 };

    if (!golden_there("a_megabyte_of_anything_comes_back"))
        return;
    add_random(&text, 1 << 20);
    ck_assert(!text.bad);
    for (size_t i = 1; i < N_GOLDEN; i++) { /* WordPiece loses much */
        sov_tok *tok = golden_tok(golden_names[i]);
        size_t at = 0;
        int32_t *ids;
        size_t n = encode(tok, &text, NULL, SOV_TOK_PLAIN, &ids);

        for (size_t k = 0; k < n; k++) {
            struct sov_span p = sov_tok_piece(tok, ids[k]);
            size_t skip = k == 0 && sov_tok_space_prefix(tok);

            /* some bytes have no token in some vocabularies */
            while (p.len > 0 && at < text.len && text.p[at] != p.p[skip] &&
                   tok->byte_id[text.p[at]] < 0)
                at++;
            ck_assert_msg(p.len - skip <= text.len - at &&
                              memcmp(text.p + at, p.p + skip, p.len - skip) ==
                                  0,
                          "%s: another text from byte %zu on", golden_names[i],
                          at);
            at += p.len - skip;
        }
        ck_assert_uint_eq(at, text.len);
        free(ids);
        sov_tok_free(tok);
    }
    sov_buf_free(&text);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("golden");

    tcase_add_test(tc, vocabularies_go_out_and_come_back);
    tcase_add_test(tc, a_unigram_goes_out_and_comes_back);
    tcase_add_test(tc, no_text_becomes_a_control_token);
    tcase_add_test(tc, a_megabyte_of_anything_comes_back);
    return unit_main("golden", tc);
}
