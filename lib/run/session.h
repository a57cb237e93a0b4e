/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - what a session is, for the files of this folder
 */
#ifndef SOV_RUN_SESSION_H
#define SOV_RUN_SESSION_H

#include "arch/arch.h"
#include "sov/run.h"

struct sov_session {
    struct sov_net *net;
    struct sov_pass pass;
    void *work;    /* what the pass is cut from */
    void *kv;      /* what the caches are cut from */
    float *logits; /* [n_logits, n_vocab] */
    size_t n_logits;
    size_t n_rows; /* of the last eval */
    uint32_t n_ctx;
    uint32_t pos;
    enum sov_kv_form kv_form;
};

/* May these ids be read, here and now? */
int sov_session_check(const struct sov_session *s, const int32_t *ids, size_t n,
                      enum sov_logits what, struct sov_err *err) SOV_MUST_CHECK;

#endif
