/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpha.c - what errors in the matrices do to the answers
 *
 * One matrix after the other is made of a fine and of a coarse type, all else
 * stays, and the divergence that makes is seen.  Divided by the error, that of
 * the fine type is the matrix's alpha: below it, loss grows with the error (the
 * square of what weights are off).  Above it grows by the power that the coarse
 * type shows, since large errors may do more than many small ones, or less.
 * Where there are many matrices, some neighbours of the same kind are tried
 * together and share what comes out.
 *
 * Without a text nobody knows, and an error counts by the kind of the matrix.
 */
#include "compress/allot.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "sys/file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 64 /* more matrices than that are tried in groups */
#define WINDOW     256
#define TOKENS_MOST  4096 /* of a trial */
#define TOKENS_LEAST 512
/* Weights times tokens of a trial, between these. */
#define TRIAL_WORK UINT64_C(40000000000)
#define LEAST_KLD   1e-12
/* What is left of a divergence with calibration, as was measured in small Llamas
 * of 3 to 6 bits: 0.7 to 0.9 of it, on other text. */
#define FED 0.8
#define POWER_LEAST 0.5 /* what is believed */
#define POWER_MOST  2.0

/* ---- groups */

/* "blk.*.attn_q.weight" of "blk.17.attn_q.weight"; the number. */
static void
kind_of(const char *name, char *kind, size_t size, uint64_t *layer)
{
    const char *p = strstr(name, "blk.");
    size_t head, digits;

    *layer = 0;
    if (p == NULL || !isdigit((unsigned char)p[4])) {
        snprintf(kind, size, "%s", name);
        return;
    }
    digits = strspn(p + 4, "0123456789");
    head = (size_t)(p + 4 - name);
    *layer = strtoull(p + 4, NULL, 10);
    snprintf(kind, size, "%.*s*%s", (int)head, name, p + 4 + digits);
}

struct place {
    char kind[120];
    uint64_t layer;
    size_t matrix;
};

static int
by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int c = strcmp(x->kind, y->kind);

    if (c != 0)
        return c;
    if (x->layer != y->layer)
        return x->layer > y->layer ? 1 : -1;
    return (x->matrix > y->matrix) - (x->matrix < y->matrix);
}

/* Matrices of a kind, by their layers, `each` to a group; how many groups. */
static size_t
cut_groups(struct sov_allot *a, const struct place *at, size_t each)
{
    size_t n = 0, in = 0;

    for (size_t i = 0; i < a->n; i++) {
        if (i > 0 && (in == each || strcmp(at[i].kind, at[i - 1].kind) != 0)) {
            n++;
            in = 0;
        }
        a->matrix[at[i].matrix].group = n;
        in++;
    }
    return n + 1;
}

static int
make_groups(struct sov_allot *a, struct sov_err *err)
{
    struct place *at = sov_mem_array(a->n, sizeof(*at));
    size_t each = 1;

    if (at == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < a->n; i++) {
        const char *name = sov_model_at(a->model, a->matrix[i].tensor)->name;

        at[i].matrix = i;
        kind_of(name, at[i].kind, sizeof(at[i].kind), &at[i].layer);
    }
    qsort(at, a->n, sizeof(*at), by_place);
    while ((a->n_groups = cut_groups(a, at, each)) > GROUPS_MAX && each < a->n)
        each++;
    free(at);
    return 0;
}

/* ---- trials */

/* A fine type and a coarse one, other than what the matrix has. */
static enum sov_type
trial_type(const struct sov_tensor *t, bool coarse)
{
    static const enum sov_type wide[2][2] = { { SOV_TYPE_Q4_K, SOV_TYPE_Q5_K },
                                              { SOV_TYPE_Q2_K,
                                                SOV_TYPE_Q3_K } };
    static const enum sov_type slim[2][2] = { { SOV_TYPE_Q5_0, SOV_TYPE_Q5_1 },
                                              { SOV_TYPE_Q4_0,
                                                SOV_TYPE_Q4_1 } };
    const enum sov_type *of = t->dim[0] % 256 == 0  ? wide[coarse]
                              : t->dim[0] % 32 == 0 ? slim[coarse]
                                                    : NULL;

    if (of == NULL)
        return SOV_TYPE_BF16;
    return of[t->type == of[0]];
}

struct blocks {
    unsigned char **of; /* [n] owned, one of each matrix of the group */
    size_t *tensor;
    size_t n;
};

static void
take_back(struct sov_allot *a, struct blocks *b)
{
    for (size_t i = 0; i < b->n; i++) {
        sov_trial_put(a->trial, b->tensor[i], SOV_TYPE_NONE, NULL);
        free(b->of[i]);
    }
    b->n = 0;
}

/* Put blocks in the place of matrix m; their error. */
static int
put_matrix(struct sov_allot *a, const struct sov_allot_matrix *m, bool coarse,
           struct blocks *b, double *error, struct sov_err *err)
{
    enum sov_type type =
        trial_type(sov_model_at(a->model, m->tensor), coarse);
    unsigned char *p =
        malloc((size_t)sov_draft_bytes(a->draft, m->tensor, type));

    *error = 0;
    if (p == NULL)
        return sov_mem_fail(err);
    b->of[b->n] = p;
    b->tensor[b->n++] = m->tensor;
    sov_draft_make(a->draft, m->tensor, type, p);
    sov_draft_errors(a->draft, m->tensor, &type, 1, error);
    *error = sov_allot_error(a, m, type, *error);
    sov_trial_put(a->trial, m->tensor, type, p);
    return 0;
}

/* What a trial of a group showed, for one matrix of it. */
struct seen {
    double error;
    double kld;
};

static int
try_group(struct sov_allot *a, size_t group, bool coarse, struct blocks *b,
          struct seen *seen, struct sov_err *err)
{
    double errors = 0, kld = 0;
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < a->n && rc == 0; i++) {
        double error;

        if (a->matrix[i].group != group)
            continue;
        rc = put_matrix(a, &a->matrix[i], coarse, b, &error, err);
        errors += error;
        n++;
    }
    if (rc == 0)
        rc = sov_trial_run(a->trial, &kld, err);
    take_back(a, b);
    seen->error = errors / (double)n;
    seen->kld = (kld > LEAST_KLD ? kld : LEAST_KLD) / (double)n;
    return rc;
}

/* The curve through both points. */
static void
fit(struct sov_allot_matrix *m, const struct seen *fine,
    const struct seen *coarse)
{
    m->alpha = fine->error > 0 ? fine->kld / fine->error : 0;
    m->knee = fine->error;
    m->power = 1;
    if (coarse->error > 1.5 * fine->error && fine->error > 0)
        m->power = sov_log(coarse->kld / fine->kld) /
                   sov_log(coarse->error / fine->error);
    m->power = m->power < POWER_LEAST  ? POWER_LEAST
               : m->power > POWER_MOST ? POWER_MOST
                                       : m->power;
}

double
sov_allot_loss(const struct sov_allot_matrix *m, double error)
{
    if (error <= m->knee || m->power == 1)
        return m->alpha * error;
    return m->alpha * m->knee * sov_pow(error / m->knee, m->power);
}

static void
progress(const struct sov_allot *a, size_t done, size_t total,
         const char *what)
{
    if (a->opts.progress != NULL)
        a->opts.progress(a->opts.progress_arg, done, total, what);
}

static int
try_groups(struct sov_allot *a, struct sov_err *err)
{
    struct blocks b = { .of = sov_mem_array(a->n, sizeof(*b.of)),
                        .tensor = sov_mem_array(a->n, sizeof(*b.tensor)) };
    int rc = b.of == NULL || b.tensor == NULL ? sov_mem_fail(err) : 0;

    for (size_t g = 0; g < a->n_groups && rc == 0; g++) {
        struct seen fine, coarse;

        progress(a, g, a->n_groups, "trials");
        rc = try_group(a, g, false, &b, &fine, err);
        if (rc == 0)
            rc = try_group(a, g, true, &b, &coarse, err);
        for (size_t i = 0; i < a->n && rc == 0; i++)
            if (a->matrix[i].group == g)
                fit(&a->matrix[i], &fine, &coarse);
    }
    progress(a, a->n_groups, a->n_groups, "trials");
    free(b.of);
    free(b.tensor);
    return rc;
}

/* Tokens of a trial: fewer of a large model, more for those who are patient. */
static uint32_t
trial_tokens(const struct sov_allot *a)
{
    uint64_t weights = 0, n;

    for (size_t i = 0; i < a->n; i++)
        weights +=
            sov_tensor_count(sov_model_at(a->model, a->matrix[i].tensor));
    n = TRIAL_WORK / (weights + 1);
    n = n > TOKENS_MOST ? TOKENS_MOST : n < TOKENS_LEAST ? TOKENS_LEAST : n;
    return (uint32_t)(a->opts.effort >= 7 ? 2 * n : n);
}

/* Tokens that the model was trained to read at once, WINDOW at most. */
static uint32_t
window(const struct sov_allot *a)
{
    const sov_meta *meta = sov_model_meta(a->model);
    uint64_t n = 0;

    (void)sov_meta_arch_u64(meta, "context_length", &n, NULL);
    n = n >= 3 && n < WINDOW ? n : WINDOW;
    return (uint32_t)(a->opts.n_ids >= 3 && a->opts.n_ids < n ? a->opts.n_ids
                                                              : n);
}

/* ---- without a text */

/*
 * What an error counts in a matrix of which only the name is known, as it was
 * measured in small Llamas: most in what makes the logits, and next to that in
 * what feed-forward layers write, those of the first layer above all.
 */
static double
guess(const struct sov_allot *a, const char *name, uint64_t layers)
{
    static const struct {
        const char *part;
        double alpha;
    } kinds[] = {
        { "attn_qkv.", 0.09 },    { "attn_v.", 0.12 }, { "attn_q.", 0.04 },
        { "attn_k.", 0.05 },      { "attn_", 0.07 },   { "ffn_down", 0.3 },
        { "ffn_gate", 0.18 },     { "ffn_", 0.14 },
    };
    char kind[120];
    uint64_t layer;

    if (strcmp(name, "output.weight") == 0 ||
        (strcmp(name, "token_embd.weight") == 0 &&
         sov_model_find(a->model, "output.weight") < 0))
        return 1;
    kind_of(name, kind, sizeof(kind), &layer);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strstr(name, kinds[i].part) != NULL)
            return kinds[i].alpha / (double)layers *
                   (layer == 0 && strstr(name, "ffn_down") != NULL ? 3 : 1);
    return 0.1;
}

/* One more than the highest number of a layer. */
static uint64_t
count_layers(const struct sov_allot *a)
{
    uint64_t n = 1;

    for (size_t i = 0; i < a->n; i++) {
        char kind[120];
        uint64_t layer;

        kind_of(sov_model_at(a->model, a->matrix[i].tensor)->name, kind,
                sizeof(kind), &layer);
        n = layer < UINT32_MAX && layer + 1 > n ? layer + 1 : n;
    }
    return n;
}

int
sov_allot_weigh(struct sov_allot *a, struct sov_err *err)
{
    struct sov_trial_text text = {
        .tok = a->opts.tok,
        .ids = a->opts.ids,
        .n = a->opts.n_ids,
        .n_ctx = window(a),
        .tokens = trial_tokens(a),
    };
    uint64_t layers = count_layers(a);
    int rc;

    for (size_t i = 0; i < a->n; i++) {
        a->matrix[i].power = 1;
        a->matrix[i].alpha = guess(
            a, sov_model_at(a->model, a->matrix[i].tensor)->name, layers);
    }
    if (a->opts.tok == NULL)
        return 0;
    rc = make_groups(a, err);
    if (rc == 0)
        rc = sov_trial_new(&a->trial, a->model, &text, err);
    text.between = true;
    if (rc == 0)
        rc = sov_trial_new(&a->check, a->model, &text, err);
    return rc == 0 ? try_groups(a, err) : rc;
}

/* ---- a sheet as a whole */

/* Matrices of a sheet, one behind the other in a file without a name. */
struct store {
    struct sov_file file;
    const void *map;
    uint64_t *off; /* [n] of each row of the sheet; UINT64_MAX: it stays */
};

static const struct sov_allot_matrix *
matrix_of(const struct sov_allot *a, const struct sov_sheet_row *row)
{
    int64_t at = sov_model_find(a->model, row->name);

    for (size_t i = 0; i < a->n && at >= 0; i++)
        if (a->matrix[i].tensor == (size_t)at)
            return &a->matrix[i];
    return NULL;
}

static int
store_matrix(struct sov_allot *a, struct store *s, size_t tensor,
             enum sov_type type, struct sov_err *err)
{
    static const unsigned char zeros[64];
    uint64_t bytes = sov_draft_bytes(a->draft, tensor, type);
    unsigned char *p = malloc((size_t)bytes);
    size_t pad = (size_t)(-bytes % sizeof(zeros));
    int rc;

    if (p == NULL)
        return sov_mem_fail(err);
    sov_draft_make(a->draft, tensor, type, p);
    rc = sov_file_append(s->file.fd, p, (size_t)bytes, err);
    if (rc == 0)
        rc = sov_file_append(s->file.fd, zeros, pad, err);
    s->file.size += bytes + pad;
    free(p);
    return rc;
}

static int
store_sheet(struct sov_allot *a, const struct sov_sheet *sheet,
            struct store *s, struct sov_err *err)
{
    int rc = sov_file_nameless(&s->file.fd, err);

    s->file.regular = true;
    s->file.scratch = true;
    s->off = sov_mem_array(sheet->n, sizeof(*s->off));
    if (rc == 0 && s->off == NULL)
        rc = sov_mem_fail(err);
    for (size_t i = 0; i < sheet->n && rc == 0; i++) {
        const struct sov_sheet_row *row = &sheet->row[i];
        const struct sov_allot_matrix *m = matrix_of(a, row);

        s->off[i] = UINT64_MAX;
        if (m == NULL || row->type == sov_model_at(a->model, m->tensor)->type)
            continue;
        s->off[i] = s->file.size;
        progress(a, i, sheet->n, row->name);
        rc = store_matrix(a, s, m->tensor, row->type, err);
    }
    if (rc == 0 && s->file.size > 0)
        rc = sov_file_map(&s->file, &s->map, err);
    return rc;
}

/* Everything that the sheet says, and then all as it was. */
static int
try_store(struct sov_allot *a, const struct sov_sheet *sheet,
          const struct store *s, double *kld, struct sov_err *err)
{
    int rc;

    for (size_t i = 0; i < sheet->n; i++)
        if (s->off[i] != UINT64_MAX)
            sov_trial_put(a->check, matrix_of(a, &sheet->row[i])->tensor,
                          sheet->row[i].type,
                          (const unsigned char *)s->map + s->off[i]);
    rc = sov_trial_run(a->check, kld, err);
    for (size_t i = 0; i < a->n; i++)
        sov_trial_put(a->check, a->matrix[i].tensor, SOV_TYPE_NONE, NULL);
    return rc;
}

int
sov_allot_try(sov_allot *a, struct sov_sheet *sheet, struct sov_err *err)
{
    struct store s = { .file = { .fd = -1 } };
    double kld = 0, foretold = 0;
    int rc;

    if (a->trial == NULL)
        return 0;
    rc = store_sheet(a, sheet, &s, err);
    if (rc == 0)
        rc = try_store(a, sheet, &s, &kld, err);
    if (s.map != NULL)
        sov_file_unmap(s.map, s.file.size);
    sov_file_close(&s.file);
    free(s.off);
    if (rc < 0)
        return rc;
    kld *= a->opts.fed ? FED : 1;
    for (size_t i = 0; i < sheet->n; i++)
        foretold += sheet->row[i].loss;
    if (!(foretold > 0 && kld > 0))
        return 0;
    for (size_t i = 0; i < sheet->n; i++) {
        sheet->row[i].loss *= kld / foretold;
        sheet->row[i].alpha *= kld / foretold;
    }
    sheet->kld = kld;
    a->factor *= kld / foretold;
    return 0;
}
