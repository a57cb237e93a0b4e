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
 *   pack_bits        of --pack, whose method is pack; that of --unpack unpack
 *   tensor_ratio     list, as it was given
 *   heal_steps, heal_lr   where what was left was trained; with that, on text,
 *   heal_text             if it is not that of calib
 *
 * internalParameters: determinism is bit-exact, and same-machine-class where it
 * was trained.
 */
#include "prune/prune.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 28

/* The parameters on their way into a deed. */
struct params {
    struct sov_param p[MAX_PARAMS];
    size_t n;
};

static void
add_text(struct params *to, const char *key, const char *text)
{
    if (text != NULL)
        to->p[to->n++] = (struct sov_param){
            .key = key,
            .kind = SOV_PARAM_STR,
            .str = text,
        };
}

static void
add_number(struct params *to, const char *key, uint64_t number)
{
    to->p[to->n++] = (struct sov_param){
        .key = key,
        .kind = SOV_PARAM_INT,
        .num = (int64_t)number,
    };
}

static void
add_flag(struct params *to, const char *key, bool is)
{
    if (is)
        to->p[to->n++] = (struct sov_param){
            .key = key,
            .kind = SOV_PARAM_BOOL,
            .num = 1,
        };
}

/* item has room for the whole list. */
static void
add_list(struct params *to, const char *key, const struct sov_opt_list *list,
         struct sov_param *item)
{
    if (list->n == 0)
        return;
    to->p[to->n++] = (struct sov_param){
        .key = key,
        .kind = SOV_PARAM_LIST,
        .item = item,
        .n = list->n,
    };
    for (size_t i = 0; i < list->n; i++)
        item[i] = (struct sov_param){
            .kind = SOV_PARAM_STR,
            .str = list->items[i],
        };
}

static const char *
file_name(const char *path)
{
    return path != NULL ? prune_base_name(path) : NULL;
}

static void
describe(const struct prune *p, struct params *to, struct sov_param *item,
         const char *ratio, const char *speedup, const char *output)
{
    const struct prune_options *o = &prune_options;

    add_text(to, "output", output);
    add_text(to, "method", p->method != NULL ? p->method : p->sheet->method);
    add_text(to, "ratio", o->ratio_given ? ratio : NULL);
    if (o->target_size != 0)
        add_number(to, "target_size", o->target_size);
    add_text(to, "speedup", o->speedup > 0 ? speedup : NULL);
    add_text(to, "pattern", o->pattern);
    add_text(to, "plan", file_name(o->plan));
    add_text(to, "stats", file_name(o->stats));
    add_text(to, "calib", file_name(o->calib));
    if (o->calib != NULL)
        add_number(to, "calib_tokens",
                   o->calib_tokens != 0 ? o->calib_tokens : SOV_CALIB_TOKENS);
    add_flag(to, "heal", o->heal);
    if (o->joint_bits != 0)
        add_number(to, "joint_bits", o->joint_bits);
    add_flag(to, "dsnot", o->dsnot);
    add_flag(to, "owl", o->owl);
    if (sov_common.align_given)
        add_number(to, "align", sov_common.align);
    if (strcmp(p->target.format->name, "gguf") != 0)
        add_text(to, "format", p->target.format->name);
    if (o->pack)
        add_number(to, "pack_bits", o->pack_bits != 0 ? o->pack_bits : 4);
    add_list(to, "tensor_ratio", &o->tensor_ratios, item);
}

static void
describe_heal(struct params *to, const char *rate)
{
    const struct prune_options *o = &prune_options;

    if (o->heal_steps == 0)
        return;
    add_number(to, "heal_steps", o->heal_steps);
    add_text(to, "heal_lr", o->heal_lr > 0 ? rate : NULL);
    add_text(to, "heal_text", file_name(o->heal_text));
}

static void
name_file(struct sov_resource *r, const char *path, const char *role,
          const struct sov_digest *is)
{
    r->name = prune_base_name(path);
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
    struct params params = { .n = 0 };
    struct sov_resource input[4] = { 0 };
    struct sov_param *item;
    struct sov_deed deed = {
        .name = "prune",
        .external = params.p,
        .internal = &internal,
        .n_internal = 1,
        .input = input,
    };
    char from[300], to[300], ratio[32], speedup[32], rate[32];
    int rc;

    if (p->lineage.key == NULL)
        return 0;
    item = calloc(prune_options.tensor_ratios.n + 1, sizeof(*item));
    if (item == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    sov_text_escape(from, sizeof(from), prune_base_name(p->source));
    sov_text_escape(to, sizeof(to),
                    strcmp(sov_common.output, "-") == 0
                        ? "standard output"
                        : prune_base_name(sov_common.output));
    sov_text_real(ratio, sizeof(ratio), prune_options.ratio);
    sov_text_real(speedup, sizeof(speedup), prune_options.speedup);
    add_text(&params, "input", from);
    describe(p, &params, item, ratio, speedup, to);
    sov_text_real(rate, sizeof(rate), prune_options.heal_lr);
    describe_heal(&params, rate);
    deed.n_external = params.n;
    deed.n_inputs = name_files(p, input);
    rc = sov_lineage_claim(&p->lineage, &deed, err);
    free(item);
    return rc;
}
