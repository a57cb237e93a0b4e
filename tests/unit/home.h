/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - a folder of its own for each test, to look like / of a machine
 *
 *     tcase_add_checked_fixture(tc, home_make, home_remove);
 *     home_put("proc/self/cgroup", "0::/a\n");
 */
#ifndef SOV_TESTS_UNIT_HOME_H
#define SOV_TESTS_UNIT_HOME_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char home[24];

static inline void
home_make(void)
{
    strcpy(home, "unit-home.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
}

static inline void
home_remove(void)
{
    char cmd[64];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", home);
    ck_assert_int_eq(system(cmd), 0);
}

/* A file in it, with the folders it needs. */
static inline void
home_put(const char *file, const char *text)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", home, file);
    for (char *p = path + 1; *p != '\0'; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0777);
            *p = '/';
        }
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

#endif
