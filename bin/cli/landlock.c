/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock.c - rights to the file system and the network, given up
 *
 * The numbers are those of the kernel's interface, linux/landlock.h; they
 * stand here since a C library is often older than the kernel that it runs on.
 * Rights that a kernel does not know yet are left out (level says which it
 * does).
 */
#include "cli/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

#define ASK_LEVEL    1u
#define PATH_BENEATH 1

enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_CHAR = 1 << 6,
    MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8,
    MAKE_SOCK = 1 << 9,
    MAKE_FIFO = 1 << 10,
    MAKE_BLOCK = 1 << 11,
    MAKE_SYM = 1 << 12,
    REFER = 1 << 13,
    TRUNCATE = 1 << 14,
};

#define CHANGES                                                              \
    (EXECUTE | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_CHAR | MAKE_DIR | \
     MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM)

/* What an output needs in its folder. */
#define OUTPUT \
    (WRITE_FILE | REMOVE_FILE | REMOVE_DIR | MAKE_REG | MAKE_DIR | REFER | TRUNCATE)

struct ruleset {
    uint64_t fs;
    uint64_t net;    /* from level 4 on */
    uint64_t scoped; /* from level 6 on */
};

struct beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

int
sov_landlock_level(void)
{
    long level =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_LEVEL);

    return level > 0 && level < INT_MAX ? (int)level : 0;
}

static int
allow(int rules, const char *path, uint64_t rights)
{
    struct beneath rule = { .allowed = rights };
    int rc;

    rule.fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.fd < 0)
        return 0; /* who wants to write there will hear of it */
    rc = (int)syscall(SYS_landlock_add_rule, rules, PATH_BENEATH, &rule, 0u);
    close(rule.fd);
    return rc;
}

/* The folder of a path, or the device or fifo that it is. */
static int
allow_output(int rules, const char *path, uint64_t known)
{
    char dir[PATH_MAX];
    char *real = realpath(path, NULL);
    const char *name = real != NULL ? real : path;
    const char *slash = strrchr(name, '/');
    struct stat st;
    int rc;

    if (strlen(name) >= sizeof(dir)) {
        free(real);
        return 0; /* no such file can be made */
    }
    strcpy(dir, slash != NULL ? name : ".");
    if (slash != NULL)
        dir[slash > name ? slash - name : 1] = '\0';
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        rc = allow(rules, path, (WRITE_FILE | TRUNCATE) & known);
    else
        rc = allow(rules, dir, OUTPUT & known);
    free(real);
    return rc;
}

int
sov_landlock(const char *const *outputs, size_t n, const char *tmpdir)
{
    int level = sov_landlock_level();
    struct ruleset set = { .fs = CHANGES };
    size_t size = sizeof(set.fs);
    int rules;
    int rc;

    if (level == 0) {
        errno = ENOSYS;
        return -1;
    }
    if (level >= 2)
        set.fs |= REFER;
    if (level >= 3)
        set.fs |= TRUNCATE;
    if (level >= 4) {
        set.net = 3; /* bind and connect */
        size += sizeof(set.net);
    }
    if (level >= 6) {
        set.scoped = 3; /* abstract sockets and signals */
        size = sizeof(set);
    }
    rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0u);
    if (rules < 0)
        return -1;
    rc = allow(rules, tmpdir, OUTPUT & set.fs);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = allow_output(rules, outputs[i], set.fs);
    if (rc == 0)
        rc = allow(rules, "/dev/null", WRITE_FILE & set.fs);
    if (rc == 0)
        rc = allow(rules, "/dev/tty", WRITE_FILE & set.fs);
    if (rc == 0)
        rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (rc == 0)
        rc = (int)syscall(SYS_landlock_restrict_self, rules, 0u);
    close(rules);
    return rc;
}
