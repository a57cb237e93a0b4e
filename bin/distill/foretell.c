/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foretell.c - what a teacher does alone: --cache-out, --generate
 */
#include "distill/distill.h"

#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"

static int
report(uint64_t tokens, uint64_t bytes, struct sov_err *err)
{
    const struct distill_options *o = &distill_options;
    struct sov_report *r = sov_report_new(
        o->cache_out != NULL ? "sov.foretell/1" : "sov.generate/1");

    sov_report_text(r, "teacher", "teacher", o->teacher);
    sov_report_text(r, "output", "output", sov_common.output);
    if (o->cache_out == NULL)
        sov_report_uint(r, "texts", "texts", o->generate);
    sov_report_uint(r, "tokens", "tokens", tokens);
    sov_report_uint(r, "bytes", "bytes", bytes);
    if (o->cache_out != NULL)
        sov_report_real(r, "bytes_token", "bytes for each token",
                        (double)bytes / (double)tokens, 2, NULL);
    return sov_report_end(r, err);
}

/* The work itself. */
static int
work(const struct distill *q, sov_sink *sink, uint64_t *tokens,
     struct sov_err *err)
{
    const struct distill_options *o = &distill_options;
    struct sov_distill_opts opt;
    int rc;

    distill_fill(q, &opt);
    sov_progress_begin(o->cache_out != NULL ? "tokens" : "texts");
    if (o->cache_out != NULL)
        rc = sov_distill_foretell(&opt, sink, tokens, err);
    else
        rc = sov_distill_generate(&opt, o->generate, o->generate_tokens, sink,
                                  tokens, err);
    sov_progress_end();
    return rc;
}

int
distill_alone(struct distill *q, struct sov_err *err)
{
    sov_sink *sink = NULL;
    uint64_t tokens = 0, bytes;
    int rc;

    if (sov_common.dry_run)
        return sov_fail(err, SOV_EARG,
                        "--cache-out and --generate know no --dry-run");
    rc = distill_open_models(q, err);
    if (rc == 0)
        rc = distill_list_inputs(q, err);
    if (rc == 0)
        rc = sov_tool_sink(&sink, q->input, q->n_inputs, 0, err);
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
