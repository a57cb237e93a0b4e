/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - plans of pruning that are read and written
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <stdlib.h>
#include <string.h>

#define PLAN_MAX ((size_t)64 << 20)

int
prune_plan_read(struct prune *p, struct sov_err *err)
{
    const char *path = prune_options.plan;
    char *text = NULL;
    size_t len = 0;
    int rc;

    if (path == NULL)
        return 0;
    rc = sov_read_whole(path, PLAN_MAX, &text, &len, err);
    if (rc == 0) {
        p->plan_is.has = SOV_HASH_SHA256;
        sov_sha256(text, len, p->plan_is.sha256);
        rc = sov_prune_sheet_parse(&p->sheet, text, len, err);
    }
    free(text);
    return rc < 0 ? sov_err_wrap(err, "--plan: %s", sov_name_in(path)) : 0;
}

int
prune_plan_open(struct prune *p, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = p->input,
        .n_inputs = p->n_inputs,
    };
    const char *path = prune_options.plan_out;
    int rc;

    if (path == NULL)
        return 0;
    rc =
        sov_common.output != NULL && sov_tool_same_file(path, sov_common.output)
            ? sov_fail(err, SOV_EARG, "'%s' is the output", path)
            : sov_sink_open(&p->plan_sink, path, &opts, err);
    return rc < 0 ? sov_err_wrap(err, "--plan-out") : 0;
}

int
prune_plan_write(struct prune *p, struct sov_err *err)
{
    struct sov_prune_sheet *sheet = NULL;
    int rc;

    if (p->plan_sink == NULL)
        return 0;
    rc = sov_prune_sheet(p->job, &sheet, err);
    if (rc == 0)
        rc = sov_prune_sheet_write(sheet, p->plan_sink, err);
    if (rc == 0)
        rc = sov_sink_commit(&p->plan_sink, err);
    sov_prune_sheet_free(sheet);
    return rc < 0 ? sov_err_wrap(err, "--plan-out") : 0;
}
