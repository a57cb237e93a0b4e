/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_forms.h - is a text what its form says: JSON, XML, DOT, Markdown, YAML
 *
 * Each function dies by abort(), saying why, where input has got out of the
 * place that was meant for it.  They know the forms as our papers use them, and
 * no others: elements, lines and prefixes are listed.
 */
#ifndef SOV_TESTS_FUZZ_FORMS_H
#define SOV_TESTS_FUZZ_FORMS_H

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_DEEP 16
#define FORM_NAME 32

static inline void
form_wrong(const char *what, const char *at)
{
    fprintf(stderr, "%s: %.300s\n", what, at);
    abort();
}

static inline bool
form_is_in(const char *const *list, const char *text, size_t len)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == len && memcmp(*list, text, len) == 0)
            return true;
    return false;
}

/* Of any paper: UTF-8, and nothing that a terminal obeys. */
static inline void
form_text(const char *text, size_t len)
{
    json_t *whole;

    if (memchr(text, '\0', len) != NULL)
        form_wrong("a NUL", text);
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n') ||
            text[i] == 0x7f)
            form_wrong("a control character", text + i);
    whole = json_stringn(text, len);
    if (whole == NULL)
        form_wrong("no UTF-8", text);
    json_decref(whole);
    if (len == 0 || text[len - 1] != '\n')
        form_wrong("no end of the last line", text);
}

static inline json_t *
form_json(const char *text, size_t len)
{
    json_error_t why;
    json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

    if (doc == NULL)
        form_wrong(why.text, text + (why.position > 0 ? why.position - 1 : 0));
    return doc;
}

/* ---- XML */

static inline const char *
form_entity(const char *p)
{
    static const char *const known[] = { "&amp;",  "&lt;",  "&gt;",
                                         "&quot;", "&#39;", NULL };
    const char *end = strchr(p, ';');

    if (end == NULL || !form_is_in(known, p, (size_t)(end + 1 - p)))
        form_wrong("an entity", p);
    return end + 1;
}

static inline const char *
form_attributes(const char *p)
{
    while (*p == ' ') {
        size_t n = strspn(++p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
                               "RSTUVWXYZ0123456789:-");

        if (n == 0 || p[n] != '=' || p[n + 1] != '"')
            form_wrong("an attribute", p);
        p += n + 2;
        while (*p != '"') {
            if (*p == '<' || *p == '\n' || *p == '\0')
                form_wrong("the value of an attribute", p);
            p = *p == '&' ? form_entity(p) : p + 1;
        }
        p++;
    }
    return p;
}

/* One well-formed element of these names after the prolog. */
static inline void
form_xml(const char *p, const char *prolog, const char *const *names)
{
    char open[FORM_DEEP][FORM_NAME];
    int deep = 0;

    if (strncmp(p, prolog, strlen(prolog)) != 0)
        form_wrong("another head", p);
    p += strlen(prolog);
    do {
        bool closes = p[0] == '<' && p[1] == '/';
        size_t n;

        if (*p == '&') {
            p = form_entity(p);
            continue;
        }
        if (*p != '<') {
            if (deep == 0)
                form_wrong("text outside of everything", p);
            p++;
            continue;
        }
        p += 1 + closes;
        n = strcspn(p, " />\n");
        if (!form_is_in(names, p, n))
            form_wrong("an element", p);
        if (closes) {
            if (deep-- == 0 || strlen(open[deep]) != n ||
                memcmp(open[deep], p, n) != 0)
                form_wrong("an end", p);
            p += n;
        } else {
            if (deep == FORM_DEEP)
                form_wrong("deep", p);
            memcpy(open[deep], p, n);
            open[deep++][n] = '\0';
            p = form_attributes(p + n);
            if (*p == '/') {
                deep--;
                p++;
            }
        }
        if (*p++ != '>')
            form_wrong("a tag without an end", p - 1);
    } while (*p != '\0' && (deep > 0 || *p != '\n'));
    if (deep > 0 || p[0] != '\n' || p[1] != '\0')
        form_wrong("something behind the end, or no end", p);
}

/* ---- DOT */

/* A line of it with `""` for each text and 0 for each number; behind it. */
static inline const char *
form_dot_line(const char *p, char *out, size_t size)
{
    size_t n = 0;

    while (*p != '\n' && *p != '\0') {
        if (n + 3 > size)
            form_wrong("a long line", p);
        if (*p == '"') {
            for (p++; *p != '"'; p += 1 + (*p == '\\'))
                if (*p == '\n' || *p == '\0' || (*p == '\\' && p[1] == '\n'))
                    form_wrong("a text without an end", p);
            out[n++] = '"';
            out[n++] = '"';
            p++;
        } else if (isdigit((unsigned char)*p)) {
            p += strspn(p, "0123456789");
            out[n++] = '0';
        } else {
            out[n++] = *p++;
        }
    }
    out[n] = '\0';
    return p + (*p == '\n');
}

static inline void
form_dot(const char *p, const char *const *lines)
{
    char line[200] = "";

    while (*p != '\0') {
        const char *at = p;

        p = form_dot_line(p, line, sizeof(line));
        if (!form_is_in(lines, line, strlen(line)))
            form_wrong("a line of DOT", at);
    }
    if (strcmp(line, "}") != 0)
        form_wrong("no end of the graph", line);
}

/* ---- Markdown */

/* Signs that begin something and have no backslash before them. */
static inline size_t
form_bare(const char *p, size_t len, const char *signs)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\')
            i++;
        else
            n += strchr(signs, p[i]) != NULL;
    }
    return n;
}

/* Is there a _ that is not within a word, or something that stands for another
 * character? */
static inline bool
form_leans(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\')
            i++;
        else if (p[i] == '_' &&
                 (i == 0 || !isalnum((unsigned char)p[i - 1]) || i + 1 == len ||
                  !(isalnum((unsigned char)p[i + 1]) || p[i + 1] == '_')))
            return true;
    }
    return false;
}

/* Text in a list that could be taken for the beginning of a block. */
static inline bool
form_is_block(const char *p, size_t len)
{
    size_t n = 0;

    if (len == 0)
        return false;
    while (n < len && isdigit((unsigned char)p[n]))
        n++;
    if (n > 0)
        return n < len && (p[n] == '.' || p[n] == ')');
    return strchr("#-+>=~: ", p[0]) != NULL;
}

/* Entries of lists, in which all input is; len without the newline. */
static inline void
form_md_line(const char *p, size_t len)
{
    static const char label[] = "- **";
    static const char item[] = "    - ";
    const char *at;

    if (len >= 6 && memcmp(p, item, 6) == 0) {
        if (form_bare(p + 6, len - 6, "<[]`*|") > 0 ||
            form_leans(p + 6, len - 6))
            form_wrong("markup in an entry", p);
        if (form_is_block(p + 6, len - 6))
            form_wrong("an entry that begins a block", p);
    } else if (len >= 4 && memcmp(p, label, 4) == 0) {
        at = memmem(p, len, ":** ", 4);
        if (at == NULL || form_bare(p + 4, (size_t)(at - p - 4), "<[]`*|") > 0)
            form_wrong("a label", p);
        at += 4;
        len -= (size_t)(at - p);
        if (strncmp(at, "MISSING", 7) == 0 || strncmp(at, "as in ", 6) == 0)
            return;
        if (form_bare(at, len, "*") != 2 || form_bare(at, len, "<[]`|") > 0 ||
            form_leans(at, len) || len < 2 ||
            memcmp(at + len - 2, ")*", 2) != 0)
            form_wrong("markup in a value", p);
    }
}

/* `heads`: how lines begin that are not entries of lists; one that begins with a
 * space is behind a number. */
static inline void
form_md(const char *p, const char *const *heads)
{
    while (*p != '\0') {
        size_t len = strcspn(p, "\n"), n = strspn(p, "0123456789");
        bool known =
            len == 0 || strncmp(p, "- ", 2) == 0 || strncmp(p, "    ", 4) == 0;

        for (const char *const *h = heads; *h != NULL && !known; h++)
            known = strncmp(p + ((*h)[0] == ' ' ? n : 0), *h, strlen(*h)) == 0;
        if (!known)
            form_wrong("a line of no kind", p);
        form_md_line(p, len);
        p += len + (p[len] == '\n');
    }
}

/* ---- YAML, as hubs have it before a text; returns what is behind it */

static inline const char *
form_yaml(const char *p)
{
    if (strncmp(p, "---\n", 4) != 0)
        form_wrong("no head", p);
    for (p += 4; strncmp(p, "---\n", 4) != 0;) {
        size_t len = strcspn(p, "\n");
        size_t key = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
        const char *value = p + (strncmp(p, "- ", 2) == 0 ? 2 : key + 2);
        json_t *text;

        if (p[len] == '\0' || (key == 0 && p[0] != '-') ||
            (key > 0 && p[key] != ':'))
            form_wrong("a line of YAML", p);
        if (p[len - 1] != ':' && strncmp(p, "- sov\n", 6) != 0) {
            text = json_loadb(value, (size_t)(p + len - value), JSON_DECODE_ANY,
                              NULL);
            if (!json_is_string(text))
                form_wrong("a value of YAML", p);
            json_decref(text);
        }
        p += len + 1;
    }
    return p + 4;
}

#endif
