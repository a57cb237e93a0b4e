/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trainee.c - whole models in f32 and bf16: gradients, the same bits from any
 * threads and with layers computed twice, and files that the runtime reads
 *
 * The mathematics of the way back is judged in f64, by t_trainee_grad.
 */
#include "tiny.h"
#include "trainee_make.h"

#include "sov/lora.h"
#include "sov/run.h"
#include "sov/token.h"
#include "train/optim.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* The gradient of a form's unit, with these options. */
static float *
gradient(const struct form *form, const struct sov_trainee_opts *opts,
         size_t *n)
{
    const struct sov_loss loss = cross_entropy();
    sov_trainee *t = make_trainee(&form->shape, opts);
    struct made_unit m;
    float *grad;

    *n = (size_t)sov_trainee_count(t);
    grad = floats(*n);
    make_weights(t);
    make_unit(&m, form->shape.n_vocab);
    make_loss(t, &m.unit, &loss, grad);
    sov_trainee_free(t);
    return grad;
}

/* ---- gradients */

/* L(w + h v) - L(w - h v) */
static double
difference(sov_trainee *t, const struct sov_unit *unit, const float *keep,
           const float *v, double h, size_t n)
{
    const struct sov_loss loss = cross_entropy();
    float *w = sov_trainee_weights(t);
    double there;

    for (size_t i = 0; i < n; i++)
        w[i] = (float)((double)keep[i] + h * (double)v[i]);
    there = make_loss(t, unit, &loss, NULL);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)((double)keep[i] - h * (double)v[i]);
    return there - make_loss(t, unit, &loss, NULL);
}

/* A random direction, half of which is the gradient's: so that the loss goes
 * far enough to be told from its own rounding. */
static void
mixed_direction(float *v, const float *grad, uint64_t number, size_t n)
{
    double size = sqrt(make_dot(grad, grad, n));

    make_direction(v, number, n);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(((double)v[i] + (double)grad[i] / size) * 0.7);
}

START_TEST(f32_gradients)
{
    const struct sov_trainee_opts opts = { .mul = SOV_MUL_F32 };
    const struct form *form = &forms[_i];
    sov_trainee *t = make_trainee(&form->shape, &opts);
    size_t n = (size_t)sov_trainee_count(t);
    float *grad = floats(n), *keep = floats(n), *v = floats(n);
    const struct sov_loss loss = cross_entropy();
    struct made_unit m;

    make_weights(t);
    make_unit(&m, form->shape.n_vocab);
    memcpy(keep, sov_trainee_weights(t), n * sizeof(*keep));
    make_loss(t, &m.unit, &loss, grad);
    for (uint64_t d = 0; d < 20; d++) {
        const double h = 4e-3;
        double near, far, slope, told;

        mixed_direction(v, grad, d, n);
        near = difference(t, &m.unit, keep, v, h, n) / (2 * h);
        far = difference(t, &m.unit, keep, v, 2 * h, n) / (4 * h);
        slope = (4 * near - far) / 3;
        told = make_dot(grad, v, n);
        ck_assert_msg(fabs(slope - told) <= 1e-3 * fabs(slope),
                      "%s, direction %d: %.8g, not %.8g", form->name, (int)d,
                      told, slope);
    }
    sov_trainee_free(t);
    free(grad);
    free(keep);
    free(v);
}
END_TEST

START_TEST(bf16_gradients)
{
    const struct sov_trainee_opts f32 = { .mul = SOV_MUL_F32 };
    const struct sov_trainee_opts bf16 = { .mul = SOV_MUL_BF16 };
    const struct form *form = &forms[_i];
    size_t n;
    float *right = gradient(form, &f32, &n), *got = gradient(form, &bf16, &n);
    float *v = floats(n);

    for (uint64_t d = 0; d < 20; d++) {
        double slope, told;

        mixed_direction(v, right, d, n);
        slope = make_dot(right, v, n);
        told = make_dot(got, v, n);
        ck_assert_msg(fabs(slope - told) <= 2e-2 * fabs(slope),
                      "%s, direction %d: %.8g, not %.8g", form->name, (int)d,
                      told, slope);
    }
    free(right);
    free(got);
    free(v);
}
END_TEST

/* ---- the same bits */

START_TEST(layers_computed_twice)
{
    for (int mul = SOV_MUL_F32; mul <= SOV_MUL_BF16; mul++) {
        const struct sov_trainee_opts once = { .mul = mul };
        const struct sov_trainee_opts twice = { .mul = mul, .recompute = true };
        size_t n;
        float *a = gradient(&forms[_i], &once, &n);
        float *b = gradient(&forms[_i], &twice, &n);

        ck_assert_mem_eq(a, b, n * sizeof(*a));
        free(a);
        free(b);
    }
}
END_TEST

START_TEST(threads)
{
    for (int mul = SOV_MUL_F32; mul <= SOV_MUL_BF16; mul++) {
        const struct sov_trainee_opts opts = { .mul = mul };
        unsigned was = sov_threads();
        float *one, *more;
        size_t n;

        sov_set_threads(1);
        one = gradient(&forms[_i], &opts, &n);
        for (unsigned k = 2; k <= 3; k++) {
            sov_set_threads(k);
            more = gradient(&forms[_i], &opts, &n);
            ck_assert_mem_eq(one, more, n * sizeof(*one));
            free(more);
        }
        sov_set_threads(was);
        free(one);
    }
}
END_TEST

/* ---- units and shapes that cannot be */

START_TEST(units_that_cannot_be)
{
    const struct sov_trainee_opts opts = { 0 };
    const struct sov_loss loss = cross_entropy();
    sov_trainee *t = make_trainee(&forms[0].shape, &opts);
    const size_t none[] = { 0, 5, 5 }, late[] = { 1, 4 }, longer[] = { 0, 20 };
    struct sov_tally tally;
    struct made_unit m;
    struct sov_err err;

    make_unit(&m, forms[0].shape.n_vocab);
    m.unit.n_seq = 0;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    m.unit.n_seq = 2;
    m.unit.first = none;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    m.unit.n_seq = 1;
    m.unit.first = late;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    m.unit.first = longer;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    make_unit(&m, forms[0].shape.n_vocab);
    m.ids[3] = 53;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    m.ids[3] = 1;
    m.next[3] = 53;
    ck_assert_int_eq(sov_trainee_unit(t, &m.unit, &loss, NULL, &tally, &err),
                     SOV_EARG);
    sov_trainee_free(t);
    sov_trainee_free(NULL);
}
END_TEST

START_TEST(shapes_that_cannot_be)
{
    struct sov_shape bad[8];
    struct sov_err err;

    for (size_t i = 0; i < 8; i++)
        bad[i] = forms[2].shape;
    bad[0].arch = "gemma2";
    bad[1].n_layer = 0;
    bad[2].n_head_kv = 4;
    bad[3].n_rot = 7;
    bad[4].eps = -1;
    bad[5].n_vocab = 1u << 25;
    bad[6].n_head = 65536;
    bad[6].k_len = 4096;
    bad[7].n_rot = 10;
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(sov_shape_check(&bad[i], &err),
                         i == 0 ? SOV_EUNSUP : SOV_EARG);
}
END_TEST

static double
bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return (double)info.uordblks + (double)info.hblkhd;
}

/* Of products, whatever the shape. */
static double
bytes_of_prim(void)
{
    double before = bytes_in_use(), took;
    struct sov_prim p;

    ck_assert_int_eq(sov_prim_open(&p, SOV_MUL_F32, NULL), 0);
    took = bytes_in_use() - before;
    sov_prim_close(&p);
    return took;
}

START_TEST(memory_is_counted)
{
    const struct sov_shape shape = { .arch = "llama",
                                     .n_layer = 3,
                                     .n_embd = 96,
                                     .n_head = 6,
                                     .n_head_kv = 2,
                                     .n_ff = 256,
                                     .n_vocab = 500,
                                     .n_ctx = 128 };
    double prim = bytes_of_prim();

    for (int i = 0; i < 4; i++) {
        const struct sov_trainee_opts opts = { .recompute = i % 2 != 0,
                                               .taught = i / 2 != 0 };
        double told = (double)sov_trainee_bytes(&shape, &opts);
        double before = bytes_in_use();
        sov_trainee *t = make_trainee(&shape, &opts);
        double took = bytes_in_use() - before - prim;

        ck_assert_double_le(fabs(took / told - 1), 0.02);
        sov_trainee_free(t);
    }
}
END_TEST

/* ---- files */

static const char *
file_name(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "t_trainee.%d.gguf", (int)getpid());
    return path;
}

static sov_model *
write_and_open(sov_trainee *t, enum sov_type type, const sov_meta *meta,
               const sov_model *like)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    struct sov_err err;
    sov_plan *plan;
    sov_model *model;
    sov_sink *sink;
    sov_writer *w;

    ck_assert_int_eq(sov_trainee_plan(&plan, t, type, meta, like, &err), 0);
    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, file_name(), &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    ck_assert_msg(sov_trainee_put(t, plan, like, NULL, w, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    ck_assert_msg(sov_model_open(&model, file_name(), SOV_ACCESS_MAP, &err) ==
                      0,
                  "%s", err.msg);
    unlink(file_name());
    sov_plan_free(plan);
    return model;
}

static void
set(sov_meta *meta, const char *arch, const char *key, size_t v)
{
    char full[96];

    snprintf(full, sizeof(full), "%s.%s", arch, key);
    ck_assert_int_eq(sov_meta_set_u32(meta, full, (uint32_t)v, NULL), 0);
}

/* The metadata of a shape. */
static sov_meta *
make_meta(const struct sov_shape *s)
{
    char key[96];
    sov_meta *m;

    ck_assert_int_eq(sov_meta_new(&m, NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(m, "general.architecture", s->arch, NULL),
                     0);
    set(m, s->arch, "block_count", s->n_layer);
    set(m, s->arch, "context_length", s->n_ctx);
    set(m, s->arch, "embedding_length", s->n_embd);
    set(m, s->arch, "feed_forward_length", s->n_ff);
    set(m, s->arch, "attention.head_count", s->n_head);
    set(m, s->arch, "attention.head_count_kv", s->n_head_kv);
    set(m, s->arch, "attention.key_length", s->k_len);
    set(m, s->arch, "attention.value_length", s->k_len);
    set(m, s->arch, "rope.dimension_count", s->n_rot);
    if (s->window > 0)
        set(m, s->arch, "attention.sliding_window", s->window);
    snprintf(key, sizeof(key), "%s.attention.layer_norm_rms_epsilon", s->arch);
    ck_assert_int_eq(sov_meta_set_f32(m, key, (float)s->eps, NULL), 0);
    snprintf(key, sizeof(key), "%s.rope.freq_base", s->arch);
    ck_assert_int_eq(sov_meta_set_f32(m, key, (float)s->rope_base, NULL), 0);
    return m;
}

/* What the runtime makes of a unit: the sum over its scored tokens. */
static double
runtime_loss(const sov_model *model, const struct sov_unit *unit,
             const sov_lora *lora)
{
    struct sov_lora_use use = { lora, 1 };
    double sum = 0;
    struct sov_err err;

    for (size_t s = 0; s < unit->n_seq; s++) {
        size_t from = unit->first[s], n = unit->first[s + 1] - from;
        struct sov_session_opts opts = { .n_ctx = (uint32_t)n,
                                         .n_logits = (uint32_t)n,
                                         .precise = true,
                                         .lora = lora != NULL ? &use : NULL,
                                         .n_lora = lora != NULL };
        sov_session *session;
        uint32_t vocab;

        ck_assert_msg(sov_session_open(&session, model, &opts, &err) == 0, "%s",
                      err.msg);
        vocab = sov_session_vocab(session);
        ck_assert_msg(sov_session_eval(session, unit->ids + from, n,
                                       SOV_LOGITS_ALL, &err) == 0,
                      "%s", err.msg);
        for (size_t i = 0; i < n; i++) {
            const float *z = sov_session_logits(session, i);
            double all = 0;

            if (unit->next[from + i] < 0)
                continue;
            for (uint32_t k = 0; k < vocab; k++)
                all += exp((double)z[k] - (double)z[0]);
            sum += log(all) + (double)z[0] - (double)z[unit->next[from + i]];
        }
        sov_session_close(session);
    }
    return sum;
}

START_TEST(the_runtime_reads_what_was_written)
{
    const struct sov_trainee_opts opts = { 0 };
    const struct sov_loss loss = cross_entropy();
    sov_trainee *again, *t = make_trainee(&forms[_i].shape, &opts);
    const struct sov_shape *shape = sov_trainee_shape(t);
    sov_meta *meta = make_meta(shape);
    struct sov_shape found;
    struct made_unit m;
    struct sov_err err;
    sov_model *model;
    double mine, theirs;

    make_weights(t);
    make_unit(&m, shape->n_vocab);
    mine = make_loss(t, &m.unit, &loss, NULL);
    model = write_and_open(t, SOV_TYPE_F32, meta, NULL);
    theirs = runtime_loss(model, &m.unit, NULL);
    ck_assert_msg(fabs(mine - theirs) <= 1e-5 * theirs, "%s: %.9g, not %.9g",
                  forms[_i].name, mine, theirs);

    ck_assert_msg(sov_shape_of(&found, model, &err) == 0, "%s", err.msg);
    again = make_trainee(&found, &opts);
    ck_assert_msg(sov_trainee_read(again, model, &err) == 0, "%s", err.msg);
    ck_assert_double_eq(make_loss(again, &m.unit, &loss, NULL), mine);
    ck_assert_mem_eq(sov_trainee_weights(t), sov_trainee_weights(again),
                     sov_trainee_count(t) * sizeof(float));
    sov_trainee_free(again);
    sov_trainee_free(t);
    sov_model_close(model);
    sov_meta_free(meta);
}
END_TEST

/* A sink that forgets. */
static sov_sink *
open_nothing(void)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    struct sov_err err;
    sov_sink *sink;

    ck_assert_int_eq(sov_sink_open(&sink, file_name(), &opts, &err), 0);
    return sink;
}

START_TEST(numbers_that_do_not_fit_are_refused)
{
    const float too_large[] = { 7e4f, INFINITY, NAN };
    const struct sov_trainee_opts opts = { 0 };
    sov_trainee *t = make_trainee(&forms[0].shape, &opts);
    struct sov_err err;

    for (int i = 0; i < 3; i++) {
        enum sov_type type = i == 0 ? SOV_TYPE_F16 : SOV_TYPE_BF16;
        sov_sink *sink = open_nothing();
        sov_writer *w;
        sov_plan *plan;

        sov_trainee_weights(t)[5] = too_large[i];
        ck_assert_int_eq(sov_trainee_plan(&plan, t, type, NULL, NULL, &err), 0);
        ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
        ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
        ck_assert_int_eq(sov_trainee_put(t, plan, NULL, NULL, w, &err),
                         SOV_ENO);
        sov_writer_abort(w);
        sov_sink_abort(sink);
        sov_plan_free(plan);
    }
    sov_trainee_free(t);
}
END_TEST

/* ---- models that others made */

/* Sequences for a vocabulary of 96. */
static double
loss_of(const struct sov_shape *shape, const sov_model *model,
        const struct sov_unit *unit)
{
    const struct sov_trainee_opts opts = { 0 };
    const struct sov_loss loss = cross_entropy();
    sov_trainee *t = make_trainee(shape, &opts);
    struct sov_err err;
    double sum;

    ck_assert_msg(sov_trainee_read(t, model, &err) == 0, "%s", err.msg);
    sum = make_loss(t, unit, &loss, NULL);
    sov_trainee_free(t);
    return sum;
}

static void
linear_scaling(sov_meta *meta)
{
    ck_assert_int_eq(
        sov_meta_set_str(meta, "llama.rope.scaling.type", "linear", NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_f32(meta, "llama.rope.scaling.factor", 4, NULL), 0);
}

static void
yarn_scaling(sov_meta *meta)
{
    ck_assert_int_eq(
        sov_meta_set_str(meta, "llama.rope.scaling.type", "yarn", NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_f32(meta, "llama.rope.scaling.factor", 4, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_u32(meta, "llama.rope.scaling.original_context_length", 32,
                         NULL),
        0);
}

START_TEST(models_of_others)
{
    static const struct tiny models[] = {
        { .type = SOV_TYPE_F16 },
        { .type = SOV_TYPE_Q4_K, .tied = true },
        { .type = SOV_TYPE_BF16, .rope_freqs = true },
        { .type = SOV_TYPE_Q8_0, .change = linear_scaling },
        { .type = SOV_TYPE_F32, .change = yarn_scaling },
    };
    sov_model *model = tiny_open(&models[_i]);
    struct sov_shape shape;
    struct made_unit m;
    struct sov_err err;
    double mine, theirs;

    make_unit(&m, TINY_VOCAB);
    ck_assert_msg(sov_shape_of(&shape, model, &err) == 0, "%s", err.msg);
    mine = loss_of(&shape, model, &m.unit);
    theirs = runtime_loss(model, &m.unit, NULL);
    ck_assert_msg(fabs(mine - theirs) <= 1e-5 * theirs, "%d: %.9g, not %.9g",
                  _i, mine, theirs);
    sov_model_close(model);
}
END_TEST

static void
experts(sov_meta *meta)
{
    ck_assert_int_eq(sov_meta_set_u32(meta, "llama.expert_count", 4, NULL), 0);
    ck_assert_int_eq(sov_meta_set_u32(meta, "llama.expert_used_count", 2, NULL),
                     0);
}

static void
other_arch(sov_meta *meta)
{
    ck_assert_int_eq(
        sov_meta_set_str(meta, "general.architecture", "gemma2", NULL), 0);
}

static void
own_scale(sov_meta *meta)
{
    ck_assert_int_eq(
        sov_meta_set_f32(meta, "llama.attention.scale", 0.5f, NULL), 0);
}

START_TEST(models_that_cannot_be_trained)
{
    static const struct {
        struct tiny model;
        enum sov_rc rc;
        const char *word;
    } bad[] = {
        { { .change = experts }, SOV_EUNSUP, "experts" },
        { { .change = other_arch }, SOV_EUNSUP, "'gemma2'" },
        { { .change = own_scale }, SOV_EUNSUP, "attention.scale" },
        { { .biases = true }, SOV_EUNSUP, "ffn_gate.bias" },
        { { .fused = true }, SOV_EUNSUP, "attn_qkv" },
        { { .leave_out = "blk.1.ffn_up.weight" }, SOV_EFORMAT, "missing" },
        { { .misshape = "blk.1.ffn_up.weight" }, SOV_EFORMAT, "513" },
    };
    sov_model *model = tiny_open(&bad[_i].model);
    struct sov_shape shape;
    struct sov_err err;

    ck_assert_int_eq(sov_shape_of(&shape, model, &err), bad[_i].rc);
    ck_assert_msg(strstr(err.msg, bad[_i].word) != NULL, "%s", err.msg);
    sov_model_close(model);
}
END_TEST

START_TEST(tale_as_the_runtime_reads_it)
{
    static const size_t first[] = { 0, 256, 512, 768, 1024 };
    const char *top = getenv("top_srcdir");
    int32_t ids[1025];
    const struct sov_unit unit = { 4, first, ids, ids + 1, NULL, NULL, NULL };
    struct sov_shape shape;
    struct sov_err err;
    sov_model *model;
    char path[4096];
    double mine, theirs;

    snprintf(path, sizeof(path), "%s/models/tale", top != NULL ? top : ".");
    ck_assert_msg(sov_model_open(&model, path, SOV_ACCESS_MAP, &err) == 0, "%s",
                  err.msg);
    read_text(model, ids, 1025);
    ck_assert_msg(sov_shape_of(&shape, model, &err) == 0, "%s", err.msg);
    mine = loss_of(&shape, model, &unit);
    theirs = runtime_loss(model, &unit, NULL);
    ck_assert_msg(fabs(mine - theirs) <= 1e-5 * theirs, "%.9g, not %.9g", mine,
                  theirs);
    sov_model_close(model);
}
END_TEST

/* ---- adapters */

START_TEST(adapters_in_f32)
{
    const struct sov_trainee_opts whole = { 0 };
    const struct sov_loss loss = cross_entropy();
    const struct form *form = &forms[_i];
    sov_trainee *t = make_trainee(&form->shape, &whole), *a;
    struct sov_trainee_opts opts = { .rank = 4, .alpha = 6 };
    sov_meta *meta = make_meta(sov_trainee_shape(t));
    struct made_unit m;
    struct sov_err err;
    sov_model *base, *file;
    sov_lora *lora;
    double plain, with;

    make_weights(t);
    make_unit(&m, form->shape.n_vocab);
    plain = make_loss(t, &m.unit, &loss, NULL);
    base = write_and_open(t, SOV_TYPE_F32, meta, NULL);
    opts.base = base;
    a = make_trainee(sov_trainee_shape(t), &opts);
    sov_trainee_init(a, 1);
    ck_assert_double_eq(make_loss(a, &m.unit, &loss, NULL), plain);

    make_weights(a);
    with = make_loss(a, &m.unit, &loss, NULL);
    ck_assert_double_gt(fabs(with - plain), 0.1);
    file = write_and_open(a, SOV_TYPE_F32, NULL, NULL);
    ck_assert_msg(sov_lora_new(&lora, file, &err) == 0, "%s", err.msg);
    ck_assert_double_le(fabs(runtime_loss(base, &m.unit, lora) - with),
                        1e-5 * with);
    memset(sov_trainee_weights(a), 0, sov_trainee_count(a) * sizeof(float));
    ck_assert_int_eq(sov_trainee_read(a, file, &err), 0);
    ck_assert_double_eq(make_loss(a, &m.unit, &loss, NULL), with);
    sov_lora_free(lora);
    sov_model_close(file);
    sov_model_close(base);
    sov_trainee_free(a);
    sov_trainee_free(t);
    sov_meta_free(meta);
}
END_TEST

/* A trainee's own weights with an adapter's in them. */
static void
merge(sov_trainee *t, sov_trainee *adapter, double scale)
{
    const struct sov_weight *list, *pair;
    size_t n = sov_trainee_tensors(t, &list);
    size_t n_pairs = sov_trainee_tensors(adapter, &pair);

    for (size_t i = 0; i + 1 < n_pairs; i += 2) {
        size_t len = strlen(pair[i].name) - strlen(".lora_a"), k = 0;
        const float *a = sov_trainee_weights(adapter) + pair[i].at;
        const float *b = sov_trainee_weights(adapter) + pair[i + 1].at;
        float *w;

        while (k < n && (strlen(list[k].name) != len ||
                         memcmp(list[k].name, pair[i].name, len) != 0))
            k++;
        ck_assert_uint_lt(k, n);
        w = sov_trainee_weights(t) + list[k].at;
        for (size_t y = 0; y < list[k].n_out; y++)
            for (size_t x = 0; x < list[k].n_in; x++) {
                double sum = 0;

                for (size_t r = 0; r < pair[i].n_out; r++)
                    sum += (double)b[y * pair[i].n_out + r] *
                           (double)a[r * list[k].n_in + x];
                w[y * list[k].n_in + x] += (float)(scale * sum);
            }
    }
}

START_TEST(adapters_merged)
{
    const struct sov_trainee_opts whole = { 0 };
    const struct sov_loss loss = cross_entropy();
    sov_trainee *t = make_trainee(&forms[_i].shape, &whole), *a;
    struct sov_trainee_opts opts = { .rank = 4,
                                     .alpha = 2,
                                     .targets = "q,v,o,up" };
    sov_meta *meta = make_meta(sov_trainee_shape(t));
    struct made_unit m;
    sov_model *base;
    double with;

    make_weights(t);
    make_unit(&m, forms[_i].shape.n_vocab);
    opts.base = base = write_and_open(t, SOV_TYPE_F32, meta, NULL);
    a = make_trainee(sov_trainee_shape(t), &opts);
    make_weights(a);
    with = make_loss(a, &m.unit, &loss, NULL);
    merge(t, a, 0.5);
    ck_assert_double_le(fabs(make_loss(t, &m.unit, &loss, NULL) - with),
                        1e-5 * with);
    sov_model_close(base);
    sov_trainee_free(a);
    sov_trainee_free(t);
    sov_meta_free(meta);
}
END_TEST

/* A base of four bits: as the runtime has it, and the same bits from layers
 * that are computed twice and from any threads. */
START_TEST(adapters_of_quantized_models)
{
    const struct tiny tiny = { .type = SOV_TYPE_Q4_K, .tied = _i % 2 != 0 };
    const struct sov_loss loss = cross_entropy();
    sov_model *base = tiny_open(&tiny), *file;
    struct sov_trainee_opts opts = { .rank = 8, .alpha = 8, .base = base };
    float *grad[2] = { NULL, NULL };
    struct sov_shape shape;
    struct made_unit m;
    struct sov_err err;
    size_t n = 0;

    make_unit(&m, TINY_VOCAB);
    ck_assert_int_eq(sov_shape_of(&shape, base, &err), 0);
    for (int i = 0; i < 2; i++) {
        sov_trainee *t;
        double mine;
        sov_lora *lora;

        sov_set_threads(i + 1);
        opts.recompute = i != 0;
        t = make_trainee(&shape, &opts);
        n = (size_t)sov_trainee_count(t);
        grad[i] = floats(n);
        make_weights(t);
        mine = make_loss(t, &m.unit, &loss, grad[i]);
        file = write_and_open(t, SOV_TYPE_F32, NULL, NULL);
        ck_assert_int_eq(sov_lora_new(&lora, file, &err), 0);
        ck_assert_double_le(fabs(runtime_loss(base, &m.unit, lora) - mine),
                            1e-5 * mine);
        sov_lora_free(lora);
        sov_model_close(file);
        sov_trainee_free(t);
    }
    ck_assert_mem_eq(grad[0], grad[1], n * sizeof(float));
    free(grad[0]);
    free(grad[1]);
    sov_model_close(base);
}
END_TEST

START_TEST(adapters_that_cannot_be)
{
    static const struct sov_trainee_opts bad[] = {
        { .rank = 1u << 17, .alpha = 1 },
        { .rank = 4 },
        { .rank = 4, .alpha = NAN },
        { .rank = 4, .alpha = 1, .targets = "q,x" },
        { .rank = 4, .alpha = 1, .targets = "" },
        { .rank = 4, .alpha = 1 },
    };
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sov_trainee *t;

        ck_assert_int_eq(sov_trainee_new(&t, &forms[0].shape, &bad[i], &err),
                         SOV_EARG);
        ck_assert_ptr_null(t);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("trainee");
    const int n = (int)N_FORMS;

    tcase_add_loop_test(tc, f32_gradients, 0, n);
    tcase_add_loop_test(tc, bf16_gradients, 0, n);
    tcase_add_loop_test(tc, layers_computed_twice, 0, n);
    tcase_add_loop_test(tc, threads, 0, n);
    tcase_add_test(tc, units_that_cannot_be);
    tcase_add_test(tc, shapes_that_cannot_be);
    tcase_add_test(tc, memory_is_counted);
    tcase_add_loop_test(tc, the_runtime_reads_what_was_written, 0, n);
    tcase_add_test(tc, numbers_that_do_not_fit_are_refused);
    tcase_add_loop_test(tc, models_of_others, 0, 5);
    tcase_add_loop_test(tc, models_that_cannot_be_trained, 0, 7);
    tcase_add_test(tc, tale_as_the_runtime_reads_it);
    tcase_add_loop_test(tc, adapters_in_f32, 0, n);
    tcase_add_loop_test(tc, adapters_merged, 0, n);
    tcase_add_loop_test(tc, adapters_of_quantized_models, 0, 2);
    tcase_add_test(tc, adapters_that_cannot_be);
    return unit_main("trainee", tc);
}
