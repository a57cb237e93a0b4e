/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leftover.c - is a word still in the memory of a program that has answered?
 *
 *   leftover WORD COMMAND [ARGUMENT...] < lines
 *
 * Each line is given to the program when the one before has been answered by a
 * line.  Whenever one was, all of the program's memory that is no file's is
 * searched for the word, and for the beginning of the answer's "text".  What is
 * found is told, with the number of the line.  Exit status: 0 nothing was, 1
 * something was, 77 the system does not let us look, 99 anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE (1 << 20)
#define SAID  12 /* bytes of an answer's text */

static pid_t child;
static int memory;

static void
die(const char *what)
{
    perror(what);
    exit(99);
}

static void
start(char **argv, FILE **to, FILE **from)
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        die("pipe");
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    close(in[0]);
    close(out[1]);
    *to = fdopen(in[1], "w");
    *from = fdopen(out[0], "r");
    if (*to == NULL || *from == NULL)
        die("fdopen");
}

static void
open_memory(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)child);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory < 0) {
        perror(path);
        exit(77);
    }
}

/* How often word is in memory from begin to end. */
static size_t
count(uint64_t begin, uint64_t end, const char *word, size_t len)
{
    static unsigned char buf[PIECE];
    size_t held = 0, found = 0;

    while (begin < end) {
        size_t n =
            end - begin < PIECE - held ? (size_t)(end - begin) : PIECE - held;
        ssize_t got = pread(memory, buf + held, n, (off_t)begin);
        unsigned char *p = buf;
        size_t left;

        if (got <= 0)
            return found; /* nobody can read that */
        left = held + (size_t)got;
        for (; (p = memmem(p, left, word, len)) != NULL; p++, left--) {
            found++;
            left = (size_t)(buf + held + got - p);
        }
        left = held + (size_t)got;
        held = left < len - 1 ? left : len - 1;
        memmove(buf, buf + left - held, held);
        begin += (uint64_t)got;
    }
    return found;
}

/* In all that is no file's. */
static size_t
search(const char *word, size_t len)
{
    char path[64], line[4352];
    size_t found = 0;
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
    maps = fopen(path, "r");
    if (maps == NULL)
        die(path);
    while (fgets(line, sizeof(line), maps) != NULL) {
        uint64_t begin, end;
        char rights[8], name[8] = "";
        size_t n;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %7s", &begin,
                   &end, rights, name) < 3 ||
            rights[0] != 'r' || name[0] == '/')
            continue;
        n = count(begin, end, word, len);
        if (n > 0)
            printf("  %zu times in %s", n, line);
        found += n;
    }
    fclose(maps);
    return found;
}

/* The beginning of a text in an answer, as far as nothing is escaped. */
static size_t
said(const char *answer, char word[SAID + 1])
{
    const char *p = strstr(answer, "\"text\":\"");
    size_t n = p != NULL ? strcspn(p + 8, "\"\\") : 0;

    if (n < SAID)
        return 0;
    memcpy(word, p + 8, SAID);
    word[SAID] = '\0';
    return SAID;
}

int
main(int argc, char **argv)
{
    const struct timespec moment = { .tv_nsec = 200000000 };
    char *line = NULL, *answer = NULL, text[SAID + 1];
    size_t cap = 0, cap_answer = 0, found = 0;
    FILE *to, *from;
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: leftover WORD COMMAND [ARGUMENT...]\n");
        return 99;
    }
    start(argv + 2, &to, &from);
    for (int i = 1; getline(&line, &cap, stdin) > 0; i++) {
        size_t n;

        if (fputs(line, to) == EOF || fflush(to) == EOF ||
            getline(&answer, &cap_answer, from) <= 0)
            die("no answer");
        if (memory == 0)
            open_memory();
        nanosleep(&moment, NULL); /* it may still be tidying up */
        n = search(argv[1], strlen(argv[1]));
        if (said(answer, text) > 0)
            n += search(text, SAID);
        if (n > 0)
            printf("line %d: %zu times\n", i, n);
        found += n;
    }
    fclose(to);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("wait");
    return found > 0;
}
