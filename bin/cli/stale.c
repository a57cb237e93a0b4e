/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stale.c - a new model in the place of one that was signed
 *
 * Claims and index of the old one still lie beside it then.  They are not ours
 * to remove, as signatures cannot be made again; but whoever verifies the new
 * model with them would look for damage, so it is said.
 */
#include "cli/stale.h"

#include "cli/fileset.h"
#include "cli/lineage.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is there such a file beside the model?  Its name; free() it. */
static char *
find(const struct sov_stale *s, const char *suffix)
{
    char *path = sov_fileset_beside(s->target->path[0], false, suffix);

    if (path != NULL && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

void
sov_stale_begin(struct sov_stale *s, const struct sov_target *t)
{
    s->target = t;
    s->was_there = false;
    s->may_be = !t->packed && t->format->folder == NULL &&
                strcmp(t->output, "-") != 0 && t->n > 0;
    if (s->may_be)
        s->was_there = stat(t->path[0], &s->was) == 0;
}

void
sov_stale_say(const struct sov_stale *s, bool signed_now, bool carried)
{
    bool written = signed_now || carried;
    bool claims =
        carried || (written && sov_lineage_options.claims_out == NULL);
    struct stat is;
    char *path;

    if (!s->may_be || stat(s->target->path[0], &is) < 0 ||
        !S_ISREG(is.st_mode) ||
        (s->was_there && is.st_dev == s->was.st_dev &&
         is.st_ino == s->was.st_ino))
        return;
    path = claims ? NULL : find(s, SOV_CLAIMS_SUFFIX);
    if (path == NULL && !written)
        path = find(s, SOV_INDEX_SUFFIX);
    if (path != NULL)
        sov_warn("%s is about an older %s; remove it, or sign again with "
                 "--sign-key",
                 path, s->target->path[0]);
    free(path);
    path = written && !carried ? find(s, SOV_CLAIMS_SUFFIX ".minisig") : NULL;
    if (path != NULL)
        sov_warn("%s freezes other claims; sov-verify --sign --freeze makes it "
                 "anew",
                 path);
    free(path);
}
