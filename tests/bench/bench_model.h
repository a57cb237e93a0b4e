/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_model.h - what benchmarks of a whole model have in common
 */
#ifndef SOV_TESTS_BENCH_BENCH_MODEL_H
#define SOV_TESTS_BENCH_BENCH_MODEL_H

#include "sov/base.h"
#include "sov/model.h"
#include "sov/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int
die(const char *me, const struct sov_err *err)
{
    fprintf(stderr, "%s: %s\n", me, err->msg);
    return 70;
}

/* What -k says; ends the program if that is nothing. */
static inline enum sov_kv_form
kv_of(const char *name)
{
    static const char *const names[] = { "auto", "f32", "f16", "bf16", "q8" };

    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum sov_kv_form)i;
    exit(64);
}

#endif
