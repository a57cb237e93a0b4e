/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taught.c - what a unit is told of its tokens
 */
#include "distill/taught.h"

#include "base/mem.h"
#include "distill/cache_make.h"

#include <stdlib.h>
#include <string.h>

static struct sov_teacher_opts
teacher_opts(const struct sov_taught_opts *o)
{
    return (struct sov_teacher_opts){
        .n_ctx = o->shape->n_ctx,
        .n_vocab = o->shape->n_vocab,
        .student = o->student,
        .kv = SOV_KV_F32,
    };
}

/* Is the cache of this text, and of tokens like these? */
static int
match(const struct sov_taught *t, const struct sov_taught_opts *o,
      struct sov_err *err)
{
    const struct sov_course_opts course = { .n_ctx = o->shape->n_ctx };
    struct sov_few_about want;
    int rc =
        sov_few_plan(&want, NULL, o->student, o->tokens, &course, o->temp, err);

    want.n_vocab = (uint32_t)o->shape->n_vocab;
    return rc == 0 ? sov_few_match(t->cache, &want, err) : rc;
}

static int
open_cache(struct sov_taught *t, const struct sov_taught_opts *o,
           struct sov_err *err)
{
    size_t room = sov_shape_unit(o->shape);
    int rc = sov_few_open(&t->cache, o->cache, err);

    if (rc == 0)
        rc = match(t, o, err);
    if (rc < 0)
        return sov_err_wrap(err, "--cache");
    t->path = o->cache;
    t->draws = sov_few_about(t->cache)->n_draws;
    t->few = sov_mem_array(room, sizeof(*t->few));
    t->id = sov_mem_array(room, t->draws * sizeof(*t->id));
    t->count = sov_mem_array(room, t->draws * sizeof(*t->count));
    if (t->few == NULL || t->id == NULL || t->count == NULL)
        return sov_mem_fail(err);
    return 0;
}

static int
open_insight(struct sov_taught *t, const struct sov_taught_opts *o,
             struct sov_err *err)
{
    int rc = sov_match_parse(t->match, &t->n_match, o->hidden, err);

    if (rc == 0 && o->teacher == NULL)
        rc = sov_fail(err, SOV_EARG, "there is no --teacher to be seen");
    if (rc == 0)
        rc = sov_match_check(t->match, t->n_match, o->shape->n_layer, SIZE_MAX,
                             err);
    if (rc == 0)
        rc = sov_insight_open(&t->insight, o->teacher, o->shape->n_ctx,
                              sov_shape_unit(o->shape), t->match, t->n_match,
                              err);
    return rc < 0 ? sov_err_wrap(err, "--hidden") : 0;
}

void
sov_taught_matches(const struct sov_taught *t, struct sov_trainee_opts *opts)
{
    if (t->insight == NULL)
        return;
    opts->match = t->match;
    opts->n_match = t->n_match;
    opts->match_width = sov_insight_width(t->insight);
}

int
sov_taught_open(struct sov_taught *t, const struct sov_taught_opts *o,
                struct sov_err *err)
{
    const struct sov_teacher_opts opts = teacher_opts(o);
    int rc = 0;

    *t = (struct sov_taught){ 0 };
    if (o->teacher != NULL) {
        rc = sov_teacher_open(&t->teacher, o->teacher, &opts, err);
        if (rc < 0)
            sov_err_wrap(err, "--teacher");
    }
    if (rc == 0 && o->hidden != NULL)
        rc = open_insight(t, o, err);
    return rc == 0 && o->cache != NULL ? open_cache(t, o, err) : rc;
}

void
sov_taught_close(struct sov_taught *t)
{
    sov_teacher_close(t->teacher);
    sov_insight_close(t->insight);
    sov_few_close(t->cache);
    free(t->few);
    free(t->id);
    free(t->count);
    *t = (struct sov_taught){ 0 };
}

int
sov_taught_measure(const struct sov_taught_opts *o, uint64_t *bytes,
                   struct sov_err *err)
{
    const struct sov_teacher_opts opts = teacher_opts(o);
    int rc;

    *bytes = 0;
    if (o->teacher == NULL)
        return 0;
    rc = sov_teacher_measure(o->teacher, &opts, bytes, err);
    return rc < 0 ? sov_err_wrap(err, "--teacher") : 0;
}

int
sov_taught_identity(const struct sov_taught *t,
                    unsigned char out[SOV_SHA256_LEN], struct sov_err *err)
{
    const struct sov_few_about *about;
    unsigned char said[SOV_SHA256_LEN + 16];

    if (t->teacher != NULL)
        return sov_teacher_identity(t->teacher, out, err);
    if (t->cache == NULL)
        return 0;
    about = sov_few_about(t->cache);
    memcpy(said, about->teacher, SOV_SHA256_LEN);
    for (size_t i = 0; i < 8; i++) {
        said[SOV_SHA256_LEN + i] = (unsigned char)(about->seed >> 8 * i);
        said[SOV_SHA256_LEN + 8 + i] =
            (unsigned char)((uint64_t)about->n_draws >> 8 * i);
    }
    sov_sha256(said, sizeof(said), out);
    return 0;
}

/* What was kept of the tokens of all sequences, together. */
static int
tell_kept(struct sov_taught *t, const struct sov_units *u,
          struct sov_unit *unit, struct sov_err *err)
{
    size_t at = 0;

    for (size_t s = 0; s < unit->n_seq; s++) {
        const struct sov_sequence *seq = &u->seq[s];
        int rc =
            sov_few_read(t->cache, seq->at, seq->n, t->few + at, NULL, err);

        if (rc < 0)
            return sov_err_wrap(err, "--cache: %s", t->path);
        for (size_t i = 0; i < seq->n; i++, at++) {
            struct sov_few *few = &t->few[at];
            int32_t *id = t->id + at * t->draws;
            uint32_t *count = t->count + at * t->draws;

            memcpy(id, few->id, few->n * sizeof(*id));
            memcpy(count, few->count, few->n * sizeof(*count));
            few->id = id;
            few->count = count;
        }
    }
    unit->few = t->few;
    return 0;
}

int
sov_taught_tell(struct sov_taught *t, const struct sov_units *u,
                struct sov_unit *unit, struct sov_err *err)
{
    if (t->insight != NULL) {
        int rc = sov_insight_unit(t->insight, unit->n_seq, unit->first,
                                  unit->ids, err);

        if (rc < 0)
            return rc;
        unit->show = sov_insight_read;
        unit->show_arg = t->insight;
    }
    if (t->teacher != NULL)
        return sov_teacher_for(t->teacher, unit, err);
    return t->cache != NULL ? tell_kept(t, u, unit, err) : 0;
}
