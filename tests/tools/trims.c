/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trims.c - is a model without some of its parts the one in which these are 0?
 *
 *     trims WHAT SEED MODEL SLICED MASKED
 *
 * WHAT is layers, ffn, heads, hidden, experts or vocab.  Some of it, drawn by
 * SEED, leaves MODEL: SLICED is what lib/prune makes; MASKED is the whole model
 * with zeros for all that left, written here.  Their logits under --precise
 * must agree: bit by bit without layers or tokens (of these, beside MODEL), to
 * 1e-5 of the largest one otherwise.  Prints one line.  With "expert-bytes"
 * the matrices of those experts that stay must be those of MODEL to the byte,
 * whatever their type is; there is no MASKED then.
 *
 * Exit status: 0 they agree, 1 they do not, 2 the cut was refused (the reason
 * is printed), 70 trouble.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "prune/trim.h"
#include "sov/io.h"
#include "sov/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_IDS 24
#define CLOSE 1e-5

static struct sov_err err;
static uint64_t drawn;
static uint64_t seed;

static void
die(void)
{
    fprintf(stderr, "trims: %s\n", err.msg);
    exit(70);
}

static void
must(int rc)
{
    if (rc < 0)
        die();
}

/* ---- what leaves ---- */

/* The first `keep` stay. */
static void
draw(struct sov_trim_list *l, size_t keep)
{
    uint32_t *id = sov_mem_array(l->of, sizeof(*id));
    size_t n = 0;

    if (l->of < 2) {
        printf("refused: there is nothing that could leave\n");
        exit(2);
    }
    for (size_t i = 0; i < l->of; i++)
        if (i < keep || sov_rng_unit(seed, 1, drawn++) < 0.7)
            id[n++] = (uint32_t)i;
    if (n == 0)
        id[n++] = (uint32_t)(l->of - 1);
    if (n == l->of)
        n--;
    must(sov_trim_keep(l, id, n, &err));
    free(id);
}

/* As many as in the first layer, others. */
static void
draw_each(struct sov_trim *c, size_t at)
{
    for (size_t i = 0; i < c->hp.n_layer; i++) {
        struct sov_trim_list *l = (void *)((char *)&c->of[i] + at);
        struct sov_trim_list *first = (void *)((char *)&c->of[0] + at);
        double *score = sov_mem_array(l->of, sizeof(*score));

        if (i == 0) {
            draw(l, 0);
        } else {
            for (size_t j = 0; j < l->of; j++)
                score[j] = sov_rng_unit(seed, 2, drawn++);
            must(sov_trim_best(l, score, first->n, &err));
        }
        free(score);
    }
}

/* As many side by side as have to leave together. */
static void
draw_layers(struct sov_trim *c)
{
    size_t step = sov_trim_step(c), n = c->hp.n_layer, go;
    uint32_t *id = sov_mem_array(n, sizeof(*id));

    for (size_t i = 0; i < n; i++)
        id[i] = (uint32_t)i;
    go = 1 + (size_t)(sov_rng_unit(seed, 3, 0) * (double)(n - step - 1));
    if (go + step < n)
        memmove(id + go, id + go + step, (n - go - step) * sizeof(*id));
    must(sov_trim_keep(&c->layer, id, n - step, &err));
    free(id);
}

static void
draw_what(struct sov_trim *c, const char *what)
{
    if (strcmp(what, "layers") == 0)
        draw_layers(c);
    else if (strcmp(what, "ffn") == 0)
        draw_each(c, offsetof(struct sov_trim_layer, ffn));
    else if (strcmp(what, "heads") == 0)
        draw_each(c, offsetof(struct sov_trim_layer, kv));
    else if (strncmp(what, "expert", 6) == 0)
        draw_each(c, offsetof(struct sov_trim_layer, expert));
    else if (strcmp(what, "vocab") == 0)
        draw(&c->vocab, 259); /* those of bytes, too */
    else
        draw(&c->embd, 0);
    if (sov_trim_less(&c->embd)) /* the same numbers behind norms */
        c->gain = sqrt((double)c->embd.of / (double)c->embd.n);
}

/* ---- the two models ---- */

/*
 * Norms of fewer channels are norms of all, times the gain, but for what they
 * add to the mean; so in both models that is next to nothing.
 */
static void
set_epsilon(const struct sov_trim *c, sov_plan *plan)
{
    char key[128];

    snprintf(key, sizeof(key), "%s.attention.layer_norm_rms_epsilon",
             c->arch->name);
    if (sov_trim_less(&c->embd))
        must(sov_meta_set_f32(sov_plan_meta(plan), key, 1e-12f, &err));
}

static int
write_some(void *arg, const void *p, size_t len, struct sov_err *e)
{
    return sov_writer_data(arg, p, len, e);
}

/* What writes the tensors of a plan. */
typedef void (*put_fn)(const struct sov_trim *c, const sov_plan *plan, size_t i,
                       sov_writer *w);

static void
put_sliced(const struct sov_trim *c, const sov_plan *plan, size_t i,
           sov_writer *w)
{
    must(sov_trim_tensor(c, plan, i, write_some, w, &err));
}

/* Does number i of an axis stay? */
static bool *
stays(const struct sov_trim *c, enum sov_trim_axis axis, size_t layer,
      uint64_t of)
{
    bool *yes = sov_mem_array((size_t)of, sizeof(*yes));
    uint64_t *id, n = sov_trim_count(c, axis, layer, of);

    must(sov_trim_numbers(c, axis, layer, of, &id, &err));
    for (uint64_t i = 0; i < of; i++)
        yes[i] = id == NULL;
    for (uint64_t i = 0; id != NULL && i < n; i++)
        yes[id[i]] = true;
    free(id);
    return yes;
}

/* The bias of a router: experts that left are never chosen. */
static void
put_router(const struct sov_trim *c, const sov_plan *plan, size_t i,
           sov_writer *w)
{
    const char *name = sov_plan_at(plan, i)->name;
    size_t layer = strtoul(name + 4, NULL, 10);
    int64_t at = sov_model_find(c->model, name);

    for (size_t j = 0; j < c->hp.n_expert; j++) {
        float x = 0;

        if (at >= 0)
            must(sov_model_read(c->model, (size_t)at, 4 * j, &x, 4, &err));
        if (!sov_trim_has(&c->of[layer].expert, j))
            x = -1e9f;
        must(sov_writer_data(w, &x, 4, &err));
    }
}

static void
put_masked(const struct sov_trim *c, const sov_plan *plan, size_t i,
           sov_writer *w)
{
    const struct sov_tensor *t = sov_plan_at(plan, i);
    int64_t at = sov_model_find(c->model, t->name);
    size_t size = (size_t)sov_type_info((int)t->type)->bytes, layer, k = 0;
    enum sov_trim_axis axis[3];
    bool *yes[3], gone;
    char *data;

    if (strstr(t->name, "ffn_gate_inp.bias") != NULL) {
        put_router(c, plan, i, w);
        return;
    }
    data = sov_mem_array((size_t)t->size, 1);
    must(sov_model_read(c->model, (size_t)at, 0, data, (size_t)t->size, &err));
    if (!sov_trim_axes(t->name, axis, &layer))
        exit(70);
    gone = layer != SIZE_MAX && !sov_trim_has(&c->layer, layer);
    for (int d = 0; d < 3; d++)
        yes[d] = stays(c, axis[d], layer, t->dim[d]);
    for (uint64_t z = 0; z < t->dim[2]; z++)
        for (uint64_t y = 0; y < t->dim[1]; y++)
            for (uint64_t x = 0; x < t->dim[0]; x++, k++)
                if (gone || !yes[0][x] || !yes[1][y] || !yes[2][z])
                    memset(data + k * size, 0, size);
    must(sov_writer_data(w, data, (size_t)t->size, &err));
    for (int d = 0; d < 3; d++)
        free(yes[d]);
    free(data);
}

static void
write_model(const struct sov_trim *c, sov_plan *plan, const char *path,
            put_fn put)
{
    const struct sov_sink_opts opts = { .force = true };
    const struct sov_layout layout = { 0 };
    sov_writer *w;
    sov_sink *sink;

    set_epsilon(c, plan);
    must(sov_plan_lay(plan, &layout, &err));
    must(sov_sink_open(&sink, path, &opts, &err));
    must(sov_writer_begin(&w, plan, &sink, &err));
    for (size_t i = 0; i < sov_plan_count(plan); i++)
        put(c, plan, i, w);
    must(sov_writer_end(&w, &err));
    must(sov_sink_commit(&sink, &err));
    sov_plan_free(plan);
}

static sov_plan *
whole_plan(const struct sov_trim *c)
{
    sov_plan *plan;

    must(sov_plan_new(&plan, sov_model_meta(c->model), &err));
    for (size_t i = 0; i < sov_model_count(c->model); i++) {
        const struct sov_tensor *t = sov_model_at(c->model, i);

        if (strstr(t->name, "ffn_gate_inp.bias") == NULL)
            must(sov_plan_add(plan, t->name, t->type, t->ndim, t->dim, &err));
    }
    for (size_t i = 0; i < c->hp.n_layer && c->hp.n_expert > 0; i++) {
        uint64_t n = c->hp.n_expert;
        char name[64];

        snprintf(name, sizeof(name), "blk.%zu.ffn_gate_inp.bias", i);
        must(sov_plan_add(plan, name, SOV_TYPE_F32, 1, &n, &err));
    }
    return plan;
}

/* ---- their answers ---- */

static float *
answer(const char *path, const int32_t *ids, size_t *n_vocab)
{
    const struct sov_session_opts opts = { .n_logits = N_IDS, .precise = true };
    sov_session *s;
    sov_model *m;
    float *all;
    int64_t embd;

    must(sov_model_open(&m, path, SOV_ACCESS_MAP, &err));
    must(sov_session_open(&s, m, &opts, &err));
    embd = sov_model_find(m, "token_embd.weight");
    *n_vocab = (size_t)sov_model_at(m, (size_t)embd)->dim[1];
    all = sov_mem_array(N_IDS * *n_vocab, sizeof(*all));
    must(sov_session_eval(s, ids, N_IDS, SOV_LOGITS_ALL, &err));
    for (size_t i = 0; i < N_IDS; i++)
        memcpy(all + i * *n_vocab, sov_session_logits(s, i),
               *n_vocab * sizeof(*all));
    sov_session_close(s);
    sov_model_close(m);
    return all;
}

/* Experts of SLICED that are not what they were; -1: none was looked at. */
static int
experts_apart(const struct sov_trim *c, const char *path)
{
    int bad = 0, seen = 0;
    sov_model *m;

    must(sov_model_open(&m, path, SOV_ACCESS_MAP, &err));
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *now = sov_model_at(m, i), *was;
        int64_t at = sov_model_find(c->model, now->name);
        const struct sov_trim_list *l;
        enum sov_trim_axis axis[3];
        size_t layer, each;

        if (!sov_trim_axes(now->name, axis, &layer) ||
            axis[2] != SOV_AXIS_EXPERT)
            continue;
        l = &c->of[layer].expert;
        was = sov_model_at(c->model, (size_t)at);
        each = (size_t)(was->size / l->of);
        bad += now->size != each * l->n || now->type != was->type;
        for (size_t j = 0; j < l->n && bad == 0; j++, seen++)
            bad += memcmp((const char *)now->data + j * each,
                          (const char *)was->data + l->id[j] * each, each) != 0;
    }
    sov_model_close(m);
    return seen > 0 ? bad : -1;
}

int
main(int argc, char **argv)
{
    int32_t was[N_IDS], now[N_IDS];
    double most = 0, apart = 0;
    size_t n, n_whole;
    struct sov_trim *c;
    sov_plan *plan;
    sov_model *m;
    float *a, *b;
    bool tokens;

    if (argc != 6)
        return 64;
    seed = strtoull(argv[2], NULL, 10);
    must(sov_model_open(&m, argv[3], SOV_ACCESS_MAP, &err));
    must(sov_trim_new(&c, m, &err));
    draw_what(c, argv[1]);
    tokens = sov_trim_less(&c->vocab);
    if (sov_trim_plan(c, &plan, &err) < 0) {
        printf("refused: %s\n", err.msg);
        return 2;
    }
    write_model(c, plan, argv[4], put_sliced);
    if (strcmp(argv[1], "expert-bytes") == 0)
        return experts_apart(c, argv[4]) != 0;
    write_model(c, whole_plan(c), argv[5], put_masked);
    for (size_t i = 0; i < N_IDS; i++) {
        size_t k = (size_t)(sov_rng_unit(seed, 4, i) * (double)c->vocab.n);

        now[i] = (int32_t)k;
        was[i] = c->vocab.id != NULL ? (int32_t)c->vocab.id[k] : now[i];
    }
    a = answer(tokens ? argv[3] : argv[5], was, &n_whole);
    b = answer(argv[4], now, &n);
    for (size_t i = 0; i < N_IDS; i++)
        for (size_t j = 0; j < n; j++) {
            size_t k = c->vocab.id != NULL ? c->vocab.id[j] : j;
            double x = (double)a[i * n_whole + k], y = (double)b[i * n + j];

            most = fabs(x) > most ? fabs(x) : most;
            apart = fabs(x - y) > apart || isnan(x - y) ? fabs(x - y) : apart;
        }
    printf("%s: %.3g of %.3g\n", argv[1], apart, most);
    if (tokens || sov_trim_less(&c->layer))
        return !(apart == 0 && most > 0);
    return !(apart <= CLOSE * most && most > 0);
}
