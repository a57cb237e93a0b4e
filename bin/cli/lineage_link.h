/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage_link.h - what the claim of an output points to
 */
#ifndef SOV_CLI_LINEAGE_LINK_H
#define SOV_CLI_LINEAGE_LINK_H

#include "cli/lineage.h"

/* The origins of the inputs join what is pointed to, those with a whole history
 * of their own. */
int sov_lineage_origins(struct sov_lineage *l, const struct sov_deed *deed,
                        struct sov_err *err) SOV_MUST_CHECK;

/* The lines before the new one.  A history with a hole in it is no history: then
 * the input has none. */
int sov_lineage_ancestors(struct sov_lineage *l,
                          struct sov_err *err) SOV_MUST_CHECK;

/* The files of the input, the other inputs and the program, as what the output
 * was made from; free() *list. */
int sov_lineage_describe(struct sov_lineage *l, const struct sov_deed *deed,
                         const struct sov_param *unverified,
                         struct sov_resource **list, size_t *n,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Labels of all of these, and that nobody vouches for the input if so; free()
 * *list. */
int sov_lineage_labels(struct sov_lineage *l, struct sov_statement *st,
                       struct sov_param **list,
                       struct sov_err *err) SOV_MUST_CHECK;

#endif
