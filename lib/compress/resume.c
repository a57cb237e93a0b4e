/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.c - going on where an earlier run ended
 */
#include "compress/resume.h"
#include "compress/job.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/model.h"
#include "fmt/plan.h"
#include "sys/file.h"
#include "sys/part.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)1 << 20)

/* The disk is waited for behind a tensor, after so many bytes or seconds. */
#define SYNC_BYTES   ((uint64_t)256 << 20)
#define SYNC_SECONDS 10.0

/* ---- what the output depends on ---- */

static void
put_tensor(struct sov_buf *b, const struct sov_tensor *t)
{
    sov_buf_str(b, t->name, strlen(t->name));
    sov_buf_u32(b, (uint32_t)t->type);
    sov_buf_u32(b, t->ndim);
    for (uint32_t i = 0; i < t->ndim; i++)
        sov_buf_u64(b, t->dim[i]);
}

/* All but the tensors' bytes; the files' heads have the metadata. */
static int
make_binding(const struct sov_resume_of *of, unsigned char *binding,
             struct sov_err *err)
{
    const sov_plan *plan = of->plan;
    const char *version = sov_version();
    struct sov_buf b = { 0 };

    sov_buf_add(&b, of->binding, sizeof(of->binding));
    sov_buf_str(&b, version, strlen(version));
    sov_buf_u64(&b, plan->align);
    for (size_t i = 0; i < plan->n_files; i++) {
        const struct sov_file_plan *f = &plan->file[i];

        sov_buf_u64(&b, f->pub.bytes);
        sov_buf_str(&b, f->head.p, f->head.len);
    }
    for (size_t i = 0; i < plan->n; i++) {
        put_tensor(&b, sov_model_at(of->model, i));
        put_tensor(&b, &plan->tensor[i]);
    }
    if (!b.bad)
        sov_sha256(b.p, b.len, binding);
    sov_buf_free(&b);
    return b.bad ? sov_mem_fail(err) : 0;
}

/* ---- is it really there? ---- */

/* What the checks share. */
struct check {
    struct sov_resume *r;
    const struct sov_resume_of *of;
    unsigned char *buf; /* of cap bytes */
    size_t cap;
    size_t files;    /* files before this one have their heads */
    bool same_files; /* the tensors are in the files that they were in */
    const char *why; /* what was wrong, for people */
};

/* 1: len bytes at off of a part are those at want (NULL: zeros). */
static int
part_has(struct check *c, const sov_sink *s, const unsigned char *want,
         uint64_t off, uint64_t len, struct sov_err *err)
{
    uint64_t size = sov_part_size(s);
    bool same = off <= size && len <= size - off;
    int rc = 0;

    for (uint64_t at = 0; at < len && same && rc == 0;) {
        size_t n = len - at < c->cap ? (size_t)(len - at) : c->cap;

        rc = sov_part_read(s, c->buf, n, off + at, err);
        for (size_t k = 0; want == NULL && k < n; k++)
            same = same && c->buf[k] == 0;
        if (want != NULL)
            same = memcmp(c->buf, want + at, n) == 0;
        at += n;
    }
    return rc < 0 ? rc : same;
}

/* 1: the heads of the files up to this one are there, and what is all head. */
static int
heads_hold(struct check *c, size_t file, struct sov_err *err)
{
    int rc = 1;

    for (; c->files <= file && rc == 1; c->files++) {
        const struct sov_buf *head = &c->of->plan->file[c->files].head;

        rc = part_has(c, c->r->sink[c->files], head->p, 0, head->len, err);
    }
    return rc;
}

/* 1: the tensor's bytes in the part are those that were noted. */
static int
result_holds(struct check *c, const struct sov_journal_tensor *t,
             struct sov_err *err)
{
    const struct sov_tensor *to = sov_plan_at(c->of->plan, t->tensor);
    unsigned char sum[SOV_XXH3_LEN];
    const sov_sink *s;
    uint64_t off, at;
    size_t file;
    int rc;

    sov_plan_place(c->of->plan, t->tensor, &file, &off);
    s = c->r->sink[file];
    rc = heads_hold(c, file, err);
    if (rc < 1)
        return rc;
    rc = part_has(c, s, NULL, off + to->size,
                  sov_plan_padded(c->of->plan, t->tensor) - to->size, err);
    if (rc < 1)
        return rc;
    for (at = 0; at < to->size && rc >= 0;) {
        size_t n = to->size - at < c->cap ? (size_t)(to->size - at) : c->cap;

        rc = sov_part_read(s, c->buf, n, off + at, err);
        if (rc == 0)
            sov_sum_add(c->r->result, c->buf, n);
        at += n;
    }
    sov_sum_take(c->r->result, sum);
    return rc < 0 ? rc : memcmp(sum, t->result, sizeof(sum)) == 0;
}

/* 1: the tensor of the model is what it was. */
static int
source_holds(struct check *c, const struct sov_journal_tensor *t,
             struct sov_err *err)
{
    const struct sov_tensor *from = sov_model_at(c->of->model, t->tensor);
    unsigned char sum[SOV_XXH3_LEN];
    uint64_t total = sov_tensor_count(from), first;
    size_t n, len;
    int rc = 0;

    /* what an import made up is not in the files */
    if (c->same_files && sov_model_filed(c->of->model, t->tensor))
        return 1;
    for (first = 0; first < total && rc == 0; first += n) {
        n = c->of->step(from, first);
        len = sov_job_bytes(from->type, n);
        rc = sov_model_read(c->of->model, t->tensor,
                            sov_job_bytes(from->type, first), c->buf, len, err);
        if (rc == 0)
            sov_sum_add(c->r->source, c->buf, len);
    }
    sov_sum_take(c->r->source, sum);
    if (rc < 0 || memcmp(sum, t->source, sizeof(sum)) == 0)
        return rc < 0 ? rc : 1;
    c->why = "the model has changed";
    if (!sov_model_seeks(c->of->model))
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %.80s is not what it was when %s was begun; "
                        "remove that",
                        from->name, sov_sink_part(c->r->sink[0]));
    return 0;
}

/* How many of the tensors in the journal hold. */
static int
count_good(struct check *c, const struct sov_journal *j, size_t *good,
           struct sov_err *err)
{
    const struct sov_resume_of *of = c->of;
    uint64_t total = sov_plan_bytes(of->plan), off;
    size_t next = 0, file, k;
    int rc = 1;

    for (k = 0; k < j->n && rc == 1; k += rc == 1 ? 1 : 0) {
        const struct sov_journal_tensor *t = &j->tensor[k];

        while (next < sov_plan_count(of->plan) &&
               sov_plan_at(of->plan, next)->size == 0)
            next++;
        if (t->tensor != next || next >= sov_plan_count(of->plan))
            break;
        c->why = "their bytes are not what was written";
        rc = result_holds(c, t, err);
        if (rc == 1)
            rc = source_holds(c, t, err);
        sov_plan_place(of->plan, next++, &file, &off);
        if (rc == 1 && of->progress != NULL)
            of->progress(of->progress_arg, off, total,
                         sov_plan_at(of->plan, t->tensor)->name);
    }
    *good = k;
    return rc < 0 ? rc : 0;
}

static void SOV_PRINTF(2, 3)
    remark(const struct sov_resume *r, const char *fmt, ...)
{
    char line[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    r->of.remark(r->of.arg, line);
}

static int
check_parts(struct sov_resume *r, const struct sov_journal *j, bool same_files,
            size_t *good, struct sov_err *err)
{
    struct check c = { .r = r, .of = &r->of, .same_files = same_files };
    int rc;

    c.cap = CHUNK;
    for (size_t i = 0; i < sov_plan_count(r->of.plan); i++) {
        const struct sov_tensor *from = sov_model_at(r->of.model, i);
        size_t len = from->size == 0
                         ? 0
                         : sov_job_bytes(from->type, r->of.step(from, 0));

        c.cap = len > c.cap ? len : c.cap;
    }
    c.buf = sov_mem_array(c.cap, 1);
    if (c.buf == NULL)
        return sov_mem_fail(err);
    rc = count_good(&c, j, good, err);
    if (rc == 0 && *good < j->n)
        remark(r, "%s: %zu of %zu tensors are made again: %s",
               sov_sink_part(r->sink[0]), j->n - *good, j->n, c.why);
    free(c.buf);
    return rc;
}

/* ---- taking it ---- */

static void
keep(struct sov_resume *r)
{
    for (size_t i = 0; i < r->n_sinks; i++)
        sov_part_keep(r->sink[i]);
}

/* Let the sinks stand behind the first tensors. */
static int
skip(struct sov_resume *r, struct sov_err *err)
{
    const sov_plan *plan = r->of.plan;
    size_t file;
    uint64_t off;
    int rc = 0;

    if (r->first == 0)
        return 0;
    keep(r);
    sov_plan_place(plan, r->first - 1, &file, &off);
    off += sov_plan_padded(plan, r->first - 1);
    for (size_t i = 0; i <= file && rc == 0; i++) {
        uint64_t len = i < file ? sov_plan_file(plan, i)->bytes : off;

        rc = sov_part_skip(r->sink[i], len, err);
        r->bytes += len;
    }
    return rc;
}

/* Begin the journal, or go on behind what holds of it. */
static int
go_on(struct sov_resume *r, const struct sov_journal *j, size_t good,
      const struct sov_journal_begin *now, struct sov_err *err)
{
    unsigned char record[SOV_JOURNAL_RECORD];
    size_t end = good > 0 ? j->tensor[good - 1].end : 0;
    /* a BEGIN that is cut off says nothing of the tensors to come */
    bool again = good > 0 && j->begin_end <= end &&
                 memcmp(now->files, j->begin.files, sizeof(now->files)) == 0;
    int rc = sov_part_cut(r->sink[0], end, err);

    sov_journal_put_begin(record, now);
    if (rc == 0 && !again)
        rc = sov_part_note(r->sink[0], record, sizeof(record), err);
    for (size_t k = 0; k < good; k++) {
        const struct sov_journal_tensor *t = &j->tensor[k];

        r->of.taken(r->of.arg, t);
    }
    r->first = good > 0 ? j->tensor[good - 1].tensor + 1 : 0;
    return rc == 0 ? skip(r, err) : rc;
}

static int
open_journal(struct sov_resume *r, struct sov_err *err)
{
    static const unsigned char unknown[SOV_XXH3_LEN];
    const char *part = sov_sink_part(r->sink[0]);
    struct sov_journal_begin now = { { 0 }, { 0 } };
    struct sov_journal j = { 0 };
    unsigned char *bytes = NULL;
    bool known, same_files = false;
    size_t len = 0, good = 0;
    int rc;

    known = sov_model_identity(r->of.model, now.files);
    rc = make_binding(&r->of, now.binding, err);
    if (rc == 0)
        rc = sov_part_journal(r->sink[0], SOV_JOURNAL_MAX, &bytes, &len, err);
    if (rc == 0)
        rc = sov_journal_parse(&j, bytes, len, err);
    if (rc == 0 && len > 0 && !j.begun) {
        remark(r, "%s.journal is damaged: all is made again", part);
    } else if (rc == 0 && j.begun &&
               memcmp(j.begin.binding, now.binding, SOV_BINDING_LEN) != 0) {
        remark(r,
               "%s was begun with another model, options or version: "
               "all is made again",
               part);
    } else if (rc == 0 && j.begun) {
        same_files = known &&
                     memcmp(now.files, unknown, sizeof(unknown)) != 0 &&
                     memcmp(now.files, j.begin.files, sizeof(now.files)) == 0;
        rc = check_parts(r, &j, same_files, &good, err);
    }
    if (rc == 0)
        rc = go_on(r, &j, good, &now, err);
    sov_journal_free(&j);
    free(bytes);
    return rc;
}

int
sov_resume_open(struct sov_resume **resume, const struct sov_resume_of *of,
                sov_sink *const *sinks, struct sov_err *err)
{
    struct sov_resume *r;
    size_t n = sov_plan_files(of->plan);

    for (size_t i = 0; i < n; i++)
        if (!sov_part_is(sinks[i]))
            return sov_fail(err, SOV_EARG, "an output cannot be continued");
    r = sov_mem_array(1, sizeof(*r));
    if (r == NULL)
        return sov_mem_fail(err);
    *resume = r;
    r->of = *of;
    r->sink = sinks;
    r->n_sinks = n;
    r->synced = sov_clock();
    r->source = sov_sum_new();
    r->result = sov_sum_new();
    if (r->source == NULL || r->result == NULL)
        return sov_mem_fail(err);
    return open_journal(r, err);
}

void
sov_resume_free(struct sov_resume *r)
{
    if (r == NULL)
        return;
    sov_sum_free(r->source);
    sov_sum_free(r->result);
    free(r);
}

int
sov_resume_note(struct sov_resume *r, struct sov_journal_tensor *t,
                struct sov_err *err)
{
    unsigned char record[SOV_JOURNAL_RECORD];
    uint64_t off;
    size_t file;
    int rc;

    sov_sum_take(r->result, t->result);
    sov_journal_put_tensor(record, t);
    rc = sov_part_note(r->sink[0], record, sizeof(record), err);
    if (rc == 0)
        keep(r);
    r->unsynced += sov_plan_at(r->of.plan, t->tensor)->size;
    if (rc < 0 ||
        (r->unsynced < SYNC_BYTES && sov_clock() - r->synced < SYNC_SECONDS))
        return rc;
    sov_plan_place(r->of.plan, t->tensor, &file, &off);
    rc = sov_part_sync(r->sink[0], r->sink[file], err);
    r->unsynced = 0;
    r->synced = sov_clock();
    return rc;
}
