/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - whom this user believes
 */
#include "cli/trust.h"

#include "cli/tool.h"
#include "sov/io.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLICY_MAX ((size_t)1 << 20)
#define SIGS_MAX   ((size_t)16 << 20)

/* $VARIABLE/rest, or ~/below/rest; "" without a home. */
static const char *
user_path(char path[PATH_MAX], const char *variable, const char *below,
          const char *rest)
{
    const char *base = getenv(variable);
    int n;

    path[0] = '\0';
    if (base != NULL && base[0] == '/') /* else the standard says: ignore it */
        below = "";
    else
        base = getenv("HOME");
    if (base == NULL || base[0] != '/')
        return path;
    n = snprintf(path, PATH_MAX, "%s%s%s", base, below, rest);
    if (n < 0 || n >= PATH_MAX)
        path[0] = '\0';
    return path;
}

const char *
sov_trust_file(void)
{
    static char path[PATH_MAX];

    return user_path(path, "XDG_CONFIG_HOME", "/.config", "/sov/trust");
}

/* ---- policies that are signed ---- */

/* Where the policy of that name is kept; "" if nowhere. */
static const char *
kept_file(char path[PATH_MAX], const char *name)
{
    char rest[SOV_POLICY_NAME + 32];

    snprintf(rest, sizeof(rest), "/sov/policies/%s", name);
    return user_path(path, "XDG_STATE_HOME", "/.local/state", rest);
}

/* Every folder on the way to it. */
static void
make_folders(char *path)
{
    for (char *p = path + 1; *p != '\0'; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0700); /* what fails is told by who opens */
            *p = '/';
        }
}

static int
keep(const char *path, const void *text, size_t len, struct sov_err *err)
{
    const struct sov_sink_opts o = { .force = true };
    char folder[PATH_MAX];

    strcpy(folder, path);
    make_folders(folder);
    return sov_tool_write_file(path, &o, text, len, err);
}

/* A file that may be missing: *text stays NULL then. */
static int
read_maybe(const char *path, size_t max, char **text, size_t *len,
           struct sov_err *err)
{
    int rc;

    if (path[0] == '\0' ||
        (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)))
        return 0;
    rc = sov_read_whole(path, max, text, len, err);
    if (rc < 0 && rc != SOV_EMEM) {
        sov_err_wrap(err, "%s", path);
        rc = err->rc = SOV_EDENY;
    }
    return rc;
}

/* No clock is earlier than the policy that was kept by it. */
static void
set_time(sov_keyring *ring, const char *kept)
{
    struct stat st;

    if (kept[0] == '\0' || stat(kept, &st) != 0 || st.st_mtime <= time(NULL))
        return;
    sov_warn("the clock is behind the time at which %s was written; that "
             "counts",
             kept);
    sov_keyring_set_time(ring, st.st_mtime);
}

/* Is it signed as it has to be, and no older than what was seen? */
static int
accept(const char *path, const char *name, const char *text, size_t len,
       const char *kept, struct sov_err *err)
{
    struct sov_policy_update u = { .where = path, .text = text, .len = len };
    char *sigs = NULL, *before = NULL;
    char *sig_path;
    int rc;

    if (asprintf(&sig_path, "%s" SOV_POLICY_SIG_SUFFIX, path) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = read_maybe(sig_path, SIGS_MAX, &sigs, &u.sigs_len, err);
    if (rc == 0)
        rc = read_maybe(kept, POLICY_MAX, &before, &u.before_len, err);
    u.sigs = sigs;
    u.before = before;
    if (rc == 0)
        rc = sov_policy_accept(&u, err);
    if (rc > 0) {
        struct sov_err why;

        rc = 0;
        if (kept[0] == '\0')
            sov_warn("%s: without a home nobody remembers which version of %s "
                     "was seen",
                     path, name);
        else if (keep(kept, text, len, &why) < 0)
            sov_warn("cannot remember which version of %s was seen: %s", name,
                     why.msg);
    }
    free(sig_path);
    free(sigs);
    free(before);
    return rc;
}

static int
add_policy(sov_policy *p, const char *path, struct sov_err *err)
{
    char name[SOV_POLICY_NAME + 1] = "", kept[PATH_MAX];
    struct sov_err why = { 0 };
    char *text = NULL;
    size_t len = 0;
    int rc = sov_read_whole(path, POLICY_MAX, &text, &len, &why);

    if (rc < 0)
        return sov_fail(err, rc == SOV_EMEM ? SOV_EMEM : SOV_EDENY, "%s: %s",
                        path, why.msg);
    rc = sov_policy_root_name(text, len, path, name, err);
    kept_file(kept, name);
    if (rc == 0)
        rc = accept(path, name, text, len, kept, err);
    else if (rc == 1 && name[0] != '\0' && kept[0] != '\0' &&
             access(kept, F_OK) == 0)
        rc = sov_fail(err, SOV_EDENY,
                      "%s: has no group root, and the policy %s that was seen "
                      "before has one",
                      path, name);
    if (rc >= 0)
        rc = sov_policy_add(p, text, len, path, err);
    if (rc == 0 && name[0] != '\0')
        set_time(sov_policy_ring(p), kept);
    free(text);
    return rc;
}

/* ---- all that is believed ---- */

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
add_own(sov_policy *p, struct sov_err *err)
{
    const char *path = sov_trust_file();

    if (path[0] == '\0' || (access(path, F_OK) != 0 && errno == ENOENT))
        return 0;
    return add_policy(p, path, err);
}

int
sov_trust_policy(sov_policy **policy, const struct sov_opt_list *keys,
                 const char *const *file, size_t n, struct sov_err *err)
{
    sov_policy *p = NULL;
    bool named = keys != NULL && keys->n > 0;
    int rc = sov_policy_new(&p, err);

    if (rc == 0 && keys != NULL)
        rc = add_keys(sov_policy_ring(p), keys, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (file[i] == NULL)
            continue;
        named = true;
        rc = add_policy(p, file[i], err);
    }
    if (rc == 0 && !named)
        rc = add_own(p, err);
    if (rc < 0)
        sov_policy_free(p);
    else
        *policy = p;
    return rc;
}

int
sov_trust_load(sov_keyring **ring, const struct sov_opt_list *keys,
               const char *const *policy, size_t n, struct sov_err *err)
{
    sov_policy *p = NULL;
    int rc = sov_trust_policy(&p, keys, policy, n, err);

    if (rc == 0)
        *ring = sov_policy_take_ring(p);
    return rc;
}
