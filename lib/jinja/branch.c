/* SPDX-License-Identifier: Apache-2.0 */
/*
 * branch.c - if, for, break and continue to code
 *
 *   if    COND UNLESS(a) BODY JUMP(end) a: ... end:
 *   for   VALUE ITER [SIEVE s: TRY(t) SET COND CHOOSE JUMP(s) t:]
 *         FOR(else) n: NEXT(e) SET BODY JUMP(n) e: ENDFOR end:
 *   for ... else
 *         FOR(else) n: NEXT(e) SET BODY ROUND JUMP(n) e: ENDFOR JUMP(end)
 *         else: BODY end:
 *         As Jinja has it, else is also for when each round was left early.
 *   for ... recursive
 *         VALUE RECUR(r) ITER ... end: RETURN r: PRINT
 */
#include "jinja/parse.h"

/* ---- if */

int
sov_jstmt_if(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = sov_jblock_begin(p, B_IF, pos);

    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) == 0)
        b->jump = (int32_t)sov_jemit(p, pos, OP_UNLESS, 0, 0, 0);
    return p->r->rc;
}

int
sov_jstmt_elif(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = sov_jblock_top(p);

    if (b == NULL || b->kind != B_IF || b->has_else) {
        p->tok--;
        return sov_jexpected(p, "an if before it");
    }
    sov_jjump(p, pos, &b->end);
    sov_jpatch(p, b->jump);
    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) == 0)
        b->jump = (int32_t)sov_jemit(p, pos, OP_UNLESS, 0, 0, 0);
    return p->r->rc;
}

int
sov_jstmt_else(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = sov_jblock_top(p);

    if (b == NULL || b->kind > B_FOR || b->has_else) {
        p->tok--;
        return sov_jexpected(p, "an if or for before it");
    }
    b->has_else = true;
    if (b->kind == B_IF) {
        sov_jjump(p, pos, &b->end);
        sov_jpatch(p, b->jump);
        return p->r->rc;
    }
    sov_jemit(p, pos, OP_ROUND, 0, 0, 0);
    sov_jjump_back(p, pos, OP_JUMP, b->start);
    sov_jpatch_chain(p, b->end);
    b->end = -1;
    sov_jemit(p, pos, OP_ENDFOR, 1, 0, 0);
    sov_jjump(p, pos, &b->end);
    sov_jpatch(p, b->jump);
    return p->r->rc;
}

void
sov_jstmt_endif(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    if (!b->has_else)
        sov_jpatch(p, b->jump);
    sov_jpatch_chain(p, b->end);
}

/* ---- for */

int
sov_jtargets(struct sov_jparser *p)
{
    bool bracket = sov_jtok_op(p->tok, '(');

    p->tok += bracket;
    p->n_target = 0;
    for (;;) {
        if (p->tok->type != T_NAME)
            return sov_jexpected(p, "a name");
        if (p->n_target == J_TARGETS)
            return sov_jexpected(p, "no more names than 16");
        p->target[p->n_target++] = sov_jname(p, p->tok++);
        if (!sov_jtok_op(p->tok, ','))
            break;
        p->tok++;
        if (sov_jtok_name(p, p->tok, "in") || sov_jtok_op(p->tok, '='))
            break;
    }
    return bracket ? sov_jexpect_op(p, ')', "')'") : p->r->rc;
}

void
sov_jtargets_store(struct sov_jparser *p, uint32_t pos)
{
    if (p->n_target > 1)
        sov_jemit(p, pos, OP_UNPACK, 0, 0, (int64_t)p->n_target);
    for (size_t i = 0; i < p->n_target; i++)
        sov_jemit(p, pos, OP_STORE, 0, 0, p->target[i]);
}

/* The condition of a for: choose the items first. */
static void
sieve(struct sov_jparser *p, uint32_t pos)
{
    uint32_t start;
    int32_t end;

    p->tok++;
    sov_jemit(p, pos, OP_SIEVE, 0, 0, 0);
    start = (uint32_t)p->t->n_code;
    end = (int32_t)sov_jemit(p, pos, OP_TRY, 0, 0, 0);
    sov_jtargets_store(p, pos);
    if (sov_jexpr(p, 0) < 0)
        return;
    sov_jemit(p, pos, OP_CHOOSE, 0, 0, 0);
    sov_jjump_back(p, pos, OP_JUMP, start);
    sov_jpatch(p, end);
}

/*
 * Does the tag end with the word recursive?  It stands behind all else, but
 * the code of a recursive loop is another one from its items on.  A variable
 * of that name is one where an operand is due.
 */
static bool
is_recursive(const struct sov_jparser *p)
{
    static const char *const before[] = { "in", "if",  "else", "and",
                                          "or", "not", "is" };
    const struct sov_jtok *tok = p->tok;
    const struct sov_jtok *prev;

    while (tok->type != T_END && tok->type != T_TAG_END)
        tok++;
    if (tok == p->tok || !sov_jtok_name(p, --tok, "recursive"))
        return false;
    prev = tok - 1;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        if (sov_jtok_name(p, prev, before[i]))
            return false;
    return prev->type != T_OP || sov_jtok_op(prev, ')') ||
           sov_jtok_op(prev, ']') || sov_jtok_op(prev, '}');
}

int
sov_jstmt_for(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b;
    int32_t recur = -1;
    bool recursive = is_recursive(p);

    if (sov_jtargets(p) < 0)
        return p->r->rc;
    if (!sov_jtok_name(p, p->tok, "in"))
        return sov_jexpected(p, "'in'");
    p->tok++;
    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) < 0)
        return p->r->rc;
    if (recursive)
        recur = (int32_t)sov_jemit(p, pos, OP_RECUR, 0, 0, 0);
    sov_jemit(p, pos, OP_ITER, 0, 0, 0);
    if (sov_jtok_name(p, p->tok, "if"))
        sieve(p, pos);
    p->tok += recursive && sov_jtok_name(p, p->tok, "recursive");
    b = sov_jblock_begin(p, B_FOR, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->recur = recur;
    b->jump = (int32_t)sov_jemit(p, pos, OP_FOR, recursive, 0, 0);
    b->start = (uint32_t)p->t->n_code;
    b->end = (int32_t)sov_jemit(p, pos, OP_NEXT, 0, 0, -1);
    sov_jtargets_store(p, pos);
    return p->r->rc;
}

void
sov_jstmt_endfor(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    if (b->has_else) {
        sov_jpatch_chain(p, b->end);
    } else {
        sov_jjump_back(p, b->pos, OP_JUMP, b->start);
        sov_jpatch_chain(p, b->end);
        sov_jemit(p, b->pos, OP_ENDFOR, 0, 0, 0);
        sov_jpatch(p, b->jump);
    }
    if (b->recur < 0)
        return;
    sov_jemit(p, b->pos, OP_RETURN, 0, 0, 0);
    sov_jpatch(p, b->recur);
    sov_jemit(p, b->pos, OP_PRINT, 0, 0, 0);
}

/* break and continue: out of what is around them up to a loop. */
static int
leave(struct sov_jparser *p, uint32_t pos, bool goes_on)
{
    for (size_t i = p->n_block; i > 0; i--) {
        struct sov_jblockstmt *b = &p->block[i - 1];

        if (b->kind == B_IF || b->kind == B_SCOPE ||
            (b->kind == B_FOR && b->has_else))
            continue;
        if (b->kind != B_FOR)
            break;
        if (goes_on)
            sov_jjump_back(p, pos, OP_JUMP, b->start);
        else
            sov_jjump(p, pos, &b->end);
        return p->r->rc;
    }
    p->tok--;
    return sov_jexpected(p, "a loop around it");
}

int
sov_jstmt_break(struct sov_jparser *p, uint32_t pos)
{
    return leave(p, pos, false);
}

int
sov_jstmt_continue(struct sov_jparser *p, uint32_t pos)
{
    return leave(p, pos, true);
}
