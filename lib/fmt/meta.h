/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta.h - what readers may do with metadata beyond sov/meta.h
 */
#ifndef SOV_FMT_META_H
#define SOV_FMT_META_H

#include "sov/meta.h"

/*
 * As sov_meta_set(), but the bytes of the value, which lie within block, are
 * not copied: block belongs to meta afterwards, and is freed on failure too.
 */
int sov_meta_take(sov_meta *meta, const struct sov_kv *kv,
                  unsigned char *block, struct sov_err *err) SOV_MUST_CHECK;

#endif
