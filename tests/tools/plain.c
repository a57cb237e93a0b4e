/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.c - a published model directory, read the plain way, for reference.c
 */
#include "plain.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *config;

static json_t *header;
static unsigned char *data;
static char before[64];
static const char *base_name = "";

void
die(const char *what, const char *of)
{
    fprintf(stderr, "reference: %s%s%s\n", what, of != NULL ? ": " : "",
            of != NULL ? of : "");
    exit(70);
}

double
number(const json_t *obj, const char *name, double preset)
{
    const json_t *v = json_object_get(obj, name);

    return json_is_number(v) ? json_number_value(v) : preset;
}

static unsigned char *
slurp(const char *dir, const char *name, size_t *len)
{
    unsigned char *p = NULL;
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (f == NULL)
        die("cannot read", path);
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    p = malloc(*len + 1);
    if (p == NULL || fread(p, 1, *len, f) != *len)
        die("cannot read", path);
    fclose(f);
    return p;
}

void
plain_load(const char *dir)
{
    uint64_t n = 0;
    size_t len;
    unsigned char *p = slurp(dir, "config.json", &len);

    config = json_loadb((char *)p, len, 0, NULL);
    if (config == NULL)
        die("config.json is not JSON", NULL);
    free(p);
    p = slurp(dir, "model.safetensors", &len);
    for (int i = 7; i >= 0; i--)
        n = n << 8 | p[i];
    header = json_loadb((char *)p + 8, (size_t)n, 0, NULL);
    if (header == NULL)
        die("model.safetensors has no header", NULL);
    data = p + 8 + n;
}

/* ---- tensors */

static const char *const wrappers[] = { "", "language_model.",
                                        "model.language_model." };

void
plain_prefix(const char *base)
{
    const char *name;
    json_t *v;

    base_name = base;
    before[0] = '\0';
    json_object_foreach(header, name, v)
    {
        for (int i = 2; i > 0; i--)
            if (before[0] == '\0' &&
                strncmp(name, wrappers[i], strlen(wrappers[i])) == 0)
                snprintf(before, sizeof(before), "%s", wrappers[i]);
    }
}

static json_t *
find(const char *name)
{
    size_t n = strlen(base_name);
    bool based = n > 0 && strncmp(name, base_name, n) == 0;
    char full[300];
    json_t *v = json_object_get(header, name);

    if (v == NULL && before[0] != '\0') {
        snprintf(full, sizeof(full), "%s%s", before, name);
        v = json_object_get(header, full);
    }
    if (v == NULL && before[0] != '\0' && based) {
        snprintf(full, sizeof(full), "%s%s", before, name + n);
        v = json_object_get(header, full);
    }
    if (v == NULL && based)
        v = json_object_get(header, name + n);
    return v;
}

static double
half(unsigned h)
{
    double m = h & 0x3ff;
    int e = (int)(h >> 10 & 31);
    double v = e == 0 ? ldexp(m, -24) : ldexp(1024 + m, e - 25);

    return h & 0x8000 ? -v : v;
}

static double
brain(unsigned h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;

    memcpy(&f, &u, 4);
    return (double)f;
}

/* Sign, four bits of exponent, three of mantissa. */
static double
eighth(unsigned b)
{
    int e = (int)(b >> 3 & 15);
    double v = e == 0 ? ldexp(b & 7, -9) : ldexp(8 + (b & 7), e - 10);

    return b & 128 ? -v : v;
}

static double
element(const unsigned char *p, const char *type, size_t i)
{
    float f;

    if (strcmp(type, "F8_E4M3") == 0)
        return eighth(p[i]);
    if (strcmp(type, "F8_E8M0") == 0)
        return ldexp(1, p[i] - 127);
    if (strcmp(type, "U8") == 0)
        return p[i];
    if (strcmp(type, "F16") == 0)
        return half(p[2 * i] | (unsigned)p[2 * i + 1] << 8);
    if (strcmp(type, "BF16") == 0)
        return brain(p[2 * i] | (unsigned)p[2 * i + 1] << 8);
    if (strcmp(type, "F32") != 0)
        die("a type that is not read here", type);
    memcpy(&f, p + 4 * i, 4);
    return (double)f;
}

/* Matrices in 8 bits: times what the next tensor has for each block, each row or
 * all of it. */
static void
unpack(double *w, const char *name, const json_t *shape)
{
    const json_t *packing = json_object_get(config, "quantization_config");
    const json_t *block = json_object_get(packing, "weight_block_size");
    size_t rows = (size_t)json_integer_value(json_array_get(shape, 0));
    size_t cols = (size_t)json_integer_value(json_array_get(shape, 1));
    size_t tall = (size_t)json_integer_value(json_array_get(block, 0));
    size_t wide = (size_t)json_integer_value(json_array_get(block, 1));
    const double *scale = NULL;

    if (tall > 0) {
        size_t across = (cols + wide - 1) / wide;

        scale = weight(true, (rows + tall - 1) / tall * across, "%s_scale_inv",
                       name);
        for (size_t i = 0; i < rows * cols; i++)
            w[i] *= scale[i / cols / tall * across + i % cols / wide];
        return;
    }
    tall = json_object_get(packing, "config_groups") != NULL ? rows : 1;
    scale = weight(true, rows / tall, "%s_scale", name);
    for (size_t i = 0; i < rows * cols; i++)
        w[i] *= scale[i / cols / tall];
}

const double *
weight(bool must, size_t n, const char *fmt, ...)
{
    char name[200];
    double *out;
    json_t *t, *dim;
    const char *type;
    size_t count = 1, i, begin;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    t = find(name);
    if (t == NULL && must)
        die("no tensor", name);
    if (t == NULL)
        return NULL;
    json_array_foreach(json_object_get(t, "shape"), i, dim) count *=
        (size_t)json_integer_value(dim);
    if (count != n)
        die("another size", name);
    type = json_string_value(json_object_get(t, "dtype"));
    begin = (size_t)json_integer_value(
        json_array_get(json_object_get(t, "data_offsets"), 0));
    out = malloc(n * sizeof(*out)); /* kept: the models are tiny */
    if (out == NULL)
        die("out of memory", NULL);
    for (i = 0; i < n; i++)
        out[i] = element(data + begin, type, i);
    if (strcmp(type, "F8_E4M3") == 0)
        unpack(out, name, json_object_get(t, "shape"));
    return out;
}
