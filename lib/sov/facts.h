/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what people declare of a model, and sign
 *
 * Machines sign what they have done; licence, jurisdiction, what a model is
 * for, who has reviewed and approved it, only people can say.  They write it
 * into a file,
 *
 *     sov-facts v1
 *     # as our lawyers have it
 *     license: Apache-2.0
 *     jurisdiction: EU
 *     intended_use: short stories that begin as they were begun,
 *       in English
 *     reviewed_by: Ada Example, safety board
 *
 * and sign it as a claim of its own about the files of the model:
 *
 *     "predicateType":"urn:sov:attestation:facts:v1",
 *     "predicate":{"facts":{"license":["Apache-2.0"], ...},
 *                  "declaredOn":"2026-11-21T10:00:00Z"}
 *
 * Every fact is a list of texts.  The names are those of facts.def; a verifier
 * passes over those that it does not know.  That somebody has signed a fact
 * does not make it true: papers say "declared".
 *
 * In a claim that was read they are statement.fact, each a SOV_PARAM_LIST of
 * SOV_PARAM_STR; those of licence and jurisdiction are statement.label, too.
 */
#ifndef SOV_FACTS_H
#define SOV_FACTS_H

#include "sov/claim.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What is said in one fact. */
enum sov_fact_kind {
    SOV_FACT_TEXT,
    SOV_FACT_DATE,
    SOV_FACT_NUMBER,
    SOV_FACT_WHOLE,
    SOV_FACT_YESNO,
    SOV_FACT_LICENSE,
    SOV_FACT_PLACE,
};

/* A row of facts.def. */
struct sov_fact_info {
    const char *name; /* "intended_use" */
    enum sov_fact_kind kind;
    const char *role; /* "facts", "review" or "approval" */
    bool many;        /* may be said several times */
    const char *help; /* what it means, for people */
};

/* Row i, or NULL behind the last one; the row of that name, or NULL. */
SOV_API const struct sov_fact_info *sov_fact_at(size_t i);
SOV_API const struct sov_fact_info *sov_fact_named(const char *name);

/* Why text is not of the fact's kind, or NULL: it is. */
SOV_API const char *sov_fact_wrong(const struct sov_fact_info *fact,
                                   const char *text);

/* A file of facts. */
typedef struct sov_facts sov_facts;

/*
 * Read one.  A line that begins with a space or tab goes on with the text of
 * the line before; "#" at the beginning of a line is a comment.  SOV_EFORMAT,
 * with the line's number, for anything that is not in facts.def, is said twice
 * and may not be, or is not of its kind; a file of nothing is refused, too.
 */
SOV_API int sov_facts_parse(sov_facts **facts, const void *text, size_t len,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_facts_free(sov_facts *facts);

/* The facts for a statement (predicate_type SOV_PREDICATE_FACTS), in order of
 * facts.def; borrowed. */
SOV_API const struct sov_param *sov_facts_params(const sov_facts *facts,
                                                 size_t *n);

/* Texts that a claim of facts has under that name, as a list; NULL: none.
 * Whether its signer may say so is another question (policy.h). */
SOV_API const struct sov_param *
sov_statement_fact(const struct sov_statement *st, const char *name);

/* Does it say anything of this role?  "facts" is any fact at all. */
SOV_API bool sov_statement_has_role(const struct sov_statement *st,
                                    const char *role);

#endif
