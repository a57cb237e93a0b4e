/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - attention over keys and values in eight bits, AVX2 with AVX-VNNI
 */
#include "config.h"

#include "kern/avx2/attn.h"
#include "kern/overlay.h"

void
sov_kern_avxvnni_attn(struct sov_kern *k)
{
    k->attn_span = attn_span;
    k->attn_add = attn_add;
}
