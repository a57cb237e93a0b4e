/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - the table of codecs
 */
#include "quant/codec.h"

static const struct sov_codec *const codecs[] = {
#define CODEC(name) &sov_codec_##name,
#include "quant/codecs.def"
#undef CODEC
};

#define N_CODECS (sizeof(codecs) / sizeof(codecs[0]))

const struct sov_codec *
sov_codec_at(size_t i)
{
    return i < N_CODECS ? codecs[i] : NULL;
}

const struct sov_codec *
sov_codec_find(enum sov_type type)
{
    for (size_t i = 0; i < N_CODECS; i++)
        if (codecs[i]->type == type)
            return codecs[i];
    return NULL;
}
