/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_saved.c - any bytes as a saved session
 *
 * The first byte says whether the sums are made right before they are checked:
 * behind them is all that there is to find.  What is accepted lies in the file:
 * every block is read where it begins and where it ends.
 */
#include "base/le.h"
#include "run/saved.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
sign(unsigned char *p, size_t size)
{
    size_t at = SOV_SAVED_PAGE;

    if (size < at)
        return;
    sov_xxh3(p, at - SOV_XXH3_LEN, p + at - SOV_XXH3_LEN);
    while (size - at >= SOV_SAVED_PAGE) {
        uint64_t n = sov_le64(p + at + 8);

        if (n < SOV_SAVED_PAGE || n > size - at)
            return;
        memcpy(p + at + 48, p + at - SOV_XXH3_LEN, SOV_XXH3_LEN);
        at += (size_t)n;
        sov_xxh3(p + at - n, (size_t)n - SOV_XXH3_LEN, p + at - SOV_XXH3_LEN);
    }
}

/* Reads both ends of what each head has; they are in the file, or this ends. */
static unsigned
touch(const unsigned char *p, size_t step, uint32_t heads, uint32_t bytes)
{
    if (heads == 0 || bytes == 0)
        return 0;
    return (unsigned)p[0] + p[(heads - 1) * step + bytes - 1];
}

static void
check(const struct sov_saved *s, const unsigned char *p, size_t size)
{
    volatile unsigned sum = 0;

    if (s->n_blocks != sov_blocks_of(s->n_read) || s->n_read > s->n_ids ||
        s->size > size)
        abort();
    for (size_t i = 0; i < s->n_ids; i++)
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= s->form.n_vocab)
            abort();
    for (size_t i = 0; i < s->n_blocks; i++) {
        const struct sov_saved_block *b = &s->block[i];

        sum += touch(b->far, b->far_step, s->form.heads, s->form.bytes);
        if (b->near != NULL)
            sum += touch(b->near, b->near_step, s->form.local_heads,
                         s->form.bytes);
    }
    if (s->messages.len > 0 &&
        (s->messages.p < p || s->messages.p + s->messages.len > p + size))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_saved s = { .file = { .fd = -1 } };
    struct sov_err err = { 0 };
    unsigned char *copy;
    int rc;

    if (size == 0)
        return 0;
    copy = malloc(size - 1 + (size == 1));
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if ((data[0] & 1) != 0)
        sign(copy, size - 1);
    rc = sov_saved_parse(&s, copy, size - 1, &err);
    if (rc < 0 && (err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL))
        abort();
    if (rc == 0)
        check(&s, copy, size - 1);
    free(s.ids);
    free(s.block);
    free(copy);
    return 0;
}
