/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.h - a session that is kept: --session, --session-in, --session-out
 *
 * The steps of a run, in their order.  Each does nothing where no session is to
 * be kept, and saving that fails is no failure of the answer: it is told at the
 * end.
 */
#ifndef SOV_RUN_KEEP_H
#define SOV_RUN_KEEP_H

#include "cli/generate.h"
#include "cli/lm.h"
#include "cli/talk.h"
#include "sov/io.h"
#include "sov/saved.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_keep {
    /* what the command line says */
    const char *path; /* goes on from it and grows it, or NULL */
    const char *in;   /* goes on from it, or NULL */
    const char *out;  /* all of it goes there, or NULL */

    struct sov_saving saving;
    sov_sink *sink; /* of out */
};

/* Is any of the options given? */
bool sov_keep_wanted(const struct sov_keep *k);

/* Before anything that is not trusted is read; in a dry run nothing is made,
 * and no file is an empty one. */
int sov_keep_open(struct sov_keep *k, bool dry,
                  struct sov_err *err) SOV_MUST_CHECK;

/* What is in it, before the messages are read: the talk goes on from those of
 * the session.  talk may be NULL. */
int sov_keep_load(struct sov_keep *k, struct sov_talk *talk,
                  struct sov_err *err) SOV_MUST_CHECK;

/* It is to go with this session; files can be opened for the last time. */
int sov_keep_fit(struct sov_keep *k, const struct sov_lm *lm,
                 struct sov_err *err) SOV_MUST_CHECK;

/* All tokens, fresh, if there are any: for who gives an empty prompt. */
int sov_keep_ids(const struct sov_keep *k, int32_t **ids, size_t *n,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Tokens of ids[n] that the session need not read: of what was saved. */
size_t sov_keep_recall(const struct sov_keep *k, const int32_t *ids, size_t n);

/* A turn is over: ids[n] are what was read, and then what was only said.  The
 * dialog may be NULL. */
void sov_keep_turn(struct sov_keep *k, const int32_t *ids, size_t n,
                   const sov_dialog *dialog);

/* All turns are over: give out the whole session.  Was everything saved? */
int sov_keep_end(struct sov_keep *k, const struct sov_lm *lm,
                 const int32_t *ids, size_t n, const sov_dialog *dialog,
                 struct sov_err *err) SOV_MUST_CHECK;

/* After the session was closed. */
void sov_keep_close(struct sov_keep *k);

#endif
