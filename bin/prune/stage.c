/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.c - what one step of a run gives and the next one takes
 *
 * Healing by training reads what pruning gives, and packing what both give: a
 * model in a file without a name, which is gone with the run.
 */
#include "prune/prune.h"

#include "cli/progress.h"
#include "cli/spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
prune_write(void *job, sov_sink *const *sinks, struct sov_err *err)
{
    int rc;

    sov_progress_begin("B");
    rc = sov_prune_run(job, sinks, err);
    sov_progress_end();
    return rc;
}

int
prune_stage_fill(struct prune_stage *s, const sov_plan *plan,
                 prune_stage_fn fill, void *job, struct sov_err *err)
{
    sov_sink *sink = NULL;
    char path[40];
    int rc;

    if (sov_plan_files(plan) != 1)
        return sov_fail(err, SOV_EUNSUP,
                        "a model of several files is neither healed nor "
                        "packed behind a method");
    rc = sov_spool_open(&s->fd, err);
    if (rc < 0)
        return rc;
    s->open = true;
    snprintf(path, sizeof(path), "/dev/fd/%d", s->fd);
    rc = sov_sink_open(&sink, path, NULL, err);
    if (rc == 0)
        rc = fill(job, &sink, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    if (rc < 0 && err != NULL && strncmp(err->msg, path, strlen(path)) == 0) {
        errno = err->sys; /* it has no name that tells anybody anything */
        return sov_spool_fail(err);
    }
    return rc == 0 ? sov_model_open(&s->model, path, SOV_ACCESS_MAP, err) : rc;
}

void
prune_stage_end(struct prune_stage *s)
{
    sov_model_close(s->model);
    if (s->open)
        close(s->fd);
    *s = (struct prune_stage){ 0 };
}
