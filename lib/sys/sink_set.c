/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_set.c - outputs that belong together: all of them or none
 *
 * The first one is the head: whoever looks for the set looks for it.  So it is
 * taken away before any other name changes, and comes last: whenever the
 * machine stops, what is found is the old set, the new one, or a set without a
 * head, which nobody loads.
 *
 *   1. All bytes are on the disk, under hidden names.
 *   2. The old head gets a hidden name.
 *   3. The others take their places; what stood there is kept under the hidden
 *      name, so that a failure can be undone.
 *   4. The new head takes its place, and what was kept goes.
 *
 * Signals wait from 2 to 4: their handler removes hidden names, which are the
 * old set then.
 */
#include "sys/sink.h"

#include "base/mem.h"
#include "sys/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How a name was taken, for the way back. */
enum taken {
    NOT_YET,
    FRESH,     /* nobody had it */
    EXCHANGED, /* the old file has the hidden name now */
    LOST,      /* the file system cannot exchange: the old file is gone */
};

static int
cannot(const struct sov_sink *s, struct sov_err *err)
{
    sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    return sov_err_wrap(err, "%s", s->name);
}

/* Put the new file in place. */
static int
take_name(struct sov_sink *s, enum taken *how, struct sov_err *err)
{
    if (renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path, RENAME_NOREPLACE) == 0) {
        sov_pending_drop(s->tmp);
        free(s->tmp);
        s->tmp = NULL;
        *how = FRESH;
        return 0;
    }
    if (errno == EEXIST && !s->replace)
        return cannot(s, err);
    if (errno == EEXIST &&
        renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path, RENAME_EXCHANGE) == 0) {
        *how = EXCHANGED;
        return 0;
    }
    /* a file system without these */
    if (!s->replace && access(s->path, F_OK) == 0) {
        errno = EEXIST;
        return cannot(s, err);
    }
    if (rename(s->tmp, s->path) < 0)
        return cannot(s, err);
    sov_pending_drop(s->tmp);
    free(s->tmp);
    s->tmp = NULL;
    *how = LOST;
    return 0;
}

static void
give_back(struct sov_sink *s, enum taken how)
{
    if (how == FRESH || how == LOST)
        unlink(s->path);
    else if (how == EXCHANGED)
        (void)!renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path, RENAME_EXCHANGE);
}

/* Steps 2 to 4. */
static int
exchange_all(struct sov_sink **sink, size_t n, enum taken *how,
             struct sov_err *err)
{
    struct sov_sink *head = sink[0];
    char *kept = NULL;
    bool moved = false;
    int rc = 0;

    if (head->replace && access(head->path, F_OK) == 0) {
        kept = sov_path_hidden(head->path);
        if (kept == NULL)
            return sov_mem_fail(err);
        sov_pending_drop(kept); /* it is the old output */
        moved = rename(head->path, kept) == 0;
        if (!moved)
            rc = cannot(head, err);
    }
    for (size_t i = 1; i <= n && rc == 0; i++)
        rc = take_name(sink[i % n], &how[i % n], err);
    for (size_t i = n; i > 0 && rc < 0; i--)
        give_back(sink[i % n], how[i % n]);
    if (moved && rc < 0)
        (void)!rename(kept, head->path);
    else if (moved)
        unlink(kept);
    free(kept);
    return rc;
}

static int
exchange_quietly(struct sov_sink **sink, size_t n, struct sov_err *err)
{
    enum taken *how = sov_mem_array(n, sizeof(*how));
    sigset_t block, old;
    int rc;

    if (how == NULL)
        return sov_mem_fail(err);
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    sigaddset(&block, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    rc = exchange_all(sink, n, how, err);
    /* what still has a hidden name is the old set, or not needed */
    for (size_t i = 0; i < n; i++)
        if (sink[i]->tmp != NULL && (rc == 0 || !sink[i]->kept)) {
            unlink(sink[i]->tmp);
            sov_pending_drop(sink[i]->tmp);
            free(sink[i]->tmp);
            sink[i]->tmp = NULL;
        }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    free(how);
    return rc;
}

/* Only what has no name yet can be put in place together. */
static bool
all_regular(struct sov_sink *const *sink, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!sink[i]->regular)
            return false;
    return true;
}

static bool
all_same(struct sov_sink *const *sink, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!sink[i]->if_changed || !sov_sink_same(sink[i]))
            return false;
    return true;
}

static int
commit_set(struct sov_sink **sink, size_t n, struct sov_err *err)
{
    int rc = 0;

    if (all_same(sink, n)) {
        sov_sink_done(sink, n);
        return 0;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = sov_sink_settle(sink[i], err);
        if (rc == 0)
            rc = sov_sink_hide(sink[i], err);
        if (rc < 0 && rc != SOV_EMEM)
            sov_err_wrap(err, "%s", sink[i]->name);
    }
    if (rc == 0)
        rc = exchange_quietly(sink, n, err);
    if (rc == 0 && !sink[0]->no_sync)
        sov_dir_sync(sink[0]->path);
    if (rc == 0)
        sov_sink_done(sink, n);
    return rc;
}

int
sov_sink_commit_all(sov_sink **sink, size_t n, struct sov_err *err)
{
    int rc = 0;

    if (n > 1 && all_regular(sink, n)) {
        rc = commit_set(sink, n, err);
    } else {
        for (size_t i = n; i > 0 && rc == 0; i--)
            rc = sov_sink_commit(&sink[i - 1], err);
    }
    for (size_t i = 0; i < n; i++) {
        sov_sink_abort(sink[i]);
        sink[i] = NULL;
    }
    return rc;
}
