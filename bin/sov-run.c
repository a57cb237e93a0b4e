/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-run - text in, text out
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
        .name = "sov-run",
        .summary = "text in, text out",
        .operands = "[TEXT...]",
        .min_operands = 0,
        .max_operands = -1,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
