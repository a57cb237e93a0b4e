/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel.h - rows times many columns: 32 rows unpacked to bytes at a time
 *
 * A panel holds 256 weights of each of 32 rows, four of one row beside each
 * other, then the same four of the next row.  A register of them meets four
 * activations of one column, broadcast: a lane is a row, so there is no
 * shuffle and no sum across lanes, and what it costs to unpack is shared by all
 * columns.
 *
 * An instruction set brings, for each type, one function that unpacks and one
 * that multiplies (struct sov_panel_type); the order of work is here, once.
 */
#ifndef SOV_KERN_PANEL_H
#define SOV_KERN_PANEL_H

#include "kern/kern.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_PANEL_ROWS 32

/* Bytes of 256 weights in a file, at most. */
#define SOV_PANEL_RAW 288

/*
 * What a field means is between the two functions of a type; they use what
 * they need.
 */
struct sov_panel {
    uint8_t q[64][SOV_PANEL_ROWS][4];
    /* super-blocks: scales of 16 or 32 weights each, pairs of minimums */
    int32_t sc[16][SOV_PANEL_ROWS];
    int16_t m[8][SOV_PANEL_ROWS][2];
    /* signed weights: what the sum of their super-block starts with */
    int32_t start[SOV_PANEL_ROWS];
    /* of blocks of 32; a super-block has the first */
    float d[8][SOV_PANEL_ROWS];
    float dmin[8][SOV_PANEL_ROWS];
    /* cache lines that the next rows will need */
    const unsigned char *ahead;
    size_t n_ahead;
    /* what is unpacked next: the same bytes of each row */
    const unsigned char *next;
    size_t next_stride;
    size_t next_bytes;
    /* where the sums of the first column go next, and the numbers from one
     * column to the next; NULL: not yet */
    const float *place;
    size_t place_stride;
} __attribute__((aligned(64)));

struct sov_panel_type {
    /* 256 weights of each of SOV_PANEL_ROWS rows, stride bytes apart */
    void (*unpack)(const unsigned char *rows, size_t stride,
                   struct sov_panel *p);
    /* f[c][SOV_PANEL_ROWS] += panel . column c, stride bytes apart; f is
     * aligned to 64 bytes */
    void (*mul)(const struct sov_panel *p, const void *act, size_t stride,
                size_t n_cols, float *f);
    /* y[c * stride + r] = f[c][r] */
    void (*put)(const float *f, size_t n_cols, float *y, size_t stride);
    size_t bytes;     /* 256 weights in the file */
    size_t act_bytes; /* and the activations they meet */
};

/* Some columns: their number is known to it. */
typedef void sov_panel_tile(const struct sov_panel *p, const void *act,
                            size_t stride, float *f);

/* Lines of the next piece that a tile asks for: half of the first cache then
 * sees it before it is unpacked. */
#define SOV_PANEL_ASK 8

/* Where the asking for the next piece has come to. */
struct sov_panel_near {
    const unsigned char *line;
    const unsigned char *row; /* of the line */
    size_t rows;              /* that are left */
};

/* A few lines more of what is unpacked next, into the first cache. */
static inline void
sov_panel_ask(const struct sov_panel *p, struct sov_panel_near *near)
{
    int i;

    for (i = 0; i < SOV_PANEL_ASK && near->rows > 0; i++) {
        __builtin_prefetch(near->line, 0, 3);
        near->line += 64;
        if (near->line >= near->row + p->next_bytes) {
            near->row += p->next_stride;
            near->line = near->row;
            near->rows--;
        }
    }
}

/*
 * All columns, `wide` of them at a time; tiles[n] does n.  Each asks for its
 * share of the next rows and for its own place, so that reading goes on evenly
 * (many lines at once, and it waits), and the last ones bring near what is
 * unpacked next.
 */
static inline void
sov_panel_tiles(sov_panel_tile *const tiles[], size_t wide,
                const struct sov_panel *p, const void *act, size_t stride,
                size_t n, float *f)
{
    const unsigned char *a = act;
    const unsigned char *ahead = p->ahead;
    const float *place = p->place;
    size_t n_ask = n > wide ? p->n_ahead * wide / n + 1 : p->n_ahead;
    size_t last =
        (p->next_bytes / 64 + 1) * SOV_PANEL_ROWS * wide / SOV_PANEL_ASK;
    struct sov_panel_near near = { p->next, p->next, SOV_PANEL_ROWS };
    size_t i, cols;

    if (n <= last)
        near.rows = 0; /* all of it is near, or soon */
    for (; n > 0; n -= cols) {
        cols = n < wide ? n : wide;
        for (i = 0; i < n_ask; i++, ahead += 64)
            __builtin_prefetch(ahead, 0, 2);
        if (n <= last)
            sov_panel_ask(p, &near);
        for (i = 0; place != NULL && i < cols; i++, place += p->place_stride) {
            __builtin_prefetch(place, 1, 2);
            __builtin_prefetch(place + SOV_PANEL_ROWS - 1, 1, 2);
        }
        tiles[cols](p, a, stride, f);
        a += cols * stride;
        f += cols * SOV_PANEL_ROWS;
    }
}

/* As the slots many[] of struct sov_kern. */
void sov_panel_dot(const struct sov_panel_type *t, const void *w,
                   size_t w_stride, size_t n_w, const void *act,
                   size_t act_stride, size_t n_cols, size_t n, float *y,
                   size_t y_stride);

/* many_NAME, by type_NAME */
#define SOV_PANEL_DOT(name)                                                    \
    static void many_##name(const void *w, size_t w_stride, size_t n_w,        \
                            const void *act, size_t act_stride, size_t n_cols, \
                            size_t n, float *y, size_t y_stride)               \
    {                                                                          \
        sov_panel_dot(&type_##name, w, w_stride, n_w, act, act_stride, n_cols, \
                      n, y, y_stride);                                         \
    }

#endif
