/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty.c - a program on a terminal of its own, and somebody who types
 *
 *   pty COMMAND [ARGUMENT...] < script
 *
 * A line of the script is one of
 *
 *   send TEXT     type TEXT; \r \n \t \e \\ and \xHH are bytes
 *   wait TEXT     until TEXT has been shown since the last wait; 2 min at most
 *   size COLUMNS  the terminal has another width from here on
 *   signal N      signal number N to the program
 *   sleep N       seconds in which only the program does something
 *
 * All that the program shows goes to standard output.  Exit status: that of
 * the program, 128+n for a signal, 99 if a wait was in vain, and 98 if the
 * terminal was not left as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_MAX (1 << 20)
#define PATIENCE  120 /* seconds */

static int master;
static pid_t child;
static char shown[SHOWN_MAX + 1];
static size_t n_shown;
static size_t waited; /* what was looked at already */

static void
die(const char *what)
{
    perror(what);
    exit(97);
}

static void
open_terminal(char *name, size_t size)
{
    struct winsize w = { .ws_row = 24, .ws_col = 80 };

    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
        ptsname_r(master, name, size) != 0)
        die("pty");
    ioctl(master, TIOCSWINSZ, &w);
}

static pid_t
start(const char *name, char **argv)
{
    pid_t pid = fork();
    int fd;

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    setsid();
    fd = open(name, O_RDWR);
    if (fd < 0)
        die(name);
    ioctl(fd, TIOCSCTTY, 0);
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
    close(master);
    execvp(argv[0], argv);
    die(argv[0]);
    return -1;
}

/* What is shown within ms; 0 when the program has gone. */
static int
look(int ms)
{
    struct pollfd p = { .fd = master, .events = POLLIN };
    ssize_t n;

    if (poll(&p, 1, ms) <= 0)
        return 1;
    n = read(master, shown + n_shown, SHOWN_MAX - n_shown);
    if (n <= 0)
        return 0;
    fwrite(shown + n_shown, 1, (size_t)n, stdout);
    n_shown += (size_t)n;
    return 1;
}

static void
await(const char *text)
{
    time_t end = time(NULL) + PATIENCE;

    for (;;) {
        char *p = memmem(shown + waited, n_shown - waited, text, strlen(text));

        if (p != NULL) {
            waited = (size_t)(p - shown) + strlen(text);
            return;
        }
        if (time(NULL) > end || !look(200)) {
            fflush(stdout);
            fprintf(stderr, "pty: waited in vain for: %s\n", text);
            exit(99);
        }
    }
}

/* \r and the like in place; how many bytes it is then. */
static size_t
unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p != '\0'; p++) {
        char c = *p;
        char hex[3] = "";

        if (c == '\\' && p[1] != '\0') {
            c = *++p;
            if (c == 'x' && p[1] != '\0' && p[2] != '\0') {
                memcpy(hex, p + 1, 2);
                c = (char)strtol(hex, NULL, 16);
                p += 2;
            } else {
                c = c == 'r'   ? '\r'
                    : c == 'n' ? '\n'
                    : c == 't' ? '\t'
                    : c == 'e' ? '\033'
                               : c;
            }
        }
        *to++ = c;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* The terminal takes a few thousand bytes, and more when they were read. */
static void
type(char *text)
{
    size_t n = unescape(text), done = 0;

    while (done < n) {
        struct pollfd p = { .fd = master, .events = POLLOUT };
        ssize_t w = -1;

        if (poll(&p, 1, 200) == 1 && (p.revents & POLLOUT))
            w = write(master, text + done, n - done > 256 ? 256 : n - done);
        if (w > 0)
            done += (size_t)w;
        else if (!look(0))
            return; /* it will be missed by the next wait */
    }
}

static void
obey(char *line)
{
    struct winsize w = { .ws_row = 24 };

    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "send ", 5) == 0) {
        type(line + 5);
    } else if (strncmp(line, "wait ", 5) == 0) {
        unescape(line + 5);
        await(line + 5);
    } else if (strncmp(line, "size ", 5) == 0) {
        w.ws_col = (unsigned short)atoi(line + 5);
        ioctl(master, TIOCSWINSZ, &w);
    } else if (strncmp(line, "sleep ", 6) == 0) {
        for (time_t end = time(NULL) + atoi(line + 6); time(NULL) <= end;)
            look(200);
    } else if (strncmp(line, "signal ", 7) == 0) {
        kill(child, atoi(line + 7));
    }
}

int
main(int argc, char **argv)
{
    char name[128];
    static char line[65536];
    struct termios before, after;
    int status, slave;

    if (argc < 2)
        return 64;
    open_terminal(name, sizeof(name));
    slave = open(name, O_RDWR | O_NOCTTY); /* so that it can be looked at */
    if (slave < 0 || tcgetattr(slave, &before) < 0)
        die(name);
    child = start(name, argv + 1);
    while (fgets(line, sizeof(line), stdin) != NULL)
        obey(line);
    for (int i = 0; i < 10 * PATIENCE; i++) {
        look(100);
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        if (i + 1 == 10 * PATIENCE) {
            kill(child, SIGKILL);
            return 99;
        }
    }
    while (look(0) && n_shown < SHOWN_MAX) {
        struct pollfd p = { .fd = master, .events = POLLIN };

        if (poll(&p, 1, 0) <= 0)
            break;
    }
    if (tcgetattr(slave, &after) < 0 || after.c_lflag != before.c_lflag ||
        after.c_iflag != before.c_iflag || after.c_oflag != before.c_oflag)
        return 98;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
