/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canon.h - one way to write a JSON value
 */
#ifndef SOV_TRUST_CANON_H
#define SOV_TRUST_CANON_H

#include "base/buf.h"
#include "base/json.h"

#define SOV_JSON_INT_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

/*
 * RFC 8785 (JCS) for what we write: keys in ASCII, sorted; no white space;
 * integers up to 2^53 - 1.  SOV_EARG for reals, null, larger integers, other
 * keys, or more than SOV_CLAIM_DEPTH levels.
 */
int sov_canon_put(struct sov_buf *out, const json_t *json,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif
