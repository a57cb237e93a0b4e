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

/* item has room for the whole list. */
static struct sov_param *
add_list(struct params *to, const char *key, const struct sov_opt_list *list,
         struct sov_param *item)
{
    if (list->n == 0)
        return item;
    to->p[to->n++] = (struct sov_param){
        .key = key,
        .kind = SOV_PARAM_LIST,
        .item = item,
        .n = list->n,
    };
    for (size_t i = 0; i < list->n; i++)
        *item++ = (struct sov_param){
            .kind = SOV_PARAM_STR,
            .str = list->items[i],
        };
    return item;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* A number as it was understood. */
static void
add_real(struct params *to, const char *key, double number, char text[32])
{
    if (number <= 0)
        return;
    snprintf(text, 32, "%.9g", number);
    add_text(to, key, text);
}

/* How types were chosen. */
static void
describe_choice(struct params *to)
{
    static char text[3][32]; /* until the claim is made */
    const struct quantize_options *o = &quantize_options;

    if (o->target_size > 0)
        add_number(to, "target_size", o->target_size);
    add_real(to, "target_bpw", o->target_bpw, text[0]);
    add_real(to, "max_kld", o->max_kld, text[1]);
    add_real(to, "min_speed", o->min_speed, text[2]);
    if (o->compat != NULL)
        add_text(to, "compat", o->compat);
    if (o->plan != NULL)
        add_text(to, "plan", base_name(quantize_name(o->plan)));
}

static void
describe(const struct quantize *q, struct params *to, struct sov_param *item,
         const char *input, const char *output)
{
    static const char *const nonfinite[] = { "fail", "zero", "clamp" };
    const struct quantize_options *o = &quantize_options;

    add_text(to, "input", input);
    add_text(to, "output", output);
    if (q->calib.opts.ids != NULL) {
        add_text(to, "calib", base_name(quantize_name(o->calib)));
        add_number(to, "calib_tokens",
                   o->calib_tokens != 0 ? o->calib_tokens : SOV_CALIB_TOKENS);
    }
    if (q->only_stats)
        return;
    add_text(to, "type", q->type);
    add_text(to, "on_nonfinite", nonfinite[o->on_nonfinite]);
    add_number(to, "effort", o->effort != 0 ? o->effort : 5);
    if (sov_common.align_given)
        add_number(to, "align", sov_common.align);
    describe_choice(to);
    if (q->stats != NULL)
        add_text(to, "stats", base_name(quantize_name(o->stats)));
    if (strcmp(q->target.format->name, "gguf") != 0)
        add_text(to, "format", q->target.format->name);
    item = add_list(to, "tensor_type", &o->tensor_types, item);
    item = add_list(to, "lora", &o->lora, item);
    for (size_t i = 1; i <= o->lora.n; i++)
        item[-(ptrdiff_t)i].str = base_name(item[-(ptrdiff_t)i].str);
    item = add_list(to, "set", &o->set, item);
    add_list(to, "unset", &o->unset, item);
    if (o->split_max_size > 0)
        add_number(to, "split_max_size", o->split_max_size);
    if (o->split_max_tensors > 0)
        add_number(to, "split_max_tensors", o->split_max_tensors);
    if (o->merge)
        to->p[to->n++] = (struct sov_param){
            .key = "merge",
            .kind = SOV_PARAM_BOOL,
            .num = 1,
        };
}

static void
name_file(struct sov_resource *r, const char *path, const char *role,
          const struct sov_digest *is)
{
    r->name = base_name(quantize_name(path));
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
        name_file(&r[n++], quantize_options.calib, "calibration",
                  &q->calib.is);
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
    size_t n = o->tensor_types.n + o->lora.n + o->set.n + o->unset.n;
    struct params params = { .n = 0 };
    struct sov_param *item = calloc(n + 1, sizeof(*item));
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
    } else if (item == NULL || input == NULL) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        sov_text_escape(from, sizeof(from),
                        base_name(quantize_name(q->source)));
        sov_text_escape(to, sizeof(to),
                        strcmp(sov_common.output, "-") == 0
                            ? "standard output"
                            : base_name(sov_common.output));
        describe(q, &params, item, from, to);
        deed.n_external = params.n;
        deed.n_inputs = name_files(q, input);
        if (q->stats_is.has != 0) {
            name_file(&beside, o->stats_out, "imatrix", &q->stats_is);
            deed.beside = &beside;
        }
        rc = sov_lineage_claim(&q->lineage, &deed, err);
    }
    free(item);
    free(input);
    return rc;
}
