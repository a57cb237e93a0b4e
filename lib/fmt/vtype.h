/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vtype.h - what the value types of the metadata are called and how big
 */
#ifndef SOV_FMT_VTYPE_H
#define SOV_FMT_VTYPE_H

#include "sov/meta.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of one value; 0 for strings, arrays and what is no type. */
uint32_t sov_vtype_size(uint32_t type);

/* "u8", "string", ...; "?" for what is no type. */
const char *sov_vtype_name(uint32_t type);

/*
 * Type and value of a key as sov_meta_set_text() takes them; free() both.
 * SOV_EUNSUP for what cannot be written so (infinite numbers, a string that is
 * not UTF-8).
 */
int sov_kv_text(const struct sov_kv *kv, char **type, char **text,
                size_t *len, struct sov_err *err) SOV_MUST_CHECK;

#endif
