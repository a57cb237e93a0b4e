/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - opening a model of any form, a directory imported
 *
 * fmt/ reads what is there; a directory with a config.json then goes through
 * the import of its architecture, so that all above sees one kind of model.
 */
#include "arch/import.h"

#include <string.h>

int
sov_model_open_with(sov_model **model, const char *path,
                    const struct sov_model_opts *opts, struct sov_err *err)
{
    sov_model *m;
    int rc = sov_model_load_with(&m, path, opts, err);

    *model = NULL;
    if (rc < 0)
        return rc;
    if (opts->plain) {
        *model = m;
        return 0;
    }
    if (sov_model_config(m) != NULL) {
        rc = sov_import(m, err);
        if (rc < 0)
            rc = sov_err_wrap(err, "%s", path);
    } else if (sov_meta_count(sov_model_meta(m)) == 0 &&
               strcmp(sov_model_format(m), "gguf") != 0) {
        sov_model_warn(m, "there is no config.json: plain tensors, without "
                          "metadata and tokenizer");
    }
    if (rc < 0) {
        sov_model_close(m);
        return rc;
    }
    *model = m;
    return 0;
}

int
sov_model_open(sov_model **model, const char *path, enum sov_access access,
               struct sov_err *err)
{
    const struct sov_model_opts opts = { .access = access };

    return sov_model_open_with(model, path, &opts, err);
}

int
sov_model_open_plain(sov_model **model, const char *path,
                     enum sov_access access, struct sov_err *err)
{
    const struct sov_model_opts opts = { .access = access, .plain = true };

    return sov_model_open_with(model, path, &opts, err);
}
