/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtype.h - what the value types of the metadata are called and how big
 */
#ifndef SOV_FMT_VTYPE_H
#define SOV_FMT_VTYPE_H

#include "sov/meta.h"

#include <stdint.h>

/* Bytes of one value; 0 for strings, arrays and what is no type. */
uint32_t sov_vtype_size(uint32_t type);

/* "u8", "string", ...; "?" for what is no type. */
const char *sov_vtype_name(uint32_t type);

#endif
