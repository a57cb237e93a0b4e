/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - what the parsers of statements and of expressions share
 */
#ifndef SOV_JINJA_PARSE_H
#define SOV_JINJA_PARSE_H

#include "base/limits.h"
#include "base/map.h"
#include "jinja/code.h"

#define J_TARGETS 16 /* names that are set at once */

/* What waits for its operand, or for its bracket, in an expression. */
struct sov_jwait {
    uint8_t kind;
    uint8_t prec;
    uint8_t op;
    bool flag;
    uint32_t pos;
    uint32_t start;  /* code of the element that is being read */
    uint32_t middle; /* x if y: code of y */
    int32_t patch;   /* a jump to here, and by its c others; -1: none */
    uint32_t n;
    uint32_t n_kw;
    uint8_t star;   /* this argument is a *list: 1, a **dict: 2 */
    uint8_t spread; /* there were such: their sum */
    uint32_t konst;
};

enum sov_jblock_kind {
    B_IF,
    B_FOR,
    B_MACRO,
    B_CALL,
    B_SET,
    B_FILTER,
    B_SCOPE, /* with, generation */
};

struct sov_jblockstmt { /* a statement that has not ended */
    uint8_t kind;
    bool has_else;
    uint32_t pos;
    uint32_t start; /* of a loop: OP_NEXT; of filters: the first of them */
    int32_t jump;   /* to what comes next */
    int32_t end;    /* chain of jumps behind the end */
    int32_t recur;  /* of a recursive loop: OP_RECUR, or -1 */
    uint32_t name;  /* that is set at the end */
    uint32_t proto;
    struct sov_jinstr call; /* of a call block */
};

struct sov_jparser {
    struct sov_jrun *r;
    struct sov_jinja *t;
    const struct sov_jtok *tok; /* the next one */
    struct sov_map names;
    size_t cap_code, cap_konst, cap_name, cap_proto, cap_param;
    struct sov_jwait wait[SOV_TEMPLATE_DEPTH];
    size_t n_wait;
    struct sov_jblockstmt block[SOV_TEMPLATE_DEPTH];
    size_t n_block;
    uint32_t target[J_TARGETS];
    size_t n_target;
};

/* ---- expr.c */

enum sov_jexpr_flags {
    EXPR_TUPLE = 1,  /* a, b is a tuple */
    EXPR_NO_IF = 2,  /* x if y is not meant */
    EXPR_AFTER = 4,  /* the value is on the stack already: | filters */
    EXPR_FILTER = 8, /* the same, and the first | is left out */
};

/* Code that leaves the value of an expression on the stack. */
int sov_jexpr(struct sov_jparser *p, unsigned flags);

/* ---- parse.c: code, names, tokens */

/* Room for one more element of an array that lies in the arena. */
bool sov_jroom(struct sov_jparser *p, void *array, size_t n, size_t *cap,
               size_t size);
uint32_t sov_jemit(struct sov_jparser *p, uint32_t pos, enum sov_jop op, int a,
                   size_t b, int64_t c);
/* The jump at leads to what is emitted next. */
void sov_jpatch(struct sov_jparser *p, int32_t at);
/* ... and all that are chained to it by their c. */
void sov_jpatch_chain(struct sov_jparser *p, int32_t at);
/* A jump that is chained to *chain, and one back to what is there already. */
void sov_jjump(struct sov_jparser *p, uint32_t pos, int32_t *chain);
void sov_jjump_back(struct sov_jparser *p, uint32_t pos, enum sov_jop op,
                    uint32_t to);
uint32_t sov_jkonst(struct sov_jparser *p, struct sov_jval v);
uint32_t sov_jname(struct sov_jparser *p, const struct sov_jtok *tok);
uint32_t sov_jname_lit(struct sov_jparser *p, const char *name);
struct sov_jval sov_jtok_str(struct sov_jparser *p, const struct sov_jtok *tok);

bool sov_jtok_op(const struct sov_jtok *tok, int op);
bool sov_jtok_name(const struct sov_jparser *p, const struct sov_jtok *tok,
                   const char *name);
/* Fail: not what is here, but what. */
int sov_jexpected(struct sov_jparser *p, const char *what);
int sov_jexpect_op(struct sov_jparser *p, int op, const char *what);

/* A statement begins; never NULL, but it may have failed. */
struct sov_jblockstmt *sov_jblock_begin(struct sov_jparser *p,
                                        enum sov_jblock_kind kind,
                                        uint32_t pos);
/* The innermost one, or NULL. */
struct sov_jblockstmt *sov_jblock_top(struct sov_jparser *p);

/* ---- branch.c; the word itself is read, and stood at pos */

int sov_jstmt_if(struct sov_jparser *p, uint32_t pos);
int sov_jstmt_elif(struct sov_jparser *p, uint32_t pos);
int sov_jstmt_else(struct sov_jparser *p, uint32_t pos);
void sov_jstmt_endif(struct sov_jparser *p, struct sov_jblockstmt *b);
int sov_jstmt_for(struct sov_jparser *p, uint32_t pos);
void sov_jstmt_endfor(struct sov_jparser *p, struct sov_jblockstmt *b);
int sov_jstmt_break(struct sov_jparser *p, uint32_t pos);
int sov_jstmt_continue(struct sov_jparser *p, uint32_t pos);
/* a, or a, b ..., in brackets or not, into p->target; and setting them. */
int sov_jtargets(struct sov_jparser *p);
void sov_jtargets_store(struct sov_jparser *p, uint32_t pos);

/* ---- define.c */

int sov_jstmt_macro(struct sov_jparser *p, uint32_t pos);
void sov_jstmt_endmacro(struct sov_jparser *p, struct sov_jblockstmt *b);
int sov_jstmt_call(struct sov_jparser *p, uint32_t pos);
void sov_jstmt_endcall(struct sov_jparser *p, struct sov_jblockstmt *b);
int sov_jstmt_filter(struct sov_jparser *p, uint32_t pos);
int sov_jstmt_set(struct sov_jparser *p, uint32_t pos);
/* Of a filter, and of a set with a body. */
void sov_jstmt_endcapture(struct sov_jparser *p, struct sov_jblockstmt *b);
int sov_jstmt_with(struct sov_jparser *p, uint32_t pos);
int sov_jstmt_generation(struct sov_jparser *p, uint32_t pos);

#endif
