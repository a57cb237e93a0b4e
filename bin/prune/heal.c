/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heal.c - --heal-steps: what is left learns what all of it knew
 *
 * What pruning gives goes to a file without a name; that model is trained for
 * a while to expect what the one before expects (the divergence of Kullback
 * and Leibler, by AdamW), and comes out in the types that pruning would have
 * given.  Where shapes are those of before, what is zero stays zero.
 *
 * The result is the same for any threads and memory, as all training here; its
 * claim says same-machine-class, as those of sov-distill do.
 */
#include "prune/prune.h"

#include "cli/effort.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "sov/distill.h"
#include "sov/quant.h"
#include "sov/run.h"

#include <stdlib.h>
#include <string.h>

#define LR_MASKS  1e-4
#define LR_SHAPES 1e-3
#define BATCH     8 /* sequences */

struct prune_heal {
    struct prune_stage pruned;
    sov_distill *run;
    sov_quant *job;
    const char *text[1];
    struct sov_quant_rule *rule; /* [n] the type of each matrix */
    size_t n;
    double first, last; /* loss */
    struct sov_effort effort;
};

static const char *
text_of(void)
{
    return prune_options.heal_text != NULL ? prune_options.heal_text
                                           : prune_options.calib;
}

int
prune_heal_check(const struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    if (o->heal_steps == 0 && (o->heal_text != NULL || o->heal_lr > 0))
        return sov_fail(err, SOV_EARG,
                        "--heal-text and --heal-lr are for --heal-steps N");
    if (o->heal_steps == 0)
        return 0;
    if (p->method != NULL && strcmp(p->method, "vocab") == 0)
        return sov_fail(err, SOV_EARG,
                        "--heal: vocab leaves what the model says as it was: "
                        "nothing is to be healed");
    if (text_of() == NULL)
        return sov_fail(err, SOV_EARG,
                        "--heal-steps: learning from what? --heal-text TEXT, "
                        "or --calib TEXT, is missing");
    if (sov_common.resume)
        return sov_fail(err, SOV_EARG,
                        "--heal-steps and --resume: no training is kept here; "
                        "sov-distill --keep-mask trains with checkpoints");
    if (strcmp(text_of(), "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--heal-steps: the text is a file, since it is read "
                        "again");
    return 0;
}

/* Do zeros stay, as in a model whose shapes are those of before? */
static bool
is_masked(const struct prune *p)
{
    const sov_plan *plan = sov_prune_plan(p->job);
    bool same = sov_plan_count(plan) == sov_model_count(p->model);

    for (size_t i = 0; i < sov_plan_count(plan) && same; i++) {
        const struct sov_tensor *a = sov_plan_at(plan, i);
        int64_t at = sov_model_find(p->model, a->name);
        const struct sov_tensor *b =
            at >= 0 ? sov_model_at(p->model, (size_t)at) : NULL;

        same = b != NULL && a->ndim == b->ndim &&
               memcmp(a->dim, b->dim, sizeof(a->dim)) == 0;
    }
    return same;
}

static int
step(void *arg, const struct sov_distill_step *s, struct sov_err *err)
{
    struct prune_heal *h = arg;

    (void)err;
    sov_effort_look(&h->effort);
    if (s->step == 1)
        h->first = s->point.loss;
    h->last = s->point.loss;
    return 0;
}

static int
make_run(struct prune *p, struct prune_heal *h, sov_model *student,
         struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    bool masked = is_masked(p);
    struct sov_distill_opts opt = {
        .text = h->text,
        .n_texts = 1,
        .student = student,
        .teacher = p->model,
        .loss = "fkl",
        .alpha = 1,
        .temp = 1,
        .optimizer = "adamw",
        .lr = o->heal_lr > 0 ? o->heal_lr
              : masked       ? LR_MASKS
                             : LR_SHAPES,
        .clip = 1,
        .batch = BATCH,
        .accumulate = 1,
        .steps = o->heal_steps,
        .keep_mask = masked,
        .seed = 1,
        .max_memory = sov_common.max_memory,
        .step = step,
        .arg = h,
        .progress = sov_progress_update,
    };

    if (p->lineage.key != NULL && sov_effort_begin(&h->effort, err) < 0)
        return SOV_EMEM;
    h->text[0] = text_of();
    if (o->heal_text != NULL && p->lineage.key != NULL &&
        sov_hash_path(o->heal_text, SOV_HASH_SHA256, &p->heal_is, err) < 0)
        return SOV_EIO;
    return sov_distill_new(&h->run, &opt, err);
}

/* Matrices get the types that they have after pruning. */
static int
choose_types(struct prune_heal *h, const char **type, struct sov_err *err)
{
    const sov_model *model = h->pruned.model;
    uint64_t most = 0, all[256] = { 0 };

    h->rule = calloc(sov_model_count(model) + 1, sizeof(*h->rule));
    if (h->rule == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    *type = "f32";
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        if (t->ndim < 2 || (unsigned)t->type >= 256)
            continue;
        h->rule[h->n++] = (struct sov_quant_rule){ t->name, t->type };
        all[t->type] += t->size;
        if (all[t->type] > most) {
            most = all[t->type];
            *type = sov_type_info((int)t->type)->name;
        }
    }
    return 0;
}

static int
make_job(struct prune *p, struct prune_heal *h, struct sov_err *err)
{
    struct sov_quant_opts opt = {
        .edit = p->packs ? NULL : prune_edit,
        .edit_arg = p,
        .max_memory = sov_common.max_memory,
        .progress = sov_progress_update,
    };
    int rc = choose_types(h, &opt.type, err);

    opt.rule = h->rule;
    opt.n_rules = h->n;
    prune_layout(p, &opt.layout);
    return rc == 0
               ? sov_quant_new(&h->job, sov_distill_model(h->run), &opt, err)
               : rc;
}

static int
write_model(void *job, sov_sink *const *sinks, struct sov_err *err)
{
    int rc;

    sov_progress_begin("B");
    rc = sov_quant_run(job, sinks, err);
    sov_progress_end();
    return rc;
}

/* ---- before it begins ---- */

static struct prune_heal *
healing(struct prune *p)
{
    if (p->healing == NULL)
        p->healing = calloc(1, sizeof(*p->healing));
    return p->healing;
}

/* What pruning leaves, ready to be trained. */
static int
begin(struct prune *p, struct prune_heal *h, struct sov_err *err)
{
    int rc = 0;

    if (!h->pruned.open)
        rc = prune_stage_fill(&h->pruned, sov_prune_plan(p->job), prune_write,
                              p->job, err);
    return rc == 0 && h->run == NULL ? make_run(p, h, h->pruned.model, err)
                                     : rc;
}

static uint64_t
bytes_of(const sov_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; m != NULL && i < sov_model_count(m); i++)
        sum += sov_model_at(m, i)->size;
    return sum;
}

static int
measure(struct prune *p, struct prune_heal *h, uint64_t before,
        struct sov_err *err)
{
    struct sov_distill_facts f;
    uint64_t memory;
    double each;
    int rc;

    sov_distill_facts(h->run, &f);
    memory = before + f.memory + bytes_of(p->model) + bytes_of(h->pruned.model);
    rc = sov_distill_measure(h->run, &each, err);
    if (rc < 0)
        return rc;
    p->heal_seconds = each * (double)f.steps;
    if (memory > p->cost.memory)
        p->cost.memory = memory;
    if (p->cost.scratch < bytes_of(p->model))
        p->cost.scratch = bytes_of(p->model);
    return 0;
}

/* Where zeros are learnt around, the model as it is takes as long, and a dry
 * run tries it; else what is left of it is known by now. */
int
prune_heal_cost(struct prune *p, uint64_t before, struct sov_err *err)
{
    struct prune_heal *h;
    bool masked;
    int rc;

    if (prune_options.heal_steps == 0 || sov_prune_plan(p->job) == NULL)
        return 0;
    h = healing(p);
    if (h == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    masked = is_masked(p);
    if (masked && !sov_common.dry_run)
        return 0; /* texts may be read, and ranks joined, once */
    rc = masked ? make_run(p, h, p->model, err) : begin(p, h, err);
    if (rc == 0)
        rc = measure(p, h, before, err);
    if (masked) {
        sov_distill_free(h->run);
        h->run = NULL;
    }
    return rc < 0 ? sov_err_wrap(err, "--heal-steps") : 0;
}

int
prune_heal(struct prune *p, struct sov_err *err)
{
    struct prune_heal *h = healing(p);
    int rc;

    if (h == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = begin(p, h, err);
    if (rc == 0)
        rc = make_job(p, h, err);
    if (rc == 0 && !p->packs)
        rc = prune_open_output(p, sov_quant_plan(h->job), err);
    if (rc < 0)
        return sov_err_wrap(err, "--heal-steps");
    sov_progress_begin("steps");
    rc = sov_distill_run(h->run, err);
    sov_progress_end();
    if (rc == 0 && p->packs)
        rc = prune_pack_take(p, sov_quant_plan(h->job), write_model, h->job,
                             err);
    else if (rc == 0)
        rc = write_model(h->job, p->target.sink, err);
    return rc < 0 ? sov_err_wrap(err, "--heal-steps") : 0;
}

/* Before that the model has read the text of --calib, once. */
void
prune_heal_effort(struct prune *p, struct sov_deed *deed)
{
    struct prune_heal *h = p->healing;
    double tokens = (double)p->calib.windows * p->calib.ctx;
    struct sov_distill_facts f;

    if (h == NULL)
        return;
    sov_distill_facts(h->run, &f);
    f.work += tokens * sov_model_flops(p->model, p->calib.ctx);
    /* the meter was not yet on when a text was read */
    deed->extra = sov_effort_say(&h->effort, f.work, tokens == 0);
    deed->n_extra = 1;
}

void
prune_heal_report(struct sov_report *r, const struct prune *p)
{
    if (p->healing == NULL || sov_common.dry_run)
        return;
    sov_report_object(r, "heal");
    sov_report_uint(r, "steps", "steps of healing", prune_options.heal_steps);
    sov_report_real(r, "first_loss", "  loss of the first", p->healing->first,
                    6, "nats");
    sov_report_real(r, "last_loss", "  of the last", p->healing->last, 6,
                    "nats");
    sov_report_object_end(r);
}

void
prune_heal_end(struct prune *p)
{
    struct prune_heal *h = p->healing;

    if (h == NULL)
        return;
    sov_effort_end(&h->effort);
    sov_quant_free(h->job);
    sov_distill_free(h->run);
    prune_stage_end(&h->pruned);
    free(h->rule);
    free(h);
    p->healing = NULL;
}
