/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h - digests and times as statements have them: texts of one form
 */
#ifndef SOV_TRUST_FORM_H
#define SOV_TRUST_FORM_H

#include "sov/hash.h"

#include <stdbool.h>
#include <stdint.h>

/* "2026-01-02T03:04:05Z" and back; SOV_TIME_LEN with the NUL. */
#define SOV_TIME_LEN 21
bool sov_time_parse(const char *text, int64_t *t);
bool sov_time_text(int64_t t, char text[SOV_TIME_LEN]);

/* 64 lower-case hex digits, and back. */
bool sov_hex_parse(const char *text, unsigned char out[SOV_SHA256_LEN]);
void sov_hex_text(const unsigned char *p, char text[65]);

#endif
