/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_aim.c - what rows should be, where their inputs have changed
 *
 * What was quantized before has made x of the inputs z.  The row that answers x
 * as w answers z, as well as any can, is w + u with
 *
 *     H u = C w + r     H = E x x', C = E x (z - x)', r = E x e
 *
 * where e is what is lacking already in the number that the answer is added to,
 * as far as x tells it; the rows of some matrices make good what others did.
 *
 * H is drawn and damped as ever, and so it is R R' with the factor at hand:
 * with G[j][k] = R[j][k] / R[k][k] the two triangular systems are, from the
 * right and then from the left,
 *
 *     v[j] = (C w + r)[j] - sum over k > j of v[k] G[j][k]
 *     u[k] = v[k] / R[k][k]^2 - sum over j < k of u[j] G[j][k]
 */
#include "compress/feedback_rows.h"

#include <string.h>

void
sov_fb_cross(const struct sov_fb_place *p, const struct sov_moment_sums *m,
             float *cross)
{
    size_t n = sov_fb_columns(p);

    p->job->k->dots(m->c, n, n, sov_fb_row(p, 0), n, p->n_rows, n, cross, n);
    for (size_t i = 0; i < p->n_rows; i++) {
        const float *lack = sov_fb_lack(p, m, i);

        if (lack != NULL)
            p->job->k->axpy(1.0f, lack, cross + i * n, n);
    }
}

/* delta = C w + r of all rows, in units of H. */
static void
find_cross(const struct sov_fb_place *p)
{
    const struct sov_feedback *f = p->job->f;
    size_t n = sov_fb_columns(p);
    float scale = (float)((1.0 - f->second.draw) * f->second.scale);

    sov_fb_cross(p, &f->m->fit, p->w->delta);
    for (size_t i = 0; i < p->n_rows * n; i++)
        p->w->delta[i] *= scale;
}

/* Panel by panel from the last one on. */
static void
solve_right(struct sov_fb_place *p)
{
    const struct sov_fb_factor *f = &p->job->f->factor;
    const struct sov_kern *kern = p->job->k;
    size_t n = f->n;

    for (size_t panel = (n + PANEL - 1) / PANEL; panel-- > 0;) {
        size_t c0 = panel * PANEL, stride = sov_fb_factor_stride(n, c0);
        size_t end = c0 + PANEL < n ? c0 + PANEL : n;
        const float *g = f->g + sov_fb_factor_at(n, c0, c0);

        kern->dots(g + (end - c0), stride, end - c0, p->w->delta + end, n,
                   p->n_rows, n - end, p->w->t, PANEL);
        for (size_t i = 0; i < p->n_rows; i++) {
            float *v = p->w->delta + i * n + c0;

            for (size_t j = end - c0; j-- > 0;)
                v[j] -= p->w->t[i * PANEL + j] +
                        kern->dot_f32(g + j * stride + j + 1, v + j + 1,
                                      end - c0 - j - 1);
        }
    }
}

static void
solve_left(struct sov_fb_place *p)
{
    const struct sov_fb_factor *f = &p->job->f->factor;
    size_t n = f->n;

    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        size_t stride = sov_fb_factor_stride(n, p->c0);
        const float *g = f->g + sov_fb_factor_at(n, p->c0, p->c0);

        sov_fb_clear(p);
        for (size_t c = 0; c < p->c0; c += PANEL)
            sov_fb_times(p, p->w->delta + c,
                         f->g + sov_fb_factor_at(n, c, p->c0),
                         sov_fb_factor_stride(n, c), PANEL);
        for (size_t i = 0; i < p->n_rows; i++) {
            float *u = p->w->delta + i * n + p->c0;

            for (size_t k = 0; k < p->n; k++)
                u[k] = u[k] / f->weight[p->c0 + k] - p->w->t[i * PANEL + k];
            for (size_t j = 0; j < p->n; j++)
                p->job->k->axpy(-u[j], g + j * stride + j + 1, u + j + 1,
                                p->n - j - 1);
        }
    }
}

void
sov_fb_aim(struct sov_fb_place *p)
{
    const struct sov_feedback *f = p->job->f;
    size_t n = sov_fb_columns(p);
    float mix = (float)f->mix;

    memcpy(p->w->w, sov_fb_row(p, 0), p->n_rows * n * sizeof(float));
    if (f->m->fit.c == NULL || f->mix <= 0)
        return;
    find_cross(p);
    solve_right(p);
    solve_left(p);
    for (size_t i = 0; i < p->n_rows * n; i++)
        p->w->w[i] += mix * p->w->delta[i];
}
