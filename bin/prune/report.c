/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what was, or would be, done
 */
#include "prune/prune.h"

#include "cli/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define WORST 10

static double
share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

/* ---- with -v ---- */

/* Insert tensor i into the list, worst first; equal ones in file order. */
static void
insert(const sov_prune *job, size_t *list, size_t *n, size_t i)
{
    double error = sov_prune_loss(job, i).error;
    size_t at = *n;

    while (at > 0 && error > sov_prune_loss(job, list[at - 1]).error)
        at--;
    if (at == WORST)
        return;
    if (*n < WORST)
        (*n)++;
    for (size_t k = *n - 1; k > at; k--)
        list[k] = list[k - 1];
    list[at] = i;
}

static void
say_worst(const struct prune *p)
{
    const sov_plan *plan = sov_prune_plan(p->job);
    size_t list[WORST], n = 0;

    for (size_t i = 0; i < sov_plan_count(plan); i++)
        if (sov_prune_loss(p->job, i).measured)
            insert(p->job, list, &n, i);
    if (n == 0)
        return;
    sov_note(1, "  %-34s %8s %8s", n < WORST ? "" : "worst", "zeros", "error");
    for (size_t k = 0; k < n; k++) {
        struct sov_prune_loss l = sov_prune_loss(p->job, list[k]);

        sov_note(1, "  %-34s %6.4g %% %6.4g %%",
                 sov_plan_at(plan, list[k])->name,
                 100 * share(l.zeros, l.weights), 100 * sqrt(l.error));
    }
}

void
prune_say(const struct prune *p)
{
    struct sov_prune_loss all = sov_prune_loss_total(p->job);
    const char *line;

    for (size_t i = 0; (line = sov_prune_choice(p->job, i)) != NULL; i++)
        sov_note(1, "%s", line);
    if (all.weights == 0)
        return;
    sov_note(1,
             "%" PRIu64 " of %" PRIu64 " weights that could go are zero "
             "(%.4g %%)",
             all.zeros, all.weights, 100 * share(all.zeros, all.weights));
    if (all.measured)
        sov_note(1, "what went is %.4g %% of the weights' size",
                 100 * sqrt(all.error));
    if (all.weighed)
        sov_note(1, "  times what enters: %.4g %%",
                 100 * sqrt(all.weighed_error));
    say_worst(p);
    if (p->packs)
        return;
    sov_note(1, "zeros take as many bytes as other numbers do: the file is not "
                "smaller");
}

/* ---- the report ---- */

static void
report_pattern(struct sov_report *r, const struct sov_prune_loss *l)
{
    char text[SOV_PRUNE_PATTERN_MAX];

    sov_prune_pattern_text(&l->pattern, text);
    sov_report_text(r, "pattern", "pattern", text);
    sov_report_real(r, "ratio", "ratio", l->ratio, 4, NULL);
}

static void
report_loss(struct sov_report *r, const struct sov_prune_loss *l)
{
    if (l->weights == 0)
        return;
    sov_report_uint(r, "pruned_weights", NULL, l->weights);
    sov_report_uint(r, "zeros", "zeros", l->zeros);
    sov_report_real(r, "sparsity", "sparsity", share(l->zeros, l->weights), 6,
                    NULL);
    if (l->measured)
        sov_report_real(r, "error", "error", l->error, 6, NULL);
    if (l->weighed)
        sov_report_real(r, "weighed_error", "weighed", l->weighed_error, 6,
                        NULL);
}

static void
report_tensors(struct sov_report *r, const struct prune *p)
{
    const sov_plan *plan = sov_prune_plan(p->job);

    sov_report_table(r, "tensors");
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        const struct sov_tensor *t = sov_plan_at(plan, i);
        struct sov_prune_loss l = sov_prune_loss(p->job, i);

        if (!l.pruned)
            continue;
        sov_report_row(r);
        sov_report_text(r, "name", "tensor", t->name);
        sov_report_text(r, "type", "type", sov_type_info((int)t->type)->name);
        report_pattern(r, &l);
        report_loss(r, &l);
    }
    sov_report_table_end(r);
}

/* How the statistics fit the model. */
static void
report_stats(struct sov_report *r, const struct prune *p)
{
    struct sov_prune_fit fit;

    sov_prune_fit(p->job, &fit);
    if (prune_options.heal)
        sov_report_bool(r, "heal_squares", "heal", true);
    if (prune_options.dsnot)
        sov_report_bool(r, "dsnot", "dsnot", true);
    if (prune_options.owl)
        sov_report_bool(r, "owl", "owl", true);
    if (p->cost.seconds > 0) {
        sov_report_real(r, "calib_seconds", "calibration takes about",
                        p->cost.seconds, 1, "s");
        sov_report_uint(r, "calib_memory", NULL, p->cost.memory);
        sov_report_uint(r, "calib_scratch", NULL, p->cost.scratch);
    }
    if (p->heal_seconds > 0)
        sov_report_real(r, "heal_seconds", "training takes about",
                        p->heal_seconds, 1, "s");
    if (p->expected > 0) {
        sov_report_real(r, "expected_seconds", "all of it takes about",
                        p->expected, 1, "s");
        sov_report_bytes(r, "expected_memory", "and memory", p->cost.memory);
    }
    if (prune_options.stats != NULL)
        sov_report_text(r, "stats", "statistics", prune_options.stats);
    if (prune_options.calib != NULL) {
        sov_report_text(r, "calib", "text", prune_options.calib);
        sov_report_uint(r, "calib_tokens", "tokens",
                        (uint64_t)p->calib.windows * p->calib.ctx);
        sov_report_uint(r, "calib_window", "tokens of a window", p->calib.ctx);
    }
    if (fit.used + fit.missing == 0)
        return;
    sov_report_uint(r, "stats_used", "matrices with statistics", fit.used);
    sov_report_uint(r, "stats_missing", "matrices without", fit.missing);
    sov_report_uint(r, "stats_spare", NULL, fit.spare);
    sov_report_uint(r, "stats_unseen", NULL, fit.unseen);
}

/* What a method of shapes chose. */
static void
report_choices(struct sov_report *r, const struct prune *p)
{
    const char *line;

    for (size_t i = 0; (line = sov_prune_choice(p->job, i)) != NULL; i++)
        sov_report_label(r, "chosen", line);
}

static void
report_all(struct sov_report *r, const struct prune *p)
{
    const sov_plan *plan =
        p->written != NULL ? p->written : sov_prune_plan(p->job);
    uint64_t weights = 0, before = 0, after = 0, all = 0;

    for (size_t i = 0; i < sov_model_count(p->model); i++) {
        before += sov_model_at(p->model, i)->size;
        all += sov_tensor_count(sov_model_at(p->model, i));
    }
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        weights += sov_tensor_count(sov_plan_at(plan, i));
        after += sov_plan_at(plan, i)->size;
    }
    sov_report_uint(r, "tensors_total", NULL, sov_plan_count(plan));
    sov_report_uint(r, "source_weights", "weights before", all);
    sov_report_uint(r, "weights", "weights", weights);
    sov_report_uint(r, "source_tensor_bytes", NULL, before);
    if (p->packs && p->written == NULL) { /* with a plan it is not known */
        if (p->packed_bytes > 0)
            sov_report_uint(r, "bytes", "bytes", p->packed_bytes);
        return;
    }
    sov_report_uint(r, "tensor_bytes", NULL, after);
    sov_report_uint(r, "bytes", "bytes", sov_plan_bytes(plan));
    if (after == before)
        sov_report_label(r, "saved",
                         "nothing: zeros take as many bytes as other numbers");
}

int
prune_report(const struct prune *p, struct sov_err *err)
{
    struct sov_prune_loss all = sov_prune_loss_total(p->job);
    struct sov_report *r;

    bool whole = sov_common.json || sov_common.dry_run;

    if (!whole && p->compare == NULL)
        return 0;
    r = sov_report_new("sov.prune/1");
    if (!whole) {
        prune_compare_report(r, p);
        return sov_report_end(r, err);
    }
    sov_report_text(r, "source", "source", p->source);
    sov_report_text(r, "format", NULL, sov_model_format(p->model));
    if (sov_common.output != NULL)
        sov_report_text(r, "output", "output", sov_common.output);
    sov_report_text(r, "method", "method",
                    p->method != NULL ? p->method : p->sheet->method);
    report_stats(r, p);
    report_choices(r, p);
    report_all(r, p);
    if (!sov_common.dry_run) {
        report_loss(r, &all);
        sov_report_real(r, "seconds", "time", p->seconds, 2, "s");
    }
    prune_heal_report(r, p);
    prune_compare_report(r, p);
    if (sov_common.json || sov_common.verbose > 0)
        report_tensors(r, p);
    return sov_report_end(r, err);
}
