/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement_kind.c - of which kind a statement is, and how tests may end
 */
#include "trust/statement.h"

#include <string.h>

static const char *const test_words[SOV_TESTS] = { "PASSED", "WARNED",
                                                   "FAILED" };

static bool
is_of_type(const struct sov_statement *st, const char *type)
{
    return st->predicate_type != NULL && strcmp(st->predicate_type, type) == 0;
}

bool
sov_statement_is_test(const struct sov_statement *st)
{
    return is_of_type(st, SOV_PREDICATE_TEST);
}

bool
sov_statement_is_provenance(const struct sov_statement *st)
{
    return is_of_type(st, SOV_PREDICATE_PROVENANCE);
}

bool
sov_statement_is_facts(const struct sov_statement *st)
{
    return is_of_type(st, SOV_PREDICATE_FACTS);
}

bool
sov_statement_is_summary(const struct sov_statement *st)
{
    return is_of_type(st, SOV_PREDICATE_SUMMARY);
}

const char *
sov_test_word(enum sov_test result)
{
    return test_words[result];
}

const char *
sov_test_member(enum sov_test result)
{
    static const char *const names[SOV_TESTS] = { "passedTests", "warnedTests",
                                                  "failedTests" };

    return names[result];
}
