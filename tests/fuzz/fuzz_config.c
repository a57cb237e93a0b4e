/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c - any bytes as config.json of a small model directory
 *
 * The input is cut at each byte 1: config.json, then the other files of names[]
 * as far as there are so many parts.  From the fifth part on there is no
 * tokenizer.model, and an empty part is no file.
 */
#include "../unit/tinyhf.h"
#include "fuzz_export.h"

#include "sov/model.h"
#include "sov/token.h"

#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

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

#define N_NAMES 11
#define N_OLD   4 /* of these empty ones are files */

static const char *const names[N_NAMES] = {
    "config.json",
    "tokenizer_config.json",
    "added_tokens.json",
    "chat_template.jinja",
    "tokenizer.json",
    "modules.json",
    "1_Pooling/config.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "special_tokens_map.json",
};

static void
in_dir(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", dir, name);
}

static void
clean(void)
{
    char path[128];

    for (size_t i = 0; i < N_NAMES; i++) {
        in_dir(path, names[i]);
        (void)remove(path);
    }
    in_dir(path, "1_Pooling");
    (void)remove(path);
    tiny_remove(dir);
}

static void
set_up(void)
{
    char path[128];

    tiny_make(dir);
    in_dir(path, "1_Pooling");
    if (mkdir(path, 0700) != 0)
        abort();
    atexit(clean);
}

/* Part i into its file; a part that is not there is no file. */
static void
put_part(size_t i, const uint8_t *p, size_t len)
{
    char path[128];

    if (p != NULL && (len > 0 || i < N_OLD)) {
        tiny_write(dir, names[i], p, len);
        return;
    }
    in_dir(path, names[i]);
    (void)remove(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *p = data;
    const uint8_t *end = data + size;
    char path[128];
    sov_model *m;

    if (dir[0] == '\0')
        set_up();
    for (size_t i = 0; i < N_NAMES; i++) {
        const uint8_t *cut =
            p != NULL && p < end ? memchr(p, 1, (size_t)(end - p)) : NULL;

        put_part(i, p, p == NULL ? 0 : (size_t)((cut ? cut : end) - p));
        p = cut != NULL ? cut + 1 : NULL;
        if (i == N_OLD - 1 && p != NULL) {
            in_dir(path, "tokenizer.model");
            (void)remove(path);
        } else if (i == N_OLD - 1) {
            tiny_write_vocab(dir, 2);
        }
    }
    if (sov_model_open(&m, dir, SOV_ACCESS_STREAM, NULL) < 0)
        return 0;
    use(m);
    if (fuzz_export(m, NULL) < 3)
        abort();
    sov_model_close(m);
    return 0;
}
