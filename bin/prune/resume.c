/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.c - going on with a pruning that was stopped
 */
#include "prune/prune.h"

#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT "%s is kept; the same command goes on from there"

int
prune_resume(struct prune *p, size_t *told, struct sov_err *err)
{
    const char *part = sov_sink_part(p->target.sink[0]), *line;
    int rc;

    if (!sov_common.resume)
        return 0;
    sov_progress_begin("B");
    rc = sov_prune_resume(p->job, p->target.sink, err);
    sov_progress_end();
    for (; (line = sov_prune_warning(p->job, *told)) != NULL; ++*told)
        sov_warn("%s", line);
    if (rc < 0)
        return rc;
    if (sov_prune_kept(p->job) > 0)
        sov_note(1, "%s: going on behind %" PRIu64 " of %" PRIu64 " bytes",
                 part, sov_prune_kept(p->job),
                 sov_plan_bytes(sov_prune_plan(p->job)));
    p->part = strdup(part);
    if (p->part == NULL ||
        asprintf(&p->last_words, "%s: " KEPT "\n", sov_tool_name(), part) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    sov_guard_last_words(p->last_words);
    return 0;
}

void
prune_resumed(struct prune *p)
{
    sov_guard_last_words(NULL);
    if (p->part != NULL && access(p->part, F_OK) == 0)
        sov_warn(KEPT, p->part);
    free(p->part);
    free(p->last_words);
}
