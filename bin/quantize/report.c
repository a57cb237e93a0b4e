/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what was, or would be, done
 */
#include "quantize/quantize.h"

#include "cli/tool.h"

#include <math.h>
#include <stdlib.h>

#define N_TYPES 300 /* above every type id */

/* Totals of one type, for the report. */
struct total {
    uint64_t tensors;
    uint64_t weights;
    uint64_t bytes;
};

static void
report_types(struct sov_report *r, const sov_plan *plan)
{
    struct total total[N_TYPES] = { 0 };

    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *t = sov_plan_at(plan, i);

        total[t->type].tensors++;
        total[t->type].weights += sov_tensor_count(t);
        total[t->type].bytes += t->size;
    }
    sov_report_table(r, "types");
    for (int i = 0; i < N_TYPES; i++) {
        if (total[i].tensors == 0)
            continue;
        sov_report_row(r);
        sov_report_text(r, "type", "type", sov_type_info(i)->name);
        sov_report_uint(r, "tensors", "tensors", total[i].tensors);
        sov_report_uint(r, "weights", "weights", total[i].weights);
        sov_report_uint(r, "bytes", "bytes", total[i].bytes);
    }
    sov_report_table_end(r);
}

/* Only of what was measured: a tensor that stayed as it was lost nothing. */
static void
report_error(struct sov_report *r, struct sov_quant_error e)
{
    if (e.weights == 0)
        return;
    sov_report_real(r, "error", "error", e.error, 6, NULL);
    if (e.weighed)
        sov_report_real(r, "weighed_error", "weighed", e.weighed_error, 6,
                        NULL);
    sov_report_real(r, "largest_error", "largest", e.most, 6, NULL);
}

static void
report_loss(struct sov_report *r, const struct sov_sheet_row *row)
{
    if (row == NULL || !isfinite(row->loss))
        return;
    sov_report_real(r, "predicted_kld", "predicted", row->loss, 7, NULL);
    sov_report_real(r, "alpha", "alpha", row->alpha, 4, NULL);
}

static void
report_tensors(struct sov_report *r, const struct quantize *q,
               const sov_plan *plan)
{
    sov_report_table(r, "tensors");
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *from = sov_model_at(q->model, i);
        const struct sov_tensor *to = sov_plan_at(plan, i);

        sov_report_row(r);
        sov_report_text(r, "name", "tensor", to->name);
        sov_report_text(r, "from", "from",
                        sov_type_info((int)from->type)->name);
        sov_report_text(r, "to", "to", sov_type_info((int)to->type)->name);
        sov_report_uint(r, "bytes", "bytes", to->size);
        report_loss(r, quantize_sheet_row(q, to->name));
        if (!sov_common.dry_run)
            report_error(r, sov_quant_error(q->job, i));
    }
    sov_report_table_end(r);
}

static void
report_worst(struct sov_report *r, const struct quantize *q,
             const sov_plan *plan)
{
    size_t list[QUANTIZE_WORST];
    size_t n = quantize_worst(q, list);

    sov_report_table(r, "worst");
    for (size_t k = 0; k < n; k++) {
        const struct sov_tensor *t = sov_plan_at(plan, list[k]);

        sov_report_row(r);
        sov_report_text(r, "name", "worst", t->name);
        sov_report_text(r, "to", "to", sov_type_info((int)t->type)->name);
        report_error(r, sov_quant_error(q->job, list[k]));
    }
    sov_report_table_end(r);
}

static void
report_files(struct sov_report *r, const struct quantize *q,
             const sov_plan *plan)
{
    sov_report_table(r, "files");
    for (size_t i = 0; i < sov_plan_files(plan); i++) {
        const struct sov_plan_file *f = sov_plan_file(plan, i);
        char *path = sov_target_path(&q->target, plan, i);

        sov_report_row(r);
        sov_report_text(r, "path", "file", path != NULL ? path : f->name);
        sov_report_uint(r, "tensors", "tensors", f->n);
        sov_report_uint(r, "bytes", "bytes", f->bytes);
        free(path);
    }
    sov_report_table_end(r);
}

/* How the importance matrix fits the model. */
static void
report_stats(struct sov_report *r, const struct quantize *q, const char *path,
             const sov_stats *stats)
{
    struct sov_quant_fit fit;

    sov_quant_fit(q->job, &fit);
    if (path != NULL)
        sov_report_text(r, "stats", "statistics", path);
    sov_report_uint(r, "stats_entries", NULL, sov_stats_count(stats));
    sov_report_uint(r, "stats_used", "matrices with statistics", fit.used);
    sov_report_uint(r, "stats_missing", "matrices without", fit.missing);
    sov_report_uint(r, "stats_spare", NULL, fit.spare);
    sov_report_uint(r, "stats_unseen", NULL, fit.unseen);
}

static int
report_all(const struct quantize *q, struct sov_err *err)
{
    const sov_plan *plan = sov_quant_plan(q->job);
    struct sov_report *r = sov_report_new("sov.quantize/1");
    uint64_t weights = 0, before = 0, bytes = 0;

    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        weights += sov_tensor_count(sov_plan_at(plan, i));
        before += sov_model_at(q->model, i)->size;
        bytes += sov_plan_at(plan, i)->size;
    }
    sov_report_text(r, "source", "source", q->source);
    sov_report_text(r, "format", NULL, sov_model_format(q->model));
    if (sov_common.output != NULL)
        sov_report_text(r, "output", "output", sov_common.output);
    sov_report_text(r, "type", "type", quantize_options.type);
    if (q->stats != NULL)
        report_stats(r, q, quantize_options.stats, q->stats);
    if (q->calib.opts.ids != NULL) {
        sov_report_text(r, "calib", "text", quantize_options.calib);
        quantize_report_text(r, q);
    }
    if (sov_quant_stats(q->job) != NULL)
        report_stats(r, q, quantize_options.stats_out,
                     sov_quant_stats(q->job));
    sov_report_uint(r, "tensors_total", NULL, sov_plan_count(plan));
    sov_report_uint(r, "weights", "weights", weights);
    sov_report_uint(r, "source_tensor_bytes", NULL, before);
    sov_report_uint(r, "bytes", "bytes", sov_plan_bytes(plan));
    sov_report_real(r, "bpw", "bits per weight",
                    weights != 0 ? 8.0 * (double)bytes / (double)weights : 0, 3,
                    NULL);
    quantize_report_sheet(r, q);
    if (!sov_common.dry_run) {
        sov_report_uint(r, "replaced", NULL, sov_quant_replaced(q->job));
        sov_report_real(r, "seconds", "time", q->seconds, 2, "s");
        report_error(r, sov_quant_error_total(q->job));
        quantize_report_eval(r, q);
    }
    report_types(r, plan);
    if (sov_common.json || sov_plan_files(plan) > 1)
        report_files(r, q, plan);
    if (sov_common.json || (sov_common.dry_run &&
                            (sov_common.verbose > 0 || q->sheet != NULL)))
        report_tensors(r, q, plan);
    if (!sov_common.dry_run)
        report_worst(r, q, plan);
    return sov_report_end(r, err);
}

int
quantize_report(const struct quantize *q, struct sov_err *err)
{
    struct sov_report *r;

    if (sov_common.json || sov_common.dry_run)
        return report_all(q, err);
    if (!quantize_eval_wanted())
        return 0;
    r = sov_report_new("sov.quantize/1");
    quantize_report_eval(r, q);
    return sov_report_end(r, err);
}
