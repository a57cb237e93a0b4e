/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.h - from a model to the folder in which it would be published
 *
 * The families of import_family.h are gone through the other way: they say for
 * each tensor what it is called there, and what stands in config.json.
 */
#ifndef SOV_ARCH_EXPORT_H
#define SOV_ARCH_EXPORT_H

#include "base/buf.h"
#include "fmt/model.h"
#include "sov/export.h"

#include <stdbool.h>
#include <stdint.h>

#define SOV_EXPORT_SIDES 4

struct sov_export {
    sov_model *model;     /* borrowed, until it is rebuilt */
    const sov_meta *meta; /* borrowed: what shall come back */
    enum sov_type type;   /* of the matrices, for those that say it once ... */
    enum sov_type become; /* ... and what all become, or SOV_TYPE_NONE */
    json_t *config;       /* owned: config.json */

    /* Of each tensor of the model: */
    char **was;            /* owned: its name, ... */
    void **plain;          /* ... and, if it is no matrix of the folder, bytes */
    uint64_t *size;        /* owned: how many of these */
    size_t n;

    /* Of each tensor of the folder: */
    struct sov_view *view; /* owned, names and bytes too */
    size_t *of;            /* owned: that of the model which it is, or the
                              first that it is made of */
    size_t n_views;
    size_t cap_views;
    size_t cap_of;

    struct sov_side side[SOV_EXPORT_SIDES];
    void *bytes[SOV_EXPORT_SIDES]; /* owned: theirs */
    size_t n_sides;
};

/* ---- for a family */

/* Tensor i is called so, and its rows stand in the order of which this is the
 * way there; a vector is less `less`. */
int sov_export_tensor(struct sov_export *x, size_t i, const char *name,
                      const struct sov_order *order, float less,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Tensor i [n, rows, cols] is n matrices, each with its number in place of the
 * *. */
int sov_export_stack(struct sov_export *x, size_t i, const char *name,
                     struct sov_err *err) SOV_MUST_CHECK;

/* One more tensor of the folder, made of those of the model that the recipe
 * tells; dim and recipe are copied.  Each of these is noted, too. */
int sov_export_made(struct sov_export *x, const char *name, enum sov_type type,
                    uint32_t ndim, const uint64_t *dim,
                    const struct sov_recipe *r,
                    struct sov_err *err) SOV_MUST_CHECK;
int sov_export_note(struct sov_export *x, size_t i,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Tensor i is none there: config.json has it. */
int sov_export_leave(struct sov_export *x, size_t i,
                     struct sov_err *err) SOV_MUST_CHECK;

/* A number of the metadata; *v stays if it is not there, unless it must be. */
int sov_export_u64(const struct sov_export *x, const char *key, bool must,
                   uint64_t *v, struct sov_err *err) SOV_MUST_CHECK;
int sov_export_f64(const struct sov_export *x, const char *key, bool must,
                   double *v, struct sov_err *err) SOV_MUST_CHECK;

/* The same of a key behind the architecture's name. */
int sov_export_count(const struct sov_export *x, const char *arch,
                     const char *key, bool must, uint64_t *v,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_export_real(const struct sov_export *x, const char *arch,
                    const char *key, bool must, double *v,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A number as short as it can be, and the same float again. */
json_t *sov_export_float(double v);

/* Set a member of config.json; value is taken over, NULL is no memory. */
int sov_export_set(struct sov_export *x, const char *name, json_t *value,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Add a file; the bytes are taken over. */
int sov_export_side(struct sov_export *x, const char *name, void *bytes,
                    size_t len, struct sov_err *err) SOV_MUST_CHECK;
/* The same with JSON, which is taken over too. */
int sov_export_json(struct sov_export *x, const char *name, json_t *json,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ---- between export.c and export_stack.c */

/* A new view of tensor i; a tensor of plain numbers, or one that becomes that;
 * is what an import makes so tensor i again? */
int sov_export_add(struct sov_export *x, size_t i, const char *name,
                   struct sov_view **v, struct sov_err *err) SOV_MUST_CHECK;
int sov_export_plain(const struct sov_export *x, const struct sov_tensor *t,
                     struct sov_err *err) SOV_MUST_CHECK;
bool sov_export_undone(const struct sov_export *x, size_t i,
                       const struct sov_recipe *got);

/* ---- parts of a folder */

/* export_vocab.c: tokenizer.model or .json, tokenizer_config.json,
 * generation_config.json, and the ids in config.json. */
int sov_export_vocab(struct sov_export *x, struct sov_err *err) SOV_MUST_CHECK;

/*
 * tokenizer.json, of tokens that export_vocab.c read: of bytes in
 * export_json.c, WordPiece and unigram in export_pieces.c.  Those from n_first
 * on were added, or fill up.
 */
struct sov_spm;
int sov_export_bytes(struct sov_export *x, const struct sov_spm *v,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_export_words(struct sov_export *x, const struct sov_spm *v,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_export_unigram(struct sov_export *x, const struct sov_spm *v,
                       size_t n_first, struct sov_err *err) SOV_MUST_CHECK;

/* Parts of export_json.c: a flag of the metadata, or v; the list of
 * added_tokens, of the unknown one if asked; what a text begins and ends with,
 * -1 for nothing. */
bool sov_export_flag(const struct sov_export *x, const char *key, bool v);
json_t *sov_export_added(const struct sov_export *x, const struct sov_spm *v,
                         bool unknown);
json_t *sov_export_frame(const struct sov_spm *v, int64_t first, int64_t last);
/* Write the file; NULL: a token is not UTF-8.  It is taken over. */
int sov_export_whole(struct sov_export *x, json_t *file,
                     struct sov_err *err) SOV_MUST_CHECK;

/* export_rope.c: what stretches rotary positions, as rope_scaling.  The tensors
 * of factors have been read by then (sov_export_leave()). */
struct sov_shape;
int sov_export_rope(struct sov_export *x, const struct sov_shape *s,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
