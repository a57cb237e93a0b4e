/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - what a claim says about a run of sov-prune
 *
 * externalParameters of urn:sov:buildtype:prune:v1, which together with the
 * input give the bytes of the output:
 *
 *   input, output    names without folders
 *   method           as it was named, or chosen
 *   ratio            a decimal number that gives the same double, as text
 *   target_size      in bytes, where it was given
 *   speedup          as ratio is
 *   pattern          as it was given
 *   plan, stats, calib   names, where there are such files
 *   calib_tokens     how many tokens of the text at most
 *   heal, dsnot, owl  true, where they were given
 *   joint_bits       where it was given
 *   align            where it was given
 *   format           of the output, where it is not gguf
 *   pack_bits        of --pack, whose method is pack where it is alone; that
 *                    of --unpack unpack
 *   tensor_ratio     list, as it was given
 *   heal_steps, heal_lr   where what was left was trained; with that, on text,
 *   heal_text             if it is not that of calib
 *
 * internalParameters: determinism is bit-exact, and same-machine-class where it
 * was trained.
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/params.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
describe(const struct prune *p, struct sov_params *to, const char *output)
{
    const struct prune_options *o = &prune_options;

    sov_params_text(to, "output", output);
    sov_params_text(to, "method",
                    p->method != NULL ? p->method : p->sheet->method);
    if (o->ratio_given)
        sov_params_real(to, "ratio", o->ratio);
    if (o->target_size != 0)
        sov_params_number(to, "target_size", o->target_size);
    if (o->speedup > 0)
        sov_params_real(to, "speedup", o->speedup);
    sov_params_text(to, "pattern", o->pattern);
    sov_params_text(to, "plan", sov_name_base(o->plan));
    sov_params_text(to, "stats", sov_name_base(o->stats));
    sov_params_text(to, "calib", sov_name_base(o->calib));
    if (o->calib != NULL)
        sov_params_number(to, "calib_tokens",
                          o->calib_tokens != 0 ? o->calib_tokens
                                               : SOV_CALIB_TOKENS);
    sov_params_flag(to, "heal", o->heal);
    if (o->joint_bits != 0)
        sov_params_number(to, "joint_bits", o->joint_bits);
    sov_params_flag(to, "dsnot", o->dsnot);
    sov_params_flag(to, "owl", o->owl);
    if (sov_common.align_given)
        sov_params_number(to, "align", sov_common.align);
    if (strcmp(p->target.format->name, "gguf") != 0)
        sov_params_text(to, "format", p->target.format->name);
    if (o->pack)
        sov_params_number(to, "pack_bits", prune_pack_bits());
    sov_params_options(to, "tensor_ratio", &o->tensor_ratios, NULL);
}

static void
describe_heal(struct sov_params *to)
{
    const struct prune_options *o = &prune_options;

    if (o->heal_steps == 0)
        return;
    sov_params_number(to, "heal_steps", o->heal_steps);
    if (o->heal_lr > 0)
        sov_params_real(to, "heal_lr", o->heal_lr);
    sov_params_text(to, "heal_text", sov_name_base(o->heal_text));
}

static void
name_file(struct sov_resource *r, const char *path, const char *role,
          const struct sov_digest *is)
{
    r->name = sov_name_base(sov_name_in(path));
    r->role = role;
    r->digest = *is;
}

/* What was read beside the model. */
static size_t
name_files(const struct prune *p, struct sov_resource *r)
{
    const struct prune_options *o = &prune_options;
    size_t n = 0;

    if (o->plan != NULL)
        name_file(&r[n++], o->plan, "plan", &p->plan_is);
    if (o->calib != NULL)
        name_file(&r[n++], o->calib, "calibration", &p->calib.is);
    if (o->stats != NULL)
        name_file(&r[n++], o->stats, "imatrix", sov_stats_digest(p->stats));
    if (o->heal_text != NULL)
        name_file(&r[n++], o->heal_text, "dataset", &p->heal_is);
    return n;
}

int
prune_claim(struct prune *p, struct sov_err *err)
{
    const struct sov_param internal = {
        .key = "determinism",
        .kind = SOV_PARAM_STR,
        .str = p->healing != NULL ? "same-machine-class" : "bit-exact",
    };
    struct sov_params params = { .n = 0 };
    struct sov_resource input[4] = { 0 };
    struct sov_deed deed = {
        .name = "prune",
        .external = params.p,
        .internal = &internal,
        .n_internal = 1,
        .input = input,
    };
    char from[300], to[300];
    int rc;

    if (p->lineage.key == NULL)
        return 0;
    sov_text_escape(from, sizeof(from), sov_name_base(sov_name_in(p->source)));
    sov_text_escape(to, sizeof(to),
                    sov_name_base(sov_name_out(sov_common.output)));
    sov_params_text(&params, "input", from);
    describe(p, &params, to);
    describe_heal(&params);
    deed.n_external = params.n;
    deed.n_inputs = name_files(p, input);
    rc = sov_params_ok(&params, err);
    if (rc == 0)
        rc = sov_lineage_claim(&p->lineage, &deed, err);
    sov_params_free(&params);
    return rc;
}
