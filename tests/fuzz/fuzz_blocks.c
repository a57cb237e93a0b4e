/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_blocks.c - any bytes are blocks of every type
 *
 * The input is decoded as each type, by every instruction set that runs here,
 * and must give what the generic decoder gives; of a NaN the bits are free.
 * Then its floats are encoded as each type, alike by all, without importance
 * and with themselves as such, into blocks of finite numbers.
 */
#include "kern/kern.h"
#include "quant/codec.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
need(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);

    if (p == NULL)
        abort();
    return p;
}

/* Exactly as many bytes as are read, so that one more is noticed. */
static void *
copy_of(const void *data, size_t size)
{
    void *p = need(size);

    if (size > 0)
        memcpy(p, data, size);
    return p;
}

static void
compare_decode(const struct sov_kern *k, const struct sov_codec *c,
               const uint8_t *data, size_t n)
{
    float *want = need(n * sizeof(float));
    float *got = need(n * sizeof(float));

    c->decode(data, want, n);
    k->decode[c->type](data, got, n);
    for (size_t i = 0; i < n; i++)
        if (memcmp(&want[i], &got[i], sizeof(float)) != 0 &&
            !(isnan(want[i]) && isnan(got[i])))
            abort();
    free(want);
    free(got);
}

static void
compare_encode(const struct sov_kern *k, const struct sov_codec *c,
               const float *x, size_t n, size_t size)
{
    uint8_t *want = need(size);
    uint8_t *got = need(size);
    float *y = need(n * sizeof(float));
    int effort = 1 + (int)(n / 32 % 9);

    for (int imp = 0; imp < 2; imp++) {
        c->encode(x, imp ? x : NULL, want, n, effort);
        k->encode[c->type](x, imp ? x : NULL, got, n, effort);
        if (memcmp(want, got, size) != 0)
            abort();
        c->decode(want, y, n);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(y[i]))
                abort();
    }
    free(want);
    free(got);
    free(y);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const isas[] = { "generic", "avx2", "avx512", "neon" };
    const struct sov_codec *c;

    if (size > 16384)
        size = 16384;
    for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++) {
        const struct sov_type_info *info = sov_type_info(c->type);
        size_t blocks = size / info->bytes;
        size_t rows = size / sizeof(float) / info->block;
        uint8_t *in = copy_of(data, blocks * info->bytes);
        float *x = copy_of(data, rows * info->block * sizeof(float));

        for (size_t j = 0; j < sizeof(isas) / sizeof(isas[0]); j++) {
            const struct sov_kern *k = sov_kern_for(isas[j]);

            if (k == NULL || c->type >= SOV_TYPE_GGUF_MAX)
                continue;
            compare_decode(k, c, in, blocks * info->block);
            if (c->encode != NULL && info->kind == SOV_KIND_BLOCK)
                compare_encode(k, c, x, rows * info->block, rows * info->bytes);
        }
        if (c->type >= SOV_TYPE_GGUF_MAX) {
            float *y = need(blocks * info->block * sizeof(float));

            c->decode(in, y, blocks * info->block);
            free(y);
        }
        free(in);
        free(x);
    }
    return 0;
}
