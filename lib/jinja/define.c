/* SPDX-License-Identifier: Apache-2.0 */
/*
 * define.c - what gives text a name: macro, call, filter, set and with
 *
 *   macro   MACRO JUMP(end) [DEFAULT(d) VALUE STORE d:] BODY RETURN end: STORE
 *   call    CALLEE ARGS "caller" MACRO JUMP(end) BODY RETURN end: CALL PRINT
 *   filter  JUMP(b) f: FILTERS JUMP(end) b: CAPTURE BODY TAKE JUMP(f) end:
 */
#include "jinja/parse.h"

#include <string.h>

/* ---- macro and call */

static uint32_t
new_proto(struct sov_jparser *p, uint32_t name)
{
    struct sov_jinja *t = p->t;

    if (!sov_jroom(p, &t->proto, t->n_proto, &p->cap_proto, sizeof(*t->proto)))
        return 0;
    t->proto[t->n_proto] = (struct sov_jproto){
        .name = name,
        .param = (uint32_t)t->n_param,
        .varargs = sov_jname_lit(p, "varargs"),
        .kwargs = sov_jname_lit(p, "kwargs"),
        .caller = sov_jname_lit(p, "caller"),
    };
    return (uint32_t)t->n_proto++;
}

/* One parameter; its default follows as code. */
static void
read_param(struct sov_jparser *p, uint32_t proto)
{
    struct sov_jinja *t = p->t;
    const struct sov_jtok *tok = p->tok;
    uint32_t name, n;
    int32_t given;

    if (tok->type != T_NAME) {
        sov_jexpected(p, "a name");
        return;
    }
    name = sov_jname(p, tok);
    p->tok++;
    if (!sov_jroom(p, &t->param, t->n_param, &p->cap_param, sizeof(*t->param)))
        return;
    t->param[t->n_param++] = name;
    n = t->proto[proto].n_param++;
    if (n == UINT8_MAX) {
        sov_jexpected(p, "no more parameters than 255");
        return;
    }
    if (!sov_jtok_op(p->tok, '='))
        return;
    p->tok++;
    given = (int32_t)sov_jemit(p, tok->pos, OP_DEFAULT, (int)n, 0, 0);
    if (sov_jexpr(p, 0) < 0)
        return;
    sov_jemit(p, tok->pos, OP_STORE, 0, 0, name);
    sov_jpatch(p, given);
}

static int
read_params(struct sov_jparser *p, uint32_t proto)
{
    if (sov_jexpect_op(p, '(', "'('") < 0)
        return p->r->rc;
    while (!sov_jtok_op(p->tok, ')') && p->r->rc == 0) {
        read_param(p, proto);
        if (!sov_jtok_op(p->tok, ','))
            break;
        p->tok++;
    }
    return sov_jexpect_op(p, ')', "')' or ','");
}

int
sov_jstmt_macro(struct sov_jparser *p, uint32_t pos)
{
    const struct sov_jtok *tok = p->tok++;
    struct sov_jblockstmt *b;

    if (tok->type != T_NAME) {
        p->tok--;
        return sov_jexpected(p, "a name");
    }
    b = sov_jblock_begin(p, B_MACRO, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->name = sov_jname(p, tok);
    b->proto = new_proto(p, b->name);
    sov_jemit(p, pos, OP_MACRO, 0, 0, b->proto);
    b->jump = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, 0);
    return p->r->rc < 0 ? p->r->rc : read_params(p, b->proto);
}

void
sov_jstmt_endmacro(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    sov_jemit(p, b->pos, OP_RETURN, 0, 0, 0);
    sov_jpatch(p, b->jump);
    sov_jemit(p, b->pos, OP_STORE, 0, 0, b->name);
}

/* Over brackets that the lexer has found to be closed. */
static void
skip_brackets(struct sov_jparser *p)
{
    size_t depth = 0;

    do {
        const struct sov_jtok *tok = p->tok++;

        if (tok->type == T_OP && strchr("([{", tok->op) != NULL)
            depth++;
        else if (tok->type == T_OP && strchr(")]}", tok->op) != NULL)
            depth--;
    } while (depth > 0);
}

/* The parameters stand before the call, and their defaults belong behind it:
 * to the code of the block. */
int
sov_jstmt_call(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jinja *t = p->t;
    const struct sov_jtok *params = NULL, *end;
    const struct sov_jinstr *last;
    struct sov_jblockstmt *b;

    if (sov_jtok_op(p->tok, '(')) {
        params = p->tok;
        skip_brackets(p);
    }
    if (sov_jexpr(p, 0) < 0)
        return p->r->rc;
    last = &t->code[t->n_code - 1];
    if ((last->op != OP_CALL && last->op != OP_METHOD) || last->b == UINT8_MAX)
        return sov_jexpected(p, "a call before it");
    b = sov_jblock_begin(p, B_CALL, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->call = *last;
    b->call.b++;
    t->n_code--;
    b->proto = new_proto(p, sov_jname_lit(p, "caller"));
    sov_jemit(p, pos, OP_CONST, 0, 0,
              sov_jkonst(p, sov_jval_lit(p->r, "caller")));
    sov_jemit(p, pos, OP_MACRO, 0, 0, b->proto);
    b->jump = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, 0);
    if (params == NULL || p->r->rc < 0)
        return p->r->rc;
    end = p->tok;
    p->tok = params;
    read_params(p, b->proto);
    p->tok = end;
    return p->r->rc;
}

void
sov_jstmt_endcall(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    sov_jemit(p, b->pos, OP_RETURN, 0, 0, 0);
    sov_jpatch(p, b->jump);
    sov_jemit(p, b->call.pos, (enum sov_jop)b->call.op, b->call.a, b->call.b,
              b->call.c);
    sov_jemit(p, b->pos, OP_PRINT, 0, 0, 0);
}

/* ---- filter, set */

/* Filters that stand before what they are applied to. */
static int
filters_first(struct sov_jparser *p, uint32_t pos, struct sov_jblockstmt *b,
              unsigned flags)
{
    int32_t body = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, 0);

    b->start = (uint32_t)p->t->n_code;
    if (sov_jexpr(p, flags) < 0)
        return p->r->rc;
    sov_jjump(p, pos, &b->end);
    sov_jpatch(p, body);
    return p->r->rc;
}

int
sov_jstmt_filter(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = sov_jblock_begin(p, B_FILTER, pos);

    if (p->r->rc < 0 || filters_first(p, pos, b, EXPR_FILTER) < 0)
        return p->r->rc;
    sov_jemit(p, pos, OP_CAPTURE, 0, 0, 0);
    return p->r->rc;
}

void
sov_jstmt_endcapture(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    sov_jemit(p, b->pos, OP_TAKE, 0, 0, 0);
    if (b->end >= 0) {
        sov_jjump_back(p, b->pos, OP_JUMP, b->start);
        sov_jpatch_chain(p, b->end);
    }
    if (b->kind == B_FILTER)
        sov_jemit(p, b->pos, OP_PRINT, 0, 0, 0);
    else
        sov_jemit(p, b->pos, OP_STORE, 0, 0, b->name);
}

static int
set_attribute(struct sov_jparser *p, uint32_t pos)
{
    const struct sov_jtok *space = p->tok, *name = p->tok + 2;

    p->tok += 2;
    if (name->type != T_NAME)
        return sov_jexpected(p, "a name");
    p->tok++;
    if (sov_jexpect_op(p, '=', "'='") < 0 || sov_jexpr(p, EXPR_TUPLE) < 0)
        return p->r->rc;
    sov_jemit(p, space->pos, OP_NAME, 0, 0, sov_jname(p, space));
    sov_jemit(p, pos, OP_SETATTR, 0, 0, sov_jkonst(p, sov_jtok_str(p, name)));
    return p->r->rc;
}

int
sov_jstmt_set(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b;

    if (p->tok->type == T_NAME && sov_jtok_op(p->tok + 1, '.'))
        return set_attribute(p, pos);
    if (sov_jtargets(p) < 0)
        return p->r->rc;
    if (sov_jtok_op(p->tok, '=')) {
        p->tok++;
        if (sov_jexpr(p, EXPR_TUPLE) == 0)
            sov_jtargets_store(p, pos);
        return p->r->rc;
    }
    if (p->n_target > 1)
        return sov_jexpected(p, "'='");
    b = sov_jblock_begin(p, B_SET, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->name = p->target[0];
    if (sov_jtok_op(p->tok, '|') && filters_first(p, pos, b, EXPR_AFTER) < 0)
        return p->r->rc;
    sov_jemit(p, pos, OP_CAPTURE, 0, 0, 0);
    return p->r->rc;
}

/* ---- with, generation */

int
sov_jstmt_with(struct sov_jparser *p, uint32_t pos)
{
    uint32_t target[J_TARGETS];
    size_t n = 0;

    sov_jblock_begin(p, B_SCOPE, pos);
    while (p->tok->type == T_NAME && p->r->rc == 0) {
        if (n == J_TARGETS)
            return sov_jexpected(p, "no more names than 16");
        target[n++] = sov_jname(p, p->tok++);
        if (sov_jexpect_op(p, '=', "'='") < 0 || sov_jexpr(p, 0) < 0)
            return p->r->rc;
        if (!sov_jtok_op(p->tok, ','))
            break;
        p->tok++;
    }
    sov_jemit(p, pos, OP_SCOPE, 0, 0, 0);
    while (n > 0)
        sov_jemit(p, pos, OP_STORE, 0, 0, target[--n]);
    return p->r->rc;
}

/* What an assistant said: marked for training, and no more than text here. */
int
sov_jstmt_generation(struct sov_jparser *p, uint32_t pos)
{
    sov_jblock_begin(p, B_SCOPE, pos);
    sov_jemit(p, pos, OP_SCOPE, 0, 0, 0);
    return p->r->rc;
}
