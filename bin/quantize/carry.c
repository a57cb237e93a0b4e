/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry.c - claims and index go along with a model that stays as it is
 *
 * A copy into an archive, out of one, or under another name has the same bytes,
 * so all that was ever said of them holds.  Whether they are the same is seen
 * by a digest of what was read and of what was written; whether the claims are
 * true is not asked here, and never was.
 */
#include "quantize/quantize.h"

#include "cli/fileset.h"
#include "cli/names.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

#define CARRY_HASH SOV_HASH_XXH3 /* nobody has to be convinced */

bool
quantize_carries(const struct quantize *q)
{
    return q->lineage.key == NULL && strcmp(q->type, "copy") == 0 &&
           !sov_common.dry_run;
}

unsigned
quantize_carry_hash(const struct quantize *q)
{
    return quantize_carries(q) ? CARRY_HASH : 0;
}

static bool
has_sides(const struct quantize *q)
{
    const char *name, *text;
    size_t len;

    return sov_model_side(q->model, SOV_SIDE_CLAIMS, 0, &name, &text, &len,
                          NULL) == 0 ||
           sov_model_side(q->model, SOV_SIDE_INDEX, 0, &name, &text, &len,
                          NULL) == 0;
}

bool
quantize_carries_first(const struct quantize *q)
{
    return quantize_carries(q) && strcmp(sov_common.output, "-") != 0 &&
           has_sides(q);
}

int
quantize_carry_begin(struct quantize *q, struct sov_err *err)
{
    const struct sov_target *t = &q->target;
    int rc = 0;

    if (!quantize_carries(q))
        return 0;
    q->carry = calloc(t->n + 1, sizeof(*q->carry));
    if (q->carry == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < t->n && rc == 0; i++) {
        rc = sov_hasher_new(&q->carry[i], CARRY_HASH, err);
        if (rc == 0)
            sov_sink_hash(t->sink[i], q->carry[i]);
    }
    return rc;
}

void
quantize_carry_end(struct quantize *q)
{
    for (size_t i = 0; q->carry != NULL && q->carry[i] != NULL; i++)
        sov_hasher_free(q->carry[i]);
    free(q->carry);
    q->carry = NULL;
}

/* ---- are they the same? ---- */

static bool
was_read(const struct quantize *q, const struct sov_digest *d)
{
    const struct sov_digest *of;

    for (size_t i = 0; sov_model_file_name(q->model, i) != NULL; i++) {
        of = sov_model_digest(q->model, i);
        if (of != NULL && of->size == d->size &&
            memcmp(of->xxh3, d->xxh3, sizeof(d->xxh3)) == 0)
            return true;
    }
    return false;
}

static size_t
files_read(const struct quantize *q)
{
    size_t n = 0, sides = 0;
    const char *name;

    for (; (name = sov_model_file_name(q->model, n)) != NULL; n++)
        sides += sov_fileset_is_side(name) ? 1 : 0;
    return n - sides;
}

/* 1: every file that was written was read so; 0: not. */
static int
is_same(struct quantize *q, struct sov_err *err)
{
    struct sov_digest d;
    bool same = true;
    int rc = 0;

    for (size_t i = 0; i < q->target.n && rc == 0 && same; i++) {
        memset(&d, 0, sizeof(d));
        sov_sink_hash(q->target.sink[i], NULL);
        rc = sov_hasher_final(q->carry[i], &d, err);
        same = rc == 0 && was_read(q, &d);
    }
    /* Of a folder a claim says which files it has. */
    if (q->target.format->folder != NULL && files_read(q) != q->target.n)
        same = false;
    return rc < 0 ? rc : same;
}

/* ---- writing ---- */

/* All texts of a kind, one behind the other; *text NULL: there are none. */
static int
gather(struct quantize *q, enum sov_side_kind what, char **text, size_t *len,
       struct sov_err *err)
{
    const char *name, *part;
    char *bigger;
    size_t n;
    int rc = 0;

    for (size_t i = 0;; i++) {
        rc = sov_model_side(q->model, what, i, &name, &part, &n, err);
        if (rc != 0 || (what == SOV_SIDE_INDEX && i > 0))
            break;
        bigger = realloc(*text, *len + n + 1);
        if (bigger == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        *text = bigger;
        memcpy(*text + *len, part, n);
        *len += n;
        if (what == SOV_SIDE_CLAIMS && n > 0 && part[n - 1] != '\n')
            (*text)[(*len)++] = '\n';
    }
    return rc < 0 ? rc : 0;
}

static int
write_beside(struct sov_target *t, const char *path, const char *text,
             size_t len, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .if_changed = sov_common.if_changed,
        .inputs = t->inputs,
        .n_inputs = t->n_inputs,
    };
    int rc = sov_sink_open(&t->more[t->n_more], path, &opts, err);

    if (rc < 0)
        return rc;
    t->n_more++;
    return sov_sink_write(t->more[t->n_more - 1], text, len, err);
}

static int
carry_kind(struct quantize *q, enum sov_side_kind what, const char *suffix,
           struct sov_err *err)
{
    struct sov_target *t = &q->target;
    bool dir = t->format->folder != NULL;
    const char *model =
        !t->packed
            ? (t->folder != NULL ? sov_folder_path(t->folder) : t->path[0])
        : dir ? t->stem
              : sov_plan_file(sov_quant_plan(q->job), 0)->name;
    char *text = NULL, *path = NULL;
    size_t len = 0;
    int rc = gather(q, what, &text, &len, err);

    if (rc == 0 && text != NULL) {
        path = sov_fileset_beside(model, dir, suffix);
        if (path == NULL)
            rc = sov_fail(err, SOV_EMEM, "out of memory");
        else if (t->packed)
            rc = sov_target_side(t, path, text, len, err);
        else
            rc = write_beside(t, path, text, len, err);
    }
    free(path);
    free(text);
    return rc;
}

int
quantize_carry(struct quantize *q, struct sov_err *err)
{
    bool nowhere = !q->target.packed && strcmp(q->target.output, "-") == 0;
    int rc;

    if (q->carry == NULL || nowhere || !has_sides(q))
        return 0;
    rc = sov_model_finish(q->model, err);
    if (rc == 0)
        rc = is_same(q, err);
    if (rc <= 0) {
        if (rc == 0)
            sov_note(1,
                     "%s: its claims stay behind: they are about other "
                     "bytes",
                     sov_name_in(q->source));
        return rc;
    }
    q->carried = true;
    rc = carry_kind(q, SOV_SIDE_CLAIMS, SOV_CLAIMS_SUFFIX, err);
    return rc < 0 ? rc : carry_kind(q, SOV_SIDE_INDEX, ".sovidx", err);
}
