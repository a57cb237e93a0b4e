/* SPDX-License-Identifier: Apache-2.0 */
/* repair.h - any bytes as text: UTF-8 in plain lines */
#ifndef SOV_DISTILL_REPAIR_H
#define SOV_DISTILL_REPAIR_H

#include "base/buf.h"
#include "distill/corpus.h"

/*
 * What struct sov_doc promises of its text: raw itself where it is so already,
 * else a copy in buf, which is written anew.  A byte order mark goes only where
 * the document begins.
 */
int sov_doc_repair(struct sov_doc *doc, struct sov_span raw,
                   struct sov_buf *buf, struct sov_err *err) SOV_MUST_CHECK;

#endif
