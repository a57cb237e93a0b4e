/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden.h - the vocabularies of published models in ../shared
 *
 * They are not ours to publish: tests read them there, and say so where they
 * are not.
 */
#ifndef SOV_TESTS_UNIT_GOLDEN_H
#define SOV_TESTS_UNIT_GOLDEN_H

#include "unit.h"

#include "sov/io.h"
#include "sov/model.h"
#include "sov/token.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const golden_names[] = {
    "bert-bge", "deepseek-coder", "falcon", "gpt-2", "llama-bpe",
    "llama-spm", "mpt",           "phi-3",  "qwen2", "starcoder",
};

#define N_GOLDEN (sizeof(golden_names) / sizeof(*golden_names))

/* A path within ../shared; good until the next call. */
static inline const char *
golden_path(const char *format, ...)
{
    static char path[4096];
    const char *top = getenv("top_srcdir");
    int at = snprintf(path, sizeof(path), "%s/../shared/",
                      top != NULL ? top : ".");
    va_list ap;

    va_start(ap, format);
    vsnprintf(path + at, sizeof(path) - (size_t)at, format, ap);
    va_end(ap);
    return path;
}

static inline bool
golden_there(const char *test)
{
    FILE *f = fopen(golden_path("golden/README.md"), "r");

    if (f == NULL) {
        printf("%s: skipped, no ../shared/golden\n", test);
        return false;
    }
    fclose(f);
    return true;
}

static inline sov_model *
golden_model(const char *name)
{
    struct sov_err err = { 0 };
    sov_model *model = NULL;
    int rc = sov_model_open(
        &model, golden_path("golden/vocab/ggml-vocab-%s.gguf", name),
        SOV_ACCESS_MAP, &err);

    ck_assert_msg(rc == 0, "%s: %s", name, err.msg);
    return model;
}

static inline sov_tok *
golden_tok(const char *name)
{
    struct sov_err err = { 0 };
    sov_model *model = golden_model(name);
    sov_tok *tok = NULL;

    ck_assert_msg(sov_tok_load(&tok, sov_model_meta(model), &err) == 0,
                  "%s: %s", name, err.msg);
    sov_model_close(model);
    return tok;
}

#endif
