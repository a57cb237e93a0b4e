/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrated_in.h - what the files of calibrated rounding share
 */
#ifndef SOV_COMPRESS_CALIBRATED_IN_H
#define SOV_COMPRESS_CALIBRATED_IN_H

#include "calib/calib.h"
#include "compress/calibrated.h"
#include "compress/feedback.h"
#include "compress/job.h"
#include "sys/file.h"

/* Rows of a site that choices are made by. */
#define SOV_CALIBRATED_SAMPLE 96

struct sov_calibrated {
    struct sov_quant *job;
    struct sov_calib_fit how;
    struct sov_calib *calib; /* owned */
    sov_stats *stats;        /* owned */
    uint64_t *off;        /* of each tensor in the map; UINT64_MAX: not there */
    bool *made;           /* it is rounded already */
    struct sov_file file; /* what is mapped */
    unsigned char *map;
    uint64_t size;
    float *rows; /* [rows_floats] */
    uint64_t rows_floats;
    size_t which[SOV_CALIBRATED_SAMPLE]; /* they are, of a sample */
    uint32_t layer;                      /* of the last site */
    struct sov_feedback_loss *loss;      /* [tensors] owned */
};

/* Is this tensor rounded by what goes through it? */
bool sov_calibrated_wants(const struct sov_calibrated *c, size_t tensor);

#endif
