/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - the files of a model as members of one tar file
 *
 * What goes with the model (claims, an index) comes first if the model waits in
 * a temporary file until all of that is known; else what is known before comes
 * before the model, and the rest behind it, and nothing waits.
 *
 * The same members give the same bytes, but for the versions of the
 * compressors.  Their time is SOURCE_DATE_EPOCH, or 1970.
 */
#ifndef SOV_CLI_BUNDLE_H
#define SOV_CLI_BUNDLE_H

#include "sov/archive.h"
#include "sov/io.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_bundle;

struct sov_bundle_opts {
    enum sov_pack how;
    const char *folder; /* that the members are in, or NULL */
    bool wait;          /* the model, for what goes before it */
};

/*
 * Opens a sink for each file of the plan; they are the caller's, and write into
 * out, which is owned from here on if this succeeds.
 */
int sov_bundle_new(struct sov_bundle **b, sov_sink *out, const sov_plan *plan,
                   sov_sink **sinks, const struct sov_bundle_opts *opts,
                   struct sov_err *err) SOV_MUST_CHECK;

/* One more member; name is taken as it is. */
int sov_bundle_side(struct sov_bundle *b, const char *name, const void *bytes,
                    size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* All is there: the file takes its name. */
int sov_bundle_commit(struct sov_bundle *b, struct sov_err *err) SOV_MUST_CHECK;
void sov_bundle_free(struct sov_bundle *b);

/* What a name says about packing: its suffix, NULL if it is no tar. */
const char *sov_bundle_suffix(const char *name, enum sov_pack *how);

#endif
