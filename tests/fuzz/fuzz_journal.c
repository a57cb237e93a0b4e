/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_journal.c - any bytes as the journal of an output that is not whole
 *
 * As they are, and with every record's check put right, which no mutation
 * would hit upon.
 */
#include "compress/journal.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct sov_journal *j, size_t size)
{
    unsigned char record[SOV_JOURNAL_RECORD];

    if (j->end > size || j->end % SOV_JOURNAL_RECORD != 0 ||
        j->n >= j->end / SOV_JOURNAL_RECORD + 1 || (j->n > 0 && !j->begun))
        abort();
    for (size_t i = 0; i < j->n; i++) {
        const struct sov_journal_tensor *t = &j->tensor[i];

        if (t->end > j->end ||
            (i > 0 && (t->tensor <= t[-1].tensor || t->end <= t[-1].end)))
            abort();
        sov_journal_put_tensor(record, t);
    }
}

/* What was read can be written, and read again. */
static void
write_again(const struct sov_journal *j)
{
    size_t len = (j->n + 1) * SOV_JOURNAL_RECORD;
    unsigned char *bytes = malloc(len);
    struct sov_journal k;

    if (bytes == NULL)
        abort();
    sov_journal_put_begin(bytes, &j->begin);
    for (size_t i = 0; i < j->n; i++)
        sov_journal_put_tensor(bytes + (i + 1) * SOV_JOURNAL_RECORD,
                               &j->tensor[i]);
    if (sov_journal_parse(&k, bytes, len, NULL) < 0 || k.end != len ||
        k.n != j->n || memcmp(&k.begin, &j->begin, sizeof(k.begin)) != 0)
        abort();
    for (size_t i = 0; i < k.n; i++)
        if (k.tensor[i].tensor != j->tensor[i].tensor ||
            k.tensor[i].replaced != j->tensor[i].replaced ||
            memcmp(k.tensor[i].source, j->tensor[i].source, SOV_XXH3_LEN) ||
            memcmp(k.tensor[i].result, j->tensor[i].result, SOV_XXH3_LEN))
            abort();
    sov_journal_free(&k);
    free(bytes);
}

static void
try(const uint8_t *data, size_t size)
{
    struct sov_journal j;

    if (sov_journal_parse(&j, data, size, NULL) < 0)
        abort();
    check(&j, size);
    if (j.begun)
        write_again(&j);
    sov_journal_free(&j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);

    if (copy == NULL)
        abort();
    try(data, size);
    memcpy(copy, data, size);
    for (size_t at = 0; size - at >= SOV_JOURNAL_RECORD;
         at += SOV_JOURNAL_RECORD) {
        copy[at] %= 4; /* a kind that there is */
        memset(copy + at + 1, 0, 3);
        sov_xxh3(copy + at, SOV_JOURNAL_RECORD - SOV_XXH3_LEN,
                 copy + at + SOV_JOURNAL_RECORD - SOV_XXH3_LEN);
    }
    try(copy, size);
    free(copy);
    return 0;
}
