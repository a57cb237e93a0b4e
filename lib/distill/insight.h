/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insight.h - what layers of a teacher make of the tokens of a unit
 *
 * As teacher.h, for what leaves some of its layers.  All of a unit is read when
 * something of it is asked for, up to the last of these layers, and what they
 * give stays until the next unit.
 */
#ifndef SOV_DISTILL_INSIGHT_H
#define SOV_DISTILL_INSIGHT_H

#include "sov/model.h"
#include "train/match.h"
#include "train/trainee.h"

typedef struct sov_insight sov_insight;

/* The model is opened with SOV_ACCESS_MAP, and borrowed, as the matches are.
 * Units have n_unit tokens at most, sequences n_ctx. */
int sov_insight_open(sov_insight **insight, const sov_model *model,
                     size_t n_ctx, size_t n_unit, const struct sov_match *match,
                     size_t n, struct sov_err *err) SOV_MUST_CHECK;
void sov_insight_close(sov_insight *s);

size_t sov_insight_layers(const sov_insight *s); /* of the model */
size_t sov_insight_width(const sov_insight *s);
uint64_t sov_insight_bytes(const sov_insight *s);

/* What the next calls are about; borrowed until the next unit. */
int sov_insight_unit(sov_insight *s, size_t n_seq, const size_t *first,
                     const int32_t *ids, struct sov_err *err) SOV_MUST_CHECK;

/* What leaves the teacher's layer of match i, for tokens first .. first + n -
 * 1 of the unit: h [n][width].  SOV_EFORMAT: they are no numbers. */
int sov_insight_read(void *insight, size_t i, size_t first, size_t n,
                     sov_real *h, struct sov_err *err) SOV_MUST_CHECK;

#endif
