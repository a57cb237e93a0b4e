/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-run - text in, text out
 */
#include "cli/tool.h"

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-run",
        .summary = "text in, text out",
        .operands = "[OPTION]... [TEXT]...",
    };

    return sov_tool_main(&tool, argc, argv);
}
