/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - what a claim says about a run of sov-quantize
 *
 * externalParameters of urn:sov:buildtype:quantize:v1, which together with the
 * input give the bytes of the output:
 *
 *   input, output    names without folders
 *   type             of -t, in lower case
 *   on_nonfinite, effort
 *   target_size, target_bpw, max_kld, min_speed, compat, plan
 *                    where they were given; plan is a name
 *   types            then: what was chosen, or read; a list of NAME=TYPE
 *   align            of the tensors in the file
 *   stats            name of the importance matrix, if there is one
 *   calib            name of the text, if there is one
 *   calib_tokens     how many tokens of it at most
 *   calib_window     in windows of so many
 *   lora             list of adapters, as they were given, without folders
 *   lora_scale       how much of each of them: decimal numbers, as text
 *   format           of the output, where it is not gguf
 *   tensor_type, set, unset        lists, as they were given
 *   split_max_size, split_max_tensors, merge
 *
 * Of urn:sov:buildtype:calibrate:v1, which is about statistics alone: input,
 * output, calib, calib_tokens and calib_window.
 *
 * internalParameters: determinism is bit-exact, arithmetic the number of
 * sov/quant.h (of statistics that of sov/calib.h), and stats_sha256 the digest
 * of what calib showed, as --stats-out writes it.
 */
#include "quantize/quantize.h"

#include "cli/names.h"
#include "cli/params.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How types were chosen. */
static void
describe_choice(struct sov_params *to)
{
    const struct quantize_options *o = &quantize_options;

    if (o->target_size > 0)
        sov_params_number(to, "target_size", o->target_size);
    if (o->target_bpw > 0)
        sov_params_real(to, "target_bpw", o->target_bpw);
    if (o->max_kld > 0)
        sov_params_real(to, "max_kld", o->max_kld);
    if (o->min_speed > 0)
        sov_params_real(to, "min_speed", o->min_speed);
    sov_params_text(to, "compat", o->compat);
    if (o->plan != NULL)
        sov_params_text(to, "plan", sov_name_base(sov_name_in(o->plan)));
}

/* What every matrix has become, where no name of a mix says it. */
static int
describe_types(const struct quantize *q, struct sov_params *to,
               struct sov_err *err)
{
    struct sov_sheet *sheet = NULL;
    char **text;
    int rc;

    if (q->sheet == NULL || q->job == NULL)
        return 0;
    rc = sov_quant_sheet(q->job, &sheet, err);
    if (rc < 0)
        return rc;
    text = calloc(sheet->n + 1, sizeof(*text));
    for (size_t i = 0; text != NULL && i < sheet->n; i++)
        if (asprintf(&text[i], "%s=%s", sheet->row[i].name,
                     sov_type_info((int)sheet->row[i].type)->name) < 0)
            text[i] = NULL;
    if (text != NULL)
        sov_params_copies(to, "types", text, sheet->n);
    else
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; text != NULL && i < sheet->n; i++)
        free(text[i]);
    free(text);
    sov_sheet_free(sheet);
    return rc;
}

/* The scales of adapters, as they were understood. */
static void
describe_scales(const struct quantize *q, struct sov_params *to)
{
    char number[SOV_LORAS_MAX][32];
    char *text[SOV_LORAS_MAX];

    for (size_t i = 0; i < q->adapters.n; i++) {
        sov_text_real(number[i], sizeof(number[i]), q->adapters.use[i].scale);
        text[i] = number[i];
    }
    sov_params_copies(to, "lora_scale", text, q->adapters.n);
}

static void
describe(const struct quantize *q, struct sov_params *to, const char *input,
         const char *output)
{
    static const char *const nonfinite[] = { "fail", "zero", "clamp" };
    const struct quantize_options *o = &quantize_options;

    sov_params_text(to, "input", input);
    sov_params_text(to, "output", output);
    if (q->calib.opts.ids != NULL) {
        sov_params_text(to, "calib", sov_name_base(sov_name_in(o->calib)));
        sov_params_number(to, "calib_tokens",
                          o->calib_tokens != 0 ? o->calib_tokens
                                               : SOV_CALIB_TOKENS);
        sov_params_number(to, "calib_window", q->calib.ctx);
    }
    if (q->only_stats)
        return;
    sov_params_text(to, "type", q->type);
    sov_params_text(to, "on_nonfinite", nonfinite[o->on_nonfinite]);
    sov_params_number(to, "effort", o->effort != 0 ? o->effort : 5);
    sov_params_number(to, "align", quantize_alignment(q));
    describe_choice(to);
    if (q->stats != NULL)
        sov_params_text(to, "stats", sov_name_base(sov_name_in(o->stats)));
    if (strcmp(q->target.format->name, "gguf") != 0)
        sov_params_text(to, "format", q->target.format->name);
    sov_params_options(to, "tensor_type", &o->tensor_types, NULL);
    sov_params_options(to, "lora", &o->lora, sov_name_base);
    describe_scales(q, to);
    sov_params_options(to, "set", &o->set, NULL);
    sov_params_options(to, "unset", &o->unset, NULL);
    if (o->split_max_size > 0)
        sov_params_number(to, "split_max_size", o->split_max_size);
    if (o->split_max_tensors > 0)
        sov_params_number(to, "split_max_tensors", o->split_max_tensors);
    sov_params_flag(to, "merge", o->merge);
}

/* Files that --set took values from, the plan, the text, the importance matrix,
 * adapters. */
static size_t
name_files(const struct quantize *q, struct sov_resource *r)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_files; i++)
        sov_deed_file(&r[n++], q->file[i], "metadata", &q->file_is[i]);
    if (quantize_options.plan != NULL)
        sov_deed_file(&r[n++], quantize_options.plan, "plan", &q->plan_is);
    if (q->calib.opts.ids != NULL)
        sov_deed_file(&r[n++], quantize_options.calib, "calibration",
                      &q->calib.is);
    if (q->stats != NULL)
        sov_deed_file(&r[n++], quantize_options.stats, "imatrix",
                      sov_stats_digest(q->stats));
    for (size_t i = 0; i < q->adapters.n; i++)
        sov_deed_file(&r[n++], q->adapters.item[i].path, "adapter",
                      sov_model_digest(q->adapters.item[i].model, 0));
    return n;
}

/* What the machine added. */
static int
describe_run(const struct quantize *q, struct sov_params *to, char hex[65],
             struct sov_err *err)
{
    const sov_stats *stats = q->job != NULL ? sov_quant_stats(q->job) : NULL;
    unsigned char sha[SOV_SHA256_LEN];
    int rc;

    sov_params_text(to, "determinism", "bit-exact");
    sov_params_number(to, "arithmetic",
                      q->only_stats ? SOV_CALIB_ARITHMETIC
                                    : SOV_QUANT_ARITHMETIC);
    if (stats == NULL)
        return 0;
    rc = sov_stats_sha256(stats, sha, err);
    for (size_t i = 0; i < SOV_SHA256_LEN && rc == 0; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha[i]);
    sov_params_text(to, "stats_sha256", rc == 0 ? hex : NULL);
    return rc;
}

/* Everything is at hand: say it. */
static int
say(struct quantize *q, struct sov_params *external,
    struct sov_params *internal, struct sov_resource *input,
    struct sov_err *err)
{
    struct sov_resource beside = { 0 }; /* statistics that were made, too */
    struct sov_deed deed = {
        .name = q->only_stats ? "calibrate" : "quantize",
        .external = external->p,
        .internal = internal->p,
        .input = input,
    };
    char from[300], to[300], hex[65];
    int rc = describe_run(q, internal, hex, err);

    sov_text_escape(from, sizeof(from), sov_name_base(sov_name_in(q->source)));
    sov_text_escape(to, sizeof(to),
                    sov_name_base(sov_name_out(sov_common.output)));
    describe(q, external, from, to);
    if (rc == 0)
        rc = describe_types(q, external, err);
    deed.n_external = external->n;
    deed.n_internal = internal->n;
    deed.n_inputs = name_files(q, input);
    if (q->stats_is.has != 0) {
        sov_deed_file(&beside, quantize_options.stats_out, "imatrix",
                      &q->stats_is);
        deed.beside = &beside;
    }
    if (rc == 0)
        rc = sov_params_ok(external, err);
    return rc == 0 ? sov_lineage_claim(&q->lineage, &deed, err) : rc;
}

int
quantize_claim(struct quantize *q, struct sov_err *err)
{
    struct sov_params external = { .n = 0 }, internal = { .n = 0 };
    struct sov_resource *input;
    int rc;

    if (q->lineage.key == NULL)
        return 0;
    input = calloc(q->n_files + q->adapters.n + 4, sizeof(*input));
    rc = input == NULL ? sov_fail(err, SOV_EMEM, "out of memory")
                       : say(q, &external, &internal, input, err);
    sov_params_free(&external);
    sov_params_free(&internal);
    free(input);
    return rc;
}
