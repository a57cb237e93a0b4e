/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinja.c - templates: from text to code, and where something is wrong
 */
#include "jinja/jinja.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "jinja/code.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_jrun_fail(struct sov_jrun *r, enum sov_rc rc, const char *fmt, ...)
{
    const char *src = r->t->src;
    size_t line = 1, column = 1;
    char why[300];
    va_list ap;

    if (r->rc < 0)
        return r->rc;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < r->pos && i < r->t->len; i++) {
        column += ((unsigned char)src[i] & 0xc0) != 0x80;
        if (src[i] == '\n') {
            line++;
            column = 1;
        }
    }
    r->rc = sov_fail(r->err, rc, "line %zu, column %zu: %s", line, column, why);
    return r->rc;
}

/* A copy with \n alone for the end of a line, and without the last one. */
static int
copy_source(struct sov_jinja *t, const char *text, size_t len,
            struct sov_err *err)
{
    uint32_t cp;

    if (len > SOV_TEMPLATE_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a template of %zu bytes; the limit is %llu", len,
                        (unsigned long long)SOV_TEMPLATE_MAX);
    t->src = sov_mem_array(len + 1, 1);
    if (t->src == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < len;) {
        size_t n = sov_utf8_step(text + i, len - i, &cp);

        if (n == 0)
            return sov_fail(err, SOV_EFORMAT,
                            "a template that is not UTF-8, at byte %zu", i);
        if (text[i] == '\r') {
            t->src[t->len++] = '\n';
            i += i + 1 < len && text[i + 1] == '\n' ? 2 : 1;
            continue;
        }
        memcpy(t->src + t->len, text + i, n);
        t->len += n;
        i += n;
    }
    if (t->len > 0 && t->src[t->len - 1] == '\n')
        t->len--;
    t->src[t->len] = '\0';
    return 0;
}

int
sov_jinja_parse(struct sov_jinja **t, const char *text, size_t len,
                struct sov_err *err)
{
    struct sov_jinja *new = sov_mem_array(1, sizeof(*new));
    struct sov_jrun r = { .err = err, .mem.limit = SOV_CHAT_MEMORY };
    int rc;

    *t = NULL;
    if (new == NULL)
        return sov_mem_fail(err);
    r.t = new;
    rc = copy_source(new, text, len, err);
    if (rc == 0)
        rc = sov_jparse(&r, new);
    new->mem = r.mem;
    if (rc < 0)
        sov_jinja_free(new);
    else
        *t = new;
    return rc;
}

void
sov_jinja_free(struct sov_jinja *t)
{
    if (t == NULL)
        return;
    sov_jmem_free(&t->mem);
    free(t->src);
    free(t);
}

bool
sov_jinja_uses(const struct sov_jinja *t, const char *name)
{
    for (size_t i = 0; i < t->n_name; i++)
        if (sov_jstr_is(t->name[i].u.str, name))
            return true;
    return false;
}

bool
sov_jinja_mentions(const struct sov_jinja *t, const char *text)
{
    return memmem(t->src, t->len, text, strlen(text)) != NULL;
}
