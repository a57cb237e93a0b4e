/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - how far the work is, on standard error
 *
 * The state is one for the process, as standard error is.
 */
#include "cli/progress.h"

#include "cli/guard.h"
#include "cli/text.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL         0.1 /* seconds between two drawings */
#define LINE_MAX_COLUMNS 79

static struct {
    bool running;
    bool draw;  /* a line that replaces itself */
    bool json;  /* JSON lines */
    bool shown; /* a line stands on the terminal */
    const char *unit;
    double start;
    double last;
    bool based;
    uint64_t base; /* was done when we began */
} st;

double
sov_seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

const char *
sov_progress_bytes(char *buf, uint64_t n)
{
    static const char units[] = "kMGTPE";
    double v = (double)n;
    int i = -1;

    if (n < 1000) {
        snprintf(buf, 16, "%u B", (unsigned)n);
        return buf;
    }
    while (v >= 999.5 && i < 5) {
        v /= 1000;
        i++;
    }
    snprintf(buf, 16,
             v < 9.995   ? "%.2f %cB"
             : v < 99.95 ? "%.1f %cB"
                         : "%.0f %cB",
             v, units[i]);
    return buf;
}

void
sov_progress_begin(const char *unit)
{
    int mode = sov_common.progress;

    memset(&st, 0, sizeof(st));
    st.running = true;
    st.unit = unit;
    st.json = mode == SOV_PROGRESS_JSON;
    st.draw = mode == SOV_PROGRESS_ALWAYS ||
              (mode == SOV_PROGRESS_AUTO && !sov_common.quiet &&
               sov_tool_tty(STDERR_FILENO));
    st.start = sov_seconds();
    st.last = st.start;
}

void
sov_progress_clear(void)
{
    if (st.shown) {
        fputs("\r\033[K", stderr);
        st.shown = false;
    }
}

static void
amount(char *buf, size_t size, uint64_t n)
{
    if (strcmp(st.unit, "B") == 0)
        sov_progress_bytes(buf, n);
    else
        snprintf(buf, size, "%" PRIu64 " %s", n, st.unit);
}

/* "42 %  1.20 GB of 2.85 GB  00:03 left  blk.7.ffn_up.weight" */
static void
compose(char *line, size_t size, uint64_t done, uint64_t total,
        const char *what)
{
    double spent = sov_seconds() - st.start;
    char part[48];
    char whole[48];
    char name[160] = "";
    char left[32] = "";

    amount(part, sizeof(part), done);
    if (what != NULL)
        sov_text_escape(name, sizeof(name), what);
    if (total == 0) {
        snprintf(line, size, "%s  %.0f s  %s", part, spent, name);
        return;
    }
    amount(whole, sizeof(whole), total);
    if (done > st.base && done < total && spent > 1) {
        double rest = spent * (double)(total - done) / (double)(done - st.base);

        if (rest < 359999)
            snprintf(left, sizeof(left), "  %02d:%02d left", (int)rest / 60,
                     (int)rest % 60);
    }
    snprintf(line, size, "%3.0f %%  %s of %s%s  %s",
             100 * (double)done / (double)total, part, whole, left, name);
}

static void
print_json(uint64_t done, uint64_t total)
{
    fprintf(stderr,
            "{\"type\":\"progress\",\"unit\":\"%s\",\"done\":%" PRIu64
            ",\"total\":%" PRIu64 ",\"seconds\":%.3f}\n",
            st.unit, done, total, sov_seconds() - st.start);
}

void
sov_progress_update(void *arg, uint64_t done, uint64_t total, const char *what)
{
    char line[320];
    bool due;

    (void)arg;
    if (!st.running)
        return;
    if (!st.based)
        st.base = done;
    st.based = true;
    if (sov_guard_asked) {
        sov_guard_asked = 0;
        sov_progress_clear();
        compose(line, sizeof(line), done, total, what);
        fprintf(stderr, "%s: %s\n", sov_tool_name(), line);
    }
    if (!st.draw && !st.json)
        return;
    due = sov_seconds() - st.last >= INTERVAL || (st.json && done == total);
    if (!due)
        return;
    st.last = sov_seconds();
    if (st.json) {
        print_json(done, total);
        return;
    }
    compose(line, sizeof(line), done, total, what);
    fprintf(stderr, "\r\033[K%.*s", LINE_MAX_COLUMNS, line);
    fflush(stderr);
    st.shown = true;
}

void
sov_progress_end(void)
{
    sov_progress_clear();
    st.running = false;
}
