/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - --compare: is it better than the same bytes spent otherwise?
 *
 * When the output has its name it reads a text, and beside it do the model that
 * it was made from and a third one: that model quantized, by the types that
 * cost least, to as many bytes as the output has.  Who prunes hopes to be
 * better than that one, which is what all others would take.
 *
 * The tokens a second are foretold from short measurements, as sov-quantize
 * does (sov/pace.h).  Where nothing was saved the third one is the source
 * itself.
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/spool.h"
#include "cli/tool.h"
#include "sov/allot.h"
#include "sov/measure.h"
#include "sov/pace.h"
#include "sov/quant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 30)
#define ROUNDS   4 /* until sizes agree */

enum { PRUNED, DENSE, SOURCE, MODELS };

/* What is told of a model. */
struct figures {
    bool there;
    uint64_t bytes;
    double ppl, bits; /* of a token; of a byte of text, or NaN */
    double kld;       /* NaN: it has other tokens */
    double same_top;
    double tokens_s;
};

struct prune_compare {
    char *text;
    size_t len;
    sov_tok *tok;
    int32_t *ids;
    size_t n_ids;
    uint32_t n_ctx;
    sov_model *model[MODELS]; /* of SOURCE borrowed */
    int fd;                   /* of the dense one */
    struct figures is[MODELS];
    bool alike; /* all have the same tokens */
    bool better;
};

/* ---- before anything is written ---- */

int
prune_compare_begin(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    struct prune_compare *c;
    int rc;

    if (o->require_better && o->compare == NULL)
        return sov_fail(err, SOV_EARG,
                        "--require-better: on which text? --compare TEXT is "
                        "missing");
    if (o->compare == NULL)
        return 0;
    if (!sov_common.dry_run && sov_tool_to_stdout())
        return sov_fail(err, SOV_EARG,
                        "--compare reads the output again, which cannot be "
                        "standard output");
    if (strcmp(p->target.format->form, "gguf") != 0)
        return sov_fail(err, SOV_EARG,
                        "--compare: a safetensors file holds the tensors alone "
                        "and cannot run");
    if (strcmp(o->compare, "-") == 0 && strcmp(p->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--compare: standard input is the model already");
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    c->fd = -1;
    p->compare = c;
    rc = sov_read_whole(o->compare, TEXT_MAX, &c->text, &c->len, err);
    return rc < 0 ? sov_err_wrap(err, "--compare: %s", sov_name_in(o->compare))
                  : 0;
}

/* The text in the source's tokens: enough for a window? */
int
prune_compare_model(struct prune *p, struct sov_err *err)
{
    struct prune_compare *c = p->compare;
    uint64_t most = 0;
    int rc;

    if (c == NULL)
        return 0;
    c->model[SOURCE] = p->model;
    (void)sov_meta_arch_u64(sov_model_meta(p->model), "context_length", &most,
                            NULL);
    c->n_ctx = most >= 3 && most < SOV_PPL_CTX ? (uint32_t)most : SOV_PPL_CTX;
    rc = sov_tok_load(&c->tok, sov_model_meta(p->model), err);
    if (rc == 0)
        rc = sov_tok_encode(c->tok, c->text, c->len, SOV_TOK_BOS, &c->ids,
                            &c->n_ids, err);
    if (rc == 0 && c->n_ids < c->n_ctx)
        rc = sov_fail(err, SOV_EFORMAT,
                      "the text has %zu tokens and one window %" PRIu32
                      "; give more text",
                      c->n_ids, c->n_ctx);
    return rc < 0 ? sov_err_wrap(err, "--compare") : 0;
}

/* ---- the dense one ---- */

struct dense {
    sov_allot *allot;
    struct sov_sheet *sheet;
    sov_quant *job;
};

static uint32_t
align_of(const struct prune *p)
{
    struct sov_layout layout = { 0 };

    prune_layout(p, &layout);
    return layout.align;
}

static void
forget_choice(struct dense *d)
{
    sov_quant_free(d->job);
    sov_sheet_free(d->sheet);
    d->job = NULL;
    d->sheet = NULL;
}

/* The best types for so many bytes of matrices, and what that makes of the
 * whole. */
static int
choose(struct prune *p, struct dense *d, uint64_t matrices, uint64_t *bytes,
       struct sov_err *err)
{
    struct sov_quant_opts opt = { .stats = p->stats };
    int rc;

    forget_choice(d);
    rc = sov_allot_solve(d->allot, matrices, 0, &d->sheet, err);
    if (rc < 0)
        return rc;
    opt.sheet = d->sheet;
    opt.layout.align = align_of(p);
    rc = sov_quant_new(&d->job, p->model, &opt, err);
    if (rc == 0)
        *bytes = sov_plan_bytes(sov_quant_plan(d->job));
    return rc;
}

/* SOV_ENO: no dense model is as small. */
static int
choose_within(struct prune *p, struct dense *d, uint64_t most,
              struct sov_err *err)
{
    uint64_t bytes, rest, least = sov_allot_least(d->allot);
    int rc = choose(p, d, least, &bytes, err);

    if (rc < 0)
        return rc;
    rest = bytes - sov_allot_bytes(d->allot, d->sheet);
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        if (most < rest + least)
            return SOV_ENO;
        rc = choose(p, d, most - rest, &bytes, err);
        if (rc < 0 || bytes <= most)
            return rc;
        rest += bytes - most;
    }
    return rc < 0 ? rc : SOV_ENO;
}

static int
write_dense(struct prune_compare *c, struct dense *d, struct sov_err *err)
{
    sov_sink *sink = NULL;
    char path[40];
    int rc = sov_spool_open(&c->fd, err);

    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), "/dev/fd/%d", c->fd);
    rc = sov_sink_open(&sink, path, NULL, err);
    if (rc == 0)
        rc = sov_quant_run(d->job, &sink, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    return rc == 0 ? sov_model_open(&c->model[DENSE], path, SOV_ACCESS_MAP, err)
                   : rc;
}

/* What answers depend on is measured on the text of --calib, if there is one:
 * that of --compare shall not have been seen. */
static int
make_dense(struct prune *p, uint64_t most, struct sov_err *err)
{
    struct prune_compare *c = p->compare;
    const struct sov_allot_opts opt = {
        .stats = p->stats,
        .align = align_of(p),
        .tok = p->calib.ids != NULL ? c->tok : NULL,
        .ids = p->calib.ids,
        .n_ids = p->calib.windows * p->calib.ctx,
        .progress = sov_progress_update,
    };
    struct dense d = { 0 };
    int rc;

    sov_progress_begin("trials");
    rc = sov_allot_new(&d.allot, p->model, &opt, err);
    sov_progress_end();
    if (rc == 0)
        rc = choose_within(p, &d, most, err);
    if (rc == 0)
        rc = write_dense(c, &d, err);
    forget_choice(&d);
    sov_allot_free(d.allot);
    return rc == SOV_ENO ? 0 : rc;
}

/* ---- measuring ---- */

static int
open_session(sov_session **s, const sov_model *model, uint32_t n_ctx,
             struct sov_err *err)
{
    const struct sov_session_opts so = {
        .n_ctx = n_ctx,
        .n_logits = SOV_PPL_ROWS,
        .kv = SOV_KV_F16,
    };

    return sov_session_open(s, model, &so, err);
}

static uint64_t
bytes_of(const sov_model *model)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(model); i++)
        sum += sov_model_at(model, i)->size;
    return sum;
}

static int
find_pace(const sov_model *model, double *tokens_s, struct sov_err *err)
{
    sov_pace *pace;
    int rc = sov_pace_new(&pace, model, err);

    if (rc < 0)
        return rc;
    *tokens_s = 1 / sov_pace_token(pace, NULL);
    sov_pace_free(pace);
    return 0;
}

/* A model with the tokens of the source, beside that. */
static int
diverge(struct prune_compare *c, sov_session *base, sov_session *other,
        struct figures *f, struct sov_err *err)
{
    const struct sov_diverge_opts o = {
        .session = other,
        .base = base,
        .tok = c->tok,
        .ids = c->ids,
        .n = c->n_ids,
        .n_ctx = c->n_ctx,
        .progress = sov_progress_update,
    };
    struct sov_divergence d;
    int rc;

    sov_progress_begin("tokens");
    rc = sov_diverge(&o, &d, err);
    sov_progress_end();
    if (rc < 0)
        return rc;
    f->ppl = d.ppl.value;
    f->kld = d.kld.value;
    f->same_top = d.same_top.value;
    c->is[SOURCE].ppl = d.base_ppl.value;
    return 0;
}

/* Bits for each byte of the text, which compare models of any tokens. */
static int
read_bytes(const struct prune_compare *c, const sov_model *model,
           sov_session *s, struct figures *f, struct sov_err *err)
{
    struct sov_ppl ppl;
    sov_tok *tok = NULL;
    int32_t *ids = NULL;
    size_t n;
    int rc = sov_tok_load(&tok, sov_model_meta(model), err);

    if (rc == 0)
        rc = sov_tok_encode(tok, c->text, c->len, SOV_TOK_PLAIN, &ids, &n, err);
    if (rc == 0)
        rc = sov_perplexity(s, tok, ids, n, c->n_ctx, NULL, NULL, &ppl, err);
    if (rc == 0) {
        f->bits = ppl.of_byte.value;
        f->ppl = ppl.ppl;
    }
    free(ids);
    sov_tok_free(tok);
    return rc;
}

static int
measure(struct prune_compare *c, int which, struct sov_err *err)
{
    struct figures *f = &c->is[which];
    sov_session *base = NULL, *s = NULL;
    int rc = open_session(&s, c->model[which], c->n_ctx, err);

    *f = (struct figures){ .there = true,
                           .bytes = bytes_of(c->model[which]),
                           .ppl = which == SOURCE ? f->ppl : NAN,
                           .kld = which == SOURCE ? 0 : NAN,
                           .same_top = which == SOURCE ? 1 : NAN };
    if (rc == 0)
        rc = read_bytes(c, c->model[which], s, f, err);
    if (rc == 0 && which != SOURCE && c->alike)
        rc = open_session(&base, c->model[SOURCE], c->n_ctx, err);
    if (rc == 0 && base != NULL)
        rc = diverge(c, base, s, f, err);
    sov_session_close(s);
    sov_session_close(base);
    return rc == 0 ? find_pace(c->model[which], &f->tokens_s, err) : rc;
}

/* Do both expect the same tokens? */
static bool
same_tokens(const sov_model *a, const sov_model *b)
{
    const struct sov_kv *x =
        sov_meta_find(sov_model_meta(a), "tokenizer.ggml.tokens");
    const struct sov_kv *y =
        sov_meta_find(sov_model_meta(b), "tokenizer.ggml.tokens");

    return x != NULL && y != NULL && x->n == y->n;
}

/* By the divergence from the source, or, with other tokens, by bits. */
static bool
is_better(const struct prune_compare *c)
{
    const struct figures *a = &c->is[PRUNED], *b = &c->is[DENSE];

    if (!b->there)
        return true;
    return c->alike ? a->kld < b->kld : a->bits < b->bits;
}

static int
compare(struct prune *p, struct sov_err *err)
{
    struct prune_compare *c = p->compare;
    char *path = p->target.packed ? strdup(sov_common.output)
                                  : sov_target_path(&p->target, p->written, 0);
    uint64_t most;
    int rc = path == NULL
                 ? sov_fail(err, SOV_EMEM, "out of memory")
                 : sov_model_open(&c->model[PRUNED], path, SOV_ACCESS_MAP, err);

    free(path);
    if (rc < 0)
        return rc;
    c->alike = same_tokens(c->model[PRUNED], p->model);
    most = sov_plan_bytes(p->written);
    if (bytes_of(c->model[PRUNED]) < bytes_of(p->model))
        rc = make_dense(p, most, err);
    for (int i = 0; i < MODELS && rc == 0; i++)
        if (c->model[i] != NULL)
            rc = measure(c, i, err);
    if (rc == 0 && bytes_of(c->model[PRUNED]) >= bytes_of(p->model))
        c->is[DENSE] = c->is[SOURCE];
    c->better = rc == 0 && is_better(c);
    return rc;
}

int
prune_compare(struct prune *p, struct sov_err *err)
{
    int rc;

    if (p->compare == NULL)
        return 0;
    rc = compare(p, err);
    return rc < 0 ? sov_err_wrap(err, "--compare") : 0;
}

/* ---- telling ---- */

static void
report_model(struct sov_report *r, const struct prune_compare *c, int which)
{
    static const char *const names[MODELS] = { "pruned", "dense", "source" };
    const struct figures *f = &c->is[which];

    sov_report_row(r);
    sov_report_text(r, "model", "model", names[which]);
    sov_report_bytes(r, "bytes", "bytes", f->bytes);
    sov_report_real(r, "ppl", "perplexity", f->ppl, 4, NULL);
    sov_report_real(r, "bits_per_byte", "bits a byte", f->bits, 4, NULL);
    sov_report_real(r, "kld", "divergence", f->kld, 6, NULL);
    sov_report_real(r, "same_top", "same likeliest", f->same_top, 4, NULL);
    sov_report_real(r, "tokens_s", "tokens/s", f->tokens_s, 1, NULL);
}

void
prune_compare_report(struct sov_report *r, const struct prune *p)
{
    const struct prune_compare *c = p->compare;

    if (c == NULL || sov_common.dry_run)
        return;
    sov_report_object(r, "compare");
    sov_report_text(r, "text", "text", prune_options.compare);
    sov_report_uint(r, "ctx", NULL, c->n_ctx);
    sov_report_table(r, "models");
    for (int i = 0; i < MODELS; i++)
        if (c->is[i].there)
            report_model(r, c, i);
    sov_report_table_end(r);
    if (!c->is[DENSE].there)
        sov_report_label(r, "dense", "none is as small");
    sov_report_bool(r, "better", "better than the dense one", c->better);
    sov_report_object_end(r);
}

/* Everything worked; the answer may be no. */
int
prune_compare_verdict(const struct prune *p, struct sov_err *err)
{
    const struct prune_compare *c = p->compare;

    if (c == NULL || sov_common.dry_run || !prune_options.require_better ||
        c->better)
        return 0;
    return sov_fail(err, SOV_ENO,
                    "--require-better: the dense model of as many bytes is "
                    "better (%s %.6f, and %.6f)",
                    c->alike ? "divergence" : "bits a byte",
                    c->alike ? c->is[DENSE].kld : c->is[DENSE].bits,
                    c->alike ? c->is[PRUNED].kld : c->is[PRUNED].bits);
}

void
prune_compare_end(struct prune *p)
{
    struct prune_compare *c = p->compare;

    if (c == NULL)
        return;
    sov_model_close(c->model[PRUNED]);
    sov_model_close(c->model[DENSE]);
    if (c->fd >= 0)
        close(c->fd);
    sov_tok_free(c->tok);
    free(c->text);
    free(c->ids);
    free(c);
    p->compare = NULL;
}
