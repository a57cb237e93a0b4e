/* SPDX-License-Identifier: Apache-2.0 */
/*
 * early.h - a damaged model in an archive is given up at its first bad piece
 *
 * Our archives have claims and index before the model.  A claim by a trusted
 * key that names the index makes the index's digests of each 512 KiB good, and
 * the model is compared with them while it is read, not after 40 GB.  This
 * only says no, and sooner: yes is said by the claims at the end.
 */
#ifndef SOV_CLI_EARLY_H
#define SOV_CLI_EARLY_H

#include "sov/index.h"
#include "sov/key.h"
#include "sov/model.h"

struct sov_early {
    const sov_keyring *ring; /* borrowed; NULL: nobody is trusted */
    sov_index *idx;          /* owned; as long as the model is read */
    size_t seen;             /* claims and indexes when they were looked at */
    int looks;               /* how often that was */
};

/* For begin of struct sov_model_opts, with a struct sov_early as arg. */
int sov_early_begin(void *arg, sov_model *model, size_t file, sov_hasher *h,
                    struct sov_err *err);
void sov_early_end(struct sov_early *e);

#endif
