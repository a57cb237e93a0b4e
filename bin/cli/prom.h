/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prom.h - what files for Prometheus have in common
 */
#ifndef SOV_CLI_PROM_H
#define SOV_CLI_PROM_H

#include <stddef.h>

/*
 * Add name="value" to the text in buf, behind what is there.  What would end
 * the value, and what is no UTF-8, is told apart.
 */
void sov_prom_label(char *buf, size_t size, const char *name,
                    const char *value);

#endif
