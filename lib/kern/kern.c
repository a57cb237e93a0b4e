/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kern.c - the tables of kernels: generic rows, overlaid by rising ISA
 *
 * All tables that can run here are built at the first call, under one
 * pthread_once, and never change afterwards.
 */
#include "config.h"

#include "kern/kern.h"
#include "kern/overlay.h"
#include "quant/codec.h"
#include "sov/base.h"
#include "sys/cpu.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

struct overlay {
    enum sov_isa isa;
    void (*lay)(struct sov_kern *k);
};

static const struct overlay overlays[] = {
#define OVERLAY(ISA, isa, part) { SOV_ISA_##ISA, sov_kern_##isa##_##part },
#include "kern/overlays.def"
#undef OVERLAY
    { SOV_ISA_COUNT, NULL },
};

static const bool is_built[SOV_ISA_COUNT] = {
    [SOV_ISA_GENERIC] = true,
#ifdef SOV_HAVE_AVX2
    [SOV_ISA_AVX2] = true,
#endif
#ifdef SOV_HAVE_AVXVNNI
    [SOV_ISA_AVXVNNI] = true,
#endif
#ifdef SOV_HAVE_AVX512
    [SOV_ISA_AVX512] = true,
#endif
#ifdef SOV_HAVE_AVX512VBMI
    [SOV_ISA_AVX512VBMI] = true,
#endif
#ifdef SOV_HAVE_AVX512BF16
    [SOV_ISA_AVX512BF16] = true,
#endif
#ifdef SOV_HAVE_NEON
    [SOV_ISA_NEON] = true,
#endif
};

static struct sov_kern tables[SOV_ISA_COUNT];
static bool usable[SOV_ISA_COUNT];
static enum sov_isa best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
codec_slots(struct sov_kern *k)
{
    const struct sov_codec *c;

    for (size_t i = 0; (c = sov_codec_at(i)) != NULL; i++) {
        if ((unsigned)c->type >= SOV_TYPE_GGUF_MAX)
            continue;
        k->decode[c->type] = c->decode;
        k->encode[c->type] = c->encode;
    }
}

static void
build_table(enum sov_isa isa)
{
    struct sov_kern *k = &tables[isa];

    k->isa = sov_isa_name(isa);
    codec_slots(k);
    for (const struct overlay *o = overlays; o->lay != NULL; o++)
        if (o->isa <= isa && usable[o->isa])
            o->lay(k);
}

static void
build_tables(void)
{
    for (int i = 0; i < SOV_ISA_COUNT; i++) {
        enum sov_isa isa = (enum sov_isa)i;

        usable[i] = is_built[i] && sov_isa_usable(isa);
        if (!usable[i])
            continue;
        build_table(isa);
        best = isa;
    }
}

const struct sov_kern *
sov_kern(void)
{
    pthread_once(&once, build_tables);
    return &tables[best];
}

const struct sov_kern *
sov_kern_for(const char *isa)
{
    pthread_once(&once, build_tables);
    for (int i = 0; i < SOV_ISA_COUNT; i++)
        if (usable[i] && strcmp(sov_isa_name((enum sov_isa)i), isa) == 0)
            return &tables[i];
    return NULL;
}

const char *
sov_isa(void)
{
    return sov_kern()->isa;
}
