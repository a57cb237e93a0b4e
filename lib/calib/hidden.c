/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden.c - what stands between two layers, of all windows of a text
 */
#include "calib/hidden.h"

#include "base/mem.h"
#include "sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sov_hidden_new(struct sov_hidden *h, size_t windows, size_t each, bool in_file,
               struct sov_err *err)
{
    size_t n;

    *h = (struct sov_hidden){ .fd = -1, .each = each };
    if (in_file)
        return sov_file_nameless(&h->fd, err);
    if (__builtin_mul_overflow(windows, each, &n))
        return sov_mem_fail(err);
    h->mem = sov_mem_array(n, sizeof(*h->mem));
    return h->mem == NULL ? sov_mem_fail(err) : 0;
}

void
sov_hidden_free(struct sov_hidden *h)
{
    if (h->fd >= 0)
        close(h->fd);
    free(h->mem);
    *h = (struct sov_hidden){ .fd = -1 };
}

int
sov_hidden_put(struct sov_hidden *h, size_t window, const float *x,
               struct sov_err *err)
{
    size_t bytes = h->each * sizeof(*x);

    if (h->mem == NULL)
        return sov_file_pwrite(h->fd, x, bytes, (uint64_t)window * bytes, err);
    memcpy(h->mem + window * h->each, x, bytes);
    return 0;
}

int
sov_hidden_get(const struct sov_hidden *h, size_t window, float *x,
               struct sov_err *err)
{
    const struct sov_file f = { .fd = h->fd, .regular = true, .scratch = true };
    size_t bytes = h->each * sizeof(*x);

    if (h->mem == NULL)
        return sov_file_pread(&f, x, bytes, (uint64_t)window * bytes, err);
    memcpy(x, h->mem + window * h->each, bytes);
    return 0;
}
