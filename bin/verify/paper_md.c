/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_md.c - values in Markdown
 */
#include "verify/paper.h"

#include "cli/text.h"
#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

void
paper_md(FILE *f, const char *text)
{
    char before = ' ', one[8];
    size_t n;

    while (*text != '\0') {
        bool alone;

        if (*text == '\n') {
            fputs("; ", f);
            before = ' ';
            text++;
            continue;
        }
        n = sov_text_next(text, one);
        alone = (before == ' ' || text[n] == ' ' || text[n] == '\0');
        if (one[1] == '\0' &&
            (strchr("\\`*[]<|", one[0]) != NULL || (one[0] == '_' && alone)))
            fputc('\\', f);
        fputs(one, f);
        before = text[n - 1];
        text += n;
    }
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
            paper_md(f, one);
        fputc('\n', f);
        free(one);
        line = end != NULL ? end + 1 : NULL;
    }
}
