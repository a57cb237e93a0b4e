/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - jansson with our limits
 *
 * When memory runs out jansson may leave bytes of a text out and go on.  So it
 * gets its memory through here, and a parse during which there was none has
 * failed, whatever it says.  What it gives back is wiped: texts of requests are
 * in it.
 */
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

static json_malloc_t real_malloc; /* what jansson had before */
static _Thread_local bool ran_out;

static void *
watched_malloc(size_t size)
{
    void *p = real_malloc(size);

    if (p == NULL)
        ran_out = true;
    return p;
}

static void
watch_memory(void)
{
    json_malloc_t get;
    json_free_t put;

    json_get_alloc_funcs(&get, &put);
    if (get != watched_malloc) {
        real_malloc = get;
        json_set_alloc_funcs(watched_malloc, sov_mem_forget);
    }
    ran_out = false;
}

/*
 * Nesting and values, found before the recursive parser runs.  A text that is
 * not JSON is measured too, and refused later for what it is.
 */
static int
measure(const unsigned char *p, size_t len, size_t max_depth, size_t max_values,
        struct sov_err *err)
{
    size_t depth = 0;
    size_t values = 1;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (p[i] == '\\')
                i++;
            else if (p[i] == '"')
                in_string = false;
        } else if (p[i] == '"') {
            in_string = true;
        } else if (p[i] == '{' || p[i] == '[') {
            if (++depth > max_depth)
                return sov_fail(err, SOV_EFORMAT,
                                "JSON is nested deeper than %zu levels",
                                max_depth);
            values++;
        } else if ((p[i] == '}' || p[i] == ']') && depth > 0) {
            depth--;
        } else if (p[i] == ',') {
            values++;
        }
        if (values > max_values)
            return sov_fail(err, SOV_EFORMAT, "JSON has more than %zu values",
                            max_values);
    }
    return 0;
}

int
sov_json_parse_within(const void *text, size_t len, size_t depth, size_t values,
                      json_t **out, struct sov_err *err)
{
    json_error_t why;
    json_t *json;
    int rc;

    *out = NULL;
    rc = measure(text, len, depth, values, err);
    if (rc < 0)
        return rc;
    watch_memory();
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (ran_out) {
        json_decref(json);
        return sov_mem_fail(err);
    }
    if (json == NULL && len > 0 && memchr(text, '\n', len) == NULL)
        return sov_fail(err, SOV_EFORMAT, "JSON, byte %d: %s", why.position,
                        why.text);
    if (json == NULL)
        return sov_fail(err, SOV_EFORMAT, "JSON, line %d: %s", why.line,
                        why.text);
    *out = json;
    return 0;
}

int
sov_json_parse(const void *text, size_t len, json_t **out, struct sov_err *err)
{
    return sov_json_parse_within(text, len, SOV_JSON_DEPTH, SOV_JSON_VALUES,
                                 out, err);
}
