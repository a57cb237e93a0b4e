/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lm.c - a model that a tool runs: opened, with its tokenizer and a session
 */
#include "cli/lm.h"

#include "cli/fileset.h"
#include "cli/lineage.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static bool
is_model(const char *dir)
{
    char path[PATH_MAX + 64];
    int n = snprintf(path, sizeof(path), "%s/config.json", dir);

    return n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0;
}

/*
 * Where the built-in model was installed; for a program that is run where it
 * was built, models/ beside its bin/.
 */
static void
find_built_in(char *path, size_t size)
{
    char exe[PATH_MAX];
    char beside[PATH_MAX + 32];
    ssize_t n;
    char *dir;

    snprintf(path, size, "%s/models/tale", sov_tool_datadir());
    if (is_model(path))
        return;
    n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0)
        return;
    exe[n] = '\0';
    dir = dirname(exe);
    if (strcmp(basename(dir), ".libs") == 0)
        dir = dirname(dir);
    snprintf(beside, sizeof(beside), "%s/../models/tale", dir);
    if (is_model(beside) && strlen(beside) < size)
        strcpy(path, beside);
}

int
sov_lm_choose(struct sov_lm *lm, const char *path, struct sov_err *err)
{
    *lm = (struct sov_lm){ .path = path };
    if (path != NULL)
        return 0;
    lm->built_in = malloc(PATH_MAX);
    if (lm->built_in == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    find_built_in(lm->built_in, PATH_MAX);
    lm->path = lm->built_in;
    if (is_model(lm->path))
        return 0;
    sov_fail(err, SOV_EIO,
             "the built-in model is not in %s; name a model with -m, or its "
             "place in SOV_DATADIR",
             lm->path);
    err->where = SOV_WHERE_INPUT;
    return SOV_EIO;
}

const char *
sov_lm_name(const struct sov_lm *lm)
{
    return sov_name_in(lm->path);
}

static int
list_inputs(struct sov_lm *lm, const char *const *files, size_t n_files,
            struct sov_err *err)
{
    const char *const *own;
    size_t n = sov_model_files(lm->model, &own);

    lm->inputs = calloc(n + n_files + 1, sizeof(*lm->inputs));
    if (lm->inputs == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        lm->inputs[lm->n_inputs++] = own[i];
    for (size_t i = 0; i < n_files; i++)
        lm->inputs[lm->n_inputs++] = files[i];
    return 0;
}

/* ---- a model that is checked as it is touched */

static char broken_head[400]; /* of the line that ends it */

/* In a signal handler: no memory is taken, and nobody is asked. */
static void
broken(void *arg, uint64_t off)
{
    char text[600], digits[24];
    size_t n = 0, at;

    (void)arg;
    do
        digits[n++] = (char)('0' + off % 10);
    while ((off /= 10) > 0);
    at = strlen(broken_head);
    memcpy(text, broken_head, at);
    while (n > 0)
        text[at++] = digits[--n];
    text[at++] = '\n';
    sov_sink_cleanup();
    (void)!write(STDERR_FILENO, text, at);
    _exit(EX_NOPERM);
}

/* The parts of the model as its index has them; a small file has none, and is
 * hashed. */
static int
hold_lazily(struct sov_lm *lm, struct sov_model_opts *opts,
            struct sov_digest *known, struct sov_err *err)
{
    char *path = sov_fileset_beside(lm->path, false, SOV_INDEX_SUFFIX);
    const struct sov_index_file *file;
    char *text = NULL;
    size_t len;
    int rc;

    if (path == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = !sov_fileset_is_regular(lm->path)
             ? sov_fail(err, SOV_EARG,
                        "--verify=lazy: %s is not one file of a model",
                        sov_lm_name(lm))
             : sov_read_whole(path, (size_t)1 << 30, &text, &len, err);
    if (rc == 0)
        rc = sov_index_parse(&lm->index, text, len, err);
    if (rc < 0 && rc != SOV_EARG)
        sov_err_wrap(err, "--verify=lazy needs the index (or say digest): %s",
                     path);
    free(text);
    free(path);
    if (rc < 0)
        return rc;
    file = sov_index_file(lm->index, 0);
    if (sov_index_files(lm->index) != 1 || file->n_groups < 2)
        return 0;
    *known = file->digest;
    known->has = SOV_HASH_VERITY;
    snprintf(broken_head, sizeof(broken_head),
             "%s: %.250s: refused: it is not what was signed, in the 512 KiB "
             "from byte ",
             sov_tool_name(), sov_lm_name(lm));
    opts->hold = SOV_HOLD_LAZY;
    opts->known = known;
    opts->groups = file->group;
    opts->n_groups = file->n_groups;
    opts->broken = broken;
    return 0;
}

static int
choose_hold(struct sov_lm *lm, struct sov_model_opts *opts,
            struct sov_digest *known, struct sov_err *err)
{
    if (sov_lineage_options.require == NULL)
        return 0;
    if (lm->hash != 0 && lm->hold == SOV_HOLD_AUTO)
        return 0; /* all of it is hashed anyway */
    if (lm->hash != 0 && lm->hold != SOV_HOLD_FILE && lm->hold != SOV_HOLD_COPY)
        return sov_fail(err, SOV_EARG,
                        "an audit log and a proof need the digest of all of "
                        "the model; say --verify=digest or copy");
    if (lm->hold == SOV_HOLD_LAZY)
        return hold_lazily(lm, opts, known, err);
    opts->hold = lm->hold;
    return 0;
}

/* With --require-claims nothing is made of a model that is not verified.  Where
 * digests are wanted they are there now. */
static int
open_model(struct sov_lm *lm, enum sov_access access, struct sov_err *err)
{
    struct sov_model_opts opts = {
        .access = access,
        .hash = lm->hash,
        .progress = sov_progress_update,
    };
    struct sov_digest known;
    struct sov_lineage l;
    int rc = sov_lineage_begin(&l, lm->path, false, err);

    sov_lineage_opts(&l, &opts);
    if (rc == 0)
        rc = choose_hold(lm, &opts, &known, err);
    if (rc == 0)
        rc = sov_model_open_with(&lm->model, lm->path, &opts, err);
    if (rc < 0)
        rc = sov_lineage_refuse(&l, rc, err);
    if (rc == 0)
        rc = sov_lineage_input(&l, lm->model, err);
    if (rc == 0)
        rc = sov_lineage_check(&l, err);
    if (rc == 0 && lm->hash != 0)
        rc = sov_model_finish(lm->model, err);
    sov_lineage_end(&l);
    return rc;
}

int
sov_lm_open(struct sov_lm *lm, enum sov_access access, const char *const *files,
            size_t n_files, struct sov_err *err)
{
    int rc = open_model(lm, access, err);

    if (rc < 0)
        return rc;
    sov_tool_warnings(lm->model, sov_lm_name(lm), false);
    return list_inputs(lm, files, n_files, err);
}

int
sov_lm_check(struct sov_lm *lm, struct sov_err *err)
{
    if ((sov_lineage_options.require == NULL && lm->hash == 0) ||
        lm->model == NULL)
        return 0;
    return sov_model_finish(lm->model, err);
}

int
sov_lm_open_tok(struct sov_lm *lm, struct sov_err *err)
{
    int rc = sov_tok_load(&lm->tok, sov_model_meta(lm->model), err);

    return rc < 0 ? sov_err_wrap(err, "%s", sov_lm_name(lm)) : 0;
}

int
sov_lm_open_session(struct sov_lm *lm, const struct sov_session_opts *opts,
                    struct sov_err *err)
{
    int rc = sov_session_open(&lm->session, lm->model, opts, err);

    return rc < 0 ? sov_err_wrap(err, "%s", sov_lm_name(lm)) : 0;
}

void
sov_lm_close(struct sov_lm *lm)
{
    sov_session_close(lm->session);
    sov_tok_free(lm->tok);
    sov_model_close(lm->model);
    sov_index_free(lm->index);
    free(lm->inputs);
    free(lm->built_in);
}
