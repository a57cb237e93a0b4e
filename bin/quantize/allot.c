/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allot.c - types that are chosen one by one: --target-size and its like,
 * and plans that are read and written
 *
 * The model is mapped, and read as often as it takes, before anything is
 * written.  What the output weighs besides its matrices is found by planning
 * it once with the smallest types; so the size that was asked for is kept to
 * the byte.
 */
#include "quantize/quantize.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAN_MAX ((size_t)64 << 20)
#define ROUNDS   4 /* until sizes agree */

bool
quantize_allot_wanted(void)
{
    const struct quantize_options *o = &quantize_options;

    return o->target_size > 0 || o->target_bpw > 0 || o->max_kld > 0;
}

/* ---- before the model is open ---- */

static int
check_options(const struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    int ways = (o->type != NULL) + (o->target_size > 0) + (o->target_bpw > 0) +
               (o->max_kld > 0) + (o->plan != NULL);

    if (ways > 1)
        return sov_fail(err, SOV_EARG,
                        "-t, --target-size, --target-bpw, --max-kld and --plan "
                        "each say which types there shall be: give one");
    if (o->min_speed > 0 && !quantize_allot_wanted())
        return sov_fail(err, SOV_EARG,
                        "--min-speed: in what size? --target-size, "
                        "--target-bpw or --max-kld is missing");
    if (o->max_kld > 0 && o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "--max-kld: measured on which text? --calib TEXT is "
                        "missing");
    if (quantize_allot_wanted() && q->target.format->folder != NULL)
        return sov_fail(err, SOV_EARG,
                        "a Hugging Face folder has no blocks: nothing is to be "
                        "chosen");
    if (quantize_allot_wanted() && o->lora.n > 0)
        return sov_fail(err, SOV_EARG,
                        "--lora: merge into a file first (-t copy), and choose "
                        "types for that");
    if (o->plan != NULL && strcmp(o->plan, "-") == 0 &&
        strcmp(q->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--plan: standard input is the model already");
    if (o->plan_out != NULL && strcmp(o->plan_out, "-") == 0 &&
        (sov_common.json || sov_common.dry_run ||
         (sov_common.output != NULL && strcmp(sov_common.output, "-") == 0)))
        return sov_fail(err, SOV_EARG,
                        "--plan-out: standard output has something else");
    return 0;
}

static int
read_plan(struct quantize *q, struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc = sov_read_whole(quantize_options.plan, PLAN_MAX, &text, &len, err);

    if (rc < 0)
        return rc;
    q->plan_is.has = SOV_HASH_SHA256;
    sov_sha256(text, len, q->plan_is.sha256);
    rc = sov_sheet_parse(&q->sheet, text, len, err);
    free(text);
    return rc;
}

int
quantize_allot_begin(struct quantize *q, struct sov_err *err)
{
    struct quantize_options *o = &quantize_options;
    int rc = check_options(q, err);

    if (rc == 0 && o->compat != NULL) {
        rc = sov_compat_parse(&q->compat, o->compat, err);
        if (rc < 0)
            sov_err_wrap(err, "--compat");
    }
    if (rc == 0 && o->plan != NULL) {
        rc = read_plan(q, err);
        if (rc < 0)
            sov_err_wrap(err, "--plan: %s", sov_name_in(o->plan));
    }
    if (o->type == NULL && (o->plan != NULL || quantize_allot_wanted()))
        o->type = "plan";
    return rc;
}

/* ---- choosing ---- */

static uint64_t
all_weights(const struct quantize *q)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(q->model); i++)
        sum += sov_tensor_count(sov_model_at(q->model, i));
    return sum;
}

/* Bytes of all files that were asked for; 0: as few as the divergence lets. */
static uint64_t
target_bytes(const struct quantize *q)
{
    const struct quantize_options *o = &quantize_options;

    if (o->target_size > 0)
        return o->target_size;
    return (uint64_t)(o->target_bpw * (double)all_weights(q) / 8);
}

/* Bytes of the output, with the types of q->sheet. */
static int
plan_output(struct quantize *q, uint64_t *bytes, struct sov_err *err)
{
    int rc = quantize_make_job(q, err);

    *bytes = rc == 0 ? sov_plan_bytes(sov_quant_plan(q->job)) : 0;
    sov_quant_free(q->job);
    q->job = NULL;
    return rc;
}

static void
forget_sheet(struct quantize *q)
{
    sov_sheet_free(q->sheet);
    q->sheet = NULL;
}

/* What the output has beside the matrices. */
static int
find_rest(struct quantize *q, const sov_allot *a, uint64_t *rest,
          struct sov_err *err)
{
    uint64_t bytes;
    int rc = sov_allot_solve(a, sov_allot_least(a), 0, &q->sheet, err);

    if (rc == 0)
        rc = plan_output(q, &bytes, err);
    if (rc == 0)
        *rest = bytes - sov_allot_bytes(a, q->sheet);
    forget_sheet(q);
    return rc;
}

static int
too_small(const struct quantize *q, uint64_t least, struct sov_err *err)
{
    double bpw = 8 * (double)least / (double)all_weights(q);

    if (quantize_options.target_size > 0)
        return sov_fail(err, SOV_EARG,
                        "--target-size: %" PRIu64 " bytes are too few for this "
                        "model%s; the least is %" PRIu64,
                        quantize_options.target_size,
                        q->stats == NULL && quantize_options.calib == NULL
                            ? " without --calib or --stats"
                            : "",
                        least);
    return sov_fail(err, SOV_EARG,
                    "--target-bpw: %g bits are too few for this model; the "
                    "least is %.4f, with %" PRIu64 " bytes",
                    quantize_options.target_bpw, bpw, least);
}

/* The best sheet with which the output has at most so many bytes. */
static int
choose_within(struct quantize *q, sov_allot *a, uint64_t rest,
              struct sov_err *err)
{
    uint64_t target = target_bytes(q), least = rest + sov_allot_least(a);
    uint64_t bytes = 0, over = 0;
    int rc = 0;

    for (int i = 0; i < ROUNDS; i++) {
        forget_sheet(q);
        if (target < least + over)
            return too_small(q, least, err);
        rc = sov_allot_solve(a, target - rest - over,
                             quantize_options.min_speed, &q->sheet, err);
        if (rc == SOV_ENO) {
            err->rc = SOV_EARG;
            return sov_err_wrap(err, "--min-speed");
        }
        if (rc == 0)
            rc = plan_output(q, &bytes, err);
        if (rc < 0 || bytes <= target)
            return rc;
        over += bytes - target;
    }
    return sov_fail(err, SOV_EARG,
                    "no cut into files was found that has %" PRIu64
                    " bytes or less",
                    target);
}

static int
choose_by_divergence(struct quantize *q, sov_allot *a, struct sov_err *err)
{
    int rc = sov_allot_within(a, quantize_options.max_kld,
                              quantize_options.min_speed, &q->sheet, err);

    if (rc != SOV_ENO)
        return rc;
    err->rc = SOV_EARG;
    return sov_err_wrap(err, "--max-kld");
}

static int
choose(struct quantize *q, sov_allot *a, struct sov_err *err)
{
    uint64_t rest = 0;
    int rc;

    if (quantize_options.max_kld > 0)
        return choose_by_divergence(q, a, err);
    rc = find_rest(q, a, &rest, err);
    if (rc == 0)
        rc = choose_within(q, a, rest, err);
    return rc == 0 ? sov_allot_try(a, q->sheet, err) : rc;
}

static double
wanted_bpw(const struct quantize *q)
{
    return 8 * (double)target_bytes(q) / (double)all_weights(q);
}

/* With a text: what goes through the matrices, before types are chosen. */
static int
read_once(struct quantize *q, sov_tok **tok, sov_stats **stats,
          struct sov_err *err)
{
    int rc = sov_tok_load(tok, sov_model_meta(q->model), err);

    sov_progress_begin("tokens");
    if (rc == 0)
        rc = sov_stats_collect(stats, q->model, &q->calib.opts, err);
    sov_progress_end();
    return rc < 0 ? sov_err_wrap(err, "%s", sov_name_in(q->source)) : 0;
}

int
quantize_allot(struct quantize *q, struct sov_err *err)
{
    struct sov_allot_opts o = {
        .rule = q->rule,
        .n_rules = quantize_options.tensor_types.n,
        .stats = q->stats,
        .effort = (int)quantize_options.effort,
        .align = quantize_alignment(q),
        .compat = q->compat,
        .bpw = wanted_bpw(q),
        .fed = q->calib.opts.ids != NULL,
        .speed = quantize_options.min_speed > 0,
        .progress = sov_progress_update,
    };
    sov_allot *a = NULL;
    sov_tok *tok = NULL;
    sov_stats *stats = NULL;
    int rc = 0;

    if (!quantize_allot_wanted())
        return 0;
    if (q->calib.opts.ids != NULL)
        rc = read_once(q, &tok, &stats, err);
    if (q->calib.opts.ids != NULL)
        o.stats = stats;
    o.tok = tok;
    o.ids = q->calib.opts.ids;
    o.n_ids = q->calib.opts.n_ids;
    sov_progress_begin("");
    if (rc == 0)
        rc = sov_allot_new(&a, q->model, &o, err);
    if (rc == 0)
        rc = choose(q, a, err);
    sov_progress_end();
    sov_allot_free(a);
    sov_stats_close(stats);
    sov_tok_free(tok);
    return rc;
}

/* ---- telling ---- */

const struct sov_sheet_row *
quantize_sheet_row(const struct quantize *q, const char *name)
{
    const struct sov_sheet *s = q->sheet;

    for (size_t i = 0; s != NULL && i < s->n; i++)
        if (strcmp(s->row[i].name, name) == 0)
            return &s->row[i];
    return NULL;
}

void
quantize_report_sheet(struct sov_report *r, const struct quantize *q)
{
    if (q->sheet == NULL)
        return;
    if (isfinite(q->sheet->kld))
        sov_report_real(r, "predicted_kld", "predicted divergence",
                        q->sheet->kld, 6, "nats");
    if (isfinite(q->sheet->speed))
        sov_report_real(r, "predicted_speed", "predicted speed",
                        q->sheet->speed, 1, "tokens/s");
}

/* ---- writing ---- */

int
quantize_plan_open(struct quantize *q, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    const char *path = quantize_options.plan_out;
    int rc;

    if (path == NULL)
        return 0;
    rc = sov_common.output != NULL && strcmp(path, sov_common.output) == 0
             ? sov_fail(err, SOV_EARG, "'%s' is the output", path)
             : sov_sink_open(&q->plan_sink, path, &opts, err);
    return rc < 0 ? sov_err_wrap(err, "--plan-out") : 0;
}

int
quantize_plan_write(struct quantize *q, struct sov_err *err)
{
    struct sov_sheet *made = NULL;
    struct sov_sheet *sheet = quantize_allot_wanted() ? q->sheet : NULL;
    int rc = 0;

    if (q->plan_sink == NULL)
        return 0;
    if (sheet == NULL)
        rc = sov_quant_sheet(q->job, &made, err);
    sheet = sheet != NULL ? sheet : made;
    if (rc == 0) {
        sheet->bytes = sov_plan_bytes(sov_quant_plan(q->job));
        sheet->bpw = 8 * (double)sheet->bytes / (double)all_weights(q);
        rc = sov_sheet_write(sheet, q->plan_sink, err);
    }
    if (rc == 0)
        rc = sov_sink_commit(&q->plan_sink, err);
    sov_sheet_free(made);
    return rc < 0 ? sov_err_wrap(err, "--plan-out") : 0;
}

void
quantize_allot_end(struct quantize *q)
{
    sov_sink_abort(q->plan_sink);
    sov_sheet_free(q->sheet);
}
