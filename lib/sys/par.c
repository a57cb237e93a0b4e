/* SPDX-License-Identifier: Apache-2.0 */
/*
 * par.c - the only place where threads are made
 *
 * The team.  Threads are made when a loop first wants them and then stay,
 * asleep.  A loop is a counter of pieces that everybody takes from, the caller
 * too; so the caller waits for those that are at a piece, and never for one
 * that has not come: on a busy machine a loop costs no more than it would on
 * one thread.  Whoever waits looks for a moment, since the next loop of a
 * forward pass is microseconds away, and then sleeps.  (A team of OpenMP waits
 * for all its threads at the end of each loop, and by default looks for
 * milliseconds: with ten busy processes on two cores, two threads made tokens
 * ten times slower than one.)
 *
 * Always holds:
 * 1. One loop runs at a time; another one that is begun meanwhile, by any
 *    thread, runs on that thread alone.
 * 2. The loop's fields change only while nobody is inside.  A thread counts
 *    itself in before it looks whether the loop is open, and the caller closes
 *    the loop before it waits for the count to be 0.
 * 3. A forked child has no team and makes its own.
 */
#include "sys/par.h"
#include "base/mem.h"
#include "sov/base.h"
#include "sys/cpu.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define TEAM_MAX 1024

/* Looks before sleep, some tens of microseconds. */
#define LOOKS 2000

static struct {
    /* the loop */
    sov_par_fn fn;
    void *arg;
    size_t n;
    size_t grain;
    unsigned limit;          /* workers below it may help */
    atomic_size_t next;      /* first item that nobody has */
    atomic_bool open;
    /* those who help */
    unsigned n_threads;      /* that were made; the caller is not one */
    bool refused;            /* there are no more to be had */
    unsigned cores;
    atomic_uint turn;        /* loops so far */
    atomic_uint inside;
    atomic_uint sleeping;
    atomic_bool caller_sleeps;
    pthread_mutex_t lock;    /* of both conditions */
    pthread_cond_t begun;
    pthread_cond_t left;
} team = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .begun = PTHREAD_COND_INITIALIZER,
    .left = PTHREAD_COND_INITIALIZER,
};

static atomic_flag busy = ATOMIC_FLAG_INIT;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* No use in looking when there are more threads than cores. */
static unsigned
looks(void)
{
    return team.limit <= team.cores ? LOOKS : 0;
}

static void
take_pieces(unsigned worker)
{
    size_t first;

    while ((first = atomic_fetch_add(&team.next, team.grain)) < team.n) {
        size_t left = team.n - first;

        team.fn(team.arg, first, left < team.grain ? team.n
                                                   : first + team.grain,
                worker);
    }
}

/* The number of the next loop after the seen one. */
static unsigned
wait_for_turn(unsigned seen)
{
    unsigned i;

    for (i = 0; i < LOOKS; i++) {
        if (atomic_load(&team.turn) != seen)
            return atomic_load(&team.turn);
        relax();
    }
    pthread_mutex_lock(&team.lock);
    atomic_fetch_add(&team.sleeping, 1);
    while (atomic_load(&team.turn) == seen)
        pthread_cond_wait(&team.begun, &team.lock);
    atomic_fetch_sub(&team.sleeping, 1);
    pthread_mutex_unlock(&team.lock);
    return atomic_load(&team.turn);
}

static void *
worker_main(void *arg)
{
    unsigned worker = (unsigned)(uintptr_t)arg;
    unsigned seen = 0;

    for (;;) {
        seen = wait_for_turn(seen);
        atomic_fetch_add(&team.inside, 1);
        if (atomic_load(&team.open) && worker < team.limit)
            take_pieces(worker);
        if (atomic_fetch_sub(&team.inside, 1) == 1 &&
            atomic_load(&team.caller_sleeps)) {
            pthread_mutex_lock(&team.lock);
            pthread_cond_signal(&team.left);
            pthread_mutex_unlock(&team.lock);
        }
    }
    return NULL;
}

static void
wait_for_workers(void)
{
    unsigned i;

    for (i = looks(); i > 0; i--) {
        if (atomic_load(&team.inside) == 0)
            return;
        relax();
    }
    atomic_store(&team.caller_sleeps, true);
    pthread_mutex_lock(&team.lock);
    while (atomic_load(&team.inside) != 0)
        pthread_cond_wait(&team.left, &team.lock);
    pthread_mutex_unlock(&team.lock);
    atomic_store(&team.caller_sleeps, false);
}

static void
forget_team(void)
{
    team.n_threads = 0;
    team.refused = false;
    atomic_store(&team.inside, 0);
    atomic_store(&team.sleeping, 0);
    atomic_store(&team.open, false);
    atomic_store(&team.caller_sleeps, false);
    pthread_mutex_init(&team.lock, NULL);
    pthread_cond_init(&team.begun, NULL);
    pthread_cond_init(&team.left, NULL);
    atomic_flag_clear(&busy);
}

static void
watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_team);
}

/* Signals are for others, but for those that say what this thread did: one of
 * them that is blocked ends the process before its handler can say why. */
static void
block_signals(sigset_t *old)
{
    static const int own[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT };
    sigset_t all;

    sigfillset(&all);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, old);
}

/*
 * Have n helpers, or as many as the system gives; where it gave fewer once, it
 * is not asked again at every loop.
 */
static void
grow(unsigned n)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t old;

    if (team.n_threads >= n || team.refused || pthread_attr_init(&attr) != 0)
        return;
    pthread_once(&once, watch_forks);
    team.cores = sov_cpu_count();
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    block_signals(&old);
    while (team.n_threads < n &&
           pthread_create(&thread, &attr, worker_main,
                          (void *)(uintptr_t)(team.n_threads + 1)) == 0)
        team.n_threads++;
    team.refused = team.n_threads < n;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
}

static void
run_loop(void)
{
    atomic_store(&team.next, 0);
    atomic_store(&team.open, true);
    atomic_fetch_add(&team.turn, 1);
    if (atomic_load(&team.sleeping) > 0) {
        pthread_mutex_lock(&team.lock);
        pthread_cond_broadcast(&team.begun);
        pthread_mutex_unlock(&team.lock);
    }
    take_pieces(0);
    atomic_store(&team.open, false);
    wait_for_workers();
}

void
sov_par_for(size_t n, size_t grain, sov_par_fn fn, void *arg)
{
    unsigned threads = sov_threads() < TEAM_MAX ? sov_threads() : TEAM_MAX;
    size_t pieces;

    if (n == 0)
        return;
    if (grain == 0)
        grain = (n - 1) / threads + 1;
    pieces = (n - 1) / grain + 1;
    if (pieces == 1 || threads == 1 || n > SIZE_MAX / (2 * TEAM_MAX) ||
        atomic_flag_test_and_set(&busy)) {
        fn(arg, 0, n, 0);
        return;
    }
    team.fn = fn;
    team.arg = arg;
    team.n = n;
    team.grain = grain;
    team.limit = pieces < threads ? (unsigned)pieces : threads;
    grow(team.limit - 1);
    run_loop();
    atomic_flag_clear(&busy);
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
        return sov_fail(err, SOV_EMEM, "cannot start a thread; use fewer");
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
