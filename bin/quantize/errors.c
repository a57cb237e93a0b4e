/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.c - the tensors that lost most
 */
#include "quantize/quantize.h"

#include "cli/tool.h"

#include <math.h>
#include <stdlib.h>

/* Insert tensor i into the list, worst first; equal ones in plan order. */
static void
insert(const sov_quant *job, size_t *list, size_t *n, size_t i)
{
    double error = sov_quant_error(job, i).error;
    size_t at = *n;

    while (at > 0 && error > sov_quant_error(job, list[at - 1]).error)
        at--;
    if (at == QUANTIZE_WORST)
        return;
    if (*n < QUANTIZE_WORST)
        (*n)++;
    for (size_t k = *n - 1; k > at; k--)
        list[k] = list[k - 1];
    list[at] = i;
}

size_t
quantize_worst(const struct quantize *q, size_t list[QUANTIZE_WORST])
{
    size_t n = 0;

    for (size_t i = 0; i < sov_plan_count(sov_quant_plan(q->job)); i++)
        if (sov_quant_error(q->job, i).weights > 0)
            insert(q->job, list, &n, i);
    return n;
}

/* Share of the size of the weights, in percent, that the error has. */
static double
percent(double squares)
{
    return 100 * sqrt(squares);
}

void
quantize_say_errors(const struct quantize *q)
{
    const sov_plan *plan = sov_quant_plan(q->job);
    struct sov_quant_error all = sov_quant_error_total(q->job);
    size_t list[QUANTIZE_WORST];
    size_t n = quantize_worst(q, list);

    if (n == 0)
        return;
    sov_note(1, "error of rounding: %.4g %% of the weights' size",
             percent(all.error));
    if (all.weighed)
        sov_note(1, "  by the importance of the columns: %.4g %%",
                 percent(all.weighed_error));
    sov_note(1, "  %-34s %-7s %8s %9s", n < QUANTIZE_WORST ? "" : "worst",
             "type", "error", "largest");
    for (size_t k = 0; k < n; k++) {
        struct sov_quant_error e = sov_quant_error(q->job, list[k]);
        const struct sov_tensor *t = sov_plan_at(plan, list[k]);

        sov_note(1, "  %-34s %-7s %6.3g %% %9.3g", t->name,
                 sov_type_info((int)t->type)->name, percent(e.error), e.most);
    }
}
