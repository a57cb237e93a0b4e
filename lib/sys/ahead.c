/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead.c - a thread that brings mapped bytes in before they are wanted
 *
 * It puts them into the page tables step by step, in the order in which they
 * lie in the file, more or less, so that the kernel reads ahead by itself, in
 * large pieces.  (To tell it by MADV_WILLNEED what will be wanted makes small
 * pages of all, which are read at half the speed and cost as much again when
 * they are mapped.)
 */
#include "sys/ahead.h"

#include "base/mem.h"
#include "sys/par.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STEP   (4u << 20)
#define WINDOW (256u << 20) /* bytes before the part that was reached */

/* Of Linux 5.14; the C library may be older than the kernel. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

struct sov_ahead {
    struct sov_task *task;
    atomic_bool stop;
    atomic_size_t reached;
    size_t n;
    struct sov_span part[];
};

static void
bring(const unsigned char *p, size_t len)
{
    size_t lead = (uintptr_t)p % (size_t)sysconf(_SC_PAGESIZE);

    /* what fails is done without */
    madvise((void *)(uintptr_t)(p - lead), lead + len, MADV_POPULATE_READ);
}

static bool
is_stopped(struct sov_ahead *a)
{
    return atomic_load_explicit(&a->stop, memory_order_relaxed);
}

/* Bytes from the part that was reached up to this one. */
static size_t
distance(struct sov_ahead *a, size_t part)
{
    size_t from = atomic_load_explicit(&a->reached, memory_order_relaxed);
    size_t sum = 0;

    for (; from < part; from++)
        sum += a->part[from].len;
    return sum;
}

static void
wait_for_others(struct sov_ahead *a, size_t part)
{
    static const struct timespec moment = { 0, 500000 };

    while (!is_stopped(a) && distance(a, part) > WINDOW)
        nanosleep(&moment, NULL);
}

static size_t
lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int
go_through(void *arg)
{
    struct sov_ahead *a = arg;
    size_t i, at;

    for (i = 0; i < a->n; i++) {
        wait_for_others(a, i);
        for (at = 0; at < a->part[i].len && !is_stopped(a); at += STEP)
            bring(a->part[i].p + at, lesser(a->part[i].len - at, STEP));
    }
    return 0;
}

struct sov_ahead *
sov_ahead_start(const struct sov_span *part, size_t n)
{
    struct sov_err ignored;
    struct sov_ahead *a;

    if (n > SIZE_MAX / 2 / sizeof(*part))
        return NULL;
    a = sov_mem_array(1, sizeof(*a) + n * sizeof(*part));
    if (a == NULL)
        return NULL;
    a->n = n;
    memcpy(a->part, part, n * sizeof(*part));
    if (sov_task_start(&a->task, go_through, a, &ignored) < 0) {
        free(a);
        return NULL;
    }
    return a;
}

void
sov_ahead_stop(struct sov_ahead *a)
{
    if (a == NULL)
        return;
    atomic_store(&a->stop, true);
    sov_task_join(a->task);
    free(a);
}

void
sov_ahead_reached(struct sov_ahead *a, size_t part)
{
    if (a != NULL)
        atomic_store_explicit(&a->reached, part, memory_order_relaxed);
}
