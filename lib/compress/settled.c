/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settled.c - the types that a sheet names, one for each matrix of a model
 */
#include "compress/settled.h"

#include "compress/job.h"
#include "compress/mix.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static int
check_matrix(const struct sov_settled *s, const struct sov_tensor *t,
             struct sov_err *err)
{
    const struct sov_type_info *info;
    uint64_t at;

    if (!sov_map_get(&s->names, t->name, strlen(t->name), &at))
        return sov_fail(err, SOV_EFORMAT, "the plan lacks tensor %.80s",
                        t->name);
    info = sov_type_info((int)s->sheet->row[at].type);
    if (info->type == t->type || t->dim[0] % info->block == 0)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "the plan makes tensor %.80s %s, whose blocks do not "
                    "divide rows of %" PRIu64,
                    t->name, info->name, t->dim[0]);
}

int
sov_settled_find(const sov_model *model, const char *name, size_t *at,
                 struct sov_err *err)
{
    int64_t found = sov_model_find(model, name);

    if (found < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "the plan names tensor %.80s, which the model does "
                        "not have",
                        name);
    *at = (size_t)found;
    return 0;
}

static int
check_row(const sov_model *model, const char *name, struct sov_err *err)
{
    size_t at = 0;
    int rc = sov_settled_find(model, name, &at, err);

    if (rc < 0)
        return rc;
    if (!sov_mix_is_matrix(sov_model_at(model, at)))
        return sov_fail(err, SOV_EFORMAT,
                        "the plan names tensor %.80s, whose type is not to be "
                        "chosen",
                        name);
    return 0;
}

int
sov_settled_take(struct sov_settled *s, const struct sov_sheet *sheet,
                 const sov_model *model, struct sov_err *err)
{
    int rc = 0;

    if (sheet == NULL)
        return 0;
    s->sheet = sheet;
    for (size_t i = 0; i < sheet->n && rc == 0; i++) {
        const char *name = sheet->row[i].name;

        rc = check_row(model, name, err);
        if (rc == 0)
            rc = sov_map_add(&s->names, name, strlen(name), i, err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT, "the plan has tensor %.80s twice",
                          name);
    }
    for (size_t i = 0; i < sov_model_count(model) && rc == 0; i++)
        if (sov_mix_is_matrix(sov_model_at(model, i)))
            rc = check_matrix(s, sov_model_at(model, i), err);
    return rc;
}

void
sov_settled_free(struct sov_settled *s)
{
    sov_map_free(&s->names);
    s->sheet = NULL;
}

enum sov_type
sov_settled_type(const struct sov_settled *s, const char *name)
{
    uint64_t at = 0;

    (void)sov_map_get(&s->names, name, strlen(name), &at);
    return s->sheet->row[at].type;
}

enum sov_type
sov_settled_base(const struct sov_settled *s, const sov_model *model)
{
    uint64_t count[SOV_TYPE_GGUF_MAX] = { 0 };
    enum sov_type best = SOV_TYPE_F16;
    uint64_t most = 0;

    for (size_t i = 0; i < s->sheet->n; i++) {
        const struct sov_sheet_row *row = &s->sheet->row[i];
        int64_t at = sov_model_find(model, row->name);

        if (sov_type_info((int)row->type)->kind == SOV_KIND_BLOCK)
            count[row->type] +=
                sov_tensor_count(sov_model_at(model, (size_t)at));
    }
    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++)
        if (count[i] > most) {
            most = count[i];
            best = (enum sov_type)i;
        }
    return best;
}

static int
fill_sheet(struct sov_sheet *s, const sov_quant *job, struct sov_err *err)
{
    size_t n = sov_plan_count(job->plan);

    s->row = sov_mem_array(n, sizeof(*s->row));
    if (s->row == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_plan_at(job->plan, i);
        struct sov_sheet_row *row = &s->row[s->n];

        if (!sov_mix_is_matrix(sov_model_at(job->model, i)))
            continue;
        row->type = t->type;
        row->bytes = t->size;
        row->loss = row->alpha = NAN;
        row->name = sov_mem_dup(t->name, strlen(t->name));
        if (row->name == NULL)
            return sov_mem_fail(err);
        s->n++;
    }
    return 0;
}

int
sov_quant_sheet(const sov_quant *job, struct sov_sheet **sheet,
                struct sov_err *err)
{
    struct sov_sheet *s = sov_mem_array(1, sizeof(*s));
    int rc;

    *sheet = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->bpw = s->kld = s->speed = NAN;
    rc = fill_sheet(s, job, err);
    if (rc < 0) {
        sov_sheet_free(s);
        return rc;
    }
    *sheet = s;
    return 0;
}
