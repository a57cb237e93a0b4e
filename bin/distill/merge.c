/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - --merge: a model, moved by what others have learnt
 *
 * Operands are files of --delta-out.  The claim of the output names the model
 * and all of them.
 */
#include "distill/distill.h"

#include "cli/report.h"
#include "cli/tool.h"

static int
report(const struct distill *q, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.merge/1");

    sov_report_text(r, "output", "output", sov_common.output);
    sov_report_text(r, "type", "type", distill_options.type);
    sov_report_uint(r, "bytes", "bytes of it",
                    sov_plan_bytes(sov_quant_plan(q->job)));
    sov_report_uint(r, "deltas", "files that were merged", q->n_texts);
    return sov_report_end(r, err);
}

int
distill_merge(struct distill *q, struct sov_err *err)
{
    struct sov_distill_opts opt;
    int rc = distill_hash_texts(q, err);

    distill_fill(q, &opt);
    if (rc == 0)
        rc = sov_distill_merge(&q->run, &opt, q->text, q->n_texts, err);
    if (rc == 0)
        rc = distill_make_job(q, err);
    if (rc == 0 && !sov_common.dry_run)
        rc = distill_open_model(q, err);
    if (rc == 0 && !sov_common.dry_run)
        rc = distill_write_model(q, err);
    return rc == 0 && sov_common.json ? report(q, err) : rc;
}
