/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what forms and the writer may know of a plan
 */
#ifndef SOV_FMT_PLAN_H
#define SOV_FMT_PLAN_H

#include "base/buf.h"
#include "base/map.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stdint.h>

/* One file: its header (or all of it), then the tensors that pub tells. */
struct sov_file_plan {
    struct sov_plan_file pub;
    char *name; /* owned: pub.name */
    struct sov_buf head;
};

struct sov_plan {
    sov_meta *meta;
    struct sov_tensor *tensor; /* names are owned */
    size_t n;
    size_t cap;
    struct sov_map names;

    struct sov_file_plan *file;
    size_t n_files;
    size_t cap_files;

    /* Once frozen: */
    bool frozen;
    uint64_t *off;     /* of each tensor in its file; owned */
    uint64_t align;    /* tensors are padded to a multiple of it */
    uint64_t bytes;    /* of all files */
    size_t first_part; /* the files with tensors: from this one on ... */
    size_t n_parts;    /* ... so many */
    bool split;        /* the parts are numbered */
};

/* A form in which a model can be written: one row of forms.def. */
struct sov_form {
    const char *name;   /* as struct sov_layout has it */
    const char *suffix; /* of a file */
    bool lone_split;    /* a split of one part is numbered too */
    bool padded;        /* by the plan's alignment */

    /* Before anything else; may correct tensors and metadata. */
    int (*begin)(sov_plan *plan, struct sov_err *err);
    /*
     * Append the header of tensors [first, first + n), as it is in part no of
     * count; count 0: not a split.  With n = 0 it is the part's smallest.
     */
    int (*header)(const sov_plan *plan, struct sov_buf *b, size_t first,
                  size_t n, size_t no, size_t count, struct sov_err *err);
    /* At most so many bytes of it are about one tensor. */
    uint64_t (*entry)(const struct sov_tensor *t);
    /* A file that lists the parts of a split, and its suffix; or NULL. */
    int (*index)(const sov_plan *plan, struct sov_buf *b, struct sov_err *err);
    const char *index_suffix;
};

#define FORM(sym) extern const struct sov_form sov_form_##sym;
#include "fmt/forms.def"
#undef FORM

/* A new file of the plan, last in order; head is empty. */
int sov_plan_add_file(sov_plan *plan, const char *name,
                      struct sov_file_plan **file,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Tensors that have bytes: each is padded to so many in its file. */
uint64_t sov_plan_padded(const sov_plan *plan, size_t i);

/*
 * Begin behind the first `tensors` tensors, which the sinks have already, with
 * all that stands before them.
 */
int sov_writer_resume(sov_writer **w, const sov_plan *plan,
                      sov_sink *const *sinks, size_t tensors,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Is tensor i wanted?  All are of a taker that is NULL. */
bool sov_taker_wants(const struct sov_taker *taker, size_t i);

/* The same, or, with a taker, one that gives it the tensors that it wants: of
 * others there is no data. */
int sov_writer_open(sov_writer **w, const sov_plan *plan,
                    const struct sov_taker *taker, sov_sink *const *sinks,
                    size_t tensors, struct sov_err *err) SOV_MUST_CHECK;

#endif
