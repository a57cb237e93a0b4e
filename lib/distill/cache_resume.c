/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_resume.c - samples that a run left, to be gone on with
 *
 * The journal of the part has a u64 for each block: where it ends.  Neither is
 * believed: header and what blocks are coded by have sums, and so has every
 * block, with its number; the first that is not right, and all behind it, is
 * made again.
 */
#include "distill/cache_out.h"

#include "base/le.h"
#include "base/mem.h"
#include "sys/part.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY 8 /* of the journal */
/* A block of so many tokens has no more bytes: an id and a count for each. */
#define BLOCK_MOST \
    ((uint64_t)SOV_FEW_OUT_BLOCK * (SOV_FEW_MAX * 8 + 8) + SOV_XXH3_LEN)

int
sov_few_writer_note(sov_few_writer *w, struct sov_err *err)
{
    unsigned char entry[ENTRY];

    if (!sov_part_is(w->sink))
        return 0;
    sov_put64(entry, w->at);
    sov_part_keep(w->sink);
    return sov_part_note(w->sink, entry, sizeof(entry), err);
}

/* Is the part one of this run?  What it is coded by becomes the writer's.
 * SOV_ENO: there is nothing of worth. */
static int
take_model(sov_few_writer *w, struct sov_err *err)
{
    unsigned char head[SOV_FEW_HEAD], there[SOV_FEW_HEAD], sum[SOV_XXH3_LEN];
    size_t len = (size_t)sov_few_model_bytes(&w->about);
    uint64_t size = sov_part_size(w->sink);
    struct sov_few_model *m = &w->model;
    unsigned char *p;
    int rc;

    if (size < SOV_FEW_HEAD + len)
        return SOV_ENO;
    sov_few_writer_head(w, head);
    rc = sov_part_read(w->sink, there, sizeof(there), 0, err);
    if (rc == 0 && memcmp(there, head, sizeof(head)) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "%s is of another run: other texts, another teacher or "
                        "other options; remove it to begin anew",
                        sov_sink_part(w->sink));
    p = rc == 0 ? sov_mem_array(len, 1) : NULL;
    if (rc == 0)
        rc = p == NULL ? sov_mem_fail(err)
                       : sov_part_read(w->sink, p, len, SOV_FEW_HEAD, err);
    if (rc == 0) {
        sov_few_sum(w->hash, w->sum, NULL, p, len - SOV_XXH3_LEN, sum);
        memcpy(w->shares, p, w->about.n_vocab);
        m->n_vocab = w->about.n_vocab;
        m->n_draws = w->about.n_draws;
        m->shares = w->shares;
        for (uint32_t i = 1; i <= m->n_draws; i++)
            m->sizes[i] = sov_le16(p + w->about.n_vocab + 2 * (i - 1));
        m->evenness = p[len - SOV_XXH3_LEN - 1];
        if (memcmp(sum, p + len - SOV_XXH3_LEN, sizeof(sum)) != 0 ||
            !sov_few_model_sane(m))
            rc = SOV_ENO;
    }
    free(p);
    return rc;
}

/* Block w->block, which ends there: 1 if it is right. */
static int
take_block(sov_few_writer *w, uint64_t end, unsigned char *p,
           struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    size_t len;
    int rc;

    if (end > sov_part_size(w->sink) || end < w->at + SOV_XXH3_LEN ||
        end - w->at > BLOCK_MOST)
        return 0;
    len = (size_t)(end - w->at);
    rc = sov_part_read(w->sink, p, len, w->at, err);
    if (rc < 0)
        return rc;
    sov_few_sum(w->hash, w->sum, &w->block, p + SOV_XXH3_LEN,
                len - SOV_XXH3_LEN, sum);
    if (memcmp(sum, p, sizeof(sum)) != 0)
        return 0;
    w->block++;
    w->at = end;
    sov_buf_u64(&w->index, w->at);
    return w->index.bad ? sov_mem_fail(err) : 1;
}

static int
take_blocks(sov_few_writer *w, struct sov_err *err)
{
    uint64_t all = (w->about.n_tokens - 1) / SOV_FEW_OUT_BLOCK + 1;
    unsigned char *entry = NULL, *p = sov_mem_array((size_t)BLOCK_MOST, 1);
    size_t len = 0;
    int rc = p == NULL ? sov_mem_fail(err)
                       : sov_part_journal(w->sink, (size_t)(ENTRY * all),
                                          &entry, &len, err);

    if (rc == 0)
        rc = 1;
    for (size_t i = 0; i + ENTRY <= len && rc == 1; i += ENTRY)
        rc = take_block(w, sov_le64(entry + i), p, err);
    free(entry);
    free(p);
    return rc < 0 ? rc : 0;
}

int
sov_few_writer_resume(sov_few_writer *w, uint64_t *done, struct sov_err *err)
{
    int rc;

    *done = 0;
    if (!sov_part_is(w->sink))
        return 0;
    rc = take_model(w, err);
    if (rc == 0) {
        w->at = SOV_FEW_HEAD + sov_few_model_bytes(&w->about);
        rc = take_blocks(w, err);
    }
    if (rc < 0 && rc != SOV_ENO)
        return rc;
    w->begun = w->block > 0;
    if (!w->begun)
        w->at = 0;
    w->n = w->block * SOV_FEW_OUT_BLOCK;
    w->n = w->n < w->about.n_tokens ? w->n : w->about.n_tokens;
    *done = w->n;
    rc = sov_part_cut(w->sink, ENTRY * w->block, err);
    return rc == 0 ? sov_part_skip(w->sink, w->at, err) : rc;
}
