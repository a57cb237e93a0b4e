/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-run - text in, text out
 *
 * One of these, by option:
 *
 *   generate      text that continues the prompt (no option)
 *   --chat        an answer to messages, or a conversation on a terminal
 *   --render      the text that a model gets of messages
 *   --tokenize    ids of the text
 *   --perplexity  how well the model knows the text
 *   --logits      logits after every token of the prompt
 *   --jsonl       answers to many requests
 *   --embed       vectors, or scores, of texts
 *   --dry-run     what it would take
 *   --sandbox-test  whether the sandbox holds
 *
 * Exit status: 0 done, 64-78 trouble, 141 the reader left.
 */
#include "cli/adapter.h"
#include "cli/emit.h"
#include "cli/generate.h"
#include "cli/lineage.h"
#include "cli/lm.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "cli/sandbox.h"
#include "cli/talk.h"
#include "cli/tool.h"
#include "run/converse.h"
#include "run/embed.h"
#include "run/jsonl.h"
#include "sov/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGITS_ROWS 64 /* rows of logits of one pass */

static const char *model_path;
static const char *prompt_text;
static const char *ids_path;
static const char *logits_path;
static uint64_t n_tokens = 256;
static uint64_t n_ctx;
static double temp = 0.8;
static uint64_t top_k;
static double top_p = 0.95;
static double min_p = 0.05;
static double repeat_penalty = 1;
static struct sov_opt_list loras;
static struct sov_opt_list stops;
static bool echo;
static bool parse_special;
static bool tokenize;
static bool perplexity;
static bool timings;
static bool precise;
static bool chat;
static bool render;
static bool n_tokens_given;
static struct sov_embed_mode embed;
static bool jsonl; /* lines of requests; with --embed, it is embed's */
static struct sov_jsonl_mode requests = { .batch = 16 };
static bool order_given;
static bool batch_given;
static bool sandbox_test;
static struct sov_talk talk;
static const char *kv_name;
static enum sov_kv_form kv_form;

/* As enum sov_pool, enum sov_jsonl_order and enum sov_embed_format. */
static const char *const pools[] = { "auto", "none", "mean", "cls",
                                     "last", "rank", NULL };
static const char *const orders[] = { "input", "completion", NULL };
static const char *const formats[] = { "jsonl", "npy", "npy-f16", NULL };

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Model and prompt" },
    { 'm', "model", SOV_OPT_FILE, &model_path, "MODEL",
      "run this model; - is standard input", .preset = "the built-in model" },
    { 0, "lora", SOV_OPT_LIST, &loras, "FILE[:SCALE]",
      "change the model by this adapter, taken times SCALE; may be given "
      "several times" },
    { 'p', "prompt", SOV_OPT_STRING, &prompt_text, "TEXT",
      "continue TEXT, instead of files or standard input" },
    { 0, "parse-special", SOV_OPT_FLAG, &parse_special, NULL,
      "let control tokens that are typed in the text be control tokens" },
    { 0, "input-ids", SOV_OPT_FILE, &ids_path, "FILE",
      "take a JSON array of token ids instead of text" },
    SOV_REQUIRE_ROWS,

    { .type = SOV_OPT_GROUP, .help = "Conversation" },
    { 0, "chat", SOV_OPT_FLAG, &chat, NULL,
      "answer messages: JSON, or a text; on a terminal, talk" },
    { 0, "system", SOV_OPT_STRING, &talk.system, "TEXT",
      "begin with a message that tells the model how to be" },
    { 0, "chat-template", SOV_OPT_FILE, &talk.template, "FILE",
      "make the prompt with this Jinja template", .preset = "the model's" },
    { 0, "chat-vars", SOV_OPT_STRING, &talk.vars, "JSON",
      "an object with more variables for the template" },
    { 0, "date", SOV_OPT_STRING, &talk.date, "YYYY-MM-DD",
      "what day the template is told", .preset = "today" },
    { 0, "render", SOV_OPT_FLAG, &render, NULL,
      "print the prompt that the template makes and stop" },
    { 0, "no-generation-prompt", SOV_OPT_FLAG, &talk.no_answer, NULL,
      "do not end the prompt with the beginning of an answer" },

    { .type = SOV_OPT_GROUP, .help = "Generation" },
    { 'n', "tokens", SOV_OPT_UINT, &n_tokens, "N",
      "stop after N tokens, if the text does not end before",
      .preset = "256; with --chat, none", .given = &n_tokens_given },
    { 0, "ctx", SOV_OPT_UINT, &n_ctx, "N", "room for N tokens in all", .min = 1,
      .max = 16777216, .preset = "the model's, up to 8192" },
    { 0, "temp", SOV_OPT_FLOAT, &temp, "T",
      "temperature; 0 always takes the best token", .min = 0, .max = 1000 },
    { 0, "top-k", SOV_OPT_UINT, &top_k, "N",
      "choose among the N best tokens; 0 is off", .min = 0,
      .max = 4294967295.0 },
    { 0, "top-p", SOV_OPT_FLOAT, &top_p, "P",
      "choose among the best tokens that have P together; 1 is off", .min = 0,
      .max = 1 },
    { 0, "min-p", SOV_OPT_FLOAT, &min_p, "P",
      "drop tokens less probable than P times the best; 0 is off", .min = 0,
      .max = 1 },
    { 0, "repeat-penalty", SOV_OPT_FLOAT, &repeat_penalty, "X",
      "make recent tokens less probable; 1 is off", .min = 0.001, .max = 1000 },
    { 0, "stop", SOV_OPT_LIST, &stops, "TEXT",
      "stop before TEXT; may be given several times" },
    { 0, "echo", SOV_OPT_FLAG, &echo, NULL, "repeat the prompt first" },
    { 0, "precise", SOV_OPT_FLAG, &precise, NULL,
      "compute in f32 throughout; slower" },
    { 0, "kv", SOV_OPT_STRING, &kv_name, "FORM",
      "keep keys and values as f32, bf16, f16 or q8",
      .preset = "q8; f32 with --precise" },
    { 0, "timings", SOV_OPT_FLAG, &timings, NULL,
      "say how long it took, as a JSON line on standard error" },

    { .type = SOV_OPT_GROUP, .help = "Many requests" },
    { 0, "jsonl", SOV_OPT_FLAG, &jsonl, NULL,
      "lines are JSON objects: requests, answered together" },
    { 0, "order", SOV_OPT_ENUM, &requests.order, "HOW",
      "write answers as the requests came, or as they are complete",
      .values = orders, .given = &order_given },
    { 0, "batch", SOV_OPT_UINT, &requests.batch, "N",
      "answer N requests at once", .min = 1, .max = 4096, .preset = "16",
      .given = &batch_given },

    { .type = SOV_OPT_GROUP, .help = "Embeddings" },
    { 0, "embed", SOV_OPT_FLAG, &embed.on, NULL,
      "make a vector of each line of text" },
    { 0, "pooling", SOV_OPT_ENUM, &embed.pool, "HOW",
      "make one vector of a text's tokens; auto is what the model says",
      .values = pools },
    { 0, "no-normalize", SOV_OPT_FLAG, &embed.as_is, NULL,
      "leave vectors as long as they are" },
    { 0, "truncate", SOV_OPT_FLAG, &embed.cut, NULL,
      "cut texts that are too long, instead of refusing them" },
    { 0, "format", SOV_OPT_ENUM, &embed.format, "FORM",
      "write JSON lines, or an array of numpy's", .values = formats,
      .preset = "jsonl; npy if OUT ends in .npy",
      .given = &embed.format_given },

    { .type = SOV_OPT_GROUP, .help = "Instead of generating" },
    { 0, "tokenize", SOV_OPT_FLAG, &tokenize, NULL,
      "print the token ids of the text as JSON" },
    { 0, "perplexity", SOV_OPT_FLAG, &perplexity, NULL,
      "print the perplexity of the text as JSON" },
    { 0, "logits", SOV_OPT_FILE, &logits_path, "OUT",
      "write the logits after each token of the prompt, float32 [n, n_vocab]" },
    { 0, "sandbox-test", SOV_OPT_FLAG, &sandbox_test, NULL,
      "try from inside what must not be possible while text is made" },

    { .type = SOV_OPT_GROUP, .help = "Machine" },
    { 0, "no-sandbox", SOV_OPT_FLAG, &sov_sandbox_off, NULL,
      "keep the right to open files and to do all else that is not needed" },
    { 0 },
};

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
    double prompt_s;
    double generate_s;
};

static int
open_model(struct run *r, enum sov_access access, struct sov_err *err)
{
    return sov_lm_open(&r->lm, access, r->files, r->n_files, err);
}

/* The adapters, for the model that is open. */
static int
open_adapters(struct run *r, struct sov_err *err)
{
    int rc = sov_adapters_open(&r->adapters, 0, err);

    return rc == 0 ? sov_adapters_fit(&r->adapters, r->lm.model, err) : rc;
}

static int
open_session(struct run *r, uint32_t rows, struct sov_err *err)
{
    struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .n_logits = rows,
        .precise = precise,
        .kv = kv_form,
        .lora = r->adapters.use,
        .n_lora = r->adapters.n,
        .max_memory = sov_common.max_memory,
    };
    int rc = open_adapters(r, err);

    so.other = sov_memory_used();
    return rc == 0 ? sov_lm_open_session(&r->lm, &so, err) : rc;
}

/* ---- the prompt */

/* The messages as text; lm is NULL where there is no model. */
static int
render_messages(struct run *r, const struct sov_lm *lm, struct sov_err *err)
{
    int rc = sov_talk_open(&talk, lm, err);

    return rc == 0 ? sov_talk_render(&talk, &r->rendered, err) : rc;
}

/* What is read to make a prompt of the text, while files can be opened. */
static int
prepare_prompt(struct run *r, struct sov_err *err)
{
    if (ids_path != NULL)
        return sov_prompt_ids(ids_path, r->lm.path, &r->ids, &r->n_ids, err);
    return chat ? sov_talk_open(&talk, &r->lm, err) : 0;
}

static int
encode_prompt(struct run *r, unsigned flags, struct sov_err *err)
{
    int rc;

    if (parse_special)
        flags |= SOV_TOK_SPECIAL;
    if (chat) {
        rc = sov_talk_render(&talk, &r->rendered, err);
        if (rc == 0)
            rc = sov_talk_ids(&talk, &r->lm, &r->rendered, &r->ids, &r->n_ids,
                              err);
    } else {
        rc = sov_tok_encode(r->lm.tok, r->prompt.text, r->prompt.len, flags,
                            &r->ids, &r->n_ids, err);
    }
    r->n_prompt = r->n_ids;
    return rc;
}

/*
 * A file of text ends with a new line that is not meant as part of the
 * prompt; the shell cuts it off $(cat FILE), and so do we.
 */
static void
cut_newline(struct run *r)
{
    if (prompt_text == NULL && r->prompt.len > 0 &&
        r->prompt.text[r->prompt.len - 1] == '\n')
        r->prompt.text[--r->prompt.len] = '\0';
}

static int
read_text(struct run *r, int argc, char **argv, struct sov_err *err)
{
    int rc;

    if (ids_path != NULL)
        return 0;
    rc = sov_prompt_read(&r->prompt, prompt_text, argc, argv,
                         r->lm.path != NULL ? r->lm.path : "", err);
    if (rc < 0 || !chat)
        return rc;
    cut_newline(r);
    if (r->prompt.len == 0)
        return sov_fail(err, SOV_EFORMAT, "there are no messages");
    return sov_talk_read(&talk, r->prompt.text, r->prompt.len,
                         prompt_text != NULL, err);
}

/* Ids of the prompt, checked against the session. */
static int
take_ids(struct run *r, struct sov_err *err)
{
    uint32_t n_vocab = sov_session_vocab(r->lm.session);
    uint32_t ctx = sov_session_ctx(r->lm.session);
    int rc = ids_path != NULL ? 0 : encode_prompt(r, SOV_TOK_BOS, err);

    if (rc < 0)
        return rc;
    if (r->n_ids == 0)
        return sov_fail(err, SOV_EFORMAT, "the prompt is empty");
    for (size_t i = 0; i < r->n_ids; i++)
        if (r->ids[i] < 0 || (uint32_t)r->ids[i] >= n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %d is not below %" PRIu32
                            ", the size of the vocabulary",
                            r->ids[i], n_vocab);
    if (r->n_ids > ctx)
        return sov_fail(err, SOV_EFORMAT,
                        "the prompt has %zu tokens and the context room for "
                        "%" PRIu32 "; give less text, or --ctx %zu",
                        r->n_ids, ctx, r->n_ids);
    r->n_prompt = r->n_ids;
    return 0;
}

/* ---- instead of generating */

/* A report that is the output: before the work, and after it. */
static int
open_report(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    return sov_emit_open(out, true, r->lm.inputs, r->lm.n_inputs, err);
}

static int
put_report(struct sov_emit *out, struct sov_report *report, struct sov_err *err)
{
    int rc = sov_report_write(report, out->sink, err);

    return rc == 0 ? sov_emit_close(out, err) : rc;
}

static int
run_tokenize(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    int rc = open_model(r, SOV_ACCESS_STREAM, err);

    if (rc == 0)
        rc = open_report(r, &out, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = prepare_prompt(r, err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc == 0) {
        report = sov_report_new(NULL);
        sov_report_ids(report, "ids", r->ids, r->n_ids);
        rc = put_report(&out, report, err);
    }
    sov_emit_free(&out);
    return rc;
}

static int
measure_perplexity(struct run *r, struct sov_ppl *ppl, struct sov_err *err)
{
    double start = sov_generate_clock();
    uint32_t window = sov_session_ctx(r->lm.session);
    int rc;

    if (n_ctx == 0 && window > SOV_PPL_CTX)
        window = SOV_PPL_CTX;
    if (window < 2)
        return sov_fail(err, SOV_EARG, "--ctx: a window has 2 tokens or more");
    if (r->n_ids < window)
        return sov_fail(err, SOV_EFORMAT,
                        "the text has %zu tokens and one window %" PRIu32
                        "; give more text, or a smaller --ctx",
                        r->n_ids, window);
    sov_progress_begin("tokens");
    rc = sov_perplexity(r->lm.session, r->lm.tok, r->ids, r->n_ids, window,
                        sov_progress_update, NULL, ppl, err);
    sov_progress_end();
    r->prompt_s = sov_generate_clock() - start;
    return rc;
}

static int
run_perplexity(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    struct sov_ppl ppl = { 0 };
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_report(r, &out, err);
    if (rc == 0)
        rc = open_session(r, SOV_PPL_ROWS, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc == 0)
        rc = measure_perplexity(r, &ppl, err);
    if (rc == 0) {
        report = sov_report_new(NULL);
        sov_report_uint(report, "tokens", NULL, ppl.tokens);
        sov_report_real(report, "nll", NULL, ppl.nll, 6, NULL);
        sov_report_real(report, "ppl", NULL, ppl.ppl, 4, NULL);
        rc = put_report(&out, report, err);
    }
    sov_emit_free(&out);
    return rc;
}

/* The bytes of floats in a file are little-endian. */
static void
to_bytes(unsigned char *out, const float *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;

        memcpy(&u, &row[i], sizeof(u));
        for (int b = 0; b < 4; b++)
            out[4 * i + (size_t)b] = (unsigned char)(u >> (8 * b));
    }
}

static int
write_rows(struct run *r, sov_sink *sink, struct sov_err *err)
{
    size_t n_vocab = sov_session_vocab(r->lm.session);
    unsigned char *bytes = malloc(4 * n_vocab);
    int rc = bytes == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;

    sov_progress_begin("tokens");
    for (size_t at = 0; at < r->n_ids && rc == 0;) {
        size_t n = r->n_ids - at < LOGITS_ROWS ? r->n_ids - at : LOGITS_ROWS;

        rc = sov_session_eval(r->lm.session, r->ids + at, n, SOV_LOGITS_ALL,
                              err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            to_bytes(bytes, sov_session_logits(r->lm.session, i), n_vocab);
            rc = sov_sink_write(sink, bytes, 4 * n_vocab, err);
        }
        at += n;
        sov_progress_update(NULL, at, r->n_ids, "logits");
    }
    sov_progress_end();
    free(bytes);
    return rc;
}

static int
run_logits(struct run *r, struct sov_err *err)
{
    sov_sink *sink = NULL;
    double start;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, LOGITS_ROWS, err);
    if (rc == 0 && ids_path == NULL)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = prepare_prompt(r, err);
    if (rc == 0)
        rc = take_ids(r, err);
    if (rc < 0)
        return rc;
    rc = sov_tool_sink(
        &sink, r->lm.inputs, r->lm.n_inputs,
        (uint64_t)4 * r->n_ids * sov_session_vocab(r->lm.session), err);
    start = sov_generate_clock();
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = write_rows(r, sink, err);
    r->prompt_s = sov_generate_clock() - start;
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc;
}

static bool
many_requests(void)
{
    return jsonl && !embed.on;
}

static int
run_dry(struct run *r, struct sov_err *err)
{
    struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .precise = precise,
        .kv = kv_form,
        .lora = r->adapters.use,
        .n_lora = r->adapters.n,
        .n_logits = perplexity            ? SOV_PPL_ROWS
                    : logits_path != NULL ? LOGITS_ROWS
                                          : 1,
    };
    struct sov_session_memory mem;
    struct sov_report *report;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_adapters(r, err);
    so.other = sov_memory_used();
    if (many_requests())
        sov_jsonl_session(&requests, &so);
    if (rc == 0)
        rc = sov_session_measure(r->lm.model, &so, &mem, err);
    if (rc < 0)
        return rc;
    report = sov_report_new("sov.run.memory/1");
    sov_report_bytes(report, "weights", "weights", mem.weights);
    if (r->adapters.n > 0)
        sov_report_bytes(report, "adapters", "adapters", mem.adapters);
    sov_report_bytes(report, "kv", "keys and values", mem.kv);
    sov_report_bytes(report, "work", "work", mem.work);
    sov_report_bytes(report, "logits", "logits", mem.logits);
    sov_report_bytes(report, "other", "tokenizer, metadata, program",
                     mem.other);
    sov_report_bytes(report, "total", "in all", mem.total);
    return sov_report_end(report, err);
}

/* ---- generating */

static int
report_text(const struct run *r, const struct sov_emit *out, enum sov_why why,
            struct sov_err *err)
{
    struct sov_report *report = sov_report_new("sov.run/1");

    sov_report_span(report, "text", out->kept != NULL ? out->kept : "",
                    out->n_kept);
    if (out->n_aside > 0)
        sov_report_span(report, "thought", out->aside, out->n_aside);
    sov_report_text(report, "stop", NULL, sov_why_name(why));
    sov_report_uint(report, "prompt_tokens", NULL, r->n_prompt);
    sov_report_uint(report, "generated_tokens", NULL, r->n_ids - r->n_prompt);
    if (temp > 0)
        sov_report_uint(report, "seed", NULL, sov_common.seed);
    return sov_report_write(report, out->sink, err);
}

/* The prompt as it was given or rendered; of ids, their text. */
static int
echo_prompt(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    struct sov_span text = { (unsigned char *)r->prompt.text, r->prompt.len };

    if (r->rendered.p != NULL)
        text = (struct sov_span){ (unsigned char *)r->rendered.p,
                                  r->rendered.len };
    if (text.p != NULL)
        return sov_emit_text(out, text, err);
    return sov_generate_echo(&r->lm, r->ids, r->n_ids, out, err);
}

static void
fill_sampler(struct sov_sampler_opts *s)
{
    sov_sampler_defaults(s);
    s->temp = (float)temp;
    s->top_k = (uint32_t)top_k;
    s->top_p = (float)top_p;
    s->min_p = (float)min_p;
    s->repeat_penalty = (float)repeat_penalty;
    s->seed = sov_common.seed;
}

static int
generate(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    struct sov_generate g = {
        .ids = r->ids,
        .n_ids = r->n_ids,
        .n_tokens = n_tokens,
        .stops = stops.items,
        .n_stops = stops.n,
        .end = chat ? talk.end : -1,
        .channels = talk.channels,
    };
    int rc = echo ? echo_prompt(r, out, err) : 0;

    fill_sampler(&g.sampler);
    if (rc == 0)
        rc = sov_generate(&g, &r->lm, out, err);
    r->ids = g.ids;
    r->n_ids = g.n_ids;
    r->prompt_s = g.prompt_s;
    r->generate_s = g.generate_s;
    if (rc == 0 && sov_common.json)
        rc = report_text(r, out, g.why, err);
    return rc;
}

static int
run_generate(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = prepare_prompt(r, err);
    if (rc == 0)
        rc = sov_emit_open(&out, sov_common.json, r->lm.inputs, r->lm.n_inputs,
                           err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = take_ids(r, err);
    if (rc == 0)
        rc = generate(r, &out, err);
    if (rc == 0)
        rc = sov_emit_close(&out, err);
    sov_emit_free(&out);
    return rc;
}

/* ---- conversation */

/* What the template makes of the messages; a model is needed for its own
 * template and the names of its tokens alone. */
static int
run_render(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    struct sov_report *report;
    bool model = r->lm.path != NULL;
    int rc = model ? open_model(r, SOV_ACCESS_STREAM, err) : 0;

    if (rc == 0)
        rc = sov_emit_open(&out, sov_common.json,
                           model ? r->lm.inputs : (const char **)r->files,
                           model ? r->lm.n_inputs : r->n_files, err);
    if (rc == 0 && model)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = render_messages(r, model ? &r->lm : NULL, err);
    if (rc == 0 && sov_common.json) {
        report = sov_report_new(NULL);
        sov_report_span(report, "text", r->rendered.p, r->rendered.len);
        rc = put_report(&out, report, err);
    } else if (rc == 0) {
        rc = sov_emit_text(&out,
                           (struct sov_span){ (unsigned char *)r->rendered.p,
                                              r->rendered.len },
                           err);
        if (rc == 0)
            rc = sov_emit_close(&out, err);
    }
    sov_emit_free(&out);
    return rc;
}

/* Nobody but the terminal says and reads anything. */
static bool
is_conversation(int argc)
{
    return chat && !render && !tokenize && logits_path == NULL &&
           prompt_text == NULL && argc == 0 && !sov_common.json &&
           sov_common.output == NULL && isatty(STDIN_FILENO) == 1 &&
           isatty(STDOUT_FILENO) == 1;
}

static int
run_conversation(struct run *r, struct sov_err *err)
{
    struct sov_converse c = {
        .lm = &r->lm,
        .talk = &talk,
        .n_tokens = n_tokens,
        .stops = stops.items,
        .n_stops = stops.n,
        .timings = timings,
    };
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    fill_sampler(&c.sampler);
    if (rc == 0)
        rc = open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = sov_talk_read(&talk, NULL, 0, true, err);
    if (rc == 0)
        rc = sov_talk_open(&talk, &r->lm, err);
    if (rc == 0)
        sov_sandbox_seal();
    return rc == 0 ? sov_converse(&c, err) : rc;
}

/* ---- the sandbox */

/* The process is brought to where it would begin to work. */
static int
run_sandbox_test(struct run *r, struct sov_err *err)
{
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc < 0)
        return rc;
    sov_sandbox_watch();
    sov_sandbox_seal();
    return sov_sandbox_test(err);
}

/* Nothing is trusted from here on. */
static void
begin_sandbox(void)
{
    const char *outputs[2];
    size_t n = 0;

    if (sov_common.output != NULL && strcmp(sov_common.output, "-") != 0)
        outputs[n++] = sov_common.output;
    if (sov_common.depfile != NULL)
        outputs[n++] = sov_common.depfile;
    sov_sandbox_begin(outputs, n);
}

/* Is what was read still what was verified? */
static int
check_inputs(struct run *r, struct sov_err *err)
{
    int rc = sov_lm_check(&r->lm, err);

    if (rc == 0 && sov_lineage_options.require != NULL && r->lm.session != NULL)
        rc = sov_adapters_check(&r->adapters, err);
    return rc;
}

/* ---- which of them */

static int
choose_kv(struct sov_err *err)
{
    static const char *const names[] = {
        [SOV_KV_F32] = "f32",
        [SOV_KV_F16] = "f16",
        [SOV_KV_BF16] = "bf16",
        [SOV_KV_Q8] = "q8",
    };

    if (kv_name == NULL)
        return 0;
    for (size_t i = SOV_KV_F32; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(kv_name, names[i]) == 0) {
            kv_form = (enum sov_kv_form)i;
            return 0;
        }
    return sov_fail(err, SOV_EARG, "--kv: '%.32s' is not f32, bf16, f16 or q8",
                    kv_name);
}

/* What goes with --chat, and what does not. */
static int
check_chat(struct sov_err *err)
{
    const char *alone = render                  ? "--render"
                        : talk.system != NULL   ? "--system"
                        : talk.template != NULL ? "--chat-template"
                        : talk.vars != NULL     ? "--chat-vars"
                        : talk.date != NULL     ? "--date"
                        : talk.no_answer        ? "--no-generation-prompt"
                                                : NULL;

    if (many_requests() && !render)
        return sov_talk_check(&talk, err);
    if (!chat)
        return alone == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG, "%s goes with --chat", alone);
    if (ids_path != NULL || perplexity)
        return sov_fail(err, SOV_EARG, "--chat reads messages, not %s",
                        perplexity ? "text for --perplexity" : "--input-ids");
    if (render && (tokenize || logits_path != NULL))
        return sov_fail(err, SOV_EARG,
                        "--render, --tokenize and --logits exclude each other");
    if (talk.template != NULL && strcmp(talk.template, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--chat-template: standard input has the messages");
    if (!n_tokens_given)
        n_tokens = UINT64_MAX;
    return sov_talk_check(&talk, err);
}

/* What goes with --jsonl, and what does not. */
static int
check_requests(struct sov_err *err)
{
    const char *alone = order_given   ? "--order"
                        : batch_given ? "--batch"
                                      : NULL;
    const char *other = chat                  ? "--chat"
                        : tokenize            ? "--tokenize"
                        : perplexity          ? "--perplexity"
                        : logits_path != NULL ? "--logits"
                        : ids_path != NULL    ? "--input-ids"
                        : prompt_text != NULL ? "-p"
                        : echo                ? "--echo"
                                              : NULL;

    embed.jsonl = jsonl;
    talk.parse_special = parse_special;
    if (!many_requests())
        return alone == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG,
                              "%s goes with --jsonl, without --embed", alone);
    if (other != NULL)
        return sov_fail(err, SOV_EARG, "--jsonl reads requests; no %s", other);
    return 0;
}

static int
check_options(int argc, struct sov_err *err)
{
    int modes = tokenize + perplexity + (logits_path != NULL) + embed.on;

    if (modes > 1 || (embed.on && chat))
        return sov_fail(err, SOV_EARG,
                        "--tokenize, --perplexity, --logits, --embed and "
                        "--chat exclude each other");
    if (ids_path != NULL && (prompt_text != NULL || argc > 0))
        return sov_fail(err, SOV_EARG, "--input-ids is given instead of text");
    if (ids_path != NULL && (tokenize || perplexity))
        return sov_fail(err, SOV_EARG, "%s reads text, not --input-ids",
                        tokenize ? "--tokenize" : "--perplexity");
    if (check_requests(err) < 0 || check_chat(err) < 0)
        return err->rc;
    embed.special = parse_special;
    embed.prompt = prompt_text;
    embed.ids_path = ids_path;
    if (sov_embed_check(&embed, (size_t)argc, err) < 0)
        return err->rc;
    for (size_t i = 0; i < stops.n; i++)
        if (stops.items[i][0] == '\0')
            return sov_fail(err, SOV_EARG, "--stop: the text is empty");
    if (logits_path != NULL && sov_common.output != NULL)
        return sov_fail(err, SOV_EARG,
                        "--logits names the output; -o has nothing to write");
    if (logits_path != NULL)
        sov_common.output = logits_path;
    if (choose_kv(err) < 0)
        return err->rc;
    return sov_tool_check_output(err);
}

static void
say_timings(const struct run *r)
{
    fprintf(stderr,
            "{\"prompt_tokens\":%zu,\"prompt_s\":%.6f,"
            "\"generated_tokens\":%zu,\"generate_s\":%.6f}\n",
            r->n_prompt, r->prompt_s, r->n_ids - r->n_prompt, r->generate_s);
}

static int
run_mode(struct run *r, struct sov_err *err)
{
    if (render)
        return run_render(r, err);
    if (tokenize)
        return run_tokenize(r, err);
    if (perplexity)
        return run_perplexity(r, err);
    if (!chat)
        cut_newline(r);
    return logits_path != NULL ? run_logits(r, err) : run_generate(r, err);
}

/* The files that are read besides the model. */
static int
list_files(struct run *r, int argc, char **argv, struct sov_err *err)
{
    int rc = sov_adapters_name(&r->adapters, &loras, err);

    if (rc < 0)
        return rc;
    r->files = calloc((size_t)argc + 2 + r->adapters.n, sizeof(*r->files));
    if (r->files == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int i = 0; i < argc; i++)
        r->files[r->n_files++] = argv[i];
    if (ids_path != NULL)
        r->files[r->n_files++] = ids_path;
    if (talk.template != NULL)
        r->files[r->n_files++] = talk.template;
    for (size_t i = 0; i < r->adapters.n; i++)
        r->files[r->n_files++] = r->adapters.item[i].path;
    return 0;
}

static int
run_embed(struct run *r, struct sov_err *err)
{
    const struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .precise = precise,
        .kv = kv_form,
        .lora = r->adapters.use,
        .n_lora = r->adapters.n,
        .max_memory = sov_common.max_memory,
    };
    int rc = sov_adapters_open(&r->adapters, 0, err);

    if (rc == 0)
        rc = sov_embed_run(&embed, &r->lm, &so, r->files, r->n_files, err);
    r->n_ids = r->n_prompt = embed.n_tokens;
    r->prompt_s = embed.seconds;
    return rc;
}

static int
run_requests(struct run *r, size_t n_files, struct sov_err *err)
{
    const struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .precise = precise,
        .kv = kv_form,
        .lora = r->adapters.use,
        .n_lora = r->adapters.n,
        .max_memory = sov_common.max_memory,
    };
    int rc = sov_adapters_open(&r->adapters, 0, err);

    requests.special = parse_special;
    requests.talk = &talk;
    requests.n_tokens = n_tokens;
    requests.n_tokens_given = n_tokens_given;
    requests.stops = stops.items;
    requests.n_stops = stops.n;
    fill_sampler(&requests.sampler);
    if (temp > 0)
        sov_note(1, "seed %" PRIu64, sov_common.seed);
    return rc == 0 ? sov_jsonl_run(&requests, &r->lm, &so, r->files,
                                   r->n_files, n_files, err)
                   : rc;
}

static void
say_request_timings(void)
{
    fprintf(stderr,
            "{\"requests\":%zu,\"errors\":%zu,\"prompt_tokens\":%zu,"
            "\"known_tokens\":%zu,\"prompt_s\":%.6f,"
            "\"generated_tokens\":%zu,\"generate_s\":%.6f}\n",
            requests.n_requests, requests.n_bad, requests.n_prompt,
            requests.n_known, requests.prompt_s, requests.n_made,
            requests.generate_s);
}

/* Lines that failed are in the output, and in the exit status. */
static int
judge_lines(struct sov_err *err)
{
    if (embed.n_bad > 0)
        return sov_fail(err, SOV_EFORMAT, "%zu of %zu texts were not embedded",
                        embed.n_bad, embed.n_texts);
    if (requests.n_bad > 0)
        return sov_fail(err, SOV_EFORMAT, "%zu of %zu requests have no answer",
                        requests.n_bad, requests.n_requests);
    return 0;
}

static int
read_and_run(struct run *r, int argc, char **argv, struct sov_err *err)
{
    bool no_model = render && talk.template != NULL && model_path == NULL;
    int rc = no_model ? 0 : sov_lm_choose(&r->lm, model_path, err);

    if (rc == 0 && sov_common.dry_run && !no_model)
        return run_dry(r, err);
    if (rc == 0 && sandbox_test)
        return run_sandbox_test(r, err);
    if (rc == 0 && is_conversation(argc)) {
        rc = run_conversation(r, err);
        return rc == 0 ? check_inputs(r, err) : rc;
    }
    if (rc == 0 && !embed.on && !jsonl)
        rc = read_text(r, argc, argv, err);
    if (rc == 0 && many_requests())
        rc = run_requests(r, (size_t)argc, err);
    else if (rc == 0)
        rc = embed.on ? run_embed(r, err) : run_mode(r, err);
    if (rc == 0)
        rc = check_inputs(r, err);
    if (rc == 0)
        rc = sov_tool_depfile(no_model ? r->files : r->lm.inputs,
                              no_model ? r->n_files : r->lm.n_inputs, err);
    if (rc == 0 && timings && many_requests())
        say_request_timings();
    else if (rc == 0 && timings)
        say_timings(r);
    return rc == 0 ? judge_lines(err) : rc;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct run r = { 0 };
    int rc = check_options(argc, err);

    if (rc == 0)
        rc = list_files(&r, argc, argv, err);
    if (rc == 0)
        begin_sandbox();
    if (rc == 0)
        rc = read_and_run(&r, argc, argv, err);
    sov_talk_close(&talk);
    sov_chat_text_free(&r.rendered);
    sov_lm_close(&r.lm);
    sov_adapters_close(&r.adapters);
    free(r.prompt.text);
    free(r.files);
    free(r.ids);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-run",
        .summary = "text in, text out",
        .operands = "[TEXT...]",
        .min_operands = 0,
        .max_operands = -1,
        .common = SOV_COMMON_FILE | SOV_COMMON_THREADS | SOV_COMMON_MEMORY |
                  SOV_COMMON_SEED | SOV_COMMON_DRY_RUN | SOV_COMMON_JSON |
                  SOV_COMMON_PROGRESS | SOV_COMMON_COLOR,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
