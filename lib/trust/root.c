/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c - who may change a policy
 *
 *   sov.policy              the text
 *   sov.policy.sig.jsonl    a line for each who signs it: a sigstore bundle
 *                           around a DSSE envelope, payload the whole text,
 *                           type application/vnd.sov.policy.v1
 *
 * The type is signed with the text, so that no signature of a claim is one of a
 * policy.  Lines by others than the root count for nothing, and a bad one by
 * somebody of the root is a refusal.
 */
#include "trust/policy.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"
#include "trust/dsse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "root"

/* A policy with the keys of its own. */
struct paper {
    struct sov_policy_file *file;
    sov_keyring *ring;
    const struct sov_group *root; /* or NULL */
};

static void
paper_free(struct paper *p)
{
    sov_policy_file_free(p->file);
    sov_keyring_free(p->ring);
}

static int
paper_read(struct paper *p, const void *text, size_t len, int64_t now,
           struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    int rc = sov_keyring_new(&p->ring, err);

    if (rc == 0)
        rc = sov_policy_file_read(&p->file, p->ring, all, false, err);
    if (rc == 0)
        p->root = sov_policy_group(p->file, ROOT);
    if (rc == 0 && now != 0)
        sov_keyring_set_time(p->ring, now);
    return rc;
}

static bool
may_be_a_file(const char *name)
{
    return name[0] != '.' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789-_.")] ==
               '\0';
}

int
sov_policy_root_name(const void *text, size_t len, const char *where,
                     char name[SOV_POLICY_NAME + 1], struct sov_err *err)
{
    struct paper p = { .file = NULL };
    int rc = paper_read(&p, text, len, 0, err);

    if (rc == 0)
        name[0] = '\0';
    if (rc == 0 && p.root == NULL) {
        if (p.file->named && may_be_a_file(p.file->name))
            strcpy(name, p.file->name);
        rc = 1;
    } else if (rc == 0) {
        if (!p.file->named || p.file->version < 0)
            rc = sov_fail(err, SOV_EDENY,
                          "a policy with a group root needs \"name NAME\" and "
                          "\"version NUMBER\"");
        else if (!may_be_a_file(p.file->name))
            rc = sov_fail(err, SOV_EDENY,
                          "the name of a policy with a group root has letters, "
                          "digits, \"-\", \"_\" and \".\" only: %.60s",
                          p.file->name);
        else
            strcpy(name, p.file->name);
    }
    paper_free(&p);
    return rc < 0 && rc != SOV_EMEM ? sov_err_wrap(err, "%s", where) : rc;
}

/* ---- signatures ---- */

struct signers {
    char id[SOV_POLICY_SIGS][65];
    size_t n;
};

static int
take_line(const struct sov_policy_update *u, const struct paper *by,
          struct sov_span line, struct signers *out, struct sov_err *err)
{
    const struct sov_pubkey *key;
    struct sov_buf pae = { 0 };
    struct sov_envelope e;
    int rc = sov_envelope_parse(line, SOV_POLICY_TYPE, &e, err);

    if (rc < 0)
        return rc;
    key = sov_keyring_find(by->ring, e.key_id, NULL);
    if (key != NULL && e.len == u->len &&
        memcmp(e.payload, u->text, e.len) == 0) {
        rc = sov_envelope_pae(&pae, SOV_POLICY_TYPE, e.payload, e.len, err);
        if (rc == 0 && !sov_sig_ok(key, pae.p, pae.len, e.sig))
            rc = sov_fail(err, SOV_EDENY,
                          "the signature is not by key %.16s (%.60s)", e.key_id,
                          key->name);
        if (rc == 0)
            memcpy(out->id[out->n++], e.key_id, sizeof(out->id[0]));
    }
    sov_buf_free(&pae);
    sov_envelope_free(&e);
    return rc;
}

/* Who of this policy's keys has signed that text. */
static int
find_signers(const struct sov_policy_update *u, const struct paper *by,
             struct signers *out, struct sov_err *err)
{
    struct sov_span left = { .p = u->sigs, .len = u->sigs_len }, line;
    unsigned no = 0;
    int rc = 0;

    out->n = 0;
    if (left.len > SOV_POLICY_SIGFILE)
        return sov_fail(err, SOV_EDENY, "%zu bytes of signatures", left.len);
    while (left.len > 0 && rc == 0) {
        no++;
        if (!sov_line_take(&left, &line))
            rc = sov_fail(err, SOV_EDENY, "no newline at the end");
        else if (no > SOV_POLICY_SIGS)
            rc =
                sov_fail(err, SOV_EDENY, "more than %d lines", SOV_POLICY_SIGS);
        else
            rc = take_line(u, by, line, out, err);
    }
    if (rc < 0 && rc != SOV_EMEM) {
        sov_err_wrap(err, "%s" SOV_POLICY_SIG_SUFFIX ", line %u", u->where, no);
        rc = SOV_EDENY;
        if (err != NULL)
            err->rc = SOV_EDENY;
    }
    return rc;
}

/* Have enough of its root signed? */
static int
check_root(const struct sov_policy_update *u, const struct paper *by,
           struct sov_err *err)
{
    const char *id[SOV_POLICY_SIGS];
    struct signers *s = sov_mem_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sov_mem_fail(err);
    rc = find_signers(u, by, s, err);
    for (size_t i = 0; i < s->n; i++)
        id[i] = s->id[i];
    if (rc == 0 && !sov_group_agrees(by->file, by->root, id, s->n))
        rc = sov_fail(err, SOV_EDENY,
                      "%s: not signed by enough of the group root of version "
                      "%" PRId64 " of %s, which needs %zu; have it signed with "
                      "sov-verify --sign-policy",
                      u->where, by->file->version, by->file->name,
                      by->root->need);
    free(s);
    return rc;
}

/* Is it the last one, or does it follow it? */
static int
check_update(const struct sov_policy_update *u, const struct paper *new,
             const struct paper *old, struct sov_err *err)
{
    int64_t was = old->file->version, is = new->file->version;

    if (is < was)
        return sov_fail(err, SOV_EDENY,
                        "%s: version %" PRId64 " of %s, and version %" PRId64
                        " was seen before; get the new one",
                        u->where, is, new->file->name, was);
    if (is == was &&
        (u->len != u->before_len || memcmp(u->text, u->before, u->len) != 0))
        return sov_fail(err, SOV_EDENY,
                        "%s: another text was version %" PRId64
                        " of %s; whoever changes a policy gives it another "
                        "version",
                        u->where, is, new->file->name);
    return is == was ? 0 : check_root(u, old, err);
}

int
sov_policy_accept(const struct sov_policy_update *u, struct sov_err *err)
{
    struct paper new = { .file = NULL }, old = { .file = NULL };
    bool newer = u->before == NULL;
    int rc = paper_read(&new, u->text, u->len, u->now, err);

    if (rc == 0 && new.root == NULL)
        rc = sov_fail(err, SOV_EDENY, "there is no group root in it");
    if (rc < 0 && rc != SOV_EMEM)
        sov_err_wrap(err, "%s", u->where);
    if (rc == 0)
        rc = check_root(u, &new, err);
    if (rc == 0 && u->before != NULL) {
        rc = paper_read(&old, u->before, u->before_len, u->now, err);
        if (rc == 0 && old.root == NULL)
            rc = sov_fail(err, SOV_EDENY, "there is no group root in it");
        if (rc < 0 && rc != SOV_EMEM)
            sov_err_wrap(err, "%s: what was accepted before", u->where);
        if (rc == 0) {
            sov_ring_ignore_ends(old.ring);
            rc = check_update(u, &new, &old, err);
            newer = new.file->version > old.file->version;
        }
    }
    paper_free(&new);
    paper_free(&old);
    return rc < 0 ? rc : newer;
}

int
sov_policy_sign(const sov_seckey *key, const void *text, size_t len,
                char **line, size_t *line_len, struct sov_err *err)
{
    return sov_envelope_sign(key, SOV_POLICY_TYPE, text, len, line, line_len,
                             err);
}

int
sov_policy_sigs_of(const void *text, size_t len, const void *sigs,
                   size_t sigs_len, const char *key_id, char **kept,
                   size_t *kept_len, struct sov_err *err)
{
    struct sov_span left = { .p = sigs, .len = sigs_len }, line;
    struct sov_buf out = { 0 };
    int rc = 0;

    while (rc == 0 && left.len > 0) {
        struct sov_envelope e;

        if (!sov_line_take(&left, &line)) {
            rc = sov_fail(err, SOV_EFORMAT, "no newline at the end");
            break;
        }
        rc = sov_envelope_parse(line, SOV_POLICY_TYPE, &e, err);
        if (rc == 0 && e.len == len && memcmp(e.payload, text, len) == 0 &&
            (key_id == NULL || strcmp(e.key_id, key_id) != 0)) {
            sov_buf_add(&out, line.p, line.len);
            sov_buf_u8(&out, '\n');
        }
        if (rc == 0)
            sov_envelope_free(&e);
    }
    return sov_buf_give(&out, rc, kept, kept_len, err);
}
