/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - numbers for Prometheus: sov-run --metrics FILE
 *
 * Two processes, one page of memory and two pipes:
 *
 *     sov-run                  helper
 *       page     numbers ->      made into text, and that into FILE
 *       life     (nothing)       ends when sov-run does: the last FILE
 *       status   <- an error     after the first file, and after the last
 *
 * Every number is atomic and true by itself; the count of a histogram is that of
 * its buckets, so no file contradicts itself.  What has digits behind the point
 * is kept in billionths.  The helper takes no words from sov-run, and is under its first
 * seal: it starts nothing, and writes in the folder of FILE alone.
 */
#include "run/metrics.h"

#include "cli/ours.h"
#include "cli/prom.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/base.h"
#include "sov/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX   "sov_run_"
#define FIRST    "# HELP " PREFIX /* what our files begin with */
#define TEXT_MAX 32768

/* clang-format off */
static const struct {
    const char *kind;
    int digits;
    const char *name;
    const char *help;
} metrics[] = {
#define METRIC(id, kind, digits, name, help) { kind, digits, PREFIX name, help },
#include "run/metrics.def"
};

static const struct {
    const char *name;
    const char *help;
} timings[] = {
#define TIMING(id, name, help) { PREFIX name, help },
#include "run/metrics.def"
};

static const char *const outcomes[] = {
#define OUTCOME(name) name,
#include "run/metrics.def"
};
/* clang-format on */

#define N_OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* Upper ends of the buckets, in milliseconds. */
static const uint64_t ends[] = { 5,     10,     25,     50,     100,    250,
                                 500,   1000,   2500,   5000,   10000,  30000,
                                 60000, 120000, 300000, 600000, 1800000 };

#define N_ENDS (sizeof(ends) / sizeof(ends[0]))

#define BILLION 1e9

struct page {
    _Atomic uint64_t value[SOV_METRICS];
    _Atomic uint64_t outcome[N_OUTCOMES];
    struct {
        _Atomic uint64_t in[N_ENDS + 1]; /* each, not cumulated */
        _Atomic uint64_t ns;
    } timing[SOV_TIMINGS];
    _Atomic uint64_t energy; /* nanojoules */
    _Atomic bool has_energy;
};

struct sov_metrics {
    struct page *page;
    int life;   /* our end of it */
    int status; /* likewise */
};

/* ---- text */

struct text {
    char p[TEXT_MAX];
    size_t len;
};

static void SOV_PRINTF(2, 3) add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->p + t->len, sizeof(t->p) - t->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof(t->p) - t->len)
        t->len += (size_t)n;
}

static void
add_head(struct text *t, const char *name, const char *kind, const char *help)
{
    add(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* A count of billionths, without zeros at the end. */
static void
add_billionths(struct text *t, uint64_t n, int digits)
{
    char fraction[16];
    int len;

    snprintf(fraction, sizeof(fraction), "%09" PRIu64, n % 1000000000);
    for (len = digits; len > 0 && fraction[len - 1] == '0'; len--)
        ;
    add(t, "%" PRIu64 "%s%.*s", n / 1000000000, len > 0 ? "." : "", len,
        fraction);
}

static void
add_number(struct text *t, const char *name, uint64_t billionths, int digits)
{
    add(t, "%s ", name);
    add_billionths(t, billionths, digits);
    add(t, "\n");
}

static void
add_values(struct text *t, const struct page *page)
{
    for (size_t i = 0; i < SOV_METRICS; i++) {
        uint64_t value = atomic_load(&page->value[i]);

        add_head(t, metrics[i].name, metrics[i].kind, metrics[i].help);
        if (metrics[i].digits == 0)
            add(t, "%s %" PRIu64 "\n", metrics[i].name, value);
        else
            add_number(t, metrics[i].name, value, metrics[i].digits);
    }
    if (!atomic_load(&page->has_energy))
        return;
    add_head(t, PREFIX "energy_joules_total", "counter",
             "Energy that the processor packages took while the model "
             "computed.");
    add_number(t, PREFIX "energy_joules_total", atomic_load(&page->energy), 9);
}

static void
add_timing(struct text *t, const struct page *page, size_t i)
{
    const char *name = timings[i].name;
    uint64_t sum = 0;

    add_head(t, name, "histogram", timings[i].help);
    for (size_t b = 0; b < N_ENDS; b++) {
        sum += atomic_load(&page->timing[i].in[b]);
        add(t, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
            (double)ends[b] / 1000, sum);
    }
    sum += atomic_load(&page->timing[i].in[N_ENDS]);
    add(t, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, sum, name);
    add_billionths(t, atomic_load(&page->timing[i].ns), 9);
    add(t, "\n%s_count %" PRIu64 "\n", name, sum);
}

static void
add_outcomes(struct text *t, const struct page *page)
{
    const char *name = PREFIX "requests_total";

    add_head(t, name, "counter", "Requests that were answered, by their end.");
    for (size_t i = 0; i < N_OUTCOMES; i++)
        add(t, "%s{outcome=\"%s\"} %" PRIu64 "\n", name, outcomes[i],
            atomic_load(&page->outcome[i]));
}

/* ---- the helper */

struct helper {
    const struct sov_metrics_opts *opts;
    const struct sov_metrics *m;
    int life;
    int status;
    time_t started;
};

static void
make_text(const struct helper *h, bool up, struct text *t)
{
    char labels[4096] = "";

    t->len = 0;
    add_head(t, PREFIX "build_info", "gauge", "What runs.");
    sov_prom_label(labels, sizeof(labels), "version", sov_version());
    strcat(labels, ",");
    sov_prom_label(labels, sizeof(labels), "isa", sov_isa());
    strcat(labels, ",");
    sov_prom_label(labels, sizeof(labels), "model", h->opts->model);
    add(t, PREFIX "build_info{%s} 1\n", labels);
    add_head(t, PREFIX "up", "gauge", "1 while it runs, 0 when it has ended.");
    add(t, PREFIX "up %d\n", up);
    add_head(t, PREFIX "start_time_seconds", "gauge",
             "When it began, in seconds since 1970.");
    add(t, PREFIX "start_time_seconds %" PRIu64 "\n", (uint64_t)h->started);
    add_outcomes(t, h->m->page);
    add_values(t, h->m->page);
    for (size_t i = 0; i < SOV_TIMINGS; i++)
        add_timing(t, h->m->page, i);
}

/* A whole file, or the one before. */
static int
write_file(const struct helper *h, bool up, struct sov_err *err)
{
    static struct text text;
    const struct sov_sink_opts opts = {
        .force = true,
        .no_sync = up,
        .inputs = h->opts->inputs,
        .n_inputs = h->opts->n_inputs,
    };
    int rc;

    make_text(h, up, &text);
    rc = sov_tool_write_file(h->opts->path, &opts, text.p, text.len, err);
    return rc < 0 ? sov_err_wrap(err, "--metrics") : 0;
}

static void
tell(const struct helper *h, int rc, struct sov_err *err)
{
    ssize_t n;

    if (rc == 0)
        *err = (struct sov_err){ 0 };
    n = write(h->status, err, sizeof(*err));
    (void)n; /* nobody is there any more */
}

/* Nothing of ours is open here but the pipes and the words. */
static void
let_go(const struct helper *h)
{
    long most = sysconf(_SC_OPEN_MAX);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < (most > 0 && most < 65536 ? most : 65536); fd++)
        if (fd != STDERR_FILENO && fd != h->life && fd != h->status &&
            fd != null)
            close(fd);
    if (null > STDERR_FILENO) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        close(null);
    }
}

/* Who runs us is told of an end; we hear of it through the pipe, and still
 * have a file to write. */
static void
ignore_signals(void)
{
    static const int signals[] = { SIGINT,  SIGQUIT, SIGTERM, SIGHUP,
                                   SIGPIPE, SIGUSR1, SIGTSTP };

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_IGN);
}

static _Noreturn void
help(struct helper *h)
{
    struct pollfd life = { .fd = h->life, .events = POLLIN };
    struct sov_err err = { 0 };
    int rc;

    sov_seckey_free(h->opts->secret); /* the copy that a fork makes */
    ignore_signals();
    let_go(h);
    prctl(PR_SET_NAME, "sov-run-metrics");
    sov_common.quiet = true; /* the other one says what a kernel lacks */
    sov_sandbox_begin(&h->opts->path, 1);
    rc = write_file(h, true, &err);
    tell(h, rc, &err);
    if (rc < 0)
        _exit(1);
    for (;;) {
        int n = poll(&life, 1, (int)(h->opts->seconds * 1000));

        if (n < 0 && errno == EINTR)
            continue;
        if (n != 0)
            break;
        rc = write_file(h, true, &err);
    }
    rc = write_file(h, false, &err);
    tell(h, rc, &err);
    _exit(rc < 0);
}

/* ---- the one that counts */

/* What the helper says. */
static int
hear(const struct sov_metrics *m, struct sov_err *err)
{
    struct sov_err said = { 0 };
    ssize_t n;

    do
        n = read(m->status, &said, sizeof(said));
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(said))
        return sov_fail(err, SOV_EIO,
                        "--metrics: the process that writes them has ended");
    if (said.rc != 0)
        *err = said;
    return said.rc;
}

static void
discard(struct sov_metrics *m)
{
    if (m->page != NULL)
        munmap(m->page, sizeof(*m->page));
    if (m->life >= 0)
        close(m->life);
    if (m->status >= 0)
        close(m->status);
    free(m);
}

static int
start_helper(struct sov_metrics *m, const struct sov_metrics_opts *o,
             struct sov_err *err)
{
    int life[2], status[2];
    pid_t child;

    m->page = mmap(NULL, sizeof(*m->page), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m->page == MAP_FAILED) {
        m->page = NULL;
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (pipe2(life, O_CLOEXEC) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--metrics");
    m->life = life[1];
    if (pipe2(status, O_CLOEXEC) < 0) {
        close(life[0]);
        return sov_fail_sys(err, SOV_WHERE_ANY, "--metrics");
    }
    m->status = status[0];
    child = fork();
    if (child == 0)
        help(&(struct helper){ o, m, life[0], status[1], time(NULL) });
    close(life[0]);
    close(status[1]);
    if (child < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "--metrics");
    return hear(m, err);
}

int
sov_metrics_open(struct sov_metrics **metrics_of,
                 const struct sov_metrics_opts *opts, struct sov_err *err)
{
    struct sov_metrics *m = calloc(1, sizeof(*m));
    int rc;

    *metrics_of = NULL;
    if (m == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    m->life = m->status = -1;
    rc = sov_ours_check("--metrics", opts->path, FIRST, "file of metrics",
                        opts->force, err);
    if (rc == 0)
        rc = start_helper(m, opts, err);
    if (rc < 0) {
        discard(m);
        return rc;
    }
    *metrics_of = m;
    return 0;
}

/* As it is kept. */
static uint64_t
kept(enum sov_metric what, double value)
{
    return (uint64_t)(metrics[what].digits == 0 ? value : value * BILLION);
}

void
sov_metrics_set(struct sov_metrics *m, enum sov_metric what, double value)
{
    if (m != NULL)
        atomic_store(&m->page->value[what], kept(what, value));
}

void
sov_metrics_add(struct sov_metrics *m, enum sov_metric what, double value)
{
    if (m != NULL)
        atomic_fetch_add(&m->page->value[what], kept(what, value));
}

void
sov_metrics_time(struct sov_metrics *m, enum sov_timing what, double seconds)
{
    size_t b = 0;

    if (m == NULL)
        return;
    while (b < N_ENDS && seconds * 1000 > (double)ends[b])
        b++;
    atomic_fetch_add(&m->page->timing[what].ns, (uint64_t)(seconds * BILLION));
    atomic_fetch_add(&m->page->timing[what].in[b], 1);
}

void
sov_metrics_outcome(struct sov_metrics *m, const char *outcome)
{
    for (size_t i = 0; i < N_OUTCOMES && m != NULL; i++)
        if (strcmp(outcomes[i], outcome) == 0)
            atomic_fetch_add(&m->page->outcome[i], 1);
}

void
sov_metrics_energy(struct sov_metrics *m, double joules)
{
    if (m == NULL)
        return;
    if (joules >= 0)
        atomic_store(&m->page->energy, (uint64_t)(joules * BILLION));
    atomic_store(&m->page->has_energy, joules >= 0);
}

int
sov_metrics_close(struct sov_metrics *m, struct sov_err *err)
{
    int rc;

    if (m == NULL)
        return 0;
    close(m->life);
    m->life = -1;
    rc = hear(m, err);
    discard(m);
    return rc;
}
