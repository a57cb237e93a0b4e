/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.c - repeated layers as one line
 *
 * blk.0.attn_q.weight to blk.15.attn_q.weight, of one type and shape, are
 * blk.0-15.attn_q.weight.  The numbers of a name are those of its parts
 * between dots that are nothing but a number.  Names that are the same but for
 * their numbers fold into one line if the numbers are a full grid (every layer
 * with every expert); if not, those fold that differ in the first one only.
 */
#include "show/show.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 4
#define DIGITS_MAX  9
#define HOLE        '\001' /* no name has it */

struct item {
    const struct sov_tensor *t;
    size_t at;  /* index in the model */
    char *mold; /* the name with a HOLE for each number; owned */
    size_t n;
    unsigned long number[NUMBERS_MAX];
};

struct folder {
    struct item *item;
    size_t n;
    struct show_fold *out;
    size_t n_out;
    bool bad;
};

static bool
is_number(const char *p, size_t len)
{
    if (len == 0 || len > DIGITS_MAX || (p[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)p[i]))
            return false;
    return true;
}

static void
take_apart(struct item *it)
{
    const char *p = it->t->name;
    char *to = it->mold;

    while (true) {
        size_t len = strcspn(p, ".");

        if (it->n < NUMBERS_MAX && is_number(p, len)) {
            it->number[it->n++] = strtoul(p, NULL, 10);
            *to++ = HOLE;
        } else {
            memcpy(to, p, len);
            to += len;
        }
        p += len;
        if (*p == '\0')
            break;
        *to++ = *p++;
    }
    *to = '\0';
}

/* Do they go on one line, their numbers apart? */
static int
by_kind(const struct item *a, const struct item *b)
{
    int rc = strcmp(a->mold, b->mold);

    if (rc == 0 && a->t->type != b->t->type)
        rc = a->t->type < b->t->type ? -1 : 1;
    if (rc == 0 && a->t->ndim != b->t->ndim)
        rc = a->t->ndim < b->t->ndim ? -1 : 1;
    return rc != 0 ? rc : memcmp(a->t->dim, b->t->dim, sizeof(a->t->dim));
}

static int
by_numbers(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    int rc = by_kind(a, b);

    /* the first number last: what differs in it alone stands together */
    for (size_t k = 1; k <= a->n && rc == 0; k++) {
        size_t i = k % a->n;

        if (a->number[i] != b->number[i])
            rc = a->number[i] < b->number[i] ? -1 : 1;
    }
    return rc;
}

static int
by_place(const void *x, const void *y)
{
    const struct show_fold *a = x, *b = y;

    return a->first < b->first ? -1 : a->first > b->first;
}

static int
by_value(const void *x, const void *y)
{
    unsigned long a = *(const unsigned long *)x, b = *(const unsigned long *)y;

    return a < b ? -1 : a > b;
}

/* The k-th numbers of n items, sorted and each once; fresh. */
static unsigned long *
numbers_of(const struct item *it, size_t n, size_t k, size_t *count)
{
    unsigned long *set = malloc((n + 1) * sizeof(*set));
    size_t m = 0;

    if (set == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        set[i] = it[i].number[k];
    qsort(set, n, sizeof(*set), by_value);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || set[i] != set[i - 1])
            set[m++] = set[i];
    *count = m;
    return set;
}

/* "0-3,6,9-15" */
static bool
print_ranges(FILE *f, const struct item *it, size_t n, size_t k)
{
    size_t m;
    unsigned long *set = numbers_of(it, n, k, &m);

    if (set == NULL)
        return false;
    for (size_t i = 0; i < m;) {
        size_t j = i;

        while (j + 1 < m && set[j + 1] == set[j] + 1)
            j++;
        fprintf(f, "%s%lu", i > 0 ? "," : "", set[i]);
        if (j > i)
            fprintf(f, "%c%lu", j > i + 1 ? '-' : ',', set[j]);
        i = j + 1;
    }
    free(set);
    return true;
}

/* One line for n items. */
static void
emit(struct folder *f, const struct item *it, size_t n)
{
    struct show_fold *line = &f->out[f->n_out];
    size_t len, k = 0;
    FILE *to = open_memstream(&line->name, &len);

    if (to == NULL) {
        f->bad = true;
        return;
    }
    for (const char *p = it->mold; *p != '\0'; p++) {
        if (*p != HOLE)
            putc(*p, to);
        else if (!print_ranges(to, it, n, k++))
            f->bad = true;
    }
    if (fclose(to) != 0)
        f->bad = true;
    line->n = n;
    line->first = it->at;
    for (size_t i = 1; i < n; i++)
        if (it[i].at < line->first)
            line->first = it[i].at;
    f->n_out++;
}

/* Is every number of one place there with every one of the others? */
static bool
is_grid(struct folder *f, const struct item *it, size_t n)
{
    size_t product = 1, m = 0;

    for (size_t k = 0; k < it->n && product <= n; k++) {
        unsigned long *set = numbers_of(it, n, k, &m);

        f->bad = f->bad || set == NULL;
        free(set);
        if (f->bad)
            return false;
        product *= m;
    }
    return product == n;
}

static void
emit_kind(struct folder *f, const struct item *it, size_t n)
{
    size_t step;

    if (n == 1 || is_grid(f, it, n)) {
        emit(f, it, n);
        return;
    }
    for (size_t i = 0; i < n && !f->bad; i += step) {
        for (step = 1; i + step < n &&
                       memcmp(it[i].number + 1, it[i + step].number + 1,
                              (NUMBERS_MAX - 1) * sizeof(it->number[0])) == 0;)
            step++;
        emit(f, it + i, step);
    }
}

static void
fold_items(struct folder *f)
{
    size_t step;

    qsort(f->item, f->n, sizeof(*f->item), by_numbers);
    for (size_t i = 0; i < f->n && !f->bad; i += step) {
        for (step = 1;
             i + step < f->n && by_kind(&f->item[i], &f->item[i + step]) == 0;)
            step++;
        emit_kind(f, f->item + i, step);
    }
    qsort(f->out, f->n_out, sizeof(*f->out), by_place);
}

static void
fill(struct folder *f, const sov_model *model, bool all)
{
    for (size_t i = 0; i < f->n && !f->bad; i++) {
        struct item *it = &f->item[i];

        it->t = sov_model_at(model, i);
        it->at = i;
        it->mold = malloc(strlen(it->t->name) + 1);
        if (it->mold == NULL)
            f->bad = true;
        else if (all)
            strcpy(it->mold, it->t->name);
        else
            take_apart(it);
        if (!f->bad && all)
            emit(f, it, 1);
    }
}

int
show_fold(const sov_model *model, bool all, struct show_fold **fold, size_t *n,
          struct sov_err *err)
{
    struct folder f = { .n = sov_model_count(model) };

    f.item = calloc(f.n + 1, sizeof(*f.item));
    f.out = calloc(f.n + 1, sizeof(*f.out));
    if (f.item == NULL || f.out == NULL)
        f.bad = true;
    else
        fill(&f, model, all);
    if (!f.bad && !all)
        fold_items(&f);
    for (size_t i = 0; f.item != NULL && i < f.n; i++)
        free(f.item[i].mold);
    free(f.item);
    if (f.bad) {
        show_fold_free(f.out, f.n_out);
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    *fold = f.out;
    *n = f.n_out;
    return 0;
}

void
show_fold_free(struct show_fold *fold, size_t n)
{
    for (size_t i = 0; fold != NULL && i < n; i++)
        free(fold[i].name);
    free(fold);
}
