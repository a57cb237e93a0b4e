/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.h - a text that is being typed, on a terminal
 */
#ifndef SOV_CLI_DRAW_H
#define SOV_CLI_DRAW_H

#include <stdbool.h>
#include <stddef.h>

struct sov_draw {
    const char *prompt; /* of one row at most */
    size_t row;         /* of the cursor, below the first one that is drawn */
    size_t first;       /* that one; above 0 where not all has room */
    size_t cols;        /* of the terminal, when it was drawn */
};

/* Bytes to the terminal, as they are. */
void sov_draw_put(const char *p, size_t len);

/* Bytes of a character with the marks that stand on it. */
size_t sov_draw_char(const char *p, size_t len);

/*
 * Draw text[len] where it was drawn before, the cursor before byte at.  end:
 * for the last time, all of it, with the cursor in the row behind.
 */
void sov_draw(struct sov_draw *d, const char *text, size_t len, size_t at,
              bool end);

/* The terminal has another width, and has broken its rows anew. */
void sov_draw_resized(struct sov_draw *d, const char *text, size_t at);

/* Forget what was drawn: the cursor is in a row that is empty. */
void sov_draw_afresh(struct sov_draw *d);

#endif
