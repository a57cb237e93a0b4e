/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_annex.c - documentation that a law asks for, row by row
 *
 * Markdown that can be read as it is.  At the top: which file, whether it is
 * what was signed, and how much is there and how much is missing.  Then every
 * row of the law with its values, each with where it is from.  At the end what
 * is missing, with a file of facts to be filled in.
 */
#include "verify/paper_annex.h"

#include "sov/base.h"
#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_ 64
#define SEEN      160 /* names in a table, at most */

struct annex_count {
    size_t fact, declared, missing; /* each name once */
    size_t rows, bare;              /* rows of the law; without any value */
    struct {
        char name[NAME_MAX_];
        const char *row; /* that it stood in first */
        bool missing;
    } seen[SEEN];
    size_t n_seen;
};

/* The next name of a row; false at the end. */
static bool
next_name(const char **at, char name[NAME_MAX_])
{
    size_t len;

    *at += strspn(*at, " ");
    len = strcspn(*at, " ");
    if (len == 0 || len >= NAME_MAX_)
        return false;
    memcpy(name, *at, len);
    name[len] = '\0';
    *at += len;
    return true;
}

/* The number of a name, SEEN for one that is there for the first time, which
 * is noted then. */
static size_t
see(struct annex_count *c, const char *name, const char *row, bool missing)
{
    for (size_t i = 0; i < c->n_seen; i++)
        if (strcmp(c->seen[i].name, name) == 0)
            return i;
    if (c->n_seen < SEEN) {
        memcpy(c->seen[c->n_seen].name, name, strlen(name) + 1);
        c->seen[c->n_seen].row = row;
        c->seen[c->n_seen++].missing = missing;
    }
    return SEEN;
}

/* Count the values of a row; is there any? */
static bool
count_row(const struct paper *p, const struct annex_row *row,
          struct annex_count *c)
{
    const char *at = row->names;
    char name[NAME_MAX_];
    bool any = false;

    while (at != NULL && next_name(&at, name)) {
        struct paper_value v;
        bool there = paper_value(p, name, 0, &v) && v.text != NULL;

        any |= there;
        if (see(c, name, row->number, !there) != SEEN)
            continue;
        for (size_t i = 0; paper_value(p, name, i, &v); i++)
            switch (v.from) {
            case PAPER_MISSING:
                c->missing++;
                break;
            case PAPER_OF_FILE:
            case PAPER_OF_CLAIM:
                c->fact++;
                break;
            case PAPER_DECLARED:
            case PAPER_HEADER:
                c->declared++;
                break;
            }
    }
    return any;
}

static void
count_all(const struct paper *p, const struct annex *a, struct annex_count *c)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->row[i].number == NULL)
            continue;
        c->rows++;
        c->bare += !count_row(p, &a->row[i], c);
    }
}

/* ---- the head */

static void
put_head(const struct paper *p, const struct annex *a,
         const struct annex_count *c, FILE *f)
{
    char when[32];

    fprintf(f, "# %s\n\n", a->title);
    fputs("**Model:** ", f);
    paper_md(f, p->name);
    if (paper_text(p, "name") != NULL) {
        fputs(" (", f);
        paper_md(f, paper_text(p, "name"));
        fputs(")", f);
    }
    fputs("  \n**Standing:** ", f);
    paper_md(f, p->standing);
    fprintf(f, "  \n**As of:** %s  \n**Made by:** sov-verify %s\n\n",
            p->when != 0 ? paper_time(p->when, when, sizeof(when))
                         : "not known: no claim has a time",
            sov_version());
    fputs("Anybody who has the file (MODEL), its claims and the signer's "
          "public key (PUB) can check that again:\n\n"
          "    sov-verify --key PUB MODEL\n\n",
          f);
    fprintf(f, "%s\n\n", a->law);
    fprintf(f,
            "%zu of %zu rows have at least one value. Each counted once: %zu "
            "facts, %zu declared, %zu MISSING.\n\n",
            c->rows - c->bare, c->rows, c->fact, c->declared, c->missing);
    if (p->n_strangers > 0)
        fprintf(f,
                "%zu statement%s by keys that are not trusted here %s left "
                "out.\n\n",
                p->n_strangers, p->n_strangers == 1 ? "" : "s",
                p->n_strangers == 1 ? "was" : "were");
    fputs("## How to read this\n\n"
          "Behind every value stands where it is from:\n\n"
          "- *fact: the file* - read or computed from the bytes of the model; "
          "anybody who has them finds the same.\n"
          "- *fact: claim ID* - a program wrote it down and signed it while it "
          "made the model. `sov-verify --show` prints that claim; "
          "`sov-verify --recompute` repeats such steps where that is "
          "possible.\n"
          "- *declared: claim ID* - a person said and signed it. No program "
          "can know whether it is true.\n"
          "- *declared: the file's header* - whoever made the file wrote it "
          "there.\n"
          "- *MISSING* - nobody has said it. The last section tells how to add "
          "it.\n\n"
          "This paper gathers evidence. It is not legal advice, and does not "
          "decide whether a row applies.\n",
          f);
    if (a->about != NULL)
        fprintf(f, "\n%s\n", a->about);
}

/* ---- the rows */

/* What is long is told once. */
static void
put_name(const struct paper *p, const struct annex_row *row, const char *name,
         const struct annex_count *c, FILE *f)
{
    struct paper_value v;
    char label[100];
    const char *first = row->number;

    for (size_t i = 0; i < c->n_seen; i++)
        if (strcmp(c->seen[i].name, name) == 0)
            first = c->seen[i].row;
    if (first != row->number && paper_text(p, name) != NULL &&
        strchr(paper_text(p, name), '\n') != NULL) {
        fprintf(f, "- **%s:** as in %s\n",
                paper_label(name, label, sizeof(label)), first);
        return;
    }
    for (size_t i = 0; paper_value(p, name, i, &v); i++)
        paper_put(p, f, name, &v);
}

static void
put_row(const struct paper *p, const struct annex_row *row,
        const struct annex_count *c, FILE *f)
{
    const char *at = row->names;
    char name[NAME_MAX_];

    if (row->number == NULL) {
        fprintf(f, "\n## %s\n", row->asks);
        return;
    }
    fprintf(f, "\n### %s: %s\n\n", row->number, row->asks);
    if (row->names == NULL)
        fputs("- MISSING: this is about the system that the model is built "
              "into; its provider adds it.\n",
              f);
    while (at != NULL && next_name(&at, name))
        put_name(p, row, name, c, f);
}

/* ---- the tail */

static void
put_wanted(const struct annex_count *c, FILE *f)
{
    fputs("\n## What is missing, and how to add it\n\n", f);
    fputs("Fill in what applies, leave out the rest, and sign it; then make "
          "this paper again:\n\n"
          "    sov-verify --facts facts --sign-key KEY MODEL\n\n"
          "The file `facts`, of which a line stays a comment until its "
          "`#` is taken away:\n\n    sov-facts v1\n",
          f);
    for (size_t i = 0; i < c->n_seen; i++) {
        const struct sov_fact_info *row = sov_fact_named(c->seen[i].name);

        if (c->seen[i].missing && row != NULL)
            fprintf(f, "    #%s: %s\n", row->name, row->help);
    }
    fputs("\nFacts that are missing were not recorded when the model was made: "
          "steps that run with `--sign-key` record them, and "
          "`sov-bench --sign-key` signs what it measures.\n",
          f);
}

int
annex_write(const struct paper *p, const struct annex *a, FILE *f,
            struct sov_err *err)
{
    struct annex_count *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    count_all(p, a, c);
    put_head(p, a, c, f);
    for (size_t i = 0; i < a->n; i++)
        put_row(p, &a->row[i], c, f);
    put_wanted(c, f);
    free(c);
    return 0;
}
