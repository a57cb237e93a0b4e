/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models.c - the models that are read: student, teacher, tokenizer
 *
 * The first of them that there is carries the history on: what comes out is
 * made from it.  The others lie beside it, and are held to the same policy.
 */
#include "distill/distill.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

const char *
distill_path(int which)
{
    const struct distill_options *o = &distill_options;

    return which == DISTILL_STUDENT   ? o->student
           : which == DISTILL_TEACHER ? o->teacher
                                      : o->tokenizer;
}

static int
open_first(struct distill *q, struct sov_err *err)
{
    static const char *const roles[] = { "parent", "teacher", "tokenizer" };
    const char *path = distill_path(q->first);
    struct sov_model_opts opt = {
        .access = SOV_ACCESS_MAP,
        .progress = sov_progress_update,
    };
    int rc = sov_lineage_begin(&q->lineage, path, q->target.packed, err);

    if (rc < 0)
        return rc;
    q->lineage.role = roles[q->first];
    sov_lineage_opts(&q->lineage, &opt);
    rc = sov_model_open_with(&q->model[q->first], path, &opt, err);
    if (rc < 0)
        return sov_lineage_refuse(&q->lineage, rc, err);
    rc = sov_lineage_input(&q->lineage, q->model[q->first], err);
    return rc == 0 ? sov_lineage_check_first(&q->lineage, err) : rc;
}

static int
open_beside(struct distill *q, int which, struct sov_err *err)
{
    const char *path = distill_path(which);
    struct sov_model_opts opt = {
        .access = SOV_ACCESS_MAP,
        .hash = q->lineage.key != NULL ? SOV_HASH_SHA256 | SOV_HASH_VERITY : 0,
        .progress = sov_progress_update,
    };
    struct sov_lineage l;
    int rc = sov_lineage_begin_beside(&l, path, err);

    sov_lineage_opts(&l, &opt);
    if (rc == 0)
        rc = sov_model_open_with(&q->model[which], path, &opt, err);
    if (rc < 0)
        rc = sov_lineage_refuse(&l, rc, err);
    if (rc == 0)
        rc = sov_lineage_input(&l, q->model[which], err);
    if (rc == 0)
        rc = sov_lineage_check(&l, err);
    if (rc == 0)
        rc = sov_lineage_also(&q->lineage, path, err);
    if (rc == 0 && opt.hash != 0)
        rc = sov_model_finish(q->model[which], err);
    sov_lineage_end(&l);
    return rc;
}

int
distill_open_models(struct distill *q, struct sov_err *err)
{
    int rc;

    while (q->first < DISTILL_MODELS && distill_path(q->first) == NULL)
        q->first++;
    if (q->first == DISTILL_MODELS)
        return sov_fail(
            err, SOV_EARG,
            "nothing says what to train: --student MODEL, or "
            "--arch SPEC with --tokenizer MODEL or --teacher MODEL");
    rc = open_first(q, err);
    for (int i = q->first + 1; i < DISTILL_MODELS && rc == 0; i++)
        if (distill_path(i) != NULL)
            rc = open_beside(q, i, err);
    for (int i = 0; i < DISTILL_MODELS && rc == 0; i++)
        if (q->model[i] != NULL)
            sov_tool_warnings(q->model[i], sov_name_in(distill_path(i)), false);
    return rc;
}

/* All files that were read: none may be an output, and make shall know. */
int
distill_list_inputs(struct distill *q, struct sov_err *err)
{
    const char *const *files[DISTILL_MODELS];
    size_t n[DISTILL_MODELS] = { 0 }, all = q->n_texts + 8;

    for (int i = 0; i < DISTILL_MODELS; i++) {
        if (q->model[i] != NULL)
            n[i] = sov_model_files(q->model[i], &files[i]);
        all += n[i];
    }
    q->input = calloc(all, sizeof(*q->input));
    if (q->input == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int i = 0; i < DISTILL_MODELS; i++)
        for (size_t k = 0; k < n[i]; k++)
            q->input[q->n_inputs++] = files[i][k];
    for (size_t i = 0; i < q->n_texts; i++)
        q->input[q->n_inputs++] = q->text[i];
    if (distill_options.eval != NULL)
        q->input[q->n_inputs++] = distill_options.eval;
    if (distill_options.cache != NULL)
        q->input[q->n_inputs++] = distill_options.cache;
    q->n_inputs += sov_lineage_inputs(&q->lineage, &q->input[q->n_inputs]);
    return 0;
}

void
distill_close_models(struct distill *q)
{
    for (int i = 0; i < DISTILL_MODELS; i++)
        sov_model_close(q->model[i]);
    free(q->input);
}
