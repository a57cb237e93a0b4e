/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta.c - --delta-out: what training has moved, for who merges
 */
#include "distill/distill.h"

#include "cli/password.h"
#include "cli/tool.h"

#include <stdlib.h>

static int
load_keys(struct distill *q, struct sov_err *err)
{
    const struct sov_opt_list *list = &distill_options.silo;
    int rc = 0;

    q->silo = calloc(list->n + 1, sizeof(*q->silo));
    if (q->silo == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < list->n && rc == 0; i++)
        rc = sov_pubkey_load(&q->silo[i], list->items[i], err);
    if (rc < 0)
        return sov_err_wrap(err, "--silo");
    if (distill_options.mask != NULL)
        rc = sov_seckey_load(&q->mask_key, distill_options.mask,
                             sov_password_ask, NULL, err);
    return rc < 0 ? sov_err_wrap(err, "--mask") : 0;
}

/* Before texts are read. */
int
distill_delta_keys(struct distill *q, struct sov_err *err)
{
    int rc;

    if (distill_options.delta_out == NULL)
        return 0;
    rc = load_keys(q, err);
    q->whose = (struct sov_distill_delta){
        .worker = distill_options.worker[0],
        .workers = distill_options.worker[1],
        .key = q->mask_key,
        .silo = q->silo,
        .n_silos = distill_options.silo.n,
    };
    return rc == 0 ? sov_distill_delta_check(&q->whose, err) : rc;
}

int
distill_delta_open(struct distill *q, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    int rc;

    if (distill_options.delta_out == NULL)
        return 0;
    rc = sov_sink_open(&q->delta, distill_options.delta_out, &opts, err);
    return rc < 0 ? sov_err_wrap(err, "--delta-out") : 0;
}

int
distill_delta_write(struct distill *q, struct sov_err *err)
{
    int rc;

    if (q->delta == NULL)
        return 0;
    rc = sov_distill_delta(q->run, &q->whose, q->delta, err);
    if (rc == 0)
        rc = sov_sink_commit(&q->delta, err);
    return rc < 0 ? sov_err_wrap(err, "--delta-out") : 0;
}

void
distill_delta_free(struct distill *q)
{
    sov_sink_abort(q->delta);
    sov_seckey_free(q->mask_key);
    free(q->silo);
}
