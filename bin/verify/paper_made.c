/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_made.c - facts that the tools which made a model have signed
 */
#include "verify/paper.h"

#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THIRD (1e23 / 3) /* FLOP; see paper_fact_share() */

static void
said_by(struct paper_pen *pen, const struct sov_claim *c)
{
    pen->from = PAPER_OF_CLAIM;
    pen->claim = c->id;
}

/* What somebody has called a thing: a line break in it would begin another
 * entry, and say what nobody has said. */
static void
say(FILE *f, const char *text)
{
    for (; *text != '\0'; text++)
        fputc(*text != '\n' ? *text : ' ', f);
}

/* "quantize of a.gguf: " */
static void
say_step(FILE *f, const struct sov_claim *c)
{
    char deed[240];

    say(f, sov_verify_deed(c, deed, sizeof(deed)));
    fputs(" of ", f);
    say(f, sov_verify_file_of(&c->statement));
    fputs(": ", f);
}

void
paper_fact_authenticity(const struct paper *p, struct paper_pen *pen)
{
    if (p->leaf == NULL)
        return;
    fprintf(pen->f, "claim %s", p->leaf->id);
    for (size_t i = 0; i < sov_claims_count(p->claims); i++) {
        const struct sov_claim *c = sov_claims_at(p->claims, i);

        if (strcmp(c->id, p->leaf->id) != 0)
            continue;
        fprintf(pen->f, "\nsigned by key %s%s%s (%s)", c->key_id,
                c->signer[0] != '\0' ? ", " : "", c->signer,
                sov_verify_trust_word(c->trust));
    }
    said_by(pen, p->leaf);
}

/* ---- where it comes from */

static bool
is_model(const char *role)
{
    static const char *const roles[] = { "parent",  "teacher", "student",
                                         "adapter", "draft",   "tokenizer" };

    for (size_t i = 0; role != NULL && i < sizeof(roles) / sizeof(*roles); i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return false;
}

static void
put_resource(FILE *f, const struct sov_resource *r)
{
    char hex[65];

    say(f, r->name != NULL ? r->name : r->uri != NULL ? r->uri : "(no name)");
    if ((r->digest.has & SOV_HASH_SHA256) != 0) {
        paper_hex(hex, r->digest.sha256);
        fprintf(f, " (sha256 %s)", hex);
    }
}

/* Each ancestor once: with its claim, or as what went in without one. */
void
paper_fact_ancestry(const struct paper *p, struct paper_pen *pen)
{
    const char *before = "";

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        for (size_t k = 0; k < st->n_dependencies; k++) {
            const struct sov_resource *d = &st->dependency[k];

            if (!is_model(d->role))
                continue;
            fprintf(pen->f, "%s%s of ", before, d->role);
            say(pen->f, sov_verify_file_of(st));
            fputs(": ", pen->f);
            put_resource(pen->f, d);
            fprintf(pen->f, ", %s%.16s",
                    d->claim != NULL ? "claim " : "which has no claim",
                    d->claim != NULL ? d->claim : "");
            before = "\n";
        }
        for (size_t k = 0; k < st->n_external; k++)
            if (strcmp(st->external[k].key, "source") == 0 &&
                st->external[k].kind == SOV_PARAM_STR) {
                fputs(before, pen->f);
                say(pen->f, sov_verify_file_of(st));
                fputs(": taken from ", pen->f);
                say(pen->f, st->external[k].str);
                before = "\n";
            }
    }
    if (p->leaf != NULL)
        said_by(pen, p->leaf);
}

static void
put_param(FILE *f, const struct sov_param *p)
{
    switch (p->kind) {
    case SOV_PARAM_STR:
    case SOV_PARAM_REAL:
        say(f, p->str);
        break;
    case SOV_PARAM_INT:
        fprintf(f, "%" PRId64, p->num);
        break;
    case SOV_PARAM_BOOL:
        fputs(p->num != 0 ? "yes" : "no", f);
        break;
    case SOV_PARAM_NULL:
        fputs("-", f);
        break;
    case SOV_PARAM_LIST:
    case SOV_PARAM_MAP:
        for (size_t i = 0; i < p->n; i++) {
            fputs(i > 0 ? "," : "", f);
            put_param(f, &p->item[i]);
        }
        break;
    }
}

void
paper_fact_process(const struct paper *p, struct paper_pen *pen)
{
    char deed[240], when[32];

    for (size_t i = p->n_steps; i-- > 0;) { /* as it happened */
        const struct sov_claim *c = p->step[i].claim;
        const struct sov_statement *st = &c->statement;

        if (i + 1 < p->n_steps)
            fputc('\n', pen->f);
        if (st->finished != 0)
            fprintf(pen->f, "%s, ", paper_time(st->finished, when, 32));
        say(pen->f, sov_verify_deed(c, deed, sizeof(deed)));
        fputs(" -> ", pen->f);
        say(pen->f, sov_verify_file_of(st));
        fputc(':', pen->f);
        for (size_t k = 0; k < st->n_external; k++) {
            fputc(' ', pen->f);
            say(pen->f, st->external[k].key);
            fputc('=', pen->f);
            put_param(pen->f, &st->external[k]);
        }
        fprintf(pen->f, " (claim %.16s)", c->id);
        said_by(pen, p->leaf);
    }
}

/* ---- data */

void
paper_fact_data(const struct paper *p, struct paper_pen *pen)
{
    const char *before = "";

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;
        const struct sov_param *texts =
            paper_param(st->external, st->n_external, "texts");
        const char *hex =
            paper_param_text(st->internal, st->n_internal, "texts_sha256");

        if (texts != NULL) {
            fprintf(pen->f, "%straining texts of ", before);
            say(pen->f, sov_verify_file_of(st));
            fputs(": ", pen->f);
            put_param(pen->f, texts);
            if (hex != NULL) {
                fputs(" (sha256 of all documents, sieved: ", pen->f);
                say(pen->f, hex);
                fputc(')', pen->f);
            }
            before = "\n";
        }
        for (size_t k = 0; k < st->n_dependencies; k++) {
            const struct sov_resource *d = &st->dependency[k];

            if (d->role == NULL || is_model(d->role) ||
                strcmp(d->role, "tool") == 0)
                continue;
            fputs(before, pen->f);
            say(pen->f, d->role);
            fputs(" of ", pen->f);
            say(pen->f, sov_verify_file_of(st));
            fputs(": ", pen->f);
            put_resource(pen->f, d);
            before = "\n";
        }
    }
    if (p->leaf != NULL)
        said_by(pen, p->leaf);
}

void
paper_fact_tokens(const struct paper *p, struct paper_pen *pen)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->n_steps; i++)
        sum += p->step[i].tokens;
    if (sum > 0) {
        fprintf(pen->f, "%" PRIu64 " tokens", sum);
        said_by(pen, p->leaf);
    }
}

/* ---- with what */

void
paper_fact_software(const struct paper *p, struct paper_pen *pen)
{
    const char *before = "";

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        for (size_t k = 0; k < st->n_dependencies; k++) {
            const struct sov_resource *d = &st->dependency[k];
            const char *version =
                paper_param_text(st->version, st->n_versions, "sov");

            if (d->role == NULL || strcmp(d->role, "tool") != 0)
                continue;
            fputs(before, pen->f);
            say(pen->f, sov_verify_file_of(st));
            fputs(": ", pen->f);
            put_resource(pen->f, d);
            if (version != NULL) {
                fputs(", version ", pen->f);
                say(pen->f, version);
            }
            before = "\n";
            said_by(pen, p->leaf);
        }
    }
}

void
paper_fact_repeatable(const struct paper *p, struct paper_pen *pen)
{
    const char *before = "";

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;
        const char *how =
            paper_param_text(st->internal, st->n_internal, "determinism");

        if (how == NULL)
            continue;
        fputs(before, pen->f);
        say_step(pen->f, p->step[i].claim);
        say(pen->f, how);
        before = "\n";
        said_by(pen, p->leaf);
    }
}

/* ---- what it took */

/* Of all steps; NaN: of some of them it is not known.  Steps that take none to
 * speak of are no estimate. */
static double
all_flop(const struct paper *p, bool *estimated, bool *more)
{
    double sum = 0;

    *estimated = *more = false;
    for (size_t i = 0; i < p->n_steps; i++) {
        sum += p->step[i].flop;
        *estimated |= !p->step[i].flop_told && p->step[i].flop != 0;
        *more |= p->step[i].flop_short;
    }
    return p->n_steps > 0 ? sum : NAN;
}

void
paper_fact_flop(const struct paper *p, struct paper_pen *pen)
{
    bool estimated, more;
    double sum = all_flop(p, &estimated, &more);

    if (isnan(sum))
        return;
    fprintf(pen->f, "%s%.3g FLOP", more ? "at least " : "", sum);
    fputs(!estimated
              ? " (as the steps have counted; work on the matrices themselves "
                "is not counted"
              : " (estimate: 6 x parameters x tokens for training, 2 x bytes "
                "of a model x tokens where it only reads a text, unless the "
                "step has counted; work on the matrices themselves is not "
                "counted",
          pen->f);
    fputs(more ? "; what the teacher computed is not known and not in it)"
               : ")",
          pen->f);
    said_by(pen, p->leaf);
}

/*
 * Who modifies a model with more than a third of the computation of its
 * training becomes its provider; where that is not known, a third of 1e23 FLOP
 * stands in for it (Commission guidelines on the scope of obligations for
 * providers of general-purpose AI models, July 2025, points 60 to 64).
 */
void
paper_fact_share(const struct paper *p, struct paper_pen *pen)
{
    const char *told = paper_text(p, "training_flop");
    bool estimated, more;
    double sum = all_flop(p, &estimated, &more);
    double all = told != NULL ? strtod(told, NULL) : NAN;
    double mark = all > 0 ? all / 3 : THIRD;
    const char *where = sum > mark  ? "ABOVE"
                        : more      ? "not above, as far as it is counted,"
                        : estimated ? "below, by this estimate,"
                                    : "below";

    if (isnan(sum))
        return;
    if (all > 0)
        fprintf(pen->f,
                "%s%.3g of the %s FLOP that are declared for the original "
                "training: %s one third",
                more ? "at least " : "", sum / all, told, where);
    else
        fprintf(pen->f,
                "not known, since the computation of the original training is "
                "MISSING; %s%.3g FLOP are %s %.3g, one third of 1e23 FLOP, "
                "which stands in where it is not known",
                more ? "at least " : "", sum, where, THIRD);
    fputs("; above it, who modifies a model is its provider", pen->f);
    said_by(pen, p->leaf);
}

void
paper_fact_wall(const struct paper *p, struct paper_pen *pen)
{
    const char *before = "";

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct paper_step *s = &p->step[i];

        if (s->seconds < 0)
            continue;
        fputs(before, pen->f);
        say_step(pen->f, s->claim);
        fprintf(pen->f, "%" PRId64 " s", s->seconds);
        before = "\n";
        said_by(pen, p->leaf);
    }
}

double
paper_joules(const struct paper *p, size_t *n)
{
    double sum = 0;

    *n = 0;
    for (size_t i = 0; i < p->n_steps; i++)
        if (!isnan(p->step[i].joules)) {
            sum += p->step[i].joules;
            ++*n;
        }
    return sum;
}

void
paper_fact_energy(const struct paper *p, struct paper_pen *pen)
{
    size_t n;
    double sum = paper_joules(p, &n);

    if (n == 0)
        return;
    fprintf(pen->f,
            "%.6g kWh (%.6g J), as processors have counted in %zu of %zu steps",
            sum / 3.6e6, sum, n, p->n_steps);
    said_by(pen, p->leaf);
}

void
paper_fact_tests(const struct paper *p, struct paper_pen *pen)
{
    const struct sov_claim *c;
    const char *before = "";
    char line[400], when[32];

    for (size_t i = 0; (c = paper_test(p, i)) != NULL; i++) {
        fprintf(pen->f, "%s%s, %s (claim %.16s, signed by %s)", before,
                paper_time(c->statement.finished, when, sizeof(when)),
                sov_verify_test(&c->statement, line, sizeof(line)), c->id,
                c->signer[0] != '\0' ? c->signer : "a trusted key");
        for (size_t k = 0;
             sov_verify_measured(&c->statement, k, line, sizeof(line)); k++) {
            fputc('\n', pen->f);
            say(pen->f, line);
        }
        before = "\n";
        said_by(pen, c);
    }
}

/* ---- labels */

static void
put_label(const struct paper *p, struct paper_pen *pen, const char *key)
{
    const struct sov_param *l =
        p->leaf == NULL ? NULL
                        : paper_param(p->leaf->statement.label,
                                      p->leaf->statement.n_labels, key);

    for (size_t i = 0; l != NULL && i < l->n; i++) {
        fputs(i > 0 ? ", " : "", pen->f);
        say(pen->f, l->item[i].str);
    }
    if (l != NULL)
        said_by(pen, p->leaf);
    if (l != NULL)
        pen->from = PAPER_DECLARED; /* by whoever adopted an ancestor */
}

void
paper_fact_licenses(const struct paper *p, struct paper_pen *pen)
{
    put_label(p, pen, "license");
}

void
paper_fact_places(const struct paper *p, struct paper_pen *pen)
{
    put_label(p, pen, "jurisdiction");
}
