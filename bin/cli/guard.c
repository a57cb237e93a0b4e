/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - streams and signals, before anything else happens
 *
 * Handlers call only what POSIX allows in a handler; sov_sink_cleanup()
 * promises the same.  A signal that was ignored when the program started
 * (nohup, cron) stays ignored.
 */
#include "cli/guard.h"

#include "sov/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STATUS_PIPE 141 /* 128 + SIGPIPE */
#define STATUS_IO   74  /* EX_IOERR */

volatile sig_atomic_t sov_guard_asked;
volatile sig_atomic_t sov_guard_stopped;

static const char *tool_name = "sov";
static const char *volatile last_words;
static volatile sig_atomic_t terminal = -1;
static struct termios terminal_state;
static const char *terminal_undo;

/*
 * A missing descriptor 0 or 1 is filled with a null device turned the wrong
 * way round: reading or writing it fails, as it would have, instead of giving
 * an empty input or swallowing the output.
 */
void
sov_guard_streams(void)
{
    static const int mode[3] = { O_WRONLY, O_RDONLY, O_RDWR };

    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", mode[fd]) < 0)
                _exit(STATUS_IO);
}

static void
put(int fd, const char *text)
{
    ssize_t n = write(fd, text, strlen(text));

    (void)n; /* there is nobody left to tell */
}

static void
say(const char *text)
{
    put(STDERR_FILENO, text);
}

static void
restore_terminal(void)
{
    if (terminal < 0)
        return;
    if (terminal_undo != NULL)
        put(STDOUT_FILENO, terminal_undo);
    tcsetattr((int)terminal, TCSANOW, &terminal_state);
}

static void
die_of(int sig)
{
    sov_sink_cleanup();
    restore_terminal();
    if (last_words != NULL)
        say(last_words);
    signal(sig, SIG_DFL);
    raise(sig); /* blocked here; delivered when the handler returns */
}

/* A mapped file was cut short by somebody else. */
static void
on_bus_error(int sig, siginfo_t *info, void *context)
{
    (void)context;
    sov_sink_cleanup();
    restore_terminal();
    if (info->si_code == BUS_ADRERR) {
        say(tool_name);
        say(": an input changed while it was being read\n");
        _exit(STATUS_IO);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static void
on_question(int sig)
{
    (void)sig;
    sov_guard_asked = 1;
}

static void
on_stop(int sig)
{
    if (sov_guard_stopped)
        die_of(sig);
    sov_guard_stopped = 1;
}

static void
catch_unless_ignored(int sig, void (*handler)(int))
{
    struct sigaction old;
    struct sigaction sa;

    if (sigaction(sig, NULL, &old) != 0 || old.sa_handler == SIG_IGN)
        return;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = handler;
    sa.sa_flags = SA_RESTART;
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

void
sov_guard_signals(const char *name)
{
    struct sigaction sa;

    tool_name = name;
    catch_unless_ignored(SIGINT, die_of);
    catch_unless_ignored(SIGTERM, die_of);
    catch_unless_ignored(SIGHUP, die_of);
    catch_unless_ignored(SIGQUIT, die_of);
    catch_unless_ignored(SIGPIPE, die_of);
    catch_unless_ignored(SIGUSR1, on_question);
    signal(SIGXFSZ, SIG_IGN); /* so that write() says EFBIG */

    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = on_bus_error;
    sa.sa_flags = SA_SIGINFO;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGBUS, &sa, NULL);
}

void
sov_guard_stop(bool on)
{
    catch_unless_ignored(SIGINT, on ? on_stop : die_of);
    catch_unless_ignored(SIGTERM, on ? on_stop : die_of);
    catch_unless_ignored(SIGHUP, on ? on_stop : die_of);
}

void
sov_guard_last_words(const char *line)
{
    last_words = line;
}

void
sov_guard_terminal(int fd, const struct termios *saved, const char *undo)
{
    terminal = -1;
    if (fd < 0)
        return;
    terminal_state = *saved;
    terminal_undo = undo;
    terminal = fd;
}

void
sov_guard_die_of_pipe(void)
{
    sov_sink_cleanup();
    restore_terminal();
    _exit(STATUS_PIPE);
}
