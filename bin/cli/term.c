/* SPDX-License-Identifier: Apache-2.0 */
/*
 * term.c - a terminal that gives each key at once, and is given back as it was
 *
 * Who stops the program (Ctrl-Z, kill -TSTP) finds the terminal as it was, and
 * who lets it go on gives it back.  guard.c restores it where the program dies
 * of a signal.
 *
 * A handler may run on any thread, and just before somebody waits: it writes
 * to a pipe, at which whoever waits for keys looks too.
 */
#include "cli/term.h"

#include "cli/draw.h"
#include "cli/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

volatile sig_atomic_t sov_term_changed;
volatile sig_atomic_t sov_term_interrupt;

static struct termios before; /* what sov_term_open() found */
static struct termios now;
static volatile sig_atomic_t is_open;
static bool is_plain;
static struct sigaction old_int;
static int wake[2] = { -1, -1 };

/* Say what is pasted; and do not, and no dim letters any more. */
static const char paste_on[] = "\x1b[?2004h";
static const char paste_off[] = "\x1b[0m\x1b[?2004l";

static void
take(void)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
    sov_draw_put(paste_on, sizeof(paste_on) - 1);
}

static void
give_back(void)
{
    sov_draw_put(paste_off, sizeof(paste_off) - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void
on_change(int sig)
{
    int saved = errno;

    if (sig == SIGINT)
        sov_term_interrupt = 1;
    else
        sov_term_changed = 1;
    if (sig == SIGCONT && is_open && !is_plain)
        take();
    if (write(wake[1], "", 1) < 0)
        errno = 0; /* it is full, and wakes as well */
    errno = saved;
}

static void handle(int sig, void (*handler)(int), int flags);

static void
on_stop(int sig)
{
    int saved = errno;
    sigset_t set;

    give_back();
    signal(sig, SIG_DFL);
    raise(sig);
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* it stops here */
    handle(sig, on_stop, SA_RESTART);
    on_change(SIGCONT);
    errno = saved;
}

static void
handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction sa = { .sa_handler = handler };

    sa.sa_flags = flags;
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

static bool
knows_escapes(void)
{
    const char *term = getenv("TERM");

    return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

int
sov_term_open(bool *plain, struct sov_err *err)
{
    if (tcgetattr(STDIN_FILENO, &before) < 0 || pipe(wake) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "the terminal");
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    }
    *plain = is_plain = !knows_escapes();
    sov_term_interrupt = 0;
    /* without SA_RESTART, so that reading a key ends */
    sigaction(SIGINT, NULL, &old_int);
    handle(SIGINT, on_change, 0);
    is_open = 1;
    if (is_plain)
        return 0;
    now = before;
    now.c_iflag &=
        ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    now.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    now.c_lflag |= NOFLSH; /* a signal leaves what was typed */
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    sov_guard_terminal(STDIN_FILENO, &before, paste_off);
    handle(SIGWINCH, on_change, SA_RESTART);
    handle(SIGCONT, on_change, SA_RESTART);
    handle(SIGTSTP, on_stop, SA_RESTART);
    take();
    return 0;
}

void
sov_term_close(void)
{
    if (!is_open)
        return;
    is_open = 0;
    sigaction(SIGINT, &old_int, NULL);
    if (!is_plain) {
        handle(SIGWINCH, SIG_DFL, 0);
        handle(SIGCONT, SIG_DFL, 0);
        handle(SIGTSTP, SIG_DFL, 0);
        give_back();
        sov_guard_terminal(-1, NULL, NULL);
    }
    for (int i = 0; i < 2; i++) {
        close(wake[i]);
        wake[i] = -1;
    }
}

int
sov_term_wait(int ms)
{
    struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                           { .fd = wake[0], .events = POLLIN } };
    char bytes[64];
    int n;

    do
        n = poll(p, 2, ms);
    while (n < 0 && errno == EINTR);
    if (n > 0 && (p[1].revents & POLLIN) != 0 &&
        read(wake[0], bytes, sizeof(bytes)) > 0)
        return -1;
    return n > 0;
}

void
sov_term_signals(bool on)
{
    if (!is_open || is_plain)
        return;
    if (on)
        now.c_lflag |= ISIG;
    else
        now.c_lflag &= ~(tcflag_t)ISIG;
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
}
