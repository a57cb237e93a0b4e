/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl.c - requests in, answers out, a line each: sov-run --jsonl
 *
 * A slot is a line from when it is read to when its answer is written.  There
 * are a few slots for each request that is answered at once, and no line is
 * read while none is free: whoever writes lines waits then, and memory does
 * not grow.  With --order input, answers wait in their slots for those before.
 */
#include "run/jsonl.h"

#include "cli/emit.h"
#include "cli/generate.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "sov/request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS     4 /* for each request that is answered at once */
#define SLOTS_MIN 16
#define LINES_MAX ((uint64_t)4 << 20) /* bytes, counted for lines */

struct slot {
    size_t next; /* that was read after it, or that is free too */
    uint64_t line;
    char *id; /* JSON, owned; or NULL */
    uint64_t seed;
    bool done;
    struct sov_reply answer;
};

#define NO_SLOT SIZE_MAX

struct job {
    struct sov_jsonl_mode *m;
    struct sov_lm *lm;
    sov_desk *desk;
    struct sov_lines lines;
    uint64_t line; /* number of the last one, in all files */
    bool ended;
    struct sov_emit out;
    struct sov_talk talk[2]; /* by whether there are tools */
    struct sov_err no_talk;  /* why there is no template */
    struct slot *slot;       /* [n_slots] */
    size_t n_slots;
    size_t n_used;
    size_t n_asked; /* of them, that the desk has */
    size_t free;    /* a list of slots, */
    size_t first;   /* and another: in the order of input, from here */
    size_t last;    /* to here */
};

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

static size_t
count_slots(const struct sov_jsonl_mode *m)
{
    size_t n = (size_t)m->batch * SLOTS;

    return n > SLOTS_MIN ? n : SLOTS_MIN;
}

void
sov_jsonl_session(const struct sov_jsonl_mode *m, struct sov_session_opts *so)
{
    uint64_t ctx = so->n_ctx != 0 ? so->n_ctx : SOV_CTX_DEFAULT;

    so->n_seq = (uint32_t)m->batch;
    so->reuse = true;
    so->other += LINES_MAX + count_slots(m) * ctx * sizeof(int32_t);
}

/* ---- slots */

static int
open_slots(struct job *j, struct sov_err *err)
{
    j->n_slots = count_slots(j->m);
    j->slot = calloc(j->n_slots, sizeof(*j->slot));
    if (j->slot == NULL)
        return no_memory(err);
    for (size_t i = 0; i < j->n_slots; i++)
        j->slot[i].next = i + 1 < j->n_slots ? i + 1 : NO_SLOT;
    j->first = j->last = NO_SLOT;
    return 0;
}

/* A free one, as the last that was read. */
static struct slot *
take_slot(struct job *j)
{
    size_t i = j->free;
    struct slot *s = &j->slot[i];

    j->free = s->next;
    *s = (struct slot){ .next = NO_SLOT, .line = j->line };
    if (j->last != NO_SLOT)
        j->slot[j->last].next = i;
    else
        j->first = i;
    j->last = i;
    j->n_used++;
    return s;
}

static void
clear_slot(struct slot *s)
{
    free(s->id);
    s->id = NULL;
    sov_reply_free(&s->answer);
}

/* Free the one behind before, or the first. */
static void
drop_slot(struct job *j, size_t before)
{
    size_t i = before != NO_SLOT ? j->slot[before].next : j->first;
    struct slot *s = &j->slot[i];

    if (before != NO_SLOT)
        j->slot[before].next = s->next;
    else
        j->first = s->next;
    if (j->last == i)
        j->last = before;
    clear_slot(s);
    s->next = j->free;
    j->free = i;
    j->n_used--;
}

/* ---- answers */

static const char *
code_of(int rc)
{
    return rc == SOV_EUNSUP ? "unsupported" : "invalid_request";
}

static void
report_answer(struct sov_report *r, const struct slot *s)
{
    const struct sov_reply *a = &s->answer;

    sov_report_span(r, "text", a->text != NULL ? a->text : "", a->n_text);
    if (a->n_thought > 0)
        sov_report_span(r, "thought", a->thought, a->n_thought);
    sov_report_text(r, "stop", NULL, sov_why_name(a->why));
    sov_report_uint(r, "prompt_tokens", NULL, a->n_prompt);
    sov_report_uint(r, "generated_tokens", NULL, a->n_made);
    sov_report_uint(r, "seed", NULL, s->seed);
}

static int
write_slot(struct job *j, const struct slot *s, struct sov_err *err)
{
    struct sov_report *r = sov_report_new(NULL);
    char *line = NULL;
    int rc;

    if (s->id != NULL)
        sov_report_json(r, "id", s->id, strlen(s->id));
    sov_report_uint(r, "line", NULL, s->line);
    if (s->answer.rc < 0) {
        sov_report_object(r, "error");
        sov_report_text(r, "code", NULL, code_of(s->answer.rc));
        sov_report_text(r, "message", NULL, s->answer.err.msg);
        sov_report_object_end(r);
    } else {
        report_answer(r, s);
    }
    rc = sov_report_line(r, &line, err);
    sov_progress_clear();
    if (rc == 0)
        rc = sov_emit_text(
            &j->out, (struct sov_span){ (unsigned char *)line, strlen(line) },
            err);
    free(line);
    return rc;
}

/* All that may be written now. */
static int
write_done(struct job *j, struct sov_err *err)
{
    size_t before = NO_SLOT;
    int rc = 0;

    for (size_t i = j->first; i != NO_SLOT && rc == 0;) {
        size_t next = j->slot[i].next;

        if (j->slot[i].done) {
            rc = write_slot(j, &j->slot[i], err);
            drop_slot(j, before);
        } else if (j->m->order == SOV_ORDER_INPUT) {
            break;
        } else {
            before = i;
        }
        i = next;
    }
    return rc;
}

/* Is it the line that is wrong, or the run? */
static bool
is_of_line(int rc)
{
    return rc == SOV_EFORMAT || rc == SOV_EARG || rc == SOV_EUNSUP;
}

/* A line without an answer: 0, and the run goes on, or rc, and it ends. */
static int
refuse(struct job *j, struct slot *s, int rc, const struct sov_err *err)
{
    if (!is_of_line(rc))
        return rc;
    s->answer.rc = rc;
    s->answer.err = *err;
    s->done = true;
    j->m->n_bad++;
    return 0;
}

static int
take_answers(struct job *j, struct sov_err *err)
{
    struct sov_reply a;

    while (sov_desk_take(j->desk, &a)) {
        struct slot *s = &j->slot[a.tag];

        s->answer = a;
        s->done = true;
        j->n_asked--;
        j->m->n_bad += a.rc < 0;
        j->m->n_prompt += a.n_prompt;
        j->m->n_known += a.n_known;
        j->m->n_made += a.n_made;
    }
    return write_done(j, err);
}

/* ---- requests */

/* The messages of a request, with what the command line says of them. */
static int
read_messages(struct sov_talk *t, const struct sov_request_text *what,
              struct sov_err *err)
{
    int rc = sov_dialog_new(&t->dialog, err);
    const char *role;

    if (rc == 0)
        rc = sov_dialog_parse(t->dialog, (const char *)what->messages.p,
                              what->messages.len, err);
    if (rc < 0)
        return rc;
    role = sov_dialog_role(t->dialog, 0);
    if (t->system != NULL && (role == NULL || strcmp(role, "system") != 0))
        rc = sov_dialog_begin(t->dialog, "system", t->system, strlen(t->system),
                              err);
    if (rc == 0 && t->vars != NULL)
        rc = sov_dialog_set(t->dialog, t->vars, strlen(t->vars), err);
    return rc;
}

static int
encode_messages(struct job *j, struct sov_talk *t,
                const struct sov_request_text *what, int32_t **ids, size_t *n,
                struct sov_err *err)
{
    struct sov_chat_text text = { 0 };
    int rc;

    if (t->chat == NULL)
        return sov_fail(err, SOV_EUNSUP, "%s", j->no_talk.msg);
    rc = read_messages(t, what, err);
    if (rc == 0)
        rc = sov_talk_render(t, &text, err);
    if (rc == 0)
        rc = sov_talk_ids(t, j->lm, &text, ids, n, err);
    sov_chat_text_free(&text);
    sov_dialog_free(t->dialog);
    t->dialog = NULL;
    return rc;
}

static int
encode_prompt(struct job *j, struct sov_span prompt, int32_t **ids, size_t *n,
              struct sov_err *err)
{
    unsigned flags = SOV_TOK_BOS | (j->m->special ? SOV_TOK_SPECIAL : 0);

    return sov_tok_encode(j->lm->tok, (const char *)prompt.p, prompt.len, flags,
                          ids, n, err);
}

/* Put what a request asks for to the desk. */
static int
ask(struct job *j, const struct slot *s, struct sov_request_text *what,
    struct sov_err *err)
{
    bool messages = what->messages.p != NULL;
    struct sov_talk *t = &j->talk[what->tools];
    struct sov_ask a = {
        .tag = (uint64_t)(s - j->slot),
        .n_tokens = what->n_tokens,
        .sampler = what->sampler,
        .stops = what->stops,
        .n_stops = what->n_stops,
        .end = messages ? t->end : -1,
        .channels = messages && t->channels != NULL,
        .tenant = what->tenant,
    };
    int32_t *ids = NULL;
    int rc = messages ? encode_messages(j, t, what, &ids, &a.n_ids, err)
                      : encode_prompt(j, what->prompt, &ids, &a.n_ids, err);

    a.ids = ids;
    if (messages && !what->n_tokens_given && !j->m->n_tokens_given)
        a.n_tokens = UINT64_MAX;
    if (rc == 0)
        rc = sov_desk_add(j->desk, &a, err);
    free(ids);
    return rc;
}

static int
take_request(struct job *j, struct slot *s, sov_request *request,
             struct sov_err *err)
{
    struct sov_request_text what = {
        .n_tokens = j->m->n_tokens,
        .sampler = j->m->sampler,
        .stops = j->m->stops,
        .n_stops = j->m->n_stops,
    };
    int rc;

    if (sov_request_id(request) != NULL) {
        s->id = strdup(sov_request_id(request));
        if (s->id == NULL)
            return no_memory(err);
    }
    what.sampler.seed = sov_request_seed(j->m->sampler.seed, s->line);
    rc = sov_request_text(request, &what, err);
    s->seed = what.sampler.seed;
    return rc == 0 ? ask(j, s, &what, err) : rc;
}

static bool
is_blank(struct sov_span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (strchr(" \t\r", line.p[i]) == NULL || line.p[i] == '\0')
            return false;
    return true;
}

/* A line, or bad, what is wrong with it. */
static int
take_line(struct job *j, struct sov_span line, int bad, struct sov_err *err)
{
    sov_request *request = NULL;
    struct slot *s;
    int rc = bad;

    if (rc == 0 && is_blank(line))
        return 0;
    s = take_slot(j);
    j->m->n_requests++;
    if (rc == 0)
        rc = sov_request_parse(&request, (const char *)line.p, line.len, err);
    if (rc == 0)
        rc = take_request(j, s, request, err);
    sov_request_free(request);
    if (rc < 0)
        return refuse(j, s, rc, err);
    j->n_asked++;
    return 0;
}

/* May one more line be read?  Some wait for a place, so that none is empty. */
static bool
has_room(const struct job *j)
{
    return !j->ended && j->n_used < j->n_slots && j->n_asked < 2 * j->m->batch;
}

/* Lines that are there already; one in any case where there is nothing else to
 * do. */
static int
take_lines(struct job *j, struct sov_err *err)
{
    struct sov_span line;
    int rc = 0;

    while (has_room(j) && rc == 0) {
        if (j->n_asked > 0) {
            rc = sov_lines_soon(&j->lines, err);
            if (rc <= 0)
                return rc;
        }
        rc = sov_lines_next(&j->lines, &line, err);
        j->ended = rc == 0;
        if (rc < 0 && rc != SOV_EFORMAT)
            return rc;
        if (rc != 0) {
            j->line++;
            rc = take_line(j, line, rc < 0 ? rc : 0, err);
        }
        if (rc == 0)
            rc = write_done(j, err);
    }
    return rc;
}

/* ---- all of it */

/* What a pass took is shared out by the tokens that it read. */
static int
step(struct job *j, struct sov_err *err)
{
    struct sov_desk_counts before, after;
    double start = sov_generate_clock();
    double took, share;
    int rc;

    sov_desk_count(j->desk, &before);
    rc = sov_desk_step(j->desk, err);
    sov_desk_count(j->desk, &after);
    took = sov_generate_clock() - start;
    share = (double)(after.n_read - before.n_read);
    if (share > 0)
        share /= share + (double)(after.n_made - before.n_made);
    j->m->prompt_s += took * share;
    j->m->generate_s += took * (1 - share);
    return rc < 0 ? rc : 0;
}

static int
answer_all(struct job *j, struct sov_err *err)
{
    int rc = take_lines(j, err);

    while (rc == 0 && j->n_asked > 0) {
        rc = step(j, err);
        if (rc == 0)
            rc = take_answers(j, err);
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
open_talk(struct job *j, struct sov_err *err)
{
    static const char tools[] = "{\"tools\":[]}";
    int rc = 0;

    for (int i = 0; i < 2 && rc == 0; i++) {
        struct sov_talk *t = &j->talk[i];

        *t = *j->m->talk;
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
open_lines(struct job *j, const char *const *files, size_t n,
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
open_model(struct job *j, const struct sov_session_opts *opts,
           const char *const *inputs, size_t n, struct sov_err *err)
{
    struct sov_session_opts so = *opts;
    int rc = sov_lm_open(j->lm, SOV_ACCESS_MAP, inputs, n, err);

    if (rc == 0)
        rc = sov_lm_open_tok(j->lm, err);
    if (rc == 0)
        rc = open_talk(j, err);
    if (rc < 0)
        return rc;
    so.other = sov_memory_used();
    sov_jsonl_session(j->m, &so);
    rc = sov_desk_open(&j->desk, j->lm->model, j->lm->tok, &so, err);
    return rc < 0 ? sov_err_wrap(err, "%s", sov_lm_name(j->lm)) : 0;
}

static void
close_job(struct job *j)
{
    sov_desk_close(j->desk);
    for (size_t i = 0; i < j->n_slots && j->slot != NULL; i++)
        clear_slot(&j->slot[i]);
    free(j->slot);
    sov_talk_close(&j->talk[0]);
    sov_talk_close(&j->talk[1]);
    sov_emit_free(&j->out);
    sov_lines_close(&j->lines);
}

int
sov_jsonl_run(struct sov_jsonl_mode *m, struct sov_lm *lm,
              const struct sov_session_opts *opts, const char *const *inputs,
              size_t n_inputs, size_t n_files, struct sov_err *err)
{
    struct job j = { .m = m, .lm = lm };
    int rc = open_lines(&j, inputs, n_files, err);

    if (rc == 0)
        rc = open_slots(&j, err);
    if (rc == 0)
        rc = open_model(&j, opts, inputs, n_inputs, err);
    if (rc == 0)
        rc = sov_emit_open(&j.out, false, lm->inputs, lm->n_inputs, err);
    sov_progress_begin("requests");
    if (rc == 0) {
        sov_sandbox_seal();
        rc = answer_all(&j, err);
    }
    sov_progress_end();
    if (rc == 0)
        rc = sov_emit_close(&j.out, err);
    close_job(&j);
    return rc;
}
