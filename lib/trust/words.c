/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - lines of words, and what a word may be
 */
#include "trust/words.h"

#include <stdlib.h>
#include <string.h>

#define REAL_MAX 40 /* characters of a number */

static bool
is_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}

void
sov_words_split(struct sov_words *w, struct sov_span line)
{
    size_t at = 0;

    w->n = 0;
    w->more = false;
    for (;;) {
        size_t start;

        while (at < line.len && is_space(line.p[at]))
            at++;
        if (at == line.len || line.p[at] == '#')
            return;
        if (w->n == SOV_POLICY_WORDS) {
            w->more = true;
            return;
        }
        start = at;
        while (at < line.len && !is_space(line.p[at]))
            at++;
        w->word[w->n].p = line.p + start;
        w->word[w->n++].len = at - start;
    }
}

bool
sov_word_is(struct sov_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.p, text, word.len) == 0;
}

int
sov_word_quote(struct sov_err *err, const char *what, struct sov_span word)
{
    return sov_fail(err, SOV_EDENY, "%s: %.*s", what,
                    (int)(word.len < 80 ? word.len : 80), (const char *)word.p);
}

/* n decimal digits at p */
static bool
digits(const unsigned char *p, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *out = 10 * *out + (p[i] - '0');
    }
    return true;
}

/* Days since 1970 of a date of our calendar. */
static int64_t
days(int year, int month, int day)
{
    static const int before[12] = { 0,   31,  59,  90,  120, 151,
                                    181, 212, 243, 273, 304, 334 };
    int y = month > 2 ? year : year - 1; /* whose leap day has been */

    return (int64_t)365 * (year - 1970) + y / 4 - y / 100 + y / 400 -
           (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month - 1] + day - 1;
}

static int
days_in(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month == 2)
        return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool
sov_word_date(struct sov_span w, bool last, int64_t *t)
{
    int year, month, day;
    int hour = last ? 23 : 0;
    int minute = last ? 59 : 0;
    int second = minute;

    if ((w.len != 10 && w.len != 20) || !digits(w.p, 4, &year) ||
        w.p[4] != '-' || !digits(w.p + 5, 2, &month) || w.p[7] != '-' ||
        !digits(w.p + 8, 2, &day))
        return false;
    if (w.len == 20 &&
        (w.p[10] != 'T' || !digits(w.p + 11, 2, &hour) || w.p[13] != ':' ||
         !digits(w.p + 14, 2, &minute) || w.p[16] != ':' ||
         !digits(w.p + 17, 2, &second) || w.p[19] != 'Z'))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month) || hour > 23 || minute > 59 || second > 59)
        return false;
    *t = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}

bool
sov_word_number(struct sov_span w, uint64_t max, uint64_t *n)
{
    uint64_t v = 0;

    if (w.len == 0 || w.len > 19)
        return false;
    for (size_t i = 0; i < w.len; i++) {
        if (w.p[i] < '0' || w.p[i] > '9')
            return false;
        v = 10 * v + (w.p[i] - '0');
    }
    *n = v;
    return v <= max;
}

static size_t
skip_digits(const char *s)
{
    return strspn(s, "0123456789");
}

bool
sov_word_real(struct sov_span w, double *x)
{
    char text[REAL_MAX + 1] = "";
    const char *p = text;
    size_t n;

    if (w.len == 0 || w.len > REAL_MAX)
        return false;
    memcpy(text, w.p, w.len);
    p += *p == '-';
    n = skip_digits(p);
    if (n == 0)
        return false;
    p += n;
    if (*p == '.') {
        n = skip_digits(++p);
        if (n == 0)
            return false;
        p += n;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        n = skip_digits(p);
        if (n == 0 || n > 3)
            return false;
        p += n;
    }
    if (p != text + w.len)
        return false;
    *x = strtod(text, NULL);
    return true;
}
