/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opt_value.c - from the text of an option to its value
 *
 * Numbers are read in the C locale, whole: what follows a number makes it
 * wrong instead of being ignored.
 */
#include "cli/opt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
bad_value(const struct sov_opt *o, const char *value, const char *want,
          struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "--%s: '%s' is not %s", o->name, value,
                    want);
}

static bool
in_range(const struct sov_opt *o, double v)
{
    return o->min >= o->max || (v >= o->min && v <= o->max);
}

/* The shortest text that is this limit: 1e-12, not 9.9999999999999998e-13. */
static const char *
limit(double v, char buf[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, 32, "%.*g", digits, v);
        if (strtod(buf, NULL) == v)
            break;
    }
    if (fabs(v) >= 1 && fabs(v) < 1e15) /* and not 1e+09 */
        snprintf(buf, 32, "%.15g", v);
    return buf;
}

static int
out_of_range(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    char low[32], high[32];

    if (isinf(o->max))
        return sov_fail(err, SOV_EARG, "--%s: %s is too small, %s or more",
                        o->name, value, limit(o->min, low));
    return sov_fail(err, SOV_EARG, "--%s: %s is not between %s and %s", o->name,
                    value, limit(o->min, low), limit(o->max, high));
}

static int
set_int(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || strchr(" \t\n\v\f\r", *value) != NULL)
        return bad_value(o, value, "a whole number", err);
    if (o->min < o->max && (errno == ERANGE || !in_range(o, (double)v)))
        return out_of_range(o, value, err);
    if (errno == ERANGE)
        return sov_fail(err, SOV_EARG, "--%s: %s is too large", o->name, value);
    *(int64_t *)o->dest = v;
    return 0;
}

static int
set_uint(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0')
        return bad_value(o, value, "a whole number", err);
    if (o->min < o->max && (errno == ERANGE || !in_range(o, (double)v)))
        return out_of_range(o, value, err);
    if (errno == ERANGE)
        return sov_fail(err, SOV_EARG, "--%s: %s is too large", o->name, value);
    *(uint64_t *)o->dest = v;
    return 0;
}

static int
set_float(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    char *end;
    double v;

    if (value[0] == '\0' || strspn(value, "+-.0123456789eE") != strlen(value))
        return bad_value(o, value, "a number", err);
    v = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(v))
        return bad_value(o, value, "a number", err);
    if (!in_range(o, v))
        return out_of_range(o, value, err);
    *(double *)o->dest = v;
    return 0;
}

int
sov_opt_size(const char *text, uint64_t *bytes, struct sov_err *err)
{
    static const char units[] = "KMGTPE";
    const char *p = text + strspn(text, "0123456789.");
    const char *unit = *p != '\0' ? strchr(units, *p & ~0x20) : NULL;
    double step = 1000;
    double v;
    char *end;

    errno = 0;
    *bytes = strtoull(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0 && *text >= '0')
        return 0;
    v = strtod(text, &end);
    if (p == text || end != p)
        return sov_fail(err, SOV_EARG,
                        "'%s' is not a size such as 800M, 5.2G or 2Gi", text);
    if (unit != NULL)
        p++;
    if (unit != NULL && *p == 'i') {
        step = 1024;
        p++;
    }
    if (*p == 'B')
        p++;
    if (*p != '\0')
        return sov_fail(err, SOV_EARG,
                        "'%s' is not a size such as 800M, 5.2G or 2Gi", text);
    for (const char *u = units; unit != NULL && u <= unit; u++)
        v *= step;
    if (!(v < 9.2e18))
        return sov_fail(err, SOV_EARG, "'%s' is too large a size", text);
    *bytes = (uint64_t)v;
    return 0;
}

static int
set_size(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    uint64_t v;

    if (sov_opt_size(value, &v, err) < 0)
        return sov_err_wrap(err, "--%s", o->name);
    if (!in_range(o, (double)v))
        return out_of_range(o, value, err);
    *(uint64_t *)o->dest = v;
    return 0;
}

/* "auto, always or never" */
static void
list_values(char *buf, size_t size, const char *const *values)
{
    size_t at = 0;

    for (int i = 0; values[i] != NULL && at < size; i++) {
        const char *between = i == 0                  ? ""
                              : values[i + 1] == NULL ? " or "
                                                      : ", ";

        at += (size_t)snprintf(buf + at, size - at, "%s%s", between, values[i]);
    }
}

static int
set_enum(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    const char *guess;
    char all[160];

    for (int i = 0; o->values[i] != NULL; i++)
        if (strcmp(o->values[i], value) == 0) {
            *(int *)o->dest = i;
            return 0;
        }
    guess = sov_opt_nearest(value, o->values);
    if (guess != NULL)
        return sov_fail(err, SOV_EARG,
                        "--%s: unknown value '%s', did you mean '%s'?", o->name,
                        value, guess);
    list_values(all, sizeof(all), o->values);
    return bad_value(o, value, all, err);
}

static int
add_item(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    struct sov_opt_list *list = o->dest;
    const char **items;

    items = reallocarray(list->items, list->n + 1, sizeof(*items));
    if (items == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    items[list->n++] = value;
    list->items = items;
    return 0;
}

int
sov_opt_set(const struct sov_opt *o, const char *value, struct sov_err *err)
{
    if (o->given != NULL)
        *o->given = true;
    switch (o->type) {
    case SOV_OPT_FLAG:
        *(bool *)o->dest = true;
        return 0;
    case SOV_OPT_COUNT:
        *(int *)o->dest += 1;
        return 0;
    case SOV_OPT_STRING:
        *(const char **)o->dest = value;
        return 0;
    case SOV_OPT_FILE:
        if (value[0] == '\0')
            return bad_value(o, value, "a file name", err);
        *(const char **)o->dest = value;
        return 0;
    case SOV_OPT_INT:
        return set_int(o, value, err);
    case SOV_OPT_UINT:
        return set_uint(o, value, err);
    case SOV_OPT_FLOAT:
        return set_float(o, value, err);
    case SOV_OPT_SIZE:
        return set_size(o, value, err);
    case SOV_OPT_ENUM:
        return set_enum(o, value, err);
    case SOV_OPT_LIST:
        return add_item(o, value, err);
    case SOV_OPT_CALL:
        return o->call(o->dest, value, err);
    case SOV_OPT_END:
    case SOV_OPT_GROUP:
        break;
    }
    return sov_fail(err, SOV_EARG, "a row without a type");
}

bool
sov_opt_default(const struct sov_opt *o, char *buf, size_t size)
{
    const char *text = NULL;

    if (o->preset != NULL) {
        snprintf(buf, size, "%s", o->preset);
        return buf[0] != '\0';
    }
    buf[0] = '\0';
    if (o->dest == NULL)
        return false;
    switch (o->type) {
    case SOV_OPT_STRING:
    case SOV_OPT_FILE:
        text = *(const char **)o->dest;
        break;
    case SOV_OPT_ENUM:
        text = o->values[*(int *)o->dest];
        break;
    case SOV_OPT_INT:
        snprintf(buf, size, "%" PRId64, *(int64_t *)o->dest);
        return true;
    case SOV_OPT_UINT:
    case SOV_OPT_SIZE:
        snprintf(buf, size, "%" PRIu64, *(uint64_t *)o->dest);
        return true;
    case SOV_OPT_FLOAT:
        snprintf(buf, size, "%.10g", *(double *)o->dest);
        return true;
    default:
        return false;
    }
    if (text != NULL)
        snprintf(buf, size, "%s", text);
    return buf[0] != '\0';
}
