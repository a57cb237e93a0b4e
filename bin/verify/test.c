/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.c - what claims say of how a model was tested
 *
 * Any statement of in-toto's test-result is told: its result and how many
 * tests ended how.  sov-bench says more, in sov_measurements: a list of what
 * was measured, numbers as texts.
 */
#include "verify/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void SOV_PRINTF(3, 4) more(char *buf, size_t size, const char *fmt, ...)
{
    size_t at = strlen(buf);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf + at, size - at, fmt, ap);
    va_end(ap);
}

char *
sov_verify_test(const struct sov_statement *st, char *buf, size_t size)
{
    static const char *const words[SOV_TESTS] = { "passed", "warned",
                                                  "failed" };

    snprintf(buf, size, "%s", sov_test_word(st->result));
    for (int i = 0; i < SOV_TESTS; i++)
        if (st->test[i].n > 0)
            more(buf, size, ", %zu %s", st->test[i].n, words[i]);
    return buf;
}

static const char *
member(const struct sov_param *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (map->item[i].key != NULL && strcmp(map->item[i].key, key) == 0)
            return map->item[i].kind == SOV_PARAM_STR ? map->item[i].str : "";
    return "";
}

bool
sov_verify_measured(const struct sov_statement *st, size_t i, char *buf,
                    size_t size)
{
    const struct sov_param *list = NULL, *m;

    for (size_t k = 0; k < st->n_extra; k++)
        if (strcmp(st->extra[k].key, "sov_measurements") == 0 &&
            st->extra[k].kind == SOV_PARAM_LIST)
            list = &st->extra[k];
    if (list == NULL || i >= list->n)
        return false;
    m = &list->item[i];
    buf[0] = '\0';
    if (m->kind != SOV_PARAM_MAP)
        return true;
    snprintf(buf, size, "%s: %s", member(m, "name"), member(m, "value"));
    if (member(m, "unit")[0] != '\0')
        more(buf, size, " %s", member(m, "unit"));
    if (member(m, "low")[0] != '\0')
        more(buf, size, " (%s to %s)", member(m, "low"), member(m, "high"));
    if (member(m, "verdict")[0] != '\0')
        more(buf, size, ", %s", member(m, "verdict"));
    return true;
}
