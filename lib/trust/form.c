/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.c - digests and times as statements have them: texts of one form
 */
#include "trust/form.h"

#include "trust/dsse.h"

#include <stdio.h>
#include <string.h>

bool
sov_hex_parse(const char *text, unsigned char out[SOV_SHA256_LEN])
{
    if (!sov_hex_id(text))
        return false;
    for (size_t i = 0; i < 2 * SOV_SHA256_LEN; i++) {
        unsigned d = (unsigned char)text[i];

        d = d <= '9' ? d - '0' : d - 'a' + 10;
        out[i / 2] = (unsigned char)(i % 2 == 0 ? d << 4 : out[i / 2] | d);
    }
    return true;
}

void
sov_hex_text(const unsigned char *p, char text[65])
{
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
}

/* Days from 1970-01-01 to the first of March of year y (proleptic). */
static int64_t
days_to_march(int64_t y)
{
    return 365 * y + y / 4 - y / 100 + y / 400 - 719468;
}

/* Days of a year that begins in March, before month m (0: March). */
static int
days_before(int m)
{
    return (153 * m + 2) / 5;
}

static int
digits(const char *p, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = 10 * v + p[i] - '0';
    }
    return v;
}

/* RFC 3339 in UTC; a fraction, which others write, is dropped. */
bool
sov_time_parse(const char *text, int64_t *t)
{
    size_t len = strlen(text);
    int y, mo, d, h, mi, s, m;
    size_t end = 19;

    if (len < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':')
        return false;
    if (text[end] == '.')
        end += 1 + strspn(text + end + 1, "0123456789");
    y = digits(text, 4);
    mo = digits(text + 5, 2);
    d = digits(text + 8, 2);
    h = digits(text + 11, 2);
    mi = digits(text + 14, 2);
    s = digits(text + 17, 2);
    if (strcmp(text + end, "Z") != 0 || y < 1 || mo < 1 || mo > 12 || d < 1 ||
        d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
        return false;
    m = (mo + 9) % 12;
    *t = (days_to_march(mo < 3 ? y - 1 : y) + days_before(m) + d - 1) * 86400 +
         h * 3600 + mi * 60 + s;
    return true;
}

bool
sov_time_text(int64_t t, char text[SOV_TIME_LEN])
{
    int64_t days = t / 86400, y;
    int m = 11, d, s = (int)(t % 86400);

    if (t < 0 || t > INT64_C(253402300799)) /* year 9999 */
        return false;
    y = (days + 719468) / 365;
    while (days_to_march(y) > days)
        y--;
    d = (int)(days - days_to_march(y));
    while (days_before(m) > d)
        m--;
    d -= days_before(m) - 1;
    m = m < 10 ? m + 3 : m - 9;
    snprintf(text, SOV_TIME_LEN, "%04u-%02u-%02uT%02u:%02u:%02uZ",
             (unsigned)(y + (m < 3)) % 10000, (unsigned)m % 100,
             (unsigned)d % 100, (unsigned)s / 3600 % 100, (unsigned)s / 60 % 60,
             (unsigned)s % 60);
    return true;
}
