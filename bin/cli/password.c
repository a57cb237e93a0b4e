/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password.c - the password of a secret key: from a file, or the terminal
 *
 * The terminal is /dev/tty, so that standard input and output may be pipes.
 * Bytes are read one by one into the caller's buffer: no copy is left in one
 * of stdio's.
 */
#include "cli/password.h"

#include "cli/guard.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#define ATTEMPTS 3

const char *sov_password_file;

/* One line without its end; 1 if there was one, 0 at the end of input. */
static int
read_line(int fd, const char *name, char *buf, size_t size, struct sov_err *err)
{
    size_t at = 0;

    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY, "%s", name);
        if (n == 0 || c == '\n')
            break;
        if (c == '\0')
            return sov_fail(err, SOV_EDENY, "%s: a password has no NUL bytes",
                            name);
        if (at + 1 >= size)
            return sov_fail(err, SOV_EDENY,
                            "%s: the password is longer than %zu bytes", name,
                            size - 1);
        buf[at++] = c;
    }
    if (at > 0 && buf[at - 1] == '\r')
        at--;
    buf[at] = '\0';
    return at > 0;
}

static int
read_file(char *buf, size_t size, struct sov_err *err)
{
    bool from_stdin = strcmp(sov_password_file, "-") == 0;
    const char *name = from_stdin ? "standard input" : sov_password_file;
    int fd = from_stdin ? STDIN_FILENO
                        : open(sov_password_file, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "--password-file: %s", name);
    rc = read_line(fd, name, buf, size, err);
    if (!from_stdin)
        close(fd);
    if (rc == 0)
        rc = sov_fail(err, SOV_EDENY, "%s: the first line is empty", name);
    return rc < 0 ? rc : 0;
}

static void
say(int fd, const char *text)
{
    ssize_t n = write(fd, text, strlen(text));

    (void)n; /* a terminal that is gone cannot be read either */
}

/* Ask on the terminal, without showing what is typed. */
static int
ask(int tty, const char *question, const char *path, char *buf, size_t size,
    struct sov_err *err)
{
    char line[1200];
    char name[1000];
    struct termios shown, hidden;
    sigset_t stop, old;
    int rc;

    snprintf(line, sizeof(line), "%s %s: ", question,
             sov_text_escape(name, sizeof(name), path));
    sov_progress_clear();
    if (tcgetattr(tty, &shown) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "/dev/tty");
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP); /* the shell would get a mute terminal */
    sigprocmask(SIG_BLOCK, &stop, &old);
    sov_guard_terminal(tty, &shown, NULL);
    tcsetattr(tty, TCSAFLUSH, &hidden);
    say(tty, line);
    rc = read_line(tty, "/dev/tty", buf, size, err);
    tcsetattr(tty, TCSAFLUSH, &shown);
    sov_guard_terminal(-1, NULL, NULL);
    say(tty, "\n");
    sigprocmask(SIG_SETMASK, &old, NULL);
    return rc;
}

/* From here on nothing of the process goes into a core file, and no other
 * process of this user can look into it. */
static void
be_discreet(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int
sov_password_ask(void *arg, const char *path, int attempt, char *buf,
                 size_t size, struct sov_err *err)
{
    int tty;
    int rc;

    (void)arg;
    be_discreet();
    if (attempt > (sov_password_file != NULL ? 1 : ATTEMPTS))
        return sov_fail(err, SOV_EDENY, "%s: wrong password", path);
    if (sov_password_file != NULL)
        return read_file(buf, size, err);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return sov_fail(err, SOV_EDENY,
                        "%s has a password, and there is no terminal to ask "
                        "for it; give --password-file",
                        path);
    rc = ask(tty, attempt > 1 ? "Wrong.  Password of" : "Password of", path,
             buf, size, err);
    close(tty);
    return rc < 0 ? rc : 0;
}

int
sov_password_new(const char *path, char *buf, size_t size, struct sov_err *err)
{
    char again[SOV_PASSWORD_MAX];
    int tty;
    int rc;

    be_discreet();
    if (sov_password_file != NULL)
        return read_file(buf, size, err);
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return sov_fail(err, SOV_EARG,
                        "there is no terminal to ask for a password; give "
                        "--password-file or --no-password");
    rc = ask(tty, "Password for", path, buf, size, err);
    if (rc == 0)
        rc = sov_fail(err, SOV_EDENY,
                      "no password was typed; --no-password makes a key "
                      "without one");
    if (rc > 0)
        rc = ask(tty, "Once more, for", path, again, sizeof(again), err);
    if (rc >= 0 && strcmp(buf, again) != 0)
        rc = sov_fail(err, SOV_EDENY, "the two passwords differ");
    explicit_bzero(again, sizeof(again));
    close(tty);
    return rc < 0 ? rc : 0;
}
