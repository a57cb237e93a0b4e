/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_import.c - any bytes as a small model directory of any architecture
 *
 *   u16 length | config.json | model.safetensors
 *
 * with the tokenizer of tinyhf.h.  What is imported is read, and what can go
 * out again does so, in memory.
 */
#include "../unit/tinyhf.h"
#include "fuzz_export.h"

#include "sov/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void
clean(void)
{
    tiny_remove(dir);
}

/* All tensors, from their ends and a row at a time, too. */
static void
use(sov_model *m)
{
    unsigned char buf[8192], piece[8192];

    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);
        size_t row = (size_t)(t->ndim < 2 ? t->size : sov_tensor_row_bytes(t));

        if (t->size > sizeof(buf) || t->size == 0)
            continue;
        if (sov_model_read(m, i, 0, buf, (size_t)t->size, NULL) < 0)
            abort(); /* it was opened, so it is there */
        for (size_t at = 0; at < t->size; at += row)
            if (sov_model_read(m, i, at, piece, row, NULL) < 0 ||
                memcmp(piece, buf + at, row) != 0)
                abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_err err = { 0 };
    size_t len;
    sov_model *m;

    if (size < 2)
        return 0;
    if (dir[0] == '\0') {
        tiny_make(dir);
        atexit(clean);
    }
    len = data[0] + 256u * data[1];
    if (len > size - 2)
        len = size - 2;
    tiny_write(dir, "config.json", data + 2, len);
    tiny_write(dir, "model.safetensors", data + 2 + len, size - 2 - len);
    if (sov_model_open(&m, dir, size % 2 ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
                       &err) < 0) {
        if (strchr(err.msg, '\n') != NULL)
            abort();
        return 0;
    }
    use(m);
    (void)fuzz_export(m, use);
    sov_model_close(m);
    return 0;
}
