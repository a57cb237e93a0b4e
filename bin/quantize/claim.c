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
 *   align            where it was given
 *   stats            name of the importance matrix, if there is one
 *   format           of the output, where it is not gguf
 *   tensor_type, set, unset        lists, as they were given
 *   split_max_size, split_max_tensors, merge
 */
#include "quantize/quantize.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 16

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

static void
describe(const struct quantize *q, struct params *to, struct sov_param *item,
         const char *input, const char *output)
{
    static const char *const nonfinite[] = { "fail", "zero", "clamp" };
    const struct quantize_options *o = &quantize_options;

    add_text(to, "input", input);
    add_text(to, "output", output);
    add_text(to, "type", q->type);
    add_text(to, "on_nonfinite", nonfinite[o->on_nonfinite]);
    add_number(to, "effort", o->effort != 0 ? o->effort : 5);
    if (sov_common.align_given)
        add_number(to, "align", sov_common.align);
    if (q->stats != NULL)
        add_text(to, "stats", base_name(quantize_name(o->stats)));
    if (strcmp(q->target.format->name, "gguf") != 0)
        add_text(to, "format", q->target.format->name);
    item = add_list(to, "tensor_type", &o->tensor_types, item);
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

/* Files that --set took values from, and the importance matrix. */
static size_t
name_files(const struct quantize *q, struct sov_resource *r)
{
    for (size_t i = 0; i < q->n_files; i++) {
        r[i].name = base_name(quantize_name(q->file[i]));
        r[i].role = "metadata";
        r[i].digest = q->file_is[i];
    }
    if (q->stats == NULL)
        return q->n_files;
    r[q->n_files].name = base_name(quantize_name(quantize_options.stats));
    r[q->n_files].role = "imatrix";
    r[q->n_files].digest = *sov_stats_digest(q->stats);
    return q->n_files + 1;
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
    size_t n = o->tensor_types.n + o->set.n + o->unset.n;
    struct params params = { .n = 0 };
    struct sov_param *item = calloc(n + 1, sizeof(*item));
    struct sov_resource *input = calloc(q->n_files + 2, sizeof(*input));
    struct sov_deed deed = {
        .name = "quantize",
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
        rc = sov_lineage_claim(&q->lineage, &deed, err);
    }
    free(item);
    free(input);
    return rc;
}
