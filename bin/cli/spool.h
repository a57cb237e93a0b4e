/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.h - files without a name, for what is only wanted for a while
 */
#ifndef SOV_CLI_SPOOL_H
#define SOV_CLI_SPOOL_H

#include "sov/err.h"

/* In TMPDIR; whoever closes it has removed it.  Others may open it as
 * /dev/fd/N. */
int sov_spool_open(int *fd, struct sov_err *err) SOV_MUST_CHECK;

/* errno says why it could not be written to. */
int sov_spool_fail(struct sov_err *err);

#endif
