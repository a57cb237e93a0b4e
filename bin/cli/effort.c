/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effort.c - what a run took, for its claim
 */
#include "cli/effort.h"

#include "cli/common.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>

int
sov_effort_begin(struct sov_effort *e, struct sov_err *err)
{
    return sov_power_open(&e->power, sov_fake_root, err);
}

void
sov_effort_look(struct sov_effort *e)
{
    double joules;

    if (e->power != NULL)
        (void)sov_power_joules(e->power, &joules);
}

static bool
is_reproducible(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");

    return epoch != NULL && epoch[0] != '\0';
}

static void
put(struct sov_effort *e, const char *key, const char *text)
{
    e->item[e->all.n++] =
        (struct sov_param){ .key = key, .kind = SOV_PARAM_STR, .str = text };
}

const struct sov_param *
sov_effort_say(struct sov_effort *e, double flop, bool whole)
{
    double joules;

    e->all = (struct sov_param){ .key = "sov_compute",
                                 .kind = SOV_PARAM_MAP,
                                 .item = e->item };
    sov_text_real(e->flop, sizeof(e->flop), flop);
    put(e, "flop", e->flop);
    if (whole && !is_reproducible() && e->power != NULL &&
        sov_power_joules(e->power, &joules)) {
        snprintf(e->joules, sizeof(e->joules), "%.1f", joules);
        put(e, "joules", e->joules);
        put(e, "domains", sov_power_domains(e->power));
    }
    return &e->all;
}

void
sov_effort_end(struct sov_effort *e)
{
    sov_power_close(e->power);
    e->power = NULL;
}
