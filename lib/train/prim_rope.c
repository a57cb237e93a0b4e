/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim_rope.c - rotary positions on the way there and back
 *
 * The same operations as sov_rope_apply(), so that a model answers as it was
 * trained.
 */
#include "train/prim.h"

#include "nn/nn.h"
#include "sys/par.h"

struct job {
    enum sov_rope_pairs pairs;
    const sov_real *turn;
    size_t n_rot;
    const uint32_t *place;
    sov_real way; /* 1, or -1: back */
    sov_real *x;
    size_t x_stride, n_head, head_stride;
};

static void
turn_norm(const sov_real *turn, size_t n_rot, sov_real way, sov_real *x)
{
    size_t i;

    for (i = 0; i + 1 < n_rot; i += 2) {
        sov_real c = turn[i];
        sov_real s = turn[i + 1] * way;
        sov_real a = x[i];
        sov_real b = x[i + 1];

        x[i] = a * c - b * s;
        x[i + 1] = a * s + b * c;
    }
}

static void
turn_neox(const sov_real *turn, size_t n_rot, sov_real way, sov_real *x)
{
    sov_real *y = x + n_rot / 2;
    size_t i;

    for (i = 0; i < n_rot / 2; i++) {
        sov_real c = turn[2 * i];
        sov_real s = turn[2 * i + 1] * way;
        sov_real a = x[i];
        sov_real b = y[i];

        x[i] = a * c - b * s;
        y[i] = a * s + b * c;
    }
}

static void
turn_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;
    size_t row, h;

    (void)worker;
    for (row = first; row < last; row++) {
        const sov_real *turn = job->turn + job->place[row] * job->n_rot;
        sov_real *x = job->x + row * job->x_stride;

        for (h = 0; h < job->n_head; h++, x += job->head_stride)
            if (job->pairs == SOV_ROPE_NORM)
                turn_norm(turn, job->n_rot, job->way, x);
            else
                turn_neox(turn, job->n_rot, job->way, x);
    }
}

void
sov_prim_rope(const struct sov_prim *p, enum sov_rope_pairs pairs,
              const sov_real *turn, size_t n_rot, const uint32_t *place,
              bool back, sov_real *x, size_t x_stride, size_t n_rows,
              size_t n_head, size_t head_stride)
{
    struct job job = { .pairs = pairs,
                       .turn = turn,
                       .n_rot = n_rot,
                       .place = place,
                       .way = back ? -1 : 1,
                       .x = x,
                       .x_stride = x_stride,
                       .n_head = n_head,
                       .head_stride = head_stride };

    (void)p;
    if (pairs != SOV_ROPE_NONE)
        sov_par_for(n_rows, sov_nn_grain(n_rows, 2 * n_rot * n_head), turn_rows,
                    &job);
}
