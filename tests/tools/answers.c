/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.c - does a model answer as another runtime does?
 *
 *     answers [-e] FORM RECORD MODEL [ADAPTER:SCALE]...
 *
 * RECORD is tests/data/arch.txt or lora.txt; MODEL is the tiny model of that
 * form.  Its logits (or an encoder's states) under --precise must be those
 * recorded, up to the mean squared error that stands there, and the best of
 * each the same; with activations that are rounded as the peer rounds them they
 * must be so, too (with -e, which says that the record rounds nothing, they
 * must be close); in eight bits they must be close.
 *
 * Exit status: 0 they are, 1 they are not.
 */
#include "uselora.h"

#include "sov/model.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX 64
#define LINE    65536

/* Of keys and values in eight bits.  With random weights rounding may send a
 * token to other experts; those of the record it does not. */
#define CLOSE 2e-2

/* Where both round alike: the peer has GELU from a table of halves.  Of adapters
 * that were merged the limit alone holds: their input is not rounded. */
#define ALIKE 1e-5

struct record {
    double limit;
    int32_t ids[IDS_MAX];
    size_t n;
    size_t width;
    float *want; /* [n, width] */
};

static void
die(const char *what)
{
    fprintf(stderr, "answers: %s\n", what);
    exit(70);
}

static size_t
numbers(char *line, float *to, size_t most)
{
    size_t n = 0;
    char *end;

    for (char *p = line; n < most; p = end) {
        to[n] = strtof(p, &end);
        if (end == p)
            break;
        n++;
    }
    return n;
}

/* The lines of one form. */
static void
read_record(struct record *r, const char *path, const char *form)
{
    static char line[LINE], name[64];
    static float row[LINE / 2];
    FILE *f = fopen(path, "r");
    bool here = false;
    double limit = 0;
    size_t rows = 0;

    if (f == NULL)
        die("no record");
    while (fgets(line, sizeof(line), f) != NULL) {
        size_t n;

        if (strncmp(line, "form ", 5) == 0) {
            here = sscanf(line, "form %63s %lf", name, &limit) == 2 &&
                   strcmp(name, form) == 0;
            r->limit = here ? limit : r->limit;
            continue;
        }
        if (!here || line[0] == '#')
            continue;
        if (strncmp(line, "ids ", 4) == 0) {
            r->n = numbers(line + 4, row, IDS_MAX);
            for (size_t i = 0; i < r->n; i++)
                r->ids[i] = (int32_t)row[i];
            continue;
        }
        n = numbers(line, row, LINE / 2);
        if (rows == r->n || (rows > 0 && n != r->width))
            die("a record with other numbers than ids");
        r->width = n;
        r->want = realloc(r->want, (rows + 1) * n * sizeof(*row));
        if (r->want == NULL)
            die("out of memory");
        memcpy(r->want + rows++ * n, row, n * sizeof(*row));
    }
    fclose(f);
    if (r->n == 0 || rows != r->n)
        die("no record of this form");
}

static struct sov_session_opts opts = { .n_logits = IDS_MAX };

static float *
answer(const sov_model *model, const struct record *r, bool precise,
       enum sov_kv_form kv)
{
    struct sov_err err = { 0 };
    sov_session *s = NULL;
    float *got = NULL;
    size_t width;
    int rc;

    opts.precise = precise;
    opts.kv = kv;
    rc = sov_session_open(&s, model, &opts, &err);

    if (rc < 0)
        die(err.msg);
    width = sov_session_rows(s) == 0 ? sov_session_width(s)
                                     : sov_session_vocab(s);
    got = calloc(r->n * width, sizeof(*got));
    if (got == NULL || width != r->width)
        die("a model of another width");
    if (sov_session_rows(s) == 0)
        rc = sov_session_embed(s, r->ids, r->n, SOV_POOL_NONE, got, &err);
    else
        rc = sov_session_eval(s, r->ids, r->n, SOV_LOGITS_ALL, &err);
    if (rc < 0)
        die(err.msg);
    for (size_t i = 0; i < r->n && sov_session_rows(s) > 0; i++)
        memcpy(got + i * width, sov_session_logits(s, i),
               width * sizeof(*got));
    sov_session_close(s);
    return got;
}

static size_t
best_of(const float *row, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        best = row[i] > row[best] ? i : best;
    return best;
}

static int
compare(const struct record *r, const float *got, double *error)
{
    double sum = 0, size = 0;
    int others = 0;

    for (size_t i = 0; i < r->n * r->width; i++) {
        double want = (double)r->want[i];

        sum += ((double)got[i] - want) * ((double)got[i] - want);
        size += want * want;
    }
    for (size_t i = 0; i < r->n; i++)
        others += best_of(got + i * r->width, r->width) !=
                  best_of(r->want + i * r->width, r->width);
    *error = sum / size;
    return others;
}

int
main(int argc, char **argv)
{
    struct record r = { 0 };
    struct sov_err err = { 0 };
    sov_model *model = NULL;
    double error, rounded, rough;
    bool exact = argc > 1 && strcmp(argv[1], "-e") == 0;
    float *got;
    int others;

    argc -= exact;
    argv += exact;
    if (argc < 4)
        die("usage: answers [-e] FORM RECORD MODEL [ADAPTER:SCALE]...");
    for (int i = 4; i < argc; i++)
        if (use_lora(&opts, argv[i], &err) < 0)
            die(err.msg);
    read_record(&r, argv[2], argv[1]);
    if (sov_model_open(&model, argv[3], SOV_ACCESS_MAP, &err) < 0)
        die(err.msg);
    got = answer(model, &r, true, SOV_KV_AUTO);
    others = compare(&r, got, &error);
    free(got);
    got = answer(model, &r, false, SOV_KV_F32);
    others += compare(&r, got, &rounded) * !exact;
    free(got);
    got = answer(model, &r, false, SOV_KV_AUTO);
    compare(&r, got, &rough);
    free(got);
    printf("%-12s %.2g, rounded %.2g, %d of %zu best ids differ; in eight "
           "bits %.2g\n",
           argv[1], error, rounded, others, r.n, rough);
    sov_model_close(model);
    free(r.want);
    if (rounded > (exact ? CLOSE : r.limit) || (opts.n_lora > 0 && rounded > ALIKE))
        return 1;
    return error <= r.limit && others == 0 && rough <= CLOSE ? 0 : 1;
}
