/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - text that may come from anywhere, made fit for a terminal
 */
#ifndef SOV_CLI_TEXT_H
#define SOV_CLI_TEXT_H

#include <stddef.h>

/*
 * Copy text, control characters and broken UTF-8 as \xHH, cut where buf is
 * full (never inside a character).  Gives buf.
 */
char *sov_text_escape(char *buf, size_t size, const char *text);

/* Columns that UTF-8 text takes, one for each character. */
size_t sov_text_width(const char *text);

#endif
