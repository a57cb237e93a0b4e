/* SPDX-License-Identifier: Apache-2.0 */
/* sieve_in.h - what a sieve remembers, for the report */
#ifndef SOV_DISTILL_SIEVE_IN_H
#define SOV_DISTILL_SIEVE_IN_H

#include "base/buf.h"
#include "distill/crowd.h"
#include "distill/near.h"
#include "distill/sieve.h"
#include "distill/traits.h"

#define SOV_SIEVE_REASONS  24 /* rules and others, at most */
#define SOV_SIEVE_EXAMPLES 5
#define SOV_SIEVE_EXCERPT  72 /* bytes */

enum sov_rule_when {
    SOV_RULE_ALWAYS,
    SOV_RULE_TASTE,
    SOV_RULE_OTHER, /* no row of rules.def: equal, alike, emptied */
};
enum sov_rule_bound { SOV_RULE_LEAST, SOV_RULE_MOST };

struct sov_rule {
    const char *name;
    enum sov_rule_when when;
    enum sov_rule_bound bound;
    double limit;
    double (*value)(const struct sov_traits *t);
    const char *what;
};

struct sov_sieve_example {
    char *name; /* owned */
    uint64_t line;
    double value;
    char text[SOV_SIEVE_EXCERPT + 1];
};

struct sov_sieve_reason {
    const struct sov_rule *rule;
    double limit;
    bool off;
    uint64_t docs, bytes;
    struct sov_sieve_example example[SOV_SIEVE_EXAMPLES];
    size_t n_examples;
};

struct sov_sieve {
    struct sov_sieve_opts o;
    struct sov_sieve_reason reason[SOV_SIEVE_REASONS];
    size_t n_rules; /* and three more behind them */
    struct sov_reader reader;
    struct sov_crowd docs;       /* hashes of documents */
    struct sov_crowd lines;      /* and of lines */
    sov_near *near;              /* or NULL */
    struct sov_buf text;         /* without the lines that were cut out */
    bool dropping;               /* the document that goes on was dropped */
    struct sov_sieve_reason cut; /* examples of lines */
    struct sov_sieve_counts counts;
};

#endif
