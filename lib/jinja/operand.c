/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operand.c - where an expression has a value: names, numbers, brackets
 */
#include "jinja/wait.h"

static bool
read_literal(struct sov_jparser *p)
{
    struct sov_jval v = p->tok->val;
    uint32_t pos = p->tok++->pos;
    struct sov_jtext t = { .r = p->r };

    if (v.type == J_STR && p->tok->type == T_LIT && p->tok->val.type == J_STR) {
        sov_jtext_str(&t, v.u.str);
        for (; p->tok->type == T_LIT && p->tok->val.type == J_STR; p->tok++)
            sov_jtext_str(&t, p->tok->val.u.str);
        v = sov_jtext_end(&t);
    }
    sov_jemit(p, pos, OP_CONST, 0, 0, sov_jkonst(p, v));
    return false;
}

static bool
read_name(struct sov_jparser *p)
{
    static const char *const reserved[] = { "if", "else", "and",
                                            "or", "in",   "is" };
    static const struct {
        const char *name;
        struct sov_jval v;
    } known[] = {
        { "true", { .type = J_BOOL, .u.i = 1 } },
        { "True", { .type = J_BOOL, .u.i = 1 } },
        { "false", { .type = J_BOOL } },
        { "False", { .type = J_BOOL } },
        { "none", { .type = J_NONE } },
        { "None", { .type = J_NONE } },
    };
    const struct sov_jtok *tok = p->tok;

    if (sov_jtok_name(p, tok, "not")) {
        sov_jwait_push(p, W_UNARY, PREC_NOT, OP_NOT, tok->pos);
        p->tok++;
        return true;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (sov_jtok_name(p, tok, reserved[i])) {
            sov_jexpected(p, "a value");
            return true;
        }
    p->tok++;
    if (sov_jbracket_is_args(sov_jwait_top(p)) && sov_jtok_op(p->tok, '=') &&
        !sov_jwait_top(p)->star && !sov_jwait_top(p)->flag) {
        if (sov_jwait_top(p)->spread & 2)
            sov_jexpected(p, "nothing behind **");
        sov_jemit(p, tok->pos, OP_CONST, 0, 0,
                  sov_jkonst(p, sov_jtok_str(p, tok)));
        p->tok++;
        sov_jwait_top(p)->flag = true;
        sov_jwait_top(p)->start = (uint32_t)p->t->n_code;
        return true;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (sov_jtok_name(p, tok, known[i].name)) {
            sov_jemit(p, tok->pos, OP_CONST, 0, 0, sov_jkonst(p, known[i].v));
            return false;
        }
    sov_jemit(p, tok->pos, OP_NAME, 0, 0, sov_jname(p, tok));
    return false;
}

/* An element of a bracket that is left out: the end, or part of a slice. */
static bool
read_nothing(struct sov_jparser *p, bool *expects)
{
    struct sov_jwait *w = sov_jwait_top(p);
    bool colon = w->kind == W_INDEX && sov_jtok_op(p->tok, ':') && w->n < 2;

    if (colon || (w->kind == W_INDEX && w->n > 0 && sov_jtok_op(p->tok, ']'))) {
        sov_jemit_none(p);
        *expects = colon;
        if (colon) {
            w->n++;
            p->tok++;
        } else {
            sov_jbracket_close(p, false);
        }
        return true;
    }
    if (w->kind == W_INDEX || w->flag || w->star ||
        sov_jbracket_closer(w) == 0 ||
        !sov_jtok_op(p->tok, sov_jbracket_closer(w)))
        return false;
    sov_jbracket_close(p, true);
    *expects = false;
    return true;
}

/* *list or **dict among arguments, which is read from here on. */
static bool
read_star(struct sov_jparser *p)
{
    struct sov_jwait *w = sov_jwait_top(p);
    uint8_t star = sov_jtok_op(p->tok, '*') ? 1 : 2;

    if (!sov_jbracket_is_args(w) || w->flag || w->star != 0 ||
        !(sov_jtok_op(p->tok, '*') || sov_jtok_op(p->tok, OP_POW)))
        return false;
    if (w->spread >= star || (star == 1 && w->n_kw > 0)) {
        p->r->pos = p->tok->pos;
        sov_jrun_fail(p->r, SOV_EUNSUP,
                      "arguments in another order than x, *list, name=x, "
                      "**dict");
    }
    w->star = star;
    p->tok++;
    return true;
}

bool
sov_joperand(struct sov_jparser *p)
{
    const struct sov_jtok *tok = p->tok;
    bool expects = true;

    if (tok->type == T_LIT)
        return read_literal(p);
    if (tok->type == T_NAME)
        return read_name(p);
    if (read_nothing(p, &expects))
        return expects;
    if (read_star(p))
        return true;
    if (sov_jtok_op(tok, '('))
        sov_jwait_push(p, W_PAREN, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '['))
        sov_jwait_push(p, W_LIST, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '{'))
        sov_jwait_push(p, W_DICT, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '-'))
        sov_jwait_push(p, W_UNARY, PREC_SIGN, OP_NEG, tok->pos);
    else if (sov_jtok_op(tok, '+'))
        sov_jwait_push(p, W_UNARY, PREC_SIGN, OP_POS, tok->pos);
    else
        sov_jexpected(p, "a value");
    p->tok++;
    if (p->r->rc == 0 && sov_jwait_top(p)->kind < W_UNARY)
        sov_jwait_top(p)->start = (uint32_t)p->t->n_code;
    return true;
}
