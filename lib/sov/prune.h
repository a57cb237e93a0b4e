/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune.h - a whole model with fewer weights
 *
 * A job is made from an open model and a method.  Making it decides what
 * becomes of every tensor, so sizes are known to the byte before any work is
 * done; what is asked for and cannot be done is refused then.  Running it
 * pulls the tensors through in file order, once, and pushes the files of a
 * model into sinks.
 *
 * There are two kinds of methods.  Those of masks put zeros into rows of
 * matrices: names, types and shapes stay.  Those of shapes take layers,
 * columns, experts or tokens out, so that the model has other shapes.
 *
 * The bytes that come out are a function of the model and the options alone.
 * Threads, instruction set and memory limit do not change them.
 */
#ifndef SOV_PRUNE_H
#define SOV_PRUNE_H

#include "sov/base.h"
#include "sov/calib.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/stats.h"
#include "sov/tensor.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which weights of a matrix may go.  With of: in each row, of every `of`
 * inputs side by side `keep` stay, beginning with the first input; of r inputs
 * that are left at the end, floor(r * (of - keep) / of) go.  Without (of 0):
 * of a row of k weights floor(k * ratio) go, wherever they are.  In every
 * `rows` rows of a matrix that follow each other the same inputs go.
 */
struct sov_prune_pattern {
    uint32_t rows; /* that share a mask; 1: each has its own */
    uint32_t keep;
    uint32_t of; /* 0: unstructured */
};

/*
 * "unstructured", "2:4" (keep 2 of each 4), "16x32:64" (the same, and 16 rows
 * share a mask), "16x".  SOV_EARG says what is wrong.
 */
SOV_API int sov_prune_pattern_parse(struct sov_prune_pattern *p,
                                    const char *text,
                                    struct sov_err *err) SOV_MUST_CHECK;

/* The same backwards, into so many bytes at least. */
#define SOV_PRUNE_PATTERN_MAX 64
SOV_API void sov_prune_pattern_text(const struct sov_prune_pattern *p,
                                    char *text);

#endif
