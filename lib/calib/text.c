/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - a text as the tokens that a model reads
 */
#include "sov/calib.h"
#include "sov/token.h"

int
sov_calib_text(struct sov_calib_opts *opts, int32_t **ids,
               const sov_model *model, const char *text, size_t len,
               struct sov_err *err)
{
    sov_tok *tok;
    int rc = sov_tok_load(&tok, sov_model_meta(model), err);

    *ids = NULL;
    if (rc < 0)
        return rc;
    rc = sov_tok_encode(tok, text, len, SOV_TOK_BOS, ids, &opts->n_ids, err);
    opts->ids = *ids;
    opts->bos = sov_tok_adds_bos(tok) ? sov_tok_bos(tok) : -1;
    sov_tok_free(tok);
    return rc;
}
