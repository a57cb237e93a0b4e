/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead.h - a thread that brings mapped bytes in before they are wanted
 *
 * The parts are gone through once, in order.  It keeps a bounded way ahead of
 * the part that was reached, so that a file larger than the memory does not
 * push out what is not used yet.  Nothing depends on it but time; where the
 * system cannot help, or gives no thread, it does nothing.
 */
#ifndef SOV_SYS_AHEAD_H
#define SOV_SYS_AHEAD_H

#include "sov/base.h"

#include <stddef.h>

struct sov_ahead;

/* The list is copied; the bytes must stay mapped until sov_ahead_stop().
 * NULL: no memory, or no thread. */
struct sov_ahead *sov_ahead_start(const struct sov_span *part, size_t n);
void sov_ahead_stop(struct sov_ahead *ahead); /* NULL: nothing */

/* Parts before this one are not wanted any more, or there already. */
void sov_ahead_reached(struct sov_ahead *ahead, size_t part);

#endif
