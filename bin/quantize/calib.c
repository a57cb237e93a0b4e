/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calib.c - the text of --calib, and the statistics of --stats-out
 *
 * With a type the model is quantized by what the text shows.  Without one, and
 * without -o, the statistics are all that is made: then they are the output,
 * with a claim of their own if one is asked for.
 */
#include "quantize/quantize.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "sov/calib.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that are worth a word before they are spent. */
#define LONG 20

int
quantize_calib_check(const struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    int rc;

    if (o->calib == NULL && o->stats_out != NULL)
        return sov_fail(err, SOV_EARG,
                        "--stats-out: of which text? --calib TEXT is missing");
    if (o->calib == NULL && o->calib_tokens != 0)
        return sov_fail(err, SOV_EARG,
                        "--calib-tokens: of which text? --calib TEXT is "
                        "missing");
    if (o->calib == NULL)
        return 0;
    if (q->only_stats &&
        (o->tensor_types.n > 0 || o->format != NULL || o->eval != NULL))
        return sov_fail(err, SOV_EARG,
                        "-t TYPE and -o OUT are missing: --stats-out alone "
                        "makes no model");
    rc = sov_reading_check(o->calib, q->source, err);
    if (rc < 0)
        return rc;
    if (o->stats != NULL)
        return sov_fail(err, SOV_EARG,
                        "--calib makes statistics and --stats brings some: "
                        "give one");
    if (o->lora.n > 0)
        return sov_fail(err, SOV_EARG,
                        "--calib: merge the adapters first (--lora with -t "
                        "copy), and calibrate what comes out");
    if (sov_common.resume)
        return sov_fail(err, SOV_EARG,
                        "--resume: a run with --calib cannot be gone on with");
    return 0;
}

/* ---- reading ---- */

int
quantize_calib(struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;

    if (o->calib == NULL)
        return 0;
    return sov_reading_take(&q->calib, o->calib, o->calib_tokens, q->model,
                            q->source, err);
}

int
quantize_cost(struct quantize *q, struct sov_err *err)
{
    char memory[16], scratch[16];
    int rc;

    if (q->calib.opts.ids == NULL)
        return 0;
    rc = sov_quant_cost(q->job, &q->cost, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_name_in(q->source));
    if (!sov_common.quiet && !sov_common.dry_run &&
        (q->cost.seconds >= LONG || sov_common.verbose > 0))
        sov_note(0,
                 "%s: calibration will take about %.0f %s, %s of memory and %s "
                 "of temporary files",
                 sov_name_in(q->source),
                 q->cost.seconds < 120 ? q->cost.seconds : q->cost.seconds / 60,
                 q->cost.seconds < 120 ? "seconds" : "minutes",
                 sov_progress_bytes(memory, q->cost.memory),
                 sov_progress_bytes(scratch, q->cost.scratch));
    return 0;
}

void
quantize_calib_free(struct quantize *q)
{
    sov_sink_abort(q->stats_sink);
    sov_hasher_free(q->stats_hasher);
    sov_reading_free(&q->calib);
}

/* ---- writing ---- */

int
quantize_stats_open(struct quantize *q, struct sov_err *err)
{
    const char *path = quantize_options.stats_out;
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .lock = (enum sov_lock)sov_common.lock,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    int rc;

    if (path == NULL)
        return 0;
    if (sov_common.output != NULL && strcmp(path, sov_common.output) == 0)
        return sov_fail(err, SOV_EARG,
                        "--stats-out: '%s' is the output; name another file",
                        path);
    rc = sov_sink_open(&q->stats_sink, path, &opts, err);
    if (rc == 0 && q->lineage.key != NULL)
        rc = sov_hasher_new(&q->stats_hasher, SOV_HASH_SHA256, err);
    if (rc == 0 && q->stats_hasher != NULL)
        sov_sink_hash(q->stats_sink, q->stats_hasher);
    return rc < 0 ? sov_err_wrap(err, "--stats-out") : 0;
}

int
quantize_stats_write(struct quantize *q, struct sov_err *err)
{
    const struct sov_layout layout = { .form = "gguf" };
    sov_plan *plan = NULL;
    int rc;

    if (q->stats_sink == NULL)
        return 0;
    rc = sov_stats_plan(&plan, sov_quant_stats(q->job), &layout, err);
    if (rc == 0)
        rc =
            sov_stats_write(sov_quant_stats(q->job), plan, &q->stats_sink, err);
    if (rc == 0)
        rc = sov_sink_commit(&q->stats_sink, err);
    if (rc == 0 && q->stats_hasher != NULL)
        rc = sov_hasher_final(q->stats_hasher, &q->stats_is, err);
    sov_plan_free(plan);
    return rc < 0 ? sov_err_wrap(err, "--stats-out") : 0;
}

/* ---- statistics alone ---- */

static int
write_alone(struct quantize *q, const sov_stats *stats, struct sov_err *err)
{
    struct sov_layout layout = { 0 };
    sov_plan *plan = NULL;
    int rc;

    sov_target_layout(&q->target, &layout);
    rc = sov_stats_plan(&plan, stats, &layout, err);
    if (rc == 0)
        rc = sov_target_open(&q->target, plan, q->input, q->n_inputs, err);
    if (rc == 0)
        rc = sov_lineage_output(&q->lineage, plan, &q->target, err);
    if (rc == 0)
        rc = sov_stats_write(stats, plan, q->target.sink, err);
    if (rc == 0)
        rc = sov_lineage_check(&q->lineage, err);
    if (rc == 0)
        rc = quantize_claim(q, err);
    if (rc == 0)
        rc = sov_lineage_give(&q->lineage, &q->target, err);
    if (rc == 0)
        rc = sov_target_commit(&q->target, err);
    if (rc == 0)
        rc = sov_lineage_commit(&q->lineage, err);
    sov_plan_free(plan);
    return rc;
}

int
quantize_collect(struct quantize *q, struct sov_err *err)
{
    sov_stats *stats = NULL;
    int rc = sov_lineage_check_first(&q->lineage, err);

    if (rc < 0)
        return rc;
    if (sov_common.dry_run)
        return sov_lineage_check(&q->lineage, err);
    sov_progress_begin("tokens");
    rc = sov_stats_collect(&stats, q->model, &q->calib.opts, err);
    sov_progress_end();
    if (rc == 0)
        rc = write_alone(q, stats, err);
    else
        sov_err_wrap(err, "%s", sov_name_in(q->source));
    sov_stats_close(stats);
    return rc;
}

void
quantize_report_text(struct sov_report *r, const struct quantize *q)
{
    sov_report_uint(r, "calib_tokens", "tokens",
                    (uint64_t)q->calib.windows * q->calib.ctx);
    sov_report_uint(r, "calib_window", "tokens of a window", q->calib.ctx);
    if (q->cost.memory == 0)
        return;
    sov_report_real(r, "calib_seconds", "calibration, about", q->cost.seconds,
                    1, "s");
    sov_report_uint(r, "calib_memory", "bytes of memory", q->cost.memory);
    sov_report_uint(r, "calib_scratch", "bytes of temporary files",
                    q->cost.scratch);
}

int
quantize_report_stats(const struct quantize *q, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.calibrate/1");

    sov_report_text(r, "source", "source", q->source);
    sov_report_text(r, "calib", "text", quantize_options.calib);
    sov_report_text(r, "output", "output", quantize_options.stats_out);
    quantize_report_text(r, q);
    if (!sov_common.dry_run)
        sov_report_real(r, "seconds", "time", q->seconds, 2, "s");
    return sov_report_end(r, err);
}
