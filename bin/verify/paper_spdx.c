/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_spdx.c - SPDX 3.0.1 in JSON-LD, with the AI profile
 *
 * A flat graph of elements: the document, who made it, the model as an
 * ai_AIPackage, its files, ancestors as further packages, what was read beside
 * models as datasets, and relations between them.  An IRI begins with the
 * digest of the model, so the same model has the same ones.
 *
 * The AI profile wants a supplier, a place to load it from, which is a URI, a
 * version and a date of release.  The document, which is about the model and
 * not its ancestors, says to follow it only if all were declared;
 * an annotation names those that are MISSING, and another one says where every
 * value is from.
 */
#include "verify/paper.h"

#include "cli/jsonw.h"
#include "sov/base.h"
#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

#define CREATION "_:creation"
#define LETTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS   "0123456789"

struct spdx {
    const struct paper *p;
    struct sov_jsonw w;
    char base[100]; /* of IRIs */
    size_t n;       /* relations and annotations so far */
};

/* ---- elements */

static void
begin(struct spdx *s, const char *type, const char *id)
{
    char iri[200];

    snprintf(iri, sizeof(iri), "%s%s", s->base, id);
    sov_jsonw_object(&s->w, NULL);
    sov_jsonw_text(&s->w, "type", type);
    sov_jsonw_text(&s->w, "spdxId", iri);
    sov_jsonw_text(&s->w, "creationInfo", CREATION);
}

static void
put_iri(struct spdx *s, const char *key, const char *id)
{
    char iri[200];

    snprintf(iri, sizeof(iri), "%s%s", s->base, id);
    sov_jsonw_text(&s->w, key, iri);
}

static void
put_hash(struct spdx *s, const struct sov_digest *d)
{
    char hex[65];

    if ((d->has & SOV_HASH_SHA256) == 0)
        return;
    paper_hex(hex, d->sha256);
    sov_jsonw_array(&s->w, "verifiedUsing");
    sov_jsonw_object(&s->w, NULL);
    sov_jsonw_text(&s->w, "type", "Hash");
    sov_jsonw_text(&s->w, "algorithm", "sha256");
    sov_jsonw_text(&s->w, "hashValue", hex);
    sov_jsonw_end(&s->w);
    sov_jsonw_end(&s->w);
}

static void
relate(struct spdx *s, const char *from, const char *type, const char *to,
       const char *role)
{
    char id[40];

    snprintf(id, sizeof(id), "relationship-%zu", ++s->n);
    begin(s, "Relationship", id);
    sov_jsonw_text(&s->w, "comment", role);
    put_iri(s, "from", from);
    sov_jsonw_text(&s->w, "relationshipType", type);
    sov_jsonw_array(&s->w, "to");
    put_iri(s, NULL, to);
    sov_jsonw_end(&s->w);
    sov_jsonw_end(&s->w);
}

static void
annotate(struct spdx *s, const char *of, const char *text)
{
    char id[40];

    snprintf(id, sizeof(id), "annotation-%zu", ++s->n);
    begin(s, "Annotation", id);
    sov_jsonw_text(&s->w, "annotationType", "other");
    put_iri(s, "subject", of);
    sov_jsonw_text(&s->w, "statement", text);
    sov_jsonw_end(&s->w);
}

/* ---- the model */

/* "https://example.org/tale": a scheme, a colon, and no space. */
static bool
is_uri(const char *text)
{
    size_t letters = strspn(text, LETTERS);
    size_t n = letters + strspn(text + letters, LETTERS DIGITS "+.-");

    return letters > 0 && text[n] == ':' && text[n + 1] != '\0' &&
           strpbrk(text, " \t\r\n") == NULL;
}

/* Where it can be loaded from, of all ways in which it can be had; or NULL. */
static const char *
place_of(const struct paper *p)
{
    struct paper_value v;

    for (size_t i = 0; paper_value(p, "distribution", i, &v) && v.text != NULL;
         i++)
        if (is_uri(v.text))
            return v.text;
    return NULL;
}

static void
put_entry(struct spdx *s, const char *key, const char *value)
{
    if (value == NULL)
        return;
    sov_jsonw_object(&s->w, NULL);
    sov_jsonw_text(&s->w, "type", "DictionaryEntry");
    sov_jsonw_text(&s->w, "key", key);
    sov_jsonw_text(&s->w, "value", value);
    sov_jsonw_end(&s->w);
}

static void
put_metrics(struct spdx *s)
{
    const struct sov_claim *c;
    char line[400], key[40];

    if (paper_test(s->p, 0) == NULL)
        return;
    sov_jsonw_array(&s->w, "ai_metric");
    for (size_t i = 0; (c = paper_test(s->p, i)) != NULL; i++)
        for (size_t k = 0;
             sov_verify_measured(&c->statement, k, line, sizeof(line)); k++) {
            snprintf(key, sizeof(key), "%.16s/%zu", c->id, k);
            put_entry(s, key, line);
        }
    sov_jsonw_end(&s->w);
}

static void
put_all(struct spdx *s, const char *key, const char *name)
{
    struct paper_value v;
    bool any = false;

    for (size_t i = 0; paper_value(s->p, name, i, &v) && v.text != NULL; i++) {
        if (!any)
            sov_jsonw_array(&s->w, key);
        any = true;
        sov_jsonw_text(&s->w, NULL, v.text);
    }
    if (any)
        sov_jsonw_end(&s->w);
}

static void
put_hyper(struct spdx *s)
{
    static const char *const names[] = { "@architecture", "@parameters",
                                         "@weights",      "@context",
                                         "@vocabulary",   NULL };

    sov_jsonw_array(&s->w, "ai_hyperparameter");
    for (const char *const *n = names; *n != NULL; n++)
        put_entry(s, *n + 1, paper_text(s->p, *n));
    sov_jsonw_end(&s->w);
}

/* The profile knows kilowatt hours, and no exponents. */
static void
put_kwh(struct spdx *s, const char *key, double kwh)
{
    char text[40];

    snprintf(text, sizeof(text), "%.6f", kwh);
    sov_jsonw_array(&s->w, key);
    sov_jsonw_object(&s->w, NULL);
    sov_jsonw_text(&s->w, "type", "ai_EnergyConsumptionDescription");
    sov_jsonw_text(&s->w, "ai_energyQuantity", text);
    sov_jsonw_text(&s->w, "ai_energyUnit", "kilowattHour");
    sov_jsonw_end(&s->w);
    sov_jsonw_end(&s->w);
}

/* Of the original training somebody may declare it; of the steps behind that
 * processors have counted it, here and there. */
static void
put_energy(struct spdx *s)
{
    const char *mwh = paper_text(s->p, "energy_mwh");
    size_t n_steps;
    double joules = paper_joules(s->p, &n_steps);
    double training = -1;
    char *end;

    if (mwh != NULL) {
        training = strtod(mwh, &end);
        if (end == mwh || *end != '\0' || !(training <= 1e12))
            training = -1;
    }
    if (!(training >= 0) && (n_steps == 0 || joules > 1e18))
        return;
    sov_jsonw_object(&s->w, "ai_energyConsumption");
    sov_jsonw_text(&s->w, "type", "ai_EnergyConsumption");
    if (n_steps > 0 && joules <= 1e18)
        put_kwh(s, "ai_finetuningEnergyConsumption", joules / 3.6e6);
    if (training >= 0)
        put_kwh(s, "ai_trainingEnergyConsumption", 1000 * training);
    sov_jsonw_end(&s->w);
}

static void
put_model(struct spdx *s)
{
    const struct paper *p = s->p;
    const char *name = paper_text(p, "name");
    const char *day = paper_text(p, "release_date");
    const char *personal = paper_text(p, "personal_data");
    const char *family = paper_text(p, "@architecture");
    char type[100], when[40];

    begin(s, "ai_AIPackage", "model");
    sov_jsonw_text(&s->w, "name", name != NULL ? name : p->name);
    sov_jsonw_text(&s->w, "comment", p->standing);
    sov_jsonw_text(&s->w, "software_primaryPurpose", "model");
    sov_jsonw_text(&s->w, "software_packageVersion", paper_text(p, "version"));
    sov_jsonw_text(&s->w, "software_downloadLocation", place_of(p));
    if (day != NULL &&
        sov_fact_wrong(sov_fact_named("release_date"), day) == NULL) {
        snprintf(when, sizeof(when), "%.10sT00:00:00Z", day);
        sov_jsonw_text(&s->w, "releaseTime", when);
    }
    if (paper_text(p, "provider") != NULL)
        put_iri(s, "suppliedBy", "supplier");
    if (p->set.n == 1)
        put_hash(s, &p->set.file[0].digest);
    if (family != NULL) {
        snprintf(type, sizeof(type), "%.*s",
                 (int)(strcspn(family, ",") < 90 ? strcspn(family, ",") : 90),
                 family);
        sov_jsonw_array(&s->w, "ai_typeOfModel");
        sov_jsonw_text(&s->w, NULL, type);
        sov_jsonw_end(&s->w);
    }
    put_hyper(s);
    put_metrics(s);
    put_energy(s);
    sov_jsonw_text(&s->w, "ai_informationAboutTraining",
                   paper_text(p, "training") != NULL
                       ? paper_text(p, "training")
                       : paper_text(p, "@process"));
    sov_jsonw_text(&s->w, "ai_informationAboutApplication",
                   paper_text(p, "intended_use"));
    sov_jsonw_text(&s->w, "ai_limitation", paper_text(p, "limitation"));
    put_all(s, "ai_standardCompliance", "standard");
    put_all(s, "ai_modelDataPreprocessing", "data_curation");
    if (personal != NULL)
        sov_jsonw_text(&s->w, "ai_useSensitivePersonalInformation",
                       strcmp(personal, "yes") == 0  ? "yes"
                       : strcmp(personal, "no") == 0 ? "no"
                                                     : "noAssertion");
    sov_jsonw_end(&s->w);
}

/* ---- what it was made from */

static const char *
relation_of(const char *role)
{
    static const char *const how[][2] = {
        { "parent", "ancestorOf" },  { "teacher", "ancestorOf" },
        { "student", "ancestorOf" }, { "adapter", "ancestorOf" },
        { "dataset", "trainedOn" },  { "calibration", "other" },
        { "imatrix", "other" },
    };

    for (size_t i = 0; role != NULL && i < sizeof(how) / sizeof(how[0]); i++)
        if (strcmp(role, how[i][0]) == 0)
            return how[i][1];
    return NULL;
}

/* What stands for an input: the step that it came of, or itself. */
static void
name_input(const struct paper *p, const struct sov_resource *d, size_t i,
           size_t k, char *id, size_t size)
{
    for (size_t n = 1; d->claim != NULL && n < p->n_steps; n++)
        if (strcmp(p->step[n].claim->id, d->claim) == 0) {
            snprintf(id, size, "ancestor-%zu", n);
            return;
        }
    snprintf(id, size, "input-%zu-%zu", i, k);
}

static void
put_input(struct spdx *s, const struct sov_resource *d, const char *id)
{
    bool model = strcmp(relation_of(d->role), "ancestorOf") == 0;

    begin(s, model ? "ai_AIPackage" : "dataset_DatasetPackage", id);
    sov_jsonw_text(&s->w, "name", d->name != NULL ? d->name : "(no name)");
    put_hash(s, &d->digest);
    if (model) {
        sov_jsonw_text(&s->w, "comment", "It has no claim of its own.");
        sov_jsonw_text(&s->w, "software_primaryPurpose", "model");
    } else {
        sov_jsonw_text(&s->w, "software_primaryPurpose", "data");
        sov_jsonw_array(&s->w, "dataset_datasetType");
        sov_jsonw_text(&s->w, NULL, "text");
        sov_jsonw_end(&s->w);
    }
    sov_jsonw_end(&s->w);
}

static void
put_step(struct spdx *s, size_t i)
{
    const struct sov_claim *c = s->p->step[i].claim;
    const struct sov_statement *st = &c->statement;
    char self[40], id[60], text[200];

    snprintf(self, sizeof(self), i == 0 ? "model" : "ancestor-%zu", i);
    if (i > 0) {
        snprintf(text, sizeof(text), "of claim %s", c->id);
        begin(s, "ai_AIPackage", self);
        sov_jsonw_text(&s->w, "name", sov_verify_file_of(st));
        sov_jsonw_text(&s->w, "comment", text);
        sov_jsonw_text(&s->w, "software_primaryPurpose", "model");
        if (st->n_subjects == 1)
            put_hash(s, &st->subject[0].digest);
        sov_jsonw_end(&s->w);
    }
    for (size_t k = 0; k < st->n_dependencies; k++) {
        const struct sov_resource *d = &st->dependency[k];
        const char *how = relation_of(d->role);

        if (how == NULL)
            continue;
        name_input(s->p, d, i, k, id, sizeof(id));
        if (strncmp(id, "input", 5) == 0)
            put_input(s, d, id);
        if (strcmp(how, "ancestorOf") == 0)
            relate(s, id, how, self, d->role);
        else
            relate(s, self, how, id, d->role);
    }
}

static void
put_files(struct spdx *s)
{
    char id[40];

    for (size_t i = 0; s->p->set.n > 1 && i < s->p->set.n; i++) {
        snprintf(id, sizeof(id), "file-%zu", i);
        begin(s, "software_File", id);
        sov_jsonw_text(&s->w, "name", s->p->set.file[i].name);
        put_hash(s, &s->p->set.file[i].digest);
        sov_jsonw_end(&s->w);
        relate(s, "model", "contains", id, NULL);
    }
}

static void
put_licenses(struct spdx *s)
{
    const char *name =
        paper_text(s->p, "license") != NULL ? "license" : "@licenses";
    struct paper_value v;
    char id[40];

    for (size_t i = 0; paper_value(s->p, name, i, &v) && v.text != NULL; i++) {
        if (strspn(v.text, LETTERS DIGITS ".-+") != strlen(v.text))
            continue; /* no expression: it is told in the annotation */
        snprintf(id, sizeof(id), "license-%zu", i);
        begin(s, "simplelicensing_LicenseExpression", id);
        sov_jsonw_text(&s->w, "simplelicensing_licenseExpression", v.text);
        sov_jsonw_end(&s->w);
        relate(s, "model", "hasDeclaredLicense", id, NULL);
    }
}

/* ---- where values are from, and what is missing */

static const char *const told[] = {
    "name",          "version",    "provider",  "distribution",
    "release_date",  "license",    "@licenses", "@architecture",
    "@parameters",   "@weights",   "@format",   "@context",
    "@vocabulary",   "@process",   "@data",     "@flop",
    "@share",        "@energy",    "@digests",  "@authenticity",
    "intended_use",  "limitation", "standard",  "data_curation",
    "personal_data", "energy_mwh", NULL
};

static int
put_notes(struct spdx *s, struct sov_err *err)
{
    char *text[2] = { NULL, NULL };
    size_t len[2];
    FILE *f[2];
    bool bad = false;

    for (int i = 0; i < 2; i++) {
        f[i] = open_memstream(&text[i], &len[i]);
        if (f[i] == NULL) {
            if (i > 0)
                fclose(f[0]);
            free(text[0]);
            return sov_fail(err, SOV_EMEM, "out of memory");
        }
    }
    fputs("MISSING:", f[0]);
    for (const char *const *n = told; *n != NULL; n++) {
        const char *bare = *n + ((*n)[0] == '@');
        struct paper_value v;
        char tag[200];

        for (size_t i = 0; paper_value(s->p, *n, i, &v); i++) {
            if (v.text == NULL)
                fprintf(f[0], " %s", bare);
            else
                fprintf(f[1], "%s: %s (%s)\n", bare, v.text,
                        paper_tag(s->p, &v, tag, sizeof(tag)));
        }
    }
    for (int i = 0; i < 2; i++)
        bad |= fclose(f[i]) != 0;
    for (int i = 0; i < 2 && !bad; i++)
        annotate(s, "model", text[i]);
    free(text[0]);
    free(text[1]);
    return bad ? sov_fail(err, SOV_EMEM, "out of memory") : 0;
}

/* ---- the document */

static void
put_creation(struct spdx *s)
{
    char when[32];

    sov_jsonw_object(&s->w, NULL);
    sov_jsonw_text(&s->w, "type", "CreationInfo");
    sov_jsonw_text(&s->w, "@id", CREATION);
    sov_jsonw_text(&s->w, "specVersion", "3.0.1");
    /* it has to be said: where nothing tells, the first second there is */
    paper_time(s->p->when, when, sizeof(when));
    sov_jsonw_text(&s->w, "created",
                   when[0] != '\0' ? when : "1970-01-01T00:00:00Z");
    sov_jsonw_array(&s->w, "createdBy");
    put_iri(s, NULL, "agent");
    sov_jsonw_end(&s->w);
    sov_jsonw_array(&s->w, "createdUsing");
    put_iri(s, NULL, "tool");
    sov_jsonw_end(&s->w);
    sov_jsonw_end(&s->w);
}

static void
put_makers(struct spdx *s)
{
    char name[60];

    snprintf(name, sizeof(name), "sov-verify %s", sov_version());
    begin(s, "SoftwareAgent", "agent");
    sov_jsonw_text(&s->w, "name", name);
    sov_jsonw_end(&s->w);
    begin(s, "Tool", "tool");
    sov_jsonw_text(&s->w, "name", name);
    sov_jsonw_end(&s->w);
    if (paper_text(s->p, "provider") != NULL) {
        begin(s, "Organization", "supplier");
        sov_jsonw_text(&s->w, "name", paper_text(s->p, "provider"));
        sov_jsonw_end(&s->w);
    }
}

/* Has it all that the AI profile wants of a model? */
static bool
is_ai(const struct paper *p)
{
    static const char *const want[] = { "provider", "version", "release_date",
                                        NULL };

    for (const char *const *n = want; *n != NULL; n++)
        if (paper_text(p, *n) == NULL)
            return false;
    return place_of(p) != NULL;
}

static void
put_document(struct spdx *s)
{
    begin(s, "SpdxDocument", "document");
    sov_jsonw_text(&s->w, "name", s->p->name);
    sov_jsonw_array(&s->w, "profileConformance");
    sov_jsonw_text(&s->w, NULL, "core");
    sov_jsonw_text(&s->w, NULL, "software");
    if (is_ai(s->p))
        sov_jsonw_text(&s->w, NULL, "ai");
    sov_jsonw_end(&s->w);
    sov_jsonw_array(&s->w, "rootElement");
    put_iri(s, NULL, "model");
    sov_jsonw_end(&s->w);
    sov_jsonw_end(&s->w);
}

int
paper_spdx(const struct paper *p, FILE *f, struct sov_err *err)
{
    struct spdx s = { .p = p, .w = { .f = f } };
    char hex[65];
    int rc;

    paper_hex(hex, p->set.file[0].digest.sha256);
    snprintf(s.base, sizeof(s.base), "urn:sov:spdx:%s:", hex);
    sov_jsonw_object(&s.w, NULL);
    sov_jsonw_text(&s.w, "@context",
                   "https://spdx.org/rdf/3.0.1/spdx-context.jsonld");
    sov_jsonw_array(&s.w, "@graph");
    put_creation(&s);
    put_makers(&s);
    put_document(&s);
    put_model(&s);
    put_files(&s);
    for (size_t i = 0; i < p->n_steps; i++)
        put_step(&s, i);
    put_licenses(&s);
    rc = put_notes(&s, err);
    sov_jsonw_end(&s.w);
    sov_jsonw_end(&s.w);
    return rc;
}
