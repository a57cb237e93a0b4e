/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what can be known to be wrong before anything is opened
 */
#include "distill/distill.h"

#include "cli/tool.h"

#include <string.h>
#include <unistd.h>

enum sov_type
distill_lora_type(void)
{
    const struct sov_type_info *info = sov_type_by_name(distill_options.type);

    return info != NULL ? info->type : SOV_TYPE_NONE;
}

static int
check_stdin(const struct distill *q, struct sov_err *err)
{
    const char *names[DISTILL_MODELS + 1] = { distill_options.student,
                                              distill_options.teacher,
                                              distill_options.tokenizer,
                                              distill_options.eval };
    int uses = 0;

    for (size_t i = 0; i < q->n_texts; i++) {
        if (q->text[i][0] == '\0')
            return sov_fail(err, SOV_EARG, "the name of a text is empty");
        uses += strcmp(q->text[i], "-") == 0;
    }
    for (size_t i = 0; i < DISTILL_MODELS + 1; i++)
        uses += names[i] != NULL && strcmp(names[i], "-") == 0;
    if (uses > 1)
        return sov_fail(err, SOV_EARG, "standard input can be read only once");
    if (uses == 1 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG, "standard input is a terminal");
    return 0;
}

/* What is written twice would be lost once. */
static int
check_outputs(struct sov_err *err)
{
    const struct {
        const char *option, *path;
    } out[] = {
        { "--output", sov_common.output },
        { "--log", distill_options.log },
        { "--plot", distill_options.plot },
        { "--sieved", distill_options.sieved },
        { "--depfile", sov_common.depfile },
        { "--claims-out", sov_lineage_options.claims_out },
        { "--checkpoint", distill_options.checkpoint },
        { "--delta-out", distill_options.delta_out },
    };
    const size_t n = sizeof(out) / sizeof(out[0]);

    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (out[i].path != NULL && out[k].path != NULL &&
                sov_tool_same_file(out[i].path, out[k].path))
                return sov_fail(err, SOV_EARG,
                                "%s and %s are both '%s': name another one",
                                out[k].option, out[i].option, out[i].path);
    if (distill_options.log != NULL && strcmp(distill_options.log, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--log: it is a file; standard output will not do");
    return 0;
}

/* What a teacher does alone: who, of what, and where to. */
static int
check_alone(struct sov_err *err)
{
    const struct distill_options *o = &distill_options;
    const char *what = o->cache_out != NULL ? "--cache-out" : "--generate";

    if (o->teacher == NULL)
        return sov_fail(err, SOV_EARG,
                        "%s: by whom? --teacher MODEL is missing", what);
    if (o->student != NULL || o->arch != NULL || o->checkpoint != NULL ||
        o->delta_out != NULL || o->merge ||
        sov_lineage_options.sign_key != NULL ||
        (o->cache_out != NULL && (sov_common.output != NULL || o->generate)))
        return sov_fail(err, SOV_EARG,
                        "%s is all that is done; train with what comes out",
                        what);
    if (o->cache_out != NULL)
        sov_common.output = o->cache_out;
    return 0;
}

/* Of what training takes, a merge has the beginning and the end. */
static int
check_merge(struct sov_err *err)
{
    const struct distill_options *o = &distill_options;

    if (o->teacher != NULL || o->cache != NULL || o->eval != NULL ||
        o->checkpoint != NULL || o->delta_out != NULL || o->log != NULL ||
        o->plot != NULL || o->sieved != NULL || o->local_steps > 0)
        return sov_fail(err, SOV_EARG,
                        "--merge adds up what was learnt, and learns nothing");
    if (o->outer_momentum_given && o->outer_momentum > 0)
        return sov_fail(err, SOV_EARG,
                        "--merge: between files no --outer-momentum is kept");
    return 0;
}

/* What has moved is written: whose, and is it hidden? */
static int
check_delta(struct sov_err *err)
{
    const struct distill_options *o = &distill_options;

    if (o->delta_out == NULL &&
        (o->worker_given || o->mask != NULL || o->silo.n > 0))
        return sov_fail(err, SOV_EARG,
                        "--worker, --mask and --silo are for --delta-out");
    if (o->delta_out == NULL || sov_common.output != NULL)
        return 0;
    if (sov_lineage_options.sign_key != NULL || sov_common.depfile != NULL)
        return sov_fail(err, SOV_EARG, "%s is for OUT, and there is no -o OUT",
                        sov_common.depfile != NULL ? "--depfile"
                                                   : "--sign-key");
    return 0;
}

bool
distill_alone(void)
{
    return distill_options.cache_out != NULL || distill_options.generate > 0;
}

int
distill_check(const struct distill *q, struct sov_err *err)
{
    const struct distill_options *o = &distill_options;
    int rc = distill_alone() ? check_alone(err) : 0;

    if (rc < 0)
        return rc;
    if (q->n_texts == 0 && o->generate == 0)
        return sov_fail(err, SOV_EARG, "operand missing: %s...",
                        o->merge ? "DELTA" : "TEXT");
    if (o->merge)
        rc = check_merge(err);
    if (rc < 0)
        return rc;
    rc = sov_tool_check_streams(o->delta_out != NULL, err);
    if (rc < 0)
        return rc;
    if (o->steps > 0 && o->tokens > 0)
        return sov_fail(err, SOV_EARG, "--steps and --tokens: give one");
    if (o->student != NULL && o->tokenizer != NULL)
        return sov_fail(err, SOV_EARG,
                        "--student has its own tokens; --tokenizer is for "
                        "--arch");
    if (o->lora != NULL && distill_lora_type() != SOV_TYPE_F32 &&
        distill_lora_type() != SOV_TYPE_F16 &&
        distill_lora_type() != SOV_TYPE_BF16)
        return sov_fail(err, SOV_EARG, "-t %s: an adapter is f32, f16 or bf16",
                        o->type);
    rc = check_delta(err);
    if (rc == 0)
        rc = check_stdin(q, err);
    if (rc == 0)
        rc = check_outputs(err);
    return rc == 0 ? sov_tool_check_output(err) : rc;
}
