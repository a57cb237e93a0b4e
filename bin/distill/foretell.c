/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foretell.c - --cache-out: what a teacher says of the texts, to be kept
 */
#include "distill/distill.h"

#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"

#include <string.h>

static int
report(uint64_t tokens, uint64_t bytes, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.foretell/1");

    sov_report_text(r, "teacher", "teacher", distill_options.teacher);
    sov_report_text(r, "output", "output", sov_common.output);
    sov_report_uint(r, "tokens", "tokens", tokens);
    sov_report_uint(r, "bytes", "bytes", bytes);
    sov_report_real(r, "bytes_token", "bytes for each token",
                    (double)bytes / (double)tokens, 2, NULL);
    return sov_report_end(r, err);
}

int
distill_stopped(const char *kept, const char *how, struct sov_err *err)
{
    sov_fail(err, SOV_EIO,
             "stopped by a signal; what was done is kept in %s, and the same "
             "command%s goes on from there",
             kept, how);
    err->where = SOV_WHERE_LOCK;
    return SOV_EIO;
}

static int
work(const struct distill *q, sov_sink *sink, uint64_t *tokens,
     struct sov_err *err)
{
    struct sov_distill_opts opt;
    int rc;

    distill_fill(q, &opt);
    if (distill_options.resume)
        sov_guard_stop(true);
    sov_progress_begin("tokens");
    rc = sov_distill_foretell(&opt, sink, tokens, err);
    sov_progress_end();
    sov_guard_stop(false);
    if (rc <= 0)
        return rc;
    return distill_stopped(sov_sink_part(sink), "", err);
}

/* With --resume it grows in OUT.part, which stays. */
static int
open_output(const struct distill *q, sov_sink **sink, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .lock = (enum sov_lock)sov_common.lock,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
        .part = true,
    };

    if (!distill_options.resume)
        return sov_tool_sink(sink, q->input, q->n_inputs, 0, err);
    if (strcmp(sov_common.output, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--resume: standard output cannot be gone on with");
    if (sov_common.depfile != NULL)
        return sov_fail(err, SOV_EARG, "--resume knows no --depfile here");
    return sov_sink_open(sink, sov_common.output, &opts, err);
}

int
distill_foretell(struct distill *q, struct sov_err *err)
{
    sov_sink *sink = NULL;
    uint64_t tokens = 0, bytes;
    int rc;

    if (sov_common.dry_run)
        return sov_fail(err, SOV_EARG, "--cache-out knows no --dry-run");
    rc = distill_open_models(q, err);
    if (rc == 0)
        rc = distill_list_inputs(q, err);
    if (rc == 0)
        rc = open_output(q, &sink, err);
    if (rc == 0)
        rc = work(q, sink, &tokens, err);
    if (rc == 0)
        rc = sov_lineage_check(&q->lineage, err);
    bytes = sink != NULL ? sov_sink_count(sink) : 0;
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    if (rc == 0)
        rc = sov_tool_depfile(q->input, q->n_inputs, err);
    sov_sink_abort(sink);
    return rc == 0 && sov_common.json ? report(tokens, bytes, err) : rc;
}
