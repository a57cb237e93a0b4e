/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_stats.c - any bytes as an importance matrix, of either form
 *
 * What opens has means that are numbers, none of them below 0.
 */
#include "fuzz_model.h"

#include "sov/stats.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use_entry(const sov_stats *s, size_t i)
{
    uint64_t n = sov_stats_values(s, i), which = 0;
    float mean[256];

    if (sov_stats_find(s, sov_stats_name(s, i)) != (int64_t)i)
        abort();
    for (uint64_t at = 0; at < n && at < FUZZ_READ; at += 256) {
        size_t len = n - at < 256 ? (size_t)(n - at) : 256;

        sov_stats_mean(s, i, at, len, mean);
        for (size_t k = 0; k < len; k++)
            if (!(mean[k] >= 0) || isinf(mean[k]))
                abort();
    }
    if (sov_stats_unseen(s, i, &which) > 0 && which >= n)
        abort();
}

static void
use(sov_stats *s)
{
    struct sov_err err;

    for (size_t i = 0; i < sov_stats_count(s); i++)
        use_entry(s, i);
    for (size_t i = 0; sov_stats_dataset(s, i) != NULL; i++)
        if (strchr(sov_stats_dataset(s, i), '\n') != NULL)
            abort();
    (void)sov_stats_chunks(s);
    (void)sov_stats_chunk_size(s);
    (void)sov_stats_format(s);
    if (sov_stats_finish(s, &err) < 0 ||
        sov_stats_digest(s)->size == UINT64_MAX)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int as_pipe = 0; as_pipe < 2; as_pipe++) {
        struct sov_err err;
        sov_stats *s;
        char path[64];
        int fd;

        if (as_pipe && (size > FUZZ_PIPE || size % 4 != 0))
            continue;
        fd = fuzz_fd(data, size, as_pipe);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (sov_stats_open(&s, path, &err) < 0) {
            if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL)
                abort();
        } else {
            use(s);
            sov_stats_close(s);
        }
        close(fd);
    }
    fuzz_model(data, size); /* the older form is one to lib/fmt, too */
    return 0;
}
