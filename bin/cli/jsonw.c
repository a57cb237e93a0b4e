/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonw.c - a JSON document that others have laid down, as it is written
 */
#include "cli/jsonw.h"

#include "cli/text.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Bytes that are not UTF-8, and control characters, become \xHH. */
void
sov_jsonw_quote(FILE *f, const char *text)
{
    char one[8];
    size_t n;

    fputc('"', f);
    while (*text != '\0') {
        if (*text == '\n' || *text == '\t') {
            fputs(*text == '\n' ? "\\n" : "\\t", f);
            text++;
            continue;
        }
        n = sov_text_next(text, one);
        if (n == 0)
            break;
        for (const char *c = one; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                fputc('\\', f);
            fputc(*c, f);
        }
        text += n;
    }
    fputc('"', f);
}

static void
begin(struct sov_jsonw *w, const char *key)
{
    if (w->deep == 0)
        return;
    fputs(w->level[w->deep - 1].some ? ",\n" : "\n", w->f);
    w->level[w->deep - 1].some = true;
    fprintf(w->f, "%*s", 2 * w->deep, "");
    if (key != NULL) {
        sov_jsonw_quote(w->f, key);
        fputs(": ", w->f);
    }
}

static void
down(struct sov_jsonw *w, const char *key, char open, char end)
{
    assert(w->deep < SOV_JSONW_DEEP);
    begin(w, key);
    fputc(open, w->f);
    w->level[w->deep].end = end;
    w->level[w->deep++].some = false;
}

void
sov_jsonw_object(struct sov_jsonw *w, const char *key)
{
    down(w, key, '{', '}');
}

void
sov_jsonw_array(struct sov_jsonw *w, const char *key)
{
    down(w, key, '[', ']');
}

void
sov_jsonw_end(struct sov_jsonw *w)
{
    assert(w->deep > 0);
    w->deep--;
    if (w->level[w->deep].some)
        fprintf(w->f, "\n%*s", 2 * w->deep, "");
    fputc(w->level[w->deep].end, w->f);
    if (w->deep == 0)
        fputc('\n', w->f);
}

void
sov_jsonw_text(struct sov_jsonw *w, const char *key, const char *text)
{
    if (text == NULL)
        return;
    begin(w, key);
    sov_jsonw_quote(w->f, text);
}

void
sov_jsonw_uint(struct sov_jsonw *w, const char *key, uint64_t n)
{
    begin(w, key);
    fprintf(w->f, "%" PRIu64, n);
}

void
sov_jsonw_bool(struct sov_jsonw *w, const char *key, bool value)
{
    begin(w, key);
    fputs(value ? "true" : "false", w->f);
}
