/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_text.h - a sink that keeps what is written
 */
#ifndef SOV_TESTS_FUZZ_TEXT_H
#define SOV_TESTS_FUZZ_TEXT_H

#include "sov/io.h"

#include <stdlib.h>
#include <string.h>

/* Start with { 0 }; free(p). */
struct fuzz_text {
    char *p;
    size_t len;
};

static inline int
fuzz_take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct fuzz_text *t = arg;
    char *more = realloc(t->p, t->len + len + 1);

    (void)err;
    if (more == NULL)
        abort();
    memcpy(more + t->len, buf, len);
    t->p = more;
    t->len += len;
    return 0;
}

#endif
