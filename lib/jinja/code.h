/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code.h - a template as tokens and as code
 *
 * The machine has a stack of values.  What an instruction takes from it and
 * leaves there stands behind it: ( takes -- leaves ).  Jumps are relative to
 * the instruction after, so that code can be moved.
 */
#ifndef SOV_JINJA_CODE_H
#define SOV_JINJA_CODE_H

#include "jinja/value.h"

/* ---- tokens */

enum sov_jtoken {
    T_END,
    T_DATA, /* text between the tags */
    T_VAR,  /* {{ */
    T_VAR_END,
    T_TAG, /* {% */
    T_TAG_END,
    T_NAME,
    T_LIT, /* string or number, in val */
    T_OP,  /* op: its character, or one of these: */
};

#define OP_POW 'P'
#define OP_DIV 'D' /* whole division */
#define OP_EQ  'E'
#define OP_NE  'N'
#define OP_LE  'l'
#define OP_GE  'g'

struct sov_jtok {
    uint8_t type;
    uint8_t op;
    uint32_t pos;
    uint32_t len;
    struct sov_jval val;
};

struct sov_jtoks {
    struct sov_jtok *v; /* in the arena of r */
    size_t n;
    size_t cap;
};

/* Tokens of src[len], T_END the last; 0 or the failure of r. */
int sov_jlex(struct sov_jrun *r, const char *src, size_t len,
             struct sov_jtoks *toks);

/* ---- code */

enum sov_jop {
    OP_CONST, /* ( -- v ) c: constant */
    OP_UNDEF, /* ( -- v ) */
    OP_POP,   /* ( v -- ) */
    OP_NAME,  /* ( -- v ) c: name */
    OP_ATTR,  /* ( v -- v ) c: constant */
    OP_ITEM,  /* ( v key -- v ) */
    OP_SLICE, /* ( v start stop step -- v ) */
    OP_LIST,  /* ( v... -- list ) c: how many */
    OP_TUPLE, /* the same */
    OP_DICT,  /* ( key v ... -- dict ) c: pairs */
    OP_NEG,   /* ( v -- v ) */
    OP_POS,
    OP_NOT,
    OP_BINARY,  /* ( a b -- v ) a: enum sov_jbin */
    OP_CHAIN,   /* ( a b -- b ) or, false: ( a b -- false ) and jump c */
    OP_JUMP,    /* c: where */
    OP_UNLESS,  /* ( v -- ) jump c if false */
    OP_AND,     /* ( v -- ) or, false: ( v -- v ) and jump c */
    OP_OR,      /* ( v -- ) or, true: ( v -- v ) and jump c */
    OP_SPREAD,  /* ( f args [list] named [dict] -- f args named ) a: positional,
                 * b: named, c: 1: a list, 2: a dict; OP_CALL etc. follows */
    OP_CALL,    /* ( f args -- v ) a: positional, b: named (name v) */
    OP_METHOD,  /* ( v args -- v ) c: constant, its name */
    OP_FILTER,  /* ( v args -- v ) c: constant */
    OP_TEST,    /* ( v args -- bool ) c: constant */
    OP_TEXT,    /* c: constant that is printed */
    OP_PRINT,   /* ( v -- ) */
    OP_STORE,   /* ( v -- ) c: name */
    OP_SETATTR, /* ( v ns -- ) c: constant */
    OP_UNPACK,  /* ( v -- first on top ... ) c: how many */
    OP_ITER,    /* ( v -- list ) */
    OP_SIEVE,   /* ( list -- ) begin to choose items */
    OP_TRY,     /* ( -- item ) or, at the end: ( -- list ) and jump c */
    OP_CHOOSE,  /* ( v -- ) the item is chosen if true */
    OP_RECUR,   /* ( v -- str ) a recursive loop follows; c: behind OP_RETURN */
    OP_FOR,     /* ( list -- ) begin, or if it is empty jump c; a: recursive */
    OP_NEXT,    /* ( -- item ) or, at the end, jump c */
    OP_ROUND,   /* all of the body was run */
    OP_ENDFOR,  /* a: an else follows the next jump, for when no body was */
    OP_SCOPE,   /* names that are set from here on are gone after ... */
    OP_UNSCOPE,
    OP_CAPTURE, /* what is printed becomes ... */
    OP_TAKE,    /* ( -- str ) */
    OP_MACRO,   /* ( -- v ) c: prototype; its code is behind a jump */
    OP_DEFAULT, /* a: parameter; if it was given, jump c */
    OP_RETURN,
};

enum sov_jbin {
    BIN_ADD,
    BIN_SUB,
    BIN_MUL,
    BIN_DIV,
    BIN_FDIV,
    BIN_MOD,
    BIN_POW,
    BIN_CAT,
    BIN_EQ,
    BIN_NE,
    BIN_LT,
    BIN_LE,
    BIN_GT,
    BIN_GE,
    BIN_IN,
    BIN_NOT_IN,
};

struct sov_jinstr {
    uint8_t op;
    uint8_t a;
    uint16_t b;
    int32_t c;
    uint32_t pos; /* in the source */
};

struct sov_jproto { /* of a macro */
    uint32_t name;  /* constant */
    uint32_t param; /* the first of its names, in params */
    uint32_t n_param;
    bool wants_more;                  /* varargs or kwargs */
    uint32_t varargs, kwargs, caller; /* names */
};

struct sov_jinja {
    char *src; /* with \n alone, and without the last one */
    size_t len;
    struct sov_jmem mem; /* of all that follows */
    struct sov_jinstr *code;
    size_t n_code;
    struct sov_jval *konst;
    size_t n_konst;
    struct sov_jval *name; /* strings; the number is what OP_NAME has */
    size_t n_name;
    struct sov_jproto *proto;
    size_t n_proto;
    uint32_t *param;
    size_t n_param;
};

/* Fail: too deep. */
int sov_jdeep(struct sov_jrun *r);

/* Make t's code from t->src; r borrows its arena. */
int sov_jparse(struct sov_jrun *r, struct sov_jinja *t);

#endif
