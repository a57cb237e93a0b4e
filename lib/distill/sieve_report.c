/* SPDX-License-Identifier: Apache-2.0 */
/* sieve_report.c - what was dropped, and why */
#include "distill/sieve_in.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS 3 /* reasons behind the rules */

/* ---- for people ---- */

static void SOV_PRINTF(2, 3) say(struct sov_buf *b, const char *fmt, ...)
{
    char line[600];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (n > 0)
        sov_buf_add(b, line,
                    (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void
say_row(struct sov_buf *b, const char *what, uint64_t n, uint64_t bytes)
{
    say(b, "%-18s %12" PRIu64 " %15" PRIu64 " bytes", what, n, bytes);
}

/* Where the reason has a bound: ", at least 0.6". */
static void
say_reason(struct sov_buf *b, const struct sov_sieve_reason *r)
{
    char name[40];

    snprintf(name, sizeof(name), "  %s", r->rule->name);
    say_row(b, name, r->docs, r->bytes);
    if (r->rule->when == SOV_RULE_OTHER)
        say(b, "  %s\n", r->rule->what);
    else
        say(b, "  (at %s %g) %s\n",
            r->rule->bound == SOV_RULE_LEAST ? "least" : "most", r->limit,
            r->rule->what);
}

static void
say_examples(struct sov_buf *b, const struct sov_sieve_reason *r, bool value)
{
    for (size_t i = 0; i < r->n_examples; i++) {
        const struct sov_sieve_example *e = &r->example[i];

        say(b, "    %.300s", e->name);
        if (e->line > 0)
            say(b, ":%" PRIu64, e->line);
        if (value)
            say(b, ": %.4g", e->value);
        say(b, ": \"%s\"\n", e->text);
    }
}

static void
say_all(const sov_sieve *s, struct sov_buf *b)
{
    struct sov_sieve_counts c;

    sov_sieve_count(s, &c);
    say_row(b, "documents", c.docs, c.bytes);
    say(b, "\n");
    say_row(b, "kept", c.kept, c.kept_bytes);
    if (c.repaired > 0)
        say(b, "  (%" PRIu64 " with characters that were no UTF-8)",
            c.repaired);
    say(b, "\n");
    for (size_t i = 0; i < s->n_rules + OTHERS; i++) {
        if (s->reason[i].docs == 0)
            continue;
        say_reason(b, &s->reason[i]);
        say_examples(b, &s->reason[i], true);
    }
    if (c.lines > 0) {
        say_row(b, "lines cut out", c.lines, c.lines_bytes);
        say(b, "  that came more than %u times before\n", s->o.lines);
        say_examples(b, &s->cut, false);
    }
    if (c.forgotten > 0)
        say(b,
            "not all were compared: %" PRIu64 " documents did not fit into "
            "the memory for it\n",
            c.forgotten);
    if (c.lines_forgotten > 0)
        say(b,
            "not all were counted: %" PRIu64 " lines did not fit into the "
            "memory for it\n",
            c.lines_forgotten);
}

/* ---- for programs ---- */

static json_t *
examples_of(const struct sov_sieve_reason *r, bool value)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_examples; i++) {
        const struct sov_sieve_example *e = &r->example[i];
        size_t n = strlen(e->name);
        char *name = sov_mem_array(n + 1, 1);
        json_t *o = json_object();

        if (name != NULL)
            sov_text_safe(e->name, n, name, n + 1);
        json_object_set_new(o, "name", json_string(name));
        if (e->line > 0)
            json_object_set_new(o, "line", json_integer((json_int_t)e->line));
        if (value)
            json_object_set_new(o, "value", json_real(e->value));
        json_object_set_new(o, "text", json_string(e->text));
        json_array_append_new(list, o);
        free(name);
    }
    return list;
}

static void
put_count(json_t *o, const char *name, uint64_t n)
{
    json_object_set_new(o, name, json_integer((json_int_t)n));
}

static json_t *
reason_of(const struct sov_sieve_reason *r)
{
    json_t *o = json_object();

    json_object_set_new(o, "reason", json_string(r->rule->name));
    if (r->rule->when != SOV_RULE_OTHER)
        json_object_set_new(o,
                            r->rule->bound == SOV_RULE_LEAST ? "least" : "most",
                            json_real(r->limit));
    put_count(o, "documents", r->docs);
    put_count(o, "bytes", r->bytes);
    json_object_set_new(o, "examples", examples_of(r, true));
    return o;
}

static json_t *
all_of(const sov_sieve *s)
{
    struct sov_sieve_counts c;
    json_t *o = json_object();
    json_t *dropped = json_array();
    json_t *lines = json_object();

    sov_sieve_count(s, &c);
    json_object_set_new(o, "schema", json_string("sov.texts/1"));
    put_count(o, "documents", c.docs);
    put_count(o, "bytes", c.bytes);
    put_count(o, "kept", c.kept);
    put_count(o, "kept_bytes", c.kept_bytes);
    put_count(o, "repaired", c.repaired);
    for (size_t i = 0; i < s->n_rules + OTHERS; i++)
        if (s->reason[i].docs > 0)
            json_array_append_new(dropped, reason_of(&s->reason[i]));
    json_object_set_new(o, "dropped", dropped);
    put_count(lines, "lines", c.lines);
    put_count(lines, "bytes", c.lines_bytes);
    json_object_set_new(lines, "examples", examples_of(&s->cut, false));
    json_object_set_new(o, "cut", lines);
    put_count(o, "forgotten", c.forgotten);
    put_count(o, "lines_forgotten", c.lines_forgotten);
    return o;
}

int
sov_sieve_report(const sov_sieve *s, bool json, char **text, size_t *len,
                 struct sov_err *err)
{
    struct sov_buf b = { 0 };
    json_t *o;

    *text = NULL;
    if (json) {
        o = all_of(s);
        *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
        json_decref(o);
    } else {
        say_all(s, &b);
        sov_buf_u8(&b, '\0');
        if (!b.bad)
            *text = sov_mem_dup(b.p, b.len - 1);
        sov_buf_free(&b);
    }
    if (*text == NULL)
        return sov_mem_fail(err);
    *len = strlen(*text);
    return 0;
}
