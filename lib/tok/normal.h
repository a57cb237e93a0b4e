/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normal.h - forms of characters that count as the same
 */
#ifndef SOV_TOK_NORMAL_H
#define SOV_TOK_NORMAL_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_NFD_MAX 18 /* characters that one may be taken apart into */

/* The parts of cp (form D), in out[SOV_NFD_MAX]; their number, at least 1. */
size_t sov_normal_parts(uint32_t cp, uint32_t *out);

/*
 * Form C of a text, fresh in *out, or NULL if the text is in it already.  What
 * is no UTF-8 stays as it is.
 */
int sov_normal_c(const unsigned char *text, size_t len, unsigned char **out,
                 size_t *n, struct sov_err *err) SOV_MUST_CHECK;

/* A decimal digit of any script? */
bool sov_normal_is_digit(uint32_t cp);

/* The lower-case form of one character. */
uint32_t sov_normal_lower(uint32_t cp);

#endif
