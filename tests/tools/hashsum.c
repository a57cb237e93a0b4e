/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashsum.c - digests of files, one a line, as sha256sum prints them
 *
 *   hashsum [-j THREADS] [sha256][,verity][,xxh3] FILE...
 *
 * Several digests of a file stand in one line, in this order.
 */
#include "sov/base.h"
#include "sov/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} kinds[] = {
    { "sha256", SOV_HASH_SHA256 },
    { "verity", SOV_HASH_VERITY },
    { "xxh3", SOV_HASH_XXH3 },
};

static unsigned
kinds_of(const char *list)
{
    unsigned what = 0;

    for (size_t i = 0; i < 3; i++)
        if (strstr(list, kinds[i].name) != NULL)
            what |= kinds[i].bit;
    return what;
}

static void
put(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    printf("  ");
}

static void
print(const struct sov_digest *d, const char *path)
{
    if ((d->has & SOV_HASH_SHA256) != 0)
        put(d->sha256, SOV_SHA256_LEN);
    if ((d->has & SOV_HASH_VERITY) != 0)
        put(d->verity, SOV_SHA256_LEN);
    if ((d->has & SOV_HASH_XXH3) != 0)
        put(d->xxh3, SOV_XXH3_LEN);
    printf("%s\n", path);
}

int
main(int argc, char **argv)
{
    unsigned what;
    int i = 1;

    if (argc > 3 && strcmp(argv[1], "-j") == 0) {
        sov_set_threads((unsigned)atoi(argv[2]));
        i = 3;
    }
    what = i < argc ? kinds_of(argv[i]) : 0;
    if (what == 0) {
        fputs("usage: hashsum [-j THREADS] KIND[,KIND...] FILE...\n", stderr);
        return 64;
    }
    for (i++; i < argc; i++) {
        struct sov_digest d;
        struct sov_err err;

        if (sov_hash_path(argv[i], what, &d, &err) < 0) {
            fprintf(stderr, "hashsum: %s: %s\n", argv[i], err.msg);
            return 1;
        }
        print(&d, argv[i]);
    }
    return 0;
}
