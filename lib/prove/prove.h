/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.h - what the files of this folder share
 *
 * A deed reads all its parameters when the claim is read, so that nothing is
 * looked up later that was not understood then.
 */
#ifndef SOV_PROVE_PROVE_H
#define SOV_PROVE_PROVE_H

#include "sov/allot.h"
#include "sov/calib.h"
#include "sov/distill.h"
#include "sov/lora.h"
#include "sov/prove.h"
#include "sov/prune.h"
#include "sov/quant.h"
#include "sov/stats.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A kind of claim. */
struct sov_deed_row {
    const char *name;          /* of urn:sov:buildtype:NAME:v1 */
    const char *const *params; /* that it knows, NULL at the end */
    int arithmetic;            /* of this version */
    /* What the parameters say; files are not there yet. */
    int (*read)(sov_prove *p, struct sov_err *err);
    /* Get ready: p->plan is known afterwards. */
    int (*ready)(sov_prove *p, struct sov_err *err);
    int (*run)(sov_prove *p, const struct sov_taker *taker,
               struct sov_err *err);
};

#define DEED(sym) extern const struct sov_deed_row sov_deed_##sym;
#include "prove/deeds.def"
#undef DEED

/* Something that the claim names. */
struct sov_given {
    const struct sov_resource *what;
    char *path;       /* owned; NULL: it was not given */
    sov_model *model; /* owned; of an adapter */
    char *text;       /* owned; of what is no model */
    size_t len;
};

/* What becomes of a tensor of the plan. */
struct sov_proof_tensor {
    int64_t made; /* the same of the model that is judged; -1: it is not there,
                     or is another thing */
    bool chosen;
    size_t diff; /* number of its difference, or SIZE_MAX */
};

struct sov_prove {
    struct sov_prove_opts o;
    const struct sov_statement *claim;
    const struct sov_deed_row *deed;
    struct sov_given *given; /* owned; of each dependency */
    size_t n_given;
    sov_model *source;        /* owned; the parent, or NULL */
    struct sov_given *unsure; /* the parent, if its size alone is known yet */
    struct sov_err settled;   /* why it is not, from a task */
    bool map;                 /* it has to be mapped */

    /* What the claim says (read), and what hangs on files (ready): */
    char *words; /* owned; lists cut into pieces, one behind the other */
    struct sov_quant_opts quant;
    struct sov_quant_rule *rule; /* owned */
    struct sov_sheet *sheet;     /* owned */
    struct sov_prune_opts prune;
    struct sov_prune_rule *prune_rule;   /* owned */
    struct sov_prune_sheet *prune_sheet; /* owned */
    struct sov_distill_opts distill;
    const struct sov_param *set, *unset; /* of metadata; borrowed */
    size_t n_set, n_unset;
    const char **unknown; /* owned; keys whose files are missing: names in */
    char *unknown_words;  /* ... this, owned */
    size_t n_unknown;
    bool reads;                             /* a text */
    struct sov_calib_opts calib;            /* then */
    int32_t *ids;                           /* owned */
    unsigned char stats_is[SOV_SHA256_LEN]; /* what it showed, if */
    bool has_stats_is;                      /* ... the claim says that */
    bool no_meta; /* metadata of the output are not those of the plan */
    float *scale; /* owned; of adapters */
    size_t n_scales;

    sov_stats *stats;          /* owned; of a file, or collected */
    struct sov_lora_use *lora; /* owned, with what it points to */
    size_t n_lora;
    sov_quant *quant_job; /* owned */
    sov_prune *prune_job; /* owned */
    unsigned pack_bits;   /* of what is packed behind a method; 0: nothing */
    sov_prune *pack_job;  /* owned; then */
    bool staged;          /* then: there is a file, */
    int stage_fd;         /* ... this one, */
    sov_model *stage;     /* ... owned; with what was pruned */
    sov_distill *merge;   /* owned */
    sov_plan *own_plan;   /* owned, if no job has it */
    const sov_plan *plan;

    struct sov_proof_tensor *tensor; /* owned; of the plan */
    struct sov_prove_diff *diff;     /* owned */
    size_t n_diffs, cap_diffs;
    struct sov_prove_facts facts;
};

/* ---- params.c: what a claim says */

const struct sov_param *sov_prove_param(const sov_prove *p, const char *key);
/* 0, or 1 if it is not said, and *v is as it was; else SOV_EFORMAT. */
int sov_prove_str(const sov_prove *p, const char *key, const char **v,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_prove_uint(const sov_prove *p, const char *key, uint64_t *v,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_prove_real(const sov_prove *p, const char *key, double *v,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_prove_flag(const sov_prove *p, const char *key, bool *v,
                   struct sov_err *err) SOV_MUST_CHECK;
/* A list of texts. */
int sov_prove_list(const sov_prove *p, const char *key,
                   const struct sov_param **item, size_t *n,
                   struct sov_err *err) SOV_MUST_CHECK;
/* Of what the machine added. */
const struct sov_param *sov_prove_internal(const sov_prove *p, const char *key);
/* Are all parameters known, and is it exact? */
int sov_prove_known(const sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;
/* Copies of all texts of a list, behind those that are there. */
char *sov_prove_copy(const struct sov_param *item, size_t n);
/* calib, calib_tokens, calib_window; stats_sha256 */
int sov_prove_reading(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;

/* ---- given.c: what it was made from */

/*
 * Is the parent that was taken by its size the file that the claim names?
 * SOV_EUNSUP: it is not, and whatever was made of it says nothing.
 */
int sov_prove_settle(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;

/* The one with this role, counted from 0; NULL behind the last. */
struct sov_given *sov_prove_of(const sov_prove *p, const char *role, size_t i);
/* The text of the claim, as tokens: p->calib. */
int sov_prove_text(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;
/* The statistics file that the claim names, if it does: p->stats. */
int sov_prove_stats(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;
/* The adapters: p->lora. */
int sov_prove_adapters(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;

/* ---- stage.c: what a job of pruning gives, as p->stage */

int sov_prove_stage(sov_prove *p, sov_prune *job,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_prove_stage_end(sov_prove *p);

/* ---- edit.c: metadata, as --unset and --set change them */

int sov_prove_edit(void *prove, sov_meta *meta,
                   struct sov_err *err) SOV_MUST_CHECK;

/* ---- compare.c */

/* A difference, or NULL without memory; what it points to lives as long as
 * plan and models do. */
struct sov_prove_diff *sov_prove_differs(sov_prove *p, enum sov_prove_kind kind,
                                         const char *name);
/* Types, shapes and metadata; sets p->tensor. */
int sov_prove_compare_plan(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;
/* Some bytes of a tensor. */
int sov_prove_compare(void *prove, size_t tensor, uint64_t off, const void *buf,
                      size_t len, struct sov_err *err) SOV_MUST_CHECK;

#endif
