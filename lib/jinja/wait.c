/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - operators and brackets that wait for the rest of their expression
 *
 * "x if y else z" is the one place where code comes in another order than the
 * text: that of x is moved behind that of y.  Jumps are relative and never
 * lead out of an operand, so it can be.
 */
#include "jinja/wait.h"

struct sov_jwait *
sov_jwait_top(struct sov_jparser *p)
{
    return &p->wait[p->n_wait - 1];
}

struct sov_jwait *
sov_jwait_push(struct sov_jparser *p, enum sov_jwait_kind kind, int prec,
               int op, uint32_t pos)
{
    struct sov_jwait *w;

    if (p->n_wait == SOV_TEMPLATE_DEPTH) {
        p->r->pos = pos;
        sov_jdeep(p->r);
        return sov_jwait_top(p);
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

int32_t
sov_jwait_turn_if(struct sov_jparser *p, const struct sov_jwait *w)
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
        at = sov_jwait_turn_if(p, w);
        sov_jemit(p, w->pos, OP_UNDEF, 0, 0, 0);
        sov_jpatch(p, at);
        break;
    default:
        break;
    }
}

void
sov_jwait_reduce(struct sov_jparser *p, int prec)
{
    while (p->r->rc == 0 && sov_jwait_top(p)->kind >= W_UNARY &&
           sov_jwait_top(p)->prec >= prec) {
        struct sov_jwait w = *sov_jwait_top(p);

        p->n_wait--;
        finish(p, &w);
    }
}

/* ---- brackets */

bool
sov_jbracket_is_args(const struct sov_jwait *w)
{
    return w->kind >= W_CALL && w->kind <= W_TEST;
}

void
sov_jbracket_element(struct sov_jparser *p, struct sov_jwait *w)
{
    if (w->kind == W_DICT && !w->flag)
        sov_jexpected(p, "':'");
    if (sov_jbracket_is_args(w) && !w->flag && !w->star &&
        w->n_kw + w->spread > 0)
        sov_jexpected(p, "name=value, as before");
    if (w->star != 0)
        w->spread |= w->star;
    else if (sov_jbracket_is_args(w) && w->flag)
        w->n_kw++;
    else if (w->kind != W_INDEX)
        w->n++;
    w->flag = false;
    w->star = 0;
    w->start = (uint32_t)p->t->n_code;
}

void
sov_jemit_none(struct sov_jparser *p)
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
    if (w->spread)
        sov_jemit(p, w->pos, OP_SPREAD, (int)w->n, w->n_kw, w->spread);
    sov_jemit(p, w->pos, op, (int)w->n, w->n_kw, w->konst);
    if (op == OP_TEST && w->op)
        sov_jemit(p, w->pos, OP_NOT, 0, 0, 0);
}

void
sov_jbracket_close(struct sov_jparser *p, bool trail)
{
    struct sov_jwait w = *sov_jwait_top(p);
    bool tuple = w.n > 0 || trail;

    if (!trail)
        sov_jbracket_element(p, &w);
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
            sov_jemit_none(p);
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

int
sov_jbracket_closer(const struct sov_jwait *w)
{
    static const char closers[] = {
        [W_PAREN] = ')', [W_LIST] = ']',   [W_DICT] = '}',   [W_INDEX] = ']',
        [W_CALL] = ')',  [W_METHOD] = ')', [W_FILTER] = ')', [W_TEST] = ')'
    };

    return w->kind < sizeof(closers) ? closers[w->kind] : 0;
}
