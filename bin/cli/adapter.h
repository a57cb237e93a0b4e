/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter.h - the adapters of --lora: FILE[:SCALE], given once or several times
 */
#ifndef SOV_CLI_ADAPTER_H
#define SOV_CLI_ADAPTER_H

#include "cli/opt.h"
#include "sov/err.h"
#include "sov/lora.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_adapter {
    char *path; /* owned */
    sov_model *model;
    sov_lora *lora;
};

struct sov_adapters {
    struct sov_adapter *item; /* owned */
    struct sov_lora_use *use; /* owned; in the order given */
    size_t n;
};

/*
 * Read the names and scales; nothing is opened.  Then paths are known and
 * belong to what is read.
 */
int sov_adapters_name(struct sov_adapters *a, const struct sov_opt_list *given,
                      struct sov_err *err) SOV_MUST_CHECK;

/*
 * Open them.  With --require-claims each of them must be claimed as a model
 * must, by what lies beside it.  hash: enum sov_hash_bit of digests that are
 * wanted besides.
 */
int sov_adapters_open(struct sov_adapters *a, unsigned hash,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Are they for this model? */
int sov_adapters_fit(const struct sov_adapters *a, const sov_model *model,
                     struct sov_err *err) SOV_MUST_CHECK;

/* At the end: where digests were wanted or claims required, are they still
 * what was read? */
int sov_adapters_check(struct sov_adapters *a,
                       struct sov_err *err) SOV_MUST_CHECK;

void sov_adapters_close(struct sov_adapters *a);

#endif
