/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper.h - a model's papers: what is known of it, and who says so
 *
 * A paper is made of facts and of what was declared.  A fact comes from the
 * file or from claims of the tools that made it, and has a row in
 * paper_facts.def; in tables it is named "@parameters".  What people declare
 * ("intended_use") comes from signed claims of facts.  What nobody says is
 * MISSING, and every paper says so.
 *
 * The same model and claims give the same bytes.
 */
#ifndef SOV_VERIFY_PAPER_H
#define SOV_VERIFY_PAPER_H

#include "cli/fileset.h"
#include "sov/claim.h"
#include "sov/err.h"
#include "sov/model.h"
#include "verify/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum paper_fact {
#define FACT(name, label) PAPER_FACT_##name,
#include "verify/paper_facts.def"
    PAPER_FACTS,
};

/* A step of the history: a claim, and what it took. */
struct paper_step {
    const struct sov_claim *claim;
    double flop;     /* NaN: not known */
    bool flop_told;  /* by the claim itself, else estimated */
    bool flop_short; /* a part of it is not known: it took more */
    int64_t seconds; /* -1: not known */
    double joules;   /* NaN: not known */
    uint64_t tokens; /* of training */
};

/* A claim of facts that is believed. */
struct paper_word {
    const struct sov_claim *claim;
    const char *of; /* the ancestor that it is about; NULL: the model */
};

/* Where a value is from. */
enum paper_from {
    PAPER_MISSING,
    PAPER_OF_FILE,  /* a fact: read in the file, or computed of it */
    PAPER_OF_CLAIM, /* a fact: a tool has signed it */
    PAPER_DECLARED, /* somebody has signed it, and no machine can know it */
    PAPER_HEADER,   /* it stands in the file, and nobody has signed it alone */
};

struct paper_value {
    enum paper_from from;
    const char *claim; /* id, or NULL */
    const char *of;    /* said of this ancestor, or NULL */
    const char *by;    /* name of who declared it, or NULL */
    const char *text;  /* one or more lines; NULL: MISSING */
};

struct paper {
    const char *path; /* as it was given */
    const char *name; /* the last part of it */
    struct sov_fileset set;
    sov_model *model;
    const sov_meta *meta;
    sov_policy *policy; /* who may say what */
    sov_claims *claims;
    char *claims_path;
    const struct sov_claim *leaf; /* the claim about it, or NULL */
    struct sov_verdict v;
    bool verified;      /* a trusted key says so */
    char standing[600]; /* one sentence: is it verified, and by whom? */
    size_t n_strangers; /* claims of facts or tests by keys not trusted */

    struct paper_step *step; /* the history, the model itself first */
    size_t n_steps;
    struct paper_word *word;
    size_t n_words;
    uint64_t parameters;
    uint64_t bytes; /* of all tensors */
    int64_t when;   /* of the paper: SOURCE_DATE_EPOCH, or that of the newest
                       claim that it is made of; 0: not known */
    struct {
        char *text;
        const char *claim;
        enum paper_from from;
    } fact[PAPER_FACTS];
};

/* ---- paper.c: a kind writes its paper to f */

typedef int (*paper_fn)(const struct paper *p, FILE *f, struct sov_err *err);

#define PAPER(name, function) \
    int paper_##function(const struct paper *p, FILE *f, struct sov_err *err);
#include "verify/papers.def"

/* ---- paper_gather.c */

/* From step on: all that follows of the files, the model, its claims, which
 * were checked, and the leaf.  free() fact[].text, step and word. */
int paper_gather(struct paper *p, struct sov_err *err) SOV_MUST_CHECK;

/* ---- paper_value.c: what is said under a name */

/*
 * Value i under name: of "@..." one, of others as many as were declared.  False
 * behind the last one; where there is none at all, value 0 is MISSING.
 */
bool paper_value(const struct paper *p, const char *name, size_t i,
                 struct paper_value *v);

/* The first one's text, or NULL. */
const char *paper_text(const struct paper *p, const char *name);

/* What the name means, for people: "Number of parameters". */
const char *paper_label(const char *name, char *buf, size_t size);

/* "fact (claim 4be9d55f910e6f89)" and so on. */
const char *paper_tag(const struct paper *p, const struct paper_value *v,
                      char *buf, size_t size);

/* Find the claims of facts that count; the history is known. */
int paper_words(struct paper *p, struct sov_err *err) SOV_MUST_CHECK;

/* All of paper_facts.def. */
int paper_facts(struct paper *p, struct sov_err *err) SOV_MUST_CHECK;

/* ---- one for each row: writes the value, or nothing; says whose claim */

struct paper_pen {
    FILE *f;
    const char *claim;
    enum paper_from from; /* PAPER_OF_FILE until somebody says otherwise */
};

#define FACT(name, label) \
    void paper_fact_##name(const struct paper *p, struct paper_pen *pen);
#include "verify/paper_facts.def"

/* ---- paper_steps.c: the history */

int paper_steps(struct paper *p, struct sov_err *err) SOV_MUST_CHECK;
const struct sov_param *paper_param(const struct sov_param *p, size_t n,
                                    const char *key);
const char *paper_param_text(const struct sov_param *p, size_t n,
                             const char *key);
/* Energy of those n steps that have said it. */
double paper_joules(const struct paper *p, size_t *n);
/* Tests of just these bytes by trusted keys; i from 0, NULL at the end. */
const struct sov_claim *paper_test(const struct paper *p, size_t i);

/* ---- small things */

/* A text from anywhere in Markdown, on one line. */
void paper_md(FILE *f, const char *text);
/* An entry of a list: label, value, where it is from.  Several lines become a
 * list in the list. */
void paper_put(const struct paper *p, FILE *f, const char *name,
               const struct paper_value *v);
void paper_hex(char buf[65], const unsigned char sha256[SOV_SHA256_LEN]);
/* 2026-11-21T10:00:00Z; "" for 0. */
const char *paper_time(int64_t when, char *buf, size_t size);

#endif
