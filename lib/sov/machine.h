/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - what a machine is, what it can do at most, what disturbs it
 *
 * Facts are read from /proc and /sys, and what is not there is not known:
 * nothing is guessed, and nothing is an error but a lack of memory.  A root is
 * put before both: "" but in tests.
 */
#ifndef SOV_MACHINE_H
#define SOV_MACHINE_H

#include "sov/bench.h"
#include "sov/err.h"

#include <stdint.h>

/* ---- what it is ---- */

/*
 * Fill m, and its id: what it holds is owned, see sov_machine_clear().
 */
SOV_API int sov_machine_read(struct sov_bench_machine *m, const char *root,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Free what m holds, not m. */
SOV_API void sov_machine_clear(struct sov_bench_machine *m);

/* ---- what it can do at most ---- */

enum sov_roof_kind {
    SOV_ROOF_READ, /* bytes from memory */
    SOV_ROOF_INT8, /* additions and multiplications, by the widest dot */
    SOV_ROOF_BF16, /* instruction of the processor for such numbers */
    SOV_ROOF_F32,
    SOV_ROOF_KINDS,
};

typedef struct sov_roof sov_roof;

/* Takes memory to read from: far more than any cache has. */
SOV_API int sov_roof_open(sov_roof **roof, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_roof_close(sov_roof *roof);

/* A second, by sov_threads() threads, once, within some 20 ms; 0: the
 * processor has no such instruction. */
SOV_API double sov_roof_measure(sov_roof *roof, enum sov_roof_kind kind);

/* ---- what disturbs it ---- */

typedef struct sov_noise sov_noise;

/* Opens all that will be read, so that no path is needed afterwards. */
SOV_API int sov_noise_open(sov_noise **noise, const char *root,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_noise_close(sov_noise *noise);

/* From here on; the frequency may be looked at meanwhile; and what there was
 * since then. */
SOV_API void sov_noise_begin(sov_noise *noise);
SOV_API void sov_noise_look(sov_noise *noise);
SOV_API void sov_noise_end(sov_noise *noise, struct sov_bench_noise *found);

#endif
