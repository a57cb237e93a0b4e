/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.c - a text that is being typed, on a terminal
 *
 * It is drawn anew each time: up to its first row, clear, prompt and text, and
 * the cursor to its place.  Rows are counted as the terminal breaks them, by
 * the widths of characters.  Of a text with more rows than the terminal has
 * those around the cursor are drawn, since nothing leads back to a row that
 * has left the screen.
 */
#include "cli/draw.h"

#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Where the next character goes. */
struct place {
    size_t row;
    size_t col;
};

void
sov_draw_put(const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, len);

        if (n < 0 && errno != EINTR)
            return; /* a terminal that is gone gives no more keys either */
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

static void
measure(size_t *cols, size_t *rows)
{
    struct winsize w;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0;

    *cols = known && w.ws_col > 0 ? w.ws_col : 80;
    *rows = known && w.ws_row > 0 ? w.ws_row : 24;
}

/* ---- characters */

static size_t
char_len(const char *p, size_t len)
{
    size_t n = 1;

    while (n < len && ((unsigned char)p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static size_t
char_width(const char *p, size_t n)
{
    char one[8] = "";

    memcpy(one, p, n < sizeof(one) ? n : sizeof(one) - 1);
    return sov_text_width(one);
}

size_t
sov_draw_char(const char *p, size_t len)
{
    size_t n = len > 0 ? char_len(p, len) : 0;

    while (n < len && p[n] != '\n' && p[n] != '\t') {
        size_t more = char_len(p + n, len - n);

        if (char_width(p + n, more) > 0)
            break;
        n += more;
    }
    return n;
}

/* Over the character of n bytes at p: *at is where it stands, and then where
 * the next one does.  Columns that it takes. */
static size_t
step(const char *p, size_t n, size_t cols, struct place *at)
{
    size_t w;

    if (*p == '\n') {
        at->row++;
        at->col = 0;
        return 0;
    }
    w = *p == '\t' ? 8 - at->col % 8 : char_width(p, n);
    if (at->col + w > cols && (*p != '\t' || at->col == cols)) {
        at->row++;
        at->col = 0;
        w = *p == '\t' ? 8 : w;
    }
    w = at->col + w > cols ? cols - at->col : w; /* of a tab */
    at->col += w;
    return w;
}

static void
walk(const char *text, size_t len, size_t cols, struct place *at)
{
    for (size_t i = 0; i < len;) {
        size_t n = char_len(text + i, len - i);

        step(text + i, n, cols, at);
        i += n;
    }
}

/* At the edge the next character begins a row. */
static struct place
wrapped(struct place at, size_t cols)
{
    if (at.col >= cols)
        return (struct place){ at.row + 1, 0 };
    return at;
}

/* ---- drawing */

static void
move(const char *form, size_t n)
{
    char buf[32];

    if (n > 0)
        sov_draw_put(buf,
                     (size_t)snprintf(buf, sizeof(buf), "\x1b[%zu%s", n, form));
}

/* The rows of text from first on, below last. */
static void
put_rows(const char *text, size_t len, size_t cols, struct place at,
         size_t first, size_t last)
{
    static const char blanks[] = "        ";
    size_t from = 0; /* what was not put yet begins there */

    for (size_t i = 0; i < len && at.row < last;) {
        size_t n = char_len(text + i, len - i);
        size_t w = step(text + i, n, cols, &at);
        bool line = text[i] == '\n';

        if (at.row < first + line || at.row >= last) {
            sov_draw_put(text + from, i - from);
            from = i + n;
        } else if (line || text[i] == '\t') {
            sov_draw_put(text + from, i - from);
            sov_draw_put(line ? "\r\n" : blanks, line ? 2 : w);
            from = i + n;
        }
        i += n;
        if (i == len)
            sov_draw_put(text + from, i - from);
    }
}

/* Which rows are shown, of all that there are. */
static void
choose_rows(struct sov_draw *d, size_t row, size_t all, size_t rows)
{
    if (all <= rows)
        d->first = 0;
    else if (row < d->first)
        d->first = row;
    else if (row >= d->first + rows)
        d->first = row + 1 - rows;
    if (d->first + rows > all && all > rows)
        d->first = all - rows;
}

void
sov_draw(struct sov_draw *d, const char *text, size_t len, size_t at, bool end)
{
    size_t rows, last, n = strlen(d->prompt);
    struct place start = { 0, 0 }, cursor, stop;

    measure(&d->cols, &rows);
    move("A", d->row);
    sov_draw_put("\r\x1b[J", 4);
    walk(d->prompt, n, d->cols, &start);
    cursor = stop = start;
    walk(text, at, d->cols, &cursor);
    walk(text, len, d->cols, &stop);
    cursor = wrapped(cursor, d->cols);
    choose_rows(d, cursor.row, wrapped(stop, d->cols).row + 1, rows);
    if (end)
        d->first = 0;
    last = end ? stop.row + 1 : d->first + rows;
    if (d->first == 0)
        sov_draw_put(d->prompt, n);
    put_rows(text, len, d->cols, start, d->first, last);
    if (!end && stop.col >= d->cols && stop.row + 1 < last)
        sov_draw_put("\r\n", 2); /* it waits at the edge */
    if (end) {
        if (stop.col > 0)
            sov_draw_put("\r\n", 2);
        sov_draw_afresh(d);
        return;
    }
    stop = wrapped(stop, d->cols);
    if (stop.row >= last)
        stop.row = last - 1;
    move("A", stop.row - cursor.row);
    sov_draw_put("\r", 1);
    move("C", cursor.col);
    d->row = cursor.row - d->first;
}

void
sov_draw_resized(struct sov_draw *d, const char *text, size_t at)
{
    struct place cursor = { 0, 0 };
    size_t cols, rows;

    measure(&cols, &rows);
    if (cols == d->cols || d->first > 0)
        return;
    walk(d->prompt, strlen(d->prompt), cols, &cursor);
    walk(text, at, cols, &cursor);
    cursor = wrapped(cursor, cols);
    d->row = cursor.row < rows ? cursor.row : rows - 1;
}

void
sov_draw_afresh(struct sov_draw *d)
{
    d->row = 0;
    d->first = 0;
}
