/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - text that may come from anywhere, made fit for a terminal
 */
#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Length of the well-formed UTF-8 character at p, or 0; the character in *c.
 * A NUL stands somewhere behind p.
 */
static size_t
char_at(const unsigned char *p, uint32_t *c)
{
    size_t n;

    *c = p[0];
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    *c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) /* also at the NUL */
            return 0;
        *c = *c << 6 | (p[i] & 0x3f);
    }
    if ((n == 3 && *c < 0x800) || (n == 4 && *c < 0x10000) || *c > 0x10ffff ||
        (*c >= 0xd800 && *c < 0xe000) || *c == 0x2028 || *c == 0x2029 ||
        (*c >= 0x80 && *c < 0xa0) || (*c >= 0x202a && *c <= 0x202e) ||
        (*c >= 0x2066 && *c <= 0x2069))
        return 0; /* ill-formed, line breaks, C1 controls, text reversal */
    return n;
}

static size_t
char_len(const unsigned char *p)
{
    uint32_t c;

    return char_at(p, &c);
}

/* First and last of the characters that take no column, and two. */
static const uint32_t none[][2] = {
    { 0x300, 0x36f },   { 0x483, 0x489 },     { 0x591, 0x5bd },
    { 0x610, 0x61a },   { 0x64b, 0x65f },     { 0x6d6, 0x6dc },
    { 0x900, 0x902 },   { 0x941, 0x948 },     { 0xe31, 0xe31 },
    { 0xe34, 0xe3a },   { 0xe47, 0xe4e },     { 0x200b, 0x200f },
    { 0x20d0, 0x20ff }, { 0x3099, 0x309a },   { 0xfe00, 0xfe0f },
    { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};
static const uint32_t wide[][2] = {
    { 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2e80, 0x303e },
    { 0x3041, 0x3247 },   { 0x3250, 0x4dbf },   { 0x4e00, 0xa4cf },
    { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
    { 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },
    { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff },
    { 0x20000, 0x3fffd },
};

static bool
is_in(const uint32_t (*range)[2], size_t n, uint32_t c)
{
    for (size_t i = 0; i < n && range[i][0] <= c; i++)
        if (c <= range[i][1])
            return true;
    return false;
}

static size_t
columns_of(uint32_t c)
{
    if (c < none[0][0])
        return 1;
    if (is_in(none, sizeof(none) / sizeof(none[0]), c))
        return 0;
    return is_in(wide, sizeof(wide) / sizeof(wide[0]), c) ? 2 : 1;
}

size_t
sov_text_next(const char *text, char *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = char_len(p);

    out[0] = '\0';
    if (*p == '\0')
        return 0;
    if (n == 0 || *p < 0x20 || *p == 0x7f) {
        snprintf(out, 8, "\\x%02x", *p);
        return 1;
    }
    memcpy(out, p, n);
    out[n] = '\0';
    return n;
}

char *
sov_text_escape(char *buf, size_t size, const char *text)
{
    size_t at = 0, n;
    char one[8];

    while ((n = sov_text_next(text, one)) > 0) {
        size_t len = strlen(one);

        if (at + len >= size)
            break;
        memcpy(buf + at, one, len);
        at += len;
        text += n;
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
    const unsigned char *p = (const unsigned char *)text;
    size_t width = 0;
    uint32_t c;

    while (*p != '\0') {
        size_t n = char_at(p, &c);

        width += n > 0 ? columns_of(c) : 1;
        p += n > 0 ? n : 1;
    }
    return width;
}

/* How one character is shown: its columns, and its text in out[8]. */
static size_t
show_char(const char *text, size_t left, size_t *len, char *out)
{
    unsigned char p[5] = { 0 };
    const char *escape;
    uint32_t c;

    memcpy(p, text, left < 4 ? left : 4);
    *len = char_at(p, &c);
    if (*len > 0 && c >= 0x20 && c != 0x7f) {
        memcpy(out, p, *len);
        out[*len] = '\0';
        return columns_of(c);
    }
    *len = 1;
    escape = p[0] != '\0' ? strchr("\nn\tt\rr", p[0]) : NULL;
    if (escape != NULL)
        snprintf(out, 8, "\\%c", escape[1]);
    else
        snprintf(out, 8, "\\x%02x", p[0]);
    return strlen(out);
}

size_t
sov_text_excerpt(char *buf, size_t size, const char *text, size_t len,
                 size_t columns)
{
    size_t at = 0, done = 0;

    while (done < len) {
        char one[8];
        size_t n;
        size_t width = show_char(text + done, len - done, &n, one);
        size_t bytes = strlen(one);

        if (width > columns || at + bytes >= size)
            break;
        memcpy(buf + at, one, bytes);
        at += bytes;
        done += n;
        columns -= width;
    }
    buf[at] = '\0';
    return done;
}

void
sov_text_real(char *buf, size_t size, double x)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, size, "%.*g", digits, x);
        if (strtod(buf, NULL) == x)
            return;
    }
}
