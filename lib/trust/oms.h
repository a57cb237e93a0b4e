/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms.h - the statement in a model.sig, once its signature holds
 */
#ifndef SOV_TRUST_OMS_H
#define SOV_TRUST_OMS_H

#include "sov/oms.h"

#define SOV_OMS_STATEMENT "https://in-toto.io/Statement/v1"
#define SOV_OMS_PREDICATE \
    "https://model_signing/signature/v1." /* and a number */

/* Two struct sov_oms_file in the order in which a statement has them; for
 * qsort(). */
int sov_oms_by_name(const void *a, const void *b);

/* The payload of an envelope: what sov_oms_open() makes of it. */
int sov_oms_read(sov_oms **oms, const void *payload, size_t len,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif
