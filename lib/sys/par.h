/* SPDX-License-Identifier: Apache-2.0 */
/*
 * par.h - the only place where threads are made
 *
 * Work is n items; fn(arg, first, last, worker) does [first, last).  Which
 * worker does which items is not promised, so results must not depend on it:
 * every item writes its own output, and no sum is split between items.
 */
#ifndef SOV_SYS_PAR_H
#define SOV_SYS_PAR_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef void (*sov_par_fn)(void *arg, size_t first, size_t last,
                           unsigned worker);

/* Pieces of grain items (0: n divided by the threads), handed out as threads
 * ask.  worker is below sov_threads(). */
void sov_par_for(size_t n, size_t grain, sov_par_fn fn, void *arg);

/*
 * Loops that follow each other, a forward pass say, with the team awake
 * throughout.  next() describes the loop that comes, or gives false after the
 * last one.  It is called when all of the loop before is done, by one thread
 * at a time, and may do small work itself, as that worker; so is a loop that
 * is one piece.
 */
struct sov_phase {
    sov_par_fn fn;
    void *arg;
    size_t n;
    size_t grain; /* items that are worth a piece; 0: n divided by threads */
    bool apart;   /* each thread begins at its own share of the items, goes on
                     from there, and then helps others from their ends */
    /* the first item of share i of n; NULL: they are equal */
    size_t (*share)(void *arg, size_t i, size_t n);
};

typedef bool (*sov_par_next)(void *arg, struct sov_phase *phase,
                             unsigned worker);

void sov_par_phases(sov_par_next next, void *arg);

/*
 * A thread beside the team, for reading and writing.  fn's result comes back
 * from sov_task_join(), which frees the task.
 */
struct sov_task;
int sov_task_start(struct sov_task **task, int (*fn)(void *), void *arg,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_task_join(struct sov_task *task);

#endif
