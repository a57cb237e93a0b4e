/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - what a format is, and what a model is made of
 *
 * A format bids for what was given, by name and first bytes, and the highest
 * bidder loads it: it adds parts (files) and tensors to an empty model, and
 * metadata if it has any.  Nothing above this floor includes this header.
 */
#ifndef SOV_FMT_FORMAT_H
#define SOV_FMT_FORMAT_H

#include "base/map.h"
#include "fmt/bag.h"
#include "fmt/digest.h"
#include "fmt/in.h"
#include "fmt/model.h"
#include "sys/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_TASTE 512 /* bytes of a file that a bid looks at */

/* What there is to bid for. */
struct sov_taste {
    const char *path;
    bool dir;
    struct sov_span head; /* files: the first bytes, up to SOV_TASTE */
};

struct sov_format {
    const char *name;
    /* 0: not mine; the highest bid gets it. */
    int (*bid)(const struct sov_taste *taste);
    /*
     * Fill the model.  Of a file, part[0] is open and its window stands at
     * the beginning; of a directory there are no parts yet.
     */
    int (*load)(sov_model *m, struct sov_err *err);
    bool container; /* has the model in it: nothing is mapped before load */
};

#define FORMAT(name) extern const struct sov_format sov_format_##name;
#include "fmt/formats.def"
#undef FORMAT

/* One file of a model. */
struct sov_part {
    char *path;           /* owned; as it was given */
    struct sov_file file;
    struct sov_in in;     /* of a pipe: bytes taken but not used yet */
    const void *map;      /* SOV_ACCESS_MAP */
    uint64_t map_size;
    uint64_t ahead[2];    /* the disk was asked for the bytes before these; */
    bool last_ahead;      /* which of them was the last that began anew */
    bool pipe;            /* was a pipe, even if it is spooled now */
    const char *within;   /* the archive that it is in, borrowed, or NULL */
    sov_model *model;     /* borrowed */
    size_t digest;        /* index in model->digests */
    bool big;             /* numbers are big-endian */
};

/* One tensor: what is shown, and where its bytes are. */
struct sov_entry {
    struct sov_tensor t;  /* t.name is owned */
    size_t part;
    uint64_t off;         /* in the file of the part */
    struct sov_order order;
    unsigned char *own;   /* owned: the bytes as shown, or NULL */
    const struct sov_made *made; /* borrowed from the model: it is made of
                                    others, and off is 0; or NULL */
};

/* What was shown before a rebuild, and is still read. */
struct sov_kept {
    struct sov_entry *entry;
    size_t n;
};

struct sov_model {
    const char *format;
    struct sov_model_opts opts;
    enum sov_access access;
    char *path;           /* within the archive, if it is in one */
    struct sov_bag *bag;  /* the archive, or NULL */
    struct sov_digests digests;
    char *side_name[2];   /* by enum sov_side_kind: what stands beside a file, */
    char *side_text[2];   /* once it was asked for */
    size_t side_len[2];
    char *dir;            /* where side files are, or NULL */
    json_t *config;
    sov_meta *meta;

    struct sov_part **part;
    size_t n_parts;
    size_t cap_parts;
    char **files;         /* owned; what was read, for sov_model_files() */
    size_t n_files;
    size_t cap_files;

    struct sov_entry *entry;
    size_t n;
    size_t cap;
    struct sov_map names;

    struct sov_made **made; /* owned, as what they are made of is: */
    size_t n_made;
    size_t cap_made;
    struct sov_kept *kept;
    size_t n_kept;
    size_t cap_kept;

    const struct sov_side *side; /* borrowed: files beside it, in memory */
    size_t n_sides;

    char **warning;
    size_t n_warnings;
    size_t cap_warnings;

    bool aside, alone;    /* sov_model_finish_aside() */
    bool to_the_end;      /* bytes behind the last tensor are an error */
    size_t last;          /* index of the last tensor that has bytes */
};

/*
 * Open a file of the model, which must be a regular one unless it is the
 * first, and map it if the model is to be mapped.
 */
int sov_model_add_part(sov_model *m, const char *path, size_t *at,
                       struct sov_err *err) SOV_MUST_CHECK;

/*
 * Add a tensor that was measured; its bytes are at off of a part.  The name
 * need not be NUL-terminated: it is name[len], checked here and copied.
 */
int sov_model_add_tensor(sov_model *m, const struct sov_tensor *t,
                         struct sov_span name, size_t part, uint64_t off,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Put the tensors in file order, and index their names. */
int sov_model_sort(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* Note that path was read; "-" and pipes need not be. */
int sov_model_add_file(sov_model *m, const char *path, struct sov_err *err)
    SOV_MUST_CHECK;

/* Read config.json of m->dir, if there is one, into m->config. */
int sov_model_load_config(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* "FOLDER/NAME" of the model's folder, fresh. */
char *sov_model_join(const sov_model *m, const char *name);

/* Is there such a file in the model's folder? */
bool sov_model_has_file(const sov_model *m, const char *name);

/* Put "FILE: " before the message; gives back err->rc. */
int sov_part_wrap(const struct sov_part *part, struct sov_err *err);

/*
 * len bytes at off of an entry as it is shown; what sov_model_read() does,
 * without its checks.
 */
int sov_entry_read(sov_model *m, const struct sov_entry *e, uint64_t off,
                   void *buf, size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* Taste what m->path is and load it. */
int sov_model_load_path(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* order.c: does b put in its place again what a moved? */
bool sov_order_undoes(const struct sov_order *a, const struct sov_order *b);

/* What is moved as one: a row, or an element of a vector. */
uint64_t sov_order_unit(const struct sov_tensor *t);

/*
 * n rows of the tensor that is shown, from row first on, out of the
 * bytes before: fetch gives len of these at off.
 */
typedef int (*sov_order_fetch)(void *arg, uint64_t off, void *buf, size_t len,
                               struct sov_err *err);
int sov_order_read(const struct sov_order *o, const struct sov_tensor *shown,
                   uint64_t first, uint64_t n, unsigned char *buf,
                   sov_order_fetch fetch, void *arg,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Let data point at the bytes, if the model is mapped. */
int sov_entry_map(sov_model *m, struct sov_entry *e, struct sov_err *err)
    SOV_MUST_CHECK;
void sov_entry_free(struct sov_entry *e);

/* A name or key that may be shown: UTF-8 without control characters. */
bool sov_name_ok(struct sov_span s);

/* Does file end in suffix? */
bool sov_ends_with(const char *file, const char *suffix);

/* What a file looks like that is none of ours, or NULL; the same as error. */
const char *sov_looks(struct sov_span head);
bool sov_is_lfs_pointer(struct sov_span head);
int sov_guess(const struct sov_taste *taste, struct sov_err *err);

/*
 * Little-endian bytes out of big-endian ones of a tensor, n whole blocks, in
 * place; false if the type's layout is not known.
 */
bool sov_swap_known(enum sov_type type);
void sov_swap_blocks(enum sov_type type, void *blocks, uint64_t n);

#endif
