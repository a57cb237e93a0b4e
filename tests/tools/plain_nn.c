/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain_nn.c - parts of networks, computed the plain way, for reference.c
 */
#include "plain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

size_t n_ids, width, n_heads, n_kv, head_dim, n_layers, ffn, vocab;
int ids[N_IDS_MAX];
double eps;

double *
room(size_t n)
{
    double *p = calloc(n, sizeof(*p));

    if (p == NULL)
        die("out of memory", NULL);
    return p;
}

/* ---- parts of networks */

double
activate(enum act act, double x)
{
    switch (act) {
    case SILU:
        return x / (1 + exp(-x));
    case GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / PI) * (x + 0.044715 * x * x * x)));
    default:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    }
}

/* hidden_activation speaks louder, where there is one (Gemma). */
enum act
act_of(const char *member)
{
    const char *name =
        json_string_value(json_object_get(config, "hidden_activation"));

    if (name == NULL)
        name = json_string_value(json_object_get(config, member));
    if (name == NULL || strcmp(name, "silu") == 0)
        return SILU;
    return strcmp(name, "gelu") == 0 ? GELU_ERF : GELU_TANH;
}

/* y[out] of x[in] for all tokens; w is [out, in]. */
double *
linear(const double *x, size_t in, size_t out, const double *w,
       const double *bias)
{
    double *y = room(n_ids * out);

    for (size_t t = 0; t < n_ids; t++)
        for (size_t o = 0; o < out; o++) {
            double sum = bias != NULL ? bias[o] : 0;

            for (size_t i = 0; i < in; i++)
                sum += w[o * in + i] * x[t * in + i];
            y[t * out + o] = sum;
        }
    return y;
}

/* The same of NAME.weight and NAME.bias of a layer. */
double *
project(const double *x, size_t in, size_t out, const char *at, size_t layer,
        const char *name)
{
    const double *w =
        weight(true, in * out, "%s%zu.%s.weight", at, layer, name);
    const double *b = weight(false, out, "%s%zu.%s.bias", at, layer, name);

    return linear(x, in, out, w, b);
}

/* Rows of n: over the root of their mean square, times w (and one more). */
void
rms(double *x, size_t n, size_t rows, const double *w, double one)
{
    for (size_t r = 0; r < rows; r++, x += n) {
        double sum = 0;

        for (size_t i = 0; i < n; i++)
            sum += x[i] * x[i];
        for (size_t i = 0; i < n; i++)
            x[i] *= (w[i] + one) / sqrt(sum / (double)n + eps);
    }
}

void
layer_norm(double *x, size_t n, size_t rows, const double *w, const double *b)
{
    for (size_t r = 0; r < rows; r++, x += n) {
        double mean = 0, sum = 0;

        for (size_t i = 0; i < n; i++)
            mean += x[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            sum += (x[i] - mean) * (x[i] - mean);
        for (size_t i = 0; i < n; i++)
            x[i] = (x[i] - mean) / sqrt(sum / (double)n + eps) * w[i] + b[i];
    }
}

double *
copy(const double *x, size_t n)
{
    double *y = room(n);

    memcpy(y, x, n * sizeof(*y));
    return y;
}

/* A layer norm of a copy. */
double *
ln(const double *x, const char *at, size_t layer, const char *name)
{
    double *y = copy(x, n_ids * width);

    layer_norm(y, width, n_ids,
               weight(true, width, "%s%zu.%s.weight", at, layer, name),
               weight(true, width, "%s%zu.%s.bias", at, layer, name));
    return y;
}

void
add(double *x, const double *y, double times)
{
    for (size_t i = 0; i < n_ids * width; i++)
        x[i] += times * y[i];
}

/* Up and down alone. */
double *
plain_ffn(const double *x, const char *at, size_t layer, const char *up,
          const char *down, enum act act)
{
    double *u = project(x, width, ffn, at, layer, up);

    for (size_t i = 0; i < n_ids * ffn; i++)
        u[i] = activate(act, u[i]);
    return project(u, ffn, width, at, layer, down);
}

void
print(const double *x, size_t n)
{
    for (size_t t = 0; t < n_ids; t++)
        for (size_t i = 0; i < n; i++)
            printf("%.9g%c", x[t * n + i], i + 1 < n ? ' ' : '\n');
}

/* ---- rotary positions */

static double
correction(double rotations, double dim, double base, double ctx)
{
    return dim * log(ctx / (rotations * 2 * PI)) / (2 * log(base));
}

static void
yarn(struct turns *r, const json_t *rope, double base, double ctx)
{
    double factor = number(rope, "factor", 1), dim = (double)r->n;
    double old = number(rope, "original_max_position_embeddings", ctx);
    double low =
        floor(correction(number(rope, "beta_fast", 32), dim, base, old));
    double high =
        ceil(correction(number(rope, "beta_slow", 1), dim, base, old));
    double one = number(rope, "mscale", 0),
           all = number(rope, "mscale_all_dim", 0);

    low = fmax(low, 0);
    high = fmin(high, dim - 1);
    if (low >= high)
        high = low + 0.001;
    for (size_t i = 0; i < r->n / 2; i++) {
        double ramp = fmin(fmax(((double)i - low) / (high - low), 0), 1);

        r->freq[i] = r->freq[i] / factor * ramp + r->freq[i] * (1 - ramp);
    }
    r->size = 0.1 * log(factor) + 1;
    if (one > 0 && all > 0)
        r->size = (0.1 * one * log(factor) + 1) / (0.1 * all * log(factor) + 1);
    r->size = number(rope, "attention_factor", r->size);
}

static void
llama3(struct turns *r, const json_t *rope)
{
    double factor = number(rope, "factor", 8);
    double low = number(rope, "low_freq_factor", 1);
    double high = number(rope, "high_freq_factor", 4);
    double old = number(rope, "original_max_position_embeddings", 8192);

    for (size_t i = 0; i < r->n / 2; i++) {
        double wave = 2 * PI / r->freq[i];
        double smooth = (old / wave - low) / (high - low);

        if (wave > old / low)
            r->freq[i] /= factor;
        else if (wave >= old / high)
            r->freq[i] =
                (1 - smooth) * r->freq[i] / factor + smooth * r->freq[i];
    }
}

/* Which list it is, runtimes decide by the context they are made for. */
static void
longrope(struct turns *r, const json_t *rope, double ctx)
{
    double old = number(config, "original_max_position_embeddings",
                        number(rope, "original_max_position_embeddings", ctx));
    const json_t *list =
        json_object_get(rope, ctx > old ? "long_factor" : "short_factor");

    for (size_t i = 0; i < r->n / 2; i++)
        r->freq[i] /= json_number_value(json_array_get(list, i));
    r->size = ctx > old ? sqrt(1 + log(ctx / old) / log(old)) : 1;
    r->size = number(rope, "attention_factor", r->size);
}

void
turns_of(struct turns *r, const json_t *rope, double base)
{
    double ctx = number(config, "max_position_embeddings", 2048);
    double part = number(config, "partial_rotary_factor", 1);
    const char *type = json_string_value(json_object_get(rope, "rope_type"));

    if (type == NULL)
        type = json_string_value(json_object_get(rope, "type"));
    base = number(rope, "rope_theta", base);
    r->n = (size_t)((double)head_dim *
                    number(rope, "partial_rotary_factor", part));
    r->size = 1;
    for (size_t i = 0; i < r->n / 2; i++)
        r->freq[i] = 1 / pow(base, 2 * (double)i / (double)r->n);
    if (type == NULL || strcmp(type, "default") == 0)
        return;
    if (strcmp(type, "yarn") == 0)
        yarn(r, rope, base, ctx);
    else if (strcmp(type, "llama3") == 0)
        llama3(r, rope);
    else if (strcmp(type, "longrope") == 0 || strcmp(type, "su") == 0)
        longrope(r, rope, ctx);
    else if (strcmp(type, "linear") == 0)
        for (size_t i = 0; i < r->n / 2; i++)
            r->freq[i] /= number(rope, "factor", 1);
    else if (strcmp(type, "dynamic") != 0) /* which begins beyond ctx */
        die("rope_type", type);
}

/* Heads of all tokens: the first half of what turns with the second. */
void
turn(double *x, size_t heads, const struct turns *r)
{
    size_t h = r->n / 2;

    for (size_t t = 0; t < n_ids; t++)
        for (size_t k = 0; k < heads; k++, x += head_dim)
            for (size_t i = 0; i < h; i++) {
                double c = cos((double)t * r->freq[i]) * r->size;
                double s = sin((double)t * r->freq[i]) * r->size;
                double a = x[i], b = x[i + h];

                x[i] = a * c - b * s;
                x[i + h] = b * c + a * s;
            }
}

/* ---- attention */

/* Does token t see token u?  Of a window, half is to both sides if it is both
 * ways. */
static bool
is_seen(const struct view *see, size_t t, size_t u)
{
    size_t far = t > u ? t - u : u - t;

    if (see->both)
        return see->window == 0 || far <= see->window / 2;
    return u <= t && (see->window == 0 || far < see->window);
}

double *
attend(const double *q, const double *k, const double *v, struct view see)
{
    double *out = room(n_ids * n_heads * head_dim), p[N_IDS_MAX];

    for (size_t t = 0; t < n_ids; t++)
        for (size_t h = 0; h < n_heads; h++) {
            size_t g = h / (n_heads / n_kv);
            double most = -1e300, sum = 0;
            double *o = out + (t * n_heads + h) * head_dim;

            for (size_t u = 0; u < n_ids; u++) {
                bool seen = is_seen(&see, t, u);

                p[u] = seen ? 0 : -INFINITY;
                for (size_t i = 0; i < head_dim && seen; i++)
                    p[u] += q[(t * n_heads + h) * head_dim + i] *
                            k[(u * n_kv + g) * head_dim + i] * see.scale;
                if (seen && see.cap > 0)
                    p[u] = see.cap * tanh(p[u] / see.cap);
                most = fmax(most, p[u]);
            }
            if (see.sinks != NULL) {
                most = fmax(most, see.sinks[h]);
                sum = exp(see.sinks[h] - most);
            }
            for (size_t u = 0; u < n_ids; u++)
                sum += p[u] = exp(p[u] - most);
            for (size_t u = 0; u < n_ids; u++)
                for (size_t i = 0; i < head_dim; i++)
                    o[i] += p[u] / sum * v[(u * n_kv + g) * head_dim + i];
        }
    return out;
}

/* Columns [from, from + n) of rows of `all`. */
double *
cut(const double *x, size_t all, size_t from, size_t n)
{
    double *y = room(n_ids * n);

    for (size_t t = 0; t < n_ids; t++)
        memcpy(y + t * n, x + t * all + from, n * sizeof(*y));
    return y;
}

double *
embed(const double *table)
{
    double *x = room(n_ids * width);

    for (size_t t = 0; t < n_ids; t++)
        memcpy(x + t * width, table + (size_t)ids[t] * width,
               width * sizeof(*x));
    return x;
}
