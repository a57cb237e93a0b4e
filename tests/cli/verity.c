/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verity.c - a kernel that holds files to a digest, for loader.sh
 *
 * Loaded before the C library: FS_IOC_MEASURE_VERITY answers with the digest
 * in SOV_VERITY (64 hex digits).  Nothing is enforced.
 */
#include <errno.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
ioctl(int fd, unsigned long request, ...)
{
    const char *hex = getenv("SOV_VERITY");
    struct fsverity_digest *d;
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (request != FS_IOC_MEASURE_VERITY)
        return (int)syscall(SYS_ioctl, fd, request, arg);
    if (hex == NULL || strlen(hex) != 64) {
        errno = ENODATA;
        return -1;
    }
    d = arg;
    d->digest_algorithm = FS_VERITY_HASH_ALG_SHA256;
    d->digest_size = 32;
    for (int i = 0; i < 32; i++) {
        unsigned v = 0;

        sscanf(hex + 2 * i, "%2x", &v);
        d->digest[i] = (unsigned char)v;
    }
    return 0;
}
