/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_qwen.c - Qwen 2, 2.5 and 3 as published
 */
#include "arch/import_family.h"

#include "base/limits.h"

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts_2[] = {
    SOV_PARTS_PRE,
    SOV_PARTS_QKV,
    SOV_PARTS_QKV_BIAS,
    SOV_PARTS_OUT,
    SOV_PARTS_GATED,
};

static const struct sov_part parts_3[] = {
    SOV_PARTS_PRE,
    SOV_PARTS_QKV,
    SOV_PARTS_QK_NORM('h', 'h'),
    SOV_PARTS_OUT,
    SOV_PARTS_GATED,
};

/* A window is written down in many of them, and used in none. */
static int
no_window(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    bool window = false;
    int rc = sov_config_bool(im->config, "use_sliding_window", &window, err);

    (void)s;
    if (rc == 0 && window)
        rc = sov_fail(err, SOV_EUNSUP,
                      "config.json: use_sliding_window is not supported");
    return rc;
}

int
sov_import_qwen2(struct sov_import *im, struct sov_err *err)
{
    static const struct sov_family family = {
        .arch = "qwen2",
        .act = act,
        .eps = "rms_norm_eps",
        .eps_key = SOV_EPS_RMS,
        .part = parts_2,
        .n_parts = sizeof(parts_2) / sizeof(*parts_2),
        .more = no_window,
    };

    return sov_import_family(im, &family, err);
}

int
sov_import_qwen3(struct sov_import *im, struct sov_err *err)
{
    static const struct sov_family family = {
        .arch = "qwen3",
        .act = act,
        .eps = "rms_norm_eps",
        .eps_key = SOV_EPS_RMS,
        .lengths = true,
        .part = parts_3,
        .n_parts = sizeof(parts_3) / sizeof(*parts_3),
        .more = no_window,
    };

    return sov_import_family(im, &family, err);
}
