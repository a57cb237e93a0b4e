/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_gather.c - all that papers are made of, of a model that was judged
 */
#include "verify/paper.h"

#include "cli/claims.h"
#include "cli/text.h"

#include <stdlib.h>

/* A sentence that the papers begin with. */
static void
say_standing(struct paper *p)
{
    const struct sov_claim *leaf = p->leaf;
    char who[200];

    if (leaf == NULL)
        snprintf(p->standing, sizeof(p->standing),
                 "NOT VERIFIED: nobody has signed anything about these files.");
    else if (!p->verified)
        snprintf(p->standing, sizeof(p->standing),
                 "NOT VERIFIED: the files are those of claim %.16s, but its "
                 "signer (key %.16s) is not trusted where this paper was made.",
                 leaf->id, leaf->key_id);
    else
        snprintf(p->standing, sizeof(p->standing),
                 "Verified: every byte is as signed in claim %.16s by %s (key "
                 "%.16s), and %zu of %zu steps of its history %s signed by "
                 "keys that are trusted where this paper was made.",
                 leaf->id,
                 leaf->signer[0] != '\0'
                     ? sov_text_escape(who, sizeof(who), leaf->signer)
                     : "a trusted key",
                 leaf->key_id, p->v.n_vouched, p->v.n_chain,
                 p->v.n_vouched == 1 ? "is" : "are");
}

static int64_t
newest(const struct paper *p)
{
    int64_t when = 0;

    for (size_t i = 0; i < p->n_steps; i++)
        if (p->step[i].claim->statement.finished > when)
            when = p->step[i].claim->statement.finished;
    for (size_t i = 0; i < p->n_words; i++)
        if (p->word[i].claim->statement.finished > when)
            when = p->word[i].claim->statement.finished;
    for (size_t i = 0; paper_test(p, i) != NULL; i++)
        if (paper_test(p, i)->statement.finished > when)
            when = paper_test(p, i)->statement.finished;
    return when;
}

int
paper_gather(struct paper *p, struct sov_err *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    int rc;

    for (size_t i = 0; i < sov_model_count(p->model); i++) {
        p->parameters += sov_tensor_count(sov_model_at(p->model, i));
        p->bytes += sov_model_at(p->model, i)->size;
    }
    rc = paper_steps(p, err);
    if (rc == 0)
        rc = paper_words(p, err);
    if (rc == 0)
        rc = paper_facts(p, err);
    if (rc == 0)
        p->when =
            epoch != NULL && epoch[0] != '\0' ? sov_claims_now() : newest(p);
    say_standing(p);
    return rc;
}
