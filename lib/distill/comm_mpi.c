/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comm_mpi.c - ranks that mpirun started, through MPI
 *
 * MPI counts in int, so that everything goes in pieces.  Parts that belong to
 * different ranks are packed side by side, a piece of each:
 *
 *     x       | part 0          | part 1          | part 2     |
 *     piece s     ^^^^              ^^^^              ^^^^
 *     packed  | of 0 | of 1 | of 2 |
 *
 * Which rank adds what to what first is not known, and does not matter: sums
 * are of integers.
 */
#include "base/mem.h"
#include "distill/comm_in.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 22) /* numbers in a call, of all ranks together */

static int
check(int code, struct sov_err *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;

    if (code == MPI_SUCCESS)
        return 0;
    MPI_Error_string(code, text, &len);
    return sov_fail(err, SOV_EIO, "between ranks: %s", text);
}

static int
open_ranks(struct sov_comm *c, struct sov_err *err)
{
    int began = 0;
    int level = MPI_THREAD_SINGLE;
    int rc;

    MPI_Initialized(&began);
    if (began)
        return sov_fail(err, SOV_EARG, "ranks are joined once in a process");
    rc = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), err);
    if (rc < 0)
        return rc;
    if (level < MPI_THREAD_FUNNELED)
        return sov_fail(err, SOV_EUNSUP,
                        "this MPI cannot be used by a process with threads");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    rc = check(MPI_Comm_rank(MPI_COMM_WORLD, &c->rank), err);
    if (rc == 0)
        rc = check(MPI_Comm_size(MPI_COMM_WORLD, &c->n), err);
    return rc;
}

static void
close_ranks(struct sov_comm *c)
{
    (void)c;
    MPI_Finalize();
}

static void
end(int status)
{
    MPI_Abort(MPI_COMM_WORLD, status);
}

static int
sum(int64_t *x, size_t n, struct sov_err *err)
{
    size_t at;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += PIECE) {
        size_t of = n - at < PIECE ? n - at : PIECE;

        rc = check(MPI_Allreduce(MPI_IN_PLACE, x + at, (int)of, MPI_INT64_T,
                                 MPI_SUM, MPI_COMM_WORLD),
                   err);
    }
    return rc;
}

/* Pieces of parts, and the room to pack them. */
struct pack {
    const uint64_t *at;
    int n;
    size_t most;    /* numbers of a part in a piece */
    size_t n_piece; /* of the largest part */
    int *count, *place;
    void *room;
};

static int
pack_open(struct pack *p, const struct sov_comm *c, const uint64_t *at,
          size_t size, struct sov_err *err)
{
    uint64_t longest = 0;
    int r;

    *p = (struct pack){ .at = at, .n = c->n };
    for (r = 0; r < c->n; r++)
        if (at[r + 1] - at[r] > longest)
            longest = at[r + 1] - at[r];
    p->most = PIECE / (size_t)c->n;
    p->most = p->most < 1 ? 1 : p->most;
    p->most = longest < p->most ? (size_t)longest : p->most;
    p->n_piece = longest == 0 ? 0 : (size_t)((longest - 1) / p->most + 1);
    p->count = sov_mem_array((size_t)c->n, sizeof(*p->count));
    p->place = sov_mem_array((size_t)c->n, sizeof(*p->place));
    p->room = sov_mem_array(p->most * (size_t)c->n, size);
    if (p->count == NULL || p->place == NULL || p->room == NULL)
        return sov_mem_fail(err);
    return 0;
}

static void
pack_close(struct pack *p)
{
    free(p->count);
    free(p->place);
    free(p->room);
}

/* Where piece s of rank r's part begins in x; count and place are set. */
static size_t
pack_from(struct pack *p, size_t s, int r)
{
    uint64_t len = p->at[r + 1] - p->at[r];
    uint64_t from = (uint64_t)s * p->most;
    uint64_t left = len > from ? len - from : 0;

    p->count[r] = (int)(left < p->most ? left : p->most);
    p->place[r] = r == 0 ? 0 : p->place[r - 1] + p->count[r - 1];
    return (size_t)(p->at[r] + (from < len ? from : len));
}

static int
sum_piece(struct pack *p, const struct sov_comm *c, size_t s, int64_t *x,
          struct sov_err *err)
{
    int64_t *room = p->room;
    size_t mine = 0;
    int r;

    for (r = 0; r < p->n; r++) {
        size_t from = pack_from(p, s, r);

        memcpy(room + p->place[r], x + from,
               (size_t)p->count[r] * sizeof(*room));
        if (r == c->rank)
            mine = from;
    }
    return check(MPI_Reduce_scatter(room, x + mine, p->count, MPI_INT64_T,
                                    MPI_SUM, MPI_COMM_WORLD),
                 err);
}

static int
sum_part(const struct sov_comm *c, int64_t *x, const uint64_t *at,
         struct sov_err *err)
{
    struct pack p;
    size_t s;
    int rc;

    rc = sov_comm_agree(c, pack_open(&p, c, at, sizeof(*x), err), err);
    for (s = 0; s < p.n_piece && rc == 0; s++)
        rc = sum_piece(&p, c, s, x, err);
    pack_close(&p);
    return rc;
}

static int
gather_piece(struct pack *p, const struct sov_comm *c, size_t s, float *x,
             struct sov_err *err)
{
    float *room = p->room;
    size_t mine = 0;
    int r, rc;

    for (r = 0; r < p->n; r++) {
        size_t from = pack_from(p, s, r);

        if (r == c->rank)
            mine = from;
    }
    rc = check(MPI_Allgatherv(x + mine, p->count[c->rank], MPI_FLOAT, room,
                              p->count, p->place, MPI_FLOAT, MPI_COMM_WORLD),
               err);
    for (r = 0; r < p->n && rc == 0; r++) {
        size_t from = pack_from(p, s, r);

        memcpy(x + from, room + p->place[r],
               (size_t)p->count[r] * sizeof(*room));
    }
    return rc;
}

static int
gather(const struct sov_comm *c, float *x, const uint64_t *at,
       struct sov_err *err)
{
    struct pack p;
    size_t s;
    int rc;

    rc = sov_comm_agree(c, pack_open(&p, c, at, sizeof(*x), err), err);
    for (s = 0; s < p.n_piece && rc == 0; s++)
        rc = gather_piece(&p, c, s, x, err);
    pack_close(&p);
    return rc;
}

static int
give(int rank, void *x, size_t n, struct sov_err *err)
{
    unsigned char *p = x;
    size_t at;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += PIECE) {
        size_t of = n - at < PIECE ? n - at : PIECE;

        rc = check(MPI_Bcast(p + at, (int)of, MPI_BYTE, rank, MPI_COMM_WORLD),
                   err);
    }
    return rc;
}

static int
least(int *x, struct sov_err *err)
{
    return check(
        MPI_Allreduce(MPI_IN_PLACE, x, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD),
        err);
}

const struct sov_comm_row sov_comm_row_mpi = {
    .name = "mpi",
    .open = open_ranks,
    .close = close_ranks,
    .end = end,
    .sum = sum,
    .sum_part = sum_part,
    .gather = gather,
    .give = give,
    .least = least,
};
