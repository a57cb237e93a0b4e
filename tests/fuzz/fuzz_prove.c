/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_prove.c - any payload as a claim of what was done
 *
 * What it says is understood, or refused with a reason; what was understood
 * needs files, and changes metadata.
 */
#include "fmt/model.h"
#include "prove/prove.h"
#include "trust/statement.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_err(int rc, const struct sov_err *err)
{
    if (rc < 0 && (err->rc != (enum sov_rc)rc || err->msg[0] == '\0' ||
                   strchr(err->msg, '\n') != NULL))
        abort();
}

static sov_meta *
some_meta(void)
{
    sov_meta *meta;

    if (sov_meta_new(&meta, NULL) < 0 ||
        sov_meta_set_str(meta, "general.name", "x", NULL) < 0 ||
        sov_meta_set_u32(meta, "general.file_type", 1, NULL) < 0)
        abort();
    return meta;
}

/* Nothing that is judged is looked at before there is a source. */
static sov_model *
nothing(void)
{
    static sov_model *model;

    if (model == NULL && sov_model_held(&model, some_meta(), NULL, 0, NULL) < 0)
        abort();
    return model;
}

static void
go_on(sov_prove *p)
{
    const struct sov_resource *r = sov_prove_missing(p, 0);
    sov_meta *meta = some_meta();
    struct sov_prove_input in;
    struct sov_prove_facts f;
    struct sov_err err = { 0 };
    int rc = sov_prove_edit(p, meta, &err);

    check_err(rc, &err);
    for (size_t i = 0; sov_prove_input(p, i, &in); i++)
        if (in.what == NULL || in.path != NULL)
            abort();
    sov_prove_facts(p, &f);
    rc = sov_prove_ready(p, &err); /* there is no source */
    check_err(rc, &err);
    if (f.deed == NULL || rc != SOV_EUNSUP || (r != NULL && err.rc == 0))
        abort();
    sov_meta_free(meta);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_span in = { data, size };
    struct sov_pool pool = { 0 };
    struct sov_statement st;
    struct sov_prove_opts o = { .claim = &st, .made = nothing() };
    sov_prove *p = NULL;
    json_t *json = NULL;
    struct sov_err err;
    int rc = sov_statement_parse(in, 4096, &pool, &json, &st, &err);

    if (rc == 0) {
        rc = sov_prove_new(&p, &o, &err);
        check_err(rc, &err);
        if ((rc == 0) != (p != NULL))
            abort();
        if (rc == 0)
            go_on(p);
    }
    sov_prove_free(p);
    json_decref(json);
    sov_pool_free(&pool);
    return 0;
}
