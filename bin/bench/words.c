/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - numbers, conditions and verdicts as people read them
 */
#include "bench/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* Shares of the time above which a disturbance is told. */
#define NOISE_PRESSURE 0.05
#define NOISE_STEAL    0.01
#define NOISE_DRIFT    0.05

const char *
bench_text(const char *text)
{
    return text != NULL ? text : "";
}

bool
bench_of_machine(const struct sov_bench_record *r)
{
    const char *metric = bench_text(r->metric);

    return bench_text(r->model.name)[0] == '\0' ||
           strcmp(metric, "bandwidth") == 0 ||
           strncmp(metric, "compute_", strlen("compute_")) == 0;
}

/* Add to a text that is cut where it is full. */
static void SOV_PRINTF(3, 4) more(char *buf, size_t size, const char *fmt, ...)
{
    size_t len = strlen(buf);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf + len, size - len, fmt, ap);
    va_end(ap);
}

/* ---- numbers */

/* Digits behind the point for four that count. */
static int
digits_of(double v)
{
    int n;

    if (!isfinite(v) || v == 0)
        return 0;
    n = 3 - (int)floor(log10(fabs(v)));
    return n < 0 ? 0 : n > 9 ? 9 : n;
}

static struct bench_scale
scaled(double by, const char *unit, double typical)
{
    return (struct bench_scale){ by, digits_of(typical * by), unit };
}

struct bench_scale
bench_scale_of(const char *unit, double typical)
{
    double v = fabs(typical);

    if (strcmp(unit, "bytes") == 0 && v < 1000)
        return (struct bench_scale){ 1, 0, "bytes" };
    if (strcmp(unit, "bytes") == 0)
        return v < 1e6   ? scaled(1e-3, "kB", typical)
               : v < 1e9 ? scaled(1e-6, "MB", typical)
                         : scaled(1e-9, "GB", typical);
    if (strcmp(unit, "s") == 0)
        return v < 1 ? scaled(1e3, "ms", typical) : scaled(1, "s", typical);
    if (strcmp(unit, "J") == 0 && v < 1)
        return scaled(1e3, "mJ", typical);
    if (strcmp(unit, "share") == 0)
        return (struct bench_scale){ 100, 2, "%" };
    if (strcmp(unit, "price/Mtok") == 0)
        return scaled(1, "per million tokens", typical);
    return scaled(1, unit, typical);
}

struct bench_scale
bench_scale_for(const char *unit, double least, double most)
{
    struct bench_scale s = bench_scale_of(unit, most);
    int fine = digits_of(least * s.by) - 1;

    if (strcmp(s.unit, "%") != 0)
        s.digits = fine < 0 ? 0 : fine > 4 ? 4 : fine;
    return s;
}

char *
bench_figure(char *buf, size_t size, const struct bench_scale *s, double value)
{
    double v = value * s->by;

    if (isfinite(v))
        snprintf(buf, size, fabs(v) < 1e15 ? "%.*f" : "%.*g",
                 fabs(v) < 1e15 ? s->digits : 4, v);
    else
        snprintf(buf, size, "-");
    return buf;
}

char *
bench_number(char *buf, size_t size, const struct bench_scale *s, double value)
{
    bench_figure(buf, size, s, value);
    if (isfinite(value) && s->unit[0] != '\0')
        more(buf, size, " %s", s->unit);
    return buf;
}

double
bench_percent(double share)
{
    return fmax(-999999, fmin(100 * share, 999999));
}

char *
bench_interval(char *buf, size_t size, const struct bench_scale *s,
               const struct sov_bench_stat *stat)
{
    char low[64], high[64];

    buf[0] = '\0';
    if (isfinite(stat->low) && isfinite(stat->high))
        snprintf(buf, size, "%s to %s",
                 bench_figure(low, sizeof(low), s, stat->low),
                 bench_figure(high, sizeof(high), s, stat->high));
    return buf;
}

char *
bench_time_words(char *buf, size_t size, const char *time)
{
    if (strlen(time) == 20 && time[10] == 'T' && time[19] == 'Z')
        snprintf(buf, size, "%.10s %.5s UTC", time, time + 11);
    else
        snprintf(buf, size, "%s", time);
    return buf;
}

char *
bench_count(char *buf, size_t size, double n)
{
    static const char letters[] = " kMGT";
    int i = 0;

    while (n >= 1000 && i < 4) {
        n /= 1000;
        i++;
    }
    if (i == 0)
        snprintf(buf, size, "%.0f", n);
    else
        snprintf(buf, size, "%.3g %c", n, letters[i]);
    return buf;
}

/* ---- what was measured */

static const char *
many(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* Is it about reading and writing alike, so that which of them must be said? */
static bool
is_of_both(const struct sov_bench_record *r)
{
    static const char *const names[] = { "cost", "ratio", "joules_per_token",
                                         "joules_net" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(bench_text(r->metric), names[i]) == 0)
            return (r->cell.prompt > 0) != (r->cell.gen > 0);
    return false;
}

void
bench_row_words(struct bench_row *row, const struct bench_view *view)
{
    const struct sov_bench_record *r = row->r;
    const struct sov_bench_cell *c = &r->cell;
    const char *kv = bench_text(c->kv);
    char *buf = row->what;

    snprintf(buf, sizeof(row->what), "%s", bench_text(r->metric));
    for (char *p = buf; *p != '\0'; p++)
        if (*p == '_')
            *p = ' ';
    if (is_of_both(r))
        more(buf, sizeof(row->what), " of %s",
             c->prompt > 0 ? "prefill" : "decode");
    if (c->prompt > 0)
        more(buf, sizeof(row->what), " %" PRIu32, c->prompt);
    if (c->gen > 0)
        more(buf, sizeof(row->what), c->prompt > 0 ? "+%" PRIu32 : " %" PRIu32,
             c->gen);
    if (c->depth > 0)
        more(buf, sizeof(row->what), " after %" PRIu32, c->depth);
    if (c->batch > 1)
        more(buf, sizeof(row->what), ", batch %" PRIu32, c->batch);
    if (c->threads > 0 && view->threads == 0)
        more(buf, sizeof(row->what), ", %" PRIu32 " thread%s", c->threads,
             many(c->threads));
    if (kv[0] != '\0' && view->kv == NULL)
        more(buf, sizeof(row->what), ", KV %s", kv);
    if (bench_text(c->text)[0] != '\0' && view->text == NULL)
        more(buf, sizeof(row->what), " on %s", c->text);
}

char *
bench_model_words(char *buf, size_t size, const struct sov_bench_model *m)
{
    const char *comma = "";
    struct bench_scale s = bench_scale_of("bytes", (double)m->bytes);
    char number[64];

    buf[0] = '\0';
    if (bench_text(m->arch)[0] != '\0') {
        more(buf, size, "%s", m->arch);
        comma = ", ";
    }
    if (bench_text(m->type)[0] != '\0') {
        more(buf, size, "%s%s", comma, m->type);
        comma = ", ";
    }
    if (m->params > 0) {
        more(buf, size, "%s%s parameters", comma,
             bench_count(number, sizeof(number), (double)m->params));
        comma = ", ";
    }
    if (m->bytes > 0)
        more(buf, size, "%s%s", comma,
             bench_number(number, sizeof(number), &s, (double)m->bytes));
    return buf;
}

char *
bench_machine_words(char *buf, size_t size, const struct sov_bench_machine *m)
{
    struct bench_scale s = bench_scale_of("bytes", (double)m->memory);
    const char *cpu = bench_text(m->cpu);
    char number[64];

    snprintf(buf, size, "%s", cpu[0] != '\0' ? cpu : "an unknown processor");
    if (m->cpus > 0)
        more(buf, size, ", %" PRIu32 " CPU%s", m->cpus, many(m->cpus));
    if (bench_text(m->isa)[0] != '\0')
        more(buf, size, ", %s", m->isa);
    if (m->memory > 0)
        more(buf, size, ", %s",
             bench_number(number, sizeof(number), &s, (double)m->memory));
    if (bench_text(m->kernel)[0] != '\0')
        more(buf, size, ", %s", m->kernel);
    if (m->container)
        more(buf, size, ", in a container");
    return buf;
}

char *
bench_noise_words(char *buf, size_t size, const struct sov_bench_noise *n)
{
    const struct {
        double share, from;
        const char *what;
    } all[] = {
        { n->cpu_pressure, NOISE_PRESSURE,
          "of the time work waited for a CPU" },
        { n->memory_pressure, NOISE_PRESSURE,
          "of the time work waited for memory" },
        { n->steal, NOISE_STEAL, "of the CPUs' time went to other guests" },
        { n->throttled, NOISE_STEAL, "of the periods were cut by a quota" },
        { n->frequency_drift, NOISE_DRIFT,
          "the clock moved away from where it began" },
    };

    buf[0] = '\0';
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].share > all[i].from)
            more(buf, size, "%s%.0f %% %s", buf[0] != '\0' ? "; " : "",
                 bench_percent(all[i].share), all[i].what);
    return buf;
}

/* ---- verdicts */

/* Was it measured beside another one, and not compared with the past? */
static bool
is_pairs(const struct sov_bench_record *r)
{
    return strcmp(bench_text(r->metric), "ratio") == 0;
}

#define PERHAPS 0.05 /* p up to which an interval of 95 % lies beyond it */

/* Is it inconclusive in spite of an interval that is not? */
static bool
is_perhaps(const struct sov_bench_verdict *v)
{
    return v->answer == SOV_BENCH_INCONCLUSIVE && v->p <= PERHAPS &&
           isfinite(v->change);
}

/* What more of it is called, and what less is. */
static const char *
direction(const struct sov_bench_record *r, bool worse)
{
    const char *unit = bench_text(r->unit);

    if (strcmp(unit, "tok/s") == 0 || strcmp(unit, "s") == 0 || is_pairs(r))
        return worse ? "slower" : "faster";
    if (strcmp(unit, "bytes") == 0)
        return worse ? "larger" : "smaller";
    return worse ? "worse" : "better";
}

char *
bench_verdict_words(char *buf, size_t size, const struct sov_bench_verdict *v)
{
    double change;

    if (v == NULL) {
        buf[0] = '\0';
        return buf;
    }
    change = bench_percent(v->change);
    switch (v->answer) {
    case SOV_BENCH_SAME:
        if (isfinite(v->change) && fabs(change) >= 0.05)
            snprintf(buf, size, "same (%.1f %% %s)", fabs(change),
                     direction(v->now, change > 0));
        else
            snprintf(buf, size, "same");
        break;
    case SOV_BENCH_BETTER:
    case SOV_BENCH_WORSE:
        snprintf(buf, size, "%.1f %% %s", fabs(change),
                 direction(v->now, change > 0));
        break;
    case SOV_BENCH_INCONCLUSIVE:
        if (is_perhaps(v))
            snprintf(buf, size, "perhaps %.1f %% %s", fabs(change),
                     direction(v->now, change > 0));
        else
            snprintf(buf, size, "not clear");
        break;
    case SOV_BENCH_REFUSED:
        snprintf(buf, size,
                 v->base == NULL && !is_pairs(v->now) ? "new" : "not compared");
        break;
    }
    return buf;
}

static const struct bench_row *
row_of(const struct bench_view *view, const struct sov_bench_verdict *v)
{
    for (size_t i = 0; i < view->n; i++)
        if (view->rows[i].v == v)
            return &view->rows[i];
    return NULL;
}

static void
tell_worst(struct bench_view *view)
{
    const struct sov_bench_verdict *v = view->worst;
    const struct bench_row *row = row_of(view, v);
    char words[64];

    bench_verdict_words(words, sizeof(words), v);
    more(view->headline, sizeof(view->headline), " %s of %s is %s%s",
         row != NULL ? row->what : bench_text(v->now->metric),
         bench_text(v->now->model.name), words,
         v->base != NULL ? " than before" : "");
    if (isfinite(v->low) && isfinite(v->high))
        more(view->headline, sizeof(view->headline), " (%.1f to %.1f %%)",
             bench_percent(v->low), bench_percent(v->high));
    more(view->headline, sizeof(view->headline), ".");
}

/* Nothing is certain; what is the least uncertain of all is told. */
static void
tell_unclear(struct bench_view *view)
{
    const struct sov_bench_verdict *best = NULL;
    const struct bench_row *row;

    for (size_t i = 0; i < view->n_v; i++)
        if (is_perhaps(&view->v[i]) && (best == NULL || view->v[i].p < best->p))
            best = &view->v[i];
    snprintf(view->headline, sizeof(view->headline), "Not clear: ");
    if (best == NULL) {
        more(view->headline, sizeof(view->headline),
             "the samples tell neither that it is worse nor that it is not.");
        return;
    }
    row = row_of(view, best);
    more(view->headline, sizeof(view->headline), "%s of %s: %s.",
         row != NULL ? row->what : bench_text(best->now->metric),
         bench_text(best->now->model.name), best->reason);
}

void
bench_headline(struct bench_view *view)
{
    const size_t *n = view->answers;
    size_t compared = view->n_v - n[SOV_BENCH_REFUSED];
    bool pairs =
        view->n_v > 0 && view->v[0].base == NULL && is_pairs(view->v[0].now);
    const char *past = pairs ? "the other one" : "before";
    char *buf = view->headline;
    size_t size = sizeof(view->headline);

    buf[0] = '\0';
    if (view->n_v == 0)
        snprintf(buf, size,
                 "Measured, and compared with nothing: there was "
                 "no baseline.");
    else if (compared == 0)
        snprintf(buf, size, "Measured, but nothing could be compared: %s.",
                 view->v[0].reason);
    else if (n[SOV_BENCH_WORSE] > 0) {
        snprintf(buf, size, "Worse than %s in %zu of %zu%s", past,
                 n[SOV_BENCH_WORSE], compared,
                 n[SOV_BENCH_WORSE] == 1 ? ":" : ", the most:");
        tell_worst(view);
    } else if (n[SOV_BENCH_INCONCLUSIVE] == compared)
        tell_unclear(view);
    else {
        snprintf(buf, size, "No worse than %s", past);
        if (n[SOV_BENCH_BETTER] > 0)
            more(buf, size, ", and better in %zu of %zu", n[SOV_BENCH_BETTER],
                 compared);
        if (n[SOV_BENCH_INCONCLUSIVE] > 0)
            more(buf, size, ", as far as can be told: %zu of %zu %s not clear",
                 n[SOV_BENCH_INCONCLUSIVE], compared,
                 n[SOV_BENCH_INCONCLUSIVE] == 1 ? "is" : "are");
        more(buf, size,
             n[SOV_BENCH_BETTER] + n[SOV_BENCH_INCONCLUSIVE] == 0
                 ? ": all %zu are the same."
                 : ".",
             compared);
    }
    if (compared > 0 && n[SOV_BENCH_REFUSED] > 0)
        more(buf, size, " %zu had nothing to be compared with.",
             n[SOV_BENCH_REFUSED]);
}

/* ---- sparklines */

char *
bench_spark(char *buf, size_t size, const double *value, size_t n, size_t max,
            bool unicode)
{
    static const char *const fine[] = { "\xe2\x96\x81", "\xe2\x96\x82",
                                        "\xe2\x96\x83", "\xe2\x96\x85",
                                        "\xe2\x96\x87" };
    static const char *const plain[] = { "_", ".", "-", "=", "#" };
    double low = INFINITY, high = -INFINITY;

    buf[0] = '\0';
    if (n > max) {
        value += n - max;
        n = max;
    }
    for (size_t i = 0; i < n; i++) {
        low = isfinite(value[i]) ? fmin(low, value[i]) : low;
        high = isfinite(value[i]) ? fmax(high, value[i]) : high;
    }
    for (size_t i = 0; i < n; i++) {
        /* what differs by less than 1 % is drawn as the same */
        double span = fmax(high - low, 0.01 * fabs(high));
        double share = span > 0 ? (value[i] - low) / span : 0.5;
        int at = share >= 0 && share <= 1 ? (int)(4.999 * share) : 2;

        if (isfinite(value[i]))
            more(buf, size, "%s", unicode ? fine[at] : plain[at]);
        else
            more(buf, size, " ");
    }
    return buf;
}
