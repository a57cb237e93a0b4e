/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given.h - JSON as values of a template
 */
#ifndef SOV_JINJA_GIVEN_H
#define SOV_JINJA_GIVEN_H

#include "jinja/jinja.h"
#include "jinja/value.h"

struct sov_jval sov_jgiven(struct sov_jrun *r, const struct sov_jinja_var *var,
                           const struct sov_jinja_opts *opts);

#endif
