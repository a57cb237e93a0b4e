/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c - which lines of a pipe have been answered
 */
#include "run/ledger.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/mem.h"
#include "run/request.h"
#include "run/saved.h"
#include "sys/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_EVERY 1.0 /* seconds */
#define SHOWN      48  /* bytes of a value in a message */
#define DIGITS     9   /* of a number in it */

/* ---- opening it */

/* The lock is that of the answers. */
static int
open_files(struct sov_ledger *l, bool make, const struct sov_sink_opts *opts,
           struct sov_err *err)
{
    size_t n = strlen(l->name) + sizeof(".journal");
    char *name = sov_mem_array(n, 1);
    int rc = 0;

    if (name == NULL)
        return sov_mem_fail(err);
    snprintf(name, n, "%s.journal", l->name);
    if (l->out == NULL)
        rc = sov_append_open(&l->out, l->name, make, opts, err);
    if (rc == 0 && l->journal == NULL && l->out != NULL)
        rc = sov_append_open(&l->journal, name, make, opts, err);
    free(name);
    return rc;
}

int
sov_ledger_open(sov_ledger **ledger, const char *path,
                const struct sov_sink_opts *opts, struct sov_err *err)
{
    struct sov_ledger *l = sov_mem_array(1, sizeof(*l));
    int rc;

    *ledger = NULL;
    if (l == NULL)
        return sov_mem_fail(err);
    l->name = sov_mem_dup(path, strlen(path));
    rc = l->name == NULL ? sov_mem_fail(err) : open_files(l, false, opts, err);
    if (rc == 0)
        rc = sov_ledger_read(l, err);
    if (rc == 0 && l->counts.answered == 0 && l->counts.cut > 0 &&
        l->settings == NULL)
        rc = sov_fail(err, SOV_EFORMAT, "%s: there is something else in it",
                      l->name);
    if (rc < 0) {
        sov_ledger_close(l);
        return rc;
    }
    *ledger = l;
    return 0;
}

void
sov_ledger_close(sov_ledger *l)
{
    if (l == NULL)
        return;
    sov_append_close(l->out);
    sov_append_close(l->journal);
    json_decref(l->settings);
    free(l->name);
    free(l->note);
    free(l->done);
    free(l);
}

void
sov_ledger_count(const sov_ledger *l, struct sov_ledger_counts *counts)
{
    *counts = l->counts;
}

/* ---- what answers depend on */

static char *
text_of(const json_t *value)
{
    if (json_is_string(value))
        return sov_mem_dup(json_string_value(value), json_string_length(value));
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT |
                                 JSON_REAL_PRECISION(DIGITS));
}

char *
sov_ledger_setting(const sov_ledger *l, const char *name)
{
    const json_t *value = json_object_get(l->settings, name);

    return value != NULL && l->counts.answered > 0 ? text_of(value) : NULL;
}

static void
to_hex(const unsigned char sum[SOV_SHA256_LEN], char mark[SOV_MARK_LEN + 1])
{
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(mark + 2 * i, 3, "%02x", sum[i]);
}

/* What the model computes, and how it reads texts and messages. */
int
sov_ledger_model(const sov_model *model, char mark[SOV_MARK_LEN + 1],
                 struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(model);
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_buf b = { 0 };
    bool bad;
    int rc = sov_identity_model(model, sum, err);

    if (rc < 0)
        return rc;
    sov_buf_add(&b, sum, sizeof(sum));
    for (size_t i = 0; i < sov_meta_count(meta); i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);

        if (strncmp(kv->key, "tokenizer.", 10) != 0)
            continue;
        sov_buf_str(&b, kv->key, strlen(kv->key));
        sov_buf_str(&b, kv->val.p, kv->val.len);
    }
    bad = b.bad;
    if (!bad)
        sov_sha256(b.p, b.len, sum);
    sov_buf_free(&b);
    if (bad)
        return sov_mem_fail(err);
    to_hex(sum, mark);
    return 0;
}

int
sov_ledger_adapters(const struct sov_lora_use *use, size_t n,
                    char mark[SOV_MARK_LEN + 1], struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    int rc = sov_identity_adapters(use, n, sum, err);

    if (rc == 0)
        to_hex(sum, mark);
    return rc;
}

/* For a message: a value, or that there is none. */
static void
show(const json_t *value, char buf[SHOWN])
{
    char *text = value != NULL ? text_of(value) : NULL;

    snprintf(buf, SHOWN, "%s", text != NULL ? text : "nothing");
    if (text != NULL && strlen(text) >= SHOWN)
        memcpy(buf + SHOWN - 4, "...", 4);
    free(text);
}

static int
check_one(const struct sov_ledger *l, const char *name, const json_t *was,
          const json_t *is, struct sov_err *err)
{
    char a[SHOWN], b[SHOWN];

    if (was != NULL && is != NULL && json_equal(was, is))
        return 0;
    show(was, a);
    show(is, b);
    return sov_fail(err, SOV_EFORMAT,
                    "%s: its answers were made with \"%.32s\" %s, and now it "
                    "is %s",
                    l->name, name, a, b);
}

static int
check_settings(const struct sov_ledger *l, json_t *now, struct sov_err *err)
{
    const char *name;
    json_t *value;
    int rc = 0;

    json_object_foreach(now, name, value)
    {
        rc = check_one(l, name, json_object_get(l->settings, name), value, err);
        if (rc < 0)
            return rc;
    }
    json_object_foreach(l->settings, name, value)
    {
        rc = check_one(l, name, value, json_object_get(now, name), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A journal that begins with them; the answers have none yet that it would
 * not be true of. */
static int
write_settings(struct sov_ledger *l, const char *settings, size_t len,
               struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc = sov_append_cut(l->journal, 0, err);

    sov_buf_add(&b, settings, len);
    sov_buf_u8(&b, '\n');
    if (rc == 0 && b.bad)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_append_write(l->journal, b.p, b.len, err);
    if (rc == 0)
        rc = sov_append_sync(l->journal, err);
    sov_buf_free(&b);
    return rc;
}

/* Make what is not there yet. */
static int
make_files(struct sov_ledger *l, const struct sov_sink_opts *opts,
           struct sov_err *err)
{
    bool is_new = l->out == NULL;
    int rc = open_files(l, true, opts, err);

    if (rc < 0 || !is_new || sov_append_size(l->out) == 0)
        return rc;
    errno = 0;
    return sov_fail_sys(err, SOV_WHERE_LOCK,
                        "%s: another run has begun to write this output",
                        l->name);
}

int
sov_ledger_begin(sov_ledger *l, const char *settings, size_t len,
                 const struct sov_sink_opts *opts, struct sov_err *err)
{
    bool goes_on = l->counts.answered > 0 && l->settings != NULL;
    json_t *now;
    int rc = sov_json_parse(settings, len, &now, err);

    if (rc < 0)
        return rc;
    if (goes_on)
        rc = check_settings(l, now, err);
    json_decref(now);
    if (rc == 0)
        rc = make_files(l, opts, err);
    if (rc == 0)
        rc = sov_append_cut(l->out, l->whole, err);
    if (rc == 0 && goes_on)
        rc = sov_append_cut(l->journal, l->noted, err);
    else if (rc == 0)
        rc = write_settings(l, settings, len, err);
    l->synced = sov_clock();
    return rc;
}

/* ---- lines */

uint64_t
sov_ledger_digest(struct sov_span text)
{
    unsigned char sum[SOV_SHA256_LEN];

    sov_sha256(text.p, text.len, sum);
    return sov_le64(sum);
}

uint64_t
sov_ledger_id_digest(const char *id)
{
    return sov_ledger_digest(
        (struct sov_span){ (const unsigned char *)(id != NULL ? id : ""),
                           id != NULL ? strlen(id) : 0 });
}

/* Does the line have the id that was answered?  One that is damaged has none. */
static int
same_id(struct sov_span text, uint64_t digest, bool *same, struct sov_err *err)
{
    sov_request *r;
    int rc = sov_request_new(&r, err);

    if (rc == 0)
        rc = sov_request_read(r, (const char *)text.p, text.len, NULL);
    if (rc == SOV_EMEM) {
        sov_request_free(r);
        return sov_mem_fail(err);
    }
    *same = sov_ledger_id_digest(sov_request_id(r)) == digest;
    sov_request_free(r);
    return 0;
}

static const struct sov_ledger_entry *
find(const struct sov_ledger *l, uint64_t line)
{
    size_t from = 0, to = l->n_done;

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (l->done[mid].line >> 1 < line)
            from = mid + 1;
        else
            to = mid;
    }
    return from < l->n_done && l->done[from].line >> 1 == line ? &l->done[from]
                                                               : NULL;
}

bool
sov_ledger_unwritten(const sov_ledger *l, size_t *at, uint64_t *line)
{
    for (; *at < l->n_notes; ++*at) {
        *line = l->note[*at].line;
        if (find(l, *line) == NULL) {
            ++*at;
            return true;
        }
    }
    return false;
}

int
sov_ledger_look(const sov_ledger *l, uint64_t line, struct sov_span text,
                struct sov_err *err)
{
    const struct sov_ledger_entry *e = find(l, line);
    bool same = false;
    int rc = 0;

    if (e == NULL)
        return 0;
    if (e->line & 1)
        rc = same_id(text, e->digest, &same, err);
    else
        same = sov_ledger_digest(text) == e->digest;
    if (rc < 0)
        return rc;
    return same ? 1
                : sov_fail(err, SOV_EFORMAT,
                           "%s: line %" PRIu64 " of the input is not the one "
                           "that was answered",
                           l->name, line);
}

int
sov_ledger_end(const sov_ledger *l, uint64_t n, struct sov_err *err)
{
    uint64_t last = l->n_done > 0 ? l->done[l->n_done - 1].line >> 1 : 0;

    if (last <= n)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "%s: has an answer to line %" PRIu64 ", and the input has "
                    "%" PRIu64,
                    l->name, last, n);
}

int
sov_ledger_note(sov_ledger *l, uint64_t line, uint64_t digest,
                struct sov_err *err)
{
    char note[48];
    int n = snprintf(note, sizeof(note), "%" PRIu64 " %016" PRIx64 "\n", line,
                     digest);

    l->dirty = true;
    return sov_append_write(l->journal, note, (size_t)n, err);
}

int
sov_ledger_put(sov_ledger *l, struct sov_span answer, struct sov_err *err)
{
    l->dirty = true;
    return sov_append_write(l->out, answer.p, answer.len, err);
}

bool
sov_ledger_due(const sov_ledger *l)
{
    return l->dirty && sov_clock() - l->synced >= SYNC_EVERY;
}

int
sov_ledger_sync(sov_ledger *l, struct sov_err *err)
{
    int rc = l->dirty ? sov_append_sync(l->journal, err) : 0;

    if (rc == 0 && l->dirty)
        rc = sov_append_sync(l->out, err);
    l->dirty = false;
    l->synced = sov_clock();
    return rc;
}
