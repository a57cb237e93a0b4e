/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.c - expressions to code, without recursion: operators
 */
#include "jinja/wait.h"

/* ---- where an operator is expected; *expects: a value comes next */

static void
read_dot(struct sov_jparser *p)
{
    const struct sov_jtok *tok = ++p->tok;
    bool call;

    if (tok->type == T_LIT && tok->val.type == J_INT) {
        sov_jemit(p, tok->pos, OP_CONST, 0, 0, sov_jkonst(p, tok->val));
        sov_jemit(p, tok->pos, OP_ITEM, 0, 0, 0);
        p->tok++;
        return;
    }
    if (tok->type != T_NAME) {
        sov_jexpected(p, "a name");
        return;
    }
    p->tok++;
    call = sov_jtok_op(p->tok, '(');
    if (!call)
        sov_jemit(p, tok->pos, OP_ATTR, 0, 0,
                  sov_jkonst(p, sov_jtok_str(p, tok)));
    else
        sov_jwait_push(p, W_METHOD, 0, 0, tok->pos)->konst =
            sov_jkonst(p, sov_jtok_str(p, tok));
}

/* Its name, and ( if it has arguments; true if it has. */
static bool
read_filter(struct sov_jparser *p)
{
    const struct sov_jtok *tok = p->tok;
    uint32_t konst;

    if (tok->type != T_NAME) {
        sov_jexpected(p, "the name of a filter");
        return false;
    }
    p->tok++;
    konst = sov_jkonst(p, sov_jtok_str(p, tok));
    if (sov_jtok_op(p->tok, '(')) {
        sov_jwait_push(p, W_FILTER, 0, 0, tok->pos)->konst = konst;
        p->tok++;
        sov_jwait_top(p)->start = (uint32_t)p->t->n_code;
        return true;
    }
    sov_jemit(p, tok->pos, OP_FILTER, 0, 0, konst);
    return false;
}

/* Does an argument without brackets follow the name of a test? */
static bool
begins_arg(const struct sov_jparser *p)
{
    static const char *const no[] = { "else", "or",  "and", "if",
                                      "in",   "not", "is" };

    if (p->tok->type == T_LIT)
        return true;
    if (p->tok->type != T_NAME)
        return sov_jtok_op(p->tok, '[') || sov_jtok_op(p->tok, '{');
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (sov_jtok_name(p, p->tok, no[i]))
            return false;
    return true;
}

static bool
read_test(struct sov_jparser *p)
{
    const struct sov_jtok *tok;
    bool negated = sov_jtok_name(p, p->tok, "not");
    uint32_t konst;

    p->tok += negated;
    tok = p->tok;
    if (tok->type != T_NAME) {
        sov_jexpected(p, "the name of a test");
        return false;
    }
    p->tok++;
    konst = sov_jkonst(p, sov_jtok_str(p, tok));
    if (sov_jtok_op(p->tok, '(')) {
        sov_jwait_push(p, W_TEST, 0, negated, tok->pos)->konst = konst;
        p->tok++;
        sov_jwait_top(p)->start = (uint32_t)p->t->n_code;
        return true;
    }
    if (begins_arg(p)) {
        sov_jwait_push(p, W_TEST_ARG, PREC_ARG, negated, tok->pos)->konst =
            konst;
        return true;
    }
    sov_jemit(p, tok->pos, OP_TEST, 0, 0, konst);
    if (negated)
        sov_jemit(p, tok->pos, OP_NOT, 0, 0, 0);
    return false;
}

static void
read_compare(struct sov_jparser *p, enum sov_jbin op, uint32_t pos)
{
    int32_t link = -1;

    sov_jwait_reduce(p, PREC_COMPARE + 1);
    if (sov_jwait_top(p)->kind == W_COMPARE) { /* a < b < c */
        struct sov_jwait w = *sov_jwait_top(p);

        p->n_wait--;
        link = (int32_t)sov_jemit(p, w.pos, OP_CHAIN, w.op, 0, w.patch);
    }
    sov_jwait_push(p, W_COMPARE, PREC_COMPARE, op, pos)->patch = link;
}

static void
read_logic(struct sov_jparser *p, enum sov_jwait_kind kind, uint32_t pos)
{
    int prec = kind == W_AND ? PREC_AND : PREC_OR;
    uint32_t at;

    sov_jwait_reduce(p, prec);
    at = sov_jemit(p, pos, kind == W_AND ? OP_AND : OP_OR, 0, 0, 0);
    sov_jwait_push(p, kind, prec, 0, pos)->patch = (int32_t)at;
}

/* true if the expression goes on. */
static bool
read_if(struct sov_jparser *p, unsigned flags)
{
    struct sov_jwait *w;
    uint32_t start;

    sov_jwait_reduce(p, PREC_IF + 1);
    if (p->r->rc < 0)
        return false;
    w = sov_jwait_top(p);
    if (w->kind == W_BASE && (flags & EXPR_NO_IF))
        return false;
    if (w->kind == W_IF) {
        sov_jexpected(p, "'else'");
        return false;
    }
    start = w->start;
    w = sov_jwait_push(p, W_IF, PREC_IF, 0, p->tok->pos);
    w->start = start;
    w->middle = (uint32_t)p->t->n_code;
    p->tok++;
    return true;
}

static bool
read_else(struct sov_jparser *p)
{
    struct sov_jwait w;
    int32_t at;

    sov_jwait_reduce(p, PREC_IF + 1);
    w = *sov_jwait_top(p);
    if (p->r->rc < 0 || w.kind != W_IF)
        return false;
    p->n_wait--;
    at = sov_jwait_turn_if(p, &w);
    sov_jwait_push(p, W_ELSE, PREC_IF, 0, w.pos)->patch = at;
    p->tok++;
    return true;
}

/* A name where an operator may be; false if the expression ends before it. */
static bool
read_word(struct sov_jparser *p, unsigned flags, bool *expects)
{
    const struct sov_jtok *tok = p->tok;
    bool not_in =
        sov_jtok_name(p, tok, "not") && sov_jtok_name(p, tok + 1, "in");

    *expects = true;
    if (sov_jtok_name(p, tok, "if"))
        return read_if(p, flags);
    if (sov_jtok_name(p, tok, "else"))
        return read_else(p);
    if (sov_jtok_name(p, tok, "is")) {
        sov_jwait_reduce(p, PREC_SIGN);
        p->tok++;
        *expects = read_test(p);
        return true;
    }
    if (not_in || sov_jtok_name(p, tok, "in"))
        read_compare(p, not_in ? BIN_NOT_IN : BIN_IN, tok->pos);
    else if (sov_jtok_name(p, tok, "and"))
        read_logic(p, W_AND, tok->pos);
    else if (sov_jtok_name(p, tok, "or"))
        read_logic(p, W_OR, tok->pos);
    else
        return false;
    p->tok += 1 + not_in;
    return true;
}

/* a + b and the like; false if it is no such operator. */
static bool
read_binary(struct sov_jparser *p)
{
    static const struct {
        uint8_t tok, prec, bin;
    } ops[] = {
        { '+', PREC_ADD, BIN_ADD },      { '-', PREC_ADD, BIN_SUB },
        { '~', PREC_CAT, BIN_CAT },      { '*', PREC_MUL, BIN_MUL },
        { '/', PREC_MUL, BIN_DIV },      { OP_DIV, PREC_MUL, BIN_FDIV },
        { '%', PREC_MUL, BIN_MOD },      { OP_POW, PREC_POW, BIN_POW },
        { OP_EQ, PREC_COMPARE, BIN_EQ }, { OP_NE, PREC_COMPARE, BIN_NE },
        { '<', PREC_COMPARE, BIN_LT },   { OP_LE, PREC_COMPARE, BIN_LE },
        { '>', PREC_COMPARE, BIN_GT },   { OP_GE, PREC_COMPARE, BIN_GE },
    };
    uint32_t pos = p->tok->pos;

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (!sov_jtok_op(p->tok, ops[i].tok))
            continue;
        p->tok++;
        if (ops[i].prec == PREC_COMPARE) {
            read_compare(p, (enum sov_jbin)ops[i].bin, pos);
        } else {
            sov_jwait_reduce(p, ops[i].prec);
            sov_jwait_push(p, W_BINARY, ops[i].prec, ops[i].bin, pos);
        }
        return true;
    }
    return false;
}

/* , : and the end of a bracket; false if the expression ends before it. */
static bool
read_between(struct sov_jparser *p, unsigned flags, bool *expects)
{
    struct sov_jwait *w;

    sov_jwait_reduce(p, PREC_IF);
    w = sov_jwait_top(p);
    if (p->r->rc < 0)
        return false;
    *expects = true;
    if (sov_jbracket_closer(w) != 0 &&
        sov_jtok_op(p->tok, sov_jbracket_closer(w))) {
        sov_jbracket_close(p, false);
        *expects = false;
        return true;
    }
    if (sov_jtok_op(p->tok, ':') && w->kind == W_DICT && !w->flag) {
        w->flag = true;
        w->start = (uint32_t)p->t->n_code;
    } else if (sov_jtok_op(p->tok, ':') && w->kind == W_INDEX && w->n < 2) {
        w->n++;
        w->start = (uint32_t)p->t->n_code;
    } else if (sov_jtok_op(p->tok, ',') && w->kind != W_INDEX &&
               (w->kind != W_BASE || (flags & EXPR_TUPLE))) {
        sov_jbracket_element(p, w);
        if (w->kind == W_BASE &&
            (p->tok[1].type == T_TAG_END || p->tok[1].type == T_VAR_END)) {
            w->flag = true; /* a, is a tuple of one */
            *expects = false;
        }
    } else {
        if (w->kind != W_BASE)
            sov_jexpected(p, "another operator, or the end of a bracket");
        return false;
    }
    p->tok++;
    return true;
}

static bool
read_operator(struct sov_jparser *p, unsigned flags, bool *expects)
{
    const struct sov_jtok *tok = p->tok;

    *expects = false;
    if (tok->type == T_NAME && read_word(p, flags, expects))
        return true;
    if (sov_jtok_op(tok, '.')) {
        read_dot(p);
        if (!sov_jtok_op(p->tok, '(') || p->r->rc < 0 ||
            sov_jwait_top(p)->kind != W_METHOD ||
            sov_jwait_top(p)->pos != p->tok[-1].pos)
            return true;
    } else if (sov_jtok_op(tok, '[')) {
        sov_jwait_push(p, W_INDEX, 0, 0, tok->pos);
    } else if (sov_jtok_op(tok, '(')) {
        sov_jwait_push(p, W_CALL, 0, 0, tok->pos);
    } else if (sov_jtok_op(tok, '|')) {
        sov_jwait_reduce(p, PREC_SIGN);
        p->tok++;
        *expects = read_filter(p);
        return true;
    } else {
        *expects = true;
        return read_binary(p) || read_between(p, flags, expects);
    }
    *expects = true;
    p->tok++;
    if (p->r->rc == 0)
        sov_jwait_top(p)->start = (uint32_t)p->t->n_code;
    return true;
}

int
sov_jexpr(struct sov_jparser *p, unsigned flags)
{
    bool expects = (flags & (EXPR_AFTER | EXPR_FILTER)) == 0;
    bool more = true;
    struct sov_jwait w;

    sov_jwait_push(p, W_BASE, 0, 0, p->tok->pos);
    if (flags & EXPR_FILTER)
        expects = read_filter(p);
    while (more && p->r->rc == 0) {
        if (expects)
            expects = sov_joperand(p);
        else
            more = read_operator(p, flags, &expects);
    }
    if (p->r->rc < 0)
        return p->r->rc;
    sov_jwait_reduce(p, PREC_IF);
    w = *sov_jwait_top(p);
    if (w.kind != W_BASE)
        return sov_jexpected(p, "the end of a bracket");
    p->n_wait--;
    if (w.n > 0)
        sov_jemit(p, w.pos, OP_TUPLE, 0, 0, w.flag ? w.n : w.n + 1);
    return p->r->rc;
}
