/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - jansson with our limits
 *
 * Nothing else in the library calls the parser.  Duplicate keys are refused,
 * and so is text nested deeper than SOV_JSON_DEPTH, or with more values than
 * SOV_JSON_VALUES, before the parser sees it: two bytes of text may make a
 * hundred in memory.
 */
#ifndef SOV_BASE_JSON_H
#define SOV_BASE_JSON_H

#include "sov/err.h"

#include <jansson.h>
#include <stddef.h>

#define SOV_JSON_DEPTH 64

/* An object or array out of len bytes of text; json_decref() it. */
int sov_json_parse(const void *text, size_t len, json_t **out,
                   struct sov_err *err) SOV_MUST_CHECK;

/* The same within limits of one's own. */
int sov_json_parse_within(const void *text, size_t len, size_t depth,
                          size_t values, json_t **out, struct sov_err *err)
    SOV_MUST_CHECK;

#endif
