/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password.h - the password of a secret key: from a file, or the terminal
 *
 * A tool that loads secret keys has the row SOV_PASSWORD_ROW in its option
 * table and gives sov_password_ask to sov_seckey_load().
 */
#ifndef SOV_CLI_PASSWORD_H
#define SOV_CLI_PASSWORD_H

#include "cli/opt.h"
#include "sov/err.h"

#include <stddef.h>

#define SOV_PASSWORD_MAX 1024 /* bytes, with the NUL */

/* What --password-file names, or NULL: the terminal is asked. */
extern const char *sov_password_file;

#define SOV_PASSWORD_ROW                                               \
    {                                                                  \
        0, "password-file", SOV_OPT_FILE, &sov_password_file, "FILE",  \
            "the first line of FILE is the password of the secret key" \
    }

/* A sov_password_fn: three attempts on a terminal, one with a file. */
int sov_password_ask(void *arg, const char *path, int attempt, char *buf,
                     size_t size, struct sov_err *err);

/* A password for a new key; on a terminal it is asked for twice. */
int sov_password_new(const char *path, char *buf, size_t size,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
