/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - a line of JSON for each step
 *
 * The file is added to as the run goes on.  One that goes on from a checkpoint
 * takes back the lines of steps that it will do again, so that the log has
 * every step once.
 */
#include "distill/distill.h"

#include "cli/report.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN "{\"step\":"
#define CHUNK 65536

/* The step that a line is of; false: it is none of ours. */
static bool
step_of(const char *line, size_t len, uint64_t *step)
{
    size_t i = sizeof(BEGIN) - 1;

    if (len <= i || memcmp(line, BEGIN, i) != 0)
        return false;
    for (*step = 0; i < len && line[i] >= '0' && line[i] <= '9'; i++)
        *step = *step * 10 + (uint64_t)(line[i] - '0');
    return i < len && line[i] == ',';
}

/*
 * Bytes of buf[n] that are whole lines up to that of step done; *more: another
 * line may follow.  What is no such line is SOV_EFORMAT.
 */
static int
scan(const char *buf, size_t n, uint64_t done, size_t *used, bool *more,
     struct sov_err *err)
{
    const char *stop;
    uint64_t step;

    *used = 0;
    *more = true;
    while ((stop = memchr(buf + *used, '\n', n - *used)) != NULL) {
        if (!step_of(buf + *used, (size_t)(stop - buf) - *used, &step))
            return sov_fail(err, SOV_EFORMAT, "has lines of something else");
        if (step > done) {
            *more = false;
            return 0;
        }
        *used = (size_t)(stop - buf) + 1;
    }
    *more = *used > 0; /* else it is a line that is cut short, or the end */
    return 0;
}

/* Bytes of the lines up to that of step done. */
static int
lines_until(const sov_append *log, uint64_t done, uint64_t *end,
            struct sov_err *err)
{
    uint64_t size = sov_append_size(log);
    char *buf = malloc(CHUNK);
    bool more = true;
    int rc = 0;

    if (buf == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (*end = 0; rc == 0 && more && *end < size;) {
        size_t n = size - *end < CHUNK ? (size_t)(size - *end) : CHUNK;
        size_t used = 0;

        rc = sov_append_read(log, buf, n, *end, err);
        if (rc == 0)
            rc = scan(buf, n, done, &used, &more, err);
        *end += used;
    }
    free(buf);
    return rc;
}

int
distill_log_open(struct distill *q, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .lock = SOV_LOCK_FAIL,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    const char *path = distill_options.log;
    uint64_t keep = 0;
    int rc;

    if (path == NULL)
        return 0;
    rc = sov_append_open(&q->log, path, true, &opts, err);
    if (rc == 0 && distill_options.resume) {
        rc = lines_until(q->log, q->facts.done, &keep, err);
    } else if (rc == 0 && sov_append_size(q->log) > 0 && !sov_common.force) {
        rc = sov_fail(err, SOV_EIO,
                      "there is something in it; --force "
                      "begins it anew");
        err->where = SOV_WHERE_OUTPUT;
    }
    if (rc == 0 && keep < sov_append_size(q->log))
        rc = sov_append_cut(q->log, keep, err);
    return rc < 0 ? sov_err_wrap(err, "--log") : 0;
}

int
distill_log_step(void *arg, const struct sov_distill_step *s,
                 struct sov_err *err)
{
    struct distill *q = arg;
    struct sov_report *r;
    char *line = NULL;
    int rc;

    sov_effort_look(&q->effort);
    if (q->log == NULL)
        return 0;
    r = sov_report_new(NULL);
    sov_report_uint(r, "step", NULL, s->step);
    sov_report_uint(r, "steps", NULL, s->steps);
    sov_report_uint(r, "tokens", NULL, s->tokens);
    sov_report_real(r, "loss", NULL, s->point.loss, 0, NULL);
    sov_report_real(r, "ce", NULL, s->point.ce, 0, NULL);
    sov_report_real(r, "lr", NULL, s->lr, 0, NULL);
    sov_report_real(r, "norm", NULL, s->point.norm, 0, NULL);
    sov_report_real(r, "tokens_s", NULL, s->tokens_s, 0, NULL);
    sov_report_real(r, "seconds", NULL, s->seconds, 0, NULL);
    if (s->eval != NULL) {
        sov_report_real(r, "eval_nats", NULL, s->eval->nats, 0, NULL);
        sov_report_real(r, "eval_bits_per_byte", NULL, s->eval->bits, 0, NULL);
    }
    rc = sov_report_line(r, &line, err);
    if (rc == 0)
        rc = sov_append_write(q->log, line, strlen(line), err);
    free(line);
    return rc < 0 ? sov_err_wrap(err, "--log") : 0;
}
