/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - files as messages and claims name them
 */
#include "cli/names.h"

#include <stddef.h>
#include <string.h>

const char *
sov_name_in(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

const char *
sov_name_out(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard output" : path;
}

const char *
sov_name_base(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}
