/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h - how sov-bench shows what it measured
 *
 * The records say it all; every output is a way to look at them (outputs.def).
 * Nothing in a record is believed: names, notes and texts are escaped as each
 * form wants it.
 */
#ifndef SOV_BENCH_OUT_H
#define SOV_BENCH_OUT_H

#include "sov/bench.h"
#include "sov/err.h"
#include "sov/io.h"

#include <stdbool.h>
#include <stddef.h>

struct bench_outputs {
    const char *prom;
    const char *html;
    const char *svg;
    const char *junit;
    const char *csv;
    const char *md;
    bool fails;  /* something that became worse is exit status 1 */
    bool json;   /* records on standard output, in place of a table */
    bool color;  /* bold and colours are welcome there */
    int columns; /* of the terminal; 0: as wide as need be */
    const char *const *inputs; /* never to be replaced */
    size_t n_inputs;
    const char *output; /* what goes to standard output goes there; or NULL */
    sov_sink *sink;     /* it, while it is open */
};

/*
 * Can all of them be written?  Asked before anything is measured.  A file that
 * is there is replaced if it is one of ours of that kind, or empty, or -f was
 * given; that of -o is opened, and has its name once all is written.
 */
int bench_out_check(struct bench_outputs *o,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Forget what was not written. */
void bench_out_end(struct bench_outputs *o);

/*
 * Write them all.  past is a history (or NULL), of which the same cells on the
 * same machine count; v are the verdicts.
 */
int bench_out(struct bench_outputs *o, const struct sov_bench_set *now,
              const struct sov_bench_set *past,
              const struct sov_bench_verdict *v, size_t n_v,
              struct sov_err *err) SOV_MUST_CHECK;

/* The run ended without an answer: whoever watches the metrics is told. */
int bench_out_failed(const struct bench_outputs *o, int status,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
