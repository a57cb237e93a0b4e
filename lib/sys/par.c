/* SPDX-License-Identifier: Apache-2.0 */
/*
 * par.c - the only place where threads are made
 *
 * The team.  Threads are made when a loop first wants them and then stay,
 * asleep.  Loops come in regions, one after the other; whoever does the last
 * piece of a loop opens the next one, and a ticket says which loop is open and
 * what of it is still to be had:
 *
 *     ticket   63 .. 32 phase   31 .. 0 first item that nobody has,
 *                                       or OVER: the region has no more
 *
 * Everybody takes pieces from it, the caller too.  Where the items lie beside
 * each other in memory each has a share of them instead, and takes pieces from
 * its beginning, so that what it asks for ahead is what it will read; who has
 * done its own takes the ends of others'.  So a loop waits for those
 * that are at a piece of it and never for one that has not come, who then
 * joins where the others are: on a busy machine a loop costs no more than it
 * would on one thread.  Whoever finds nothing looks for a moment, since the
 * next loop of a forward pass is microseconds away, and then sleeps.  (A team
 * of OpenMP waits for all its threads at the end of each loop, and by default
 * looks for milliseconds: with ten busy processes on two cores, two threads
 * made tokens ten times slower than one.)
 *
 * Always holds:
 * 1. One region runs at a time; another one that is begun meanwhile, by any
 *    thread, runs on that thread alone.
 * 2. A loop is described in slot[phase % 2], which is written before the
 *    ticket says so, and again only when the phase after it is done.  Who
 *    takes a piece by changing the ticket has therefore read the right slot;
 *    who read too early, or too late, does not get the ticket.
 * 3. The region's own fields belong to the thread that opens loops.  That one
 *    has done the last piece, so no other is at work.
 * 4. That a region is over is said by the ticket alone, the last thing that is
 *    written of it: so nobody begins another one while it is being closed.
 * 5. A forked child has no team and makes its own.
 */
#include "sys/par.h"
#include "base/mem.h"
#include "sov/base.h"
#include "sys/cpu.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define TEAM_MAX  1024
#define ITEMS_MAX (1u << 30) /* of one phase; more are several phases */
#define APART_MAX 0xffff     /* items of a phase in shares */
#define OVER      UINT32_MAX /* more than ITEMS_MAX */

/* Nanoseconds of looking before sleep.  What a cgroup lets us use is used up
 * by looking as by work. */
#define LOOK       100000
#define LOOK_QUOTA 15000

struct slot {
    sov_par_fn fn;
    void *arg;
    size_t base; /* first item of the phase */
    atomic_uint n;
    atomic_uint grain;
    atomic_bool apart;
    atomic_uint limit; /* workers below it may help */
};

/*
 * A worker's share of a phase whose items are apart: what of it nobody has,
 *
 *     63 .. 32 phase   31 .. 16 first item   15 .. 0 end
 */
struct share {
    alignas(64) atomic_uint_fast64_t left;
};

static struct {
    alignas(64) atomic_uint_fast64_t ticket;
    alignas(64) atomic_uint done; /* items of the phase */
    alignas(64) struct slot slot[2];
    struct share share[TEAM_MAX];
    /* the region */
    sov_par_next next;
    void *arg;
    struct sov_phase now;
    size_t opened;           /* items of it */
    unsigned threads;
    /* those who help */
    unsigned n_threads;      /* that were made; the caller is not one */
    bool refused;            /* there are no more to be had */
    atomic_long look;        /* nanoseconds */
    atomic_uint wanted;      /* workers from here on have no part */
    atomic_uint sleeping;
    pthread_mutex_t lock;    /* of both conditions */
    pthread_cond_t opens;
    pthread_cond_t more;     /* workers are wanted */
} team = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .opens = PTHREAD_COND_INITIALIZER,
    .more = PTHREAD_COND_INITIALIZER,
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

static int64_t
nanoseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint32_t
phase_of(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32);
}

static bool
is_open_after(uint32_t phase)
{
    return phase_of(atomic_load(&team.ticket)) != phase;
}

/* Look for a while; did the next phase open? */
static bool
look_for_phase(uint32_t seen)
{
    long look = atomic_load_explicit(&team.look, memory_order_relaxed);
    int64_t end = look > 0 ? nanoseconds() + look : 0;
    unsigned i;

    do {
        for (i = 0; i < 16; i++) {
            if (is_open_after(seen))
                return true;
            relax();
        }
    } while (look > 0 && nanoseconds() < end);
    return false;
}

/* Until the phase after the seen one, or a later one, is open. */
static void
wait_for_phase(uint32_t seen)
{
    if (look_for_phase(seen))
        return;
    pthread_mutex_lock(&team.lock);
    atomic_fetch_add(&team.sleeping, 1);
    while (!is_open_after(seen))
        pthread_cond_wait(&team.opens, &team.lock);
    atomic_fetch_sub(&team.sleeping, 1);
    pthread_mutex_unlock(&team.lock);
}

/* Threads with a higher number than are wanted sleep apart, so that nobody
 * wakes them at each loop. */
static void
wait_until_wanted(unsigned worker)
{
    if (worker < atomic_load(&team.wanted))
        return;
    pthread_mutex_lock(&team.lock);
    while (worker >= atomic_load(&team.wanted))
        pthread_cond_wait(&team.more, &team.lock);
    pthread_mutex_unlock(&team.lock);
}

static void advance(unsigned worker);

/* Items [first, first + n) of the phase, which are this worker's now. */
static void
do_piece(struct slot *s, unsigned first, unsigned n, unsigned worker)
{
    unsigned all = atomic_load_explicit(&s->n, memory_order_relaxed);

    s->fn(s->arg, s->base + first, s->base + first + n, worker);
    if (atomic_fetch_add(&team.done, n) + n == all)
        advance(worker);
}

/* Do a piece of somebody's share; false if there is nothing left of it. */
static bool
take_share(struct slot *s, uint64_t ticket, unsigned whose, unsigned worker)
{
    uint64_t left = atomic_load(&team.share[whose].left);
    unsigned first = left >> 16 & 0xffff;
    unsigned end = left & 0xffff;
    unsigned piece = atomic_load_explicit(&s->grain, memory_order_relaxed);
    unsigned n = end - first;

    if (phase_of(left) != phase_of(ticket) || first >= end)
        return false;
    if (n / 4 > piece)
        piece = n / 4;
    if (piece > n)
        piece = n;
    if (whose != worker)
        first = end - piece;
    if (atomic_compare_exchange_strong(
            &team.share[whose].left, &left,
            whose == worker ? left + ((uint64_t)piece << 16) : left - piece))
        do_piece(s, first, piece, worker);
    return true; /* or somebody else took something: look again */
}

/* Do a piece of what the ticket offers; false if that is nothing. */
static bool
take_piece(uint64_t ticket, unsigned worker)
{
    struct slot *s = &team.slot[phase_of(ticket) % 2];
    unsigned first = (unsigned)ticket;
    unsigned n = atomic_load_explicit(&s->n, memory_order_relaxed);
    unsigned limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
    unsigned piece = atomic_load_explicit(&s->grain, memory_order_relaxed);
    unsigned i;

    if (worker >= limit)
        return false;
    if (atomic_load_explicit(&s->apart, memory_order_relaxed)) {
        for (i = 0; i < limit; i++)
            if (take_share(s, ticket, (worker + i) % limit, worker))
                return true;
        return false;
    }
    if (first >= n)
        return false;
    if (piece > n - first)
        piece = n - first;
    if (atomic_compare_exchange_strong(&team.ticket, &ticket, ticket + piece))
        do_piece(s, first, piece, worker);
    return true; /* or somebody else did: look again */
}

static void *
worker_main(void *arg)
{
    unsigned worker = (unsigned)(uintptr_t)arg;

    for (;;) {
        uint64_t ticket = atomic_load(&team.ticket);

        if (take_piece(ticket, worker))
            continue;
        wait_until_wanted(worker);
        wait_for_phase(phase_of(ticket));
    }
    return NULL;
}

static void
set_slot(struct slot *s, unsigned n, unsigned limit)
{
    atomic_store_explicit(&s->n, n, memory_order_relaxed);
    atomic_store_explicit(&s->limit, limit, memory_order_relaxed);
}

static void
forget_team(void)
{
    team.n_threads = 0;
    team.refused = false;
    atomic_store(&team.sleeping, 0);
    atomic_store(&team.wanted, 0);
    atomic_store(&team.done, 0);
    set_slot(&team.slot[0], 0, 0);
    set_slot(&team.slot[1], 0, 0);
    pthread_mutex_init(&team.lock, NULL);
    pthread_cond_init(&team.opens, NULL);
    pthread_cond_init(&team.more, NULL);
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
    sigdelset(&all, SIGSEGV); /* of guarded files, see guard.c */
    sigdelset(&all, SIGBUS);
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

/* The shares of n items of the present loop. */
static void
open_shares(uint64_t phase, unsigned n)
{
    size_t first, i;

    for (i = team.threads; i-- > 0; n = (unsigned)first) {
        first = team.now.share != NULL
                    ? team.now.share(team.now.arg, i, team.threads)
                    : (size_t)n * i / (i + 1);
        atomic_store(&team.share[i].left, phase << 32 | first << 16 | n);
    }
}

/* Let n items of the present loop be taken; n = 0: the region is over. */
static void
open_phase(unsigned n)
{
    uint64_t phase = phase_of(atomic_load(&team.ticket)) + (uint64_t)1;
    struct slot *s = &team.slot[phase % 2];

    s->fn = team.now.fn;
    s->arg = team.now.arg;
    s->base = team.opened;
    atomic_store_explicit(&s->grain, (unsigned)team.now.grain,
                          memory_order_relaxed);
    atomic_store_explicit(&s->apart, team.now.apart, memory_order_relaxed);
    if (team.now.apart)
        open_shares(phase, n);
    set_slot(s, n, n > 0 ? team.threads : 0);
    team.opened += n;
    atomic_store(&team.done, 0);
    atomic_store(&team.ticket, phase << 32 | (n > 0 ? 0 : OVER));
    if (atomic_load(&team.sleeping) > 0) {
        pthread_mutex_lock(&team.lock);
        pthread_cond_broadcast(&team.opens);
        pthread_mutex_unlock(&team.lock);
    }
}

/* The next loop into team.now; small ones are done here and now. */
static bool
next_phase(unsigned worker)
{
    struct sov_phase *now = &team.now;

    do {
        *now = (struct sov_phase){ 0 };
        if (!team.next(team.arg, now, worker))
            return false;
        if (now->grain == 0 && now->n > 0)
            now->grain = (now->n - 1) / team.threads + 1;
        if (now->n <= now->grain && now->n > 0)
            now->fn(now->arg, 0, now->n, worker);
    } while (now->n <= now->grain);
    return true;
}

/* All that was opened is done: open what comes next. */
static void
advance(unsigned worker)
{
    size_t left;

    if (team.opened == team.now.n) {
        team.opened = 0;
        if (!next_phase(worker)) {
            open_phase(0);
            return;
        }
        grow(team.threads - 1);
    }
    left = team.now.n - team.opened;
    team.now.apart &= team.now.n <= APART_MAX;
    if (team.now.grain > ITEMS_MAX / team.threads)
        team.now.grain = ITEMS_MAX / team.threads;
    open_phase(left < ITEMS_MAX ? (unsigned)left : ITEMS_MAX);
}

/* The helpers that shall come, and how long they look. */
static void
call(unsigned threads)
{
    if (atomic_load(&team.wanted) == threads)
        return;
    atomic_store(&team.look, threads > sov_cpu_count() ? 0
                             : sov_cpu_has_quota()     ? LOOK_QUOTA
                                                       : LOOK);
    pthread_mutex_lock(&team.lock);
    atomic_store(&team.wanted, threads);
    pthread_cond_broadcast(&team.more);
    pthread_mutex_unlock(&team.lock);
}

static bool
is_over(uint64_t ticket)
{
    return (uint32_t)ticket == OVER;
}

static void
run_region(void)
{
    team.now = (struct sov_phase){ 0 };
    team.opened = 0;
    advance(0);
    for (;;) {
        uint64_t ticket = atomic_load(&team.ticket);

        if (is_over(ticket))
            break;
        if (!take_piece(ticket, 0))
            wait_for_phase(phase_of(ticket));
    }
}

static void
run_alone(sov_par_next next, void *arg)
{
    struct sov_phase p = { 0 };

    while (next(arg, &p, 0)) {
        if (p.n > 0)
            p.fn(p.arg, 0, p.n, 0);
        p = (struct sov_phase){ 0 };
    }
}

void
sov_par_phases(sov_par_next next, void *arg)
{
    unsigned threads = sov_threads() < TEAM_MAX ? sov_threads() : TEAM_MAX;

    if (threads == 1 || atomic_flag_test_and_set(&busy)) {
        run_alone(next, arg);
        return;
    }
    call(threads);
    team.next = next;
    team.arg = arg;
    team.threads = threads;
    run_region();
    atomic_flag_clear(&busy);
}

void
sov_threads_ready(void)
{
    unsigned threads = sov_threads() < TEAM_MAX ? sov_threads() : TEAM_MAX;

    if (threads == 1 || atomic_flag_test_and_set(&busy))
        return;
    call(threads);
    grow(threads - 1);
    atomic_flag_clear(&busy);
}

/* A region of one loop. */
static bool
next_once(void *arg, struct sov_phase *phase, unsigned worker)
{
    struct sov_phase *loop = arg;

    (void)worker;
    *phase = *loop;
    loop->fn = NULL;
    return phase->fn != NULL;
}

void
sov_par_for(size_t n, size_t grain, sov_par_fn fn, void *arg)
{
    struct sov_phase loop = { .fn = fn, .arg = arg, .n = n, .grain = grain };

    if (n == 0)
        return;
    if (grain >= n)
        fn(arg, 0, n, 0);
    else
        sov_par_phases(next_once, &loop);
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
