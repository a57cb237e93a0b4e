/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_write.c - a record as a line of JSON
 *
 *     {"schema":"sov.bench/1","run":"..","time":"..","metric":"decode",
 *      "unit":"tok/s","better":"higher","model":{..},"machine":{..},
 *      "cell":{..},"noise":{..},"stat":{..},"samples":[..],"warmup":1,..}
 *
 * A number is written with as few digits as give the same double again.
 */
#include "bench/record.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put(struct sov_buf *b, const char *text)
{
    sov_buf_add(b, text, strlen(text));
}

static void
put_text(struct sov_buf *b, const char *text)
{
    const unsigned char *p = (const unsigned char *)(text != NULL ? text : "");
    size_t len = strlen((const char *)p);

    put(b, "\"");
    while (len > 0) {
        uint32_t cp;
        size_t n = sov_utf8_step(p, len, &cp);
        char escape[8];

        if (n == 0) {
            put(b, "\xef\xbf\xbd");
            n = 1;
        } else if (cp < 0x20 || cp == 0x7f || cp == '"' || cp == '\\') {
            snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)cp);
            put(b, escape);
        } else {
            sov_buf_add(b, p, n);
        }
        p += n;
        len -= n;
    }
    put(b, "\"");
}

/* The least of 15 to 17 digits that give the same number; a zero has
 * no sign, since a whole number has none. */
static void
put_real(struct sov_buf *b, double v)
{
    char text[40];

    if (!isfinite(v)) {
        put(b, "null");
        return;
    }
    if (fpclassify(v) == FP_ZERO)
        v = 0;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    for (char *p = text; *p != '\0'; p++) /* the locale's point, say */
        if (strchr("0123456789+-e", *p) == NULL)
            *p = '.';
    put(b, text);
}

static void
put_count(struct sov_buf *b, uint64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64,
             v < INT64_MAX ? v : (uint64_t)INT64_MAX);
    put(b, text);
}

static void
put_reals(struct sov_buf *b, const struct sov_bench_record *r)
{
    put(b, "[");
    for (size_t i = 0; i < r->n; i++) {
        if (i > 0)
            put(b, ",");
        put_real(b, r->samples[i]);
    }
    put(b, "]");
}

static void
put_value(struct sov_buf *b, const struct sov_bench_record *r,
          const struct sov_field *f)
{
    const void *v = sov_field_of(r, f);

    switch (f->kind) {
    case TEXT:
    case MAYBE:
    case NAME:
        put_text(b, *(char *const *)v);
        break;
    case HEX:
        put_text(b, v);
        break;
    case U32:
        put_count(b, *(const uint32_t *)v);
        break;
    case U64:
        put_count(b, *(const uint64_t *)v);
        break;
    case COUNT:
        put_count(b, *(const size_t *)v);
        break;
    case REAL:
        put_real(b, *(const double *)v);
        break;
    case TRI:
        put(b, *(const int *)v < 0 ? "null"
               : *(const int *)v   ? "true"
                                   : "false");
        break;
    case BOOL:
        put(b, *(const bool *)v ? "true" : "false");
        break;
    case BETTER:
        put(b, r->better == SOV_BENCH_LOWER ? "\"lower\"" : "\"higher\"");
        break;
    case REALS:
        put_reals(b, r);
        break;
    }
}

static void
put_fields(struct sov_buf *b, const struct sov_bench_record *r)
{
    const char *open = "";

    for (const struct sov_field *f = sov_bench_fields; f->key != NULL; f++) {
        bool first = false;

        if (f->kind == MAYBE && *(char *const *)sov_field_of(r, f) == NULL)
            continue;
        if (strcmp(open, f->in) != 0) {
            put(b, open[0] != '\0' ? "}" : "");
            open = f->in;
            if (open[0] != '\0') {
                put(b, ",");
                put_text(b, open);
                put(b, ":{");
                first = true;
            }
        }
        put(b, first ? "" : ",");
        put_text(b, f->key);
        put(b, ":");
        put_value(b, r, f);
    }
    put(b, open[0] != '\0' ? "}" : "");
}

/* What is computed is there once more, under its own name: "kld":0.0051. */
static void
put_figure(struct sov_buf *b, const struct sov_bench_record *r)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(r->metric);

    if (m == NULL || !m->computed)
        return;
    put(b, ",");
    put_text(b, r->metric);
    put(b, ":");
    put_real(b, r->stat.median);
}

int
sov_bench_record_write(const struct sov_bench_record *r, char **line,
                       size_t *len, struct sov_err *err)
{
    struct sov_buf b = { 0 };

    if (r->metric == NULL || r->metric[0] == '\0')
        return sov_fail(err, SOV_EARG, "a record has no metric");
    for (size_t i = 0; i < r->n; i++)
        if (!isfinite(r->samples[i]))
            return sov_fail(err, SOV_EARG, "sample %zu of %s is no number",
                            i + 1, r->metric);
    put(&b, "{\"schema\":\"" SOV_BENCH_SCHEMA "\"");
    put_fields(&b, r);
    put_figure(&b, r);
    put(&b, "}\n");
    sov_buf_u8(&b, '\0');
    if (b.bad) {
        sov_buf_free(&b);
        return sov_mem_fail(err);
    }
    *line = (char *)b.p;
    *len = b.len - 1;
    return 0;
}
