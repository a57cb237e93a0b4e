/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms.c - model.sig: signatures of the OpenSSF Model Signing specification 1.0
 *
 * The envelope is read first, its signature checked over the bytes that its
 * base64 stands for, and then exactly these bytes are parsed.  Members of the
 * bundle that are not known are refused, members of the statement passed over,
 * as in-toto demands.
 *
 * Specification and reference implementation part in places.  What both take is
 * written; read is what either of them writes, where it has one meaning.
 */
#include "trust/oms.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"
#include "trust/canon.h"
#include "trust/dsse.h"
#include "trust/eckey.h"
#include "trust/form.h"

#include <stdlib.h>
#include <string.h>

#define ENVELOPE_VALUES 64 /* JSON values of a bundle: it has 14 */

struct sov_oms {
    json_t *json; /* of the statement: what all names borrow from */
    const char *name;
    struct sov_oms_file *file; /* in order of their names */
    size_t n;
    const json_t *ignore; /* array of texts, or NULL */
};

/* What an envelope holds. */
struct letter {
    unsigned char *payload; /* owned */
    size_t len;
    unsigned char sig[SOV_EC_SIG_MAX];
    size_t sig_len;
};

/* ---- members of an object */

static const json_t *
get(const json_t *obj, const char *key, json_type type, struct sov_err *err)
{
    const json_t *v = json_object_get(obj, key);

    if (v == NULL || json_typeof(v) != type) {
        sov_fail(err, SOV_EFORMAT, "\"%s\" is missing, or of another type",
                 key);
        return NULL;
    }
    return v;
}

static const char *
get_text(const json_t *obj, const char *key, struct sov_err *err)
{
    const json_t *v = get(obj, key, JSON_STRING, err);

    return v != NULL ? json_string_value(v) : NULL;
}

static int
must_be(const json_t *obj, const char *key, const char *want,
        struct sov_err *err)
{
    const char *text = get_text(obj, key, err);

    if (text == NULL)
        return SOV_EFORMAT;
    return strcmp(text, want) == 0
               ? 0
               : sov_fail(err, SOV_EFORMAT, "\"%s\" is not \"%s\"", key, want);
}

/* No member but these, which are n at most. */
static int
only(const json_t *obj, const char *const *keys, size_t n, struct sov_err *err)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)obj, key, v)
    {
        size_t i = 0;

        while (i < n && strcmp(keys[i], key) != 0)
            i++;
        if (i == n)
            return sov_fail(err, SOV_EFORMAT, "there is an unknown \"%.40s\"",
                            key);
    }
    return 0;
}

/* ---- the envelope */

static int
read_signature(const json_t *env, struct letter *l, struct sov_err *err)
{
    static const char *const keys[] = { "sig", "keyid" };
    const json_t *all = get(env, "signatures", JSON_ARRAY, err);
    const json_t *one = json_array_get(all, 0);
    const char *text;
    int rc;

    if (all == NULL)
        return SOV_EFORMAT;
    if (json_array_size(all) != 1 || !json_is_object(one))
        return sov_fail(err, SOV_EFORMAT, "%zu signatures, not one",
                        json_array_size(all));
    rc = only(one, keys, 2, err);
    text = rc == 0 ? get_text(one, "sig", err) : NULL;
    if (text == NULL)
        return SOV_EFORMAT;
    if (!sov_base64_decode(text, strlen(text), l->sig, sizeof(l->sig),
                           &l->sig_len))
        return sov_fail(err, SOV_EFORMAT, "\"sig\" is not canonical base64");
    return 0;
}

static int
read_envelope(const json_t *env, struct letter *l, struct sov_err *err)
{
    static const char *const keys[] = { "payload", "payloadType",
                                        "signatures" };
    const char *text;
    int rc = only(env, keys, 3, err);

    if (rc == 0)
        rc = must_be(env, "payloadType", SOV_INTOTO_TYPE, err);
    if (rc == 0)
        rc = read_signature(env, l, err);
    text = rc == 0 ? get_text(env, "payload", err) : NULL;
    if (text == NULL)
        return SOV_EFORMAT;
    l->len = strlen(text) / 4 * 3 + 3;
    l->payload = sov_mem_array(l->len, 1);
    if (l->payload == NULL)
        return sov_mem_fail(err);
    if (!sov_base64_decode(text, strlen(text), l->payload, l->len, &l->len))
        return sov_fail(err, SOV_EFORMAT,
                        "\"payload\" is not canonical base64");
    return 0;
}

/* Signed by a key, and by this one?  The hint only says what to try. */
static int
read_material(const json_t *vm, const sov_eckey *key, struct sov_err *err)
{
    static const char *const keys[] = { "publicKey", "tlogEntries",
                                        "timestampVerificationData" };
    const json_t *pub = json_object_get(vm, "publicKey");
    const json_t *hint = json_object_get(pub, "hint");

    if (json_object_get(vm, "x509CertificateChain") != NULL ||
        json_object_get(vm, "certificate") != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "it is signed through a certificate; only signatures "
                        "by a key are checked here");
    if (only(vm, keys, 3, err) < 0)
        return SOV_EFORMAT;
    if (!json_is_object(pub))
        return sov_fail(err, SOV_EFORMAT, "\"publicKey\" is missing");
    if (json_is_string(hint) && json_string_length(hint) > 0 &&
        strcmp(json_string_value(hint), key->hint) != 0)
        return sov_fail(err, SOV_EDENY,
                        "signed by key %.16s, and the key given is %.16s",
                        json_string_value(hint), key->hint);
    return 0;
}

static int
read_bundle(const json_t *json, const sov_eckey *key, struct letter *l,
            struct sov_err *err)
{
    static const char *const keys[] = { "mediaType", "verificationMaterial",
                                        "dsseEnvelope" };
    const json_t *env, *vm;
    int rc = only(json, keys, 3, err);

    if (rc == 0)
        rc = must_be(json, "mediaType", SOV_BUNDLE_TYPE, err);
    if (rc < 0)
        return rc;
    vm = get(json, "verificationMaterial", JSON_OBJECT, err);
    env = vm != NULL ? get(json, "dsseEnvelope", JSON_OBJECT, err) : NULL;
    if (env == NULL)
        return SOV_EFORMAT;
    rc = read_material(vm, key, err);
    return rc == 0 ? read_envelope(env, l, err) : rc;
}

static int
check_signature(const struct letter *l, const sov_eckey *key,
                struct sov_err *err)
{
    unsigned char r[SOV_EC_LEN], s[SOV_EC_LEN];
    struct sov_buf pae = { 0 };
    int rc;

    if (!sov_ecsig_parse(key->curve, (struct sov_span){ l->sig, l->sig_len }, r,
                         s))
        return sov_fail(err, SOV_ENO, "the signature is none of %s",
                        sov_eckey_curve(key));
    rc = sov_envelope_pae(&pae, SOV_INTOTO_TYPE, l->payload, l->len, err);
    if (rc == 0)
        rc = sov_ec_verify(key->curve, key->x, key->y, pae.p, pae.len, r, s,
                           err);
    sov_buf_free(&pae);
    return rc;
}

/* ---- the statement */

/* Relative, and leads nowhere else; "." names a model of one file. */
static bool
is_path(const char *name, bool alone)
{
    const char *part = name;

    if (alone && strcmp(name, ".") == 0)
        return true;
    do {
        size_t len = strcspn(part, "/");

        if (len == 0 || (len == 1 && part[0] == '.') ||
            (len == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += len;
    } while (*part++ == '/');
    return true;
}

int
sov_oms_by_name(const void *a, const void *b)
{
    const struct sov_oms_file *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int
read_resources(struct sov_oms *o, const json_t *list,
               const unsigned char root[SOV_SHA256_LEN], struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_buf all = { 0 };
    int rc = 0;

    o->n = json_array_size(list);
    if (o->n == 0 || o->n > SOV_OMS_FILES)
        return sov_fail(err, SOV_EFORMAT, "%zu files, 1 to %d are possible",
                        o->n, (int)SOV_OMS_FILES);
    o->file = sov_mem_array(o->n, sizeof(*o->file));
    if (o->file == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < o->n && rc == 0; i++) {
        const json_t *r = json_array_get(list, i);
        const char *name = get_text(r, "name", err);
        const char *hex = name != NULL ? get_text(r, "digest", err) : NULL;

        if (hex == NULL)
            rc = SOV_EFORMAT;
        else if (!is_path(name, o->n == 1))
            rc = sov_fail(err, SOV_EFORMAT, "\"%.100s\" is no name of a file",
                          name);
        else if (strcmp(json_is_string(json_object_get(r, "algorithm"))
                            ? json_string_value(json_object_get(r, "algorithm"))
                            : "",
                        "sha256") != 0)
            rc = sov_fail(err, SOV_EUNSUP,
                          "only SHA-256 of whole files is known here");
        else if (!sov_hex_parse(hex, o->file[i].sha256))
            rc = sov_fail(err, SOV_EFORMAT,
                          "\"digest\" is not 64 lower-case hex digits");
        else
            o->file[i].name = name;
        sov_buf_add(&all, o->file[i].sha256, SOV_SHA256_LEN);
    }
    if (rc == 0 && all.bad)
        rc = sov_mem_fail(err);
    if (rc == 0) {
        sov_sha256(all.p, all.len, sum);
        if (memcmp(sum, root, sizeof(sum)) != 0)
            rc = sov_fail(err, SOV_EFORMAT,
                          "the digest of the subject is not that of the files");
    }
    sov_buf_free(&all);
    if (rc == 0)
        qsort(o->file, o->n, sizeof(*o->file), sov_oms_by_name);
    for (size_t i = 1; i < o->n && rc == 0; i++)
        if (strcmp(o->file[i - 1].name, o->file[i].name) == 0)
            rc = sov_fail(err, SOV_EFORMAT, "\"%.100s\" is there twice",
                          o->file[i].name);
    return rc;
}

static int
read_serialization(struct sov_oms *o, const json_t *s, struct sov_err *err)
{
    const char *method = get_text(s, "method", err);
    const char *hash = method != NULL ? get_text(s, "hash_type", err) : NULL;

    if (hash == NULL)
        return SOV_EFORMAT;
    if (strcmp(method, "files") != 0 || strcmp(hash, "sha256") != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "files are hashed as \"%.40s\" by \"%.40s\"; only "
                        "\"files\" by \"sha256\" are known here",
                        method, hash);
    o->ignore = json_object_get(s, "ignore_paths");
    if (o->ignore != NULL && !json_is_array(o->ignore))
        return sov_fail(err, SOV_EFORMAT, "\"ignore_paths\" is no list");
    for (size_t i = 0; i < json_array_size(o->ignore); i++)
        if (!json_is_string(json_array_get(o->ignore, i)))
            return sov_fail(err, SOV_EFORMAT,
                            "\"ignore_paths\" is no list of texts");
    return 0;
}

static int
read_statement(struct sov_oms *o, struct sov_err *err)
{
    const json_t *subjects, *digest, *predicate, *list, *how;
    unsigned char root[SOV_SHA256_LEN];
    const char *type, *hex;
    int rc = must_be(o->json, "_type", SOV_OMS_STATEMENT, err);

    type = rc == 0 ? get_text(o->json, "predicateType", err) : NULL;
    if (type == NULL)
        return SOV_EFORMAT;
    if (strncmp(type, SOV_OMS_PREDICATE, strlen(SOV_OMS_PREDICATE)) != 0)
        return sov_fail(err, SOV_EFORMAT, "\"%.80s\" is no model signature",
                        type);
    subjects = get(o->json, "subject", JSON_ARRAY, err);
    if (subjects == NULL || json_array_size(subjects) != 1)
        return sov_fail(err, SOV_EFORMAT, "there is not one subject");
    digest = get(json_array_get(subjects, 0), "digest", JSON_OBJECT, err);
    hex = digest != NULL ? get_text(digest, "sha256", err) : NULL;
    o->name =
        hex != NULL ? get_text(json_array_get(subjects, 0), "name", err) : NULL;
    if (o->name == NULL || !sov_hex_parse(hex, root))
        return sov_fail(err, SOV_EFORMAT, "the subject has no name or SHA-256");
    predicate = get(o->json, "predicate", JSON_OBJECT, err);
    how = predicate != NULL ? get(predicate, "serialization", JSON_OBJECT, err)
                            : NULL;
    list = how != NULL ? get(predicate, "resources", JSON_ARRAY, err) : NULL;
    if (list == NULL)
        return SOV_EFORMAT;
    rc = read_serialization(o, how, err);
    return rc == 0 ? read_resources(o, list, root, err) : rc;
}

int
sov_oms_read(sov_oms **oms, const void *payload, size_t len,
             struct sov_err *err)
{
    struct sov_oms *o = sov_mem_array(1, sizeof(*o));
    int rc;

    if (o == NULL)
        return sov_mem_fail(err);
    rc = sov_json_parse_within(payload, len, SOV_CLAIM_DEPTH, SOV_CLAIM_VALUES,
                               &o->json, err);
    if (rc == 0)
        rc = read_statement(o, err);
    if (rc < 0)
        sov_oms_free(o);
    else
        *oms = o;
    return rc;
}

int
sov_oms_open(sov_oms **oms, const void *text, size_t len, const sov_eckey *key,
             struct sov_err *err)
{
    struct letter l = { 0 };
    json_t *json = NULL;
    int rc;

    if (len > SOV_CLAIM_LINE_MAX)
        return sov_fail(err, SOV_EFORMAT, "more than %d MiB",
                        (int)(SOV_CLAIM_LINE_MAX >> 20));
    rc = sov_json_parse_within(text, len, SOV_CLAIM_DEPTH, ENVELOPE_VALUES,
                               &json, err);
    if (rc == 0)
        rc = read_bundle(json, key, &l, err);
    json_decref(json);
    if (rc == 0)
        rc = check_signature(&l, key, err);
    if (rc == 0)
        rc = sov_oms_read(oms, l.payload, l.len, err);
    free(l.payload);
    return rc;
}

void
sov_oms_free(sov_oms *oms)
{
    if (oms == NULL)
        return;
    json_decref(oms->json);
    free(oms->file);
    free(oms);
}

const char *
sov_oms_name(const sov_oms *oms)
{
    return oms->name;
}

size_t
sov_oms_files(const sov_oms *oms)
{
    return oms->n;
}

const struct sov_oms_file *
sov_oms_file(const sov_oms *oms, size_t i)
{
    return &oms->file[i];
}

/* ---- is it so? */

static bool
is_at_or_below(const char *name, const char *top)
{
    size_t len = strlen(top);

    while (len > 1 && top[len - 1] == '/')
        len--;
    return strncmp(name, top, len) == 0 &&
           (name[len] == '\0' || name[len] == '/');
}

bool
sov_oms_ignores(const sov_oms *oms, const char *name)
{
    static const char *const always[] = { ".git", ".gitattributes", ".github",
                                          ".gitignore", SOV_OMS_NAME };

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (is_at_or_below(name, always[i]))
            return true;
    for (size_t i = 0; i < json_array_size(oms->ignore); i++) {
        const char *top = json_string_value(json_array_get(oms->ignore, i));

        if (top[0] != '\0' && is_at_or_below(name, top))
            return true;
    }
    return false;
}

static int
differs(const char *name, struct sov_err *err)
{
    return sov_fail(err, SOV_ENO, "%.100s: is not what was signed", name);
}

int
sov_oms_check(const sov_oms *oms, const struct sov_oms_file *file, size_t n,
              bool folder, struct sov_err *err)
{
    bool *seen;
    int rc = 0;

    if (!folder) {
        if (n != 1 || oms->n != 1)
            return sov_fail(err, SOV_ENO,
                            "the signature is about %zu files; name the folder",
                            oms->n);
        return memcmp(file->sha256, oms->file->sha256, SOV_SHA256_LEN) == 0
                   ? 0
                   : differs(file->name, err);
    }
    seen = sov_mem_array(oms->n, sizeof(*seen));
    if (seen == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_oms_file *f;

        if (sov_oms_ignores(oms, file[i].name))
            continue;
        f = bsearch(&file[i], oms->file, oms->n, sizeof(*f), sov_oms_by_name);
        if (f == NULL)
            rc = sov_fail(err, SOV_ENO, "%.100s: was not signed", file[i].name);
        else if (memcmp(f->sha256, file[i].sha256, SOV_SHA256_LEN) != 0)
            rc = differs(f->name, err);
        else
            seen[f - oms->file] = true;
    }
    for (size_t i = 0; i < oms->n && rc == 0; i++)
        if (!seen[i])
            rc =
                sov_fail(err, SOV_ENO, "%.100s: is missing", oms->file[i].name);
    free(seen);
    return rc;
}
