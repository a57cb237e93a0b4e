/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.c - how much goes of what gives a model its shape
 */
#include "prune/shape.h"

#include "base/mem.h"
#include "prune/cost.h"
#include "prune/method.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Ratios that are tried for a target: hundredths. */
#define STEPS 100

size_t
sov_shape_stay(double ratio, size_t n)
{
    const struct sov_prune_share share = { .pattern = { .rows = 1 },
                                           .ratio = ratio };
    size_t go = sov_prune_goes(&share, n);

    return go < n ? n - go : 1;
}

/* The multiple of m nearest to n, at least one. */
static size_t
multiple(size_t n, size_t m)
{
    size_t k = (n + m / 2) / m;

    return k > 0 ? k * m : m;
}

static size_t
apart(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

size_t
sov_shape_width(double ratio, size_t n)
{
    size_t stay = sov_shape_stay(ratio, n);
    size_t wide = multiple(stay, 256), less = multiple(stay, 32);

    if (stay == n)
        return n;
    if (wide < n && apart(wide, stay) * 32 <= n)
        return wide;
    return less < n && apart(less, stay) * 8 <= n ? less : stay;
}

int
sov_shape_first(struct sov_trim_list *l, size_t n, struct sov_err *err)
{
    uint32_t *id = sov_mem_array(n, sizeof(*id));
    int rc;

    if (id == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        id[i] = (uint32_t)i;
    rc = sov_trim_keep(l, id, n, err);
    free(id);
    return rc;
}

int
sov_shape_ratio(struct sov_trim *c, const struct sov_shape_ask *ask,
                sov_shape_set set, double *ratio, struct sov_err *err)
{
    uint64_t bytes = 0;

    *ratio = ask->ratio;
    if (ask->target == 0 && isnan(ask->ratio))
        return sov_fail(err, SOV_EARG,
                        "how much shall go? a ratio such as 0.25, or a size, "
                        "is missing");
    if (ask->target == 0)
        return set(c, *ratio, err);
    for (int i = 0; i < STEPS; i++) {
        int rc = set(c, (double)i / STEPS, err);

        if (rc < 0)
            return rc;
        *ratio = (double)i / STEPS;
        bytes = sov_trim_bytes(c);
        if (bytes <= ask->target)
            return 0;
    }
    return sov_fail(err, SOV_EUNSUP,
                    "the tensors take %" PRIu64
                    " bytes at the least, which are more than %" PRIu64,
                    bytes, ask->target);
}

int
sov_shape_text(const struct sov_shape_ask *ask, const char *name,
               struct sov_err *err)
{
    if (ask->calib != NULL)
        return 0;
    return sov_fail(err, SOV_EARG,
                    "%s has to see a text: --calib TEXT is missing", name);
}

int
sov_shape_once(struct sov_trim *c, const struct sov_shape_ask *ask,
               struct sov_shape_work *w, struct sov_err *err)
{
    (void)c;
    (void)ask;
    (void)err;
    w->passes = 1;
    return 0;
}
