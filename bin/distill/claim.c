/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - what a claim says about a run of sov-distill
 *
 * externalParameters of urn:sov:buildtype:distill:v1, which together with the
 * inputs give the bytes of the output:
 *
 *   output, texts            names without folders; texts is a list
 *   student or arch, tokenizer, teacher    models by name
 *   loss, alpha, temp, optimizer, lr, clip, schedule, warmup, dtype, ctx,
 *   batch, accumulate, steps, seed, type
 *   train_lora               as it was given
 *   keep_mask, best          true, where they were asked for
 *   hidden, on_policy        as they were given
 *   cache                    name of what a teacher said, where it tells
 *   eval                     name of the text, where there is one
 *   twins, filter, rules, documents        how texts were sieved, and cut
 *   local_steps, outer_lr, outer_momentum, processes   of those that were apart
 *
 * and with --merge, in place of texts and how they were learnt from,
 *
 *   deltas                   names of the files that were merged, a list
 *   outer_lr                 of the step by their mean
 *
 * which are inputs by their digests (role "delta").
 *
 * sov_compute has the operations of all steps, and what energy they took, where
 * that is known of all of them.
 *
 * internalParameters: determinism; of --merge, which is bit-exact, arithmetic,
 * the number of sov/distill.h; else parameters, step_tokens, tokens, and the
 * digest of what was learnt from (texts_sha256: every document with its length
 * before it, after sieving), eval_sha256 likewise.  Numbers that are no whole
 * ones are strings.
 */
#include "distill/distill.h"

#include "cli/names.h"
#include "cli/params.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL stays NULL. */
static const char *
base_of(const char *path)
{
    return path != NULL ? sov_name_base(sov_name_in(path)) : NULL;
}

/* What there is with and without training. */
static void
describe_ends(const struct distill *q, struct sov_params *to)
{
    const struct distill_options *o = &distill_options;

    sov_params_text(to, "output",
                    sov_name_base(sov_name_out(sov_common.output)));
    sov_params_list(to, o->merge ? "deltas" : "texts", q->text, q->n_texts,
                    base_of);
    sov_params_text(to, "student", base_of(o->student));
    sov_params_text(to, "arch", o->arch);
    sov_params_text(to, "tokenizer", base_of(o->tokenizer));
    sov_params_number(to, "seed", o->seed);
    sov_params_text(to, "train_lora", o->lora);
    sov_params_text(to, "type", o->type);
}

static void
describe_apart(struct sov_params *to, const struct sov_distill_facts *f)
{
    const struct distill_options *o = &distill_options;

    if (o->local_steps == 0)
        return;
    sov_params_number(to, "local_steps", o->local_steps);
    sov_params_number(to, "processes", (uint64_t)f->processes);
    sov_params_real(to, "outer_lr", o->outer_lr > 0 ? o->outer_lr : 0.7);
    sov_params_real(to, "outer_momentum", o->outer_momentum);
}

static void
describe(const struct distill *q, struct sov_params *to)
{
    static const char *const forms[] = { NULL, "text", "jsonl", "lines",
                                         "blank" };
    static const char *const twins[] = { NULL, "exact", "near" };
    const struct distill_options *o = &distill_options;
    const struct sov_distill_facts *f = &q->facts;

    describe_ends(q, to);
    if (o->merge) {
        sov_params_real(to, "outer_lr", o->outer_lr > 0 ? o->outer_lr : 1);
        return;
    }
    sov_params_text(to, "teacher", base_of(o->teacher));
    sov_params_text(to, "cache", base_of(o->cache));
    sov_params_text(to, "eval", base_of(o->eval));
    sov_params_text(to, "loss", f->loss);
    sov_params_real(to, "alpha", o->alpha);
    sov_params_real(to, "temp", o->temp);
    sov_params_text(to, "hidden", o->hidden);
    if (o->on_policy > 0)
        sov_params_real(to, "on_policy", o->on_policy);
    sov_params_text(to, "optimizer", f->optimizer);
    sov_params_real(to, "lr", f->lr);
    sov_params_real(to, "clip", o->clip);
    sov_params_text(to, "schedule", f->schedule);
    sov_params_number(to, "warmup", f->warmup);
    sov_params_text(to, "dtype", o->dtype == SOV_TRAIN_BF16 ? "bf16" : "f32");
    sov_params_number(to, "ctx", f->ctx);
    sov_params_number(to, "batch", o->batch);
    sov_params_number(to, "accumulate", o->accumulate);
    sov_params_number(to, "steps", f->steps);
    sov_params_flag(to, "keep_mask", o->keep_mask);
    sov_params_flag(to, "best", o->best);
    sov_params_flag(to, "filter", o->filter);
    sov_params_text(to, "rules", o->rules);
    sov_params_text(to, "twins", twins[o->twins]);
    sov_params_text(to, "documents", forms[o->form]);
    describe_apart(to, f);
}

/* ---- what went in ---- */

int
distill_hash_texts(struct distill *q, struct sov_err *err)
{
    int rc = 0;

    if (q->lineage.key == NULL)
        return 0;
    if (distill_options.cache != NULL)
        rc = sov_hash_path(distill_options.cache, SOV_HASH_SHA256, &q->cache_is,
                           err);
    q->text_is = calloc(q->n_texts + 1, sizeof(*q->text_is));
    if (q->text_is == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < q->n_texts && rc == 0; i++)
        if (sov_fileset_is_regular(q->text[i]))
            rc =
                sov_hash_path(q->text[i], SOV_HASH_SHA256, &q->text_is[i], err);
    return rc;
}

/* Texts that are files, and the models beside the first. */
static size_t
name_inputs(const struct distill *q, struct sov_resource *r)
{
    static const char *const roles[] = { "parent", "teacher", "tokenizer" };
    size_t n = 0;

    for (size_t i = 0; i < q->n_texts; i++)
        if (q->text_is[i].has != 0)
            r[n++] = (struct sov_resource){
                .name = base_of(q->text[i]),
                .role = distill_options.merge ? "delta" : "dataset",
                .digest = q->text_is[i],
                .has_size = true,
            };
    if (q->cache_is.has != 0)
        r[n++] = (struct sov_resource){
            .name = base_of(distill_options.cache),
            .role = "teacher",
            .digest = q->cache_is,
            .has_size = true,
        };
    for (int i = q->first + 1; i < DISTILL_MODELS; i++) {
        const struct sov_digest *d;

        for (size_t k = 0; q->model[i] != NULL && n < q->n_texts + 64 &&
                           (d = sov_model_digest(q->model[i], k)) != NULL;
             k++)
            r[n++] = (struct sov_resource){
                .name = base_of(distill_path(i)),
                .role = roles[i],
                .digest = *d,
                .has_size = true,
            };
    }
    return n;
}

static void
put_hex(char text[2 * SOV_SHA256_LEN + 1], const unsigned char *digest)
{
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* What the machine added. */
static void
describe_run(const struct distill *q, struct sov_params *to, char hex[2][65])
{
    const struct sov_distill_facts *f = &q->facts;
    const unsigned char *eval;

    if (distill_options.merge) {
        sov_params_text(to, "determinism", "bit-exact");
        sov_params_number(to, "arithmetic", SOV_MERGE_ARITHMETIC);
        return;
    }
    sov_params_text(to, "determinism", "same-machine-class");
    sov_params_number(to, "parameters", f->parameters);
    sov_params_number(to, "step_tokens", f->step_tokens);
    sov_params_number(to, "tokens", f->steps * f->step_tokens);
    put_hex(hex[0], sov_distill_texts_digest(q->run));
    sov_params_text(to, "texts_sha256", hex[0]);
    eval = sov_distill_eval_digest(q->run);
    if (eval != NULL) {
        put_hex(hex[1], eval);
        sov_params_text(to, "eval_sha256", hex[1]);
    }
}

/* Energy is known of one process that has done all of it. */
static void
describe_effort(struct distill *q, struct sov_deed *deed)
{
    const struct sov_distill_facts *f = &q->facts;

    if (distill_options.merge)
        return;
    deed->extra =
        sov_effort_say(&q->effort, f->work, f->done == 0 && f->processes == 1);
    deed->n_extra = 1;
}

int
distill_claim(struct distill *q, struct sov_err *err)
{
    struct sov_params external = { .n = 0 }, internal = { .n = 0 };
    struct sov_resource *input;
    struct sov_deed deed = { .name = "distill" };
    char hex[2][65];
    int rc;

    if (q->lineage.key == NULL)
        return 0;
    input = calloc(q->n_texts + 65, sizeof(*input));
    if (input == NULL) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        describe(q, &external);
        describe_run(q, &internal, hex);
        deed.external = external.p;
        deed.n_external = external.n;
        deed.internal = internal.p;
        deed.n_internal = internal.n;
        deed.input = input;
        deed.n_inputs = name_inputs(q, input);
        describe_effort(q, &deed);
        rc = sov_params_ok(&external, err);
        if (rc == 0)
            rc = sov_params_ok(&internal, err);
        if (rc == 0)
            rc = sov_lineage_claim(&q->lineage, &deed, err);
    }
    sov_params_free(&external);
    sov_params_free(&internal);
    free(input);
    return rc;
}
