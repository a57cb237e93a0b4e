/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg_axis.h - where the ticks of an axis are, and what stands beside them
 */
#ifndef SOV_CLI_SVG_AXIS_H
#define SOV_CLI_SVG_AXIS_H

#include "cli/svg.h"

#include <stddef.h>

/* Ticks from low to high, at most max; how many. */
size_t sov_svg_ticks(enum sov_svg_scale scale, double low, double high,
                     double *tick, size_t max);

/* What stands at one of them; ticks are step apart. */
void sov_svg_tick_text(char *buf, size_t size, enum sov_svg_scale scale,
                       double at, double step);

#endif
