/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_sieve.c - unit tests of lib/distill: which documents are kept
 */
#include "unit.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "distill/near.h"
#include "distill/sieve.h"
#include "sov/base.h"

#include <stdio.h>
#include <string.h>

static struct sov_err err;

/* n words of chance, in lines of ten; part: of them so many in a hundred are
 * other ones. */
static char *
words(uint64_t seed, size_t n, uint64_t other, unsigned part)
{
    char *text = sov_mem_array(n, 12);
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t r[4], w[4];
        size_t len;

        sov_rng_block(other, 1, i, r);
        sov_rng_block(r[0] % 100 < part ? other : seed, 2, i, w);
        len = 3 + w[0] % 6;
        for (size_t k = 0; k < len; k++, w[1 + k / 4] /= 26)
            text[at++] = (char)('a' + w[1 + k / 4] % 26);
        text[at++] = i % 10 == 9 ? '\n' : ' ';
    }
    text[at] = '\0';
    return text;
}

static int
take(sov_sieve *s, const char *text, struct sov_span *kept)
{
    struct sov_doc doc = {
        .text = { (const unsigned char *)text, strlen(text) },
        .name = "a file",
        .line = 3,
        .begins = true,
        .ends = true,
    };
    struct sov_span span;

    return sov_sieve_take(s, &doc, kept != NULL ? kept : &span, &err);
}

static sov_sieve *
open_sieve(const struct sov_sieve_opts *opts)
{
    sov_sieve *s;

    ck_assert_msg(sov_sieve_new(&s, opts, &err) == 0, "%s", err.msg);
    return s;
}

/* What was dropped for this reason, or -1. */
static int
dropped(const sov_sieve *s, const char *reason)
{
    json_t *o, *list;
    char *text;
    size_t len;
    int n = -1;

    ck_assert_int_eq(sov_sieve_report(s, true, &text, &len, &err), 0);
    ck_assert_msg(sov_json_parse(text, len, &o, &err) == 0, "%s", err.msg);
    list = json_object_get(o, "dropped");
    ck_assert(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);

        if (strcmp(json_string_value(json_object_get(r, "reason")), reason))
            continue;
        n = (int)json_integer_value(json_object_get(r, "documents"));
        ck_assert_uint_ge(json_array_size(json_object_get(r, "examples")), 1);
    }
    json_decref(o);
    free(text);
    return n;
}

/* ---- rules */

/* begin, n times what comes again, and then other words so many. */
static const struct {
    const char *reason;
    const char *limits; /* of the others, to try this one alone */
    size_t bad_words;
    const char *bad;
    size_t bad_times;
    size_t good_words;
    const char *good;
    size_t good_times;
} rule[] = {
    { "characters", "words=off", 4, "", 0, 40, "", 0 },
    { "words", "characters=off", 19, "", 0, 20, "", 0 },
    { "controls", NULL, 60, "\001", 2, 200, "\001", 1 },
    { "letters", "digits=off,common-phrase=off,repeated-phrases=off", 60,
      "(12 34) ", 60, 60, "(12 34) ", 20 },
    { "digits", "letters=off,common-phrase=off,repeated-phrases=off", 60,
      "12 34 ", 80, 60, "12 34 ", 20 },
    { "symbols", "letters=off,common-phrase=off,repeated-phrases=off", 60,
      "+ a", 60, 60, "+ a", 10 },
    { "symbol-runs", NULL, 60, "---- ", 20, 60, "--- ", 20 },
    { "word-length", "common-phrase=off,repeated-phrases=off", 20,
      "abcdefghijklmnopqrstuvwxyz ", 20, 40, "abcdefghijklmnopqrstuvwxyz ", 8 },
    { "longest-word", "word-length=off", 60, "x", 1001, 60, "x", 1000 },
    { "repeated-lines",
      "common-phrase=off,repeated-text=off,repeated-phrases=off", 100,
      "\nThat one comes again.\n", 8, 100, "\nThat one comes again.\n", 3 },
    { "repeated-text", "common-phrase=off,repeated-phrases=off", 100,
      "\nThis is a line that comes again and again, it is long enough\n", 4,
      100, "\nThis is a line that comes again and again\n", 2 },
    { "common-phrase", "repeated-phrases=off", 60, "one two three ", 16, 60,
      "one two three ", 4 },
    { "repeated-phrases", "common-phrase=off", 60,
      "one two three four five six seven eight nine ten ", 3, 200,
      "one two three four five six seven eight nine ten ", 2 },
};

static char *
compose(uint64_t seed, size_t n, const char *again, size_t times)
{
    char *plain = words(seed, n, 0, 0);
    size_t at = strlen(plain), len = strlen(again);
    char *text = sov_mem_array(at + len * times + 1, 1);

    memcpy(text, plain, at);
    for (size_t i = 0; i < times; i++, at += len)
        memcpy(text + at, again, len);
    free(plain);
    return text;
}

START_TEST(each_rule_drops_and_keeps)
{
    struct sov_sieve_opts o = { .filter = true };
    char *bad =
        compose(_i, rule[_i].bad_words, rule[_i].bad, rule[_i].bad_times);
    char *good =
        compose(_i, rule[_i].good_words, rule[_i].good, rule[_i].good_times);
    char limits[200];
    sov_sieve *s;

    o.limits = rule[_i].limits;
    s = open_sieve(&o);
    ck_assert_int_eq(take(s, good, NULL), 1);
    ck_assert_int_eq(take(s, bad, NULL), 0);
    ck_assert_msg(dropped(s, rule[_i].reason) == 1, "%s", rule[_i].reason);
    sov_sieve_free(s);

    snprintf(limits, sizeof(limits), "%s%s%s=off",
             rule[_i].limits != NULL ? rule[_i].limits : "",
             rule[_i].limits != NULL ? "," : "", rule[_i].reason);
    o.limits = limits; /* nothing else drops it */
    s = open_sieve(&o);
    ck_assert_int_eq(take(s, bad, NULL), 1);
    sov_sieve_free(s);

    o.limits = NULL; /* a matter of taste */
    o.filter = false;
    s = open_sieve(&o);
    ck_assert_int_eq(take(s, bad, NULL), 1);
    sov_sieve_free(s);
    free(good);
    free(bad);
}
END_TEST

START_TEST(what_is_no_text_is_dropped_always)
{
    char *text = words(1, 100, 0, 0);
    struct sov_doc doc = {
        .text = { (const unsigned char *)text, strlen(text) },
        .name = "a file",
        .begins = true,
        .ends = true,
    };
    struct sov_span kept;
    struct sov_sieve_counts c;
    sov_sieve *s = open_sieve(NULL);

    ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1);
    ck_assert_ptr_eq(kept.p, doc.text.p);
    doc.broken = doc.text.len / 101;
    ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1);
    doc.broken = doc.text.len / 99 + 1;
    ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 0);
    doc.broken = 0;
    doc.nuls = 1;
    ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 0);
    ck_assert_int_eq(dropped(s, "nuls"), 1);
    ck_assert_int_eq(dropped(s, "broken"), 1);
    sov_sieve_count(s, &c);
    ck_assert_uint_eq(c.docs, 4);
    ck_assert_uint_eq(c.kept, 2);
    ck_assert_uint_eq(c.kept_bytes, 2 * doc.text.len);
    ck_assert_uint_eq(c.repaired, 1);
    sov_sieve_free(s);
    free(text);
}
END_TEST

/* Chinese has no spaces, and is text. */
START_TEST(other_scripts_are_text)
{
    struct sov_sieve_opts o = { .filter = true };
    char text[2000] = "";
    sov_sieve *s = open_sieve(&o);

    for (int i = 0; i < 200; i++) {
        unsigned c = 0x4e00 + (unsigned)i * 37;
        size_t at = strlen(text);

        text[at] = (char)(0xe0 | c >> 12);
        text[at + 1] = (char)(0x80 | (c >> 6 & 0x3f));
        text[at + 2] = (char)(0x80 | (c & 0x3f));
        if (i % 20 == 19)
            strcat(text, "\xe3\x80\x82");
    }
    ck_assert_int_eq(take(s, text, NULL), 1);
    sov_sieve_free(s);
}
END_TEST

START_TEST(wrong_limits_are_named)
{
    static const char *const wrong[] = { "word=3",   "words",
                                         "words=",   "words=x",
                                         "words=-1", "words=nan",
                                         "=3",       "words=3,,letters=0.5" };
    sov_sieve *s;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct sov_sieve_opts o = { .limits = wrong[i] };

        ck_assert_msg(sov_sieve_new(&s, &o, &err) == SOV_EARG, "%s", wrong[i]);
        ck_assert_ptr_null(s);
        ck_assert(strstr(err.msg, "longest-word") != NULL);
    }
    ck_assert_int_eq(
        sov_sieve_new(&s, &(struct sov_sieve_opts){ .near = 1.5 }, &err),
        SOV_EARG);
}
END_TEST

/* ---- documents that were there before */

START_TEST(equal_documents_are_kept_once)
{
    struct sov_sieve_opts o = { .exact = true };
    sov_sieve *s = open_sieve(&o);

    ck_assert_int_eq(take(s, "one and two", NULL), 1);
    ck_assert_int_eq(take(s, "one and three", NULL), 1);
    ck_assert_int_eq(take(s, "one and two", NULL), 0);
    ck_assert_int_eq(take(s, "\n one and two\t\n\n", NULL), 0);
    ck_assert_int_eq(take(s, "One and two", NULL), 1);
    ck_assert_int_eq(dropped(s, "equal"), 2);
    sov_sieve_free(s);
}
END_TEST

/* Shares of phrases that two lists of words have in common. */
static double
alike(const char *a, const char *b)
{
    const char *text[2] = { a, b };
    static char phrase[2][4000][80];
    size_t n[2] = { 0, 0 }, both = 0;

    for (int t = 0; t < 2; t++) {
        char w[5][16] = { "" };
        size_t k = 0;

        for (const char *p = text[t]; *p != '\0';) {
            size_t len = strcspn(p, " \n");

            memmove(w[0], w[1], sizeof(w) - sizeof(w[0]));
            snprintf(w[4], sizeof(w[4]), "%.*s", (int)len, p);
            p += len + 1;
            if (++k >= 5)
                snprintf(phrase[t][n[t]++], 80, "%s %s %s %s %s", w[0], w[1],
                         w[2], w[3], w[4]);
        }
    }
    for (size_t i = 0; i < n[0]; i++) /* words keep their places */
        both += i < n[1] && strcmp(phrase[0][i], phrase[1][i]) == 0;
    return (double)both / (double)(n[0] + n[1] - both);
}

START_TEST(likeness_is_what_it_is)
{
    for (unsigned part = 0; part <= 20; part++) {
        char *a = words(part, 2000, 0, 0);
        char *b = words(part, 2000, 77 + part, part);
        struct sov_sieve_opts o = { .near = 0.0001 };
        double real = alike(a, b), value = 0;
        sov_sieve *s = open_sieve(&o);
        json_t *j;
        char *text;
        size_t len;

        ck_assert_int_eq(take(s, a, NULL), 1);
        if (take(s, b, NULL) == 0) {
            ck_assert_int_eq(sov_sieve_report(s, true, &text, &len, &err), 0);
            ck_assert_int_eq(sov_json_parse(text, len, &j, &err), 0);
            value = json_number_value(json_object_get(
                json_array_get(
                    json_object_get(
                        json_array_get(json_object_get(j, "dropped"), 0),
                        "examples"),
                    0),
                "value"));
            json_decref(j);
            free(text);
            /* four times the deviation of 128 throws */
            ck_assert_msg(value > real - 0.15 && value < real + 0.15,
                          "%g, not %g", value, real);
        } else {
            ck_assert_msg(real < 0.8, "not found at %g", real);
        }
        sov_sieve_free(s);
        free(a);
        free(b);
    }
}
END_TEST

/* How many of documents first .. first + n - 1 are kept; of each so many words
 * in a hundred are other ones. */
static unsigned
take_many(sov_sieve *s, uint64_t first, uint64_t n, uint64_t other,
          unsigned part)
{
    unsigned kept = 0;

    for (uint64_t i = first; i < first + n; i++) {
        char *text = words(i, 400, other + i, part);
        int rc = take(s, text, NULL);

        ck_assert_int_ge(rc, 0);
        kept += rc > 0;
        free(text);
    }
    return kept;
}

/* Copies that were planted are found, and nothing else. */
START_TEST(planted_copies_are_found)
{
    struct sov_sieve_opts o = { .exact = true, .near = 0.8 };

    for (unsigned threads = 1; threads < 4; threads++) {
        sov_sieve *s = open_sieve(&o);

        sov_set_threads(threads);
        ck_assert_uint_eq(take_many(s, 0, 300, 0, 0), 300);
        ck_assert_uint_eq(take_many(s, 0, 100, 0, 0), 0);
        ck_assert_int_eq(dropped(s, "equal"), 100);
        /* four words of 400, or ten by chance: then it is 0.78 */
        ck_assert_uint_le(take_many(s, 100, 100, 1000, 1), 3);
        ck_assert_int_ge(dropped(s, "alike"), 90); /* some are equal */
        ck_assert_uint_eq(take_many(s, 200, 100, 1000, 30), 100);
        ck_assert_uint_eq(take_many(s, 5000, 100, 0, 0), 100);
        sov_sieve_free(s);
    }
    sov_set_threads(0);
}
END_TEST

START_TEST(what_was_first_is_forgotten_first)
{
    sov_near *n;
    double share;

    ck_assert_int_eq(sov_near_new(&n, 0.8, 0, &err), 0); /* 64 and 64 */
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t word[20];

        for (uint32_t k = 0; k < 20; k++)
            word[k] = i * 20 + k;
        ck_assert_int_eq(sov_near_look(n, word, 20, &share, &err), 0);
        for (uint32_t k = 0; k < 20; k++) /* those of before are known */
            word[k] = (i < 60 ? 0 : i - 60) * 20 + k;
        ck_assert_int_eq(sov_near_look(n, word, 20, &share, &err), 1);
    }
    ck_assert_uint_eq(sov_near_forgotten(n), 896);
    sov_near_free(n);
}
END_TEST

START_TEST(short_documents_are_like_none)
{
    struct sov_sieve_opts o = { .near = 0.8 };
    sov_sieve *s = open_sieve(&o);

    ck_assert_int_eq(take(s, "a b c d", NULL), 1);
    ck_assert_int_eq(take(s, "a b c d", NULL), 1);
    ck_assert_int_eq(take(s, "", NULL), 1);
    ck_assert_int_eq(take(s, "a b c d e", NULL), 1);
    ck_assert_int_eq(take(s, "A, b! C? d (e)", NULL), 0);
    sov_sieve_free(s);
}
END_TEST

/* ---- lines that come again */

START_TEST(lines_are_cut_out)
{
    static const char text[] = "All rights reserved, by nobody.\nA short one\n"
                               "And what is only here: %d\n";
    struct sov_sieve_opts o = { .lines = 2 };
    sov_sieve *s = open_sieve(&o);
    struct sov_sieve_counts c;
    char doc[200], want[200];

    for (int i = 0; i < 5; i++) {
        struct sov_span kept;

        snprintf(doc, sizeof(doc), text, i);
        snprintf(want, sizeof(want), i < 2 ? text : strchr(text, '\n') + 1, i);
        ck_assert_int_eq(take(s, doc, &kept), 1);
        ck_assert_uint_eq(kept.len, strlen(want));
        ck_assert(memcmp(kept.p, want, kept.len) == 0);
    }
    sov_sieve_count(s, &c);
    ck_assert_uint_eq(c.lines, 3);
    ck_assert_uint_eq(c.lines_bytes, 3 * 32);
    ck_assert_int_eq(take(s, "  All rights reserved, by nobody.\n\n", NULL), 0);
    ck_assert_int_eq(dropped(s, "lines"), 1);
    sov_sieve_count(s, &c);
    ck_assert_uint_eq(c.lines, 3);
    sov_sieve_free(s);
}
END_TEST

/* Parts share the fate of the first one. */
START_TEST(parts_stay_together)
{
    struct sov_sieve_opts o = { .exact = true };
    struct sov_doc doc = { .text = { (const unsigned char *)"a part", 6 },
                           .name = "x",
                           .begins = true };
    struct sov_sieve_counts c;
    struct sov_span kept;
    sov_sieve *s = open_sieve(&o);

    for (int i = 0; i < 2; i++) {
        doc.begins = true;
        ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1 - i);
        doc.begins = false;
        ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1 - i);
        ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1 - i);
    }
    doc.begins = true;
    doc.text.len = 5;
    ck_assert_int_eq(sov_sieve_take(s, &doc, &kept, &err), 1);
    sov_sieve_count(s, &c);
    ck_assert_uint_eq(c.docs, 3);
    ck_assert_uint_eq(c.kept, 2);
    sov_sieve_free(s);
}
END_TEST

START_TEST(reports_can_be_read)
{
    struct sov_sieve_opts o = { .filter = true, .lines = 1 };
    sov_sieve *s = open_sieve(&o);
    char *text, *good = words(1, 100, 0, 0);
    size_t len;

    ck_assert_int_eq(take(s, good, NULL), 1);
    ck_assert_int_eq(take(s, "\033[31m short \xe2\x80\xae", NULL), 0);
    ck_assert_int_eq(sov_sieve_report(s, false, &text, &len, &err), 0);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert(strstr(text, "a file:3: 13: \"?[31m short ?\"") != NULL);
    ck_assert(strstr(text, "(at least 100) characters\n") != NULL);
    ck_assert(strchr(text, '\033') == NULL);
    free(text);
    ck_assert_int_eq(take(s, good, NULL), 0);
    ck_assert_int_eq(dropped(s, "lines"), 1);
    sov_sieve_free(s);
    free(good);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("sieve");

    tcase_add_loop_test(tc, each_rule_drops_and_keeps, 0,
                        sizeof(rule) / sizeof(rule[0]));
    tcase_add_test(tc, what_is_no_text_is_dropped_always);
    tcase_add_test(tc, other_scripts_are_text);
    tcase_add_test(tc, wrong_limits_are_named);
    tcase_add_test(tc, equal_documents_are_kept_once);
    tcase_add_test(tc, likeness_is_what_it_is);
    tcase_add_test(tc, planted_copies_are_found);
    tcase_add_test(tc, what_was_first_is_forgotten_first);
    tcase_add_test(tc, short_documents_are_like_none);
    tcase_add_test(tc, lines_are_cut_out);
    tcase_add_test(tc, parts_stay_together);
    tcase_add_test(tc, reports_can_be_read);
    return unit_main("sieve", tc);
}
