/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain_moe.c - experts, computed the plain way, for reference.c
 */
#include "plain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST 64 /* experts */

/* What the experts of a class are called, and how many numbers are within. */
struct names {
    const char *class;
    const char *router;
    const char *experts;
    const char *gate, *up, *down;
    const char *count;
    const char *size;
};

static const struct names names[] = {
    { "MixtralForCausalLM", "block_sparse_moe.gate", "block_sparse_moe.experts",
      "w1", "w3", "w2", "num_local_experts", "intermediate_size" },
    { "Qwen3MoeForCausalLM", "mlp.gate", "mlp.experts", "gate_proj", "up_proj",
      "down_proj", "num_experts", "moe_intermediate_size" },
    { "GptOssForCausalLM", "mlp.router", "mlp.experts", NULL, NULL, NULL,
      "num_local_experts", "intermediate_size" },
};

/* How much each expert counts for a token: those with the largest logits, by
 * the softmax of these. */
static void
choose(const double *logit, size_t n, size_t used, double *share)
{
    double sum = 0, top = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        share[i] = 0;
        top = fmax(top, logit[i]);
    }
    for (size_t k = 0; k < used; k++) {
        size_t best = n;

        for (size_t i = 0; i < n; i++)
            if (share[i] == 0 && (best == n || logit[i] > logit[best]))
                best = i;
        sum += share[best] = exp(logit[best] - top);
    }
    for (size_t i = 0; i < n; i++)
        share[i] /= sum;
}

static const double *
part(const struct names *is, const char *at, size_t layer, size_t expert,
     const char *name, size_t n)
{
    return weight(true, n, "%s%zu.%s.%zu.%s.weight", at, layer, is->experts,
                  expert, name);
}

static double *
one_by_one(const struct names *is, const double *x, const char *at,
           size_t layer, size_t expert, size_t f)
{
    double *g = linear(x, width, f,
                       part(is, at, layer, expert, is->gate, f * width), NULL);
    double *u = linear(x, width, f,
                       part(is, at, layer, expert, is->up, f * width), NULL);

    for (size_t i = 0; i < n_ids * f; i++)
        g[i] = activate(SILU, g[i]) * u[i];
    return linear(g, f, width, part(is, at, layer, expert, is->down, f * width),
                  NULL);
}

/* As Transformers 5 has them in memory: one tensor of all, in which an expert's
 * gate has its up projection below it. */
static double *
one_of_all(const double *x, const char *at, size_t layer, size_t n,
           size_t expert, size_t f)
{
    const double *both = weight(true, n * 2 * f * width,
                                "%s%zu.mlp.experts.gate_up_proj", at, layer);
    const double *down =
        weight(true, n * f * width, "%s%zu.mlp.experts.down_proj", at, layer);
    double *y = linear(x, width, 2 * f, both + expert * 2 * f * width, NULL);
    double *g = cut(y, 2 * f, 0, f), *u = cut(y, 2 * f, f, f);

    for (size_t i = 0; i < n_ids * f; i++)
        g[i] = activate(SILU, g[i]) * u[i];
    return linear(g, f, width, down + expert * f * width, NULL);
}

/* ---- gpt-oss: all experts in one tensor */

/* Sixteen numbers of two bits of exponent, one of mantissa and a sign. */
static double
number_of(unsigned code)
{
    static const double values[] = { 0, 0.5, 1, 1.5, 2, 3, 4, 6 };

    return code & 8 ? -values[code & 7] : values[code];
}

/* [rows, cols] of one expert: 32 codes in a row have an exponent in common, the
 * first of two is in the low half of a byte; or [cols, rows] of numbers. */
static double *
fused(const char *at, size_t layer, const char *name, size_t n, size_t expert,
      size_t rows, size_t cols)
{
    size_t all = n * rows * cols, first = expert * rows * cols;
    const double *codes =
        weight(false, all / 2, "%s%zu.mlp.experts.%s_blocks", at, layer, name);
    const double *scales =
        weight(codes != NULL, all / 32, "%s%zu.mlp.experts.%s_scales", at,
               layer, name);
    const double *plain =
        weight(codes == NULL, all, "%s%zu.mlp.experts.%s", at, layer, name);
    double *w = room(rows * cols);

    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            size_t i = first + r * cols + c;

            if (codes != NULL)
                w[r * cols + c] =
                    number_of((unsigned)codes[i / 2] >> i % 2 * 4 & 15) *
                    ldexp(1, (int)scales[i / 32] - 127);
            else
                w[r * cols + c] = plain[first + c * rows + r];
        }
    return w;
}

static double *
together(const double *x, const char *at, size_t layer, size_t n, size_t expert,
         size_t f)
{
    const double *b1 = weight(true, n * 2 * f,
                              "%s%zu.mlp.experts.gate_up_proj_bias", at, layer);
    const double *b2 =
        weight(true, n * width, "%s%zu.mlp.experts.down_proj_bias", at, layer);
    double *both =
        linear(x, width, 2 * f,
               fused(at, layer, "gate_up_proj", n, expert, 2 * f, width),
               b1 + expert * 2 * f);
    double *y = room(n_ids * f);

    for (size_t i = 0; i < n_ids * f; i++) {
        double gate = fmin(both[2 * i], 7);
        double up = fmax(fmin(both[2 * i + 1], 7), -7);

        y[i] = (up + 1) * gate / (1 + exp(-1.702 * gate));
    }
    return linear(y, f, width,
                  fused(at, layer, "down_proj", n, expert, width, f),
                  b2 + expert * width);
}

double *
experts(const double *x, const char *at, size_t layer)
{
    const char *class = json_string_value(
        json_array_get(json_object_get(config, "architectures"), 0));
    size_t used = (size_t)number(config, "num_experts_per_tok", 0), i = 0;
    double *y = room(n_ids * width), *logit, share[N_IDS_MAX][MOST];
    const struct names *is;
    size_t n, f;
    bool all;

    while (i < sizeof(names) / sizeof(*names) &&
           strcmp(names[i].class, class) != 0)
        i++;
    if (i == sizeof(names) / sizeof(*names))
        die("no experts of this class", class);
    is = &names[i];
    n = (size_t)number(config, is->count, 0);
    f = (size_t)number(config, is->size, 0);
    if (n < used || n > MOST)
        die("too many experts", class);
    all = is->gate != NULL &&
          weight(false, n * 2 * f * width, "%s%zu.mlp.experts.gate_up_proj", at,
                 layer) != NULL;
    logit = project(x, width, n, at, layer, all ? "mlp.gate" : is->router);
    for (size_t t = 0; t < n_ids; t++)
        choose(logit + t * n, n, used, share[t]);
    for (size_t e = 0; e < n; e++) {
        double *out = all                ? one_of_all(x, at, layer, n, e, f)
                      : is->gate != NULL ? one_by_one(is, x, at, layer, e, f)
                                         : together(x, at, layer, n, e, f);

        for (size_t t = 0; t < n_ids; t++)
            for (size_t k = 0; k < width; k++)
                y[t * width + k] += share[t][e] * out[t * width + k];
    }
    return y;
}
