/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slabs.c - the bytes of many tensors, a slab at a time, read ahead
 *
 *   reader: free --> read --> ready --> the caller --> free ...
 *
 * A slab is in one place only.  An error travels in its slab, and is the last
 * thing that the reader sends.
 */
#include "measure/slabs.h"

#include "base/mem.h"
#include "sys/par.h"
#include "sys/queue.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SLABS        3
#define SLAB_WEIGHTS 1048576u
#define ROW_MAX      16777216u /* longer rows are read in pieces */

struct sov_slabs {
    sov_model *a;
    sov_model *b;
    const struct sov_pair *pair;
    size_t n;
    size_t most;
    struct sov_slab slab[SLABS];
    struct sov_queue *free;
    struct sov_queue *ready;
    struct sov_task *reader;
    atomic_bool stop;
};

static size_t
bytes_of(const struct sov_tensor *t, uint64_t n)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);

    return (size_t)(n / info->block * info->bytes);
}

/* Weights of the slab that starts at weight first. */
static size_t
step(const struct sov_tensor *t, uint64_t first)
{
    uint64_t row = t->dim[0];
    uint64_t left = sov_tensor_count(t) - first;
    uint64_t n;

    if (row > ROW_MAX || t->ndim < 2) {
        left = row - first % row;
        n = SLAB_WEIGHTS;
    } else {
        n = row < SLAB_WEIGHTS ? SLAB_WEIGHTS / row * row : row;
    }
    return (size_t)(n < left ? n : left);
}

/* One slab; false when the reader shall end. */
static bool
read_slab(sov_slabs *s, size_t pair, uint64_t first, size_t n, bool last)
{
    const struct sov_tensor *t = sov_model_at(s->a, s->pair[pair].a);
    struct sov_slab *b = sov_queue_get(s->free);
    bool good;

    if (b == NULL || atomic_load(&s->stop))
        return false;
    b->pair = pair;
    b->first = first;
    b->n = n;
    b->last = last;
    b->a_len = bytes_of(t, n);
    b->b_len = 0;
    b->rc = sov_model_read(s->a, s->pair[pair].a, bytes_of(t, first), b->a,
                           b->a_len, &b->err);
    if (b->rc == 0 && s->b != NULL) {
        t = sov_model_at(s->b, s->pair[pair].b);
        b->b_len = bytes_of(t, n);
        b->rc = sov_model_read(s->b, s->pair[pair].b, bytes_of(t, first), b->b,
                               b->b_len, &b->err);
    }
    good = b->rc == 0;
    /* from here on the slab is somebody else's */
    return sov_queue_put(s->ready, b) != 0 && good;
}

static int
reader_main(void *arg)
{
    sov_slabs *s = arg;
    bool going = true;

    for (size_t i = 0; i < s->n && going; i++) {
        const struct sov_tensor *t = sov_model_at(s->a, s->pair[i].a);
        uint64_t total = t->size == 0 ? 0 : sov_tensor_count(t);
        uint64_t at = 0;

        do {
            size_t n = total > 0 ? step(t, at) : 0;

            going = read_slab(s, i, at, n, at + n == total);
            at += n;
        } while (at < total && going);
    }
    sov_queue_close(s->ready);
    return 0;
}

static int
make_slabs(sov_slabs *s, struct sov_err *err)
{
    size_t a = 64, b = 64;

    for (size_t i = 0; i < s->n; i++) {
        const struct sov_tensor *t = sov_model_at(s->a, s->pair[i].a);
        size_t n = t->size > 0 ? step(t, 0) : 0;

        s->most = n > s->most ? n : s->most;
        a = bytes_of(t, n) > a ? bytes_of(t, n) : a;
        if (s->b != NULL) {
            t = sov_model_at(s->b, s->pair[i].b);
            b = bytes_of(t, n) > b ? bytes_of(t, n) : b;
        }
    }
    s->free = sov_queue_new(SLABS);
    s->ready = sov_queue_new(SLABS);
    if (s->free == NULL || s->ready == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < SLABS; i++) {
        s->slab[i].a = sov_mem_aligned(a, 1);
        s->slab[i].b = sov_mem_aligned(b, 1);
        if (s->slab[i].a == NULL || s->slab[i].b == NULL)
            return sov_mem_fail(err);
        sov_queue_put(s->free, &s->slab[i]);
    }
    return 0;
}

int
sov_slabs_start(sov_slabs **slabs, sov_model *a, sov_model *b,
                const struct sov_pair *pair, size_t n, struct sov_err *err)
{
    sov_slabs *s = sov_mem_array(1, sizeof(*s));
    int rc;

    *slabs = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->a = a;
    s->b = b;
    s->pair = pair;
    s->n = n;
    rc = make_slabs(s, err);
    if (rc == 0)
        rc = sov_task_start(&s->reader, reader_main, s, err);
    if (rc < 0) {
        sov_slabs_stop(s);
        return rc;
    }
    *slabs = s;
    return 0;
}

struct sov_slab *
sov_slabs_next(sov_slabs *s)
{
    return sov_queue_get(s->ready);
}

void
sov_slabs_done(sov_slabs *s, struct sov_slab *slab)
{
    sov_queue_put(s->free, slab);
}

size_t
sov_slabs_most(const sov_slabs *s)
{
    return s->most;
}

void
sov_slabs_stop(sov_slabs *s)
{
    if (s == NULL)
        return;
    atomic_store(&s->stop, true);
    if (s->free != NULL)
        sov_queue_close(s->free);
    if (s->ready != NULL)
        sov_queue_close(s->ready);
    if (s->reader != NULL)
        sov_task_join(s->reader);
    for (size_t i = 0; i < SLABS; i++) {
        sov_mem_free_aligned(s->slab[i].a);
        sov_mem_free_aligned(s->slab[i].b);
    }
    sov_queue_free(s->free);
    sov_queue_free(s->ready);
    free(s);
}
