/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_index.c - the lattice points of the IQ types, sorted for a search
 */
#include "quant/grid_index.h"

#include "quant/grids.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* A pair that fewer lists have in common does not pay. */
#define LISTS_MIN 3

static struct sov_grid_index indexes[SOV_GRID_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A table while it is taken apart. */
struct work {
    const int8_t *points; /* the table: dims coordinates for each */
    int n;
    uint8_t first[SOV_GRID_POINTS], second[SOV_GRID_POINTS];
    int length[SOV_GRID_HALVES]; /* of the list of a first half */
    int n_symbols;
    uint64_t in[SOV_GRID_SYMBOLS][2]; /* which lists a symbol is in */
    uint8_t common[SOV_GRID_SYMBOLS][SOV_GRID_SYMBOLS];
};

static void
find_levels(struct sov_grid_index *g, const struct work *w)
{
    uint8_t seen[256] = { 0 };

    for (int i = 0; i < w->n * g->dims; i++)
        seen[w->points[i] + 128] = 1;
    for (int i = 0; i < 256; i++)
        if (seen[i])
            g->level[g->n_levels++] = (float)(i - 128);
    g->n_halves = g->dims == 8 ? 81 : 64;
}

static void
make_codes(struct sov_grid_index *g)
{
    int bits = g->dims == 8 ? 2 : 4;

    for (int half = 0; half < g->n_halves; half++) {
        int left = half;

        for (int j = 0; j < g->dims / 2; j++, left /= g->n_levels)
            g->second_code[half] |= (uint8_t)(left % g->n_levels << (bits * j));
    }
    for (int i = 0; i < 16; i++)
        g->digit[i] = g->level[i % (g->dims == 8 ? 4 : 8)];
}

static uint8_t
half_number(const struct sov_grid_index *g, const int8_t *half)
{
    int number = 0;

    for (int j = g->dims / 2 - 1; j >= 0; j--) {
        int level = 0;

        while (g->level[level] < (float)half[j])
            level++;
        number = number * g->n_levels + level;
    }
    return (uint8_t)number;
}

static bool
is_in(const struct work *w, int symbol, int list)
{
    return w->in[symbol][list / 64] >> (list % 64) & 1;
}

static void
cut_points(struct sov_grid_index *g, struct work *w)
{
    for (int i = 0; i < w->n; i++) {
        const int8_t *p = w->points + g->dims * i;
        int first = half_number(g, p);
        int second = half_number(g, p + g->dims / 2);

        w->first[i] = (uint8_t)first;
        w->second[i] = (uint8_t)second;
        w->in[second][first / 64] |= UINT64_C(1) << (first % 64);
        w->length[first]++;
    }
    w->n_symbols = g->n_halves;
}

/* How many lists symbol a has in common with each other one. */
static void
count_common(struct work *w, int a)
{
    for (int b = 0; b < w->n_symbols; b++) {
        uint64_t low = w->in[a][0] & w->in[b][0];
        uint64_t high = w->in[a][1] & w->in[b][1];
        int count = __builtin_popcountll(low) + __builtin_popcountll(high);

        w->common[a][b] = w->common[b][a] = (uint8_t)(a == b ? 0 : count);
    }
}

/* The two symbols that have most lists in common; how many. */
static int
commonest(const struct work *w, int *a, int *b)
{
    int most = 0;

    for (int i = 0; i < w->n_symbols; i++)
        for (int j = i + 1; j < w->n_symbols; j++)
            if (w->common[i][j] > most) {
                most = w->common[i][j];
                *a = i;
                *b = j;
            }
    return most;
}

static void
make_pairs(struct sov_grid_index *g, struct work *w)
{
    int a, b;

    for (int i = 0; i < w->n_symbols; i++)
        count_common(w, i);
    while (g->n_pairs < SOV_GRID_PAIRS && commonest(w, &a, &b) >= LISTS_MIN) {
        int pair = w->n_symbols++;

        for (int i = 0; i < 2; i++) {
            w->in[pair][i] = w->in[a][i] & w->in[b][i];
            w->in[a][i] ^= w->in[pair][i];
            w->in[b][i] ^= w->in[pair][i];
        }
        for (int list = 0; list < SOV_GRID_HALVES; list++)
            w->length[list] -= is_in(w, pair, list);
        count_common(w, a);
        count_common(w, b);
        count_common(w, pair);
        g->pair[g->n_pairs][0] = (uint16_t)(SOV_GRID_LANES * a);
        g->pair[g->n_pairs][1] = (uint16_t)(SOV_GRID_LANES * b);
        g->n_pairs++;
    }
}

static void
append_list(struct sov_grid_index *g, const struct work *w, int first)
{
    int end = g->start[g->n_first];
    int quarters = g->dims == 8 ? 9 : 8;

    for (int s = 0; s < w->n_symbols; s++)
        if (is_in(w, s, first))
            g->symbol[end++] = (uint16_t)(SOV_GRID_LANES * s);
    for (int i = 0; i < w->n; i++) {
        int second = w->second[i];

        if (w->first[i] != first)
            continue;
        g->with[g->n_first][second / 16] |= (uint16_t)(1 << second % 16);
        g->point[g->n_first][second] = (uint16_t)i;
    }
    g->first_code[g->n_first] = g->second_code[first];
    g->low[g->n_first] = (uint16_t)(SOV_GRID_LANES * (first % quarters));
    g->high[g->n_first] = (uint16_t)(SOV_GRID_LANES * (first / quarters));
    g->n_first++;
    g->start[g->n_first] = (uint16_t)end;
}

static const struct table {
    const void *points; /* coordinates, which all fit into signed bytes */
    int n, dims;
} tables[SOV_GRID_COUNT] = {
    [SOV_GRID_IQ2XXS] = { sov_grid_iq2xxs, 256, 8 },
    [SOV_GRID_IQ2XS] = { sov_grid_iq2xs, 512, 8 },
    [SOV_GRID_IQ2S] = { sov_grid_iq2s, 1024, 8 },
    [SOV_GRID_IQ3XXS] = { sov_grid_iq3xxs, 256, 4 },
    [SOV_GRID_IQ3S] = { sov_grid_iq3s, 512, 4 },
    [SOV_GRID_IQ1S] = { sov_grid_iq1s, 2048, 8 },
};

static void
build(struct sov_grid_index *g, const struct table *t)
{
    static struct work w;

    memset(&w, 0, sizeof(w));
    w.n = t->n;
    w.points = t->points;
    g->dims = t->dims;
    find_levels(g, &w);
    make_codes(g);
    cut_points(g, &w);
    make_pairs(g, &w);
    for (int length = 1; length <= SOV_GRID_HALVES; length++) {
        for (int first = 0; first < SOV_GRID_HALVES; first++)
            if (w.length[first] == length)
                append_list(g, &w, first);
        if (length <= SOV_GRID_RUNS)
            g->run[length] = g->n_first;
    }
}

static void
build_all(void)
{
    for (int i = 0; i < SOV_GRID_COUNT; i++)
        build(&indexes[i], &tables[i]);
}

const struct sov_grid_index *
sov_grid_index(enum sov_grid grid)
{
    pthread_once(&once, build_all);
    return &indexes[grid];
}
