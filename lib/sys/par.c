/* SPDX-License-Identifier: Apache-2.0 */
/*
 * par.c - the only place where threads are made
 *
 * The team is OpenMP's; tasks beside it and queues between them are POSIX
 * threads, since they block.
 */
#include "sys/par.h"
#include "base/mem.h"
#include "sov/base.h"

#include <omp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static unsigned
team_size(size_t pieces)
{
    unsigned n = sov_threads();

    return pieces < n ? (unsigned)pieces : n;
}

void
sov_par_for(size_t n, size_t grain, sov_par_fn fn, void *arg)
{
    size_t pieces;
    unsigned team;

    if (n == 0)
        return;
    if (grain == 0)
        grain = (n + sov_threads() - 1) / sov_threads();
    pieces = n / grain + (n % grain != 0);
    team = team_size(pieces);
    if (team <= 1) {
        fn(arg, 0, n, 0);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)team)
    for (size_t i = 0; i < pieces; i++) {
        size_t first = i * grain;
        size_t last = n - first < grain ? n : first + grain;

        fn(arg, first, last, (unsigned)omp_get_thread_num());
    }
}

void
sov_par_team(sov_par_team_fn fn, void *arg)
{
    unsigned want = sov_threads();

#pragma omp parallel num_threads((int)want)
    fn(arg, (unsigned)omp_get_thread_num(), (unsigned)omp_get_num_threads());
}

void
sov_par_barrier(void)
{
#pragma omp barrier
}

struct sov_task {
    pthread_t thread;
    int (*fn)(void *);
    void *arg;
    int rc;
};

static void *
task_main(void *arg)
{
    struct sov_task *task = arg;

    task->rc = task->fn(task->arg);
    return NULL;
}

int
sov_task_start(struct sov_task **task, int (*fn)(void *), void *arg,
               struct sov_err *err)
{
    struct sov_task *t = sov_mem_array(1, sizeof(*t));

    if (t == NULL)
        return sov_mem_fail(err);
    t->fn = fn;
    t->arg = arg;
    if (pthread_create(&t->thread, NULL, task_main, t) != 0) {
        free(t);
        return sov_fail(err, SOV_EMEM, "cannot start a thread");
    }
    *task = t;
    return 0;
}

int
sov_task_join(struct sov_task *task)
{
    int rc;

    pthread_join(task->thread, NULL);
    rc = task->rc;
    free(task);
    return rc;
}

struct sov_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t cap;
    size_t first;
    size_t n;
    bool closed;
    void *item[];
};

struct sov_queue *
sov_queue_new(size_t cap)
{
    struct sov_queue *q;

    if (cap == 0 || cap > 65536)
        return NULL;
    q = sov_mem_array(1, sizeof(*q) + cap * sizeof(q->item[0]));
    if (q == NULL)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->cap = cap;
    return q;
}

void
sov_queue_free(struct sov_queue *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

int
sov_queue_put(struct sov_queue *q, void *item)
{
    int done = 0;

    pthread_mutex_lock(&q->lock);
    while (q->n == q->cap && !q->closed)
        pthread_cond_wait(&q->changed, &q->lock);
    if (!q->closed) {
        q->item[(q->first + q->n) % q->cap] = item;
        q->n++;
        done = 1;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return done;
}

void *
sov_queue_get(struct sov_queue *q)
{
    void *item = NULL;

    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed)
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->n > 0) {
        item = q->item[q->first];
        q->first = (q->first + 1) % q->cap;
        q->n--;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void
sov_queue_close(struct sov_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
