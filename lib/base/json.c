/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - jansson with our limits */
#include "base/json.h"
#include "base/limits.h"

#include <stdbool.h>

/*
 * Nesting outside of strings, found before the recursive parser runs.  A text
 * that is not JSON is measured too, and refused later for what it is.
 */
static bool
too_deep(const unsigned char *p, size_t len)
{
    size_t depth = 0;
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
            if (++depth > SOV_JSON_DEPTH)
                return true;
        } else if ((p[i] == '}' || p[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

int
sov_json_parse(const void *text, size_t len, json_t **out, struct sov_err *err)
{
    json_error_t why;
    json_t *json;

    *out = NULL;
    if (too_deep(text, len))
        return sov_fail(err, SOV_EFORMAT,
                        "JSON is nested deeper than %d levels",
                        SOV_JSON_DEPTH);
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL)
        return sov_fail(err, SOV_EFORMAT, "JSON, line %d: %s", why.line,
                        why.text);
    *out = json;
    return 0;
}
