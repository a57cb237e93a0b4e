/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - where a model goes: a file, several files, a folder, a tar
 */
#include "cli/target.h"

#include "cli/names.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define N_MORE      (sizeof(((struct sov_target *)0)->more) / sizeof(sov_sink *))
#define SPARE_FILES 64 /* descriptors that others need */

static const struct sov_target_format formats[] = {
    { "gguf", "gguf", ".gguf", NULL },
    { "safetensors", "safetensors", ".safetensors", NULL },
    { "huggingface", "safetensors", "/", "model.safetensors" },
};

/* The tars are of the form that the name before their suffix says. */
const char *const sov_target_formats[] = {
    "gguf",   "safetensors", "huggingface", "tar",
    "tar.gz", "tar.xz",      "tar.zst",     NULL,
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static bool
ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);

    return n >= k && strcmp(s + n - k, end) == 0;
}

static char *
join(const char *folder, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s%s", folder, ends_with(folder, "/") ? "" : "/",
                 name) < 0)
        return NULL;
    return path;
}

static bool
is_stdout(const struct sov_target *t)
{
    return t->output != NULL && strcmp(t->output, "-") == 0;
}

/* Is it a tar, by --format or by its name?  Then what is it called in there? */
static int
choose_pack(struct sov_target *t, const char **format, struct sov_err *err)
{
    const char *out = t->output != NULL ? t->output : "-";
    const char *end = sov_bundle_suffix(out, &t->how);
    size_t len = end != NULL ? (size_t)(end - out) : strlen(out);
    char dotted[16];

    t->packed = end != NULL;
    if (*format != NULL && strncmp(*format, "tar", 3) == 0) {
        snprintf(dotted, sizeof(dotted), ".%s", *format);
        t->packed = sov_bundle_suffix(dotted, &t->how) != NULL;
        *format = NULL;
    }
    if (!t->packed)
        return 0;
    len -= (size_t)(sov_name_base(out) - out);
    t->stem = len == 0 || strcmp(out, "-") == 0
                  ? strdup("model")
                  : strndup(sov_name_base(out), len);
    return t->stem == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;
}

/* m.tar has m.gguf, and so has m.gguf.tar. */
static int
name_packed(struct sov_target *t, struct sov_err *err)
{
    const char *suffix = t->format->suffix;

    if (!t->packed || t->format->folder != NULL)
        return 0;
    if (asprintf(&t->name, "%s%s", t->stem,
                 ends_with(t->stem, suffix) ? "" : suffix) < 0) {
        t->name = NULL;
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    return 0;
}

/* A name that promises what no form here keeps. */
static int
check_promise(const char *out, struct sov_err *err)
{
    static const char *const ends[] = { ".gz",  ".xz", ".zst",
                                        ".bz2", ".7z", ".zip" };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends_with(out, ends[i]))
            return sov_fail(err, SOV_EARG,
                            "'%s': only a tar is compressed here; name it "
                            ".tar.zst, or use -o - and a compressor, or say "
                            "--format",
                            out);
    return 0;
}

int
sov_target_choose(struct sov_target *t, const char *format, struct sov_err *err)
{
    const char *out = sov_common.output;
    const char *given = format;
    int rc;

    *t = (struct sov_target){ .output = out };
    rc = choose_pack(t, &format, err);
    if (rc < 0)
        return rc;
    if (t->packed)
        out = t->stem;
    else if (format == NULL && out != NULL && check_promise(out, err) < 0)
        return SOV_EARG;
    for (size_t i = 0; i < N_FORMATS && t->format == NULL; i++)
        if (format != NULL ? strcmp(format, formats[i].name) == 0
                           : out != NULL && formats[i].suffix != NULL &&
                                 ends_with(out, formats[i].suffix))
            t->format = &formats[i];
    if (t->format == NULL && format != NULL)
        return sov_fail(err, SOV_EARG, "--format: there is no '%s'", given);
    if (t->format == NULL)
        t->format = &formats[0];
    if (t->format->folder != NULL && !t->packed && is_stdout(t))
        return sov_fail(err, SOV_EARG,
                        "a folder cannot go to standard output; name one with "
                        "-o");
    if (sov_common.resume &&
        (t->packed || t->format->folder != NULL || is_stdout(t)))
        return sov_fail(err, SOV_EARG,
                        "--resume: only files can be continued, not %s",
                        is_stdout(t) ? "standard output"
                        : t->packed  ? "an archive"
                                     : "a folder");
    return name_packed(t, err);
}

void
sov_target_layout(const struct sov_target *t, struct sov_layout *layout)
{
    layout->form = t->format->form;
    if (t->format->folder != NULL)
        layout->name = t->format->folder;
    else if (t->packed)
        layout->name = t->name;
    else if (t->output != NULL && !is_stdout(t))
        layout->name = sov_name_base(t->output);
    else
        layout->name = strcmp(t->format->form, "gguf") == 0
                           ? "model.gguf"
                           : "model.safetensors";
}

char *
sov_target_path(const struct sov_target *t, const sov_plan *plan, size_t i)
{
    const char *name = sov_plan_file(plan, i)->name;
    const char *out = t->output != NULL ? t->output : "";
    char *path = NULL;

    if (is_stdout(t))
        return strdup("-");
    if (t->packed || t->format->folder != NULL)
        return join(out, name);
    if (asprintf(&path, "%.*s%s", (int)(sov_name_base(out) - out), out, name) <
        0)
        return NULL;
    return path;
}

int
sov_target_check(const struct sov_target *t, const sov_plan *plan,
                 struct sov_err *err)
{
    if (sov_plan_files(plan) > 1 && is_stdout(t) && !t->packed)
        return sov_fail(err, SOV_EARG,
                        "%zu files cannot go to standard output; name one with "
                        "-o, drop the limit on its size, or say --format tar",
                        sov_plan_files(plan));
    return 0;
}

void
sov_target_make_room(size_t n)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur >= n + SPARE_FILES)
        return;
    limit.rlim_cur =
        n + SPARE_FILES < limit.rlim_max ? n + SPARE_FILES : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* What the command line says of an output. */
static struct sov_sink_opts
sink_opts(const struct sov_target *t, uint64_t size)
{
    return (struct sov_sink_opts){
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .lock = (enum sov_lock)sov_common.lock,
        .size = size,
        .inputs = t->inputs,
        .n_inputs = t->n_inputs,
    };
}

static int
open_file(struct sov_target *t, const sov_plan *plan, size_t i,
          struct sov_err *err)
{
    struct sov_sink_opts opts = sink_opts(t, sov_plan_file(plan, i)->bytes);
    char *hidden;
    int rc;

    t->path[i] = sov_target_path(t, plan, i);
    if (t->path[i] == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (t->folder == NULL) {
        if (i > 0)
            opts.lock = SOV_LOCK_NONE;
        opts.part = sov_common.resume;
        opts.head = i > 0 ? t->sink[0] : NULL;
        return sov_sink_open(&t->sink[i], t->path[i], &opts, err);
    }
    hidden = join(sov_folder_path(t->folder), sov_plan_file(plan, i)->name);
    if (hidden == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    opts = (struct sov_sink_opts){ .size = opts.size };
    rc = sov_sink_open(&t->sink[i], hidden, &opts, err);
    free(hidden);
    return rc;
}

static int
open_files(struct sov_target *t, const sov_plan *plan, struct sov_err *err)
{
    const struct sov_sink_opts opts = sink_opts(t, 0);
    int rc = 0;

    sov_target_make_room(t->n);
    if (t->format->folder != NULL)
        rc = sov_folder_open(&t->folder, t->output, &opts, err);
    for (size_t i = 0; i < t->n && rc == 0; i++)
        rc = open_file(t, plan, i, err);
    return rc;
}

/* One output, and in it a member for each file. */
static int
open_bundle(struct sov_target *t, const sov_plan *plan, struct sov_err *err)
{
    const struct sov_sink_opts opts =
        sink_opts(t, t->how == SOV_PACK_PLAIN ? sov_plan_bytes(plan) : 0);
    const struct sov_bundle_opts pack = {
        .how = t->how,
        .folder = t->format->folder != NULL ? t->stem : NULL,
        .wait = t->sides_first,
    };
    sov_sink *out;
    int rc;

    t->path[0] = strdup(t->output);
    if (t->path[0] == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = sov_sink_open(&out, t->output, &opts, err);
    if (rc < 0)
        return rc;
    rc = sov_bundle_new(&t->bundle, out, plan, t->sink, &pack, err);
    if (rc < 0)
        sov_sink_abort(out);
    return rc;
}

int
sov_target_open(struct sov_target *t, const sov_plan *plan,
                const char *const *inputs, size_t n_inputs, struct sov_err *err)
{
    size_t n = sov_plan_files(plan);
    int rc = sov_target_check(t, plan, err);

    if (rc < 0)
        return rc;
    if (is_stdout(t) && !sov_common.force && sov_tool_tty(1))
        return sov_fail(err, SOV_EARG,
                        "standard output is a terminal; use -o FILE, redirect "
                        "it, or say --force");
    t->inputs = inputs;
    t->n_inputs = n_inputs;
    t->sink = calloc(n + N_MORE + 1, sizeof(*t->sink));
    t->path = calloc(n + 1, sizeof(*t->path));
    if (t->sink == NULL || t->path == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    t->n = n;
    rc = t->packed ? open_bundle(t, plan, err) : open_files(t, plan, err);
    return rc < 0 ? rc : sov_tool_open_rule(inputs, n_inputs, err);
}

int
sov_target_side(struct sov_target *t, const char *name, const void *bytes,
                size_t len, struct sov_err *err)
{
    return sov_bundle_side(t->bundle, name, bytes, len, err);
}

int
sov_target_commit(struct sov_target *t, struct sov_err *err)
{
    size_t n = t->n;
    int rc;

    for (size_t i = 0; i < t->n_more; i++) {
        t->sink[n++] = t->more[i];
        t->more[i] = NULL;
    }
    rc = t->folder != NULL ? sov_folder_commit(&t->folder, t->sink, n, err)
                           : sov_sink_commit_all(t->sink, n, err);
    if (rc == 0 && t->packed)
        rc = sov_bundle_commit(t->bundle, err);
    if (rc < 0)
        return rc;
    return sov_tool_write_rule((const char *const *)t->path,
                               t->packed ? 1 : t->n, t->inputs, t->n_inputs,
                               err);
}

void
sov_target_free(struct sov_target *t)
{
    for (size_t i = 0; i < t->n; i++) {
        sov_sink_abort(t->sink[i]);
        free(t->path[i]);
    }
    sov_folder_abort(t->folder);
    sov_bundle_free(t->bundle);
    for (size_t i = 0; i < t->n_more; i++)
        sov_sink_abort(t->more[i]);
    free(t->sink);
    free(t->path);
    free(t->stem);
    free(t->name);
    *t = (struct sov_target){ 0 };
}
