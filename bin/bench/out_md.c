/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_md.c - sov-bench --md: a comment for a pull request, the verdict first
 */
#include "bench/view.h"

#include "cli/text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define SHORT_TABLE 12 /* rows that need not be folded */

/* Is it text that means itself wherever it stands? */
static bool
is_tame(const char *text)
{
    for (; *text != '\0'; text++)
        if (!isalnum((unsigned char)*text) && strchr(" ._-/+", *text) == NULL)
            return false;
    return true;
}

/*
 * As code, so that no mention, link or emphasis comes of it.  What Markdown or
 * HTML could take for its own is an entity.
 */
static void
put_code(FILE *f, const char *text)
{
    char one[8];
    size_t n;

    text = bench_text(text);
    if (is_tame(text)) {
        fprintf(f, text[0] != '\0' ? "`%s`" : "%s", text);
        return;
    }
    fputs("<code>", f);
    while ((n = sov_text_next(text, one)) > 0) {
        if (one[1] == '\0' && ispunct((unsigned char)one[0]))
            fprintf(f, "&#%d;", one[0]);
        else
            fputs(one, f);
        text += n;
    }
    fputs("</code>", f);
}

/*
 * A sentence with words from records in it.  What looks like a mention or a
 * number of an issue after it was rendered has a space of no width in it.
 */
static void
put_plain(FILE *f, const char *text)
{
    char one[8], last = ' ';
    size_t n;

    while ((n = sov_text_next(text, one)) > 0) {
        char c = one[1] == '\0' ? one[0] : 'x';

        /* _ behind a letter emphasizes nothing, if none before it did */
        if (strchr("\\`*{}[]<>#|!~&@:$^", c) != NULL ||
            (c == '_' && !isalnum((unsigned char)last)) ||
            (c == '.' && (last == 'w' || last == 'W')))
            fprintf(f, c == '@' || c == '#' ? "&#%d;&#8203;" : "&#%d;", c);
        else
            fputs(one, f);
        last = c;
        text += n;
    }
}

static void
put_row(FILE *f, const struct bench_row *row)
{
    const struct sov_bench_record *r = row->r;
    char text[160];

    fputs("| ", f);
    put_code(f, bench_of_machine(r) ? "this machine" : r->model.name);
    fputs(" | ", f);
    put_plain(f, row->what);
    fputs(" | ", f);
    put_plain(f, bench_number(text, sizeof(text), &row->scale, r->stat.median));
    fprintf(f, " | %s | ",
            bench_interval(text, sizeof(text), &row->scale, &r->stat));
    if (row->v != NULL && row->v->base != NULL)
        put_plain(
            f, bench_number(text, sizeof(text), &row->scale, row->v->before));
    fputs(" | ", f);
    if (row->v != NULL && row->v->answer == SOV_BENCH_WORSE)
        fprintf(f, "**%s**", bench_verdict_words(text, sizeof(text), row->v));
    else
        fputs(bench_verdict_words(text, sizeof(text), row->v), f);
    fputs(" |\n", f);
}

static bool
is_news(const struct bench_row *row)
{
    return row->v != NULL && row->v->answer != SOV_BENCH_SAME &&
           row->v->answer != SOV_BENCH_REFUSED;
}

static void
put_table(FILE *f, const struct bench_view *view, bool news)
{
    fputs("| model | what | median | interval | before | verdict |\n"
          "|---|---|--:|---|--:|---|\n",
          f);
    for (size_t i = 0; i < view->n; i++)
        if (!news || is_news(&view->rows[i]))
            put_row(f, &view->rows[i]);
}

static void
put_conditions(FILE *f, const struct bench_view *view)
{
    char text[512];

    if (view->machine == NULL)
        return;
    fputs("\n", f);
    put_plain(f, bench_machine_words(text, sizeof(text), view->machine));
    if (view->threads > 0)
        fprintf(f, "; %u thread%s", view->threads,
                view->threads == 1 ? "" : "s");
    if (view->kv != NULL) {
        fputs("; KV cache ", f);
        put_code(f, view->kv);
    }
    if (view->text != NULL) {
        fputs("; text ", f);
        put_code(f, view->text);
    }
    fputs("; ", f);
    put_plain(f, bench_time_words(text, sizeof(text), view->time));
    fputs(".", f);
    bench_noise_words(text, sizeof(text), &view->now->record[0].noise);
    if (text[0] != '\0')
        fprintf(f, " Disturbed: %s.", text);
    fputs("\n", f);
}

int
bench_out_md(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    const char *mark = view->answers[SOV_BENCH_WORSE] > 0 ? "\xe2\x9d\x8c "
                       : view->n_v == view->answers[SOV_BENCH_REFUSED]
                           ? ""
                           : "\xe2\x9c\x85 ";
    size_t news = 0;

    (void)err;
    for (size_t i = 0; i < view->n; i++)
        news += is_news(&view->rows[i]);
    fprintf(f, "<!-- sov-bench -->\n%s**", mark);
    put_plain(f, view->headline);
    fputs("**\n\n", f);
    if (view->n <= SHORT_TABLE)
        put_table(f, view, false);
    else {
        if (news > 0) {
            put_table(f, view, true);
            fputs("\n", f);
        }
        fprintf(f, "<details><summary>All %zu figures</summary>\n\n", view->n);
        put_table(f, view, false);
        fputs("\n</details>\n", f);
    }
    put_conditions(f, view);
    return 0;
}
