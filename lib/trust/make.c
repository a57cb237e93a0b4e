/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - writing statements and signing them
 *
 * The JSON tree is built first and written in its one canonical form, so what
 * a statement says decides its bytes, and nothing else does: there is no clock
 * and no chance in here.
 */
#include "trust/statement.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "trust/canon.h"
#include "trust/dsse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVOCATION "urn:sov:run:"

/* Sticky: after the first failure nothing more is built. */
struct maker {
    struct sov_err *err;
    int rc;
};

static void
refuse(struct maker *m, const char *why, const char *what)
{
    if (m->rc == 0)
        m->rc = sov_fail(m->err, SOV_EARG, "%s: %s", what, why);
}

/* Put v, which is given away, under key. */
static void
set(struct maker *m, json_t *obj, const char *key, json_t *v)
{
    if (m->rc < 0)
        json_decref(v);
    else if (v == NULL || json_object_set_new(obj, key, v) < 0)
        m->rc = sov_mem_fail(m->err);
}

static void
append(struct maker *m, json_t *list, json_t *v)
{
    if (m->rc < 0)
        json_decref(v);
    else if (v == NULL || json_array_append_new(list, v) < 0)
        m->rc = sov_mem_fail(m->err);
}

/* A fresh object under key; borrowed. */
static json_t *
set_obj(struct maker *m, json_t *obj, const char *key)
{
    json_t *v = json_object();

    set(m, obj, key, v);
    return m->rc < 0 ? NULL : v;
}

static bool
is_utf8(const char *s)
{
    size_t len = strlen(s), n;
    uint32_t cp;

    for (; len > 0; s += n, len -= n) {
        n = sov_utf8_step(s, len, &cp);
        if (n == 0)
            return false;
    }
    return true;
}

static json_t *
text(struct maker *m, const char *s)
{
    if (is_utf8(s))
        return json_string(s);
    refuse(m, "not UTF-8", s);
    return NULL;
}

/* NULL is not said. */
static void
set_str(struct maker *m, json_t *obj, const char *key, const char *s)
{
    if (s != NULL)
        set(m, obj, key, text(m, s));
}

static void
set_hex(struct maker *m, json_t *obj, const char *key, const unsigned char *p)
{
    char hex[65];

    sov_hex_text(p, hex);
    set_str(m, obj, key, hex);
}

static void
set_time(struct maker *m, json_t *obj, const char *key, int64_t t)
{
    char s[SOV_TIME_LEN];

    if (t == 0)
        return;
    if (sov_time_text(t, s))
        set_str(m, obj, key, s);
    else
        refuse(m, "not a time from 1970 to 9999", key);
}

/* ---- parameters */

static void set_params(struct maker *m, json_t *obj,
                       const struct sov_param *item, size_t n, int depth);

static json_t *
param(struct maker *m, const struct sov_param *p, int depth)
{
    json_t *v;

    if (depth > SOV_CLAIM_DEPTH) {
        refuse(m, "nested too deep", "parameter");
        return NULL;
    }
    switch (p->kind) {
    case SOV_PARAM_STR:
        return text(m, p->str);
    case SOV_PARAM_INT:
        return json_integer(p->num);
    case SOV_PARAM_BOOL:
        return json_boolean(p->num);
    case SOV_PARAM_LIST:
        v = json_array();
        for (size_t i = 0; i < p->n; i++)
            append(m, v, param(m, &p->item[i], depth + 1));
        return v;
    case SOV_PARAM_MAP:
        v = json_object();
        set_params(m, v, p->item, p->n, depth + 1);
        return v;
    default:
        refuse(m, "a kind that is not written", "parameter");
        return NULL;
    }
}

static void
set_params(struct maker *m, json_t *obj, const struct sov_param *item, size_t n,
           int depth)
{
    for (size_t i = 0; i < n && m->rc == 0; i++) {
        const char *key = item[i].key;

        if (key == NULL || !is_utf8(key))
            refuse(m, "no key in UTF-8", "parameter");
        else if (json_object_get(obj, key) != NULL)
            refuse(m, "said twice", key);
        else
            set(m, obj, key, param(m, &item[i], depth));
    }
}

/* An object of them under key, unless there are none. */
static void
set_map(struct maker *m, json_t *obj, const char *key,
        const struct sov_param *item, size_t n)
{
    if (n > 0)
        set_params(m, set_obj(m, obj, key), item, n, 0);
}

/* ---- resources */

/* A path inside a folder, in its one form. */
static bool
path_ok(const char *name)
{
    const char *part = name;

    for (;;) {
        size_t len = strcspn(part, "/\\");

        if (len == 0 || part[len] == '\\' || strncmp(part, ".", len) == 0 ||
            (len == 2 && strncmp(part, "..", 2) == 0))
            return false;
        if (part[len] == '\0')
            return true;
        part += len + 1;
    }
}

static void
set_digest(struct maker *m, json_t *obj, const struct sov_resource *r)
{
    json_t *digest;

    if (r->digest.has == 0 && r->n_digests == 0)
        return;
    digest = set_obj(m, obj, "digest");
    if (r->digest.has & SOV_HASH_SHA256)
        set_hex(m, digest, "sha256", r->digest.sha256);
    if (r->digest.has & SOV_HASH_VERITY)
        set_hex(m, digest, "fsverity_sha256", r->digest.verity);
    set_params(m, digest, r->digests, r->n_digests, 0);
}

static void
set_notes(struct maker *m, json_t *obj, const struct sov_resource *r)
{
    json_t *notes;

    if (!r->has_size && !r->has_root && r->role == NULL && r->claim == NULL &&
        r->n_notes == 0)
        return;
    notes = set_obj(m, obj, "annotations");
    if (r->has_size && r->digest.size > (uint64_t)SOV_JSON_INT_MAX)
        refuse(m, "too large", "size");
    else if (r->has_size)
        set(m, notes, "sov_size", json_integer((json_int_t)r->digest.size));
    if (r->has_root)
        set_hex(m, notes, "sov_contentRoot", r->root);
    set_str(m, notes, "sov_role", r->role);
    if (r->claim != NULL && !sov_hex_id(r->claim))
        refuse(m, "not the id of a claim", r->claim);
    set_str(m, notes, "sov_claim", r->claim);
    set_params(m, notes, r->notes, r->n_notes, 0);
}

static json_t *
resource(struct maker *m, const struct sov_resource *r)
{
    json_t *obj = json_object();

    set_str(m, obj, "name", r->name);
    set_str(m, obj, "uri", r->uri);
    set_str(m, obj, "mediaType", r->media);
    set_digest(m, obj, r);
    set_notes(m, obj, r);
    if (m->rc == 0 && r->uri == NULL && json_object_get(obj, "digest") == NULL)
        refuse(m, "neither digest nor URI",
               r->name == NULL ? "resource" : r->name);
    return obj;
}

static void
set_resources(struct maker *m, json_t *obj, const char *key,
              const struct sov_resource *r, size_t n)
{
    json_t *list;

    if (n == 0)
        return;
    if (n > SOV_CLAIM_ITEMS)
        refuse(m, "too many", key);
    list = json_array();
    for (size_t i = 0; i < n && m->rc == 0; i++)
        append(m, list, resource(m, &r[i]));
    set(m, obj, key, list);
}

static void
set_subjects(struct maker *m, json_t *obj, const struct sov_statement *st)
{
    if (st->n_subjects == 0)
        refuse(m, "none", "subject");
    for (size_t i = 0; i < st->n_subjects && m->rc == 0; i++) {
        const struct sov_resource *s = &st->subject[i];

        if (s->name == NULL || !path_ok(s->name))
            refuse(m, "not the name of a file inside the model",
                   s->name == NULL ? "subject" : s->name);
        else if ((s->digest.has & SOV_HASH_SHA256) == 0)
            refuse(m, "no SHA-256", s->name);
        for (size_t k = 0; k < i && m->rc == 0; k++)
            if (strcmp(st->subject[k].name, s->name) == 0)
                refuse(m, "named twice", s->name);
    }
    set_resources(m, obj, "subject", st->subject, st->n_subjects);
}

/* ---- the statement */

static void
set_definition(struct maker *m, json_t *predicate,
               const struct sov_statement *st)
{
    json_t *def = set_obj(m, predicate, "buildDefinition");

    set_str(m, def, "buildType", st->build_type);
    /* SLSA demands it, empty or not */
    set_params(m, set_obj(m, def, "externalParameters"), st->external,
               st->n_external, 0);
    set_map(m, def, "internalParameters", st->internal, st->n_internal);
    set_resources(m, def, "resolvedDependencies", st->dependency,
                  st->n_dependencies);
}

static void
set_run(struct maker *m, json_t *predicate, const struct sov_statement *st,
        const char *invocation)
{
    json_t *run = set_obj(m, predicate, "runDetails");
    json_t *builder = set_obj(m, run, "builder");
    json_t *meta;

    set_str(m, builder, "id", st->builder);
    set_map(m, builder, "version", st->version, st->n_versions);
    if (invocation != NULL || st->started != 0 || st->finished != 0) {
        meta = set_obj(m, run, "metadata");
        set_str(m, meta, "invocationId", invocation);
        set_time(m, meta, "startedOn", st->started);
        set_time(m, meta, "finishedOn", st->finished);
    }
    set_resources(m, run, "byproducts", st->byproduct, st->n_byproducts);
}

static void
set_test(struct maker *m, json_t *predicate, const struct sov_statement *st)
{
    if (st->n_configuration == 0) /* in-toto demands it */
        refuse(m, "none", "configuration");
    set_str(m, predicate, "result", sov_test_word(st->result));
    set_resources(m, predicate, "configuration", st->configuration,
                  st->n_configuration);
    set_str(m, predicate, "url", st->url);
    for (int i = 0; i < SOV_TESTS; i++) {
        struct sov_param list = st->test[i];

        list.kind = SOV_PARAM_LIST;
        if (list.n > 0)
            set(m, predicate, sov_test_member((enum sov_test)i),
                param(m, &list, 0));
    }
    set_time(m, predicate, "sov_finishedOn", st->finished);
}

static void
set_provenance(struct maker *m, json_t *predicate,
               const struct sov_statement *st, const char *invocation)
{
    set_definition(m, predicate, st);
    set_run(m, predicate, st, invocation);
    set_map(m, predicate, "sov_labels", st->label, st->n_labels);
}

static void
set_facts(struct maker *m, json_t *predicate, const struct sov_statement *st)
{
    if (st->n_facts == 0)
        refuse(m, "none", "facts");
    set_map(m, predicate, "facts", st->fact, st->n_facts);
    set_time(m, predicate, "declaredOn", st->finished);
}

static int
put_statement(struct sov_buf *out, const struct sov_statement *st,
              const char *invocation, struct sov_err *err)
{
    struct maker m = { err, 0 };
    bool test = sov_statement_is_test(st);
    bool facts = sov_statement_is_facts(st);
    json_t *top = json_object();
    json_t *predicate;

    set_str(&m, top, "_type", SOV_STATEMENT_TYPE);
    set_str(&m, top, "predicateType",
            test || facts ? st->predicate_type : SOV_PREDICATE_PROVENANCE);
    set_subjects(&m, top, st);
    predicate = set_obj(&m, top, "predicate");
    if (test)
        set_test(&m, predicate, st);
    else if (facts)
        set_facts(&m, predicate, st);
    else
        set_provenance(&m, predicate, st, invocation);
    set_params(&m, predicate, st->extra, st->n_extra, 0);
    if (m.rc == 0)
        m.rc = sov_canon_put(out, top, err);
    json_decref(top);
    return m.rc < 0 ? sov_err_wrap(err, "claim") : 0;
}

/* The same run says the same, so its name may follow from what it says. */
static int
name_run(const struct sov_statement *st, char *name, size_t size,
         struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_buf plain = { 0 };
    char hex[65];
    int rc = put_statement(&plain, st, NULL, err);

    if (rc == 0) {
        sov_sha256(plain.p, plain.len, sum);
        sov_hex_text(sum, hex);
        snprintf(name, size, INVOCATION "%.32s", hex);
    }
    sov_buf_free(&plain);
    return rc;
}

int
sov_statement_text(const struct sov_statement *st, char **text, size_t *len,
                   struct sov_err *err)
{
    struct sov_buf out = { 0 };
    char name[sizeof(INVOCATION) + 32];
    const char *invocation = st->invocation;
    bool made = !sov_statement_is_test(st) && !sov_statement_is_facts(st);
    int rc = 0;

    if (made && (st->build_type == NULL || st->builder == NULL ||
                 (st->predicate_type != NULL &&
                  strcmp(st->predicate_type, SOV_PREDICATE_PROVENANCE) != 0)))
        return sov_fail(err, SOV_EARG,
                        "claim: neither a test, nor facts, nor provenance with "
                        "build type and builder");
    if (made && invocation == NULL) {
        rc = name_run(st, name, sizeof(name), err);
        invocation = name;
    }
    if (rc == 0)
        rc = put_statement(&out, st, invocation, err);
    return sov_buf_give(&out, rc, text, len, err);
}

int
sov_claim_sign(const sov_seckey *key, const void *payload, size_t len,
               char **line, size_t *line_len, char id[65], struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    int rc;

    if (len > SOV_CLAIM_LINE_MAX / 2)
        return sov_fail(err, SOV_EARG, "claim: %zu bytes are too many", len);
    rc = sov_envelope_sign(key, NULL, payload, len, line, line_len, err);
    if (rc < 0)
        return rc;
    if (id != NULL) {
        sov_sha256(payload, len, sum);
        sov_hex_text(sum, id);
    }
    return 0;
}

int
sov_claim_make(const struct sov_statement *st, const sov_seckey *key,
               char **line, size_t *line_len, char id[65], struct sov_err *err)
{
    char *payload;
    size_t len;
    int rc = sov_statement_text(st, &payload, &len, err);

    if (rc < 0)
        return rc;
    rc = sov_claim_sign(key, payload, len, line, line_len, id, err);
    free(payload);
    return rc;
}
