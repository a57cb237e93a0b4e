/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.c - what a run under --resume leaves when it is stopped
 */
#include "cli/kept.h"

#include "cli/guard.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT "%s is kept; the same command goes on from there"

int
sov_kept_begin(struct sov_kept *k, const char *part, uint64_t there,
               uint64_t all, struct sov_err *err)
{
    if (there > 0)
        sov_note(1, "%s: going on behind %" PRIu64 " of %" PRIu64 " bytes",
                 part, there, all);
    k->part = strdup(part);
    if (k->part == NULL ||
        asprintf(&k->last_words, "%s: " KEPT "\n", sov_tool_name(), part) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    sov_guard_last_words(k->last_words);
    return 0;
}

void
sov_kept_end(struct sov_kept *k)
{
    sov_guard_last_words(NULL);
    if (k->part != NULL && access(k->part, F_OK) == 0)
        sov_warn(KEPT, k->part);
    free(k->part);
    free(k->last_words);
    k->part = k->last_words = NULL;
}
