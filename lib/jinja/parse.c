/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - the statements of a template to code
 *
 * Statements that have begun stand on a stack of their own, so that nothing
 * recurses.  The layouts:
 *
 *   if      COND UNLESS(a) BODY JUMP(end) a: ... end:
 *   for     VALUE ITER [SIEVE s: TRY(t) SET COND CHOOSE JUMP(s) t:]
 *           FOR(else) n: NEXT(e) SET BODY JUMP(n) e: ENDFOR [JUMP(end)
 *           else: BODY] end:
 *   macro   MACRO JUMP(end) [DEFAULT(d) VALUE STORE d:] BODY RETURN end: STORE
 *   call    CALLEE ARGS "caller" MACRO JUMP(end) BODY RETURN end: CALL PRINT
 *   filter  JUMP(b) f: FILTERS JUMP(end) b: CAPTURE BODY TAKE JUMP(f) end:
 */
#include "base/mem.h"
#include "base/text.h"
#include "jinja/jinja.h"
#include "jinja/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the parsers share */

/* Room for one more element; the array lies in the arena. */
static bool
room(struct sov_jparser *p, void *array, size_t n, size_t *cap, size_t size)
{
    void **v = array;
    size_t more = *cap * 2 + 64;
    void *bigger;

    if (p->r->rc < 0)
        return false;
    if (n < *cap)
        return true;
    bigger = sov_jrun_take(p->r, more, size);
    if (bigger == NULL)
        return false;
    if (n > 0)
        memcpy(bigger, *v, n * size);
    *v = bigger;
    *cap = more;
    return true;
}

uint32_t
sov_jemit(struct sov_jparser *p, uint32_t pos, enum sov_jop op, int a, size_t b,
          int64_t c)
{
    struct sov_jinja *t = p->t;

    if (!room(p, &t->code, t->n_code, &p->cap_code, sizeof(*t->code)))
        return 0;
    t->code[t->n_code] = (struct sov_jinstr){ .op = (uint8_t)op,
                                              .a = (uint8_t)a,
                                              .b = (uint16_t)b,
                                              .c = (int32_t)c,
                                              .pos = pos };
    return (uint32_t)t->n_code++;
}

void
sov_jpatch(struct sov_jparser *p, int32_t at)
{
    if (p->r->rc == 0)
        p->t->code[at].c = (int32_t)p->t->n_code - at - 1;
}

void
sov_jpatch_chain(struct sov_jparser *p, int32_t at)
{
    while (at >= 0 && p->r->rc == 0) {
        int32_t next = p->t->code[at].c;

        sov_jpatch(p, at);
        at = next;
    }
}

uint32_t
sov_jkonst(struct sov_jparser *p, struct sov_jval v)
{
    struct sov_jinja *t = p->t;

    if (!room(p, &t->konst, t->n_konst, &p->cap_konst, sizeof(*t->konst)))
        return 0;
    t->konst[t->n_konst] = v;
    return (uint32_t)t->n_konst++;
}

struct sov_jval
sov_jtok_str(struct sov_jparser *p, const struct sov_jtok *tok)
{
    return sov_jval_borrow(p->r, p->t->src + tok->pos, tok->len, false);
}

static uint32_t
intern(struct sov_jparser *p, const char *name, size_t len)
{
    struct sov_jinja *t = p->t;
    uint64_t id;
    int rc;

    if (p->r->rc < 0)
        return 0;
    if (sov_map_get(&p->names, name, len, &id))
        return (uint32_t)id;
    if (!room(p, &t->name, t->n_name, &p->cap_name, sizeof(*t->name)))
        return 0;
    t->name[t->n_name] = sov_jval_borrow(p->r, name, len, false);
    rc = sov_map_add(&p->names, name, len, t->n_name, p->r->err);
    if (rc < 0)
        p->r->rc = rc;
    return (uint32_t)t->n_name++;
}

/* A macro that mentions varargs or kwargs takes any arguments. */
static void mark_more(struct sov_jparser *p, const struct sov_jtok *tok);

uint32_t
sov_jname(struct sov_jparser *p, const struct sov_jtok *tok)
{
    mark_more(p, tok);
    return intern(p, p->t->src + tok->pos, tok->len);
}

uint32_t
sov_jname_lit(struct sov_jparser *p, const char *name)
{
    return intern(p, name, strlen(name));
}

bool
sov_jtok_op(const struct sov_jtok *tok, int op)
{
    return tok->type == T_OP && tok->op == op;
}

bool
sov_jtok_name(const struct sov_jparser *p, const struct sov_jtok *tok,
              const char *name)
{
    return tok->type == T_NAME && tok->len == strlen(name) &&
           memcmp(p->t->src + tok->pos, name, tok->len) == 0;
}

int
sov_jexpected(struct sov_jparser *p, const char *what)
{
    const struct sov_jtok *tok = p->tok;
    int len = tok->len < 40 ? (int)tok->len : 40;

    p->r->pos = tok->pos;
    if (tok->type == T_END)
        return sov_jrun_fail(p->r, SOV_EFORMAT, "expected %s, but it ends",
                             what);
    return sov_jrun_fail(p->r, SOV_EFORMAT, "expected %s, not '%.*s'", what,
                         len, p->t->src + tok->pos);
}

int
sov_jexpect_op(struct sov_jparser *p, int op, const char *what)
{
    if (!sov_jtok_op(p->tok, op))
        return sov_jexpected(p, what);
    p->tok++;
    return p->r->rc;
}

/* ---- statements that have begun */

enum kind { B_IF, B_FOR, B_MACRO, B_CALL, B_SET, B_FILTER, B_SCOPE };

/* What ends them; B_SCOPE: two of them. */
static const char *const ends[] = {
    [B_IF] = "endif",     [B_FOR] = "endfor", [B_MACRO] = "endmacro",
    [B_CALL] = "endcall", [B_SET] = "endset", [B_FILTER] = "endfilter",
};

static void
mark_more(struct sov_jparser *p, const struct sov_jtok *tok)
{
    if (!sov_jtok_name(p, tok, "varargs") && !sov_jtok_name(p, tok, "kwargs"))
        return;
    for (size_t i = p->n_block; i > 0; i--) {
        const struct sov_jblockstmt *b = &p->block[i - 1];

        if (b->kind == B_MACRO || b->kind == B_CALL) {
            p->t->proto[b->proto].wants_more = true;
            return;
        }
    }
}

static struct sov_jblockstmt *
begin(struct sov_jparser *p, enum kind kind, uint32_t pos)
{
    struct sov_jblockstmt *b;

    if (p->n_block == SOV_TEMPLATE_DEPTH) {
        p->r->pos = pos;
        sov_jdeep(p->r);
        return &p->block[p->n_block - 1];
    }
    b = &p->block[p->n_block++];
    *b = (struct sov_jblockstmt){
        .kind = (uint8_t)kind, .pos = pos, .jump = -1, .end = -1
    };
    return b;
}

static struct sov_jblockstmt *
innermost(struct sov_jparser *p)
{
    return p->n_block > 0 ? &p->block[p->n_block - 1] : NULL;
}

/* A jump that is chained to *chain. */
static void
jump_to(struct sov_jparser *p, uint32_t pos, int32_t *chain)
{
    *chain = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, *chain);
}

static void
jump_back(struct sov_jparser *p, uint32_t pos, enum sov_jop op, uint32_t to)
{
    sov_jemit(p, pos, op, 0, 0, (int64_t)to - (int64_t)p->t->n_code - 1);
}

/* ---- if */

static int
begin_if(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = begin(p, B_IF, pos);

    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) == 0)
        b->jump = (int32_t)sov_jemit(p, pos, OP_UNLESS, 0, 0, 0);
    return p->r->rc;
}

static int
next_if(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = innermost(p);

    if (b == NULL || b->kind != B_IF || b->has_else) {
        p->tok--;
        return sov_jexpected(p, "an if before it");
    }
    jump_to(p, pos, &b->end);
    sov_jpatch(p, b->jump);
    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) == 0)
        b->jump = (int32_t)sov_jemit(p, pos, OP_UNLESS, 0, 0, 0);
    return p->r->rc;
}

static int
do_else(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = innermost(p);

    if (b == NULL || b->kind > B_FOR || b->has_else) {
        p->tok--;
        return sov_jexpected(p, "an if or for before it");
    }
    b->has_else = true;
    if (b->kind == B_IF) {
        jump_to(p, pos, &b->end);
        sov_jpatch(p, b->jump);
        return p->r->rc;
    }
    jump_back(p, pos, OP_JUMP, b->start);
    sov_jpatch_chain(p, b->end);
    b->end = -1;
    sov_jemit(p, pos, OP_ENDFOR, 0, 0, 0);
    jump_to(p, pos, &b->end);
    sov_jpatch(p, b->jump);
    return p->r->rc;
}

static void
end_if(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    if (!b->has_else)
        sov_jpatch(p, b->jump);
    sov_jpatch_chain(p, b->end);
}

/* ---- for */

/* a, or a, b ..., in brackets or not, into p->target. */
static int
read_targets(struct sov_jparser *p)
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

static void
store_targets(struct sov_jparser *p, uint32_t pos)
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
    store_targets(p, pos);
    if (sov_jexpr(p, 0) < 0)
        return;
    sov_jemit(p, pos, OP_CHOOSE, 0, 0, 0);
    jump_back(p, pos, OP_JUMP, start);
    sov_jpatch(p, end);
}

static int
begin_for(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b;

    if (read_targets(p) < 0)
        return p->r->rc;
    if (!sov_jtok_name(p, p->tok, "in"))
        return sov_jexpected(p, "'in'");
    p->tok++;
    if (sov_jexpr(p, EXPR_TUPLE | EXPR_NO_IF) < 0)
        return p->r->rc;
    sov_jemit(p, pos, OP_ITER, 0, 0, 0);
    if (sov_jtok_name(p, p->tok, "if"))
        sieve(p, pos);
    if (sov_jtok_name(p, p->tok, "recursive")) {
        p->r->pos = pos;
        return sov_jrun_fail(p->r, SOV_EUNSUP, "recursive loops");
    }
    b = begin(p, B_FOR, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->jump = (int32_t)sov_jemit(p, pos, OP_FOR, 0, 0, 0);
    b->start = (uint32_t)p->t->n_code;
    b->end = (int32_t)sov_jemit(p, pos, OP_NEXT, 0, 0, -1);
    store_targets(p, pos);
    return p->r->rc;
}

static void
end_for(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    if (b->has_else) {
        sov_jpatch_chain(p, b->end);
        return;
    }
    jump_back(p, b->pos, OP_JUMP, b->start);
    sov_jpatch_chain(p, b->end);
    sov_jemit(p, b->pos, OP_ENDFOR, 0, 0, 0);
    sov_jpatch(p, b->jump);
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
            jump_back(p, pos, OP_JUMP, b->start);
        else
            jump_to(p, pos, &b->end);
        return p->r->rc;
    }
    p->tok--;
    return sov_jexpected(p, "a loop around it");
}

static int
do_break(struct sov_jparser *p, uint32_t pos)
{
    return leave(p, pos, false);
}

static int
do_continue(struct sov_jparser *p, uint32_t pos)
{
    return leave(p, pos, true);
}

/* ---- macro and call */

static uint32_t
new_proto(struct sov_jparser *p, uint32_t name)
{
    struct sov_jinja *t = p->t;

    if (!room(p, &t->proto, t->n_proto, &p->cap_proto, sizeof(*t->proto)))
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
read_param(struct sov_jparser *p, uint32_t proto, bool may_default)
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
    if (!room(p, &t->param, t->n_param, &p->cap_param, sizeof(*t->param)))
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
    if (!may_default) {
        p->r->pos = tok->pos;
        sov_jrun_fail(p->r, SOV_EUNSUP, "defaults in a call block");
        return;
    }
    given = (int32_t)sov_jemit(p, tok->pos, OP_DEFAULT, (int)n, 0, 0);
    if (sov_jexpr(p, 0) < 0)
        return;
    sov_jemit(p, tok->pos, OP_STORE, 0, 0, name);
    sov_jpatch(p, given);
}

static int
read_params(struct sov_jparser *p, uint32_t proto, bool may_default)
{
    if (sov_jexpect_op(p, '(', "'('") < 0)
        return p->r->rc;
    while (!sov_jtok_op(p->tok, ')') && p->r->rc == 0) {
        read_param(p, proto, may_default);
        if (!sov_jtok_op(p->tok, ','))
            break;
        p->tok++;
    }
    return sov_jexpect_op(p, ')', "')' or ','");
}

static int
begin_macro(struct sov_jparser *p, uint32_t pos)
{
    const struct sov_jtok *tok = p->tok++;
    struct sov_jblockstmt *b;

    if (tok->type != T_NAME) {
        p->tok--;
        return sov_jexpected(p, "a name");
    }
    b = begin(p, B_MACRO, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->name = sov_jname(p, tok);
    b->proto = new_proto(p, b->name);
    sov_jemit(p, pos, OP_MACRO, 0, 0, b->proto);
    b->jump = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, 0);
    return p->r->rc < 0 ? p->r->rc : read_params(p, b->proto, true);
}

static void
end_macro(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    sov_jemit(p, b->pos, OP_RETURN, 0, 0, 0);
    sov_jpatch(p, b->jump);
    sov_jemit(p, b->pos, OP_STORE, 0, 0, b->name);
}

static int
begin_call(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jinja *t = p->t;
    struct sov_jblockstmt *b = begin(p, B_CALL, pos);
    const struct sov_jinstr *last;

    if (p->r->rc < 0)
        return p->r->rc;
    b->proto = new_proto(p, sov_jname_lit(p, "caller"));
    if (p->r->rc == 0 && sov_jtok_op(p->tok, '('))
        read_params(p, b->proto, false);
    if (p->r->rc < 0 || sov_jexpr(p, 0) < 0)
        return p->r->rc;
    last = &t->code[t->n_code - 1];
    if ((last->op != OP_CALL && last->op != OP_METHOD) || last->b == UINT8_MAX)
        return sov_jexpected(p, "a call before it");
    b->call = *last;
    b->call.b++;
    t->n_code--;
    sov_jemit(p, pos, OP_CONST, 0, 0,
              sov_jkonst(p, sov_jval_lit(p->r, "caller")));
    sov_jemit(p, pos, OP_MACRO, 0, 0, b->proto);
    b->jump = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, 0);
    return p->r->rc;
}

static void
end_call(struct sov_jparser *p, struct sov_jblockstmt *b)
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
    jump_to(p, pos, &b->end);
    sov_jpatch(p, body);
    return p->r->rc;
}

static int
begin_filter(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b = begin(p, B_FILTER, pos);

    if (p->r->rc < 0 || filters_first(p, pos, b, EXPR_FILTER) < 0)
        return p->r->rc;
    sov_jemit(p, pos, OP_CAPTURE, 0, 0, 0);
    return p->r->rc;
}

static void
end_capture(struct sov_jparser *p, struct sov_jblockstmt *b)
{
    sov_jemit(p, b->pos, OP_TAKE, 0, 0, 0);
    if (b->end >= 0) {
        jump_back(p, b->pos, OP_JUMP, b->start);
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

static int
do_set(struct sov_jparser *p, uint32_t pos)
{
    struct sov_jblockstmt *b;

    if (p->tok->type == T_NAME && sov_jtok_op(p->tok + 1, '.'))
        return set_attribute(p, pos);
    if (read_targets(p) < 0)
        return p->r->rc;
    if (sov_jtok_op(p->tok, '=')) {
        p->tok++;
        if (sov_jexpr(p, EXPR_TUPLE) == 0)
            store_targets(p, pos);
        return p->r->rc;
    }
    if (p->n_target > 1)
        return sov_jexpected(p, "'='");
    b = begin(p, B_SET, pos);
    if (p->r->rc < 0)
        return p->r->rc;
    b->name = p->target[0];
    if (sov_jtok_op(p->tok, '|') && filters_first(p, pos, b, EXPR_AFTER) < 0)
        return p->r->rc;
    sov_jemit(p, pos, OP_CAPTURE, 0, 0, 0);
    return p->r->rc;
}

/* ---- with, generation */

static int
begin_with(struct sov_jparser *p, uint32_t pos)
{
    uint32_t target[J_TARGETS];
    size_t n = 0;

    begin(p, B_SCOPE, pos);
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
static int
begin_generation(struct sov_jparser *p, uint32_t pos)
{
    begin(p, B_SCOPE, pos);
    sov_jemit(p, pos, OP_SCOPE, 0, 0, 0);
    return p->r->rc;
}

/* ---- all of it */

/* The word that ends the innermost statement. */
static bool
ends_block(struct sov_jparser *p)
{
    const struct sov_jblockstmt *b = innermost(p);

    if (b == NULL)
        return false;
    if (b->kind != B_SCOPE)
        return sov_jtok_name(p, p->tok, ends[b->kind]);
    return sov_jtok_name(p, p->tok, "endwith") ||
           sov_jtok_name(p, p->tok, "endgeneration");
}

static void
end_block(struct sov_jparser *p)
{
    struct sov_jblockstmt b = p->block[--p->n_block];

    p->tok++;
    if (b.kind == B_MACRO && p->tok->type == T_NAME)
        p->tok++; /* {% endmacro name %} */
    switch (b.kind) {
    case B_IF:
        end_if(p, &b);
        break;
    case B_FOR:
        end_for(p, &b);
        break;
    case B_MACRO:
        end_macro(p, &b);
        break;
    case B_CALL:
        end_call(p, &b);
        break;
    case B_SCOPE:
        sov_jemit(p, b.pos, OP_UNSCOPE, 0, 0, 0);
        break;
    default:
        end_capture(p, &b);
        break;
    }
}

static int
statement(struct sov_jparser *p)
{
    static const struct {
        const char *name;
        int (*read)(struct sov_jparser *p, uint32_t pos);
    } known[] = {
        { "if", begin_if },     { "elif", next_if },
        { "else", do_else },    { "for", begin_for },
        { "set", do_set },      { "macro", begin_macro },
        { "call", begin_call }, { "filter", begin_filter },
        { "with", begin_with }, { "generation", begin_generation },
        { "break", do_break },  { "continue", do_continue },
    };
    const struct sov_jtok *tok = p->tok;

    if (ends_block(p)) {
        end_block(p);
        return p->r->rc;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (sov_jtok_name(p, tok, known[i].name)) {
            p->tok++;
            return known[i].read(p, tok->pos);
        }
    return sov_jexpected(p, "a statement that is known, or the end of one");
}

/* What is between two tags, or one tag. */
static int
element(struct sov_jparser *p)
{
    const struct sov_jtok *tok = p->tok++;

    if (tok->type == T_DATA) {
        sov_jemit(p, tok->pos, OP_TEXT, 0, 0,
                  sov_jkonst(p, sov_jtok_str(p, tok)));
        return p->r->rc;
    }
    if (tok->type == T_VAR) {
        if (sov_jexpr(p, EXPR_TUPLE) < 0)
            return p->r->rc;
        sov_jemit(p, tok->pos, OP_PRINT, 0, 0, 0);
        if (p->tok->type != T_VAR_END)
            return sov_jexpected(p, "'}}'");
    } else {
        if (statement(p) < 0)
            return p->r->rc;
        if (p->tok->type != T_TAG_END)
            return sov_jexpected(p, "'%}'");
    }
    p->tok++;
    return p->r->rc;
}

int
sov_jparse(struct sov_jrun *r, struct sov_jinja *t)
{
    struct sov_jparser *p = sov_mem_array(1, sizeof(*p));
    struct sov_jtoks toks = { 0 };

    if (p == NULL) {
        r->rc = sov_mem_fail(r->err);
        return r->rc;
    }
    p->r = r;
    p->t = t;
    if (sov_jlex(r, t->src, t->len, &toks) == 0) {
        p->tok = toks.v;
        while (p->tok->type != T_END && element(p) == 0)
            continue;
    }
    if (r->rc == 0 && p->n_block > 0) {
        const struct sov_jblockstmt *b = innermost(p);

        r->pos = b->pos;
        sov_jrun_fail(r, SOV_EFORMAT, "a statement that does not end");
    }
    sov_map_free(&p->names);
    free(p);
    return r->rc;
}
