/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_few.c - any bytes as samples of a teacher's distributions
 *
 * The first byte says whether the sums are made right before they are checked:
 * behind them is all that there is to find.  What is read are samples: rising
 * ids of the vocabulary, and counts that add up.
 */
#include "base/le.h"
#include "distill/cache_in.h"

#include <stdlib.h>
#include <string.h>

#define MOST 4096 /* tokens that are read of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sums of header, model and index; and of blocks where the index has
 * them. */
static void
sign(unsigned char *p, size_t size)
{
    struct sov_sum *h = sov_sum_new();
    struct sov_few_about a = { 0 };
    uint64_t model, at, index, end;

    if (h == NULL || size < SOV_FEW_HEAD + SOV_FEW_FOOT) {
        sov_sum_free(h);
        return;
    }
    sov_xxh3(p, SOV_FEW_HEAD - SOV_XXH3_LEN, p + SOV_FEW_HEAD - SOV_XXH3_LEN);
    a.n_vocab = sov_le32(p + 132);
    a.n_draws = sov_le32(p + 136);
    model = sov_few_model_bytes(&a);
    index = sov_le64(p + size - SOV_FEW_FOOT);
    at = SOV_FEW_HEAD + model;
    if (model <= size - SOV_FEW_HEAD && index <= size - SOV_FEW_FOOT &&
        at <= index) {
        const unsigned char *sum = p + SOV_FEW_HEAD - SOV_XXH3_LEN;

        sov_few_sum(h, sum, NULL, p + SOV_FEW_HEAD, model - SOV_XXH3_LEN,
                    p + at - SOV_XXH3_LEN);
        for (uint64_t i = 0; index + 8 * i + 8 <= size - SOV_FEW_FOOT; i++) {
            end = sov_le64(p + index + 8 * i);
            if (end > index || end < at || end - at < SOV_XXH3_LEN)
                break;
            sov_few_sum(h, sum, &i, p + at + SOV_XXH3_LEN,
                        end - at - SOV_XXH3_LEN, p + at);
            at = end;
        }
        sov_few_sum(h, sum, NULL, p + index, size - index - SOV_XXH3_LEN,
                    p + size - SOV_XXH3_LEN);
    }
    sov_sum_free(h);
}

static void
check(const struct sov_few_about *a, const struct sov_few *few)
{
    uint64_t sum = 0;

    if (few->n == 0 || few->n > a->n_draws)
        abort();
    for (uint32_t i = 0; i < few->n; i++) {
        if (few->id[i] < 0 || (uint32_t)few->id[i] >= a->n_vocab ||
            (i > 0 && few->id[i] <= few->id[i - 1]) || few->count[i] == 0)
            abort();
        sum += few->count[i];
    }
    if (sum != a->n_draws)
        abort();
}

static void
read_all(struct sov_few_cache *c)
{
    static struct sov_few few[MOST];
    static float top[MOST];
    uint64_t n = c->about.n_tokens;
    size_t most = n < MOST ? (size_t)n : MOST;

    if (sov_few_read(c, 0, most, few, top, NULL) == 0)
        for (size_t i = 0; i < most; i++)
            check(&c->about, &few[i]);
    if (sov_few_read(c, n / 2, 1, few, top, NULL) == 0)
        check(&c->about, &few[0]);
    if (sov_few_match(c, &c->about, NULL) < 0 && c->about.temp > 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_few_cache c = { .file = { .fd = -1 } };
    struct sov_err err = { 0 };
    unsigned char *copy;

    if (size == 0)
        return 0;
    copy = malloc(size - 1 + (size == 1));
    if (copy == NULL)
        return 0;
    memcpy(copy, data + 1, size - 1);
    if (data[0] != 0)
        sign(copy, size - 1);
    if (sov_few_parse(&c, copy, size - 1, &err) == 0)
        read_all(&c);
    else if (err.msg[0] == '\0')
        abort();
    sov_few_drop(&c);
    free(copy);
    return 0;
}
