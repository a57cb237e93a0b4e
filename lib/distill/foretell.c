/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foretell.c - what a teacher says of texts, once, to be learnt from later
 */
#include "distill/cache_make.h"
#include "distill/run.h"

#define CTX_USUAL 512

/* What is read, by whom. */
struct foretell {
    sov_tok *tok;
    sov_tokens *tokens;
    sov_course *course;
    sov_teacher *teacher;
    struct sov_few_about about;
};

static int
prepare(struct foretell *f, const struct sov_distill_opts *o,
        struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(o->teacher);
    const struct sov_course_opts course = {
        .n_ctx = (size_t)(o->ctx > 0 ? o->ctx : CTX_USUAL),
        .batch = 1,
    };
    struct sov_teacher_opts who = {
        .n_ctx = course.n_ctx,
        .student = meta,
        .kv = SOV_KV_F32,
    };
    int rc = sov_student_vocab(meta, &who.n_vocab, err);

    if (rc == 0)
        rc = sov_tok_load(&f->tok, meta, err);
    if (rc == 0)
        rc = sov_teacher_open(&f->teacher, o->teacher, &who, err);
    if (rc < 0)
        return sov_err_wrap(err, "--teacher");
    rc = sov_distill_texts(o, f->tok, &f->tokens, NULL, err);
    if (rc == 0)
        rc = sov_course_new(&f->course, f->tokens, &course, err);
    return rc == 0 ? sov_few_plan(&f->about, f->teacher, meta, f->tokens,
                                  &course, o->temp, err)
                   : rc;
}

static bool
is_stopped(void *arg)
{
    const struct sov_distill_opts *o = arg;

    return o->stop != NULL && *o->stop != 0;
}

int
sov_distill_foretell(const struct sov_distill_opts *o, sov_sink *sink,
                     uint64_t *tokens, struct sov_err *err)
{
    struct foretell f = { .tok = NULL };
    int rc = prepare(&f, o, err);

    if (rc == 0) {
        const struct sov_few_make_opts make = {
            .teacher = f.teacher,
            .course = f.course,
            .sink = sink,
            .stop = is_stopped,
            .stop_arg = (void *)(uintptr_t)o,
            .progress = o->progress,
            .progress_arg = o->progress_arg,
        };

        f.about.seed = o->seed;
        f.about.n_draws = (uint32_t)(o->draws > 0 ? o->draws : SOV_FEW_DRAWS);
        *tokens = f.about.n_tokens;
        rc = sov_few_make(&make, &f.about, err);
    }
    sov_teacher_close(f.teacher);
    sov_course_free(f.course);
    sov_tokens_free(f.tokens);
    sov_tok_free(f.tok);
    return rc == SOV_ENO && is_stopped((void *)(uintptr_t)o) ? 1 : rc;
}
