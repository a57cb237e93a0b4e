/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adamw.h - steps of AdamW, the loop over vectors: a template
 *
 * Whoever includes it brings LANES and step(a, g, m, v, w), which does so many
 * numbers.  What is left of a vector is worked on in a copy.
 */
#ifndef SOV_KERN_ADAMW_H
#define SOV_KERN_ADAMW_H

static void
adamw(const struct sov_adamw *a, const float *g, float *m, float *v, float *w,
      size_t n)
{
    float rest[4][LANES] = { { 0 } };
    size_t bytes = (n % LANES) * sizeof(float);
    size_t i;

    for (i = 0; i + LANES <= n; i += LANES)
        step(a, g + i, m + i, v + i, w + i);
    if (bytes == 0)
        return;
    memcpy(rest[0], g + i, bytes);
    memcpy(rest[1], m + i, bytes);
    memcpy(rest[2], v + i, bytes);
    memcpy(rest[3], w + i, bytes);
    step(a, rest[0], rest[1], rest[2], rest[3]);
    memcpy(m + i, rest[1], bytes);
    memcpy(v + i, rest[2], bytes);
    memcpy(w + i, rest[3], bytes);
}

#endif
