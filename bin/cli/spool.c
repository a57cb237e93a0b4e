/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.c - files without a name, for what is only wanted for a while
 */
#include "cli/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
sov_spool_fail(struct sov_err *err)
{
    return sov_fail_sys(err, SOV_WHERE_ANY,
                        "cannot spool to a temporary file (set TMPDIR to a "
                        "folder with room)");
}

int
sov_spool_open(int *fd, struct sov_err *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4200];

    if (dir == NULL || dir[0] == '\0')
        dir = "/tmp";
    *fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return 0;
    snprintf(path, sizeof(path), "%s/.sov-spool-XXXXXX", dir);
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return sov_spool_fail(err);
    unlink(path);
    return 0;
}
