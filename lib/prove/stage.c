/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.c - a model between two deeds of one run: pruned, and not packed yet
 *
 * It lies in a file without a name, as it did when the tool ran.
 */
#include "prove/prove.h"

#include "sys/file.h"

#include <stdio.h>
#include <unistd.h>

int
sov_prove_stage(sov_prove *p, sov_prune *job, struct sov_err *err)
{
    sov_sink *sink = NULL;
    char path[40];
    int rc = sov_file_nameless(&p->stage_fd, err);

    if (rc < 0)
        return rc;
    p->staged = true;
    snprintf(path, sizeof(path), "/dev/fd/%d", p->stage_fd);
    rc = sov_sink_open(&sink, path, NULL, err);
    if (rc == 0)
        rc = sov_prune_run(job, &sink, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc == 0 ? sov_model_open(&p->stage, path, SOV_ACCESS_MAP, err) : rc;
}

void
sov_prove_stage_end(sov_prove *p)
{
    sov_model_close(p->stage);
    if (p->staged)
        close(p->stage_fd);
}
