/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_value.c - what is said under a name, and who says it
 */
#include "verify/paper.h"

#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *label;
    void (*find)(const struct paper *p, struct paper_pen *pen);
} facts[PAPER_FACTS] = {
#define FACT(name, label) { #name, label, paper_fact_##name },
#include "verify/paper_facts.def"
};

static size_t
find_fact(const char *name)
{
    size_t i = 0;

    while (i < PAPER_FACTS && strcmp(facts[i].name, name) != 0)
        i++;
    return i;
}

int
paper_facts(struct paper *p, struct sov_err *err)
{
    for (size_t i = 0; i < PAPER_FACTS; i++) {
        struct paper_pen pen = { .from = PAPER_OF_FILE };
        char *text = NULL;
        size_t len = 0;

        pen.f = open_memstream(&text, &len);
        if (pen.f == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        facts[i].find(p, &pen);
        if (fclose(pen.f) != 0) {
            free(text);
            return sov_fail(err, SOV_EMEM, "out of memory");
        }
        if (len == 0) {
            free(text);
            text = NULL;
        }
        p->fact[i].text = text;
        p->fact[i].claim = pen.claim;
        p->fact[i].from = pen.from;
    }
    return 0;
}

/* ---- what was declared */

static bool
same_bytes(const struct sov_resource *a, const struct sov_resource *b)
{
    return (a->digest.has & b->digest.has & SOV_HASH_SHA256) != 0 &&
           memcmp(a->digest.sha256, b->digest.sha256, SOV_SHA256_LEN) == 0;
}

static bool
shares(const struct sov_statement *st, const struct sov_resource *r, size_t n)
{
    for (size_t i = 0; i < st->n_subjects; i++)
        for (size_t k = 0; k < n; k++)
            if (same_bytes(&st->subject[i], &r[k]))
                return true;
    return false;
}

/*
 * The ancestor that a claim of facts is about: one with a claim of its own, or
 * one that went into a step without any.  NULL: none.
 */
static const char *
ancestor(const struct paper *p, const struct sov_claim *c)
{
    const struct sov_statement *about = &c->statement;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        if (i > 0 && shares(about, st->subject, st->n_subjects))
            return sov_verify_file_of(st);
        for (size_t k = 0; k < st->n_dependencies; k++)
            if (shares(about, &st->dependency[k], 1))
                return sov_verify_file_of(about);
    }
    return NULL;
}

/* Two who sign one claim say it once. */
static bool
is_word(const struct paper *p, const struct sov_claim *c)
{
    for (size_t i = 0; i < p->n_words; i++)
        if (strcmp(p->word[i].claim->id, c->id) == 0)
            return true;
    return false;
}

int
paper_words(struct paper *p, struct sov_err *err)
{
    size_t n = sov_claims_count(p->claims);

    p->word = calloc(n + 1, sizeof(*p->word));
    if (p->word == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int old = 0; old < 2; old++)
        for (size_t i = 0; i < n; i++) {
            const struct sov_claim *c = sov_claims_at(p->claims, i);
            bool own = sov_claim_is_of(c, p->set.file, p->set.n);
            const char *of = own ? NULL : ancestor(p, c);

            if (!sov_statement_is_facts(&c->statement) || is_word(p, c) ||
                own != (old == 0) || (!own && of == NULL))
                continue;
            if (sov_policy_allows(p->policy, p->claims, c))
                p->word[p->n_words++] =
                    (struct paper_word){ .claim = c, .of = of };
            else
                p->n_strangers++;
        }
    return 0;
}

bool
paper_value(const struct paper *p, const char *name, size_t i,
            struct paper_value *v)
{
    *v = (struct paper_value){ .from = PAPER_MISSING };
    if (name[0] == '@') {
        size_t k = find_fact(name + 1);

        if (i > 0 || k == PAPER_FACTS)
            return false;
        if (p->fact[k].text != NULL)
            *v = (struct paper_value){ .from = p->fact[k].from,
                                       .claim = p->fact[k].claim,
                                       .text = p->fact[k].text };
        return true;
    }
    for (size_t w = 0, at = 0; w < p->n_words; w++) {
        const struct sov_param *list =
            sov_statement_fact(&p->word[w].claim->statement, name);

        for (size_t k = 0; list != NULL && k < list->n; k++)
            if (at++ == i) {
                *v = (struct paper_value){ .from = PAPER_DECLARED,
                                           .claim = p->word[w].claim->id,
                                           .by = p->word[w].claim->signer,
                                           .of = p->word[w].of,
                                           .text = list->item[k].str };
                return true;
            }
        if (w + 1 == p->n_words && at > 0)
            return false;
    }
    return i == 0;
}

const char *
paper_text(const struct paper *p, const char *name)
{
    struct paper_value v;

    return paper_value(p, name, 0, &v) ? v.text : NULL;
}

const char *
paper_label(const char *name, char *buf, size_t size)
{
    /* names that do not become words by themselves */
    static const char *const named[][2] = {
        { "architecture", "System that it is a part of" },
        { "energy_mwh", "Energy of the training, in MWh" },
        { "energy_method", "How the energy was found" },
        { "flop_method", "How the operations were counted" },
        { "license", "Licence" },
        { "modality_in", "Inputs" },
        { "modality_out", "Outputs" },
        { "training_flop", "Operations of the training, in FLOP" },
        { "union_release_date", "Release date in the Union" },
    };

    if (name[0] == '@') {
        size_t k = find_fact(name + 1);

        snprintf(buf, size, "%s", k < PAPER_FACTS ? facts[k].label : name);
        return buf;
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (strcmp(name, named[i][0]) == 0) {
            snprintf(buf, size, "%s", named[i][1]);
            return buf;
        }
    snprintf(buf, size, "%s", name);
    for (char *c = buf; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
    if (buf[0] >= 'a' && buf[0] <= 'z')
        buf[0] = (char)(buf[0] - 'a' + 'A');
    return buf;
}

const char *
paper_tag(const struct paper *p, const struct paper_value *v, char *buf,
          size_t size)
{
    switch (v->from) {
    case PAPER_MISSING:
        snprintf(buf, size, "MISSING");
        break;
    case PAPER_OF_FILE:
        snprintf(buf, size, "fact: the file");
        break;
    case PAPER_OF_CLAIM:
        snprintf(buf, size, "fact%s: claim %.16s",
                 p->verified ? "" : ", NOT VERIFIED",
                 v->claim != NULL ? v->claim : "");
        break;
    case PAPER_DECLARED:
        snprintf(buf, size, "declared%s%.60s%s%.60s: claim %.16s",
                 v->of != NULL ? " of " : "", v->of != NULL ? v->of : "",
                 v->by != NULL && v->by[0] != '\0' ? " by " : "",
                 v->by != NULL ? v->by : "", v->claim != NULL ? v->claim : "");
        break;
    case PAPER_HEADER:
        snprintf(buf, size, "declared: the file's header");
        break;
    }
    return buf;
}

/* ---- small things */

void
paper_hex(char buf[65], const unsigned char sha256[SOV_SHA256_LEN])
{
    for (int i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(buf + 2 * i, 3, "%02x", sha256[i]);
}

const char *
paper_time(int64_t when, char *buf, size_t size)
{
    char text[32];

    sov_verify_time(when, text, sizeof(text));
    if (text[0] == '\0')
        buf[0] = '\0';
    else
        snprintf(buf, size, "%.10sT%.8sZ", text, text + 11);
    return buf;
}
