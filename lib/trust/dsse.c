/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsse.c - signed envelopes, in bundles and bare
 *
 * Other readers are lenient about members they do not know, second signatures
 * and key ids that disagree; each of these was somebody's way to get a yes.
 * Here a line has one meaning or none.
 */
#include "trust/dsse.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE_VALUES 64 /* JSON values of a bundle: it has 12 */

bool
sov_hex_id(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* The value of key, which must be of this type and is not NULL then. */
static json_t *
member(const json_t *obj, const char *what, const char *key, json_type type,
       struct sov_err *err)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "an array",
        [JSON_STRING] = "text",
    };
    json_t *v = json_object_get(obj, key);

    if (v == NULL)
        sov_fail(err, SOV_EFORMAT, "%s has no \"%s\"", what, key);
    else if (json_typeof(v) != type)
        sov_fail(err, SOV_EFORMAT, "%s: \"%s\" is not %s", what, key,
                 words[type]);
    return v != NULL && json_typeof(v) == type ? v : NULL;
}

/* An object of n members that were all asked for has no other. */
static int
exactly(const json_t *obj, const char *what, size_t n, struct sov_err *err)
{
    if (json_object_size(obj) == n)
        return 0;
    return sov_fail(err, SOV_EFORMAT, "%s has %zu members, not %zu", what,
                    json_object_size(obj), n);
}

static int
must_be(const json_t *obj, const char *what, const char *key, const char *want,
        struct sov_err *err)
{
    const json_t *v = member(obj, what, key, JSON_STRING, err);

    if (v == NULL)
        return SOV_EFORMAT;
    if (json_string_length(v) != strlen(want) ||
        strcmp(json_string_value(v), want) != 0)
        return sov_fail(err, SOV_EFORMAT, "%s: \"%s\" is not \"%s\"", what, key,
                        want);
    return 0;
}

/* URL-safe base64 in place: the other alphabet, perhaps without padding. */
static char *
to_standard(const char *text, size_t *len)
{
    size_t pad = (4 - *len % 4) % 4;
    char *copy = sov_mem_array(*len + pad + 1, 1);

    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < *len; i++)
        copy[i] = text[i] == '-'                     ? '+'
                  : text[i] == '_'                   ? '/'
                  : text[i] == '+' || text[i] == '/' ? '!'
                                                     : text[i];
    memset(copy + *len, '=', pad);
    *len += pad;
    return copy;
}

/* Decode member key into at most max bytes of out. */
static int
decode(const json_t *obj, const char *what, const char *key, bool bundle,
       void *out, size_t max, size_t *out_len, struct sov_err *err)
{
    const json_t *v = member(obj, what, key, JSON_STRING, err);
    const char *text;
    char *copy = NULL;
    size_t len;
    bool ok;

    if (v == NULL)
        return SOV_EFORMAT;
    text = json_string_value(v);
    len = json_string_length(v);
    if (!bundle && (strpbrk(text, "-_") != NULL || len % 4 != 0)) {
        copy = to_standard(text, &len);
        if (copy == NULL)
            return sov_mem_fail(err);
        text = copy;
    }
    ok = sov_base64_decode(text, len, out, max, out_len);
    free(copy);
    if (!ok)
        return sov_fail(err, SOV_EFORMAT, "%s: \"%s\" is not canonical base64",
                        what, key);
    return 0;
}

/* A keyid; a foreign one that is none of ours is no name of anybody. */
static int
read_key_id(const json_t *sig, struct sov_envelope *e, struct sov_err *err)
{
    const json_t *id;
    int rc;

    if (!e->bundle && json_object_get(sig, "keyid") == NULL)
        return exactly(sig, "signature", 1, err);
    id = member(sig, "signature", "keyid", JSON_STRING, err);
    rc = id == NULL ? SOV_EFORMAT : exactly(sig, "signature", 2, err);
    if (rc < 0)
        return rc;
    if (sov_hex_id(json_string_value(id)))
        memcpy(e->key_id, json_string_value(id), 65);
    else if (e->bundle)
        return sov_fail(err, SOV_EFORMAT,
                        "signature: \"keyid\" is not the SHA-256 of a key");
    return 0;
}

static int
read_signature(const json_t *obj, struct sov_envelope *e, struct sov_err *err)
{
    const json_t *all = member(obj, "envelope", "signatures", JSON_ARRAY, err);
    const json_t *sig;
    size_t len;
    int rc;

    if (all == NULL)
        return SOV_EFORMAT;
    sig = json_array_get(all, 0);
    if (json_array_size(all) != 1 || !json_is_object(sig))
        return sov_fail(err, SOV_EFORMAT, "%zu signatures, a line has one",
                        json_array_size(all));
    rc = decode(sig, "signature", "sig", e->bundle, e->sig, sizeof(e->sig),
                &len, err);
    if (rc == 0 && len != sizeof(e->sig))
        rc = sov_fail(err, SOV_EFORMAT, "signature: %zu bytes, not %d", len,
                      SOV_SIG_LEN);
    return rc < 0 ? rc : read_key_id(sig, e, err);
}

static const char *
type_of(const char *type)
{
    return type != NULL ? type : SOV_INTOTO_TYPE;
}

static int
read_envelope(const json_t *obj, struct sov_envelope *e, struct sov_err *err)
{
    const json_t *payload =
        member(obj, "envelope", "payload", JSON_STRING, err);
    size_t max;
    int rc;

    if (payload == NULL)
        return SOV_EFORMAT;
    rc = must_be(obj, "envelope", "payloadType", type_of(e->type), err);
    if (rc == 0)
        rc = read_signature(obj, e, err);
    if (rc == 0)
        rc = exactly(obj, "envelope", 3, err);
    if (rc < 0)
        return rc;
    max = json_string_length(payload) / 4 * 3 + 3;
    e->payload = sov_mem_array(max, 1);
    if (e->payload == NULL)
        return sov_mem_fail(err);
    return decode(obj, "envelope", "payload", e->bundle, e->payload, max,
                  &e->len, err);
}

static int
read_bundle(const json_t *obj, struct sov_envelope *e, struct sov_err *err)
{
    const json_t *env, *vm, *key;
    int rc = must_be(obj, "bundle", "mediaType", SOV_BUNDLE_TYPE, err);

    if (rc < 0)
        return rc;
    env = member(obj, "bundle", "dsseEnvelope", JSON_OBJECT, err);
    vm = env == NULL
             ? NULL
             : member(obj, "bundle", "verificationMaterial", JSON_OBJECT, err);
    key = vm == NULL ? NULL
                     : member(vm, "verificationMaterial", "publicKey",
                              JSON_OBJECT, err);
    if (key == NULL)
        return SOV_EFORMAT;
    rc = exactly(obj, "bundle", 3, err);
    if (rc == 0)
        rc = exactly(vm, "verificationMaterial", 1, err);
    if (rc == 0)
        rc = exactly(key, "publicKey", 1, err);
    if (rc == 0)
        rc = read_envelope(env, e, err);
    if (rc == 0)
        rc = must_be(key, "publicKey", "hint", e->key_id, err);
    return rc;
}

int
sov_envelope_parse(struct sov_span line, const char *type,
                   struct sov_envelope *e, struct sov_err *err)
{
    json_t *json;
    int rc;

    *e = (struct sov_envelope){ .type = type };
    if (line.len < 2 || line.p[0] != '{' || line.p[line.len - 1] != '}')
        return sov_fail(err, SOV_EFORMAT, "not one JSON object");
    rc = sov_json_parse_within(line.p, line.len, SOV_CLAIM_DEPTH,
                               ENVELOPE_VALUES, &json, err);
    if (rc < 0)
        return rc;
    e->bundle = json_object_get(json, "payload") == NULL;
    rc = e->bundle ? read_bundle(json, e, err) : read_envelope(json, e, err);
    json_decref(json);
    if (rc < 0)
        sov_envelope_free(e);
    return rc;
}

void
sov_envelope_free(struct sov_envelope *e)
{
    free(e->payload);
    e->payload = NULL;
}

int
sov_envelope_put(struct sov_buf *out, const struct sov_envelope *e,
                 struct sov_err *err)
{
    char sig[SOV_BASE64_LEN(SOV_SIG_LEN) + 1];
    char *payload = sov_mem_array(SOV_BASE64_LEN(e->len) + 1, 1);

    if (payload == NULL)
        return sov_mem_fail(err);
    sov_base64_encode(e->payload, e->len, payload);
    sov_base64_encode(e->sig, sizeof(e->sig), sig);

#define PUT(s) sov_buf_add(out, (s), strlen(s))
    PUT("{\"dsseEnvelope\":{\"payload\":\"");
    PUT(payload);
    PUT("\",\"payloadType\":\"");
    PUT(type_of(e->type));
    PUT("\",\"signatures\":[{\"keyid\":\"");
    PUT(e->key_id);
    PUT("\",\"sig\":\"");
    PUT(sig);
    PUT("\"}]},\"mediaType\":\"" SOV_BUNDLE_TYPE
        "\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"");
    PUT(e->key_id);
    PUT("\"}}}\n");
#undef PUT
    free(payload);
    return out->bad ? sov_mem_fail(err) : 0;
}

int
sov_envelope_pae(struct sov_buf *out, const char *type, const void *payload,
                 size_t len, struct sov_err *err)
{
    char head[96];
    int n = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ",
                     strlen(type_of(type)), type_of(type), len);

    sov_buf_add(out, head, (size_t)n);
    sov_buf_add(out, payload, len);
    return out->bad ? sov_mem_fail(err) : 0;
}

int
sov_envelope_sign(const sov_seckey *key, const char *type, const void *payload,
                  size_t len, char **line, size_t *line_len,
                  struct sov_err *err)
{
    struct sov_envelope e = { .type = type,
                              .payload = (unsigned char *)payload,
                              .len = len,
                              .bundle = true };
    struct sov_buf pae = { 0 }, out = { 0 };
    int rc;

    memcpy(e.key_id, sov_seckey_public(key)->id, sizeof(e.key_id));
    rc = sov_envelope_pae(&pae, type, payload, len, err);
    if (rc == 0)
        rc = sov_sign(key, pae.p, pae.len, e.sig, err);
    sov_buf_free(&pae);
    if (rc == 0)
        rc = sov_envelope_put(&out, &e, err);
    return sov_buf_give(&out, rc, line, line_len, err);
}
