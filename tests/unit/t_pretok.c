/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_pretok.c - unit tests of the pre-tokenizers: scanners against PCRE2
 *
 * PCRE2 knows another version of Unicode than our table, whichever is
 * installed.  So the two are first compared character by character, and the
 * texts are made of what both know.
 */
#include "unit.h"

#include "base/rng.h"
#include "base/text.h"
#include "tok/pretok.h"
#include "tok/uclass.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const struct sov_pattern *pattern;
} patterns[] = {
#define PATTERN(sym, scanner, text) { #sym, &sov_pat_##sym },
#include "tok/patterns.def"
#undef PATTERN
};

#define N_PATTERNS (sizeof(patterns) / sizeof(*patterns))

/* ---- the table of classes */

static const struct {
    const char *text;
    unsigned mask;
} classes[] = {
    { "\\p{Lu}", SOV_UC_LU },  { "\\p{Ll}", SOV_UC_LL },
    { "\\p{Lt}", SOV_UC_LT },  { "\\p{Lm}", SOV_UC_LM },
    { "\\p{Lo}", SOV_UC_LO },  { "\\p{M}", SOV_UC_M },
    { "\\p{N}", SOV_UC_N },    { "\\p{P}", SOV_UC_P },
    { "\\p{S}", SOV_UC_S },    { "\\s", SOV_UC_SPACE },
    { "\\p{Cn}", SOV_UC_NONE }, { "\\p{C}", SOV_UC_NONE | SOV_UC_C |
                                                SOV_UC_BLANK | SOV_UC_EOL },
};

static bool odd[0x110000]; /* where the two versions differ */

static struct sov_pieces *
pieces_of(struct sov_pretok *pt)
{
    struct sov_err err = { 0 };
    struct sov_pieces *ps;

    ck_assert_msg(sov_pieces_new(&ps, pt, &err) == 0, "%s", err.msg);
    return ps;
}

static struct sov_pretok *
plain(const char *text)
{
    const struct sov_pattern p = { .text = text };
    struct sov_err err = { 0 };
    struct sov_pretok *pt;

    ck_assert_msg(sov_pretok_plain(&pt, &p, &err) == 0, "%s: %s", text,
                  err.msg);
    return pt;
}

/*
 * Behind two others that are not of the class: the last piece is the character
 * alone if it matches, and all three if it does not.
 */
static bool
in_class(struct sov_pieces *ps, unsigned mask, uint32_t cp)
{
    unsigned char text[8] = "--";
    size_t n = 2 + sov_utf8_put(cp, text + 2);
    size_t at = 0, end = 0;

    if (mask == SOV_UC_P)
        memcpy(text, "xx", 2);
    sov_pieces_begin(ps, text, n);
    while (end < n)
        ck_assert_int_eq(sov_pieces_next(ps, &at, &end, NULL), 1);
    return at == 2;
}

/* Characters beside one of another class, and some of those between. */
static bool
worth_a_look(uint32_t cp)
{
    if (cp >= 0xd800 && cp < 0xe000)
        return false;
    return cp % 61 == 0 || cp < 0x600 || cp > 0x10fffd ||
           sov_uclass_of(cp) != sov_uclass_of(cp - 1) ||
           sov_uclass_of(cp) != sov_uclass_of(cp + 1);
}

/* Fill odd; what differs must be unknown to one of the two. */
static size_t
find_odd(void)
{
    struct sov_pretok *none = plain("\\p{Cn}");
    struct sov_pieces *unknown = pieces_of(none);
    size_t n = 0;

    for (size_t k = 0; k < sizeof(classes) / sizeof(*classes); k++) {
        struct sov_pretok *pt = plain(classes[k].text);
        struct sov_pieces *ps = pieces_of(pt);

        for (uint32_t cp = 0x80; cp < 0x110000; cp++) {
            bool ours = (sov_uclass_of(cp) & classes[k].mask) != 0;

            if (!worth_a_look(cp) || ours == in_class(ps, classes[k].mask, cp))
                continue;
            ck_assert_msg(sov_uclass_of(cp) == SOV_UC_NONE ||
                              in_class(unknown, SOV_UC_NONE, cp),
                          "U+%04X is of class %x, not as %s has it",
                          (unsigned)cp, sov_uclass_of(cp), classes[k].text);
            n += !odd[cp];
            odd[cp] = true;
        }
        sov_pieces_free(ps);
        sov_pretok_free(pt);
    }
    sov_pieces_free(unknown);
    sov_pretok_free(none);
    return n;
}

START_TEST(classes_are_those_of_pcre2)
{
    ck_assert_uint_lt(find_odd(), 12000);
}
END_TEST

START_TEST(ascii_has_the_same_classes)
{
    for (uint32_t c = 0; c < 128; c++)
        ck_assert_uint_eq(sov_uclass_ascii[c], sov_uclass_of(c));
    for (uint32_t c = 0; c < 128; c++) /* U+180E is none: see pretok.c */
        ck_assert_uint_ne(sov_uclass_of(c), SOV_UC_NONE);
    ck_assert_uint_eq(sov_uclass_of(0x180e), SOV_UC_C);
    ck_assert_uint_eq(sov_uclass_of(0x10ffff), SOV_UC_NONE);
}
END_TEST

/* ---- scanners */

/* Characters that patterns name, or that are near to what they name. */
static const uint32_t telling[] = {
    ' ',    ' ',    ' ',    '\n',   '\r',   '\t',    '\'',   '\'',   's',
    't',    'r',    'e',    'v',    'm',    'l',     'd',    'S',    'T',
    'R',    'E',    'L',    'D',    '0',    '1',     '9',    '/',    '.',
    ',',    '$',    '`',    '~',    '^',    '<',     '_',    '(',    'a',
    'Z',    0x17f,  0x85,   0xa0,   0x180e, 0x200b,  0x2009, 0x2028, 0x3000,
    0x301,  0x1c5,  0x2b0,  0x660,  0xbd,   0x4e00,  0x9fa5, 0x9fa6, 0x800,
    0xac00, 0xd7a3, 0x3041, 0x30ff, 0x3100, 0x1f600, 0x0,    0x1a,   0x7f,
    0x378,  0xe000, 0xf1,   0xd1,   0xb2,   0x2160,  0xff01, 0x2019, 0x20ac,
    '2',    '3',    '4',    '5',    0x967,  0x2e80,  0x3005, 0x3007, 0x20000,
    0x16ff0, 0x3400, 0x9fff, 0xfa6e, 0xe40, 0xe7f,   0xff66, 0x8c47, 0xfb00,
};

struct draw {
    uint64_t n;
};

static uint32_t
below(struct draw *d, uint32_t n)
{
    uint32_t r[4];

    sov_rng_block(1, 2, d->n++, r);
    return r[0] % n;
}

static uint32_t
pick(struct draw *rng)
{
    uint32_t cp;

    if (below(rng, 4) > 0)
        return telling[below(rng, sizeof(telling) / sizeof(*telling))];
    do
        cp = below(rng, below(rng, 2) ? 0x3100 : 0x20000);
    while (!worth_a_look(cp) || odd[cp]);
    return cp;
}

/* As it is run by PCRE2: what its versions disagree about is spelled out. */
static const char *
expression(size_t k)
{
    if (patterns[k].pattern == &sov_pat_aya_digits)
        return "\\p{Nd}{1,3}(?=(?:\\p{Nd}{3})*(?!_|\\p{L}|\\p{M}|\\p{N}))";
    return patterns[k].pattern->text;
}

static void
compare(size_t k, const unsigned char *text, size_t len)
{
    const struct sov_pre row = { "", 0, { patterns[k].pattern } };
    struct sov_pretok *pt = plain(expression(k));
    struct sov_pieces *ps = pieces_of(pt);
    struct sov_pretok *ours;
    struct sov_pieces *got;
    size_t at = 0;
    size_t from, to, end;

    ck_assert_int_eq(sov_pretok_new(&ours, &row, NULL), 0);
    got = pieces_of(ours);
    sov_pieces_begin(ps, text, len);
    sov_pieces_begin(got, text, len);
    while (at < len) {
        ck_assert_int_eq(sov_pieces_next(got, &from, &end, NULL), 1);
        ck_assert_uint_eq(from, at);
        ck_assert_int_eq(sov_pieces_next(ps, &from, &to, NULL), 1);
        ck_assert_uint_eq(from, at);
        if (end != to) {
            char shown[256];

            for (size_t i = 0; i < 40 && at + i < len; i++)
                sprintf(shown + 3 * i, "%02x ", text[at + i]);
            ck_abort_msg("%s: a piece has %zu bytes, not %zu: %s",
                         patterns[k].name, end - at, to - at, shown);
        }
        at = end;
    }
    ck_assert_int_eq(sov_pieces_next(ps, &from, &to, NULL), 0);
    ck_assert_int_eq(sov_pieces_next(got, &from, &to, NULL), 0);
    sov_pieces_free(ps);
    sov_pretok_free(pt);
    sov_pieces_free(got);
    sov_pretok_free(ours);
}

START_TEST(scanners_do_what_pcre2_does)
{
    static unsigned char text[1 << 16];
    struct draw rng = { 20261120 };

    find_odd();
    for (size_t k = 0; k < N_PATTERNS; k++) {
        if (patterns[k].pattern->scan == NULL &&
            patterns[k].pattern->digit == NULL)
            continue;
        for (int turn = 0; turn < 8; turn++) {
            size_t len = 0;

            while (len + 4 < sizeof(text))
                len += sov_utf8_put(pick(&rng), text + len);
            compare(k, text, len);
        }
        for (size_t len = 1; len < 64; len++) { /* ends of texts */
            size_t n = 0;

            while (n < len)
                n += sov_utf8_put(pick(&rng), text + n);
            compare(k, text, n);
        }
    }
}
END_TEST

/* ---- rows and stages */

static void
check_pieces(const char *pre, const char *text, size_t len, const char *want)
{
    const struct sov_pre *row = sov_pre_find(pre, strlen(pre));
    struct sov_err err = { 0 };
    struct sov_pretok *pt;
    struct sov_pieces *ps;
    char got[512];
    size_t n = 0;
    size_t at, end;

    ck_assert(row != NULL);
    ck_assert_msg(sov_pretok_new(&pt, row, &err) == 0, "%s", err.msg);
    ps = pieces_of(pt);
    sov_pieces_begin(ps, (const unsigned char *)text, len);
    while (sov_pieces_next(ps, &at, &end, NULL) == 1) {
        if (n > 0)
            got[n++] = '|';
        memcpy(got + n, text + at, end - at);
        n += end - at;
    }
    got[n] = '\0';
    ck_assert_msg(strcmp(got, want) == 0, "%s: %s is not %s", pre, got, want);
    sov_pieces_free(ps);
    sov_pretok_free(pt);
}

START_TEST(stages_cut_what_others_left)
{
    static const struct {
        const char *pre, *text, *want;
    } rows[] = {
        { "gpt-2", "I'll  say 'S 12345!\n\n x",
          "I|'ll| | say| '|S| 12345|!|\n\n| x" },
        { "llama-bpe", "I'LL  say 12345!!\n\n x",
          "I|'LL| | say| |123|45|!!\n\n| x" },
        { "qwen2", "a12 b", "a|1|2| b" },
        { "starcoder", "a  12 b", "a|  |1|2| b" },
        { "falcon", "a,b 12345 $x", "a|,|b| |123|45| |$|x" },
        { "deepseek-coder", "if (x): 42\n", "if| (|x|):| |4|2|\n" },
        { "deepseek-v3", "x.append 1234 ;", "x|.append| |123|4| ;" },
        { "deepseek-llm", "Hello world 123 ", "Hello| world| |123| " },
        { "gpt-4o", "HelloWORLD'S foo/", "Hello|WORLD'S| foo|/" },
        { "tekken", "HelloWorld12", "Hello|World|1|2" },
        { "superbpe", "1234567", "1|234|567" },
        { "tiny_aya", "1234567 a", "1|234|567| a" },
        { "viking", "ab 12.", "ab| |1|2|." },
        { "jais-2", "a     b", "a|    | b" },
        { "default", "a1234-b", "a|123|4|-|b" },
        { "chameleon", "a <sentinel:1>b", "a| |<|sentinel|:|1|>|b" },
        { "spark2_5", "x 1\n", "x| |1|\n" },
        { "youtu", "a\xe4\xb8\x80 B", "a|\xe4\xb8\x80| B" },
        { "exaone-moe", "ab cd 1", "ab cd| |1" },
        { "minicpm5", "a1234", "a|123|4" },
        { "laguna", "a\nb", "a|\n|b" },
        { "gpt-2", "", "" },
        { "kimi-k2", "I'LL say\xe4\xb8\x80\xe4\xb8\x81" "ab 1234!\n x",
          "I'LL| say|\xe4\xb8\x80\xe4\xb8\x81|ab| |123|4|!\n| x" },
        { "kimi-k2", "fooBar \xe4\xb8\x80", "foo|Bar| |\xe4\xb8\x80" },
        { "afmoe", "ab 1234567 \xe4\xb8\x80.x", "ab| |1|234|567| |\xe4\xb8\x80|.x" },
        { "granite-embed-multi-97m", "HelloWORLD'S 1234", "Hello|WORLD'S| |123|4" },
        { "gemma4", "a b\n\nc", "a b|\n\n|c" },
        { "whitespace", "ab  c\n", "ab|  |c|\n" },
        { "tiny_aya", "12345a 1234 a1 x12_", "123|45|a| |1|234| a|1| x|12|_" },
        { "superbpe", "x1234 12\xc2\xbd" "123", "x|1|234| |12\xc2\xbd|123" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_pieces(rows[i].pre, rows[i].text, strlen(rows[i].text),
                     rows[i].want);
}
END_TEST

START_TEST(every_row_can_be_made_and_takes_any_text)
{
    static unsigned char text[4096];
    struct draw rng = { 7 };
    const struct sov_pre *row;
    size_t len = 0;

    while (len + 4 < sizeof(text))
        len += sov_utf8_put(pick(&rng), text + len);
    for (size_t i = 0; (row = sov_pre_at(i)) != NULL; i++) {
        struct sov_err err = { 0 };
        struct sov_pretok *pt;
        struct sov_pieces *ps;
        size_t done = 0;
        size_t at, end;
        int rc;

        ck_assert_msg(sov_pretok_new(&pt, row, &err) == 0, "%s: %s",
                      row->names, err.msg);
        ps = pieces_of(pt);
        sov_pieces_begin(ps, text, len);
        while ((rc = sov_pieces_next(ps, &at, &end, &err)) == 1) {
            ck_assert_uint_eq(at, done);
            ck_assert_uint_gt(end, at);
            done = end;
        }
        ck_assert_msg(rc == 0, "%s: %s", row->names, err.msg);
        ck_assert_uint_eq(done, len);
        sov_pieces_free(ps);
        sov_pretok_free(pt);
    }
    ck_assert(sov_pre_find("gpt", 3) == NULL);
    ck_assert(sov_pre_find("", 0) == NULL);
    ck_assert(sov_pre_find("mpt olmo", 8) == NULL);
}
END_TEST

START_TEST(what_is_no_utf8_counts_as_a_control)
{
    static const unsigned char bad[] = "a\xff\xc3\xa9\xe2\x96 \xc0\x80";
    unsigned char *copy;

    ck_assert_int_eq(sov_pretok_clean(bad, sizeof(bad) - 1, &copy, NULL), 0);
    ck_assert(copy != NULL);
    ck_assert(memcmp(copy, "a\x1a\xc3\xa9\x1a\x1a \x1a\x1a", 9) == 0);
    free(copy);
    ck_assert_int_eq(sov_pretok_clean(bad, 1, &copy, NULL), 0);
    ck_assert(copy == NULL);
}
END_TEST

/* Texts that are long in one way: no row may take more than linear time. */
START_TEST(a_run_of_anything_is_no_attack)
{
    static const char *const runs[] = { "A", "a", " ", "\n", "1", "'",
                                        "\xcc\x81", "\xe4\xb8\x80", " a",
                                        "A\xcc\x81", "\t\n" };
    const struct sov_pre *row;
    const size_t len = 20000;
    unsigned char *text = malloc(len);

    for (size_t r = 0; r < sizeof(runs) / sizeof(*runs); r++) {
        size_t n = strlen(runs[r]);

        for (size_t i = 0; i < len; i++)
            text[i] = (unsigned char)runs[r][i % n];
        for (size_t i = 0; (row = sov_pre_at(i)) != NULL; i++) {
            struct sov_err err = { 0 };
            struct sov_pretok *pt;
            struct sov_pieces *ps;
            size_t at, end;
            int rc;

            ck_assert_int_eq(sov_pretok_new(&pt, row, &err), 0);
            ps = pieces_of(pt);
            sov_pieces_begin(ps, text, len - len % n);
            while ((rc = sov_pieces_next(ps, &at, &end, &err)) == 1)
                ;
            ck_assert_msg(rc == 0, "%s, %s: %s", row->names, runs[r], err.msg);
            sov_pieces_free(ps);
            sov_pretok_free(pt);
        }
    }
    free(text);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("pretok");

    tcase_add_test(tc, classes_are_those_of_pcre2);
    tcase_add_test(tc, ascii_has_the_same_classes);
    tcase_add_test(tc, scanners_do_what_pcre2_does);
    tcase_add_test(tc, stages_cut_what_others_left);
    tcase_add_test(tc, every_row_can_be_made_and_takes_any_text);
    tcase_add_test(tc, what_is_no_utf8_counts_as_a_control);
    tcase_add_test(tc, a_run_of_anything_is_no_attack);
    return unit_main("pretok", tc);
}
