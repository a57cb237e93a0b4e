/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - what the floors above may do with a model beyond sov/model.h
 *
 * sov_model_load() gives a model as its format has it.  For a Hugging Face
 * directory these are the tensors of the shards under their own names, and no
 * metadata; the import in arch/ reads config.json and the tokenizer from
 * there, and then puts its view in place of them.  sov_model_open() of the
 * public face does both.
 */
#ifndef SOV_FMT_MODEL_H
#define SOV_FMT_MODEL_H

#include "base/json.h"
#include "fmt/make.h"
#include "sov/model.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A format: tastes the first bytes, then reads the directory of tensors. */
int sov_model_load(sov_model **model, const char *path, enum sov_access access,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_model_load_with(sov_model **model, const char *path,
                        const struct sov_model_opts *opts,
                        struct sov_err *err) SOV_MUST_CHECK;

/*
 * config.json of a Hugging Face directory (or beside a single safetensors
 * file that was opened by name), NULL if there is none.  Borrowed.
 */
const json_t *sov_model_config(const sov_model *model);

/*
 * The bytes of a file of that directory, NUL-terminated, free() them; 1 if
 * there is no such file, or no directory.
 */
int sov_model_side_file(sov_model *model, const char *name, size_t max,
                        char **text, size_t *len, struct sov_err *err);

/*
 * Last part of the path of the folder that it is in, or the name of the archive
 * without its suffix if it has no folder there; fresh, NULL if there is none.
 */
char *sov_model_title(const sov_model *model);

/*
 * The order in which a view has the rows of a tensor; all zero: as they are.
 *
 *   heads          [heads, 2, d/2] becomes [heads, d/2, 2]: rotary pairs side
 *                  by side, as Llama has them in GGUF
 *   heads, groups  [groups, heads/groups + 2, d] becomes [heads, d] queries,
 *                  [groups, d] keys, [groups, d] values: Falcon's
 *   columns        [in, out] becomes [out, in]: GPT-2's
 */
struct sov_order {
    uint32_t heads;
    uint32_t groups;
    bool columns;
    bool back; /* the other way */
};

/* Is it another one than that of the tensor? */
bool sov_order_moves(const struct sov_order *o);

/* The row of n rows that becomes row `row`; not of columns. */
uint64_t sov_order_row(const struct sov_order *o, uint64_t row, uint64_t n);

/* Can a tensor of this type and shape have it?  Its shape afterwards. */
int sov_order_shape(const struct sov_order *o, struct sov_tensor *t,
                    struct sov_err *err) SOV_MUST_CHECK;

/* One tensor of an imported model. */
struct sov_view {
    const char *name;  /* copied */
    size_t from;       /* index of a tensor in the model as loaded ... */
    struct sov_order order;
    uint32_t ndim;     /* as is when 0, else another shape of the same size */
    uint64_t dim[SOV_NDIM_MAX];
    const void *bytes; /* ... or, if not NULL, bytes of a new tensor of this
                          type and shape, copied */
    const struct sov_recipe *recipe; /* ... or, if not NULL, how one of this
                                        type and shape is made; copied */
    enum sov_type type;
};

/*
 * Put metadata (owned by the model afterwards, also on failure) and views in
 * place of what was loaded.
 */
int sov_model_rebuild(sov_model *model, sov_meta *meta,
                      const struct sov_view *view, size_t n,
                      struct sov_err *err) SOV_MUST_CHECK;

/*
 * A model that shows the tensors of another one under config and side files
 * that are in memory (borrowed, as is the other), as if all that lay in a
 * folder: what an import of it would see.  Only tensors that are in memory can
 * be read; the others are of the type given, unless that is SOV_TYPE_NONE.
 */
int sov_model_shadow(sov_model **shadow, const sov_model *model,
                     json_t *config, const struct sov_side *side, size_t n,
                     enum sov_type type, struct sov_err *err) SOV_MUST_CHECK;

/*
 * A model that shows the tensors of another one, which is mapped and borrowed,
 * and others in their places: what sov_model_put() says of tensor i.  data is
 * borrowed, as many bytes as rows of whole blocks of that type have; NULL: its
 * own again.
 */
int sov_model_lend(sov_model **lent, const sov_model *model,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_model_put(sov_model *lent, const sov_model *model, size_t i,
                   enum sov_type type, const void *data);

/*
 * A model of tensors that are in memory: names and shapes are copied, data is
 * borrowed, meta is owned by the model afterwards (also on failure).
 */
int sov_model_held(sov_model **model, sov_meta *meta,
                   const struct sov_tensor *t, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * A digest of which files the tensors are in, as far as the system tells
 * without reading them: size, times, inode.  While it stays the same their
 * bytes do.  False where it cannot be told (pipes, what is decompressed).
 */
bool sov_model_identity(const sov_model *model,
                        unsigned char id[SOV_XXH3_LEN]);

/* Do all bytes of tensor i come from the model's files, in whatever way? */
bool sov_model_filed(const sov_model *model, size_t i);

/* With SOV_ACCESS_MAP: tensor i will not be read for a while, and need not stay
 * in memory. */
void sov_model_unneeded(const sov_model *model, size_t i);

/*
 * Is it read from one plain file, which has not been hashed yet?  And then:
 * sov_model_finish() will be called by another thread, while this one reads the
 * model: it tells nobody how far it is, and, alone, leaves the team to others.
 */
bool sov_model_is_plain(const sov_model *model);
void sov_model_finish_aside(sov_model *model, bool alone);

/* Add a warning for sov_model_warning(); printf-like, made safe to show. */
void sov_model_warn(sov_model *model, const char *fmt, ...) SOV_PRINTF(2, 3);

#endif
