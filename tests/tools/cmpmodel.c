/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmpmodel - are two models the same, tensor for tensor and key for key?
 *
 *     cmpmodel [-k PREFIX]... A B
 *
 * Tensors are found by name, in any order.  With -k only keys of these
 * prefixes are compared, both ways.  Exit status: 0 same, 1 different (each
 * difference is a line), 2 trouble.
 */
#include "sov/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *prefix[16];
static size_t n_prefixes;
static int different;

static bool
wanted(const char *key)
{
    for (size_t i = 0; i < n_prefixes; i++)
        if (strncmp(key, prefix[i], strlen(prefix[i])) == 0)
            return true;
    return n_prefixes == 0;
}

static void
differ(const char *what, const char *name)
{
    printf("%s: %s\n", what, name);
    different = 1;
}

static bool
same_value(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->elem == b->elem && a->n == b->n &&
           a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

static void
compare_keys(const sov_meta *a, const sov_meta *b, bool values)
{
    for (size_t i = 0; i < sov_meta_count(a); i++) {
        const struct sov_kv *x = sov_meta_at(a, i);
        const struct sov_kv *y = sov_meta_find(b, x->key);

        if (!wanted(x->key))
            continue;
        if (y == NULL)
            differ(values ? "key missing in B" : "key missing in A", x->key);
        else if (values && !same_value(x, y))
            differ("key differs", x->key);
    }
}

static void
compare_tensors(const sov_model *a, const sov_model *b, bool values)
{
    for (size_t i = 0; i < sov_model_count(a); i++) {
        const struct sov_tensor *x = sov_model_at(a, i), *y;
        int64_t at = sov_model_find(b, x->name);

        if (at < 0) {
            differ(values ? "tensor missing in B" : "tensor missing in A",
                   x->name);
            continue;
        }
        y = sov_model_at(b, (size_t)at);
        if (!values)
            continue;
        if (x->type != y->type)
            differ("type differs", x->name);
        else if (memcmp(x->dim, y->dim, sizeof(x->dim)) != 0)
            differ("shape differs", x->name);
        else if (x->size != y->size ||
                 (x->size > 0 && memcmp(x->data, y->data, x->size) != 0))
            differ("bytes differ", x->name);
    }
}

static sov_model *
load(const char *path)
{
    sov_model *m = NULL;
    struct sov_err err;

    if (sov_model_open(&m, path, SOV_ACCESS_MAP, &err) < 0) {
        fprintf(stderr, "cmpmodel: %s: %s\n", path, err.msg);
        exit(2);
    }
    return m;
}

int
main(int argc, char **argv)
{
    sov_model *a, *b;
    int c;

    while ((c = getopt(argc, argv, "k:")) == 'k')
        if (n_prefixes < sizeof(prefix) / sizeof(prefix[0]))
            prefix[n_prefixes++] = optarg;
    if (c != -1 || argc - optind != 2) {
        fputs("usage: cmpmodel [-k PREFIX]... A B\n", stderr);
        return 2;
    }
    a = load(argv[optind]);
    b = load(argv[optind + 1]);
    compare_tensors(a, b, true);
    compare_tensors(b, a, false);
    compare_keys(sov_model_meta(a), sov_model_meta(b), true);
    compare_keys(sov_model_meta(b), sov_model_meta(a), false);
    sov_model_close(a);
    sov_model_close(b);
    return different;
}
