/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.h - the frame that every tool stands in
 */
#ifndef SOV_CLI_TOOL_H
#define SOV_CLI_TOOL_H

struct sov_tool {
    const char *name;     /* "sov-run" */
    const char *summary;  /* one line, for --help */
    const char *operands; /* as the usage line names them */
};

/* All of main(). */
int sov_tool_main(const struct sov_tool *tool, int argc, char **argv);

#endif
