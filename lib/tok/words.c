/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - the ids of words that a text had before
 */
#include "tok/words.h"

#include "base/map.h"
#include "base/mem.h"

#define SLOTS_MAX 8192

/* One slot for 16 bytes of text, within limits. */
int
sov_words_init(struct sov_words *ws, size_t len, struct sov_err *err)
{
    size_t n = 64;

    if (len < 1024)
        return 0;
    while (n < SLOTS_MAX && n * 16 < len)
        n *= 2;
    ws->slot = sov_mem_array(n, sizeof(*ws->slot));
    if (ws->slot == NULL)
        return sov_mem_fail(err);
    ws->mask = n - 1;
    sov_map_key(ws->key);
    return 0;
}
