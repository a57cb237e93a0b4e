/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - texts that a teacher makes, out of prompts that are documents
 */
#include "distill/make.h"
#include "distill/run.h"
#include "run/saved.h"

#include <stdio.h>
#include <string.h>

static bool
is_stopped(void *arg)
{
    const struct sov_distill_opts *o = arg;

    return o->stop != NULL && *o->stop != 0;
}

/* "sha256:..." of what the teacher computes with. */
static int
name_teacher(const sov_model *model, char name[80], struct sov_err *err)
{
    unsigned char digest[SOV_SHA256_LEN];
    int rc = sov_identity_model(model, digest, err);

    strcpy(name, "sha256:");
    for (size_t i = 0; i < sizeof(digest) && rc == 0; i++)
        snprintf(name + 7 + 2 * i, 3, "%02x", digest[i]);
    return rc;
}

int
sov_distill_generate(const struct sov_distill_opts *o,
                     struct sov_distill_making *m, struct sov_err *err)
{
    sov_tok *tok = NULL;
    sov_tokens *prompts = NULL;
    struct sov_make_counts counts = { 0 };
    char name[80];
    int rc = sov_tok_load(&tok, sov_model_meta(o->teacher), err);

    if (rc == 0)
        rc = name_teacher(o->teacher, name, err);
    if (rc < 0)
        sov_err_wrap(err, "--teacher");
    if (rc == 0 && o->n_texts > 0)
        rc = sov_distill_texts(o, tok, &prompts, NULL, err);
    if (rc == 0) {
        struct sov_make_opts make = {
            .teacher = o->teacher,
            .tok = tok,
            .digest = name,
            .prompts = prompts,
            .first = m->first,
            .n = m->n,
            .n_tokens = m->n_tokens,
            .seed = o->seed,
            .session = { .n_ctx = (uint32_t)o->ctx,
                         .max_memory = o->max_memory },
            .put = m->put,
            .put_arg = m->arg,
            .stop = is_stopped,
            .stop_arg = (void *)(uintptr_t)o,
            .progress = o->progress,
            .progress_arg = o->progress_arg,
        };

        sov_sampler_defaults(&make.sampler);
        make.sampler.temp = (float)o->temp;
        make.sampler.top_p = 1; /* all that it expects, and as it does */
        make.sampler.min_p = 0;
        rc = sov_make(&make, &counts, err);
    }
    m->tokens = counts.tokens;
    sov_tokens_free(prompts);
    sov_tok_free(tok);
    return rc == SOV_ENO ? 1 : rc;
}
