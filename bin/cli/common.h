/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.h - the options that mean the same in every tool (for tool.c)
 */
#ifndef SOV_CLI_COMMON_H
#define SOV_CLI_COMMON_H

#include "cli/tool.h"

/* Set by the hidden options for tests. */
extern bool sov_fake_stdout;
extern bool sov_fake_stderr;
extern const char *sov_fake_root; /* before /sys */

/*
 * One table: the tool's rows, the common rows that it takes, and n_own rows
 * of the frame.  Defaults are written down in it, as they will be gone when
 * --help is met.  NULL without memory.
 */
struct sov_opt *sov_common_table(const struct sov_tool *tool,
                                 const struct sov_opt *own, size_t n_own);
void sov_common_free(struct sov_opt *table);

#endif
