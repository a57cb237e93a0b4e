/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_codec.c - every instruction set decodes and encodes alike
 *
 * kern/generic is the specification: what the others give must be the same
 * bytes, for every length and for every input, however odd.  Only of a NaN
 * that a decoder makes the bits are free.
 */
#include "unit.h"

#include "base/rng.h"
#include "kern/kern.h"
#include "quant/codec.h"
#include "tensor/half.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_WEIGHTS (5 * 512 + 3 * 256)

static const char *const isas[] = { "avx2", "avx512", "neon" };

/* Calls check(kern, codec, info) for every ISA here and every codec. */
static void
for_each(void (*check)(const struct sov_kern *k, const struct sov_codec *c,
                       const struct sov_type_info *info))
{
    const struct sov_codec *c;

    for (size_t j = 0; j < sizeof(isas) / sizeof(isas[0]); j++) {
        const struct sov_kern *k = sov_kern_for(isas[j]);

        if (k == NULL) {
            printf("%s: not here\n", isas[j]);
            continue;
        }
        for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++)
            if (c->type < SOV_TYPE_GGUF_MAX)
                check(k, c, sov_type_info(c->type));
    }
}

static uint32_t
random_bits(uint64_t stream, uint64_t i)
{
    uint32_t r[4];

    sov_rng_block(7, stream, i / 4, r);
    return r[i % 4];
}

static void
check_decode(const struct sov_kern *k, const struct sov_codec *c,
             const struct sov_type_info *info)
{
    static float want[MAX_WEIGHTS], got[MAX_WEIGHTS + 1];

    if (k->decode[c->type] == c->decode)
        return;
    for (size_t blocks = 0; blocks * info->block <= 1024; blocks++) {
        size_t n = blocks * info->block;
        unsigned char *b = malloc(blocks * info->bytes + 1);

        if (blocks > 40 && blocks % 37 != 0) {
            free(b);
            continue;
        }
        for (size_t i = 0; i < blocks * info->bytes; i++)
            b[i] = (unsigned char)random_bits(blocks, i);
        got[n] = 42.0f;
        c->decode(b, want, n);
        k->decode[c->type](b, got, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(memcmp(&want[i], &got[i], sizeof(float)) == 0 ||
                              (isnan(want[i]) && isnan(got[i])),
                          "%s %s: %zu blocks, weight %zu", k->isa, info->name,
                          blocks, i);
        ck_assert(got[n] == 42.0f);
        free(b);
    }
}

START_TEST(decoders_agree)
{
    for_each(check_decode);
}
END_TEST

/* All 65536 half floats, so all NaN as well, to the bit. */
START_TEST(every_half_agrees)
{
    static uint8_t h[2 * 65536];
    static float want[65536], got[65536];
    static const int types[] = { SOV_TYPE_F16, SOV_TYPE_BF16 };

    for (int i = 0; i < 65536; i++) {
        h[2 * i] = (uint8_t)i;
        h[2 * i + 1] = (uint8_t)(i >> 8);
    }
    for (size_t t = 0; t < 2; t++)
        for (size_t j = 0; j < sizeof(isas) / sizeof(isas[0]); j++) {
            const struct sov_kern *k = sov_kern_for(isas[j]);

            if (k == NULL)
                continue;
            sov_codec_find(types[t])->decode(h, want, 65536);
            k->decode[types[t]](h, got, 65536);
            ck_assert(memcmp(want, got, sizeof(want)) == 0);
        }
}
END_TEST

/* ---- inputs of encoders */

enum input {
    NORMAL,
    OUTLIERS,
    ZEROS,
    CONSTANT,
    SUBNORMAL,
    HUGE_VALUES,
    MIXED_SCALES,
    NONFINITE,
    ANY_BITS,
    N_INPUTS,
};

static float
normal(uint64_t stream, uint64_t i)
{
    double sum = -6.0;

    for (uint64_t j = 0; j < 12; j++)
        sum += sov_rng_unit(11, stream * 16 + j, i);
    return (float)sum;
}

static float
input_at(enum input kind, size_t i)
{
    uint32_t r = random_bits(100 + kind, i);
    float x = normal(kind, i);

    switch (kind) {
    case NORMAL:
        return 0.02f * x;
    case OUTLIERS:
        return r % 97 == 0 ? 3.0f * x : 0.02f * x;
    case ZEROS:
        return r % 2 == 0 ? 0.0f : -0.0f;
    case CONSTANT:
        return i / 256 % 2 == 0 ? 0.75f : -1e-3f;
    case SUBNORMAL:
        return sov_f32_from_bits(r & 0x807fffff);
    case HUGE_VALUES:
        return x * 1e37f;
    case MIXED_SCALES:
        return x * ldexpf(1.0f, (int)(r % 90) - 60);
    case NONFINITE:
        return r % 31 == 0   ? NAN
               : r % 37 == 0 ? INFINITY
               : r % 41 == 0 ? -INFINITY
                             : 0.02f * x;
    default:
        return sov_f32_from_bits(r);
    }
}

/* What may come out of statistics, and what should not. */
enum importance {
    NONE, /* NULL */
    USUAL,
    ALL_ZERO,
    LARGE,
    FEW,
    TINY,
    ANY,
    N_IMPORTANCES,
};

static float
importance_at(enum importance kind, size_t i)
{
    float x = normal(50, i);

    switch (kind) {
    case USUAL:
        return 0.01f + x * x;
    case LARGE:
        return 1e30f * x * x;
    case FEW:
        return i % 61 == 0 ? 1e30f : i % 7 == 0 ? x * x : 0.0f;
    case TINY:
        return 1e-40f * x * x;
    case ANY:
        return input_at(ANY_BITS, i + 1);
    default:
        return 0.0f;
    }
}

static void
check_encode(const struct sov_kern *k, const struct sov_codec *c,
             const struct sov_type_info *info)
{
    static const int efforts[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100 };
    static float x[MAX_WEIGHTS], imp[MAX_WEIGHTS];
    static unsigned char want[MAX_WEIGHTS * 4 + 1], got[MAX_WEIGHTS * 4 + 1];

    if (c->encode == NULL)
        ck_assert(k->encode[c->type] == NULL);
    if (k->encode[c->type] == c->encode)
        return;
    for (int input = 0; input < N_INPUTS; input++) {
        for (size_t i = 0; i < MAX_WEIGHTS; i++)
            x[i] = input_at((enum input)input, i);
        for (int trial = 0; trial < 2 * N_IMPORTANCES; trial++) {
            int weight = trial % N_IMPORTANCES;
            int effort = efforts[(trial + 3 * input) % 11];
            size_t n = trial == 0 ? MAX_WEIGHTS : (size_t)(trial % 9) * 256;
            size_t size;

            if (info->block < 256)
                n += info->block * (size_t)(trial % 7);
            if (n > MAX_WEIGHTS)
                n = MAX_WEIGHTS / info->block * info->block;
            for (size_t i = 0; i < n && weight > 0; i++)
                imp[i] = importance_at((enum importance)weight, i);
            size = n / info->block * info->bytes;
            memset(want, 0xa5, sizeof(want));
            memset(got, 0x5a, sizeof(got));
            c->encode(x, weight > 0 ? imp : NULL, want, n, effort);
            k->encode[c->type](x, weight > 0 ? imp : NULL, got, n, effort);
            ck_assert_msg(memcmp(want, got, size) == 0,
                          "%s %s: input %d, importance %d, effort %d, n %zu",
                          k->isa, info->name, input, weight, effort, n);
            ck_assert(want[size] == 0xa5 && got[size] == 0x5a);
        }
    }
}

START_TEST(encoders_agree)
{
    for_each(check_encode);
}
END_TEST

static void
check_finite(const struct sov_codec *c, enum input input, enum importance kind)
{
    static float x[MAX_WEIGHTS], imp[MAX_WEIGHTS], y[MAX_WEIGHTS];
    static unsigned char b[MAX_WEIGHTS * 4];
    const char *name = sov_type_info(c->type)->name;

    for (size_t i = 0; i < MAX_WEIGHTS; i++) {
        x[i] = input_at(input, i);
        imp[i] = importance_at(kind, i);
    }
    c->encode(x, kind == NONE ? NULL : imp, b, MAX_WEIGHTS, SOV_EFFORT_DEFAULT);
    c->decode(b, y, MAX_WEIGHTS);
    for (size_t i = 0; i < MAX_WEIGHTS; i++) {
        ck_assert_msg(isfinite(y[i]), "%s: input %d, importance %d, weight %zu",
                      name, input, kind, i);
        if (input == ZEROS)
            ck_assert_msg(y[i] == 0.0f, "%s: importance %d, weight %zu", name,
                          kind, i);
    }
}

/* Whatever goes in, blocks come out whose weights are finite numbers. */
START_TEST(blocks_are_finite)
{
    const struct sov_codec *c;

    for (size_t j = 0; (c = sov_codec_at(j)) != NULL; j++) {
        if (c->encode == NULL || sov_type_info(c->type)->kind != SOV_KIND_BLOCK)
            continue;
        for (int input = 0; input < N_INPUTS; input++)
            for (int kind = 0; kind < N_IMPORTANCES; kind++)
                check_finite(c, (enum input)input, (enum importance)kind);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kern_codec");

    tcase_add_test(tc, decoders_agree);
    tcase_add_test(tc, every_half_agrees);
    tcase_add_test(tc, encoders_agree);
    tcase_add_test(tc, blocks_are_finite);
    return unit_main("kern_codec", tc);
}
