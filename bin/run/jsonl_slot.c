/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl_slot.c - lines from when they are read to when they are answered
 */
#include "run/jsonl_job.h"

#include "cli/names.h"
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>

int
sov_jsonl_open_slots(struct sov_jsonl_job *j, struct sov_err *err)
{
    j->n_slots = sov_jsonl_slots(j->m);
    j->slot = calloc(j->n_slots, sizeof(*j->slot));
    if (j->slot == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < j->n_slots; i++)
        j->slot[i].next = i + 1 < j->n_slots ? i + 1 : SOV_NO_SLOT;
    j->first = j->last = SOV_NO_SLOT;
    return 0;
}

static void
clear_slot(struct sov_jsonl_slot *s)
{
    sov_request_free(s->request);
    s->request = NULL;
    sov_reply_free(&s->answer);
}

void
sov_jsonl_free_slots(struct sov_jsonl_job *j)
{
    for (size_t i = 0; i < j->n_slots && j->slot != NULL; i++)
        clear_slot(&j->slot[i]);
    free(j->slot);
}

struct sov_jsonl_slot *
sov_jsonl_take_slot(struct sov_jsonl_job *j)
{
    size_t i = j->free;
    struct sov_jsonl_slot *s = &j->slot[i];

    j->free = s->next;
    *s = (struct sov_jsonl_slot){ .next = SOV_NO_SLOT, .line = j->line };
    if (j->last != SOV_NO_SLOT)
        j->slot[j->last].next = i;
    else
        j->first = i;
    j->last = i;
    j->n_used++;
    return s;
}

/* Free the one behind before, or the first. */
static void
drop_slot(struct sov_jsonl_job *j, size_t before)
{
    size_t i = before != SOV_NO_SLOT ? j->slot[before].next : j->first;
    struct sov_jsonl_slot *s = &j->slot[i];

    if (before != SOV_NO_SLOT)
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

/* The file that it is, without folders. */
static const char *
model_name(const struct sov_jsonl_job *j)
{
    return sov_name_base(sov_lm_name(j->lm));
}

/* The proof of a text, if it is wanted. */
static int
prove(struct sov_jsonl_job *j, const struct sov_jsonl_slot *s,
      struct sov_err *err)
{
    const struct sov_reply *a = &s->answer;
    bool text = a->rc == 0 && a->ids != NULL && a->x == NULL;

    j->m->account->last_proof[0] = '\0';
    if (!text)
        return 0;
    return sov_account_prove(j->m->account, &s->sampler, a->ids, a->n_prompt,
                             a->n_prompt + a->n_made, err);
}

/* The log has its line before it leaves. */
static int
note_answer(struct sov_jsonl_job *j, const struct sov_jsonl_slot *s,
            const char *line, size_t len, struct sov_err *err)
{
    const struct sov_reply *a = &s->answer;
    const struct sov_account_answer answer = {
        .line = s->line,
        .outcome = a->rc < 0      ? "error"
                   : a->x != NULL ? "vectors"
                                  : sov_why_name(a->why),
        .bytes = { (const unsigned char *)line, len - 1 },
        .n_prompt = a->n_prompt,
        .n_known = a->n_known,
        .n_made = a->n_made,
        .spent = a->spent,
        .proof = j->m->account->last_proof,
    };

    return sov_account_answer(j->m->account, &answer, err);
}

static int
write_slot(struct sov_jsonl_job *j, const struct sov_jsonl_slot *s,
           struct sov_err *err)
{
    const struct sov_response answer = {
        .line = s->line,
        .seed = s->seed,
        .model = model_name(j),
        .tok = j->lm->tok,
        .reply = &s->answer,
        .proof = j->m->account->prove ? j->m->account->last_proof : NULL,
        .meter = j->m->account->meter,
    };
    struct sov_span text;
    char *line = NULL;
    size_t len = 0;
    int rc = prove(j, s, err);

    if (rc == 0)
        rc = sov_request_answer(s->request, &answer, &line, &len, err);
    if (rc == 0 && j->ledger != NULL)
        rc = sov_ledger_note(j->ledger, s->line, s->digest, err);
    if (rc == 0)
        rc = note_answer(j, s, line, len, err);
    text = (struct sov_span){ (unsigned char *)line, len };
    sov_progress_clear();
    if (rc == 0 && j->ledger != NULL)
        rc = sov_ledger_put(j->ledger, text, err);
    else if (rc == 0)
        rc = sov_emit_text(&j->out, text, err);
    if (line != NULL)
        explicit_bzero(line, len);
    free(line);
    return rc == 0 ? sov_jsonl_resume_sync(j, false, err) : rc;
}

int
sov_jsonl_write_done(struct sov_jsonl_job *j, struct sov_err *err)
{
    size_t before = SOV_NO_SLOT;
    int rc = 0;

    for (size_t i = j->first; i != SOV_NO_SLOT && rc == 0;) {
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

int
sov_jsonl_refuse(struct sov_jsonl_job *j, struct sov_jsonl_slot *s, int rc,
                 const struct sov_err *err)
{
    if (!is_of_line(rc))
        return rc;
    s->answer.rc = rc;
    s->answer.err = *err;
    s->answer.spent.joules = -1;
    s->done = true;
    j->m->n_bad++;
    return 0;
}

int
sov_jsonl_take_answers(struct sov_jsonl_job *j, struct sov_err *err)
{
    struct sov_reply a;

    while (sov_desk_take(j->desk, &a)) {
        struct sov_jsonl_slot *s = &j->slot[a.tag];

        s->answer = a;
        s->done = true;
        j->n_asked--;
        j->m->n_bad += a.rc < 0;
        j->m->n_prompt += a.n_prompt;
        j->m->n_known += a.n_known;
        j->m->n_made += a.n_made;
    }
    return sov_jsonl_write_done(j, err);
}
