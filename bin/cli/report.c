/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - one result, as text for people or as JSON
 *
 * A report is a list of entries in the order they came: a value, or a table
 * whose cells stand in one list too.  The JSON tree is built beside it by
 * jansson.  Allocation failures set bad and are told at the end.
 */
#include "cli/report.h"

#include "cli/progress.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_DIGITS 12 /* of a real number: more than any of ours deserves */
#define DUMP_FLAGS  (JSON_COMPACT | JSON_REAL_PRECISION(JSON_DIGITS))
#define CELL_MAX    240

struct cell {
    char *label;
    char *text;
    size_t table; /* 0: not in a table; else its number */
    size_t row;   /* in the table, from 1 */
    bool number;  /* set flush right */
};

struct sov_report {
    json_t *root;
    json_t *rows;   /* array of the open table, or NULL; borrowed */
    json_t *target; /* object that takes the next value; borrowed */
    struct cell *cells;
    size_t n_cells;
    size_t n_tables;
    size_t row;
    bool bad;
};

struct sov_report *
sov_report_new(const char *schema)
{
    struct sov_report *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->root = json_object();
    r->target = r->root;
    if (r->root == NULL)
        r->bad = true;
    else if (schema != NULL)
        sov_report_text(r, "schema", NULL, schema);
    return r;
}

void
sov_report_free(struct sov_report *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_cells; i++) {
        free(r->cells[i].label);
        free(r->cells[i].text);
    }
    free(r->cells);
    json_decref(r->root);
    free(r);
}

static void
add_cell(struct sov_report *r, const char *label, const char *text,
         bool number)
{
    char clean[CELL_MAX];
    struct cell *c;

    if (label == NULL || r->bad)
        return;
    c = reallocarray(r->cells, r->n_cells + 1, sizeof(*c));
    if (c == NULL) {
        r->bad = true;
        return;
    }
    r->cells = c;
    c += r->n_cells++;
    c->label = strdup(label);
    c->text = strdup(sov_text_escape(clean, sizeof(clean), text));
    c->table = r->rows != NULL ? r->n_tables : 0;
    c->row = r->row;
    c->number = number;
    if (c->label == NULL || c->text == NULL)
        r->bad = true;
}

/* Takes value, which may be NULL for want of memory. */
static void
add_value(struct sov_report *r, const char *key, json_t *value)
{
    if (r->bad) {
        json_decref(value);
        return;
    }
    if (json_object_set_new(r->target, key, value) != 0)
        r->bad = true;
}

/* Bytes that are not UTF-8 cannot stand in JSON: they are escaped first. */
static json_t *
json_text(const char *text, size_t len)
{
    json_t *value = json_stringn(text, len);
    char *clean;

    if (value != NULL)
        return value;
    clean = malloc(4 * len + 1);
    if (clean == NULL)
        return NULL;
    value = json_stringn(clean, sov_text_repair(clean, text, len));
    free(clean);
    return value;
}

void
sov_report_text(struct sov_report *r, const char *key, const char *label,
                const char *value)
{
    if (r == NULL)
        return;
    add_value(r, key, json_text(value, strlen(value)));
    add_cell(r, label, value, false);
}

void
sov_report_span(struct sov_report *r, const char *key, const char *text,
                size_t len)
{
    if (r != NULL)
        add_value(r, key, json_text(text, len));
}

void
sov_report_json(struct sov_report *r, const char *key, const char *text,
                size_t len)
{
    json_t *value;

    if (r == NULL)
        return;
    value = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
                       NULL);
    add_value(r, key, value != NULL ? value : json_text(text, len));
}

void
sov_report_bool(struct sov_report *r, const char *key, const char *label,
                bool value)
{
    if (r == NULL)
        return;
    add_value(r, key, json_boolean(value));
    add_cell(r, label, value ? "yes" : "no", false);
}

static json_t *
json_uint(uint64_t value)
{
    char buf[24];

    if (value <= UINT64_C(1) << 53)
        return json_integer((json_int_t)value);
    snprintf(buf, sizeof(buf), "%" PRIu64, value);
    return json_string(buf);
}

void
sov_report_uint(struct sov_report *r, const char *key, const char *label,
                uint64_t value)
{
    char buf[24];

    if (r == NULL)
        return;
    snprintf(buf, sizeof(buf), "%" PRIu64, value);
    add_value(r, key, json_uint(value));
    add_cell(r, label, buf, true);
}

void
sov_report_bytes(struct sov_report *r, const char *key, const char *label,
                 uint64_t bytes)
{
    char buf[24];

    if (r == NULL)
        return;
    add_value(r, key, json_uint(bytes));
    add_cell(r, label, sov_progress_bytes(buf, bytes), true);
}

void
sov_report_real(struct sov_report *r, const char *key, const char *label,
                double value, int decimals, const char *unit)
{
    char buf[400];

    if (r == NULL)
        return;
    if (isfinite(value))
        snprintf(buf, sizeof(buf), "%.*f%s%s", decimals, value,
                 unit != NULL ? " " : "", unit != NULL ? unit : "");
    else
        snprintf(buf, sizeof(buf), "-");
    add_value(r, key, isfinite(value) ? json_real(value) : json_null());
    add_cell(r, label, buf, true);
}

void
sov_report_ids(struct sov_report *r, const char *key, const int32_t *ids,
               size_t n)
{
    json_t *array;

    if (r == NULL)
        return;
    array = json_array();
    for (size_t i = 0; i < n && array != NULL; i++)
        if (json_array_append_new(array, json_integer(ids[i])) != 0)
            r->bad = true;
    add_value(r, key, array);
}

void
sov_report_counts(struct sov_report *r, const char *key,
                  const uint64_t *counts, size_t n)
{
    json_t *array;

    if (r == NULL)
        return;
    array = json_array();
    for (size_t i = 0; i < n && array != NULL; i++)
        if (json_array_append_new(array, json_uint(counts[i])) != 0)
            r->bad = true;
    add_value(r, key, array);
}

void
sov_report_label(struct sov_report *r, const char *label, const char *text)
{
    if (r != NULL)
        add_cell(r, label, text, false);
}

void
sov_report_object(struct sov_report *r, const char *key)
{
    json_t *object;

    if (r == NULL)
        return;
    object = json_object();
    add_value(r, key, object);
    if (!r->bad)
        r->target = object;
}

void
sov_report_object_end(struct sov_report *r)
{
    if (r != NULL)
        r->target = r->root;
}

void
sov_report_table(struct sov_report *r, const char *key)
{
    if (r == NULL)
        return;
    sov_report_table_end(r);
    r->rows = json_array();
    r->n_tables++;
    add_value(r, key, r->rows);
    if (r->bad)
        r->rows = NULL;
}

void
sov_report_row(struct sov_report *r)
{
    if (r == NULL || r->rows == NULL)
        return;
    r->row++;
    r->target = json_object();
    if (json_array_append_new(r->rows, r->target) != 0)
        r->bad = true;
}

void
sov_report_table_end(struct sov_report *r)
{
    if (r == NULL)
        return;
    r->rows = NULL;
    r->target = r->root;
    r->row = 0;
}

static void
print_padded(const char *text, size_t width, bool right, bool last)
{
    size_t w = sov_text_width(text);
    int pad = w < width ? (int)(width - w) : 0;

    if (right)
        printf("%*s%s", pad, "", text);
    else
        printf("%s%*s", text, last ? 0 : pad, "");
    fputs(last ? "" : "  ", stdout);
}

/* Cells first..first+n are label-value lines, one below the other. */
static void
print_values(const struct cell *c, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++)
        if (sov_text_width(c[i].label) > width)
            width = sov_text_width(c[i].label);
    for (size_t i = 0; i < n; i++) {
        print_padded(c[i].label, width, false, false);
        puts(c[i].text);
    }
}

/* The column that a label names, or n_cols. */
static size_t
column_of(const struct cell *const *heads, size_t n_cols, const char *label)
{
    size_t i = 0;

    while (i < n_cols && strcmp(heads[i]->label, label) != 0)
        i++;
    return i;
}

static void
print_line(const struct cell *const *line, const struct cell *const *heads,
           const size_t *width, size_t n_cols)
{
    for (size_t i = 0; i < n_cols; i++)
        print_padded(line[i] != NULL ? line[i]->text : "-", width[i],
                     heads[i]->number, i + 1 == n_cols);
    putchar('\n');
}

/* Columns are the labels in the order they first appear; a row may lack
 * some.  heads, line and width have room for n each. */
static void
print_columns(const struct cell *c, size_t n, const struct cell **heads,
              const struct cell **line, size_t *width)
{
    bool bold = sov_tool_color();
    size_t n_cols = 0;

    for (size_t i = 0; i < n; i++) {
        size_t col = column_of(heads, n_cols, c[i].label);
        size_t w = sov_text_width(c[i].text);

        if (col == n_cols) {
            heads[n_cols] = &c[i];
            width[n_cols++] = sov_text_width(c[i].label);
        }
        if (w > width[col])
            width[col] = w;
    }
    fputs(bold ? "\033[1m" : "", stdout);
    for (size_t i = 0; i < n_cols; i++)
        print_padded(heads[i]->label, width[i], heads[i]->number,
                     i + 1 == n_cols);
    fputs(bold ? "\033[0m\n" : "\n", stdout);
    for (size_t i = 0; i < n;) {
        size_t row = c[i].row;

        memset(line, 0, n_cols * sizeof(*line));
        for (; i < n && c[i].row == row; i++)
            line[column_of(heads, n_cols, c[i].label)] = &c[i];
        print_line(line, heads, width, n_cols);
    }
}

static int
print_table(const struct cell *c, size_t n, struct sov_err *err)
{
    const struct cell **heads = calloc(n, sizeof(*heads));
    const struct cell **line = calloc(n, sizeof(*line));
    size_t *width = calloc(n, sizeof(*width));
    int rc = 0;

    if (heads == NULL || line == NULL || width == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    else
        print_columns(c, n, heads, line, width);
    free(heads);
    free(line);
    free(width);
    return rc;
}

static int
print_report(const struct sov_report *r, struct sov_err *err)
{
    size_t i = 0;
    int rc = 0;

    while (i < r->n_cells && rc == 0) {
        const struct cell *c = &r->cells[i];
        size_t n = 0;

        while (i + n < r->n_cells && c[n].table == c->table)
            n++;
        if (i > 0)
            putchar('\n');
        if (c->table == 0)
            print_values(c, n);
        else
            rc = print_table(c, n, err);
        i += n;
    }
    return rc;
}

int
sov_report_end(struct sov_report *r, struct sov_err *err)
{
    int rc = 0;

    sov_progress_clear();
    if (r == NULL || r->bad)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    else if (!sov_common.json)
        rc = print_report(r, err);
    else if (json_dumpf(r->root, stdout, DUMP_FLAGS) != 0)
        rc = sov_fail_sys(err, SOV_WHERE_ANY, "standard output");
    else
        putchar('\n');
    sov_report_free(r);
    return rc;
}

int
sov_report_line(struct sov_report *r, char **line, struct sov_err *err)
{
    char *text = r != NULL && !r->bad ? json_dumps(r->root, DUMP_FLAGS) : NULL;
    size_t len = text != NULL ? strlen(text) : 0;

    *line = text != NULL ? malloc(len + 2) : NULL;
    sov_report_free(r);
    if (*line != NULL) {
        memcpy(*line, text, len);
        memcpy(*line + len, "\n", 2);
    }
    if (text != NULL)
        explicit_bzero(text, len); /* names of people are in an audit log */
    free(text);
    return *line != NULL ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
}

int
sov_report_write(struct sov_report *r, sov_sink *sink, struct sov_err *err)
{
    char *line = NULL;
    int rc = sov_report_line(r, &line, err);

    sov_progress_clear();
    if (rc == 0)
        rc = sov_sink_write(sink, line, strlen(line), err);
    free(line);
    return rc;
}
