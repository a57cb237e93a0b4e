/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim_cut.c - the arrays in parts of nearly equal work, for ranks
 *
 * A part ends where a block ends, or a tensor that is done as a whole.
 */
#include "train/optim.h"
#include "train/optim_in.h"

/* A tensor for this purpose: pieces of `piece` numbers, of this work each. */
struct cost {
    uint64_t piece;
    double work; /* for a number */
};

static struct cost
cost_of(const struct sov_optim *o, const struct sov_weight *p, bool frozen)
{
    const struct sov_optim_row *row = o->row;
    struct cost c = { SOV_OPTIM_BLOCK, 1 };

    if (row->whole != NULL && row->whole(p)) {
        c.piece = sov_weight_count(p);
        c.work = row->work(p);
    }
    if (frozen)
        c.work = 0;
    return c;
}

static double
all_work(const struct sov_optim *o, const struct sov_weight *param,
         size_t n_param, const bool *frozen)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n_param; i++)
        sum += cost_of(o, &param[i], frozen != NULL && frozen[i]).work *
               (double)sov_weight_count(&param[i]);
    return sum;
}

void
sov_optim_cut(const struct sov_optim *o, const struct sov_weight *param,
              size_t n_param, const bool *frozen, size_t n, uint64_t *at)
{
    double all = all_work(o, param, n_param, frozen);
    double done = 0;
    uint64_t end = 0;
    size_t part = 0;
    size_t i;

    at[0] = 0;
    for (i = 0; i < n_param; i++) {
        uint64_t count = sov_weight_count(&param[i]);
        struct cost c = cost_of(o, &param[i], frozen != NULL && frozen[i]);
        uint64_t from, piece;

        for (from = 0; from < count; from += piece) {
            double work;

            piece = count - from < c.piece ? count - from : c.piece;
            work = c.work * (double)piece;
            /* a part ends before a piece of which more than half is over */
            while (part + 1 < n &&
                   done + work / 2 > all * (double)(part + 1) / (double)n)
                at[++part] = param[i].at + from;
            done += work;
            end = param[i].at + from + piece;
        }
    }
    while (part < n)
        at[++part] = end;
}
