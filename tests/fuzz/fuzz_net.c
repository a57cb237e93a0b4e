/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_net.c - any header of a GGUF file as a network that is run
 *
 * The bytes are followed by data enough for a tiny model, so that what the
 * metadata and the tensor list say is met by tensors that are there.
 */
#include "arch/sane.h"
#include "sov/base.h"
#include "sov/model.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DATA   (256u << 10)
#define MEMORY (32u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file of the bytes and then of numbers up to 1. */
static int
file_of(const uint8_t *data, size_t size)
{
    static float numbers[DATA / sizeof(float)];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    for (size_t i = 0; i < DATA / sizeof(float); i++)
        numbers[i] = (float)(i * 7919 % 200 + 1) / 200;
    if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
        write(fd, numbers, DATA) != (ssize_t)DATA)
        abort();
    return fd;
}

static void
use(sov_session *s)
{
    static const int32_t ids[8] = { 0 };
    static const struct sov_text_ids text[] = { { ids, 3 }, { ids, 5 } };
    struct sov_err err = { 0 };
    float *out;
    int rc;

    if (sov_session_eval(s, ids, 5, SOV_LOGITS_LAST, &err) == 0 &&
        sov_session_logits(s, 0) == NULL)
        abort();
    rc = sov_session_eval(s, ids, 1, SOV_LOGITS_LAST, &err);
    out = calloc(16 * (size_t)sov_session_width(s) +
                     2 * (size_t)sov_session_scores(s),
                 sizeof(*out));
    if (out == NULL)
        return;
    for (int pool = SOV_POOL_AUTO; pool <= SOV_POOL_LAST; pool++)
        rc |= sov_session_embed(s, ids, 7, (enum sov_pool)pool, out, &err);
    rc |= sov_session_embed_texts(s, text, 2, SOV_POOL_AUTO, out, &err);
    if (sov_session_scores(s) > 0)
        rc |= sov_session_embed_texts(s, text, 2, SOV_POOL_RANK, out, &err);
    if (rc < 0 && err.rc == SOV_OK)
        abort();
    free(out);
}

static void
try(const sov_model *m, bool precise)
{
    const struct sov_session_opts opts = { .n_ctx = 16, .n_batch = 4,
                                           .precise = precise,
                                           .max_memory = MEMORY };
    struct sov_err err = { 0 };
    sov_session *s;

    if (sov_session_open(&s, m, &opts, &err) == 0) {
        use(s);
        sov_session_close(s);
    } else if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_err err;
    char path[64];
    sov_model *m;
    int fd = file_of(data, size);

    sov_set_threads(1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (sov_model_open(&m, path, SOV_ACCESS_MAP, &err) == 0) {
        if (sov_model_sane(m, &err) < 0 &&
            (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL))
            abort();
        try(m, size % 2 == 0);
        try(m, size % 2 != 0);
        sov_model_close(m);
    }
    close(fd);
    return 0;
}
