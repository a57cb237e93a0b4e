/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weights.c - weights of any type as floats
 */
#include "sov/inspect.h"

#include "base/le.h"
#include "kern/kern.h"
#include "quant/codec.h"

typedef void (*decode_fn)(const void *blocks, float *y, size_t n);

static decode_fn
find(enum sov_type type)
{
    const struct sov_codec *codec;

    if ((int)type >= 0 && type < SOV_TYPE_GGUF_MAX &&
        sov_kern()->decode[type] != NULL)
        return sov_kern()->decode[type];
    codec = sov_codec_find(type);
    return codec != NULL ? codec->decode : NULL;
}

/* Integers of any width; the name says whether there are negative ones. */
static void
decode_int(const struct sov_type_info *info, const unsigned char *p, float *y,
           size_t n)
{
    bool negative = info->name[0] == 'i';
    unsigned bits = 8 * info->bytes;

    for (size_t i = 0; i < n; i++, p += info->bytes) {
        uint64_t u = 0;

        for (unsigned k = 0; k < info->bytes; k++)
            u |= (uint64_t)p[k] << 8 * k;
        if (negative && bits < 64 && u >> (bits - 1) != 0)
            u |= ~UINT64_C(0) << bits;
        y[i] = negative ? (float)(int64_t)u : (float)u;
    }
}

bool
sov_weights_known(enum sov_type type)
{
    const struct sov_type_info *info = sov_type_info((int)type);

    return info != NULL && (info->kind == SOV_KIND_INT || find(type) != NULL);
}

int
sov_weights_decode(enum sov_type type, const void *blocks, float *y, size_t n,
                   struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)type);
    decode_fn decode = info != NULL ? find(type) : NULL;

    if (info == NULL)
        return sov_fail(err, SOV_EARG, "there is no type %d", (int)type);
    if (n % info->block != 0)
        return sov_fail(err, SOV_EARG, "not whole blocks of %s", info->name);
    if (decode != NULL)
        decode(blocks, y, n);
    else if (info->kind == SOV_KIND_INT)
        decode_int(info, blocks, y, n);
    else
        return sov_fail(err, SOV_EUNSUP, "%s cannot be decoded", info->name);
    return 0;
}
