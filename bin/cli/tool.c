/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.c - the frame that every tool stands in
 */
#include "cli/tool.h"

#include "sov/base.h"

#include <stdio.h>
#include <string.h>

int
sov_tool_main(const struct sov_tool *tool, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("%s (sov) %s\n", tool->name, sov_version());
        return 0;
    }
    fprintf(stderr, "usage: %s %s\n", tool->name, tool->operands);
    return 64;
}
