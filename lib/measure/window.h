/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - what all that reads a text in windows asks first */
#ifndef SOV_MEASURE_WINDOW_H
#define SOV_MEASURE_WINDOW_H

#include "sov/run.h"
#include "sov/token.h"

#include <stddef.h>
#include <stdint.h>

/* Does the model have all the tokens that it will be asked for? */
int sov_window_check(const sov_session *session, const sov_tok *tok,
                     const int32_t *ids, size_t n,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
