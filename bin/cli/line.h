/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - a line of text from a terminal, with editing and history
 *
 *   arrows, Home, End, Ctrl-A E B F     move; with Ctrl or Alt, by words
 *   Backspace, Delete, Ctrl-W U K       take away
 *   up, down, Ctrl-P N                  what was said before
 *   Enter                               the end; behind \, with Alt or
 *                                       pasted: a new line
 *   Ctrl-C                              not this line
 *   Ctrl-D                              on an empty line: the end
 *   Ctrl-L, Ctrl-Z                      clear the screen, stop the program
 */
#ifndef SOV_CLI_LINE_H
#define SOV_CLI_LINE_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_line {
    bool plain;  /* as sov_term_open() says */
    char **past; /* owned, as its strings are; the last one is the newest */
    size_t n_past;
    size_t cap_past;
    unsigned char ahead[4096]; /* typed before anybody asked */
    size_t n_ahead;
    size_t at_ahead;
};

/*
 * Ask on the terminal of standard input, which is open (term.h), with signals
 * off.  1: there is a line, fresh in *text; 0: the end of input.
 */
int sov_line_read(struct sov_line *l, const char *prompt, char **text,
                  struct sov_err *err) SOV_MUST_CHECK;

/*
 * The terminal has just been opened: what was typed before is for the first
 * lines.  A Ctrl-D of that time is there as a NUL.
 */
void sov_line_begin(struct sov_line *l);

/*
 * Ctrl-C is a signal from here on (term.h): one that was typed before is one
 * too, and keeps nothing before it; what is typed behind it waits.
 */
void sov_line_hold(struct sov_line *l);

void sov_line_free(struct sov_line *l);

#endif
