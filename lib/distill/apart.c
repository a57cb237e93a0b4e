/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apart.c - workers that train apart: over a slow link, or by files
 *
 * With o.local_steps each rank does steps of its own, on sequences of its own:
 * those of step s of worker r are those of step s * workers + r of one alone.
 * Every so many steps, and at the end, they meet (local.h); there weights are
 * judged and kept.  All that is exchanged at the other steps is a few numbers.
 *
 * By files it is the same without a link: sov_distill_delta() says what a run
 * has moved, sov_distill_merge() makes one step of all that was said.
 */
#include "distill/run.h"

#include "base/mem.h"
#include "distill/delta.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint64_t
sov_distill_workers(const struct sov_distill *d)
{
    return d->o.local_steps > 0 ? (uint64_t)d->comm.n : 1;
}

static float *
array(const struct sov_distill *d)
{
    return sov_mem_aligned((size_t)d->count, sizeof(float));
}

int
sov_distill_part(struct sov_distill *d, struct sov_err *err)
{
    if (d->o.local_steps == 0 && !d->o.delta)
        return 0;
    d->base = array(d);
    d->momentum = d->o.local_steps > 0 ? array(d) : NULL;
    if (d->base == NULL || (d->o.local_steps > 0 && d->momentum == NULL))
        return sov_mem_fail(err);
    memcpy(d->base, d->w, (size_t)d->count * sizeof(*d->base));
    return 0;
}

int
sov_distill_meet(struct sov_distill *d, struct sov_err *err)
{
    if (d->o.local_steps == 0 ||
        (d->done % d->o.local_steps != 0 && d->done < d->steps))
        return 0;
    return sov_local_meet(&d->comm, &d->outer, d->base, d->momentum, d->w,
                          (size_t)d->count, err);
}

/* ---- files ---- */

static int
check_beside(const struct sov_distill *d, struct sov_err *err)
{
    for (size_t i = 0; i < d->n_param; i++)
        if (d->param[i].beside)
            return sov_fail(err, SOV_EARG,
                            "--hidden between other widths learns matrices "
                            "that are in no model");
    return 0;
}

int
sov_distill_delta(sov_distill *d, const struct sov_distill_delta *o,
                  sov_sink *sink, struct sov_err *err)
{
    struct sov_delta head = {
        .tokens = d->done * d->o.batch * d->o.accumulate * d->shape.n_ctx,
        .worker = (uint32_t)o->worker,
        .workers = (uint32_t)o->workers,
    };
    sov_mask *mask = NULL;
    size_t which;
    int rc = check_beside(d, err);

    if (rc == 0)
        rc = sov_delta_digest(d->base, (size_t)d->count, head.base, err);
    if (rc == 0 && o->key != NULL) {
        rc = sov_mask_new(&mask, o->key, o->silo, o->n_silos, head.base, &which,
                          err);
        if (rc == 0)
            rc = sov_mask_silos(o->silo, o->n_silos, head.silos, err);
        head.worker = (uint32_t)which + 1;
        head.workers = (uint32_t)o->n_silos;
    }
    if (rc == 0)
        rc = sov_delta_write(sink, &head, mask, d->base, d->w, (size_t)d->count,
                             err);
    sov_mask_free(mask);
    return rc;
}

int
sov_distill_delta_check(const struct sov_distill_delta *o, struct sov_err *err)
{
    const unsigned char salt[SOV_MASK_SALT] = { 0 };
    sov_mask *mask = NULL;
    size_t which;
    int rc;

    if (o->key == NULL && o->n_silos > 0)
        return sov_fail(err, SOV_EARG,
                        "--silo: whose secret key? --mask KEY "
                        "is missing");
    if (o->key != NULL && o->workers > 0)
        return sov_fail(err, SOV_EARG,
                        "--worker: of those of --silo it is which --mask is");
    if (o->worker > o->workers || (o->worker == 0) != (o->workers == 0) ||
        o->workers > SOV_DELTA_FILES)
        return sov_fail(err, SOV_EARG,
                        "worker %" PRIu64 " of %" PRIu64
                        "; from 1 to all, %" PRIu64 " at most",
                        o->worker, o->workers, SOV_DELTA_FILES);
    if (o->key == NULL)
        return 0;
    rc = sov_mask_new(&mask, o->key, o->silo, o->n_silos, salt, &which, err);
    sov_mask_free(mask);
    return rc < 0 ? sov_err_wrap(err, "--mask") : 0;
}

/* The files; how many of them are open is in *open. */
static int
open_deltas(struct sov_delta *delta, const char *const *path, size_t n,
            size_t *open, struct sov_err *err)
{
    int rc = 0;

    while (*open < n && rc == 0) {
        rc = sov_delta_open(&delta[*open], path[*open], err);
        *open += rc == 0;
    }
    return rc;
}

static int
merge(struct sov_distill *d, const char *const *path, size_t n,
      struct sov_err *err)
{
    unsigned char base[SOV_SHA256_LEN];
    struct sov_delta *delta = sov_mem_array(n, sizeof(*delta));
    size_t open = 0;
    int rc;

    if (delta == NULL)
        return sov_mem_fail(err);
    rc = sov_delta_digest(d->w, (size_t)d->count, base, err);
    if (rc == 0)
        rc = open_deltas(delta, path, n, &open, err);
    if (rc == 0)
        rc = sov_delta_check(delta, n, base, (size_t)d->count, err);
    d->momentum = rc == 0 ? array(d) : NULL;
    if (rc == 0 && d->momentum == NULL)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_delta_merge(&d->outer, delta, n, d->w, d->momentum, d->w,
                             (size_t)d->count, err);
    while (open > 0)
        sov_delta_close(&delta[--open]);
    free(delta);
    return rc;
}

static int
make_merged(struct sov_distill *d, const char *const *path, size_t n,
            struct sov_err *err)
{
    const sov_meta *words;
    size_t own = 0;
    int rc;

    if (n < 1 || n > SOV_DELTA_FILES)
        return sov_fail(err, SOV_EARG, "%zu files, from 1 to %" PRIu64, n,
                        SOV_DELTA_FILES);
    rc = sov_distill_check(&d->o, err);
    if (rc < 0)
        return rc;
    words = sov_distill_words(&d->o, err);
    if (words == NULL)
        return SOV_EARG;
    rc = sov_distill_decide(d, words, &own, err);
    d->outer.lr = d->o.outer_lr > 0 ? d->o.outer_lr : 1;
    d->outer.momentum = 0;
    if (rc == 0)
        rc = sov_distill_begin_weights(d, err);
    if (rc == 0)
        rc = merge(d, path, n, err);
    if (rc == 0)
        rc = sov_distill_show_student(d, words, own, err);
    return rc == 0 ? sov_distill_show(d, err) : rc;
}

int
sov_distill_merge(sov_distill **distill, const struct sov_distill_opts *opts,
                  const char *const *path, size_t n, struct sov_err *err)
{
    sov_distill *d = sov_mem_array(1, sizeof(*d));
    int rc;

    *distill = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->o = *opts;
    d->k = sov_kern();
    d->comm.n = d->near.n = 1;
    rc = make_merged(d, path, n, err);
    if (rc < 0) {
        sov_distill_free(d);
        return rc;
    }
    *distill = d;
    return 0;
}
