/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl_resume.c - a run of requests that goes on: --resume
 *
 * The ledger (sov/ledger.h) knows which lines have been answered, and by what.
 * What answers depend on is written there member by member, so that whoever
 * goes on with something else is told what.
 */
#include "run/jsonl_job.h"

#include "cli/report.h"
#include "cli/tool.h"
#include "sov/hash.h"
#include "sov/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_MAX ((size_t)2 << 20)

static struct sov_sink_opts
file_opts(const struct sov_jsonl_job *j)
{
    return (struct sov_sink_opts){
        .lock = (enum sov_lock)sov_common.lock,
        .inputs = j->lm->inputs,
        .n_inputs = j->lm->n_inputs,
    };
}

/* Seed and day are those of the run that goes on, unless they are given. */
static int
take_over(struct sov_jsonl_job *j, struct sov_err *err)
{
    char *seed = sov_ledger_setting(j->ledger, "seed");
    char *date = sov_ledger_setting(j->ledger, "date");
    char *end = NULL;
    int rc = 0;

    if (seed != NULL && !sov_common.seed_given) {
        j->m->sampler.seed = strtoull(seed, &end, 10);
        if (end == seed || *end != '\0')
            rc = sov_fail(err, SOV_EFORMAT, "%s.journal: the seed is no number",
                          j->m->resume);
    }
    sov_common.seed = j->m->sampler.seed; /* as the log has it */
    if (date != NULL && j->m->talk->date == NULL)
        snprintf(j->date, sizeof(j->date), "%s", date);
    free(seed);
    free(date);
    return rc;
}

static void
tell(const struct sov_jsonl_job *j, const struct sov_ledger_counts *c)
{
    if (c->unknown > 0)
        sov_warn("%s: of %" PRIu64 " answers nothing is known but the ids of "
                 "their requests; see --resume in the manual",
                 j->m->resume, c->unknown);
    if (c->answered > 0)
        sov_note(1, "%s: %" PRIu64 " answers are there already", j->m->resume,
                 c->answered);
    if (c->cut > 0)
        sov_note(1,
                 "%s: half a line at the end, of %" PRIu64 " bytes, is cut "
                 "off",
                 j->m->resume, c->cut);
}

int
sov_jsonl_resume_open(struct sov_jsonl_job *j, struct sov_err *err)
{
    const struct sov_sink_opts opts = file_opts(j);
    struct sov_ledger_counts *c = &j->had;
    int rc;

    if (j->m->resume == NULL)
        return 0;
    rc = sov_ledger_open(&j->ledger, j->m->resume, &opts, err);
    if (rc == 0)
        rc = take_over(j, err);
    if (rc < 0)
        return rc;
    sov_ledger_count(j->ledger, c);
    tell(j, c);
    j->m->n_bad += (size_t)c->failed;
    j->output = (struct sov_account_output){ j->m->resume, c->answered,
                                             c->whole, c->sha256 };
    j->m->account->output = &j->output;
    return 0;
}

int
sov_jsonl_resume_log(struct sov_jsonl_job *j, struct sov_err *err)
{
    uint64_t line;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && j->ledger != NULL &&
           sov_ledger_unwritten(j->ledger, &at, &line))
        rc = sov_account_unwritten(j->m->account, line, err);
    return rc;
}

/* ---- what answers depend on */

static void
hex_of(const void *p, size_t len, char out[2 * SOV_SHA256_LEN + 1])
{
    unsigned char sum[SOV_SHA256_LEN];

    sov_sha256(p, len, sum);
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* As people write it. */
static void
report_float(struct sov_report *r, const char *key, float x)
{
    char text[32];

    snprintf(text, sizeof(text), "%.7g", (double)x);
    sov_report_json(r, key, text, strlen(text));
}

/* How requests are asked where they do not say it. */
static void
report_sampler(struct sov_report *r, const struct sov_jsonl_mode *m)
{
    const struct sov_sampler_opts *s = &m->sampler;

    sov_report_uint(r, "seed", NULL, s->seed);
    report_float(r, "temp", s->temp);
    sov_report_uint(r, "top_k", NULL, s->top_k);
    report_float(r, "top_p", s->top_p);
    report_float(r, "min_p", s->min_p);
    report_float(r, "repeat_penalty", s->repeat_penalty);
    if (m->n_tokens_given)
        sov_report_uint(r, "tokens", NULL, m->n_tokens);
    if (m->n_stops == 0)
        return;
    sov_report_table(r, "stop");
    for (size_t i = 0; i < m->n_stops; i++) {
        sov_report_row(r);
        sov_report_text(r, "text", NULL, m->stops[i]);
    }
    sov_report_table_end(r);
}

static int
report_talk(struct sov_report *r, const struct sov_jsonl_job *j,
            struct sov_err *err)
{
    const struct sov_talk *t = &j->talk[0];
    char hex[2 * SOV_SHA256_LEN + 1];
    char *text = NULL;
    char date[16];
    size_t len = 0;
    int rc;

    strftime(date, sizeof(date), "%Y-%m-%d", &t->opts.now);
    sov_report_text(r, "date", NULL, date);
    if (t->system != NULL)
        sov_report_text(r, "system", NULL, t->system);
    if (t->vars != NULL)
        sov_report_text(r, "chat_vars", NULL, t->vars);
    if (t->no_answer)
        sov_report_bool(r, "no_generation_prompt", NULL, true);
    if (t->template == NULL)
        return 0;
    rc = sov_read_whole(t->template, TEMPLATE_MAX, &text, &len, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", t->template);
    hex_of(text, len, hex);
    sov_report_text(r, "chat_template", NULL, hex);
    free(text);
    return 0;
}

static int
report_model(struct sov_report *r, const struct sov_jsonl_job *j,
             const struct sov_session_opts *so, struct sov_err *err)
{
    char mark[SOV_MARK_LEN + 1];
    int rc = sov_ledger_model(j->lm->model, mark, err);

    if (rc < 0)
        return rc;
    sov_report_text(r, "model", NULL, mark);
    if (so->n_lora == 0)
        return 0;
    rc = sov_ledger_adapters(so->lora, so->n_lora, mark, err);
    if (rc == 0)
        sov_report_text(r, "adapters", NULL, mark);
    return rc;
}

static void
report_session(struct sov_report *r, const struct sov_jsonl_job *j,
               const struct sov_session_opts *so)
{
    const struct sov_jsonl_mode *m = j->m;

    sov_report_uint(r, "ctx", NULL, sov_desk_ctx(j->desk));
    sov_report_bool(r, "precise", NULL, so->precise);
    if (so->kv != SOV_KV_AUTO)
        sov_report_uint(r, "kv", NULL, (uint64_t)so->kv);
    sov_report_bool(r, "parse_special", NULL, m->special);
    if (m->pool != SOV_POOL_AUTO)
        sov_report_uint(r, "pooling", NULL, (uint64_t)m->pool);
    if (m->as_is)
        sov_report_bool(r, "no_normalize", NULL, true);
    if (m->cut)
        sov_report_bool(r, "truncate", NULL, true);
    if (m->account->prove)
        sov_report_bool(r, "proof", NULL, true);
    if (m->account->meter)
        sov_report_bool(r, "meter", NULL, true);
}

int
sov_jsonl_resume_begin(struct sov_jsonl_job *j,
                       const struct sov_session_opts *so, struct sov_err *err)
{
    const struct sov_sink_opts opts = file_opts(j);
    struct sov_report *r;
    char *line = NULL;
    int rc, made;

    if (j->ledger == NULL)
        return 0;
    r = sov_report_new("sov.run.journal/1");
    rc = report_model(r, j, so, err);
    report_session(r, j, so);
    report_sampler(r, j->m);
    if (rc == 0)
        rc = report_talk(r, j, err);
    made = sov_report_line(r, &line, rc == 0 ? err : NULL);
    if (rc == 0)
        rc = made;
    if (rc == 0)
        rc = sov_ledger_begin(j->ledger, line, strcspn(line, "\n"), &opts, err);
    free(line);
    return rc == 0 ? sov_tool_open_rule(j->lm->inputs, j->lm->n_inputs, err)
                   : rc;
}

/* ---- lines */

/* The log first: it has whatever the answers have. */
int
sov_jsonl_resume_sync(struct sov_jsonl_job *j, bool now, struct sov_err *err)
{
    int rc;

    if (j->ledger == NULL || (!now && !sov_ledger_due(j->ledger)))
        return 0;
    rc = sov_account_sync(j->m->account, err);
    return rc == 0 ? sov_ledger_sync(j->ledger, err) : rc;
}

int
sov_jsonl_resume_look(struct sov_jsonl_job *j, struct sov_span line,
                      struct sov_err *err)
{
    int rc;

    if (j->ledger == NULL)
        return 0;
    rc = sov_ledger_look(j->ledger, j->line, line, err);
    j->m->n_requests += rc == 1;
    return rc;
}

int
sov_jsonl_resume_ended(const struct sov_jsonl_job *j, struct sov_err *err)
{
    return j->ledger != NULL ? sov_ledger_end(j->ledger, j->line, err) : 0;
}
