/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.c - the text of --calib, made what a model reads
 */
#include "cli/reading.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of text: what a tokenizer takes. */
#define TEXT_MAX ((size_t)1 << 30)

/* Fewer tokens than this for each column say little about how columns go
 * together. */
#define FEW 4

int
sov_reading_check(const char *path, const char *source, struct sov_err *err)
{
    if (strcmp(path, "-") == 0 && strcmp(source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--calib: standard input is the model already");
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG, "--calib: standard input is a terminal");
    return 0;
}

static int
encode(struct sov_reading *r, const sov_model *model, const char *source,
       const char *text, size_t len, struct sov_err *err)
{
    int rc = sov_calib_text(&r->opts, &r->ids, model, text, len, err);

    return rc < 0 ? sov_err_wrap(err, "%s", sov_name_in(source)) : 0;
}

/* Columns of the widest matrix. */
static uint64_t
widest(const sov_model *model)
{
    uint64_t most = 0;

    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        if (t->ndim >= 2 && strncmp(t->name, "blk.", 4) == 0)
            most = t->dim[0] > most ? t->dim[0] : most;
    }
    return most;
}

static int
say_size(struct sov_reading *r, const char *path, const sov_model *model,
         struct sov_err *err)
{
    uint64_t wide = widest(model), tokens;
    int rc = sov_calib_windows(model, &r->opts, &r->ctx, &r->windows, err);

    if (rc < 0)
        return sov_err_wrap(err, "--calib: %s", path);
    tokens = (uint64_t)r->windows * r->ctx;
    sov_note(1, "%s: %" PRIu64 " tokens in %zu windows of %" PRIu32, path,
             tokens, r->windows, r->ctx);
    if (tokens < FEW * wide)
        sov_warn("--calib: %s: %" PRIu64 " tokens say little about matrices of "
                 "%" PRIu64 " columns, of which errors are taken more and more "
                 "alone; %" PRIu64 " would be better",
                 path, tokens, wide, FEW * wide);
    return 0;
}

int
sov_reading_take(struct sov_reading *r, const char *path, uint64_t max_tokens,
                 const sov_model *model, const char *source,
                 struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc = sov_read_whole(path, TEXT_MAX, &text, &len, err);

    if (rc < 0)
        return sov_err_wrap(err, "--calib: %s", sov_name_in(path));
    r->is.has = SOV_HASH_SHA256;
    sov_sha256(text, len, r->is.sha256);
    r->opts = (struct sov_calib_opts){
        .name = sov_name_base(sov_name_in(path)),
        .max_tokens = max_tokens,
        .max_memory = sov_common.max_memory,
        .progress = sov_progress_update,
    };
    rc = len > 0 ? encode(r, model, source, text, len, err)
                 : sov_fail(err, SOV_EFORMAT, "--calib: %s is empty",
                            sov_name_in(path));
    free(text);
    return rc == 0 ? say_size(r, sov_name_in(path), model, err) : rc;
}

void
sov_reading_free(struct sov_reading *r)
{
    free(r->ids);
    *r = (struct sov_reading){ .ids = NULL };
}
