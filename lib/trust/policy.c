/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - policies in memory, and who is in a group
 */
#include "trust/policy.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_policy_new(sov_policy **policy, struct sov_err *err)
{
    sov_policy *p = sov_mem_array(1, sizeof(*p));
    int rc;

    if (p == NULL)
        return sov_mem_fail(err);
    rc = sov_keyring_new(&p->ring, err);
    if (rc == 0)
        *policy = p;
    else
        free(p);
    return rc;
}

void
sov_policy_free(sov_policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++)
        sov_policy_file_free(p->file[i]);
    free(p->file);
    sov_keyring_free(p->ring);
    free(p);
}

sov_keyring *
sov_policy_ring(sov_policy *p)
{
    return p->ring;
}

sov_keyring *
sov_policy_take_ring(sov_policy *p)
{
    sov_keyring *ring = p->ring;

    p->ring = NULL;
    sov_policy_free(p);
    return ring;
}

int
sov_policy_add(sov_policy *p, const void *text, size_t len, const char *where,
               struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    const char *slash = strrchr(where, '/');
    struct sov_policy_file *f = NULL;
    int rc =
        sov_mem_grow((void **)&p->file, p->n, &p->cap, sizeof(*p->file), err);

    if (rc == 0)
        rc = sov_policy_file_read(&f, p->ring, all, false, err);
    if (rc < 0)
        return rc == SOV_EMEM ? rc : sov_err_wrap(err, "%s", where);
    if (!f->named)
        snprintf(f->name, sizeof(f->name), "%s",
                 slash != NULL ? slash + 1 : where);
    p->file[p->n++] = f;
    return 0;
}

/* Lines that name a file and its keys refuse nothing by themselves. */
static bool
is_rule(enum sov_directive what)
{
    switch (what) {
    case SOV_RULE_name:
    case SOV_RULE_version:
    case SOV_RULE_expires:
    case SOV_RULE_key:
    case SOV_RULE_group:
    case SOV_RULE_revoke_key:
    case SOV_RULE_time:
        return false;
    default:
        return true;
    }
}

bool
sov_policy_has_rules(const sov_policy *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->file[i]->n_rules; k++)
            if (is_rule(p->file[i]->rule[k].what))
                return true;
    return false;
}

unsigned
sov_policy_digests(const sov_policy *p)
{
    unsigned what = 0;

    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->file[i]->n_rules; k++) {
            const struct sov_rule *r = &p->file[i]->rule[k];

            for (size_t w = 0; w < r->n && r->what == SOV_RULE_digest; w++)
                what |= strcmp(r->word[w], "sha256") == 0 ? SOV_HASH_SHA256
                                                          : SOV_HASH_VERITY;
            /* by whatever digest it is known, it is to be recognised */
            if (r->what == SOV_RULE_recall)
                what |= strncmp(r->word[0], "sha256", 6) == 0 ? SOV_HASH_SHA256
                                                              : SOV_HASH_VERITY;
        }
    return what;
}

/* ---- groups ---- */

static bool
has_signed(const struct sov_policy_file *file, const char *name,
           const char *const *id, size_t n)
{
    for (size_t k = 0; k < file->n_keys; k++)
        if (strcmp(file->key[k].name, name) == 0)
            for (size_t i = 0; i < n; i++)
                if (strcmp(file->key[k].id, id[i]) == 0)
                    return true;
    return false;
}

bool
sov_group_agrees(const struct sov_policy_file *file,
                 const struct sov_group *group, const char *const *id, size_t n)
{
    size_t yes = 0;

    for (size_t m = 0; m < group->n; m++) {
        const struct sov_member *of = &group->member[m];

        yes += of->group != NULL ? sov_group_agrees(file, of->group, id, n)
                                 : has_signed(file, of->name, id, n);
    }
    return yes >= group->need;
}

bool
sov_group_has(const struct sov_policy_file *file, const struct sov_group *group,
              const char *id)
{
    for (size_t m = 0; m < group->n; m++) {
        const struct sov_member *of = &group->member[m];

        if (of->group != NULL ? sov_group_has(file, of->group, id)
                              : has_signed(file, of->name, &id, 1))
            return true;
    }
    return false;
}
