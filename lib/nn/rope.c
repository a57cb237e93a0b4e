/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rope.c - rotary positions
 */
#include "nn/rope.h"

#include "base/fmath.h"
#include "base/limits.h"

#include <math.h>

/* Radians a position, so that no angle leaves the range of sov_sin(). */
#define FREQ_MAX ((double)(UINT64_C(1) << 30) / (double)SOV_CTX_MAX)

static int
too_fast(size_t i, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "rotary frequency %zu is out of range",
                    i);
}

int
sov_rope_freqs(double *freq, size_t n_rot, double base, double scale,
               const float *factor, struct sov_err *err)
{
    size_t i;

    for (i = 0; i < n_rot / 2; i++) {
        double f = sov_pow(base, -2.0 * (double)i / (double)n_rot) * scale;

        if (factor != NULL && !(factor[i] > 0))
            return sov_fail(err, SOV_EFORMAT,
                            "rotary factor %zu is not above 0", i);
        if (factor != NULL)
            f /= (double)factor[i];
        if (!(f >= 0 && f <= FREQ_MAX))
            return too_fast(i, err);
        freq[i] = f;
    }
    return 0;
}

/* The pair that turns `turns` times in n_ctx positions, as a fraction. */
static double
pair_of(size_t n_rot, double base, double n_ctx, double turns)
{
    const double two_pi = 6.283185307179586;

    return (double)n_rot * sov_log(n_ctx / (turns * two_pi)) /
           (2 * sov_log(base));
}

int
sov_rope_yarn(double *freq, size_t n_rot, double base,
              const struct sov_rope_yarn *yarn, struct sov_err *err)
{
    double low = floor(pair_of(n_rot, base, yarn->n_ctx, yarn->beta_fast));
    double high = ceil(pair_of(n_rot, base, yarn->n_ctx, yarn->beta_slow));
    double last = (double)n_rot - 1;
    size_t i;

    low = low > 0 ? low : 0;
    high = high < last ? high : last;
    for (i = 0; i < n_rot / 2; i++) {
        double width = high - low > 0.001 ? high - low : 0.001;
        double at = ((double)i - low) / width;

        at = at > 0 ? at : 0;
        at = at < 1 ? at : 1;
        freq[i] *= at + (1 - at) * yarn->stretch;
        if (!(freq[i] <= FREQ_MAX))
            return too_fast(i, err);
    }
    return 0;
}

void
sov_rope_turn(const double *freq, size_t n_rot, double size, uint32_t pos,
              float *turn)
{
    size_t i;

    for (i = 0; i < n_rot / 2; i++) {
        double angle = (double)pos * freq[i];

        turn[2 * i] = (float)(sov_cos(angle) * size);
        turn[2 * i + 1] = (float)(sov_sin(angle) * size);
    }
}

void
sov_rope_apply(enum sov_rope_pairs pairs, const float *turn, size_t n_rot,
               float *head)
{
    size_t step = pairs == SOV_ROPE_NORM ? 2 : 1;
    size_t other = pairs == SOV_ROPE_NORM ? 1 : n_rot / 2;
    size_t i;

    for (i = 0; i < n_rot / 2; i++) {
        float *p = head + i * step;
        float a = p[0];
        float b = p[other];

        p[0] = a * turn[2 * i] - b * turn[2 * i + 1];
        p[other] = a * turn[2 * i + 1] + b * turn[2 * i];
    }
}
