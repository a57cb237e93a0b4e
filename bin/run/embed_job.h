/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed_job.h - texts on their way, for embed.c and embed_text.c
 */
#ifndef SOV_RUN_EMBED_JOB_H
#define SOV_RUN_EMBED_JOB_H

#include "cli/lines.h"
#include "run/embed.h"
#include "sov/request.h"

#define SOV_EMBED_TOGETHER 64 /* texts at most */

/* One text on its way. */
struct sov_embed_item {
    size_t index;
    const char *file; /* borrowed */
    size_t number;    /* of the line; 0: it is none */
    char *id;         /* owned, JSON, or NULL */
    int32_t *ids;     /* owned */
    size_t n;
    bool was_cut;
    double began; /* in seconds */
    int rc;       /* not 0: err says why there is nothing */
    struct sov_err err;
};

/* A line that is kept. */
struct sov_embed_kept {
    const char *file;
    size_t number;
    size_t begin;
    size_t len;
};

struct sov_embed_job {
    struct sov_embed_mode *e;
    struct sov_lm *lm;
    enum sov_pool pool;
    struct sov_embed_out out;
    struct sov_lines lines;
    struct sov_embed_item item[SOV_EMBED_TOGETHER];
    size_t n_items;
    size_t n_ids;  /* of all of them */
    double joules; /* that they took, or below 0 */
    float *x;      /* owned: what they become */
    size_t x_cap;
    /* arrays: all lines */
    char *text;
    size_t text_len, text_cap;
    struct sov_embed_kept *kept;
    size_t n_kept, kept_cap;
    size_t rows;
};

void sov_embed_clear(struct sov_embed_item *it);

/* Rows and columns of what comes of a text. */
size_t sov_embed_rows(const struct sov_embed_job *j,
                      const struct sov_embed_item *it);
size_t sov_embed_width(const struct sov_embed_job *j);

/* Ids of what is asked for, and of a line. */
int sov_embed_ids(const struct sov_embed_job *j, struct sov_embed_item *it,
                  const struct sov_request_embed *what,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_embed_line(const struct sov_embed_job *j, struct sov_embed_item *it,
                   struct sov_span line, struct sov_err *err) SOV_MUST_CHECK;

/* A line of JSON that says nothing. */
bool sov_embed_is_blank(const struct sov_embed_job *j, struct sov_span line);

/* Tell what is wrong with a line, and count it. */
void sov_embed_tell(struct sov_embed_job *j, const char *file, size_t number,
                    const struct sov_err *err);

/* rc of a text: one that will not do is told, and the run goes on (0); what
 * else is wrong ends it. */
int sov_embed_settle(struct sov_embed_job *j, struct sov_embed_item *it, int rc,
                     const struct sov_err *err) SOV_MUST_CHECK;

/*
 * One more line; rc is what was wrong with reading it, more whether the next
 * one is there already.
 */
int sov_embed_take(struct sov_embed_job *j, const char *file, size_t number,
                   struct sov_span line, int rc, bool more,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Embed and write all that is waiting. */
int sov_embed_flush(struct sov_embed_job *j,
                    struct sov_err *err) SOV_MUST_CHECK;

static inline bool
sov_embed_is_array(const struct sov_embed_job *j)
{
    return j->e->format != SOV_EMBED_JSONL;
}

#endif
