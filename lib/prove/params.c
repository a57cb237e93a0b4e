/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - what a claim says, as values
 *
 * A claim is signed, and who signed it is believed to have said it; not that
 * it makes sense.
 */
#include "prove/prove.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_param *
find(const struct sov_param *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].key, key) == 0)
            return &list[i];
    return NULL;
}

const struct sov_param *
sov_prove_param(const sov_prove *p, const char *key)
{
    return find(p->claim->external, p->claim->n_external, key);
}

const struct sov_param *
sov_prove_internal(const sov_prove *p, const char *key)
{
    return find(p->claim->internal, p->claim->n_internal, key);
}

static int
odd(const char *key, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "the claim's %s is not %s", key, what);
}

int
sov_prove_str(const sov_prove *p, const char *key, const char **v,
              struct sov_err *err)
{
    const struct sov_param *q = sov_prove_param(p, key);

    if (q == NULL)
        return 1;
    if (q->kind != SOV_PARAM_STR)
        return odd(key, "text", err);
    *v = q->str;
    return 0;
}

int
sov_prove_uint(const sov_prove *p, const char *key, uint64_t *v,
               struct sov_err *err)
{
    const struct sov_param *q = sov_prove_param(p, key);

    if (q == NULL)
        return 1;
    if (q->kind != SOV_PARAM_INT || q->num < 0)
        return odd(key, "a number", err);
    *v = (uint64_t)q->num;
    return 0;
}

static bool
read_real(const char *text, double *v)
{
    char *end;
    double x;

    errno = 0;
    x = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(x))
        return false;
    *v = x;
    return true;
}

int
sov_prove_real(const sov_prove *p, const char *key, double *v,
               struct sov_err *err)
{
    const char *text = NULL;
    int rc = sov_prove_str(p, key, &text, err);

    if (rc == 0 && !read_real(text, v))
        return odd(key, "a number", err);
    return rc;
}

int
sov_prove_flag(const sov_prove *p, const char *key, bool *v,
               struct sov_err *err)
{
    const struct sov_param *q = sov_prove_param(p, key);

    if (q == NULL)
        return 1;
    if (q->kind != SOV_PARAM_BOOL)
        return odd(key, "true or false", err);
    *v = q->num != 0;
    return 0;
}

int
sov_prove_list(const sov_prove *p, const char *key,
               const struct sov_param **item, size_t *n, struct sov_err *err)
{
    const struct sov_param *q = sov_prove_param(p, key);

    if (q == NULL)
        return 1;
    if (q->kind != SOV_PARAM_LIST)
        return odd(key, "a list", err);
    for (size_t i = 0; i < q->n; i++)
        if (q->item[i].kind != SOV_PARAM_STR)
            return odd(key, "a list of texts", err);
    *item = q->item;
    *n = q->n;
    return 0;
}

char *
sov_prove_copy(const struct sov_param *item, size_t n)
{
    size_t len = 1, at = 0;
    char *words;

    for (size_t i = 0; i < n; i++)
        len += strlen(item[i].str) + 1;
    words = sov_mem_array(len, 1);
    for (size_t i = 0; words != NULL && i < n; i++) {
        memcpy(words + at, item[i].str, strlen(item[i].str) + 1);
        at += strlen(item[i].str) + 1;
    }
    return words;
}

/* ---- can it be done here? ---- */

static bool
is_known(const struct sov_deed_row *deed, const char *key)
{
    for (size_t i = 0; deed->params[i] != NULL; i++)
        if (strcmp(deed->params[i], key) == 0)
            return true;
    return false;
}

int
sov_prove_known(const sov_prove *p, struct sov_err *err)
{
    const struct sov_param *d = sov_prove_internal(p, "determinism");

    if (d != NULL && d->kind == SOV_PARAM_STR &&
        strcmp(d->str, "bit-exact") != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "it was trained (determinism: %.40s): training gives "
                        "the same bytes on one class of machines alone",
                        d->str);
    for (size_t i = 0; i < p->claim->n_external; i++)
        if (!is_known(p->deed, p->claim->external[i].key))
            return sov_fail(err, SOV_EUNSUP,
                            "the claim has the parameter %.80s, which this "
                            "version does not know",
                            p->claim->external[i].key);
    return 0;
}

/* ---- of a text ---- */

static int
read_stats_is(sov_prove *p, struct sov_err *err)
{
    const struct sov_param *q = sov_prove_internal(p, "stats_sha256");
    static const char digits[] = "0123456789abcdef";

    if (q == NULL)
        return 0;
    if (q->kind != SOV_PARAM_STR || strlen(q->str) != 2 * SOV_SHA256_LEN)
        return odd("stats_sha256", "a digest", err);
    for (size_t i = 0; i < SOV_SHA256_LEN; i++) {
        const char *high = strchr(digits, q->str[2 * i]);
        const char *low = strchr(digits, q->str[2 * i + 1]);

        if (high == NULL || low == NULL)
            return odd("stats_sha256", "a digest", err);
        p->stats_is[i] = (unsigned char)((high - digits) << 4 | (low - digits));
    }
    p->has_stats_is = true;
    return 0;
}

int
sov_prove_reading(sov_prove *p, struct sov_err *err)
{
    uint64_t window = 0;
    int rc = sov_prove_str(p, "calib", &p->calib.name, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    p->reads = p->map = true;
    rc = sov_prove_uint(p, "calib_tokens", &p->calib.max_tokens, err);
    if (rc >= 0)
        rc = sov_prove_uint(p, "calib_window", &window, err);
    if (rc >= 0 && window > UINT32_MAX)
        rc = odd("calib_window", "a number of tokens", err);
    p->calib.n_ctx = (uint32_t)window;
    p->calib.max_memory = p->o.max_memory;
    p->calib.progress = p->o.progress;
    p->calib.progress_arg = p->o.progress_arg;
    return rc < 0 ? rc : read_stats_is(p, err);
}
