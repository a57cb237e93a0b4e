/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - the whole truth about a model, and single values
 *
 * Written as it goes and not built first: a vocabulary has a million strings.
 * Numbers above 2^53 are strings; so are the three that JSON lacks: "NaN",
 * "Infinity", "-Infinity".  Bytes that are no UTF-8 become \xHH.
 */
#include "show/show.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXACT (INT64_C(1) << 53)

/* One character of a string, which is well-formed UTF-8. */
static void
put_char(unsigned char c)
{
    if (c == '"' || c == '\\')
        printf("\\%c", c);
    else if (c == '\n')
        fputs("\\n", stdout);
    else if (c < 0x20 || c == 0x7f)
        printf("\\u%04x", c);
    else
        putchar_unlocked(c);
}

static int
put_text(const char *text, size_t len, struct sov_err *err)
{
    char small[4 * 256 + 1];
    char *copy = NULL, *clean = small;
    char front[257];
    size_t n;

    if (len < sizeof(front)) { /* a NUL behind it, as sov_text_repair wants */
        memcpy(front, text, len);
        front[len] = '\0';
        n = sov_text_repair(clean, front, len);
    } else {
        copy = malloc(5 * (len + 1));
        if (copy == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        clean = copy + len + 1;
        memcpy(copy, text, len);
        copy[len] = '\0';
        n = sov_text_repair(clean, copy, len);
    }
    putchar_unlocked('"');
    for (size_t i = 0; i < n; i++)
        put_char((unsigned char)clean[i]);
    putchar_unlocked('"');
    free(copy);
    return 0;
}

static int
put_string(const char *text, struct sov_err *err)
{
    return put_text(text, strlen(text), err);
}

static void
put_u64(uint64_t v)
{
    printf(v > EXACT ? "\"%" PRIu64 "\"" : "%" PRIu64, v);
}

static void
put_number(const struct sov_kv *kv, uint64_t i)
{
    enum sov_vtype type = kv->type == SOV_V_ARR ? kv->elem : kv->type;
    int64_t v = sov_kv_int(kv, i);
    char buf[64];
    bool quote;

    show_number(kv, i, buf, sizeof(buf));
    if (type == SOV_V_F32 || type == SOV_V_F64)
        quote = strpbrk(buf, "NI") != NULL;
    else if (type == SOV_V_U64)
        quote = (uint64_t)v > EXACT;
    else
        quote = v > EXACT || v < -EXACT;
    printf(quote ? "\"%s\"" : "%s", buf);
}

static int
put_list(const struct sov_kv *kv, struct sov_err *err)
{
    struct sov_span s;
    size_t at = 0;
    int rc = 0;

    putchar('[');
    for (uint64_t i = 0; i < kv->n && rc == 0; i++) {
        if (i > 0)
            putchar_unlocked(',');
        if (kv->elem != SOV_V_STR)
            put_number(kv, i);
        else if (sov_kv_next_str(kv, &at, &s))
            rc = put_text((const char *)s.p, s.len, err);
    }
    putchar(']');
    return rc;
}

/* {"type":"array","items":"str","n":2,"value":["a","b"]} */
static int
put_kv(const struct sov_kv *kv, struct sov_err *err)
{
    int rc = 0;

    printf("\"type\":\"%s\",", show_vtype(kv->type));
    if (kv->type == SOV_V_ARR)
        printf("\"items\":\"%s\",\"n\":%" PRIu64 ",", show_vtype(kv->elem),
               kv->n);
    fputs("\"value\":", stdout);
    if (kv->type == SOV_V_ARR)
        rc = put_list(kv, err);
    else if (kv->type == SOV_V_STR)
        rc = put_text((const char *)kv->val.p, kv->val.len, err);
    else
        put_number(kv, 0);
    return rc;
}

static int
put_summary(const struct show_facts *f, struct sov_err *err)
{
    const char *const *files;
    size_t n = sov_model_files(f->model, &files);
    const char *text;
    int rc;

    printf("{\"schema\":\"sov.show/1\",\"path\":");
    rc = put_string(f->path, err);
    printf(",\"format\":\"%s\",\"bytes\":", sov_model_format(f->model));
    put_u64(sov_model_bytes(f->model));
    printf(",\"files\":[");
    for (size_t i = 0; i < n && rc == 0; i++) {
        fputs(i > 0 ? "," : "", stdout);
        rc = put_string(files[i], err);
    }
    printf("],\"warnings\":[");
    for (size_t i = 0;
         rc == 0 && (text = sov_model_warning(f->model, i)) != NULL; i++) {
        fputs(i > 0 ? "," : "", stdout);
        rc = put_string(text, err);
    }
    printf("],\"tensor_count\":%" PRIu64 ",\"weights\":", f->sum.tensors);
    put_u64(f->sum.weights);
    printf(",\"tensor_bytes\":");
    put_u64(f->sum.bytes);
    printf(",\"bpw\":%.6g,\"types\":[", show_bpw(&f->sum));
    for (int i = 0, k = 0; i < SHOW_TYPES; i++) {
        const struct show_total *t = &f->type[i];

        if (t->tensors == 0)
            continue;
        printf("%s{\"type\":\"%s\",\"tensors\":%" PRIu64 ",\"weights\":",
               k++ > 0 ? "," : "", sov_type_info(i)->name, t->tensors);
        put_u64(t->weights);
        printf(",\"bytes\":");
        put_u64(t->bytes);
        printf("}");
    }
    printf("]");
    return rc;
}

static int
put_tensor(const struct show_facts *f, size_t i, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(f->model, i);
    const char *file;
    uint64_t off;
    int rc;

    printf("{\"name\":");
    rc = put_string(t->name, err);
    printf(",\"type\":\"%s\",\"shape\":[", sov_type_info((int)t->type)->name);
    for (uint32_t k = 0; k < t->ndim; k++) {
        fputs(k > 0 ? "," : "", stdout);
        put_u64(t->dim[k]);
    }
    printf("],\"weights\":");
    put_u64(sov_tensor_count(t));
    printf(",\"bytes\":");
    put_u64(t->size);
    if (rc == 0 && sov_model_place(f->model, i, &file, &off)) {
        printf(",\"file\":");
        rc = put_string(file, err);
        printf(",\"offset\":");
        put_u64(off);
    }
    printf("}");
    return rc;
}

int
show_json(const struct show_facts *f, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(f->model);
    int rc = put_summary(f, err);

    printf(",\"metadata\":{");
    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);

        fputs(i > 0 ? "," : "", stdout);
        rc = put_string(kv->key, err);
        printf(":{");
        if (rc == 0)
            rc = put_kv(kv, err);
        printf("}");
    }
    printf("},\"tensors\":[");
    for (size_t i = 0; i < sov_model_count(f->model) && rc == 0; i++) {
        fputs(i > 0 ? "," : "", stdout);
        rc = put_tensor(f, i, err);
    }
    printf("]}\n");
    return rc;
}

/* ---- --get ---- */

/* A string as it is; on a terminal, or as one line of many, made safe. */
static int
print_raw(struct sov_span s, bool line, struct sov_err *err)
{
    const char *text = (const char *)s.p;
    size_t size = 4 * s.len + 8;
    char *buf;

    if (!line && !sov_tool_tty(STDOUT_FILENO)) {
        fwrite(s.p, 1, s.len, stdout);
        return 0;
    }
    buf = malloc(size);
    if (buf == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    while (s.len > 0) {
        const char *nl = line ? NULL : memchr(text, '\n', s.len);
        size_t n = nl != NULL ? (size_t)(nl - text) : s.len;

        sov_text_excerpt(buf, size, text, n, SIZE_MAX);
        fputs(buf, stdout);
        if (nl == NULL)
            break;
        putchar('\n');
        text += n + 1;
        s.len -= n + 1;
    }
    free(buf);
    return 0;
}

static int
print_values(const struct sov_kv *kv, struct sov_err *err)
{
    bool list = kv->type == SOV_V_ARR;
    struct sov_span s = kv->val;
    size_t at = 0;
    char buf[64];
    int rc = 0;

    for (uint64_t i = 0; i < kv->n && rc == 0; i++) {
        if ((list ? kv->elem : kv->type) != SOV_V_STR) {
            show_number(kv, i, buf, sizeof(buf));
            fputs(buf, stdout);
        } else if (!list || sov_kv_next_str(kv, &at, &s)) {
            rc = print_raw(s, list, err);
        }
        putchar('\n');
    }
    return rc;
}

/* The key that was meant, from all there are; NULL without an idea. */
static const char *
near_key(const sov_meta *meta, const char *key)
{
    size_t n = sov_meta_count(meta);
    const char **names = calloc(n + 1, sizeof(*names));
    const char *near;

    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        names[i] = sov_meta_at(meta, i)->key;
    near = sov_opt_nearest(key, names);
    free(names);
    return near;
}

int
show_get(const struct show_facts *f, const char *key, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(f->model);
    const struct sov_kv *kv = sov_meta_find(meta, key);
    const char *near;
    int rc;

    if (kv == NULL) {
        near = near_key(meta, key);
        if (sov_common.quiet)
            return show_no(err);
        if (near != NULL)
            return sov_fail(err, SOV_ENO, "%s: there is no key %s; there is %s",
                            f->name, key, near);
        return sov_fail(err, SOV_ENO, "%s: there is no key %s", f->name, key);
    }
    if (!sov_common.json)
        return print_values(kv, err);
    printf("{\"schema\":\"sov.show.get/1\",\"key\":");
    rc = put_string(kv->key, err);
    printf(",");
    if (rc == 0)
        rc = put_kv(kv, err);
    printf("}\n");
    return rc;
}
