/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - files as messages and claims name them
 *
 * None of these makes a copy: what they give is the path, a part of it, or a
 * constant.
 */
#ifndef SOV_CLI_NAMES_H
#define SOV_CLI_NAMES_H

/* The path, but "standard input" or "standard output" for "-". */
const char *sov_name_in(const char *path);
const char *sov_name_out(const char *path);

/* What stands behind the last slash, or all where nothing does; NULL: NULL. */
const char *sov_name_base(const char *path);

#endif
