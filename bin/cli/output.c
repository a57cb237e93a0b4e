/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - the file that -o names, and the make rule beside it
 */
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The make rule, from when the output is opened until that has its name. */
static sov_sink *rule;

bool
sov_tool_to_stdout(void)
{
    const char *path = sov_common.output;
    struct stat named, out;

    if (path == NULL || strcmp(path, "-") == 0)
        return true;
    return stat(path, &named) == 0 && fstat(STDOUT_FILENO, &out) == 0 &&
           named.st_dev == out.st_dev && named.st_ino == out.st_ino;
}

/* Names that are not there yet: the same one in the same folder. */
static bool
same_name(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
    char *in[2] = { x != NULL ? strndup(a, (size_t)(x - a) + 1) : strdup("."),
                    y != NULL ? strndup(b, (size_t)(y - b) + 1) : strdup(".") };
    struct stat s, t;
    bool same = strcmp(x != NULL ? x + 1 : a, y != NULL ? y + 1 : b) == 0 &&
                in[0] != NULL && in[1] != NULL && stat(in[0], &s) == 0 &&
                stat(in[1], &t) == 0 && s.st_dev == t.st_dev &&
                s.st_ino == t.st_ino;

    free(in[0]);
    free(in[1]);
    return same;
}

bool
sov_tool_same_file(const char *a, const char *b)
{
    struct stat x, y;
    bool there[2] = { stat(a, &x) == 0, stat(b, &y) == 0 };

    if (strcmp(a, b) == 0)
        return true;
    if (there[0] && there[1])
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    return !there[0] && !there[1] && same_name(a, b);
}

int
sov_tool_write_file(const char *path, const struct sov_sink_opts *opts,
                    const void *text, size_t len, struct sov_err *err)
{
    sov_sink *sink = NULL;
    int rc = sov_sink_open(&sink, path, opts, err);

    if (rc == 0)
        rc = sov_sink_write(sink, text, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc;
}

int
sov_tool_check_streams(bool elsewhere, struct sov_err *err)
{
    if (sov_common.output == NULL && !elsewhere && !sov_common.dry_run)
        return sov_fail(err, SOV_EARG,
                        "-o OUT is missing (- is standard output)");
    if (sov_common.json && !sov_common.dry_run && sov_tool_to_stdout())
        return sov_fail(err, SOV_EARG,
                        "--json and the model cannot both go "
                        "to standard output");
    return 0;
}

int
sov_tool_check_output(struct sov_err *err)
{
    const char *path = sov_common.output;

    if (sov_common.depfile == NULL || sov_common.dry_run)
        return 0;
    if (path == NULL || strcmp(path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--depfile: a rule needs a target, -o FILE");
    if (sov_tool_same_file(sov_common.depfile, path))
        return sov_fail(err, SOV_EARG,
                        "--depfile: '%s' is the output; name another file",
                        path);
    return 0;
}

int
sov_tool_open_rule(const char *const *inputs, size_t n_inputs,
                   struct sov_err *err)
{
    const char **taken;
    struct sov_sink_opts opts = { .force = true };
    int rc;

    if (sov_common.depfile == NULL)
        return 0;
    taken = calloc(n_inputs + 1, sizeof(*taken));
    opts.inputs = taken;
    if (taken == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n_inputs; i++)
        taken[opts.n_inputs++] = inputs[i];
    if (strchr(sov_common.output, '\n') != NULL)
        rc = sov_fail(err, SOV_EARG,
                      "make cannot read a name with a new line in it");
    else
        rc = sov_sink_open(&rule, sov_common.depfile, &opts, err);
    free(taken);
    return rc < 0 ? sov_err_wrap(err, "--depfile") : 0;
}

int
sov_tool_sink(sov_sink **sink, const char *const *inputs, size_t n_inputs,
              uint64_t size, struct sov_err *err)
{
    int rc;
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
    rc = sov_sink_open(sink, path, &opts, err);
    if (rc == 0) {
        rc = sov_tool_open_rule(inputs, n_inputs, err);
        if (rc < 0) {
            sov_sink_abort(*sink);
            *sink = NULL;
        }
    }
    return rc;
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
sov_tool_write_rule(const char *const *outputs, size_t n_outputs,
                    const char *const *inputs, size_t n_inputs,
                    struct sov_err *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f;
    int rc;

    if (rule == NULL)
        return 0;
    f = open_memstream(&text, &len);
    if (f == NULL)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--depfile");
    for (size_t i = 0; i < n_outputs; i++) {
        if (i > 0)
            fputs(" \\\n", f);
        put_name(f, outputs[i]);
    }
    fputc(':', f);
    for (size_t i = 0; i < n_inputs; i++) {
        if (strcmp(inputs[i], "-") == 0 || strchr(inputs[i], '\n') != NULL)
            continue; /* no file, or none that make could name */
        fputs(" \\\n  ", f);
        put_name(f, inputs[i]);
    }
    fputc('\n', f);
    if (fclose(f) != 0) {
        free(text);
        return sov_fail_sys(err, SOV_WHERE_ANY, "--depfile");
    }
    rc = sov_sink_write(rule, text, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&rule, err);
    free(text);
    return rc < 0 ? sov_err_wrap(err, "--depfile") : 0;
}

int
sov_tool_depfile(const char *const *inputs, size_t n_inputs,
                 struct sov_err *err)
{
    return sov_tool_write_rule(&sov_common.output, 1, inputs, n_inputs, err);
}

void
sov_tool_drop_rule(void)
{
    sov_sink_abort(rule);
    rule = NULL;
}
