/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_hash.c - digests against published vectors and a plain second opinion
 *
 * The second opinion is the definition written down as it reads: all bytes in
 * memory, one level after the other.  Everything runs with every kernel that
 * this machine has, for one thread and for more.
 */
#include "unit.h"
#include "golden_claim.h"

#include "base/le.h"
#include "base/rng.h"
#include "sov/base.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "sys/hash.h"
#include "sys/par.h"
#include "sys/sha.h"
#include "tensor/half.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOCK 4096
#define ALL                                                                   \
    (SOV_HASH_SHA256 | SOV_HASH_VERITY | SOV_HASH_XXH3 | SOV_HASH_GROUPS)
#define MIB ((size_t)1 << 20)

static const char *
hex(const unsigned char *p, size_t n)
{
    static char text[4][80];
    static unsigned turn;
    char *t = text[turn++ % 4];

    for (size_t i = 0; i < n; i++)
        sprintf(t + 2 * i, "%02x", p[i]);
    return t;
}

#define assert_hash(got, want)                                                \
    ck_assert_str_eq(hex(got, SOV_SHA256_LEN), hex(want, SOV_SHA256_LEN))

static unsigned char *
noise(size_t n)
{
    unsigned char *p = malloc(n + 64);
    uint64_t x = n * 2 + 1;

    for (size_t i = 0; i < n + 8; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(p + i, &x, 8);
    }
    return p;
}

/* Hashes of all blocks of p, into fresh memory. */
static unsigned char *
ref_level(const unsigned char *p, size_t len, size_t *n)
{
    unsigned char *out = malloc(len / BLOCK * 32 + 32);

    *n = 0;
    for (size_t at = 0; at < len; at += BLOCK) {
        unsigned char block[BLOCK] = { 0 };

        memcpy(block, p + at, len - at < BLOCK ? len - at : BLOCK);
        sov_sha256(block, BLOCK, out + 32 * (*n)++);
    }
    return out;
}

/* groups may be NULL. */
static void
ref_verity(const unsigned char *p, size_t len, unsigned char out[32],
           unsigned char **groups, size_t *n_groups)
{
    unsigned char d[256] = { 1, 1, 12 };
    unsigned char *level = NULL;
    size_t n = 0;

    sov_put64(d + 8, len);
    if (groups != NULL)
        *n_groups = 0;
    for (unsigned l = 0; len > 0 && (l == 0 || n > 1); l++) {
        unsigned char *up = ref_level(l == 0 ? p : level, l == 0 ? len : n * 32,
                                      &n);

        free(level);
        level = up;
        if (l == 1 && n > 1 && groups != NULL) {
            *groups = malloc(n * 32);
            memcpy(*groups, level, n * 32);
            *n_groups = n;
        }
    }
    if (len > 0)
        memcpy(d + 16, level, 32);
    free(level);
    sov_sha256(d, sizeof(d), out);
}

/* fn for every kernel; the fastest one with more threads too. */
static void
every_way(void (*fn)(void))
{
    const struct sov_sha_kern *k;

    sov_set_threads(1);
    for (size_t i = 0; (k = sov_sha_kern_at(i)) != NULL; i++) {
        sov_sha_kern_use(k);
        fn();
    }
    sov_sha_kern_use(NULL);
    for (unsigned threads = 2; threads < 6; threads += 3) {
        sov_set_threads(threads);
        fn();
    }
    sov_set_threads(0);
}

/* One update with everything. */
static struct sov_digest
whole(const void *p, size_t len, unsigned what)
{
    struct sov_digest d = { 0 };
    sov_hasher *h = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_hasher_new(&h, what, &err), 0);
    ck_assert_int_eq(sov_hasher_update(h, p, len, &err), 0);
    ck_assert_int_eq(sov_hasher_final(h, &d, &err), 0);
    ck_assert_uint_eq(d.has, what);
    ck_assert_uint_eq(d.size, len);
    sov_hasher_free(h);
    return d;
}

static void
check_sha(const char *text, size_t times, const char *want)
{
    size_t len = strlen(text);
    char *p = malloc(len * times + 1);
    unsigned char out[32];
    struct sov_digest d;

    for (size_t i = 0; i < times; i++)
        memcpy(p + i * len, text, len);
    sov_sha256(p, len * times, out);
    ck_assert_str_eq(hex(out, 32), want);
    d = whole(p, len * times, SOV_HASH_SHA256 | SOV_HASH_VERITY);
    ck_assert_str_eq(hex(d.sha256, 32), want);
    free(p);
}

static void
published(void)
{
    static const char two[] =
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const char long_two[] =
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

    check_sha("", 1,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha("abc", 1,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha(two, 1,
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check_sha(long_two, 1,
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    check_sha("a", 1000000,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

START_TEST(sha256_is_the_published_one)
{
    struct sov_digest d;

    every_way(published);
    d = whole("", 0, ALL);
    ck_assert_str_eq(hex(d.verity, 32),
        "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
    ck_assert_str_eq(hex(d.xxh3, 16), "99aa06d3014798d86001c324468d497f");
}
END_TEST

/* ---- the golden files */

static size_t
put_str(unsigned char *p, const char *s)
{
    sov_put64(p, strlen(s));
    memcpy(p + 8, s, strlen(s));
    return 8 + strlen(s);
}

static size_t
put_kv(unsigned char *p, const char *key, const char *text)
{
    size_t at = put_str(p, key);

    sov_put32(p + at, 8);
    return at + 4 + put_str(p + at + 4, text);
}

static size_t
put_kv32(unsigned char *p, const char *key, uint32_t v)
{
    size_t at = put_str(p, key);

    sov_put32(p + at, 4);
    sov_put32(p + at + 4, v);
    return at + 8;
}

static size_t
put_info(unsigned char *p, const char *name, uint64_t rows, uint32_t type,
         uint64_t off)
{
    size_t at = put_str(p, name);

    sov_put32(p + at, 2);
    sov_put64(p + at + 4, 64);
    sov_put64(p + at + 12, rows);
    sov_put32(p + at + 20, type);
    sov_put64(p + at + 24, off);
    return at + 32;
}

static double
golden_weight(uint64_t i, uint64_t seed)
{
    return (double)(float)((double)((i * 2654435761u + seed) % 1000) / 500 -
                           1);
}

static void
put_f32s(unsigned char *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        sov_putf32(p + 4 * i, (float)golden_weight(i, seed));
}

static void
put_q8(unsigned char *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i += 32, p += 34) {
        double most = 0;
        double d;

        for (size_t j = 0; j < 32; j++)
            most = fmax(most, fabs(golden_weight(i + j, seed)));
        d = most / 127;
        sov_put16(p, sov_f32_to_f16((float)d));
        for (size_t j = 0; j < 32; j++)
            p[2 + j] = (unsigned char)(int)floor(
                golden_weight(i + j, seed) / d + 0.5);
    }
}

static size_t
round_up(size_t n)
{
    return (n + BLOCK - 1) / BLOCK * BLOCK;
}

/* The parent or its quantized child; off[2]: where the tensors' bytes are. */
static unsigned char *
golden(bool child, size_t *len, size_t off[2])
{
    unsigned char *p = calloc(1, 65536);
    size_t big = child ? 64 * 48 / 32 * 34 : 64 * 48 * 4;
    size_t at = 24;

    memcpy(p, "GGUF", 4);
    sov_put32(p + 4, 3);
    sov_put64(p + 8, 2);
    sov_put64(p + 16, child ? 7 : 4);
    at += put_kv(p + at, "general.architecture", "llama");
    at += put_kv(p + at, "general.name", "tiny");
    at += put_kv(p + at, "general.license", "Apache-2.0");
    if (child) {
        at += put_kv32(p + at, "general.file_type", 7);
        at += put_kv(p + at, "general.quantized_by", "sov-quantize 0.1.0");
        at += put_kv(p + at, "sov.lineage.claims", golden_claim);
    }
    at += put_kv32(p + at, "general.alignment", BLOCK);
    at += put_info(p + at, "blk.0.w.weight", 48, child ? 8 : 0, 0);
    at += put_info(p + at, "norm.weight", 2, 0, round_up(big));
    off[0] = round_up(at);
    off[1] = off[0] + round_up(big);
    if (child)
        put_q8(p + off[0], 64 * 48, 1);
    else
        put_f32s(p + off[0], 64 * 48, 1);
    put_f32s(p + off[1], 64 * 2, 7);
    *len = off[1] + BLOCK;
    return p;
}

START_TEST(golden_files_have_their_digests)
{
    static const char *const want[2][2] = {
        { "d96e60f53514d0aada70bc35fd7e8ac35d072085f30f41e1c424874fd095a772",
          "83635407e3dcf1a555ebb9bb1f19358d146b74c98637f5c3cfed1caa9244c686" },
        { "c14d323266498f0fc10d519240b43e273c5f07ce07da53b68e4bb51d3166d330",
          "1b1a728c8738bbaa1db0446b15ed8407c27b9b8b7f55844417161be5f8d01985" },
    };

    for (int child = 0; child < 2; child++) {
        size_t off[2];
        size_t len;
        unsigned char *p = golden(child, &len, off);
        struct sov_digest d = whole(p, len, ALL);

        ck_assert_uint_eq(len, child ? 12288 : 20480);
        ck_assert_str_eq(hex(d.sha256, 32), want[child][0]);
        ck_assert_str_eq(hex(d.verity, 32), want[child][1]);
        free(p);
    }
}
END_TEST

/* ---- sizes and splits */

static const size_t sizes[] = {
    0, 1, 55, 56, 63, 64, 65, 4095, 4096, 4097, 8191, 8192, 65535, 65536,
    65537, 131072, 131073, 524287, 524288, 524289, 1048576, 1048577, 3000001,
};

static void
check_size(size_t len)
{
    unsigned char *p = noise(len);
    struct sov_digest d = whole(p, len, ALL);
    unsigned char *groups = NULL;
    unsigned char want[32];
    unsigned char group[32];
    sov_hasher *h = NULL;
    struct sov_err err;
    size_t n_want;
    size_t n;

    sov_sha256(p, len, want);
    assert_hash(d.sha256, want);
    ref_verity(p, len, want, &groups, &n_want);
    assert_hash(d.verity, want);
    ck_assert_int_eq(sov_hasher_new(&h, ALL, &err), 0);
    ck_assert_int_eq(sov_hasher_update(h, p, len, &err), 0);
    ck_assert_int_eq(sov_hasher_final(h, &d, &err), 0);
    ck_assert(sov_hasher_groups(h, &n) != NULL || n == 0);
    ck_assert_uint_eq(n, n_want);
    ck_assert_uint_eq(n, len > SOV_GROUP_SIZE
                             ? (len - 1) / SOV_GROUP_SIZE + 1 : 0);
    for (size_t i = 0; i < n; i++) {
        memcpy(group, groups + 32 * i, 32);
        assert_hash(sov_hasher_groups(h, &n) + 32 * i, group);
    }
    sov_hasher_free(h);
    free(groups);
    free(p);
}

static void
check_sizes(void)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_size(sizes[i]);
}

START_TEST(trees_are_right_at_every_edge)
{
    every_way(check_sizes);
}
END_TEST

START_TEST(trees_are_right_beyond_a_third_level)
{
    for (size_t len = 64 * MIB - 1; len <= 64 * MIB + 1; len++)
        check_size(len);
}
END_TEST

/* Leaves at every count and misalignment, against the specification. */
START_TEST(kernels_agree_bit_for_bit)
{
    const struct sov_sha_kern *generic = sov_sha_kern_at(0);
    size_t n = 37;
    unsigned char *p = noise((n + 1) * BLOCK);
    unsigned char *want = malloc(n * 32);
    unsigned char *got = malloc(n * 32 + 32);
    const struct sov_sha_kern *k;

    ck_assert_str_eq(generic->name, "generic");
    for (size_t i = 0; (k = sov_sha_kern_at(i)) != NULL; i++) {
        for (size_t at = 0; at < 5; at += 2) {
            uint32_t a[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
            uint32_t b[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

            generic->leaves(p + at, n, want);
            for (size_t m = 0; m <= n; m++) {
                memset(got, 0xee, n * 32 + 32);
                k->leaves(p + at, m, got);
                ck_assert(memcmp(got, want, m * 32) == 0);
                ck_assert(got[m * 32] == 0xee && got[m * 32 + 31] == 0xee);
                generic->blocks(a, p + at, m);
                k->blocks(b, p + at, m);
                ck_assert(memcmp(a, b, sizeof(a)) == 0);
                if (k->both == NULL)
                    continue;
                memset(got, 0xee, n * 32 + 32);
                generic->blocks(a, p + at, m * (BLOCK / 64));
                k->both(b, p + at, m, got);
                ck_assert(memcmp(a, b, sizeof(a)) == 0);
                ck_assert(memcmp(got, want, m * 32) == 0);
                ck_assert(got[m * 32] == 0xee && got[m * 32 + 31] == 0xee);
            }
        }
    }
    free(got);
    free(want);
    free(p);
}
END_TEST

/* ---- ranges */

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (seed >> 20) % n;
}

/* Sorted, apart, some aligned, some empty, some behind one another. */
static size_t
random_ranges(struct sov_hash_range *r, size_t max, size_t len)
{
    uint64_t at = 0;
    size_t n = 0;

    while (n < max) {
        uint64_t gap = random_below(4) == 0 ? 0 : random_below(len / 20 + 1);

        at += gap;
        if (random_below(2) == 0)
            at = (at + BLOCK - 1) / BLOCK * BLOCK;
        if (at > len)
            break;
        r[n].off = at;
        r[n].len = random_below(4) == 0 ? random_below(3)
                                        : random_below(len / 10 + 1);
        if (r[n].len > len - at)
            r[n].len = len - at;
        at += r[n].len;
        n++;
    }
    return n;
}

static size_t
random_step(size_t left)
{
    static const size_t scale[] = { 3, 200, 5000, 70000, 600000, 40000000 };
    size_t n = random_below(scale[random_below(6)]) + 1;

    return n < left ? n : left;
}

static void
check_ranges(const unsigned char *p, const struct sov_hash_range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char *q = p + r[i].off;
        struct sov_digest d = whole(q, r[i].len, SOV_HASH_XXH3);
        unsigned char want[32];

        ref_verity(q, r[i].len, want, NULL, NULL);
        assert_hash(r[i].digest.verity, want);
        ck_assert(memcmp(d.xxh3, r[i].digest.xxh3, SOV_XXH3_LEN) == 0);
        ck_assert_uint_eq(r[i].digest.size, r[i].len);
        ck_assert_uint_eq(r[i].digest.has, SOV_HASH_VERITY | SOV_HASH_XXH3);
    }
}

static void
random_split(void)
{
    struct sov_hash_range r[200];
    size_t len = 1 + random_below(random_below(3) == 0 ? 5 * MIB : 300000);
    size_t n = random_ranges(r, 200, len);
    unsigned char *p = noise(len);
    struct sov_digest want = whole(p, len, ALL);
    size_t late = random_below(3) == 0 && n > 0 ? r[0].off : 0;
    struct sov_digest got;
    sov_hasher *h = NULL;
    struct sov_err err;
    size_t at = late;

    ck_assert_int_eq(sov_hasher_new(&h, ALL, &err), 0);
    ck_assert_int_eq(sov_hasher_update(h, p, late, &err), 0);
    ck_assert_int_eq(sov_hasher_ranges(h, r, n, &err), 0);
    while (at < len) {
        size_t step = random_step(len - at);

        ck_assert_int_eq(sov_hasher_update(h, p + at, step, &err), 0);
        at += step;
    }
    ck_assert_int_eq(sov_hasher_final(h, &got, &err), 0);
    ck_assert(memcmp(&want, &got, sizeof(got)) == 0);
    check_ranges(p, r, n);
    sov_hasher_free(h);
    free(p);
}

static void
random_splits(void)
{
    for (int i = 0; i < 40; i++)
        random_split();
}

START_TEST(any_split_gives_the_same)
{
    seed = 7;
    every_way(random_splits);
}
END_TEST

/* A range as long as several batches of all threads, and its neighbours. */
START_TEST(ranges_span_batches)
{
    size_t len = 70 * MIB + 123;
    unsigned char *p = noise(len);
    struct sov_hash_range r[] = {
        { .off = 5, .len = 4096 },
        { .off = 5 + 4096, .len = 40 * MIB },
        { .off = 5 + 4096 + 40 * MIB, .len = 17 },
        { .off = 41 * MIB, .len = 20 * MIB + 5 },
        { .off = len - 3 * MIB, .len = 3 * MIB },
        { .off = len, .len = 0 },
    };
    struct sov_digest d;
    sov_hasher *h = NULL;
    struct sov_err err;

    for (unsigned t = 1; t < 4; t++) {
        sov_set_threads(t);
        ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_XXH3,
                                        &err), 0);
        ck_assert_int_eq(sov_hasher_ranges(h, r, 6, &err), 0);
        ck_assert_int_eq(sov_hasher_update(h, p, 777, &err), 0);
        ck_assert_int_eq(sov_hasher_update(h, p + 777, len - 777, &err), 0);
        ck_assert_int_eq(sov_hasher_final(h, &d, &err), 0);
        check_ranges(p, r, 6);
        sov_hasher_free(h);
    }
    sov_set_threads(0);
    free(p);
}
END_TEST

static int
offer(uint64_t before, struct sov_hash_range *r, size_t n, uint64_t len)
{
    unsigned char p[10000] = { 0 };
    struct sov_digest d;
    sov_hasher *h = NULL;
    struct sov_err err;
    int rc;

    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_VERITY, &err), 0);
    ck_assert_int_eq(sov_hasher_update(h, p, before, &err), 0);
    rc = sov_hasher_ranges(h, r, n, &err);
    if (rc == 0)
        rc = sov_hasher_update(h, p, len, &err);
    if (rc == 0)
        rc = sov_hasher_final(h, &d, &err);
    sov_hasher_free(h);
    return rc;
}

START_TEST(bad_ranges_are_refused)
{
    struct sov_hash_range r[2] = { { .off = 10, .len = 5 },
                                   { .off = 15, .len = 100 } };

    ck_assert_int_eq(offer(10, r, 2, 105), 0);
    ck_assert_int_eq(offer(10, r, 2, 104), SOV_EFORMAT);
    ck_assert_int_eq(offer(11, r, 2, 200), SOV_EARG);
    r[1].off = 14;
    ck_assert_int_eq(offer(0, r, 2, 200), SOV_EARG);
    r[1].off = 4;
    ck_assert_int_eq(offer(0, r, 2, 200), SOV_EARG);
    r[1].off = UINT64_MAX;
    ck_assert_int_eq(offer(0, r, 2, 200), SOV_EARG);
    r[1].len = 0;
    ck_assert_int_eq(offer(0, r, 2, 200), SOV_EFORMAT);
    r[1].off = 200;
    ck_assert_int_eq(offer(0, r, 2, 200), 0);
    ck_assert_int_eq(offer(0, r, 2, 199), SOV_EFORMAT);
}
END_TEST

START_TEST(xxh3_alone_leaves_ranges_without_verity)
{
    struct sov_hash_range r = { .off = 3, .len = 4 };
    struct sov_digest d;
    sov_hasher *h = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_XXH3, &err), 0);
    ck_assert_int_eq(sov_hasher_ranges(h, &r, 1, &err), 0);
    ck_assert_int_eq(sov_hasher_ranges(h, &r, 1, &err), SOV_EARG);
    ck_assert_int_eq(sov_hasher_update(h, "0123456789", 10, &err), 0);
    ck_assert_int_eq(sov_hasher_final(h, &d, &err), 0);
    ck_assert_uint_eq(r.digest.has, SOV_HASH_XXH3);
    d = whole("3456", 4, SOV_HASH_XXH3);
    ck_assert(memcmp(d.xxh3, r.digest.xxh3, SOV_XXH3_LEN) == 0);
    ck_assert_int_eq(sov_hasher_update(h, "", 0, &err), SOV_EARG);
    ck_assert_int_eq(sov_hasher_final(h, &d, &err), SOV_EARG);
    sov_hasher_free(h);
    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_GROUPS, &err), SOV_EARG);
}
END_TEST

/* ---- groups that are known */

/* Bytes taken until it fails; *rc is then how, or 0. */
static size_t
feed(const unsigned char *p, size_t len, size_t step,
     const unsigned char *groups, size_t n, int *rc, struct sov_err *err)
{
    struct sov_digest d;
    sov_hasher *h = NULL;
    size_t at = 0;

    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_SHA256, err),
                     0);
    *rc = sov_hasher_expect(h, groups, n, err);
    while (*rc == 0 && at < len) {
        size_t take = step < len - at ? step : len - at;

        *rc = sov_hasher_update(h, p + at, take, err);
        at += take;
    }
    if (*rc == 0)
        *rc = sov_hasher_final(h, &d, err);
    else if (*rc == SOV_ENO)
        ck_assert_int_eq(sov_hasher_final(h, &d, NULL), SOV_ENO);
    sov_hasher_free(h);
    return at;
}

static void
check_expect(void)
{
    size_t len = 5 * SOV_GROUP_SIZE + 1000;
    unsigned char *p = noise(len);
    unsigned char want[32];
    unsigned char *groups;
    struct sov_err err;
    size_t n;
    int rc;

    ref_verity(p, len, want, &groups, &n);
    ck_assert_uint_eq(n, 6);
    for (size_t step = 100; step < 4 * MIB; step = step * 7 + 1) {
        size_t end = (3 * SOV_GROUP_SIZE + step - 1) / step * step;

        ck_assert_uint_eq(feed(p, len, step, groups, n, &rc, &err), len);
        ck_assert_int_eq(rc, 0);
        p[2 * SOV_GROUP_SIZE + 17] ^= 1;
        ck_assert_uint_eq(feed(p, len, step, groups, n, &rc, &err),
                          end < len ? end : len);
        ck_assert_int_eq(rc, SOV_ENO);
        ck_assert_ptr_nonnull(strstr(err.msg, "bytes 1048576 to 1572863"));
        p[2 * SOV_GROUP_SIZE + 17] ^= 1;
        p[len - 1] ^= 1;
        feed(p, len, step, groups, n, &rc, &err);
        ck_assert_int_eq(rc, SOV_ENO);
        p[len - 1] ^= 1;
        feed(p, len - 1000, step, groups, n, &rc, &err);
        ck_assert_int_eq(rc, SOV_ENO);
        feed(p, len, step, groups, n - 1, &rc, &err);
        ck_assert_int_eq(rc, SOV_ENO);
        feed(p, 10, step, groups, n, &rc, &err);
        ck_assert_int_eq(rc, SOV_ENO);
        feed(p, len, step, NULL, 0, &rc, &err);
        ck_assert_int_eq(rc, 0);
    }
    free(groups);
    free(p);
}

START_TEST(known_groups_stop_a_stream_at_the_first_that_differs)
{
    unsigned char one[64] = { 0 };
    sov_hasher *h = NULL;
    struct sov_err err;

    every_way(check_expect);
    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_VERITY, &err), 0);
    ck_assert_int_eq(sov_hasher_expect(h, one, 1, &err), SOV_EARG);
    ck_assert_int_eq(sov_hasher_update(h, "x", 1, &err), 0);
    ck_assert_int_eq(sov_hasher_expect(h, one, 2, &err), SOV_EARG);
    sov_hasher_free(h);
    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_XXH3, &err), 0);
    ck_assert_int_eq(sov_hasher_expect(h, one, 2, &err), SOV_EARG);
    sov_hasher_free(h);
}
END_TEST

/* ---- files, pipes, sinks */

static void
scratch_file(char *path, const void *p, size_t len)
{
    int fd;

    strcpy(path, "/tmp/sov-t-hash-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, p, len), (ssize_t)len);
    close(fd);
}

START_TEST(files_and_pipes_are_hashed)
{
    size_t len = 9 * MIB + 77;
    unsigned char *p = noise(len);
    struct sov_digest want = whole(p, len, ALL & ~SOV_HASH_GROUPS);
    struct sov_digest got;
    char command[200];
    struct sov_file f;
    struct sov_err err;
    char path[64];
    FILE *pipe;
    int saved;

    scratch_file(path, p, len);
    ck_assert_int_eq(sov_hash_path(path, want.has, &got, &err), 0);
    ck_assert(memcmp(&want, &got, sizeof(got)) == 0);
    ck_assert_int_eq(sov_file_open(&f, path, &err), 0);
    ck_assert_int_eq(lseek(f.fd, 1234, SEEK_SET), 1234);
    ck_assert_int_eq(sov_hash_file(&f, want.has, &got, &err), 0);
    ck_assert_int_eq(lseek(f.fd, 0, SEEK_CUR), 1234);
    ck_assert(memcmp(&want, &got, sizeof(got)) == 0);
    sov_file_close(&f);

    snprintf(command, sizeof(command), "cat %s", path);
    pipe = popen(command, "r");
    saved = dup(0);
    dup2(fileno(pipe), 0);
    ck_assert_int_eq(sov_hash_path("-", want.has, &got, &err), 0);
    dup2(saved, 0);
    close(saved);
    pclose(pipe);
    ck_assert(memcmp(&want, &got, sizeof(got)) == 0);
    if (access("/proc/version", R_OK) == 0) {
        ck_assert_int_eq(sov_hash_path("/proc/version", want.has, &got, &err),
                         0);
        ck_assert_uint_gt(got.size, 0);
    }
    unlink(path);
    ck_assert_int_eq(sov_hash_path(path, want.has, &got, &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_INPUT);
    free(p);
}
END_TEST

/* Address space for buffers, not for the file. */
static void
forbid_maps(void)
{
    unsigned long pages = 0;
    struct rlimit limit;
    FILE *f = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = pages * (unsigned long)sysconf(_SC_PAGESIZE) + 20 * MIB;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(a_file_that_cannot_be_mapped_is_read)
{
    const char *sanitized = getenv("SOV_SANITIZED");
    size_t len = 30 * MIB + 5;
    unsigned char *p = noise(len);
    struct sov_digest want = whole(p, len, SOV_HASH_VERITY);
    struct sov_digest got;
    struct sov_err err;
    char path[64];

    scratch_file(path, p, len);
    if (sanitized == NULL || *sanitized == '\0')
        forbid_maps();
    sov_set_threads(1);
    ck_assert_int_eq(sov_hash_path(path, SOV_HASH_VERITY, &got, &err), 0);
    ck_assert(memcmp(&want, &got, sizeof(got)) == 0);
    unlink(path);
    free(p);
}
END_TEST

START_TEST(a_sink_hashes_what_it_writes)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    size_t len = 3 * MIB + 5;
    unsigned char *p = noise(len);
    struct sov_digest want = whole(p, len, SOV_HASH_SHA256);
    unsigned char groups[64] = { 0 };
    sov_sink *sink = NULL;
    struct sov_digest got;
    sov_hasher *h = NULL;
    struct sov_err err;
    char path[64];

    scratch_file(path, "", 0);
    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_SHA256, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, path, &opts, &err), 0);
    sov_sink_hash(sink, h);
    ck_assert_int_eq(sov_sink_write(sink, p, 1000, &err), 0);
    ck_assert_int_eq(sov_sink_write(sink, p + 1000, len - 1000, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    ck_assert_int_eq(sov_hasher_final(h, &got, &err), 0);
    assert_hash(got.sha256, want.sha256);
    sov_hasher_free(h);

    ck_assert_int_eq(sov_hasher_new(&h, SOV_HASH_VERITY, &err), 0);
    ck_assert_int_eq(sov_hasher_expect(h, groups, 2, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, path, &opts, &err), 0);
    sov_sink_hash(sink, h);
    ck_assert_int_eq(sov_sink_write(sink, p, len, &err), SOV_ENO);
    sov_sink_abort(sink);
    sov_hasher_free(h);
    unlink(path);
    free(p);
}
END_TEST

/* Hashing inside a loop over all threads is a loop on one of them. */
static void
hash_inside(void *arg, size_t first, size_t last, unsigned worker)
{
    const unsigned char *p = arg;
    struct sov_digest d;
    unsigned char want[32];

    (void)worker;
    for (size_t i = first; i < last; i++) {
        d = whole(p + i, 2 * MIB, ALL);
        sov_sha256(p + i, 2 * MIB, want);
        ck_assert(memcmp(d.sha256, want, 32) == 0);
        ref_verity(p + i, 2 * MIB, want, NULL, NULL);
        ck_assert(memcmp(d.verity, want, 32) == 0);
    }
}

START_TEST(hashers_work_beside_one_another)
{
    unsigned char *p = noise(2 * MIB + 64);

    sov_set_threads(3);
    sov_par_for(6, 1, hash_inside, p);
    sov_set_threads(0);
    free(p);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("hash");

    tcase_add_test(tc, sha256_is_the_published_one);
    tcase_add_test(tc, golden_files_have_their_digests);
    tcase_add_test(tc, trees_are_right_at_every_edge);
    tcase_add_test(tc, trees_are_right_beyond_a_third_level);
    tcase_add_test(tc, kernels_agree_bit_for_bit);
    tcase_add_test(tc, any_split_gives_the_same);
    tcase_add_test(tc, ranges_span_batches);
    tcase_add_test(tc, bad_ranges_are_refused);
    tcase_add_test(tc, xxh3_alone_leaves_ranges_without_verity);
    tcase_add_test(tc, known_groups_stop_a_stream_at_the_first_that_differs);
    tcase_add_test(tc, files_and_pipes_are_hashed);
    tcase_add_test(tc, a_file_that_cannot_be_mapped_is_read);
    tcase_add_test(tc, a_sink_hashes_what_it_writes);
    tcase_add_test(tc, hashers_work_beside_one_another);
    return unit_main("hash", tc);
}
