/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quality.c - how good a model is: texts, a reference, and tasks
 *
 * All files are opened before the process seals itself.  Every figure becomes a
 * record with one sample, the figure, and the interval that it came with.
 */
#include "bench/quality.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "sov/measure.h"
#include "sov/task.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 30)

struct quality_options quality_options;

struct text {
    const char *path;
    char *p; /* owned */
    size_t len;
};

/* A file of tasks, and what is told of it. */
struct task_file {
    const char *path;
    enum sov_task_form form;
    sov_tasks *tasks;
};

struct quality {
    struct bench_job *job;
    struct text perplexity, text;
    struct sov_lm reference; /* what divergence is from, or ... */
    bool has_reference;
    sov_answers *answers; /* ... what one has said */
    struct task_file *file;
    size_t n_files;
};

bool
quality_wanted(void)
{
    const struct quality_options *o = &quality_options;

    return o->perplexity != NULL || o->kld != NULL || o->hellaswag != NULL ||
           o->lambada != NULL || o->choice.n > 0;
}

bool
quality_speed_wanted(void)
{
    const struct bench_options *o = &bench_options;

    if (quality_options.advise)
        return false;
    return !quality_wanted() || o->runs > 0 || o->seconds > 0 ||
           o->prompt.n + o->gen.n + o->depth.n + o->batch.n > 0;
}

void
quality_seal(void)
{
    if (bench_options.threads.n > 0)
        sov_set_threads(bench_options.threads.v[0]);
    sov_threads_ready();
    sov_sandbox_seal();
}

/* ---- options ---- */

static int
count_stdin(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

int
quality_check_options(struct sov_err *err)
{
    const struct quality_options *o = &quality_options;
    int from_stdin = count_stdin(o->perplexity) + count_stdin(o->text) +
                     count_stdin(o->hellaswag) + count_stdin(o->lambada) +
                     count_stdin(o->kld);
    bool tasks = o->hellaswag != NULL || o->lambada != NULL || o->choice.n > 0;

    for (size_t i = 0; i < o->choice.n; i++)
        from_stdin += count_stdin(o->choice.items[i]);
    if (from_stdin > 0 && bench_options.n_models > 1)
        return sov_fail(err, SOV_EARG,
                        "each model reads the text or tasks anew: standard "
                        "input will not do");
    if (from_stdin > 1)
        return sov_fail(err, SOV_EARG,
                        "standard input can be one of the files, not %d",
                        from_stdin);
    if (o->text != NULL && o->kld == NULL)
        return sov_fail(err, SOV_EARG, "--text: --kld REFERENCE is missing");
    if (o->limit > 0 && o->draw > 0)
        return sov_fail(err, SOV_EARG,
                        "--limit takes the first tasks and --draw any: give "
                        "one of them");
    if ((o->limit > 0 || o->draw > 0) && !tasks)
        return sov_fail(err, SOV_EARG,
                        "--%s: no file of tasks (--hellaswag, --lambada, "
                        "--choice)",
                        o->limit > 0 ? "limit" : "draw");
    if (bench_options.vs_tool != NULL && (o->advise || quality_wanted()))
        return sov_fail(err, SOV_EARG, "--vs-tool measures rates alone");
    if (o->advise &&
        (bench_options.sign_key != NULL || sov_common.output != NULL))
        return sov_fail(err, SOV_EARG,
                        "--advise measures nothing that could be kept");
    if (o->advise && quality_wanted())
        return sov_fail(err, SOV_EARG,
                        "--advise measures what it needs itself: leave the "
                        "texts and tasks out");
    if (o->min_speed > 0 && !o->advise)
        return sov_fail(err, SOV_EARG, "--min-speed: --advise is missing");
    return 0;
}

/* ---- opening ---- */

static int
read_text(struct text *t, const char *path, const char *option,
          struct sov_err *err)
{
    int rc;

    t->path = path;
    rc = sov_read_whole(path, TEXT_MAX, &t->p, &t->len, err);
    return rc < 0 ? sov_err_wrap(err, "%s: %s", option, path) : 0;
}

/* Does the file hold what a model has said? */
static bool
holds_answers(const char *path)
{
    char head[8] = "";
    FILE *f = strcmp(path, "-") != 0 ? fopen(path, "rb") : NULL;
    bool yes;

    if (f == NULL)
        return false;
    yes = fread(head, 1, sizeof(head), f) == sizeof(head) &&
          memcmp(head, "_logits_", sizeof(head)) == 0;
    fclose(f);
    return yes;
}

static int
open_reference(struct quality *q, struct sov_err *err)
{
    const struct quality_options *o = &quality_options;
    int rc;

    if (holds_answers(o->kld)) {
        if (o->text != NULL)
            return sov_fail(err, SOV_EARG,
                            "--kld: '%s' has its own text; leave --text out",
                            o->kld);
        return sov_answers_open(&q->answers, o->kld, err);
    }
    if (o->text == NULL)
        return sov_fail(err, SOV_EARG, "--kld: --text TEXT is missing");
    rc = read_text(&q->text, o->text, "--text", err);
    if (rc == 0)
        rc = sov_lm_choose(&q->reference, o->kld, err);
    if (rc == 0)
        rc = sov_lm_open(&q->reference, SOV_ACCESS_MAP, NULL, 0, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&q->reference, err);
    q->has_reference = true;
    return rc < 0 ? sov_err_wrap(err, "--kld") : 0;
}

static int
open_tasks(struct quality *q, const char *path, enum sov_task_form form,
           struct sov_err *err)
{
    struct task_file *f = &q->file[q->n_files];
    int rc;

    if (path == NULL)
        return 0;
    *f = (struct task_file){ .path = path, .form = form };
    rc = sov_tasks_open(&f->tasks, path, form, err);
    if (rc == 0)
        q->n_files++;
    return rc;
}

int
quality_open(struct quality **quality, struct bench_job *job,
             struct sov_err *err)
{
    const struct quality_options *o = &quality_options;
    struct quality *q = calloc(1, sizeof(*q));
    int rc = 0;

    *quality = q;
    if (q != NULL)
        q->file = calloc(o->choice.n + 2, sizeof(*q->file));
    if (q == NULL || q->file == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    q->job = job;
    if (o->perplexity != NULL)
        rc = read_text(&q->perplexity, o->perplexity, "--perplexity", err);
    if (rc == 0 && o->kld != NULL)
        rc = open_reference(q, err);
    if (rc == 0)
        rc = open_tasks(q, o->hellaswag, SOV_TASK_HELLASWAG, err);
    if (rc == 0)
        rc = open_tasks(q, o->lambada, SOV_TASK_LAMBADA, err);
    for (size_t i = 0; i < o->choice.n && rc == 0; i++)
        rc = open_tasks(q, o->choice.items[i], SOV_TASK_CHOICE, err);
    for (size_t m = 0; m < job->n_models && rc == 0; m++)
        rc = sov_lm_open_tok(&job->model[m].lm, err);
    return rc;
}

void
quality_close(struct quality *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < q->n_files; i++)
        sov_tasks_close(q->file[i].tasks);
    free(q->file);
    if (q->has_reference)
        sov_lm_close(&q->reference);
    sov_answers_close(q->answers);
    free(q->perplexity.p);
    free(q->text.p);
    free(q);
}

/* ---- records ---- */

static enum sov_kv_form
kv_form(void)
{
    if (bench_options.kv.n > 0)
        return (enum sov_kv_form)bench_options.kv.v[0];
    return bench_options.precise ? SOV_KV_F32 : SOV_KV_F16;
}

static void
hex_of(char hex[65], const unsigned char sha256[SOV_SHA256_LEN])
{
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
}

/* Keys and values are as the peer keeps them, unless one is asked for. */
static struct sov_bench_cell
cell_of(char *text)
{
    return (struct sov_bench_cell){
        .threads = sov_threads(),
        .kv = (char *)(uintptr_t)bench_kv_name(kv_form()),
        .text = text,
    };
}

static int
put(struct quality *q, struct sov_bench_set *set, size_t m, const char *metric,
    const struct sov_bench_cell *cell, const struct sov_figure *f,
    const char *note, struct sov_err *err)
{
    struct sov_bench_record *r;

    if (!isfinite(f->value))
        return 0;
    r = bench_add(q->job, set, m, metric, cell, &f->value, 1, err);
    if (r == NULL)
        return err->rc;
    r->stat.low = f->low;
    r->stat.high = f->high;
    r->stat.confidence = isfinite(f->low) ? 0.95 : NAN;
    if (note == NULL)
        return 0;
    r->note = strdup(note);
    return r->note != NULL ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
}

/* ---- texts ---- */

static struct sov_session_opts
session_opts(const struct bench_model *m)
{
    struct sov_session_opts so = {
        .n_ctx = (uint32_t)quality_options.ctx,
        .n_logits = SOV_PPL_ROWS,
        .precise = bench_options.precise,
        .kv = kv_form(),
        .max_memory = sov_common.max_memory,
    };
    uint32_t most = bench_model_ctx(m);

    if (so.n_ctx == 0)
        so.n_ctx = most >= 3 && most < SOV_PPL_CTX ? most : SOV_PPL_CTX;
    return so;
}

static int
put_perplexity(struct quality *q, size_t m, const struct sov_ppl *ppl,
               struct sov_bench_cell *cell, struct sov_bench_set *set,
               struct sov_err *err)
{
    struct sov_figure nll = { .value = ppl->nll,
                              .low = log(ppl->of_token.low),
                              .high = log(ppl->of_token.high) };
    char note[120];
    int rc;

    snprintf(note, sizeof(note),
             "%" PRIu64 " tokens in %" PRIu64 " windows, +/- %.4g, %" PRIu64
             " bytes",
             ppl->tokens, ppl->windows, ppl->of_token.error, ppl->bytes);
    rc = put(q, set, m, "perplexity", cell, &ppl->of_token, note, err);
    if (rc == 0)
        rc = put(q, set, m, "nll", cell, &nll, NULL, err);
    if (rc == 0)
        rc = put(q, set, m, "bits_per_byte", cell, &ppl->of_byte, NULL, err);
    return rc;
}

static int
run_perplexity(struct quality *q, size_t m, struct sov_bench_set *set,
               struct sov_err *err)
{
    const struct bench_model *model = &q->job->model[m];
    struct sov_session_opts so = session_opts(model);
    struct text *t = &q->perplexity;
    struct sov_bench_cell cell =
        cell_of((char *)(uintptr_t)sov_name_base(t->path));
    unsigned char sum[SOV_SHA256_LEN];
    sov_session *session = NULL;
    struct sov_ppl ppl;
    int32_t *ids = NULL;
    size_t n;
    int rc = sov_tok_encode(model->lm.tok, t->p, t->len, SOV_TOK_PLAIN, &ids,
                            &n, err);

    if (rc == 0)
        rc = sov_session_open(&session, model->lm.model, &so, err);
    sov_progress_begin("tokens");
    if (rc == 0)
        rc = sov_perplexity(session, model->lm.tok, ids, n, so.n_ctx,
                            sov_progress_update, NULL, &ppl, err);
    sov_progress_end();
    sov_session_close(session);
    free(ids);
    if (rc < 0)
        return sov_err_wrap(err, "--perplexity");
    sov_sha256(t->p, t->len, sum);
    hex_of(cell.text_digest, sum);
    cell.prompt = so.n_ctx;
    return put_perplexity(q, m, &ppl, &cell, set, err);
}

/* ---- a reference ---- */

static int
put_divergence(struct quality *q, size_t m, const struct sov_divergence *d,
               struct sov_bench_cell *cell, struct sov_bench_set *set,
               struct sov_err *err)
{
    char note[160];
    int rc;

    snprintf(note, sizeof(note),
             "of %s: %" PRIu64 " tokens, +/- %.3g; median %.3g, 99 %% below "
             "%.3g, most %.3g; perplexity %.5g, of the reference %.5g",
             sov_name_base(quality_options.kld), d->tokens, d->kld.error,
             d->kld_median, d->kld_99, d->kld_most, d->ppl.value,
             d->base_ppl.value);
    rc = put(q, set, m, "kld", cell, &d->kld, note, err);
    if (rc == 0)
        rc = put(q, set, m, "same_top", cell, &d->same_top, NULL, err);
    return rc;
}

static int
diverge(struct quality *q, size_t m, struct sov_session_opts *so,
        struct sov_diverge_opts *o, struct sov_divergence *d,
        struct sov_err *err)
{
    sov_session *base = NULL, *session = NULL;
    int rc = 0;

    if (q->answers == NULL)
        rc = sov_session_open(&base, q->reference.model, so, err);
    if (rc == 0)
        rc = sov_session_open(&session, q->job->model[m].lm.model, so, err);
    o->base = base;
    o->session = session;
    if (rc == 0)
        rc = sov_diverge(o, d, err);
    sov_session_close(base);
    sov_session_close(session);
    return rc;
}

static int
run_divergence(struct quality *q, size_t m, struct sov_bench_set *set,
               struct sov_err *err)
{
    const struct bench_model *model = &q->job->model[m];
    struct sov_session_opts so = session_opts(model);
    const char *path =
        q->answers != NULL ? quality_options.kld : quality_options.text;
    struct sov_bench_cell cell =
        cell_of((char *)(uintptr_t)sov_name_base(path));
    struct sov_diverge_opts o = { .file = q->answers,
                                  .tok = q->answers != NULL ? model->lm.tok
                                                            : q->reference.tok,
                                  .progress = sov_progress_update };
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_divergence d;
    int32_t *ids = NULL;
    int rc = 0;

    if (q->answers != NULL) {
        const int32_t *own = sov_answers_ids(q->answers, &o.n);

        so.n_ctx = sov_answers_ctx(q->answers);
        sov_sha256(own, o.n * sizeof(*own), sum);
        o.n = 0;
    } else {
        rc = sov_tok_encode(o.tok, q->text.p, q->text.len, SOV_TOK_BOS, &ids,
                            &o.n, err);
        sov_sha256(q->text.p, q->text.len, sum);
        o.ids = ids;
        o.n_ctx = so.n_ctx;
    }
    sov_progress_begin("tokens");
    if (rc == 0)
        rc = diverge(q, m, &so, &o, &d, err);
    sov_progress_end();
    free(ids);
    if (rc < 0)
        return sov_err_wrap(err, "--kld");
    hex_of(cell.text_digest, sum);
    cell.prompt = so.n_ctx;
    return put_divergence(q, m, &d, &cell, set, err);
}

/* ---- tasks ---- */

static int
put_scores(struct quality *q, size_t m, const struct task_file *f,
           const struct sov_scores *s, const struct sov_bench_cell *cell,
           struct sov_bench_set *set, struct sov_err *err)
{
    char note[160];
    int n, rc;

    n = snprintf(note, sizeof(note), "%" PRIu64 " tasks (%s)", s->tasks,
                 sov_tasks_kind(f->tasks));
    if (s->cut > 0)
        snprintf(note + n, sizeof(note) - (size_t)n,
                 ", %" PRIu64 " cut to fit the context", s->cut);
    if (f->form == SOV_TASK_HELLASWAG)
        return put(q, set, m, "hellaswag", cell, &s->right_norm, note, err);
    if (f->form == SOV_TASK_LAMBADA) {
        rc = put(q, set, m, "lambada", cell, &s->greedy, note, err);
        return rc < 0 ? rc
                      : put(q, set, m, "lambada_ppl", cell, &s->ppl, NULL, err);
    }
    rc = put(q, set, m, "choice", cell, &s->right, note, err);
    if (rc == 0)
        rc = put(q, set, m, "choice_norm", cell, &s->right_norm, NULL, err);
    return rc;
}

static int
run_tasks(struct quality *q, struct task_file *f, struct sov_bench_set *set,
          struct sov_err *err)
{
    const struct quality_options *o = &quality_options;
    const struct bench_model *model = &q->job->model[0];
    struct sov_session_opts so = { .n_ctx = (uint32_t)o->ctx,
                                   .precise = bench_options.precise,
                                   .kv = kv_form(),
                                   .max_memory = sov_common.max_memory };
    struct sov_score_opts opts = { .model = model->lm.model,
                                   .tok = model->lm.tok,
                                   .session = &so,
                                   .tasks = f->tasks,
                                   .limit = o->limit,
                                   .progress = sov_progress_update };
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_bench_cell cell;
    struct sov_scores scores;
    char name[300];
    int rc = 0;

    if (o->draw > 0)
        rc = sov_tasks_draw(f->tasks, o->draw, 1, err);
    sov_progress_begin("tasks");
    if (rc == 0)
        rc = sov_score(&opts, &scores, err);
    sov_progress_end();
    if (rc == 0)
        rc = sov_tasks_digest(f->tasks, sum, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "%.255s", sov_name_base(f->path));
    if (o->draw > 0 || o->limit > 0)
        snprintf(name + strlen(name), sizeof(name) - strlen(name),
                 " (%s%" PRIu64 "%s)", o->limit > 0 ? "first " : "",
                 scores.tasks, o->limit > 0 ? "" : " drawn");
    cell = cell_of(name);
    hex_of(cell.text_digest, sum);
    return put_scores(q, 0, f, &scores, &cell, set, err);
}

int
quality_run(struct quality *q, struct sov_bench_set *set, struct sov_err *err)
{
    int rc = 0;

    for (size_t m = 0; m < q->job->n_models && rc == 0; m++) {
        if (quality_options.perplexity != NULL)
            rc = run_perplexity(q, m, set, err);
        if (rc == 0 && quality_options.kld != NULL)
            rc = run_divergence(q, m, set, err);
    }
    for (size_t i = 0; i < q->n_files && rc == 0; i++)
        rc = run_tasks(q, &q->file[i], set, err);
    return rc;
}
