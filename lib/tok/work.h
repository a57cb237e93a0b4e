/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h - steps of work, where a test counts them
 *
 * That the work on a text is linear in its length whatever it says is tested by
 * counting steps and not by a clock (tests/unit/t_work.c): characters looked
 * at, probes of tables, levels of heaps.  Elsewhere this is nothing.
 */
#ifndef SOV_TOK_WORK_H
#define SOV_TOK_WORK_H

#ifdef SOV_TOK_COUNT
#include <stdint.h>
extern uint64_t sov_tok_steps;
#define SOV_STEPS(n) (sov_tok_steps += (n))
#else
#define SOV_STEPS(n) ((void)0)
#endif

#endif
