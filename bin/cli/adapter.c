/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter.c - the adapters of --lora: FILE[:SCALE], given once or several times
 */
#include "cli/adapter.h"

#include "cli/lineage.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A number behind the last colon is the scale; a file whose name ends so is
 * given with a scale behind that.
 */
static int
parse(struct sov_adapter *to, float *scale, const char *text,
      struct sov_err *err)
{
    const char *colon = strrchr(text, ':');
    size_t len = strlen(text);
    double value = 1;
    char *end = NULL;

    if (colon != NULL && strspn(colon + 1, "+-.0123456789eE") > 0 &&
        colon[1 + strspn(colon + 1, "+-.0123456789eE")] == '\0') {
        value = strtod(colon + 1, &end);
        if (*end == '\0')
            len = (size_t)(colon - text);
        else
            value = 1;
    }
    if (len == 0)
        return sov_fail(err, SOV_EARG,
                        "--lora: the name of the adapter is "
                        "empty");
    if (!isfinite((float)value))
        return sov_fail(err, SOV_EARG,
                        "--lora: the scale of '%.80s' is too "
                        "large",
                        text);
    *scale = (float)value;
    to->path = strndup(text, len);
    if (to->path == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (strcmp(to->path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--lora: standard input cannot be an "
                        "adapter; name a file");
    return 0;
}

int
sov_adapters_name(struct sov_adapters *a, const struct sov_opt_list *given,
                  struct sov_err *err)
{
    int rc = 0;

    if (given->n > SOV_LORAS_MAX)
        return sov_fail(err, SOV_EARG,
                        "--lora: %zu adapters, at most %d can "
                        "be used together",
                        given->n, SOV_LORAS_MAX);
    a->item = calloc(given->n + 1, sizeof(*a->item));
    a->use = calloc(given->n + 1, sizeof(*a->use));
    if (a->item == NULL || a->use == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (; a->n < given->n && rc == 0; a->n++)
        rc =
            parse(&a->item[a->n], &a->use[a->n].scale, given->items[a->n], err);
    return rc;
}

/* With --require-claims nothing is made of an adapter that is not verified. */
static int
open_file(struct sov_adapter *it, unsigned hash, struct sov_err *err)
{
    struct sov_model_opts opts = {
        .access = SOV_ACCESS_MAP,
        .hash = hash,
        .progress = sov_progress_update,
    };
    struct sov_lineage l;
    int rc = sov_lineage_begin_beside(&l, it->path, err);

    sov_lineage_opts(&l, &opts);
    if (rc == 0)
        rc = sov_model_open_with(&it->model, it->path, &opts, err);
    if (rc < 0)
        rc = sov_lineage_refuse(&l, rc, err);
    if (rc == 0)
        rc = sov_lineage_input(&l, it->model, err);
    if (rc == 0)
        rc = sov_lineage_check(&l, err);
    if (rc == 0 && hash != 0)
        rc = sov_model_finish(it->model, err);
    sov_lineage_end(&l);
    return rc;
}

static int
open_one(struct sov_adapter *it, unsigned hash, struct sov_err *err)
{
    const char *const *files;
    const char *name;
    int rc = open_file(it, hash, err);

    if (rc < 0)
        return rc;
    if (strcmp(sov_model_format(it->model), "gguf") != 0 ||
        sov_model_files(it->model, &files) != 1)
        rc = sov_fail(err, SOV_EUNSUP,
                      "an adapter is one GGUF file (llama.cpp's "
                      "convert_lora_to_gguf.py makes it of others)");
    if (rc == 0)
        rc = sov_lora_new(&it->lora, it->model, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", it->path);
    for (size_t i = 0; (name = sov_lora_unused(it->lora, i)) != NULL; i++)
        sov_note(1, "%s: %s changes nothing, as with others", it->path, name);
    return 0;
}

int
sov_adapters_open(struct sov_adapters *a, unsigned hash, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < a->n && rc == 0; i++) {
        rc = open_one(&a->item[i], hash, err);
        a->use[i].lora = a->item[i].lora;
    }
    return rc;
}

int
sov_adapters_fit(const struct sov_adapters *a, const sov_model *model,
                 struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < a->n && rc == 0; i++) {
        rc = sov_lora_check(a->item[i].lora, model, err);
        if (rc < 0)
            sov_err_wrap(err, "%s", a->item[i].path);
    }
    return rc;
}

int
sov_adapters_check(struct sov_adapters *a, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < a->n && rc == 0; i++)
        rc = sov_model_finish(a->item[i].model, err);
    return rc;
}

void
sov_adapters_close(struct sov_adapters *a)
{
    for (size_t i = 0; i < a->n; i++) {
        sov_lora_free(a->item[i].lora);
        sov_model_close(a->item[i].model);
        free(a->item[i].path);
    }
    free(a->item);
    free(a->use);
}
