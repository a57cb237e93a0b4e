/* SPDX-License-Identifier: Apache-2.0 */
/*
 * width.c - channels of feed-forwards and key heads go, the same share of both
 */
#include "prune/method.h"
#include "prune/shape.h"

static int
set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    int rc = sov_ffn_set(c, ratio, err);

    return rc == 0 ? sov_heads_set(c, ratio, err) : rc;
}

static int
both(struct sov_trim *c, const struct sov_flow *f, double ratio,
     struct sov_prune *job, struct sov_err *err)
{
    int rc = sov_ffn_cut(c, f, ratio, job, err);

    return rc == 0 ? sov_heads_cut(c, f, ratio, job, err) : rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    return sov_flow_cut(c, ask, "width", set, both, err);
}

const struct sov_prune_method sov_prune_method_width = {
    .name = "width",
    .about = "channels of feed-forwards, and key heads",
    .needs = SOV_PRUNE_SQUARES,
    .cut = cut,
    .work = sov_flow_work,
};
