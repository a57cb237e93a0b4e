/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distill.c - a run of training: what it is, and what it needs
 */
#include "distill/run.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/model.h"
#include "train/sum.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CTX_USUAL 512 /* tokens of a sequence, unless the model reads fewer */

/* ---- options ---- */

static int
check_options(const struct sov_distill_opts *o, struct sov_err *err)
{
    if ((o->student != NULL) == (o->arch != NULL))
        return sov_fail(err, SOV_EARG,
                        "one of --student and --arch says what is trained");
    if (o->lora != NULL && (o->student == NULL || o->keep_mask))
        return sov_fail(err, SOV_EARG,
                        "--train-lora: an adapter is for a --student, which "
                        "stays as it is");
    if (o->teacher != NULL && o->cache != NULL)
        return sov_fail(err, SOV_EARG,
                        "--teacher and --cache: one of them tells");
    if (o->keep_mask && o->student == NULL)
        return sov_fail(err, SOV_EARG,
                        "--keep-mask: a new student has no zeros to be kept");
    if (o->batch < 1 || o->accumulate < 1 ||
        o->batch > SOV_SEQUENCES_MAX / o->accumulate)
        return sov_fail(err, SOV_EARG,
                        "a step of %" PRIu64 " x %" PRIu64
                        " sequences is more than %" PRIu64,
                        o->batch, o->accumulate, SOV_SEQUENCES_MAX);
    if (o->resume && o->checkpoint == NULL)
        return sov_fail(err, SOV_EARG,
                        "--resume: from where? --checkpoint DIR is missing");
    if (o->best && (o->checkpoint == NULL || o->eval == NULL))
        return sov_fail(err, SOV_EARG,
                        "--best needs --eval, to choose, and --checkpoint, "
                        "to keep");
    return 0;
}

/* The metadata that the tokenizer comes from. */
static const sov_meta *
words_of(const struct sov_distill_opts *o, struct sov_err *err)
{
    if (o->student != NULL)
        return sov_model_meta(o->student);
    if (o->tokenizer != NULL)
        return sov_model_meta(o->tokenizer);
    if (o->teacher != NULL)
        return sov_model_meta(o->teacher);
    sov_fail(err, SOV_EARG,
             "--arch: whose tokens? --tokenizer MODEL is missing");
    return NULL;
}

/* What is trained, and of which tokens; *own: the context it is made for. */
static int
choose_shape(struct sov_distill *d, const sov_meta *words, size_t *own,
             struct sov_err *err)
{
    const struct sov_distill_opts *o = &d->o;
    int rc;

    if (o->student != NULL)
        rc = sov_shape_of(&d->shape, o->student, err);
    else
        rc = sov_student_vocab(words, &d->shape.n_vocab, err);
    if (rc == 0 && o->student == NULL)
        rc = sov_student_shape(&d->shape, o->arch, err);
    if (rc < 0)
        return o->student == NULL ? sov_err_wrap(err, "--arch") : rc;
    *own = d->shape.n_ctx;
    if (o->ctx > *own)
        return sov_fail(err, SOV_EARG,
                        "--ctx %" PRIu64 ": the student reads %zu tokens",
                        o->ctx, *own);
    if (o->ctx > 0)
        d->shape.n_ctx = (size_t)o->ctx;
    else if (o->student != NULL && *own > CTX_USUAL)
        d->shape.n_ctx = CTX_USUAL;
    if (d->shape.n_ctx < 2)
        return sov_fail(err, SOV_EARG, "--ctx: one token foretells nothing");
    return sov_tok_load(&d->tok, words, err);
}

static int
choose_loss(struct sov_distill *d, struct sov_err *err)
{
    struct sov_distill_opts *o = &d->o;
    int rc;

    bool told = o->teacher != NULL || o->cache != NULL;

    if (o->loss == NULL)
        o->loss = told ? "fkl" : "ce";
    rc = sov_loss_parse(&d->ce, "ce", err);
    if (rc == 0)
        rc = sov_loss_parse(&d->loss, o->loss, err);
    if (rc < 0)
        return sov_err_wrap(err, "--loss");
    if (sov_loss_wants_teacher(&d->loss) && !told)
        return sov_fail(err, SOV_EARG,
                        "--loss %s needs --teacher MODEL, or --cache FILE",
                        o->loss);
    if (!sov_loss_wants_teacher(&d->loss) && told)
        return sov_fail(err, SOV_EARG, "--loss %s asks no teacher", o->loss);
    if (!told)
        return 0;
    d->loss.alpha = o->alpha;
    d->loss.temp = o->temp;
    rc = sov_loss_check(&d->loss, err);
    if (rc == 0 && o->cache != NULL)
        rc = sov_loss_sampled(&d->loss, err);
    return rc < 0 ? sov_err_wrap(err, "--loss") : 0;
}

static int
choose_optimizer(struct sov_distill *d, struct sov_err *err)
{
    struct sov_distill_opts *o = &d->o;
    int rc;

    if (o->optimizer == NULL)
        o->optimizer = "adamw";
    if (o->schedule == NULL)
        o->schedule = "cosine";
    rc = sov_optim_find(&d->optim, o->optimizer, err);
    if (rc < 0)
        return sov_err_wrap(err, "--optimizer");
    if (o->lr > 0)
        d->optim.lr = o->lr;
    d->optim.clip = o->clip;
    d->n_states = sov_optim_arrays(&d->optim);
    rc = sov_schedule_parse(&d->schedule, o->schedule, err);
    return rc < 0 ? sov_err_wrap(err, "--schedule") : 0;
}

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

static int
choose_steps(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_distill_opts *o = &d->o;
    uint64_t sequences = o->batch * o->accumulate;
    uint64_t tokens = sequences * d->shape.n_ctx;

    if (sequences / d->units.most >= SOV_FIX_TERMS)
        return sov_fail(err, SOV_EARG,
                        "a step of %" PRIu64 " sequences is too much; the "
                        "limit is %zu of this length",
                        sequences, SOV_FIX_TERMS * d->units.most);
    d->steps = o->steps;
    if (d->steps == 0 && o->tokens > 0)
        d->steps = o->tokens / tokens + (o->tokens % tokens != 0);
    if (d->steps == 0)
        d->steps = (sov_course_count(d->course) + sequences - 1) / sequences;
    if (d->steps > SOV_STEPS_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu64 " steps are more than %" PRIu64, d->steps,
                        SOV_STEPS_MAX);
    d->schedule.n = d->steps;
    d->schedule.warmup = o->warmup_given ? o->warmup : (d->steps + 99) / 100;
    if (d->schedule.warmup > d->steps)
        return sov_fail(err, SOV_EARG,
                        "--warmup %" PRIu64 ": there are %" PRIu64 " steps",
                        d->schedule.warmup, d->steps);
    d->point = sov_mem_array((size_t)d->steps, sizeof(*d->point));
    return d->point == NULL ? sov_mem_fail(err) : 0;
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
             count * sizeof(float) * d->n_states / (uint64_t)d->comm.n);
    add_part(f, "activations",
             all > count * sizeof(float) ? all - count * sizeof(float) : 0);
    add_part(f, "teacher, its weights apart", d->taught_bytes);
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

    d->at = sov_mem_array((size_t)d->comm.n + 1, sizeof(*d->at));
    d->grad = sov_mem_aligned((size_t)d->count, sizeof(*d->grad));
    d->sum = sov_mem_aligned((size_t)d->count + SOV_TALLIES, sizeof(*d->sum));
    d->n_squares = sov_optim_blocks(d->param, d->n_param);
    d->square = sov_mem_array(d->n_squares, sizeof(*d->square));
    if (d->at == NULL || d->grad == NULL || d->sum == NULL || d->square == NULL)
        return sov_mem_fail(err);
    sov_optim_cut(&d->optim, d->param, d->n_param, NULL, (size_t)d->comm.n,
                  d->at);
    d->from = d->at[d->comm.rank];
    d->to = d->at[d->comm.rank + 1];
    n = (size_t)(d->to - d->from);
    for (size_t i = 0; i < d->n_states; i++) {
        d->state[i] = sov_mem_aligned(n > 0 ? n : 1, sizeof(float));
        if (d->state[i] == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

static int
make_student(struct sov_distill *d, struct sov_err *err)
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
    if (rc == 0)
        rc = make_mask(d, err);
    if (rc < 0)
        return rc;
    return make_arrays(d, err);
}

/* An adapter has other types than it learns in, if it shall. */
static int
make_shown(struct sov_distill *d, struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)d->o.lora_type);

    if (d->lora.rank == 0 || d->o.lora_type == SOV_TYPE_F32)
        return 0;
    d->shown = sov_mem_array((size_t)d->count, info->bytes);
    if (d->shown == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < d->n_param && !d->param[i].beside; i++) {
        t[i].type = d->o.lora_type;
        t[i].data = (unsigned char *)d->shown + d->param[i].at * info->bytes;
    }
    return 0;
}

int
sov_distill_show(struct sov_distill *d, struct sov_err *err)
{
    double most = d->o.lora_type == SOV_TYPE_F16 ? 65504 : FLT_MAX;

    if (d->shown == NULL)
        return 0;
    for (uint64_t i = 0; i < d->count; i++)
        if (!(fabs((double)d->w[i]) <= most))
            return sov_fail(
                err, SOV_ENO, "the adapter has learnt %g, which %s cannot hold",
                (double)d->w[i], sov_type_info((int)d->o.lora_type)->name);
    d->k->encode[d->o.lora_type](d->w, NULL, d->shown, (size_t)d->count, 0);
    return 0;
}

/* The metadata of an adapter are the trainee's business. */
static int
adapter_meta(const struct sov_distill *d, sov_meta **meta, struct sov_err *err)
{
    sov_plan *plan;
    int rc = sov_trainee_plan(&plan, d->t, SOV_TYPE_F32, NULL, NULL, err);

    if (rc == 0)
        rc = sov_student_keep(meta, sov_plan_meta_of(plan), err);
    if (rc == 0)
        sov_meta_unset(*meta, "general.file_type");
    sov_plan_free(plan);
    return rc;
}

/* Tensors of the student that do not learn (factors of rotary positions)
 * stay as they are. */
static size_t
add_others(const struct sov_distill *d, struct sov_tensor *t, size_t n)
{
    const sov_model *from = d->lora.rank == 0 ? d->o.student : NULL;

    for (size_t i = 0; from != NULL && i < sov_model_count(from); i++) {
        const struct sov_tensor *other = sov_model_at(from, i);
        bool learns = false;

        for (size_t k = 0; k < d->n_param && !learns; k++)
            learns = strcmp(d->param[k].name, other->name) == 0;
        if (!learns)
            t[n++] = *other;
    }
    return n;
}

/* The model that comes out shows the weights where they are. */
static int
show_student(struct sov_distill *d, const sov_meta *words, size_t own,
             struct sov_err *err)
{
    struct sov_shape shape = d->shape;
    size_t others = d->o.student != NULL ? sov_model_count(d->o.student) : 0;
    struct sov_tensor *t = sov_mem_array(d->n_param + others, sizeof(*t));
    sov_meta *meta = NULL;
    size_t n = 0;
    int rc;

    if (t == NULL)
        return sov_mem_fail(err);
    for (; n < d->n_param && !d->param[n].beside; n++) {
        const struct sov_weight *p = &d->param[n];

        t[n] = (struct sov_tensor){
            .name = p->name,
            .type = SOV_TYPE_F32,
            .ndim = p->n_out == 1 && !p->matrix ? 1 : 2,
            .dim = { p->n_in, p->n_out },
            .data = d->w + p->at,
        };
    }
    n = add_others(d, t, n);
    shape.n_ctx = own;
    rc = make_shown(d, t, err);
    if (rc == 0)
        rc = d->lora.rank > 0 ? adapter_meta(d, &meta, err)
             : d->o.student != NULL
                 ? sov_student_keep(&meta, words, err)
                 : sov_student_meta(&meta, &shape, words, d->count, err);
    if (rc == 0) /* which owns meta */
        rc = sov_model_held(&d->model, meta, t, n, err);
    free(t);
    return rc;
}

/* ---- the public face ---- */

/* With the other processes at hand, one of which may fail alone. */
static int
open_all(struct sov_distill *d, const sov_meta *words, struct sov_err *err)
{
    size_t own = 0;
    int rc;

    rc = choose_shape(d, words, &own, err);
    if (rc == 0 && d->o.lora != NULL) {
        rc = sov_student_lora(&d->lora, d->o.lora, err);
        if (rc < 0)
            sov_err_wrap(err, "--train-lora");
    }
    if (rc == 0)
        rc = choose_loss(d, err);
    if (rc == 0)
        rc = choose_optimizer(d, err);
    if (rc == 0)
        rc = read_texts(d, err);
    if (rc == 0)
        rc = read_eval(d, err);
    if (rc == 0)
        rc = choose_steps(d, err);
    if (rc == 0)
        rc = open_taught(d, words, err);
    if (rc == 0)
        rc = fit_memory(d, err);
    if (rc == 0)
        rc = make_student(d, err);
    if (rc == 0)
        rc = show_student(d, words, own, err);
    if (rc == 0 && d->o.checkpoint != NULL)
        rc = sov_distill_identify(d, err);
    rc = sov_comm_agree(&d->comm, rc, err);
    return rc == 0 ? sov_distill_resume(d, err) : rc;
}

static int
begin(struct sov_distill *d, struct sov_err *err)
{
    const sov_meta *words;
    int rc = check_options(&d->o, err);

    if (rc < 0)
        return rc;
    words = words_of(&d->o, err);
    if (words == NULL)
        return SOV_EARG;
    rc = sov_comm_open(&d->comm, err);
    d->joined = rc == 0;
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
    uint64_t sequences = d->o.batch * d->o.accumulate;

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
        .flops = sov_trainee_flops(s),
        .recompute = d->recompute,
    };
    if (d->judge_tokens != NULL)
        f->eval_tokens = sov_tokens_count(d->judge_tokens);
    f->passes =
        (double)(d->steps * sequences) / (double)sov_course_count(d->course);
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
