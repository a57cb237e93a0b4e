/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.h - what each instruction set lays over the generic kernels
 *
 * One function for each row of overlays.def.  It sets the slots that it has a
 * faster kernel for and leaves the others alone.
 */
#ifndef SOV_KERN_OVERLAY_H
#define SOV_KERN_OVERLAY_H

#include "kern/kern.h"

#define OVERLAY(ISA, isa, part) \
    void sov_kern_##isa##_##part(struct sov_kern *k);
#include "kern/overlays.def"
#undef OVERLAY

#endif
