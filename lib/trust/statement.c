/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - reading in-toto statements
 *
 * Members that are not known are passed over, as in-toto demands: they can
 * make nothing true that was not.  A known member of the wrong type is an
 * error, and so is a digest that is not in its one form.
 */
#include "trust/statement.h"

#include "base/limits.h"
#include "sov/facts.h"
#include "trust/dsse.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct sov_pool *pool;
    struct sov_err *err;
};

typedef bool (*want_fn)(const char *key);

/* ---- members of an object; absent ones leave *out alone */

static int
wrong(struct reader *r, const char *key, const char *want)
{
    return sov_fail(r->err, SOV_EFORMAT, "\"%s\" is not %s", key, want);
}

static int
get_str(struct reader *r, const json_t *obj, const char *key, const char **out)
{
    const json_t *v = json_object_get(obj, key);

    if (v == NULL)
        return 0;
    if (!json_is_string(v))
        return wrong(r, key, "text");
    *out = json_string_value(v);
    return 0;
}

static int
need_str(struct reader *r, const json_t *obj, const char *key, const char **out)
{
    if (json_object_get(obj, key) == NULL)
        return sov_fail(r->err, SOV_EFORMAT, "\"%s\" is missing", key);
    return get_str(r, obj, key, out);
}

static int
get_hex(struct reader *r, const json_t *obj, const char *key,
        unsigned char out[SOV_SHA256_LEN], bool *has)
{
    const char *text = NULL;
    int rc = get_str(r, obj, key, &text);

    if (rc < 0 || text == NULL)
        return rc;
    if (!sov_hex_parse(text, out))
        return wrong(r, key, "64 lower-case hex digits");
    *has = true;
    return 0;
}

static int
get_time(struct reader *r, const json_t *obj, const char *key, int64_t *out)
{
    const char *text = NULL;
    int rc = get_str(r, obj, key, &text);

    if (rc < 0 || text == NULL)
        return rc;
    return sov_time_parse(text, out) ? 0 : wrong(r, key, "a time in UTC");
}

static int
get_obj(struct reader *r, const json_t *obj, const char *key, json_t **out)
{
    *out = json_object_get(obj, key);
    if (*out != NULL && !json_is_object(*out))
        return wrong(r, key, "an object");
    return 0;
}

static int
need_obj(struct reader *r, const json_t *obj, const char *key, json_t **out)
{
    int rc = get_obj(r, obj, key, out);

    if (rc == 0 && *out == NULL)
        rc = sov_fail(r->err, SOV_EFORMAT, "\"%s\" is missing", key);
    return rc;
}

/* ---- parameters: any JSON value */

static int read_param(struct reader *r, const char *key, const json_t *v,
                      struct sov_param *p);

/* The members of obj that are wanted (NULL: all). */
static int
read_members(struct reader *r, json_t *obj, want_fn want,
             const struct sov_param **out, size_t *n)
{
    struct sov_param *item;
    const char *key;
    json_t *v;
    int rc;

    if (obj == NULL)
        return 0;
    rc = sov_pool_array(r->pool, json_object_size(obj), sizeof(*item), &item,
                        r->err);
    if (rc < 0)
        return rc;
    *out = item;
    *n = 0;
    json_object_foreach(obj, key, v)
    {
        if (want != NULL && !want(key))
            continue;
        if (rc == 0)
            rc = read_param(r, key, v, &item[(*n)++]);
    }
    return rc;
}

static int
read_list(struct reader *r, const json_t *v, struct sov_param *p)
{
    struct sov_param *item;
    size_t n = json_array_size(v);
    int rc = sov_pool_array(r->pool, n, sizeof(*item), &item, r->err);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_param(r, NULL, json_array_get(v, i), &item[i]);
    if (rc == 0) {
        p->kind = SOV_PARAM_LIST;
        p->item = item;
        p->n = n;
    }
    return rc;
}

static int
read_real(struct reader *r, const json_t *v, struct sov_param *p)
{
    char *text;
    int rc = sov_pool_array(r->pool, 32, 1, &text, r->err);

    if (rc < 0)
        return rc;
    snprintf(text, 32, "%.17g", json_real_value(v));
    p->kind = SOV_PARAM_REAL;
    p->str = text;
    return 0;
}

static int
read_param(struct reader *r, const char *key, const json_t *v,
           struct sov_param *p)
{
    p->key = key;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        p->kind = SOV_PARAM_MAP;
        return read_members(r, (json_t *)v, NULL, &p->item, &p->n);
    case JSON_ARRAY:
        return read_list(r, v, p);
    case JSON_STRING:
        p->kind = SOV_PARAM_STR;
        p->str = json_string_value(v);
        return 0;
    case JSON_INTEGER:
        p->kind = SOV_PARAM_INT;
        p->num = json_integer_value(v);
        return 0;
    case JSON_REAL:
        return read_real(r, v, p);
    case JSON_NULL:
        p->kind = SOV_PARAM_NULL;
        return 0;
    default:
        p->kind = SOV_PARAM_BOOL;
        p->num = json_is_true(v);
        return 0;
    }
}

static int
get_members(struct reader *r, const json_t *obj, const char *key,
            const struct sov_param **out, size_t *n)
{
    json_t *v = NULL;
    int rc = get_obj(r, obj, key, &v);

    return rc < 0 ? rc : read_members(r, v, NULL, out, n);
}

/* ---- resources */

static bool
other_digest(const char *key)
{
    return strcmp(key, "sha256") != 0 && strcmp(key, "fsverity_sha256") != 0;
}

static bool
other_note(const char *key)
{
    return strcmp(key, "sov_size") != 0 &&
           strcmp(key, "sov_contentRoot") != 0 &&
           strcmp(key, "sov_role") != 0 && strcmp(key, "sov_claim") != 0;
}

static int
read_digest(struct reader *r, json_t *obj, struct sov_resource *res)
{
    bool sha = false, verity = false;
    int rc;

    if (obj == NULL)
        return 0;
    rc = get_hex(r, obj, "sha256", res->digest.sha256, &sha);
    if (rc == 0)
        rc = get_hex(r, obj, "fsverity_sha256", res->digest.verity, &verity);
    if (rc == 0)
        rc = read_members(r, obj, other_digest, &res->digests, &res->n_digests);
    for (size_t i = 0; i < res->n_digests && rc == 0; i++)
        if (res->digests[i].kind != SOV_PARAM_STR)
            rc = wrong(r, res->digests[i].key, "text");
    if (sha)
        res->digest.has |= SOV_HASH_SHA256;
    if (verity)
        res->digest.has |= SOV_HASH_VERITY;
    return rc;
}

static int
read_notes(struct reader *r, json_t *obj, struct sov_resource *res)
{
    const json_t *size;
    int rc;

    if (obj == NULL)
        return 0;
    size = json_object_get(obj, "sov_size");
    if (size != NULL &&
        (!json_is_integer(size) || json_integer_value(size) < 0))
        return wrong(r, "sov_size", "a size");
    res->has_size = size != NULL;
    if (res->has_size)
        res->digest.size = (uint64_t)json_integer_value(size);
    rc = get_hex(r, obj, "sov_contentRoot", res->root, &res->has_root);
    if (rc == 0)
        rc = get_str(r, obj, "sov_role", &res->role);
    if (rc == 0)
        rc = get_str(r, obj, "sov_claim", &res->claim);
    if (rc == 0 && res->claim != NULL && !sov_hex_id(res->claim))
        rc = wrong(r, "sov_claim", "64 lower-case hex digits");
    if (rc == 0)
        rc = read_members(r, obj, other_note, &res->notes, &res->n_notes);
    return rc;
}

static int
read_resource(struct reader *r, const json_t *obj, struct sov_resource *res)
{
    json_t *digest = NULL, *notes = NULL;
    int rc;

    if (!json_is_object(obj))
        return sov_fail(r->err, SOV_EFORMAT, "not an object");
    rc = get_str(r, obj, "name", &res->name);
    if (rc == 0)
        rc = get_str(r, obj, "uri", &res->uri);
    if (rc == 0)
        rc = get_str(r, obj, "mediaType", &res->media);
    if (rc == 0)
        rc = get_obj(r, obj, "digest", &digest);
    if (rc == 0)
        rc = read_digest(r, digest, res);
    if (rc == 0)
        rc = get_obj(r, obj, "annotations", &notes);
    if (rc == 0)
        rc = read_notes(r, notes, res);
    return rc;
}

static int
get_resources(struct reader *r, const json_t *obj, const char *key,
              const struct sov_resource **out, size_t *n)
{
    const json_t *list = json_object_get(obj, key);
    struct sov_resource *res;
    size_t len = json_array_size(list);
    int rc;

    if (list == NULL)
        return 0;
    if (!json_is_array(list))
        return wrong(r, key, "an array");
    if (len > SOV_CLAIM_ITEMS)
        return sov_fail(r->err, SOV_EFORMAT,
                        "\"%s\" has %zu entries, the limit is %d", key, len,
                        (int)SOV_CLAIM_ITEMS);
    rc = sov_pool_array(r->pool, len, sizeof(*res), &res, r->err);
    for (size_t i = 0; i < len && rc == 0; i++) {
        rc = read_resource(r, json_array_get(list, i), &res[i]);
        if (rc < 0)
            sov_err_wrap(r->err, "%s %zu", key, i);
    }
    if (rc == 0) {
        *out = res;
        *n = len;
    }
    return rc;
}

/* Files have digests, and no two of them one name. */
static int
check_subjects(struct reader *r, const struct sov_statement *st)
{
    if (st->n_subjects == 0)
        return sov_fail(r->err, SOV_EFORMAT, "\"subject\" is missing");
    for (size_t i = 0; i < st->n_subjects; i++) {
        const struct sov_resource *s = &st->subject[i];

        if (s->digest.has == 0 && s->n_digests == 0)
            return sov_fail(r->err, SOV_EFORMAT, "subject %zu: no digest", i);
        for (size_t k = 0; k < i && s->name != NULL; k++)
            if (st->subject[k].name != NULL &&
                strcmp(st->subject[k].name, s->name) == 0)
                return sov_fail(r->err, SOV_EFORMAT,
                                "two subjects have the name %s", s->name);
    }
    return 0;
}

/* ---- the predicate */

static bool
extra_member(const char *key)
{
    return strncmp(key, "sov_", 4) == 0 && strcmp(key, "sov_labels") != 0 &&
           strcmp(key, "sov_finishedOn") != 0;
}

/* Each of them a list of texts. */
static int
check_lists(struct reader *r, const struct sov_param *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sov_param *l = &list[i];

        if (l->kind != SOV_PARAM_LIST)
            return wrong(r, l->key, "a list of texts");
        for (size_t k = 0; k < l->n; k++)
            if (l->item[k].kind != SOV_PARAM_STR)
                return wrong(r, l->key, "a list of texts");
    }
    return 0;
}

static int
read_definition(struct reader *r, const json_t *obj, struct sov_statement *st)
{
    int rc = need_str(r, obj, "buildType", &st->build_type);

    if (rc == 0)
        rc = get_members(r, obj, "externalParameters", &st->external,
                         &st->n_external);
    if (rc == 0)
        rc = get_members(r, obj, "internalParameters", &st->internal,
                         &st->n_internal);
    if (rc == 0)
        rc = get_resources(r, obj, "resolvedDependencies", &st->dependency,
                           &st->n_dependencies);
    return rc;
}

static int
read_run(struct reader *r, const json_t *obj, struct sov_statement *st)
{
    json_t *builder = NULL, *meta = NULL;
    int rc = need_obj(r, obj, "builder", &builder);

    if (rc == 0)
        rc = need_str(r, builder, "id", &st->builder);
    if (rc == 0)
        rc = get_members(r, builder, "version", &st->version, &st->n_versions);
    if (rc == 0)
        rc = get_obj(r, obj, "metadata", &meta);
    if (rc == 0 && meta != NULL) {
        rc = get_str(r, meta, "invocationId", &st->invocation);
        if (rc == 0)
            rc = get_time(r, meta, "startedOn", &st->started);
        if (rc == 0)
            rc = get_time(r, meta, "finishedOn", &st->finished);
    }
    if (rc == 0)
        rc = get_resources(r, obj, "byproducts", &st->byproduct,
                           &st->n_byproducts);
    return rc;
}

static int
read_provenance(struct reader *r, json_t *obj, struct sov_statement *st)
{
    json_t *part = NULL;
    int rc = need_obj(r, obj, "buildDefinition", &part);

    if (rc == 0)
        rc = read_definition(r, part, st);
    if (rc == 0)
        rc = need_obj(r, obj, "runDetails", &part);
    if (rc == 0)
        rc = read_run(r, part, st);
    if (rc == 0)
        rc = get_members(r, obj, "sov_labels", &st->label, &st->n_labels);
    if (rc == 0)
        rc = check_lists(r, st->label, st->n_labels);
    if (rc == 0)
        rc = read_members(r, obj, extra_member, &st->extra, &st->n_extra);
    return rc;
}

/* ---- the result of a test */

static int
read_result(struct reader *r, const json_t *obj, struct sov_statement *st)
{
    const char *word = NULL;
    int rc = need_str(r, obj, "result", &word);

    if (rc < 0)
        return rc;
    for (int i = 0; i < SOV_TESTS; i++)
        if (strcmp(word, sov_test_word((enum sov_test)i)) == 0) {
            st->result = (enum sov_test)i;
            return 0;
        }
    return wrong(r, "result", "PASSED, WARNED or FAILED");
}

/* Names of tests. */
static int
read_names(struct reader *r, const json_t *obj, const char *key,
           struct sov_param *list)
{
    const json_t *v = json_object_get(obj, key);
    int rc;

    if (v == NULL)
        return 0;
    if (!json_is_array(v))
        return wrong(r, key, "a list of texts");
    rc = read_list(r, v, list);
    for (size_t i = 0; i < list->n && rc == 0; i++)
        if (list->item[i].kind != SOV_PARAM_STR)
            rc = wrong(r, key, "a list of texts");
    return rc;
}

static int
read_test(struct reader *r, json_t *obj, struct sov_statement *st)
{
    int rc = read_result(r, obj, st);

    if (rc == 0)
        rc = get_resources(r, obj, "configuration", &st->configuration,
                           &st->n_configuration);
    if (rc == 0)
        rc = get_str(r, obj, "url", &st->url);
    for (int i = 0; i < SOV_TESTS && rc == 0; i++)
        rc =
            read_names(r, obj, sov_test_member((enum sov_test)i), &st->test[i]);
    if (rc == 0)
        rc = get_time(r, obj, "sov_finishedOn", &st->finished);
    if (rc == 0)
        rc = read_members(r, obj, extra_member, &st->extra, &st->n_extra);
    return rc;
}

/* ---- what people declare, what a verifier found */

static bool
is_label(const char *key)
{
    const struct sov_fact_info *f = sov_fact_named(key);

    return f != NULL &&
           (f->kind == SOV_FACT_LICENSE || f->kind == SOV_FACT_PLACE);
}

static int
read_facts(struct reader *r, json_t *obj, struct sov_statement *st)
{
    json_t *facts = NULL;
    int rc = need_obj(r, obj, "facts", &facts);

    if (rc == 0)
        rc = read_members(r, facts, NULL, &st->fact, &st->n_facts);
    if (rc == 0)
        rc = check_lists(r, st->fact, st->n_facts);
    if (rc == 0)
        rc = read_members(r, facts, is_label, &st->label, &st->n_labels);
    if (rc == 0)
        rc = get_time(r, obj, "declaredOn", &st->finished);
    if (rc == 0)
        rc = read_members(r, obj, extra_member, &st->extra, &st->n_extra);
    return rc;
}

/* What all versions of it have, and of version 1 what there is. */
static int
read_summary(struct reader *r, json_t *obj, struct sov_statement *st)
{
    const char *word = NULL;
    json_t *verifier = NULL;
    int rc = need_str(r, obj, "verificationResult", &word);

    if (rc < 0)
        return rc;
    /* it knows two results; what is neither is no yes */
    st->result =
        strcmp(word, "PASSED") == 0 ? SOV_TEST_PASSED : SOV_TEST_FAILED;
    rc = get_time(r, obj, "timeVerified", &st->finished);
    if (rc == 0)
        rc = get_obj(r, obj, "verifier", &verifier);
    if (rc == 0 && verifier != NULL)
        rc = get_str(r, verifier, "id", &st->builder);
    if (rc == 0)
        rc = get_resources(r, obj, "inputAttestations", &st->configuration,
                           &st->n_configuration);
    if (rc == 0)
        rc = read_names(r, obj, "verifiedLevels", &st->test[SOV_TEST_PASSED]);
    if (rc == 0)
        rc = read_members(r, obj, extra_member, &st->extra, &st->n_extra);
    return rc;
}

/* ---- the statement */

static int
read_predicate(struct reader *r, const json_t *json, struct sov_statement *st)
{
    static const struct {
        const char *type;
        int (*read)(struct reader *r, json_t *obj, struct sov_statement *st);
    } known[] = {
        { SOV_PREDICATE_PROVENANCE, read_provenance },
        { SOV_PREDICATE_TEST, read_test },
        { SOV_PREDICATE_FACTS, read_facts },
        { SOV_PREDICATE_SUMMARY, read_summary },
    };
    json_t *obj = NULL;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        int rc;

        if (strcmp(st->predicate_type, known[i].type) != 0)
            continue;
        rc = need_obj(r, json, "predicate", &obj);
        return rc < 0 ? rc : known[i].read(r, obj, st);
    }
    return 0;
}

static int
read_statement(struct reader *r, json_t *json, struct sov_statement *st)
{
    const char *type = NULL;
    int rc = need_str(r, json, "_type", &type);

    if (rc == 0 && strcmp(type, SOV_STATEMENT_TYPE) != 0)
        rc = wrong(r, "_type", SOV_STATEMENT_TYPE);
    if (rc == 0)
        rc = need_str(r, json, "predicateType", &st->predicate_type);
    if (rc == 0)
        rc = get_resources(r, json, "subject", &st->subject, &st->n_subjects);
    if (rc == 0)
        rc = check_subjects(r, st);
    return rc < 0 ? rc : read_predicate(r, json, st);
}

int
sov_statement_parse(struct sov_span payload, size_t values,
                    struct sov_pool *pool, json_t **json,
                    struct sov_statement *st, struct sov_err *err)
{
    struct reader r = { pool, err };
    int rc;

    *json = NULL;
    *st = (struct sov_statement){ 0 };
    if (payload.len < 2 || payload.p[0] != '{' ||
        payload.p[payload.len - 1] != '}')
        return sov_fail(err, SOV_EFORMAT, "the payload is not one object");
    rc = sov_json_parse_within(payload.p, payload.len, SOV_CLAIM_DEPTH, values,
                               json, err);
    if (rc == 0)
        rc = read_statement(&r, *json, st);
    if (rc < 0) {
        json_decref(*json);
        *json = NULL;
        sov_err_wrap(err, "payload");
    }
    return rc;
}
