/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - where a model goes: a file, several files, a folder, a tar
 *
 *     sov_target_choose(&t, format, err);      what -o and --format ask for
 *     sov_target_layout(&t, &opts.layout);     what the plan must look like
 *     ... make the plan ...
 *     sov_target_open(&t, plan, inputs, n, err);
 *     ... push the bytes into t.sink[0 .. t.n), which are the plan's files ...
 *     sov_target_commit(&t, err);
 *     sov_target_free(&t);
 *
 * All the files appear, whole, or none does.  Who wants the
 * digest of a file on its way gives sov_sink_hash(t.sink[i]) a hasher.
 */
#ifndef SOV_CLI_TARGET_H
#define SOV_CLI_TARGET_H

#include "cli/bundle.h"
#include "sov/io.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>

/* What --format can name. */
struct sov_target_format {
    const char *name;
    const char *form;   /* of the file with the tensors, as the plan has it */
    const char *suffix; /* of -o that asks for it */
    const char *folder; /* a folder, in which the model has this name */
};

struct sov_target {
    const struct sov_target_format *format;
    const char *output; /* as -o names it, NULL: not yet known */

    bool packed;        /* the files are members of a tar */
    enum sov_pack how;
    bool sides_first;   /* set before it is opened: the model waits for what
                           goes before it; see sov_target_side() */
    char *stem;         /* owned: OUT without folder and suffix of the tar */
    char *name;         /* owned: of the file with the tensors */
    struct sov_bundle *bundle;

    /* Once open, for each file of the plan: */
    sov_sink **sink; /* owned */
    char **path;     /* owned: where it will be; "-" is standard output */
    size_t n;
    sov_folder *folder; /* the hidden one, or NULL */
    sov_sink *more[2]; /* owned: what goes with them, to be committed too */
    size_t n_more;

    const char *const *inputs; /* borrowed */
    size_t n_inputs;
};

/* Values of --format, for the option table; ends with NULL. */
extern const char *const sov_target_formats[];

/* By name, or, where that is NULL, by what -o says. */
int sov_target_choose(struct sov_target *t, const char *format,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Fill in form and name. */
void sov_target_layout(const struct sov_target *t, struct sov_layout *layout);

/* Path of file i of a plan that was laid so, fresh; before it is opened too. */
char *sov_target_path(const struct sov_target *t, const sov_plan *plan,
                      size_t i);

/* Can all files of the plan go there? */
int sov_target_check(const struct sov_target *t, const sov_plan *plan,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Open all outputs, and the make rule.  inputs are refused as outputs. */
int sov_target_open(struct sov_target *t, const sov_plan *plan,
                    const char *const *inputs, size_t n_inputs,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * Of a tar: one more member, behind what was written so far, or before the
 * model if that waits.
 */
int sov_target_side(struct sov_target *t, const char *name, const void *bytes,
                    size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* Everything takes its name, and the rule is written. */
int sov_target_commit(struct sov_target *t, struct sov_err *err) SOV_MUST_CHECK;

/* Let the process have n more files open, as far as it may. */
void sov_target_make_room(size_t n);

/* Give up what was not committed, and free. */
void sov_target_free(struct sov_target *t);

#endif
