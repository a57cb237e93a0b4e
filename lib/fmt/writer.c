/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.c - the files of a plan, from their first byte to their last
 *
 * Each file is its header, then its tensors, each padded; one file is complete
 * before the next begins.  A file without tensors is all header.
 *
 * With a taker in place of sinks there are no files, and no padding: only the
 * tensors that it wants.
 */
#include "fmt/plan.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

struct sov_writer {
    const sov_plan *plan;          /* borrowed */
    sov_sink *const *sink;         /* borrowed, one for each file */
    const struct sov_taker *taker; /* borrowed; in their place, or NULL */
    size_t next;   /* file to begin; the one before is being written */
    size_t end;    /* tensors up to this one are in it */
    size_t i;      /* the tensor being written ... */
    uint64_t done; /* ... and how many bytes of it are */
};

/* Headers of the files from here to the one with the next tensor. */
static int
begin_files(sov_writer *w, struct sov_err *err)
{
    const sov_plan *plan = w->plan;
    int rc = 0;

    while (rc == 0 && w->taker == NULL && w->next < plan->n_files) {
        const struct sov_file_plan *f = &plan->file[w->next];

        if (w->i < w->end)
            break; /* the last file is not complete */
        rc = sov_sink_write(w->sink[w->next], f->head.p, f->head.len, err);
        w->end = f->pub.first + f->pub.n;
        w->next++;
    }
    return rc;
}

/* Pad the tensor that is complete. */
static int
pad_tensor(sov_writer *w, struct sov_err *err)
{
    static const unsigned char zero[4096];
    uint64_t padded, left, n;
    int rc = 0;

    if (w->taker != NULL)
        return 0;
    if (!sov_pad(w->done, w->plan->align, &padded))
        return sov_fail(err, SOV_EARG, "the file would be too large");
    for (left = padded - w->done; left > 0 && rc == 0; left -= n) {
        n = left < sizeof(zero) ? left : sizeof(zero);
        rc = sov_sink_write(w->sink[w->next - 1], zero, (size_t)n, err);
    }
    return rc;
}

bool
sov_taker_wants(const struct sov_taker *taker, size_t i)
{
    return taker == NULL || taker->wants == NULL || taker->wants(taker->arg, i);
}

/* Is there nothing more of it to come? */
static bool
is_done(const sov_writer *w)
{
    return w->done == w->plan->tensor[w->i].size ||
           (w->done == 0 && !sov_taker_wants(w->taker, w->i));
}

/* Go past tensors that are complete, and those that have no bytes. */
static int
finish_tensors(sov_writer *w, struct sov_err *err)
{
    int rc = begin_files(w, err);

    while (rc == 0 && w->i < w->plan->n && is_done(w)) {
        rc = pad_tensor(w, err);
        w->i++;
        w->done = 0;
        if (rc == 0)
            rc = begin_files(w, err);
    }
    return rc;
}

uint64_t
sov_plan_padded(const sov_plan *plan, size_t i)
{
    uint64_t padded = plan->tensor[i].size;

    (void)sov_pad(padded, plan->align, &padded); /* as when it was laid */
    return padded;
}

/* Files and tensors before tensor n are there. */
static void
go_behind(sov_writer *w, size_t n)
{
    const struct sov_file_plan *f;
    uint64_t off;

    if (n == 0)
        return;
    sov_plan_place(w->plan, n - 1, &w->next, &off);
    f = &w->plan->file[w->next++];
    w->end = f->pub.first + f->pub.n;
    w->i = n;
}

int
sov_writer_open(sov_writer **writer, const sov_plan *plan,
                const struct sov_taker *taker, sov_sink *const *sinks,
                size_t tensors, struct sov_err *err)
{
    sov_writer *w;
    int rc;

    *writer = NULL;
    if (!plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is not frozen");
    w = sov_mem_array(1, sizeof(*w));
    if (w == NULL)
        return sov_mem_fail(err);
    w->plan = plan;
    w->sink = sinks;
    w->taker = taker;
    if (taker == NULL)
        go_behind(w, tensors);
    rc = finish_tensors(w, err);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *writer = w;
    return 0;
}

int
sov_writer_resume(sov_writer **writer, const sov_plan *plan,
                  sov_sink *const *sinks, size_t tensors, struct sov_err *err)
{
    return sov_writer_open(writer, plan, NULL, sinks, tensors, err);
}

int
sov_writer_begin(sov_writer **writer, const sov_plan *plan,
                 sov_sink *const *sinks, struct sov_err *err)
{
    return sov_writer_resume(writer, plan, sinks, 0, err);
}

int
sov_writer_data(sov_writer *w, const void *buf, size_t len, struct sov_err *err)
{
    int rc;

    if (len == 0)
        return 0;
    if (w->i >= w->plan->n || len > w->plan->tensor[w->i].size - w->done)
        return sov_fail(err, SOV_EARG, "data beyond the end of a tensor");
    if (w->taker != NULL)
        rc = w->taker->take(w->taker->arg, w->i, w->done, buf, len, err);
    else
        rc = sov_sink_write(w->sink[w->next - 1], buf, len, err);
    if (rc < 0)
        return rc;
    w->done += len;
    return finish_tensors(w, err);
}

int
sov_writer_end(sov_writer **writer, struct sov_err *err)
{
    sov_writer *w = *writer;
    int rc = 0;

    *writer = NULL;
    if (w->i < w->plan->n)
        rc = sov_fail(err, SOV_EARG, "tensor %.80s is not complete",
                      w->plan->tensor[w->i].name);
    free(w);
    return rc;
}

void
sov_writer_abort(sov_writer *w)
{
    free(w);
}
