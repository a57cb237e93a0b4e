/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_hash.c - GB/s of every SHA-256 kernel, in memory, on one thread
 *
 * stream: one after the other, as sha256sum; leaves: of 4 KiB, as fs-verity;
 * both: one pass that gives both.  Best of a few runs over 16 MB.
 */
#include "sys/file.h"
#include "sys/sha.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAVES 4096u
#define RUNS   20

static unsigned char *data;
static unsigned char *hash;

enum { STREAM, LEAF, BOTH };

static void
run(const struct sov_sha_kern *k, int what)
{
    uint32_t h[8] = { 0 };

    if (what == STREAM)
        k->blocks(h, data, LEAVES * (SOV_LEAF_SIZE / 64));
    else if (what == LEAF)
        k->leaves(data, LEAVES, hash);
    else
        k->both(h, data, LEAVES, hash);
}

static void
column(const struct sov_sha_kern *k, int what)
{
    double best = 1e9;

    if (what == BOTH && k->both == NULL) {
        printf(" %8s", "");
        return;
    }
    for (int i = 0; i < RUNS; i++) {
        double t = sov_clock();

        run(k, what);
        t = sov_clock() - t;
        best = t < best ? t : best;
    }
    printf(" %8.2f", LEAVES * SOV_LEAF_SIZE / best / 1e9);
}

int
main(void)
{
    const struct sov_sha_kern *k;

    data = malloc(LEAVES * SOV_LEAF_SIZE);
    hash = malloc(LEAVES * SOV_SHA256_LEN);
    if (data == NULL || hash == NULL)
        return 71;
    for (size_t i = 0; i < LEAVES * SOV_LEAF_SIZE; i++)
        data[i] = (unsigned char)(i * 7 + (i >> 9));
    printf("%-8s %8s %8s %8s  GB/s\n", "kernel", "stream", "leaves", "both");
    for (size_t i = 0; (k = sov_sha_kern_at(i)) != NULL; i++) {
        printf("%-8s", k->name);
        for (int what = STREAM; what <= BOTH; what++)
            column(k, what);
        printf("\n");
    }
    free(hash);
    free(data);
    return 0;
}
