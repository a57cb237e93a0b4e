/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - text that goes on, an answer, a conversation
 */
#include "run/run.h"

#include "cli/emit.h"
#include "cli/generate.h"
#include "cli/report.h"
#include "cli/sandbox.h"
#include "cli/tool.h"
#include "run/converse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- one answer */

/* What was asked: the text of the prompt, the messages, or ids. */
static int
account_request(struct run *r, struct sov_err *err)
{
    const struct sov_account_ask ask = {
        .bytes = { (unsigned char *)r->prompt.text, r->prompt.len },
        .ids = run_options.ids != NULL ? r->ids : NULL,
        .n_ids = r->n_ids,
    };

    return sov_account_ask(&run_options.account, &ask, err);
}

static struct sov_report *
report_text(const struct run *r, const struct sov_emit *out,
            const struct sov_generate *g, const struct sov_spent *spent)
{
    const struct sov_account *a = &run_options.account;
    struct sov_report *report = sov_report_new("sov.run/1");

    sov_report_span(report, "text", out->kept != NULL ? out->kept : "",
                    out->n_kept);
    if (out->n_aside > 0)
        sov_report_span(report, "thought", out->aside, out->n_aside);
    sov_report_text(report, "stop", NULL, sov_why_name(g->why));
    sov_report_uint(report, "prompt_tokens", NULL, r->n_prompt);
    if (sov_keep_wanted(&run_options.keep))
        sov_report_uint(report, "known_tokens", NULL, r->n_known);
    sov_report_uint(report, "generated_tokens", NULL, r->n_ids - r->n_prompt);
    if (run_options.temp > 0)
        sov_report_uint(report, "seed", NULL, sov_common.seed);
    if (a->meter)
        sov_account_report(report, r->n_known, spent);
    if (a->prove)
        sov_report_text(report, "proof", NULL, a->last_proof);
    return report;
}

/* The log has its line, and then the answer leaves: JSON, or text that was
 * held for it. */
static int
write_answer(struct run *r, struct sov_emit *out, const struct sov_generate *g,
             struct sov_err *err)
{
    struct sov_account *a = &run_options.account;
    struct sov_account_answer answer = {
        .outcome = sov_why_name(g->why),
        .bytes = { (unsigned char *)out->kept, out->n_kept },
        .n_prompt = r->n_prompt,
        .n_known = r->n_known,
        .n_made = r->n_ids - r->n_prompt,
        .spent = { 0, g->first_s, g->prompt_s + g->generate_s, g->joules },
        .proof = a->last_proof,
    };
    char *line = NULL;
    int rc = 0;

    if (sov_common.json) {
        rc = sov_report_line(report_text(r, out, g, &answer.spent), &line, err);
        answer.bytes = (struct sov_span){ (unsigned char *)line,
                                          line != NULL ? strlen(line) - 1 : 0 };
    }
    if (rc == 0)
        rc = sov_account_answer(a, &answer, err);
    if (rc == 0 && sov_common.json)
        rc = sov_sink_write(out->sink, line, strlen(line), err);
    else if (rc == 0)
        rc = sov_emit_release(out, err);
    free(line);
    return rc;
}

/* The prompt as it was given or rendered; of ids, their text. */
static int
echo_prompt(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    struct sov_span text = { (unsigned char *)r->prompt.text, r->prompt.len };

    if (r->rendered.p != NULL)
        text = (struct sov_span){ (unsigned char *)r->rendered.p,
                                  r->rendered.len };
    if (text.p != NULL)
        return sov_emit_text(out, text, err);
    return sov_generate_echo(&r->lm, r->ids, r->n_ids, out, err);
}

/* What was said belongs to the conversation that is kept. */
static int
add_answer(const struct sov_emit *out, size_t n_echo, struct sov_err *err)
{
    if (!run_options.chat || !sov_keep_wanted(&run_options.keep))
        return 0;
    return sov_dialog_add(run_options.talk.dialog, "assistant",
                          out->kept != NULL ? out->kept + n_echo : "",
                          out->n_kept - n_echo, err);
}

/* The answer is given: the session is saved. */
static int
keep(struct run *r, struct sov_err *err)
{
    struct sov_keep *k = &run_options.keep;
    sov_dialog *dialog = run_options.chat ? run_options.talk.dialog : NULL;

    sov_keep_turn(k, r->ids, r->n_ids, dialog);
    return sov_keep_end(k, &r->lm, r->ids, r->n_ids, dialog, err);
}

static int
generate(struct run *r, struct sov_emit *out, size_t *n_echo,
         struct sov_err *err)
{
    struct sov_generate g = {
        .ids = r->ids,
        .n_ids = r->n_ids,
        .n_tokens = run_options.n_tokens,
        .stops = run_options.stops.items,
        .n_stops = run_options.stops.n,
        .end = run_options.chat ? run_options.talk.end : -1,
        .channels = run_options.talk.channels,
        .saving = &run_options.keep.saving,
        .power = run_options.account.power,
    };
    int rc;

    out->hold = run_options.account.log != NULL && !sov_common.json;
    out->both = run_options.chat && sov_keep_wanted(&run_options.keep);
    rc = run_options.echo ? echo_prompt(r, out, err) : 0;
    *n_echo = out->n_kept;
    run_fill_sampler(&g.sampler);
    r->n_known = sov_keep_recall(&run_options.keep, r->ids, r->n_ids);
    g.n_read = r->n_known;
    if (rc == 0)
        rc = sov_generate(&g, &r->lm, out, err);
    r->ids = g.ids;
    r->n_ids = g.n_ids;
    r->prompt_s = g.prompt_s;
    r->generate_s = g.generate_s;
    if (rc == 0)
        rc = sov_account_prove(&run_options.account, &g.sampler, g.ids,
                               r->n_prompt, g.n_ids, err);
    return rc == 0 ? write_answer(r, out, &g, err) : rc;
}

/* Is it the answer that somebody else had? */
static int
judge_proof(struct sov_err *err)
{
    const struct sov_account *a = &run_options.account;

    if (a->prove && !sov_common.json)
        fprintf(stderr, "%s\n", a->last_proof);
    if (a->claimed == NULL || strcmp(a->claimed, a->last_proof) == 0)
        return 0;
    return sov_fail(err, SOV_ENO, "the proof of this answer is another one: %s",
                    a->last_proof);
}

int
run_generate(struct run *r, struct sov_err *err)
{
    struct sov_emit out = { 0 };
    size_t n_echo = 0;
    int rc = run_open_model(r, SOV_ACCESS_MAP, err);

    if (rc == 0)
        rc = run_open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = run_prepare_prompt(r, err);
    if (rc == 0)
        rc = sov_keep_fit(&run_options.keep, &r->lm, err);
    if (rc == 0)
        rc = sov_emit_open(&out, sov_common.json, r->lm.inputs, r->lm.n_inputs,
                           err);
    if (rc == 0)
        rc = run_account_model(r, run_options.chat ? "chat" : "generate", err);
    if (rc == 0)
        sov_sandbox_seal();
    if (rc == 0)
        rc = account_request(r, err);
    if (rc == 0)
        rc = run_take_ids(r, err);
    if (rc == 0)
        rc = generate(r, &out, &n_echo, err);
    if (rc == 0)
        rc = add_answer(&out, n_echo, err);
    if (rc == 0)
        rc = sov_emit_close(&out, err);
    if (rc == 0)
        rc = keep(r, err);
    sov_emit_free(&out);
    return rc == 0 ? judge_proof(err) : rc;
}

bool
run_is_conversation(int argc)
{
    return run_options.chat && !run_options.render && !run_options.tokenize &&
           run_options.logits == NULL && run_options.prompt == NULL &&
           argc == 0 && !sov_common.json && sov_common.output == NULL &&
           isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

int
run_conversation(struct run *r, struct sov_err *err)
{
    struct sov_converse c = {
        .lm = &r->lm,
        .talk = &run_options.talk,
        .n_tokens = run_options.n_tokens,
        .stops = run_options.stops.items,
        .n_stops = run_options.stops.n,
        .timings = run_options.timings,
        .account = &run_options.account,
        .keep = &run_options.keep,
    };
    int rc = run_open_model(r, SOV_ACCESS_MAP, err);

    run_fill_sampler(&c.sampler);
    if (rc == 0)
        rc = run_open_session(r, 1, err);
    if (rc == 0)
        rc = sov_lm_open_tok(&r->lm, err);
    if (rc == 0)
        rc = sov_talk_read(&run_options.talk, NULL, 0, true, err);
    if (rc == 0)
        rc = sov_talk_open(&run_options.talk, &r->lm, err);
    if (rc == 0)
        rc = sov_keep_fit(&run_options.keep, &r->lm, err);
    if (rc == 0)
        rc = run_account_model(r, "conversation", err);
    if (rc == 0)
        sov_sandbox_seal();
    return rc == 0 ? sov_converse(&c, err) : rc;
}
