/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - a file in memory of which each 512 KiB is checked when it is first
 * touched
 *
 * Memory is mapped twice.  Others see the closed view, in which nothing can be
 * read; whoever touches it comes into a signal handler, which reads the group
 * from the file through the open view, hashes it there, and opens the closed
 * view where it is right:
 *
 *     file       [ group 0 | group 1 | group 2 | ... ]
 *                               | pread
 *     open view  [         | group 1 |         | ... ]   ours alone
 *     closed     [    x    |  read   |    x    | ... ]   what others have
 *
 * So what is used is what was hashed, and a change of the file afterwards
 * changes nothing here.
 *
 * 1. A group is open only if its hash was that of the list.
 * 2. A group is read by one thread, whoever touched it first, and by others
 *    when that is done; it is never written to again once it is open.
 *
 * The handler takes no memory and calls what may be called in one: pread,
 * mprotect, madvise, and arithmetic.  Pages of both views are asked for by the
 * group: one by one they cost more than all the rest.
 */
#include "sys/guard.h"

#include "base/mem.h"
#include "sys/sha.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ /* Linux 5.14; others say no, which is no harm */
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define GUARDS 64 /* at a time */
#define GROUP  ((uint64_t)SOV_GROUP_SIZE)

enum group_state { CLOSED, READING, OPEN, BROKEN };

struct sov_guard {
    int fd;
    uint64_t size;
    uint64_t span; /* of a view: whole groups */
    unsigned char *closed;
    unsigned char *open;
    const unsigned char *groups; /* borrowed */
    const struct sov_sha_kern *kern;
    sov_guard_fn broken;
    void *arg;
    atomic_uchar *state; /* by group */
    atomic_uint_fast64_t checked;
};

static _Atomic(struct sov_guard *) guards[GUARDS];
static struct sigaction before[2]; /* of SIGSEGV, SIGBUS */
static atomic_bool installed;

static struct sov_guard *
find(const void *p)
{
    const unsigned char *at = p;

    for (int i = 0; i < GUARDS; i++) {
        struct sov_guard *g = atomic_load(&guards[i]);

        if (g != NULL && at >= g->closed && at < g->closed + g->span)
            return g;
    }
    return NULL;
}

static bool
read_group(const struct sov_guard *g, unsigned char *to, uint64_t off,
           size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(g->fd, to + done, len - done, (off_t)(off + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* Behind the last byte there are zeros, as the tree has them. */
static bool
is_right(const struct sov_guard *g, const unsigned char *p, size_t len,
         size_t group)
{
    unsigned char hash[SOV_LEAF_SIZE] = { 0 };
    unsigned char sum[SOV_SHA256_LEN];

    g->kern->leaves(p, (len + SOV_LEAF_SIZE - 1) / SOV_LEAF_SIZE, hash);
    g->kern->leaves(hash, 1, sum);
    return memcmp(sum, g->groups + group * SOV_SHA256_LEN, sizeof(sum)) == 0;
}

static bool
fill_group(struct sov_guard *g, size_t group)
{
    uint64_t off = group * GROUP;
    size_t len = (size_t)(g->size - off < GROUP ? g->size - off : GROUP);

    madvise(g->open + off, GROUP, MADV_POPULATE_WRITE);
    if (!read_group(g, g->open + off, off, len) ||
        !is_right(g, g->open + off, len, group) ||
        mprotect(g->closed + off, GROUP, PROT_READ) != 0)
        return false;
    madvise(g->closed + off, GROUP, MADV_POPULATE_READ);
    atomic_fetch_add(&g->checked, len);
    return true;
}

static bool
open_group(struct sov_guard *g, size_t group)
{
    atomic_uchar *state = &g->state[group];
    unsigned char is = CLOSED;

    if (atomic_compare_exchange_strong(state, &is, READING)) {
        is = fill_group(g, group) ? OPEN : BROKEN;
        atomic_store_explicit(state, is, memory_order_release);
    }
    while (is == READING)
        is = atomic_load_explicit(state, memory_order_acquire);
    return is == OPEN;
}

/* The next fault is whoever's it was before. */
static void
give_back(int sig)
{
    sigaction(sig, &before[sig == SIGBUS], NULL);
    atomic_store(&installed, false);
}

/* What is not ours goes to whoever was there before; and so does what is broken
 * if whoever was told of it comes back, since there is nothing to go on with:
 * without another handler that ends the process. */
static void
handle(int sig, siginfo_t *info, void *context)
{
    struct sov_guard *g = find(info->si_addr);
    int keep = errno;

    (void)context;
    if (g == NULL) {
        give_back(sig);
    } else {
        const unsigned char *at = info->si_addr;
        uint64_t group = (uint64_t)(at - g->closed) / GROUP;

        if (!open_group(g, (size_t)group)) {
            g->broken(g->arg, group * GROUP);
            give_back(sig);
        }
    }
    errno = keep;
}

static int
install(struct sov_err *err)
{
    struct sigaction act = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };

    if (atomic_exchange(&installed, true))
        return 0;
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGSEGV, &act, &before[0]) < 0 ||
        sigaction(SIGBUS, &act, &before[1]) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot watch memory");
    return 0;
}

/* Both views of the same memory: a shared map, and a second one of it. */
static int
make_views(struct sov_guard *g, struct sov_err *err)
{
    void *p = mmap(NULL, (size_t)g->span, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *q;

    if (p == MAP_FAILED)
        return sov_fail(err, SOV_EMEM,
                        "no memory for a file that is checked "
                        "as it is touched");
    q = mremap(p, 0, (size_t)g->span, MREMAP_MAYMOVE);
    if (q == MAP_FAILED || mprotect(q, (size_t)g->span, PROT_NONE) < 0) {
        if (q != MAP_FAILED)
            munmap(q, (size_t)g->span);
        munmap(p, (size_t)g->span);
        return sov_fail(err, SOV_EUNSUP, "this kernel cannot map memory twice");
    }
    g->open = p;
    g->closed = q;
    return 0;
}

int
sov_guard_open(struct sov_guard **guard, int fd, uint64_t size,
               const unsigned char *groups, size_t n, sov_guard_fn broken,
               void *arg, struct sov_err *err)
{
    struct sov_guard *g = sov_mem_array(1, sizeof(*g));
    size_t i = 0;
    int rc;

    if (g == NULL)
        return sov_mem_fail(err);
    g->fd = fd;
    g->size = size;
    g->span = n * GROUP;
    g->groups = groups;
    g->kern = sov_sha_kern();
    g->broken = broken;
    g->arg = arg;
    g->state = sov_mem_array(n + 1, sizeof(*g->state));
    if (n < 2 || size > g->span || g->span - size >= GROUP)
        rc = sov_fail(err, SOV_EFORMAT, "%zu groups are not those of the file",
                      n);
    else
        rc = g->state == NULL ? sov_mem_fail(err) : make_views(g, err);
    if (rc == 0)
        rc = install(err);
    while (rc == 0) {
        struct sov_guard *none = NULL;

        if (i == GUARDS)
            rc = sov_fail(err, SOV_EUNSUP, "more than %d such files", GUARDS);
        else if (atomic_compare_exchange_strong(&guards[i++], &none, g))
            break;
    }
    if (rc < 0)
        sov_guard_close(g);
    else
        *guard = g;
    return rc;
}

void
sov_guard_close(struct sov_guard *g)
{
    if (g == NULL)
        return;
    for (int i = 0; i < GUARDS; i++) {
        struct sov_guard *is = g;

        atomic_compare_exchange_strong(&guards[i], &is, NULL);
    }
    if (g->closed != NULL)
        munmap(g->closed, (size_t)g->span);
    if (g->open != NULL)
        munmap(g->open, (size_t)g->span);
    free(g->state);
    free(g);
}

const unsigned char *
sov_guard_bytes(const struct sov_guard *g)
{
    return g->closed;
}

bool
sov_guard_holds(const void *p)
{
    return find(p) != NULL;
}

uint64_t
sov_guard_checked(const struct sov_guard *g)
{
    return atomic_load(&g->checked);
}
