/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt.c - the prompt: read, rendered, made into ids
 */
#include "run/run.h"

#include "cli/prompt.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is read to make a prompt of the text, while files can be opened. */
int
run_prepare_prompt(struct run *r, struct sov_err *err)
{
    if (run_options.ids != NULL)
        return sov_prompt_ids(run_options.ids, r->lm.path, &r->ids, &r->n_ids,
                              err);
    return run_options.chat ? sov_talk_open(&run_options.talk, &r->lm, err) : 0;
}

int
run_encode_prompt(struct run *r, unsigned flags, struct sov_err *err)
{
    int rc;

    if (run_options.parse_special)
        flags |= SOV_TOK_SPECIAL;
    if (run_options.chat) {
        rc = sov_talk_render(&run_options.talk, &r->rendered, err);
        if (rc == 0)
            rc = sov_talk_ids(&run_options.talk, &r->lm, &r->rendered, &r->ids,
                              &r->n_ids, err);
    } else {
        rc = sov_tok_encode(r->lm.tok, r->prompt.text, r->prompt.len, flags,
                            &r->ids, &r->n_ids, err);
    }
    r->n_prompt = r->n_ids;
    return rc;
}

/*
 * A file of text ends with a new line that is not meant as part of the
 * prompt; the shell cuts it off $(cat FILE), and so do we.
 */
void
run_cut_newline(struct run *r)
{
    if (run_options.prompt == NULL && r->prompt.len > 0 &&
        r->prompt.text[r->prompt.len - 1] == '\n')
        r->prompt.text[--r->prompt.len] = '\0';
}

int
run_read_text(struct run *r, int argc, char **argv, struct sov_err *err)
{
    int rc;

    if (run_options.ids != NULL)
        return 0;
    rc = sov_prompt_read(&r->prompt, run_options.prompt, argc, argv,
                         r->lm.path != NULL ? r->lm.path : "", err);
    if (rc < 0 || !run_options.chat)
        return rc;
    run_cut_newline(r);
    if (r->prompt.len == 0)
        return sov_fail(err, SOV_EFORMAT, "there are no messages");
    return sov_talk_read(&run_options.talk, r->prompt.text, r->prompt.len,
                         run_options.prompt != NULL, err);
}

/* Who says nothing wants the text of the session to go on. */
static int
take_session(struct run *r, struct sov_err *err)
{
    int rc;

    if (run_options.chat || run_options.ids != NULL || r->prompt.len > 0)
        return 0;
    rc = sov_keep_ids(&run_options.keep, &r->ids, &r->n_ids, err);
    if (rc == 0 && r->n_ids > 0) {
        free(r->prompt.text); /* what it says is in the ids */
        r->prompt.text = NULL;
    }
    return rc;
}

/* Ids of the prompt, checked against the session. */
int
run_take_ids(struct run *r, struct sov_err *err)
{
    uint32_t n_vocab = sov_session_vocab(r->lm.session);
    uint32_t ctx = sov_session_ctx(r->lm.session);
    int rc = take_session(r, err);

    if (rc == 0 && r->ids == NULL)
        rc = run_encode_prompt(r, SOV_TOK_BOS, err);
    if (rc < 0)
        return rc;
    if (r->n_ids == 0)
        return sov_fail(err, SOV_EFORMAT, "the prompt is empty");
    for (size_t i = 0; i < r->n_ids; i++)
        if (r->ids[i] < 0 || (uint32_t)r->ids[i] >= n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %d is not below %" PRIu32
                            ", the size of the vocabulary",
                            r->ids[i], n_vocab);
    if (r->n_ids > ctx)
        return sov_fail(err, SOV_EFORMAT,
                        "the prompt has %zu tokens and the context room for "
                        "%" PRIu32 "; give less text, or --ctx %zu",
                        r->n_ids, ctx, r->n_ids);
    r->n_prompt = r->n_ids;
    return 0;
}
