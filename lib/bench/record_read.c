/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_read.c - a record out of a line of JSON
 *
 * Nothing in the line is believed: numbers fit their fields, texts and lists
 * have limits, and a record that was read has a name for what was measured.
 */
#include "bench/record.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
wrong(const struct sov_field *f, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "%s%s%s: %s", f->in,
                    f->in[0] != '\0' ? "." : "", f->key, what);
}

static int
take_text(char **out, const struct sov_field *f, const json_t *v,
          struct sov_err *err)
{
    const char *text = json_string_value(v);
    char *copy;

    if (text == NULL)
        return wrong(f, "it is no text", err);
    if (json_string_length(v) > SOV_BENCH_TEXT_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%s%s%s: it has %zu bytes, the limit is %d", f->in,
                        f->in[0] != '\0' ? "." : "", f->key,
                        json_string_length(v), (int)SOV_BENCH_TEXT_MAX);
    if (f->kind == NAME &&
        (text[0] == '\0' ||
         text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0'))
        return wrong(f, "it is no name", err);
    copy = sov_mem_dup(text, json_string_length(v));
    if (copy == NULL)
        return sov_mem_fail(err);
    free(*out);
    *out = copy;
    return 0;
}

static int
take_hex(char *out, const struct sov_field *f, const json_t *v,
         struct sov_err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL || strlen(text) >= f->size ||
        text[strspn(text, "0123456789abcdef")] != '\0')
        return wrong(f, "it is no such number of hex digits", err);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int
take_count(void *out, const struct sov_field *f, const json_t *v,
           struct sov_err *err)
{
    json_int_t n = json_integer_value(v);

    if (!json_is_integer(v) || n < 0 || (f->kind == U32 && n > UINT32_MAX) ||
        (f->kind == COUNT && (uint64_t)n > SIZE_MAX))
        return wrong(f, "it is no such whole number", err);
    if (f->kind == U32)
        *(uint32_t *)out = (uint32_t)n;
    else if (f->kind == U64)
        *(uint64_t *)out = (uint64_t)n;
    else
        *(size_t *)out = (size_t)n;
    return 0;
}

static int
take_reals(struct sov_bench_record *r, const struct sov_field *f,
           const json_t *v, struct sov_err *err)
{
    size_t n = json_array_size(v);

    if (!json_is_array(v))
        return wrong(f, "it is no list", err);
    if (n > SOV_BENCH_SAMPLES_MAX)
        return sov_fail(err, SOV_EFORMAT, "%s: there are %zu, the limit is %d",
                        f->key, n, (int)SOV_BENCH_SAMPLES_MAX);
    r->samples = sov_mem_array(n, sizeof(double));
    if (r->samples == NULL)
        return sov_mem_fail(err);
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(v, i);

        if (!json_is_number(x))
            return wrong(f, "one of them is no number", err);
        r->samples[i] = json_number_value(x);
    }
    return 0;
}

static int
take_better(struct sov_bench_record *r, const struct sov_field *f,
            const json_t *v, struct sov_err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL ||
        (strcmp(text, "higher") != 0 && strcmp(text, "lower") != 0))
        return wrong(f, "it is neither \"higher\" nor \"lower\"", err);
    r->better = text[0] == 'l' ? SOV_BENCH_LOWER : SOV_BENCH_HIGHER;
    return 0;
}

static int
take_value(struct sov_bench_record *r, const struct sov_field *f,
           const json_t *v, struct sov_err *err)
{
    void *out = sov_field_in(r, f);

    switch (f->kind) {
    case TEXT:
    case MAYBE:
    case NAME:
        return take_text(out, f, v, err);
    case HEX:
        return take_hex(out, f, v, err);
    case U32:
    case U64:
    case COUNT:
        return take_count(out, f, v, err);
    case REAL:
        if (json_is_null(v))
            return 0;
        if (!json_is_number(v))
            return wrong(f, "it is no number", err);
        *(double *)out = json_number_value(v);
        return 0;
    case TRI:
        if (!json_is_null(v) && !json_is_boolean(v))
            return wrong(f, "it is neither true nor false nor null", err);
        *(int *)out = json_is_null(v) ? -1 : json_is_true(v);
        return 0;
    case BOOL:
        if (!json_is_boolean(v))
            return wrong(f, "it is neither true nor false", err);
        *(bool *)out = json_is_true(v);
        return 0;
    case BETTER:
        return take_better(r, f, v, err);
    case REALS:
        return take_reals(r, f, v, err);
    }
    return 0;
}

/* "sov.bench/1" is ours, and "sov.bench/" alone a newer one. */
static int
check_schema(const json_t *root, struct sov_err *err)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));

    if (schema == NULL ||
        strncmp(schema, SOV_BENCH_SCHEMA, strlen(SOV_BENCH_SCHEMA) - 1) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "no record of a benchmark (schema " SOV_BENCH_SCHEMA
                        ")");
    if (strcmp(schema, SOV_BENCH_SCHEMA) != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "a record of %s, this program reads " SOV_BENCH_SCHEMA,
                        schema);
    return 0;
}

/* What a record that was read always has: texts, a unit. */
static int
complete(struct sov_bench_record *r, struct sov_err *err)
{
    const struct sov_bench_metric *m;

    if (r->metric == NULL)
        return sov_fail(err, SOV_EFORMAT, "metric: there is none");
    m = sov_bench_metric_find(r->metric);
    if (r->unit == NULL && m != NULL) {
        r->unit = sov_mem_dup(m->unit, strlen(m->unit));
        r->better = m->better;
    }
    for (const struct sov_field *f = sov_bench_fields; f->key != NULL; f++) {
        char **text = sov_field_in(r, f);

        if (f->kind == TEXT && *text == NULL &&
            (*text = sov_mem_dup("", 0)) == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

static int
take_fields(struct sov_bench_record *r, const json_t *root, struct sov_err *err)
{
    int rc = check_schema(root, err);

    for (const struct sov_field *f = sov_bench_fields;
         f->key != NULL && rc == 0; f++) {
        const json_t *from =
            f->in[0] == '\0' ? root : json_object_get(root, f->in);
        const json_t *v = json_object_get(from, f->key);

        if (from != NULL && !json_is_object(from))
            rc = sov_fail(err, SOV_EFORMAT, "%s: it is no object", f->in);
        else if (v != NULL)
            rc = take_value(r, f, v, err);
    }
    return rc < 0 ? rc : complete(r, err);
}

int
sov_bench_record_read(struct sov_bench_record *r, const void *line, size_t len,
                      struct sov_err *err)
{
    struct sov_bench_record fresh;
    json_t *root;
    int rc;

    if (len > SOV_BENCH_LINE_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a record of %zu bytes, the limit is %d", len,
                        (int)SOV_BENCH_LINE_MAX);
    rc = sov_json_parse_within(line, len, SOV_BENCH_DEPTH, SOV_BENCH_VALUES,
                               &root, err);
    if (rc < 0)
        return rc;
    sov_bench_record_start(&fresh);
    rc = take_fields(&fresh, root, err);
    json_decref(root);
    if (rc < 0) {
        sov_bench_record_free(&fresh);
        return rc;
    }
    sov_bench_record_free(r);
    *r = fresh;
    return 0;
}
