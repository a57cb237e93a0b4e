/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - a model opened, and what is in it added up
 */
#include "show/show.h"

#include "cli/lineage.h"
#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
show_is_stream(const char *path)
{
    struct stat st;
    int rc =
        strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st);

    return rc == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int
open_any(struct show_facts *f, enum sov_access access, struct sov_err *err)
{
    struct stat st;
    int rc = sov_model_open(&f->model, f->path, access, err);

    if (rc != SOV_EUNSUP || stat(f->path, &st) != 0 || !S_ISDIR(st.st_mode))
        return rc;
    sov_note(1, "%s", err->msg);
    sov_warn("%s: not a family that is known here: tensors as the files have "
             "them, no metadata",
             f->name);
    return sov_model_open_plain(&f->model, f->path, access, err);
}

/* Under --require-claims: read to its end, and allowed, before anything of it
 * is shown.  --claims is of the operand. */
static int
open_allowed(struct show_facts *f, bool operand, struct sov_err *err)
{
    struct sov_model_opts opts = {
        .access = SOV_ACCESS_MAP,
        .progress = sov_progress_update,
    };
    struct sov_lineage l;
    int rc = operand ? sov_lineage_begin(&l, f->path, false, err)
                     : sov_lineage_begin_beside(&l, f->path, err);

    sov_lineage_opts(&l, &opts);
    if (rc == 0)
        rc = sov_model_open_with(&f->model, f->path, &opts, err);
    if (rc < 0)
        rc = sov_lineage_refuse(&l, rc, err);
    if (rc == 0)
        rc = sov_lineage_input(&l, f->model, err);
    if (rc == 0)
        rc = sov_lineage_check(&l, err);
    sov_lineage_end(&l);
    return rc;
}

int
show_open(struct show_facts *f, const char *path, enum sov_access access,
          bool operand, struct sov_err *err)
{
    int rc;

    memset(f, 0, sizeof(*f));
    f->path = path;
    f->name = sov_name_in(path);
    if (path[0] == '\0')
        return sov_fail(err, SOV_EARG, "the name of the model is empty");
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG,
                        "standard input is a terminal, not a model");
    rc = sov_lineage_options.require != NULL ? open_allowed(f, operand, err)
                                             : open_any(f, access, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sov_model_count(f->model); i++) {
        const struct sov_tensor *t = sov_model_at(f->model, i);
        struct show_total *type = &f->type[t->type];

        type->tensors++;
        type->weights += sov_tensor_count(t);
        type->bytes += t->size;
    }
    for (int i = 0; i < SHOW_TYPES; i++) {
        f->sum.tensors += f->type[i].tensors;
        f->sum.weights += f->type[i].weights;
        f->sum.bytes += f->type[i].bytes;
    }
    return 0;
}

void
show_close(struct show_facts *f)
{
    sov_model_close(f->model);
    f->model = NULL;
}

double
show_bpw(const struct show_total *t)
{
    return t->weights != 0 ? 8.0 * (double)t->bytes / (double)t->weights : 0;
}
