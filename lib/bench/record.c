/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - a record of a benchmark, in memory and as a line of JSON
 *
 * One table says which member of the JSON is which field; writing, reading,
 * copying and freeing all go by it.  Rows of one object stand together.
 *
 *     {"schema":"sov.bench/1","run":"..","time":"..","metric":"decode",
 *      "unit":"tok/s","better":"higher","model":{..},"machine":{..},
 *      "cell":{..},"noise":{..},"samples":[..],"warmup":1,"stat":{..},..}
 *
 * A number is written with as few digits as give the same double again.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/bench.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    TEXT,  /* char *, "" if not known */
    MAYBE, /* char *, NULL and no member if it does not apply */
    NAME,  /* char * of a-z, 0-9 and _ alone */
    HEX,   /* char [], hex digits, "" if not known */
    U32,
    U64,
    COUNT, /* size_t */
    REAL,  /* double, NaN is null */
    TRI,   /* int: 1 true, 0 false, -1 null */
    BOOL,
    BETTER, /* enum sov_bench_better: "higher" or "lower" */
    REALS,  /* double *, and size_t n */
};

struct field {
    const char *in; /* object, or "" for the outermost */
    const char *key;
    enum kind kind;
    size_t at;
    size_t size; /* of a HEX */
};

#define AT(member)                             \
    offsetof(struct sov_bench_record, member), \
        sizeof(((struct sov_bench_record *)0)->member)

static const struct field fields[] = {
    { "", "run", HEX, AT(run) },
    { "", "time", TEXT, AT(time) },
    { "", "metric", NAME, AT(metric) },
    { "", "unit", TEXT, AT(unit) },
    { "", "better", BETTER, AT(better) },
    { "model", "name", TEXT, AT(model.name) },
    { "model", "digest", HEX, AT(model.digest) },
    { "model", "arch", TEXT, AT(model.arch) },
    { "model", "type", TEXT, AT(model.type) },
    { "model", "bytes", U64, AT(model.bytes) },
    { "model", "params", U64, AT(model.params) },
    { "machine", "id", HEX, AT(machine.id) },
    { "machine", "cpu", TEXT, AT(machine.cpu) },
    { "machine", "isa", TEXT, AT(machine.isa) },
    { "machine", "kernel", TEXT, AT(machine.kernel) },
    { "machine", "governor", TEXT, AT(machine.governor) },
    { "machine", "microcode", TEXT, AT(machine.microcode) },
    { "machine", "sov", TEXT, AT(machine.sov) },
    { "machine", "cpus", U32, AT(machine.cpus) },
    { "machine", "memory", U64, AT(machine.memory) },
    { "machine", "turbo", TRI, AT(machine.turbo) },
    { "machine", "smt", TRI, AT(machine.smt) },
    { "machine", "numa", U32, AT(machine.numa) },
    { "machine", "container", BOOL, AT(machine.container) },
    { "cell", "prompt", U32, AT(cell.prompt) },
    { "cell", "gen", U32, AT(cell.gen) },
    { "cell", "depth", U32, AT(cell.depth) },
    { "cell", "batch", U32, AT(cell.batch) },
    { "cell", "threads", U32, AT(cell.threads) },
    { "cell", "kv", MAYBE, AT(cell.kv) },
    { "cell", "text", MAYBE, AT(cell.text) },
    { "cell", "text_digest", HEX, AT(cell.text_digest) },
    { "noise", "cpu_pressure", REAL, AT(noise.cpu_pressure) },
    { "noise", "memory_pressure", REAL, AT(noise.memory_pressure) },
    { "noise", "steal", REAL, AT(noise.steal) },
    { "noise", "throttled", REAL, AT(noise.throttled) },
    { "noise", "frequency_drift", REAL, AT(noise.frequency_drift) },
    { "stat", "n", COUNT, AT(stat.n) },
    { "stat", "median", REAL, AT(stat.median) },
    { "stat", "low", REAL, AT(stat.low) },
    { "stat", "high", REAL, AT(stat.high) },
    { "stat", "confidence", REAL, AT(stat.confidence) },
    { "stat", "mad", REAL, AT(stat.mad) },
    { "stat", "outliers", COUNT, AT(stat.outliers) },
    { "", "samples", REALS, AT(samples) },
    { "", "warmup", COUNT, AT(warmup) },
    { "", "bandwidth_share", REAL, AT(bandwidth_share) },
    { "", "compute_share", REAL, AT(compute_share) },
    { "", "bytes_per_s", REAL, AT(bytes_per_s) },
    { "", "flop_per_s", REAL, AT(flop_per_s) },
    { "", "note", MAYBE, AT(note) },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static bool
is_text(const struct field *f)
{
    return f->kind == TEXT || f->kind == MAYBE || f->kind == NAME;
}

static void *
in(struct sov_bench_record *r, const struct field *f)
{
    return (char *)r + f->at;
}

static const void *
of(const struct sov_bench_record *r, const struct field *f)
{
    return (const char *)r + f->at;
}

/* ---- in memory */

void
sov_bench_record_start(struct sov_bench_record *r)
{
    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].kind == REAL)
            *(double *)in(r, &fields[i]) = NAN;
        else if (fields[i].kind == TRI)
            *(int *)in(r, &fields[i]) = -1;
}

void
sov_bench_record_free(struct sov_bench_record *r)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (is_text(&fields[i]))
            free(*(char **)in(r, &fields[i]));
    free(r->samples);
    sov_bench_record_start(r);
}

int
sov_bench_record_copy(struct sov_bench_record *to,
                      const struct sov_bench_record *from, struct sov_err *err)
{
    struct sov_bench_record r = *from;
    bool failed = false;

    r.samples = NULL;
    if (from->samples != NULL) {
        r.samples = sov_mem_array(from->n, sizeof(double));
        failed = r.samples == NULL;
        if (!failed && from->n > 0)
            memcpy(r.samples, from->samples, from->n * sizeof(double));
    }
    for (size_t i = 0; i < N_FIELDS; i++) {
        char **text = in(&r, &fields[i]);

        if (!is_text(&fields[i]) || *text == NULL)
            continue;
        *text = sov_mem_dup(*text, strlen(*text));
        failed |= *text == NULL;
    }
    if (failed) {
        sov_bench_record_free(&r);
        return sov_mem_fail(err);
    }
    sov_bench_record_free(to);
    *to = r;
    return 0;
}

int
sov_bench_record_metric(struct sov_bench_record *r, const char *metric,
                        struct sov_err *err)
{
    const struct sov_bench_metric *m = sov_bench_metric_find(metric);
    char *name, *unit;

    if (m == NULL)
        return sov_fail(err, SOV_EARG, "no metric is called \"%s\"", metric);
    name = sov_mem_dup(m->name, strlen(m->name));
    unit = sov_mem_dup(m->unit, strlen(m->unit));
    if (name == NULL || unit == NULL) {
        free(name);
        free(unit);
        return sov_mem_fail(err);
    }
    free(r->metric);
    free(r->unit);
    r->metric = name;
    r->unit = unit;
    r->better = m->better;
    return 0;
}

int
sov_bench_record_samples(struct sov_bench_record *r, const double *samples,
                         size_t n, struct sov_err *err)
{
    struct sov_bench_stat stat;
    double *copy;
    int rc = sov_bench_describe(samples, n, 0.95, &stat, err);

    if (rc < 0)
        return rc;
    copy = sov_mem_array(n, sizeof(*copy));
    if (copy == NULL)
        return sov_mem_fail(err);
    if (n > 0)
        memcpy(copy, samples, n * sizeof(*copy));
    free(r->samples);
    r->samples = copy;
    r->n = n;
    r->stat = stat;
    return 0;
}

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

bool
sov_bench_record_alike(const struct sov_bench_record *a,
                       const struct sov_bench_record *b)
{
    const struct sov_bench_cell *x = &a->cell, *y = &b->cell;

    return same_text(a->metric, b->metric) && same_text(a->unit, b->unit) &&
           same_text(a->model.name, b->model.name) && x->prompt == y->prompt &&
           x->gen == y->gen && x->depth == y->depth && x->batch == y->batch &&
           x->threads == y->threads && same_text(x->kv, y->kv) &&
           same_text(x->text, y->text) &&
           strcmp(x->text_digest, y->text_digest) == 0;
}

struct sov_bench_record *
sov_bench_set_add(struct sov_bench_set *set, struct sov_err *err)
{
    /* room is for the next power of two, so that it need not be kept */
    if ((set->n & (set->n - 1)) == 0) {
        size_t cap = set->n == 0 ? 1 : 2 * set->n;
        struct sov_bench_record *more = sov_mem_array(cap, sizeof(*more));

        if (more == NULL) {
            sov_mem_fail(err);
            return NULL;
        }
        if (set->n > 0)
            memcpy(more, set->record, set->n * sizeof(*more));
        free(set->record);
        set->record = more;
    }
    sov_bench_record_start(&set->record[set->n]);
    return &set->record[set->n++];
}

void
sov_bench_set_free(struct sov_bench_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        sov_bench_record_free(&set->record[i]);
    free(set->record);
    *set = (struct sov_bench_set){ 0 };
}

/* ---- written */

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

/* The least of 15 to 17 digits that give the same number. */
static void
put_real(struct sov_buf *b, double v)
{
    char text[40];

    if (!isfinite(v)) {
        put(b, "null");
        return;
    }
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
          const struct field *f)
{
    const void *v = of(r, f);

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

    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct field *f = &fields[i];
        bool first = false;

        if (f->kind == MAYBE && *(char *const *)of(r, f) == NULL)
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

/* ---- read */

static int
wrong(const struct field *f, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "%s%s%s: %s", f->in,
                    f->in[0] != '\0' ? "." : "", f->key, what);
}

static int
take_text(char **out, const struct field *f, const json_t *v,
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
take_hex(char *out, const struct field *f, const json_t *v, struct sov_err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL || strlen(text) >= f->size ||
        text[strspn(text, "0123456789abcdef")] != '\0')
        return wrong(f, "it is no such number of hex digits", err);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int
take_count(void *out, const struct field *f, const json_t *v,
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
take_reals(struct sov_bench_record *r, const struct field *f, const json_t *v,
           struct sov_err *err)
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
take_better(struct sov_bench_record *r, const struct field *f, const json_t *v,
            struct sov_err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL ||
        (strcmp(text, "higher") != 0 && strcmp(text, "lower") != 0))
        return wrong(f, "it is neither \"higher\" nor \"lower\"", err);
    r->better = text[0] == 'l' ? SOV_BENCH_LOWER : SOV_BENCH_HIGHER;
    return 0;
}

static int
take_value(struct sov_bench_record *r, const struct field *f, const json_t *v,
           struct sov_err *err)
{
    void *out = in(r, f);

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
    for (size_t i = 0; i < N_FIELDS; i++) {
        char **text = in(r, &fields[i]);

        if (fields[i].kind == TEXT && *text == NULL &&
            (*text = sov_mem_dup("", 0)) == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

static int
take_fields(struct sov_bench_record *r, const json_t *root, struct sov_err *err)
{
    int rc = check_schema(root, err);

    for (size_t i = 0; i < N_FIELDS && rc == 0; i++) {
        const struct field *f = &fields[i];
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
