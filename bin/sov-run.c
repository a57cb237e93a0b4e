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
#include "run/run.h"

#include "cli/lineage.h"
#include "cli/password.h"
#include "cli/sandbox.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run_options run_options = {
    .n_tokens = 256,
    .temp = 0.8,
    .top_p = 0.95,
    .min_p = 0.05,
    .repeat_penalty = 1,
    .requests = { .batch = 16 },
    .account = { .seconds = 15 },
};

/* As enum sov_pool, enum sov_jsonl_order and enum sov_embed_format. */
static const char *const pools[] = { "auto", "none", "mean", "cls",
                                     "last", "rank", NULL };
static const char *const orders[] = { "input", "completion", NULL };
static const char *const formats[] = { "jsonl", "npy", "npy-f16", NULL };

/* --verify, and what each of them is. */
static bool verify_given;
static const char *const verify_modes[] = { "auto", "verity", "digest",
                                            "copy", "lazy",   NULL };
static const enum sov_hold holds[] = { SOV_HOLD_AUTO, SOV_HOLD_VERITY,
                                       SOV_HOLD_FILE, SOV_HOLD_COPY,
                                       SOV_HOLD_LAZY };

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Model and prompt" },
    { 'm', "model", SOV_OPT_FILE, &run_options.model, "MODEL",
      "run this model; - is standard input", .preset = "the built-in model" },
    { 0, "lora", SOV_OPT_LIST, &run_options.loras, "FILE[:SCALE]",
      "change the model by this adapter, taken times SCALE; may be given "
      "several times" },
    { 'p', "prompt", SOV_OPT_STRING, &run_options.prompt, "TEXT",
      "continue TEXT, instead of files or standard input" },
    { 0, "parse-special", SOV_OPT_FLAG, &run_options.parse_special, NULL,
      "let control tokens that are typed in the text be control tokens" },
    { 0, "input-ids", SOV_OPT_FILE, &run_options.ids, "FILE",
      "take a JSON array of token ids instead of text" },
    SOV_REQUIRE_ROWS,
    { 0, "verify", SOV_OPT_ENUM, &run_options.verify, "HOW",
      "how MODEL is held to what was signed", .values = verify_modes,
      .given = &verify_given },

    { .type = SOV_OPT_GROUP, .help = "Conversation" },
    { 0, "chat", SOV_OPT_FLAG, &run_options.chat, NULL,
      "answer messages: JSON, or a text; on a terminal, talk" },
    { 0, "system", SOV_OPT_STRING, &run_options.talk.system, "TEXT",
      "begin with a message that tells the model how to be" },
    { 0, "chat-template", SOV_OPT_FILE, &run_options.talk.template, "FILE",
      "make the prompt with this Jinja template", .preset = "the model's" },
    { 0, "chat-vars", SOV_OPT_STRING, &run_options.talk.vars, "JSON",
      "an object with more variables for the template" },
    { 0, "date", SOV_OPT_STRING, &run_options.talk.date, "YYYY-MM-DD",
      "what day the template is told", .preset = "today" },
    { 0, "render", SOV_OPT_FLAG, &run_options.render, NULL,
      "print the prompt that the template makes and stop" },
    { 0, "no-generation-prompt", SOV_OPT_FLAG, &run_options.talk.no_answer,
      NULL, "do not end the prompt with the beginning of an answer" },

    { .type = SOV_OPT_GROUP, .help = "Generation" },
    { 'n', "tokens", SOV_OPT_UINT, &run_options.n_tokens, "N",
      "stop after N tokens, if the text does not end before",
      .preset = "256; with --chat, none",
      .given = &run_options.n_tokens_given },
    { 0, "ctx", SOV_OPT_UINT, &run_options.n_ctx, "N",
      "room for N tokens in all", .min = 1, .max = 16777216,
      .preset = "the model's, up to 8192" },
    { 0, "temp", SOV_OPT_FLOAT, &run_options.temp, "T",
      "temperature; 0 always takes the best token", .min = 0, .max = 1000 },
    { 0, "top-k", SOV_OPT_UINT, &run_options.top_k, "N",
      "choose among the N best tokens; 0 is off", .min = 0,
      .max = 4294967295.0 },
    { 0, "top-p", SOV_OPT_FLOAT, &run_options.top_p, "P",
      "choose among the best tokens that have P together; 1 is off", .min = 0,
      .max = 1 },
    { 0, "min-p", SOV_OPT_FLOAT, &run_options.min_p, "P",
      "drop tokens less probable than P times the best; 0 is off", .min = 0,
      .max = 1 },
    { 0, "repeat-penalty", SOV_OPT_FLOAT, &run_options.repeat_penalty, "X",
      "make recent tokens less probable; 1 is off", .min = 0.001, .max = 1000 },
    { 0, "stop", SOV_OPT_LIST, &run_options.stops, "TEXT",
      "stop before TEXT; may be given several times" },
    { 0, "echo", SOV_OPT_FLAG, &run_options.echo, NULL,
      "repeat the prompt first" },
    { 0, "precise", SOV_OPT_FLAG, &run_options.precise, NULL,
      "compute in f32 throughout; slower" },
    { 0, "kv", SOV_OPT_STRING, &run_options.kv_name, "FORM",
      "keep keys and values as f32, bf16, f16 or q8",
      .preset = "q8; f32 with --precise" },
    { 0, "session", SOV_OPT_FILE, &run_options.keep.path, "FILE",
      "go on from what FILE knows, and let it know what is new" },
    { 0, "session-in", SOV_OPT_FILE, &run_options.keep.in, "FILE",
      "go on from what FILE knows; - is standard input" },
    { 0, "session-out", SOV_OPT_FILE, &run_options.keep.out, "OUT",
      "write all that is known at the end to OUT" },
    { 0, "timings", SOV_OPT_FLAG, &run_options.timings, NULL,
      "say how long it took, as a JSON line on standard error" },

    { .type = SOV_OPT_GROUP, .help = "Many requests" },
    { 0, "jsonl", SOV_OPT_FLAG, &run_options.jsonl, NULL,
      "lines are JSON objects: requests, answered together" },
    { 0, "order", SOV_OPT_ENUM, &run_options.requests.order, "HOW",
      "write answers as the requests came, or as they are complete",
      .values = orders, .given = &run_options.order_given },
    { 0, "batch", SOV_OPT_UINT, &run_options.requests.batch, "N",
      "answer N requests at once", .min = 1, .max = 4096, .preset = "16",
      .given = &run_options.batch_given },
    { 0, "resume", SOV_OPT_FILE, &run_options.resume, "OUT",
      "add the answers to OUT; of those that it has already, none is made "
      "again" },

    { .type = SOV_OPT_GROUP, .help = "Accounts" },
    { 0, "meter", SOV_OPT_FLAG, &run_options.account.meter, NULL,
      "say in each answer what it took: seconds, joules" },
    { 0, "metrics", SOV_OPT_FILE, &run_options.account.metrics_path, "FILE",
      "keep numbers for Prometheus in FILE" },
    { 0, "metrics-every", SOV_OPT_FLOAT, &run_options.account.seconds,
      "SECONDS", "make the file of --metrics anew so often", .min = 0.1,
      .max = 86400, .preset = "15",
      .given = &run_options.account.seconds_given },
    { 0, "audit-log", SOV_OPT_FILE, &run_options.account.log_path, "FILE",
      "add to FILE what was asked and answered, as digests" },
    { 0, "sign-key", SOV_OPT_FILE, &run_options.account.sign_key, "FILE",
      "seal the log with this secret key" },
    SOV_PASSWORD_ROW,
    { 0, "reviewer", SOV_OPT_STRING, &run_options.account.reviewer, "NAME",
      "say in the log who answers for the answers" },
    { 0, "proof", SOV_OPT_FLAG, &run_options.account.prove, NULL,
      "say one digest of model, request and answer" },
    { 0, "verify-proof", SOV_OPT_STRING, &run_options.account.claimed, "PROOF",
      "is this the proof of the answer?" },

    { .type = SOV_OPT_GROUP, .help = "Embeddings" },
    { 0, "embed", SOV_OPT_FLAG, &run_options.embed.on, NULL,
      "make a vector of each line of text" },
    { 0, "pooling", SOV_OPT_ENUM, &run_options.embed.pool, "HOW",
      "make one vector of a text's tokens; auto is what the model says",
      .values = pools },
    { 0, "no-normalize", SOV_OPT_FLAG, &run_options.embed.as_is, NULL,
      "leave vectors as long as they are" },
    { 0, "truncate", SOV_OPT_FLAG, &run_options.embed.cut, NULL,
      "cut texts that are too long, instead of refusing them" },
    { 0, "format", SOV_OPT_ENUM, &run_options.embed.format, "FORM",
      "write JSON lines, or an array of numpy's", .values = formats,
      .preset = "jsonl; npy if OUT ends in .npy",
      .given = &run_options.embed.format_given },

    { .type = SOV_OPT_GROUP, .help = "Instead of generating" },
    { 0, "tokenize", SOV_OPT_FLAG, &run_options.tokenize, NULL,
      "print the token ids of the text as JSON" },
    { 0, "perplexity", SOV_OPT_FLAG, &run_options.perplexity, NULL,
      "print the perplexity of the text as JSON" },
    { 0, "logits", SOV_OPT_FILE, &run_options.logits, "OUT",
      "write the logits after each token of the prompt, float32 [n, n_vocab]" },
    { 0, "sandbox-test", SOV_OPT_FLAG, &run_options.sandbox_test, NULL,
      "try from inside what must not be possible while text is made" },

    { .type = SOV_OPT_GROUP, .help = "Machine" },
    { 0, "no-sandbox", SOV_OPT_FLAG, &sov_sandbox_off, NULL,
      "keep the right to open files and to do all else that is not needed" },
    { 0 },
};

/* Nothing is trusted from here on. */
static void
begin_sandbox(void)
{
    const char *outputs[3];
    size_t n = 0;

    if (sov_common.output != NULL && strcmp(sov_common.output, "-") != 0)
        outputs[n++] = sov_common.output;
    if (sov_common.depfile != NULL)
        outputs[n++] = sov_common.depfile;
    if (run_options.keep.out != NULL && strcmp(run_options.keep.out, "-") != 0)
        outputs[n++] = run_options.keep.out;
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

static void
say_timings(const struct run *r)
{
    fprintf(stderr,
            "{\"prompt_tokens\":%zu,\"prompt_s\":%.6f,"
            "\"generated_tokens\":%zu,\"generate_s\":%.6f",
            r->n_prompt, r->prompt_s, r->n_ids - r->n_prompt, r->generate_s);
    if (sov_keep_wanted(&run_options.keep))
        fprintf(stderr, ",\"known_tokens\":%zu", r->n_known);
    fprintf(stderr, "}\n");
}

static int
run_mode(struct run *r, struct sov_err *err)
{
    if (run_options.render)
        return run_render(r, err);
    if (run_options.tokenize)
        return run_tokenize(r, err);
    if (run_options.perplexity)
        return run_perplexity(r, err);
    if (!run_options.chat)
        run_cut_newline(r);
    return run_options.logits != NULL ? run_logits(r, err)
                                      : run_generate(r, err);
}

/* The files that are read besides the model. */
static int
list_files(struct run *r, int argc, char **argv, struct sov_err *err)
{
    int rc = sov_adapters_name(&r->adapters, &run_options.loras, err);

    if (rc < 0)
        return rc;
    r->files = calloc((size_t)argc + 3 + r->adapters.n, sizeof(*r->files));
    if (r->files == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int i = 0; i < argc; i++)
        r->files[r->n_files++] = argv[i];
    if (run_options.ids != NULL)
        r->files[r->n_files++] = run_options.ids;
    if (run_options.talk.template != NULL)
        r->files[r->n_files++] = run_options.talk.template;
    if (run_options.keep.path != NULL || run_options.keep.in != NULL)
        r->files[r->n_files++] = run_options.keep.path != NULL
                                     ? run_options.keep.path
                                     : run_options.keep.in;
    for (size_t i = 0; i < r->adapters.n; i++)
        r->files[r->n_files++] = r->adapters.item[i].path;
    return 0;
}

/* Lines that failed are in the output, and in the exit status. */
static int
judge_lines(struct sov_err *err)
{
    if (run_options.embed.n_bad > 0)
        return sov_fail(err, SOV_EFORMAT, "%zu of %zu texts were not embedded",
                        run_options.embed.n_bad, run_options.embed.n_texts);
    if (run_options.requests.n_bad > 0)
        return sov_fail(err, SOV_EFORMAT, "%zu of %zu requests have no answer",
                        run_options.requests.n_bad,
                        run_options.requests.n_requests);
    return 0;
}

static int
read_and_run(struct run *r, int argc, char **argv, struct sov_err *err)
{
    bool no_model = run_options.render && run_options.talk.template != NULL &&
                    run_options.model == NULL;
    int rc = no_model ? 0 : sov_lm_choose(&r->lm, run_options.model, err);

    r->lm.hash = sov_account_hash(&run_options.account);
    r->lm.hold = holds[run_options.verify];
    if (rc == 0 && verify_given && sov_lineage_options.require == NULL)
        rc = sov_fail(err, SOV_EARG,
                      "--verify says how, and --require-claims whom to trust");
    if (rc == 0 && sov_common.dry_run && !no_model)
        return run_dry(r, err);
    if (rc == 0 && run_options.sandbox_test)
        return run_sandbox_test(r, err);
    if (rc == 0)
        rc = sov_keep_load(&run_options.keep, &run_options.talk, err);
    if (rc == 0 && run_is_conversation(argc)) {
        rc = run_conversation(r, err);
        return rc == 0 ? check_inputs(r, err) : rc;
    }
    if (rc == 0 && !run_options.embed.on && !run_options.jsonl)
        rc = run_read_text(r, argc, argv, err);
    if (rc == 0 && run_many_requests())
        rc = run_requests(r, (size_t)argc, err);
    else if (rc == 0)
        rc = run_options.embed.on ? run_embed(r, err) : run_mode(r, err);
    if (rc == 0)
        rc = check_inputs(r, err);
    if (rc == 0)
        rc = sov_tool_depfile(no_model ? r->files : r->lm.inputs,
                              no_model ? r->n_files : r->lm.n_inputs, err);
    if (rc == 0 && run_options.timings && run_many_requests())
        run_say_request_timings();
    else if (rc == 0 && run_options.timings)
        say_timings(r);
    return rc == 0 ? judge_lines(err) : rc;
}

/* What is kept of requests goes to files that are no output of theirs. */
static int
open_account(struct run *r, struct sov_err *err)
{
    const char *model = run_options.model;
    const char **inputs;
    int rc;

    if (sov_common.dry_run || run_options.sandbox_test)
        return 0;
    run_options.account.adapters = &r->adapters;
    inputs = calloc(r->n_files + 2, sizeof(*inputs));
    if (inputs == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    memcpy(inputs, r->files, r->n_files * sizeof(*inputs));
    if (model != NULL)
        inputs[r->n_files] = model;
    rc = sov_account_open(&run_options.account, model, inputs,
                          r->n_files + (model != NULL), err);
    free(inputs);
    return rc;
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct run r = { 0 };
    int rc = run_check_options(argc, err);

    if (rc == 0)
        rc = list_files(&r, argc, argv, err);
    if (rc == 0)
        rc = open_account(&r, err);
    if (rc == 0 && !run_options.sandbox_test)
        rc = sov_keep_open(&run_options.keep, sov_common.dry_run, err);
    if (rc == 0)
        begin_sandbox();
    if (rc == 0)
        rc = read_and_run(&r, argc, argv, err);
    rc = sov_account_close(&run_options.account, rc, err);
    sov_talk_close(&run_options.talk);
    sov_chat_text_free(&r.rendered);
    sov_lm_close(&r.lm);
    sov_keep_close(&run_options.keep);
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
