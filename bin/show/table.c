/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - columns and numbers as people read them
 */
#include "show/show.h"

#include "cli/text.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_BYTES (4 * SOV_COLUMNS_MAX + 16)

bool
show_bold(void)
{
    const char *term = getenv("TERM");
    const char *no = getenv("NO_COLOR");

    return !sov_common.no_color && (no == NULL || no[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0) &&
           sov_tool_tty(STDOUT_FILENO);
}

void
show_head(const char *fmt, ...)
{
    bool bold = show_bold();
    va_list ap;

    fputs(bold ? "\033[1m" : "", stdout);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fputs(bold ? "\033[0m\n" : "\n", stdout);
}

const char *
show_count(char *buf, uint64_t n)
{
    static const char units[] = "kMBTPE";
    double v = (double)n;
    int i = -1;

    if (n < 1000) {
        snprintf(buf, 16, "%u", (unsigned)n);
        return buf;
    }
    while (v >= 999.5 && i < 5) {
        v /= 1000;
        i++;
    }
    snprintf(buf, 16,
             v < 9.995   ? "%.2f %c"
             : v < 99.95 ? "%.1f %c"
                         : "%.0f %c",
             v, units[i]);
    return buf;
}

const char *
show_shape(char *buf, size_t size, const struct sov_tensor *t)
{
    size_t at = 0;

    snprintf(buf, size, "1");
    for (uint32_t i = 0; i < t->ndim && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%" PRIu64,
                               i > 0 ? " x " : "", t->dim[i]);
    return buf;
}

/* The same text made safe, in fresh memory; NULL without. */
static char *
safe_copy(const char *text)
{
    size_t size = 4 * strlen(text) + 8;
    char *safe = malloc(size);

    return safe != NULL ? sov_text_escape(safe, size, text) : NULL;
}

void
show_table_cell(struct show_table *t, const char *fmt, ...)
{
    va_list ap;
    char *text;
    char **more;

    if (t->bad)
        return;
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 256 : 2 * t->cap;
        more = reallocarray(t->cell, t->cap, sizeof(*more));
        if (more == NULL) {
            t->bad = true;
            return;
        }
        t->cell = more;
    }
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    t->cell[t->n] = text != NULL ? safe_copy(text) : NULL;
    free(text);
    if (t->cell[t->n] == NULL)
        t->bad = true;
    else
        t->n++;
}

/* Printed text, cut to columns with "..." at its end. */
static void
print_cut(const char *text, size_t columns)
{
    char buf[CELL_BYTES];

    sov_text_excerpt(buf, sizeof(buf), text, strlen(text), columns - 3);
    printf("%s...", buf);
}

static void
print_cell(bool right, const char *text, size_t width)
{
    size_t w = sov_text_width(text);

    if (right && w < width)
        printf("%*s", (int)(width - w), "");
    if (w > width)
        print_cut(text, width);
    else
        fputs(text, stdout);
}

/* A row, without spaces at its end. */
static void
print_row(const struct show_table *t, const char *const *cell,
          const size_t *width)
{
    size_t last = t->n_columns, at = 0, end = 0;

    while (last > 0 && cell[last - 1][0] == '\0')
        last--;
    for (size_t c = 0; c < last; c++) {
        size_t w = sov_text_width(cell[c]);

        printf("%*s", (int)(end - at), "");
        print_cell(t->right[c], cell[c], width[c]);
        at = end + (t->right[c] || w > width[c] ? width[c] : w);
        end += width[c] + 2;
    }
}

static void
print_rows(const struct show_table *t, const size_t *width)
{
    bool bold = show_bold();

    if (t->head[0] != NULL) {
        fputs(bold ? "\033[1m" : "", stdout);
        print_row(t, t->head, width);
        fputs(bold ? "\033[0m\n" : "\n", stdout);
    }
    for (size_t i = 0; i < t->n; i += t->n_columns) {
        print_row(t, (const char *const *)t->cell + i, width);
        putchar('\n');
    }
}

/* Widths of the columns; on a terminal one of them makes room. */
static void
measure(const struct show_table *t, size_t *width)
{
    size_t sum = 0, most = sov_tool_columns();

    for (size_t c = 0; c < t->n_columns; c++)
        width[c] = t->head[0] != NULL ? sov_text_width(t->head[c]) : 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t w = sov_text_width(t->cell[i]);

        if (w > width[i % t->n_columns])
            width[i % t->n_columns] = w;
    }
    for (size_t c = 0; c < t->n_columns; c++)
        sum += width[c] + (c > 0 ? 2 : 0);
    if (t->cut > 0 && sum > most && sov_tool_tty(STDOUT_FILENO)) {
        size_t *w = &width[t->cut - 1];
        size_t over = sum - most;

        *w = *w > over + 16 ? *w - over : *w < 16 ? *w : 16;
    }
}

int
show_table_print(struct show_table *t, struct sov_err *err)
{
    size_t width[SHOW_COLUMNS];
    int rc = 0;

    if (t->bad) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        measure(t, width);
        print_rows(t, width);
    }
    for (size_t i = 0; i < t->n; i++)
        free(t->cell[i]);
    free(t->cell);
    t->cell = NULL;
    t->n = t->cap = 0;
    return rc;
}
