/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - a line of text from a terminal, with editing and history
 *
 *   arrows, Home, End, Ctrl-A E B F     move; with Ctrl, by words
 *   Backspace, Delete, Ctrl-W U K       take away
 *   up, down, Ctrl-P N                  what was said before
 *   Enter                               the end; behind \, or pasted: a line
 *   Ctrl-C                              not this line
 *   Ctrl-D                              on an empty line: the end
 *   Ctrl-L, Ctrl-Z                      clear the screen, stop the program
 */
#ifndef SOV_CLI_LINE_H
#define SOV_CLI_LINE_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct sov_line {
    struct termios before; /* what sov_line_quiet() found */
    bool quiet;
    char **past; /* owned, as its strings are; the last one is the newest */
    size_t n_past;
    size_t cap_past;
};

/*
 * Ask on the terminal of standard input.  1: there is a line, fresh in *text;
 * 0: the end of input.  The terminal is as it was, whatever happens.
 */
int sov_line_read(struct sov_line *l, const char *prompt, char **text,
                  struct sov_err *err) SOV_MUST_CHECK;

/*
 * While something else is shown: keys are not shown between it but wait for
 * the next line, and Ctrl-C is a signal.
 */
void sov_line_quiet(struct sov_line *l, bool quiet);

void sov_line_free(struct sov_line *l);

#endif
