/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published.h - what tools have in common that write a tiny model as its maker
 * would have published it
 *
 * mkhf.c has the tables of most architectures, mkpacked.c those whose weights
 * are not simply matrices.  A table lists what is special and comes before what
 * is common here.  Any trouble ends the program.
 */
#ifndef SOV_TESTS_TOOLS_PUBLISHED_H
#define SOV_TESTS_TOOLS_PUBLISHED_H

#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* blk.N.is is the layer's was, or outside of layers is is was; how it becomes
 * that, the tables say. */
struct pub_name {
    const char *arch; /* what it begins with, or "" */
    const char *is;
    const char *was;
    char how;
};

/* Members of config.json: key stands behind the architecture's name. */
struct pub_member {
    const char *arch;
    const char *member;
    const char *key;
    bool real;
};

extern sov_model *pub_model;
extern char pub_arch[32];

void pub_die(const char *what);

/* The model, mapped, and the folder that files are made in. */
void pub_open(const char *tool, const char *model, const char *dir);
FILE *pub_create(const char *name);

/* Does the architecture begin so?  And a number behind its name. */
bool pub_is_for(const char *which);
bool pub_number(const char *key, double *v);

/* The members that there are: of a table; what most have in common. */
void pub_put_members(FILE *f, const struct pub_member *m, size_t n);
void pub_put_common(FILE *f);
void pub_put_rope(FILE *f);

/*
 * What a tensor is called, in buf, its layer behind `layers`; NULL: config.json
 * has it.  Names are looked for in the table, then in what most have in common.
 */
const struct pub_name *pub_find(const struct pub_name *names, size_t n,
                                const struct pub_name *ends, size_t n_ends,
                                const char *layers, const char *is,
                                char buf[128]);

/* Row i of the published heads of queries ('q') or keys ('k') is this row of
 * the tensor: two halves of a head stand side by side there. */
uint64_t pub_row(char how, uint64_t i, uint64_t n_rows);

/* Begin and end of the header of model.safetensors; head has room for it. */
void pub_put_header(FILE *f, char *head, size_t *len);

/* tokenizer.model, of as many pieces as there are. */
void pub_put_vocab(void);

#endif
