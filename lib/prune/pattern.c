/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.c - the words for patterns: "2:4", "16x32:64", "unstructured"
 */
#include "base/text.h"
#include "prune/limits.h"
#include "prune/method.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NO_PATTERN                                                            \
    "'%s' is no pattern: N:M keeps N of each M (2:4, 32:64), RxN:M the same " \
    "in R rows together, unstructured"

/* Digits at *p, at most `most`; 0: there are none, or more. */
static uint32_t
number(const char **p, uint32_t most)
{
    uint32_t v = 0;

    while (**p >= '0' && **p <= '9') {
        v = 10 * v + (uint32_t)(**p - '0');
        if (v > most)
            return 0;
        (*p)++;
    }
    return v;
}

static int
refuse(const char *text, struct sov_err *err)
{
    char safe[64];

    sov_text_safe(text, strlen(text), safe, sizeof(safe));
    return sov_fail(err, SOV_EARG, NO_PATTERN, safe);
}

int
sov_prune_pattern_parse(struct sov_prune_pattern *p, const char *text,
                        struct sov_err *err)
{
    struct sov_prune_pattern made = { .rows = 1 };
    const char *at = text;
    const char *x = strchr(text, 'x');

    if (strcmp(text, "unstructured") == 0) {
        *p = made;
        return 0;
    }
    if (x != NULL) {
        made.rows = number(&at, SOV_PRUNE_ROWS_MAX);
        if (made.rows == 0 || at != x)
            return refuse(text, err);
        at++;
    }
    if (x == NULL || *at != '\0') {
        made.keep = number(&at, SOV_PRUNE_OF_MAX);
        if (made.keep == 0 || *at++ != ':')
            return refuse(text, err);
        made.of = number(&at, SOV_PRUNE_OF_MAX);
        if (made.of == 0 || *at != '\0')
            return refuse(text, err);
        if (made.keep > made.of)
            return sov_fail(err, SOV_EARG,
                            "%" PRIu32 " of %" PRIu32 " cannot be kept",
                            made.keep, made.of);
    }
    *p = made;
    return 0;
}

void
sov_prune_pattern_text(const struct sov_prune_pattern *p, char *text)
{
    char rows[24] = "";

    if (p->rows > 1)
        snprintf(rows, sizeof(rows), "%" PRIu32 "x", p->rows);
    if (p->of != 0)
        snprintf(text, SOV_PRUNE_PATTERN_MAX, "%s%" PRIu32 ":%" PRIu32, rows,
                 p->keep, p->of);
    else
        snprintf(text, SOV_PRUNE_PATTERN_MAX, "%s",
                 p->rows > 1 ? rows : "unstructured");
}
