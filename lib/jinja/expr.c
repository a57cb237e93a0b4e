/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.c - expressions to code, without recursion
 *
 * Operators wait on a stack until what binds weaker comes, and then their
 * instruction follows those of their operands.  Brackets wait there too.
 *
 * "x if y else z" is the one place where code comes in another order than the
 * text: that of x is moved behind that of y.  Jumps are relative and never
 * lead out of an operand, so it can be.
 */
#include "jinja/parse.h"

#include <string.h>

enum kind {
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

static struct sov_jwait *
top(struct sov_jparser *p)
{
    return &p->wait[p->n_wait - 1];
}

static struct sov_jwait *
push(struct sov_jparser *p, enum kind kind, int prec, int op, uint32_t pos)
{
    struct sov_jwait *w;

    if (p->n_wait == SOV_TEMPLATE_DEPTH) {
        p->r->pos = pos;
        sov_jdeep(p->r);
        return top(p);
    }
    w = &p->wait[p->n_wait++];
    *w = (struct sov_jwait){ .kind = (uint8_t)kind,
                             .prec = (uint8_t)prec,
                             .op = (uint8_t)op,
                             .pos = pos,
                             .patch = -1,
                             .start = (uint32_t)p->t->n_code };
    return w;
}

/* ---- operators that have all their operands */

static void
reverse(struct sov_jinstr *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct sov_jinstr x = v[i];

        v[i] = v[n - 1 - i];
        v[n - 1 - i] = x;
    }
}

/* "x if y" has been read: y, a jump if it is false, x, a jump over what comes
 * then, which is given. */
static int32_t
turn_if(struct sov_jparser *p, const struct sov_jwait *w)
{
    uint32_t unless = sov_jemit(p, w->pos, OP_UNLESS, 0, 0, 0);
    size_t len_x = w->middle - w->start;
    struct sov_jinstr *code = p->t->code;

    if (p->r->rc < 0)
        return -1;
    sov_jrun_charge(p->r, (unless - w->start) / 16);
    reverse(code + w->start, len_x);
    reverse(code + w->middle, unless + 1 - w->middle);
    reverse(code + w->start, unless + 1 - w->start);
    code[unless - len_x].c = (int32_t)len_x + 1;
    return (int32_t)sov_jemit(p, w->pos, OP_JUMP, 0, 0, 0);
}

static void
finish(struct sov_jparser *p, const struct sov_jwait *w)
{
    int32_t at;

    switch (w->kind) {
    case W_UNARY:
        sov_jemit(p, w->pos, (enum sov_jop)w->op, 0, 0, 0);
        break;
    case W_BINARY:
        sov_jemit(p, w->pos, OP_BINARY, w->op, 0, 0);
        break;
    case W_COMPARE:
        sov_jemit(p, w->pos, OP_BINARY, w->op, 0, 0);
        sov_jpatch_chain(p, w->patch);
        break;
    case W_AND:
    case W_OR:
    case W_ELSE:
        sov_jpatch(p, w->patch);
        break;
    case W_TEST_ARG:
        sov_jemit(p, w->pos, OP_TEST, 1, 0, w->konst);
        if (w->op)
            sov_jemit(p, w->pos, OP_NOT, 0, 0, 0);
        break;
    case W_IF:
        at = turn_if(p, w);
        sov_jemit(p, w->pos, OP_UNDEF, 0, 0, 0);
        sov_jpatch(p, at);
        break;
    default:
        break;
    }
}

/* Finish what binds at least as tight as prec. */
static void
reduce(struct sov_jparser *p, int prec)
{
    while (p->r->rc == 0 && top(p)->kind >= W_UNARY && top(p)->prec >= prec) {
        struct sov_jwait w = *top(p);

        p->n_wait--;
        finish(p, &w);
    }
}

/* ---- brackets */

static bool
is_args(const struct sov_jwait *w)
{
    return w->kind >= W_CALL && w->kind <= W_TEST;
}

/* One more element of the bracket is complete. */
static void
end_element(struct sov_jparser *p, struct sov_jwait *w)
{
    if (w->kind == W_DICT && !w->flag)
        sov_jexpected(p, "':'");
    if (is_args(w) && !w->flag && w->n_kw > 0)
        sov_jexpected(p, "name=value, as before");
    if (is_args(w) && w->flag)
        w->n_kw++;
    else if (w->kind != W_INDEX)
        w->n++;
    w->flag = false;
    w->start = (uint32_t)p->t->n_code;
}

static void
none(struct sov_jparser *p)
{
    sov_jemit(p, p->tok->pos, OP_CONST, 0, 0, sov_jkonst(p, J_VAL_NONE));
}

static void
emit_call(struct sov_jparser *p, const struct sov_jwait *w, enum sov_jop op)
{
    if (w->n > UINT8_MAX || w->n_kw > UINT8_MAX) {
        p->r->pos = w->pos;
        sov_jrun_fail(p->r, SOV_EFORMAT, "more than %d arguments", UINT8_MAX);
        return;
    }
    sov_jemit(p, w->pos, op, (int)w->n, w->n_kw, w->konst);
    if (op == OP_TEST && w->op)
        sov_jemit(p, w->pos, OP_NOT, 0, 0, 0);
}

/* The bracket closes here; trail: behind a comma, or with nothing in it. */
static void
close_bracket(struct sov_jparser *p, bool trail)
{
    struct sov_jwait w = *top(p);
    bool tuple = w.n > 0 || trail;

    if (!trail)
        end_element(p, &w);
    p->n_wait--;
    p->tok++;
    switch (w.kind) {
    case W_PAREN:
        if (tuple)
            sov_jemit(p, w.pos, OP_TUPLE, 0, 0, w.n);
        break;
    case W_LIST:
        sov_jemit(p, w.pos, OP_LIST, 0, 0, w.n);
        break;
    case W_DICT:
        sov_jemit(p, w.pos, OP_DICT, 0, 0, w.n);
        break;
    case W_INDEX:
        for (uint32_t i = w.n; i > 0 && i < 2; i++)
            none(p);
        sov_jemit(p, w.pos, w.n == 0 ? OP_ITEM : OP_SLICE, 0, 0, 0);
        break;
    case W_CALL:
        emit_call(p, &w, OP_CALL);
        break;
    case W_METHOD:
        emit_call(p, &w, OP_METHOD);
        break;
    case W_FILTER:
        emit_call(p, &w, OP_FILTER);
        break;
    default:
        emit_call(p, &w, OP_TEST);
        break;
    }
}

/* What closes the bracket, or 0. */
static int
closer(const struct sov_jwait *w)
{
    static const char closers[] = {
        [W_PAREN] = ')', [W_LIST] = ']',   [W_DICT] = '}',   [W_INDEX] = ']',
        [W_CALL] = ')',  [W_METHOD] = ')', [W_FILTER] = ')', [W_TEST] = ')'
    };

    return w->kind < sizeof(closers) ? closers[w->kind] : 0;
}

/* ---- where a value is expected; each gives true if one still is */

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
        push(p, W_UNARY, PREC_NOT, OP_NOT, tok->pos);
        p->tok++;
        return true;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (sov_jtok_name(p, tok, reserved[i])) {
            sov_jexpected(p, "a value");
            return true;
        }
    p->tok++;
    if (is_args(top(p)) && sov_jtok_op(p->tok, '=')) {
        sov_jemit(p, tok->pos, OP_CONST, 0, 0,
                  sov_jkonst(p, sov_jtok_str(p, tok)));
        p->tok++;
        top(p)->flag = true;
        top(p)->start = (uint32_t)p->t->n_code;
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
    struct sov_jwait *w = top(p);
    bool colon = w->kind == W_INDEX && sov_jtok_op(p->tok, ':') && w->n < 2;

    if (colon || (w->kind == W_INDEX && w->n > 0 && sov_jtok_op(p->tok, ']'))) {
        none(p);
        *expects = colon;
        if (colon) {
            w->n++;
            p->tok++;
        } else {
            close_bracket(p, false);
        }
        return true;
    }
    if (w->kind == W_INDEX || w->flag || closer(w) == 0 ||
        !sov_jtok_op(p->tok, closer(w)))
        return false;
    close_bracket(p, true);
    *expects = false;
    return true;
}

static bool
read_operand(struct sov_jparser *p)
{
    const struct sov_jtok *tok = p->tok;
    bool expects = true;

    if (tok->type == T_LIT)
        return read_literal(p);
    if (tok->type == T_NAME)
        return read_name(p);
    if (read_nothing(p, &expects))
        return expects;
    if (sov_jtok_op(tok, '('))
        push(p, W_PAREN, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '['))
        push(p, W_LIST, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '{'))
        push(p, W_DICT, 0, 0, tok->pos);
    else if (sov_jtok_op(tok, '-'))
        push(p, W_UNARY, PREC_SIGN, OP_NEG, tok->pos);
    else if (sov_jtok_op(tok, '+'))
        push(p, W_UNARY, PREC_SIGN, OP_POS, tok->pos);
    else
        sov_jexpected(p, "a value");
    p->tok++;
    if (p->r->rc == 0 && top(p)->kind < W_UNARY)
        top(p)->start = (uint32_t)p->t->n_code;
    return true;
}

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
        push(p, W_METHOD, 0, 0, tok->pos)->konst =
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
        push(p, W_FILTER, 0, 0, tok->pos)->konst = konst;
        p->tok++;
        top(p)->start = (uint32_t)p->t->n_code;
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
        push(p, W_TEST, 0, negated, tok->pos)->konst = konst;
        p->tok++;
        top(p)->start = (uint32_t)p->t->n_code;
        return true;
    }
    if (begins_arg(p)) {
        push(p, W_TEST_ARG, PREC_ARG, negated, tok->pos)->konst = konst;
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

    reduce(p, PREC_COMPARE + 1);
    if (top(p)->kind == W_COMPARE) { /* a < b < c */
        struct sov_jwait w = *top(p);

        p->n_wait--;
        link = (int32_t)sov_jemit(p, w.pos, OP_CHAIN, w.op, 0, w.patch);
    }
    push(p, W_COMPARE, PREC_COMPARE, op, pos)->patch = link;
}

static void
read_logic(struct sov_jparser *p, enum kind kind, uint32_t pos)
{
    int prec = kind == W_AND ? PREC_AND : PREC_OR;
    uint32_t at;

    reduce(p, prec);
    at = sov_jemit(p, pos, kind == W_AND ? OP_AND : OP_OR, 0, 0, 0);
    push(p, kind, prec, 0, pos)->patch = (int32_t)at;
}

/* true if the expression goes on. */
static bool
read_if(struct sov_jparser *p, unsigned flags)
{
    struct sov_jwait *w;
    uint32_t start;

    reduce(p, PREC_IF + 1);
    if (p->r->rc < 0)
        return false;
    w = top(p);
    if (w->kind == W_BASE && (flags & EXPR_NO_IF))
        return false;
    if (w->kind == W_IF) {
        sov_jexpected(p, "'else'");
        return false;
    }
    start = w->start;
    w = push(p, W_IF, PREC_IF, 0, p->tok->pos);
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

    reduce(p, PREC_IF + 1);
    w = *top(p);
    if (p->r->rc < 0 || w.kind != W_IF)
        return false;
    p->n_wait--;
    at = turn_if(p, &w);
    push(p, W_ELSE, PREC_IF, 0, w.pos)->patch = at;
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
        reduce(p, PREC_SIGN);
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
            reduce(p, ops[i].prec);
            push(p, W_BINARY, ops[i].prec, ops[i].bin, pos);
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

    reduce(p, PREC_IF);
    w = top(p);
    if (p->r->rc < 0)
        return false;
    *expects = true;
    if (closer(w) != 0 && sov_jtok_op(p->tok, closer(w))) {
        close_bracket(p, false);
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
        end_element(p, w);
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
            top(p)->kind != W_METHOD || top(p)->pos != p->tok[-1].pos)
            return true;
    } else if (sov_jtok_op(tok, '[')) {
        push(p, W_INDEX, 0, 0, tok->pos);
    } else if (sov_jtok_op(tok, '(')) {
        push(p, W_CALL, 0, 0, tok->pos);
    } else if (sov_jtok_op(tok, '|')) {
        reduce(p, PREC_SIGN);
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
        top(p)->start = (uint32_t)p->t->n_code;
    return true;
}

int
sov_jexpr(struct sov_jparser *p, unsigned flags)
{
    bool expects = (flags & (EXPR_AFTER | EXPR_FILTER)) == 0;
    bool more = true;
    struct sov_jwait w;

    push(p, W_BASE, 0, 0, p->tok->pos);
    if (flags & EXPR_FILTER)
        expects = read_filter(p);
    while (more && p->r->rc == 0) {
        if (expects)
            expects = read_operand(p);
        else
            more = read_operator(p, flags, &expects);
    }
    if (p->r->rc < 0)
        return p->r->rc;
    reduce(p, PREC_IF);
    w = *top(p);
    if (w.kind != W_BASE)
        return sov_jexpected(p, "the end of a bracket");
    p->n_wait--;
    if (w.n > 0)
        sov_jemit(p, w.pos, OP_TUPLE, 0, 0, w.flag ? w.n : w.n + 1);
    return p->r->rc;
}
