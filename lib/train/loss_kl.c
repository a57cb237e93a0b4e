/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss_kl.c - divergences of a student from its teacher, and of mixtures
 *
 * Logarithms are those of quotients, which are 1 where p and q are equal.  A
 * mixture is made from the end that it is nearer to: so it is not 0, has the
 * relative precision of its parts, and is p where p and q are equal.
 *
 * Skewed divergences: J. Ko et al., "DistiLLM", ICML 2024; the generalized
 * Jensen-Shannon divergence: R. Agarwal et al., "On-Policy Distillation of
 * Language Models", ICLR 2024.
 */
#include "train/loss_row.h"

/* x[n] = share p + (1 - share) q */
static void
mixture(sov_real share, const sov_real *p, const sov_real *q, sov_real *x,
        size_t n)
{
    sov_real rest = 1 - share;
    size_t i;

    if (share <= (sov_real)0.5)
        for (i = 0; i < n; i++)
            x[i] = q[i] + share * (p[i] - q[i]);
    else
        for (i = 0; i < n; i++)
            x[i] = p[i] + rest * (q[i] - p[i]);
}

/* r[n] = log(x / m); the sum of x times that */
static double
apart(const struct sov_kern *k, const sov_real *x, const sov_real *m,
      sov_real *r, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        r[i] = x[i] / m[i];
    sov_loss_log(k, r, n);
    return sov_loss_dot(k, x, r, n);
}

static double
fkl(const struct sov_kern *k, sov_real value, const sov_real *p,
    const sov_real *q, sov_real *g, size_t n)
{
    double sum = apart(k, p, q, g, n);
    size_t i;

    (void)value;
    for (i = 0; i < n; i++)
        g[i] = q[i] - p[i];
    return sum;
}

static double
rkl(const struct sov_kern *k, sov_real value, const sov_real *p,
    const sov_real *q, sov_real *g, size_t n)
{
    (void)value;
    return apart(k, q, p, g, n);
}

static double
jsd(const struct sov_kern *k, sov_real value, const sov_real *p,
    const sov_real *q, sov_real *g, size_t n)
{
    sov_real m[SOV_LOSS_PIECE];
    double from_p, from_q;
    size_t i;

    mixture(value, p, q, m, n);
    from_p = apart(k, p, m, g, n);
    from_q = apart(k, q, m, g, n);
    for (i = 0; i < n; i++)
        g[i] *= 1 - value;
    return (double)value * from_p + (double)(1 - value) * from_q;
}

static double
sfkl(const struct sov_kern *k, sov_real value, const sov_real *p,
     const sov_real *q, sov_real *g, size_t n)
{
    sov_real m[SOV_LOSS_PIECE];
    double sum;
    size_t i;

    mixture(value, p, q, m, n);
    sum = apart(k, p, m, g, n);
    for (i = 0; i < n; i++)
        g[i] = (1 - value) * (1 - p[i] / m[i]);
    return sum;
}

static double
srkl(const struct sov_kern *k, sov_real value, const sov_real *p,
     const sov_real *q, sov_real *g, size_t n)
{
    sov_real m[SOV_LOSS_PIECE];
    double sum;
    size_t i;

    mixture(1 - value, p, q, m, n);
    sum = apart(k, q, m, g, n);
    for (i = 0; i < n; i++)
        g[i] += value * (1 - q[i] / m[i]);
    return sum;
}

const struct sov_loss_row sov_loss_fkl = {
    .name = "fkl",
    .from = SOV_FROM_TEACHER,
    .piece = fkl,
    .direct = true,
};

const struct sov_loss_row sov_loss_rkl = {
    .name = "rkl",
    .from = SOV_FROM_TEACHER,
    .piece = rkl,
};

const struct sov_loss_row sov_loss_jsd = {
    .name = "jsd",
    .value = "B",
    .above_0 = true,
    .from = SOV_FROM_TEACHER,
    .piece = jsd,
};

const struct sov_loss_row sov_loss_sfkl = {
    .name = "sfkl",
    .value = "A",
    .from = SOV_FROM_TEACHER,
    .piece = sfkl,
};

const struct sov_loss_row sov_loss_srkl = {
    .name = "srkl",
    .value = "A",
    .from = SOV_FROM_TEACHER,
    .piece = srkl,
};
