/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - the weights of a tensor in numbers, and their shape as a
 * histogram: sov-show --tensor
 */
#include "show/show.h"

#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BARS  13    /* so that all of it fits into 24 lines */
#define TAIL  0.001 /* what lies outside on either side is not drawn to scale */
#define LABEL 13

static const double parts[] = { 0.001, 0.01, 0.05, 0.25, 0.5,
                                0.75,  0.95, 0.99, 0.999 };
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

struct stats {
    const struct show_facts *f;
    const struct show_pick *pick;
    struct sov_report *r; /* --json */
    size_t n;             /* tensors shown */
};

/* ---- text ---- */

/* A bar of at most columns, of eighths or of '#'. */
static void
print_bar(double share, size_t columns)
{
    static const char *const part[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    bool fine = sov_tool_unicode();
    size_t eighths = (size_t)(share * (double)columns * 8 + 0.5);

    if (eighths == 0 && share > 0)
        eighths = fine ? 1 : 8;
    for (size_t i = 0; i < (fine ? eighths : eighths + 4) / 8; i++)
        fputs(fine ? "█" : "#", stdout);
    fputs(fine ? part[eighths % 8] : "", stdout);
}

static void
print_bars(const struct sov_bars *b)
{
    size_t columns = sov_tool_columns() - 2 - 10 - 2 - 10 - 2;
    uint64_t most = 1;

    for (size_t i = 0; i < b->n; i++)
        most = b->count[i] > most ? b->count[i] : most;
    if (b->below > 0)
        printf("  %10s  %10" PRIu64 "\n", "below", b->below);
    for (size_t i = 0; i < b->n; i++) {
        printf("  %10.4g  %10" PRIu64 "%s", b->low + (double)i * b->width,
               b->count[i], b->count[i] > 0 ? "  " : "");
        print_bar((double)b->count[i] / (double)most, columns);
        putchar('\n');
    }
    if (b->above > 0)
        printf("  %10s  %10" PRIu64 "\n", "above", b->above);
}

static void
print_front(const struct sov_stats *s)
{
    char buf[32];
    size_t used = LABEL;

    if (s->n_front == 0)
        return;
    printf("  %-*s", LABEL - 2, "first");
    for (size_t i = 0; i < s->n_front; i++) {
        size_t len;

        snprintf(buf, sizeof(buf), "%.5g", (double)s->front[i]);
        len = strlen(buf) + (i > 0);
        if (used + len > sov_tool_columns())
            break;
        printf("%s%s", i > 0 ? " " : "", buf);
        used += len;
    }
    putchar('\n');
}

static void
print_numbers(const struct sov_stats *s, const sov_hist *h)
{
    printf("  %-*s%.6g to %.6g\n", LABEL - 2, "range", s->min, s->max);
    printf("  %-*s%.6g, standard deviation %.6g, rms %.6g\n", LABEL - 2, "mean",
           s->mean, s->std, s->rms);
    printf("  %-*s", LABEL - 2, "quantiles");
    for (size_t i = 1; i + 1 < N_PARTS; i++)
        printf("%8g%%", 100 * parts[i]);
    printf("\n  %-*s", LABEL - 2, "");
    for (size_t i = 1; i + 1 < N_PARTS; i++) {
        double v = sov_hist_quantile(h, parts[i]);
        char buf[32];

        if (snprintf(buf, sizeof(buf), "%.3g", v) > 8)
            snprintf(buf, sizeof(buf), "%.2g", v);
        printf("%9s", buf);
    }
    putchar('\n');
}

static void
print_stats(const struct sov_tensor *t, const struct sov_stats *s,
            const sov_hist *h)
{
    struct sov_bars bars;
    char shape[100], bytes[16], name[1024];

    sov_text_escape(name, sizeof(name), t->name);
    show_head("%s", name);
    printf("  %-*s%s, %s, %s\n", LABEL - 2, "type",
           sov_type_info((int)t->type)->name,
           show_shape(shape, sizeof(shape), t),
           sov_progress_bytes(bytes, t->size));
    printf("  %-*s%" PRIu64, LABEL - 2, "weights", s->n);
    if (!s->known) {
        printf("; this type cannot be decoded\n");
        return;
    }
    printf(", %" PRIu64 " of them 0", s->zeros);
    if (s->nan + s->inf > 0)
        printf(", %" PRIu64 " NaN, %" PRIu64 " infinite", s->nan, s->inf);
    putchar('\n');
    print_front(s);
    if (!isfinite(s->min))
        return;
    print_numbers(s, h);
    sov_hist_bars(h, sov_hist_quantile(h, TAIL), sov_hist_quantile(h, 1 - TAIL),
                  BARS, &bars);
    putchar('\n');
    print_bars(&bars);
}

/* ---- JSON ---- */

static void
report_hist(struct sov_report *r, const sov_hist *h)
{
    struct sov_bars b;
    char key[16];

    for (size_t i = 0; i < N_PARTS; i++) {
        snprintf(key, sizeof(key), "p%g", 100 * parts[i]);
        sov_report_real(r, key, NULL, sov_hist_quantile(h, parts[i]), 0, NULL);
    }
    sov_hist_bars(h, sov_hist_quantile(h, TAIL), sov_hist_quantile(h, 1 - TAIL),
                  BARS, &b);
    sov_report_real(r, "hist_low", NULL, b.low, 0, NULL);
    sov_report_real(r, "hist_width", NULL, b.width, 0, NULL);
    sov_report_uint(r, "hist_below", NULL, b.below);
    sov_report_uint(r, "hist_above", NULL, b.above);
    sov_report_counts(r, "hist", b.count, b.n);
}

static void
report_stats(struct sov_report *r, const struct sov_tensor *t,
             const struct sov_stats *s, const sov_hist *h)
{
    sov_report_row(r);
    sov_report_text(r, "name", NULL, t->name);
    sov_report_text(r, "type", NULL, sov_type_info((int)t->type)->name);
    sov_report_counts(r, "shape", t->dim, t->ndim);
    sov_report_uint(r, "bytes", NULL, t->size);
    sov_report_uint(r, "weights", NULL, s->n);
    sov_report_bool(r, "decoded", NULL, s->known);
    if (!s->known)
        return;
    sov_report_uint(r, "zeros", NULL, s->zeros);
    sov_report_uint(r, "nan", NULL, s->nan);
    sov_report_uint(r, "infinite", NULL, s->inf);
    sov_report_real(r, "min", NULL, s->min, 0, NULL);
    sov_report_real(r, "max", NULL, s->max, 0, NULL);
    sov_report_real(r, "absmax", NULL, fmax(fabs(s->min), fabs(s->max)), 0,
                    NULL);
    sov_report_real(r, "mean", NULL, s->mean, 0, NULL);
    sov_report_real(r, "std", NULL, s->std, 0, NULL);
    sov_report_real(r, "rms", NULL, s->rms, 0, NULL);
    report_hist(r, h);
}

/* ---- */

static int
found(void *arg, size_t i, const struct sov_stats *s, const sov_hist *h,
      struct sov_err *err)
{
    struct stats *all = arg;
    const struct sov_tensor *t = sov_model_at(all->f->model, i);

    (void)err;
    if (all->r != NULL) {
        report_stats(all->r, t, s, h);
        return 0;
    }
    sov_progress_clear();
    if (all->n++ > 0)
        putchar('\n');
    print_stats(t, s, h);
    return 0;
}

static bool
wanted(void *arg, const struct sov_tensor *t)
{
    const struct stats *all = arg;

    return show_picked(all->pick, t->name);
}

int
show_stats(const struct show_facts *f, const struct show_pick *pick,
           struct sov_err *err)
{
    struct stats all = { .f = f, .pick = pick };
    struct sov_scan scan = {
        .hist = true,
        .pick = wanted,
        .found = found,
        .progress = sov_progress_update,
        .arg = &all,
    };
    int rc;

    if (sov_common.json) {
        all.r = sov_report_new("sov.show.tensors/1");
        sov_report_text(all.r, "path", NULL, f->path);
        sov_report_table(all.r, "tensors");
    }
    sov_progress_begin("B");
    rc = sov_scan(f->model, &scan, err);
    sov_progress_end();
    if (!sov_common.json)
        return rc;
    if (rc < 0) {
        sov_report_free(all.r);
        return rc;
    }
    return sov_report_end(all.r, err);
}
