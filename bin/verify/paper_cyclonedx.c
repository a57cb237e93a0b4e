/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_cyclonedx.c - an ML-BOM, CycloneDX 1.6 in JSON
 *
 * The model is the component of the metadata, its history the pedigree, what
 * went in beside models the datasets, results of tests the metrics.  What has
 * no place in the format is a property "sov:NAME"; each property "sov:from:..."
 * says where a value is from, and "sov:missing" what nobody has said.
 */
#include "verify/paper.h"

#include "cli/jsonw.h"
#include "sov/base.h"
#include "sov/hash.h"

#include <stdlib.h>
#include <string.h>

static void
put_property(struct sov_jsonw *w, const char *name, const char *value)
{
    char key[120];

    if (value == NULL)
        return;
    snprintf(key, sizeof(key), "sov:%s", name);
    sov_jsonw_object(w, NULL);
    sov_jsonw_text(w, "name", key);
    sov_jsonw_text(w, "value", value);
    sov_jsonw_end(w);
}

/* ---- identity: of the same model and claims the same */

/* A version 8 UUID (RFC 9562) out of the digests of files and claims. */
static int
make_serial(const struct paper *p, char urn[64], struct sov_err *err)
{
    struct sov_digest d;
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);
    unsigned char *b = d.sha256;

    for (size_t i = 0; i < p->set.n && rc == 0; i++)
        rc = sov_hasher_update(h, p->set.file[i].digest.sha256, SOV_SHA256_LEN,
                               err);
    for (size_t i = 0; i < sov_claims_count(p->claims) && rc == 0; i++)
        rc = sov_hasher_update(h, sov_claims_at(p->claims, i)->id, 64, err);
    if (rc == 0)
        rc = sov_hasher_update(h, p->standing, strlen(p->standing), err);
    if (rc == 0)
        rc = sov_hasher_final(h, &d, err);
    sov_hasher_free(h);
    if (rc < 0)
        return rc;
    snprintf(urn, 64,
             "urn:uuid:%02x%02x%02x%02x-%02x%02x-8%01x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7],
             (b[8] & 63) | 128, b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return 0;
}

static void
put_hash(struct sov_jsonw *w, const struct sov_digest *d)
{
    char hex[65];

    if ((d->has & SOV_HASH_SHA256) == 0)
        return;
    paper_hex(hex, d->sha256);
    sov_jsonw_array(w, "hashes");
    sov_jsonw_object(w, NULL);
    sov_jsonw_text(w, "alg", "SHA-256");
    sov_jsonw_text(w, "content", hex);
    sov_jsonw_end(w);
    sov_jsonw_end(w);
}

/* ---- the history */

static void
put_ancestor(struct sov_jsonw *w, const char *name, const struct sov_digest *d,
             const char *claim)
{
    sov_jsonw_object(w, NULL);
    sov_jsonw_text(w, "type", "machine-learning-model");
    sov_jsonw_text(w, "name", name != NULL ? name : "(no name)");
    put_hash(w, d);
    sov_jsonw_array(w, "properties");
    put_property(w, "claim", claim != NULL ? claim : "MISSING");
    sov_jsonw_end(w);
    sov_jsonw_end(w);
}

static bool
is_role(const struct sov_resource *r, const char *const *roles)
{
    for (; r->role != NULL && *roles != NULL; roles++)
        if (strcmp(r->role, *roles) == 0)
            return true;
    return false;
}

static const char *const models[] = { "parent", "teacher", "student", "adapter",
                                      NULL };
static const char *const no_data[] = { "parent",  "teacher", "student",
                                       "adapter", "tool",    NULL };

/* Near ones first, each of them once. */
static void
put_pedigree(const struct paper *p, struct sov_jsonw *w)
{
    bool any = false;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        for (size_t k = 0; k < st->n_dependencies; k++) {
            const struct sov_resource *d = &st->dependency[k];

            if (!is_role(d, models))
                continue;
            if (!any) {
                sov_jsonw_object(w, "pedigree");
                sov_jsonw_array(w, "ancestors");
            }
            any = true;
            put_ancestor(w, d->name, &d->digest, d->claim);
        }
    }
    if (!any)
        return;
    sov_jsonw_end(w);
    sov_jsonw_text(w, "notes",
                   p->verified
                       ? "from signed claims, which were verified"
                       : "from claims whose signer is not trusted here");
    sov_jsonw_end(w);
}

/* ---- the card */

static void
put_datasets(const struct paper *p, struct sov_jsonw *w)
{
    struct paper_value v;

    sov_jsonw_array(w, "datasets");
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        for (size_t k = 0; k < st->n_dependencies; k++) {
            const struct sov_resource *d = &st->dependency[k];
            char hex[65] = "";

            if (d->role == NULL || is_role(d, no_data))
                continue;
            if ((d->digest.has & SOV_HASH_SHA256) != 0)
                paper_hex(hex, d->digest.sha256);
            sov_jsonw_object(w, NULL);
            sov_jsonw_text(w, "type", "dataset");
            sov_jsonw_text(w, "name", d->name);
            sov_jsonw_object(w, "contents");
            sov_jsonw_array(w, "properties");
            put_property(w, "role", d->role);
            put_property(w, "sha256", hex[0] != '\0' ? hex : NULL);
            put_property(w, "of", sov_verify_file_of(st));
            sov_jsonw_end(w);
            sov_jsonw_end(w);
            sov_jsonw_end(w);
        }
    }
    for (size_t i = 0; paper_value(p, "data_source", i, &v) && v.text != NULL;
         i++) {
        sov_jsonw_object(w, NULL);
        sov_jsonw_text(w, "type", "dataset");
        sov_jsonw_text(w, "name", v.text);
        sov_jsonw_end(w);
    }
    sov_jsonw_end(w);
}

static void
put_format(struct sov_jsonw *w, const char *key, const char *format)
{
    sov_jsonw_array(w, key);
    sov_jsonw_object(w, NULL);
    sov_jsonw_text(w, "format", format);
    sov_jsonw_end(w);
    sov_jsonw_end(w);
}

static void
put_parameters(const struct paper *p, struct sov_jsonw *w)
{
    const char *modality = paper_text(p, "@modality");
    struct sov_span arch;
    char name[64];

    sov_jsonw_object(w, "modelParameters");
    if (modality != NULL)
        sov_jsonw_text(w, "task",
                       strstr(modality, "vector") != NULL ? "feature-extraction"
                                                          : "text-generation");
    if (sov_meta_str(p->meta, "general.architecture", &arch, NULL) == 0) {
        snprintf(name, sizeof(name), "%.*s",
                 arch.len < sizeof(name) ? (int)arch.len : 63,
                 (const char *)arch.p);
        sov_jsonw_text(w, "architectureFamily", name);
    }
    sov_jsonw_text(w, "modelArchitecture", paper_text(p, "@architecture"));
    put_datasets(p, w);
    if (modality != NULL) {
        put_format(w, "inputs", "text");
        put_format(w, "outputs",
                   strstr(modality, "vector") != NULL ? "vector" : "text");
    }
    sov_jsonw_end(w);
}

static void
put_metrics(const struct paper *p, struct sov_jsonw *w)
{
    const struct sov_claim *c;

    sov_jsonw_object(w, "quantitativeAnalysis");
    sov_jsonw_array(w, "performanceMetrics");
    for (size_t i = 0; (c = paper_test(p, i)) != NULL; i++) {
        const struct sov_param *list = paper_param(
            c->statement.extra, c->statement.n_extra, "sov_measurements");

        for (size_t k = 0;
             list != NULL && list->kind == SOV_PARAM_LIST && k < list->n; k++) {
            const struct sov_param *m = &list->item[k];
            const char *low = paper_param_text(m->item, m->n, "low");
            const char *high = paper_param_text(m->item, m->n, "high");

            if (m->kind != SOV_PARAM_MAP)
                continue;
            sov_jsonw_object(w, NULL);
            sov_jsonw_text(w, "type",
                           paper_param_text(m->item, m->n, "metric"));
            sov_jsonw_text(w, "value",
                           paper_param_text(m->item, m->n, "value"));
            sov_jsonw_text(w, "slice", paper_param_text(m->item, m->n, "name"));
            if (low != NULL && high != NULL) {
                sov_jsonw_object(w, "confidenceInterval");
                sov_jsonw_text(w, "lowerBound", low);
                sov_jsonw_text(w, "upperBound", high);
                sov_jsonw_end(w);
            }
            sov_jsonw_end(w);
        }
    }
    sov_jsonw_end(w);
    sov_jsonw_end(w);
}

static void
put_texts(const struct paper *p, struct sov_jsonw *w, const char *key,
          const char *name)
{
    struct paper_value v;
    bool any = false;

    for (size_t i = 0; paper_value(p, name, i, &v) && v.text != NULL; i++) {
        if (!any)
            sov_jsonw_array(w, key);
        any = true;
        sov_jsonw_text(w, NULL, v.text);
    }
    if (any)
        sov_jsonw_end(w);
}

static void
put_considerations(const struct paper *p, struct sov_jsonw *w)
{
    struct paper_value v;

    sov_jsonw_object(w, "considerations");
    put_texts(p, w, "users", "user");
    put_texts(p, w, "useCases", "intended_use");
    put_texts(p, w, "technicalLimitations", "limitation");
    if (paper_text(p, "risk") != NULL) {
        sov_jsonw_array(w, "ethicalConsiderations");
        for (size_t i = 0; paper_value(p, "risk", i, &v); i++) {
            sov_jsonw_object(w, NULL);
            sov_jsonw_text(w, "name", v.text);
            sov_jsonw_end(w);
        }
        sov_jsonw_end(w);
    }
    sov_jsonw_end(w);
}

/* ---- all the rest, and where it is from */

static const char *const rest[] = { "@parameters",
                                    "@weights",
                                    "@format",
                                    "@context",
                                    "@vocabulary",
                                    "@template",
                                    "@digests",
                                    "@authenticity",
                                    "@process",
                                    "@tokens",
                                    "@flop",
                                    "@share",
                                    "@wall",
                                    "@energy",
                                    "@software",
                                    "@repeatable",
                                    "@licenses",
                                    "@places",
                                    "@header",
                                    "jurisdiction",
                                    "training_flop",
                                    "energy_mwh",
                                    "task",
                                    "acceptable_use",
                                    "prohibited_use",
                                    "data_curation",
                                    "reviewed_by",
                                    "approved_by",
                                    NULL };

static void
put_rest(const struct paper *p, struct sov_jsonw *w)
{
    struct paper_value v;
    char name[100], tag[200];

    sov_jsonw_array(w, "properties");
    put_property(w, "standing", p->standing);
    for (const char *const *n = rest; *n != NULL; n++)
        for (size_t i = 0; paper_value(p, *n, i, &v); i++) {
            const char *bare = *n + ((*n)[0] == '@');

            if (v.text == NULL) {
                put_property(w, "missing", bare);
                continue;
            }
            put_property(w, bare, v.text);
            snprintf(name, sizeof(name), "from:%s", bare);
            put_property(w, name, paper_tag(p, &v, tag, sizeof(tag)));
        }
    sov_jsonw_end(w);
}

/* All of them hold, so an expression joins them; what SPDX cannot name is a
 * licence with a name. */
static void
put_licenses(const struct paper *p, struct sov_jsonw *w)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstu"
                              "vwxyz0123456789.-+";
    const char *name =
        paper_text(p, "license") != NULL ? "license" : "@licenses";
    struct paper_value v;
    bool any = false;

    for (size_t i = 0; paper_value(p, name, i, &v) && v.text != NULL; i++) {
        if (!any)
            sov_jsonw_array(w, "licenses");
        any = true;
        sov_jsonw_object(w, NULL);
        if (i == 0 && !paper_value(p, name, 1, &v) &&
            paper_value(p, name, 0, &v) &&
            strspn(v.text, set) == strlen(v.text)) {
            sov_jsonw_text(w, "expression", v.text);
        } else {
            paper_value(p, name, i, &v);
            sov_jsonw_object(w, "license");
            sov_jsonw_text(w, "name", v.text);
            sov_jsonw_end(w);
        }
        sov_jsonw_end(w);
    }
    if (any)
        sov_jsonw_end(w);
}

static void
put_model(const struct paper *p, struct sov_jsonw *w)
{
    const char *version = paper_text(p, "version");
    const char *provider = paper_text(p, "provider");

    sov_jsonw_object(w, "component");
    sov_jsonw_text(w, "type", "machine-learning-model");
    sov_jsonw_text(w, "bom-ref", "model");
    if (provider != NULL) {
        sov_jsonw_object(w, "supplier");
        sov_jsonw_text(w, "name", provider);
        sov_jsonw_end(w);
    }
    sov_jsonw_text(w, "name",
                   paper_text(p, "name") != NULL ? paper_text(p, "name")
                                                 : p->name);
    sov_jsonw_text(w, "version", version);
    if (p->set.n == 1)
        put_hash(w, &p->set.file[0].digest);
    put_licenses(p, w);
    put_pedigree(p, w);
    if (p->set.n > 1) { /* its files are parts of it */
        sov_jsonw_array(w, "components");
        for (size_t i = 0; i < p->set.n; i++) {
            sov_jsonw_object(w, NULL);
            sov_jsonw_text(w, "type", "file");
            sov_jsonw_text(w, "name", p->set.file[i].name);
            put_hash(w, &p->set.file[i].digest);
            sov_jsonw_end(w);
        }
        sov_jsonw_end(w);
    }
    sov_jsonw_object(w, "modelCard");
    put_parameters(p, w);
    put_metrics(p, w);
    put_considerations(p, w);
    sov_jsonw_end(w);
    put_rest(p, w);
    sov_jsonw_end(w);
}

int
paper_cyclonedx(const struct paper *p, FILE *f, struct sov_err *err)
{
    struct sov_jsonw w = { .f = f };
    char urn[64], when[32];
    int rc = make_serial(p, urn, err);

    if (rc < 0)
        return rc;
    sov_jsonw_object(&w, NULL);
    sov_jsonw_text(&w, "$schema",
                   "http://cyclonedx.org/schema/bom-1.6.schema.json");
    sov_jsonw_text(&w, "bomFormat", "CycloneDX");
    sov_jsonw_text(&w, "specVersion", "1.6");
    sov_jsonw_text(&w, "serialNumber", urn);
    sov_jsonw_uint(&w, "version", 1);
    sov_jsonw_object(&w, "metadata");
    if (p->when != 0)
        sov_jsonw_text(&w, "timestamp", paper_time(p->when, when, 32));
    sov_jsonw_object(&w, "tools");
    sov_jsonw_array(&w, "components");
    sov_jsonw_object(&w, NULL);
    sov_jsonw_text(&w, "type", "application");
    sov_jsonw_text(&w, "name", "sov-verify");
    sov_jsonw_text(&w, "version", sov_version());
    sov_jsonw_end(&w);
    sov_jsonw_end(&w);
    sov_jsonw_end(&w);
    put_model(p, &w);
    sov_jsonw_end(&w);
    sov_jsonw_end(&w);
    return 0;
}
