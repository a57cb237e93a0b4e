/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.h - what waits in an expression that is being read
 *
 * Operators wait on a stack until what binds weaker comes, and then their
 * instruction follows those of their operands.  Brackets wait there too.
 */
#ifndef SOV_JINJA_WAIT_H
#define SOV_JINJA_WAIT_H

#include "jinja/parse.h"

enum sov_jwait_kind {
    W_BASE, /* brackets, and the whole expression */
    W_PAREN,
    W_LIST,
    W_DICT,  /* flag: the key was read */
    W_INDEX, /* n: colons */
    W_CALL,  /* flag: this argument has a name */
    W_METHOD,
    W_FILTER,
    W_TEST,  /* op: negated */
    W_UNARY, /* operators from here on */
    W_BINARY,
    W_COMPARE,
    W_AND,
    W_OR,
    W_TEST_ARG, /* x is divisibleby 3; op: negated */
    W_IF,
    W_ELSE,
};

enum {
    PREC_IF,
    PREC_OR,
    PREC_AND,
    PREC_NOT,
    PREC_COMPARE,
    PREC_ADD,
    PREC_CAT,
    PREC_MUL,
    PREC_POW,
    PREC_SIGN,
    PREC_ARG,
};

struct sov_jwait *sov_jwait_top(struct sov_jparser *p);
struct sov_jwait *sov_jwait_push(struct sov_jparser *p,
                                 enum sov_jwait_kind kind, int prec, int op,
                                 uint32_t pos);
/* Finish what binds at least as tight as prec. */
void sov_jwait_reduce(struct sov_jparser *p, int prec);
/* "x if y" has been read: y, a jump if it is false, x, a jump over what comes
 * then, which is given. */
int32_t sov_jwait_turn_if(struct sov_jparser *p, const struct sov_jwait *w);

/* ---- brackets */

/* Has it arguments in it? */
bool sov_jbracket_is_args(const struct sov_jwait *w);
/* One more element of it is complete. */
void sov_jbracket_element(struct sov_jparser *p, struct sov_jwait *w);
/* It closes here; trail: behind a comma, or with nothing in it. */
void sov_jbracket_close(struct sov_jparser *p, bool trail);
/* What closes it, or 0. */
int sov_jbracket_closer(const struct sov_jwait *w);
void sov_jemit_none(struct sov_jparser *p);

/* ---- operand.c: where a value is expected; true if one still is */

bool sov_joperand(struct sov_jparser *p);

#endif
