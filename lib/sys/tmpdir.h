/* SPDX-License-Identifier: Apache-2.0 */
/* tmpdir.h - the folder for spooled pipes, as sov_set_tmpdir() left it */
#ifndef SOV_SYS_TMPDIR_H
#define SOV_SYS_TMPDIR_H

const char *sov_tmpdir(void);

#endif
