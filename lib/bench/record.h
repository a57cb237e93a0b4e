/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - which member of the JSON is which field of a record
 *
 * Writing, reading, copying and freeing all go by this table.  Rows of one
 * object stand together.
 */
#ifndef SOV_BENCH_RECORD_H
#define SOV_BENCH_RECORD_H

#include "sov/bench.h"

enum sov_field_kind {
    TEXT,  /* char *, "" if not known */
    MAYBE, /* char *, NULL and no member if it does not apply */
    NAME,  /* char * of a-z, 0-9 and _ alone */
    HEX,   /* char [], hex digits, "" if not known */
    U32,
    U64,
    COUNT, /* size_t */
    REAL,  /* double, NaN is null */
    TRI,   /* int: 1 true, 0 false, -1 null */
    BOOL,
    BETTER, /* enum sov_bench_better: "higher" or "lower" */
    REALS,  /* double *, and size_t n */
};

struct sov_field {
    const char *in; /* object, or "" for the outermost */
    const char *key;
    enum sov_field_kind kind;
    size_t at;
    size_t size; /* of a HEX */
};

/* Ends with a key that is NULL. */
extern const struct sov_field sov_bench_fields[];

static inline bool
sov_field_is_text(const struct sov_field *f)
{
    return f->kind == TEXT || f->kind == MAYBE || f->kind == NAME;
}

static inline void *
sov_field_in(struct sov_bench_record *r, const struct sov_field *f)
{
    return (char *)r + f->at;
}

static inline const void *
sov_field_of(const struct sov_bench_record *r, const struct sov_field *f)
{
    return (const char *)r + f->at;
}

#endif
