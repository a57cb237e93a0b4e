/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - UTF-8, and showing what a stranger wrote
 *
 * Well-formed is what Unicode's table 3-7 says: no overlong form, no
 * surrogate, nothing beyond U+10FFFF.
 */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

size_t
sov_utf8_len(unsigned char lead)
{
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 1;
}

size_t
sov_utf8_step(const void *p, size_t len, uint32_t *cp)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *b = p;
    uint32_t c;
    size_t n;

    if (len == 0)
        return 0;
    n = sov_utf8_len(b[0]);
    if (n == 1) {
        if (b[0] >= 0x80)
            return 0;
        *cp = b[0];
        return 1;
    }
    if (n > len)
        return 0;
    c = b[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *cp = c;
    return n;
}

size_t
sov_utf8_tail(const void *p, size_t len)
{
    const unsigned char *b = p;

    for (size_t n = 1; n <= 3 && n <= len; n++) {
        unsigned char c = b[len - n];

        if ((c & 0xc0) == 0x80)
            continue;
        return sov_utf8_len(c) > n ? n : 0;
    }
    return 0;
}

size_t
sov_utf8_put(uint32_t cp, unsigned char *out)
{
    if (cp < 0x80) {
        out[0] = (unsigned char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (unsigned char)(0xc0 | cp >> 6);
        out[1] = (unsigned char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (unsigned char)(0xe0 | cp >> 12);
        out[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (unsigned char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (unsigned char)(0xf0 | cp >> 18);
    out[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (unsigned char)(0x80 | (cp & 0x3f));
    return 4;
}

bool
sov_text_acts(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) ||
           (cp >= 0x200e && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x061c || cp == 0xfeff;
}

char *
sov_text_safe(const void *p, size_t len, char *out, size_t size)
{
    const unsigned char *b = p;
    size_t used = 0;
    size_t safe = 0; /* where "..." still fits */
    size_t at = 0;

    if (size == 0)
        return out;
    while (at < len) {
        uint32_t cp = 0;
        size_t n = sov_utf8_step(b + at, len - at, &cp);
        bool bad = n == 0 || sov_text_acts(cp);
        size_t put = bad ? 1 : n;

        if (used + put + 1 > size) {
            size_t dots = size > 3 ? 3 : size - 1;

            memset(out + safe, '.', dots);
            used = safe + dots;
            break;
        }
        if (bad)
            out[used] = '?';
        else
            memcpy(out + used, b + at, n);
        used += put;
        at += n == 0 ? 1 : n;
        if (used + 4 <= size)
            safe = used;
    }
    out[used] = '\0';
    return out;
}

void
sov_text_print(char *out, size_t size, const char *fmt, va_list ap)
{
    char line[400];

    vsnprintf(line, sizeof(line), fmt, ap);
    sov_text_safe(line, strlen(line), out, size);
}
