/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ecdsa_none.c - ECDSA where there is no nettle: forms can be read, and nothing
 * be computed
 */
#include "trust/ecdsa.h"

static int
missing(struct sov_err *err)
{
    return sov_fail(err, SOV_EUNSUP,
                    "ECDSA is not in this build; configure it --with-nettle");
}

size_t
sov_ec_len(enum sov_curve curve)
{
    static const size_t lengths[SOV_CURVES] = { 32, 48, 66 };

    return lengths[curve];
}

int
sov_ec_point(enum sov_curve curve, const unsigned char *x,
             const unsigned char *y, struct sov_err *err)
{
    (void)curve;
    (void)x;
    (void)y;
    return missing(err);
}

int
sov_ec_public(enum sov_curve curve, const unsigned char *secret,
              unsigned char *x, unsigned char *y, struct sov_err *err)
{
    (void)curve;
    (void)secret;
    (void)x;
    (void)y;
    return missing(err);
}

int
sov_ec_verify(enum sov_curve curve, const unsigned char *x,
              const unsigned char *y, const void *msg, size_t len,
              const unsigned char *r, const unsigned char *s,
              struct sov_err *err)
{
    (void)curve;
    (void)x;
    (void)y;
    (void)msg;
    (void)len;
    (void)r;
    (void)s;
    return missing(err);
}

int
sov_ec_sign(enum sov_curve curve, const unsigned char *secret, const void *msg,
            size_t len, unsigned char *r, unsigned char *s, struct sov_err *err)
{
    (void)curve;
    (void)secret;
    (void)msg;
    (void)len;
    (void)r;
    (void)s;
    return missing(err);
}
