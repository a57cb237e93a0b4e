/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h - walking the members of a JSON object one by one
 *
 * The header of a safetensors file may have a hundred megabytes and a million
 * members.  A parsed tree of it takes ten times as much memory; so only its
 * outermost braces are walked here, and each member is given to the JSON
 * parser for itself.
 */
#ifndef SOV_FMT_MEMBERS_H
#define SOV_FMT_MEMBERS_H

#include "base/json.h"
#include "sov/base.h"

#include <stdbool.h>

struct sov_members {
    struct sov_span left; /* behind the brace or comma that was last */
    const unsigned char *start;
    bool first;
};

/* text begins with '{' and ends with '}'; it is borrowed. */
struct sov_members sov_members_of(struct sov_span text);

/*
 * The next member: its name (decoded, NUL-terminated, free() it) and its
 * value, an object, json_decref() it.  1 at the end, when nothing follows.
 */
int sov_members_next(struct sov_members *ms, char **name, json_t **value,
                     struct sov_err *err);

#endif
