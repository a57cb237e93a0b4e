/* SPDX-License-Identifier: Apache-2.0 */
/*
 * markup.h - text that may come from anywhere, inside HTML, SVG and XML
 */
#ifndef SOV_CLI_MARKUP_H
#define SOV_CLI_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/*
 * Text between tags or in quotes: what has a meaning there becomes an entity,
 * and what XML cannot hold (control characters, broken UTF-8) \xHH.
 */
void sov_markup_text(FILE *f, const char *text);

/* As much of it as fits into columns, with an ellipsis for the rest. */
void sov_markup_short(FILE *f, const char *text, size_t columns);

#endif
