/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.c - a session that is kept: --session, --session-in, --session-out
 */
#include "run/keep.h"

#include "cli/names.h"
#include "cli/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *
name_of(const struct sov_keep *k)
{
    const char *path = k->path != NULL ? k->path : k->in;

    return sov_name_in(path);
}

bool
sov_keep_wanted(const struct sov_keep *k)
{
    return k->path != NULL || k->in != NULL || k->out != NULL;
}

int
sov_keep_open(struct sov_keep *k, bool dry, struct sov_err *err)
{
    const char *path = k->path != NULL ? k->path : k->in;
    int rc;

    if (path == NULL)
        return 0;
    rc = sov_saved_open(&k->saving.saved, path, k->path != NULL && !dry, err);
    if (rc < 0 && dry && k->path != NULL && err->sys == ENOENT)
        return 0;
    return rc < 0 ? sov_err_wrap(err, "%s", name_of(k)) : 0;
}

int
sov_keep_load(struct sov_keep *k, struct sov_talk *talk, struct sov_err *err)
{
    uint64_t lost;
    int rc;

    if (k->saving.saved == NULL)
        return 0;
    rc = sov_saved_load(k->saving.saved, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", name_of(k));
    lost = sov_saved_lost(k->saving.saved);
    if (lost > 0)
        sov_note(0,
                 "%s: the last %" PRIu64 " bytes are not whole: what was "
                 "saved before them counts",
                 name_of(k), lost);
    if (talk != NULL)
        talk->before = sov_saved_messages(k->saving.saved);
    return 0;
}

static int
open_out(struct sov_keep *k, const struct sov_lm *lm, struct sov_err *err)
{
    struct sov_sink_opts so = {
        .force = sov_common.force,
        .secret = true,
        .inputs = lm->inputs,
        .n_inputs = lm->n_inputs,
    };

    return sov_sink_open(&k->sink, k->out, &so, err);
}

int
sov_keep_fit(struct sov_keep *k, const struct sov_lm *lm, struct sov_err *err)
{
    int rc;

    if (k->saving.saved != NULL) {
        rc = sov_saved_fit(k->saving.saved, lm->session, err);
        if (rc < 0)
            return sov_err_wrap(err, "%s", name_of(k));
    }
    return k->out != NULL ? open_out(k, lm, err) : 0;
}

int
sov_keep_ids(const struct sov_keep *k, int32_t **ids, size_t *n,
             struct sov_err *err)
{
    const int32_t *known = NULL;

    *ids = NULL;
    *n = 0;
    if (k->saving.saved == NULL)
        return 0;
    *n = sov_saved_ids(k->saving.saved, &known);
    if (*n == 0)
        return 0;
    *ids = malloc(*n * sizeof(**ids));
    if (*ids == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    memcpy(*ids, known, *n * sizeof(**ids));
    return 0;
}

size_t
sov_keep_recall(const struct sov_keep *k, const int32_t *ids, size_t n)
{
    size_t known;

    if (k->saving.saved == NULL)
        return 0;
    known = sov_saved_recall(k->saving.saved, ids, n);
    sov_note(1, "%s: %zu of %zu tokens are known", name_of(k), known, n);
    return known;
}

/* The state of a session; what is in it as JSON is the caller's. */
static int
state_of(const int32_t *ids, size_t n, const sov_dialog *dialog,
         struct sov_saved_state *state, char **json, struct sov_err *err)
{
    int rc = 0;

    *json = NULL;
    *state = (struct sov_saved_state){ .ids = ids, .n = n };
    if (dialog != NULL)
        rc = sov_dialog_json(dialog, json, &state->len, err);
    state->messages = *json;
    return rc;
}

void
sov_keep_turn(struct sov_keep *k, const int32_t *ids, size_t n,
              const sov_dialog *dialog)
{
    struct sov_saving *s = &k->saving;
    struct sov_saved_state state;
    char *json;

    if (s->saved == NULL || k->path == NULL || s->rc < 0)
        return;
    s->rc = state_of(ids, n, dialog, &state, &json, &s->err);
    if (s->rc == 0)
        s->rc = sov_saved_finish(s->saved, &state, &s->err);
    free(json);
}

static int
write_out(struct sov_keep *k, const struct sov_lm *lm, const int32_t *ids,
          size_t n, const sov_dialog *dialog, struct sov_err *err)
{
    struct sov_saved_state state;
    struct sov_span before = { NULL, 0 };
    char *json;
    int rc = state_of(ids, n, dialog, &state, &json, err);

    if (dialog == NULL && k->saving.saved != NULL)
        before = sov_saved_messages(k->saving.saved);
    if (before.len > 0) { /* who reads a text says nothing of them */
        state.messages = (const char *)before.p;
        state.len = before.len;
    }
    if (rc == 0)
        rc = sov_saved_write(lm->session, &state, k->sink, err);
    free(json);
    if (rc == 0)
        rc = sov_sink_commit(&k->sink, err);
    return rc;
}

int
sov_keep_end(struct sov_keep *k, const struct sov_lm *lm, const int32_t *ids,
             size_t n, const sov_dialog *dialog, struct sov_err *err)
{
    if (k->sink != NULL && write_out(k, lm, ids, n, dialog, err) < 0)
        return err->rc;
    if (k->saving.rc == 0)
        return 0;
    *err = k->saving.err;
    return sov_err_wrap(err, "%s: the session was not saved to its end",
                        name_of(k));
}

void
sov_keep_close(struct sov_keep *k)
{
    sov_sink_abort(k->sink);
    sov_saved_close(k->saving.saved);
    k->sink = NULL;
    k->saving.saved = NULL;
}
