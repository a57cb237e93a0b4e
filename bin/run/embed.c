/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.c - texts in, numbers out: sov-run --embed
 *
 * JSON lines are written as the texts come: whoever writes one line and waits
 * gets its answer, and whoever writes many has them read several at a time.
 * The head of an array says how many rows there are, so its texts are all
 * read, and all looked at, before the first is embedded; then it has a row for
 * each of them, or there is no output.
 */
#include "run/embed_job.h"

#include "cli/generate.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/sandbox.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 30) /* bytes of all texts of an array */

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

/* ---- where texts come from */

/* Lines that look like JSON and are not said to be: a mistake, mostly. */
static void
look_at(const struct sov_embed_job *j, struct sov_span line)
{
    if (!j->e->jsonl && line.len > 1 && line.p[0] == '{' &&
        line.p[line.len - 1] == '}')
        sov_warn("%s: the first line looks like JSON, and is read as text; "
                 "say --jsonl if it is meant as that",
                 j->lines.name);
}

/* The next line: 1, or 0 at the end.  *bad is not 0 where it cannot be used. */
static int
next_line(struct sov_embed_job *j, struct sov_span *line, int *bad,
          struct sov_err *err)
{
    int rc = sov_lines_next(&j->lines, line, err);

    *bad = rc == SOV_EFORMAT ? rc : 0;
    if (*bad != 0)
        return 1;
    if (rc == 1 && j->lines.number == 1)
        look_at(j, *line);
    return rc;
}

/* Give each line to JSON lines of output, as soon as it is there. */
static int
stream(struct sov_embed_job *j, struct sov_err *err)
{
    struct sov_span line;
    int bad;
    int rc;

    while ((rc = next_line(j, &line, &bad, err)) == 1) {
        rc = sov_embed_take(j, j->lines.name, j->lines.number, line, bad,
                            sov_lines_ready(&j->lines), err);
        if (rc < 0)
            return rc;
    }
    return rc == 0 && j->n_items > 0 ? sov_embed_flush(j, err) : rc;
}

/* The one text of -p, or of --input-ids. */
static int
take_given(struct sov_embed_job *j, struct sov_err *err)
{
    const char *prompt = j->e->prompt;
    struct sov_embed_item *it = &j->item[0];
    struct sov_account_ask ask = { .line = 1 };
    size_t n = 0;
    int32_t *ids = NULL;
    int rc = 0;

    j->e->n_texts = 1;
    it->began = sov_seconds();
    if (prompt != NULL) {
        ask.bytes =
            (struct sov_span){ (const unsigned char *)prompt, strlen(prompt) };
        rc = sov_account_ask(j->e->account, &ask, err);
    }
    if (rc == 0 && prompt != NULL) {
        rc = sov_embed_line(
            j, it,
            (struct sov_span){ (const unsigned char *)prompt, strlen(prompt) },
            err);
    } else if (rc == 0) {
        rc = sov_prompt_ids(j->e->ids_path, j->lm->path, &ids, &n, err);
        ask.ids = ids;
        ask.n_ids = n;
        if (rc == 0)
            rc = sov_account_ask(j->e->account, &ask, err);
        if (rc == 0)
            rc = sov_embed_ids(
                j, it, &(struct sov_request_embed){ .ids = ids, .n_ids = n },
                err);
        free(ids);
    }
    if (rc < 0)
        sov_embed_clear(it);
    j->n_items = rc == 0;
    return rc;
}

/* ---- arrays */

static int
keep_bytes(struct sov_embed_job *j, struct sov_span line, struct sov_err *err)
{
    char *bigger;
    size_t cap;

    if (line.len > TEXT_MAX - j->text_len)
        return sov_fail(err, SOV_EFORMAT,
                        "the texts of an array have 1 GiB at most; write JSON "
                        "lines");
    if (j->text == NULL || j->text_cap - j->text_len < line.len) {
        cap = (j->text_len + line.len) * 2 + 64;
        bigger = realloc(j->text, cap);
        if (bigger == NULL)
            return no_memory(err);
        j->text = bigger;
        j->text_cap = cap;
    }
    if (line.len > 0)
        memcpy(j->text + j->text_len, line.p, line.len);
    j->text_len += line.len;
    return 0;
}

static int
keep_line(struct sov_embed_job *j, struct sov_span line, struct sov_err *err)
{
    struct sov_embed_kept *k;

    if (j->n_kept == j->kept_cap) {
        size_t cap = j->kept_cap * 2 + 1024;
        struct sov_embed_kept *bigger =
            reallocarray(j->kept, cap, sizeof(*bigger));

        if (bigger == NULL)
            return no_memory(err);
        j->kept = bigger;
        j->kept_cap = cap;
    }
    k = &j->kept[j->n_kept++];
    *k = (struct sov_embed_kept){ j->lines.name, j->lines.number, j->text_len,
                                  line.len };
    return keep_bytes(j, line, err);
}

static int
keep_lines(struct sov_embed_job *j, struct sov_err *err)
{
    struct sov_span line;
    int bad;
    int rc;

    while ((rc = next_line(j, &line, &bad, err)) == 1) {
        if (bad != 0) {
            sov_embed_tell(j, j->lines.name, j->lines.number, err);
            continue;
        }
        if (sov_embed_is_blank(j, line))
            continue;
        rc = keep_line(j, line, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static struct sov_span
line_of(const struct sov_embed_job *j, const struct sov_embed_kept *k)
{
    return (struct sov_span){ (const unsigned char *)j->text + k->begin,
                              k->len };
}

/* Look at all lines, and count the rows that they make. */
static int
look_at_all(struct sov_embed_job *j, struct sov_err *err)
{
    size_t bad = j->e->n_bad;
    int rc = 0;

    for (size_t i = 0; i < j->n_kept && rc == 0; i++) {
        const struct sov_embed_kept *k = &j->kept[i];
        struct sov_embed_item it = { .file = k->file, .number = k->number };

        rc = sov_embed_settle(j, &it,
                              sov_embed_line(j, &it, line_of(j, k), err), err);
        j->rows += sov_embed_rows(j, &it);
        sov_embed_clear(&it);
    }
    if (rc == 0 && j->e->n_bad > 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "%zu of %zu texts cannot be embedded; nothing is "
                      "written",
                      j->e->n_bad, j->n_kept + bad);
    return rc;
}

static int
embed_kept(struct sov_embed_job *j, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < j->n_kept && rc == 0; i++) {
        const struct sov_embed_kept *k = &j->kept[i];

        rc = sov_embed_take(j, k->file, k->number, line_of(j, k), 0,
                            i + 1 < j->n_kept, err);
    }
    return rc;
}

/* ---- all of it */

static bool
is_given(const struct sov_embed_job *j)
{
    return j->e->prompt != NULL || j->e->ids_path != NULL;
}

static int
open_lines(struct sov_embed_job *j, const char *const *files, size_t n,
           struct sov_err *err)
{
    bool from_stdin = n == 0;

    if (is_given(j))
        return 0;
    for (size_t i = 0; i < n; i++)
        from_stdin |= strcmp(files[i], "-") == 0;
    if (from_stdin && strcmp(j->lm->path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "standard input is the model; give the texts as a "
                        "file");
    if (n == 0 && isatty(STDIN_FILENO) == 1)
        sov_note(0, "the texts come from the terminal; Ctrl-D ends them");
    return sov_lines_open(&j->lines, files, n, SOV_REQUEST_MAX, err);
}

static int
open_model(struct sov_embed_job *j, const struct sov_session_opts *opts,
           const char *const *files, size_t n_files, struct sov_err *err)
{
    struct sov_session_opts so = *opts;
    int rc = sov_lm_open(j->lm, SOV_ACCESS_MAP, files, n_files, err);

    so.other = sov_memory_used();
    if (rc == 0)
        rc = sov_lm_open_session(j->lm, &so, err);
    if (rc == 0 && j->e->ids_path == NULL)
        rc = sov_lm_open_tok(j->lm, err);
    if (rc < 0)
        return rc;
    j->pool = (enum sov_pool)j->e->pool;
    if (j->pool == SOV_POOL_AUTO)
        j->pool = sov_session_pool(j->lm->session);
    rc = sov_session_embed_texts(j->lm->session, NULL, 0, j->pool, NULL, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", sov_lm_name(j->lm));
    return sov_account_model(j->e->account, j->lm, opts, "embed", err);
}

static int
embed_all(struct sov_embed_job *j, struct sov_err *err)
{
    int rc = 0;

    if (is_given(j))
        rc = take_given(j, err);
    else if (sov_embed_is_array(j))
        rc = look_at_all(j, err);
    if (rc == 0 && is_given(j))
        j->rows = sov_embed_rows(j, &j->item[0]);
    j->out.format = (enum sov_embed_format)j->e->format;
    j->out.account = j->e->account;
    if (rc == 0)
        rc = sov_embed_open_out(&j->out, j->rows, sov_embed_width(j), j->lm,
                                err);
    if (rc < 0)
        return rc;
    sov_sandbox_seal();
    if (is_given(j))
        rc = sov_embed_flush(j, err);
    else
        rc = sov_embed_is_array(j) ? embed_kept(j, err) : stream(j, err);
    return rc == 0 ? sov_embed_close_out(&j->out, err) : rc;
}

static void
close_job(struct sov_embed_job *j)
{
    for (size_t i = 0; i < SOV_EMBED_TOGETHER; i++)
        sov_embed_clear(&j->item[i]);
    sov_embed_free_out(&j->out);
    sov_lines_close(&j->lines);
    free(j->x);
    free(j->text);
    free(j->kept);
    free(j);
}

int
sov_embed_run(struct sov_embed_mode *e, struct sov_lm *lm,
              const struct sov_session_opts *opts, const char *const *files,
              size_t n_files, struct sov_err *err)
{
    struct sov_embed_job *j = calloc(1, sizeof(*j));
    int rc;

    if (j == NULL)
        return no_memory(err);
    j->e = e;
    j->lm = lm;
    rc = open_lines(j, files, n_files, err);
    sov_progress_begin("texts");
    if (rc == 0 && sov_embed_is_array(j) && !is_given(j))
        rc = keep_lines(j, err);
    if (rc == 0)
        rc = open_model(j, opts, files, n_files, err);
    if (rc == 0)
        rc = embed_all(j, err);
    sov_progress_end();
    close_job(j);
    return rc;
}

int
sov_embed_check(struct sov_embed_mode *e, size_t n_files, struct sov_err *err)
{
    const char *out = sov_common.output;
    size_t len = out != NULL ? strlen(out) : 0;
    const char *alone = e->format_given ? "--format"
                        : e->jsonl      ? NULL /* vectors among requests */
                        : e->pool != 0  ? "--pooling"
                        : e->as_is      ? "--no-normalize"
                        : e->cut        ? "--truncate"
                                        : NULL;

    if (!e->on)
        return alone == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG, "%s goes with --embed", alone);
    if (e->prompt != NULL && n_files > 0)
        return sov_fail(err, SOV_EARG,
                        "a text by -p and one by a file; give one of them");
    if (!e->format_given && len > 4 && strcmp(out + len - 4, ".npy") == 0)
        e->format = SOV_EMBED_NPY;
    if (sov_common.json && e->format != SOV_EMBED_JSONL)
        return sov_fail(err, SOV_EARG, "--json: the output is an array");
    return 0;
}
