/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan_script.c - expressions that know scripts
 */
#include "tok/scan.h"

#include "tok/normal.h"

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

size_t
sov_scan_coder_word(const unsigned char *p, size_t at, size_t end)
{
    return scan_led(p, at, end, SOV_UC_L);
}

size_t
sov_scan_coder_punct(const unsigned char *p, size_t at, size_t end)
{
    return scan_led(p, at, end, SOV_UC_P);
}

static inline bool
coder_cjk(const unsigned char *p)
{
    uint32_t c = char_at(p);

    return ((c >= 0x800 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7ff)) &&
           (sov_uclass_of(c) & SOV_UC_SPACE) == 0;
}

size_t
sov_scan_coder_cjk(const unsigned char *p, size_t at, size_t end)
{
    bool first = coder_cjk(p + at);

    while (at < end && coder_cjk(p + at) == first)
        at += step(p + at);
    return at;
}

static inline bool
kana_han(const unsigned char *p)
{
    uint32_t c = char_at(p);

    return (c >= 0x4e00 && c <= 0x9fa5) || (c >= 0x3040 && c <= 0x30ff);
}

size_t
sov_scan_kana_han(const unsigned char *p, size_t at, size_t end)
{
    bool first = kana_han(p + at);

    while (at < end && kana_han(p + at) == first)
        at += step(p + at);
    return at;
}

/* ---- ranges */

struct range {
    uint32_t first;
    uint32_t last;
};

/* Sorted; by halves. */
static inline bool
within(const struct range *r, size_t n, uint32_t cp)
{
    size_t lo = 0;

    while (n > 0) {
        size_t half = n / 2;

        if (cp > r[lo + half].last) {
            lo += half + 1;
            n -= half + 1;
        } else if (cp < r[lo + half].first) {
            n = half;
        } else {
            return true;
        }
    }
    return false;
}

#define WITHIN(table, cp) within(table, sizeof(table) / sizeof(*(table)), cp)

/* Unicode 15.1, Scripts.txt */
bool
sov_is_han(uint32_t cp)
{
    static const struct range han[] = {
        { 0x2e80, 0x2e99 },   { 0x2e9b, 0x2ef3 },   { 0x2f00, 0x2fd5 },
        { 0x3005, 0x3005 },   { 0x3007, 0x3007 },   { 0x3021, 0x3029 },
        { 0x3038, 0x303b },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },
        { 0xf900, 0xfa6d },   { 0xfa70, 0xfad9 },   { 0x16fe2, 0x16fe3 },
        { 0x16ff0, 0x16ff1 }, { 0x20000, 0x2a6df }, { 0x2a700, 0x2b739 },
        { 0x2b740, 0x2b81d }, { 0x2b820, 0x2cea1 }, { 0x2ceb0, 0x2ebe0 },
        { 0x2ebf0, 0x2ee5d }, { 0x2f800, 0x2fa1d }, { 0x30000, 0x3134a },
        { 0x31350, 0x323af },
    };

    return WITHIN(han, cp);
}

static inline bool
is_asian(const unsigned char *p)
{
    static const struct range asian[] = {
        { 0xe40, 0xe7f },   { 0xe80, 0xeff },   { 0x1000, 0x109f },
        { 0x1100, 0x11ff }, { 0x1780, 0x17ff }, { 0x2f00, 0x2fdf },
        { 0x3040, 0x30ff }, { 0x3400, 0x4dbf }, { 0x4e00, 0xfaff },
        { 0xff65, 0xff9f },
    };

    return p[0] >= 0xe0 && WITHIN(asian, char_at(p));
}

size_t
sov_scan_asian(const unsigned char *p, size_t at, size_t end)
{
    bool first = is_asian(p + at);

    while (at < end && is_asian(p + at) == first)
        at += step(p + at);
    return at;
}

/* ---- kimi-k2 */

size_t
sov_scan_kimi(const unsigned char *p, size_t at, size_t end)
{
    const unsigned other = ~(SOV_UC_SPACE | SOV_UC_L | SOV_UC_N);
    size_t i = at;
    size_t n;
    unsigned c;

    while (i < end && p[i] >= 0xe0 && sov_is_han(char_at(p + i)))
        i += step(p + i);
    if (i > at)
        return i;
    i = cased_word(p, at, end, true);
    if (i > at)
        return i < end ? i + english(p + i, end - i, true) : i;
    c = sov_uclass_at(p + at, &n);
    if (c & SOV_UC_N)
        return run_some(p, at, end, SOV_UC_N, 3);
    if (p[at] == ' ' && end - at > 1) {
        i = at + 1;
        c = sov_uclass_at(p + i, &n);
    }
    if (c & other)
        return run_eol(p, run(p, i, end, other), end, false);
    return blanks(p, at, end, true);
}

/* ---- digits in threes */

bool
sov_digit_any(const unsigned char *p, size_t *n)
{
    return (sov_uclass_at(p, n) & SOV_UC_N) != 0;
}

bool
sov_digit_decimal(const unsigned char *p, size_t *n)
{
    unsigned c = sov_uclass_at(p, n);

    return (c & SOV_UC_N) != 0 && (*n == 1 || sov_normal_is_digit(char_at(p)));
}
