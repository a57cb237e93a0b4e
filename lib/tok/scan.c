/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - the common pre-tokenizer expressions by hand
 *
 * Each scanner is given the place where a piece begins and says where it ends,
 * as a backtracking matcher of the expression in patterns.def would: the first
 * alternative that matches counts, and repetitions take what they can.  Where
 * nothing matches the piece goes on to the next match.
 *
 * None looks further than a run of characters that it will take in one or two
 * pieces, so the work is linear in the text.
 */
#include "tok/pretok.h"

#include "tok/uclass.h"

/* Where a run of characters of these classes ends. */
static inline size_t
run(const unsigned char *p, size_t at, size_t end, unsigned mask)
{
    while (at < end) {
        size_t n;

        if ((sov_uclass_at(p + at, &n) & mask) == 0)
            break;
        at += n;
    }
    return at;
}

/* At most max of them. */
static inline size_t
run_some(const unsigned char *p, size_t at, size_t end, unsigned mask, int max)
{
    for (; at < end && max > 0; max--) {
        size_t n;

        if ((sov_uclass_at(p + at, &n) & mask) == 0)
            break;
        at += n;
    }
    return at;
}

/* Line ends, and slashes. */
static inline size_t
run_eol(const unsigned char *p, size_t at, size_t end, bool slash)
{
    while (at < end &&
           (p[at] == '\r' || p[at] == '\n' || (slash && p[at] == '/')))
        at++;
    return at;
}

/*
 * Length of 's, 't, 'm, 'd, 're, 've or 'll at p, 0 if there is none.  Without
 * regard to case, the long s (U+017F) is an s.
 */
static inline size_t
english(const unsigned char *p, size_t n, bool fold)
{
    unsigned a, b;

    if (n < 2 || p[0] != '\'')
        return 0;
    a = p[1];
    if (fold && n >= 3 && a == 0xc5 && p[2] == 0xbf)
        return 3;
    if (fold && a >= 'A' && a <= 'Z')
        a += 'a' - 'A';
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (n < 3)
        return 0;
    b = p[2];
    if (fold && b >= 'A' && b <= 'Z')
        b += 'a' - 'A';
    return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3
                                                                          : 0;
}

/*
 * White space at at, where nothing else wants the first of it: to the end of
 * the text or of its last line, else all but the last, which may go with what
 * follows.
 */
static inline size_t
blanks(const unsigned char *p, size_t at, size_t end, bool lines)
{
    size_t last = at; /* the last one */
    size_t eol = at;  /* behind the last line end */
    size_t i = at;

    while (i < end) {
        size_t n;
        unsigned c = sov_uclass_at(p + i, &n);

        if ((c & SOV_UC_SPACE) == 0)
            break;
        last = i;
        i += n;
        if (c & SOV_UC_EOL)
            eol = i;
    }
    if (lines && eol > at)
        return eol;
    return i == end || last == at ? i : last;
}

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

#define RISING  (SOV_UC_LU | SOV_UC_LT | SOV_UC_LM | SOV_UC_LO | SOV_UC_M)
#define FALLING (SOV_UC_LL | SOV_UC_LM | SOV_UC_LO | SOV_UC_M)

/*
 * The end of RISING* FALLING+ at at; at itself if that does not match.  Where
 * no lower one follows, the upper ones give back as few as needed.
 */
static inline size_t
lower_word(const unsigned char *p, size_t at, size_t end)
{
    size_t back = at; /* behind the last one that is both */
    size_t i = at;

    while (i < end) {
        size_t n;
        unsigned c = sov_uclass_at(p + i, &n);

        if ((c & RISING) == 0) {
            if (c & FALLING)
                return run(p, i, end, FALLING);
            break;
        }
        i += n;
        if (c & FALLING)
            back = i;
    }
    return back;
}

/* The end of RISING+ FALLING*, or at. */
static inline size_t
upper_word(const unsigned char *p, size_t at, size_t end)
{
    size_t i = run(p, at, end, RISING);

    return i == at ? at : run(p, i, end, FALLING);
}

static inline size_t
cased_word(const unsigned char *p, size_t at, size_t end)
{
    size_t n, i;
    unsigned c = sov_uclass_at(p + at, &n);
    bool lead = (c & (SOV_UC_EOL | SOV_UC_L | SOV_UC_N)) == 0 && n < end - at;

    if (lead && (i = lower_word(p, at + n, end)) > at + n)
        return i;
    if ((i = lower_word(p, at, end)) > at)
        return i;
    if (lead && (i = upper_word(p, at + n, end)) > at + n)
        return i;
    return upper_word(p, at, end);
}

static inline size_t
scan_cased(const unsigned char *p, size_t at, size_t end, bool tail, int digits)
{
    const unsigned other = ~(SOV_UC_SPACE | SOV_UC_L | SOV_UC_N);
    size_t i = cased_word(p, at, end);
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

/* ---- deepseek-coder */

/* \s? and then a run; between matches lies what is neither. */
static inline size_t
scan_led(const unsigned char *p, size_t at, size_t end, unsigned mask)
{
    size_t n, k;
    size_t i = at;
    unsigned c = sov_uclass_at(p + at, &n);

    if (c & mask)
        return run(p, at, end, mask);
    if ((c & SOV_UC_SPACE) && end - at > n &&
        (sov_uclass_at(p + at + n, &k) & mask))
        return run(p, at + n, end, mask);
    for (;;) {
        size_t last = i;
        unsigned before = c;

        i += n;
        if (i == end)
            return i;
        c = sov_uclass_at(p + i, &n);
        if (c & mask)
            return before & SOV_UC_SPACE && last > at ? last : i;
    }
}

static size_t
scan_coder_word(const unsigned char *p, size_t at, size_t end)
{
    return scan_led(p, at, end, SOV_UC_L);
}

static size_t
scan_coder_punct(const unsigned char *p, size_t at, size_t end)
{
    return scan_led(p, at, end, SOV_UC_P);
}

/* The character of three bytes at p, or 0. */
static inline uint32_t
three_bytes(const unsigned char *p)
{
    return (p[0] & 0xf0) != 0xe0
               ? 0
               : (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

static inline size_t
step(const unsigned char *p)
{
    return p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
}

static inline bool
coder_cjk(const unsigned char *p)
{
    uint32_t c = three_bytes(p);

    return ((c >= 0x800 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7ff)) &&
           (sov_uclass_of(c) & SOV_UC_SPACE) == 0;
}

static size_t
scan_coder_cjk(const unsigned char *p, size_t at, size_t end)
{
    bool first = coder_cjk(p + at);

    while (at < end && coder_cjk(p + at) == first)
        at += step(p + at);
    return at;
}

static inline bool
kana_han(const unsigned char *p)
{
    uint32_t c = three_bytes(p);

    return (c >= 0x4e00 && c <= 0x9fa5) || (c >= 0x3040 && c <= 0x30ff);
}

static size_t
scan_kana_han(const unsigned char *p, size_t at, size_t end)
{
    bool first = kana_han(p + at);

    while (at < end && kana_han(p + at) == first)
        at += step(p + at);
    return at;
}

#define PATTERN(sym, scanner, text) \
    const struct sov_pattern sov_pat_##sym = { scanner, text };
#include "tok/patterns.def"
#undef PATTERN
