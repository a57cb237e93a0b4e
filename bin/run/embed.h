/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.h - texts in, numbers out: sov-run --embed
 */
#ifndef SOV_RUN_EMBED_H
#define SOV_RUN_EMBED_H

#include "cli/emit.h"
#include "cli/lm.h"
#include "run/account.h"
#include "sov/err.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_embed_format {
    SOV_EMBED_JSONL,
    SOV_EMBED_NPY,
    SOV_EMBED_NPY_F16,
};

struct sov_embed_mode {
    /* what the command line says */
    bool on;
    bool jsonl; /* lines are JSON */
    int pool;   /* enum sov_pool */
    bool as_is; /* do not make them one long */
    bool cut;   /* what is too long */
    int format; /* enum sov_embed_format */
    bool format_given;
    bool special;                /* control tokens in texts */
    const char *prompt;          /* one text, or NULL */
    const char *ids_path;        /* one text as ids, or NULL */
    struct sov_account *account; /* of requests; never NULL */

    /* what came of it */
    size_t n_texts;
    size_t n_bad;
    size_t n_tokens;
    double seconds;
};

/* Are the options of any use?  Before anything is opened. */
int sov_embed_check(struct sov_embed_mode *e, size_t n_files,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * All of it, with a model that has been chosen.  Lines that will not do are
 * told one by one and counted; so is all that was embedded.
 */
int sov_embed_run(struct sov_embed_mode *e, struct sov_lm *lm,
                  const struct sov_session_opts *opts, const char *const *files,
                  size_t n_files, struct sov_err *err) SOV_MUST_CHECK;

/* ---- embed_out.c: how it is written */

struct sov_embed_out {
    enum sov_embed_format format;
    struct sov_emit emit; /* lines */
    sov_sink *sink;       /* arrays */
    struct sov_account *account;
    char *buf; /* owned: one record */
    size_t len;
    size_t cap;
    bool bad; /* there was no memory for it */
};

/* One text's. */
struct sov_embed_record {
    size_t index;
    const char *id;    /* JSON, or NULL */
    const char *error; /* instead of the rest, or NULL */
    size_t n_tokens;
    bool was_cut;
    bool scores;
    size_t rows; /* 0: x is one vector */
    size_t width;
    const float *x; /* [rows or 1, width] */
    struct sov_spent spent;
};

/* rows and width are those of an array. */
int sov_embed_open_out(struct sov_embed_out *out, size_t rows, size_t width,
                       const struct sov_lm *lm,
                       struct sov_err *err) SOV_MUST_CHECK;
int sov_embed_put(struct sov_embed_out *out, const struct sov_embed_record *r,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_embed_close_out(struct sov_embed_out *out,
                        struct sov_err *err) SOV_MUST_CHECK;
void sov_embed_free_out(struct sov_embed_out *out);

#endif
