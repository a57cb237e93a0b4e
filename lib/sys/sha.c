/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha.c - SHA-256 (FIPS 180-4): the specification, and which kernel runs
 *
 * What stands here in plain C is what every faster kernel must agree with.
 */
#include "config.h"

#include "sys/sha.h"
#include "sys/cpu.h"
#include "sys/sha_kerns.h"

#include <stdbool.h>
#include <string.h>

const uint32_t sov_sha_init[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

_Alignas(64) const uint32_t sov_sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* 4096 bytes are 32768 bits: 0x8000. */
_Alignas(64) const unsigned char sov_sha_leaf_pad[64] = {
    [0] = 0x80,
    [62] = 0x80,
};

static uint32_t
ror(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t
be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void
put_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

/* Word i + 16 of the message schedule takes the place of word i. */
static uint32_t
schedule(uint32_t w[16], unsigned i)
{
    uint32_t a = w[(i + 1) & 15];
    uint32_t b = w[(i + 14) & 15];

    w[i & 15] += (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[(i + 9) & 15] +
                 (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
    return w[i & 15];
}

/* Instead of moving a to b, b to c and so on, the names move: in round i the
 * letter a stands for s[-i & 7], b for the next one. */
#define S(letter, i) s[((letter) - (i)) & 7]

#define ROUND(i, word)                                                        \
    do {                                                                      \
        uint32_t a = S(0, i);                                                 \
        uint32_t b = S(1, i);                                                 \
        uint32_t c = S(2, i);                                                 \
        uint32_t e = S(4, i);                                                 \
        uint32_t f = S(5, i);                                                 \
        uint32_t g = S(6, i);                                                 \
        uint32_t t = S(7, i) + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +        \
                     (g ^ (e & (f ^ g))) + sov_sha_k[at + (i)] + (word);      \
                                                                              \
        S(3, i) += t;                                                         \
        S(7, i) = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +                 \
                  ((a & b) | (c & (a | b)));                                  \
    } while (0)

#define ROUNDS_8(i, WORD)                                                     \
    ROUND((i), WORD((i)));                                                    \
    ROUND((i) + 1, WORD((i) + 1));                                            \
    ROUND((i) + 2, WORD((i) + 2));                                            \
    ROUND((i) + 3, WORD((i) + 3));                                            \
    ROUND((i) + 4, WORD((i) + 4));                                            \
    ROUND((i) + 5, WORD((i) + 5));                                            \
    ROUND((i) + 6, WORD((i) + 6));                                            \
    ROUND((i) + 7, WORD((i) + 7))

#define FIRST(i) (w[i] = be32(p + 4 * (i)))
#define LATER(i) schedule(w, i)

static void
block(uint32_t h[8], const unsigned char *p)
{
    uint32_t w[16];
    uint32_t s[8];
    unsigned at = 0;

    memcpy(s, h, sizeof(s));
    ROUNDS_8(0, FIRST);
    ROUNDS_8(8, FIRST);
    for (at = 16; at < 64; at += 16) {
        ROUNDS_8(0, LATER);
        ROUNDS_8(8, LATER);
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
}

void
sov_sha_generic_blocks(uint32_t h[8], const unsigned char *p, size_t n)
{
    for (; n > 0; n--, p += 64)
        block(h, p);
}

static void
put_state(const uint32_t h[8], unsigned char *out)
{
    for (unsigned i = 0; i < 8; i++)
        put_be32(out + 4 * i, h[i]);
}

void
sov_sha_generic_leaves(const unsigned char *p, size_t n, unsigned char *out)
{
    for (; n > 0; n--, p += SOV_LEAF_SIZE, out += SOV_SHA256_LEN) {
        uint32_t h[8];

        memcpy(h, sov_sha_init, sizeof(h));
        sov_sha_generic_blocks(h, p, SOV_LEAF_SIZE / 64);
        sov_sha_generic_blocks(h, sov_sha_leaf_pad, 1);
        put_state(h, out);
    }
}

static const struct sov_sha_kern generic = {
    .name = "generic",
    .blocks = sov_sha_generic_blocks,
    .leaves = sov_sha_generic_leaves,
};

/* Rising speed. */
static const struct {
    const struct sov_sha_kern *kern;
    enum sov_isa isa;
    bool sha; /* needs instructions for SHA-256 */
} rows[] = {
    { &generic, SOV_ISA_GENERIC, false },
#ifdef SOV_HAVE_AVX2
    { &sov_sha_avx2, SOV_ISA_AVX2, false },
#endif
#ifdef SOV_HAVE_AVX512
    { &sov_sha_avx512, SOV_ISA_AVX512, false },
#endif
#ifdef SOV_HAVE_SHANI
    { &sov_sha_shani, SOV_ISA_GENERIC, true },
#endif
#ifdef SOV_HAVE_SHAVL
    { &sov_sha_shavl, SOV_ISA_AVX512, true },
#endif
#ifdef SOV_HAVE_SHAARM
    { &sov_sha_shaarm, SOV_ISA_GENERIC, true },
#endif
};

const struct sov_sha_kern *
sov_sha_kern_at(size_t i)
{
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        if (!sov_isa_usable(rows[row].isa) ||
            (rows[row].sha && !sov_cpu_has_sha()))
            continue;
        if (i-- == 0)
            return rows[row].kern;
    }
    return NULL;
}

/* Asked once; to ask twice at the same time gives the same answer. */
static const struct sov_sha_kern *chosen;

const struct sov_sha_kern *
sov_sha_kern(void)
{
    const struct sov_sha_kern *k = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    const struct sov_sha_kern *next;

    if (k != NULL)
        return k;
    for (size_t i = 0; (next = sov_sha_kern_at(i)) != NULL; i++)
        k = next;
    sov_sha_kern_use(k);
    return k;
}

void
sov_sha_kern_use(const struct sov_sha_kern *k)
{
    __atomic_store_n(&chosen, k, __ATOMIC_RELEASE);
}

void
sov_sha_start(struct sov_sha *s)
{
    memcpy(s->h, sov_sha_init, sizeof(s->h));
    s->len = 0;
    s->n = 0;
}

void
sov_sha_update(struct sov_sha *s, const void *buf, size_t len)
{
    const struct sov_sha_kern *k = sov_sha_kern();
    const unsigned char *p = buf;

    if (len == 0)
        return;
    s->len += len;
    if (s->n > 0) {
        size_t n = len < 64 - s->n ? len : 64 - s->n;

        memcpy(s->buf + s->n, p, n);
        s->n += n;
        p += n;
        len -= n;
        if (s->n < 64)
            return;
        k->blocks(s->h, s->buf, 1);
    }
    k->blocks(s->h, p, len / 64);
    s->n = len % 64;
    memcpy(s->buf, p + (len - s->n), s->n);
}

void
sov_sha_final(struct sov_sha *s, unsigned char out[SOV_SHA256_LEN])
{
    const struct sov_sha_kern *k = sov_sha_kern();
    unsigned char pad[128] = { 0 };
    size_t n = s->n < 56 ? 64 : 128;

    memcpy(pad, s->buf, s->n);
    pad[s->n] = 0x80;
    put_be32(pad + n - 8, (uint32_t)(s->len >> 29));
    put_be32(pad + n - 4, (uint32_t)(s->len << 3));
    k->blocks(s->h, pad, n / 64);
    put_state(s->h, out);
}

void
sov_sha256(const void *buf, size_t len, unsigned char out[SOV_SHA256_LEN])
{
    struct sov_sha s;

    sov_sha_start(&s);
    sov_sha_update(&s, buf, len);
    sov_sha_final(&s, out);
}
