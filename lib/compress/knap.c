/* SPDX-License-Identifier: Apache-2.0 */
/*
 * knap.c - one option for each item, least loss, within two budgets
 */
#include "compress/knap.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PASSES    8
#define PAIRS_MAX UINT64_C(400000000) /* exchanges that are looked at */
#define HALVINGS  50

/* From one corner of an item's hull to the next. */
struct step {
    size_t item;
    size_t number; /* of the steps of the item */
    size_t to;     /* option */
    double slope;  /* loss saved for a byte */
};

struct knap {
    const struct sov_knap_item *item;
    size_t n;
    uint64_t bytes; /* budgets */
    double cost;
    double price; /* of cost, in loss */
    size_t *pick;
    size_t *hull; /* [most options of an item] */
    struct step *step;
    size_t n_steps;
    bool *stuck; /* [n] the next step of the item did not fit */
    uint64_t used;
    double spent;
};

static const struct sov_knap_option *
picked(const struct knap *k, size_t i)
{
    return &k->item[i].option[k->pick[i]];
}

static double
value(const struct knap *k, const struct sov_knap_option *o)
{
    return k->price > 0 ? o->loss + k->price * o->cost : o->loss;
}

/* ---- hulls ---- */

/* Is b to be taken before a at the same number of bytes, or fewer? */
static bool
smaller(const struct knap *k, const struct sov_knap_option *a,
        const struct sov_knap_option *b)
{
    return b->bytes < a->bytes ||
           (b->bytes == a->bytes && value(k, b) < value(k, a));
}

/*
 * Corners of the lower hull of item i, by rising bytes and falling loss: from
 * the smallest, again and again to where the slope is steepest.
 */
static size_t
find_hull(struct knap *k, size_t i)
{
    const struct sov_knap_item *it = &k->item[i];
    size_t n = 0, at = 0;

    for (size_t o = 1; o < it->n; o++)
        if (smaller(k, &it->option[at], &it->option[o]))
            at = o;
    for (bool more = true; more;) {
        const struct sov_knap_option *from = &it->option[at];
        double best = 0;

        k->hull[n++] = at;
        more = false;
        for (size_t o = 0; o < it->n; o++) {
            const struct sov_knap_option *to = &it->option[o];
            double slope;

            if (to->bytes <= from->bytes)
                continue;
            slope = (value(k, from) - value(k, to)) /
                    (double)(to->bytes - from->bytes);
            if (slope > best || (more && slope == best &&
                                 to->bytes > it->option[at].bytes)) {
                best = slope;
                at = o;
                more = true;
            }
        }
    }
    return n;
}

static int
by_slope(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    if (x->slope != y->slope)
        return x->slope < y->slope ? 1 : -1;
    if (x->item != y->item)
        return x->item > y->item ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static void
find_steps(struct knap *k)
{
    k->n_steps = 0;
    k->used = 0;
    k->spent = 0;
    for (size_t i = 0; i < k->n; i++) {
        const struct sov_knap_option *o = k->item[i].option;
        size_t n = find_hull(k, i);

        k->pick[i] = k->hull[0];
        k->used += o[k->hull[0]].bytes;
        k->spent += o[k->hull[0]].cost;
        for (size_t c = 1; c < n; c++) {
            const struct sov_knap_option *from = &o[k->hull[c - 1]];
            const struct sov_knap_option *to = &o[k->hull[c]];

            k->step[k->n_steps++] = (struct step){
                .item = i,
                .number = c,
                .to = k->hull[c],
                .slope = (value(k, from) - value(k, to)) /
                         (double)(to->bytes - from->bytes),
            };
        }
    }
    qsort(k->step, k->n_steps, sizeof(*k->step), by_slope);
}

static void
move(struct knap *k, size_t i, size_t to)
{
    const struct sov_knap_option *from = picked(k, i);
    const struct sov_knap_option *o = &k->item[i].option[to];

    k->used = k->used - from->bytes + o->bytes;
    k->spent += o->cost - from->cost;
    k->pick[i] = to;
}

/* Along the hulls; false: not even the smallest fits. */
static bool
descend(struct knap *k)
{
    find_steps(k);
    if (k->used > k->bytes)
        return false;
    memset(k->stuck, 0, k->n * sizeof(*k->stuck));
    for (size_t s = 0; s < k->n_steps; s++) {
        const struct step *step = &k->step[s];
        uint64_t grows = k->item[step->item].option[step->to].bytes -
                         picked(k, step->item)->bytes;

        if (k->stuck[step->item])
            continue;
        if (grows > k->bytes - k->used)
            k->stuck[step->item] = true;
        else
            move(k, step->item, step->to);
    }
    return true;
}

/* ---- exchanges ---- */

/* Would bytes and cost still do after these changes of them? */
static bool
fits(const struct knap *k, int64_t bytes, double cost)
{
    return (int64_t)k->used + bytes <= (int64_t)k->bytes &&
           (cost <= 0 || k->spent + cost <= k->cost);
}

static int64_t
grows(const struct sov_knap_option *from, const struct sov_knap_option *to)
{
    return (int64_t)to->bytes - (int64_t)from->bytes;
}

/* The best other option of item j if bytes and cost changed by so much and
 * loss rose so much elsewhere. */
static bool
best_option(const struct knap *k, size_t j, int64_t bytes, double cost,
            double rise, double *gain, size_t *to)
{
    const struct sov_knap_option *from = picked(k, j);
    bool found = false;

    for (size_t o = 0; o < k->item[j].n; o++) {
        const struct sov_knap_option *other = &k->item[j].option[o];
        double g = from->loss - other->loss - rise;

        if (g > *gain && fits(k, bytes + grows(from, other),
                              cost + other->cost - from->cost)) {
            *gain = g;
            *to = o;
            found = true;
        }
    }
    return found;
}

/* Give item i another option, and one other item what that leaves room for. */
static bool
exchange(struct knap *k, size_t i, double least)
{
    const struct sov_knap_option *from = picked(k, i);
    size_t own = k->pick[i], other = i, to = 0;
    double gain = least;

    for (size_t o = 0; o < k->item[i].n; o++) {
        const struct sov_knap_option *down = &k->item[i].option[o];
        double rise = down->loss - from->loss;

        if (o == k->pick[i])
            continue;
        if (-rise > gain &&
            fits(k, grows(from, down), down->cost - from->cost)) {
            gain = -rise;
            own = o;
            other = i;
        }
        if (rise < 0)
            continue;
        for (size_t j = 0; j < k->n; j++)
            if (j != i && best_option(k, j, grows(from, down),
                                      down->cost - from->cost, rise, &gain,
                                      &to)) {
                own = o;
                other = j;
            }
    }
    if (gain <= least)
        return false;
    move(k, i, own);
    if (other != i)
        move(k, other, to);
    return true;
}

static void
repair(struct knap *k)
{
    uint64_t options = 0, looks;
    double total = 0;
    bool moved = true;

    for (size_t i = 0; i < k->n; i++) {
        options += k->item[i].n;
        total += fabs(picked(k, i)->loss);
    }
    looks = PAIRS_MAX / (options * options + 1) + 1;
    for (uint64_t p = 0; p < looks && p < PASSES && moved; p++) {
        moved = false;
        for (size_t i = 0; i < k->n; i++)
            moved = exchange(k, i, 1e-9 * total) || moved;
    }
}

/* ---- both budgets ---- */

static bool
fast_enough(struct knap *k, double price)
{
    k->price = price;
    (void)descend(k);
    return k->spent <= k->cost;
}

/* The least price of cost that keeps it within its budget; false: none. */
static bool
find_price(struct knap *k)
{
    double low = 0, high = 1e-30;

    if (fast_enough(k, 0))
        return true;
    while (!fast_enough(k, high)) {
        low = high;
        high *= 16;
        if (high > 1e30)
            return false;
    }
    for (int i = 0; i < HALVINGS; i++) {
        double mid = low > 0 ? sqrt(low * high) : high / 2;

        if (fast_enough(k, mid))
            high = mid;
        else
            low = mid;
    }
    return fast_enough(k, high);
}

static int
make_room(struct knap *k, struct sov_err *err)
{
    size_t all = 0, most = 0;

    for (size_t i = 0; i < k->n; i++) {
        all += k->item[i].n;
        most = k->item[i].n > most ? k->item[i].n : most;
    }
    k->hull = sov_mem_array(most, sizeof(*k->hull));
    k->step = sov_mem_array(all, sizeof(*k->step));
    k->stuck = sov_mem_array(k->n, sizeof(*k->stuck));
    return k->hull == NULL || k->step == NULL || k->stuck == NULL
               ? sov_mem_fail(err)
               : 0;
}

int
sov_knap_solve(const struct sov_knap_item *item, size_t n, uint64_t bytes,
               double cost, size_t *pick, struct sov_err *err)
{
    struct knap k = {
        .item = item,
        .n = n,
        .bytes = bytes,
        .cost = cost,
        .pick = pick,
    };
    int rc = make_room(&k, err);

    if (rc == 0 && !descend(&k)) {
        rc = SOV_KNAP_LARGE;
    } else if (rc == 0) {
        rc = find_price(&k) ? SOV_KNAP_FITS : SOV_KNAP_SLOW;
        if (rc == SOV_KNAP_FITS)
            repair(&k);
    }
    free(k.hull);
    free(k.step);
    free(k.stuck);
    return rc;
}
