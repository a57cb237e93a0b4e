/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - what a template computes with
 *
 * All values of a render live in one arena with a limit and go with it; there
 * is nothing to free.  Strings never change; lists, dicts and namespaces do.
 *
 * Failure is sticky, and the record of the render holds it: a function that
 * failed gives back something harmless, and the machine asks after each
 * instruction.
 */
#ifndef SOV_JINJA_VALUE_H
#define SOV_JINJA_VALUE_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* ---- memory */

struct sov_jblock;

struct sov_jmem {
    struct sov_jblock *block;
    uint64_t used;
    uint64_t limit;
};

/* size bytes, aligned for anything; NULL beyond the limit or out of memory. */
void *sov_jmem_take(struct sov_jmem *m, uint64_t size);
void sov_jmem_free(struct sov_jmem *m);

/* ---- values */

enum sov_jtype {
    J_UNDEF, /* str: its name, or NULL; sub: an attribute's name */
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_SPACE, /* a namespace: a dict whose attributes may be set */
    J_RANGE,
    J_MACRO,
    J_LOOP,
    J_FUNC,   /* fn: a function that every template has */
    J_METHOD, /* fn: a method without its object: true, and no more */
    J_CYCLE,  /* a cycler or joiner: a list and where it is */
};

/* Well-formed UTF-8, always. */
struct sov_jstr {
    const char *p;
    const unsigned char *mark; /* of each byte, or NULL: they are all given */
    size_t len;
    bool given; /* not the template's own */
};

struct sov_jval {
    uint8_t type;
    uint8_t sub;
    union {
        int64_t i; /* also bool */
        double f;
        const struct sov_jstr *str;
        struct sov_jlist *list;
        struct sov_jdict *dict;
        struct sov_jrange *range;
        struct sov_jmacro *macro;
        struct sov_jloop *loop;
        struct sov_jcycle *cycle;
        const struct sov_jfn *fn;
    } u;
};

struct sov_jlist {
    struct sov_jval *v;
    size_t n;
    size_t cap;
};

struct sov_jpair {
    struct sov_jval key;
    struct sov_jval val;
};

struct sov_jdict { /* in order of insertion */
    struct sov_jpair *v;
    size_t n;
    size_t cap;
};

struct sov_jrange {
    int64_t start;
    int64_t stop; /* as it was said */
    int64_t step;
    int64_t n;
};

struct sov_jloop {
    struct sov_jlist *items;
    size_t at; /* index of the present item */
    uint32_t depth0;
    uint32_t entry; /* code of a recursive loop, or 0 */
    struct sov_jscope *scope;
    struct sov_jval last; /* what changed() saw */
    bool seen;
    bool round; /* a body was run to its end */
};

struct sov_jcycle {
    struct sov_jlist *items;
    size_t at;
    bool joiner; /* nothing the first time, then the item */
};

struct sov_jmacro {
    uint32_t proto;
    uint32_t entry;           /* its first instruction */
    struct sov_jscope *scope; /* where it was defined */
};

/* ---- a render */

struct sov_jinja;

struct sov_jrun {
    const struct sov_jinja *t;
    struct sov_jmem mem;
    struct sov_err *err;
    int rc;
    uint64_t steps;
    uint32_t pos; /* in the source, of what is being done */
    int nested;   /* filters within filters */
    bool refused;
    const struct tm *now;
    struct sov_jval kept; /* of an item that was written by a caller */
};

/* Fail with a line and column; the first failure stays. */
int sov_jrun_fail(struct sov_jrun *r, enum sov_rc rc, const char *fmt, ...)
    SOV_PRINTF(3, 4);

/* Work that is worth n steps; false if that is too much. */
bool sov_jrun_charge(struct sov_jrun *r, uint64_t n);

/* Zeroed memory of n elements, or NULL, and the render has failed. */
void *sov_jrun_take(struct sov_jrun *r, size_t n, size_t size);

/* ---- making values */

#define J_VAL_UNDEF ((struct sov_jval){ .type = J_UNDEF })
#define J_VAL_NONE  ((struct sov_jval){ .type = J_NONE })

static inline struct sov_jval
sov_jval_bool(bool b)
{
    return (struct sov_jval){ .type = J_BOOL, .u.i = b };
}

static inline struct sov_jval
sov_jval_int(int64_t i)
{
    return (struct sov_jval){ .type = J_INT, .u.i = i };
}

static inline struct sov_jval
sov_jval_float(double f)
{
    return (struct sov_jval){ .type = J_FLOAT, .u.f = f };
}

/* A string that borrows p, which lives as long as the render. */
struct sov_jval sov_jval_borrow(struct sov_jrun *r, const char *p, size_t len,
                                bool given);
struct sov_jval sov_jval_lit(struct sov_jrun *r, const char *text);

/* Bytes at to at + len of s, sharing them. */
struct sov_jval sov_jval_part(struct sov_jrun *r, const struct sov_jstr *s,
                              size_t at, size_t len);

struct sov_jval sov_jval_list(struct sov_jrun *r, enum sov_jtype type);
struct sov_jval sov_jval_dict(struct sov_jrun *r, enum sov_jtype type);
struct sov_jval sov_jval_pair(struct sov_jrun *r, struct sov_jval a,
                              struct sov_jval b);

void sov_jlist_add(struct sov_jrun *r, struct sov_jlist *l, struct sov_jval v);
void sov_jdict_set(struct sov_jrun *r, struct sov_jdict *d, struct sov_jval key,
                   struct sov_jval val);
/* NULL if there is none. */
struct sov_jpair *sov_jdict_get(struct sov_jrun *r, const struct sov_jdict *d,
                                struct sov_jval key);
struct sov_jpair *sov_jdict_find(struct sov_jrun *r, const struct sov_jdict *d,
                                 const char *key);

/* ---- text that is being put together */

struct sov_jtext {
    struct sov_jrun *r;
    char *p;
    unsigned char *mark;
    size_t len;
    size_t cap;
    size_t n_given;
};

void sov_jtext_add(struct sov_jtext *t, const void *p, size_t len, bool given);
void sov_jtext_lit(struct sov_jtext *t, const char *text);
void sov_jtext_str(struct sov_jtext *t, const struct sov_jstr *s);
void sov_jtext_part(struct sov_jtext *t, const struct sov_jstr *s, size_t at,
                    size_t len);
struct sov_jval sov_jtext_end(struct sov_jtext *t);

/* As str() and as repr() of Python. */
void sov_jtext_val(struct sov_jtext *t, struct sov_jval v);
void sov_jtext_repr(struct sov_jtext *t, struct sov_jval v);
void sov_jtext_float(struct sov_jtext *t, double f);
struct sov_jval sov_jval_str(struct sov_jrun *r, struct sov_jval v);

/* ---- asking values */

bool sov_jval_true(struct sov_jval v);
const char *sov_jval_kind(struct sov_jval v); /* "str", "int", ... */
bool sov_jval_equal(struct sov_jrun *r, struct sov_jval a, struct sov_jval b);
/* Below, equal to or above 0; what cannot be compared fails. */
int sov_jval_order(struct sov_jrun *r, struct sov_jval a, struct sov_jval b);
bool sov_jval_in(struct sov_jrun *r, struct sov_jval x, struct sov_jval in);

static inline bool
sov_jval_is_num(struct sov_jval v)
{
    return v.type >= J_BOOL && v.type <= J_FLOAT;
}

static inline bool
sov_jval_is_list(struct sov_jval v)
{
    return v.type == J_LIST || v.type == J_TUPLE;
}

static inline double
sov_jval_num(struct sov_jval v)
{
    return v.type == J_FLOAT ? v.u.f : (double)v.u.i;
}

/* Items, keys, characters or numbers of what can be gone through, as a list
 * (the list itself if it is one). */
struct sov_jlist *sov_jval_items(struct sov_jrun *r, struct sov_jval v);
bool sov_jval_iterable(struct sov_jval v);

/* Items, keys, characters: how many; -1 if v has no length. */
int64_t sov_jval_len(struct sov_jrun *r, struct sov_jval v);

/* v.name and v[key]. */
struct sov_jval sov_jval_attr(struct sov_jrun *r, struct sov_jval v,
                              const struct sov_jstr *name);
struct sov_jval sov_jval_at(struct sov_jrun *r, struct sov_jval v,
                            struct sov_jval key);
struct sov_jval sov_jval_slice(struct sov_jrun *r, struct sov_jval v,
                               const struct sov_jval part[3]);

/* It is used as if it were something: fails with its name if it is not. */
bool sov_jval_defined(struct sov_jrun *r, struct sov_jval v);

/* ---- strings */

bool sov_jstr_is(const struct sov_jstr *s, const char *text);
bool sov_jstr_same(struct sov_jrun *r, const struct sov_jstr *a,
                   const struct sov_jstr *b);
size_t sov_jstr_chars(const struct sov_jstr *s); /* characters */
/* Byte where character n begins (len, if there are not so many). */
size_t sov_jstr_byte(const struct sov_jstr *s, size_t n);
/* Where the string part is in s at or after from; SIZE_MAX if it is not. */
size_t sov_jstr_find(struct sov_jrun *r, const struct sov_jstr *s,
                     const struct sov_jstr *part, size_t from);
/* The end of the line at at, and where the next one begins; the same where
 * there is none. */
size_t sov_jstr_line(const struct sov_jstr *s, size_t at, size_t *next);
bool sov_jchar_space(uint32_t cp);
bool sov_jchar_letter(uint32_t cp);
bool sov_jchar_lower(uint32_t cp);
bool sov_jchar_upper(uint32_t cp);
/* Without white space, or without the characters of set. */
struct sov_jval sov_jstr_strip(struct sov_jrun *r, const struct sov_jstr *s,
                               const struct sov_jstr *set, bool left,
                               bool right);

#endif
