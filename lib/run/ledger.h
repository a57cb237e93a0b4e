/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what a ledger is, for its two files
 */
#ifndef SOV_RUN_LEDGER_H
#define SOV_RUN_LEDGER_H

#include "base/json.h"
#include "sov/ledger.h"

/* In the list of answers, line is twice its number, and one more where the
 * digest is that of the id alone. */
struct sov_ledger_entry {
    uint64_t line;
    uint64_t digest;
    uint64_t at; /* its place in the file */
};

struct sov_ledger {
    sov_append *out;
    sov_append *journal;
    char *name;                    /* of the answers, for messages */
    json_t *settings;              /* those of an earlier run, or NULL */
    uint64_t whole;                /* bytes of whole lines in out */
    uint64_t noted;                /* and in the journal */
    struct sov_ledger_entry *note; /* [n_notes] of the journal, by line */
    size_t n_notes;
    size_t note_cap;
    struct sov_ledger_entry *done; /* [n_done] what is answered, by line */
    size_t n_done;
    size_t done_cap;
    struct sov_ledger_counts counts;
    bool dirty;    /* something may not be on the disk */
    double synced; /* when it was */
};

/* ---- ledger.c: of an id as JSON, or NULL */
uint64_t sov_ledger_id_digest(const char *id);

/* ---- ledger_read.c: fill it in from its files */
int sov_ledger_read(struct sov_ledger *l, struct sov_err *err) SOV_MUST_CHECK;

#endif
