/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_checkpoint.c - any bytes as a checkpoint of a run of training
 *
 * As they are, and with the sum at their end put right, which no mutation
 * would hit upon.
 */
#include "distill/checkpoint.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
room(uint64_t n, size_t size)
{
    void *p = calloc((size_t)n + 1, size);

    if (p == NULL)
        abort();
    return p;
}

/* All of what was found can be looked at, and is within the bytes. */
static void
look(const struct sov_ckpt *c, size_t size)
{
    struct sov_distill_point *point = room(c->steps, sizeof(*point));
    struct sov_distill_eval *eval = room(c->n_evals, sizeof(*eval));
    float *x = room(c->count, sizeof(*x));

    if (c->points.len + c->evals.len + c->arrays.len > size)
        abort();
    sov_ckpt_points(c, point);
    sov_ckpt_evals(c, eval);
    for (uint32_t i = 0; i < c->n_arrays; i++) {
        sov_ckpt_array(c, i, 0, c->count, x);
        if (c->count > 1)
            sov_ckpt_array(c, i, c->count / 2, c->count, x);
    }
    if (sov_ckpt_differs(&c->id, &c->id) != NULL)
        abort();
    free(point);
    free(eval);
    free(x);
}

static void
try(const uint8_t *data, size_t size)
{
    struct sov_err err = { 0 };
    struct sov_ckpt c;
    int rc = sov_ckpt_parse(&c, data, size, &err);

    if (rc == 0)
        look(&c, size);
    else if (rc != SOV_EFORMAT || err.msg[0] == '\0')
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    if (copy == NULL)
        abort();
    try(data, size);
    if (size > 0)
        memcpy(copy, data, size);
    if (size >= SOV_XXH3_LEN)
        sov_xxh3(copy, size - SOV_XXH3_LEN, copy + size - SOV_XXH3_LEN);
    try(copy, size);
    free(copy);
    return 0;
}
