/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_answers.c - any bytes as predictions that llama-perplexity has kept
 *
 * What opens has ids of its vocabulary, and rows of numbers or none.
 */
#include "fuzz_model.h"

#include "measure/answers.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS 64 /* looked at */

static void
use(const sov_answers *l)
{
    uint32_t n_vocab = sov_answers_vocab(l);
    uint32_t n_ctx = sov_answers_ctx(l);
    float *p = malloc(n_vocab * sizeof(*p));
    size_t n;
    const int32_t *ids = sov_answers_ids(l, &n);
    uint64_t rows = n / n_ctx * sov_answers_rows(n_ctx);

    if (p == NULL || rows == 0)
        abort();
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= n_vocab)
            abort();
    for (uint64_t k = 0; k < rows && k < ROWS; k++) {
        uint64_t row = k % 2 == 0 ? k : rows - 1 - k;

        if (!sov_answers_row(l, row, p))
            continue;
        for (uint32_t v = 0; v < n_vocab; v++)
            if (!isfinite(p[v]) || p[v] > 0.02f)
                abort();
    }
    free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int as_pipe = 0; as_pipe < 2; as_pipe++) {
        struct sov_err err;
        sov_answers *l;
        char path[64];
        int fd;

        if (as_pipe && (size > FUZZ_PIPE || size % 4 != 0))
            continue;
        fd = fuzz_fd(data, size, as_pipe);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (sov_answers_open(&l, path, &err) < 0) {
            if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL || l != NULL)
                abort();
        } else {
            use(l);
            sov_answers_close(l);
        }
        close(fd);
    }
    return 0;
}
