/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_in.h - what the files that read policies share
 */
#ifndef SOV_TRUST_POLICY_IN_H
#define SOV_TRUST_POLICY_IN_H

#include "trust/policy.h"
#include "trust/words.h"

struct sov_policy_reader {
    struct sov_policy_file *file;
    sov_keyring *ring; /* of this file alone */
    bool only_keys;
    bool begun;
    unsigned line;
    struct sov_words w;
};

/* What the words of a line mean; rule has them, and its group is to be found.
 * SOV_EDENY: nothing. */
typedef int (*sov_policy_take_fn)(struct sov_policy_reader *r,
                                  struct sov_rule *rule, struct sov_err *err);

/* By enum sov_directive. */
extern const sov_policy_take_fn sov_policy_take[];

#endif
