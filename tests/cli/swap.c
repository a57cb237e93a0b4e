/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swap.c - somebody who changes a link while it is read, for recompute-race.sh
 *
 * Loaded before the C library: before SOV_SWAP_LINK, a symbolic link, is opened
 * for the SOV_SWAP_AT-th time, it is made to point at SOV_SWAP_TO.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
open_it(int dir, const char *path, int flags, mode_t mode)
{
    const char *link = getenv("SOV_SWAP_LINK");
    const char *at = getenv("SOV_SWAP_AT");
    const char *to = getenv("SOV_SWAP_TO");
    static int n;

    if (link != NULL && at != NULL && to != NULL && strcmp(path, link) == 0 &&
        ++n == atoi(at) && (unlink(link) != 0 || symlink(to, link) != 0))
        _exit(99);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

static mode_t
mode_of(int flags, va_list ap)
{
    return (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name)                                   \
    int name(const char *path, int flags, ...)       \
    {                                                \
        mode_t mode;                                 \
        va_list ap;                                  \
                                                     \
        va_start(ap, flags);                         \
        mode = mode_of(flags, ap);                   \
        va_end(ap);                                  \
        return open_it(AT_FDCWD, path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                    \
    int name(int dir, const char *path, int flags, ...) \
    {                                                   \
        mode_t mode;                                    \
        va_list ap;                                     \
                                                        \
        va_start(ap, flags);                            \
        mode = mode_of(flags, ap);                      \
        va_end(ap);                                     \
        return open_it(dir, path, flags, mode);         \
    }

OPENAT(openat)
OPENAT(openat64)

/* With checks of the compiler's. */
int
__open_2(const char *path, int flags)
{
    return open_it(AT_FDCWD, path, flags, 0);
}

int
__open64_2(const char *path, int flags)
{
    return open_it(AT_FDCWD, path, flags, 0);
}
