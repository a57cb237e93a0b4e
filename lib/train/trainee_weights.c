/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_weights.c - numbers out of a model's tensors, and random ones
 */
#include "train/trainee_in.h"

#include "base/fmath.h"
#include "base/rng.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- decoding */

#ifdef SOV_REAL_DOUBLE
#define STEP 2048 /* numbers, whole blocks of any type */

static void
decode(const struct sov_tensor *t, const unsigned char *from, sov_real *y,
       size_t n)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);
    float x[STEP];

    for (size_t at = 0, part; at < n; at += part) {
        part = n - at < STEP ? n - at : STEP;
        sov_kern()->decode[t->type](from + at / info->block * info->bytes, x,
                                    part);
        for (size_t i = 0; i < part; i++)
            y[at + i] = (sov_real)x[i];
    }
}
#else
static void
decode(const struct sov_tensor *t, const unsigned char *from, sov_real *y,
       size_t n)
{
    sov_kern()->decode[t->type](from, y, n);
}
#endif

struct decoding {
    const struct sov_tensor *tensor;
    const int32_t *id;
    uint64_t first;
    sov_real *y;
};

static void
decode_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct decoding *d = arg;
    const unsigned char *data = d->tensor->data;
    uint64_t bytes = sov_tensor_row_bytes(d->tensor);
    size_t n = (size_t)d->tensor->dim[0];

    (void)worker;
    for (size_t i = first; i < last; i++) {
        uint64_t row = d->id != NULL ? (uint64_t)d->id[i] : d->first + i;

        decode(d->tensor, data + row * bytes, d->y + i * n, n);
    }
}

void
sov_trainee_decode(const struct sov_tensor *tensor, const int32_t *id,
                   uint64_t first, uint64_t n, sov_real *y)
{
    struct decoding d = { tensor, id, first, y };

    sov_par_for((size_t)n, sov_nn_piece(2 * tensor->dim[0]), decode_rows, &d);
}

int
sov_trainee_decodes(const struct sov_tensor *t, struct sov_err *err)
{
    if ((unsigned)t->type >= SOV_TYPE_GGUF_MAX ||
        sov_kern()->decode[t->type] == NULL)
        return sov_fail(err, SOV_EUNSUP, "tensor %s: type %s cannot be decoded",
                        t->name, sov_type_info((int)t->type)->name);
    if (t->data == NULL)
        return sov_fail(err, SOV_EARG,
                        "tensor %s is not in memory: the model was opened as "
                        "a stream",
                        t->name);
    return 0;
}

const sov_real *
sov_linear_rows(const sov_trainee *t, const struct sov_linear *l, size_t first,
                size_t n)
{
    sov_real *to = t->decoded;
    size_t row = 0;

    if (l->w != NULL)
        return l->w + first * l->n_in;
    for (size_t i = 0; i < l->n_tensors && n > 0; i++) {
        size_t rows = (size_t)sov_tensor_rows(l->tensor[i]);
        size_t part;

        if (first < row + rows) {
            part = row + rows - first < n ? row + rows - first : n;
            sov_trainee_decode(l->tensor[i], NULL, first - row, part, to);
            to += part * l->n_in;
            first += part;
            n -= part;
        }
        row += rows;
    }
    return t->decoded;
}

/* ---- a model's */

/* An adapter counts as much as it says. */
static int
check_alpha(const sov_trainee *t, const sov_model *model, struct sov_err *err)
{
    double alpha = 0;
    int rc =
        sov_meta_f64(sov_model_meta(model), "adapter.lora.alpha", &alpha, err);

    if (rc < 0)
        return rc;
    if (alpha != (double)(float)t->opts.alpha)
        return sov_fail(err, SOV_EARG,
                        "the adapter's alpha is %g, that of the training %g",
                        alpha, t->opts.alpha);
    return 0;
}

int
sov_trainee_read(sov_trainee *t, const sov_model *model, struct sov_err *err)
{
    int rc = t->opts.rank > 0 ? check_alpha(t, model, err) : 0;

    for (size_t i = 0; i < t->n_kept && rc == 0; i++) {
        const struct sov_weight *w = &t->list[i];
        const struct sov_tensor *tensor;
        int64_t at = sov_model_find(model, w->name);

        if (at < 0)
            return sov_fail(err, SOV_EFORMAT, "tensor %s is missing", w->name);
        tensor = sov_model_at(model, (size_t)at);
        rc = sov_weight_check(w, tensor, err);
        if (rc == 0)
            rc = sov_trainee_decodes(tensor, err);
        if (rc == 0)
            sov_trainee_decode(tensor, NULL, 0, w->n_out, t->w + w->at);
    }
    return rc;
}

/* ---- random ones */

struct drawing {
    uint64_t seed, stream;
    double size;
    sov_real *y;
};

/* Number i: normal, out of two uniform ones (Box and Muller). */
static double
normal(uint64_t seed, uint64_t stream, uint64_t i)
{
    const double two_pi = 6.283185307179586;
    uint32_t bits[4];
    double u, v;

    sov_rng_block(seed, stream, i, bits);
    u = ((double)bits[0] + (double)(bits[1] >> 11) * 0x1p32 + 0.5) * 0x1p-53;
    v = ((double)bits[2] + (double)(bits[3] >> 11) * 0x1p32 + 0.5) * 0x1p-53;
    return sqrt(-2 * sov_log(u)) * sov_cos(two_pi * v);
}

static void
draw(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct drawing *d = arg;

    (void)worker;
    for (size_t i = first; i < last; i++)
        d->y[i] = (sov_real)(d->size * normal(d->seed, d->stream, i));
}

static bool
ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);

    return n >= k && strcmp(name + n - k, end) == 0;
}

/* How large the numbers of a matrix are. */
static double
size_of(const sov_trainee *t, const struct sov_weight *w)
{
    if (ends_with(w->name, ".lora_a"))
        return 1 / sqrt(3 * (double)w->n_in);
    if (ends_with(w->name, ".lora_b"))
        return 0;
    if (ends_with(w->name, ".attn_output.weight") ||
        ends_with(w->name, ".ffn_down.weight"))
        return 0.02 / sqrt(2 * (double)t->shape.n_layer);
    return 0.02;
}

void
sov_trainee_init(sov_trainee *t, uint64_t seed)
{
    for (size_t i = 0; i < t->n_kept; i++) {
        const struct sov_weight *w = &t->list[i];
        struct drawing d = { seed, i, size_of(t, w), t->w + w->at };
        bool gains = ends_with(w->name, "_norm.weight");
        size_t n = (size_t)(w->n_in * w->n_out);

        if (w->matrix && d.size > 0)
            sov_par_for(n, 4096, draw, &d);
        else
            for (size_t k = 0; k < n; k++)
                d.y[k] = gains ? 1 : 0;
    }
}
