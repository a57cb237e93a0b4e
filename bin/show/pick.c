/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pick.c - tensors by name, and their weights as text
 */
#include "show/show.h"

#include "cli/tool.h"
#include "sov/inspect.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 16384u /* weights decoded at a time */

int
show_no(struct sov_err *err)
{
    memset(err, 0, sizeof(*err));
    err->rc = SOV_ENO;
    return SOV_ENO;
}

static bool
matches(const char *pattern, const char *name)
{
    return strcmp(pattern, name) == 0 || fnmatch(pattern, name, 0) == 0;
}

bool
show_picked(const struct show_pick *pick, const char *name)
{
    for (size_t i = 0; i < pick->n; i++)
        if (matches(pick->patterns[i], name))
            return true;
    return pick->n == 0;
}

static int
no_such_tensor(const struct show_facts *f, const char *pattern,
               struct sov_err *err)
{
    size_t n = sov_model_count(f->model);
    const char **names = calloc(n + 1, sizeof(*names));
    const char *near;

    if (names == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        names[i] = sov_model_at(f->model, i)->name;
    near = sov_opt_nearest(pattern, names);
    free(names);
    if (near != NULL)
        return sov_fail(err, SOV_ENO, "%s: there is no tensor %s; there is %s",
                        f->name, pattern, near);
    return sov_fail(err, SOV_ENO, "%s: there is no tensor %s", f->name,
                    pattern);
}

int
show_check_picks(const struct show_facts *f, const struct show_pick *pick,
                 struct sov_err *err)
{
    for (size_t k = 0; k < pick->n; k++) {
        size_t i = 0;

        while (i < sov_model_count(f->model) &&
               !matches(pick->patterns[k], sov_model_at(f->model, i)->name))
            i++;
        if (i == sov_model_count(f->model))
            return no_such_tensor(f, pick->patterns[k], err);
    }
    return 0;
}

/* ---- --values ---- */

static void
print_weights(const float *x, size_t n, uint64_t *at, uint64_t row)
{
    char buf[32];

    for (size_t i = 0; i < n; i++, ++*at) {
        show_float((double)x[i], true, buf, sizeof(buf));
        fputs(buf, stdout);
        putchar_unlocked((*at + 1) % row == 0 ? '\n' : ' ');
    }
}

/* Whole rows at a time, or pieces of one that is very long. */
static int
print_tensor(const struct show_facts *f, size_t i, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(f->model, i);
    const struct sov_type_info *info = sov_type_info((int)t->type);
    uint64_t total = t->size > 0 ? sov_tensor_count(t) : 0;
    uint64_t row = t->dim[0], shown = 0;
    uint64_t step = row > CHUNK && (t->ndim < 2 || row > 1024 * CHUNK) ? CHUNK
                    : row < CHUNK ? CHUNK / (row > 0 ? row : 1) * row
                                  : row;
    unsigned char *bytes = NULL;
    float *x = NULL;
    int rc = 0;

    bytes = malloc((size_t)(step / info->block * info->bytes) + 1);
    x = malloc((size_t)step * sizeof(*x) + 1);
    if (bytes == NULL || x == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    for (uint64_t at = 0; at < total && rc == 0;) {
        uint64_t left =
            step == CHUNK && row > CHUNK ? row - at % row : total - at;
        size_t n = (size_t)(step < left ? step : left);
        size_t len = n / info->block * info->bytes;

        rc = sov_model_read(f->model, i, at / info->block * info->bytes, bytes,
                            len, err);
        if (rc == 0)
            rc = sov_weights_decode(t->type, bytes, x, n, err);
        if (rc == 0)
            print_weights(x, n, &shown, row);
        at += n;
    }
    free(bytes);
    free(x);
    return rc;
}

int
show_values(const struct show_facts *f, const struct show_pick *pick,
            struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_model_count(f->model) && rc == 0; i++)
        if (show_picked(pick, sov_model_at(f->model, i)->name))
            rc = print_tensor(f, i, err);
    return rc;
}
