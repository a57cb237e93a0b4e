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
 *   align            where it was given
 *   stats            name of the importance matrix, if there is one
 *   calib            name of the text, if there is one
 *   calib_tokens     how many tokens of it at most
 *   lora             list of adapters, as they were given, without folders
 *   format           of the output, where it is not gguf
 *   tensor_type, set, unset        lists, as they were given
 *   split_max_size, split_max_tensors, merge
 *
 * Of urn:sov:buildtype:calibrate:v1, which is about statistics alone: input,
 * output, calib and calib_tokens.
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
    }
    if (q->only_stats)
        return;
    sov_params_text(to, "type", q->type);
    sov_params_text(to, "on_nonfinite", nonfinite[o->on_nonfinite]);
    sov_params_number(to, "effort", o->effort != 0 ? o->effort : 5);
    if (sov_common.align_given)
        sov_params_number(to, "align", sov_common.align);
    describe_choice(to);
    if (q->stats != NULL)
        sov_params_text(to, "stats", sov_name_base(sov_name_in(o->stats)));
    if (strcmp(q->target.format->name, "gguf") != 0)
        sov_params_text(to, "format", q->target.format->name);
    sov_params_options(to, "tensor_type", &o->tensor_types, NULL);
    sov_params_options(to, "lora", &o->lora, sov_name_base);
    sov_params_options(to, "set", &o->set, NULL);
    sov_params_options(to, "unset", &o->unset, NULL);
    if (o->split_max_size > 0)
        sov_params_number(to, "split_max_size", o->split_max_size);
    if (o->split_max_tensors > 0)
        sov_params_number(to, "split_max_tensors", o->split_max_tensors);
    sov_params_flag(to, "merge", o->merge);
}

static void
name_file(struct sov_resource *r, const char *path, const char *role,
          const struct sov_digest *is)
{
    r->name = sov_name_base(sov_name_in(path));
    r->role = role;
    r->digest = *is;
}

/* Files that --set took values from, the plan, the text, the importance matrix,
 * adapters. */
static size_t
name_files(const struct quantize *q, struct sov_resource *r)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_files; i++)
        name_file(&r[n++], q->file[i], "metadata", &q->file_is[i]);
    if (quantize_options.plan != NULL)
        name_file(&r[n++], quantize_options.plan, "plan", &q->plan_is);
    if (q->calib.opts.ids != NULL)
        name_file(&r[n++], quantize_options.calib, "calibration", &q->calib.is);
    if (q->stats != NULL)
        name_file(&r[n++], quantize_options.stats, "imatrix",
                  sov_stats_digest(q->stats));
    for (size_t i = 0; i < q->adapters.n; i++)
        name_file(&r[n++], q->adapters.item[i].path, "adapter",
                  sov_model_digest(q->adapters.item[i].model, 0));
    return n;
}

int
quantize_claim(struct quantize *q, struct sov_err *err)
{
    static const struct sov_param internal = {
        .key = "determinism",
        .kind = SOV_PARAM_STR,
        .str = "bit-exact",
    };
    const struct quantize_options *o = &quantize_options;
    struct sov_params params = { .n = 0 };
    struct sov_resource *input =
        calloc(q->n_files + q->adapters.n + 4, sizeof(*input));
    struct sov_resource beside = { 0 }; /* statistics that were made, too */
    struct sov_deed deed = {
        .name = q->only_stats ? "calibrate" : "quantize",
        .external = params.p,
        .internal = &internal,
        .n_internal = 1,
        .input = input,
    };
    char from[300], to[300];
    int rc;

    if (q->lineage.key == NULL) {
        rc = 0;
    } else if (input == NULL) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        sov_text_escape(from, sizeof(from),
                        sov_name_base(sov_name_in(q->source)));
        sov_text_escape(to, sizeof(to),
                        sov_name_base(sov_name_out(sov_common.output)));
        describe(q, &params, from, to);
        deed.n_external = params.n;
        deed.n_inputs = name_files(q, input);
        if (q->stats_is.has != 0) {
            name_file(&beside, o->stats_out, "imatrix", &q->stats_is);
            deed.beside = &beside;
        }
        rc = sov_params_ok(&params, err);
        if (rc == 0)
            rc = sov_lineage_claim(&q->lineage, &deed, err);
    }
    sov_params_free(&params);
    free(input);
    return rc;
}
