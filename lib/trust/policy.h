/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - a policy from inside
 *
 *   file   sov-policy v1, and a line for each directive (policy.def)
 *    |     policy_read.c
 *   struct sov_policy_file       keys, groups, and every line as a rule
 *    |     policy.c
 *   struct sov_policy            a ring of all keys, and all files
 *    |     judge.c
 *   yes, or the rule that says no
 *
 * What always holds of a file that was read: (1) every group has members that
 * are there, each once, and cannot ask for more than there are; (2) groups of
 * rules are of their own file; (3) it was taken as a whole.
 */
#ifndef SOV_TRUST_POLICY_H
#define SOV_TRUST_POLICY_H

#include "sov/claim.h"
#include "sov/key.h"
#include "sov/policy.h"
#include "trust/pool.h"
#include "trust/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_directive {
#define DIRECTIVE(id, first, second, min, max, flags, form) SOV_RULE_##id,
#include "trust/policy.def"
#undef DIRECTIVE
    SOV_RULES
};

/* What a policy may require; rows of kinds.def. */
struct sov_said_kind {
    const char *name;
    const char *predicate;
    const char *role;
    const char *words;
};

extern const struct sov_said_kind sov_said_kinds[];
extern const size_t sov_n_said_kinds;

/* A member of a group: who has a key of that name, or another group. */
struct sov_member {
    const char *name;
    const struct sov_group *group; /* NULL: a key */
};

struct sov_group {
    const char *name;
    size_t need; /* so many of them have to agree */
    const struct sov_member *member;
    size_t n;
};

struct sov_rule {
    enum sov_directive what;
    unsigned line;
    const char *const *word; /* behind those that it begins with */
    size_t n;
    const struct sov_group *group;    /* of allow, require, recomputed */
    const struct sov_said_kind *kind; /* of require */
    int64_t number;                   /* days, depth, epoch */
    double real;                      /* of bench; of recomputed: the least
                                         chance, 1: all */
};

struct sov_policy_key {
    char name[SOV_POLICY_NAME + 1];
    char id[65];
};

struct sov_policy_file {
    char name[SOV_POLICY_NAME + 1]; /* "name", or the last part of its path */
    bool named;                     /* by itself */
    int64_t version;                /* -1: none */
    int64_t expires;                /* last second; INT64_MAX: never */
    enum sov_ring_time time;
    struct sov_policy_key *key; /* owned */
    size_t n_keys;
    size_t keys_cap;
    struct sov_group *group; /* owned; room for all there may be */
    size_t n_groups;
    struct sov_rule *rule; /* owned */
    size_t n_rules;
    size_t rules_cap;
    struct sov_pool pool; /* owned; texts and members */
};

struct sov_policy {
    sov_keyring *ring;             /* owned */
    struct sov_policy_file **file; /* owned, and each of them */
    size_t n;
    size_t cap;
};

/*
 * Read a file; its keys go into ring as they come.  only_keys: what is more
 * than keys is refused.  SOV_EDENY with the number of the line.
 */
int sov_policy_file_read(struct sov_policy_file **file, sov_keyring *ring,
                         struct sov_span text, bool only_keys,
                         struct sov_err *err) SOV_MUST_CHECK;
void sov_policy_file_free(struct sov_policy_file *file);

/* The words of a rule as they stand in the file, for messages. */
void sov_rule_text(const struct sov_rule *rule, char *out, size_t size);

/* The group of that name, or NULL. */
const struct sov_group *sov_policy_group(const struct sov_policy_file *file,
                                         const char *name);

/*
 * Do those who signed suffice for the group?  id: the key ids, each once.
 * A name counts once, with however many keys.
 */
bool sov_group_agrees(const struct sov_policy_file *file,
                      const struct sov_group *group, const char *const *id,
                      size_t n);

/* Is it a key of any of them? */
bool sov_group_has(const struct sov_policy_file *file,
                   const struct sov_group *group, const char *id);

/* Does it declare anything of just this role?  To have the role "facts" a claim
 * may declare anything at all (sov_statement_has_role()). */
bool sov_statement_declares(const struct sov_statement *st, const char *role);

/* Is there a rule of that kind? */
bool sov_policy_has(const struct sov_policy_file *file,
                    enum sov_directive what);

#endif
