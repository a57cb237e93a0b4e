/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ours.c - files that a tool writes anew each time it runs
 */
#include "cli/ours.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 256

int
sov_ours_check(const char *option, const char *path, const char *head,
               const char *kind, bool force, struct sov_err *err)
{
    char begin[HEAD_MAX];
    size_t len = strnlen(head, sizeof(begin));
    struct stat st;
    ssize_t n;
    int fd;

    if (stat(path, &st) < 0)
        return 0;
    if (!S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EARG, "%s: %s is not a file", option, path);
    if (force || st.st_size == 0)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    n = fd >= 0 ? read(fd, begin, len) : -1;
    if (fd >= 0)
        close(fd);
    if (n == (ssize_t)len && memcmp(begin, head, len) == 0)
        return 0;
    sov_fail(err, SOV_EIO, "%s: %s exists and is no %s; -f replaces it", option,
             path, kind);
    err->where = SOV_WHERE_OUTPUT;
    return SOV_EIO;
}
