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
    uint32_t konst;
};

struct sov_jblockstmt { /* a statement that has not ended */
    uint8_t kind;
    bool has_else;
    uint32_t pos;
    uint32_t start; /* of a loop: OP_NEXT; of filters: the first of them */
    int32_t jump;   /* to what comes next */
    int32_t end;    /* chain of jumps behind the end */
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

enum sov_jexpr_flags {
    EXPR_TUPLE = 1,  /* a, b is a tuple */
    EXPR_NO_IF = 2,  /* x if y is not meant */
    EXPR_AFTER = 4,  /* the value is on the stack already: | filters */
    EXPR_FILTER = 8, /* the same, and the first | is left out */
};

/* Code that leaves the value of an expression on the stack. */
int sov_jexpr(struct sov_jparser *p, unsigned flags);

uint32_t sov_jemit(struct sov_jparser *p, uint32_t pos, enum sov_jop op, int a,
                   size_t b, int64_t c);
/* The jump at leads to what is emitted next. */
void sov_jpatch(struct sov_jparser *p, int32_t at);
/* ... and all that are chained to it by their c. */
void sov_jpatch_chain(struct sov_jparser *p, int32_t at);
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

#endif
