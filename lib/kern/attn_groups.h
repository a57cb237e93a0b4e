/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_groups.h - attention by groups of rows, for ISAs whose lanes are keys
 *
 * What is loaded of a page serves the GROUP rows of a group.  An ISA's attn.c
 * brings struct group, which has at least a, p, row, first and end, and
 *
 *     score_16(w, key, rows)   integer scores of 16 keys from key on
 *     weights(w, r)            the softmax of row r
 *     mix(w, d, rows)          MIX numbers of each row from d on
 *
 * and gets attn_span() of them.
 */
#ifndef SOV_KERN_ATTN_GROUPS_H
#define SOV_KERN_ATTN_GROUPS_H

#include "kern/kern.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

INLINE void
page_rows(struct group *w, int rows)
{
    size_t i;
    int r;

    for (i = 0; i < KEYS; i += 16)
        score_16(w, i, rows);
    for (r = 0; r < rows; r++)
        if (w->first[r] < w->end[r])
            weights(w, r);
    for (i = 0; i < w->a->page->v_pad; i += MIX)
        mix(w, i, rows);
}

static void
group_page(struct group *w, size_t rows)
{
    if (rows == 4)
        page_rows(w, 4);
    else if (rows == 3)
        page_rows(w, 3);
    else if (rows == 2)
        page_rows(w, 2);
    else
        page_rows(w, 1);
}

/* Where row r begins and ends in a page; false: it sees nothing there. */
static bool
look(struct group *w, size_t r, size_t from)
{
    uint32_t first = w->a->first[w->row + r];
    uint32_t end = w->a->end[w->row + r];

    w->first[r] = first > from ? first - (uint32_t)from : 0;
    w->end[r] = end > from ? end - (uint32_t)from : 0;
    w->end[r] = w->end[r] < KEYS ? w->end[r] : KEYS;
    return w->first[r] < w->end[r];
}

static void
attn_span(const struct sov_attn_span *a)
{
    struct group w = { .a = a };
    size_t i, r, rows;
    bool some;

    if (!a->more)
        memset(a->o, 0, a->n_rows * a->page->v_pad * sizeof(*a->o));
    for (r = 0; r < a->n_rows && !a->more; r++) {
        a->m[r] = -INFINITY;
        a->s[r] = 0;
    }
    for (i = 0; i < a->n_pages; i++) {
        w.p = a->pages[i];
        for (w.row = 0; w.row < a->n_rows; w.row += GROUP) {
            rows = a->n_rows - w.row < GROUP ? a->n_rows - w.row : GROUP;
            some = false;
            for (r = 0; r < rows; r++)
                some |= look(&w, r, i * KEYS);
            if (some)
                group_page(&w, rows);
        }
    }
}

#endif
