/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeeze.h - bytes on their way to a sink, compressed
 */
#ifndef SOV_SYS_SQUEEZE_H
#define SOV_SYS_SQUEEZE_H

#include "sov/archive.h"

#include <stddef.h>

struct sov_squeeze;

/* sink is borrowed until the end. */
int sov_squeeze_new(struct sov_squeeze **s, sov_sink *sink, enum sov_pack how,
                    struct sov_err *err) SOV_MUST_CHECK;
int sov_squeeze_write(struct sov_squeeze *s, const void *buf, size_t len,
                      struct sov_err *err) SOV_MUST_CHECK;
/* What is still inside comes out.  Frees s in any case. */
int sov_squeeze_end(struct sov_squeeze *s, struct sov_err *err) SOV_MUST_CHECK;
void sov_squeeze_abort(struct sov_squeeze *s);

#endif
