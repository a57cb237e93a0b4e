/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - the importance matrix of --stats
 *
 * It is opened before the model, and found unchanged when all is done: what the
 * claim names is what the weights were rounded by.
 */
#include "quantize/quantize.h"

#include "cli/tool.h"

#include <string.h>
#include <unistd.h>

int
quantize_stats(struct quantize *q, struct sov_err *err)
{
    const char *path = quantize_options.stats;

    if (path == NULL)
        return 0;
    if (path[0] == '\0')
        return sov_fail(err, SOV_EARG, "--stats: the name is empty");
    if (strcmp(path, "-") == 0 && strcmp(q->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--stats: standard input is the model already");
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG, "--stats: standard input is a terminal");
    return sov_stats_open(&q->stats, path, err);
}

int
quantize_stats_finish(struct quantize *q, struct sov_err *err)
{
    return q->stats == NULL ? 0 : sov_stats_finish(q->stats, err);
}
