/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl.c - requests in, answers out, a line each: sov-run --jsonl
 *
 * A line is read, and put to the desk (jsonl_ask.c); the desk makes one pass
 * after the other, and what is done is written (jsonl_slot.c).  What requests
 * and answers look like is the library's business (sov/request.h).
 */
#include "run/jsonl_job.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/sandbox.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS     4 /* for each request that is answered at once */
#define SLOTS_MIN 16
#define LINES_MAX ((uint64_t)4 << 20) /* bytes, counted for lines */

size_t
sov_jsonl_slots(const struct sov_jsonl_mode *m)
{
    size_t n = (size_t)m->batch * SLOTS;

    return n > SLOTS_MIN ? n : SLOTS_MIN;
}

void
sov_jsonl_session(const struct sov_jsonl_mode *m, const sov_model *model,
                  struct sov_session_opts *so)
{
    const struct sov_kv *tokens =
        sov_meta_find(sov_model_meta(model), "tokenizer.ggml.tokens");
    uint64_t ctx = so->n_ctx != 0 ? so->n_ctx : SOV_CTX_DEFAULT;

    so->n_seq = (uint32_t)m->batch;
    so->reuse = true;
    so->other += LINES_MAX + sov_jsonl_slots(m) * ctx * sizeof(int32_t) +
                 sov_desk_memory(so->n_seq, tokens != NULL ? tokens->n : 0);
}

/* ---- lines */

static bool
is_blank(struct sov_span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (strchr(" \t\r", line.p[i]) == NULL || line.p[i] == '\0')
            return false;
    return true;
}

/* Some editors begin a file with U+FEFF, which says that it is UTF-8. */
static struct sov_span
without_mark(const struct sov_jsonl_job *j, struct sov_span line)
{
    size_t n = j->lines.number == 1 && line.len >= 3 &&
                       memcmp(line.p, "\xef\xbb\xbf", 3) == 0
                   ? 3
                   : 0;

    return (struct sov_span){ line.p + n, line.len - n };
}

/* What those who were called have left behind, messages about the line, say. */
static __attribute__((noinline)) void
wipe_below(void)
{
    char below[16384];

    explicit_bzero(below, sizeof(below));
}

/* The line is with the desk, or has its error. */
static void
forget_line(struct sov_jsonl_job *j, struct sov_err *err)
{
    j->raw = (struct sov_span){ NULL, 0 };
    sov_lines_forget(&j->lines);
    explicit_bzero(err, sizeof(*err));
    wipe_below();
}

/* A line, or bad, what is wrong with it. */
static int
take_line(struct sov_jsonl_job *j, struct sov_span line, int bad,
          struct sov_err *err)
{
    struct sov_jsonl_slot *s;
    int rc = bad;
    int known;

    if (bad != 0)
        line.len = 0; /* there is nothing of it */
    line = without_mark(j, line);
    known = sov_jsonl_resume_look(j, line, err);
    if (known != 0 || (rc == 0 && is_blank(line)))
        return known < 0 ? known : 0;
    s = sov_jsonl_take_slot(j);
    s->digest = j->ledger != NULL ? sov_ledger_digest(line) : 0;
    j->m->n_requests++;
    j->raw = rc == 0 ? line : (struct sov_span){ NULL, 0 };
    if (sov_request_new(&s->request, err) < 0)
        return err->rc;
    if (rc == 0)
        rc = sov_request_read(s->request, (const char *)line.p, line.len, err);
    if (rc == 0)
        rc = sov_jsonl_ask(j, s, err);
    if (rc < 0)
        rc = sov_jsonl_refuse(j, s, rc, err);
    else
        j->n_asked++;
    return rc == 0 ? sov_jsonl_note(j, s, NULL, NULL, err) : rc;
}

/* May one more line be read?  Some wait for a place, so that none is empty. */
static bool
has_room(const struct sov_jsonl_job *j)
{
    return !j->ended && j->n_used < j->n_slots && j->n_asked < 2 * j->m->batch;
}

/* Lines that are there already; one in any case where there is nothing else to
 * do. */
static int
take_lines(struct sov_jsonl_job *j, struct sov_err *err)
{
    struct sov_span line;
    int rc = 0;

    while (has_room(j) && rc == 0) {
        if (j->n_asked > 0) {
            rc = sov_lines_soon(&j->lines, err);
            if (rc <= 0)
                return rc;
        } else if (sov_jsonl_resume_sync(j, true, err) < 0) {
            return err->rc;
        }
        rc = sov_lines_next(&j->lines, &line, err);
        j->ended = rc == 0;
        if (rc < 0 && rc != SOV_EFORMAT)
            return rc;
        if (rc != 0) {
            j->line++;
            rc = take_line(j, line, rc < 0 ? rc : 0, err);
            if (rc == 0)
                forget_line(j, err);
        } else {
            rc = sov_jsonl_resume_ended(j, err);
        }
        if (rc == 0)
            rc = sov_jsonl_write_done(j, err);
    }
    return rc;
}

/* ---- all of it */

/* What a pass took is shared out by the tokens that it read. */
static int
step(struct sov_jsonl_job *j, struct sov_err *err)
{
    struct sov_desk_counts before, after;
    double start = sov_seconds();
    double took, share;
    int rc;

    sov_desk_count(j->desk, &before);
    rc = sov_desk_step(j->desk, err);
    sov_desk_count(j->desk, &after);
    took = sov_seconds() - start;
    share = (double)(after.n_read - before.n_read);
    if (share > 0)
        share /= share + (double)(after.n_made - before.n_made);
    j->m->prompt_s += took * share;
    j->m->generate_s += took * (1 - share);
    sov_account_desk(j->m->account, &after, took);
    return rc < 0 ? rc : 0;
}

static int
answer_all(struct sov_jsonl_job *j, struct sov_err *err)
{
    struct sov_desk_counts none;
    int rc;

    sov_desk_count(j->desk, &none);
    sov_account_desk(j->m->account, &none, 0);
    rc = take_lines(j, err);
    while (rc == 0 && j->n_asked > 0) {
        rc = step(j, err);
        if (rc == 0)
            rc = sov_jsonl_take_answers(j, err);
        if (!j->out.tty)
            sov_progress_update(NULL, j->m->n_requests - j->n_asked, 0,
                                "answer");
        if (rc == 0)
            rc = take_lines(j, err);
    }
    return rc;
}

/* Templates for messages without and with tools; a model without any can
 * continue texts all the same. */
static int
open_talk(struct sov_jsonl_job *j, struct sov_err *err)
{
    static const char tools[] = "{\"tools\":[]}";
    int rc = 0;

    for (int i = 0; i < 2 && rc == 0; i++) {
        struct sov_talk *t = &j->talk[i];

        *t = *j->m->talk;
        if (j->date[0] != '\0') {
            t->date = j->date;
            rc = sov_talk_check(t, err);
            if (rc < 0)
                return rc;
        }
        rc = sov_dialog_new(&t->dialog, err);
        if (rc == 0 && i == 1)
            rc = sov_dialog_set(t->dialog, tools, strlen(tools), err);
        if (rc == 0)
            rc = sov_talk_open(t, j->lm, err);
        sov_dialog_free(t->dialog);
        t->dialog = NULL;
    }
    if (rc == SOV_EUNSUP && j->m->talk->template == NULL) {
        j->no_talk = *err;
        rc = 0;
    }
    return rc;
}

static int
open_lines(struct sov_jsonl_job *j, const char *const *files, size_t n,
           struct sov_err *err)
{
    bool from_stdin = n == 0;

    for (size_t i = 0; i < n; i++)
        from_stdin |= strcmp(files[i], "-") == 0;
    if (from_stdin && strcmp(j->lm->path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "standard input is the model; give the requests as a "
                        "file");
    if (n == 0 && isatty(STDIN_FILENO) == 1)
        sov_note(0, "requests come from the terminal; Ctrl-D ends them");
    return sov_lines_open(&j->lines, files, n, SOV_REQUEST_MAX, err);
}

static int
open_model(struct sov_jsonl_job *j, const struct sov_session_opts *opts,
           const char *const *inputs, size_t n, struct sov_err *err)
{
    struct sov_session_opts so = *opts;
    int rc = sov_lm_open(j->lm, SOV_ACCESS_MAP, inputs, n, err);

    if (rc == 0)
        rc = sov_jsonl_resume_open(j, err);
    if (rc == 0)
        rc = sov_lm_open_tok(j->lm, err);
    if (rc == 0)
        rc = open_talk(j, err);
    if (rc < 0)
        return rc;
    so.other = sov_memory_used();
    sov_jsonl_session(j->m, j->lm->model, &so);
    rc = sov_desk_open(&j->desk, j->lm->model, j->lm->tok, &so, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_lm_name(j->lm));
    sov_desk_power(j->desk, j->m->account->power);
    rc = sov_account_model(j->m->account, j->lm, opts, "jsonl", err);
    return rc == 0 ? sov_jsonl_resume_log(j, err) : rc;
}

static void
close_job(struct sov_jsonl_job *j)
{
    sov_desk_close(j->desk);
    sov_jsonl_free_slots(j);
    sov_talk_close(&j->talk[0]);
    sov_talk_close(&j->talk[1]);
    sov_emit_free(&j->out);
    sov_ledger_close(j->ledger);
    sov_lines_close(&j->lines);
}

int
sov_jsonl_run(struct sov_jsonl_mode *m, struct sov_lm *lm,
              const struct sov_session_opts *opts, const char *const *inputs,
              size_t n_inputs, size_t n_files, struct sov_err *err)
{
    struct sov_jsonl_job j = { .m = m, .lm = lm };
    int rc = open_lines(&j, inputs, n_files, err);

    if (rc == 0)
        rc = sov_jsonl_open_slots(&j, err);
    if (rc == 0)
        rc = open_model(&j, opts, inputs, n_inputs, err);
    if (rc == 0 && m->sampler.temp > 0)
        sov_note(1, "seed %" PRIu64, m->sampler.seed);
    if (rc == 0 && m->resume != NULL)
        rc = sov_jsonl_resume_begin(&j, opts, err);
    else if (rc == 0)
        rc = sov_emit_open(&j.out, false, lm->inputs, lm->n_inputs, err);
    sov_progress_begin("requests");
    if (rc == 0) {
        sov_sandbox_seal();
        rc = answer_all(&j, err);
    }
    sov_progress_end();
    if (rc == 0 && j.ledger != NULL)
        rc = sov_jsonl_resume_sync(&j, true, err);
    else if (rc == 0)
        rc = sov_emit_close(&j.out, err);
    close_job(&j);
    return rc;
}
