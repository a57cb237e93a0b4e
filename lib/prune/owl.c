/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owl.c - more is left in layers that have more outliers
 *
 * Rows of a layer's matrices are gone through twice: for the mean of their
 * scores, and for those above so many times that.  Sums are in fixed pieces of
 * ROWS rows, so that threads do not show.
 */
#include "prune/owl.h"

#include "base/mem.h"
#include "compress/job.h"
#include "fmt/model.h"
#include "prune/job.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a piece. */
#define ROWS ((size_t)64)

/* Between no weight and all: what a layer's ratio is compared with. */
#define MIDDLE 0.5

void
sov_owl_spread(const double *share, const double *weight, size_t n,
               double range, double all, double *ratio)
{
    double low = INFINITY, high = -INFINITY, sum = 0, mean = 0;

    for (size_t i = 0; i < n; i++) {
        low = fmin(low, share[i]);
        high = fmax(high, share[i]);
        sum += weight[i];
    }
    for (size_t i = 0; i < n; i++) {
        ratio[i] =
            high > low ? (share[i] - low) / (high - low) * 2.0 * range : 0.0;
        mean += sum > 0 ? ratio[i] * weight[i] / sum : 0.0;
    }
    for (size_t i = 0; i < n; i++)
        ratio[i] = fmin(fmax(all - (ratio[i] - mean), 0.0), 1.0);
}

/* ---- scores ---- */

/* A matrix (an expert) and its inputs. */
struct matrix {
    const struct sov_tensor *t;
    size_t first, n; /* rows, of all of the tensor */
    float *root;     /* [k] of what enters */
    float *room;     /* [threads][k] */
    double above;    /* scores above it are counted; below 0: none are */
    double *sum;     /* [pieces] of scores, or how many are above */
};

static double
row_sum(const struct matrix *m, const float *w)
{
    size_t k = (size_t)m->t->dim[0];
    double sum = 0;

    for (size_t j = 0; j < k; j++) {
        double score = fabs((double)w[j]) * (double)m->root[j];

        sum += m->above < 0 ? score : score > m->above ? 1 : 0;
    }
    return sum;
}

static void
pieces(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct matrix *m = arg;
    size_t k = (size_t)m->t->dim[0];
    size_t bytes = (size_t)sov_tensor_row_bytes(m->t);
    const unsigned char *data = m->t->data;
    float *w = m->room + worker * k;

    for (size_t p = first; p < last; p++) {
        size_t end = (p + 1) * ROWS < m->n ? (p + 1) * ROWS : m->n;

        m->sum[p] = 0;
        for (size_t i = p * ROWS; i < end; i++) {
            sov_job_decoder(m->t->type)(data + (m->first + i) * bytes, w, k);
            m->sum[p] += row_sum(m, w);
        }
    }
}

static double
of_matrix(struct matrix *m)
{
    size_t n = (m->n + ROWS - 1) / ROWS;
    double sum = 0;

    sov_par_for(n, 1, pieces, m);
    for (size_t p = 0; p < n; p++)
        sum += m->sum[p];
    return sum;
}

/* All matrices of a tensor. */
static int
of_tensor(const struct sov_tensor *t, const sov_stats *stats, double above,
          double *sum, struct sov_err *err)
{
    size_t k = (size_t)t->dim[0], n = (size_t)(t->dim[2] * t->dim[3]);
    int64_t entry = sov_stats_find(stats, t->name);
    struct matrix m = { .t = t, .n = (size_t)t->dim[1], .above = above };
    int rc = 0;

    if (entry < 0 || sov_stats_values(stats, (size_t)entry) != k * n)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %s: the statistics are of another model",
                        t->name);
    m.root = sov_mem_array(k, sizeof(*m.root));
    m.room = sov_mem_array(sov_threads(), k * sizeof(*m.room));
    m.sum = sov_mem_array((m.n + ROWS - 1) / ROWS, sizeof(*m.sum));
    if (m.root == NULL || m.room == NULL || m.sum == NULL)
        rc = sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++, m.first += m.n) {
        sov_stats_mean(stats, (size_t)entry, i * k, k, m.root);
        for (size_t j = 0; j < k; j++)
            m.root[j] = sqrtf(m.root[j]);
        *sum += of_matrix(&m);
    }
    free(m.sum);
    free(m.room);
    free(m.root);
    return rc;
}

/* ---- layers ---- */

struct model {
    const sov_model *model;
    const sov_stats *stats;
    bool (*wanted)(const void *arg, size_t tensor);
    const void *arg;
};

static bool
is_of(const struct model *m, size_t tensor, size_t layer)
{
    const char *name = sov_model_at(m->model, tensor)->name;
    char *end;

    if (strncmp(name, "blk.", 4) != 0 || !m->wanted(m->arg, tensor))
        return false;
    return strtoull(name + 4, &end, 10) == layer && *end == '.';
}

/* The sum of all scores, or how many are above. */
static int
of_layer(const struct model *m, size_t layer, double above, double *sum,
         double *weights, struct sov_err *err)
{
    int rc = 0;

    *sum = *weights = 0;
    for (size_t i = 0; i < sov_model_count(m->model) && rc == 0; i++)
        if (is_of(m, i, layer)) {
            const struct sov_tensor *t = sov_model_at(m->model, i);

            rc = of_tensor(t, m->stats, above, sum, err);
            *weights += (double)sov_tensor_count(t);
        }
    return rc;
}

int
sov_owl_ratios(const sov_model *model, const sov_stats *stats,
               bool (*wanted)(const void *arg, size_t tensor), const void *arg,
               double all, double *ratio, size_t n_layers, struct sov_err *err)
{
    const struct model m = { model, stats, wanted, arg };
    double *share = sov_mem_array(2 * n_layers, sizeof(*share));
    double *weights = share + n_layers;
    int rc = share == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < n_layers && rc == 0; i++) {
        double sum, n;

        rc = of_layer(&m, i, -1, &sum, &n, err);
        if (rc == 0 && n > 0)
            rc = of_layer(&m, i, SOV_OWL_TIMES * sum / n, &share[i],
                          &weights[i], err);
        if (rc == 0 && n > 0)
            share[i] /= n;
    }
    if (rc == 0)
        sov_owl_spread(share, weights, n_layers, SOV_OWL_RANGE, all, ratio);
    free(share);
    return rc;
}

/* ---- a job ---- */

static bool
is_spread(const void *arg, size_t tensor)
{
    const struct sov_prune *job = arg;
    const struct sov_prune_fate *f = &job->fate[tensor];

    return f->pruned && f->share.pattern.of == 0;
}

/* Of a matrix, where its layer's is that in place of MIDDLE. */
static double
ratio_of(const struct sov_prune_share *share, double layer)
{
    return fmin(fmax(share->ratio + (layer - MIDDLE), 0.0), 1.0);
}

static size_t
layers_of(const sov_model *model)
{
    size_t n = 0;

    for (size_t i = 0; i < sov_model_count(model); i++) {
        const char *name = sov_model_at(model, i)->name;
        size_t layer = (size_t)strtoull(name + 4, NULL, 10);

        if (strncmp(name, "blk.", 4) == 0 && layer >= n &&
            layer < sov_model_count(model))
            n = layer + 1;
    }
    return n;
}

/* Weights that go, each row rounded down: with a job's fates, or with all
 * layers' ratios so much higher. */
static double
all_that_go(const struct sov_prune *job, const double *ratio, size_t n,
            double more)
{
    const struct model m = { job->model, NULL, is_spread, job };
    double sum = 0;

    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        struct sov_prune_share share = job->fate[i].share;

        if (!is_spread(job, i))
            continue;
        for (size_t layer = 0; layer < n; layer++)
            if (is_of(&m, i, layer))
                share.ratio = ratio_of(&share, ratio[layer] + more);
        sum += (double)sov_tensor_rows(t) *
               (double)sov_prune_goes(&share, (size_t)t->dim[0]);
    }
    return sum;
}

/* Ratios that are no whole number of a row's weights are rounded down, and in
 * all less would go than without: so much higher they have to be. */
static double
find_more(const struct sov_prune *job, const double *ratio, size_t n)
{
    double want = all_that_go(job, ratio, 0, 0), low = 0, high = 0.05;

    for (int i = 0; i < 30; i++) {
        double middle = 0.5 * (low + high);

        if (all_that_go(job, ratio, n, middle) < want)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Rules and sheets may give matrices ratios of their own: what is spread is by
 * how much a layer's is more or less. */
int
sov_prune_spread(struct sov_prune *job, const sov_stats *stats,
                 struct sov_err *err)
{
    size_t n = layers_of(job->model);
    double *ratio = sov_mem_array(n + 1, sizeof(*ratio));
    const struct model m = { job->model, stats, is_spread, job };
    double more = 0;
    int rc;

    if (ratio == NULL)
        return sov_mem_fail(err);
    rc = sov_owl_ratios(job->model, stats, is_spread, job, MIDDLE, ratio, n,
                        err);
    if (rc == 0)
        more = find_more(job, ratio, n);
    for (size_t layer = 0; layer < n && rc == 0; layer++)
        for (size_t i = 0; i < sov_model_count(job->model); i++)
            if (is_of(&m, i, layer))
                job->fate[i].share.ratio =
                    ratio_of(&job->fate[i].share, ratio[layer] + more);
    free(ratio);
    return rc;
}
