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
 *   pattern          as it was given, or chosen for a size
 *   tensor_bytes     of either: how many bytes of tensors that lets stay
 *   plan, stats, calib   names, where there are such files
 *   takes            of a plan: what it says, a list of NAME=WHAT
 *   calib_tokens     how many tokens of the text at most
 *   calib_window     in windows of so many
 *   heal, dsnot, owl  true, where they were given
 *   joint_bits       where it was given
 *   align            of the tensors in the file
 *   format           of the output, where it is not gguf
 *   pack_bits        of --pack, whose method is pack where it is alone; that
 *                    of --unpack unpack
 *   tensor_ratio     list, as it was given
 *   heal_steps, heal_lr   where what was left was trained; with that, on text,
 *   heal_text             if it is not that of calib
 *
 * internalParameters: determinism is bit-exact, and same-machine-class where it
 * was trained; arithmetic is the number of sov/prune.h.  sov_compute is there
 * where it was trained, as sov-distill has it.
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/params.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a plan says of a matrix: "0.5", "2:4", "16x@0.5"; NULL: no memory. */
static char *
one_share(const struct sov_prune_sheet_row *row)
{
    char pattern[SOV_PRUNE_PATTERN_MAX], ratio[32];
    char *text;
    int n;

    sov_prune_pattern_text(&row->pattern, pattern);
    sov_text_real(ratio, sizeof(ratio), row->ratio);
    if (row->pattern.of != 0)
        n = asprintf(&text, "%s=%s", row->name, pattern);
    else if (row->pattern.rows > 1)
        n = asprintf(&text, "%s=%s@%s", row->name, pattern, ratio);
    else
        n = asprintf(&text, "%s=%s", row->name, ratio);
    return n < 0 ? NULL : text;
}

/* Of all of them. */
static int
describe_plan(const struct prune *p, struct sov_params *to, struct sov_err *err)
{
    size_t n = p->sheet != NULL ? p->sheet->n : 0;
    char **text = calloc(n + 1, sizeof(*text));

    if (text == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        text[i] = one_share(&p->sheet->row[i]);
    sov_params_copies(to, "takes", text, n);
    for (size_t i = 0; i < n; i++)
        free(text[i]);
    free(text);
    return 0;
}

static void
describe_align(const struct prune *p, struct sov_params *to)
{
    struct sov_layout layout = { 0 };

    prune_layout(p, &layout);
    sov_params_number(to, "align", layout.align);
}

/* As it was given, or what a size led to where what was pruned is packed. */
static const char *
pattern_of(const struct prune *p, char *text)
{
    const char *given = prune_options.pattern;

    if (given != NULL || !p->packs || p->pattern.of == 0)
        return given;
    sov_prune_pattern_text(&p->pattern, text);
    return text;
}

static void
describe(const struct prune *p, struct sov_params *to, const char *output,
         const char *pattern)
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
    if (sov_prune_tensor_target(p->job) != 0)
        sov_params_number(to, "tensor_bytes", sov_prune_tensor_target(p->job));
    sov_params_text(to, "pattern", pattern);
    sov_params_text(to, "plan", sov_name_base(o->plan));
    sov_params_text(to, "stats", sov_name_base(o->stats));
    sov_params_text(to, "calib", sov_name_base(o->calib));
    if (o->calib != NULL) {
        sov_params_number(to, "calib_tokens",
                          o->calib_tokens != 0 ? o->calib_tokens
                                               : SOV_CALIB_TOKENS);
        sov_params_number(to, "calib_window", p->calib.ctx);
    }
    sov_params_flag(to, "heal", o->heal);
    if (o->joint_bits != 0)
        sov_params_number(to, "joint_bits", o->joint_bits);
    sov_params_flag(to, "dsnot", o->dsnot);
    sov_params_flag(to, "owl", o->owl);
    describe_align(p, to);
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

/* What was read beside the model. */
static size_t
name_files(const struct prune *p, struct sov_resource *r)
{
    const struct prune_options *o = &prune_options;
    size_t n = 0;

    if (o->plan != NULL)
        sov_deed_file(&r[n++], o->plan, "plan", &p->plan_is);
    if (o->calib != NULL)
        sov_deed_file(&r[n++], o->calib, "calibration", &p->calib.is);
    if (o->stats != NULL)
        sov_deed_file(&r[n++], o->stats, "imatrix", sov_stats_digest(p->stats));
    if (o->heal_text != NULL)
        sov_deed_file(&r[n++], o->heal_text, "dataset", &p->heal_is);
    return n;
}

/* Everything is at hand: say it. */
static int
say(struct prune *p, struct sov_params *external, struct sov_params *internal,
    struct sov_err *err)
{
    struct sov_resource input[4] = { 0 };
    struct sov_deed deed = {
        .name = "prune",
        .external = external->p,
        .internal = internal->p,
        .input = input,
    };
    char from[300], to[300], pattern[SOV_PRUNE_PATTERN_MAX];
    int rc;

    sov_text_escape(from, sizeof(from), sov_name_base(sov_name_in(p->source)));
    sov_text_escape(to, sizeof(to),
                    sov_name_base(sov_name_out(sov_common.output)));
    sov_params_text(external, "input", from);
    describe(p, external, to, pattern_of(p, pattern));
    describe_heal(external);
    rc = describe_plan(p, external, err);
    sov_params_text(internal, "determinism",
                    p->healing != NULL ? "same-machine-class" : "bit-exact");
    sov_params_number(internal, "arithmetic", SOV_PRUNE_ARITHMETIC);
    deed.n_external = external->n;
    deed.n_internal = internal->n;
    deed.n_inputs = name_files(p, input);
    prune_heal_effort(p, &deed);
    if (rc == 0)
        rc = sov_params_ok(external, err);
    return rc == 0 ? sov_lineage_claim(&p->lineage, &deed, err) : rc;
}

int
prune_claim(struct prune *p, struct sov_err *err)
{
    struct sov_params external = { .n = 0 }, internal = { .n = 0 };
    int rc;

    if (p->lineage.key == NULL)
        return 0;
    rc = say(p, &external, &internal, err);
    sov_params_free(&external);
    sov_params_free(&internal);
    return rc;
}
