/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_make.c - a teacher reads a stream, and what it says is drawn from
 *
 * Sequences go to the teacher some at a time, and out of each slab of logits
 * every token is drawn by itself, on all threads: what comes out depends on
 * nothing but teacher, stream, seed and temperature.
 */
#include "distill/cache_make.h"

#include "base/mem.h"
#include "distill/vocab.h"
#include "sys/par.h"

#include <stdlib.h>
#include <string.h>

#define SEQUENCES 16 /* of a unit */

struct making {
    const struct sov_few_make_opts *o;
    struct sov_few_about about;
    sov_few_writer *w;
    size_t n_vocab;
    float *z;        /* [SOV_SLAB][n_vocab] */
    int32_t *id;     /* [SOV_SLAB][n_draws] */
    uint32_t *count; /* likewise */
    struct sov_few few[SOV_SLAB];
    float top[SOV_SLAB];
    int32_t *ids;  /* of the unit */
    int32_t *next; /* not looked at */
    size_t first[SEQUENCES + 1];
    uint64_t at;   /* place in the stream of the unit's first token, */
    uint64_t from; /* of the slab's, */
    uint64_t done; /* and what has been written, now or before */
};

int
sov_few_plan(struct sov_few_about *about, const sov_teacher *teacher,
             const sov_meta *student, const sov_tokens *tokens,
             const struct sov_course_opts *course, double temp,
             struct sov_err *err)
{
    struct sov_few_about a = {
        .n_tokens = sov_tokens_count(tokens),
        .n_ctx = (uint32_t)course->n_ctx,
        .temp = (float)temp,
        .apart = course->apart,
    };
    int rc = sov_vocab_digest(student, a.tokenizer, err);

    memcpy(a.text, sov_tokens_digest(tokens), SOV_SHA256_LEN);
    if (rc == 0 && teacher != NULL)
        rc = sov_teacher_identity(teacher, a.teacher, err);
    if (teacher != NULL)
        a.n_vocab = (uint32_t)sov_teacher_common(teacher);
    if (rc == 0)
        *about = a;
    return rc;
}

static void
draw_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    struct making *m = arg;
    const struct sov_few_about *a = &m->about;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        int32_t *id = m->id + i * a->n_draws;
        uint32_t *count = m->count + i * a->n_draws;
        uint32_t n = sov_few_draw(sov_kern(), m->z + i * m->n_vocab, a->n_vocab,
                                  a->n_draws, (double)a->temp, a->seed,
                                  m->from + i, id, count, &m->top[i]);

        m->few[i] = (struct sov_few){ n, id, count };
    }
}

/* Tokens that are in no sequence are never asked for, but have their place. */
static int
fill_up(struct making *m, uint64_t at, struct sov_err *err)
{
    const int32_t id = 0;
    const uint32_t count = m->about.n_draws;
    const struct sov_few few = { 1, &id, &count };
    int rc = 0;

    for (; m->done < at && rc == 0; m->done++)
        rc = sov_few_writer_add(m->w, &few, 1, err);
    return rc;
}

/* Tokens first .. first + n - 1 of the unit, of which some may be there. */
static int
make_slab(struct making *m, size_t first, size_t n, struct sov_err *err)
{
    int rc;

    if (m->at + first + n <= m->done)
        return 0;
    rc = sov_teacher_logits(m->o->teacher, first, n, m->z, m->n_vocab, err);

    if (rc < 0)
        return rc;
    m->from = m->at + first;
    sov_par_for(n, 1, draw_rows, m);
    for (size_t i = (size_t)(m->done - m->from); i < n && rc == 0; i++)
        rc = sov_few_writer_add(m->w, &m->few[i], m->top[i], err);
    m->done = m->from + n;
    return rc;
}

/* Sequences from number i on that follow each other; how many. */
static int
make_unit(struct making *m, uint64_t i, size_t *n_seq, struct sov_err *err)
{
    const sov_course *c = m->o->course;
    size_t n = 0;
    int rc;

    for (*n_seq = 0; *n_seq < SEQUENCES && i < sov_course_all(c); i++) {
        struct sov_sequence s = sov_course_number(c, i);

        if (*n_seq > 0 && s.at != m->at + n)
            break;
        m->at = *n_seq == 0 ? s.at : m->at;
        sov_course_read(c, &s, m->ids + n, m->next);
        n += s.n;
        m->first[++*n_seq] = n;
    }
    if (m->at + n <= m->done) /* by an earlier run */
        return 0;
    rc = fill_up(m, m->at, err);
    if (rc == 0)
        rc = sov_teacher_unit(m->o->teacher, *n_seq, m->first, m->ids, err);
    for (size_t at = 0, len; at < n && rc == 0; at += len) {
        len = n - at < SOV_SLAB ? n - at : SOV_SLAB;
        rc = make_slab(m, at, len, err);
    }
    return rc;
}

static int
make_all(struct making *m, struct sov_err *err)
{
    const struct sov_few_make_opts *o = m->o;
    uint64_t n = sov_course_all(o->course);
    size_t n_seq = 1;
    int rc = 0;

    for (uint64_t i = 0; i < n && rc == 0; i += n_seq) {
        if (o->stop != NULL && o->stop(o->stop_arg))
            return sov_fail(err, SOV_ENO, "interrupted");
        if (o->progress != NULL)
            o->progress(o->progress_arg, m->done, m->about.n_tokens, NULL);
        rc = make_unit(m, i, &n_seq, err);
    }
    if (rc == 0)
        rc = fill_up(m, m->about.n_tokens, err);
    return rc == 0 ? sov_few_writer_end(m->w, err) : rc;
}

static int
make_room(struct making *m, struct sov_err *err)
{
    size_t draws = m->about.n_draws, ctx = m->about.n_ctx;

    m->z = sov_mem_array(SOV_SLAB, m->n_vocab * sizeof(*m->z));
    m->id = sov_mem_array(SOV_SLAB, draws * sizeof(*m->id));
    m->count = sov_mem_array(SOV_SLAB, draws * sizeof(*m->count));
    m->ids = sov_mem_array(SEQUENCES, ctx * sizeof(*m->ids));
    m->next = sov_mem_array(ctx, sizeof(*m->next));
    if (m->z == NULL || m->id == NULL || m->count == NULL || m->ids == NULL ||
        m->next == NULL)
        return sov_mem_fail(err);
    return 0;
}

int
sov_few_make(const struct sov_few_make_opts *opts,
             const struct sov_few_about *about, struct sov_err *err)
{
    struct making m = { .o = opts, .about = *about };
    int rc;

    m.n_vocab = sov_teacher_vocab(opts->teacher);
    rc = sov_few_writer_new(&m.w, opts->sink, about, err);
    if (rc == 0)
        rc = sov_few_writer_resume(m.w, &m.done, err);
    if (rc == 0)
        rc = make_room(&m, err);
    if (rc == 0)
        rc = make_all(&m, err);
    sov_few_writer_free(m.w);
    free(m.z);
    free(m.id);
    free(m.count);
    free(m.ids);
    free(m.next);
    return rc;
}
