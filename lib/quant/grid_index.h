/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_index.h - the lattice points of the IQ types, sorted for a search
 *
 * A point's coordinates are levels, three or eight of them.  It is cut into
 * halves, and a half is a number with its levels as digits, the first lowest:
 *
 *   8 weights, 3 levels: two halves of 4, 81 numbers
 *   4 weights, 8 levels: two halves of 2, 64 numbers
 *
 * What a point costs is the cost of its first half plus that of its second; so
 * for each first half that occurs there is a list of the second halves that
 * occur with it, of which the cheapest is wanted.  Many lists have the same
 * two members: they become one new symbol, a pair, and so on with pairs of
 * pairs, which leaves a quarter of the work.
 *
 * Costs of symbols lie in memory in order, SOV_GRID_LANES 16-bit numbers for
 * each; below they are named by the place of the first of these.
 */
#ifndef SOV_QUANT_GRID_INDEX_H
#define SOV_QUANT_GRID_INDEX_H

#include <stdint.h>

enum sov_grid {
    SOV_GRID_IQ2XXS,
    SOV_GRID_IQ2XS,
    SOV_GRID_IQ2S,
    SOV_GRID_IQ3XXS,
    SOV_GRID_IQ3S,
    SOV_GRID_IQ1S,
    SOV_GRID_COUNT,
};

#define SOV_GRID_LANES   32
#define SOV_GRID_HALVES  81
#define SOV_GRID_PAIRS   128
#define SOV_GRID_RUNS    5
#define SOV_GRID_SYMBOLS (SOV_GRID_HALVES + SOV_GRID_PAIRS)
#define SOV_GRID_POINTS  2048
#define SOV_GRID_WORDS   6 /* of 16 bits, for a bit for each half */

struct sov_grid_index {
    int dims;       /* weights of a point: 8 or 4 */
    int n_levels;   /* 3 or 8 */
    int n_halves;   /* 81 or 64 */
    float level[8]; /* rising */

    /* Pair i, the symbol after all halves and earlier pairs, is the cheaper
     * of two symbols. */
    int n_pairs;
    uint16_t pair[SOV_GRID_PAIRS][2];

    /* First halves, each as the sum of two quarters, and where the list of
     * symbols of each begins; the last one's ends at start[n_first].  Sorted
     * by length: those with length l end before run[l]. */
    int n_first;
    int run[SOV_GRID_RUNS + 1];
    uint16_t low[SOV_GRID_HALVES], high[SOV_GRID_HALVES];
    uint16_t start[SOV_GRID_HALVES + 1];
    uint16_t symbol[SOV_GRID_POINTS];

    /* The second halves that occur with each first one, in bits; and the
     * points that they make together. */
    uint16_t with[SOV_GRID_HALVES][SOV_GRID_WORDS];
    uint16_t point[SOV_GRID_HALVES][SOV_GRID_HALVES];

    /* The levels of first and second halves, 2 bits for each of four or 4 for
     * each of two, and of a level the value, for any number of four bits with
     * it in the low ones. */
    uint8_t first_code[SOV_GRID_HALVES];
    uint8_t second_code[SOV_GRID_HALVES];
    float digit[16];
};

/* Made at the first call. */
const struct sov_grid_index *sov_grid_index(enum sov_grid grid);

#endif
