/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-run - text in, text out
 *
 * One of these, by option:
 *
 *   generate      text that continues the prompt (no option)
 *   --tokenize    ids of the text
 *   --perplexity  how well the model knows the text
 *   --logits      logits after every token of the prompt
 *   --dry-run     what it would take
 *
 * Exit status: 0 done, 64-78 trouble, 141 the reader left.
 */
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "cli/emit.h"
#include "cli/prompt.h"
#include "sov/measure.h"
#include "sov/model.h"
#include "sov/run.h"
#include "sov/token.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
static struct sov_opt_list stops;
static bool echo;
static bool parse_special;
static bool tokenize;
static bool perplexity;
static bool timings;
static bool precise;

static const struct sov_opt opts[] = {
    { .type = SOV_OPT_GROUP, .help = "Model and prompt" },
    { 'm', "model", SOV_OPT_FILE, &model_path, "MODEL",
      "run this model; - is standard input", .preset = "the built-in model" },
    { 'p', "prompt", SOV_OPT_STRING, &prompt_text, "TEXT",
      "continue TEXT, instead of files or standard input" },
    { 0, "parse-special", SOV_OPT_FLAG, &parse_special, NULL,
      "let control tokens that are typed in the text be control tokens" },
    { 0, "input-ids", SOV_OPT_FILE, &ids_path, "FILE",
      "take a JSON array of token ids instead of text" },

    { .type = SOV_OPT_GROUP, .help = "Generation" },
    { 'n', "tokens", SOV_OPT_UINT, &n_tokens, "N",
      "stop after N tokens, if the text does not end before" },
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
    { 0, "timings", SOV_OPT_FLAG, &timings, NULL,
      "say how long it took, as a JSON line on standard error" },

    { .type = SOV_OPT_GROUP, .help = "Instead of generating" },
    { 0, "tokenize", SOV_OPT_FLAG, &tokenize, NULL,
      "print the token ids of the text as JSON" },
    { 0, "perplexity", SOV_OPT_FLAG, &perplexity, NULL,
      "print the perplexity of the text as JSON" },
    { 0, "logits", SOV_OPT_FILE, &logits_path, "OUT",
      "write the logits after each token of the prompt, float32 [n, n_vocab]" },
    { 0 },
};

/* All that a run may hold. */
struct run {
    char built_in[PATH_MAX];
    const char *path;
    char **files; /* of the prompt */
    int n_files;
    sov_model *model;
    sov_tok *tok;
    sov_session *session;
    struct sov_prompt prompt;
    int32_t *ids; /* the prompt, then what is generated */
    size_t n_ids;
    size_t n_prompt;
    double prompt_s;
    double generate_s;
};

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- opening */

static bool
is_model(const char *dir)
{
    char path[PATH_MAX + 64];
    int n = snprintf(path, sizeof(path), "%s/config.json", dir);

    return n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0;
}

/*
 * Where the built-in model was installed; for a program that is run where it
 * was built, models/ beside its bin/.
 */
static const char *
built_in(char *path, size_t size)
{
    char exe[PATH_MAX];
    ssize_t n;
    char *dir;

    if ((size_t)snprintf(path, size, "%s/models/tale", sov_tool_datadir()) <
            size &&
        is_model(path))
        return path;
    n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n > 0) {
        char beside[PATH_MAX + 32];

        exe[n] = '\0';
        dir = dirname(exe);
        if (strcmp(basename(dir), ".libs") == 0)
            dir = dirname(dir);
        snprintf(beside, sizeof(beside), "%s/../models/tale", dir);
        if (is_model(beside) && strlen(beside) < size)
            strcpy(path, beside);
    }
    return path;
}

static int
open_model(struct run *r, enum sov_access access, struct sov_err *err)
{
    const char *warning;
    int rc = sov_model_open(&r->model, r->path, access, err);

    for (size_t i = 0;
         rc == 0 && (warning = sov_model_warning(r->model, i)) != NULL; i++)
        sov_note(1, "%s: %s", r->path, warning);
    return rc;
}

static int
open_tok(struct run *r, struct sov_err *err)
{
    int rc = sov_tok_load(&r->tok, sov_model_meta(r->model), err);

    return rc < 0 ? sov_err_wrap(err, "%s", r->path) : 0;
}

static int
open_session(struct run *r, uint32_t rows, struct sov_err *err)
{
    const struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .n_logits = rows,
        .precise = precise,
        .max_memory = sov_common.max_memory,
    };
    int rc = sov_session_open(&r->session, r->model, &so, err);

    return rc < 0 ? sov_err_wrap(err, "%s", r->path) : 0;
}

static void
close_all(struct run *r)
{
    sov_session_close(r->session);
    sov_tok_free(r->tok);
    sov_model_close(r->model);
    free(r->prompt.text);
    free(r->ids);
}

/* The rule of --depfile: the model's files, then those of the prompt. */
static int
write_depfile(const struct run *r, struct sov_err *err)
{
    const char *const *of_model;
    size_t n = sov_model_files(r->model, &of_model);
    size_t k = (size_t)r->n_files;
    const char **all;
    int rc;

    if (sov_common.depfile == NULL)
        return 0;
    all = calloc(n + k + 1, sizeof(*all));
    if (all == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        all[i] = of_model[i];
    for (size_t i = 0; i < k; i++)
        all[n + i] = r->files[i];
    rc = sov_tool_depfile(all, n + k, err);
    free(all);
    return rc;
}

/* ---- the prompt */

static int
encode_prompt(struct run *r, unsigned flags, struct sov_err *err)
{
    if (parse_special)
        flags |= SOV_TOK_SPECIAL;
    return sov_tok_encode(r->tok, r->prompt.text, r->prompt.len, flags, &r->ids,
                          &r->n_ids, err);
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
read_text(struct run *r, struct sov_err *err)
{
    if (ids_path != NULL)
        return 0;
    return sov_prompt_read(&r->prompt, prompt_text, r->n_files, r->files,
                           r->path, err);
}

/* Ids of the prompt, checked against the session. */
static int
take_ids(struct run *r, struct sov_err *err)
{
    uint32_t n_vocab = sov_session_vocab(r->session);
    uint32_t ctx = sov_session_ctx(r->session);
    int rc = ids_path != NULL
                 ? sov_prompt_ids(ids_path, r->path, &r->ids, &r->n_ids, err)
                 : encode_prompt(r, SOV_TOK_BOS, err);

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

static int
run_tokenize(struct run *r, struct sov_err *err)
{
    struct sov_report *report;
    int rc = open_model(r, SOV_ACCESS_STREAM, err);

    if (rc == 0)
        rc = open_tok(r, err);
    if (rc == 0)
        rc = encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc < 0)
        return rc;
    report = sov_report_new(NULL);
    sov_report_ids(report, "ids", r->ids, r->n_ids);
    return sov_report_end_json(report, err);
}

static int
run_perplexity(struct run *r, struct sov_err *err)
{
    struct sov_report *report;
    struct sov_ppl ppl = { 0 };
    double start;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, SOV_PPL_ROWS, err);
    if (rc == 0)
        rc = open_tok(r, err);
    if (rc == 0)
        rc = encode_prompt(r, SOV_TOK_PLAIN, err);
    if (rc < 0)
        return rc;
    r->n_prompt = r->n_ids;
    start = now();
    sov_progress_begin("tokens");
    rc = sov_perplexity(r->session, r->tok, r->ids, r->n_ids, (uint32_t)n_ctx,
                        sov_progress_update, NULL, &ppl, err);
    sov_progress_end();
    r->prompt_s = now() - start;
    if (rc < 0)
        return rc;
    report = sov_report_new(NULL);
    sov_report_uint(report, "tokens", "tokens", ppl.tokens);
    sov_report_real(report, "nll", "nll", ppl.nll, 6, "nats");
    sov_report_real(report, "ppl", "perplexity", ppl.ppl, 4, NULL);
    return sov_report_end_json(report, err);
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
    size_t n_vocab = sov_session_vocab(r->session);
    unsigned char *bytes = malloc(4 * n_vocab);
    int rc = bytes == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;

    sov_progress_begin("tokens");
    for (size_t at = 0; at < r->n_ids && rc == 0;) {
        size_t n = r->n_ids - at < LOGITS_ROWS ? r->n_ids - at : LOGITS_ROWS;

        rc = sov_session_eval(r->session, r->ids + at, n, SOV_LOGITS_ALL, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            to_bytes(bytes, sov_session_logits(r->session, i), n_vocab);
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
    const char *const *inputs;
    size_t n_inputs;
    sov_sink *sink = NULL;
    double start;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, LOGITS_ROWS, err);
    if (rc == 0 && ids_path == NULL)
        rc = open_tok(r, err);
    if (rc == 0)
        rc = take_ids(r, err);
    if (rc < 0)
        return rc;
    sov_common.output = logits_path;
    n_inputs = sov_model_files(r->model, &inputs);
    rc = sov_tool_sink(&sink, inputs, n_inputs,
                       (uint64_t)4 * r->n_ids * sov_session_vocab(r->session),
                       err);
    start = now();
    if (rc == 0)
        rc = write_rows(r, sink, err);
    r->prompt_s = now() - start;
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc == 0 ? write_depfile(r, err) : rc;
}

static int
run_dry(struct run *r, struct sov_err *err)
{
    const struct sov_session_opts so = {
        .n_ctx = (uint32_t)n_ctx,
        .precise = precise,
        .n_logits = perplexity            ? SOV_PPL_ROWS
                    : logits_path != NULL ? LOGITS_ROWS
                                          : 1,
    };
    struct sov_session_memory mem;
    struct sov_report *report;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = sov_session_measure(r->model, &so, &mem, err);
    if (rc < 0)
        return rc;
    report = sov_report_new("sov.run.memory/1");
    sov_report_bytes(report, "weights", "weights", mem.weights);
    sov_report_bytes(report, "kv", "keys and values", mem.kv);
    sov_report_bytes(report, "work", "work", mem.work);
    sov_report_bytes(report, "logits", "logits", mem.logits);
    sov_report_bytes(report, "total", "in all", mem.total);
    return sov_report_end(report, err);
}

/* ---- generating */

/* Why a text ends, as --json tells it. */
enum why { WHY_TOKENS, WHY_END, WHY_STOP, WHY_CTX };

static const char *const why_names[] = { "length", "end", "stop", "context" };

/*
 * The next token's text.  What begins a whole text has a space in front that
 * nobody wrote.
 */
static struct sov_span
piece_of(const struct run *r, int32_t id)
{
    struct sov_span p = sov_tok_piece(r->tok, id);
    bool first =
        r->n_ids == 0 || (r->n_ids == 1 && r->ids[0] == sov_tok_bos(r->tok));

    if (first && sov_tok_space_prefix(r->tok) && p.len > 0 && p.p[0] == ' ') {
        p.p++;
        p.len--;
    }
    return p;
}

static int
add_id(struct run *r, int32_t id, size_t *cap, struct sov_err *err)
{
    if (r->n_ids >= *cap) {
        size_t more = r->n_ids + r->n_ids / 2 + 256;
        int32_t *bigger = realloc(r->ids, more * sizeof(*bigger));

        if (bigger == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        r->ids = bigger;
        *cap = more;
    }
    r->ids[r->n_ids++] = id;
    return 0;
}

/* Say what token id adds to the text. */
static int
put_token(struct run *r, int32_t id, sov_stream *stream, struct sov_emit *out,
          bool *stopped, struct sov_err *err)
{
    struct sov_span p = piece_of(r, id);
    struct sov_span show;
    int rc = sov_stream_put(stream, p.p, p.len, &show, stopped, err);

    return rc == 0 ? sov_emit_text(out, show, err) : rc;
}

/* What was held back for a stop string that did not come. */
static int
put_rest(sov_stream *stream, struct sov_emit *out, struct sov_err *err)
{
    struct sov_span show;
    int rc = sov_stream_end(stream, &show, err);

    return rc == 0 ? sov_emit_text(out, show, err) : rc;
}

/* One token after the other, until something ends the text. */
static int
loop(struct run *r, sov_sampler *sampler, sov_stream *stream,
     struct sov_emit *out, enum why *why, struct sov_err *err)
{
    size_t cap = r->n_ids;
    bool stopped = false;
    int rc = 0;

    *why = WHY_TOKENS;
    for (uint64_t i = 0; i < n_tokens; i++) {
        int32_t id = sov_sample(sampler, sov_session_logits(r->session, 0),
                                r->ids, r->n_ids, r->n_ids);

        if (id < 0)
            return sov_fail(err, SOV_EFORMAT,
                            "%s: no token is possible: the model's weights "
                            "give no numbers",
                            r->path);
        if (sov_tok_is_end(r->tok, id)) {
            *why = WHY_END;
            break;
        }
        rc = put_token(r, id, stream, out, &stopped, err);
        if (rc == 0)
            rc = add_id(r, id, &cap, err);
        if (rc < 0)
            return rc;
        if (stopped) {
            *why = WHY_STOP;
            break;
        }
        if (i + 1 == n_tokens)
            break;
        if (sov_session_pos(r->session) == sov_session_ctx(r->session)) {
            *why = WHY_CTX;
            sov_note(1, "the context of %" PRIu32 " tokens is full",
                     sov_session_ctx(r->session));
            break;
        }
        rc = sov_session_eval(r->session, &id, 1, SOV_LOGITS_LAST, err);
        if (rc < 0)
            return rc;
    }
    return put_rest(stream, out, err);
}

/* The prompt as it was given; of ids, their text. */
static int
echo_prompt(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    sov_stream *stream = NULL;
    size_t n = r->n_ids;
    bool stopped;
    int rc;

    if (r->prompt.text != NULL)
        return sov_emit_text(
            out,
            (struct sov_span){ (unsigned char *)r->prompt.text, r->prompt.len },
            err);
    rc = sov_stream_new(&stream, NULL, 0, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        r->n_ids = i; /* what stands before it */
        rc = put_token(r, r->ids[i], stream, out, &stopped, err);
    }
    r->n_ids = n;
    if (rc == 0)
        rc = put_rest(stream, out, err);
    sov_stream_free(stream);
    return rc;
}

static int
new_sampler(struct run *r, sov_sampler **sampler, struct sov_err *err)
{
    struct sov_sampler_opts so;

    sov_sampler_defaults(&so);
    so.temp = (float)temp;
    so.top_k = (uint32_t)top_k;
    so.top_p = (float)top_p;
    so.min_p = (float)min_p;
    so.repeat_penalty = (float)repeat_penalty;
    so.seed = sov_common.seed;
    if (temp > 0)
        sov_note(1, "seed %" PRIu64, sov_common.seed);
    return sov_sampler_new(sampler, &so, sov_session_vocab(r->session), err);
}

static int
report_text(const struct run *r, const struct sov_emit *out, enum why why,
            struct sov_err *err)
{
    struct sov_report *report = sov_report_new("sov.run/1");

    sov_report_text(report, "text", "text", out->kept ? out->kept : "");
    sov_report_text(report, "stop", "stop", why_names[why]);
    sov_report_uint(report, "prompt_tokens", "prompt", r->n_prompt);
    sov_report_uint(report, "generated_tokens", "generated",
                    r->n_ids - r->n_prompt);
    if (temp > 0)
        sov_report_uint(report, "seed", "seed", sov_common.seed);
    return sov_report_end_json(report, err);
}

static int
generate(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    sov_sampler *sampler = NULL;
    sov_stream *stream = NULL;
    enum why why = WHY_TOKENS;
    double start = now();
    int rc = new_sampler(r, &sampler, err);

    if (rc == 0)
        rc = sov_stream_new(&stream, stops.items, stops.n, err);
    if (rc == 0 && echo)
        rc = echo_prompt(r, out, err);
    if (rc == 0)
        rc = sov_session_eval(r->session, r->ids, r->n_ids, SOV_LOGITS_LAST,
                              err);
    r->prompt_s = now() - start;
    start = now();
    if (rc == 0)
        rc = loop(r, sampler, stream, out, &why, err);
    r->generate_s = now() - start;
    if (rc == 0)
        rc = sov_emit_close(out, err);
    if (rc == 0 && out->keep)
        rc = report_text(r, out, why, err);
    sov_sampler_free(sampler);
    sov_stream_free(stream);
    return rc;
}

static int
run_generate(struct run *r, struct sov_err *err)
{
    const char *const *inputs;
    struct sov_emit out = { 0 };
    size_t n_inputs;
    int rc = open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = open_session(r, 1, err);
    if (rc == 0)
        rc = open_tok(r, err);
    if (rc == 0)
        rc = take_ids(r, err);
    if (rc < 0)
        return rc;
    n_inputs = sov_model_files(r->model, &inputs);
    rc = sov_emit_open(&out, sov_common.json, inputs, n_inputs, err);
    if (rc == 0)
        rc = generate(r, &out, err);
    sov_emit_free(&out);
    return rc == 0 ? write_depfile(r, err) : rc;
}

/* ---- which of them */

static int
check_options(int argc, struct sov_err *err)
{
    int modes = tokenize + perplexity + (logits_path != NULL);

    if (modes > 1)
        return sov_fail(err, SOV_EARG,
                        "--tokenize, --perplexity and --logits exclude each "
                        "other");
    if (ids_path != NULL && (prompt_text != NULL || argc > 0))
        return sov_fail(err, SOV_EARG, "--input-ids is given instead of text");
    if (ids_path != NULL && (tokenize || perplexity))
        return sov_fail(err, SOV_EARG, "%s reads text, not --input-ids",
                        tokenize ? "--tokenize" : "--perplexity");
    return 0;
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
run(int argc, char **argv, struct sov_err *err)
{
    struct run r = { .files = argv, .n_files = argc };
    int rc = check_options(argc, err);

    r.path = model_path != NULL ? model_path
                                : built_in(r.built_in, sizeof(r.built_in));
    if (rc == 0 && sov_common.dry_run)
        rc = run_dry(&r, err);
    else if (rc == 0) {
        rc = read_text(&r, err);
        if (rc == 0 && tokenize)
            rc = run_tokenize(&r, err);
        else if (rc == 0 && perplexity)
            rc = run_perplexity(&r, err);
        else if (rc == 0) {
            cut_newline(&r);
            rc = logits_path != NULL ? run_logits(&r, err)
                                     : run_generate(&r, err);
        }
        if (rc == 0 && timings)
            say_timings(&r);
    }
    close_all(&r);
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
