/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors.h - safetensors files, alone and as the shards of a directory
 *
 *   u64 length | JSON of that length | data
 *
 * JSON: { "NAME": { "dtype": "BF16", "shape": [rows, columns],
 *                   "data_offsets": [begin, end] }, ...,
 *         "__metadata__": { "KEY": "TEXT", ... } }
 * with offsets from the beginning of the data.  It begins with '{' and may
 * have spaces behind it.
 */
#ifndef SOV_FMT_SAFETENSORS_H
#define SOV_FMT_SAFETENSORS_H

#include "fmt/format.h"

/* What stands in __metadata__ as KEY is this and KEY in a model's metadata. */
#define SOV_ST_PREFIX "safetensors."

/* Do these bytes begin a safetensors file: a length, then JSON? */
bool sov_safetensors_begins(struct sov_span head);

/* Parse the header of part[at] and add its tensors. */
int sov_safetensors_part(sov_model *m, size_t at, struct sov_err *err)
    SOV_MUST_CHECK;

/* When all parts are there: tensors lie without hole or overlap and cover
 * every file to its end. */
int sov_safetensors_settle(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* The shards that an index (a file in m->dir) names. */
int sov_safetensors_index(sov_model *m, const char *name,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Folder of a path, fresh. */
char *sov_dir_of(const char *path);

#endif
