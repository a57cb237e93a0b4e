/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uselora.h - adapters of a test program's command line: FILE:SCALE
 */
#ifndef SOV_TESTS_TOOLS_USELORA_H
#define SOV_TESTS_TOOLS_USELORA_H

#include "sov/run.h"

#include <stdlib.h>
#include <string.h>

/* One more of the session's; what is wrong is in err.  It is never closed. */
static inline int
use_lora(struct sov_session_opts *opts, const char *arg, struct sov_err *err)
{
    static struct sov_lora_use use[SOV_LORAS_MAX];
    const char *colon = strrchr(arg, ':');
    sov_model *file = NULL;
    sov_lora *lora = NULL;
    char path[4096];
    int rc;

    if (colon == NULL || (size_t)(colon - arg) >= sizeof(path) ||
        opts->n_lora == SOV_LORAS_MAX)
        return sov_fail(err, SOV_EARG, "FILE:SCALE");
    memcpy(path, arg, (size_t)(colon - arg));
    path[colon - arg] = '\0';
    rc = sov_model_open(&file, path, SOV_ACCESS_MAP, err);
    if (rc == 0)
        rc = sov_lora_new(&lora, file, err);
    if (rc < 0)
        return rc;
    use[opts->n_lora] = (struct sov_lora_use){ lora, strtof(colon + 1, NULL) };
    opts->lora = use;
    opts->n_lora++;
    return 0;
}

#endif
