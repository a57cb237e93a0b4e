/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what the writer may know of a plan
 */
#ifndef SOV_FMT_PLAN_H
#define SOV_FMT_PLAN_H

#include "base/buf.h"
#include "base/map.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stdint.h>

struct sov_plan {
    sov_meta *meta;
    struct sov_tensor *tensor; /* names are owned */
    size_t n;
    size_t cap;
    struct sov_map names;

    /* Once frozen: */
    bool frozen;
    uint64_t align;
    struct sov_buf header; /* padding to the data included */
    uint64_t bytes;        /* of the whole file */
};

/* The bytes of a GGUF header for a plan whose tensors lie one after another;
 * in gguf_write.c. */
int sov_gguf_header(sov_plan *plan, struct sov_err *err) SOV_MUST_CHECK;

#endif
