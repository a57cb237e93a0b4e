/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-quantize - fewer bits per weight
 */
#include "cli/tool.h"

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-quantize",
        .summary = "fewer bits per weight",
        .operands = "[OPTION]... MODEL",
    };

    return sov_tool_main(&tool, argc, argv);
}
