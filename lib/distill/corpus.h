/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus.h - documents, out of whatever holds texts
 *
 * What is named is a file, a folder, or "-" for standard input.  A file may be
 * compressed, or be a tar or zip archive.  Each file is a document, be it in a
 * folder or an archive, but for those called .jsonl or .ndjson: there each line
 * is an object, and its "text" a document.  A pipe is one document, or such
 * lines, if its first line is one.
 *
 * What comes out is the same on every machine: the files of a folder come in
 * the order of their names' bytes.  Hidden ones, and what is neither file nor
 * folder, are left out, and so are links to folders.
 */
#ifndef SOV_DISTILL_CORPUS_H
#define SOV_DISTILL_CORPUS_H

#include "sov/base.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_corpus_form {
    SOV_CORPUS_AUTO,  /* as above */
    SOV_CORPUS_TEXT,  /* each file is a document, whatever its name */
    SOV_CORPUS_JSONL, /* each line is */
    SOV_CORPUS_LINES, /* each line is, as it stands */
    SOV_CORPUS_BLANK, /* documents have blank lines between them */
};

struct sov_doc {
    /* Well-formed UTF-8 without NUL: what was none is U+FFFD now.  Lines end
     * in a new line alone, and a byte order mark is gone.  Borrowed until the
     * next one. */
    struct sov_span text;
    const char *name; /* of the file, with the archive's; borrowed likewise */
    uint64_t line;    /* that it begins on, from 1; 0: with the file */
    uint64_t broken;  /* characters that were no UTF-8, */
    uint64_t nuls;    /* and NUL bytes */
    bool begins;      /* else it goes on where the last one ended: */
    bool ends;        /* SOV_DOC_MAX bytes at once are the most */
    bool cut;         /* nobody knows how it ends: a line of a teacher (make.h)
                         or of sov-run says that it had no more room */
};

struct sov_corpus_counts {
    uint64_t files;
    uint64_t docs;
    uint64_t bytes;   /* of their texts */
    uint64_t empty;   /* documents without a character */
    uint64_t skipped; /* of folders: links to folders, devices, sockets */
};

typedef struct sov_corpus sov_corpus;

/* Looks into the folders; files are opened when it is their turn. */
int sov_corpus_open(sov_corpus **corpus, const char *const *paths, size_t n,
                    enum sov_corpus_form form,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_corpus_close(sov_corpus *c);

/* The next one, which is not empty: 1; at the end 0. */
int sov_corpus_next(sov_corpus *c, struct sov_doc *doc,
                    struct sov_err *err) SOV_MUST_CHECK;

void sov_corpus_count(const sov_corpus *c, struct sov_corpus_counts *counts);

#endif
