/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.h - the parts of sov-show
 *
 * A part looks at open models and prints, or makes a report.  What all of
 * them need to know about a model is gathered once, in struct show_facts.
 */
#ifndef SOV_SHOW_H
#define SOV_SHOW_H

#include "cli/opt.h"
#include "sov/err.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of tensors: those of GGUF, and those of safetensors from 256 on. */
#define SHOW_TYPES 512

struct show_total {
    uint64_t tensors;
    uint64_t weights;
    uint64_t bytes;
};

struct show_facts {
    const char *path;   /* as it was given */
    const char *name;   /* the same for people */
    sov_model *model;
    struct show_total sum;
    struct show_total type[SHOW_TYPES];
};

/* Open a model and gather; a directory of an unknown family opens plain.
 * operand: it is that of the command line, not one to compare with. */
int show_open(struct show_facts *f, const char *path, enum sov_access access,
              bool operand, struct sov_err *err) SOV_MUST_CHECK;
void show_close(struct show_facts *f);

/* A file, a folder, or something that can be read only once? */
bool show_is_stream(const char *path);

/* Bits per weight, 0 if there are none. */
double show_bpw(const struct show_total *t);

/* ---- metadata (value.c) ---- */

/* "u32", "str", "array" */
const char *show_vtype(enum sov_vtype type);

/* The string of a key, copied and made safe, cut at columns; NULL if it is
 * missing or something else. */
const char *show_string(const sov_meta *meta, const char *key, char *buf,
                        size_t size, size_t columns);

/* String i of an array of strings; false if there is none. */
bool show_array_str(const struct sov_kv *kv, uint64_t i, struct sov_span *s);

/* The shortest text that reads back as the same number. */
void show_number(const struct sov_kv *kv, uint64_t i, char *buf, size_t size);

/* The same of a weight; single: as a float has it. */
void show_float(double v, bool single, char *buf, size_t size);

/* A value on one line of at most so many columns, into fresh memory. */
char *show_value(const struct sov_kv *kv, size_t columns);

/* ---- text (table.c) ---- */

#define SHOW_COLUMNS 8

/* Rows of cells, printed when all are there.  Start with { 0 }; running out
 * of memory is told by show_table_print(). */
struct show_table {
    const char *head[SHOW_COLUMNS]; /* the first NULL: no line of heads */
    bool right[SHOW_COLUMNS];
    size_t n_columns;
    size_t cut;   /* 1 + the column that gives way on a narrow terminal */
    char **cell;  /* owned, with its strings */
    size_t n;
    size_t cap;
    bool bad;
};

void show_table_cell(struct show_table *t, const char *fmt, ...)
    SOV_PRINTF(2, 3);
/* Prints and frees. */
int show_table_print(struct show_table *t, struct sov_err *err) SOV_MUST_CHECK;

/* May heads be bold? */
bool show_bold(void);
void show_head(const char *fmt, ...) SOV_PRINTF(1, 2);

/* "1.24 B", "65.5 k": a count for people.  buf holds 16 bytes or more. */
const char *show_count(char *buf, uint64_t n);
/* "2048 x 8192", of a single number "1". */
const char *show_shape(char *buf, size_t size, const struct sov_tensor *t);

/* ---- repeated layers (fold.c) ---- */

/* Tensors that differ in their numbers alone, as one line. */
struct show_fold {
    char *name;   /* owned: "blk.0-15.attn_q.weight" */
    size_t first; /* the first of them in the model */
    size_t n;
};

/* In the order of the model; all: one for each tensor. */
int show_fold(const sov_model *model, bool all, struct show_fold **fold,
              size_t *n, struct sov_err *err) SOV_MUST_CHECK;
void show_fold_free(struct show_fold *fold, size_t n);

/* ---- what can be asked ---- */

int show_card(const struct show_facts *f, bool all,
              struct sov_err *err) SOV_MUST_CHECK;
int show_json(const struct show_facts *f, struct sov_err *err) SOV_MUST_CHECK;
int show_get(const struct show_facts *f, const char *key,
             struct sov_err *err) SOV_MUST_CHECK;

/*
 * What follows looks at the weights of the tensors that were picked.  An
 * answer "no" is SOV_ENO, and has been said.
 */
struct show_pick {
    const char *const *patterns; /* as fnmatch(3); none: all tensors */
    size_t n;
};

bool show_picked(const struct show_pick *pick, const char *name);

/* SOV_ENO, with the likeliest name, for a pattern that picks nothing. */
int show_check_picks(const struct show_facts *f, const struct show_pick *pick,
                     struct sov_err *err) SOV_MUST_CHECK;

/* --check, --tensor, --values, --diff */
int show_check(const struct show_facts *f, const struct show_pick *pick,
               struct sov_err *err) SOV_MUST_CHECK;
int show_stats(const struct show_facts *f, const struct show_pick *pick,
               struct sov_err *err) SOV_MUST_CHECK;
int show_values(const struct show_facts *f, const struct show_pick *pick,
                struct sov_err *err) SOV_MUST_CHECK;
int show_diff(const struct show_facts *a, const struct show_facts *b,
              const struct show_pick *pick, bool all,
              struct sov_err *err) SOV_MUST_CHECK;

/* The answer is no, and has been said. */
int show_no(struct sov_err *err);

#endif
