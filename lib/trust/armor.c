/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armor.c - bytes as text: strict lines, strict base64
 */
#include "trust/armor.h"
#include "base/text.h"

#include <sodium.h>
#include <string.h>

void
sov_base64_encode(const void *p, size_t len, char *out)
{
    sodium_bin2base64(out, SOV_BASE64_LEN(len) + 1, p, len,
                      sodium_base64_VARIANT_ORIGINAL);
}

/* libsodium 1.0.18 takes a byte above 127 for a '/'. */
static bool
is_ascii(const unsigned char *p, size_t len)
{
    unsigned char all = 0;

    for (size_t i = 0; i < len; i++)
        all |= p[i];
    return all < 0x80;
}

bool
sov_base64_decode(const void *text, size_t len, void *out, size_t max,
                  size_t *out_len)
{
    *out_len = 0;
    return len % 4 == 0 && is_ascii(text, len) &&
           sodium_base642bin(out, max, text, len, NULL, out_len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

bool
sov_base64_exact(struct sov_span text, void *out, size_t out_len)
{
    size_t got = 0;

    return text.len == SOV_BASE64_LEN(out_len) &&
           sov_base64_decode(text.p, text.len, out, out_len, &got) &&
           got == out_len;
}

bool
sov_line_take(struct sov_span *left, struct sov_span *line)
{
    const unsigned char *end;

    end = left->len > 0 ? memchr(left->p, '\n', left->len) : NULL;
    if (end == NULL)
        return false;
    line->p = left->p;
    line->len = (size_t)(end - left->p);
    left->p = end + 1;
    left->len -= line->len + 1;
    return true;
}

bool
sov_span_skip(struct sov_span *s, const char *prefix)
{
    size_t len = strlen(prefix);

    if (s->len < len || memcmp(s->p, prefix, len) != 0)
        return false;
    s->p += len;
    s->len -= len;
    return true;
}

bool
sov_span_printable(struct sov_span s)
{
    while (s.len > 0) {
        uint32_t cp = 0;
        size_t n = sov_utf8_step(s.p, s.len, &cp);

        if (n == 0 || (cp != '\t' && sov_text_acts(cp)))
            return false;
        s.p += n;
        s.len -= n;
    }
    return true;
}

const char *
sov_two_lines(struct sov_span *left, struct sov_span *comment,
              struct sov_span *word)
{
    if (!sov_line_take(left, comment) || !sov_line_take(left, word))
        return "cut short: a line, or its newline, is missing";
    if (!sov_span_skip(comment, SOV_UNTRUSTED))
        return "the first line does not begin with \"" SOV_UNTRUSTED "\"";
    if (!sov_span_printable(*comment))
        return "control characters or bad UTF-8 in the comment";
    return NULL;
}
