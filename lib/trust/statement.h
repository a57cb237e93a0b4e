/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.h - in-toto statements, between JSON and struct sov_statement
 */
#ifndef SOV_TRUST_STATEMENT_H
#define SOV_TRUST_STATEMENT_H

#include "base/json.h"
#include "sov/claim.h"
#include "trust/form.h"
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

/* The member with the names of such tests: "passedTests". */
const char *sov_test_member(enum sov_test result);

#endif
