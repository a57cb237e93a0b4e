/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stale.c - a new model in the place of one that was signed
 *
 * Claims and index of the old one still lie beside it then.  They are not ours
 * to remove, as signatures cannot be made again; but whoever verifies the new
 * model with them would look for damage, so it is said.
 */
#include "quantize/quantize.h"

#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is there such a file beside the model?  Its name; free() it. */
static char *
find(const struct quantize *q, const char *suffix)
{
    char *path = sov_fileset_beside(q->target.path[0], false, suffix);

    if (path != NULL && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

void
quantize_stale_begin(struct quantize *q)
{
    const struct sov_target *t = &q->target;

    q->was_there = false;
    q->may_be_stale = !t->packed && t->format->folder == NULL &&
                      strcmp(t->output, "-") != 0 && t->n > 0;
    if (q->may_be_stale)
        q->was_there = stat(t->path[0], &q->was) == 0;
}

void
quantize_stale(const struct quantize *q)
{
    bool written = q->lineage.key != NULL || q->carried;
    bool claims =
        q->carried || (written && sov_lineage_options.claims_out == NULL);
    struct stat is;
    char *path;

    if (!q->may_be_stale || stat(q->target.path[0], &is) < 0 ||
        !S_ISREG(is.st_mode) ||
        (q->was_there && is.st_dev == q->was.st_dev &&
         is.st_ino == q->was.st_ino))
        return;
    path = claims ? NULL : find(q, SOV_CLAIMS_SUFFIX);
    if (path == NULL && !written)
        path = find(q, SOV_INDEX_SUFFIX);
    if (path != NULL)
        sov_warn("%s is about an older %s; remove it, or sign again with "
                 "--sign-key",
                 path, q->target.path[0]);
    free(path);
    path =
        written && !q->carried ? find(q, SOV_CLAIMS_SUFFIX ".minisig") : NULL;
    if (path != NULL)
        sov_warn("%s freezes other claims; sov-verify --sign --freeze makes it "
                 "anew",
                 path);
    free(path);
}
