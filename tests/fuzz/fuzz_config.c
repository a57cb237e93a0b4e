/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c - any bytes as config.json of a small model directory
 *
 * The input is cut at each byte 1: config.json, then tokenizer_config.json,
 * added_tokens.json, chat_template.jinja, tokenizer.json (which then stands
 * instead of tokenizer.model) as far as there are so many parts.
 */
#include "../unit/tinyhf.h"

#include "sov/export.h"
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

/* What came in can go out, or is refused for what it is. */
static void
use_export(sov_model *m)
{
    sov_export *x = NULL;
    sov_meta *meta;
    struct sov_err err;
    size_t n;
    int rc;

    if (sov_meta_new(&meta, &err) < 0)
        abort();
    for (size_t i = 0; i < sov_meta_count(sov_model_meta(m)); i++)
        if (sov_meta_set(meta, sov_meta_at(sov_model_meta(m), i), &err) < 0)
            abort();
    rc = sov_export_new(&x, m, meta, SOV_TYPE_NONE, &err);
    if (rc < 0 && rc != SOV_EUNSUP && rc != SOV_EFORMAT)
        abort();
    if (rc == 0 && (sov_export_sides(x, &n) == NULL || n < 3))
        abort();
    sov_export_free(x);
    sov_meta_free(meta);
}

/* Part i into its file; a part that is not there is no file. */
static void
put_part(size_t i, const uint8_t *p, size_t len)
{
    static const char *const names[] = { "config.json", "tokenizer_config.json",
                                         "added_tokens.json",
                                         "chat_template.jinja",
                                         "tokenizer.json" };
    char path[128];

    if (p != NULL) {
        tiny_write(dir, names[i], p, len);
        return;
    }
    snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
    (void)remove(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *p = data;
    const uint8_t *end = data + size;
    char path[128];
    sov_model *m;

    if (dir[0] == '\0') {
        tiny_make(dir);
        atexit(clean);
    }
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *cut =
            p != NULL && p < end ? memchr(p, 1, (size_t)(end - p)) : NULL;

        put_part(i, p, p == NULL ? 0 : (size_t)((cut ? cut : end) - p));
        p = cut != NULL ? cut + 1 : NULL;
        if (i == 3 && p != NULL) {
            snprintf(path, sizeof(path), "%s/tokenizer.model", dir);
            (void)remove(path);
        } else if (i == 3) {
            tiny_write_vocab(dir, 2);
        }
    }
    if (sov_model_open(&m, dir, SOV_ACCESS_STREAM, NULL) < 0)
        return 0;
    use(m);
    use_export(m);
    sov_model_close(m);
    return 0;
}
