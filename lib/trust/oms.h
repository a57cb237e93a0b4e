/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms.h - the statement in a model.sig, once its signature holds
 */
#ifndef SOV_TRUST_OMS_H
#define SOV_TRUST_OMS_H

#include "sov/oms.h"

/* The payload of an envelope: what sov_oms_open() makes of it. */
int sov_oms_read(sov_oms **oms, const void *payload, size_t len,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif
