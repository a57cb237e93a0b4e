/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt.h - where text and token ids come from
 */
#ifndef SOV_CLI_PROMPT_H
#define SOV_CLI_PROMPT_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

struct sov_prompt {
    char *text; /* owned, with a NUL behind it; NULL if there is none */
    size_t len;
};

/*
 * The text of -p, else of all files together, else of standard input.  A file
 * "-" is standard input, which must not be the model too.
 */
int sov_prompt_read(struct sov_prompt *p, const char *option, int n_files,
                    char **files, const char *model,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A JSON array of token ids, or what --tokenize prints, out of a file. */
int sov_prompt_ids(const char *path, const char *model, int32_t **ids,
                   size_t *n, struct sov_err *err) SOV_MUST_CHECK;

#endif
