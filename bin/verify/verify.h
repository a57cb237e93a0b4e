/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - the modes of sov-verify, and what the command line said to them
 */
#ifndef SOV_VERIFY_H
#define SOV_VERIFY_H

#include "cli/opt.h"
#include "sov/err.h"

#include <stdbool.h>

/* The options, all modes together. */
struct sov_verify {
    const char *keygen; /* --keygen NAME */
    bool no_password;
};

extern struct sov_verify sov_verify;

/* A mode is a run() of the frame. */
int sov_verify_keygen(int argc, char **argv, struct sov_err *err);

#endif
