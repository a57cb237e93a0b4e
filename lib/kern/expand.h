/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand.h - bytes that stand together to where bits of a mask are
 */
#ifndef SOV_KERN_EXPAND_H
#define SOV_KERN_EXPAND_H

#include <stdint.h>

/* Indices of a byte shuffle for each mask of eight bits; see expand.c. */
extern const uint64_t sov_expand[256];

#endif
