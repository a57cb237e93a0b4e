/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logits.c - logits after every token of the prompt: --logits
 */
#include "run/run.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of floats in a file are little-endian. */
static void
to_bytes(unsigned char *out, const float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, &row[i], sizeof(u));
        for (int b = 0; b < 4; b++)
            out[4 * i + (size_t)b] = (unsigned char)(u >> (8 * b));
    }
}

static int
write_rows(struct run *r, sov_sink *sink, struct sov_err *err)
{
    size_t n_vocab = sov_session_vocab(r->lm.session);
    unsigned char *bytes = malloc(4 * n_vocab);
    int rc = bytes == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;

    sov_progress_begin("tokens");
    for (size_t at = 0; at < r->n_ids && rc == 0;) {
        size_t n =
            r->n_ids - at < RUN_LOGITS_ROWS ? r->n_ids - at : RUN_LOGITS_ROWS;

        rc = sov_session_eval(r->lm.session, r->ids + at, n, SOV_LOGITS_ALL,
                              err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            to_bytes(bytes, sov_session_logits(r->lm.session, i), n_vocab);
            rc = sov_sink_write(sink, bytes, 4 * n_vocab, err);
        }
        at += n;
        sov_progress_update(NULL, at, r->n_ids, "logits");
    }
    sov_progress_end();
    free(bytes);
    return rc;
}

int
run_logits(struct run *r, struct sov_err *err)
{
    sov_sink *sink = NULL;
    double start;
    int rc = run_open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = run_open_session(r, RUN_LOGITS_ROWS, err);
    if (rc == 0 && run_options.ids == NULL)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = run_prepare_prompt(r, err);
    if (rc == 0)
        rc = run_take_ids(r, err);
    if (rc < 0)
        return rc;
    rc = sov_tool_sink(
        &sink, r->lm.inputs, r->lm.n_inputs,
        (uint64_t)4 * r->n_ids * sov_session_vocab(r->lm.session), err);
    start = sov_seconds();
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = write_rows(r, sink, err);
    r->prompt_s = sov_seconds() - start;
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc;
}
