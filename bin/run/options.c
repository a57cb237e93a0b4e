/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - which options go together
 */
#include "run/run.h"

#include "cli/tool.h"

#include <string.h>

bool
run_many_requests(void)
{
    return run_options.jsonl && !run_options.embed.on;
}

static int
choose_kv(struct sov_err *err)
{
    struct run_options *o = &run_options;
    static const char *const names[] = {
        [SOV_KV_F32] = "f32",
        [SOV_KV_F16] = "f16",
        [SOV_KV_BF16] = "bf16",
        [SOV_KV_Q8] = "q8",
    };

    if (o->kv_name == NULL)
        return 0;
    for (size_t i = SOV_KV_F32; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(o->kv_name, names[i]) == 0) {
            o->kv = (enum sov_kv_form)i;
            return 0;
        }
    return sov_fail(err, SOV_EARG, "--kv: '%.32s' is not f32, bf16, f16 or q8",
                    o->kv_name);
}

/* What goes with --chat, and what does not. */
static int
check_chat(struct sov_err *err)
{
    struct run_options *o = &run_options;
    const char *alone = o->render                  ? "--render"
                        : o->talk.system != NULL   ? "--system"
                        : o->talk.template != NULL ? "--chat-template"
                        : o->talk.vars != NULL     ? "--chat-vars"
                        : o->talk.date != NULL     ? "--date"
                        : o->talk.no_answer        ? "--no-generation-prompt"
                                                   : NULL;

    if (run_many_requests() && !o->render)
        return sov_talk_check(&o->talk, err);
    if (!o->chat)
        return alone == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG, "%s goes with --chat", alone);
    if (o->ids != NULL || o->perplexity)
        return sov_fail(err, SOV_EARG, "--chat reads messages, not %s",
                        o->perplexity ? "text for --perplexity"
                                      : "--input-ids");
    if (o->render && (o->tokenize || o->logits != NULL))
        return sov_fail(err, SOV_EARG,
                        "--render, --tokenize and --logits exclude each other");
    if (o->talk.template != NULL && strcmp(o->talk.template, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--chat-template: standard input has the messages");
    if (!o->n_tokens_given)
        o->n_tokens = UINT64_MAX;
    return sov_talk_check(&o->talk, err);
}

/* The answers grow where they stand. */
static int
check_resume(struct sov_err *err)
{
    const char *path = run_options.resume;
    const char *other = sov_common.output != NULL ? "-o"
                        : sov_common.force        ? "-f"
                        : sov_common.if_changed   ? "--if-changed"
                                                  : NULL;

    if (path == NULL)
        return 0;
    if (other != NULL)
        return sov_fail(err, SOV_EARG,
                        "--resume names the output, which grows; no %s", other);
    if (path[0] == '\0' || strcmp(path, "-") == 0)
        return sov_fail(err, SOV_EARG, "--resume: the output is a file");
    sov_common.output = path;
    return 0;
}

/* What goes with --jsonl, and what does not. */
static int
check_requests(struct sov_err *err)
{
    struct run_options *o = &run_options;
    const char *alone = o->order_given      ? "--order"
                        : o->batch_given    ? "--batch"
                        : o->resume != NULL ? "--resume"
                                            : NULL;
    const char *other = o->chat             ? "--chat"
                        : o->tokenize       ? "--tokenize"
                        : o->perplexity     ? "--perplexity"
                        : o->logits != NULL ? "--logits"
                        : o->ids != NULL    ? "--input-ids"
                        : o->prompt != NULL ? "-p"
                        : o->echo           ? "--echo"
                                            : NULL;

    o->embed.jsonl = o->jsonl;
    o->talk.parse_special = o->parse_special;
    if (!run_many_requests())
        return alone == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG,
                              "%s goes with --jsonl, without --embed", alone);
    if (other != NULL)
        return sov_fail(err, SOV_EARG, "--jsonl reads requests; no %s", other);
    return check_resume(err);
}

/* What is added to, or made anew, would not be long what it is. */
static int
check_files(const struct sov_account *a, struct sov_err *err)
{
    const char *const path[] = { sov_common.output, a->log_path,
                                 a->metrics_path };
    static const char *const name[] = { "the output", "--audit-log",
                                        "--metrics" };

    for (size_t i = 0; i < 3; i++)
        for (size_t j = i + 1; j < 3; j++)
            if (path[i] != NULL && path[j] != NULL &&
                strcmp(path[i], path[j]) == 0)
                return sov_fail(err, SOV_EARG, "%s and %s are one file: %s",
                                name[i], name[j], path[i]);
    return 0;
}

/* What is kept of requests, and of which. */
static int
check_account(int argc, struct sov_err *err)
{
    const struct run_options *o = &run_options;
    const struct sov_account *a = &o->account;
    const char *mode = o->render           ? "--render"
                       : o->tokenize       ? "--tokenize"
                       : o->perplexity     ? "--perplexity"
                       : o->logits != NULL ? "--logits"
                                           : NULL;
    bool prove = a->prove || a->claimed != NULL;

    if (sov_account_check(a, err) < 0 || check_files(a, err) < 0)
        return err->rc;
    if (mode != NULL && sov_account_wanted(a))
        return sov_fail(err, SOV_EARG,
                        "%s answers no request; --meter, --metrics, "
                        "--audit-log and --proof are about those",
                        mode);
    if (o->embed.on && (prove || a->meter))
        return sov_fail(err, SOV_EARG, "%s goes with text, not with --embed",
                        prove ? "--proof" : "--meter");
    if (a->meter && !run_many_requests() && !sov_common.json)
        return sov_fail(err, SOV_EARG, "--meter goes with --json or --jsonl");
    if (a->claimed != NULL &&
        (run_many_requests() || run_is_conversation(argc)))
        return sov_fail(err, SOV_EARG,
                        "--verify-proof is about one answer; here are many");
    return 0;
}

/* Standard input and output are one thing each. */
static int
check_keep_streams(int argc, struct sov_err *err)
{
    const struct run_options *o = &run_options;
    const struct sov_keep *k = &o->keep;
    bool to_stdout =
        sov_common.output == NULL || strcmp(sov_common.output, "-") == 0;

    if (k->in != NULL && strcmp(k->in, "-") == 0 && o->prompt == NULL &&
        o->ids == NULL && argc == 0)
        return sov_fail(err, SOV_EARG,
                        "--session-in: standard input is the session; give "
                        "the text with -p or as a file");
    if (k->in != NULL && strcmp(k->in, "-") == 0 && o->model != NULL &&
        strcmp(o->model, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "standard input cannot be the model and the session");
    if (k->out != NULL && strcmp(k->out, "-") == 0 && to_stdout &&
        (o->n_tokens > 0 || sov_common.json || o->echo))
        return sov_fail(err, SOV_EARG,
                        "--session-out: standard output has the text; name a "
                        "file for it with -o, or make none with -n 0");
    return 0;
}

/* What a session is kept of. */
static int
check_keep(int argc, struct sov_err *err)
{
    const struct run_options *o = &run_options;
    const struct sov_keep *k = &o->keep;
    const char *name = k->path != NULL  ? "--session"
                       : k->in != NULL  ? "--session-in"
                       : k->out != NULL ? "--session-out"
                                        : NULL;
    const char *mode = o->render           ? "--render"
                       : o->tokenize       ? "--tokenize"
                       : o->perplexity     ? "--perplexity"
                       : o->logits != NULL ? "--logits"
                       : o->embed.on       ? "--embed"
                       : o->jsonl          ? "--jsonl"
                                           : NULL;

    if (name == NULL)
        return 0;
    if (mode != NULL)
        return sov_fail(err, SOV_EARG, "%s goes with text and --chat, not %s",
                        name, mode);
    if (k->path != NULL && k->in != NULL)
        return sov_fail(err, SOV_EARG,
                        "--session is read and written; --session-in is "
                        "another one");
    if (k->path != NULL && strcmp(k->path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--session needs a file; for pipes there are "
                        "--session-in and --session-out");
    return check_keep_streams(argc, err);
}

int
run_check_options(int argc, struct sov_err *err)
{
    struct run_options *o = &run_options;
    int modes = o->tokenize + o->perplexity + (o->logits != NULL) + o->embed.on;

    if (modes > 1 || (o->embed.on && o->chat))
        return sov_fail(err, SOV_EARG,
                        "--tokenize, --perplexity, --logits, --embed and "
                        "--chat exclude each other");
    if (o->ids != NULL && (o->prompt != NULL || argc > 0))
        return sov_fail(err, SOV_EARG, "--input-ids is given instead of text");
    if (o->ids != NULL && (o->tokenize || o->perplexity))
        return sov_fail(err, SOV_EARG, "%s reads text, not --input-ids",
                        o->tokenize ? "--tokenize" : "--perplexity");
    if (check_requests(err) < 0 || check_chat(err) < 0 ||
        check_account(argc, err) < 0 || check_keep(argc, err) < 0)
        return err->rc;
    o->embed.special = o->parse_special;
    o->embed.prompt = o->prompt;
    o->embed.ids_path = o->ids;
    if (sov_embed_check(&o->embed, (size_t)argc, err) < 0)
        return err->rc;
    for (size_t i = 0; i < o->stops.n; i++)
        if (o->stops.items[i][0] == '\0')
            return sov_fail(err, SOV_EARG, "--stop: the text is empty");
    if (o->logits != NULL && sov_common.output != NULL)
        return sov_fail(err, SOV_EARG,
                        "--logits names the output; -o has nothing to write");
    if (o->logits != NULL)
        sov_common.output = o->logits;
    if (choose_kv(err) < 0)
        return err->rc;
    return sov_tool_check_output(err);
}
