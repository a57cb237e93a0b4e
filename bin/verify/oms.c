/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms.c - model.sig: others' form of a signature, checked and made
 *
 * A key of ECDSA says what is asked for: our own claims are signed with Ed25519
 * alone.  A signature is about all files of a folder; what it leaves out is in
 * it, and signed.
 */
#include "sov/oms.h"

#include "cli/claims.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/io.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIG_MAX ((size_t)16 << 20)

/* What lies beside a model here, and is no part of what is signed. */
static const char *const ignored[] = {
    ".git",         ".gitattributes",       ".github",       ".gitignore",
    "claims.jsonl", "claims.jsonl.minisig", "claims.sovidx", SOV_OMS_NAME,
};

#define N_IGNORED (sizeof(ignored) / sizeof(ignored[0]))

struct keys {
    sov_eckey **key;
    size_t n;
};

static void
drop_keys(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        sov_eckey_free(k->key[i]);
    free(k->key);
}

/* Those of --key that are of ECDSA: all of them, or none. */
static int
load_keys(struct keys *k, struct sov_err *err)
{
    size_t n = sov_verify.keys.n;
    int rc = 0;

    k->key = calloc(n + 1, sizeof(*k->key));
    if (k->key == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc =
            sov_eckey_load(&k->key[k->n], sov_verify.keys.items[i], false, err);
        k->n += k->key[k->n] != NULL;
    }
    if (rc == 0 && k->n > 0 && k->n < n)
        rc = sov_fail(err, SOV_EARG,
                      "--key: keys of ECDSA, for %s, and of Ed25519, for "
                      "claims, exclude each other",
                      SOV_OMS_NAME);
    return rc < 0 ? sov_err_wrap(err, "--key") : 0;
}

int
sov_verify_is_oms(bool *is, struct sov_err *err)
{
    struct keys k = { 0 };
    int rc = load_keys(&k, err);

    *is = k.n > 0;
    drop_keys(&k);
    return rc;
}

/* ---- checking */

struct check {
    const char *path;
    char *sig; /* its file */
    struct sov_fileset set;
    sov_oms *oms;
    const sov_eckey *by;
    struct sov_err err;
};

/* In the folder, or in that of the file. */
static char *
beside(const char *path, bool dir)
{
    const char *slash = strrchr(path, '/');
    size_t len = strlen(path);
    char *name;

    if (sov_verify.claims != NULL)
        return strdup(sov_verify.claims);
    if (!dir)
        len = slash != NULL ? (size_t)(slash - path) : 0;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (asprintf(&name, "%.*s%s%s", (int)len, path,
                 dir || slash != NULL ? "/" : "", SOV_OMS_NAME) < 0)
        return NULL;
    return name;
}

/* By whom of the keys?  The first that has signed it. */
static int
open_signature(struct check *c, const struct keys *k, struct sov_err *err)
{
    char *text;
    size_t len;
    bool there;
    int rc = sov_verify_beside(c->sig, &there, err);

    if (rc == 0 && !there) {
        sov_fail(err, SOV_EIO, "%s: has no signature: there is no %s", c->path,
                 c->sig);
        err->where = SOV_WHERE_INPUT;
        return SOV_EIO;
    }
    if (rc == 0)
        rc = sov_read_whole(c->sig, SIG_MAX, &text, &len, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < k->n; i++) {
        rc = sov_oms_open(&c->oms, text, len, k->key[i], err);
        if (rc == 0)
            c->by = k->key[i];
        if (rc != SOV_EDENY && rc != SOV_ENO)
            break;
    }
    free(text);
    if (rc == SOV_EFORMAT) /* what is damaged in it is what was looked for */
        err->rc = rc = SOV_ENO;
    return rc < 0 ? sov_err_wrap(err, "%s", c->sig) : 0;
}

static int
compare(struct check *c, struct sov_err *err)
{
    struct sov_oms_file *file = calloc(c->set.n + 1, sizeof(*file));
    int rc;

    if (file == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < c->set.n; i++) {
        file[i].name = c->set.file[i].name;
        memcpy(file[i].sha256, c->set.file[i].digest.sha256, SOV_SHA256_LEN);
    }
    rc = sov_oms_check(c->oms, file, c->set.n, c->set.dir, err);
    free(file);
    return rc;
}

static int
check_one(struct check *c, const struct keys *k, struct sov_err *err)
{
    int rc;

    if (strcmp(c->path, "-") == 0 || sov_fileset_is_stream(c->path))
        return sov_fail(err, SOV_EARG, "%s: %s is beside a folder or a file",
                        c->path, SOV_OMS_NAME);
    rc = sov_fileset_list_all(&c->set, c->path, err);
    if (rc == 0) {
        c->sig = beside(c->path, c->set.dir);
        rc = c->sig != NULL ? open_signature(c, k, err)
                            : sov_fail(err, SOV_EMEM, "out of memory");
    }
    for (size_t i = c->set.n; rc == 0 && c->set.dir && i-- > 0;)
        if (sov_oms_ignores(c->oms, c->set.file[i].name))
            sov_fileset_drop(&c->set, i);
    if (rc == 0)
        rc = sov_fileset_hash(&c->set, SOV_HASH_SHA256, err);
    if (rc == 0) {
        rc = compare(c, err);
        if (rc < 0)
            sov_err_wrap(err, "%s", c->path);
    }
    return rc;
}

static void
tell(const struct check *c, int rc, struct sov_report *r)
{
    char name[1000];

    if (r != NULL) {
        sov_report_row(r);
        sov_report_text(r, "model", NULL, c->path);
        sov_report_bool(r, "verified", NULL, rc == 0);
        sov_report_text(r, "answer", NULL,
                        rc == 0           ? "verified"
                        : rc == SOV_EDENY ? "not-trusted"
                        : rc != SOV_ENO   ? "error"
                        : c->by != NULL   ? "files"
                                          : "bad-signature");
        if (rc < 0)
            sov_report_text(r, "message", NULL, c->err.msg);
        sov_report_uint(r, "files", NULL, c->set.n);
        sov_report_uint(r, "bytes", NULL, c->set.bytes);
        if (c->sig != NULL)
            sov_report_text(r, "claims", NULL, c->sig);
        if (c->by != NULL)
            sov_report_text(r, "key_id", NULL, sov_eckey_hint(c->by));
    } else if (rc == 0 && !sov_common.quiet) {
        printf("%s: verified, %s by %s key %.16s\n",
               sov_text_escape(name, sizeof(name), c->path), SOV_OMS_NAME,
               sov_eckey_curve(c->by), sov_eckey_hint(c->by));
    }
}

/* Trouble weighs more than a refusal, and that more than a no. */
static int
weight(int rc)
{
    return rc == 0 ? 0 : rc == SOV_ENO ? 1 : rc == SOV_EDENY ? 2 : 3;
}

int
sov_verify_oms_check(int argc, char **argv, struct sov_err *err)
{
    struct sov_report *r = NULL;
    struct sov_err end = { 0 };
    struct keys k = { 0 };
    int rc = load_keys(&k, err), worst = 0;

    if (rc == 0 && argc == 0)
        rc = sov_fail(err, SOV_EARG, "no model is named");
    if (rc == 0 && argc > 1 && sov_verify.claims != NULL)
        rc = sov_fail(err, SOV_EARG, "--claims is of one model; %d are named",
                      argc);
    if (rc < 0) {
        drop_keys(&k);
        return rc;
    }
    if (sov_common.json) {
        r = sov_report_new("sov.verify/1");
        sov_report_text(r, "mode", NULL, "verify");
        sov_report_table(r, "models");
    }
    for (int i = 0; i < argc; i++) {
        struct check c = { .path = argv[i] };

        rc = check_one(&c, &k, &c.err);
        tell(&c, rc, r);
        if (rc < 0 && worst < 0) /* each no has its line */
            sov_tool_complain(weight(rc) > weight(worst) ? worst : rc,
                              weight(rc) > weight(worst) ? err : &c.err);
        if (weight(rc) > weight(worst)) {
            worst = rc;
            *err = c.err;
        }
        sov_fileset_free(&c.set);
        sov_oms_free(c.oms);
        free(c.sig);
    }
    if (r != NULL) {
        sov_report_table_end(r);
        sov_report_bool(r, "verified", NULL, worst == 0);
        if (sov_report_end(r, &end) < 0 && worst == 0) {
            *err = end;
            worst = end.rc;
        }
    }
    drop_keys(&k);
    return worst;
}

/* ---- making one */

struct job {
    const char *path;
    char *out;
    struct sov_fileset set;
    sov_eckey *key;
    char *text;
    size_t len;
};

static bool
is_ignored(const char *name)
{
    for (size_t i = 0; i < N_IGNORED; i++)
        if (strcmp(name, ignored[i]) == 0)
            return true;
    return false;
}

static int
list_files(struct job *j, struct sov_err *err)
{
    int rc = sov_fileset_list_all(&j->set, j->path, err);

    if (rc == 0 && !j->set.dir)
        rc = sov_fail(err, SOV_EARG,
                      "%s: %s signs a folder; two readings of its rules for a "
                      "single file differ, and no signature satisfies both",
                      j->path, SOV_OMS_NAME);
    for (size_t i = j->set.n; rc == 0 && i-- > 0;)
        if (is_ignored(j->set.file[i].name))
            sov_fileset_drop(&j->set, i);
    if (rc == 0 && j->set.n == 0)
        rc =
            sov_fail(err, SOV_EFORMAT, "%s: there are no files in it", j->path);
    return rc;
}

/* The last part of a path, without the slashes at its end. */
static char *
folder_name(const char *path)
{
    char *full = realpath(path, NULL);
    char *slash = full != NULL ? strrchr(full, '/') : NULL;
    char *name = NULL;

    if (slash != NULL)
        name = strdup(slash[1] != '\0' ? slash + 1 : "model");
    free(full);
    return name;
}

static int
make_text(struct job *j, struct sov_err *err)
{
    struct sov_oms_file *file = calloc(j->set.n, sizeof(*file));
    char *name = folder_name(j->path);
    int rc;

    if (file == NULL || name == NULL) {
        free(file);
        free(name);
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    for (size_t i = 0; i < j->set.n; i++) {
        file[i].name = j->set.file[i].name;
        memcpy(file[i].sha256, j->set.file[i].digest.sha256, SOV_SHA256_LEN);
    }
    rc = sov_oms_make(j->key, name, file, j->set.n, ignored, N_IGNORED,
                      &j->text, &j->len, err);
    free(file);
    free(name);
    return rc;
}

static int
sign(struct job *j, struct sov_err *err)
{
    sov_sink *sink = NULL;
    int rc = list_files(j, err);

    if (rc < 0)
        return rc;
    j->out = sov_verify.claims_out != NULL ? strdup(sov_verify.claims_out)
                                           : beside(j->path, true);
    if (j->out == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    sov_common.output = j->out;
    rc = sov_tool_check_output(err);
    if (rc == 0)
        rc = sov_eckey_load(&j->key, sov_verify.sign_key, true, err);
    if (rc == 0 && j->key == NULL)
        rc =
            sov_fail(err, SOV_EDENY,
                     "--sign-key: %s is no secret key of ECDSA as PEM, without "
                     "a password",
                     sov_verify.sign_key);
    if (rc == 0)
        rc = sov_fileset_hash(&j->set, SOV_HASH_SHA256, err);
    if (rc == 0)
        rc = make_text(j, err);
    if (rc == 0)
        rc = sov_tool_sink(&sink, (const char *const *)j->set.paths, j->set.n,
                           j->len, err);
    if (rc == 0)
        rc = sov_sink_write(sink, j->text, j->len, err);
    if (rc == 0)
        rc = sov_tool_depfile((const char *const *)j->set.paths, j->set.n, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc;
}

static int
tell_signed(const struct job *j, struct sov_err *err)
{
    struct sov_report *r;
    char name[1000];

    if (sov_common.json) {
        r = sov_report_new("sov.verify/1");
        sov_report_text(r, "mode", NULL, "sign");
        sov_report_text(r, "model", NULL, j->path);
        sov_report_text(r, "claims", NULL, j->out);
        sov_report_text(r, "key_id", NULL, sov_eckey_hint(j->key));
        sov_report_uint(r, "files", NULL, j->set.n);
        return sov_report_end(r, err);
    }
    if (!sov_common.quiet)
        printf("%s: %zu file%s signed by %s key %.16s\n",
               sov_text_escape(name, sizeof(name), j->path), j->set.n,
               j->set.n == 1 ? "" : "s", sov_eckey_curve(j->key),
               sov_eckey_hint(j->key));
    return 0;
}

int
sov_verify_oms_sign(int argc, char **argv, struct sov_err *err)
{
    struct job j = { .path = argc > 0 ? argv[0] : "" };
    int rc = 0;

    if (argc != 1)
        rc = sov_fail(err, SOV_EARG, "--sign takes one model");
    else if (sov_verify.sign_key == NULL)
        rc = sov_fail(err, SOV_EARG, "--sign: --sign-key FILE is missing");
    else if (sov_verify.freeze || sov_verify.source.n > 0 ||
             sov_verify.revision != NULL || sov_verify.licenses.n > 0)
        rc = sov_fail(err, SOV_EARG,
                      "--format=oms says nothing but which files there are");
    if (rc == 0)
        rc = sign(&j, err);
    if (rc == 0)
        rc = tell_signed(&j, err);
    sov_fileset_free(&j.set);
    sov_eckey_free(j.key);
    free(j.out);
    free(j.text);
    return rc;
}
