/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf_read.h - one GGUF file; gguf.c puts the parts of a split together
 */
#ifndef SOV_FMT_GGUF_READ_H
#define SOV_FMT_GGUF_READ_H

#include "fmt/format.h"

/*
 * Parse the header of part[at]: its keys go into meta (empty), its tensors
 * into the model, with *align and *data saying how they are laid out.
 */
int sov_gguf_part(sov_model *m, size_t at, sov_meta *meta, uint64_t *align,
                  uint64_t *data, struct sov_err *err) SOV_MUST_CHECK;

#endif
