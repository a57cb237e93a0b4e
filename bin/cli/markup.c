/* SPDX-License-Identifier: Apache-2.0 */
/*
 * markup.c - text that may come from anywhere, inside HTML, SVG and XML
 */
#include "cli/markup.h"

#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char *
entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* One character that is fit to be shown. */
static void
put_char(FILE *f, const char *one)
{
    const char *name = one[1] == '\0' ? entity(one[0]) : NULL;

    if (name != NULL)
        fputs(name, f);
    else if (strcmp(one, "\xef\xbf\xbe") == 0) /* U+FFFE, no XML */
        fputs("\\xef\\xbf\\xbe", f);
    else if (strcmp(one, "\xef\xbf\xbf") == 0)
        fputs("\\xef\\xbf\\xbf", f);
    else
        fputs(one, f);
}

void
sov_markup_text(FILE *f, const char *text)
{
    sov_markup_short(f, text, SIZE_MAX);
}

/* Columns of text as it is shown, or more than most. */
static size_t
columns_of(const char *text, size_t most)
{
    size_t sum = 0, n;
    char one[8];

    while (sum <= most && (n = sov_text_next(text, one)) > 0) {
        sum += sov_text_width(one);
        text += n;
    }
    return sum;
}

void
sov_markup_short(FILE *f, const char *text, size_t columns)
{
    bool cut = columns != SIZE_MAX && columns_of(text, columns) > columns;
    size_t left = cut && columns > 0 ? columns - 1 : columns;
    size_t n;
    char one[8];

    while ((n = sov_text_next(text, one)) > 0) {
        size_t width = sov_text_width(one);

        if (width > left)
            break;
        put_char(f, one);
        left -= columns == SIZE_MAX ? 0 : width;
        text += n;
    }
    if (cut)
        fputs("\xe2\x80\xa6", f);
}
