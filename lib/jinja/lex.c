/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.c - the tokens of a template
 *
 * Between tags everything is text.  Tags may eat the white space around them:
 * {%- and -%} all of it; without a sign, a tag that is not {{ takes the blanks
 * between the start of its line and itself (lstrip_blocks) and the new line
 * right behind it (trim_blocks), unless {%+ or +%} say otherwise.
 */
#include "jinja/code.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct lexer {
    struct sov_jrun *r;
    const char *src;
    size_t len;
    size_t at;
    bool line_start; /* is the text from here on at the start of a line? */
    struct sov_jtoks *toks;
    char open[SOV_TEMPLATE_DEPTH]; /* what closes the brackets around */
    size_t n_open;
};

static int
fail_at(struct lexer *l, size_t at, const char *what)
{
    l->r->pos = (uint32_t)at;
    return sov_jrun_fail(l->r, SOV_EFORMAT, "%s", what);
}

int
sov_jdeep(struct sov_jrun *r)
{
    return sov_jrun_fail(r, SOV_EFORMAT,
                         "nested deeper than %d levels, which is the limit",
                         SOV_TEMPLATE_DEPTH);
}

static void
add(struct lexer *l, struct sov_jtok tok)
{
    struct sov_jtoks *t = l->toks;

    if (t->n == t->cap) {
        size_t cap = t->cap * 2 + 64;
        struct sov_jtok *v = sov_jrun_take(l->r, cap, sizeof(*v));

        if (v == NULL)
            return;
        if (t->n > 0)
            memcpy(v, t->v, t->n * sizeof(*v));
        t->v = v;
        t->cap = cap;
    }
    t->v[t->n++] = tok;
}

static void
add_simple(struct lexer *l, enum sov_jtoken type, char op, size_t pos,
           size_t len)
{
    add(l, (struct sov_jtok){ .type = (uint8_t)type,
                              .op = (uint8_t)op,
                              .pos = (uint32_t)pos,
                              .len = (uint32_t)len });
}

static bool
is_at(const struct lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);

    return n <= l->len - at && memcmp(l->src + at, text, n) == 0;
}

/* Behind the white space at at. */
static size_t
skip_space(const struct lexer *l, size_t at)
{
    uint32_t cp;
    size_t n;

    while (at < l->len && (n = sov_utf8_step(l->src + at, l->len - at, &cp)) &&
           sov_jchar_space(cp))
        at += n;
    return at;
}

/* Before the white space that ends at end, but not before start. */
static size_t
skip_back(const struct lexer *l, size_t start, size_t end)
{
    uint32_t cp;

    while (end > start) {
        size_t n = 1;

        while (end - n > start &&
               ((unsigned char)l->src[end - n] & 0xc0) == 0x80)
            n++;
        if (sov_utf8_step(l->src + end - n, n, &cp) != n ||
            !sov_jchar_space(cp))
            break;
        end -= n;
    }
    return end;
}

/* The text from at to the tag at tag, with sign behind its two characters. */
static void
add_text(struct lexer *l, size_t at, size_t tag, char sign)
{
    size_t end = tag;

    if (sign == '-') {
        end = skip_back(l, at, tag);
    } else if (sign != '+' && l->src[tag + 1] != '{') {
        size_t line = tag;

        while (line > at && l->src[line - 1] != '\n')
            line--;
        if ((line > at || l->line_start) && skip_back(l, line, tag) == line)
            end = line;
    }
    if (end > at)
        add_simple(l, T_DATA, 0, at, end - at);
}

/* ---- within tags */

static int
hex(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* The code point that follows \x, \u or \U: digits of them. */
static bool
read_hex(struct lexer *l, size_t *at, int digits, uint32_t *cp)
{
    *cp = 0;
    for (int i = 0; i < digits; i++, ++*at) {
        int v = *at < l->len ? hex(l->src[*at]) : -1;

        if (v < 0)
            return false;
        *cp = *cp << 4 | (uint32_t)v;
    }
    return true;
}

/* One escape, *at behind its backslash. */
static void
read_escape(struct lexer *l, struct sov_jtext *t, size_t *at)
{
    static const char from[] = "ntr\\'\"abfv";
    static const char to[] = "\n\t\r\\'\"\a\b\f\v";
    size_t start = *at;
    char c = l->src[(*at)++];
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    unsigned char out[4];
    uint32_t cp = 0;

    if (known != NULL) {
        sov_jtext_add(t, &to[known - from], 1, false);
    } else if (c == 'x' || c == 'u' || c == 'U') {
        if (!read_hex(l, at, c == 'x' ? 2 : c == 'u' ? 4 : 8, &cp))
            fail_at(l, start, "an escape that is cut short");
        if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
            cp = 0xfffd;
        sov_jtext_add(t, out, sov_utf8_put(cp, out), false);
    } else if (c >= '0' && c <= '7') {
        *at = start;
        for (int i = 0;
             i < 3 && *at < l->len && l->src[*at] >= '0' && l->src[*at] <= '7';
             i++)
            cp = cp * 8 + (uint32_t)(l->src[(*at)++] - '0');
        sov_jtext_add(t, out, sov_utf8_put(cp, out), false);
    } else if (c != '\n') {
        sov_jtext_lit(t, "\\");
        sov_jtext_add(t, &c, 1, false);
    }
}

static void
read_string(struct lexer *l)
{
    struct sov_jtext t = { .r = l->r };
    struct sov_jtok tok = { .type = T_LIT, .pos = (uint32_t)l->at };
    char quote = l->src[l->at];
    size_t at = l->at + 1;
    size_t from = at;

    while (at < l->len && l->src[at] != quote && l->r->rc == 0) {
        if (l->src[at] != '\\') {
            at++;
            continue;
        }
        sov_jtext_add(&t, l->src + from, at - from, false);
        if (++at < l->len)
            read_escape(l, &t, &at);
        from = at;
    }
    if (at >= l->len) {
        fail_at(l, l->at, "a string that does not end");
        return;
    }
    sov_jtext_add(&t, l->src + from, at - from, false);
    tok.val = sov_jtext_end(&t);
    l->at = at + 1;
    tok.len = (uint32_t)(l->at - tok.pos);
    add(l, tok);
}

static bool
is_digit(const struct lexer *l, size_t at)
{
    return at < l->len && l->src[at] >= '0' && l->src[at] <= '9';
}

/* Digits of a base with _ between them, into buf without; behind them. */
static size_t
digits(const struct lexer *l, size_t at, int base, char *buf, size_t *n)
{
    while (at < l->len && *n < 70) {
        int v = hex(l->src[at]);

        if (v >= 0 && v < base)
            buf[(*n)++] = l->src[at];
        else if (l->src[at] != '_' || at + 1 >= l->len ||
                 hex(l->src[at + 1]) < 0)
            break;
        at++;
    }
    buf[*n] = '\0';
    return at;
}

static size_t
read_float(const struct lexer *l, size_t at, char *buf, size_t n, bool *real)
{
    size_t e = at;

    if (at + 1 < l->len && l->src[at] == '.' && is_digit(l, at + 1)) {
        buf[n++] = '.';
        e = at = digits(l, at + 1, 10, buf, &n);
        *real = true;
    }
    if (e < l->len && (l->src[e] == 'e' || l->src[e] == 'E')) {
        buf[n++] = 'e';
        if (++e < l->len && (l->src[e] == '+' || l->src[e] == '-'))
            buf[n++] = l->src[e++];
        if (is_digit(l, e)) {
            at = digits(l, e, 10, buf, &n);
            *real = true;
        } else {
            buf[n > 0 ? n - 1 : 0] = '\0';
        }
    }
    return at;
}

static void
read_number(struct lexer *l)
{
    struct sov_jtok tok = { .type = T_LIT, .pos = (uint32_t)l->at };
    const struct sov_jtoks *t = l->toks;
    bool after_dot =
        t->n > 0 && t->v[t->n - 1].type == T_OP && t->v[t->n - 1].op == '.';
    char buf[256];
    size_t n = 0;
    bool real = false;
    size_t at = l->at;
    int c = at + 1 < l->len && l->src[at] == '0' ? l->src[at + 1] | 32 : 0;
    int base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
    int64_t value = 0;

    at = digits(l, base == 10 ? at : at + 2, base, buf, &n);
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, hex(buf[i]), &value)) {
            fail_at(l, l->at, "a number of more than 64 bits");
            return;
        }
    if (n == 0) {
        fail_at(l, l->at, "a number without digits");
        return;
    }
    if (base == 10 && !after_dot)
        at = read_float(l, at, buf, n, &real);
    tok.val = real ? sov_jval_float(strtod(buf, NULL)) : sov_jval_int(value);
    tok.len = (uint32_t)(at - l->at);
    l->at = at;
    add(l, tok);
}

static bool
is_name(unsigned char c, bool first)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c >= 0x80 ||
           (!first && c >= '0' && c <= '9');
}

static void
read_name(struct lexer *l)
{
    size_t at = l->at;

    while (at < l->len && is_name((unsigned char)l->src[at], false))
        at++;
    add_simple(l, T_NAME, 0, l->at, at - l->at);
    l->at = at;
}

static int
read_operator(struct lexer *l)
{
    static const struct {
        char text[3];
        char op;
    } two[] = {
        { "**", OP_POW }, { "//", OP_DIV }, { "==", OP_EQ },
        { "!=", OP_NE },  { "<=", OP_LE },  { ">=", OP_GE },
    };
    char c = l->src[l->at];

    for (size_t i = 0; i < sizeof(two) / sizeof(two[0]); i++)
        if (is_at(l, l->at, two[i].text)) {
            add_simple(l, T_OP, two[i].op, l->at, 2);
            l->at += 2;
            return 0;
        }
    if (c == '\0' || strchr("+-*/%~[](){}<>=.:|,;", c) == NULL)
        return fail_at(l, l->at, "a character that means nothing here");
    if (strchr("([{", c) != NULL) {
        if (l->n_open == sizeof(l->open)) {
            l->r->pos = (uint32_t)l->at;
            return sov_jdeep(l->r);
        }
        l->open[l->n_open++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (strchr(")]}", c) != NULL) {
        if (l->n_open == 0 || l->open[l->n_open - 1] != c)
            return fail_at(l, l->at, "a bracket that closes none before it");
        l->n_open--;
    }
    add_simple(l, T_OP, c, l->at++, 1);
    return 0;
}

/* The end of a tag at l->at: how long it is with the white space that it
 * eats; 0 if there is none. */
static size_t
tag_end(const struct lexer *l, const char *end)
{
    if (l->n_open > 0)
        return 0;
    if (l->src[l->at] == '-' && is_at(l, l->at + 1, end))
        return skip_space(l, l->at + 3) - l->at;
    if (end[0] == '}')
        return is_at(l, l->at, end) ? 2 : 0;
    if (l->src[l->at] == '+' && is_at(l, l->at + 1, end))
        return 3;
    if (is_at(l, l->at, end))
        return 2 + is_at(l, l->at + 2, "\n");
    return 0;
}

static void
eat_end(struct lexer *l, size_t n)
{
    l->at += n;
    l->line_start = l->src[l->at - 1] == '\n';
}

/* Tokens up to the end of a tag that begins at tag. */
static int
read_tag(struct lexer *l, size_t tag, bool var)
{
    const char *end = var ? "}}" : "%}";

    add_simple(l, var ? T_VAR : T_TAG, 0, tag, 2);
    l->n_open = 0;
    while (l->r->rc == 0) {
        size_t n;
        unsigned char c;

        l->at = skip_space(l, l->at);
        if (l->at >= l->len)
            return fail_at(l, tag, "a tag that does not end");
        n = tag_end(l, end);
        if (n > 0) {
            add_simple(l, var ? T_VAR_END : T_TAG_END, 0, l->at, 2);
            eat_end(l, n);
            return l->r->rc;
        }
        c = (unsigned char)l->src[l->at];
        if (c == '"' || c == '\'')
            read_string(l);
        else if (c >= '0' && c <= '9')
            read_number(l);
        else if (is_name(c, true))
            read_name(l);
        else
            read_operator(l);
    }
    return l->r->rc;
}

/* ---- comments, raw text */

static int
skip_comment(struct lexer *l, size_t tag)
{
    const char *p = memmem(l->src + l->at, l->len - l->at, "#}", 2);
    size_t start = l->at;

    if (p == NULL)
        return fail_at(l, tag, "a comment that does not end");
    l->at = (size_t)(p - l->src);
    l->n_open = 0;
    if (l->at > start && (p[-1] == '-' || p[-1] == '+'))
        l->at--;
    eat_end(l, tag_end(l, "#}"));
    return 0;
}

/* Is there only the word between at and the end of a tag?  Where that is. */
static size_t
word_tag(const struct lexer *l, size_t at, const char *word)
{
    at = skip_space(l, at);
    if (!is_at(l, at, word))
        return 0;
    at = skip_space(l, at + strlen(word));
    if (is_at(l, at, "%}") || is_at(l, at, "-%}") || is_at(l, at, "+%}"))
        return at;
    return 0;
}

/* Text up to {% endraw %}, end being that of {% raw %}. */
static int
read_raw(struct lexer *l, size_t tag, size_t end)
{
    size_t at = l->src[end] == '-' ? skip_space(l, end + 3) : end + 2;

    l->line_start = l->src[at - 1] == '\n';
    for (size_t i = at; i < l->len; i++) {
        size_t sign;

        if (!is_at(l, i, "{%"))
            continue;
        sign = i + 2 < l->len && (l->src[i + 2] == '-' || l->src[i + 2] == '+');
        end = word_tag(l, i + 2 + sign, "endraw");
        if (end == 0)
            continue;
        add_text(l, at, i, sign ? l->src[i + 2] : '\0');
        l->at = end;
        l->n_open = 0;
        eat_end(l, tag_end(l, "%}"));
        return l->r->rc;
    }
    return fail_at(l, tag, "raw text that does not end");
}

/* ---- all of it */

/* Where the next tag begins, or l->len. */
static size_t
next_tag(const struct lexer *l)
{
    size_t at = l->at;

    while (at + 1 < l->len) {
        const char *p = memchr(l->src + at, '{', l->len - 1 - at);

        if (p == NULL)
            break;
        at = (size_t)(p - l->src);
        if (p[1] == '{' || p[1] == '%' || p[1] == '#')
            return at;
        at++;
    }
    return l->len;
}

int
sov_jlex(struct sov_jrun *r, const char *src, size_t len,
         struct sov_jtoks *toks)
{
    struct lexer l = {
        .r = r, .src = src, .len = len, .line_start = true, .toks = toks
    };

    while (l.at < len && r->rc == 0) {
        size_t tag = next_tag(&l);
        char sign, kind;
        size_t raw;

        if (tag == len) {
            add_simple(&l, T_DATA, 0, l.at, len - l.at);
            break;
        }
        sign = tag + 2 < len ? src[tag + 2] : '\0';
        if (sign != '-' && sign != '+')
            sign = '\0';
        kind = src[tag + 1];
        add_text(&l, l.at, tag, sign);
        l.at = tag + 2 + (sign != '\0');
        l.line_start = false;
        raw = kind == '%' ? word_tag(&l, l.at, "raw") : 0;
        if (kind == '#')
            skip_comment(&l, tag);
        else if (raw > 0)
            read_raw(&l, tag, raw);
        else
            read_tag(&l, tag, kind == '{');
    }
    add_simple(&l, T_END, 0, len, 0);
    return r->rc;
}
