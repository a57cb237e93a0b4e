/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - which lines of a pipe have been answered: runs that go on
 *
 * The answers are a file that grows, line by line, and it is what counts: each
 * answer says to which line of the input it belongs, in whatever order they
 * stand.  Beside it,
 *
 *     OUT.journal    {"seed":7,"temp":0.8,...}     what answers depend on
 *                    1 0f3c9a5be11d7702            a line, and its digest
 *                    2 77c1e0d3a4b5f680
 *
 * says what was answered, so that another input, model or option is noticed.
 * The journal has its entry before the answer is written, or told to anybody
 * else.  However a run ends, what it leaves is whole lines and perhaps a part
 * of one, which is cut off; and entries in the journal of answers that did not
 * come that far, which are made again.
 */
#ifndef SOV_LEDGER_H
#define SOV_LEDGER_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "sov/lora.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_ledger sov_ledger;

/*
 * Open the answers at path, if there are some, and read them; opts are those of
 * sov_append_open().  SOV_EFORMAT: there is something else in the file, a line
 * that was answered twice, or a journal that is damaged.  Nothing is changed or
 * made before sov_ledger_begin().
 */
SOV_API int sov_ledger_open(sov_ledger **ledger, const char *path,
                            const struct sov_sink_opts *opts,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_ledger_close(sov_ledger *ledger);

struct sov_ledger_counts {
    uint64_t answered; /* lines */
    uint64_t failed;   /* of them, with an error */
    uint64_t unknown;  /* of them, of which the journal says nothing */
    uint64_t cut;      /* bytes of half a line */
    uint64_t whole;    /* bytes of whole lines, */
    unsigned char sha256[SOV_SHA256_LEN]; /* and what they are */
};

SOV_API void sov_ledger_count(const sov_ledger *ledger,
                              struct sov_ledger_counts *counts);

/*
 * For the settings, in hex: which model it is that reads texts, and which
 * adapters change it.  By all metadata that matters and a sample of the weights,
 * not by all of them.
 */
#define SOV_MARK_LEN 64
SOV_API int sov_ledger_model(const sov_model *model,
                             char mark[SOV_MARK_LEN + 1],
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_ledger_adapters(const struct sov_lora_use *use, size_t n,
                                char mark[SOV_MARK_LEN + 1],
                                struct sov_err *err) SOV_MUST_CHECK;

/* What an earlier run had under a name in its settings: a string as it is, else
 * JSON; free() it.  NULL if there was none. */
SOV_API char *sov_ledger_setting(const sov_ledger *ledger, const char *name);

/*
 * What answers depend on, a JSON object.  SOV_EFORMAT names what has changed
 * since the answers that there are; without any it is written down.  Half a
 * line at the end is cut off.
 */
SOV_API int sov_ledger_begin(sov_ledger *ledger, const char *settings,
                             size_t len, const struct sov_sink_opts *opts,
                             struct sov_err *err) SOV_MUST_CHECK;

/* A digest of a line. */
SOV_API uint64_t sov_ledger_digest(struct sov_span text);

/*
 * Is this line answered: 1, or 0.  SOV_EFORMAT: it is not the line that was.
 * A line of which the journal says nothing is known by its id.
 */
SOV_API int sov_ledger_look(const sov_ledger *ledger, uint64_t line,
                            struct sov_span text,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * A line of which the journal has an entry, and OUT no answer: an earlier run
 * ended when it was about to write it.  From *at = 0 on; false: no more.
 */
SOV_API bool sov_ledger_unwritten(const sov_ledger *ledger, size_t *at,
                                  uint64_t *line);

/* The input has n lines: SOV_EFORMAT if more than these were answered. */
SOV_API int sov_ledger_end(const sov_ledger *ledger, uint64_t n,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * A line's answer is there: it has its entry in the journal; and then the
 * answer itself, with its end, is written.  Both are handed to the system at
 * once, and are on the disk after a sync, which is due a second later.
 */
SOV_API int sov_ledger_note(sov_ledger *ledger, uint64_t line, uint64_t digest,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_ledger_put(sov_ledger *ledger, struct sov_span answer,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API bool sov_ledger_due(const sov_ledger *ledger);
SOV_API int sov_ledger_sync(sov_ledger *ledger,
                            struct sov_err *err) SOV_MUST_CHECK;

#endif
