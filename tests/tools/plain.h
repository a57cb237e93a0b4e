/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.h - a published model directory, read the plain way, for reference.c
 *
 * Nothing of the library is used: what reads DIR here shares no line with what
 * is judged by it.  All is in memory, as doubles; any trouble ends the program.
 */
#ifndef SOV_TESTS_TOOLS_PLAIN_H
#define SOV_TESTS_TOOLS_PLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

void die(const char *what, const char *of);

/* config.json, or what is within as text_config. */
extern json_t *config;

/* A number; preset if it is missing or null. */
double number(const json_t *obj, const char *name, double preset);

/* DIR/config.json and DIR/model.safetensors. */
void plain_load(const char *dir);

/* Names may lack or have something before them: before "model.layers" say. */
void plain_prefix(const char *base);

/* The n weights of a tensor; NULL if there is none and none must be. */
const double *weight(bool must, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- plain_nn.c: parts of networks, for all tokens at a time */

#define N_IDS_MAX 64

extern size_t n_ids, width, n_heads, n_kv, head_dim, n_layers, ffn, vocab;
extern int ids[N_IDS_MAX];
extern double eps;

enum act { SILU, GELU_TANH, GELU_ERF };

/* What a member of config.json names. */
enum act act_of(const char *member);
double activate(enum act act, double x);

/* Zeros; nothing is ever given back, the models are tiny. */
double *room(size_t n);
double *copy(const double *x, size_t n);

/* Columns [from, from + n) of rows of `all`. */
double *cut(const double *x, size_t all, size_t from, size_t n);

/* x += y times. */
void add(double *x, const double *y, double times);

/* y[out] of x[in]; w is [out, in], bias may be NULL. */
double *linear(const double *x, size_t in, size_t out, const double *w,
               const double *bias);

/* The same with AT LAYER . NAME .weight, and .bias if there is one. */
double *project(const double *x, size_t in, size_t out, const char *at,
                size_t layer, const char *name);

/* Rows of n: over the root of their mean square, times w and `one` more. */
void rms(double *x, size_t n, size_t rows, const double *w, double one);
void layer_norm(double *x, size_t n, size_t rows, const double *w,
                const double *b);

/* A layer norm AT LAYER . NAME of a copy. */
double *ln(const double *x, const char *at, size_t layer, const char *name);

double *embed(const double *table);

/* Up, what is between, and down. */
double *plain_ffn(const double *x, const char *at, size_t layer,
                  const char *up, const char *down, enum act act);

/* n numbers of each token. */
void print(const double *x, size_t n);

struct turns {
    size_t n;          /* of a head that turn */
    double freq[1024]; /* [n / 2] */
    double size;
};

/* What rope_scaling (or NULL) and a base make of it. */
void turns_of(struct turns *r, const json_t *rope, double base);

/* Heads of all tokens: the first half of what turns with the second. */
void turn(double *x, size_t heads, const struct turns *r);

struct view {
    double scale;
    double cap;    /* 0: none */
    size_t window; /* 0: all */
    bool both;     /* ways */
    const double *sinks; /* [heads]: what nothing is worth, or NULL */
};

/* plain_moe.c: the feed-forward of those with experts. */
double *experts(const double *x, const char *at, size_t layer);

/* plain_bert.c: encoders, which print the states of tokens. */
void bert(const char *at, const char *begin, const char *norm_name);
void nomic(void);
void modern(void);

double *attend(const double *q, const double *k, const double *v,
               struct view see);

#endif
