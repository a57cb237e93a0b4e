/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.c - a line of text from a terminal, with editing and history
 *
 * The terminal gives each key at once and acts upon none itself (raw mode)
 * while a line is typed, and only then.  What is typed is drawn anew after
 * each burst of keys: up to the row of the prompt, clear, prompt and text, and
 * the cursor to its place.  Widths are those of characters, so East Asian text
 * and emoji take two columns; what a terminal might act upon is not let in.
 */
#include "cli/line.h"

#include "cli/guard.h"
#include "cli/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define PAST_MAX       1000

#define KEY(c) ((c) - '@') /* with Ctrl */

struct edit {
    const char *prompt;
    char *text; /* owned, NUL-terminated */
    size_t len;
    size_t cap;
    size_t at;   /* the cursor, in bytes */
    size_t row;  /* of the cursor, below the prompt's, as it was drawn */
    size_t past; /* which line of history is shown */
    char *own;   /* what was typed before history was looked at */
    bool pasting;
    bool gone; /* no memory */
};

static volatile sig_atomic_t resized;

static void
on_resize(int sig)
{
    (void)sig;
    resized = 1;
}

/* ---- drawing */

static void
put(const char *p, size_t len)
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

static size_t
columns(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return 80;
}

static size_t
char_len(const char *p)
{
    size_t n = 1;

    while (((unsigned char)p[n] & 0xc0) == 0x80)
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

/* Where a terminal of cols columns has its cursor behind text[len]. */
static void
place(const char *text, size_t len, size_t cols, size_t *row, size_t *col)
{
    for (size_t i = 0; i < len;) {
        size_t n = char_len(text + i);
        size_t w = text[i] == '\n' ? 0 : char_width(text + i, n);

        if (text[i] == '\n' || *col + w > cols) {
            ++*row;
            *col = 0;
        }
        *col += w;
        i += n;
    }
    if (*col >= cols) { /* the next character begins a row */
        ++*row;
        *col = 0;
    }
}

static void
move(const char *form, size_t n)
{
    char buf[32];

    if (n > 0)
        put(buf, (size_t)snprintf(buf, sizeof(buf), "\x1b[%zu%s", n, form));
}

static void
put_text(const char *text, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i <= len; i++)
        if (i == len || text[i] == '\n') {
            put(text + from, i - from);
            if (i < len)
                put("\x1b[K\r\n", 5);
            from = i + 1;
        }
}

/* end: the cursor behind everything, for the last time. */
static void
draw(struct edit *e, bool end)
{
    size_t cols = columns();
    size_t row = 0, col = 0, last_row, last_col;

    move("A", e->row);
    put("\r\x1b[J", 4);
    put(e->prompt, strlen(e->prompt));
    put_text(e->text, e->len);
    place(e->prompt, strlen(e->prompt), cols, &row, &col);
    last_row = row;
    last_col = col;
    place(e->text, e->at, cols, &row, &col);
    place(e->text, e->len, cols, &last_row, &last_col);
    if (last_col == 0 && e->len > 0 && e->text[e->len - 1] != '\n')
        put("\r\n", 2); /* it waits at the edge */
    e->row = row;
    if (end) {
        if (last_col > 0 || e->len == 0)
            put("\r\n", 2);
        return;
    }
    move("A", last_row - row);
    put("\r", 1);
    move("C", col);
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

static size_t
before(const struct edit *e, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && ((unsigned char)e->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static size_t
after(const struct edit *e, size_t at)
{
    return at < e->len ? at + char_len(e->text + at) : at;
}

static size_t
word_before(const struct edit *e)
{
    size_t at = e->at;

    while (at > 0 && strchr(" \n", e->text[at - 1]) != NULL)
        at--;
    while (at > 0 && strchr(" \n", e->text[at - 1]) == NULL)
        at--;
    return at;
}

static size_t
word_after(const struct edit *e)
{
    size_t at = e->at;

    while (at < e->len && strchr(" \n", e->text[at]) != NULL)
        at++;
    while (at < e->len && strchr(" \n", e->text[at]) == NULL)
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
get(unsigned char *c)
{
    ssize_t n = read(STDIN_FILENO, c, 1);

    if (n < 0)
        return errno == EINTR ? -1 : 0;
    return (int)n;
}

/* The same where more must follow at once. */
static bool
get_more(unsigned char *c)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

    return poll(&p, 1, 200) == 1 && get(c) == 1;
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

/* ESC [ 3 ~ and the like, of which ESC was read. */
static void
escape_key(struct edit *e, const struct sov_line *l)
{
    unsigned char c = 0;
    int arg[2] = { 0, 0 };
    int n = 0;

    if (!get_more(&c) || (c != '[' && c != 'O') || !get_more(&c))
        return;
    while ((c >= '0' && c <= '9') || c == ';') {
        if (c == ';')
            n = 1;
        else if (arg[n] < 1000)
            arg[n] = arg[n] * 10 + (c - '0');
        if (!get_more(&c))
            return;
    }
    if (c != '~')
        move_by_key(e, l, c, arg[1] == 5 || arg[1] == 3);
    else if (arg[0] == 200 || arg[0] == 201)
        e->pasting = arg[0] == 200;
    else if (arg[0] == 1 || arg[0] == 7)
        e->at = 0;
    else if (arg[0] == 4 || arg[0] == 8)
        e->at = e->len;
    else if (arg[0] == 3)
        cut(e, e->at, after(e, e->at));
}

/* A character, of which the first byte was read. */
static void
text_key(struct edit *e, unsigned char c)
{
    char p[5] = { (char)c };
    char shown[32];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < n; i++) {
        unsigned char more;

        if (!get_more(&more) || (more & 0xc0) != 0x80)
            return;
        p[i] = (char)more;
    }
    /* what would be shown as \xHH is not text */
    if (strcmp(sov_text_escape(shown, sizeof(shown), p), p) == 0)
        insert(e, p, n);
}

static void
suspend(struct edit *e, const struct termios *cooked, const struct termios *raw)
{
    draw(e, true);
    tcsetattr(STDIN_FILENO, TCSANOW, cooked);
    raise(SIGTSTP);
    tcsetattr(STDIN_FILENO, TCSANOW, raw);
    e->row = 0;
}

/* A key that changes the line; false if it ends it. */
static bool
edit_key(struct edit *e, const struct sov_line *l, unsigned char c)
{
    switch (c) {
    case '\r':
    case '\n':
        if (e->at > 0 && e->text[e->at - 1] == '\\' && !e->pasting)
            cut(e, e->at - 1, e->at);
        else if (!e->pasting)
            return false;
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
        put("\x1b[H\x1b[2J", 7);
        e->row = 0;
        break;
    case '\t':
        insert(e, "    ", 4);
        break;
    case 0x1b:
        escape_key(e, l);
        break;
    default:
        if (c >= 0x20)
            text_key(e, c);
        break;
    }
    return true;
}

static bool
more_waits(void)
{
    struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

/* Keys up to the end of a line: 1; 0 for the end of input. */
static int
edit(struct edit *e, const struct sov_line *l, const struct termios *cooked,
     const struct termios *raw)
{
    for (;;) {
        unsigned char c;
        int got;

        if (!more_waits() || resized) {
            resized = 0;
            draw(e, false);
        }
        got = get(&c);
        if (got < 0)
            continue;
        if (got == 0 || (c == KEY('D') && e->len == 0)) {
            draw(e, true);
            return 0;
        }
        if (c == KEY('C')) {
            e->at = e->len;
            draw(e, true);
            replace(e, "");
            return 1;
        }
        if (c == KEY('Z'))
            suspend(e, cooked, raw);
        else if (!edit_key(e, l, c)) {
            e->at = e->len;
            draw(e, true);
            return 1;
        }
        if (e->gone)
            return 0;
    }
}

/* ---- the terminal around it */

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

static struct termios
raw_of(const struct termios *cooked)
{
    struct termios raw = *cooked;

    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return raw;
}

int
sov_line_read(struct sov_line *l, const char *prompt, char **text,
              struct sov_err *err)
{
    struct edit e = { .prompt = prompt, .past = l->n_past };
    struct sigaction sa = { .sa_handler = on_resize }, old;
    struct termios cooked, raw;
    int rc;

    *text = NULL;
    if (!room(&e, 0))
        return sov_fail(err, SOV_EMEM, "out of memory");
    e.text[0] = '\0';
    if (tcgetattr(STDIN_FILENO, &cooked) < 0) {
        free(e.text);
        return sov_fail_sys(err, SOV_WHERE_ANY, "the terminal");
    }
    raw = raw_of(&cooked);
    sigemptyset(&sa.sa_mask); /* without SA_RESTART, so that read() ends */
    sigaction(SIGWINCH, &sa, &old);
    sov_guard_terminal(STDIN_FILENO, &cooked);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    put("\x1b[?2004h", 8); /* say what is pasted */
    rc = edit(&e, l, &cooked, &raw);
    put("\x1b[?2004l", 8);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
    sov_guard_terminal(-1, NULL);
    sigaction(SIGWINCH, &old, NULL);
    free(e.own);
    if (rc == 1)
        remember(l, e.text);
    if (rc == 1)
        *text = e.text;
    else
        free(e.text);
    return e.gone ? sov_fail(err, SOV_EMEM, "out of memory") : rc;
}

void
sov_line_quiet(struct sov_line *l, bool quiet)
{
    struct termios now;

    if (quiet && tcgetattr(STDIN_FILENO, &l->before) == 0) {
        now = l->before;
        now.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        now.c_cc[VMIN] = 1;
        now.c_cc[VTIME] = 0;
        sov_guard_terminal(STDIN_FILENO, &l->before);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
        l->quiet = true;
    } else if (!quiet && l->quiet) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &l->before);
        sov_guard_terminal(-1, NULL);
        l->quiet = false;
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
