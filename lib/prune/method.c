/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method.c - the table of methods, and how much goes
 */
#include "prune/method.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct sov_prune_method *const methods[] = {
#define PRUNE(name) &sov_prune_method_##name,
#include "prune/methods.def"
#undef PRUNE
};

#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

const struct sov_prune_method *
sov_prune_method_at(size_t i)
{
    return i < N_METHODS ? methods[i] : NULL;
}

int
sov_prune_method_find(const struct sov_prune_method **m, const char *name,
                      struct sov_err *err)
{
    char list[200] = "", safe[64];
    size_t len = 0;

    for (size_t i = 0; i < N_METHODS; i++) {
        if (strcmp(methods[i]->name, name) == 0) {
            *m = methods[i];
            return 0;
        }
        len += (size_t)snprintf(list + len, sizeof(list) - len, " %s",
                                methods[i]->name);
        if (len >= sizeof(list))
            len = sizeof(list) - 1;
    }
    sov_text_safe(name, strlen(name), safe, sizeof(safe));
    return sov_fail(err, SOV_EARG, "no method is called '%s'; there are:%s",
                    safe, list);
}

/*
 * A ratio such as 0.29 is no number of doubles, and 100 * 0.29 falls short of
 * 29: what is nearly a whole number counts as one.
 */
size_t
sov_prune_goes(const struct sov_prune_share *share, size_t n)
{
    const struct sov_prune_pattern *p = &share->pattern;
    double exact;
    size_t go;

    if (p->of != 0)
        return n * (p->of - p->keep) / p->of;
    exact = share->ratio * (double)n;
    go = (size_t)exact;
    if (go < n && (double)(go + 1) - exact < 1e-9 * (double)n)
        go++;
    return go;
}
