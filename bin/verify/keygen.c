/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keygen.c - sov-verify --keygen: a new pair of keys
 *
 * NAME.key is for its owner alone, NAME.pub for everybody.  Both are opened
 * before anything is asked, so that a name that is taken is told at once.
 */
#include "cli/password.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "sov/io.h"
#include "sov/key.h"
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    char *path[2]; /* NAME.key, NAME.pub */
    sov_sink *sink[2];
    sov_seckey *key;
};

static int
open_files(struct pair *p, struct sov_err *err)
{
    static const char *const ending[2] = { ".key", ".pub" };

    for (int i = 0; i < 2; i++) {
        const struct sov_sink_opts o = {
            .force = sov_common.force,
            .secret = i == 0,
        };
        int rc;

        if (asprintf(&p->path[i], "%s%s", sov_verify.keygen, ending[i]) < 0) {
            p->path[i] = NULL;
            return sov_fail(err, SOV_EMEM, "out of memory");
        }
        rc = sov_sink_open(&p->sink[i], p->path[i], &o, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int
write_secret(struct pair *p, const char *password, struct sov_err *err)
{
    char *text = NULL;
    size_t len;
    int rc = sov_seckey_text(p->key, password, &text, &len, err);

    if (rc == 0)
        rc = sov_sink_write(p->sink[0], text, len, err);
    sov_secret_free(text);
    return rc;
}

static int
write_public(struct pair *p, struct sov_err *err)
{
    char *text = NULL;
    size_t len;
    int rc = sov_pubkey_text(sov_seckey_public(p->key), &text, &len, err);

    if (rc == 0)
        rc = sov_sink_write(p->sink[1], text, len, err);
    free(text);
    return rc;
}

static int
make_pair(struct pair *p, struct sov_err *err)
{
    char password[SOV_PASSWORD_MAX];
    bool with = !sov_verify.no_password;
    int rc = 0;

    if (with)
        rc = sov_password_new(p->path[0], password, sizeof(password), err);
    if (rc == 0)
        rc = sov_seckey_new(&p->key, err);
    if (rc == 0)
        rc = write_secret(p, with ? password : NULL, err);
    explicit_bzero(password, sizeof(password));
    if (rc == 0)
        rc = write_public(p, err);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = sov_sink_commit(&p->sink[i], err);
    return rc;
}

static int
report(const struct pair *p, struct sov_err *err)
{
    struct sov_report *r;

    if (sov_common.quiet && !sov_common.json)
        return 0;
    r = sov_report_new("sov.verify/1");
    sov_report_text(r, "mode", NULL, "keygen");
    sov_report_text(r, "secret_key", "secret key", p->path[0]);
    sov_report_text(r, "public_key", "public key", p->path[1]);
    sov_report_text(r, "key_id", "key id", sov_seckey_public(p->key)->id);
    sov_report_bool(r, "password", "password", !sov_verify.no_password);
    return sov_report_end(r, err);
}

int
sov_verify_keygen(int argc, char **argv, struct sov_err *err)
{
    struct pair p = { 0 };
    int rc;

    if (argc > 0)
        return sov_fail(err, SOV_EARG, "--keygen takes no operand, but '%s'",
                        argv[0]);
    if (sov_verify.keygen[0] == '\0')
        return sov_fail(err, SOV_EARG, "--keygen: the name is empty");
    if (sov_verify.no_password && sov_password_file != NULL)
        return sov_fail(err, SOV_EARG,
                        "--no-password and --password-file exclude each "
                        "other");
    rc = open_files(&p, err);
    if (rc == 0)
        rc = make_pair(&p, err);
    if (rc == 0)
        rc = report(&p, err);
    for (int i = 0; i < 2; i++) {
        sov_sink_abort(p.sink[i]);
        free(p.path[i]);
    }
    sov_seckey_free(p.key);
    return rc;
}
