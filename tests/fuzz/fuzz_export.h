/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_export.h - what came in goes out again, or is refused for what it is
 */
#ifndef SOV_TESTS_FUZZ_EXPORT_H
#define SOV_TESTS_FUZZ_EXPORT_H

#include "sov/export.h"
#include "sov/model.h"

#include <stdint.h>
#include <stdlib.h>

/* use() (or NULL) looks at m, whose tensors are those that go out then.  Gives
 * how many files there are beside them, SIZE_MAX if it is refused. */
static inline size_t
fuzz_export(sov_model *m, void (*use)(sov_model *m))
{
    sov_export *x = NULL;
    sov_meta *meta;
    struct sov_err err = { 0 };
    size_t n = SIZE_MAX;
    int rc;

    if (sov_meta_new(&meta, &err) < 0)
        abort();
    for (size_t i = 0; i < sov_meta_count(sov_model_meta(m)); i++)
        if (sov_meta_set(meta, sov_meta_at(sov_model_meta(m), i), &err) < 0)
            abort();
    rc = sov_export_new(&x, m, meta, SOV_TYPE_NONE, &err);
    if (rc < 0 && rc != SOV_EUNSUP && rc != SOV_EFORMAT)
        abort();
    if (rc == 0 && sov_export_sides(x, &n) == NULL)
        n = 0;
    if (rc == 0 && use != NULL)
        use(m);
    sov_export_free(x);
    sov_meta_free(meta);
    return n;
}

#endif
