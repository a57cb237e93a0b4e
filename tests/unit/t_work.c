/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_work.c - no text is an attack on a tokenizer
 *
 * lib/tok is compiled with steps counted (tok/work.h).  For texts that are long
 * in one way, twice the text must take no more than a little over twice the
 * steps, and the steps for each byte have a bound.
 */
#include "golden.h"
#include "spm_keys.h"

#include "base/buf.h"
#include "base/rng.h"
#include "tok/pretok.h"
#include "tok/tok.h"
#include "tok/work.h"

#include <string.h>

#define KEY  "tokenizer.ggml."
#define LEN  100000 /* bytes, and twice that */
#define MOST 200    /* steps a byte: 20 levels of a heap, or a long token */

uint64_t sov_tok_steps;

/* ---- texts */

#define WOMAN "\xf0\x9f\x91\xa9\xe2\x80\x8d"
#define GIRL  "\xf0\x9f\x91\xa7"

static const char *const units[] = {
    "A",
    " ",
    "\n",
    "\t\n",
    "1",
    "'",
    "\xcc\x81",                     /* combining marks */
    "e\xcc\x81\xcc\x82",
    WOMAN WOMAN GIRL,               /* a family */
    "a\xd1\x8f\xe3\x81\x82\xd7\x90", /* scripts in turn */
    "\xe4\xb8\x80",
    "\xea\xb0\x80",
    "ab",
    "a ",
    " a1",
    "A1_",
    "<",
    "<|",
    "<|end",
    "[",
    "</",
    "\xe2\x96\x81",
    "\xff",
    "\xe2\x96",
    "don't",
    NULL, /* one giant word of any letters */
    "",   /* the longest special token, all but its last byte */
};

#define N_UNITS (sizeof(units) / sizeof(*units))

static const char *
shown(size_t i)
{
    return units[i] == NULL ? "a word" : units[i][0] == '\0' ? "a beginning"
                                                             : units[i];
}

static struct sov_span
longest_special(const sov_tok *tok)
{
    struct sov_span best = { (const unsigned char *)"<<", 2 };

    for (size_t i = 0; i < tok->special.n; i++) {
        struct sov_span name = sov_tok_name(tok, tok->special.id[i]);

        if (name.len > best.len)
            best = name;
    }
    best.len--;
    return best;
}

/* LEN * times bytes of the unit, no part of it. */
static void
make_text(const sov_tok *tok, size_t unit, size_t times, struct sov_buf *b)
{
    struct sov_span s = { (const unsigned char *)units[unit],
                          units[unit] != NULL ? strlen(units[unit]) : 0 };

    if (units[unit] != NULL && s.len == 0)
        s = longest_special(tok);
    b->len = 0;
    for (uint64_t i = 0; b->len < LEN * times; i++) {
        uint32_t r[4];

        if (units[unit] != NULL) {
            sov_buf_add(b, s.p, s.len);
            continue;
        }
        sov_rng_block(1, 1, i, r);
        sov_buf_u8(b, (uint8_t)('a' + r[0] % 26));
    }
    ck_assert(!b->bad);
}

static uint64_t
steps_for(const sov_tok *tok, const struct sov_buf *text, bool marked)
{
    unsigned char *mark = marked ? malloc(text->len) : NULL;
    struct sov_err err = { 0 };
    int32_t *ids;
    size_t n;
    int rc;

    for (size_t i = 0; marked && i < text->len; i++)
        mark[i] = i / 3 % 2;
    sov_tok_steps = 0;
    rc = sov_tok_encode_marked(tok, (const char *)text->p, text->len, mark,
                               SOV_TOK_SPECIAL, &ids, &n, &err);
    ck_assert_msg(rc == 0, "%s", err.msg);
    free(ids);
    free(mark);
    return sov_tok_steps;
}

static void
check(const char *name, const sov_tok *tok)
{
    struct sov_buf text = { 0 };
    uint64_t most = 0;
    size_t worst = 0;

    for (size_t i = 0; i < N_UNITS; i++) {
        uint64_t once, twice;

        make_text(tok, i, 1, &text);
        once = steps_for(tok, &text, i % 2);
        make_text(tok, i, 2, &text);
        twice = steps_for(tok, &text, i % 2);
        ck_assert_msg(2 * twice <= 5 * once + LEN,
                      "%s, \"%s\": %llu steps, and %llu for twice the text",
                      name, shown(i), (unsigned long long)once,
                      (unsigned long long)twice);
        ck_assert_msg(twice <= MOST * text.len,
                      "%s, \"%s\": %llu steps for %zu bytes", name, shown(i),
                      (unsigned long long)twice, text.len);
        if (twice / text.len > most) {
            most = twice / text.len;
            worst = i;
        }
    }
    printf("%s: at most %llu steps a byte (%s)\n", name,
           (unsigned long long)most, shown(worst));
    sov_buf_free(&text);
}

START_TEST(published_vocabularies_take_linear_work)
{
    if (!golden_there("published_vocabularies_take_linear_work"))
        return;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        sov_tok *tok = golden_tok(golden_names[i]);

        check(golden_names[i], tok);
        sov_tok_free(tok);
    }
}
END_TEST

/* ---- vocabularies made here */

struct made {
    sov_meta *meta;
    struct sov_buf names;
    struct sov_buf types;
    struct sov_buf scores;
    struct sov_buf rules;
    uint32_t n;
    uint64_t n_rules;
};

static void
add(struct made *m, const char *name, unsigned type)
{
    sov_buf_str(&m->names, name, strlen(name));
    sov_buf_u32(&m->types, type);
    sov_buf_f32(&m->scores, -(float)(m->n % 7));
    m->n++;
}

static void
rule(struct made *m, const char *text)
{
    sov_buf_str(&m->rules, text, strlen(text));
    m->n_rules++;
}

#define MARK "\xe2\x96\x81"

/* Tokens and rules that join what the texts are made of. */
static sov_tok *
make(const char *kind, const char *pre)
{
    static const char *const names[] = {
        "A", "a", "b", "ab", "aa", "AA", "AAAA", "AAAAAAAA", "AAA", "1", "11",
        "\xcc\x81", "\xcc\x81\xcc\x81", MARK, MARK MARK, MARK "a", MARK "A",
        "<", "|", "<|", "\xe4\xb8\x80", "\xe4\xb8\x80\xe4\xb8\x80", "aab", "ba",
        "\n", "\n\n", "\n\n\n\n", "abab", NULL,
    };
    static const char *const rules[] = {
        "A A", "AA AA", "AAAA AAAA", "a b", "a a", "1 1", "b a", "ab ab",
        "\xcc\x81 \xcc\x81", "\xe4\xb8\x80 \xe4\xb8\x80", "< |", "AA A",
        MARK " " MARK, MARK " a", "\n \n", "\n\n \n\n", "\xc4\xa0 \xc4\xa0",
        NULL,
    };
    struct made m = { 0 };
    struct sov_err err = { 0 };
    sov_tok *tok;

    ck_assert_int_eq(sov_meta_new(&m.meta, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(m.meta, KEY "model", kind, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(m.meta, KEY "pre", pre, NULL), 0);
    add(&m, "<unk>", 2);
    add(&m, "<s>", 3);
    add(&m, "</s>", 3);
    add(&m, "<|end|>", 3);
    add(&m, "<<<<<<<<<<<<<<<<<<<<<<<<<<x", 4);
    for (unsigned b = 0; b < 256; b++) {
        char name[8];

        snprintf(name, sizeof(name), "<0x%02X>", b);
        add(&m, name, 6);
    }
    for (size_t i = 0; names[i] != NULL; i++)
        add(&m, names[i], 1);
    for (size_t i = 0; rules[i] != NULL; i++)
        rule(&m, rules[i]);
    spm_array(m.meta, KEY "tokens", SOV_V_STR, m.n, &m.names);
    spm_array(m.meta, KEY "token_type", SOV_V_I32, m.n, &m.types);
    spm_array(m.meta, KEY "scores", SOV_V_F32, m.n, &m.scores);
    spm_array(m.meta, KEY "merges", SOV_V_STR, m.n_rules, &m.rules);
    ck_assert_int_eq(
        sov_meta_set_u32(m.meta, KEY "unknown_token_id", 0, NULL), 0);
    ck_assert_msg(sov_tok_load(&tok, m.meta, &err) == 0, "%s, %s: %s", kind,
                  pre, err.msg);
    sov_meta_free(m.meta);
    return tok;
}

START_TEST(every_kind_takes_linear_work)
{
    static const char *const kinds[] = { "llama", "bert", "t5", "gemma4",
                                         "whitespace" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        sov_tok *tok = make(kinds[i], i == 4 ? "whitespace" : "default");

        check(kinds[i], tok);
        sov_tok_free(tok);
    }
}
END_TEST

/* What PCRE2 does is not counted here; it has limits of its own. */
START_TEST(every_pretokenizer_takes_linear_work)
{
    const struct sov_pre *row;

    for (size_t i = 0; (row = sov_pre_at(i)) != NULL; i++) {
        char name[64];
        size_t n = strcspn(row->names, " ");
        bool counted = true;
        sov_tok *tok;

        for (size_t k = 0; row->stage[k] != NULL; k++)
            counted = counted && (row->stage[k]->scan != NULL ||
                                  row->stage[k]->digit != NULL);
        if (!counted)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)n, row->names);
        tok = make("gpt2", name);
        check(name, tok);
        sov_tok_free(tok);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("work");

    tcase_add_test(tc, every_kind_takes_linear_work);
    tcase_add_test(tc, every_pretokenizer_takes_linear_work);
    tcase_add_test(tc, published_vocabularies_take_linear_work);
    return unit_main("work", tc);
}
