/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.h - the parameters of a claim, on their way into a deed
 *
 *     struct sov_params p = { .n = 0 };
 *
 *     sov_params_text(&p, "type", type); ...
 *     deed.external = p.p; deed.n_external = p.n;
 *     rc = sov_params_ok(&p, err);
 *     ...
 *     sov_params_free(&p);
 *
 * Keys and texts are borrowed; numbers as text and lists are the parameters'
 * own.  What goes wrong on the way, sov_params_ok() tells.
 */
#ifndef SOV_CLI_PARAMS_H
#define SOV_CLI_PARAMS_H

#include "cli/opt.h"
#include "sov/claim.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_PARAMS_MAX 64

struct sov_params {
    struct sov_param p[SOV_PARAMS_MAX];
    size_t n;
    void *own[SOV_PARAMS_MAX]; /* memory of some of them */
    size_t n_own;
    bool full;   /* one more than there is room for */
    bool failed; /* no memory */
};

/* NULL: nothing is added. */
void sov_params_text(struct sov_params *to, const char *key, const char *text);
void sov_params_number(struct sov_params *to, const char *key, uint64_t number);
/* A decimal number that gives the same double, as text. */
void sov_params_real(struct sov_params *to, const char *key, double number);
/* false: nothing is added. */
void sov_params_flag(struct sov_params *to, const char *key, bool is);
/*
 * A list of n texts, each as name has it (NULL: as it is).  An empty one is
 * added, too.
 */
void sov_params_list(struct sov_params *to, const char *key,
                     const char *const *text, size_t n,
                     const char *(*name)(const char *));
/* The same of texts that do not live as long: copies of them.  None: nothing is
 * added; NULL among them: there was no memory for it. */
void sov_params_copies(struct sov_params *to, const char *key, char **text,
                       size_t n);
/* An option that may be repeated; none: nothing is added. */
void sov_params_options(struct sov_params *to, const char *key,
                        const struct sov_opt_list *list,
                        const char *(*name)(const char *));

int sov_params_ok(const struct sov_params *p,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_params_free(struct sov_params *p);

#endif
