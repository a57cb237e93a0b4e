/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrate.c - statistics of a text once more
 */
#include "prove/prove.h"

static int
read_all(sov_prove *p, struct sov_err *err)
{
    int rc = sov_prove_reading(p, err);

    if (rc == 0 && !p->reads)
        rc = sov_fail(err, SOV_EFORMAT, "the claim names no text");
    return rc;
}

/* What is to come is known when the text was read. */
static int
ready(sov_prove *p, struct sov_err *err)
{
    const struct sov_layout layout = { .form = "gguf" };
    int rc = sov_prove_text(p, err);

    if (rc == 0)
        rc = sov_stats_collect(&p->stats, p->source, &p->calib, err);
    if (rc == 0)
        rc = sov_stats_plan(&p->own_plan, p->stats, &layout, err);
    p->facts.text = true;
    p->plan = p->own_plan;
    return rc;
}

static int
run(sov_prove *p, const struct sov_taker *taker, struct sov_err *err)
{
    return sov_stats_give(p->stats, p->plan, taker, err);
}

static const char *const params[] = { "input",        "output",       "calib",
                                      "calib_tokens", "calib_window", NULL };

const struct sov_deed_row sov_deed_calibrate = {
    .name = "calibrate",
    .params = params,
    .arithmetic = SOV_CALIB_ARITHMETIC,
    .read = read_all,
    .ready = ready,
    .run = run,
};
