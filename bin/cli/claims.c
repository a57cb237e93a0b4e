/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - claims of what a tool reads and writes
 */
#include "cli/claims.h"

#include "cli/names.h"
#include "cli/password.h"
#include "cli/trust.h"
#include "sov/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLAIMS_MAX ((size_t)64 << 20)

/* All that comes out of a fifo; what has had no writer yet is waited for. */
static int
read_fifo(int fd, char **text, size_t *len, struct sov_err *err)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    size_t cap = (size_t)1 << 16;
    ssize_t n = 1;

    *len = 0;
    *text = malloc(cap);
    while (*text != NULL && n > 0 && *len <= CLAIMS_MAX) {
        if (cap - *len < (size_t)1 << 15) {
            char *more = realloc(*text, cap *= 2);

            if (more == NULL)
                break;
            *text = more;
        }
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            n = -1;
        else
            n = read(fd, *text + *len, cap - *len);
        if (n > 0)
            *len += (size_t)n;
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            n = 1;
    }
    if (n == 0)
        return 0;
    if (n < 0)
        sov_fail_sys(err, SOV_WHERE_ANY, "cannot read");
    else if (*len > CLAIMS_MAX)
        sov_fail(err, SOV_EFORMAT, "more than %zu bytes", CLAIMS_MAX);
    else
        sov_fail(err, SOV_EMEM, "out of memory");
    free(*text);
    return err->rc;
}

int
sov_claims_load(sov_claims *set, const char *path, int fd, struct sov_err *err)
{
    const char *name = sov_name_in(path);
    char *text;
    size_t len;
    int rc;

    if (fd < 0) {
        rc = sov_read_whole(path, CLAIMS_MAX, &text, &len, err);
    } else {
        rc = read_fifo(fd, &text, &len, err);
    }
    if (rc < 0)
        return sov_err_wrap(err, "%s", name);
    rc = sov_claims_read(set, text, len, name, err);
    free(text);
    return rc;
}

/* SOURCE_DATE_EPOCH: 1 if it is a time, 0 if there is none, -1 if bad. */
static int
read_epoch(int64_t *t)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0)
        return 0;
    if (len > 12 || strspn(text, "0123456789") != len)
        return -1;
    *t = (int64_t)strtoll(text, NULL, 10);
    return *t < INT64_C(253402300800) ? 1 : -1; /* year 10000 */
}

int
sov_claims_sides(sov_claims *set, sov_model *model, bool *found,
                 struct sov_err *err)
{
    const char *name, *text;
    size_t len;
    int rc = 0;

    for (size_t i = 0; rc == 0; i++) {
        rc = sov_model_side(model, SOV_SIDE_CLAIMS, i, &name, &text, &len, err);
        if (rc != 0)
            break;
        if (found != NULL)
            *found = true;
        rc = sov_claims_read(set, text, len, name, err);
    }
    return rc > 0 ? 0 : rc;
}

int
sov_claims_key(sov_seckey **key, const char *path, struct sov_err *err)
{
    int64_t t;
    int rc;

    if (read_epoch(&t) < 0)
        return sov_fail(err, SOV_EARG,
                        "SOURCE_DATE_EPOCH: '%.40s' is not a number of seconds",
                        getenv("SOURCE_DATE_EPOCH"));
    rc = sov_seckey_load(key, path, sov_password_ask, NULL, err);
    return rc < 0 ? sov_err_wrap(err, "--sign-key") : 0;
}

unsigned
sov_claims_digests(const sov_claims *set)
{
    unsigned what = 0;

    for (size_t i = 0; i < sov_claims_count(set); i++) {
        const struct sov_statement *st = &sov_claims_at(set, i)->statement;

        for (size_t k = 0; k < st->n_subjects; k++)
            what |= (st->subject[k].digest.has & SOV_HASH_VERITY) != 0
                        ? SOV_HASH_VERITY
                        : SOV_HASH_SHA256;
    }
    return what != 0 ? what : SOV_HASH_VERITY;
}

int
sov_claims_text(const sov_claims *set, char **text, size_t *len,
                struct sov_err *err)
{
    size_t n = sov_claims_count(set);
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < n; i++)
        size += sov_claims_at(set, i)->text.len + 1;
    *text = at = malloc(size + 1);
    if (at == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct sov_span *line = &sov_claims_at(set, i)->text;

        memcpy(at, line->p, line->len);
        at += line->len;
        *at++ = '\n';
    }
    *at = '\0';
    *len = size;
    return 0;
}

static bool
ends_in(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t n = strlen(suffix);

    return len > n && strcmp(name + len - n, suffix) == 0;
}

int
sov_claims_subjects(const struct sov_parts *parts, const unsigned char *root,
                    struct sov_resource **subject, struct sov_err *err)
{
    struct sov_resource *s = calloc(parts->n, sizeof(*s));

    if (s == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < parts->n; i++) {
        s[i].name = parts->file[i].name;
        if (ends_in(s[i].name, ".gguf"))
            s[i].media = "application/x.gguf";
        s[i].digest = parts->file[i].digest;
        s[i].has_size = true;
    }
    if (root != NULL) {
        s[0].has_root = true;
        memcpy(s[0].root, root, SOV_SHA256_LEN);
    }
    *subject = s;
    return 0;
}

int64_t
sov_claims_now(void)
{
    int64_t t;

    return read_epoch(&t) > 0 ? t : (int64_t)time(NULL);
}

int
sov_claims_not_forged(sov_claims *set, const sov_seckey *key, const char *name,
                      struct sov_err *err)
{
    struct sov_err why = { 0 };
    sov_keyring *ring = NULL;
    int rc = 0;

    if (key == NULL || sov_claims_count(set) == 0)
        return 0;
    if (sov_trust_load(&ring, NULL, NULL, 0, &why) < 0)
        rc = sov_keyring_new(&ring, err);
    if (rc == 0)
        rc = sov_keyring_add(ring, sov_seckey_public(key), err);
    if (rc == SOV_EDENY) /* told elsewhere: the key is revoked */
        rc = 0;
    if (rc == 0)
        rc = sov_claims_check(set, ring, err);
    for (size_t i = 0; rc == 0 && i < sov_claims_count(set); i++) {
        const struct sov_claim *c = sov_claims_at(set, i);

        if (c->trust == SOV_TRUST_BAD)
            rc = sov_fail(err, SOV_EFORMAT,
                          "%s: claims, line %u: the signature is not by key "
                          "%.16s; nothing made from it would be verified",
                          name, c->line, c->key_id);
    }
    sov_keyring_free(ring);
    return rc;
}
