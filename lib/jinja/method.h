/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method.h - functions, methods, filters and tests by name
 */
#ifndef SOV_JINJA_METHOD_H
#define SOV_JINJA_METHOD_H

#include "jinja/value.h"

struct sov_jargs {
    struct sov_jval self; /* what it is applied to */
    const struct sov_jval *pos;
    size_t n;
    const struct sov_jval *kw; /* name, value, name, value ... */
    size_t n_kw;
};

typedef struct sov_jval (*sov_jcall)(struct sov_jrun *r,
                                     const struct sov_jargs *a);

struct sov_jfn {
    const char *name;
    size_t len;
    sov_jcall call;
};

#define J_FN(name, call)             \
    {                                \
        name, sizeof(name) - 1, call \
    }

/* NULL if there is none of that name. */
const struct sov_jfn *sov_jmethod_find(int type, const struct sov_jstr *name);
/* Of strings; sov_jmethod_find() knows them too. */
const struct sov_jfn *sov_jmethod_str_find(const struct sov_jstr *name);
const struct sov_jfn *sov_jfilter_find(const struct sov_jstr *name);
/* Of lists; sov_jfilter_find() knows them too. */
const struct sov_jfn *sov_jfilter_list_find(const struct sov_jstr *name);
const struct sov_jfn *sov_jtest_find(const struct sov_jstr *name);
/* The i-th function of every template, or NULL. */
const struct sov_jfn *sov_jfunc_at(size_t i);
const struct sov_jfn *sov_jfn_find(const struct sov_jfn *fn, size_t n,
                                   const struct sov_jstr *name);

/* ---- arguments: by place, else by name, else what was not given */

struct sov_jval sov_jarg(const struct sov_jargs *a, size_t i, const char *name);
const struct sov_jstr *sov_jarg_str(struct sov_jrun *r,
                                    const struct sov_jargs *a, size_t i,
                                    const char *name);
int64_t sov_jarg_int(struct sov_jrun *r, const struct sov_jargs *a, size_t i,
                     const char *name, int64_t preset);
bool sov_jarg_bool(const struct sov_jargs *a, size_t i, const char *name,
                   bool preset);
/* The string that it is applied to, as str() makes it. */
const struct sov_jstr *sov_jself_str(struct sov_jrun *r,
                                     const struct sov_jargs *a);

/* ---- what several of them share */

struct sov_jval sov_jfilter_tojson(struct sov_jrun *r,
                                   const struct sov_jargs *a);
/* strftime() of the render's time. */
struct sov_jval sov_jfunc_now(struct sov_jrun *r, const struct sov_jargs *a);
/* '%s' % args, and '{}'.format(args) */
struct sov_jval sov_jstr_percent(struct sov_jrun *r, const struct sov_jstr *s,
                                 struct sov_jval args);
struct sov_jval sov_jmethod_format(struct sov_jrun *r,
                                   const struct sov_jargs *a);
struct sov_jval sov_jstr_replace(struct sov_jrun *r, const struct sov_jstr *s,
                                 const struct sov_jstr *old,
                                 const struct sov_jstr *new, int64_t count);
struct sov_jval sov_jstr_join(struct sov_jrun *r, const struct sov_jstr *sep,
                              struct sov_jlist *list);
/* a + b and the others, enum sov_jbin */
struct sov_jval sov_jval_binary(struct sov_jrun *r, int op, struct sov_jval a,
                                struct sov_jval b);

/* JSON to values. */
struct sov_jval sov_jfilter_from_json(struct sov_jrun *r,
                                      const struct sov_jargs *a);

/* width.c */
struct sov_jval sov_jmethod_ljust(struct sov_jrun *r,
                                  const struct sov_jargs *a);
struct sov_jval sov_jmethod_rjust(struct sov_jrun *r,
                                  const struct sov_jargs *a);
struct sov_jval sov_jmethod_center(struct sov_jrun *r,
                                   const struct sov_jargs *a);
struct sov_jval sov_jmethod_zfill(struct sov_jrun *r,
                                  const struct sov_jargs *a);
struct sov_jval sov_jfilter_center(struct sov_jrun *r,
                                   const struct sov_jargs *a);
struct sov_jval sov_jfilter_truncate(struct sov_jrun *r,
                                     const struct sov_jargs *a);
struct sov_jval sov_jfilter_filesize(struct sov_jrun *r,
                                     const struct sov_jargs *a);

enum sov_jcase {
    CASE_LOWER,
    CASE_UPPER,
    CASE_TITLE, /* after all that is no letter, as the method */
    CASE_WORDS, /* after blanks, dashes and brackets, as the filter */
    CASE_CAPITAL,
    CASE_SWAP,
};
struct sov_jval sov_jstr_case(struct sov_jrun *r, const struct sov_jstr *s,
                              enum sov_jcase how);

#endif
