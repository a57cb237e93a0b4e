/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c - any bytes as config.json of a small model directory
 *
 * Up to a byte 1 the input is config.json; what follows it, if anything, is
 * tokenizer_config.json.
 */
#include "../unit/tinyhf.h"

#include "sov/model.h"
#include "sov/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void
clean(void)
{
    tiny_remove(dir);
}

/* Read all that the import shows. */
static void
use(sov_model *m)
{
    unsigned char buf[4096];
    sov_tok *tok = NULL;

    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        if (t->size <= sizeof(buf) &&
            sov_model_read(m, i, 0, buf, (size_t)t->size, NULL) < 0)
            abort(); /* it was opened, so it is there */
    }
    (void)!sov_tok_load(&tok, sov_model_meta(m), NULL);
    sov_tok_free(tok);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size > 0 ? memchr(data, 1, size) : NULL;
    size_t len = cut != NULL ? (size_t)(cut - data) : size;
    char path[128];
    sov_model *m;

    if (dir[0] == '\0') {
        tiny_make(dir);
        atexit(clean);
    }
    tiny_write(dir, "config.json", data, len);
    if (cut != NULL) {
        tiny_write(dir, "tokenizer_config.json", cut + 1, size - len - 1);
    } else {
        snprintf(path, sizeof(path), "%s/tokenizer_config.json", dir);
        (void)remove(path);
    }
    if (sov_model_open(&m, dir, SOV_ACCESS_STREAM, NULL) < 0)
        return 0;
    use(m);
    sov_model_close(m);
    return 0;
}
