/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed_out.c - embeddings as JSON lines, or as one array of numpy's
 *
 * An array is a .npy file of version 1.0:
 *
 *     \x93NUMPY 1 0 | u16 length | a dict as Python writes it, with spaces and
 *     a new line up to a multiple of 64 | rows of little-endian numbers
 */
#include "run/embed.h"

#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put(struct sov_embed_out *out, const void *p, size_t len)
{
    if (out->cap - out->len < len) {
        size_t cap = (out->len + len) * 2 + 256;
        char *bigger = out->bad ? NULL : realloc(out->buf, cap);

        if (bigger == NULL) {
            out->bad = true;
            return;
        }
        out->buf = bigger;
        out->cap = cap;
    }
    memcpy(out->buf + out->len, p, len);
    out->len += len;
}

static void
put_text(struct sov_embed_out *out, const char *text)
{
    put(out, text, strlen(text));
}

static int
write_out(struct sov_embed_out *out, struct sov_err *err)
{
    struct sov_span all = { (const unsigned char *)out->buf, out->len };

    out->len = 0;
    if (out->bad)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (out->format == SOV_EMBED_JSONL)
        return sov_emit_text(&out->emit, all, err);
    return sov_sink_write(out->sink, all.p, all.len, err);
}

/* ---- JSON */

/* Messages have no control characters. */
static void
put_string(struct sov_embed_out *out, const char *s)
{
    put_text(out, "\"");
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            put_text(out, "\\");
        put(out, s, 1);
    }
    put_text(out, "\"");
}

static void
put_numbers(struct sov_embed_out *out, const float *x, size_t n)
{
    char text[32];

    put_text(out, "[");
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%s%.9g", i > 0 ? "," : "", (double)x[i]);
        put_text(out, text);
    }
    put_text(out, "]");
}

static void
put_scores(struct sov_embed_out *out, const struct sov_embed_record *r)
{
    char text[48];

    snprintf(text, sizeof(text), ",\"score\":%.9g", (double)r->x[0]);
    put_text(out, text);
    if (r->width > 1) {
        put_text(out, ",\"scores\":");
        put_numbers(out, r->x, r->width);
    }
}

static void
put_embedding(struct sov_embed_out *out, const struct sov_embed_record *r)
{
    put_text(out, ",\"embedding\":");
    if (r->rows == 0) {
        put_numbers(out, r->x, r->width);
        return;
    }
    for (size_t i = 0; i < r->rows; i++) {
        put_text(out, i > 0 ? "," : "[");
        put_numbers(out, r->x + i * r->width, r->width);
    }
    put_text(out, "]");
}

static void
put_line(struct sov_embed_out *out, const struct sov_embed_record *r)
{
    char text[64];

    snprintf(text, sizeof(text), "{\"index\":%zu", r->index);
    put_text(out, text);
    if (r->id != NULL) {
        put_text(out, ",\"id\":");
        put_text(out, r->id);
    }
    if (r->error != NULL) {
        put_text(out, ",\"error\":");
        put_string(out, r->error);
    } else {
        snprintf(text, sizeof(text), ",\"tokens\":%zu%s", r->n_tokens,
                 r->was_cut ? ",\"truncated\":true" : "");
        put_text(out, text);
        if (r->scores)
            put_scores(out, r);
        else
            put_embedding(out, r);
    }
    put_text(out, "}\n");
}

/* ---- arrays */

static int
write_head(struct sov_embed_out *out, size_t rows, size_t width,
           struct sov_err *err)
{
    char dict[160];
    int n = snprintf(dict, sizeof(dict),
                     "{'descr': '%s', 'fortran_order': False, "
                     "'shape': (%zu, %zu), }",
                     out->format == SOV_EMBED_NPY ? "<f4" : "<f2", rows, width);
    size_t len = (size_t)n;
    size_t all = (10 + len + 1 + 63) / 64 * 64 - 10;
    const unsigned char size[2] = { (unsigned char)all,
                                    (unsigned char)(all >> 8) };

    put(out, "\x93NUMPY\x01\x00", 8);
    put(out, size, sizeof(size));
    put(out, dict, len);
    for (; len + 1 < all; len++)
        put_text(out, " ");
    put_text(out, "\n");
    return write_out(out, err);
}

static int
put_rows(struct sov_embed_out *out, const struct sov_embed_record *r,
         struct sov_err *err)
{
    size_t n = (r->rows > 0 ? r->rows : 1) * r->width;
    unsigned char b[4];

    if (out->format == SOV_EMBED_NPY_F16) {
        void *halves = malloc(2 * n);
        bool fits = halves != NULL && sov_embedding_halves(r->x, n, halves);

        if (halves == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        put(out, halves, fits ? 2 * n : 0);
        free(halves);
        return fits ? 0
                    : sov_fail(err, SOV_EFORMAT,
                               "a number is too large for "
                               "npy-f16; take npy");
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, &r->x[i], sizeof(u));
        for (int j = 0; j < 4; j++)
            b[j] = (unsigned char)(u >> (8 * j));
        put(out, b, sizeof(b));
    }
    return 0;
}

/* ---- both */

int
sov_embed_open_out(struct sov_embed_out *out, size_t rows, size_t width,
                   const struct sov_lm *lm, struct sov_err *err)
{
    uint64_t each = out->format == SOV_EMBED_NPY ? 4 : 2;
    int rc;

    if (out->format == SOV_EMBED_JSONL)
        return sov_emit_open(&out->emit, false, lm->inputs, lm->n_inputs, err);
    if (sov_common.output == NULL)
        sov_common.output = "-";
    rc = sov_tool_sink(&out->sink, lm->inputs, lm->n_inputs,
                       each * rows * width, err);
    return rc == 0 ? write_head(out, rows, width, err) : rc;
}

int
sov_embed_put(struct sov_embed_out *out, const struct sov_embed_record *r,
              struct sov_err *err)
{
    struct sov_account_answer answer = {
        .line = r->index + 1,
        .outcome = r->error != NULL ? "error" : "vectors",
        .n_prompt = r->n_tokens,
        .spent = r->spent,
    };
    bool lines = out->format == SOV_EMBED_JSONL;
    int rc = 0;

    if (lines)
        put_line(out, r);
    else
        rc = put_rows(out, r, err);
    answer.bytes.p = (const unsigned char *)out->buf;
    answer.bytes.len = out->len - (lines && !out->bad);
    if (rc == 0 && !out->bad)
        rc = sov_account_answer(out->account, &answer, err);
    return rc == 0 ? write_out(out, err) : rc;
}

int
sov_embed_close_out(struct sov_embed_out *out, struct sov_err *err)
{
    return out->format == SOV_EMBED_JSONL ? sov_emit_close(&out->emit, err)
                                          : sov_sink_commit(&out->sink, err);
}

void
sov_embed_free_out(struct sov_embed_out *out)
{
    sov_emit_free(&out->emit);
    sov_sink_abort(out->sink);
    free(out->buf);
    *out = (struct sov_embed_out){ 0 };
}
