/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dry.c - without the work: --dry-run and --sandbox-test
 */
#include "run/run.h"

#include "cli/report.h"
#include "cli/sandbox.h"
#include "sov/measure.h"

int
run_dry(struct run *r, struct sov_err *err)
{
    struct sov_session_opts so = run_session_opts(r);
    struct sov_session_memory mem;
    struct sov_report *report;
    int rc = sov_keep_load(&run_options.keep, NULL, err);

    if (rc == 0)
        rc = run_open_model(r, SOV_ACCESS_MAP, err);
    if (rc == 0)
        rc = run_open_adapters(r, err);
    so.n_logits = run_options.perplexity       ? SOV_PPL_ROWS
                  : run_options.logits != NULL ? RUN_LOGITS_ROWS
                                               : 1;
    so.max_memory = 0; /* what it would take, also if that is too much */
    so.other = sov_memory_used();
    if (rc == 0 && run_many_requests())
        sov_jsonl_session(&run_options.requests, r->lm.model, &so);
    if (rc == 0)
        rc = sov_session_measure(r->lm.model, &so, &mem, err);
    if (rc < 0)
        return rc;
    report = sov_report_new("sov.run.memory/1");
    sov_report_bytes(report, "weights", "weights", mem.weights);
    if (r->adapters.n > 0)
        sov_report_bytes(report, "adapters", "adapters", mem.adapters);
    sov_report_bytes(report, "kv", "keys and values", mem.kv);
    if (run_options.keep.saving.saved != NULL) /* in place of some of them */
        sov_report_bytes(report, "kv_mapped", "of them, mapped",
                         sov_saved_bytes(run_options.keep.saving.saved));
    sov_report_bytes(report, "work", "work", mem.work);
    sov_report_bytes(report, "logits", "logits", mem.logits);
    sov_report_bytes(report, "other", "tokenizer, metadata, program",
                     mem.other);
    sov_report_bytes(report, "total", "in all", mem.total);
    return sov_report_end(report, err);
}

/* The process is brought to where it would begin to work. */
int
run_sandbox_test(struct run *r, struct sov_err *err)
{
    int rc = run_open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = run_open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc < 0)
        return rc;
    sov_sandbox_watch();
    sov_sandbox_seal();
    return sov_sandbox_test(err);
}
