/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - how fast a model would make tokens here, were its types others
 *
 * Matrices of each type are multiplied with a vector, as large ones as the
 * model's, and what a token takes besides is found by letting the model make
 * some.  No model is converted for it.
 */
#ifndef SOV_PACE_H
#define SOV_PACE_H

#include "sov/err.h"
#include "sov/model.h"
#include "sov/write.h"

typedef struct sov_pace sov_pace;

/* The model is mapped, and borrowed.  Takes about a second. */
SOV_API int sov_pace_new(sov_pace **pace, const sov_model *model,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_pace_free(sov_pace *pace);

/*
 * Seconds for a token after a short text, foretold, with the types that plan
 * has, whose tensor i is the model's (sov_quant_plan()); NULL: as it is.  Types
 * that are met for the first time are measured.
 */
SOV_API double sov_pace_token(sov_pace *pace, const sov_plan *plan);

#endif
