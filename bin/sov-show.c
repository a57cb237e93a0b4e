/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-show - what is in a model
 *
 * Exit status: 0 shown, 1 the key is not there, 64-78 trouble.
 */
#include "cli/tool.h"
#include "show/show.h"

#include <stdio.h>

static bool all;
static const char *get_key;

static const struct sov_opt opts[] = {
    { 'a', "all", SOV_OPT_FLAG, &all, NULL,
      "every tensor on a line of its own, and longer values" },
    { 0, "get", SOV_OPT_STRING, &get_key, "KEY",
      "print one value of the metadata, an array one element a line" },
    { 0 },
};

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct show_facts f;
    int rc;

    (void)argc;
    rc = show_open(&f, argv[0], SOV_ACCESS_STREAM, err);
    if (rc == 0 && get_key != NULL)
        rc = show_get(&f, get_key, err);
    else if (rc == 0 && sov_common.json)
        rc = show_json(&f, err);
    else if (rc == 0)
        rc = show_card(&f, all || sov_common.verbose > 0, err);
    show_close(&f);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-show",
        .summary = "what is in a model",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_JSON | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
