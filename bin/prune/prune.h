/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune.h - what the files of sov-prune share
 */
#ifndef SOV_BIN_PRUNE_H
#define SOV_BIN_PRUNE_H

#include "cli/kept.h"
#include "cli/lineage.h"
#include "cli/opt.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/stale.h"
#include "cli/target.h"
#include "sov/prune.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line said. */
struct prune_options {
    const char *method;
    double ratio;
    bool ratio_given;
    uint64_t target_size;
    double speedup;
    const char *pattern;
    struct sov_opt_list tensor_ratios;
    const char *stats;
    const char *calib;
    uint64_t calib_tokens;
    bool heal;
    uint64_t joint_bits;
    bool dsnot;
    bool owl;
    const char *plan;
    const char *plan_out;
    const char *format;
    uint64_t heal_steps;
    const char *heal_text;
    double heal_lr;
    const char *compare;
    bool require_better;
    bool pack;
    uint64_t pack_bits;
    bool unpack;
};

extern struct prune_options prune_options;

/* Steps of --heal where it is training. */
#define PRUNE_HEAL_STEPS 200

/* What one step gives and the next one takes: a model in a file without a
 * name.  All zeros at first. */
struct prune_stage {
    bool open;
    int fd;
    sov_model *model;
};

/* One model on its way. */
struct prune {
    const char *source;
    const char *method; /* that was named or chosen; NULL: the plan's */
    struct sov_prune_pattern pattern; /* of --pattern */
    struct sov_prune_rule *rule;      /* owned; of --tensor-ratio */
    char *names;                      /* owned; one block for all of them */
    struct sov_prune_sheet *sheet;    /* of --plan, or NULL */
    struct sov_digest plan_is;        /* what was in it */
    sov_sink *plan_sink;              /* of --plan-out, or NULL */
    sov_stats *stats;                 /* of --stats, or NULL */
    struct sov_reading calib;         /* of --calib */
    sov_model *model;
    sov_prune *job;
    struct sov_target target;
    struct sov_lineage lineage;
    struct sov_stale stale;
    char **fitted; /* owned; rules that --target-size led to, with --pack */
    size_t n_fitted;
    const char **input; /* owned; files that are read */
    size_t n_inputs;
    struct sov_kept kept; /* with --resume: what stays if this run ends early */
    struct sov_prune_cost cost; /* with --calib, what it will take, */
    double heal_seconds;        /* with --heal-steps; */
    double expected;            /* all of it, from the start on */
    double start;
    double seconds;
    struct prune_heal *healing;    /* of --heal-steps, or NULL */
    struct sov_digest heal_is;     /* what was in --heal-text */
    struct prune_compare *compare; /* of --compare, or NULL */
    bool packs;                    /* --pack behind a method */
    struct prune_packing *packing; /* of that, or NULL */
    uint64_t packed_bytes;         /* that will have, where it is known */
    const sov_plan *written;       /* of what was written */
};

/* options.c: what can be known to be wrong before anything is opened; and what
 * the options say in the words of the library. */
int prune_check(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_rules(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;

/* speed.c: the bytes that --speedup lets the files have; else nothing. */
int prune_speed_target(const struct prune *p, const struct sov_layout *layout,
                       uint64_t *bytes, struct sov_err *err) SOV_MUST_CHECK;

/* Does the text, or what statistics say of layers, come before the weights? */
bool prune_looks_first(void);

/* plan.c: read --plan; open and write --plan-out. */
int prune_plan_read(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_plan_open(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_plan_write(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;

/* sov-prune.c: the layout of the output; the metadata of it (arg is the
 * struct prune); open it. */
void prune_layout(const struct prune *p, struct sov_layout *layout);
int prune_edit(void *arg, sov_meta *meta, struct sov_err *err) SOV_MUST_CHECK;
int prune_open_output(struct prune *p, const sov_plan *plan,
                      struct sov_err *err) SOV_MUST_CHECK;

/* stage.c: write to a stage what has this plan, and open it as a model. */
typedef int (*prune_stage_fn)(void *job, sov_sink *const *sinks,
                              struct sov_err *err);
int prune_stage_fill(struct prune_stage *s, const sov_plan *plan,
                     prune_stage_fn fill, void *job,
                     struct sov_err *err) SOV_MUST_CHECK;
void prune_stage_end(struct prune_stage *s);
/* Such a function: what a job of pruning gives. */
int prune_write(void *job, sov_sink *const *sinks,
                struct sov_err *err) SOV_MUST_CHECK;

/* pack.c: how many bits --pack rounds to, 0 without.  Behind a method: the
 * pattern that a size needs, and the size; take what will be packed; open the
 * output and write it. */
unsigned prune_pack_bits(void);
int prune_pack_plan(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_pack_take(struct prune *p, const sov_plan *plan, prune_stage_fn fill,
                    void *job, struct sov_err *err) SOV_MUST_CHECK;
int prune_pack(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
void prune_pack_end(struct prune *p);

/* fit.c: of the size that is left when all matrices have what they have in
 * `less`, some of them keep so many of 64, as in `more`: p->rule. */
int prune_fit(struct prune *p, const sov_plan *less, const sov_plan *more,
              uint32_t keep, uint64_t align,
              struct sov_err *err) SOV_MUST_CHECK;
void prune_fit_end(struct prune *p);

/* heal.c: --heal-steps: is all there; once there is a plan, what it will take,
 * with so many bytes in memory before; prune, train, open the output and write
 * it; what it took, for the claim; what came of it. */
int prune_heal_check(const struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_heal_cost(struct prune *p, uint64_t before,
                    struct sov_err *err) SOV_MUST_CHECK;
int prune_heal(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
void prune_heal_effort(struct prune *p, struct sov_deed *deed);
void prune_heal_report(struct sov_report *r, const struct prune *p);
void prune_heal_end(struct prune *p);

/* compare.c: --compare: read the text; once the model is open, its tokens; when
 * the output has its name, compare; tell; is the answer no? */
int prune_compare_begin(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_compare_model(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
int prune_compare(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;
void prune_compare_report(struct sov_report *r, const struct prune *p);
int prune_compare_verdict(const struct prune *p,
                          struct sov_err *err) SOV_MUST_CHECK;
void prune_compare_end(struct prune *p);

/* claim.c: the signed claim about the output, if one was asked for. */
int prune_claim(struct prune *p, struct sov_err *err) SOV_MUST_CHECK;

/* report.c: with -v, and with --json or --dry-run: what was done. */
void prune_say(const struct prune *p);
int prune_report(const struct prune *p, struct sov_err *err) SOV_MUST_CHECK;

#endif
