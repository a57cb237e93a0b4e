/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fileset.h - the files that a model is, and their digests
 *
 *   a file                  itself
 *   NAME-00001-of-00003.X   every part of the set that is there
 *   a folder                every file in it and below
 *
 * What goes beside a model (claims, their frozen signature, the index) is not
 * of the model, nor is what belongs to git: .git, .gitattributes, .gitignore,
 * .github and .cache at the top of a folder, and a signature of others there
 * (model.sig).
 *
 * Every file is hashed through one descriptor, and afterwards it must be the
 * one that has the name, and unchanged.
 */
#ifndef SOV_CLI_FILESET_H
#define SOV_CLI_FILESET_H

#include "sov/claim.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_fileset {
    const char *path; /* as it was given */
    bool dir;
    bool all; /* what goes beside a model, too */
    size_t n;
    struct sov_claim_file *file; /* names as in a claim; digests once hashed */
    char **paths;
    uint64_t bytes; /* of all of them */
};

/* List the files; in order of their names. */
int sov_fileset_list(struct sov_fileset *set, const char *path,
                     struct sov_err *err) SOV_MUST_CHECK;
/* The same of a folder, with all that is in it but what belongs to git at its
 * top; links are refused. */
int sov_fileset_list_all(struct sov_fileset *set, const char *path,
                         struct sov_err *err) SOV_MUST_CHECK;
void sov_fileset_free(struct sov_fileset *set);

/*
 * Must this be read as a stream, by sov_model_open_with(): an archive, or a
 * pipe of which nothing is known?  Nothing is taken from a pipe.
 */
bool sov_fileset_is_stream(const char *path);

/* The files of such a model, with their digests, after sov_model_finish(). */
int sov_fileset_of_model(struct sov_fileset *set, const char *path,
                         const sov_model *model,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Forget file i. */
void sov_fileset_drop(struct sov_fileset *set, size_t i);

/* All of file i into a hasher, as its next bytes. */
int sov_fileset_feed(const struct sov_fileset *set, size_t i, sov_hasher *h,
                     struct sov_err *err) SOV_MUST_CHECK;

/* All of them, with progress. */
int sov_fileset_hash(struct sov_fileset *set, unsigned what,
                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * The same of a model that is open and was finished with these digests: those
 * of what it has read are of what was opened, whatever has its name now.
 */
int sov_fileset_hash_opened(struct sov_fileset *set, const sov_model *model,
                            unsigned what, struct sov_err *err) SOV_MUST_CHECK;

/*
 * The name of what goes beside a model: MODEL.claims.jsonl and MODEL.sovidx,
 * or in a folder claims.jsonl and claims.sovidx.  free() it; NULL: no memory.
 */
char *sov_fileset_beside(const char *model, bool dir, const char *suffix);

bool sov_fileset_is_regular(const char *path);

/* Is that a name which goes beside a model? */
bool sov_fileset_is_side(const char *name);

#endif
