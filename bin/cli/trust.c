/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - whom this user believes
 */
#include "cli/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *
sov_trust_file(void)
{
    static char path[PATH_MAX];
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *below = "";
    int n;

    if (base == NULL || base[0] != '/') { /* the standard says: ignore it */
        base = getenv("HOME");
        below = "/.config";
    }
    if (base == NULL || base[0] != '/')
        return "";
    n = snprintf(path, sizeof(path), "%s%s/sov/trust", base, below);
    return n > 0 && (size_t)n < sizeof(path) ? path : "";
}

static int
add_keys(sov_keyring *ring, const struct sov_opt_list *keys,
         struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < keys->n && rc == 0; i++) {
        struct sov_pubkey key;

        rc = sov_pubkey_load(&key, keys->items[i], err);
        if (rc == 0)
            rc = sov_keyring_add(ring, &key, err);
        if (rc < 0)
            sov_err_wrap(err, "--key");
    }
    return rc;
}

static int
add_own(sov_keyring *ring, struct sov_err *err)
{
    const char *path = sov_trust_file();

    if (path[0] == '\0' || (access(path, F_OK) != 0 && errno == ENOENT))
        return 0;
    return sov_keyring_load(ring, path, err);
}

int
sov_trust_load(sov_keyring **ring, const struct sov_opt_list *keys,
               const char *const *policy, size_t n, struct sov_err *err)
{
    sov_keyring *r = NULL;
    bool named = keys != NULL && keys->n > 0;
    int rc = sov_keyring_new(&r, err);

    if (rc == 0 && keys != NULL)
        rc = add_keys(r, keys, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (policy[i] == NULL)
            continue;
        named = true;
        rc = sov_keyring_load(r, policy[i], err);
    }
    if (rc == 0 && !named)
        rc = add_own(r, err);
    if (rc < 0)
        sov_keyring_free(r);
    else
        *ring = r;
    return rc;
}
