/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha.h - SHA-256, one stream or many blocks at once
 *
 * A leaf is a block of 4096 bytes with a digest of its own.  All leaves have
 * the same length, so several of them go through the machine in step; a stream
 * can only go one block after the other.
 */
#ifndef SOV_SYS_SHA_H
#define SOV_SYS_SHA_H

#include "sov/hash.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_LEAF_SIZE 4096

struct sov_sha_kern {
    const char *name;

    /* n blocks of 64 bytes into a state. */
    void (*blocks)(uint32_t h[8], const unsigned char *p, size_t n);

    /* The digests, one behind the other, of n leaves that lie so too. */
    void (*leaves)(const unsigned char *p, size_t n, unsigned char *out);

    /* Both of the same n leaves on one core, faster than one after the other;
     * NULL if there is no such way. */
    void (*both)(uint32_t h[8], const unsigned char *p, size_t n,
                 unsigned char *out);
};

/* The fastest that can run here. */
const struct sov_sha_kern *sov_sha_kern(void);

/* All that can run here, the generic one first; NULL behind the last. */
const struct sov_sha_kern *sov_sha_kern_at(size_t i);

/* For tests: use this one from now on; NULL: the fastest again. */
void sov_sha_kern_use(const struct sov_sha_kern *k);

/* For kernels: the specification, and constants. */
void sov_sha_generic_blocks(uint32_t h[8], const unsigned char *p, size_t n);
void sov_sha_generic_leaves(const unsigned char *p, size_t n,
                            unsigned char *out);
extern const uint32_t sov_sha_init[8];
extern const uint32_t sov_sha_k[64];
/* The 64 bytes of padding behind a leaf. */
extern const unsigned char sov_sha_leaf_pad[64];

/* A stream. */
struct sov_sha {
    uint32_t h[8];
    uint64_t len;
    size_t n; /* bytes in buf */
    unsigned char buf[64];
};

void sov_sha_start(struct sov_sha *s);
void sov_sha_update(struct sov_sha *s, const void *buf, size_t len);
void sov_sha_final(struct sov_sha *s, unsigned char out[SOV_SHA256_LEN]);

#endif
