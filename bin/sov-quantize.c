/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-quantize - fewer bits per weight
 */
#include "cli/tool.h"

static int
run(int argc, char **argv, struct sov_err *err)
{
    (void)argc;
    (void)argv;
    return sov_fail(err, SOV_EUNSUP, "this tool has no work to do yet");
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-quantize",
        .summary = "fewer bits per weight",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
