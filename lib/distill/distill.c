/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distill.c - a run of training: what it is, and what it needs
 */
#include "distill/policy.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- texts ---- */

int
sov_distill_texts(const struct sov_distill_opts *o, const sov_tok *tok,
                  sov_tokens **tokens, struct sov_texts_told *told,
                  struct sov_err *err)
{
    static const enum sov_corpus_form forms[] = {
        SOV_CORPUS_AUTO,  SOV_CORPUS_TEXT,  SOV_CORPUS_JSONL,
        SOV_CORPUS_LINES, SOV_CORPUS_BLANK,
    };
    const struct sov_texts texts = {
        .paths = o->text,
        .n = o->n_texts,
        .form = forms[o->form],
        .sieve = {
            .filter = o->filter,
            .limits = o->rules,
            .exact = o->twins != SOV_TWINS_KEEP,
            .near = o->twins == SOV_TWINS_NEAR ? 0.8 : 0,
        },
        .tok = tok,
    };

    return sov_texts_read(tokens, &texts, told, err);
}

static int
read_texts(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_distill_opts *o = &d->o;
    const struct sov_course_opts course = {
        .n_ctx = d->shape.n_ctx,
        .batch = (size_t)(o->batch * o->accumulate),
        .seed = o->seed,
    };
    int rc = sov_distill_texts(o, d->tok, &d->tokens, &d->told, err);

    if (rc == 0)
        rc = sov_course_new(&d->course, d->tokens, &course, err);
    return rc == 0 ? sov_units_new(&d->units, d->course, &d->shape, err) : rc;
}

/* Bytes of text behind all tokens that are foretold. */
static void
count_scored(struct sov_distill *d)
{
    struct sov_unit unit;
    uint64_t all = sov_course_all(d->judge_course);

    for (uint64_t at = 0; at < all; at += d->judge.most) {
        size_t n =
            all - at < d->judge.most ? (size_t)(all - at) : d->judge.most;

        sov_units_read(&d->judge, 0, at, n, &unit);
        for (size_t i = 0; i < unit.first[n]; i++)
            if (unit.next[i] >= 0)
                d->judge_bytes +=
                    sov_tokens_text(d->judge_tokens, &unit.next[i], 1);
    }
}

static int
read_eval(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_texts texts = {
        .paths = &d->o.eval,
        .n = 1,
        .tok = d->tok,
    };
    const struct sov_course_opts course = {
        .n_ctx = d->shape.n_ctx,
        .batch = 1,
    };
    int rc;

    if (d->o.eval == NULL)
        return 0;
    rc = sov_texts_read(&d->judge_tokens, &texts, NULL, err);
    if (rc == 0)
        rc = sov_course_new(&d->judge_course, d->judge_tokens, &course, err);
    if (rc == 0)
        rc = sov_units_new(&d->judge, d->judge_course, &d->shape, err);
    if (rc == 0)
        count_scored(d);
    if (rc == 0 && d->judge_bytes == 0)
        rc = sov_fail(err, SOV_EFORMAT, "there is nothing to foretell");
    return rc < 0 ? sov_err_wrap(err, "--eval") : 0;
}

/* ---- teacher ---- */

static int
open_taught(struct sov_distill *d, const sov_meta *words, struct sov_err *err)
{
    const struct sov_taught_opts opts = {
        .teacher = d->o.teacher,
        .cache = d->o.cache,
        .hidden = d->o.hidden,
        .temp = d->o.temp,
        .student = words,
        .shape = &d->shape,
        .tokens = d->tokens,
    };
    int rc = sov_taught_open(&d->taught, &opts, err);

    if (rc == 0)
        rc = sov_taught_measure(&opts, &d->taught_bytes, err);
    if (rc == 0 && d->taught.insight != NULL)
        d->taught_bytes += sov_insight_bytes(d->taught.insight);
    return rc;
}

/* ---- memory ---- */

static struct sov_trainee_opts
trainee_opts(const struct sov_distill *d, bool recompute)
{
    struct sov_trainee_opts opts = {
        .mul = d->o.dtype == SOV_TRAIN_BF16 ? SOV_MUL_BF16 : SOV_MUL_F32,
        .recompute = recompute,
        .taught = d->o.teacher != NULL,
        .rank = d->lora.rank,
        .alpha = d->lora.alpha,
        .targets = d->lora.targets[0] != '\0' ? d->lora.targets : NULL,
        .base = d->lora.rank > 0 ? d->o.student : NULL,
    };

    sov_taught_matches(&d->taught, &opts);
    return opts;
}

static void
add_part(struct sov_distill_facts *f, const char *name, uint64_t bytes)
{
    if (bytes == 0)
        return;
    f->part[f->n_parts++] = (struct sov_distill_part){ name, bytes };
    f->memory += bytes;
}

/* Into f, which has no parts yet. */
static void
count_memory(const struct sov_distill *d, bool recompute,
             struct sov_distill_facts *f)
{
    const struct sov_trainee_opts opts = trainee_opts(d, recompute);
    uint64_t all = sov_trainee_bytes(&d->shape, &opts), count = d->count;

    add_part(f, "weights", count * sizeof(float));
    add_part(f, "gradient", count * sizeof(float));
    add_part(f, "exact sums", count * sizeof(int64_t));
    add_part(f, "optimiser",
             count * sizeof(float) * d->n_states / (uint64_t)d->near.n);
    add_part(f, "what workers had when they met",
             count * sizeof(float) *
                 (d->o.local_steps > 0 ? 2
                  : d->o.delta         ? 1
                                       : 0));
    add_part(f, "activations",
             all > count * sizeof(float) ? all - count * sizeof(float) : 0);
    add_part(f, "teacher, its weights apart", d->taught_bytes);
    add_part(f, "what the student makes",
             d->o.on_policy > 0 ? count * sizeof(float) : 0);
    add_part(f, "mask", d->o.keep_mask ? count / 8 : 0);
    add_part(f, "history", d->steps * sizeof(*d->point));
}

static int
count_numbers(struct sov_distill *d, struct sov_err *err)
{
    struct sov_weight *list;
    size_t n;
    int rc;

    if (d->lora.rank > 0) /* known when it is there */
        return 0;
    rc = sov_shape_weights(&d->shape, &list, &n, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        d->count += list[i].n_in * list[i].n_out;
    free(list);
    if (d->count > SOV_COUNT_MAX)
        return sov_fail(err, SOV_EMEM,
                        "a student of %" PRIu64 " weights; the limit is "
                        "%" PRIu64,
                        d->count, SOV_COUNT_MAX);
    return 0;
}

/* Layers are computed twice where there is no memory for once. */
static int
fit_memory(struct sov_distill *d, struct sov_err *err)
{
    struct sov_distill_facts plain = { 0 }, thin = { 0 };
    uint64_t most = d->o.max_memory;
    int rc = count_numbers(d, err);

    if (rc < 0)
        return rc;
    count_memory(d, false, &plain);
    count_memory(d, true, &thin);
    if (most == 0 || plain.memory <= most)
        return 0;
    if (thin.memory > most)
        return sov_fail(err, SOV_EMEM,
                        "training takes %" PRIu64 " bytes, and --max-memory "
                        "is %" PRIu64 "; --dry-run shows for what",
                        thin.memory, most);
    d->recompute = true;
    return 0;
}

/* ---- the student ---- */

static int
make_mask(struct sov_distill *d, struct sov_err *err)
{
    if (!d->o.keep_mask)
        return 0;
    d->keep = sov_mem_array((size_t)(d->count / 8 + 1), 1);
    if (d->keep == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < d->n_param; i++) {
        const struct sov_weight *p = &d->param[i];
        uint64_t end = p->at + p->n_in * p->n_out;

        for (uint64_t k = p->at; k < end; k++)
            if (!p->matrix || d->w[k] != 0)
                d->keep[k / 8] |= (uint8_t)(1u << k % 8);
    }
    return 0;
}

/* What a step needs; of the optimiser's arrays a part. */
static int
make_arrays(struct sov_distill *d, struct sov_err *err)
{
    size_t n;

    d->at = sov_mem_array((size_t)d->near.n + 1, sizeof(*d->at));
    d->grad = sov_mem_aligned((size_t)d->count, sizeof(*d->grad));
    d->sum = sov_mem_aligned((size_t)d->count + SOV_TALLIES, sizeof(*d->sum));
    d->n_squares = sov_optim_blocks(d->param, d->n_param);
    d->square = sov_mem_array(d->n_squares, sizeof(*d->square));
    if (d->at == NULL || d->grad == NULL || d->sum == NULL || d->square == NULL)
        return sov_mem_fail(err);
    sov_optim_cut(&d->optim, d->param, d->n_param, NULL, (size_t)d->near.n,
                  d->at);
    d->from = d->at[d->near.rank];
    d->to = d->at[d->near.rank + 1];
    n = (size_t)(d->to - d->from);
    for (size_t i = 0; i < d->n_states; i++) {
        d->state[i] = sov_mem_aligned(n > 0 ? n : 1, sizeof(float));
        if (d->state[i] == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

int
sov_distill_begin_weights(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_trainee_opts opts = trainee_opts(d, d->recompute);
    int rc = sov_trainee_new(&d->t, &d->shape, &opts, err);

    if (rc < 0)
        return rc;
    d->n_param = sov_trainee_tensors(d->t, &d->param);
    d->count = sov_trainee_count(d->t);
    d->w = sov_trainee_weights(d->t);
    if (d->o.student != NULL && d->lora.rank == 0)
        rc = sov_trainee_read(d->t, d->o.student, err);
    else
        sov_trainee_init(d->t, d->o.seed);
    return rc;
}

static int
make_student(struct sov_distill *d, struct sov_err *err)
{
    int rc = sov_distill_begin_weights(d, err);

    if (rc == 0)
        rc = make_mask(d, err);
    if (rc == 0)
        rc = make_arrays(d, err);
    if (rc == 0)
        rc = sov_policy_open(d, err);
    d->units.other = d->made != NULL ? sov_policy_read : NULL;
    d->units.arg = d;
    return rc == 0 ? sov_distill_part(d, err) : rc;
}

/* ---- the public face ---- */

/* With the other processes at hand, one of which may fail alone. */
static int
open_all(struct sov_distill *d, const sov_meta *words, struct sov_err *err)
{
    size_t own = 0;
    int rc;

    rc = sov_distill_decide(d, words, &own, err);
    if (rc == 0)
        rc = read_texts(d, err);
    if (rc == 0)
        rc = read_eval(d, err);
    if (rc == 0)
        rc = sov_distill_count_steps(d, err);
    if (rc == 0)
        rc = open_taught(d, words, err);
    if (rc == 0)
        rc = fit_memory(d, err);
    if (rc == 0)
        rc = make_student(d, err);
    if (rc == 0)
        rc = sov_distill_show_student(d, words, own, err);
    if (rc == 0)
        rc = sov_distill_fits(d, err);
    if (rc == 0 && d->o.checkpoint != NULL)
        rc = sov_distill_identify(d, err);
    rc = sov_comm_agree(&d->comm, rc, err);
    return rc == 0 ? sov_distill_resume(d, err) : rc;
}

static int
begin(struct sov_distill *d, struct sov_err *err)
{
    const sov_meta *words;
    int rc = sov_distill_check(&d->o, err);

    if (rc < 0)
        return rc;
    words = sov_distill_words(&d->o, err);
    if (words == NULL)
        return SOV_EARG;
    rc = sov_comm_open(&d->comm, err);
    d->joined = rc == 0;
    d->near = d->o.local_steps > 0 ? (struct sov_comm){ .n = 1 } : d->comm;
    return rc == 0 ? open_all(d, words, err) : rc;
}

int
sov_distill_agree(sov_distill *d, int rc, struct sov_err *err)
{
    return sov_comm_agree(&d->comm, rc, err);
}

int
sov_distill_new(sov_distill **distill, const struct sov_distill_opts *opts,
                struct sov_err *err)
{
    sov_distill *d = sov_mem_array(1, sizeof(*d));
    struct sov_err unseen;
    int rc;

    *distill = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->o = *opts;
    d->k = sov_kern();
    rc = begin(d, err != NULL ? err : &unseen);
    if (rc < 0) {
        sov_distill_free(d);
        return rc;
    }
    *distill = d;
    return 0;
}

void
sov_distill_free(sov_distill *d)
{
    if (d == NULL)
        return;
    sov_model_close(d->model);
    sov_trainee_free(d->t);
    sov_mem_free_aligned(d->grad);
    sov_mem_free_aligned(d->sum);
    for (size_t i = 0; i < SOV_STATES_MAX; i++)
        sov_mem_free_aligned(d->state[i]);
    free(d->at);
    free(d->square);
    free(d->keep);
    sov_mem_free_aligned(d->made);
    sov_mem_free_aligned(d->base);
    sov_mem_free_aligned(d->momentum);
    free(d->shown);
    sov_taught_close(&d->taught);
    sov_units_free(&d->units);
    sov_units_free(&d->judge);
    sov_course_free(d->course);
    sov_course_free(d->judge_course);
    sov_tokens_free(d->tokens);
    sov_tokens_free(d->judge_tokens);
    sov_texts_told_free(&d->told);
    sov_tok_free(d->tok);
    free(d->point);
    free(d->eval);
    if (d->joined)
        sov_comm_close(&d->comm);
    free(d);
}

void
sov_distill_facts(const sov_distill *d, struct sov_distill_facts *f)
{
    const struct sov_shape *s = &d->shape;
    const struct sov_trainee_opts opts = trainee_opts(d, d->recompute);
    uint64_t sequences = d->o.batch * d->o.accumulate * sov_distill_workers(d);

    *f = (struct sov_distill_facts){
        .process = d->comm.rank,
        .processes = d->comm.n,
        .arch = s->arch,
        .layers = s->n_layer,
        .width = s->n_embd,
        .heads = s->n_head,
        .kv_heads = s->n_head_kv,
        .ff = s->n_ff,
        .vocab = s->n_vocab,
        .tied = s->tied,
        .parameters = d->count,
        .rank = d->lora.rank,
        .loss = d->o.loss,
        .optimizer = d->o.optimizer,
        .schedule = d->o.schedule,
        .lr = d->optim.lr,
        .ctx = s->n_ctx,
        .sequences = sequences,
        .step_tokens = sequences * s->n_ctx,
        .steps = d->steps,
        .warmup = d->schedule.warmup,
        .done = d->done,
        .text_tokens = sov_tokens_count(d->tokens),
        .text_bytes = sov_tokens_bytes(d->tokens),
        .flops = sov_trainee_flops(s, &opts, d->count),
        .recompute = d->recompute,
    };
    if (d->judge_tokens != NULL)
        f->eval_tokens = sov_tokens_count(d->judge_tokens);
    f->passes =
        (double)(d->steps * sequences) / (double)sov_course_count(d->course);
    f->work = sov_distill_work(d, f->flops);
    count_memory(d, d->recompute, f);
}

const unsigned char *
sov_distill_texts_digest(const sov_distill *d)
{
    return sov_tokens_texts_digest(d->tokens);
}

const unsigned char *
sov_distill_eval_digest(const sov_distill *d)
{
    return d->judge_tokens != NULL ? sov_tokens_texts_digest(d->judge_tokens)
                                   : NULL;
}

const char *
sov_distill_sieved(const sov_distill *d, bool json)
{
    return json ? d->told.report_json : d->told.report;
}

const struct sov_distill_point *
sov_distill_points(const sov_distill *d, size_t *n)
{
    *n = (size_t)d->done;
    return d->point;
}

const struct sov_distill_eval *
sov_distill_evals(const sov_distill *d, size_t *n)
{
    *n = d->n_evals;
    return d->eval;
}

sov_model *
sov_distill_model(sov_distill *d)
{
    return d->model;
}
