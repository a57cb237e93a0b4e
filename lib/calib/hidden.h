/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden.h - what stands between two layers, of all windows of a text
 */
#ifndef SOV_CALIB_HIDDEN_H
#define SOV_CALIB_HIDDEN_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_hidden {
    float *mem;  /* owned; or, if it is NULL, */
    int fd;      /* a file without a name */
    size_t each; /* floats of a window */
};

/* Start with .fd = -1.  in_file: in the temporary folder, not in memory. */
int sov_hidden_new(struct sov_hidden *h, size_t windows, size_t each,
                   bool in_file, struct sov_err *err) SOV_MUST_CHECK;
void sov_hidden_free(struct sov_hidden *h);

int sov_hidden_put(struct sov_hidden *h, size_t window, const float *x,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_hidden_get(const struct sov_hidden *h, size_t window, float *x,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
