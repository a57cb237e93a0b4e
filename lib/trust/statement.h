/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - in-toto statements, between JSON and struct sov_statement
 */
#ifndef SOV_TRUST_STATEMENT_H
#define SOV_TRUST_STATEMENT_H

#include "base/json.h"
#include "sov/claim.h"
#include "trust/pool.h"

#define SOV_STATEMENT_TYPE "https://in-toto.io/Statement/v1"

/*
 * Read a payload of at most values JSON values.  What st points to belongs to
 * the pool and to *json, which holds the strings: json_decref() it.
 */
int sov_statement_parse(struct sov_span payload, size_t values,
                        struct sov_pool *pool, json_t **json,
                        struct sov_statement *st,
                        struct sov_err *err) SOV_MUST_CHECK;

/* "2026-01-02T03:04:05Z" and back; SOV_TIME_LEN with the NUL. */
#define SOV_TIME_LEN 21
bool sov_time_parse(const char *text, int64_t *t);
bool sov_time_text(int64_t t, char text[SOV_TIME_LEN]);

/* 64 lower-case hex digits, and back. */
bool sov_hex_parse(const char *text, unsigned char out[SOV_SHA256_LEN]);
void sov_hex_text(const unsigned char *p, char text[65]);

#endif
