/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.c - the two seals: Landlock for paths, seccomp for system calls
 *
 * The first filter names what is forbidden, since opening a model takes many
 * libraries through many calls; the second names what is allowed.  A call that
 * is refused gives EPERM instead of ending the process: a new C library that
 * tries something new and does without it keeps working.
 */
#include "cli/sandbox.h"

#include "cli/landlock.h"
#include "cli/seccomp.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool sov_sandbox_off;

static bool outputs_are_files;
static int landlock_level;

static void
warn_about(const char *part, const char *lost, int code)
{
    sov_warn("sandbox: %s: %s; %s", part, strerror(code), lost);
}

void
sov_sandbox_begin(const char *const *outputs, size_t n)
{
    const char *tmpdir = getenv("TMPDIR");

    if (sov_sandbox_off)
        return;
    outputs_are_files = n > 0;
    if (tmpdir == NULL || tmpdir[0] == '\0')
        tmpdir = "/tmp";
    landlock_level = sov_landlock_level();
    if (sov_landlock(outputs, n, tmpdir) < 0)
        warn_about("Landlock", "a parser that goes wrong could write files",
                   errno);
    if (sov_seccomp_first() < 0)
        warn_about("seccomp", "system calls are not restricted", errno);
}

int
sov_sandbox_landlock(void)
{
    return landlock_level;
}

void
sov_sandbox_seal(void)
{
    if (sov_sandbox_off)
        return;
    sov_threads_ready();
    /* a kernel that lacks it was named by the first seal */
    if (sov_seccomp_last(outputs_are_files) < 0 && errno != ENOSYS)
        warn_about("seccomp", "files can still be opened", errno);
}
