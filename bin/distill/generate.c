/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - --generate: texts that a teacher makes
 *
 * With --resume the output grows where it stands.  The last line of an earlier
 * run, and what it left of half a line, are made once more: only if they come
 * out the same, teacher, prompts, options and seed are those of before, and
 * nothing is changed until then.
 */
#include "distill/distill.h"

#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK          65536
#define LINE_MAX_BYTES ((uint64_t)64 << 20) /* of a line that may be ours */

struct generate {
    sov_sink *sink; /* or, to go on: */
    sov_append *append;
    uint64_t there; /* lines of an earlier run, up to */
    uint64_t end;
    char *last; /* the last of them, with its end, and what is behind it */
    size_t n_last, n_half;
    struct sov_distill_making making;
};

/* ---- what an earlier run left */

/* Count lines; the last one begins at *begin. */
static int
count_lines(struct generate *g, uint64_t *begin, struct sov_err *err)
{
    uint64_t size = sov_append_size(g->append);
    char *buf = malloc(CHUNK);
    int rc = 0;

    if (buf == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    *begin = 0;
    for (uint64_t at = 0; at < size && rc == 0; at += CHUNK) {
        size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

        rc = sov_append_read(g->append, buf, n, at, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
            if (buf[i] != '\n')
                continue;
            *begin = g->end;
            g->end = at + i + 1;
            g->there++;
        }
    }
    free(buf);
    return rc;
}

static int
read_last(struct generate *g, uint64_t begin, struct sov_err *err)
{
    uint64_t n = sov_append_size(g->append) - begin;

    if (n > LINE_MAX_BYTES)
        return sov_fail(err, SOV_EFORMAT, "has lines of something else");
    g->n_last = (size_t)(g->end - begin);
    g->n_half = (size_t)n - g->n_last;
    g->last = malloc((size_t)n + 1);
    if (g->last == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    return sov_append_read(g->append, g->last, (size_t)n, begin, err);
}

static int
open_to_go_on(struct generate *g, const struct distill *q, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .lock = SOV_LOCK_FAIL,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    uint64_t begin = 0;
    int rc = sov_append_open(&g->append, sov_common.output, true, &opts, err);

    if (rc == 0)
        rc = count_lines(g, &begin, err);
    if (rc == 0)
        rc = read_last(g, begin, err);
    if (rc == 0 && g->there + (g->n_half > 0) > distill_options.generate)
        rc = sov_fail(err, SOV_EFORMAT,
                      "has more than the %" PRIu64 " lines of --generate",
                      distill_options.generate);
    return rc < 0 ? sov_err_wrap(err, "%s", sov_common.output) : 0;
}

/* ---- what is made */

static int
is_other(uint64_t i, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%s: line %" PRIu64 " is not what is made now: the "
                    "teacher, the prompts, the options or the seed are others",
                    sov_common.output, i + 1);
}

/* The first line that is not there, or but half. */
static int
go_on(struct generate *g, uint64_t i, const char *line, size_t len,
      struct sov_err *err)
{
    if (g->n_half > 0 &&
        (g->n_half >= len || memcmp(line, g->last + g->n_last, g->n_half) != 0))
        return is_other(i, err);
    return g->n_half > 0 ? sov_append_cut(g->append, g->end, err) : 0;
}

static int
put(void *arg, uint64_t i, const char *line, size_t len, struct sov_err *err)
{
    struct generate *g = arg;
    int rc = 0;

    if (g->sink != NULL)
        return sov_sink_write(g->sink, line, len, err);
    if (i < g->there)
        return len == g->n_last && memcmp(line, g->last, len) == 0
                   ? 0
                   : is_other(i, err);
    if (i == g->there)
        rc = go_on(g, i, line, len, err);
    return rc == 0 ? sov_append_write(g->append, line, len, err) : rc;
}

static int
make(struct generate *g, const struct distill *q, struct sov_err *err)
{
    struct sov_distill_opts opt;
    int rc;

    distill_fill(q, &opt);
    g->making = (struct sov_distill_making){
        .first = g->there > 0 ? g->there - 1 : 0,
        .n = distill_options.generate,
        .n_tokens = distill_options.generate_tokens,
        .put = put,
        .arg = g,
    };
    if (g->append != NULL)
        sov_guard_stop(true);
    sov_progress_begin("texts");
    rc = sov_distill_generate(&opt, &g->making, err);
    sov_progress_end();
    sov_guard_stop(false);
    return rc;
}

/* What was made stays, if it may: *rc as make() gave it. */
static int
finish(struct generate *g, int rc, struct sov_err *err)
{
    if (g->sink != NULL)
        return rc == 0 ? sov_sink_commit(&g->sink, err) : rc;
    if (rc >= 0 && sov_append_sync(g->append, err) < 0)
        return SOV_EIO;
    if (rc <= 0)
        return rc;
    sov_fail(err, SOV_EIO,
             "stopped by a signal; the same command goes on behind what is in "
             "%s",
             sov_common.output);
    err->where = SOV_WHERE_LOCK; /* exit status 75: try again */
    return SOV_EIO;
}

static int
report(const struct generate *g, uint64_t bytes, struct sov_err *err)
{
    const struct distill_options *o = &distill_options;
    struct sov_report *r = sov_report_new("sov.generate/1");

    sov_report_text(r, "teacher", "teacher", o->teacher);
    sov_report_text(r, "output", "output", sov_common.output);
    sov_report_uint(r, "texts", "texts", o->generate);
    if (o->resume)
        sov_report_uint(r, "resumed", "texts that were there", g->there);
    sov_report_uint(r, "tokens", "tokens made", g->making.tokens);
    sov_report_uint(r, "bytes", "bytes", bytes);
    return sov_report_end(r, err);
}

static int
generate(struct generate *g, struct distill *q, struct sov_err *err)
{
    uint64_t bytes = 0;
    int rc = distill_open_models(q, err);

    if (rc == 0)
        rc = distill_list_inputs(q, err);
    if (rc == 0)
        rc = distill_options.resume
                 ? open_to_go_on(g, q, err)
                 : sov_tool_sink(&g->sink, q->input, q->n_inputs, 0, err);
    if (rc == 0)
        rc = make(g, q, err);
    if (rc == 0)
        rc = sov_lineage_check(&q->lineage, err);
    if (rc >= 0)
        bytes = g->sink != NULL ? sov_sink_count(g->sink)
                                : sov_append_size(g->append);
    rc = finish(g, rc, err);
    if (rc == 0)
        rc = sov_tool_depfile(q->input, q->n_inputs, err);
    return rc == 0 && sov_common.json ? report(g, bytes, err) : rc;
}

int
distill_generate(struct distill *q, struct sov_err *err)
{
    struct generate g = { 0 };
    int rc;

    if (sov_common.dry_run)
        return sov_fail(err, SOV_EARG, "--generate knows no --dry-run");
    if (distill_options.resume && strcmp(sov_common.output, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--resume: standard output cannot be gone on with");
    rc = generate(&g, q, err);
    sov_sink_abort(g.sink);
    sov_append_close(g.append);
    free(g.last);
    return rc;
}
