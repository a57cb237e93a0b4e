/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disturb.c - was it so noisy that a verdict would be about the noise?
 *
 * Each limit is about what moves a figure by as much as verdicts are about.  A
 * share of time in which somebody waited for a CPU, or in which the host gave
 * it to others, is lost to us by up to that share.
 */
#include "sov/bench.h"

/* NaN, not known, is no disturbance. */
const char *
sov_bench_noise_found(const struct sov_bench_noise *noise)
{
    if (noise->throttled > 0.01)
        return "the quota throttled it";
    if (noise->steal > 0.02)
        return "other guests took the CPU";
    if (noise->cpu_pressure > 0.1)
        return "others wanted the CPU";
    if (noise->memory_pressure > 0.02)
        return "memory was short";
    if (noise->frequency_drift > 0.05)
        return "the clock changed";
    return NULL;
}
