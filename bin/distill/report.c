/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what was, or would be, done
 */
#include "distill/distill.h"

#include "cli/report.h"
#include "cli/tool.h"

#include <stdio.h>

static void
report_shape(struct sov_report *r, const struct sov_distill_facts *f)
{
    sov_report_text(r, "arch", "architecture", f->arch);
    sov_report_uint(r, "layers", "layers", f->layers);
    sov_report_uint(r, "width", "width", f->width);
    sov_report_uint(r, "heads", "heads", f->heads);
    sov_report_uint(r, "kv_heads", "heads of keys", f->kv_heads);
    sov_report_uint(r, "ffn", "feed-forward", f->ff);
    sov_report_uint(r, "vocab", "vocabulary", f->vocab);
    sov_report_bool(r, "tied", "head is the embedding", f->tied);
    if (f->rank > 0)
        sov_report_uint(r, "rank", "rank of the adapter", f->rank);
    sov_report_uint(r, "parameters", "parameters", f->parameters);
}

static void
report_plan(struct sov_report *r, const struct sov_distill_facts *f)
{
    sov_report_text(r, "loss", "loss", f->loss);
    sov_report_text(r, "optimizer", "optimizer", f->optimizer);
    sov_report_real(r, "lr", "learning rate", f->lr, 6, NULL);
    sov_report_text(r, "schedule", "schedule", f->schedule);
    sov_report_uint(r, "text_bytes", "bytes of text", f->text_bytes);
    sov_report_uint(r, "text_tokens", "tokens of text", f->text_tokens);
    if (f->eval_tokens > 0)
        sov_report_uint(r, "eval_tokens", "tokens of --eval", f->eval_tokens);
    sov_report_uint(r, "ctx", "tokens of a sequence", f->ctx);
    sov_report_uint(r, "sequences", "sequences of a step", f->sequences);
    sov_report_uint(r, "step_tokens", "tokens of a step", f->step_tokens);
    sov_report_uint(r, "steps", "steps", f->steps);
    if (f->done > 0)
        sov_report_uint(r, "resumed", "of them done before", f->done);
    sov_report_real(r, "passes", "passes over the text", f->passes, 2, NULL);
    sov_report_real(r, "flops", "flops of a token", f->flops, 0, NULL);
}

static void
report_memory(struct sov_report *r, const struct sov_distill_facts *f)
{
    sov_report_bool(r, "recompute",
                    f->recompute ? "layers twice, for memory" : NULL,
                    f->recompute);
    sov_report_bytes(r, "memory", "memory", f->memory);
    sov_report_table(r, "parts");
    for (size_t i = 0; i < f->n_parts; i++) {
        sov_report_row(r);
        sov_report_text(r, "part", "memory of", f->part[i].name);
        sov_report_bytes(r, "bytes", "size", f->part[i].bytes);
    }
    sov_report_table_end(r);
}

static void
report_time(struct sov_report *r, const struct distill *q)
{
    const struct sov_distill_facts *f = &q->facts;
    double tokens = (double)f->step_tokens;
    char text[40];
    double all;

    if (!sov_common.dry_run) {
        sov_report_real(r, "seconds", "time", q->seconds, 2, "s");
        return;
    }
    all = q->step_seconds * (double)(f->steps - f->done);
    sov_report_real(r, "step_seconds", "a step, about", q->step_seconds, 3,
                    "s");
    sov_report_real(r, "tokens_s", "tokens a second, about",
                    tokens / q->step_seconds, 0, NULL);
    sov_report_real(r, "flops_s", NULL, f->flops * tokens / q->step_seconds, 0,
                    NULL);
    sov_report_real(r, "seconds", NULL, all, 0, NULL);
    snprintf(text, sizeof(text), "%.0f:%02.0f:%02d h",
             (double)(long)(all / 3600), (double)((long)(all / 60) % 60),
             (int)((long)all % 60));
    sov_report_label(r, "all steps, about", text);
}

static void
report_result(struct sov_report *r, const struct distill *q)
{
    const struct sov_distill_eval *e, *best = sov_distill_best(q->run);
    const struct sov_distill_point *p;
    size_t n, n_evals;

    p = sov_distill_points(q->run, &n);
    if (n > 0) {
        sov_report_real(r, "final_loss", "loss of the last step", p[n - 1].loss,
                        4, "nats");
        sov_report_real(r, "final_ce", NULL, p[n - 1].ce, 4, NULL);
    }
    e = sov_distill_evals(q->run, &n_evals);
    if (n_evals == 0)
        return;
    sov_report_object(r, "eval");
    sov_report_text(r, "text", NULL, distill_options.eval);
    sov_report_uint(r, "step", NULL, e[n_evals - 1].step);
    sov_report_real(r, "nats", "nats for each token", e[n_evals - 1].nats, 4,
                    NULL);
    sov_report_real(r, "bits_per_byte", "bits for each byte",
                    e[n_evals - 1].bits, 4, NULL);
    sov_report_uint(
        r, "best_step",
        best->step != e[n_evals - 1].step ? "the best was after step" : NULL,
        best->step);
    sov_report_real(r, "best_bits_per_byte",
                    best->step != e[n_evals - 1].step ? "  with bits for a byte"
                                                      : NULL,
                    best->bits, 4, NULL);
    sov_report_object_end(r);
}

int
distill_report(const struct distill *q, struct sov_err *err)
{
    bool all = sov_common.json || sov_common.dry_run;
    struct sov_report *r;

    if (!all && (distill_options.eval == NULL || sov_tool_to_stdout()))
        return 0;
    r = sov_report_new("sov.distill/1");
    if (all) {
        if (sov_common.output != NULL)
            sov_report_text(r, "output", "output", sov_common.output);
        sov_report_text(r, "type", "type", distill_options.type);
        if (q->job != NULL)
            sov_report_uint(r, "bytes", "bytes of it",
                            sov_plan_bytes(sov_quant_plan(q->job)));
        report_shape(r, &q->facts);
        report_plan(r, &q->facts);
        report_memory(r, &q->facts);
        report_time(r, q);
    }
    if (!sov_common.dry_run)
        report_result(r, q);
    return sov_report_end(r, err);
}
