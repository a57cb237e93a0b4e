/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval.c - what the output lost, measured on a text
 *
 * Before anything is written all is looked at that could go wrong: the text,
 * its tokens, whether the model can run.  When the output has its name, it and
 * the source read the text side by side, mapped; or, instead of the source,
 * what it said before is taken from a file.
 */
#include "quantize/quantize.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 30)

/* A model that reads the text. */
struct reader {
    sov_model *model; /* owned unless it is the source */
    sov_session *session;
    uint64_t bytes; /* of the session, weights not counted */
};

bool
quantize_eval_wanted(void)
{
    const struct quantize_options *o = &quantize_options;

    return o->eval != NULL || o->eval_base != NULL;
}

bool
quantize_eval_runs_source(void)
{
    return quantize_options.eval != NULL;
}

/* ---- before anything is written ---- */

static int
check_options(const struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    const char *form = q->target.format->form;

    if (o->eval != NULL && o->eval_base != NULL)
        return sov_fail(err, SOV_EARG,
                        "--eval-base has tokens of its own: give it or --eval");
    if (o->eval_base_out != NULL && o->eval == NULL)
        return sov_fail(err, SOV_EARG,
                        "--eval-base-out: --eval TEXT is missing");
    if (o->eval_base_out != NULL && strcmp(o->eval_base_out, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--eval-base-out: standard output has the figures");
    if (o->eval_ctx != 0 && o->eval == NULL)
        return sov_fail(err, SOV_EARG,
                        o->eval_base != NULL ? "--eval-base says what windows "
                                               "there are, not --eval-ctx"
                                             : "--eval-ctx: --eval TEXT is "
                                               "missing");
    if (!quantize_eval_wanted())
        return 0;
    if (!sov_common.dry_run && sov_tool_to_stdout())
        return sov_fail(err, SOV_EARG,
                        "--eval reads the output again, which cannot be "
                        "standard output");
    if (q->target.format->folder == NULL && strcmp(form, "gguf") != 0)
        return sov_fail(err, SOV_EARG,
                        "--eval: a safetensors file holds the tensors alone "
                        "and cannot run");
    return 0;
}

/* A folder is made of the model as it stands in memory, which cannot run then;
 * it is opened once more. */
static bool
reopens(const struct quantize *q)
{
    return quantize_eval_runs_source() && q->target.format->folder != NULL;
}

/* Text and model cannot both come from one pipe, nor text from a keyboard. */
static int
check_stdin(const struct quantize *q, const char *path, struct sov_err *err)
{
    if (path == NULL || strcmp(path, "-") != 0)
        return 0;
    if (strcmp(q->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--eval: standard input is the model already");
    if (quantize_options.stats != NULL &&
        strcmp(quantize_options.stats, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--eval: standard input is the statistics already");
    if (isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG, "--eval: standard input is a terminal");
    return 0;
}

int
quantize_eval_begin(struct quantize *q, struct sov_err *err)
{
    const struct quantize_options *o = &quantize_options;
    int rc = check_options(q, err);

    if (rc == 0 && reopens(q) && quantize_is_pipe(q->source))
        rc = sov_fail(err, SOV_EARG,
                      "--eval of a folder reads the model twice: a pipe will "
                      "not do");
    if (rc == 0)
        rc = check_stdin(q, o->eval, err);
    if (rc == 0)
        rc = check_stdin(q, o->eval_base, err);
    if (rc == 0 && o->eval_base != NULL)
        rc = sov_answers_open(&q->eval.base, o->eval_base, err);
    if (rc == 0 && o->eval != NULL) {
        rc =
            sov_read_whole(o->eval, TEXT_MAX, &q->eval.text, &q->eval.len, err);
        if (rc < 0)
            sov_err_wrap(err, "--eval: %s", sov_name_in(o->eval));
    }
    return rc;
}

/* Tokens of a window. */
static uint32_t
choose_window(const struct quantize *q)
{
    uint64_t most = 0; /* tokens that the model was trained to read at once */

    if (q->eval.base != NULL)
        return sov_answers_ctx(q->eval.base);
    if (quantize_options.eval_ctx != 0)
        return (uint32_t)quantize_options.eval_ctx;
    (void)sov_meta_arch_u64(sov_model_meta(q->model), "context_length", &most,
                            NULL);
    return most >= 3 && most < SOV_PPL_CTX ? (uint32_t)most : SOV_PPL_CTX;
}

/* A session for a window; keys and values as the peer keeps them, so that
 * figures can be compared. */
static struct sov_session_opts
session_opts(const struct quantize *q)
{
    return (struct sov_session_opts){
        .n_ctx = q->eval.n_ctx,
        .n_logits = SOV_PPL_ROWS,
        .kv = SOV_KV_F16,
    };
}

static struct sov_session_opts
source_opts(const struct quantize *q)
{
    struct sov_session_opts so = session_opts(q);

    so.lora = q->adapters.use;
    so.n_lora = q->adapters.n;
    return so;
}

static int
make_tokens(struct quantize *q, struct sov_err *err)
{
    struct quantize_eval *e = &q->eval;
    int rc = sov_tok_encode(e->tok, e->text, e->len, SOV_TOK_BOS, &e->ids,
                            &e->n_ids, err);

    free(e->text);
    e->text = NULL;
    if (rc == 0 && e->n_ids < q->eval.n_ctx)
        rc = sov_fail(err, SOV_EFORMAT,
                      "the text has %zu tokens and one window %" PRIu32
                      "; give more text, or a smaller --eval-ctx",
                      e->n_ids, q->eval.n_ctx);
    return rc < 0 ? sov_err_wrap(err, "--eval") : 0;
}

int
quantize_eval_model(struct quantize *q, struct sov_err *err)
{
    struct sov_session_opts so;
    struct sov_session_memory mem;
    int rc;

    if (!quantize_eval_wanted())
        return 0;
    q->eval.n_ctx = choose_window(q);
    rc = sov_tok_load(&q->eval.tok, sov_model_meta(q->model), err);
    if (rc < 0)
        return sov_err_wrap(err, "--eval: %s", sov_name_in(q->source));
    if (!quantize_eval_runs_source())
        return 0;
    so = source_opts(q);
    rc = sov_session_measure(q->model, &so, &mem, err);
    if (rc < 0)
        return sov_err_wrap(err, "--eval: %s", sov_name_in(q->source));
    return make_tokens(q, err);
}

int
quantize_eval_open(struct quantize *q, struct sov_err *err)
{
    struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    const char *path = quantize_options.eval_base_out;
    int rc;

    if (path == NULL)
        return 0;
    rc = strcmp(path, sov_common.output) == 0
             ? sov_fail(err, SOV_EARG, "'%s' is the output", path)
             : sov_sink_open(&q->eval.sink, path, &opts, err);
    return rc < 0 ? sov_err_wrap(err, "--eval-base-out") : 0;
}

/* ---- afterwards ---- */

/* What to open as the output: the file, the first of several, or what holds
 * them. */
static char *
output_path(const struct quantize *q)
{
    if (q->target.packed || q->target.format->folder != NULL)
        return strdup(sov_common.output);
    return sov_target_path(&q->target, sov_quant_plan(q->job), 0);
}

static int
open_reader(struct reader *r, struct sov_session_opts *so, uint64_t other,
            struct sov_err *err)
{
    struct sov_session_memory mem;
    int rc = sov_session_measure(r->model, so, &mem, err);

    if (rc < 0)
        return rc;
    so->other = other;
    if (sov_common.max_memory != 0) /* weights are mapped: not counted */
        so->max_memory = sov_common.max_memory + mem.weights + mem.adapters;
    r->bytes = mem.total - mem.weights - mem.adapters;
    return sov_session_open(&r->session, r->model, so, err);
}

static int
open_output(const struct quantize *q, struct reader *r, uint64_t other,
            struct sov_err *err)
{
    struct sov_session_opts so = session_opts(q);
    char *path = output_path(q);
    int rc = path == NULL
                 ? sov_fail(err, SOV_EMEM, "out of memory")
                 : sov_model_open(&r->model, path, SOV_ACCESS_MAP, err);

    if (rc == 0) {
        rc = open_reader(r, &so, other, err);
        if (rc < 0)
            sov_err_wrap(err, "%s", path);
    }
    free(path);
    return rc;
}

static int
measure(struct quantize *q, struct reader *source, struct reader *result,
        struct sov_err *err)
{
    struct sov_diverge_opts o = {
        .session = result->session,
        .base = source->session,
        .file = q->eval.base,
        .sink = q->eval.sink,
        .tok = q->eval.tok,
        .ids = q->eval.ids,
        .n = q->eval.n_ids,
        .n_ctx = q->eval.n_ctx,
        .progress = sov_progress_update,
    };
    int rc;

    sov_progress_begin("tokens");
    rc = sov_diverge(&o, &q->eval.figures, err);
    sov_progress_end();
    q->eval.done = rc == 0;
    if (rc == 0 && q->eval.sink != NULL)
        rc = sov_sink_commit(&q->eval.sink, err);
    return rc;
}

int
quantize_eval(struct quantize *q, struct sov_err *err)
{
    struct reader source = { 0 }, result = { 0 };
    struct sov_session_opts so = source_opts(q);
    int rc = 0;

    if (!quantize_eval_wanted())
        return 0;
    source.model = q->model;
    if (reopens(q))
        rc = sov_model_open(&source.model, q->source, SOV_ACCESS_MAP, err);
    if (rc == 0 && quantize_eval_runs_source())
        rc = open_reader(&source, &so, 0, err);
    if (rc == 0)
        rc = open_output(q, &result, source.bytes, err);
    if (rc == 0)
        rc = measure(q, &source, &result, err);
    sov_session_close(source.session);
    sov_session_close(result.session);
    sov_model_close(result.model);
    if (source.model != q->model)
        sov_model_close(source.model);
    return rc < 0 ? sov_err_wrap(err, "--eval") : 0;
}

void
quantize_eval_end(struct quantize *q)
{
    sov_sink_abort(q->eval.sink);
    sov_answers_close(q->eval.base);
    sov_tok_free(q->eval.tok);
    free(q->eval.text);
    free(q->eval.ids);
}

/* ---- telling ---- */

struct line {
    const char *key;
    const char *label;
    struct sov_figure f;
    int decimals;
    double scale; /* of what people read */
    const char *unit;
};

static void
report_figure(struct sov_report *r, const struct line *l)
{
    char key[40], text[160];
    int n;

    sov_report_real(r, l->key, NULL, l->f.value, 0, NULL);
    snprintf(key, sizeof(key), "%s_error", l->key);
    sov_report_real(r, key, NULL, l->f.error, 0, NULL);
    snprintf(key, sizeof(key), "%s_low", l->key);
    sov_report_real(r, key, NULL, l->f.low, 0, NULL);
    snprintf(key, sizeof(key), "%s_high", l->key);
    sov_report_real(r, key, NULL, l->f.high, 0, NULL);
    n = snprintf(text, sizeof(text), "%.*f +/- %.*f", l->decimals,
                 l->f.value * l->scale, l->decimals, l->f.error * l->scale);
    if (l->f.low <= l->f.high)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " (%.*f to %.*f)",
                      l->decimals, l->f.low * l->scale, l->decimals,
                      l->f.high * l->scale);
    snprintf(text + n, sizeof(text) - (size_t)n, "%s", l->unit);
    sov_report_label(r, l->label, text);
}

void
quantize_report_eval(struct sov_report *r, const struct quantize *q)
{
    const struct sov_divergence *d = &q->eval.figures;
    const struct line lines[] = {
        { "ppl", "perplexity", d->ppl, 4, 1, "" },
        { "base_ppl", "  of the source", d->base_ppl, 4, 1, "" },
        { "ratio", "  ln of their ratio", d->ratio, 6, 1, "" },
        { "kld", "divergence", d->kld, 6, 1, " nats" },
        { "same_top", "same likeliest token", d->same_top, 3, 100, " %" },
        { "shift", "shift of probability", d->shift, 3, 100, " %" },
    };
    char text[120];

    if (!q->eval.done)
        return;
    sov_report_object(r, "eval");
    sov_report_text(r, "text", NULL,
                    quantize_options.eval != NULL ? quantize_options.eval
                                                  : quantize_options.eval_base);
    sov_report_uint(r, "ctx", NULL, q->eval.n_ctx);
    sov_report_uint(r, "windows", "windows of text", d->windows);
    sov_report_uint(r, "tokens", "tokens scored", d->tokens);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        report_figure(r, &lines[i]);
    sov_report_real(r, "kld_median", NULL, d->kld_median, 0, NULL);
    sov_report_real(r, "kld_90", NULL, d->kld_90, 0, NULL);
    sov_report_real(r, "kld_99", NULL, d->kld_99, 0, NULL);
    sov_report_real(r, "kld_most", NULL, d->kld_most, 0, NULL);
    snprintf(text, sizeof(text), "%.6f, %.6f, %.6f, %.6f", d->kld_median,
             d->kld_90, d->kld_99, d->kld_most);
    sov_report_label(r, "  median, 90 %, 99 %, most", text);
    sov_report_object_end(r);
}
