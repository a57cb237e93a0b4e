/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.c - a line of text from a terminal, with editing and history
 *
 * The terminal gives each key at once (term.h).  What is typed is drawn anew
 * after each burst of keys.  What a terminal might act upon is not let in.
 */
#include "cli/line.h"

#include "cli/draw.h"
#include "cli/term.h"
#include "cli/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define PAST_MAX       1000

#define KEY(c) ((c) - '@') /* with Ctrl */

struct edit {
    struct sov_draw draw;
    char *text; /* owned, NUL-terminated */
    size_t len;
    size_t cap;
    size_t at;   /* the cursor, in bytes */
    size_t past; /* which line of history is shown */
    char *own;   /* what was typed before history was looked at */
    bool pasting;
    bool after_cr; /* of what is pasted */
    bool gone;     /* no memory */
};

static void
draw(struct edit *e, bool end)
{
    sov_draw(&e->draw, e->text, e->len, e->at, end);
}

/* ---- changing the text */

static bool
room(struct edit *e, size_t more)
{
    char *bigger;
    size_t cap = e->len + more + e->len / 2 + 64;

    if (e->len + more + 1 <= e->cap)
        return true;
    bigger = realloc(e->text, cap);
    if (bigger == NULL) {
        e->gone = true;
        return false;
    }
    e->text = bigger;
    e->cap = cap;
    return true;
}

static void
insert(struct edit *e, const char *p, size_t n)
{
    if (e->len + n > LINE_MAX_BYTES || !room(e, n))
        return;
    memmove(e->text + e->at + n, e->text + e->at, e->len - e->at + 1);
    memcpy(e->text + e->at, p, n);
    e->at += n;
    e->len += n;
}

static void
cut(struct edit *e, size_t from, size_t to)
{
    memmove(e->text + from, e->text + to, e->len - to + 1);
    e->len -= to - from;
    e->at = from;
}

/* Where the code point before at begins. */
static size_t
back(const struct edit *e, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && ((unsigned char)e->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Marks go with the character that they stand on. */
static size_t
after(const struct edit *e, size_t at)
{
    return at + sov_draw_char(e->text + at, e->len - at);
}

static size_t
before(const struct edit *e, size_t at)
{
    size_t to = back(e, at), more = back(e, to);

    while (to > 0 && after(e, more) >= at) {
        to = more;
        more = back(e, to);
    }
    return to;
}

static size_t
word_before(const struct edit *e)
{
    size_t at = e->at;

    while (at > 0 && strchr(" \t\n", e->text[at - 1]) != NULL)
        at--;
    while (at > 0 && strchr(" \t\n", e->text[at - 1]) == NULL)
        at--;
    return at;
}

static size_t
word_after(const struct edit *e)
{
    size_t at = e->at;

    while (at < e->len && strchr(" \t\n", e->text[at]) != NULL)
        at++;
    while (at < e->len && strchr(" \t\n", e->text[at]) == NULL)
        at++;
    return at;
}

static void
replace(struct edit *e, const char *text)
{
    e->len = e->at = 0;
    e->text[0] = '\0';
    insert(e, text, strlen(text));
}

/* The line of history by lines later; what was typed is behind the last. */
static void
recall(struct edit *e, const struct sov_line *l, int by)
{
    size_t to = e->past + (size_t)by;

    if ((by < 0 && e->past == 0) || to > l->n_past)
        return;
    if (e->past == l->n_past) {
        free(e->own);
        e->own = strdup(e->text);
    }
    e->past = to;
    if (to < l->n_past)
        replace(e, l->past[to]);
    else
        replace(e, e->own != NULL ? e->own : "");
}

/* ---- keys */

/* One byte: 1, 0 at the end of input, -1 when a signal came. */
static int
get(struct sov_line *l, unsigned char *c)
{
    ssize_t n;

    if (l->at_ahead < l->n_ahead) {
        *c = l->ahead[l->at_ahead++];
        return 1;
    }
    if (sov_term_wait(-1) < 0)
        return -1;
    do
        n = read(STDIN_FILENO, c, 1);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool
waits(const struct sov_line *l)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

    return l->at_ahead < l->n_ahead ||
           (poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0);
}

/* One byte where more must follow at once. */
static bool
get_more(struct sov_line *l, unsigned char *c)
{
    int n = l->at_ahead < l->n_ahead;

    while (n <= 0) {
        n = sov_term_wait(200);
        if (n == 0)
            return false;
    }
    do
        n = get(l, c);
    while (n < 0);
    return n == 1;
}

static void
move_by_key(struct edit *e, const struct sov_line *l, int key, bool word)
{
    switch (key) {
    case 'A':
        recall(e, l, -1);
        break;
    case 'B':
        recall(e, l, 1);
        break;
    case 'C':
        e->at = word ? word_after(e) : after(e, e->at);
        break;
    case 'D':
        e->at = word ? word_before(e) : before(e, e->at);
        break;
    case 'H':
        e->at = 0;
        break;
    case 'F':
        e->at = e->len;
        break;
    default:
        break;
    }
}

/* A key with Alt. */
static void
meta_key(struct edit *e, unsigned char c)
{
    if (e->pasting)
        return;
    if (c == 'b')
        e->at = word_before(e);
    else if (c == 'f')
        e->at = word_after(e);
    else if (c == 'd')
        cut(e, e->at, word_after(e));
    else if (c == 0x7f)
        cut(e, word_before(e), e->at);
    else if (c == '\r')
        insert(e, "\n", 1);
}

/* ESC [ 3 ~ and the like, of which ESC was read. */
static void
escape_key(struct edit *e, struct sov_line *l)
{
    unsigned char c = 0;
    int arg[2] = { 0, 0 };
    int n = 0;

    if (!get_more(l, &c))
        return;
    if (c != '[' && c != 'O') {
        meta_key(e, c);
        return;
    }
    if (!get_more(l, &c))
        return;
    while ((c >= '0' && c <= '9') || c == ';') {
        if (c == ';')
            n = 1;
        else if (arg[n] < 1000)
            arg[n] = arg[n] * 10 + (c - '0');
        if (!get_more(l, &c))
            return;
    }
    if (c == '~' && (arg[0] == 200 || arg[0] == 201)) {
        e->pasting = arg[0] == 200;
        e->after_cr = false;
    } else if (e->pasting)
        return; /* what is pasted moves nothing */
    else if (c != '~')
        move_by_key(e, l, c, arg[1] == 5 || arg[1] == 3);
    else if (arg[0] == 1 || arg[0] == 7)
        e->at = 0;
    else if (arg[0] == 4 || arg[0] == 8)
        e->at = e->len;
    else if (arg[0] == 3)
        cut(e, e->at, after(e, e->at));
}

/* A character, of which the first byte was read. */
static void
text_key(struct edit *e, struct sov_line *l, unsigned char c)
{
    char p[5] = { (char)c };
    char shown[32];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < n; i++) {
        unsigned char more;

        if (!get_more(l, &more) || (more & 0xc0) != 0x80)
            return;
        p[i] = (char)more;
    }
    /* what would be shown as \xHH is not text */
    if (strcmp(sov_text_escape(shown, sizeof(shown), p), p) == 0)
        insert(e, p, n);
}

/* What is pasted is text: lines, and no commands. */
static void
paste_key(struct edit *e, struct sov_line *l, unsigned char c)
{
    if (c == 0x1b)
        escape_key(e, l);
    else if (c == '\r' || (c == '\n' && !e->after_cr))
        insert(e, "\n", 1);
    else if (c == '\t')
        insert(e, "\t", 1);
    else if (c >= 0x20)
        text_key(e, l, c);
    e->after_cr = c == '\r';
}

/* A key that changes the line; false if it ends it. */
static bool
edit_key(struct edit *e, struct sov_line *l, unsigned char c)
{
    switch (c) {
    case '\r':
    case '\n':
        if (e->at == 0 || e->text[e->at - 1] != '\\')
            return false;
        cut(e, e->at - 1, e->at);
        insert(e, "\n", 1);
        break;
    case KEY('A'):
    case KEY('E'):
        e->at = c == KEY('A') ? 0 : e->len;
        break;
    case KEY('B'):
    case KEY('F'):
        e->at = c == KEY('B') ? before(e, e->at) : after(e, e->at);
        break;
    case KEY('P'):
    case KEY('N'):
        recall(e, l, c == KEY('P') ? -1 : 1);
        break;
    case KEY('D'):
        cut(e, e->at, after(e, e->at));
        break;
    case KEY('H'):
    case 0x7f:
        cut(e, before(e, e->at), e->at);
        break;
    case KEY('U'):
        cut(e, 0, e->at);
        break;
    case KEY('K'):
        cut(e, e->at, e->len);
        break;
    case KEY('W'):
        cut(e, word_before(e), e->at);
        break;
    case KEY('L'):
        sov_draw_put("\x1b[H\x1b[2J", 7);
        sov_draw_afresh(&e->draw);
        break;
    case '\t':
        insert(e, "\t", 1);
        break;
    case 0x1b:
        escape_key(e, l);
        break;
    default:
        if (c >= 0x20)
            text_key(e, l, c);
        break;
    }
    return true;
}

/* One key: 1 the line is complete, 0 the end of input, -1 it goes on. */
static int
key(struct edit *e, struct sov_line *l, unsigned char c)
{
    if (e->pasting) {
        paste_key(e, l, c);
    } else if (c == KEY('D') && e->len == 0) {
        draw(e, true);
        return 0;
    } else if (c == KEY('C')) {
        e->at = e->len;
        draw(e, true);
        replace(e, "");
        e->past = l->n_past;
    } else if (c == KEY('Z')) {
        draw(e, true);
        raise(SIGTSTP);
    } else if (c == KEY('\\')) {
        raise(SIGQUIT);
    } else if (!edit_key(e, l, c)) {
        e->at = e->len;
        draw(e, true);
        return 1;
    }
    return -1;
}

/* Keys up to the end of a line: 1; 0 for the end of input. */
static int
edit(struct edit *e, struct sov_line *l)
{
    int rc = -1;

    while (rc < 0 && !e->gone) {
        unsigned char c;
        int got;

        if (sov_term_changed) {
            sov_term_changed = 0;
            sov_draw_resized(&e->draw, e->text, e->at);
            draw(e, false);
        } else if (!waits(l)) {
            draw(e, false);
        }
        got = get(l, &c);
        if (got == 0) {
            draw(e, true);
            return 0;
        }
        if (got > 0)
            rc = key(e, l, c);
    }
    return rc;
}

/* The same where the terminal edits lines itself. */
static int
edit_plain(struct edit *e, struct sov_line *l)
{
    sov_draw_put(e->draw.prompt, strlen(e->draw.prompt));
    while (!e->gone) {
        unsigned char c;
        int got = get(l, &c);

        if (got == 0)
            return 0;
        if (got < 0 && sov_term_interrupt) {
            sov_term_interrupt = 0;
            replace(e, "");
            sov_draw_put("\n", 1);
            sov_draw_put(e->draw.prompt, strlen(e->draw.prompt));
        } else if (got > 0 && c == '\n') {
            if (e->len == 0 || e->text[e->len - 1] != '\\')
                return 1;
            e->text[e->len - 1] = '\n';
        } else if (got > 0 && c == '\t') {
            insert(e, "\t", 1);
        } else if (got > 0) {
            text_key(e, l, c);
        }
    }
    return 0;
}

/* ---- lines */

static void
remember(struct sov_line *l, const char *text)
{
    char *copy;

    if (text[0] == '\0' ||
        (l->n_past > 0 && strcmp(l->past[l->n_past - 1], text) == 0))
        return;
    if (l->n_past == l->cap_past) {
        size_t cap = l->cap_past * 2 + 16;
        char **bigger = realloc(l->past, cap * sizeof(*bigger));

        if (bigger == NULL)
            return;
        l->past = bigger;
        l->cap_past = cap;
    }
    if (l->n_past == PAST_MAX) {
        free(l->past[0]);
        l->n_past--;
        memmove(l->past, l->past + 1, l->n_past * sizeof(*l->past));
    }
    copy = strdup(text);
    if (copy != NULL)
        l->past[l->n_past++] = copy;
}

int
sov_line_read(struct sov_line *l, const char *prompt, char **text,
              struct sov_err *err)
{
    struct edit e = { .draw.prompt = prompt, .past = l->n_past };
    int rc;

    *text = NULL;
    if (!room(&e, 0))
        return sov_fail(err, SOV_EMEM, "out of memory");
    e.text[0] = '\0';
    sov_term_interrupt = 0;
    rc = l->plain ? edit_plain(&e, l) : edit(&e, l);
    free(e.own);
    if (rc == 1)
        remember(l, e.text);
    if (rc == 1)
        *text = e.text;
    else
        free(e.text);
    return e.gone ? sov_fail(err, SOV_EMEM, "out of memory") : rc;
}

/* What waits to be read, as much as there is room for. */
static void
read_ahead(struct sov_line *l)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

    memmove(l->ahead, l->ahead + l->at_ahead, l->n_ahead - l->at_ahead);
    l->n_ahead -= l->at_ahead;
    l->at_ahead = 0;
    while (l->n_ahead < sizeof(l->ahead) && poll(&p, 1, 0) == 1 &&
           (p.revents & POLLIN) != 0) {
        ssize_t n = read(STDIN_FILENO, l->ahead + l->n_ahead,
                         sizeof(l->ahead) - l->n_ahead);

        if (n <= 0)
            break;
        l->n_ahead += (size_t)n;
    }
}

void
sov_line_begin(struct sov_line *l)
{
    if (l->plain)
        return;
    read_ahead(l);
    for (size_t i = 0; i < l->n_ahead; i++)
        if (l->ahead[i] == 0)
            l->ahead[i] = KEY('D');
}

void
sov_line_hold(struct sov_line *l)
{
    if (l->plain)
        return;
    read_ahead(l);
    for (size_t i = 0; i < l->n_ahead; i++)
        if (l->ahead[i] == KEY('C')) {
            sov_term_interrupt = 1;
            l->at_ahead = i + 1;
        }
}

void
sov_line_free(struct sov_line *l)
{
    for (size_t i = 0; i < l->n_past; i++)
        free(l->past[i]);
    free(l->past);
    *l = (struct sov_line){ 0 };
}
