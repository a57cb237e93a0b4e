/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantize.h - what the files of sov-quantize share
 */
#ifndef SOV_QUANTIZE_H
#define SOV_QUANTIZE_H

#include "cli/adapter.h"
#include "cli/kept.h"
#include "cli/lineage.h"
#include "cli/opt.h"
#include "cli/reading.h"
#include "cli/report.h"
#include "cli/stale.h"
#include "cli/target.h"
#include "sov/allot.h"
#include "sov/export.h"
#include "sov/measure.h"
#include "sov/quant.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stdint.h>

/* What the command line said. */
struct quantize_options {
    const char *type;
    struct sov_opt_list tensor_types;
    int on_nonfinite; /* enum sov_nonfinite */
    bool nonfinite_given;
    uint64_t effort;
    const char *stats;
    const char *calib;
    uint64_t calib_tokens;
    const char *stats_out;
    struct sov_opt_list lora;
    const char *format;
    uint64_t split_max_size;
    uint64_t split_max_tensors;
    bool merge;
    struct sov_opt_list set;
    struct sov_opt_list unset;
    uint64_t target_size;
    double target_bpw;
    double max_kld;
    double min_speed;
    const char *plan;
    const char *plan_out;
    const char *compat;
    const char *eval;
    const char *eval_base;
    const char *eval_base_out;
    uint64_t eval_ctx;
};

extern struct quantize_options quantize_options;

/* What --eval is about; see eval.c. */
struct quantize_eval {
    char *text; /* owned, until it is tokens */
    size_t len;
    sov_tok *tok;
    int32_t *ids; /* owned */
    size_t n_ids;
    uint32_t n_ctx;    /* of a window */
    sov_answers *base; /* of --eval-base, or NULL */
    sov_sink *sink;    /* of --eval-base-out, or NULL */
    bool done;
    struct sov_divergence figures;
};

/* One model on its way. */
struct quantize {
    const char *source;
    char type[32];              /* in lower case */
    sov_stats *stats;           /* of --stats, or NULL */
    struct sov_reading calib;   /* of --calib */
    bool only_stats;            /* there is --stats-out and no model */
    struct sov_quant_cost cost; /* what calibration will take */
    sov_sink *stats_sink;       /* of --stats-out, or NULL */
    sov_hasher *stats_hasher;   /* of what goes there, for the claim */
    struct sov_digest stats_is;
    struct sov_adapters adapters; /* of --lora */
    sov_model *model;
    sov_export *folder; /* what a Hugging Face folder needs, or NULL */
    sov_quant *job;
    struct sov_target target;
    struct sov_lineage lineage;
    struct sov_quant_rule *rule;      /* from --tensor-type */
    char *pattern;                    /* one block for all patterns */
    struct quantize_setting *setting; /* from --set */
    const char **file;                /* that are read beside the model */
    struct sov_digest *file_is;       /* what was in them */
    size_t n_files;
    const char **input; /* those and the model's */
    size_t n_inputs;
    sov_hasher **carry; /* of each output file; see carry.c */
    bool carried;       /* claims of the input went along */
    struct sov_stale stale;
    double seconds;
    struct sov_sheet *sheet;   /* of --plan, or that was chosen; or NULL */
    uint32_t compat;           /* of --compat, or 0 */
    sov_sink *plan_sink;       /* of --plan-out, or NULL */
    struct sov_digest plan_is; /* what --plan had in it */
    struct quantize_eval eval;
    struct sov_kept kept; /* with --resume: what stays if this run ends early */
};

/* Can it be read only once, from front to back? */
bool quantize_is_pipe(const char *path);

/* The job that the options ask for, into q->job; the output's alignment. */
int quantize_make_job(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
uint32_t quantize_alignment(const struct quantize *q);

/* types.c: names of types, and the rules of --tensor-type. */
int quantize_type(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_rules(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;

/* edit.c: what --set and --unset make of metadata; arg is the quantize. */
int quantize_edit(void *arg, sov_meta *meta,
                  struct sov_err *err) SOV_MUST_CHECK;
/* Read the settings, and the files that values are in. */
int quantize_settings(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
void quantize_settings_free(struct quantize *q);

/* stats.c: open what --stats names; later, has it changed under us? */
int quantize_stats(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_stats_finish(struct quantize *q,
                          struct sov_err *err) SOV_MUST_CHECK;

/*
 * calib.c: is what was said of --calib and --stats-out sensible; read the text,
 * once the model is open; open and write what --stats-out names.
 */
int quantize_calib_check(const struct quantize *q,
                         struct sov_err *err) SOV_MUST_CHECK;
int quantize_calib(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
void quantize_calib_free(struct quantize *q);
/* What it will take: measured, and said where that is worth it. */
int quantize_cost(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_stats_open(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_stats_write(struct quantize *q,
                         struct sov_err *err) SOV_MUST_CHECK;
/* Where the statistics are all that is asked for: make them; tell of it. */
int quantize_collect(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_report_stats(const struct quantize *q,
                          struct sov_err *err) SOV_MUST_CHECK;
/* How much of the text is read. */
struct sov_report;
void quantize_report_text(struct sov_report *r, const struct quantize *q);

/* lora.c: open what --lora names; later, has it changed under us? */
int quantize_lora(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_lora_finish(struct quantize *q,
                         struct sov_err *err) SOV_MUST_CHECK;

/* folder.c: make the model what a Hugging Face folder has. */
int quantize_folder(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
/* The edit of its plan. */
int quantize_folder_meta(void *arg, sov_meta *meta,
                         struct sov_err *err) SOV_MUST_CHECK;

/* claim.c: the signed claim about the output, if one was asked for. */
int quantize_claim(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;

/*
 * carry.c: claims and index of a model whose bytes stay as they are.  The hash
 * is what the model is opened with; first: they are known before the model is
 * written, and can go before it.
 */
bool quantize_carries(const struct quantize *q);
unsigned quantize_carry_hash(const struct quantize *q);
bool quantize_carries_first(const struct quantize *q);
int quantize_carry_begin(struct quantize *q,
                         struct sov_err *err) SOV_MUST_CHECK;
int quantize_carry(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
void quantize_carry_end(struct quantize *q);

/* errors.c: the tensors that lost most, worst first; how many there are. */
#define QUANTIZE_WORST 10
size_t quantize_worst(const struct quantize *q, size_t list[QUANTIZE_WORST]);
/* With -v: what was lost, and by whom. */
void quantize_say_errors(const struct quantize *q);

/*
 * allot.c: types that are chosen one by one, or read from a plan.  begin: what
 * can be wrong with the options; then, with the model open and mapped, the
 * choice, into q->sheet; and plans that are written.
 */
bool quantize_allot_wanted(void);
int quantize_allot_begin(struct quantize *q,
                         struct sov_err *err) SOV_MUST_CHECK;
int quantize_allot(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_plan_open(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_plan_write(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
void quantize_allot_end(struct quantize *q);
void quantize_report_sheet(struct sov_report *r, const struct quantize *q);
/* What the sheet says of a tensor, or NULL. */
const struct sov_sheet_row *quantize_sheet_row(const struct quantize *q,
                                               const char *name);

/*
 * eval.c: what the output lost, measured on a text.  begin: read the text;
 * model: the source is open, which has to be mapped if it is to read the text;
 * open: what is written besides; and afterwards the measuring.
 */
bool quantize_eval_wanted(void);
bool quantize_eval_runs_source(void);
int quantize_eval_begin(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_eval_model(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_eval_open(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
int quantize_eval(struct quantize *q, struct sov_err *err) SOV_MUST_CHECK;
void quantize_eval_end(struct quantize *q);
/* Nothing if it was not asked for. */
void quantize_report_eval(struct sov_report *r, const struct quantize *q);

/* report.c: what was, or would be, done. */
int quantize_report(const struct quantize *q,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
