/* SPDX-License-Identifier: Apache-2.0 */
/*
 * term.h - a terminal that gives each key at once, and is given back as it was
 *
 * One mode holds from sov_term_open() to sov_term_close(): keys that are typed
 * while something else is shown wait for whoever asks next, and none is lost
 * between two modes.
 */
#ifndef SOV_CLI_TERM_H
#define SOV_CLI_TERM_H

#include "sov/err.h"

#include <signal.h>
#include <stdbool.h>

/* It has another width, or the program was stopped and goes on. */
extern volatile sig_atomic_t sov_term_changed;
/* SIGINT came. */
extern volatile sig_atomic_t sov_term_interrupt;

/*
 * The terminal of standard input.  One that knows no escape sequences (TERM
 * is "dumb", or not set) stays as it is, and *plain says so.
 */
int sov_term_open(bool *plain, struct sov_err *err) SOV_MUST_CHECK;
void sov_term_close(void);

/*
 * Wait ms (-1: any time) for a key or a signal: 1 if there is a key, -1 if a
 * signal came first, 0 if neither.
 */
int sov_term_wait(int ms);

/*
 * Is Ctrl-C a signal, and Ctrl-Z, or are they keys?  At first they are keys.
 * What was typed before is not touched.
 */
void sov_term_signals(bool on);

#endif
