/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - the common pre-tokenizer expressions by hand
 *
 * Each scanner is given the place where a piece begins and says where it ends,
 * as a backtracking matcher of the expression in patterns.def would: the first
 * alternative that matches counts, and repetitions take what they can.  Where
 * nothing matches the piece goes on to the next match.
 */
#include "tok/scan.h"

/* ---- gpt-2 */

static size_t
scan_gpt2(const unsigned char *p, size_t at, size_t end)
{
    const unsigned other = ~(SOV_UC_SPACE | SOV_UC_L | SOV_UC_N);
    size_t i = at;
    size_t n = english(p + at, end - at, false);
    unsigned c;

    if (n > 0)
        return at + n;
    if (p[i] == ' ' && end - i > 1)
        i++;
    c = sov_uclass_at(p + i, &n);
    i += n;
    if (c & SOV_UC_L)
        return run(p, i, end, SOV_UC_L);
    if (c & SOV_UC_N)
        return run(p, i, end, SOV_UC_N);
    if (c & other)
        return run(p, i, end, other);
    return blanks(p, at, end, false);
}

/* ---- llama-3 and its relatives */

struct form {
    bool english;     /* 's and so on are pieces */
    unsigned letters; /* what words consist of */
    int digits;       /* at most so many in one piece */
    bool eol;         /* line ends go with punctuation before them */
};

static inline size_t
scan_form(const unsigned char *p, size_t at, size_t end, const struct form f)
{
    const unsigned other = ~(SOV_UC_SPACE | f.letters | SOV_UC_N);
    size_t n, k;
    size_t i = at;
    unsigned c;

    if (f.english && (n = english(p + at, end - at, true)) > 0)
        return at + n;
    c = sov_uclass_at(p + at, &n);
    if (c & f.letters)
        return run(p, at + n, end, f.letters);
    if (c & SOV_UC_N)
        return run_some(p, at, end, SOV_UC_N, f.digits);
    if ((c & SOV_UC_EOL) == 0 && end - at > n) {
        unsigned next = sov_uclass_at(p + at + n, &k);

        if (next & f.letters)
            return run(p, at + n + k, end, f.letters);
        if (p[at] == ' ' && (next & other)) {
            i = at + 1;
            c = next;
        }
    }
    if (c & other) {
        i = run(p, i, end, other);
        return f.eol ? run_eol(p, i, end, false) : i;
    }
    return blanks(p, at, end, true);
}

static size_t
scan_llama3(const unsigned char *p, size_t at, size_t end)
{
    return scan_form(p, at, end, (struct form){ true, SOV_UC_L, 3, true });
}

static size_t
scan_qwen2(const unsigned char *p, size_t at, size_t end)
{
    return scan_form(p, at, end, (struct form){ true, SOV_UC_L, 1, true });
}

static size_t
scan_minicpm5(const unsigned char *p, size_t at, size_t end)
{
    size_t n;

    if (sov_uclass_at(p + at, &n) & SOV_UC_N)
        return run(p, at, end, SOV_UC_N);
    return scan_form(p, at, end, (struct form){ true, SOV_UC_L, 1, true });
}

static size_t
scan_ufakzeka(const unsigned char *p, size_t at, size_t end)
{
    return scan_form(p, at, end, (struct form){ false, SOV_UC_L, 1, true });
}

static size_t
scan_seed_coder(const unsigned char *p, size_t at, size_t end)
{
    return scan_form(p, at, end, (struct form){ true, SOV_UC_L, 1, false });
}

static size_t
scan_qwen35(const unsigned char *p, size_t at, size_t end)
{
    return scan_form(p, at, end,
                     (struct form){ true, SOV_UC_L | SOV_UC_M, 1, true });
}

/* ---- words by case (o200k, tekken) */

static inline size_t
scan_cased(const unsigned char *p, size_t at, size_t end, bool tail, int digits)
{
    const unsigned other = ~(SOV_UC_SPACE | SOV_UC_L | SOV_UC_N);
    size_t i = cased_word(p, at, end, false);
    size_t n;
    unsigned c;

    if (i > at)
        return tail && i < end ? i + english(p + i, end - i, true) : i;
    c = sov_uclass_at(p + at, &n);
    if (c & SOV_UC_N)
        return run_some(p, at, end, SOV_UC_N, digits);
    if (p[at] == ' ' && end - at > 1) {
        i = at + 1;
        c = sov_uclass_at(p + i, &n);
    }
    if (c & other)
        return run_eol(p, run(p, i, end, other), end, true);
    return blanks(p, at, end, true);
}

static size_t
scan_o200k(const unsigned char *p, size_t at, size_t end)
{
    return scan_cased(p, at, end, true, 3);
}

static size_t
scan_tekken(const unsigned char *p, size_t at, size_t end)
{
    return scan_cased(p, at, end, false, 1);
}

static size_t
scan_youtu(const unsigned char *p, size_t at, size_t end)
{
    return scan_cased(p, at, end, true, 1);
}

/* ---- deepseek-v3 */

static inline bool
is_letter(unsigned c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline size_t
ascii_word(const unsigned char *p, size_t at, size_t end)
{
    while (at < end && is_letter(p[at]))
        at++;
    return at;
}

/* The end of the match at at, or at. */
static size_t
match_deepseek3(const unsigned char *p, size_t at, size_t end)
{
    const unsigned letters = SOV_UC_L | SOV_UC_M;
    const unsigned marks = SOV_UC_P | SOV_UC_S;
    size_t n, k;
    size_t i = at;
    unsigned c = sov_uclass_at(p + at, &n);

    if (p[at] < 0x80 && (c & marks) && end - at > 1 && is_letter(p[at + 1]))
        return ascii_word(p, at + 1, end);
    if ((c & (SOV_UC_EOL | SOV_UC_L | marks)) == 0 && end - at > n &&
        (sov_uclass_at(p + at + n, &k) & letters))
        return run(p, at + n, end, letters);
    if (c & letters)
        return run(p, at, end, letters);
    if (p[at] == ' ' && end - at > 1) {
        i = at + 1;
        c = sov_uclass_at(p + i, &n);
    }
    if (c & marks)
        return run_eol(p, run(p, i, end, marks), end, false);
    c = sov_uclass_at(p + at, &n);
    return c & SOV_UC_SPACE ? blanks(p, at, end, true) : at;
}

static size_t
scan_deepseek3(const unsigned char *p, size_t at, size_t end)
{
    size_t i = match_deepseek3(p, at, end);

    if (i > at)
        return i;
    while (i < end) { /* digits and controls: up to what matches again */
        size_t n;

        sov_uclass_at(p + i, &n);
        i += n;
        if (i < end && match_deepseek3(p, i, end) > i)
            break;
    }
    return i;
}

/* ---- one class, and what lies between */

static inline size_t
scan_runs(const unsigned char *p, size_t at, size_t end, unsigned mask, int max)
{
    size_t i = run_some(p, at, end, mask, max);

    return i > at ? i : run(p, at, end, ~mask);
}

static size_t
scan_digit(const unsigned char *p, size_t at, size_t end)
{
    return scan_runs(p, at, end, SOV_UC_N, 1);
}

static size_t
scan_digits_3(const unsigned char *p, size_t at, size_t end)
{
    return scan_runs(p, at, end, SOV_UC_N, 3);
}

static size_t
scan_digits(const unsigned char *p, size_t at, size_t end)
{
    size_t i = run(p, at, end, SOV_UC_N);

    return i > at ? i : run(p, at, end, ~(unsigned)SOV_UC_N);
}

static size_t
scan_line_end(const unsigned char *p, size_t at, size_t end)
{
    return scan_runs(p, at, end, SOV_UC_EOL, 1);
}

static size_t
scan_lines(const unsigned char *p, size_t at, size_t end)
{
    bool eol = p[at] == '\n';

    while (at < end && (p[at] == '\n') == eol)
        at++;
    return at;
}

static inline bool
three(const unsigned char *p, size_t n)
{
    return n >= 3 && p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' &&
           p[2] >= '0' && p[2] <= '9';
}

static size_t
scan_ascii_3(const unsigned char *p, size_t at, size_t end)
{
    if (three(p + at, end - at))
        return at + 3;
    while (at < end && !three(p + at, end - at))
        at++;
    return at;
}

/* Punctuation, and symbols that fathers of tokenizers took for it. */
static inline bool
is_punct(const unsigned char *p, bool tick, size_t *n)
{
    if (sov_uclass_at(p, n) & SOV_UC_P)
        return true;
    return p[0] == '$' || p[0] == '+' || (p[0] >= '<' && p[0] <= '>') ||
           p[0] == '^' || p[0] == '~' || p[0] == '|' || (tick && p[0] == '`');
}

static inline size_t
scan_punct(const unsigned char *p, size_t at, size_t end, bool tick)
{
    size_t n;
    bool first = is_punct(p + at, tick, &n);

    do
        at += n;
    while (at < end && is_punct(p + at, tick, &n) == first);
    return at;
}

static size_t
scan_falcon(const unsigned char *p, size_t at, size_t end)
{
    return scan_punct(p, at, end, true);
}

static size_t
scan_fallback(const unsigned char *p, size_t at, size_t end)
{
    return scan_punct(p, at, end, false);
}

/* Runs of what is no white space. */
static size_t
scan_words(const unsigned char *p, size_t at, size_t end)
{
    size_t i = run(p, at, end, ~(unsigned)SOV_UC_SPACE);

    return i > at ? i : run(p, at, end, SOV_UC_SPACE);
}

#define PATTERN(sym, scanner, text) \
    const struct sov_pattern sov_pat_##sym = { .scan = scanner, text };
#define THREES(sym, digit, how, text) \
    const struct sov_pattern sov_pat_##sym = { NULL, text, digit, how };
#include "tok/patterns.def"
#undef THREES
#undef PATTERN
