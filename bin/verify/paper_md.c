/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_md.c - values in Markdown
 */
#include "verify/paper.h"

#include "cli/text.h"
#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

static bool
is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

/* "&lt;" and the like would be shown as something else. */
static bool
is_entity(const char *text)
{
    size_t n = 1 + (text[1] == '#');

    while (is_word(text[n]))
        n++;
    return text[n] == ';';
}

void
paper_md(FILE *f, const char *text)
{
    char before = ' ', one[8];
    size_t n;

    while (*text != '\0') {
        bool within; /* a word, where _ is nothing but itself */

        if (*text == '\n') {
            fputs("; ", f);
            before = ' ';
            text++;
            continue;
        }
        n = sov_text_next(text, one);
        within = is_word(before) && is_word(text[n + strspn(text + n, "_")]);
        if (one[1] == '\0' &&
            (strchr("\\`*[]<|", one[0]) != NULL || (one[0] == '_' && !within) ||
             (one[0] == '&' && is_entity(text))))
            fputc('\\', f);
        fputs(one, f);
        before = *text == '_' && within ? before : text[n - 1];
        text += n;
    }
}

/* The text of an entry, which is a block: it begins no list, heading or quote of
 * its own. */
static void
put_entry(FILE *f, const char *text)
{
    size_t n;

    text += strspn(text, " ");
    n = strspn(text, "0123456789");
    if (n > 0 && (text[n] == '.' || text[n] == ')')) {
        fwrite(text, 1, n, f);
        text += n;
        fputc('\\', f);
    } else if (*text != '\0' && strchr("#-+>=~:", *text) != NULL) {
        fputc('\\', f);
    }
    paper_md(f, text);
}

void
paper_put(const struct paper *p, FILE *f, const char *name,
          const struct paper_value *v)
{
    char label[100], tag[200];
    const char *line = v->text;

    fprintf(f, "- **%s:** ", paper_label(name, label, sizeof(label)));
    if (v->text == NULL) {
        const struct sov_fact_info *row = sov_fact_named(name);

        fprintf(f, "MISSING%s%s%s\n", row != NULL ? " (" : "",
                row != NULL ? row->help : "", row != NULL ? ")" : "");
        return;
    }
    paper_tag(p, v, tag, sizeof(tag));
    if (strchr(v->text, '\n') == NULL) {
        paper_md(f, v->text);
        fputs(" *(", f);
        paper_md(f, tag);
        fputs(")*\n", f);
        return;
    }
    fputs("*(", f);
    paper_md(f, tag);
    fputs(")*\n", f);
    while (line != NULL) {
        const char *end = strchr(line, '\n');
        char *one =
            end != NULL ? strndup(line, (size_t)(end - line)) : strdup(line);

        fputs("    - ", f);
        if (one != NULL)
            put_entry(f, one);
        fputc('\n', f);
        free(one);
        line = end != NULL ? end + 1 : NULL;
    }
}
