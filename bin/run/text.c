/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - what is said of a text: --tokenize, --perplexity
 */
#include "run/run.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/sandbox.h"
#include "sov/measure.h"

#include <inttypes.h>

int
run_tokenize(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    int rc = run_open_model(r, SOV_ACCESS_STREAM, err);

    if (rc == 0)
        rc = run_open_report(r, &out, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = run_prepare_prompt(r, err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = run_encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc == 0) {
        report = sov_report_new(NULL);
        sov_report_ids(report, "ids", r->ids, r->n_ids);
        rc = run_put_report(&out, report, err);
    }
    sov_emit_free(&out);
    return rc;
}

static int
measure_perplexity(struct run *r, struct sov_ppl *ppl, struct sov_err *err)
{
    double start = sov_seconds();
    uint32_t window = sov_session_ctx(r->lm.session);
    int rc;

    if (run_options.n_ctx == 0 && window > SOV_PPL_CTX)
        window = SOV_PPL_CTX;
    if (window < 2)
        return sov_fail(err, SOV_EARG, "--ctx: a window has 2 tokens or more");
    if (r->n_ids < window)
        return sov_fail(err, SOV_EFORMAT,
                        "the text has %zu tokens and one window %" PRIu32
                        "; give more text, or a smaller --ctx",
                        r->n_ids, window);
    sov_progress_begin("tokens");
    rc = sov_perplexity(r->lm.session, r->lm.tok, r->ids, r->n_ids, window,
                        sov_progress_update, NULL, ppl, err);
    sov_progress_end();
    r->prompt_s = sov_seconds() - start;
    return rc;
}

int
run_perplexity(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    struct sov_ppl ppl = { 0 };
    int rc = run_open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = run_open_report(r, &out, err);
    if (rc == 0)
        rc = run_open_session(r, SOV_PPL_ROWS, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = run_encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc == 0)
        rc = measure_perplexity(r, &ppl, err);
    if (rc == 0) {
        report = sov_report_new(NULL);
        sov_report_uint(report, "tokens", NULL, ppl.tokens);
        sov_report_real(report, "nll", NULL, ppl.nll, 6, NULL);
        sov_report_real(report, "ppl", NULL, ppl.ppl, 4, NULL);
        rc = run_put_report(&out, report, err);
    }
    sov_emit_free(&out);
    return rc;
}
