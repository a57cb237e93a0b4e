/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet.c - which type each matrix gets, as a file that a person can change
 *
 *     {
 *      "schema": "sov.plan/1",
 *      "total": {"bytes": 3639776, "bpw": 5.0012, "kld": 0.0051},
 *      "tensors": [
 *       {"name": "token_embd.weight", "type": "q6_k", "bytes": 860160, ...},
 *       ...
 *      ]
 *     }
 *
 * A line for each matrix.  Read are the schema, and of each tensor its name and
 * type; bytes, loss and alpha are for people, and computed again.
 */
#include "sov/allot.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "sov.plan/1"

void
sov_sheet_free(struct sov_sheet *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->row[i].name);
    free(s->row);
    free(s);
}

/* ---- reading ---- */

static int
check_schema(const json_t *root, struct sov_err *err)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));

    if (schema == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "is no plan: it has no \"schema\" that is \"" SCHEMA
                        "\"");
    if (strcmp(schema, SCHEMA) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "its schema is \"%.40s\", and this version reads "
                        "\"" SCHEMA "\"",
                        schema);
    return 0;
}

static int
read_row(const json_t *value, size_t i, struct sov_sheet_row *row,
         struct sov_err *err)
{
    const json_t *name = json_object_get(value, "name");
    const char *type = json_string_value(json_object_get(value, "type"));
    const struct sov_type_info *info;
    size_t len = json_string_length(name);

    if (!json_is_string(name) || len == 0 || len > SOV_NAME_MAX ||
        strlen(json_string_value(name)) != len)
        return sov_fail(err, SOV_EFORMAT, "tensors[%zu] has no name", i);
    if (type == NULL)
        return sov_fail(err, SOV_EFORMAT, "tensor %.80s has no type",
                        json_string_value(name));
    info = sov_type_by_name(type);
    if (info == NULL || (int)info->type >= SOV_TYPE_GGUF_MAX ||
        (info->kind != SOV_KIND_FLOAT && info->kind != SOV_KIND_BLOCK))
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %.80s: there is no type '%.40s'",
                        json_string_value(name), type);
    row->name = sov_mem_dup(json_string_value(name), len);
    if (row->name == NULL)
        return sov_mem_fail(err);
    row->type = info->type;
    row->loss = row->alpha = NAN;
    return 0;
}

static int
read_rows(struct sov_sheet *s, const json_t *list, struct sov_err *err)
{
    struct sov_map names = { 0 };
    size_t n = json_array_size(list);
    int rc = 0;

    if (!json_is_array(list) || n == 0 || n > SOV_TENSORS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "\"tensors\" is no list of 1 to %" PRIu64 " tensors",
                        SOV_TENSORS_MAX);
    s->row = sov_mem_array(n, sizeof(*s->row));
    if (s->row == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct sov_sheet_row *row = &s->row[i];

        rc = read_row(json_array_get(list, i), i, row, err);
        if (rc < 0)
            break;
        s->n++;
        rc = sov_map_add(&names, row->name, strlen(row->name), i, err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT, "tensor %.80s is there twice",
                          row->name);
    }
    sov_map_free(&names);
    return rc;
}

int
sov_sheet_parse(struct sov_sheet **sheet, const char *text, size_t len,
                struct sov_err *err)
{
    struct sov_sheet *s = sov_mem_array(1, sizeof(*s));
    json_t *root = NULL;
    int rc = s == NULL ? sov_mem_fail(err)
                       : sov_json_parse(text, len, &root, err);

    *sheet = NULL;
    if (rc == 0)
        rc = check_schema(root, err);
    if (rc == 0) {
        s->kld = s->speed = s->bpw = NAN;
        rc = read_rows(s, json_object_get(root, "tensors"), err);
    }
    json_decref(root);
    if (rc < 0) {
        sov_sheet_free(s);
        return rc;
    }
    *sheet = s;
    return 0;
}

/* ---- writing ---- */

/* If it is known. */
static void
add_number(json_t *to, const char *key, double value)
{
    if (isfinite(value))
        (void)json_object_set_new(to, key, json_real(value));
}

static int
put_text(sov_sink *sink, const char *text, struct sov_err *err)
{
    return sov_sink_write(sink, text, strlen(text), err);
}

/* An object in a line of its own. */
static int
put_object(sov_sink *sink, json_t *o, const char *before, const char *after,
           struct sov_err *err)
{
    char *text = o == NULL ? NULL : json_dumps(o, JSON_REAL_PRECISION(6));
    int rc = text == NULL ? sov_mem_fail(err)
                          : put_text(sink, before, err);

    if (rc == 0)
        rc = put_text(sink, text, err);
    if (rc == 0)
        rc = put_text(sink, after, err);
    free(text);
    json_decref(o);
    return rc;
}

static json_t *
row_object(const struct sov_sheet_row *row)
{
    json_t *o = json_object();

    (void)json_object_set_new(o, "name", json_string(row->name));
    (void)json_object_set_new(o, "type",
                              json_string(sov_type_info((int)row->type)->name));
    (void)json_object_set_new(o, "bytes", json_integer((json_int_t)row->bytes));
    add_number(o, "loss", row->loss);
    add_number(o, "alpha", row->alpha);
    return o;
}

static json_t *
total_object(const struct sov_sheet *s)
{
    json_t *o = json_object();

    if (s->bytes > 0)
        (void)json_object_set_new(o, "bytes",
                                  json_integer((json_int_t)s->bytes));
    add_number(o, "bpw", s->bpw);
    add_number(o, "kld", s->kld);
    add_number(o, "tokens_per_s", s->speed);
    if (s->machine[0] != '\0')
        (void)json_object_set_new(o, "machine", json_string(s->machine));
    return o;
}

int
sov_sheet_write(const struct sov_sheet *s, sov_sink *sink, struct sov_err *err)
{
    int rc = put_text(sink, "{\n \"schema\": \"" SCHEMA "\",\n", err);

    if (rc == 0)
        rc = put_object(sink, total_object(s), " \"total\": ", ",\n", err);
    if (rc == 0)
        rc = put_text(sink, " \"tensors\": [\n", err);
    for (size_t i = 0; i < s->n && rc == 0; i++)
        rc = put_object(sink, row_object(&s->row[i]), "  ",
                        i + 1 < s->n ? ",\n" : "\n", err);
    return rc == 0 ? put_text(sink, " ]\n}\n", err) : rc;
}
