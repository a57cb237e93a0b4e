/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sane.h - does a model's metadata contradict itself?
 *
 * For work that carries a model along without running it.  Such work needs
 * none of the numbers, so a key that is missing is no matter; but what stands
 * there and cannot be true of any model (no heads, a layer without tensors,
 * scores for other tokens) is refused, before it is copied into a file that
 * others will trip over.  sov_net_open() asks for much more.
 */
#ifndef SOV_ARCH_SANE_H
#define SOV_ARCH_SANE_H

#include "sov/model.h"

int sov_model_sane(const sov_model *model, struct sov_err *err) SOV_MUST_CHECK;

#endif
