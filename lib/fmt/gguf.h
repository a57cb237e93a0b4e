/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf.h - what reader and writer of GGUF files agree on
 *
 *   "GGUF" | u32 version | u64 n_tensors | u64 n_keys
 *   n_keys    x  str key | u32 type | value
 *   n_tensors x  str name | u32 ndim | u64 dim[ndim] | u32 type | u64 offset
 *   padding to the alignment, if there are tensors
 *   data: each tensor at its offset from here, padded to the alignment
 *
 *   str   = u64 length | bytes, no NUL
 *   array = u32 type of elements | u64 n | n values
 */
#ifndef SOV_FMT_GGUF_H
#define SOV_FMT_GGUF_H

#define SOV_GGUF_MAGIC   "GGUF"
#define SOV_GGUF_VERSION 3u
#define SOV_GGUF_ALIGN   32u

#define SOV_KEY_ARCH          "general.architecture"
#define SOV_KEY_ALIGN         "general.alignment"
#define SOV_KEY_SPLIT_NO      "split.no"
#define SOV_KEY_SPLIT_COUNT   "split.count"
#define SOV_KEY_SPLIT_TENSORS "split.tensors.count"

#endif
