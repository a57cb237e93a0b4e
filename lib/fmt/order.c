/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - rows of a tensor in another order
 *
 * Published models and GGUF files hold some matrices with their rows in
 * different places; struct sov_order (model.h) says how.  Rows are moved while
 * they are read, so that no tensor has to be in memory.
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "tensor/type.h"

#include <stdlib.h>
#include <string.h>

bool
sov_order_moves(const struct sov_order *o)
{
    return o->heads > 0 || o->columns;
}

bool
sov_order_undoes(const struct sov_order *a, const struct sov_order *b)
{
    if (a->columns || b->columns)
        return a->columns && b->columns;
    return a->heads == b->heads && a->groups == b->groups && a->back != b->back;
}

uint64_t
sov_order_unit(const struct sov_tensor *t)
{
    return t->ndim < 2 ? sov_type_info(t->type)->bytes
                       : sov_tensor_row_bytes(t);
}

/* ---- which row comes from where */

/* The halves of a head of d rows, one after the other, and in turns. */
static uint64_t
pairs_row(uint64_t row, uint64_t d, bool back)
{
    uint64_t in_head = row % d;

    if (back)
        return row - in_head + in_head % (d / 2) * 2 + in_head / (d / 2);
    return row - in_head + in_head % 2 * (d / 2) + in_head / 2;
}

/*
 * Each group has its queries, a key and a value; of the other side all queries
 * come first, then all keys, then all values.
 */
static uint64_t
groups_row(const struct sov_order *o, uint64_t row, uint64_t n)
{
    uint64_t each = o->heads / o->groups, of_group = each + 2;
    uint64_t d = n / (of_group * o->groups), head = row / d;
    uint64_t group, slot;

    if (o->back) {
        group = head / of_group;
        slot = head % of_group;
        head = slot < each ? group * each + slot
                           : o->heads + (slot - each) * o->groups + group;
        return head * d + row % d;
    }
    if (head < o->heads) {
        group = head / each;
        slot = head % each;
    } else {
        group = (head - o->heads) % o->groups;
        slot = each + (head - o->heads) / o->groups;
    }
    return (group * of_group + slot) * d + row % d;
}

uint64_t
sov_order_row(const struct sov_order *o, uint64_t row, uint64_t n)
{
    return o->groups > 0 ? groups_row(o, row, n)
                         : pairs_row(row, n / o->heads, o->back);
}

/* ---- the shape */

static int
unfit(const struct sov_tensor *t, uint64_t n, const char *what, uint64_t of,
      struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "tensor %s: %llu rows are not %llu %s",
                    t->name != NULL ? t->name : "", (unsigned long long)n,
                    (unsigned long long)of, what);
}

static int
swap_shape(struct sov_tensor *t, struct sov_err *err)
{
    uint64_t rows = t->dim[1];

    if (t->ndim != 2)
        return sov_fail(err, SOV_EARG, "columns of no matrix");
    if (sov_type_info(t->type)->block > 1)
        return sov_fail(err, SOV_EUNSUP,
                        "a matrix of %s cannot be turned; make it f16 or bf16 "
                        "first",
                        sov_type_info(t->type)->name);
    t->dim[1] = t->dim[0];
    t->dim[0] = rows;
    return sov_tensor_measure(t, err);
}

int
sov_order_shape(const struct sov_order *o, struct sov_tensor *t,
                struct sov_err *err)
{
    uint64_t n = t->ndim < 2 ? t->dim[0] : t->dim[1];

    if (o->columns)
        return swap_shape(t, err);
    if (t->ndim > 2 || (t->ndim < 2 && sov_type_info(t->type)->block > 1))
        return sov_fail(err, SOV_EARG, "heads of no matrix");
    if (o->groups == 0)
        return n % o->heads == 0 && n / o->heads % 2 == 0
                   ? 0
                   : unfit(t, n, "heads of an even width", o->heads, err);
    if (o->heads % o->groups != 0 ||
        n % ((uint64_t)o->heads + 2 * (uint64_t)o->groups) != 0)
        return unfit(t, n, "queries with keys and values for each group",
                     o->heads, err);
    return 0;
}

/* ---- reading */

/* Rows of the matrix that is shown are columns of the one that is there: of
 * each of its rows a piece. */
static int
read_columns(const struct sov_tensor *shown, uint64_t first, uint64_t n,
             unsigned char *buf, sov_order_fetch fetch, void *arg,
             struct sov_err *err)
{
    size_t width = sov_type_info(shown->type)->bytes;
    uint64_t cols = shown->dim[0], rows = shown->dim[1];
    unsigned char *piece = sov_mem_array((size_t)n, width);
    int rc = piece == NULL ? sov_mem_fail(err) : 0;

    for (uint64_t c = 0; c < cols && rc == 0; c++) {
        rc = fetch(arg, (c * rows + first) * width, piece, (size_t)n * width,
                   err);
        for (uint64_t r = 0; r < n && rc == 0; r++)
            memcpy(buf + (r * cols + c) * width, piece + r * width, width);
    }
    free(piece);
    return rc;
}

int
sov_order_read(const struct sov_order *o, const struct sov_tensor *shown,
               uint64_t first, uint64_t n, unsigned char *buf,
               sov_order_fetch fetch, void *arg, struct sov_err *err)
{
    uint64_t unit = sov_order_unit(shown);
    uint64_t all = shown->ndim < 2 ? shown->dim[0] : shown->dim[1];
    int rc = 0;

    if (o->columns)
        return read_columns(shown, first, n, buf, fetch, arg, err);
    for (uint64_t i = 0; i < n && rc == 0; i++)
        rc = fetch(arg, sov_order_row(o, first + i, all) * unit, buf + i * unit,
                   (size_t)unit, err);
    return rc;
}
