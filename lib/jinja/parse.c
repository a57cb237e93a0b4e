/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - a template to code: what the parsers share, and each statement
 *
 * Statements that have begun stand on a stack of their own, so that nothing
 * recurses.
 */
#include "base/mem.h"
#include "jinja/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the parsers share */

bool
sov_jroom(struct sov_jparser *p, void *array, size_t n, size_t *cap,
          size_t size)
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

    if (!sov_jroom(p, &t->code, t->n_code, &p->cap_code, sizeof(*t->code)))
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

    if (!sov_jroom(p, &t->konst, t->n_konst, &p->cap_konst, sizeof(*t->konst)))
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
    if (!sov_jroom(p, &t->name, t->n_name, &p->cap_name, sizeof(*t->name)))
        return 0;
    t->name[t->n_name] = sov_jval_borrow(p->r, name, len, false);
    rc = sov_map_add(&p->names, name, len, t->n_name, p->r->err);
    if (rc < 0)
        p->r->rc = rc;
    return (uint32_t)t->n_name++;
}

/* A macro that mentions varargs or kwargs takes any arguments. */
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

struct sov_jblockstmt *
sov_jblock_begin(struct sov_jparser *p, enum sov_jblock_kind kind, uint32_t pos)
{
    struct sov_jblockstmt *b;

    if (p->n_block == SOV_TEMPLATE_DEPTH) {
        p->r->pos = pos;
        sov_jdeep(p->r);
        return &p->block[p->n_block - 1];
    }
    b = &p->block[p->n_block++];
    *b = (struct sov_jblockstmt){
        .kind = (uint8_t)kind, .pos = pos, .jump = -1, .end = -1, .recur = -1
    };
    return b;
}

struct sov_jblockstmt *
sov_jblock_top(struct sov_jparser *p)
{
    return p->n_block > 0 ? &p->block[p->n_block - 1] : NULL;
}

void
sov_jjump(struct sov_jparser *p, uint32_t pos, int32_t *chain)
{
    *chain = (int32_t)sov_jemit(p, pos, OP_JUMP, 0, 0, *chain);
}

void
sov_jjump_back(struct sov_jparser *p, uint32_t pos, enum sov_jop op,
               uint32_t to)
{
    sov_jemit(p, pos, op, 0, 0, (int64_t)to - (int64_t)p->t->n_code - 1);
}

/* ---- each statement */

/* What ends them; B_SCOPE: two of them. */
static const char *const ends[] = {
    [B_IF] = "endif",     [B_FOR] = "endfor", [B_MACRO] = "endmacro",
    [B_CALL] = "endcall", [B_SET] = "endset", [B_FILTER] = "endfilter",
};

/* The word that ends the innermost statement. */
static bool
ends_block(struct sov_jparser *p)
{
    const struct sov_jblockstmt *b = sov_jblock_top(p);

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
        sov_jstmt_endif(p, &b);
        break;
    case B_FOR:
        sov_jstmt_endfor(p, &b);
        break;
    case B_MACRO:
        sov_jstmt_endmacro(p, &b);
        break;
    case B_CALL:
        sov_jstmt_endcall(p, &b);
        break;
    case B_SCOPE:
        sov_jemit(p, b.pos, OP_UNSCOPE, 0, 0, 0);
        break;
    default:
        sov_jstmt_endcapture(p, &b);
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
        { "if", sov_jstmt_if },       { "elif", sov_jstmt_elif },
        { "else", sov_jstmt_else },   { "for", sov_jstmt_for },
        { "set", sov_jstmt_set },     { "macro", sov_jstmt_macro },
        { "call", sov_jstmt_call },   { "filter", sov_jstmt_filter },
        { "with", sov_jstmt_with },   { "generation", sov_jstmt_generation },
        { "break", sov_jstmt_break }, { "continue", sov_jstmt_continue },
    };
    static const char *const others[] = {
        "include", "import", "from", "extends", "block",
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
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (sov_jtok_name(p, tok, others[i])) {
            p->r->pos = tok->pos;
            return sov_jrun_fail(p->r, SOV_EUNSUP,
                                 "{%% %s %%}: a chat template is one file, "
                                 "and can use no others",
                                 others[i]);
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
        const struct sov_jblockstmt *b = sov_jblock_top(p);

        r->pos = b->pos;
        sov_jrun_fail(r, SOV_EFORMAT, "a statement that does not end");
    }
    sov_map_free(&p->names);
    free(p);
    return r->rc;
}
