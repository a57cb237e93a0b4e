/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.h - energy that was taken, by the processor's own counters
 *
 * The counters are those of RAPL, as Linux shows them in
 * /sys/class/powercap: one for each processor package and, where the machine
 * has them, one for the memory beside it.  They count whatever runs there.
 * Most systems let root alone read them.  What they do not tell is not known,
 * and never guessed.
 */
#ifndef SOV_POWER_H
#define SOV_POWER_H

#include "sov/err.h"

#include <stdbool.h>

typedef struct sov_power sov_power;

/*
 * Open all counters; no path is needed afterwards.  root is put before /sys:
 * "" but in tests.  Where there are none, or one of them cannot be read, it is
 * a meter that knows nothing, and sov_power_why() says why.
 */
SOV_API int sov_power_open(sov_power **power, const char *root,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_power_close(sov_power *power);

/*
 * Joules since it was opened, all counters together.  They go round, some of
 * them within minutes: ask at least once a minute.  False, and from then on
 * for good, where that is not known: a counter may have gone round unseen, or
 * cannot be read.
 */
SOV_API bool sov_power_joules(sov_power *power, double *joules);

/* "package-0, package-0/dram": what is counted; "" if nothing is. */
SOV_API const char *sov_power_domains(const sov_power *power);

/* Why nothing is known; "" if something is. */
SOV_API const char *sov_power_why(const sov_power *power);

#endif
