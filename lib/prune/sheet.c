/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet.c - what becomes of every matrix, as a file that a person can change
 *
 *     {
 *      "schema": "sov.prune-plan/1",
 *      "method": "wanda",
 *      "tensors": [
 *       {"name": "blk.0.attn_q.weight", "ratio": 0.5},
 *       {"name": "blk.0.attn_k.weight", "pattern": "2:4"},
 *       {"name": "blk.0.attn_v.weight", "pattern": "16x", "ratio": 0.5}
 *      ]
 *     }
 *
 * A line for each matrix that loses weights; what is not named stays as it is.
 * A pattern N:M says how many go, anything else takes a ratio.  Nothing else
 * may stand there, so that a word that was mistyped is not passed over.
 */
#include "prune/job.h"
#include "prune/limits.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "sov.prune-plan/1"

void
sov_prune_sheet_free(struct sov_prune_sheet *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->row[i].name);
    free(s->row);
    free(s->method);
    free(s);
}

/* ---- reading ---- */

/* Is every key of the object one of these? */
static int
check_keys(json_t *o, const char *const *known, const char *where,
           struct sov_err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(o, key, value)
    {
        size_t i = 0;

        while (known[i] != NULL && strcmp(known[i], key) != 0)
            i++;
        if (known[i] == NULL)
            return sov_fail(err, SOV_EFORMAT, "%s: what is \"%.40s\"?", where,
                            key);
    }
    return 0;
}

static int
check_head(json_t *root, struct sov_err *err)
{
    static const char *const known[] = { "schema", "method", "tensors", NULL };
    const char *schema = json_string_value(json_object_get(root, "schema"));

    if (schema == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "is no plan of pruning: it has no \"schema\" that is "
                        "\"" SCHEMA "\"");
    if (strcmp(schema, SCHEMA) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "its schema is \"%.40s\", and this version reads "
                        "\"" SCHEMA "\"",
                        schema);
    return check_keys(root, known, "the plan", err);
}

/* The name of a thing: text without NUL, not empty. */
static char *
take_name(const json_t *value, size_t max, struct sov_err *err)
{
    size_t len = json_string_length(value);
    char *name;

    if (!json_is_string(value) || len == 0 || len > max ||
        strlen(json_string_value(value)) != len) {
        (void)sov_fail(err, SOV_EFORMAT, "there is no name");
        return NULL;
    }
    name = sov_mem_dup(json_string_value(value), len);
    if (name == NULL)
        (void)sov_mem_fail(err);
    return name;
}

static int
read_share(const json_t *value, struct sov_prune_sheet_row *row,
           struct sov_err *err)
{
    const json_t *ratio = json_object_get(value, "ratio");
    const json_t *pattern = json_object_get(value, "pattern");
    int rc = 0;

    row->pattern = (struct sov_prune_pattern){ .rows = 1 };
    if (pattern != NULL && !json_is_string(pattern))
        return sov_fail(err, SOV_EFORMAT, "its pattern is no text");
    if (pattern != NULL)
        rc = sov_prune_pattern_parse(&row->pattern, json_string_value(pattern),
                                     err);
    if (rc < 0)
        return err != NULL ? (err->rc = SOV_EFORMAT) : SOV_EFORMAT;
    if (row->pattern.of != 0 && ratio != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "the pattern says how much goes, and so does the "
                        "ratio: give one");
    if (row->pattern.of != 0) {
        row->ratio =
            (double)(row->pattern.of - row->pattern.keep) / row->pattern.of;
        return 0;
    }
    if (!json_is_number(ratio))
        return sov_fail(err, SOV_EFORMAT, "there is no ratio");
    row->ratio = json_number_value(ratio);
    if (!(row->ratio >= 0 && row->ratio <= 1))
        return sov_fail(err, SOV_EFORMAT, "a ratio is between 0 and 1");
    return 0;
}

static int
read_row(json_t *value, size_t i, struct sov_prune_sheet *s,
         struct sov_err *err)
{
    static const char *const known[] = { "name", "ratio", "pattern", NULL };
    struct sov_prune_sheet_row *row = &s->row[i];
    int rc;

    row->name = take_name(json_object_get(value, "name"), SOV_NAME_MAX, err);
    if (row->name == NULL)
        return sov_err_wrap(err, "tensors[%zu]", i);
    s->n++;
    rc = check_keys(value, known, "its row", err);
    if (rc == 0)
        rc = read_share(value, row, err);
    return rc < 0 ? sov_err_wrap(err, "tensor %.80s", row->name) : 0;
}

static int
read_rows(struct sov_prune_sheet *s, const json_t *list, struct sov_err *err)
{
    struct sov_map names = { 0 };
    size_t n = json_array_size(list);
    int rc = 0;

    if (!json_is_array(list) || n > SOV_TENSORS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "\"tensors\" is no list of at most %" PRIu64 " tensors",
                        SOV_TENSORS_MAX);
    s->row = sov_mem_array(n, sizeof(*s->row));
    if (s->row == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = read_row(json_array_get(list, i), i, s, err);
        if (rc == 0)
            rc = sov_map_add(&names, s->row[i].name, strlen(s->row[i].name), i,
                             err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT, "tensor %.80s is there twice",
                          s->row[i].name);
    }
    sov_map_free(&names);
    return rc;
}

int
sov_prune_sheet_parse(struct sov_prune_sheet **sheet, const char *text,
                      size_t len, struct sov_err *err)
{
    struct sov_prune_sheet *s = sov_mem_array(1, sizeof(*s));
    json_t *root = NULL;
    int rc =
        s == NULL ? sov_mem_fail(err) : sov_json_parse(text, len, &root, err);

    *sheet = NULL;
    if (rc == 0)
        rc = check_head(root, err);
    if (rc == 0) {
        s->method = take_name(json_object_get(root, "method"),
                              SOV_PRUNE_METHOD_MAX, err);
        rc = s->method != NULL ? 0 : sov_err_wrap(err, "\"method\"");
    }
    if (rc == 0)
        rc = read_rows(s, json_object_get(root, "tensors"), err);
    json_decref(root);
    if (rc < 0) {
        sov_prune_sheet_free(s);
        return rc;
    }
    *sheet = s;
    return 0;
}

/* ---- writing ---- */

static int
put_text(sov_sink *sink, const char *text, struct sov_err *err)
{
    return sov_sink_write(sink, text, strlen(text), err);
}

static int
put_json(sov_sink *sink, json_t *value, struct sov_err *err)
{
    char *text =
        value == NULL
            ? NULL
            : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    int rc = text == NULL ? sov_mem_fail(err) : put_text(sink, text, err);

    free(text);
    json_decref(value);
    return rc;
}

static json_t *
row_object(const struct sov_prune_sheet_row *row)
{
    char text[SOV_PRUNE_PATTERN_MAX];
    json_t *o = json_object();

    (void)json_object_set_new(o, "name", json_string(row->name));
    sov_prune_pattern_text(&row->pattern, text);
    if (row->pattern.of != 0 || row->pattern.rows > 1)
        (void)json_object_set_new(o, "pattern", json_string(text));
    if (row->pattern.of == 0)
        (void)json_object_set_new(o, "ratio", json_real(row->ratio));
    return o;
}

int
sov_prune_sheet_write(const struct sov_prune_sheet *s, sov_sink *sink,
                      struct sov_err *err)
{
    int rc =
        put_text(sink, "{\n \"schema\": \"" SCHEMA "\",\n \"method\": ", err);

    if (rc == 0)
        rc = put_json(sink, json_string(s->method), err);
    if (rc == 0)
        rc = put_text(sink, ",\n \"tensors\": [\n", err);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        rc = put_text(sink, "  ", err);
        if (rc == 0)
            rc = put_json(sink, row_object(&s->row[i]), err);
        if (rc == 0)
            rc = put_text(sink, i + 1 < s->n ? ",\n" : "\n", err);
    }
    return rc == 0 ? put_text(sink, " ]\n}\n", err) : rc;
}

/* ---- of a job ---- */

static int
fill(struct sov_prune_sheet *s, const sov_prune *job, struct sov_err *err)
{
    size_t n = sov_model_count(job->model);
    const char *method = job->method->name;

    s->method = sov_mem_dup(method, strlen(method));
    s->row = sov_mem_array(n, sizeof(*s->row));
    if (s->method == NULL || s->row == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const char *name = sov_model_at(job->model, i)->name;

        if (!job->fate[i].pruned)
            continue;
        s->row[s->n].pattern = job->fate[i].share.pattern;
        s->row[s->n].ratio = job->fate[i].share.ratio;
        s->row[s->n].name = sov_mem_dup(name, strlen(name));
        if (s->row[s->n++].name == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

int
sov_prune_sheet(const sov_prune *job, struct sov_prune_sheet **sheet,
                struct sov_err *err)
{
    struct sov_prune_sheet *s;
    int rc;

    if (job->packs)
        return sov_fail(err, SOV_EARG, "what packs has no plan of pruning");

    *sheet = NULL;
    if (job->shape != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "a plan is of masks; %s gives the model another shape",
                        job->method->name);
    s = sov_mem_array(1, sizeof(*s));
    rc = s == NULL ? sov_mem_fail(err) : fill(s, job, err);
    if (rc < 0) {
        sov_prune_sheet_free(s);
        return rc;
    }
    *sheet = s;
    return 0;
}
