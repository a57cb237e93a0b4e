/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - the lowest scores go
 *
 * Scores are not negative, so their bits are in their order, and the one of
 * rank n is found digit by digit: how many have each value of the top 11 bits,
 * of those in the right one of the next 10, and so on.  What is below it goes,
 * and of those that equal it the first.
 */
#include "prune/limits.h"
#include "prune/method.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define TOP_BITS  20 /* below the top digit */
#define NEXT_BITS 10 /* below the next */

/* Groups up to this size are put in order by comparing each with each; and up
 * to this by a bound. */
#define TINY  16
#define SMALL SOV_PRUNE_OF_MAX

#define LANES 16 /* keys that are compared at a time */

/* Columns whose scores are added up at a time. */
#define STRIP 256

/* Keys below `key` go, and the first `ties` of those that are equal. */
struct cut {
    uint32_t key;
    size_t ties;
    bool all; /* of those that are equal */
};

static uint32_t
key_of(float score)
{
    uint32_t u;

    memcpy(&u, &score, sizeof(u));
    return u;
}

/* The digit in which rank *left (from 0) falls; *left is then its rank among
 * those in it. */
static uint32_t
digit(const uint32_t *count, size_t *left)
{
    uint32_t d = 0;

    while (*left >= count[d])
        *left -= count[d++];
    return d;
}

/* The top digits of all: two tables, for neighbours often share a digit. */
static uint32_t
top_digit(const float *score, size_t n, size_t *left)
{
    uint32_t count[2][2048] = { { 0 } };
    size_t i;

    for (i = 0; i + 2 <= n; i += 2) {
        count[0][key_of(score[i]) >> TOP_BITS]++;
        count[1][key_of(score[i + 1]) >> TOP_BITS]++;
    }
    if (i < n)
        count[0][key_of(score[i]) >> TOP_BITS]++;
    for (i = 0; i < 2048; i++)
        count[0][i] += count[1][i];
    return digit(count[0], left);
}

/* Ten more bits of those whose bits above are `high`. */
static uint32_t
next_digit(const float *score, size_t n, int shift, uint32_t high, size_t *left,
           size_t *equal)
{
    uint32_t count[1024] = { 0 };
    uint32_t d;

    for (size_t i = 0; i < n; i++)
        if (key_of(score[i]) >> (shift + 10) == high)
            count[key_of(score[i]) >> shift & 1023]++;
    d = digit(count, left);
    *equal = count[d];
    return high << 10 | d;
}

/* go: at least 1, at most n */
static struct cut
find_cut(const float *score, size_t n, size_t go)
{
    size_t left = go - 1, equal = 0;
    uint32_t key = top_digit(score, n, &left);

    key = next_digit(score, n, NEXT_BITS, key, &left, &equal);
    key = next_digit(score, n, 0, key, &left, &equal);
    return (struct cut){ key, left + 1, left + 1 == equal };
}

/* Each with each: how many go before this one? */
static inline void
lowest_of_tiny(const float *score, size_t n, size_t go, unsigned char *gone)
{
    uint32_t key[TINY], before[TINY] = { 0 };

    for (size_t i = 0; i < n; i++)
        key[i] = key_of(score[i]);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            uint32_t later = key[j] < key[i];

            before[i] += later;
            before[j] += 1 - later;
        }
    for (size_t i = 0; i < n; i++)
        gone[i] = before[i] < go;
}

/* How many of n keys, whole lanes, are below? */
static uint32_t
count_below(const int32_t *key, size_t n, int32_t bound)
{
    int32_t count[LANES] = { 0 };
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            count[l] += key[i + l] < bound;
    for (size_t l = 0; l < LANES; l++)
        sum += (uint32_t)count[l];
    return sum;
}

/*
 * The bits of the bound from the first on that keys differ in: it is the
 * highest number below which there are no more than go keys.  *below: there are
 * so many.
 */
static int32_t
find_bound(const int32_t *key, size_t n, size_t whole, size_t go,
           uint32_t *below)
{
    uint32_t all = UINT32_MAX, any = 0, differ;
    int32_t bound;

    for (size_t i = 0; i < n; i++) {
        all &= (uint32_t)key[i];
        any |= (uint32_t)key[i];
    }
    differ = all ^ any;
    for (int i = 0; i < 5; i++)
        differ |= differ >> (1 << i);
    bound = (int32_t)(any & ~differ);
    *below = 0;
    for (uint32_t bit = (differ >> 1) + 1; bit > 0 && *below < go; bit >>= 1) {
        int32_t higher = bound + (int32_t)(bit & differ);
        uint32_t count = count_below(key, whole, higher);

        if (count <= go && (bit & differ) != 0) {
            bound = higher;
            *below = count;
        }
    }
    return bound;
}

static void
lowest_of_few(const float *score, size_t n, size_t go, unsigned char *gone)
{
    int32_t key[SMALL + LANES], bound;
    size_t whole = (n + LANES - 1) / LANES * LANES, ties;
    uint32_t below;

    for (size_t i = 0; i < n; i++)
        key[i] = (int32_t)key_of(score[i]);
    for (size_t i = n; i < whole; i++)
        key[i] = INT32_MAX;
    bound = find_bound(key, n, whole, go, &below);
    for (size_t i = 0; i < n; i++)
        gone[i] = key[i] < bound;
    ties = go - below;
    for (size_t i = 0; i < n && ties > 0; i++)
        if (key[i] == bound) {
            gone[i] = 1;
            ties--;
        }
}

void
sov_prune_lowest(const float *score, size_t n, size_t go, unsigned char *gone)
{
    struct cut cut;

    if (go == 0 || go >= n) {
        memset(gone, go != 0, n);
    } else if (n <= TINY) {
        lowest_of_tiny(score, n, go, gone);
    } else if (n <= SMALL) {
        lowest_of_few(score, n, go, gone);
    } else {
        cut = find_cut(score, n, go);
        for (size_t i = 0; i < n; i++) {
            uint32_t key = key_of(score[i]);

            gone[i] = key < cut.key;
            if (key == cut.key && cut.ties > 0) {
                gone[i] = 1;
                cut.ties--;
            }
        }
    }
}

/* Row 0 of the scores becomes the root of the sum of squares of all rows: in
 * doubles, where no square is too large or too small. */
static void
add_up(float *score, size_t rows, size_t k)
{
    double sum[STRIP];

    for (size_t at = 0; at < k; at += STRIP) {
        size_t n = k - at < STRIP ? k - at : STRIP;

        memset(sum, 0, sizeof(sum));
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < n; j++) {
                double s = score[r * k + at + j];

                sum[j] += s * s;
            }
        for (size_t j = 0; j < n; j++)
            score[at + j] = (float)sqrt(sum[j]);
    }
}

/* Of k weights of each of some rows, unstructured. */
static void
clear_anywhere(float *w, size_t rows, size_t k, const float *score, size_t go)
{
    struct cut cut;

    if (go == 0 || k == 0)
        return;
    cut = find_cut(score, k, go);
    if (cut.all) {
        for (size_t r = 0; r < rows; r++, w += k)
            for (size_t j = 0; j < k; j++)
                w[j] = key_of(score[j]) <= cut.key ? 0 : w[j];
        return;
    }
    for (size_t r = 0; r < rows; r++, w += k) {
        size_t ties = cut.ties;

        for (size_t j = 0; j < k; j++) {
            uint32_t key = key_of(score[j]);

            if (key < cut.key || (key == cut.key && ties > 0)) {
                ties -= key == cut.key;
                w[j] = 0;
            }
        }
    }
}

static inline void
clear_group(float *w, size_t rows, size_t k, const unsigned char *gone,
            size_t n)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            w[r * k + j] = gone[j] ? 0 : w[r * k + j];
}

/* All whole groups of n, a constant; how far these reach. */
static inline size_t
clear_tiny(float *w, size_t rows, size_t k, const float *score, size_t n,
           size_t go)
{
    unsigned char gone[TINY];
    size_t at;

    for (at = 0; at + n <= k; at += n) {
        lowest_of_tiny(score + at, n, go, gone);
        clear_group(w + at, rows, k, gone, n);
    }
    return at;
}

/* Of each group of inputs of these rows. */
static void
clear_groups(float *w, size_t rows, size_t k, const float *score,
             const struct sov_prune_share *share)
{
    unsigned char gone[SOV_PRUNE_OF_MAX];
    size_t of = share->pattern.of, go = sov_prune_goes(share, of), at = 0;

    if (of == 4)
        at = clear_tiny(w, rows, k, score, 4, go);
    else if (of == 8)
        at = clear_tiny(w, rows, k, score, 8, go);
    for (; at + of <= k; at += of) {
        sov_prune_lowest(score + at, of, go, gone);
        clear_group(w + at, rows, k, gone, of);
    }
    if (at == k)
        return;
    sov_prune_lowest(score + at, k - at, sov_prune_goes(share, k - at), gone);
    clear_group(w + at, rows, k, gone, k - at);
}

void
sov_prune_select(const struct sov_prune_rows *r, float *score)
{
    const struct sov_prune_pattern *p = &r->share.pattern;

    assert(p->rows >= 1 && p->of <= SOV_PRUNE_OF_MAX);
    for (size_t at = 0; at < r->n; at += p->rows) {
        size_t rows = r->n - at < p->rows ? r->n - at : p->rows;
        float *s = score + at * r->k;
        float *w = r->w + at * r->k;

        if (rows > 1)
            add_up(s, rows, r->k);
        if (p->of != 0)
            clear_groups(w, rows, r->k, s, &r->share);
        else
            clear_anywhere(w, rows, r->k, s, sov_prune_goes(&r->share, r->k));
    }
}
