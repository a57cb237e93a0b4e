/* SPDX-License-Identifier: Apache-2.0 */
/* repair.c - any bytes as text: UTF-8 in plain lines */
#include "distill/repair.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";
static const char byte_order[] = "\xef\xbb\xbf";

/* Bytes from at on that need no repair. */
static size_t
sound(struct sov_span raw, size_t at)
{
    size_t i = at;

    while (i < raw.len) {
        unsigned char c = raw.p[i];
        uint32_t cp;
        size_t n;

        if (c > 0 && c < 0x80 && c != '\r') {
            i++;
            continue;
        }
        if (c == 0 || (c == '\r' && i + 1 < raw.len && raw.p[i + 1] == '\n'))
            break;
        n = sov_utf8_step(raw.p + i, raw.len - i, &cp);
        if (n == 0)
            break;
        i += n;
    }
    return i - at;
}

/* What stands in place of the byte at p. */
static void
mend(struct sov_doc *doc, unsigned char c, struct sov_buf *buf)
{
    if (c == '\r')
        return;
    if (c == 0)
        doc->nuls++;
    else
        doc->broken++;
    sov_buf_add(buf, replacement, sizeof(replacement) - 1);
}

int
sov_doc_repair(struct sov_doc *doc, struct sov_span raw, struct sov_buf *buf,
               struct sov_err *err)
{
    size_t at, n;

    if (doc->begins && raw.len >= 3 && memcmp(raw.p, byte_order, 3) == 0) {
        raw.p += 3;
        raw.len -= 3;
    }
    at = sound(raw, 0);
    doc->text = raw;
    if (at == raw.len)
        return 0;
    buf->len = 0;
    sov_buf_add(buf, raw.p, at);
    while (at < raw.len) {
        mend(doc, raw.p[at++], buf);
        n = sound(raw, at);
        sov_buf_add(buf, raw.p + at, n);
        at += n;
    }
    if (buf->bad)
        return sov_mem_fail(err);
    doc->text = (struct sov_span){ buf->p, buf->len };
    return 0;
}
