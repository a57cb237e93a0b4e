/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - whom this user believes
 *
 * The keys that the command line names, or a policy; without either the
 * user's own trust file, $XDG_CONFIG_HOME/sov/trust or ~/.config/sov/trust,
 * which is written like a policy.  Nobody else is believed, whatever a model
 * says about itself.
 *
 * A policy with a group "root" has to be signed by it (policy.h), in a file of
 * its name and ".sig.jsonl".  The last one of its name is kept in
 * $XDG_STATE_HOME/sov/policies or ~/.local/state/sov/policies, so that no older
 * one is taken later: that is the only file that is written unasked.
 */
#ifndef SOV_CLI_TRUST_H
#define SOV_CLI_TRUST_H

#include "cli/opt.h"
#include "sov/err.h"
#include "sov/key.h"
#include "sov/policy.h"

/*
 * keys (or NULL): files with public keys; policy: n names of policies, or
 * NULLs among them.  The ring may be without keys.
 */
int sov_trust_load(sov_keyring **ring, const struct sov_opt_list *keys,
                   const char *const *policy, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;

/* The same with all that they say. */
int sov_trust_policy(sov_policy **p, const struct sov_opt_list *keys,
                     const char *const *policy, size_t n,
                     struct sov_err *err) SOV_MUST_CHECK;

/* The user's trust file, whether or not it is there; "" without a home. */
const char *sov_trust_file(void);

#endif
