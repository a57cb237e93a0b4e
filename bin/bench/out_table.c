/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_table.c - what sov-bench says on a terminal
 *
 *     tale.gguf: llama, q8_0, 3.25 M parameters, 3.74 MB
 *       prefill 512   1234 tok/s   1220 to 1240   ▁▂▃▅▇   = same
 *
 * Where it is narrow, histories become shorter, then the intervals are left out,
 * and then the histories.
 */
#include "bench/view.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPARK_MAX   24
#define SPARK_LEAST 8
#define WHAT_LEAST  16 /* columns that are left of names in any case */
#define GAP         2

enum { WHAT, VALUE, INTERVAL, LIMIT, HISTORY, VERDICT, N_COLUMNS };

static const char *const heads[N_COLUMNS] = { "",         "median",
                                              "interval", "of the machine's",
                                              "history",  "verdict" };

struct table {
    FILE *f;
    const struct bench_view *view;
    size_t width[N_COLUMNS]; /* 0: left out */
    size_t spark;            /* values in a sparkline */
    bool unicode;
};

/* ---- cells */

static const char *
mark_of(const struct sov_bench_verdict *v, bool unicode)
{
    switch (v->answer) {
    case SOV_BENCH_SAME:
        return "= ";
    case SOV_BENCH_BETTER:
        return unicode ? "\xe2\x96\xb2 " : "+ ";
    case SOV_BENCH_WORSE:
        return unicode ? "\xe2\x96\xbc " : "! ";
    case SOV_BENCH_INCONCLUSIVE:
        return "? ";
    case SOV_BENCH_REFUSED:
        break;
    }
    return "  ";
}

/* "91 % bandwidth": the limit of the machine that it came nearest to. */
static void
limit_words(char *buf, size_t size, const struct sov_bench_record *r)
{
    double read = isfinite(r->bandwidth_share) ? r->bandwidth_share : 0;
    double compute = isfinite(r->compute_share) ? r->compute_share : 0;
    double most = read > compute ? read : compute;

    if (most > 0 && most < 10)
        snprintf(buf, size, "%.0f %% %s", 100 * most,
                 read > compute ? "bandwidth" : "compute");
}

/* The text of a cell, fit for a terminal. */
static char *
cell_text(char *buf, size_t size, const struct table *t,
          const struct bench_row *row, int column)
{
    char text[512] = "", words[96];

    switch (column) {
    case WHAT:
        snprintf(text, sizeof(text), "%s", row->what);
        break;
    case VALUE:
        bench_number(text, sizeof(text), &row->scale, row->r->stat.median);
        break;
    case INTERVAL:
        bench_interval(text, sizeof(text), &row->scale, &row->r->stat);
        break;
    case LIMIT:
        limit_words(text, sizeof(text), row->r);
        break;
    case HISTORY:
        if (row->n > 1)
            bench_spark(text, sizeof(text), row->value, row->n, t->spark,
                        t->unicode);
        break;
    case VERDICT:
        if (row->v != NULL)
            snprintf(text, sizeof(text), "%s%s", mark_of(row->v, t->unicode),
                     bench_verdict_words(words, sizeof(words), row->v));
        break;
    }
    return sov_text_escape(buf, size, text);
}

static void
measure(struct table *t, size_t columns)
{
    static const int given_up[] = { INTERVAL, LIMIT, HISTORY };
    char text[2048];
    size_t all = 0;

    for (int c = 0; c < N_COLUMNS; c++) {
        for (size_t i = 0; i < t->view->n; i++) {
            size_t n = sov_text_width(
                cell_text(text, sizeof(text), t, &t->view->rows[i], c));

            t->width[c] = n > t->width[c] ? n : t->width[c];
        }
        if (t->width[c] > 0 && t->width[c] < strlen(heads[c]))
            t->width[c] = strlen(heads[c]);
        all += t->width[c] > 0 ? t->width[c] + GAP : 0;
    }
    if (columns > 0 && all > columns && t->width[HISTORY] > SPARK_LEAST) {
        size_t over = all - columns, spare = t->width[HISTORY] - SPARK_LEAST;

        t->spark -= over < spare ? over : spare;
        t->width[HISTORY] = t->spark;
        all -= over < spare ? over : spare;
    }
    for (size_t i = 0; i < 3 && columns > 0 && all > columns; i++) {
        size_t *width = &t->width[given_up[i]];

        all -= *width > 0 ? *width + GAP : 0;
        *width = 0;
    }
    if (columns > 0 && all > columns && t->width[WHAT] > WHAT_LEAST) {
        size_t over = all - columns, spare = t->width[WHAT] - WHAT_LEAST;

        t->width[WHAT] -= over < spare ? over : spare;
    }
}

/* ---- lines */

static void
put_spaces(FILE *f, size_t n)
{
    while (n-- > 0)
        fputc(' ', f);
}

/* Text in its column; gives the columns that are left behind it. */
static size_t
put_cell(const struct table *t, const char *text, int column)
{
    size_t most = t->width[column], width;
    char cut[2048];

    sov_text_excerpt(cut, sizeof(cut), text, strlen(text), most);
    width = sov_text_width(cut);
    if (column == VALUE)
        put_spaces(t->f, most - width);
    fputs(cut, t->f);
    return column == VALUE ? 0 : most - width;
}

static const char *
color_of(const struct table *t, const struct bench_row *row)
{
    if (!t->view->o->color || row->v == NULL)
        return NULL;
    return row->v->answer == SOV_BENCH_WORSE    ? "\033[31m"
           : row->v->answer == SOV_BENCH_BETTER ? "\033[32m"
                                                : NULL;
}

static void
put_row(const struct table *t, const struct bench_row *row)
{
    size_t waiting = GAP; /* spaces before the next text */
    char text[2048];

    for (int c = 0; c < N_COLUMNS; c++) {
        const char *color = c == VERDICT ? color_of(t, row) : NULL;

        if (t->width[c] == 0)
            continue;
        cell_text(text, sizeof(text), t, row, c);
        if (text[0] == '\0') {
            waiting += t->width[c] + GAP;
            continue;
        }
        put_spaces(t->f, waiting);
        fputs(color != NULL ? color : "", t->f);
        waiting = GAP + put_cell(t, text, c);
        fputs(color != NULL ? "\033[0m" : "", t->f);
    }
    fputc('\n', t->f);
}

static void
put_heads(const struct table *t)
{
    size_t waiting = GAP;

    for (int c = 0; c < N_COLUMNS; c++) {
        size_t n = strlen(heads[c]);

        if (t->width[c] == 0)
            continue;
        if (c == VALUE)
            waiting += t->width[c] - n;
        if (n > 0) {
            put_spaces(t->f, waiting);
            fputs(heads[c], t->f);
            waiting = 0;
        }
        waiting += GAP + (c == VALUE ? 0 : t->width[c] - n);
    }
    fputc('\n', t->f);
}

static void
put_bold(const struct table *t, const char *text)
{
    char safe[1024];

    sov_text_escape(safe, sizeof(safe), text);
    fprintf(t->f, t->view->o->color ? "\033[1m%s\033[0m" : "%s", safe);
}

static void
put_model(const struct table *t, size_t model)
{
    const struct bench_view *view = t->view;
    const struct sov_bench_model *m = view->models[model];
    bool machine = bench_text(m->name)[0] == '\0';
    char text[512], safe[1024];

    put_bold(t, machine ? "this machine" : m->name);
    bench_model_words(text, sizeof(text), m);
    fprintf(t->f, text[0] != '\0' ? ": %s\n" : "\n",
            sov_text_escape(safe, sizeof(safe), text));
    for (size_t i = 0; i < view->n; i++)
        if (view->rows[i].model == model)
            put_row(t, &view->rows[i]);
}

static void
put_conditions(const struct table *t)
{
    const struct bench_view *view = t->view;
    char text[512], safe[1024];

    if (view->machine == NULL)
        return;
    bench_machine_words(text, sizeof(text), view->machine);
    fputs(sov_text_escape(safe, sizeof(safe), text), t->f);
    if (view->threads > 0)
        fprintf(t->f, ", %u thread%s", view->threads,
                view->threads == 1 ? "" : "s");
    if (view->kv != NULL)
        fprintf(t->f, ", KV cache %s",
                sov_text_escape(safe, sizeof(safe), view->kv));
    if (view->text != NULL)
        fprintf(t->f, ", text %s",
                sov_text_escape(safe, sizeof(safe), view->text));
    fputc('\n', t->f);
}

static void
put_note(const struct table *t, const struct bench_row *row, const char *note)
{
    char safe[2048];

    fprintf(t->f, "note on %s", sov_text_escape(safe, sizeof(safe), row->what));
    if (t->view->n_named > 1)
        fprintf(t->f, " of %s",
                sov_text_escape(safe, sizeof(safe),
                                bench_text(row->r->model.name)));
    fprintf(t->f, ": %s\n", sov_text_escape(safe, sizeof(safe), note));
}

/* Notes of records and what disturbed them, each once. */
static void
put_notes(const struct table *t)
{
    const struct bench_view *view = t->view;
    char text[512];

    for (size_t i = 0; i < view->n; i++) {
        const char *note = bench_text(view->rows[i].r->note);
        bool told = note[0] == '\0';

        for (size_t k = 0; k < i && !told; k++)
            told = strcmp(bench_text(view->rows[k].r->note), note) == 0;
        if (!told)
            put_note(t, &view->rows[i], note);
    }
    if (view->n == 0)
        return;
    bench_noise_words(text, sizeof(text), &view->rows[0].r->noise);
    if (text[0] != '\0')
        fprintf(t->f, "disturbed: %s\n", text);
}

int
bench_out_table(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    struct table t = { .f = f, .view = view, .spark = SPARK_MAX };

    (void)err;
    t.unicode = sov_tool_unicode() && !sov_common.no_color;
    measure(&t, view->o->columns > 0 ? (size_t)view->o->columns : 0);
    put_conditions(&t);
    put_heads(&t);
    for (size_t i = 0; i < view->n_models; i++)
        put_model(&t, i);
    put_notes(&t);
    if (view->n_v > 0) {
        put_bold(&t, view->headline);
        fputc('\n', f);
    }
    return 0;
}
