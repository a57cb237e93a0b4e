/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - text that may come from anywhere, made fit for a terminal
 */
#include "cli/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at p, or 0. */
static size_t
char_len(const unsigned char *p)
{
    uint32_t c;
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) /* also at the NUL */
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
        (c >= 0xd800 && c < 0xe000) || c == 0x2028 || c == 0x2029 ||
        (c >= 0x80 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
        (c >= 0x2066 && c <= 0x2069))
        return 0; /* ill-formed, line breaks, C1 controls, text reversal */
    return n;
}

char *
sov_text_escape(char *buf, size_t size, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;

    while (*p != '\0') {
        size_t n = char_len(p);

        if (n == 0 || *p < 0x20 || *p == 0x7f) {
            if (at + 4 >= size)
                break;
            snprintf(buf + at, size - at, "\\x%02x", *p);
            at += 4;
            p++;
        } else {
            if (at + n >= size)
                break;
            memcpy(buf + at, p, n);
            at += n;
            p += n;
        }
    }
    buf[at] = '\0';
    return buf;
}

size_t
sov_text_repair(char *buf, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;
    size_t at = 0;

    while (p < end) {
        size_t n = char_len(p);

        if (n == 0 || n > (size_t)(end - p)) {
            snprintf(buf + at, 5, "\\x%02x", *p++);
            at += 4;
        } else {
            memcpy(buf + at, p, n);
            at += n;
            p += n;
        }
    }
    return at;
}

size_t
sov_text_width(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}
