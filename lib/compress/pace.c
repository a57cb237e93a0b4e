/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - how long weights of each type take, on this machine
 *
 * A matrix as large as the model, or at least larger than most caches, is
 * multiplied with one vector by all threads, as it is when a model makes text,
 * and the fastest of some times counts.  What a token takes besides (attention, norms, the vocabulary) is
 * found by letting the model itself run a little.
 */
#include "compress/allot.h"

#include "compress/job.h"
#include "compress/mix.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "nn/mat.h"
#include "sov/pace.h"
#include "sov/run.h"
#include "sys/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS    2048u
#define ROWS_MOST  12288u /* 25 million weights */
#define ROWS_LEAST 256u
#define TIMES   3
#define TOKENS  8 /* that the model makes */
#define WARM    2 /* ... that do not count */

struct pace {
    struct sov_nn nn;
    struct sov_input in;
    float *x;
    float *y;
    unsigned char *rows;
    size_t n_rows;
    double ns[SOV_TYPE_GGUF_MAX]; /* of a weight; 0: not measured yet */
};

void
sov_allot_machine(char *text, size_t size)
{
    snprintf(text, size, "%s, %u threads", sov_isa(), sov_threads());
}

/* A row of numbers like weights, again and again. */
static void
fill_rows(struct pace *p, enum sov_type type, size_t row_bytes)
{
    for (size_t i = 0; i < COLUMNS; i++)
        p->x[i] = (float)((i * 7919) % 1009) / 504.5f - 1.0f;
    sov_kern()->encode[type](p->x, NULL, p->rows, COLUMNS, 1);
    for (size_t r = 1; r < p->n_rows; r++)
        memcpy(p->rows + r * row_bytes, p->rows, row_bytes);
}

static void
measure_type(struct pace *p, enum sov_type type)
{
    struct sov_mat m = {
        .data = p->rows,
        .type = type,
        .n_in = COLUMNS,
        .n_out = p->n_rows,
        .row_bytes = sov_job_bytes(type, COLUMNS),
    };
    struct sov_mul mul = { .w = &m, .y = p->y, .y_stride = p->n_rows };
    double best = INFINITY;

    fill_rows(p, type, m.row_bytes);
    p->in.forms = sov_mat_forms(&p->nn, &m, 1);
    sov_input_column(&p->nn, &p->in, 0);
    for (int i = 0; i <= TIMES; i++) {
        double start = sov_clock(), took;

        sov_mat_mul(&p->nn, &mul, 1, &p->in);
        took = sov_clock() - start;
        best = i > 0 && took < best ? took : best;
    }
    p->ns[type] = best * 1e9 / ((double)p->n_rows * COLUMNS);
}

/* For a matrix of so many weights. */
static int
open_pace(struct pace *p, uint64_t weights, struct sov_err *err)
{
    size_t pieces = COLUMNS / 256;
    uint64_t rows = weights / COLUMNS;

    p->n_rows = rows < ROWS_LEAST  ? ROWS_LEAST
                : rows > ROWS_MOST ? ROWS_MOST
                                   : (size_t)rows;
    p->nn = (struct sov_nn){ .k = sov_kern(), .room = sov_mat_room(COLUMNS) };
    p->x = sov_mem_aligned(COLUMNS, sizeof(float));
    p->y = sov_mem_aligned(p->n_rows, sizeof(float));
    p->rows = sov_mem_aligned(p->n_rows * COLUMNS, sizeof(float));
    p->in = (struct sov_input){
        .x = p->x,
        .stride = COLUMNS,
        .n = COLUMNS,
        .n_cols = 1,
        .a32 = sov_mem_aligned(pieces, sizeof(struct sov_a32)),
        .a256 = sov_mem_aligned(pieces, sizeof(struct sov_a256)),
        .half = sov_mem_aligned(COLUMNS, sizeof(float)),
        .bf16 = sov_mem_aligned(sov_input_bf16(COLUMNS), sizeof(uint16_t)),
    };
    if (p->x == NULL || p->y == NULL || p->rows == NULL || p->in.a32 == NULL ||
        p->in.a256 == NULL || p->in.half == NULL || p->in.bf16 == NULL)
        return sov_mem_fail(err);
    return sov_nn_ready(&p->nn, err);
}

static void
close_pace(struct pace *p)
{
    sov_nn_done(&p->nn);
    sov_mem_free_aligned(p->x);
    sov_mem_free_aligned(p->y);
    sov_mem_free_aligned(p->rows);
    sov_mem_free_aligned(p->in.a32);
    sov_mem_free_aligned(p->in.a256);
    sov_mem_free_aligned(p->in.half);
    sov_mem_free_aligned(p->in.bf16);
}

/* ---- a model's tokens */

/* Weights of a matrix that one token is multiplied with: none of embeddings
 * that are only looked up, and of experts those that are used. */
static double
active(const sov_model *model, const struct sov_tensor *t)
{
    uint64_t used = 0;
    double n = (double)sov_tensor_count(t);

    (void)sov_meta_arch_u64(sov_model_meta(model), "expert_used_count", &used,
                            NULL);

    if (strstr(t->name, "token_embd.weight") != NULL &&
        (strcmp(t->name, "token_embd.weight") != 0 ||
         sov_model_find(model, "output.weight") >= 0))
        return 0;
    if (t->dim[2] > 1 && used > 0 && used < t->dim[2])
        return n * (double)used / (double)t->dim[2];
    return n;
}

/* Seconds of a token, the fastest of some; 0 if the model cannot run. */
static double
run_model(const sov_model *model)
{
    const struct sov_session_opts opts = { .n_ctx = TOKENS, .n_logits = 1 };
    double best = INFINITY;
    sov_session *s = NULL;
    int rc = sov_session_open(&s, model, &opts, NULL);

    for (int i = 0; i < TOKENS && rc == 0; i++) {
        double start = sov_clock(), took;
        int32_t id = i % 3;

        rc = sov_session_eval(s, &id, 1, SOV_LOGITS_LAST, NULL);
        took = sov_clock() - start;
        best = i >= WARM && took < best ? took : best;
    }
    sov_session_close(s);
    return rc == 0 ? best : 0;
}

int
sov_allot_pace(struct sov_allot *a, struct sov_err *err)
{
    struct pace p = { .ns = { 0 } };
    uint64_t weights = 0;
    double own = 0;
    int rc;

    for (size_t i = 0; i < a->n; i++)
        weights += sov_tensor_count(sov_model_at(a->model,
                                                 a->matrix[i].tensor));
    rc = open_pace(&p, weights, err);

    for (size_t i = 0; i < a->n && rc == 0; i++) {
        struct sov_allot_matrix *m = &a->matrix[i];
        const struct sov_tensor *t = sov_model_at(a->model, m->tensor);
        double n = active(a->model, t);

        for (size_t o = 0; o < m->n; o++) {
            if (p.ns[m->type[o]] == 0)
                measure_type(&p, m->type[o]);
            m->option[o].cost = n * p.ns[m->type[o]];
            if (m->type[o] == t->type)
                own += m->option[o].cost;
        }
    }
    close_pace(&p);
    if (rc == 0 && own > 0) {
        a->aside = 1e9 * run_model(a->model) - own;
        a->aside = a->aside > 0 ? a->aside : 0;
    }
    return rc;
}

/* ---- whole plans */

struct sov_pace {
    const sov_model *model;
    struct pace *pace;
    double aside; /* seconds of a token besides its matrices */
};

/* Seconds of what the tensors' types cost a token; those that were not met
 * before are measured. */
static double
matrices(struct sov_pace *p, const sov_plan *plan)
{
    double sum = 0;

    for (size_t i = 0; i < sov_model_count(p->model); i++) {
        const struct sov_tensor *t = sov_model_at(p->model, i);
        enum sov_type type = plan != NULL ? sov_plan_at(plan, i)->type
                                          : t->type;

        if (!sov_mix_is_matrix(t) || (int)type >= SOV_TYPE_GGUF_MAX ||
            sov_kern()->encode[type] == NULL)
            continue;
        if (p->pace->ns[type] == 0)
            measure_type(p->pace, type);
        sum += active(p->model, t) * p->pace->ns[type] / 1e9;
    }
    return sum;
}

int
sov_pace_new(struct sov_pace **pace, const sov_model *model,
             struct sov_err *err)
{
    struct sov_pace *p = sov_mem_array(1, sizeof(*p));
    uint64_t weights = 0;
    double took;
    int rc;

    *pace = NULL;
    if (p == NULL)
        return sov_mem_fail(err);
    p->model = model;
    p->pace = sov_mem_array(1, sizeof(*p->pace));
    for (size_t i = 0; i < sov_model_count(model); i++)
        if (sov_mix_is_matrix(sov_model_at(model, i)))
            weights += sov_tensor_count(sov_model_at(model, i));
    rc = p->pace == NULL ? sov_mem_fail(err) : open_pace(p->pace, weights, err);
    if (rc < 0) {
        sov_pace_free(p);
        return rc;
    }
    took = run_model(model);
    p->aside = took - matrices(p, NULL);
    if (took == 0 || p->aside < 0)
        p->aside = 0;
    *pace = p;
    return 0;
}

void
sov_pace_free(struct sov_pace *p)
{
    if (p == NULL)
        return;
    if (p->pace != NULL)
        close_pace(p->pace);
    free(p->pace);
    free(p);
}

double
sov_pace_token(struct sov_pace *p, const sov_plan *plan)
{
    return p->aside + matrices(p, plan);
}
