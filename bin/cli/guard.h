/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - streams and signals, before anything else happens
 */
#ifndef SOV_CLI_GUARD_H
#define SOV_CLI_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

/* Set by SIGUSR1: somebody wants to know how far the work is. */
extern volatile sig_atomic_t sov_guard_asked;

/* Set by SIGINT, SIGTERM and SIGHUP, where sov_guard_stop() asked for it. */
extern volatile sig_atomic_t sov_guard_stopped;

/* Make sure that descriptors 0 to 2 are open, so that no file gets one of
 * these numbers. */
void sov_guard_streams(void);

/*
 * On the signals that end a program, remove half-written output first, then
 * die of the same signal.  name is for the message about a shrinking input.
 */
void sov_guard_signals(const char *name);

/*
 * From here on the first of these signals only sets the flag above, and another
 * one ends the program as ever; false: all do.
 */
void sov_guard_stop(bool on);

/*
 * The terminal fd is about to be changed: give it the state saved back if a
 * signal ends the program, and write undo, if it is not NULL, to standard
 * output.  fd -1: not any more.
 */
void sov_guard_terminal(int fd, const struct termios *saved, const char *undo);

/*
 * The line that is said on standard error where a signal ends the program;
 * NULL: none.  It must stay as it is as long as it may be said.
 */
void sov_guard_last_words(const char *line);

/* Die of SIGPIPE even if it is ignored, or exit with what the shell shows. */
_Noreturn void sov_guard_die_of_pipe(void);

#endif
