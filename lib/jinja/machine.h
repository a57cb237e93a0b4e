/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - the code of a template, run: what its parts share
 *
 * One stack of values, one of calls and loops; what is printed goes to one
 * buffer, and a block whose text becomes a value takes it from the buffer's
 * end again.  Names that are set live in scopes, which know the one around
 * them; a macro remembers the scope it was defined in.  The outermost scope is
 * an array over all names of the template.
 */
#ifndef SOV_JINJA_MACHINE_H
#define SOV_JINJA_MACHINE_H

#include "base/limits.h"
#include "jinja/code.h"
#include "jinja/method.h"

struct sov_jbind {
    struct sov_jbind *next;
    uint32_t name;
    struct sov_jval v;
};

struct sov_jscope {
    struct sov_jscope *around; /* NULL: the outermost */
    struct sov_jbind *bind;
};

enum sov_jframe_kind { F_MACRO, F_LOOP, F_SIEVE, F_SCOPE, F_CAPTURE };

struct sov_jframe {
    enum sov_jframe_kind kind;
    struct sov_jscope *scope;   /* to go back to */
    size_t text;                /* F_MACRO, F_CAPTURE: where its text begins */
    uint32_t back;              /* F_MACRO: where to go on */
    const struct sov_jval *arg; /* ... its parameters */
    struct sov_jloop *loop;
    struct sov_jlist *chosen; /* F_SIEVE */
    /* F_MACRO that is a recursive loop */
    uint32_t entry; /* its first instruction */
    uint32_t depth0;
    struct sov_jscope *around; /* where the loop stands */
};

struct sov_jvm {
    struct sov_jrun r;
    uint32_t at;           /* the next instruction */
    struct sov_jval *root; /* [n_name]; .sub J_NOT_SET: not set */
    struct sov_jscope *scope;
    struct sov_jval *stack;
    size_t n;
    size_t cap;
    size_t more; /* arguments that the next call has beyond its own */
    size_t more_kw;
    struct sov_jframe frame[SOV_CHAT_CALLS];
    size_t n_frame;
    char *text;
    unsigned char *mark;
    size_t text_len;
    size_t text_cap;
};

#define J_NOT_SET 2

/* ---- machine.c: the stack and the text */

void sov_jvm_push(struct sov_jvm *m, struct sov_jval v);

/* The code never takes more than it has put there. */
static inline struct sov_jval
sov_jvm_pop(struct sov_jvm *m)
{
    return m->stack[--m->n];
}

/* What was printed since the buffer had at bytes, as a value. */
struct sov_jval sov_jvm_take_text(struct sov_jvm *m, size_t at);

/* ---- scope.c: names, and what is around */

struct sov_jval sov_jvm_load(struct sov_jvm *m, uint32_t name);
void sov_jvm_store(struct sov_jvm *m, uint32_t name, struct sov_jval v);

/* A scope within another; NULL, and the render has failed. */
struct sov_jscope *sov_jvm_scope(struct sov_jvm *m, struct sov_jscope *around);
/* The same for frames. */
struct sov_jframe *sov_jvm_enter(struct sov_jvm *m, enum sov_jframe_kind kind);
/* Out of a scope; its text to the stack, if it was captured. */
void sov_jvm_leave(struct sov_jvm *m, bool capture);

/* ---- call.c */

/* OP_SPREAD: *list and **dict become arguments of the next call. */
void sov_jvm_spread(struct sov_jvm *m, const struct sov_jinstr *in);
void sov_jvm_call(struct sov_jvm *m, const struct sov_jinstr *in);
/* object.name(args): a method, or a value that can be called. */
void sov_jvm_call_method(struct sov_jvm *m, const struct sov_jinstr *in);
/* A filter or a test. */
void sov_jvm_call_named(struct sov_jvm *m, const struct sov_jinstr *in,
                        bool test);
/* The end of a macro, or of a round of a recursive loop. */
void sov_jvm_return(struct sov_jvm *m);
/* OP_RECUR: the body of a loop as something that can be called. */
void sov_jvm_recur(struct sov_jvm *m, const struct sov_jinstr *in);

/* ---- loop.c: instructions of loops */

void sov_jvm_iter(struct sov_jvm *m);
void sov_jvm_loop(struct sov_jvm *m, const struct sov_jinstr *in);
void sov_jvm_next(struct sov_jvm *m, const struct sov_jinstr *in,
                  uint32_t loop_name);
void sov_jvm_round(struct sov_jvm *m);
void sov_jvm_end_loop(struct sov_jvm *m, const struct sov_jinstr *in);
void sov_jvm_sieve(struct sov_jvm *m);
void sov_jvm_try(struct sov_jvm *m, const struct sov_jinstr *in);
void sov_jvm_choose(struct sov_jvm *m);

#endif
