/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eckey.h - keys and signatures of ECDSA as others write them: PEM and DER
 */
#ifndef SOV_TRUST_ECKEY_H
#define SOV_TRUST_ECKEY_H

#include "sov/base.h"
#include "sov/oms.h"
#include "trust/ecdsa.h"

struct sov_eckey {
    enum sov_curve curve;
    unsigned char x[SOV_EC_LEN];
    unsigned char y[SOV_EC_LEN];
    bool has_secret;
    unsigned char secret[SOV_EC_LEN];
    char hint[65];
};

#define SOV_EC_SIG_MAX 160 /* bytes of a signature as DER */

/* SEQUENCE { INTEGER r, INTEGER s }, in its one form; false for any other. */
bool sov_ecsig_parse(enum sov_curve curve, struct sov_span der,
                     unsigned char *r, unsigned char *s);
/* Gives its length. */
size_t sov_ecsig_put(enum sov_curve curve, const unsigned char *r,
                     const unsigned char *s, unsigned char out[SOV_EC_SIG_MAX]);

#endif
