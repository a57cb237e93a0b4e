/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecdsa.h - ECDSA on the curves of NIST; of nettle, or not there
 *
 * Numbers are big-endian and as long as the curve's: 32, 48 or 66 bytes.
 */
#ifndef SOV_TRUST_ECDSA_H
#define SOV_TRUST_ECDSA_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>

enum sov_curve { SOV_P256, SOV_P384, SOV_P521, SOV_CURVES };

#define SOV_EC_LEN 66 /* bytes of the longest number */

/* Bytes of a number: 32, 48, 66. */
size_t sov_ec_len(enum sov_curve curve);

/* SOV_EDENY: not a point of the curve. */
int sov_ec_point(enum sov_curve curve, const unsigned char *x,
                 const unsigned char *y, struct sov_err *err) SOV_MUST_CHECK;

/* The public key of a secret one; SOV_EDENY: that is none. */
int sov_ec_public(enum sov_curve curve, const unsigned char *secret,
                  unsigned char *x, unsigned char *y,
                  struct sov_err *err) SOV_MUST_CHECK;

/* SOV_ENO: not by this key. */
int sov_ec_verify(enum sov_curve curve, const unsigned char *x,
                  const unsigned char *y, const void *msg, size_t len,
                  const unsigned char *r, const unsigned char *s,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_ec_sign(enum sov_curve curve, const unsigned char *secret,
                const void *msg, size_t len, unsigned char *r, unsigned char *s,
                struct sov_err *err) SOV_MUST_CHECK;

#endif
