/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - what scanners are made of
 *
 * A scanner is given the place where a piece begins and says where it ends.
 * None looks further than a run of characters that it will take in one or two
 * pieces, so the work is linear in the text.
 */
#ifndef SOV_TOK_SCAN_H
#define SOV_TOK_SCAN_H

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

/* The character at p, which is well-formed. */
static inline uint32_t
char_at(const unsigned char *p)
{
    if (p[0] < 0x80)
        return p[0];
    if (p[0] < 0xe0)
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    if (p[0] < 0xf0)
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
           (p[3] & 0x3fu);
}

static inline size_t
step(const unsigned char *p)
{
    return p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
}

/* ---- words by case */

/* scan_script.c: is it of the script Han? */
bool sov_is_han(uint32_t cp);

static inline unsigned
word_class(const unsigned char *p, size_t *n, bool han)
{
    unsigned c = sov_uclass_at(p, n);

    return han && *n > 2 && sov_is_han(char_at(p)) ? 0 : c;
}

static inline size_t
run_word(const unsigned char *p, size_t at, size_t end, unsigned mask, bool han)
{
    while (at < end) {
        size_t n;

        if ((word_class(p + at, &n, han) & mask) == 0)
            break;
        at += n;
    }
    return at;
}

#define RISING  (SOV_UC_LU | SOV_UC_LT | SOV_UC_LM | SOV_UC_LO | SOV_UC_M)
#define FALLING (SOV_UC_LL | SOV_UC_LM | SOV_UC_LO | SOV_UC_M)

/*
 * The end of RISING* FALLING+ at at; at itself if that does not match.  Where
 * no lower one follows, the upper ones give back as few as needed.
 */
static inline size_t
lower_word(const unsigned char *p, size_t at, size_t end, bool han)
{
    size_t back = at; /* behind the last one that is both */
    size_t i = at;

    while (i < end) {
        size_t n;
        unsigned c = word_class(p + i, &n, han);

        if ((c & RISING) == 0) {
            if (c & FALLING)
                return run_word(p, i, end, FALLING, han);
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
upper_word(const unsigned char *p, size_t at, size_t end, bool han)
{
    size_t i = run_word(p, at, end, RISING, han);

    return i == at ? at : run_word(p, i, end, FALLING, han);
}

/* han: Chinese characters are not of words. */
static inline size_t
cased_word(const unsigned char *p, size_t at, size_t end, bool han)
{
    size_t n, i;
    unsigned c = sov_uclass_at(p + at, &n);
    bool lead = (c & (SOV_UC_EOL | SOV_UC_L | SOV_UC_N)) == 0 && n < end - at;

    if (lead && (i = lower_word(p, at + n, end, han)) > at + n)
        return i;
    if ((i = lower_word(p, at, end, han)) > at)
        return i;
    if (lead && (i = upper_word(p, at + n, end, han)) > at + n)
        return i;
    return upper_word(p, at, end, han);
}

/* ---- scan_script.c */
sov_scan_fn sov_scan_coder_word;
sov_scan_fn sov_scan_coder_punct;
sov_scan_fn sov_scan_coder_cjk;
sov_scan_fn sov_scan_kana_han;
sov_scan_fn sov_scan_asian;
sov_scan_fn sov_scan_kimi;

/* Is the character at p, of *n bytes, a number, or a decimal digit of a number
 * that a word boundary ends?  See struct sov_pattern. */
bool sov_digit_any(const unsigned char *p, size_t *n);
bool sov_digit_decimal(const unsigned char *p, size_t *n);

#endif
