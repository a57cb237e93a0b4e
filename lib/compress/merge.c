/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - adapters as part of the weights
 *
 * The parts of a tensor stand together, in order of the adapters.  A worker
 * keeps all A of one matrix as floats, since each row of the matrix needs all
 * of them, and makes the rows of B that it needs.
 */
#include "compress/merge.h"

#include "arch/lora.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a tensor that meet A together. */
#define ROWS 32

struct part {
    const struct sov_lora_pair *pair;
    float scale;
};

struct sov_merge {
    struct part *part; /* owned */
    size_t *first;     /* owned; [n + 1] parts of each tensor */
    size_t n;          /* tensors */
    uint64_t a_max;    /* numbers of all A of a matrix */
    uint64_t rank_max;
};

bool
sov_merge_has(const struct sov_merge *m, size_t i)
{
    return m->first[i] < m->first[i + 1];
}

static void
add_part(struct sov_merge *m, size_t at, const struct sov_lora_use *use,
         const struct sov_lora_pair *p)
{
    m->part[at].pair = p;
    m->part[at].scale = sov_lora_scale(use, p);
    if (p->rank > m->rank_max)
        m->rank_max = p->rank;
}

static int
find_parts(struct sov_merge *m, const sov_model *model,
           const struct sov_lora_use *use, size_t n, struct sov_err *err)
{
    size_t all = 0, at = 0;

    for (size_t k = 0; k < n; k++)
        all += use[k].lora->n;
    m->n = sov_model_count(model);
    m->part = sov_mem_array(all, sizeof(*m->part));
    m->first = sov_mem_array(m->n + 1, sizeof(*m->first));
    if (m->part == NULL || m->first == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->n; i++) {
        uint64_t a = 0;

        m->first[i] = at;
        for (size_t k = 0; k < n; k++) {
            const sov_lora *l = use[k].lora;
            int64_t p = sov_lora_find(l, sov_model_at(model, i)->name);

            if (p < 0)
                continue;
            add_part(m, at++, &use[k], &l->pair[p]);
            a += l->pair[p].rank * l->pair[p].n_in;
        }
        if (a > m->a_max)
            m->a_max = a;
    }
    m->first[m->n] = at;
    return 0;
}

int
sov_merge_new(struct sov_merge **merge, const sov_model *model,
              const struct sov_lora_use *use, size_t n, struct sov_err *err)
{
    struct sov_merge *m = sov_mem_array(1, sizeof(*m));
    int rc =
        m == NULL ? sov_mem_fail(err) : sov_lora_check_uses(use, n, model, err);

    if (rc == 0)
        rc = find_parts(m, model, use, n, err);
    if (rc < 0) {
        sov_merge_free(m);
        return rc;
    }
    *merge = m;
    return 0;
}

void
sov_merge_free(struct sov_merge *m)
{
    if (m == NULL)
        return;
    free(m->part);
    free(m->first);
    free(m);
}

/* ---- what a worker keeps */

uint64_t
sov_merge_view_bytes(const struct sov_merge *m, size_t max)
{
    if (m->a_max == 0)
        return 0;
    return (m->a_max + ROWS * m->rank_max + max) * sizeof(float);
}

int
sov_merge_view_new(struct sov_merge_view *view, const struct sov_merge *m,
                   size_t max, struct sov_err *err)
{
    *view = (struct sov_merge_view){ 0 };
    if (m->a_max == 0)
        return 0;
    view->a = sov_mem_aligned((size_t)m->a_max, sizeof(*view->a));
    view->b = sov_mem_aligned(ROWS * (size_t)m->rank_max, sizeof(*view->b));
    view->sum = sov_mem_aligned(max, sizeof(*view->sum));
    if (view->a == NULL || view->b == NULL || view->sum == NULL)
        return sov_mem_fail(err);
    return 0;
}

void
sov_merge_view_free(struct sov_merge_view *view)
{
    sov_mem_free_aligned(view->a);
    sov_mem_free_aligned(view->b);
    sov_mem_free_aligned(view->sum);
}

/* Row i of a tensor, as numbers. */
static void
row_of(const struct sov_tensor *t, uint64_t i, float *y)
{
    const unsigned char *p = t->data;

    sov_kern()->decode[t->type](p + i * sov_tensor_row_bytes(t), y,
                                (size_t)t->dim[0]);
}

/* A of one matrix: [rank, n_in].  row has room for one of b. */
static void
fill_a(const struct sov_lora_pair *p, uint64_t matrix, float *a, float *row)
{
    for (uint64_t k = 0; k < p->rank && !p->by_row; k++)
        row_of(p->a, matrix * p->rank + k, a + k * p->n_in);
    for (uint64_t j = 0; j < p->n_in && p->by_row; j++) {
        row_of(p->b, j, row);
        for (uint64_t k = 0; k < p->rank; k++)
            a[k * p->n_in + j] = row[k];
    }
}

static void
fill(const struct sov_merge *m, struct sov_merge_view *view, size_t i,
     uint64_t matrix)
{
    float *a = view->a;

    if (view->filled && view->tensor == i && view->matrix == matrix)
        return;
    for (size_t k = m->first[i]; k < m->first[i + 1]; k++) {
        const struct sov_lora_pair *p = m->part[k].pair;

        fill_a(p, matrix, a, view->b);
        a += p->rank * p->n_in;
    }
    view->tensor = i;
    view->matrix = matrix;
    view->filled = true;
}

/* ---- adding */

/*
 * n_rows rows from number row on, all of matrix number row / n_out, from column
 * `from` on len of each, one behind the other in x.
 */
static void
add_rows(const struct sov_merge *m, struct sov_merge_view *view, size_t i,
         uint64_t row, size_t n_rows, size_t from, size_t len, float *x)
{
    const struct sov_kern *kern = sov_kern();
    const float *a = view->a;

    for (size_t k = m->first[i]; k < m->first[i + 1]; k++) {
        const struct sov_lora_pair *p = m->part[k].pair;
        size_t rank = (size_t)p->rank;

        for (size_t r = 0; r < n_rows; r++)
            row_of(p->by_row ? p->a : p->b, row + r, view->b + r * rank);
        memset(view->sum, 0, n_rows * len * sizeof(*view->sum));
        kern->mixes(view->b, rank, n_rows, a + from, (size_t)p->n_in, rank,
                    view->sum, len, len);
        for (size_t j = 0; j < n_rows * len; j++)
            x[j] += m->part[k].scale * view->sum[j];
        a += rank * p->n_in;
    }
}

void
sov_merge_add(const struct sov_merge *m, struct sov_merge_view *view, size_t i,
              uint64_t first, size_t n, float *x)
{
    const struct sov_lora_pair *p = m->part[m->first[i]].pair;

    while (n > 0) {
        uint64_t row = first / p->n_in, matrix = row / p->n_out;
        size_t from = (size_t)(first % p->n_in);
        size_t len = (size_t)p->n_in - from, rows = 1;

        if (len <= n && from == 0) {
            uint64_t left = (matrix + 1) * p->n_out - row;

            rows = n / len < ROWS ? n / len : ROWS;
            rows = rows < left ? rows : (size_t)left;
        } else {
            len = len < n ? len : n;
        }
        fill(m, view, i, matrix);
        add_rows(m, view, i, row, rows, from, len, x);
        x += rows * len;
        first += rows * len;
        n -= rows * len;
    }
}

int
sov_merge_digest(const struct sov_merge *m, unsigned char digest[SOV_XXH3_LEN],
                 struct sov_err *err)
{
    struct sov_sum *sum = sov_sum_new();

    if (sum == NULL)
        return sov_mem_fail(err);
    sov_sum_add(sum, m->first, (m->n + 1) * sizeof(*m->first));
    for (size_t k = 0; k < m->first[m->n]; k++) {
        const struct sov_lora_pair *p = m->part[k].pair;
        const int32_t types[2] = { p->a->type, p->b->type };

        sov_sum_add(sum, &m->part[k].scale, sizeof(m->part[k].scale));
        sov_sum_add(sum, types, sizeof(types));
        sov_sum_add(sum, p->a->data, (size_t)p->a->size);
        sov_sum_add(sum, p->b->data, (size_t)p->b->size);
    }
    sov_sum_take(sum, digest);
    sov_sum_free(sum);
    return 0;
}
