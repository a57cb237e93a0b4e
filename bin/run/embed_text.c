/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed_text.c - lines become ids, ids become numbers, numbers are written
 */
#include "run/embed_job.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

/* ---- a line becomes ids */

void
sov_embed_clear(struct sov_embed_item *it)
{
    free(it->id);
    free(it->ids);
    *it = (struct sov_embed_item){ 0 };
}

static int
check_ids(const struct sov_embed_job *j, const struct sov_embed_item *it,
          struct sov_err *err)
{
    uint32_t n_vocab = sov_session_vocab(j->lm->session);

    for (size_t i = 0; i < it->n; i++)
        if (it->ids[i] < 0 || (uint32_t)it->ids[i] >= n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "token id %" PRId32 " is not below %" PRIu32
                            ", the size of the vocabulary",
                            it->ids[i], n_vocab);
    return 0;
}

int
sov_embed_ids(const struct sov_embed_job *j, struct sov_embed_item *it,
              const struct sov_request_embed *what, struct sov_err *err)
{
    const struct sov_embed_opts opts = {
        .special = j->e->special,
        .cut = j->e->cut,
        .most = sov_session_ctx(j->lm->session),
    };
    int rc;

    if (what->query.p != NULL && j->pool != SOV_POOL_RANK)
        return sov_fail(err, SOV_EFORMAT,
                        "a query and a document are for --pooling rank");
    rc = sov_embed_encode(j->lm->tok, sov_model_meta(j->lm->model), what, &opts,
                          &it->ids, &it->n, &it->was_cut, err);
    return rc == 0 ? check_ids(j, it, err) : rc;
}

static int
encode_json(const struct sov_embed_job *j, struct sov_embed_item *it,
            struct sov_span line, struct sov_err *err)
{
    struct sov_request_embed what;
    sov_request *request = NULL;
    int rc = sov_request_parse(&request, (const char *)line.p, line.len, err);

    if (rc == 0 && sov_request_id(request) != NULL) {
        it->id = strdup(sov_request_id(request));
        if (it->id == NULL)
            rc = no_memory(err);
    }
    if (rc == 0)
        rc = sov_request_embed(request, &what, err);
    if (rc == 0)
        rc = sov_embed_ids(j, it, &what, err);
    sov_request_free(request);
    return rc;
}

/* A query and a document have a tab between them. */
static int
encode_text(const struct sov_embed_job *j, struct sov_embed_item *it,
            struct sov_span line, struct sov_err *err)
{
    struct sov_request_embed what = { .text = line };
    const unsigned char *tab = NULL;
    int rc = sov_request_check_text((const char *)line.p, line.len, err);

    if (rc < 0)
        return rc;
    if (j->pool == SOV_POOL_RANK && line.len > 0)
        tab = memchr(line.p, '\t', line.len);
    if (tab != NULL) {
        what.text.p = NULL;
        what.query = (struct sov_span){ line.p, (size_t)(tab - line.p) };
        what.document =
            (struct sov_span){ tab + 1, line.len - what.query.len - 1 };
    }
    return sov_embed_ids(j, it, &what, err);
}

bool
sov_embed_is_blank(const struct sov_embed_job *j, struct sov_span line)
{
    if (!j->e->jsonl)
        return false;
    for (size_t i = 0; i < line.len; i++)
        if (strchr(" \t\r", line.p[i]) == NULL || line.p[i] == '\0')
            return false;
    return true;
}

int
sov_embed_line(const struct sov_embed_job *j, struct sov_embed_item *it,
               struct sov_span line, struct sov_err *err)
{
    return j->e->jsonl ? encode_json(j, it, line, err)
                       : encode_text(j, it, line, err);
}

void
sov_embed_tell(struct sov_embed_job *j, const char *file, size_t number,
               const struct sov_err *err)
{
    struct sov_err whole = *err;

    sov_err_wrap(&whole, "%s:%zu", file, number);
    sov_tool_complain(SOV_EFORMAT, &whole);
    j->e->n_bad++;
}

int
sov_embed_settle(struct sov_embed_job *j, struct sov_embed_item *it, int rc,
                 const struct sov_err *err)
{
    it->rc = rc;
    if (rc != SOV_EFORMAT)
        return rc;
    it->err = *err;
    sov_embed_tell(j, it->file, it->number, err);
    return 0;
}

/* ---- and ids become numbers */

size_t
sov_embed_rows(const struct sov_embed_job *j, const struct sov_embed_item *it)
{
    return j->pool == SOV_POOL_NONE ? it->n : 1;
}

size_t
sov_embed_width(const struct sov_embed_job *j)
{
    return j->pool == SOV_POOL_RANK ? sov_session_scores(j->lm->session)
                                    : sov_session_width(j->lm->session);
}

static int
make_room(struct sov_embed_job *j, struct sov_err *err)
{
    size_t n = 0;
    float *bigger;

    for (size_t i = 0; i < j->n_items; i++)
        if (j->item[i].rc == 0)
            n += sov_embed_rows(j, &j->item[i]) * sov_embed_width(j);
    if (n <= j->x_cap)
        return 0;
    bigger = realloc(j->x, n * sizeof(*bigger));
    if (bigger == NULL)
        return no_memory(err);
    j->x = bigger;
    j->x_cap = n;
    return 0;
}

static int
compute(struct sov_embed_job *j, struct sov_err *err)
{
    struct sov_text_ids text[SOV_EMBED_TOGETHER];
    double before = sov_account_joules(j->e->account);
    double start = sov_seconds();
    double took, after;
    size_t n = 0;
    int rc = make_room(j, err);

    for (size_t i = 0; i < j->n_items; i++)
        if (j->item[i].rc == 0)
            text[n++] = (struct sov_text_ids){ j->item[i].ids, j->item[i].n };
    if (rc == 0 && n > 0)
        rc = sov_session_embed_texts(j->lm->session, text, n, j->pool, j->x,
                                     err);
    took = sov_seconds() - start;
    after = sov_account_joules(j->e->account);
    j->joules = before >= 0 && after >= 0 ? after - before : -1;
    j->e->seconds += took;
    sov_account_busy(j->e->account, took, j->joules);
    return rc;
}

static bool
all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* A model that is damaged must not be taken for one that means zero. */
static int
finish(struct sov_embed_job *j, struct sov_embed_item *it, float *x,
       struct sov_err *err)
{
    size_t width = sov_embed_width(j);
    size_t rows = sov_embed_rows(j, it);

    j->e->n_tokens += it->n;
    if (!all_finite(x, rows * width))
        return sov_fail(err, SOV_EFORMAT,
                        "what the model makes of it is no number (NaN or "
                        "infinite)");
    for (size_t i = 0; i < rows && !j->e->as_is && j->pool != SOV_POOL_RANK;
         i++)
        sov_embedding_normalize(x + i * width, width);
    return 0;
}

static int
put_item(struct sov_embed_job *j, struct sov_embed_item *it, float *x,
         struct sov_err *err)
{
    struct sov_embed_record r = {
        .index = it->index,
        .id = it->id,
        .n_tokens = it->n,
        .was_cut = it->was_cut,
        .scores = j->pool == SOV_POOL_RANK,
        .rows = j->pool == SOV_POOL_NONE ? it->n : 0,
        .width = sov_embed_width(j),
        .x = x,
    };
    int rc = 0;

    r.spent.total_s = sov_seconds() - it->began;
    r.spent.joules = j->joules >= 0 && j->n_ids > 0
                         ? j->joules * (double)it->n / (double)j->n_ids
                         : j->joules;
    if (it->rc == 0)
        rc = finish(j, it, x, err);
    if (rc < 0 && it->number == 0)
        return rc;
    if (rc < 0 && sov_embed_is_array(j))
        return sov_err_wrap(err, "%s:%zu", it->file, it->number);
    if (rc < 0)
        rc = sov_embed_settle(j, it, rc, err);
    if (rc < 0)
        return rc;
    if (it->rc < 0)
        r.error = it->err.msg;
    return sov_embed_put(&j->out, &r, err);
}

int
sov_embed_flush(struct sov_embed_job *j, struct sov_err *err)
{
    float *x;
    int rc = compute(j, err);

    x = j->x;
    for (size_t i = 0; i < j->n_items; i++) {
        struct sov_embed_item *it = &j->item[i];
        bool good = it->rc == 0;
        size_t n = it->n;

        if (rc == 0)
            rc = put_item(j, it, x, err);
        if (good)
            x += (j->pool == SOV_POOL_NONE ? n : 1) * sov_embed_width(j);
        sov_embed_clear(it);
    }
    j->n_items = j->n_ids = 0;
    if (!j->out.emit.tty)
        sov_progress_update(NULL, j->e->n_texts, j->n_kept, "embed");
    return rc;
}

int
sov_embed_take(struct sov_embed_job *j, const char *file, size_t number,
               struct sov_span line, int rc, bool more, struct sov_err *err)
{
    struct sov_embed_item *it = &j->item[j->n_items];
    const struct sov_account_ask ask = {
        .line = j->e->n_texts + 1,
        .bytes = rc == 0 ? line : (struct sov_span){ NULL, 0 },
    };

    if (rc == 0 && sov_embed_is_blank(j, line))
        return more || j->n_items == 0 ? 0 : sov_embed_flush(j, err);
    it->file = file;
    it->number = number;
    it->index = j->e->n_texts++;
    it->began = sov_seconds();
    if (sov_account_ask(j->e->account, &ask, err) < 0)
        return err->rc;
    if (rc == 0)
        rc = sov_embed_line(j, it, line, err);
    rc = sov_embed_settle(j, it, rc, err);
    if (rc < 0) {
        sov_embed_clear(it);
        return rc;
    }
    j->n_items++;
    j->n_ids += it->n;
    if (more && j->n_items < SOV_EMBED_TOGETHER &&
        j->n_ids < sov_session_ctx(j->lm->session))
        return 0;
    return sov_embed_flush(j, err);
}
