/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - what the files of sov-run share
 */
#ifndef SOV_RUN_RUN_H
#define SOV_RUN_RUN_H

#include "cli/adapter.h"
#include "cli/emit.h"
#include "cli/lm.h"
#include "cli/opt.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "cli/talk.h"
#include "run/account.h"
#include "run/embed.h"
#include "run/jsonl.h"
#include "run/keep.h"
#include "sov/chat.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line said. */
struct run_options {
    const char *model;
    int verify; /* --verify */
    const char *prompt;
    const char *ids;
    const char *logits;
    uint64_t n_tokens;
    bool n_tokens_given;
    uint64_t n_ctx;
    double temp;
    uint64_t top_k;
    double top_p;
    double min_p;
    double repeat_penalty;
    struct sov_opt_list loras;
    struct sov_opt_list stops;
    bool echo;
    bool parse_special;
    bool tokenize;
    bool perplexity;
    bool timings;
    bool precise;
    bool chat;
    bool render;
    bool sandbox_test;
    bool jsonl; /* lines of requests; with --embed, it is embed's */
    struct sov_embed_mode embed;
    struct sov_jsonl_mode requests;
    const char *resume;
    bool order_given;
    bool batch_given;
    struct sov_talk talk;
    struct sov_account account;
    struct sov_keep keep;
    const char *kv_name;
    enum sov_kv_form kv;
};

extern struct run_options run_options;

/* All that a run may hold. */
struct run {
    struct sov_lm lm;
    struct sov_adapters adapters;
    const char **files; /* that are read besides the model; owned list */
    size_t n_files;
    struct sov_prompt prompt;
    struct sov_chat_text rendered; /* what a template made of it */
    int32_t *ids;                  /* the prompt, then what is generated */
    size_t n_ids;
    size_t n_prompt;
    size_t n_known; /* of it, by a session that was kept */
    double prompt_s;
    double generate_s;
};

/* options.c: which options go together?  Before anything is opened. */
int run_check_options(int argc, struct sov_err *err) SOV_MUST_CHECK;
/* --jsonl, without --embed */
bool run_many_requests(void);

/* common.c: what modes begin and end with. */
int run_open_model(struct run *r, enum sov_access access,
                   struct sov_err *err) SOV_MUST_CHECK;
/* The adapters, for the model that is open. */
int run_open_adapters(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
/* What the command line says of sessions. */
struct sov_session_opts run_session_opts(const struct run *r);
int run_open_session(struct run *r, uint32_t rows,
                     struct sov_err *err) SOV_MUST_CHECK;
/* The account of requests to the model, which is open now. */
int run_account_model(struct run *r, const char *mode,
                      struct sov_err *err) SOV_MUST_CHECK;
void run_fill_sampler(struct sov_sampler_opts *s);
/* A report that is the output: before the work, and after it. */
int run_open_report(struct run *r, struct sov_emit *out,
                    struct sov_err *err) SOV_MUST_CHECK;
int run_put_report(struct sov_emit *out, struct sov_report *report,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * prompt.c: the text of the prompt; what else is read to make ids of it, while
 * files can be opened; its ids, and those that the session has room for.
 */
int run_read_text(struct run *r, int argc, char **argv,
                  struct sov_err *err) SOV_MUST_CHECK;
void run_cut_newline(struct run *r);
int run_prepare_prompt(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
int run_encode_prompt(struct run *r, unsigned flags,
                      struct sov_err *err) SOV_MUST_CHECK;
int run_take_ids(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

/* text.c: what is said of a text. */
int run_tokenize(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
int run_perplexity(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

/* logits.c */
#define RUN_LOGITS_ROWS 64 /* rows of logits of one pass */
int run_logits(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

/* render.c */
int run_render(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

/* generate.c; a conversation: nobody but the terminal says and reads
 * anything. */
int run_generate(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
bool run_is_conversation(int argc);
int run_conversation(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

/* many.c: many texts; the first n_files of r->files have requests. */
int run_embed(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
int run_requests(struct run *r, size_t n_files,
                 struct sov_err *err) SOV_MUST_CHECK;
void run_say_request_timings(void);

/* dry.c: without the work. */
int run_dry(struct run *r, struct sov_err *err) SOV_MUST_CHECK;
int run_sandbox_test(struct run *r, struct sov_err *err) SOV_MUST_CHECK;

#endif
