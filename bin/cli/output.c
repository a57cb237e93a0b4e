/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - the file that -o names, and the make rule beside it
 */
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sov_tool_sink(sov_sink **sink, const char *const *inputs, size_t n_inputs,
              uint64_t size, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .lock = (enum sov_lock)sov_common.lock,
        .size = size,
        .inputs = inputs,
        .n_inputs = n_inputs,
    };
    const char *path = sov_common.output;

    if (path == NULL)
        return sov_fail(err, SOV_EARG, "no output: -o FILE is missing");
    if (strcmp(path, "-") == 0 && !sov_common.force &&
        sov_tool_tty(STDOUT_FILENO))
        return sov_fail(err, SOV_EARG,
                        "standard output is a terminal; use -o FILE, redirect "
                        "it, or say --force");
    return sov_sink_open(sink, path, &opts, err);
}

/* A file name as make reads it in a rule. */
static void
put_name(FILE *f, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == ' ' || *name == '#' || *name == '\\' || *name == ':')
            fputc('\\', f);
        else if (*name == '$')
            fputc('$', f);
        fputc(*name, f);
    }
}

int
sov_tool_depfile(const char *const *inputs, size_t n_inputs,
                 struct sov_err *err)
{
    static const struct sov_sink_opts opts = { .force = true };
    sov_sink *sink = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *f;
    int rc;

    if (sov_common.depfile == NULL)
        return 0;
    f = open_memstream(&text, &len);
    if (f == NULL)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--depfile");
    put_name(f, sov_common.output != NULL ? sov_common.output : "-");
    fputc(':', f);
    for (size_t i = 0; i < n_inputs; i++) {
        if (strcmp(inputs[i], "-") == 0)
            continue;
        fputs(" \\\n  ", f);
        put_name(f, inputs[i]);
    }
    fputc('\n', f);
    if (fclose(f) != 0) {
        free(text);
        return sov_fail_sys(err, SOV_WHERE_ANY, "--depfile");
    }
    rc = sov_sink_open(&sink, sov_common.depfile, &opts, err);
    if (rc == 0)
        rc = sov_sink_write(sink, text, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    free(text);
    return rc;
}
