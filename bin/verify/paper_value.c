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

/* A file of the history: what made it is step at / 2, or what it went into. */
struct mark {
    const unsigned char *sha256;
    size_t at;
};

static int
by_bytes(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int d = memcmp(x->sha256, y->sha256, SOV_SHA256_LEN);

    return d != 0 ? d : (x->at > y->at) - (x->at < y->at);
}

static size_t
put_marks(struct mark *mark, const struct sov_resource *r, size_t n, size_t at)
{
    size_t put = 0;

    for (size_t i = 0; i < n; i++)
        if ((r[i].digest.has & SOV_HASH_SHA256) != 0)
            mark[put++] = (struct mark){ r[i].digest.sha256, at };
    return put;
}

/* All files of the history but those of the model itself, in order of their
 * bytes; NULL: no memory. */
static struct mark *
marks_of(const struct paper *p, size_t *n)
{
    size_t most = 1;
    struct mark *mark;

    for (size_t i = 0; i < p->n_steps; i++)
        most += p->step[i].claim->statement.n_subjects +
                p->step[i].claim->statement.n_dependencies;
    mark = calloc(most, sizeof(*mark));
    *n = 0;
    for (size_t i = 0; i < p->n_steps && mark != NULL; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        if (i > 0)
            *n += put_marks(mark + *n, st->subject, st->n_subjects, 2 * i);
        *n +=
            put_marks(mark + *n, st->dependency, st->n_dependencies, 2 * i + 1);
    }
    if (mark != NULL)
        qsort(mark, *n, sizeof(*mark), by_bytes);
    return mark;
}

/* Where these bytes are first in the history; SIZE_MAX: nowhere. */
static size_t
first_at(const struct mark *mark, size_t n, const unsigned char *sha256)
{
    const struct mark want = { sha256, 0 };
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (by_bytes(&mark[mid], &want) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && memcmp(mark[low].sha256, sha256, SOV_SHA256_LEN) == 0
               ? mark[low].at
               : SIZE_MAX;
}

/*
 * The ancestor that a claim of facts is about: one with a claim of its own, or
 * one that went into a step without any.  NULL: none.
 */
static const char *
ancestor(const struct paper *p, const struct mark *mark, size_t n,
         const struct sov_claim *c)
{
    const struct sov_statement *about = &c->statement;
    size_t first = SIZE_MAX;

    for (size_t i = 0; i < about->n_subjects; i++)
        if ((about->subject[i].digest.has & SOV_HASH_SHA256) != 0) {
            size_t at = first_at(mark, n, about->subject[i].digest.sha256);

            first = at < first ? at : first;
        }
    if (first == SIZE_MAX)
        return NULL;
    return sov_verify_file_of(
        first % 2 == 0 ? &p->step[first / 2].claim->statement : about);
}

/* ---- who says it */

/* A line of claims, and the first line of the same claim. */
struct line {
    const struct sov_claim *claim;
    size_t i;
    bool said; /* of the first: it is a word */
};

static int
by_id(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int d = strcmp(x->claim->id, y->claim->id);

    return d != 0 ? d : (x->i > y->i) - (x->i < y->i);
}

/* For each line the one of lines, sorted, that its claim is said by; NULL: it
 * says no facts.  free() both; false: no memory. */
static bool
group_lines(const struct paper *p, struct line **lines, struct line ***of)
{
    size_t n = sov_claims_count(p->claims), k = 0;
    struct line *first = NULL;

    *lines = calloc(n + 1, sizeof(**lines));
    *of = calloc(n + 1, sizeof(**of));
    if (*lines == NULL || *of == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (sov_statement_is_facts(&sov_claims_at(p->claims, i)->statement))
            (*lines)[k++] = (struct line){ sov_claims_at(p->claims, i), i, 0 };
    qsort(*lines, k, sizeof(**lines), by_id);
    for (size_t i = 0; i < k; i++) {
        struct line *l = &(*lines)[i];

        if (first == NULL || strcmp(first->claim->id, l->claim->id) != 0)
            first = l;
        (*of)[l->i] = first;
    }
    return true;
}

/* Line i, if it is of the model (of NULL) or of an ancestor, and not said. */
static void
take_word(struct paper *p, size_t i, const char *of, struct line *line)
{
    const struct sov_claim *c = sov_claims_at(p->claims, i);

    if (line->said) /* two who sign one claim say it once */
        return;
    if (!sov_policy_allows(p->policy, p->claims, c)) {
        p->n_strangers++;
        return;
    }
    line->said = true;
    p->word[p->n_words++] = (struct paper_word){ .claim = c, .of = of };
}

/* Those of the model before those of ancestors. */
static void
take_words(struct paper *p, const struct mark *mark, size_t n_marks,
           struct line *const *line)
{
    size_t n = sov_claims_count(p->claims);

    for (int old = 0; old < 2; old++)
        for (size_t i = 0; i < n; i++) {
            const struct sov_claim *c = sov_claims_at(p->claims, i);
            const char *of;

            if (line[i] == NULL ||
                sov_claim_is_of(c, p->set.file, p->set.n) != (old == 0))
                continue;
            of = old == 0 ? NULL : ancestor(p, mark, n_marks, c);
            if (old == 0 || of != NULL)
                take_word(p, i, of, line[i]);
        }
}

int
paper_words(struct paper *p, struct sov_err *err)
{
    struct line *lines = NULL, **of = NULL;
    size_t n_marks;
    struct mark *mark = marks_of(p, &n_marks);
    bool there = group_lines(p, &lines, &of);

    p->word = calloc(sov_claims_count(p->claims) + 1, sizeof(*p->word));
    there &= mark != NULL && p->word != NULL;
    if (there)
        take_words(p, mark, n_marks, of);
    free(mark);
    free(lines);
    free(of);
    return there ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
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
